//! What was said: endpointing and transcription with local Whisper.

mod transcript;

pub use transcript::{Char, Transcribe, Transcript, Utterance};

/// Why nothing could be transcribed.
#[derive(Debug, thiserror::Error)]
pub enum Error {}
