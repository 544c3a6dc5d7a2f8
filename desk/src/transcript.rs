//! What was said in a call, as consoles show it: utterances, words with their times, what was
//! corrected, and what is blanked.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nlu::{Heard, Leg, Said, StoredTranscript};
use serde::Serialize;
use tickets::{Call, Command, Error, Event, Store, Ticket};

use crate::Desk;
use crate::problem::Problem;
use crate::sound::Peaks;

/// An utterance.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Utterance {
    /// Index.
    pub n: usize,
    /// caller, agent or mixed.
    pub leg: &'static str,
    /// Whether the leg is a guess.
    pub uncertain: bool,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start.
    pub end_ms: u64,
    /// 0 to 1.
    pub confidence: f64,
    /// As it was heard.
    pub text: String,
    /// As a person says it was.
    pub corrected: Option<String>,
    /// The text in pieces with their times.
    pub words: Vec<Word>,
}

/// A piece of an utterance: a character, or a run of letters or digits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Word {
    /// Text.
    pub t: String,
    /// First millisecond.
    pub s: u64,
    /// One past the last millisecond.
    pub e: u64,
    /// Confidence, 0 to 1.
    pub c: f64,
}

/// In place of a character that tells who called.
const BLANK: char = '＊';

/// The transcript of a call; an empty one where there is none.
///
/// # Errors
/// A file that is missing or is no transcript.
pub fn load(store: &Store, call: &Call) -> Result<StoredTranscript, Error> {
    if call.transcript.is_empty() {
        let heard = Heard { said: Vec::new(), started_at: call.started_at, line_number: None };
        let duration_ms = call.duration_ms;
        return Ok(StoredTranscript { v: 1, duration_ms, incomplete: None, heard });
    }
    let bytes = store.files().read_transcript(&call.transcript)?;
    serde_json::from_slice(&bytes).map_err(|_| Error::Damaged {
        path: store.files().transcript(&call.transcript),
        reason: "not a transcript".to_owned(),
    })
}

/// What people said of the utterances of a call, in any of its tickets; the last word counts.
pub fn corrections<'a>(tickets: impl Iterator<Item = &'a Ticket>) -> BTreeMap<usize, String> {
    let mut all: Vec<(Timestamp, usize, &String)> = Vec::new();
    for record in tickets.flat_map(|ticket| &ticket.history) {
        if let Event::TranscriptCorrected { utterance, to, .. } = &record.event {
            all.push((record.at, *utterance, to));
        }
    }
    all.sort();
    all.into_iter().map(|(_, utterance, to)| (utterance, to.clone())).collect()
}

/// Utterances for a console; with `redact` names, numbers and addresses are blanked.
pub fn utterances(
    heard: &Heard,
    corrected: &BTreeMap<usize, String>,
    redact: bool,
) -> Vec<Utterance> {
    let utterance = |(n, said): (usize, &Said)| {
        let blank = if redact { nlu::blanks(&said.text()) } else { vec![false; said.chars.len()] };
        let corrected =
            corrected.get(&n).map(|text| if redact { blanked(text) } else { text.clone() });
        Utterance {
            n,
            leg: leg(said.leg),
            uncertain: said.leg_uncertain,
            start_ms: said.start_ms,
            end_ms: said.end_ms,
            confidence: f64::from(said.confidence),
            text: said
                .chars
                .iter()
                .zip(&blank)
                .map(|(ch, blank)| if *blank { BLANK } else { ch.ch })
                .collect(),
            corrected,
            words: words(said, &blank),
        }
    };
    heard.said.iter().enumerate().map(utterance).collect()
}

fn leg(leg: Leg) -> &'static str {
    match leg {
        Leg::Caller => "caller",
        Leg::Agent => "agent",
        Leg::Mixed => "mixed",
    }
}

/// A text with every character blanked that tells who called; as long as before.
pub fn blanked(text: &str) -> String {
    let blank = nlu::blanks(text);
    text.chars().zip(blank).map(|(ch, blank)| if blank { BLANK } else { ch }).collect()
}

fn words(said: &Said, blank: &[bool]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut joins = false;
    for (ch, blank) in said.chars.iter().zip(blank) {
        let shown = if *blank { BLANK } else { ch.ch };
        let run = shown.is_ascii_alphanumeric();
        // What has no sound of its own, a comma say, belongs to the word before it.
        let silent = !ch.ch.is_alphanumeric();
        match words.last_mut() {
            Some(word) if (run && joins) || silent => {
                word.t.push(shown);
                word.e = word.e.max(ch.end_ms);
                word.c = word.c.min(f64::from(ch.confidence));
            }
            _ => words.push(Word {
                t: shown.to_string(),
                s: ch.start_ms,
                e: ch.end_ms,
                c: f64::from(ch.confidence),
            }),
        }
        joins = run;
    }
    words
}

/// Stretches of sound in which something is said that tells who called: the times of blanked
/// characters, with a margin, since word times are not exact.
/// Where somebody corrected an utterance into something that tells, all of it is silenced: where in
/// it the word stands is not known.
pub fn silenced(heard: &Heard, corrected: &BTreeMap<usize, String>) -> Vec<(u64, u64)> {
    /// Milliseconds before and after.
    const MARGIN_MS: u64 = 180;
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for (n, said) in heard.said.iter().enumerate() {
        if corrected.get(&n).is_some_and(|text| nlu::blanks(text).contains(&true)) {
            spans.push((said.start_ms.saturating_sub(MARGIN_MS), said.end_ms + MARGIN_MS));
        }
        let blank = nlu::blanks(&said.text());
        for (ch, _) in said.chars.iter().zip(blank).filter(|(_, blank)| *blank) {
            spans.push((ch.start_ms.saturating_sub(MARGIN_MS), ch.end_ms + MARGIN_MS));
        }
    }
    spans.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Stretches of at least so many milliseconds in which nobody speaks.
pub fn silences(heard: &Heard, duration_ms: u64) -> Vec<(u64, u64)> {
    const LEAST_MS: u64 = 1500;
    let mut at = 0;
    let mut found = Vec::new();
    for said in &heard.said {
        if said.start_ms > at + LEAST_MS {
            found.push((at, said.start_ms));
        }
        at = at.max(said.end_ms);
    }
    if duration_ms > at + LEAST_MS {
        found.push((at, duration_ms));
    }
    found
}

/// Whose voice each channel is: of two, the one that is louder while somebody speaks is his.
pub fn channels(heard: &Heard, peaks: &Peaks) -> Vec<&'static str> {
    let mut legs: Vec<Leg> = Vec::new();
    for said in &heard.said {
        if !legs.contains(&said.leg) {
            legs.push(said.leg);
        }
    }
    let [left, right] = &peaks.legs[..] else {
        return vec![match legs[..] {
            [one] => leg(one),
            _ => "mixed",
        }];
    };
    let loud = |channel: &[u8], whose: Leg| -> u64 {
        let spoken = heard.said.iter().filter(|said| said.leg == whose);
        let column = |ms: u64| (ms / peaks.bucket_ms.max(1)) as usize;
        let of = |said: &Said| {
            channel.get(column(said.start_ms)..column(said.end_ms).min(channel.len()))
        };
        spoken.filter_map(of).flatten().map(|peak| u64::from(*peak)).sum()
    };
    let as_usual = loud(left, Leg::Agent) + loud(right, Leg::Caller);
    let swapped = loud(left, Leg::Caller) + loud(right, Leg::Agent);
    if as_usual >= swapped { vec!["agent", "caller"] } else { vec!["caller", "agent"] }
}

impl Desk {
    /// Refuses the correction of an utterance that is not there.
    pub(crate) fn check_utterances(
        &self,
        ticket: &Ticket,
        commands: &[Command],
    ) -> Result<(), Problem> {
        let wanted = commands.iter().filter_map(|command| match command {
            Command::CorrectTranscript { utterance, .. } => Some(*utterance),
            _ => None,
        });
        let Some(last) = wanted.max() else { return Ok(()) };
        let call = self.store.call(&ticket.call)?;
        let count = match call {
            Some(call) => load(&self.store, &call)?.heard.said.len(),
            None => 0,
        };
        if last >= count {
            return Err(Problem::invalid(format!("通话只有 {count} 句，没有第 {} 句", last + 1)));
        }
        Ok(())
    }
}
