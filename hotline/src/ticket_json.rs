//! A call and its tickets as `--json` shows them. These names are an interface: fields may be
//! added, none may change.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallJson {
    /// Path as it was given.
    pub recording: String,
    /// SHA-256 of the recording's file.
    pub sha256: String,
    /// RFC 3339, +08:00.
    pub started_at: String,
    /// Length of the sound.
    pub duration_ms: u64,
    /// tickets, transfer, none or unusable.
    pub outcome: String,
    /// Whether the file was damaged.
    pub incomplete: bool,
    /// What was heard, in time order.
    pub transcript: Vec<UtteranceJson>,
    /// One a matter.
    pub tickets: Vec<TicketJson>,
}

/// One utterance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct UtteranceJson {
    /// agent, caller or mixed.
    pub leg: String,
    /// A mono mix was split by turn: the leg is a guess.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leg_uncertain: bool,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start.
    pub end_ms: u64,
    /// The words.
    pub text: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// One ticket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TicketJson {
    /// Ticket number; absent before the ticket is in a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// 已派遣, 待补充 or 待复核.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// 诉求类型.
    #[serde(rename = "type")]
    pub request_type: String,
    /// First level.
    pub category: String,
    /// Second level.
    pub category_2: Option<String>,
    /// Department, by its full name.
    pub department: Option<String>,
    /// Why that department, in words.
    pub department_reason: Option<String>,
    /// 一般, 紧急 or 特急.
    pub urgency: String,
    /// Whether this is an emergency.
    pub emergency: bool,
    /// fire, crime, medical, traffic, gas or danger.
    pub emergency_kind: Option<String>,
    /// Digits.
    pub phone: Option<String>,
    /// Where.
    pub place: Option<PlaceJson>,
    /// When, as it was said.
    pub when: Option<WhenJson>,
    /// The caller's name.
    pub name: Option<String>,
    /// Whom or what it is about.
    pub subject: Option<String>,
    /// RFC 3339, +08:00.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// One line.
    pub title: String,
    /// What would still have been asked.
    pub missing: Vec<String>,
    /// What a reader must know besides (录音不完整).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Field to probability.
    pub confidence: BTreeMap<String, f64>,
    /// Field to the second-best value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runner_up: BTreeMap<String, String>,
    /// Field to the words it came from.
    pub evidence: BTreeMap<String, Vec<SpanJson>>,
}

/// A place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlaceJson {
    /// As it was said.
    pub text: String,
    /// Province to street.
    pub codes: Vec<String>,
    /// Province to street.
    pub names: Vec<String>,
    /// Road, estate, building, room.
    pub detail: String,
    /// What else it might be.
    pub candidates: Vec<CandidateJson>,
}

/// Another reading of a place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CandidateJson {
    /// Code of the deepest level.
    pub code: String,
    /// Province to street.
    pub names: Vec<String>,
    /// 0 to 1.
    pub score: f64,
}

/// A time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WhenJson {
    /// As it was said.
    pub text: String,
    /// RFC 3339, +08:00.
    pub from: String,
    /// RFC 3339, +08:00.
    pub to: String,
}

/// A stretch of one utterance.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanJson {
    /// Index into `transcript`.
    pub utterance: usize,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// From the recording's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// From the recording's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
}
