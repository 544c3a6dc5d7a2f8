//! Everything in a text that names a person, a number, a time or a sum; and blanking it.

use jiff::Timestamp;

use crate::digits::{Run, digit_of, runs};
use crate::heard::is_at;
use crate::interpretation::When;
use crate::{name, phone, road, when};

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
/// Units that make a number a part of an address.
const HOUSE: [&str; 16] = [
    "号楼",
    "号院",
    "号大院",
    "单元",
    "弄",
    "栋",
    "幢",
    "室",
    "层",
    "号门",
    "门洞",
    "门牌",
    "座",
    "楼",
    "户",
    "号",
];

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
        cover(name.end, name::with_title(&chars, name.start, name.end));
    }
    let spoken = runs(&chars);
    // Four digits or more in one breath are a number that somebody could be found by.
    for run in spoken.iter().filter(|run| run.digits.len() >= 4) {
        let before = run.start().checked_sub(1).map(|at| chars[at]);
        let paid = before.is_some_and(|ch| "退缴付交收扣罚涨价金费款钱共".contains(ch));
        let after = chars.get(run.end()..).unwrap_or_default();
        let sum = paid && run.digits.len() <= 5;
        // G1024次.
        let train = before.is_some_and(|ch| ch.is_ascii_alphabetic()) && after.starts_with(&['次']);
        if !sum && !train && !is_public(&run.text(), after) && !phone::is_of_a_thing(&chars, run) {
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
        _ => false,
    };
    let counted = after.first().is_some_and(|next| "年元块吨米度万克".contains(*next));
    hotline || (digits.len() <= 6 && counted)
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

fn is_number(ch: char) -> bool {
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

/// Characters of the name of an estate or a road before a house number.
const LONGEST_PLACE: usize = 8;
/// Characters of the name of a road before what it ends in.
const LONGEST_ROAD: usize = 5;
/// What 号 may be followed by without being a house's: 三号线.
const NO_HOUSE: &str = "线令召码称子人油汽窗文";

/// What may stand at the head of an address and is no part of it.
const LEADS: [&str; 31] = [
    "坐落",
    "老房子",
    "门牌",
    "位于",
    "其于",
    "于",
    "举报",
    "来电反映",
    "反映",
    "我那房子",
    "合同地址",
    "户口地址",
    "联系地址",
    "家庭地址",
    "地址",
    "住址",
    "我家",
    "俺家",
    "家里",
    "家",
    "对面",
    "楼下",
    "楼上",
    "隔壁",
    "租住",
    "现住",
    "暂住",
    "户籍",
    "房子",
    "可",
    "就",
];
/// Characters that no name of a road or an estate holds which stands without a number.
const VERBS: &str = "让归说找问给把被请帮投跑查到看占映";

/// House numbers with the names before them, and the names of roads and estates.
fn addresses(chars: &[char]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let from = found.last().map_or(0, |(_, end)| *end);
        if let Some(end) = house(chars, at) {
            let name = road::before(chars, at, LONGEST_PLACE).min(at - from);
            let start = without_lead(chars, at - name, at);
            let start = after(chars, start, at, VERBS);
            let start = if at >= start + 2 { start } else { before_pause(chars, from, at) };
            found.push((start, end));
            at = end;
            continue;
        }
        let (name, ending) = (road::before(chars, at, LONGEST_ROAD), road::ending(chars, at));
        let start = without_lead(chars, at - name.min(at - from.min(at)), at);
        let start = after(chars, start, at, VERBS);
        if ending > 0
            && at >= start + 2
            && road::names(chars, at)
            && ((start == from && !found.is_empty()) || is_home(chars, start))
        {
            found.push((start, at + ending));
        }
        at += 1;
    }
    found
}

/// What estates end in, besides what roads and estates do.
const ESTATE: &str = "园府城庭湾居寓馆弄坊院郡际墅轩阁台堤岸洲岛都邸宅峰谷期区坝门";

/// Where the names begin that a pause parts from the house number at `at`: 盛世龙城，四期，六号楼; or `at`.
fn before_pause(chars: &[char], from: usize, at: usize) -> usize {
    let mut start = at;
    loop {
        let end = (from..start).rev().take_while(|i| is_pause(chars[*i])).last().unwrap_or(start);
        let name = road::before(chars, end, LONGEST_PLACE).min(end - from.min(end));
        let first = without_lead(chars, end - name, end);
        let first = after(chars, first, end, VERBS);
        if end == start || end < first + 2 {
            return start;
        }
        let last = end - 1;
        let ends = |i: usize| i + road::ending(chars, i) == end && road::names(chars, i);
        if !(ESTATE.contains(chars[last]) || ends(last) || ends(last - 1)) {
            return start;
        }
        start = first;
    }
}

/// Characters of a pause between the parts of an address; none unless there is one.
fn pause(chars: &[char], at: usize) -> usize {
    let rest = chars.get(at..).unwrap_or_default();
    rest.iter().take(LONGEST_PAUSE).take_while(|ch| is_pause(**ch)).count()
}

fn is_pause(ch: char) -> bool {
    matches!(ch, '，' | ',' | '、' | ' ' | '嗯' | '呃' | '哦' | '…')
}

/// Characters of the longest pause within an address.
const LONGEST_PAUSE: usize = 4;
/// What makes a number after a pause none of a room.
const NO_ROOM: &str = "年月日点分块元个人天次度路线多万千百家名条";

/// What is said before the place where somebody lives.
const HOME: [&str; 5] = ["住", "家", "地址", "租", "户籍"];
/// Characters between that and the place.
const NEAR: usize = 6;

/// Whether somebody lives at the place that begins here; a road by itself is everybody's.
fn is_home(chars: &[char], start: usize) -> bool {
    let before: String = chars[start.saturating_sub(NEAR)..start].iter().collect();
    HOME.iter().any(|word| before.contains(word))
}

/// Where the last of some characters is over, or `start`.
fn after(chars: &[char], start: usize, end: usize, some: &str) -> usize {
    // 嘎查 is a kind of village.
    let is = |i: &usize| some.contains(chars[*i]) && !(*i > 0 && chars[i - 1] == '嘎');
    (start..end).rev().find(is).map_or(start, |i| i + 1)
}

fn without_lead(chars: &[char], start: usize, end: usize) -> usize {
    let lead = LEADS.iter().find(|lead| is_at(chars, start, lead));
    lead.map_or(start, |lead| end.min(start + lead.chars().count()))
}

/// Units after which an address goes on with a number: 朝晖六区三十七幢, 北三排七号, 六号楼五门四零一.
const WITHIN: &str = "区村期排组队社门";

/// One past the last character of the house number that begins at `at`: 六号院三单元二零一.
fn house(chars: &[char], at: usize) -> Option<usize> {
    // 二十号 does not begin at 十, and 几号 is asked.
    if at > 0 && is_number(chars[at - 1]) || chars[at] == '几' {
        return None;
    }
    let dashed = dashed(chars, at, 3);
    if dashed > 0 {
        return Some(at + dashed);
    }
    house_after(chars, at, 0, 0).map(|end| with_rest(chars, end))
}

/// Villages within villages that an address is followed into.
const DEEPEST: usize = 4;

/// The same where so many parts of the address stand before it, `deep` of them unfinished.
fn house_after(chars: &[char], at: usize, mut units: usize, deep: usize) -> Option<usize> {
    // 甲五十号, 丙楼, 甲单元: one of these may stand for a number or before one.
    let number = |at: usize| {
        let stem = usize::from(chars.get(at).is_some_and(|ch| "甲乙丙丁负".contains(*ch)));
        let digits = chars[at + stem..].iter().take_while(|ch| is_number(**ch)).count();
        let letter = chars.get(at).is_some_and(char::is_ascii_alphabetic);
        let named = chars.get(at + 1).is_some_and(|ch| "座栋幢楼区单".contains(*ch));
        // 14-2号.
        let dash = at + stem + digits;
        let second = match chars.get(dash) {
            Some('-') => chars[dash + 1..].iter().take_while(|ch| ch.is_ascii_digit()).count(),
            _ => 0,
        };
        let whole = second > 0 && chars.get(dash + 1 + second) == Some(&'号');
        match digits {
            0 if letter && named => 1,
            _ if whole => stem + digits + 1 + second,
            _ => stem + digits,
        }
    };
    let (mut end, mut telling) = (at, false);
    loop {
        // 六号楼，三单元，二零一.
        let pause = if units > 0 { pause(chars, end) } else { 0 };
        let digits = number(end + pause);
        if digits == 0 {
            break;
        }
        let stop = end + pause + digits;
        let unit = HOUSE.iter().find(|unit| is_at(chars, stop, unit));
        match unit.map(|unit| (stop + unit.chars().count(), *unit)) {
            Some((after, unit)) => {
                let other = chars.get(after).is_some_and(|ch| NO_HOUSE.contains(*ch));
                let before = at.checked_sub(1).map(|at| chars[at]);
                let date = units == 0 && matches!(before, Some('月' | '第'));
                if unit == "号" && (other || date) {
                    break;
                }
                telling |= !matches!(unit, "层" | "楼" | "户");
                (end, units) = (after, units + 1);
            }
            None if chars.get(stop).is_some_and(|ch| WITHIN.contains(*ch))
                && number(stop + 1 + self::pause(chars, stop + 1)) > 0
                && (units > 0
                    || (deep < DEEPEST && house_after(chars, stop + 1, 0, deep + 1).is_some())) =>
            {
                (end, units) = (stop + 1, units + 1);
            }
            // The room may be named without 室.
            None if units > 0
                && digits > 1
                && (pause == 0
                    || (digits > 2 && chars.get(stop).is_none_or(|ch| !NO_ROOM.contains(*ch)))) =>
            {
                end = stop;
                telling = true;
                break;
            }
            None => break,
        }
    }
    // 三楼 alone is no address.
    (units > 0 && (telling || units > 1)).then_some(end)
}

/// Characters of a building, an entrance and a door that dashes join: 30-2-1403. The door has at least so
/// many digits: 22-11-18 is a date.
fn dashed(chars: &[char], at: usize, door: usize) -> usize {
    if at > 0 && (chars[at - 1].is_ascii_alphanumeric() || chars[at - 1] == '-') {
        return 0;
    }
    let (mut parts, mut end) = (0, at);
    loop {
        let digits = chars[end..].iter().take_while(|ch| ch.is_ascii_digit()).count();
        if !(1..=4).contains(&digits) || (parts == 0 && digits > 3) {
            return 0;
        }
        (parts, end) = (parts + 1, end + digits);
        let goes_on =
            chars.get(end) == Some(&'-') && chars.get(end + 1).is_some_and(char::is_ascii_digit);
        if !goes_on {
            return if parts >= 3 && digits >= door { end - at } else { 0 };
        }
        end += 1;
    }
}

/// What says where in a house somebody lives: 后院西屋, 东厢房, 地下室, 西单元201.
const PARTS: [&str; 27] = [
    "亭子间",
    "地下室",
    "东厢房",
    "西厢房",
    "厢房",
    "后院",
    "前院",
    "东院",
    "西院",
    "东屋",
    "西屋",
    "北屋",
    "南屋",
    "正房",
    "阁楼",
    "顶楼",
    "底楼",
    "底商",
    "后门",
    "侧门",
    "东单元",
    "西单元",
    "中单元",
    "东户",
    "西户",
    "中户",
    "车库旁",
];

/// One past what follows a house number and belongs to it.
fn with_rest(chars: &[char], mut end: usize) -> usize {
    loop {
        let after = end + pause(chars, end);
        let part = PARTS.iter().find(|part| is_at(chars, after, part));
        let part = part.map(|part| after - end + part.chars().count()).or_else(|| {
            let tail = dashed(chars, end, 1);
            (tail > 0).then_some(tail)
        });
        let Some(length) = part else { return end };
        end += length;
        // 后面二门一零一.
        let behind = if is_at(chars, end, "后面") { 2 } else { 0 };
        end = house_after(chars, end + behind, 1, 0).unwrap_or(end);
    }
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
        ];
        for (text, expected) in rows {
            assert_eq!(redact(text), expected, "{text}");
        }
    }
}
