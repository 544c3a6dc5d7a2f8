//! What a ticket says: the fields of a work order (GB/T 33358-2016), each with the confidence in
//! it and the words it came from. The serialised names are an interface.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fields of a ticket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fields {
    /// 诉求类型.
    #[serde(rename = "type")]
    pub request_type: String,
    /// First-level category.
    pub category: String,
    /// Second-level category.
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
    /// Call-back number, digits.
    pub phone: Option<String>,
    /// Where.
    pub place: Option<Place>,
    /// When it happened.
    pub when: Option<When>,
    /// The caller's name.
    pub name: Option<String>,
    /// Whom or what it is about.
    pub subject: Option<String>,
    /// When an answer is due (RFC 3339, +08:00).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// One line.
    pub title: String,
    /// What a person wrote down who opened the ticket by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words that were understood otherwise than they were written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
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
    pub evidence: BTreeMap<String, Vec<Span>>,
}

/// A place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// As it was said.
    pub text: String,
    /// Province to street.
    pub codes: Vec<String>,
    /// Province to street.
    pub names: Vec<String>,
    /// Road, estate, building, room.
    pub detail: String,
    /// What else it might be.
    pub candidates: Vec<Candidate>,
}

/// Another reading of a place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Code of the deepest level.
    pub code: String,
    /// Province to street.
    pub names: Vec<String>,
    /// 0 to 1.
    pub score: f64,
}

/// A time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// As it was said.
    pub text: String,
    /// RFC 3339, +08:00.
    pub from: String,
    /// RFC 3339, +08:00.
    pub to: String,
}

/// A word that was understood otherwise than it was written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Where it stands.
    #[serde(flatten)]
    pub span: Span,
    /// As the recogniser wrote it.
    pub heard: String,
    /// As it was understood.
    pub meant: String,
}

/// A stretch of one utterance of the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index into the call's transcript.
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

/// Fields that a person may correct, by their serialised names.
pub const CORRECTABLE: [&str; 14] = [
    "type",
    "category",
    "category_2",
    "department",
    "urgency",
    "emergency",
    "emergency_kind",
    "phone",
    "place",
    "when",
    "name",
    "subject",
    "deadline",
    "title",
];

/// 诉求类型, closed.
pub const TYPES: [&str; 6] = ["咨询", "求助", "投诉", "举报", "建议", "表扬"];
/// 紧急程度, in rising order.
pub const URGENCIES: [&str; 3] = ["一般", "紧急", "特急"];

impl Fields {
    /// One field as a value.
    pub fn get(&self, field: &str) -> Value {
        serde_json::to_value(self)
            .ok()
            .and_then(|mut all| all.get_mut(field).map(Value::take))
            .unwrap_or(Value::Null)
    }

    /// Everything that can be searched.
    pub(crate) fn text(&self) -> String {
        let plain = [
            &self.category_2,
            &self.department,
            &self.phone,
            &self.name,
            &self.subject,
            &self.description,
        ];
        let place = self
            .place
            .iter()
            .flat_map(|place| [&place.text, &place.detail].into_iter().chain(&place.names));
        let fixed = [&self.title, &self.request_type, &self.category];
        let all = fixed.into_iter().chain(plain.into_iter().flatten()).chain(place);
        all.map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    /// A copy with one field changed; the field's confidence becomes 1, since a person said so,
    /// and its evidence stays, since it is what was heard.
    ///
    /// # Errors
    /// A value that the field cannot hold.
    pub fn with(&self, field: &str, value: Value) -> Result<Fields, String> {
        let mut all = serde_json::to_value(self).map_err(|error| error.to_string())?;
        all[field] = value;
        let mut fields: Fields = serde_json::from_value(all).map_err(|error| error.to_string())?;
        fields.confidence.insert(field.to_owned(), 1.0);
        fields.runner_up.remove(field);
        fields.missing.retain(|missing| missing != field);
        if field == "category_2" {
            // Who picks the second level has confirmed the first.
            fields.confidence.insert("category".to_owned(), 1.0);
        }
        if field == "department" {
            // The reason was the rule's, for another one.
            fields.department_reason = None;
        }
        Ok(fields)
    }
}
