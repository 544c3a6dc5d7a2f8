//! What follows a place's name: building, unit, room.

use crate::digits::{cardinal, digit_of};
use crate::heard::{Heard, Leg, Span, is_at};

/// What may follow a number in an address.
const UNITS: [&str; 17] = [
    "号院", "号楼", "号", "栋", "幢", "座", "单元", "室", "层", "楼", "弄", "巷", "胡同", "门",
    "户", "组", "区",
];

/// Building, unit, room: the first stretch of numbers with address units after the place, or, if
/// there is none, anywhere in the caller's words.
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
        if let Some((detail, start, end)) = detail_in(&text, from) {
            return (detail, Some(Span { utterance, start, end }));
        }
    }
    (String::new(), None)
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
                // The estate or road that the number belongs to.
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
