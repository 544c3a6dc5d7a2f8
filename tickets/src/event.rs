//! What happened. Events are past tense, versioned, and never change once written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::Fields;

/// Version of the records that are written now. Older ones stay readable for ever.
pub const RECORD_VERSION: u32 = 1;

/// An event with its circumstances, as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`] at the time of writing.
    pub v: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who did it: a person's name, or `hotline` for the program itself.
    pub by: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened to a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The ticket was opened out of a call.
    Opened {
        /// SHA-256 of the call's recording.
        call: String,
        /// Which of the call's matters, from 0.
        matter: usize,
        /// 已派遣, 待补充 or 待复核.
        status: Status,
        /// What the call gave.
        fields: Box<Fields>,
    },
    /// A person corrected a field.
    Corrected {
        /// Serialised name of the field.
        field: String,
        /// Before.
        from: Value,
        /// After.
        to: Value,
        /// Why.
        why: String,
    },
    /// A person corrected what was heard; the transcript itself stays as it is.
    TranscriptCorrected {
        /// Index of the utterance.
        utterance: usize,
        /// What was heard.
        from: String,
        /// What was said.
        to: String,
        /// Why.
        why: String,
    },
    /// The ticket was sent to a department.
    Dispatched {
        /// Full name.
        department: String,
        /// The one proposed before, if another.
        from: Option<String>,
    },
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Sent to its department.
    #[serde(rename = "已派遣")]
    Dispatched,
    /// Something is missing that only the caller can tell.
    #[serde(rename = "待补充")]
    Incomplete,
    /// A person must look at it first.
    #[serde(rename = "待复核")]
    Review,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 3] = [Status::Dispatched, Status::Incomplete, Status::Review];

    /// The Chinese name.
    pub fn name(self) -> &'static str {
        match self {
            Status::Dispatched => "已派遣",
            Status::Incomplete => "待补充",
            Status::Review => "待复核",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Status, String> {
        let known = Status::ALL.into_iter().find(|status| status.name() == text);
        known.ok_or_else(|| format!("unknown status {text:?}; one of 已派遣, 待补充, 待复核"))
    }
}

/// What became of a recording, and what made the decision, so that it can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Version of the record.
    pub v: u32,
    /// SHA-256 of the recording.
    pub sha256: String,
    /// Ending of the recording's file.
    pub ending: String,
    /// Name that the recording came under.
    pub recording: String,
    /// SHA-256 of the transcript.
    pub transcript: String,
    /// When the call began.
    pub started_at: Timestamp,
    /// When it was taken into the store.
    pub received_at: Timestamp,
    /// Length of the sound.
    pub duration_ms: u64,
    /// tickets, transfer, none or unusable.
    pub outcome: String,
    /// What is missing from a damaged recording.
    pub incomplete: Option<String>,
    /// Tickets that came of it.
    pub tickets: Vec<crate::TicketId>,
    /// What made the decision.
    pub made_by: MadeBy,
}

/// Hashes of everything that a decision depends on, besides the recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MadeBy {
    /// Whisper model, SHA-256.
    pub model: String,
    /// Classifier, SHA-256 over its files.
    pub classifier: String,
    /// The city's files, SHA-256.
    pub city: String,
    /// Version of the program.
    pub program: String,
}

/// An export was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "exported")]
pub struct Exported {
    /// Version of the record.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// What was exported.
    pub what: String,
}
