//! What follows a place's name: road or estate, building, unit, room.

use crate::digits::{cardinal, digit_of};
use crate::heard::{Heard, Leg, Span, is_at};
use crate::road;

/// What may follow a number in an address.
const UNITS: [&str; 17] = [
    "号院", "号楼", "号", "栋", "幢", "座", "单元", "室", "层", "楼", "弄", "巷", "胡同", "门",
    "户", "组", "区",
];

/// What the name of an estate or a building ends with, beside what roads do, where a number follows.
const NAMES: &str = "园区院楼厦场城寺桥镇屯营堡坊湾弄庭府邸轩居墅寓沟店甸阁台校厂";
/// Characters of such a name at most.
const NAME: usize = 12;

/// Road or estate, building, unit, room: the first stretch of numbers with address units after the
/// place, or, if there is none, anywhere in the caller's words, with the name before it; or a name
/// alone that follows the place.
pub(super) fn detail(heard: &Heard, evidence: &[Span]) -> (String, Option<Span>) {
    let last = evidence.last().copied();
    let in_order = last.into_iter().map(|span| (span.utterance, span.end)).chain(
        heard
            .said
            .iter()
            .enumerate()
            .filter(|(_, said)| said.leg != Leg::Agent)
            .map(|(index, _)| (index, 0)),
    );
    for (utterance, from) in in_order {
        let text: Vec<char> = heard.said[utterance].chars.iter().map(|c| c.ch).collect();
        if heard.said[utterance].leg == Leg::Agent {
            continue;
        }
        if let Some((number, start, end)) = detail_in(&text, from) {
            let name = name_before(&text, from, start);
            let detail = text[name..start].iter().collect::<String>() + &number;
            return (detail, Some(Span { utterance, start: name, end }));
        }
    }
    let named = last.and_then(|last| {
        let text: Vec<char> = heard.said[last.utterance].chars.iter().map(|c| c.ch).collect();
        let (start, end) = name_after(&text, last.end)?;
        let name = text[start..end].iter().collect();
        Some((name, Some(Span { utterance: last.utterance, start, end })))
    });
    named.unwrap_or_default()
}

/// Where the name begins that a number belongs to: 花家地南里 of 花家地南里六号院; the number's own
/// place where there is none.
fn name_before(text: &[char], from: usize, number: usize) -> usize {
    // 兴化路甲三号.
    let end = number - usize::from(number > from && "甲乙丙丁".contains(text[number - 1]));
    let road =
        (1..=2).find(|length| end >= from + length && road::ending(text, end - length) == *length);
    // 龙泽园小区: what it ends in may hold what no name does.
    let at = end - road.unwrap_or(0);
    let start = at - road::before(text, at, NAME).min(at - from);
    let named = road.is_some() || (end > from && NAMES.contains(text[end - 1]));
    if named && start + 2 <= end && start < at { start } else { number }
}

/// A name that follows a place at once and is no matter of its own: 阜通东大街.
fn name_after(text: &[char], from: usize) -> Option<(usize, usize)> {
    let start = (from..text.len().min(from + 3)).find(|at| road::is_part(text, *at))?;
    // Two characters before 里 may be anything: 楼道里.
    let tells = |at: usize| text[at] != '里' || "东西南北".contains(text[at - 1]);
    let at = (start + 2..text.len().min(start + NAME)).find(|at| {
        let whole = (start..*at).all(|i| road::is_part(text, i));
        whole && road::ending(text, *at) > 0 && tells(*at)
    })?;
    Some((start, at + road::ending(text, at)))
}

fn detail_in(text: &[char], from: usize) -> Option<(String, usize, usize)> {
    let numeral = |ch: char| digit_of(ch).is_some() || matches!(ch, '十' | '百');
    let mut at = from;
    let (mut detail, mut start, mut end) = (String::new(), 0, 0);
    while at < text.len() {
        if !numeral(text[at]) {
            let gap_open = !detail.is_empty() && at - end >= 2;
            if gap_open {
                break;
            }
            at += 1;
            continue;
        }
        let stop = (at..text.len()).find(|i| !numeral(text[*i])).unwrap_or(text.len());
        let unit = UNITS.iter().find(|unit| is_at(text, stop, unit));
        let number = cardinal(&text[at..stop]);
        match (unit, number) {
            (Some(unit), Some(number)) => {
                if detail.is_empty() {
                    start = at;
                }
                detail.push_str(&format!("{number}{unit}"));
                end = stop + unit.chars().count();
                at = end;
            }
            // A room needs no unit after a building or a unit: 三单元二零一.
            (None, Some(number)) if !detail.is_empty() && (3..=4).contains(&(stop - at)) => {
                detail.push_str(&number.to_string());
                end = stop;
                at = stop;
            }
            _ if detail.is_empty() => at = stop,
            _ => break,
        }
    }
    (!detail.is_empty()).then_some((detail, start, end))
}

/// The words that named the place, in the order they were said.
pub(super) fn spoken(heard: &Heard, evidence: &[Span], detail: Option<Span>) -> String {
    let words = evidence.iter().chain(detail.iter()).map(|span| {
        heard.said[span.utterance].chars[span.start..span.end]
            .iter()
            .map(|c| c.ch)
            .collect::<String>()
    });
    words.collect()
}
