//! Names of persons wherever they stand: by what they are made of, and by what stands around them.

use crate::heard::is_at;

use super::characters::{COMPOUND, FAMILIAR, FAMILY, GIVEN, NO_NAMES, SPELT, TELLING};

/// Words after which a name is all but certain; 是, 叫 or a colon may stand between.
const ANNOUNCED: [&str; 42] = [
    "叫",
    "姓名",
    "名字",
    "联系人",
    "户主",
    "投诉人",
    "举报人",
    "反映人",
    "申请人",
    "负责人",
    "法人",
    "法人代表",
    "当事人",
    "受害人",
    "报案人",
    "收件人",
    "寄件人",
    "来电人",
    "租客",
    "租户",
    "业主",
    "机主",
    "车主",
    "死者",
    "伤者",
    "患者",
    "病人",
    "学生",
    "人叫",
    "名叫",
    "姓",
    "签字的是",
    "经办人",
    "承办人",
    "代理人",
    "委托人",
    "被告",
    "原告",
    "被举报人",
    "业务员",
    "推销员",
    "骑手",
];
/// Words beside which a name often stands.
const BESIDE: [&str; 94] = [
    "我是",
    "找",
    "民警",
    "警官",
    "医生",
    "大夫",
    "护士",
    "老师",
    "校长",
    "主任",
    "书记",
    "村长",
    "经理",
    "队长",
    "司机",
    "师傅",
    "房东",
    "老板",
    "老公",
    "老婆",
    "丈夫",
    "妻子",
    "爱人",
    "母亲",
    "父亲",
    "妈妈",
    "爸爸",
    "儿子",
    "女儿",
    "孩子",
    "邻居",
    "同事",
    "同学",
    "朋友",
    "客服",
    "科长",
    "处长",
    "局长",
    "院长",
    "所长",
    "站长",
    "律师",
    "法官",
    "会计",
    "教练",
    "保安",
    "村民",
    "居民",
    "干部",
    "组长",
    "镇长",
    "乡长",
    "县长",
    "区长",
    "市长",
    "家长",
    "男子",
    "女子",
    "老人",
    "顾问",
    "店长",
    "包工头",
    "本人",
    "中介",
    "妈",
    "爸",
    "爷爷",
    "奶奶",
    "老伴",
    "外公",
    "外婆",
    "婆婆",
    "公公",
    "岳母",
    "岳父",
    "媳妇",
    "志愿者",
    "支书",
    "舅子",
    "姐夫",
    "嫂子",
    "我哥",
    "我姐",
    "弟弟",
    "妹妹",
    "老汉儿",
    "楼长",
    "保洁",
    "侄子",
    "外甥",
    "孙子",
    "孙女",
    "网格员",
    "对门",
];
/// Forms of address that stand after a name.
const TITLES: [&str; 38] = [
    "先生", "女士", "小姐", "同志", "师傅", "老师", "经理", "主任", "医生", "大夫", "护士", "阿姨",
    "叔叔", "大爷", "大妈", "大哥", "大姐", "书记", "村长", "警官", "律师", "局长", "院长", "校长",
    "科长", "处长", "队长", "站长", "所长", "老板", "教练", "教授", "法官", "镇长", "乡长", "县长",
    "区长", "会计",
];
/// What makes other words of a title: 班主任, 总经理.
const NO_PERSON: &str = "班总副各本该这那老小女男大新原前现两几每任主";
/// Characters that no given name holds, however it was announced.
const NO_GIVEN: &str =
    "的我是在这住啊呢吧那电了就给和跟说把被有也都不来去个们什么几没很要会能到从对为吗哪谁你他她它";
/// What may stand between an announcement and the name.
const LINKS: [&str; 7] = ["是", "叫", "就是", "叫做", "：", ":", " "];
/// Whom a name at the beginning of a clause may follow: 被, 和, 让.
const BEFORE: &str = "和跟被让由向给替问对是找叫";

/// Characters of given names, by frequency, that need nothing else to speak for them.
const USUAL: usize = 250;

/// Every name of a person: first character, one past the last.
pub(crate) fn persons(text: &[char]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match person_at(text, at) {
            Some(end) => {
                found.push((at, end));
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// What follows a name that opens a clause: 江一帆投诉.
const DOES: [&str; 10] =
    ["投诉", "反映", "报案", "报的案", "身份证", "电话", "手机", "的身份证", "举报", "家在"];
/// Words by which somebody says his whole name, whatever it is made of.
const WHOLE: [&str; 5] = ["我叫", "名叫", "姓名", "名字叫", "媳妇叫"];

/// One past the last character of the name that begins at `at`, if one does.
fn person_at(text: &[char], at: usize) -> Option<usize> {
    if let Some(spelt) = SPELT.split(' ').find(|spelt| is_at(text, at, spelt)) {
        return Some(at + spelt.chars().count());
    }
    if let Some(end) = familiar(text, at).or_else(|| foreign(text, at)) {
        return Some(end);
    }
    let family = family(text, at)?;
    // 班主任水老师 is 水老师.
    if at >= 2 && is_at(text, at - 2, "班主任") {
        return None;
    }
    let given_at = at + family;
    let titled = |end: usize| TITLES.iter().any(|title| is_at(text, end, title));
    if follows(text, at, &ANNOUNCED) {
        let may = |i: &usize| {
            let ch = text[*i];
            ch.is_alphabetic() && !ch.is_ascii() && !NO_GIVEN.contains(ch) && !titled(*i)
        };
        let given = (given_at..text.len().min(given_at + 2)).take_while(may).count();
        // A second character that no name holds belongs to what follows: 叫王强借了我的钱.
        let odd =
            given == 2 && !GIVEN.contains(text[given_at + 1]) && GIVEN.contains(text[given_at]);
        // Who is called 高峰 is a person; what stands after 业主 may be a word.
        let called = follows(text, at, &["叫", "姓名", "名字", "姓"]);
        if (given > 0 && (called || !is_word(text, at))) || follows(text, at, &["姓"]) {
            return Some(given_at + if odd { 1 } else { given });
        }
    }
    let named = |ch: char| GIVEN.contains(ch) && !NO_GIVEN.contains(ch);
    for given in [2, 1, 0] {
        let end = given_at + given;
        if end > text.len() || !text[given_at..end].iter().all(|ch| named(*ch)) {
            continue;
        }
        let telling = text[given_at..end].iter().filter(|ch| TELLING.contains(**ch)).count();
        let word = family == 1 && given > 0 && is_word(text, at);
        if titled(end) && !word && (given > 0 || is_apart(text, at)) {
            return Some(end);
        }
        let beside = follows(text, at, &BESIDE);
        let mine = at > 0 && text[at - 1] == '我';
        let opens =
            at == 0 || !text[at - 1].is_alphanumeric() || BEFORE.contains(text[at - 1]) || mine;
        let does = DOES.iter().any(|word| is_at(text, end, word));
        // A clause of nothing but a name, or one that begins with it.
        let alone = (at == 0 || !text[at - 1].is_alphanumeric())
            && (does || text.get(end).is_none_or(|ch| !ch.is_alphanumeric()));
        let closes = does
            || text.get(end).is_none_or(|ch| {
                !ch.is_alphanumeric()
                    || NO_GIVEN.contains(*ch)
                    || "昨今前后上又还已家".contains(*ch)
            });
        let usual =
            text[given_at..end].iter().all(|ch| GIVEN.chars().take(USUAL).any(|g| g == *ch));
        let enough = match given {
            2 if beside => telling >= 1 || (usual && closes),
            2 if alone => telling >= 1 || usual || family == 2,
            2 => telling == 2 || (telling == 1 && usual),
            1 if alone || (mine && closes) => telling == 1,
            1 => closes && beside,
            _ => false,
        };
        if enough && !word && (beside || (opens && closes)) {
            return Some(end);
        }
    }
    None
}

/// One past 小郭 and 老耿, where nothing makes another word of them: 小孙子, 老胡同.
fn familiar(text: &[char], at: usize) -> Option<usize> {
    let called = "小老".contains(text[at]) && FAMILIAR.contains(*text.get(at + 1)?);
    let word =
        text.get(at + 2).is_some_and(|ch| "子女同醋州牛路车鱼海庄村镇街巷里区".contains(*ch));
    // 大小何种, 最小, 养老.
    let part = at > 0 && "大最微太从太较养敬变衰古多稍".contains(text[at - 1]);
    (called && !word && !part).then_some(at + 2)
}

/// One past a name that is not made as Chinese ones are, where it is said as one: 我叫才让卓玛.
fn foreign(text: &[char], at: usize) -> Option<usize> {
    if !follows(text, at, &WHOLE) || FAMILY.contains(text[at]) {
        return None;
    }
    let may = |ch: &&char| ch.is_alphabetic() && !NO_GIVEN.contains(**ch);
    let length = text[at..].iter().take_while(may).count();
    let ends = text.get(at + length).is_none_or(|ch| !ch.is_alphanumeric());
    ((2..=6).contains(&length) && ends).then_some(at + length)
}

/// Length of the family name at `at`.
fn family(text: &[char], at: usize) -> Option<usize> {
    if COMPOUND.iter().any(|name| is_at(text, at, name)) {
        return Some(2);
    }
    FAMILY.contains(text[at]).then_some(1)
}

/// Whether one of the words stands before `at`, with no more than a link between.
fn follows(text: &[char], at: usize, words: &[&str]) -> bool {
    let before = |end: usize, word: &str| {
        let length = word.chars().count();
        // 老百姓 announces nobody.
        end >= length
            && is_at(text, end - length, word)
            && !(word == "姓" && end > 1 && text[end - 2] == '百')
    };
    let direct = |end: usize| words.iter().any(|word| before(end, word));
    direct(at) || LINKS.iter().any(|link| before(at, link) && direct(at - link.chars().count()))
}

/// Whether a family name alone may stand at `at` before a title.
fn is_apart(text: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).map(|at| text[at]);
    let teacher = at >= 3 && is_at(text, at - 3, "班主任");
    let word = at > 0 && NO_NAMES.split(' ').any(|word| is_at(text, at - 1, word));
    !word
        && !NO_PERSON.contains(text[at])
        && before.is_none_or(|ch| !FAMILY.contains(ch) || ch == '和' || teacher)
}

/// Whether a word that is no name begins at `at`.
fn is_word(text: &[char], at: usize) -> bool {
    NO_NAMES.split(' ').any(|word| is_at(text, at, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_only_looks_like_one() {
        let rows: [(&str, &[&str]); 24] = [
            ("我叫李建国，住三号楼", &["李建国"]),
            ("联系人尹丽诺", &["尹丽诺"]),
            ("户主是任洁月，我是她女儿", &["任洁月"]),
            ("有个叫王强的业务员", &["王强"]),
            ("找林德就行", &["林德"]),
            ("晏芬淑经理说可以退", &["晏芬淑"]),
            ("是张先生收的钱", &["张"]),
            ("欧阳明月女士", &["欧阳明月"]),
            ("民警刘伟来过", &["刘伟"]),
            ("我姓赵", &["赵"]),
            ("王丽萍昨天又来闹", &["王丽萍"]),
            ("咱老百姓关于这个", &[]),
            ("有个叫王老师的收了钱", &["王"]),
            ("班主任让交钱", &[]),
            ("找经理也没用", &[]),
            ("我是高中老师", &[]),
            ("小区停水两天了没人管", &[]),
            ("单位不给交社保", &[]),
            ("高峰时间堵车", &[]),
            ("物业管理公司", &[]),
            ("黄河路和成都路", &[]),
            ("我是业主，房东不退押金", &[]),
            ("想问一下什么时候能办", &[]),
            ("江苏来的游客", &[]),
        ];
        for (text, expected) in rows {
            let text: Vec<char> = text.chars().collect();
            let names: Vec<String> = persons(&text)
                .iter()
                .map(|(start, end)| text[*start..*end].iter().collect())
                .collect();
            assert_eq!(names, expected, "{}", text.iter().collect::<String>());
        }
    }
}
