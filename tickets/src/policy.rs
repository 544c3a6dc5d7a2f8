//! What a city decides about the life of its tickets.

use calendar::{Calendar, Limit};
use jiff::Timestamp;

use crate::fields::Fields;

/// What a city decides about the life of its tickets.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Working days.
    pub calendar: Calendar,
    /// How long an answer may take; the first that fits decides.
    pub limits: Vec<LimitRule>,
    /// Redos from which on a supervisor decides.
    pub redos: u32,
    /// Refusals from which on a supervisor decides.
    pub refusals: u32,
    /// How often more time may be given.
    pub extensions: u32,
    /// The most working days that may be asked for at once.
    pub extension_days: u32,
    /// Hours before the deadline at which whoever has the ticket is reminded.
    pub remind_hours: u32,
    /// Times that a caller is tried before a ticket may be closed without an answer.
    pub attempts: u32,
}

/// A limit for some tickets.
#[derive(Debug, Clone)]
pub struct LimitRule {
    /// Any of these request types; all when empty.
    pub types: Vec<String>,
    /// Any of these urgencies; all when empty.
    pub urgency: Vec<String>,
    /// How long an answer may take.
    pub limit: Limit,
}

impl Policy {
    /// How long an answer to a ticket may take. Without a rule that fits: 15 working days.
    pub fn limit(&self, fields: &Fields) -> Limit {
        let fits = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        let rule = self.limits.iter().find(|rule| {
            fits(&rule.types, &fields.request_type) && fits(&rule.urgency, &fields.urgency)
        });
        rule.map_or(Limit::WorkingDays(15), |rule| rule.limit)
    }

    pub(crate) fn due(&self, fields: &Fields, from: Timestamp) -> Timestamp {
        self.calendar.due(from, self.limit(fields))
    }
}
