//! When it happened, against the clock of the call.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::digits::{cardinal, digit_of};
use crate::heard::{Heard, Span};
use crate::interpretation::{Found, When};
use crate::understanding::chars;

/// Days meant by a word, counted from the call's day.
const DAYS: [(&str, i64); 9] = [
    ("大前天", -3),
    ("前天", -2),
    ("前晚", -2),
    ("昨天", -1),
    ("昨晚", -1),
    ("昨儿", -1),
    ("今天", 0),
    ("今早", 0),
    ("刚才", 0),
];
/// Parts of a day in hours.
const PARTS: [(&str, i8, i8); 10] = [
    ("凌晨", 0, 6),
    ("早上", 6, 9),
    ("今早", 6, 9),
    ("上午", 8, 12),
    ("中午", 11, 14),
    ("下午", 12, 18),
    ("傍晚", 17, 20),
    ("晚上", 18, 24),
    ("昨晚", 18, 24),
    ("夜里", 21, 24),
];

/// The first time that the caller names within these spans.
pub(crate) fn find(heard: &Heard, spans: &[Span]) -> Option<Found<When>> {
    let now = china().to_datetime(heard.started_at);
    spans.iter().find_map(|span| {
        let text = chars(&heard.said, *span);
        let (start, end, from, to) = in_text(&text, now)?;
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
        if let Some((start, stop, from, to)) =
            text.get(begin..end).and_then(|clause| in_text(clause, now))
            && let (Ok(from), Ok(to)) = (china().to_timestamp(from), china().to_timestamp(to))
        {
            let words = text[begin + start..begin + stop].iter().collect();
            found.push((begin + start, begin + stop, When { text: words, from, to }));
        }
        begin = end + 1;
    }
    found
}

fn in_text(text: &[char], now: DateTime) -> Option<(usize, usize, DateTime, DateTime)> {
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

/// 三月五号: the last such day before the call.
fn month_and_day(text: &[char], today: Date) -> Option<(usize, usize, DateTime, DateTime)> {
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
        ];
        for (text, words, from) in rows {
            let heard = Heard {
                said: vec![Said::from_text(Leg::Caller, text)],
                started_at,
                line_number: None,
            };
            let span = Span { utterance: 0, start: 0, end: text.chars().count() };
            let found = find(&heard, &[span]).unwrap_or_else(|| panic!("a time in {text}"));
            assert_eq!(found.value.text, words);
            let at = china().to_datetime(found.value.from).to_string();
            assert!(at.starts_with(from), "{text}: {at}");
        }
    }
}
