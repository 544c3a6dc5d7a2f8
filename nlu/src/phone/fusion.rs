//! A number that was heard several times, by the caller's and by the agent's voice, and never quite right.

use strsim::levenshtein as distance;

use super::{ANNOUNCE, MOBILE, OTHER, is_mobile};
use crate::digits::{Doubtful, doubtful_runs};
use crate::heard::{Heard, Leg, Span};
use crate::interpretation::Found;

/// A number as it was heard once, by the caller's or by the agent's voice.
struct Reading {
    digits: String,
    /// Mean over the digits, 0 to 1.
    trust: f32,
    span: Span,
    agent: bool,
}

/// A number agreed on by several readings.
pub(super) struct Fused {
    digits: String,
    confidence: f32,
    /// Readings that say just this.
    pub(super) votes: usize,
    evidence: Vec<Span>,
}

impl Fused {
    pub(super) fn found(self) -> Found<String> {
        Found {
            value: self.digits,
            confidence: self.confidence,
            evidence: self.evidence,
            runner_up: None,
        }
    }
}

/// Digits that a reading must have beyond doubt.
const LEAST_SURE: usize = 6;

/// The mobile number that the readings of caller and agent agree on best: recognisers drop a digit
/// here and mishear another there, but seldom the same one twice.
pub(super) fn fused(heard: &Heard) -> Option<Fused> {
    let readings = readings(heard);
    let mut candidates: Vec<String> =
        readings.iter().filter(|r| is_mobile(&r.digits)).map(|r| r.digits.clone()).collect();
    for (index, a) in readings.iter().enumerate() {
        // Two incomplete readings of one number complete each other.
        let partial = |r: &&Reading| (8..MOBILE).contains(&r.digits.len());
        for b in readings[index + 1..].iter().filter(partial).filter(|_| partial(&a)) {
            candidates.extend(overlay(&a.digits, &b.digits).filter(|digits| is_mobile(digits)));
        }
    }
    candidates.sort();
    candidates.dedup();
    let agreement = |digits: &str| -> f32 {
        let of = |(order, r): (usize, &Reading)| {
            let like = 1.0 - distance(digits, &r.digits) as f32 / MOBILE as f32;
            // What is said later corrects what was said before.
            r.trust * (0.3 + like) * if like < 0.6 { 0.0 } else { 1.0 + 0.05 * order as f32 }
        };
        readings.iter().enumerate().map(of).sum()
    };
    let digits = candidates.into_iter().max_by(|a, b| agreement(a).total_cmp(&agreement(b)))?;
    let exact: Vec<&Reading> = readings.iter().filter(|r| r.digits == digits).collect();
    let trust = exact.iter().map(|r| r.trust).fold(0.0, f32::max);
    let confidence = match exact.len() {
        0 => 0.45,
        1 => 0.4 + 0.45 * trust,
        _ => 0.6 + 0.35 * trust,
    };
    let near = |r: &&Reading| !r.agent && distance(&digits, &r.digits) <= 3;
    let mut evidence: Vec<Span> = readings.iter().filter(near).map(|r| r.span).collect();
    if evidence.is_empty() {
        evidence = exact.iter().map(|r| r.span).collect();
    }
    Some(Fused { digits, confidence, votes: exact.len(), evidence })
}

/// Turns after a number was spoken of within which digits belong to it.
const LONGEST_TALK: usize = 4;

/// Every reading of a mobile number in the call: asked for, announced, or read back.
fn readings(heard: &Heard) -> Vec<Reading> {
    let mut found = Vec::new();
    // Turns since a number was spoken of.
    let mut since = usize::MAX;
    for (utterance, said) in heard.said.iter().enumerate() {
        let text = said.written();
        let plain: String = text.iter().collect();
        let holds = |words: &[&str]| words.iter().any(|word| plain.contains(word));
        since = if holds(&ANNOUNCE) { 0 } else { since.saturating_add(1) };
        if since > LONGEST_TALK || (holds(&OTHER) && !holds(&ANNOUNCE)) {
            continue;
        }
        for run in doubtful_runs(&text) {
            let Some((digits, trust, start, end)) = number_of(&run) else { continue };
            // A recogniser that was sure of every digit is more often right.
            let sure = said.chars[start..end].iter().map(|c| c.confidence).sum::<f32>()
                / (end - start).max(1) as f32;
            let trust = trust * (0.5 + 0.5 * sure);
            let span = Span { utterance, start, end };
            found.push(Reading { digits, trust, span, agent: said.leg == Leg::Agent });
            since = 0;
        }
    }
    found
}

/// The stretch of a run that is most likely a mobile number, or, if none is complete, its sure part.
fn number_of(run: &[Doubtful]) -> Option<(String, f32, usize, usize)> {
    let sure = |part: &[Doubtful]| part.iter().filter(|digit| digit.trust == 1.0).count();
    let text = |part: &[Doubtful]| {
        part.iter().map(|digit| char::from(b'0' + digit.value)).collect::<String>()
    };
    let give = |part: &[Doubtful]| {
        let trust = part.iter().map(|digit| digit.trust).sum::<f32>() / part.len() as f32;
        Some((text(part), trust, part.first()?.at, part.last()?.at + 1))
    };
    let total = sure(run);
    // Identity and account numbers are longer, unless the same number was said twice.
    if total > 16 && total != 2 * MOBILE {
        return None;
    }
    // What only sounds like a digit may open a number (幺 is written as 有) but seldom ends one: 您.
    let edges = |part: &[Doubtful]| {
        let [.., before, last] = part else { return false };
        // Nor does what follows a comma: 八四五，已经登记.
        part[0].trust > 0.45
            && (last.trust == 1.0 || (last.trust > 0.55 && last.at == before.at + 1))
    };
    let windows = run
        .windows(MOBILE)
        .filter(|part| sure(part) >= LEAST_SURE && edges(part) && is_mobile(&text(part)));
    let score = |part: &&[Doubtful]| {
        part.iter().map(|digit| digit.trust).sum::<f32>() - 0.8 * (total - sure(part)) as f32
    };
    if let Some(part) = windows
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .filter(|part| total - sure(part) <= 2 || total == 2 * MOBILE)
    {
        return give(part);
    }
    let first = run.iter().position(|digit| digit.trust > 0.5)?;
    let last = run.iter().rposition(|digit| digit.trust == 1.0)?;
    let part = &run[first..=last];
    ((7..=13).contains(&part.len()) && sure(part) >= LEAST_SURE).then(|| give(part)).flatten()
}

/// The shortest string that holds both in order, if it is as long as a mobile number.
fn overlay(a: &str, b: &str) -> Option<String> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut common = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    if a.len() + b.len() - common[0][0] != MOBILE {
        return None;
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        let both = i < a.len() && j < b.len() && a[i] == b[j];
        let from_a = j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]);
        let digit = if both || from_a { a[i] } else { b[j] };
        (i, j) = if both {
            (i + 1, j + 1)
        } else if from_a {
            (i + 1, j)
        } else {
            (i, j + 1)
        };
        out.push(char::from(digit));
    }
    Some(out)
}
