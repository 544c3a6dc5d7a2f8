//! Everything in a text that names a person, a number, a time or a sum; and blanking it.

use jiff::Timestamp;

use crate::address::addresses;
use crate::digits::{Run, digit_of, runs};
use crate::heard::is_at;
use crate::interpretation::When;
use crate::{name, phone, when};

/// One thing found in a text. Positions count Unicode characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Normalised: digits as digits, names as they are.
    pub value: String,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

/// What a text names, each in the order of the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entities {
    /// Telephone numbers.
    pub phones: Vec<Entity>,
    /// Identity numbers of 18 characters.
    pub ids: Vec<Entity>,
    /// Number plates.
    pub plates: Vec<Entity>,
    /// Times, against the given moment.
    pub times: Vec<(Entity, When)>,
    /// Sums of money.
    pub amounts: Vec<Entity>,
    /// Names of persons.
    pub names: Vec<Entity>,
}

/// One-character names of the provinces, as plates bear them.
const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
/// How the last place of an identity number is said where it is no digit.
const LETTER_X: [&str; 7] = ["x", "X", "×", "叉", "艾克斯", "爱克斯", "埃克斯"];
/// What may stand between a plate's letters and its digits when it is spoken.
const PLATE_GAPS: &str = "，, ·的后面是牌";
/// Characters of a plate after the province: a letter and five or six more.
const PLATE: std::ops::RangeInclusive<usize> = 6..=7;
/// Units that make a number a sum.
const MONEY: [&str; 8] = ["块钱", "万元", "亿元", "元", "块", "毛钱", "万块", "千块"];

/// Finds everything in a text; times count from `at`. A number that is said twice is one.
pub fn entities(text: &str, at: Timestamp) -> Entities {
    let mut found = mentioned(text, at);
    let mut known: Vec<String> = Vec::new();
    found.phones.retain(|phone| {
        let new = !known.contains(&phone.value);
        known.push(phone.value.clone());
        new
    });
    found
}

/// Everything that is mentioned in a text, as often as it is.
fn mentioned(text: &str, at: Timestamp) -> Entities {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Entities { plates: plates(&chars), ..Entities::default() };
    let mut spoken: Vec<Run> = runs(&chars).into_iter().flat_map(apart).collect();
    spoken.retain(|run| {
        !found.plates.iter().any(|plate| run.start() < plate.end && plate.start < run.end())
    });
    spoken.retain(|run| {
        let digits = run.text();
        let (start, mut end) = (run.start(), run.end());
        // The last one may be an X, however it is said.
        let letter = LETTER_X.iter().find(|x| digits.len() == 17 && is_at(&chars, end, x));
        // The year of birth stands in the middle: a phone number said twice is as long.
        let born = matches!(digits.get(6..8), Some("19" | "20"));
        let id = born && matches!(digits.len(), 17 | 18);
        if id {
            end += letter.map_or(0, |x| x.chars().count());
            let value = if letter.is_some() { digits + "X" } else { digits };
            found.ids.push(Entity { value, start, end });
        }
        !id
    });
    let numbers = phone::numbers(&chars, &spoken).into_iter();
    found.phones = numbers.map(|(value, start, end)| Entity { value, start, end }).collect();
    found.amounts = amounts(&chars);
    found.times = when::all(&chars, at)
        .into_iter()
        .map(|(start, end, when)| (Entity { value: when.text.clone(), start, end }, when))
        .collect();
    found.names = name::persons(&chars)
        .into_iter()
        .map(|(start, end)| Entity { value: chars[start..end].iter().collect(), start, end })
        .collect();
    found
}

/// The numbers of a run, where a whole one stands beside another: a phone number, an identity number.
fn apart(run: Run) -> Vec<Run> {
    // An identity number said in groups is one.
    if matches!(run.digits.len(), 17 | 18) {
        return vec![run];
    }
    let text = run.text();
    let mut parts = vec![Run::default()];
    let mut at = 0;
    for length in &run.groups {
        let group = &text[at..at + length];
        let born = matches!(group.get(6..8), Some("19" | "20"));
        let whole = phone::is_mobile(group) || (matches!(length, 17 | 18) && born);
        if whole && parts.last().is_some_and(|part| !part.groups.is_empty()) {
            parts.push(Run::default());
        }
        if let Some(part) = parts.last_mut() {
            part.digits.extend(&run.digits[at..at + length]);
            part.groups.push(*length);
        }
        at += length;
        if whole {
            parts.push(Run::default());
        }
    }
    parts.retain(|part| !part.groups.is_empty());
    parts
}

/// Which characters of a text belong to names, numbers and addresses.
pub fn blanks(text: &str) -> Vec<bool> {
    let chars: Vec<char> = text.chars().collect();
    let mut blank = vec![false; chars.len()];
    let mut cover =
        |start: usize, end: usize| blank[start.min(chars.len())..end.min(chars.len())].fill(true);
    let found = mentioned(text, Timestamp::UNIX_EPOCH);
    for entity in found.phones.iter().chain(&found.ids).chain(&found.plates).chain(&found.names) {
        cover(entity.start, entity.end);
    }
    for name in &found.names {
        let (start, end) = name::as_called(&chars, name.start, name.end);
        cover(start, end);
        // A whole name is one wherever it stands again: 你就说高兴找他，我叫高兴.
        let whole = name.end - name.start > 1;
        let again = |at: &usize| whole && is_at(&chars, *at, &name.value);
        (0..chars.len()).filter(again).for_each(|at| cover(at, at + name.end - name.start));
    }
    let spoken = runs(&chars);
    // Four digits or more in one breath are a number that somebody could be found by.
    for run in spoken.iter().filter(|run| run.digits.len() >= 4) {
        let before = run.start().checked_sub(1).map(|at| chars[at]);
        let paid = before.is_some_and(|ch| "退缴付交收扣罚涨价金费款钱共".contains(ch));
        let after = chars.get(run.end()..).unwrap_or_default();
        // 9:00—17:00, and 13800.56元.
        let clock = matches!(chars[..run.start()], [.., hour, ':' | '：'] if hour.is_ascii_digit())
            && run.digits.len() == 4;
        let decimal = chars[run.start()..run.end()].contains(&'.') && is_counted(after);
        let sum = run.digits.len() <= if decimal { 7 } else { 5 } && (paid || decimal);
        // G1024次.
        let train = before.is_some_and(|ch| ch.is_ascii_alphabetic()) && after.starts_with(&['次']);
        if !sum
            && !train
            && !clock
            && !is_public(&run.text(), after)
            && !phone::is_of_a_thing(&chars, run)
        {
            cover(run.start(), run.end());
        }
    }
    for (start, end) in addresses(&chars) {
        cover(start, end);
    }
    // What was said wrong at first is a part of the number beside it, and so is its extension.
    for (start, end) in found.phones.iter().chain(&found.ids).map(|e| (e.start, e.end)) {
        for run in spoken.iter().filter(|run| run.digits.len() >= 2) {
            let (from, to) =
                if run.end() <= start { (run.end(), start) } else { (end, run.start()) };
            let between = chars.get(from..to).unwrap_or_default();
            let extends = between.iter().filter(|ch| ch.is_alphanumeric()).eq(['转'].iter());
            if from <= to && (extends || phone::takes_back(&chars, from, to)) {
                blank[run.start().min(start)..run.end().max(end)].fill(true);
            }
        }
    }
    blank
}

/// Whether everybody may know a number: a year, or a hotline such as 12345.
fn is_public(digits: &str, after: &[char]) -> bool {
    let hotline = match digits.len() {
        5 => ["123", "100", "955", "96"].iter().any(|h| digits.starts_with(h)),
        6 => digits.starts_with("96"),
        // A firm's.
        10 => ["400", "800"].iter().any(|h| digits.starts_with(h)),
        _ => false,
    };
    hotline || (digits.len() <= 6 && is_counted(after))
}

/// Whether what follows a number makes it an amount or a year.
fn is_counted(after: &[char]) -> bool {
    after.first().is_some_and(|next| "年元块吨米度万克户".contains(*next))
}

/// The text with names, numbers and addresses blanked; what is left tells what happened, not to whom.
pub fn redact(text: &str) -> String {
    let blank = blanks(text);
    let mut out = String::new();
    for (at, ch) in text.chars().enumerate() {
        match (blank[at], at > 0 && blank[at - 1]) {
            (false, _) => out.push(ch),
            (true, false) => out.push_str("***"),
            (true, true) => {}
        }
    }
    out
}

fn plates(chars: &[char]) -> Vec<Entity> {
    let mut found = Vec::new();
    for start in 0..chars.len() {
        if !PROVINCES.contains(chars[start])
            || !chars.get(start + 1).is_some_and(char::is_ascii_alphabetic)
        {
            continue;
        }
        let mut value = String::from(chars[start]);
        let mut end = start + 1;
        for (at, ch) in chars.iter().enumerate().skip(start + 1) {
            match digit_of(*ch) {
                Some(digit) => value.push(char::from(b'0' + digit)),
                None if ch.is_ascii_alphanumeric() => value.push(ch.to_ascii_uppercase()),
                None if PLATE_GAPS.contains(*ch) => continue,
                None => break,
            }
            end = at + 1;
            if value.chars().count() > *PLATE.end() {
                break;
            }
        }
        if PLATE.contains(&(value.chars().count() - 1)) {
            found.push(Entity { value, start, end });
        }
    }
    found
}

pub(crate) fn is_number(ch: char) -> bool {
    digit_of(ch).is_some() || "十百千万亿半多几".contains(ch) || ch == '.'
}

fn amounts(chars: &[char]) -> Vec<Entity> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let end = (at..chars.len()).find(|i| !is_number(chars[*i])).unwrap_or(chars.len());
        let unit = MONEY.iter().find(|unit| end > at && is_at(chars, end, unit));
        if let Some(unit) =
            unit.filter(|_| digit_of(chars[at]).is_some() || "十百千万几".contains(chars[at]))
        {
            let end = end + unit.chars().count();
            found.push(Entity { value: chars[at..end].iter().collect(), start: at, end });
            at = end;
        } else {
            at = end.max(at + 1);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(entities: &[Entity]) -> Vec<&str> {
        entities.iter().map(|entity| entity.value.as_str()).collect()
    }

    #[test]
    fn what_a_text_names() {
        let at: Timestamp = "2026-03-02T09:00:00+08:00".parse().expect("a moment");
        let text = "我叫李建国，昨天下午三点坐京B五六三八幺，收了我七十二块钱，身份证幺幺零幺零八幺九九零零三零七二三四X，电话幺三八零零幺三八零零零";
        let found = entities(text, at);
        assert_eq!(values(&found.phones), ["13800138000"]);
        assert_eq!(values(&found.ids), ["11010819900307234X"]);
        assert_eq!(values(&found.plates), ["京B56381"]);
        assert_eq!(values(&found.amounts), ["七十二块钱"]);
        assert_eq!(values(&found.names), ["李建国"]);
        assert_eq!(found.times[0].0.value, "昨天下午三点");
        let chars: Vec<char> = text.chars().collect();
        let phone = &found.phones[0];
        assert_eq!(
            chars[phone.start..phone.end].iter().collect::<String>(),
            "幺三八零零幺三八零零零"
        );
    }

    #[test]
    fn what_is_blanked_and_what_stays() {
        let rows = [
            ("我叫李建国，电话13800138000", "我叫***，电话***"),
            ("我住明光小区三号楼二单元", "我住***"),
            ("楼下烧烤店油烟太大，已经两个月了", "楼下烧烤店油烟太大，已经两个月了"),
            ("我姓刘，车牌京A12345", "我姓***，车牌***"),
            ("我的工单是用13800138000登记的", "我的工单是用***登记的"),
            ("工单编号2024051703688", "工单编号2024051703688"),
            ("户主住团结巷二十五号后院西屋", "户主住***"),
            ("从解放路往北走", "从解放路往北走"),
            ("找程工，你们的工资没发", "找***，你们的工资没发"),
            ("热线12333每日9:00—17:00有人接", "热线12333每日9:00—17:00有人接"),
            (
                "客服电话400-820-8888打不通，退款13800.56元",
                "客服电话400-820-8888打不通，退款13800.56元",
            ),
            ("小区共有18栋楼、2316户", "小区共有18栋楼、2316户"),
            ("住和平里，七区，二十三号楼", "住***"),
            ("航班CA1831晚点，工号一零三七号的态度好", "航班CA1831晚点，工号一零三七号的态度好"),
            ("你就说高兴找他，我叫高兴", "你就说***找他，我叫***"),
            ("QQ：12345678，密码:123456", "QQ：***，密码:***"),
            ("我的银行卡：6222021234567890123", "我的银行卡：***"),
            ("我交123456的", "我交***的"),
            ("离这儿三公里，十二号楼着火了", "离这儿三公里，***着火了"),
            ("家住天和家园8栋2单元1903", "家住***"),
            ("住户和小区物业因为车位打起来了", "住户和小区物业因为车位打起来了"),
            ("我住西京社区乙区19号楼", "我住***"),
            ("暂住创新路五号宿舍楼四一二", "暂住***"),
            ("三号楼，宿舍没有热水", "***，宿舍没有热水"),
            ("楼上老赵家半夜拖桌子", "楼上***家半夜拖桌子"),
        ];
        for (text, expected) in rows {
            assert_eq!(redact(text), expected, "{text}");
        }
    }
}
