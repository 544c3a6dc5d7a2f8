//! What came out: one interpretation for each matter that the caller raised.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::heard::{Heard, Span};

/// 诉求类型: what kind of request this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RequestType {
    /// 咨询
    #[serde(rename = "咨询")]
    Consultation,
    /// 求助
    #[serde(rename = "求助")]
    Help,
    /// 投诉
    #[serde(rename = "投诉")]
    Complaint,
    /// 举报
    #[serde(rename = "举报")]
    Report,
    /// 建议
    #[serde(rename = "建议")]
    Suggestion,
    /// 表扬
    #[serde(rename = "表扬")]
    Praise,
}

/// 紧急程度, in rising order.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum Urgency {
    /// 一般
    #[default]
    #[serde(rename = "一般")]
    Normal,
    /// 紧急
    #[serde(rename = "紧急")]
    Urgent,
    /// 特急
    #[serde(rename = "特急")]
    Critical,
}

/// A kind of emergency that belongs to another line first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Emergency {
    /// 119
    Fire,
    /// 110
    Crime,
    /// 120
    Medical,
    /// 122
    Traffic,
    /// A gas leak.
    Gas,
    /// People in danger otherwise (trapped, drowning, about to jump).
    Danger,
}

/// A value with the confidence in it, the words it came from and what else it might be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found<T> {
    /// The best reading.
    pub value: T,
    /// Calibrated probability that `value` is right, 0 to 1.
    pub confidence: f32,
    /// The words it came from; empty when a default was taken.
    pub evidence: Vec<Span>,
    /// The next best reading with its probability.
    pub runner_up: Option<(T, f32)>,
}

/// A place resolved against the address table and the city's gazetteer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// As it was said, corrections applied, parts joined.
    pub text: String,
    /// Codes of the levels that were resolved, province to street (2, 4, 6, 9 digits).
    pub codes: Vec<String>,
    /// Names of the levels that were resolved, province to street.
    pub names: Vec<String>,
    /// What follows the street: road, estate, building, unit, room; normalised ("6号楼3单元201").
    pub detail: String,
    /// Other streets or districts it might be, best first.
    pub candidates: Vec<Candidate>,
}

/// Another reading of a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Code of the deepest level.
    pub code: String,
    /// Names, province to street.
    pub names: Vec<String>,
    /// 0 to 1; comparable within one list only.
    pub score: f32,
}

/// When the matter happened, against the call's clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// As it was said.
    pub text: String,
    /// Beginning of the interval meant.
    pub from: Timestamp,
    /// End of the interval meant.
    pub to: Timestamp,
}

/// A word that was understood otherwise than it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Where it stands.
    pub span: Span,
    /// As the recogniser wrote it.
    pub heard: String,
    /// As it was understood: a word of the city's that sounds like it.
    pub meant: String,
}

/// What one matter of the call means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interpretation {
    /// 诉求类型.
    pub request_type: Found<RequestType>,
    /// First-level category of the tree in `city/`, by name.
    pub category: Found<String>,
    /// Second-level category, where it can be told.
    pub category_2: Option<Found<String>>,
    /// The office that answered questions like this one, where it is a question.
    pub office: Option<Found<String>>,
    /// Departments that take such matters, the likeliest first, with how likely each is.
    #[serde(default)]
    pub departments: Vec<(String, f32)>,
    /// 紧急程度.
    pub urgency: Found<Urgency>,
    /// An emergency, if this is one.
    pub emergency: Option<Found<Emergency>>,
    /// Call-back number that the caller gave, digits only.
    pub phone: Option<Found<String>>,
    /// Where.
    pub place: Option<Found<Place>>,
    /// When.
    pub when: Option<Found<When>>,
    /// The caller's name as given ("王女士", "李建国").
    pub name: Option<Found<String>>,
    /// Whom or what the matter is about: shop, project, company, department.
    pub subject: Option<Found<String>>,
    /// One line in the register of a work order, made of words that were said.
    pub title: String,
    /// Words that were understood otherwise than they were written down.
    pub readings: Vec<Reading>,
    /// The caller's words about this matter: the utterances or parts of them.
    pub matter: Vec<Span>,
}

/// Makes meaning of what was heard. Implemented by the classifier and by scripts in tests.
pub trait Interpret {
    /// One interpretation for each matter; none when the caller raised no matter.
    fn interpret(&self, heard: &Heard) -> Vec<Interpretation>;
}
