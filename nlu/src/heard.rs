//! What went in: the utterances of one call, as they were heard.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose voice a sound or a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Leg {
    /// The person who called.
    Caller,
    /// The person who answered. Never counts as the caller's words.
    Agent,
    /// Both on one channel, and nobody has told them apart yet.
    Mixed,
}

/// One character of a transcript with its place in the call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Char {
    /// The character.
    pub ch: char,
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// Milliseconds from the start of the recording.
    pub end_ms: u64,
    /// Probability that the recogniser gave to the token this character came from, 0 to 1.
    pub confidence: f32,
}

/// One utterance: one stretch of speech of one leg.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Whose words these are.
    pub leg: Leg,
    /// True when a mono mix was split by turn and `leg` is a guess.
    #[serde(default)]
    pub leg_uncertain: bool,
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// Milliseconds from the start of the recording.
    pub end_ms: u64,
    /// The characters in order; their concatenation is the text.
    pub chars: Vec<Char>,
    /// Mean confidence, 0 to 1.
    pub confidence: f32,
}

impl Said {
    /// The text of the utterance.
    pub fn text(&self) -> String {
        self.chars.iter().map(|c| c.ch).collect()
    }

    /// Its characters without times.
    pub(crate) fn written(&self) -> Vec<char> {
        self.chars.iter().map(|c| c.ch).collect()
    }

    /// An utterance from text alone, without times: for `hotline interpret`, training and tests.
    pub fn from_text(leg: Leg, text: &str) -> Said {
        let chars =
            text.chars().map(|ch| Char { ch, start_ms: 0, end_ms: 0, confidence: 1.0 }).collect();
        Said { leg, leg_uncertain: false, start_ms: 0, end_ms: 0, chars, confidence: 1.0 }
    }
}

/// Everything that was heard in one call, in time order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The utterances of all legs, ordered by `start_ms`.
    pub said: Vec<Said>,
    /// When the call began: relative dates ("昨晚") are counted from here, never from now.
    pub started_at: Timestamp,
    /// The number that the line showed, digits only, where known.
    pub line_number: Option<String>,
}

/// The transcript of a call, as it is stored: what was heard, and nothing of what was made of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTranscript {
    /// Version of this form.
    pub v: u32,
    /// Length of the sound.
    pub duration_ms: u64,
    /// What is missing from a damaged recording.
    pub incomplete: Option<String>,
    /// What was heard.
    pub heard: Heard,
}

/// A stretch of characters of one utterance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index into [`Heard::said`].
    pub utterance: usize,
    /// First character, counted in Unicode characters.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
}

/// Whether a word is written at a place of a text.
pub(crate) fn is_at(text: &[char], at: usize, word: &str) -> bool {
    let mut rest = text.get(at..).unwrap_or_default().iter();
    word.chars().all(|ch| rest.next() == Some(&ch))
}
