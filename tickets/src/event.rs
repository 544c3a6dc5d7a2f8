//! What happened. Events are past tense, versioned, and never change once written.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fields::Fields;
use crate::number::TicketId;

/// Version of the records that are written now. Older ones stay readable for ever.
pub const RECORD_VERSION: u32 = 2;

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
    /// The ticket was opened, out of a call or by hand.
    Opened {
        /// SHA-256 of the call's recording.
        call: String,
        /// Which of the call's matters, from 0.
        matter: usize,
        /// 已派遣, 待补充, 待复核 or, by hand, 待派遣.
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
    /// The ticket was sent to a department (派单).
    Dispatched {
        /// Full name.
        department: String,
        /// The one proposed before, if another.
        from: Option<String>,
        /// When an answer is due, where the clock began anew.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
        /// Why, where somebody said so.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// Another department was asked to help (加派); the lead stays responsible.
    DepartmentAdded {
        /// Full name.
        department: String,
        /// Why.
        why: String,
    },
    /// The department took it on (签收).
    Signed {
        /// Full name.
        department: String,
    },
    /// The department refused (退单).
    Refused {
        /// Full name.
        department: String,
        /// Why.
        why: String,
        /// Whose matter it thinks it is.
        suggest: Option<String>,
    },
    /// The caller must tell more; the clock stands still.
    CallerAsked {
        /// What is asked.
        what: String,
    },
    /// The caller told; the clock goes on.
    Supplemented {
        /// What was told.
        text: String,
        /// When an answer is due now, where a clock was running.
        due: Option<Timestamp>,
    },
    /// The department wants more time (延期).
    ExtensionAsked {
        /// Working days.
        days: u32,
        /// Why.
        why: String,
    },
    /// More time was given.
    ExtensionGranted {
        /// When an answer is due now.
        due: Timestamp,
        /// Why.
        why: String,
    },
    /// More time was not given.
    ExtensionDenied {
        /// Why.
        why: String,
    },
    /// The matter was handled and the caller is to be answered (处置).
    Answered(Answer),
    /// The caller was asked what came of it (回访).
    FollowedUp(FollowUp),
    /// It has to be done again (重办).
    Redone {
        /// Why.
        why: String,
        /// When an answer is due now.
        due: Timestamp,
    },
    /// It needs a supervisor (待督办).
    Escalated {
        /// Why.
        why: String,
    },
    /// A supervisor watches it (督办).
    Supervised {
        /// Why.
        why: String,
    },
    /// Whoever has it was reminded (催办); by `hotline` when the deadline is near or gone.
    Reminded {
        /// Why.
        why: String,
    },
    /// The same matter as another ticket, which goes on (并单).
    Merged {
        /// The one that goes on.
        into: TicketId,
    },
    /// Another ticket of the same matter was merged into this one.
    Absorbed {
        /// The other one.
        ticket: TicketId,
    },
    /// The caller no longer wants it (撤单).
    Withdrawn {
        /// Why.
        why: String,
    },
    /// It is done (结案).
    Closed {
        /// Why, where there is something to say.
        why: String,
    },
    /// A file was added.
    Attached(Attachment),
    /// Somebody wrote something down.
    Noted {
        /// What.
        text: String,
    },
    /// Somebody looked at what is hidden by default.
    Revealed {
        /// phone or recording.
        what: String,
        /// Why.
        why: String,
    },
}

/// What a department made of a matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was done (办理情况).
    pub handling: String,
    /// What the caller is told (公开答复).
    pub reply: String,
    /// Whether the matter is solved.
    pub solved: bool,
    /// Why not (未解决原因).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the caller said when asked afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Whether the caller could be reached; if not, the rest is void.
    pub reached: bool,
    /// Whether the department got in touch (响应).
    pub responded: bool,
    /// Whether the matter is solved (解决).
    pub solved: bool,
    /// 1 to 5 (满意).
    pub satisfied: u8,
    /// In the caller's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
}

impl FollowUp {
    /// Stars from which on a caller counts as satisfied.
    pub const SATISFIED: u8 = 4;

    /// Whether this lets a ticket be closed without anybody asking further.
    pub fn is_good(&self) -> bool {
        self.reached && self.solved && self.satisfied >= Self::SATISFIED
    }
}

/// A file that belongs to a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Name that it came under, without folders.
    pub name: String,
    /// Its content.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// What kind of file (RFC 6838).
    pub media_type: String,
}

/// Where a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Sent to its department, which has not taken it on yet.
    #[serde(rename = "已派遣")]
    Dispatched,
    /// Something is missing that only the caller can tell.
    #[serde(rename = "待补充")]
    Incomplete,
    /// A person must look at it first.
    #[serde(rename = "待复核")]
    Review,
    /// Accepted, and with no department.
    #[serde(rename = "待派遣")]
    Accepted,
    /// The department has taken it on.
    #[serde(rename = "处置中")]
    Handling,
    /// Handled; the caller is to be asked.
    #[serde(rename = "待回访")]
    Answered,
    /// The caller was asked.
    #[serde(rename = "已回访")]
    FollowedUp,
    /// A supervisor must decide.
    #[serde(rename = "待督办")]
    Escalated,
    /// Done.
    #[serde(rename = "已结案")]
    Closed,
    /// Goes on as another ticket.
    #[serde(rename = "已并单")]
    Merged,
    /// No longer wanted.
    #[serde(rename = "已撤单")]
    Withdrawn,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 11] = [
        Status::Dispatched,
        Status::Incomplete,
        Status::Review,
        Status::Accepted,
        Status::Handling,
        Status::Answered,
        Status::FollowedUp,
        Status::Escalated,
        Status::Closed,
        Status::Merged,
        Status::Withdrawn,
    ];

    /// The Chinese name.
    pub fn name(self) -> &'static str {
        match self {
            Status::Dispatched => "已派遣",
            Status::Incomplete => "待补充",
            Status::Review => "待复核",
            Status::Accepted => "待派遣",
            Status::Handling => "处置中",
            Status::Answered => "待回访",
            Status::FollowedUp => "已回访",
            Status::Escalated => "待督办",
            Status::Closed => "已结案",
            Status::Merged => "已并单",
            Status::Withdrawn => "已撤单",
        }
    }

    /// Whether somebody still has to do something.
    pub fn is_open(self) -> bool {
        !matches!(self, Status::Closed | Status::Merged | Status::Withdrawn)
    }

    /// Whether an answer is still owed, so that a deadline can be missed.
    pub fn is_due(self) -> bool {
        self.is_open() && !matches!(self, Status::Answered | Status::FollowedUp)
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Status, String> {
        let known = Status::ALL.into_iter().find(|status| status.name() == text);
        known.ok_or_else(|| {
            let names = Status::ALL.map(Status::name).join(", ");
            format!("unknown status {text:?}; one of {names}")
        })
    }
}

/// What became of a recording, and what made the decision, so that it can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Version of the record.
    pub v: u32,
    /// SHA-256 of the recording; of a ticket that was opened by hand, of what was typed.
    pub sha256: String,
    /// Ending of the recording's file; empty when there is no recording.
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

impl Call {
    /// Whether there is something to hear.
    pub fn has_sound(&self) -> bool {
        !self.ending.is_empty()
    }
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
