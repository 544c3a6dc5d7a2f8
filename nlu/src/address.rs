//! Addresses: house numbers with the names before them and what follows, roads and estates where somebody lives.

use crate::entities::is_number;
use crate::heard::is_at;
use crate::road;

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
pub(crate) fn addresses(chars: &[char]) -> Vec<(usize, usize)> {
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
        // 和平里, but not 我们这里.
        let quarter = chars[last] == '里'
            && !"这那哪家院楼屋村夜城店校区手心厂队市县乡公英华邻".contains(chars[last - 1]);
        if !(ESTATE.contains(chars[last]) || quarter || ends(last) || ends(last - 1)) {
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
    matches!(ch, '，' | ',' | '、' | ' ' | '嗯' | '呃' | '哦' | '…' | '（' | '）' | '(' | ')')
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
        let named = chars.get(at + 1).is_some_and(|ch| "座栋幢楼区单室户".contains(*ch));
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
                let date = units == 0 && matches!(before, Some('月' | '第' | '号'));
                if unit == "号" && (other || date) {
                    break;
                }
                // 十八栋楼、两千户 are counted; 十八栋楼下 is a place.
                let houses = matches!(unit, "栋" | "幢" | "座")
                    && chars.get(after) == Some(&'楼')
                    && chars.get(after + 1).is_none_or(|ch| !"上下道顶层里".contains(*ch));
                if houses || (unit == "户" && (units == 0 || pause > 0)) {
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
        // 400-820-8888 is a firm's number.
        let firm = parts == 0 && (is_at(chars, at, "400-") || is_at(chars, at, "800-"));
        if firm || !(1..=4).contains(&digits) || (parts == 0 && digits > 3) {
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
const PARTS: [&str; 31] = [
    "亭子间",
    "地下室",
    "东厢房",
    "西厢房",
    "厢房",
    "后院",
    "里院",
    "外院",
    "里屋",
    "外屋",
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
        let Some(length) = part else { return dormitory(chars, end).unwrap_or(end) };
        end += length;
        // 后面二门一零一.
        let behind = if is_at(chars, end, "后面") { 2 } else { 0 };
        end = house_after(chars, end + behind, 1, 0).unwrap_or(end);
    }
}

/// One past the room in a dormitory that an address goes on with: 五号宿舍楼四一二.
fn dormitory(chars: &[char], end: usize) -> Option<usize> {
    let name = ["宿舍楼", "宿舍"].into_iter().find(|name| is_at(chars, end, name))?;
    let after = end + name.chars().count();
    house_after(chars, after, 1, 0).filter(|end| *end > after)
}
