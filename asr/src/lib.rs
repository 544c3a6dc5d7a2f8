//! What was said: endpointing and transcription with local Whisper.

pub mod cer;
mod endpoint;
mod error;
mod guard;
pub mod models;
mod transcript;
mod whisper;

pub use endpoint::{Endpoint, EndpointConfig, Endpointer};
pub use error::Error;
pub use transcript::{Char, Transcribe, Transcript, Utterance};
pub use whisper::{Decoding, Model, Peer, Worker};
