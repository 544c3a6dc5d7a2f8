//! What was said: characters with their times and confidences.

/// One stretch of speech, cut out by the endpointer.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// Where it begins, in milliseconds from the start of the recording.
    pub start_ms: u64,
    /// Mono sound at [`audio::SAMPLE_RATE`], −1 to 1.
    pub samples: Vec<f32>,
}

/// One character of a transcript. Times are milliseconds from the start of the recording.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Char {
    /// The character, in simplified script.
    pub ch: char,
    /// First millisecond.
    pub start_ms: u64,
    /// One past the last millisecond.
    pub end_ms: u64,
    /// Probability of the token that this character came from, 0 to 1.
    pub confidence: f32,
}

/// The text of one utterance.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transcript {
    /// First millisecond of the utterance.
    pub start_ms: u64,
    /// One past the last millisecond of the utterance.
    pub end_ms: u64,
    /// The characters; empty when nothing was said (silence is a value, not an error).
    pub chars: Vec<Char>,
    /// Mean probability over the characters, 0 to 1.
    pub confidence: f32,
}

impl Transcript {
    /// The text.
    pub fn text(&self) -> String {
        self.chars.iter().map(|c| c.ch).collect()
    }
}

/// Turns an utterance into text. Implemented by Whisper and by scripts in tests.
pub trait Transcribe {
    /// # Errors
    /// Only when the recogniser itself fails; silence gives an empty transcript.
    fn transcribe(&mut self, utterance: &Utterance) -> Result<Transcript, crate::Error>;
}
