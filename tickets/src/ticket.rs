//! A ticket: its state is its history, applied in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Attachment, Event, Record, Status};
use crate::fields::{CORRECTABLE, Fields, TYPES, URGENCIES};
use crate::life::{self, Life};
use crate::moves;
use crate::number::TicketId;
use crate::policy::Policy;

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
    /// What came of it since intake.
    pub life: Life,
    /// Everything that happened, oldest first.
    pub history: Vec<Record>,
}

/// What a person asks of a ticket. The serialised form is an interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Change a field.
    Correct {
        /// Serialised name of the field.
        field: String,
        /// The right value.
        to: Value,
        /// Why.
        #[serde(default)]
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
        #[serde(default)]
        why: String,
    },
    /// Send it to a department; to the proposed one when none is named (派单).
    Dispatch {
        /// Full name.
        #[serde(default)]
        to: Option<String>,
        /// Others that help.
        #[serde(default)]
        co: Vec<String>,
        /// Why there.
        #[serde(default)]
        why: String,
    },
    /// Ask another department to help (加派).
    AddDepartment {
        /// Full name.
        department: String,
        /// Why.
        #[serde(default)]
        why: String,
    },
    /// Take it on (签收).
    Sign,
    /// Refuse it (退单).
    Refuse {
        /// Why.
        why: String,
        /// Whose matter it is.
        #[serde(default)]
        suggest: Option<String>,
    },
    /// Have the caller tell more; the clock stands still (待补充).
    AskCaller {
        /// What.
        what: String,
    },
    /// Write down what the caller told (补充).
    Supplement {
        /// What.
        text: String,
    },
    /// Ask for more time (申请延期).
    AskExtension {
        /// Working days.
        days: u32,
        /// Why.
        why: String,
    },
    /// Give more time (同意延期).
    GrantExtension {
        /// Why.
        #[serde(default)]
        why: String,
    },
    /// Give no more time (不同意延期).
    DenyExtension {
        /// Why.
        why: String,
    },
    /// Say what was done (办结答复).
    Answer {
        /// What was done.
        handling: String,
        /// What the caller is told.
        reply: String,
        /// Whether it is solved.
        solved: bool,
        /// Why not.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Answer a question on the spot and close (直接答复).
    AnswerDirectly {
        /// What the caller is told.
        reply: String,
        /// Entry of the city's knowledge that it came from.
        #[serde(default)]
        knowledge: Option<String>,
    },
    /// Write down what the caller says of it (回访).
    FollowUp {
        /// Whether the caller could be reached.
        reached: bool,
        /// Whether the department got in touch.
        #[serde(default)]
        responded: bool,
        /// Whether it is solved.
        #[serde(default)]
        solved: bool,
        /// 1 to 5.
        #[serde(default)]
        satisfied: u8,
        /// In the caller's words.
        #[serde(default)]
        words: String,
    },
    /// Have it done again (重办).
    Redo {
        /// Why.
        why: String,
    },
    /// Finish it (结案).
    Close {
        /// Why.
        #[serde(default)]
        why: String,
    },
    /// Watch it (督办).
    Supervise {
        /// Why.
        why: String,
    },
    /// Remind whoever has it (催办).
    Remind {
        /// Why.
        #[serde(default)]
        why: String,
    },
    /// Let it go on as another ticket (并单).
    Merge {
        /// The other one.
        into: TicketId,
    },
    /// Drop it on the caller's wish (撤单).
    Withdraw {
        /// Why.
        why: String,
    },
    /// Add a file, which lies in the store already.
    #[serde(skip_deserializing)]
    Attach(Attachment),
    /// Write something down.
    Note {
        /// What.
        text: String,
    },
    /// Look at what is hidden.
    #[serde(skip_deserializing)]
    Reveal {
        /// phone or recording.
        what: String,
        /// Why.
        why: String,
    },
}

/// What a command may refer to, and the rules that it is decided by.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Full names of the departments that take tickets.
    pub departments: &'a [String],
    /// First-level categories.
    pub categories: &'a [String],
    /// The city's rules.
    pub policy: &'a Policy,
}

/// Why a command was refused, with the remedy: for the command line and for the console.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{en}")]
pub struct Rejected {
    /// In English.
    pub en: String,
    /// In Chinese.
    pub zh: String,
}

impl Rejected {
    /// From both languages.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Rejected {
        Rejected { en: en.into(), zh: zh.into() }
    }

    /// The same as an answer.
    pub(crate) fn refuse<T>(en: impl Into<String>, zh: impl Into<String>) -> Result<T, Rejected> {
        Err(Rejected::new(en, zh))
    }
}

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
            life: Life::opened(&first),
            history: vec![first.clone()],
        };
        records.for_each(|record| ticket.apply(record));
        Some(ticket)
    }

    /// What a command brings about at a moment. Refuses; changes nothing.
    ///
    /// # Errors
    /// [`Rejected`], with the remedy.
    pub fn decide(
        &self,
        command: Command,
        known: Known<'_>,
        at: Timestamp,
    ) -> Result<Vec<Event>, Rejected> {
        moves::may(self, command.kind())?;
        match command {
            Command::Correct { field, to, why } => self.correct(&field, to, why, known),
            Command::CorrectTranscript { utterance, from, to, why } => {
                if from == to {
                    return Err(Rejected::new(
                        format!("utterance {utterance} reads like this already"),
                        format!("第 {} 句已经是这样", utterance + 1),
                    ));
                }
                Ok(vec![Event::TranscriptCorrected { utterance, from, to, why }])
            }
            moved => life::decide(self, moved, known, at),
        }
    }

    fn correct(
        &self,
        field: &str,
        to: Value,
        why: String,
        known: Known<'_>,
    ) -> Result<Vec<Event>, Rejected> {
        if !CORRECTABLE.contains(&field) {
            return Err(Rejected::new(
                format!("no field {field:?} can be corrected; one of {}", CORRECTABLE.join(", ")),
                format!("没有可以更正的字段「{field}」"),
            ));
        }
        if why.trim().is_empty() {
            return Err(Rejected::new("a correction needs its reason: --why", "更正需要说明理由"));
        }
        if field == "department" && self.life.signed_at.is_some() {
            return Err(Rejected::new(
                "the department has signed for the ticket; it refuses it, or a redo sends it again",
                "部门已经签收，不能直接改；可以由部门退单，或者重办",
            ));
        }
        let from = self.fields.get(field);
        if from == to {
            return Err(Rejected::new(
                format!("{field} has this value already"),
                "这个字段已经是这个值",
            ));
        }
        check(field, &to, known)?;
        // The decoder's own words would quote the value, which may be the caller's.
        if self.fields.with(field, to.clone()).is_err() {
            return Err(Rejected::new(
                format!(
                    "{field} cannot hold such a value; `hotline ticket {} --json` shows its form",
                    self.id
                ),
                "这个字段不能是这样的值",
            ));
        }
        // A second level belongs to its first.
        let orphan = self.fields.get("category_2");
        let orphaned = field == "category" && !orphan.is_null();
        let mut events =
            vec![Event::Corrected { field: field.to_owned(), from, to, why: why.clone() }];
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

    /// Takes an event in. Never refuses: it has happened.
    pub fn apply(&mut self, record: Record) {
        match &record.event {
            Event::Opened { .. } | Event::TranscriptCorrected { .. } => {}
            Event::Corrected { field, to, .. } => {
                // A value that this version cannot hold leaves the field as it is; the history keeps it.
                if let Ok(fields) = self.fields.with(field, to.clone()) {
                    self.fields = fields;
                }
                if field == "deadline" {
                    self.life.warned = (false, false);
                }
            }
            _ => life::apply(self, &record),
        }
        self.version += 1;
        self.history.push(record);
    }
}

/// Refuses values that are well-formed and wrong.
pub(crate) fn check(field: &str, to: &Value, known: Known<'_>) -> Result<(), Rejected> {
    let text = to.as_str().unwrap_or_default();
    let one_of = |(en, zh): (&str, &str), names: &[String]| {
        if names.iter().any(|name| name == text) {
            return Ok(());
        }
        Err(Rejected::new(
            format!("unknown {en} {text:?}{}", nearest(names, text)),
            format!("没有这个{zh}：「{text}」"),
        ))
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    match field {
        "type" => one_of(("type", "诉求类型"), &owned(&TYPES)),
        "urgency" => one_of(("urgency", "紧急程度"), &owned(&URGENCIES)),
        "category" => one_of(("category", "分类"), known.categories),
        "department" => one_of(("department", "部门"), known.departments),
        "phone" if !to.is_null() => {
            let digits = text.len() >= 5
                && text.len() <= 12
                && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then_some(()).ok_or_else(|| {
                Rejected::new(
                    "that is no phone number: 5 to 12 digits, nothing else",
                    "这不是电话号码：应为 5 到 12 位数字",
                )
            })
        }
        "deadline" => text.parse::<jiff::Timestamp>().map(|_| ()).map_err(|_| {
            Rejected::new(
                format!("{text:?} is no moment; write it like 2026-03-02T17:00:00+08:00"),
                "时限不是有效的时间",
            )
        }),
        "title" if text.trim().is_empty() => {
            Err(Rejected::new("a ticket needs a title", "工单需要标题"))
        }
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
