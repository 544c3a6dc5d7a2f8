//! What the words before a number say that it is.

use super::mobile_in;
use crate::digits::Run;

/// Characters before a number that may say what it is.
const LABEL: usize = 12;
/// What is called so in the words before a number that is none to call.
const IDENTITY: [&str; 3] = ["身份证", "证件", "证号"];
/// Numbers of matters, documents and services, and of clerks, who go by them instead of by name.
const THINGS: [&str; 16] = [
    "工单",
    "订单",
    "单号",
    "编号",
    "受理号",
    "发票",
    "信用代码",
    "流水",
    "案号",
    "批号",
    "运单",
    "文号",
    "轮候号",
    "工号",
    "航班",
    "中奖",
];
/// Numbers that somebody or something has, and that nobody is called by.
const OWNED: [&str; 22] = [
    "ID",
    "车牌",
    "卡号",
    "账号",
    "帐号",
    "户号",
    "护照",
    "存单",
    "病历",
    "产权",
    "QQ",
    "群号",
    "合同",
    "代码",
    "保单",
    "学号",
    "表号",
    "税号",
    "取件",
    "验证码",
    "密码",
    "彩票",
];
/// Numbers that somebody is called by.
const CALLED: [&str; 6] = ["电话", "手机", "联系", "打给", "座机", "微信"];

/// Whether what stands before a number says that it is one of something else: 工单编号是…, or LSVAM….
pub(super) fn is_labelled(text: &[char], start: usize) -> bool {
    if start > 0 && text[start - 1].is_ascii_alphabetic() {
        return true;
    }
    let sentence = sentence(text, start);
    let clause = clause(&sentence);
    let last = |text: &str, words: &[&str]| words.iter().filter_map(|word| text.rfind(word)).max();
    last(clause, &THINGS).max(last(clause, &OWNED)) > last(clause, &CALLED)
        || last(&sentence, &IDENTITY) > last(&sentence, &CALLED)
}

/// Whether the words before a number say that it is one of a matter or a document, and not of a person.
pub(crate) fn is_of_a_thing(text: &[char], run: &Run) -> bool {
    // As long as a person's, whatever it is called.
    if run.groups.iter().any(|n| matches!(n, 11 | 17 | 18)) || mobile_in(run).is_some() {
        return false;
    }
    let sentence = sentence(text, run.start());
    let holds = |words: &[&str]| words.iter().any(|word| clause(&sentence).contains(word));
    holds(&THINGS) && !holds(&CALLED)
}

/// The words of a sentence before a number: one that is over names nothing any more.
fn sentence(text: &[char], start: usize) -> String {
    let before: String = text[start.saturating_sub(LABEL)..start].iter().collect();
    before.rsplit(['。', '？', '！', '?', '!']).next().unwrap_or_default().to_owned()
}

/// The last clause of a sentence. But identity numbers are announced from afar.
fn clause(sentence: &str) -> &str {
    let said = sentence.trim_end_matches(['，', ',', ' ', '：', ':']);
    said.rsplit(['，', ',', '；']).next().unwrap_or_default()
}
