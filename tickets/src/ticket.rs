//! A ticket: its state is its history, applied in order.

use serde_json::Value;

use crate::event::{Event, Record, Status};
use crate::fields::{CORRECTABLE, Fields, TYPES, URGENCIES};
use crate::number::TicketId;

/// A ticket as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Ticket {
    /// Number.
    pub id: TicketId,
    /// Events so far.
    pub version: u32,
    /// Where it stands.
    pub status: Status,
    /// What it says now.
    pub fields: Fields,
    /// SHA-256 of the call's recording.
    pub call: String,
    /// Which of the call's matters.
    pub matter: usize,
    /// Everything that happened, oldest first.
    pub history: Vec<Record>,
}

/// What a person asks of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Change a field.
    Correct {
        /// Serialised name of the field.
        field: String,
        /// The right value.
        to: Value,
        /// Why.
        why: String,
    },
    /// Say what an utterance really was.
    CorrectTranscript {
        /// Index of the utterance.
        utterance: usize,
        /// What was heard.
        from: String,
        /// What was said.
        to: String,
        /// Why.
        why: String,
    },
    /// Send it to a department; to the proposed one when none is named.
    Dispatch {
        /// Full name.
        to: Option<String>,
    },
}

/// What a command may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Full names of the departments that take tickets.
    pub departments: &'a [String],
    /// First-level categories.
    pub categories: &'a [String],
}

/// Why a command was refused, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

impl Ticket {
    /// The ticket that its records make; `None` when they do not begin with its opening.
    pub fn from_records(id: TicketId, records: Vec<Record>) -> Option<Ticket> {
        let mut records = records.into_iter();
        let first = records.next()?;
        let Event::Opened { call, matter, status, fields } = &first.event else { return None };
        let mut ticket = Ticket {
            id,
            version: 1,
            status: *status,
            fields: (**fields).clone(),
            call: call.clone(),
            matter: *matter,
            history: vec![first.clone()],
        };
        records.for_each(|record| ticket.apply(record));
        Some(ticket)
    }

    /// What a command brings about. Refuses; changes nothing.
    ///
    /// # Errors
    /// [`Rejected`], with the remedy.
    pub fn decide(&self, command: Command, known: Known<'_>) -> Result<Vec<Event>, Rejected> {
        let rejected = |reason: String| Err(Rejected(reason));
        match command {
            Command::Correct { field, to, why } => {
                if !CORRECTABLE.contains(&field.as_str()) {
                    return rejected(format!(
                        "no field {field:?} can be corrected; one of {}",
                        CORRECTABLE.join(", ")
                    ));
                }
                if why.trim().is_empty() {
                    return rejected("a correction needs its reason: --why".to_owned());
                }
                let from = self.fields.get(&field);
                if from == to {
                    return rejected(format!("{field} has this value already"));
                }
                check(&field, &to, known)?;
                // The decoder's own words would quote the value, which may be the caller's.
                if self.fields.with(&field, to.clone()).is_err() {
                    return rejected(format!(
                        "{field} cannot hold such a value; `hotline ticket {} --json` shows its form",
                        self.id
                    ));
                }
                // A second level belongs to its first.
                let orphan = self.fields.get("category_2");
                let orphaned = field == "category" && !orphan.is_null();
                let mut events = vec![Event::Corrected { field, from, to, why: why.clone() }];
                if orphaned {
                    events.push(Event::Corrected {
                        field: "category_2".to_owned(),
                        from: orphan,
                        to: Value::Null,
                        why,
                    });
                }
                Ok(events)
            }
            Command::CorrectTranscript { utterance, from, to, why } => {
                if from == to {
                    return rejected(format!("utterance {utterance} reads like this already"));
                }
                Ok(vec![Event::TranscriptCorrected { utterance, from, to, why }])
            }
            Command::Dispatch { to } => {
                let proposed = self.fields.department.clone();
                let Some(department) = to.or_else(|| proposed.clone()) else {
                    return rejected("no department is proposed; name one with --to".to_owned());
                };
                check("department", &Value::String(department.clone()), known)?;
                if self.status == Status::Dispatched && proposed.as_ref() == Some(&department) {
                    return rejected(format!("the ticket is with {department} already"));
                }
                let from = proposed.filter(|proposed| *proposed != department);
                Ok(vec![Event::Dispatched { department, from }])
            }
        }
    }

    /// Takes an event in. Never refuses: it has happened.
    pub fn apply(&mut self, record: Record) {
        match &record.event {
            Event::Opened { .. } | Event::TranscriptCorrected { .. } => {}
            Event::Corrected { field, to, .. } => {
                // A value that this version cannot hold leaves the field as it is; the history keeps it.
                if let Ok(fields) = self.fields.with(field, to.clone()) {
                    self.fields = fields;
                }
            }
            Event::Dispatched { department, .. } => {
                if self.fields.department.as_ref() != Some(department) {
                    // The reason was the rule's, for another one.
                    self.fields.department_reason = None;
                }
                self.fields.department = Some(department.clone());
                self.status = Status::Dispatched;
            }
        }
        self.version += 1;
        self.history.push(record);
    }
}

/// Refuses values that are well-formed and wrong.
fn check(field: &str, to: &Value, known: Known<'_>) -> Result<(), Rejected> {
    let text = to.as_str().unwrap_or_default();
    let one_of = |what: &str, names: &[String]| {
        if names.iter().any(|name| name == text) {
            return Ok(());
        }
        Err(Rejected(format!("unknown {what} {text:?}{}", nearest(names, text))))
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    match field {
        "type" => one_of("type", &owned(&TYPES)),
        "urgency" => one_of("urgency", &owned(&URGENCIES)),
        "category" => one_of("category", known.categories),
        "department" => one_of("department", known.departments),
        "phone" if !to.is_null() => {
            let digits = text.len() >= 5
                && text.len() <= 12
                && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then_some(()).ok_or_else(|| {
                Rejected("that is no phone number: 5 to 12 digits, nothing else".to_owned())
            })
        }
        "deadline" => text.parse::<jiff::Timestamp>().map(|_| ()).map_err(|_| {
            Rejected(format!("{text:?} is no moment; write it like 2026-03-02T17:00:00+08:00"))
        }),
        "title" if text.trim().is_empty() => Err(Rejected("a ticket needs a title".to_owned())),
        _ => Ok(()),
    }
}

/// "; did you mean …?" with the name that shares the most characters.
pub(crate) fn nearest<'a>(names: impl IntoIterator<Item = &'a String>, text: &str) -> String {
    let shared = |name: &str| text.chars().filter(|ch| name.contains(*ch)).count();
    let extra = |name: &str| name.chars().filter(|ch| !text.contains(*ch)).count();
    let near = names.into_iter().max_by_key(|name| (shared(name), std::cmp::Reverse(extra(name))));
    near.filter(|name| shared(name) > 0)
        .map_or(String::new(), |name| format!("; did you mean {name}?"))
}
