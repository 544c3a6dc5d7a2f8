//! When it happened, against the clock of the call.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::digits::{cardinal, digit_of};
use crate::heard::{Heard, Span};
use crate::interpretation::{Found, When};
use crate::understanding::chars;

/// Days meant by a word, counted from the call's day.
const DAYS: [(&str, i64); 12] = [
    ("大前天", -3),
    ("前天", -2),
    ("前儿", -2),
    ("前晚", -2),
    ("昨天", -1),
    ("昨日", -1),
    ("昨晚", -1),
    ("昨儿", -1),
    ("今天", 0),
    ("今早", 0),
    ("今晚", 0),
    ("今儿", 0),
];
/// What happened within the last hour.
const JUST: [&str; 4] = ["刚才", "刚刚", "方才", "这会儿"];
/// Parts of a day in hours.
const PARTS: [(&str, i8, i8); 16] = [
    ("凌晨", 0, 6),
    ("大清早", 5, 9),
    ("一大早", 5, 9),
    ("清早", 5, 9),
    ("早晨", 6, 9),
    ("早上", 6, 9),
    ("今早", 6, 9),
    ("上午", 8, 12),
    ("中午", 11, 14),
    ("下午", 12, 18),
    ("傍晚", 17, 20),
    ("晚上", 18, 24),
    ("昨晚", 18, 24),
    ("前晚", 18, 24),
    ("今晚", 18, 24),
    ("夜里", 21, 24),
];

/// The first time that the caller names within these spans.
pub(crate) fn find(heard: &Heard, spans: &[Span]) -> Option<Found<When>> {
    let now = china().to_datetime(heard.started_at);
    spans.iter().find_map(|span| {
        let text = chars(&heard.said, *span);
        let (start, end, from, to) = past(in_text(&text, now)?, now);
        let value = When {
            text: text[start..end].iter().collect(),
            from: china().to_timestamp(from).ok()?,
            to: china().to_timestamp(to).ok()?,
        };
        let evidence = vec![Span {
            utterance: span.utterance,
            start: span.start + start,
            end: span.start + end,
        }];
        Some(Found { value, confidence: 0.75, evidence, runner_up: None })
    })
}

/// Every time in a text: first character, one past the last, and what it means against `at`.
pub(crate) fn all(text: &[char], at: Timestamp) -> Vec<(usize, usize, When)> {
    let now = china().to_datetime(at);
    let mut found = Vec::new();
    // Clause by clause: a clause seldom names two times, and none spans two clauses.
    let mut begin = 0;
    for end in (0..=text.len()).filter(|i| text.get(*i).is_none_or(|ch| !ch.is_alphanumeric())) {
        if let Some(time) = text.get(begin..end).and_then(|clause| in_text(clause, now))
            && let (start, stop, from, to) = past(time, now)
            && let (Ok(from), Ok(to)) = (china().to_timestamp(from), china().to_timestamp(to))
        {
            let words = text[begin + start..begin + stop].iter().collect();
            found.push((begin + start, begin + stop, When { text: words, from, to }));
        }
        begin = end + 1;
    }
    found
}

/// First character of a time, one past its last, and what it means.
type Time = (usize, usize, DateTime, DateTime);

/// What is told of has happened: it ends when it is told at the latest.
fn past((start, end, from, to): Time, now: DateTime) -> Time {
    (start, end, from, if from <= now { to.min(now) } else { to })
}

fn in_text(text: &[char], now: DateTime) -> Option<Time> {
    let plain: String = text.iter().collect();
    let position = |word: &str| plain.find(word).map(|at| plain[..at].chars().count());
    let today = now.date();
    let whole = |from: Date, to: Date| Some((from.at(0, 0, 0, 0), to.at(23, 59, 59, 0)));
    for (word, days) in DAYS {
        let Some(start) = position(word) else { continue };
        let day = today.checked_add(days.days()).ok()?;
        let mut end = start + word.chars().count();
        let (mut from, mut to) = whole(day, day)?;
        if let Some((part, first, last)) = PARTS
            .iter()
            .find(|(part, ..)| position(part).is_some_and(|at| at >= start && at <= end))
        {
            from = day.at(*first, 0, 0, 0);
            to = if *last == 24 { day.at(23, 59, 59, 0) } else { day.at(*last, 0, 0, 0) };
            end = end.max(position(part).unwrap_or(end) + part.chars().count());
            if let Some((hour, after)) = hour(text, end) {
                let hour = if hour < 12 && *first >= 12 { hour + 12 } else { hour };
                from = day.at(hour.min(23), 0, 0, 0);
                to = from.checked_add(1.hour()).ok()?;
                end = after;
            }
        }
        return Some((start, end, from, to));
    }
    if let Some((word, start)) = JUST.iter().find_map(|word| Some((word, position(word)?))) {
        let from = now.checked_sub(1.hour()).ok()?;
        return Some((start, start + word.chars().count(), from, now));
    }
    if let Some(found) = weekday(text, today).or_else(|| ago(text, now)) {
        return Some(found);
    }
    let month = |offset: i64| today.checked_add(offset.months()).ok();
    let spans = [("上个月", month(-1)?, -1), ("这个月", today, 0), ("本月", today, 0)];
    for (word, date, _) in spans {
        if let Some(start) = position(word) {
            let (mut from, mut to) = whole(date.first_of_month(), date.last_of_month())?;
            let mut end = start + word.chars().count();
            if text.get(end) == Some(&'底') {
                from = date.last_of_month().checked_sub(7.days()).ok()?.at(0, 0, 0, 0);
                end += 1;
            } else if text.get(end) == Some(&'初') {
                to = date.first_of_month().checked_add(9.days()).ok()?.at(23, 59, 59, 0);
                end += 1;
            }
            return Some((start, end, from, to));
        }
    }
    for (word, offset) in [("去年", -1i16), ("前年", -2), ("今年", 0)] {
        if let Some(start) = position(word) {
            let year = today.year() + offset;
            let after = start + 2;
            if let Some((month, end)) = number_before(text, after, '月') {
                let first = Date::new(year, month.clamp(1, 12) as i8, 1).ok()?;
                let (from, to) = whole(first, first.last_of_month())?;
                return Some((start, end, from, to));
            }
            let (from, to) = whole(Date::new(year, 1, 1).ok()?, Date::new(year, 12, 31).ok()?)?;
            return Some((start, after, from, to));
        }
    }
    month_and_day(text, today).or_else(|| {
        let (word, days) =
            [("这几天", 5), ("最近", 30), ("前几天", 7), ("上周", 7), ("这周", 6), ("半个月", 15)]
                .into_iter()
                .find(|(word, _)| plain.contains(word))?;
        let start = position(word)?;
        let from = today.checked_sub(i64::from(days).days()).ok()?;
        let (from, to) = whole(from, today)?;
        Some((start, start + word.chars().count(), from, to))
    })
}

/// 上周三, 这个星期天, 周五: the last such day before the call, or that of the week that is named.
fn weekday(text: &[char], today: Date) -> Option<Time> {
    const WEEK: [&[char]; 3] = [&['星', '期'], &['礼', '拜'], &['周']];
    for at in 0..text.len() {
        let Some(week) = WEEK.iter().find(|week| text[at..].starts_with(week)) else { continue };
        let day = match text.get(at + week.len()) {
            Some('日' | '天') => 7,
            Some(ch @ ('一' | '二' | '三' | '四' | '五' | '六')) => i64::from(digit_of(*ch)?),
            _ => continue,
        };
        let end = at + week.len() + 1;
        // 周一到周五, 每周三 and 周三号 are no day of this kind; 周二十 is a part of something else.
        let before = at.checked_sub(1).map(|before| text[before]);
        let after = text.get(end);
        if matches!(before, Some('每' | '到' | '至' | '逢' | '下'))
            || after.is_some_and(|ch| matches!(ch, '到' | '至' | '号') || digit_of(*ch).is_some())
        {
            continue;
        }
        let whole = |start, days_from_monday: i64| {
            let monday = i64::from(today.weekday().to_monday_zero_offset());
            let day = today.checked_add((days_from_monday - monday).days()).ok()?;
            Some((start, end, day.at(0, 0, 0, 0), day.at(23, 59, 59, 0)))
        };
        let named = |word: char| (1..=2).find(|back| at >= *back && text[at - back] == word);
        if let Some(back) = named('上') {
            return whole(at - back, day - 8);
        }
        if let Some(back) = named('这').or(named('本')) {
            return whole(at - back, day - 1);
        }
        let gone = day <= i64::from(today.weekday().to_monday_one_offset());
        return whole(at, if gone { day - 1 } else { day - 8 });
    }
    None
}

/// 三天前, 半个月了, 两个多小时没人来: so long before the call, or since then.
fn ago(text: &[char], now: DateTime) -> Option<Time> {
    /// Minutes of a unit.
    const UNITS: [(&str, i64); 9] = [
        ("分钟", 1),
        ("小时", 60),
        ("钟头", 60),
        ("天", 24 * 60),
        ("星期", 7 * 24 * 60),
        ("礼拜", 7 * 24 * 60),
        ("周", 7 * 24 * 60),
        ("月", 30 * 24 * 60),
        ("年", 365 * 24 * 60),
    ];
    /// Units that a caller counts at most: more are no time but a number.
    const MOST: f64 = 10_000.0;
    /// What somebody has done for long is not what happened.
    const LASTING: [char; 7] = ['住', '干', '做', '工', '年', '岁', '第'];
    let counts = |ch: &char| digit_of(*ch).is_some() || matches!(ch, '十' | '百' | '半' | '几');
    let mut start = 0;
    while let Some(found) = text[start..].iter().position(counts) {
        start += found;
        let mut end = start + text[start..].iter().take_while(|ch| counts(ch)).count();
        let begin = std::mem::replace(&mut start, end);
        let count = match &text[begin..end] {
            ['半'] => 0.5,
            ['几'] => 3.0,
            number => cardinal(number).map_or(0.0, f64::from),
        };
        let skip = |end: usize| end + usize::from(matches!(text.get(end), Some('个' | '多')));
        end = skip(skip(end));
        let unit = UNITS.iter().find(|(name, _)| {
            text[end..].iter().copied().take(name.chars().count()).eq(name.chars())
        });
        let Some((name, minutes)) = unit else { continue };
        end += name.chars().count();
        end += usize::from(text.get(end) == Some(&'多'));
        // A date, or an hour of the day: 三月五号.
        let counted = *name != "月" || text[begin..end].contains(&'个');
        if count == 0.0
            || count > MOST
            || !counted
            || begin.checked_sub(1).is_some_and(|at| LASTING.contains(&text[at]))
        {
            continue;
        }
        let length = (count * *minutes as f64).round() as i64;
        let from = now.checked_sub(length.minutes()).ok()?;
        let since = matches!(text.get(end), Some('了' | '没' | '都' | '还' | '来' | '不'));
        let before = match text.get(end..end + 2) {
            Some(['以' | '之', '前']) => 2,
            _ => usize::from(text.get(end) == Some(&'前')),
        };
        if before > 0 {
            // The longer ago, the less exactly.
            let (first, last) = match *minutes {
                ..=60 => (from, from.checked_add((length / 2).minutes()).ok()?),
                minutes => {
                    let about = (minutes / 2 / (24 * 60)).days();
                    let day = |date: Date, end: bool| {
                        if end { date.at(23, 59, 59, 0) } else { date.at(0, 0, 0, 0) }
                    };
                    let date = from.date();
                    (
                        day(date.checked_sub(about).ok()?, false),
                        day(date.checked_add(about).ok()?, true),
                    )
                }
            };
            return Some((begin, end + before, first, last));
        }
        if since && *minutes < 365 * 24 * 60 {
            let from = if *minutes < 24 * 60 { from } else { from.date().at(0, 0, 0, 0) };
            return Some((begin, end, from, now));
        }
    }
    None
}

/// 三月五号: the last such day before the call.
fn month_and_day(text: &[char], today: Date) -> Option<Time> {
    let at = text.iter().position(|ch| *ch == '月')?;
    let start =
        (0..at).rev().take_while(|i| digit_of(text[*i]).is_some() || text[*i] == '十').last()?;
    let month = cardinal(&text[start..at]).filter(|month| (1..=12).contains(month))?;
    let (day, end) =
        number_before(text, at + 1, '号').or_else(|| number_before(text, at + 1, '日'))?;
    let mut date = Date::new(today.year(), month as i8, day.clamp(1, 31) as i8).ok()?;
    if date > today {
        date = Date::new(today.year() - 1, month as i8, day as i8).ok()?;
    }
    Some((start, end, date.at(0, 0, 0, 0), date.at(23, 59, 59, 0)))
}

fn number_before(text: &[char], from: usize, unit: char) -> Option<(u32, usize)> {
    let end = (from..text.len()).find(|i| !(digit_of(text[*i]).is_some() || text[*i] == '十'))?;
    (text[end] == unit && end > from)
        .then(|| cardinal(&text[from..end]).map(|value| (value, end + 1)))
        .flatten()
}

fn hour(text: &[char], from: usize) -> Option<(i8, usize)> {
    let (hour, end) = number_before(text, from, '点')?;
    (hour <= 24).then_some((hour as i8, end))
}

fn china() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heard::{Leg, Said};

    #[test]
    fn times_against_the_call() {
        let started_at: Timestamp = "2026-03-02T09:14:05+08:00".parse().expect("a moment");
        let rows = [
            ("昨晚十一点多一直在放音乐", "昨晚十一点", "2026-03-01T23:00"),
            ("上个月底交的钱", "上个月底", "2026-02-21T00:00"),
            ("去年十月份签的合同", "去年十月", "2025-10-01T00:00"),
            ("二月十四号就停了", "二月十四号", "2026-02-14T00:00"),
            ("今天早上开始的", "今天早上", "2026-03-02T06:00"),
            ("刚才楼上又漏水了", "刚才", "2026-03-02T08:14:05"),
            ("三天前报的修", "三天前", "2026-02-27T00:00"),
            ("停水两个多小时了", "两个多小时", "2026-03-02T07:14:05"),
            ("半个月没人来收垃圾", "半个月", "2026-02-15T00:00"),
            ("上周三下的单", "上周三", "2026-02-25T00:00"),
            ("上个星期天去的", "上个星期天", "2026-03-01T00:00"),
            ("周六就坏了", "周六", "2026-02-28T00:00"),
            ("今晚又吵", "今晚", "2026-03-02T18:00"),
        ];
        for text in [
            "每周三收垃圾",
            "我六十岁了",
            "住了十年了",
            "周一到周五都这样",
            "第三天",
            "三月了",
            "八七零幺三二零九零年没人来",
        ] {
            let chars: Vec<char> = text.chars().collect();
            assert_eq!(in_text(&chars, china().to_datetime(started_at)), None, "{text}");
        }
        for (text, words, from) in rows {
            let heard = Heard {
                said: vec![Said::from_text(Leg::Caller, text)],
                started_at,
                line_number: None,
            };
            let span = Span { utterance: 0, start: 0, end: text.chars().count() };
            let found = find(&heard, &[span]).unwrap_or_else(|| panic!("a time in {text}"));
            assert_eq!(found.value.text, words);
            let over = found.value.to > started_at;
            assert_eq!(over, text.starts_with("今晚"), "{text} has happened");
            let at = china().to_datetime(found.value.from).to_string();
            assert!(at.starts_with(from), "{text}: {at}");
        }
    }
}
