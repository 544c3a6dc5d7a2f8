//! What was meant: text normalising, classification with candle, slots and places.
//!
//! Depends on no other room. `hotline` turns transcripts into [`Heard`], calls
//! [`Interpret::interpret`], and hands each [`Interpretation`] to the dialogue.

mod address;
pub mod classifier;
mod digits;
pub mod drift;
mod emergency;
mod entities;
mod error;
pub mod eval;
mod heard;
mod interpretation;
mod name;
mod phone;
mod place;
mod road;
mod rules;
mod sound;
mod title;
pub mod train;
mod understanding;
mod when;

pub use classifier::{Classifier, Scores};
pub use entities::{Entities, Entity, blanks, entities, redact};
pub use error::Error;
pub use heard::{Char, Heard, Leg, Said, Span, StoredTranscript};
pub use interpretation::{
    Candidate, Emergency, Found, Interpret, Interpretation, Place, Reading, RequestType, Urgency,
    When,
};
pub use phone::{Dictation, dictation};
pub use place::Gazetteer;
pub use sound::Words;
pub use understanding::Understanding;
