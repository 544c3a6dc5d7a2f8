//! The life of a ticket after intake: what each move brings about, and what is known of a ticket
//! from what happened. Which move is open when: [`crate::moves`]. What differs from city to city:
//! [`Policy`].

use jiff::Timestamp;
use serde::Serialize;

use crate::Command;
use crate::event::{Answer, Attachment, Event, FollowUp, Record, Status};
use crate::number::TicketId;
use crate::policy::Policy;
use crate::ticket::{Known, Rejected, Ticket, check};

/// What came of a ticket since intake. Its department (`fields.department`) leads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Life {
    /// Departments that help.
    pub co: Vec<String>,
    /// The first department that took it on or refused it: it stays responsible (首接负责).
    pub first: Option<String>,
    /// When it was sent to the department that has it.
    pub dispatched_at: Option<Timestamp>,
    /// When that department took it on.
    pub signed_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Since when the clock stands still, and where the ticket goes on from there.
    pub paused: Option<(Timestamp, Status)>,
    /// Times that a department refused.
    pub refusals: u32,
    /// Times that it had to be done again.
    pub redos: u32,
    /// Times that more time was given.
    pub extensions: u32,
    /// More time that is asked for.
    pub extension: Option<Extension>,
    /// A supervisor watches it.
    pub supervised: bool,
    /// Whom a refusing department named.
    pub suggested: Option<String>,
    /// The answer.
    pub answer: Option<Answer>,
    /// What the caller said of it, each time that somebody asked.
    pub follow_ups: Vec<FollowUp>,
    /// The ticket that it goes on as.
    pub merged_into: Option<TicketId>,
    /// Tickets that go on as this one.
    pub absorbed: Vec<TicketId>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// Whether whoever has it was reminded of the deadline, and that it is gone.
    pub warned: (bool, bool),
}

/// More time that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extension {
    /// Working days.
    pub days: u32,
    /// Why.
    pub why: String,
    /// Who asks.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Life {
    /// As it is right after the opening.
    pub(crate) fn opened(record: &Record) -> Life {
        let sent = matches!(&record.event, Event::Opened { status: Status::Dispatched, .. });
        Life { dispatched_at: sent.then_some(record.at), ..Life::default() }
    }
}

/// What a move brings about; whether it is open was asked before.
pub(crate) fn decide(
    ticket: &Ticket,
    command: Command,
    known: Known<'_>,
    at: Timestamp,
) -> Result<Vec<Event>, Rejected> {
    let policy = known.policy;
    let life = &ticket.life;
    let one = |event| Ok(vec![event]);
    match command {
        Command::Correct { .. } | Command::CorrectTranscript { .. } => {
            unreachable!("Ticket::decide keeps these to itself")
        }
        Command::Dispatch { to, co, why } => dispatch(ticket, to, co, why, known, at),
        Command::AddDepartment { department, why } => {
            check("department", &department.clone().into(), known)?;
            if ticket.has(&department) {
                return Rejected::refuse(
                    format!("{department} has the ticket already"),
                    format!("{department}已经在办理这张工单"),
                );
            }
            one(Event::DepartmentAdded { department, why })
        }
        Command::Sign => one(Event::Signed { department: lead(ticket) }),
        Command::Refuse { why, suggest } => {
            said(&why)?;
            if let Some(suggest) = &suggest {
                check("department", &suggest.clone().into(), known)?;
            }
            let mut events = vec![Event::Refused { department: lead(ticket), why, suggest }];
            let count = life.refusals + 1;
            if count >= policy.refusals {
                let first = life.first.clone().unwrap_or_else(|| lead(ticket));
                let why = format!("第 {count} 次退单，首接单位是{first}");
                events.push(Event::Escalated { why });
            }
            Ok(events)
        }
        Command::AskCaller { what } => {
            said(&what)?;
            one(Event::CallerAsked { what })
        }
        Command::Supplement { text } => {
            said(&text)?;
            let running = life.paused.is_some_and(|(_, status)| status.is_due())
                && life.dispatched_at.is_some();
            let due = life.paused.zip(deadline(ticket)).filter(|_| running);
            let due = due.map(|((since, _), due)| {
                policy.calendar.resumed(due, policy.limit(&ticket.fields), since, at)
            });
            one(Event::Supplemented { text, due })
        }
        Command::AskExtension { days, why } => {
            said(&why)?;
            if !(1..=policy.extension_days).contains(&days) {
                return Rejected::refuse(
                    format!("an extension is 1 to {} working days", policy.extension_days),
                    format!("延期为 1 到 {} 个工作日", policy.extension_days),
                );
            }
            if life.extensions >= policy.extensions {
                return Rejected::refuse(
                    format!("more time was given {} times already", life.extensions),
                    format!("已经延期 {} 次，不能再延期", life.extensions),
                );
            }
            one(Event::ExtensionAsked { days, why })
        }
        Command::GrantExtension { why } => {
            let days = life.extension.as_ref().map_or(0, |extension| extension.days);
            let due = deadline(ticket).unwrap_or(at);
            one(Event::ExtensionGranted { due: policy.calendar.extended(due, days), why })
        }
        Command::DenyExtension { why } => {
            said(&why)?;
            one(Event::ExtensionDenied { why })
        }
        Command::Answer { handling, reply, solved, reason } => {
            said(&handling)?;
            said(&reply)?;
            if !solved && reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
                return Rejected::refuse(
                    "a matter that is not solved needs its reason",
                    "没有解决的，请说明未解决原因",
                );
            }
            one(Event::Answered(Answer { handling, reply, solved, reason }))
        }
        Command::AnswerDirectly { reply, knowledge } => {
            said(&reply)?;
            let handling = knowledge.map_or("直接答复".to_owned(), |id| format!("知识库 {id}"));
            let answer = Answer { handling, reply, solved: true, reason: None };
            Ok(vec![Event::Answered(answer), Event::Closed { why: "直接答复".to_owned() }])
        }
        Command::FollowUp { reached, responded, solved, satisfied, words } => {
            if reached && !(1..=5).contains(&satisfied) {
                return Rejected::refuse("satisfaction is 1 to 5", "满意度为 1 到 5");
            }
            one(Event::FollowedUp(FollowUp { reached, responded, solved, satisfied, words }))
        }
        Command::Redo { why } => {
            said(&why)?;
            let due = policy.due(&ticket.fields, at);
            let mut events = vec![Event::Redone { why, due }];
            let count = life.redos + 1;
            if count >= policy.redos {
                events.push(Event::Escalated { why: format!("第 {count} 次重办") });
            }
            Ok(events)
        }
        Command::Close { why } => close(ticket, why, policy),
        Command::Supervise { why } => {
            said(&why)?;
            one(Event::Supervised { why })
        }
        Command::Remind { why } => one(Event::Reminded { why }),
        Command::Merge { into } => {
            if into == ticket.id {
                return Rejected::refuse("a ticket is not merged into itself", "不能并入自己");
            }
            one(Event::Merged { into })
        }
        Command::Withdraw { why } => {
            said(&why)?;
            one(Event::Withdrawn { why })
        }
        Command::Attach(attachment) => one(Event::Attached(attachment)),
        Command::Note { text } => {
            said(&text)?;
            one(Event::Noted { text })
        }
        Command::Reveal { what, why } => {
            said(&why)?;
            one(Event::Revealed { what, why })
        }
    }
}

fn dispatch(
    ticket: &Ticket,
    to: Option<String>,
    co: Vec<String>,
    why: String,
    known: Known<'_>,
    at: Timestamp,
) -> Result<Vec<Event>, Rejected> {
    let proposed = ticket.fields.department.clone();
    let Some(department) = to.or_else(|| ticket.proposed()) else {
        return Rejected::refuse(
            "no department is proposed; name one with --to",
            "没有建议的部门，请选择一个",
        );
    };
    check("department", &department.clone().into(), known)?;
    let same = proposed.as_ref() == Some(&department);
    if ticket.status == Status::Dispatched && same && co.is_empty() {
        return Rejected::refuse(
            format!("the ticket is with {department} already"),
            format!("工单已经在{department}"),
        );
    }
    let mut events = Vec::new();
    if ticket.status != Status::Dispatched || !same {
        // Whoever had it before keeps its clock; another department gets its own.
        let again = same && ticket.life.dispatched_at.is_some();
        let due = match (again, ticket.life.paused, deadline(ticket)) {
            (false, ..) | (true, _, None) => Some(known.policy.due(&ticket.fields, at)),
            (true, Some((since, _)), Some(due)) => {
                let limit = known.policy.limit(&ticket.fields);
                Some(known.policy.calendar.resumed(due, limit, since, at))
            }
            (true, None, Some(_)) => None,
        };
        let from = proposed.filter(|_| !same);
        events.push(Event::Dispatched { department: department.clone(), from, due, why });
    }
    for helper in co {
        check("department", &helper.clone().into(), known)?;
        if helper != department && !ticket.life.co.contains(&helper) {
            events.push(Event::DepartmentAdded { department: helper, why: String::new() });
        }
    }
    Ok(events)
}

fn close(ticket: &Ticket, why: String, policy: &Policy) -> Result<Vec<Event>, Rejected> {
    let follow_ups = &ticket.life.follow_ups;
    if ticket.status == Status::Answered {
        let tried = follow_ups.iter().rev().take_while(|one| !one.reached).count();
        if (tried as u32) < policy.attempts {
            return Rejected::refuse(
                format!(
                    "the caller was tried {tried} times; ask the caller first, or try {} times",
                    policy.attempts
                ),
                format!(
                    "还没有回访到市民（已试 {tried} 次，{} 次未接通后可以结案）",
                    policy.attempts
                ),
            );
        }
    }
    let bad = follow_ups.last().is_some_and(|last| last.reached && !last.is_good());
    if bad && why.trim().is_empty() {
        return Rejected::refuse(
            "the caller is not content: say why it ends all the same, or have it redone",
            "市民不满意或没有解决：请说明结案理由，或者重办",
        );
    }
    Ok(vec![Event::Closed { why }])
}

fn said(text: &str) -> Result<(), Rejected> {
    if text.trim().is_empty() {
        return Rejected::refuse("words are missing: say why or what", "请填写说明");
    }
    Ok(())
}

fn lead(ticket: &Ticket) -> String {
    ticket.fields.department.clone().unwrap_or_default()
}

fn deadline(ticket: &Ticket) -> Option<Timestamp> {
    ticket.fields.deadline.as_ref()?.parse().ok()
}

impl Ticket {
    /// Whether a department has it, leading or helping.
    pub fn has(&self, department: &str) -> bool {
        self.fields.department.as_deref() == Some(department)
            || self.life.co.iter().any(|co| co == department)
    }

    /// The department to send it to when nobody says otherwise: whom the one that refused named,
    /// the first receiver of one that found no owner, else the ticket's own.
    pub fn proposed(&self) -> Option<String> {
        let life = &self.life;
        let first = life.first.clone().filter(|_| self.status == Status::Escalated);
        life.suggested.clone().or(first).or_else(|| self.fields.department.clone())
    }

    /// When an answer is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        deadline(self)
    }

    /// Whether an answer is owed and late.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.clock_runs() && self.deadline().is_some_and(|due| due < now)
    }

    /// Whether its deadline comes nearer.
    pub fn clock_runs(&self) -> bool {
        self.life.dispatched_at.is_some() && self.life.paused.is_none() && self.status.is_due()
    }

    /// What passing time brings about: a reminder before the deadline, another once it is gone.
    pub fn remind(&self, policy: &Policy, now: Timestamp) -> Option<Event> {
        let due = self.deadline().filter(|_| self.clock_runs())?;
        let soon = calendar_hours(due, now) <= i64::from(policy.remind_hours);
        let why = match (due < now, soon, self.life.warned) {
            (true, _, (_, false)) => "已超过办理时限",
            (false, true, (false, _)) => "办理时限将至",
            _ => return None,
        };
        Some(Event::Reminded { why: why.to_owned() })
    }
}

fn calendar_hours(due: Timestamp, now: Timestamp) -> i64 {
    due.duration_since(now).as_hours()
}

/// Takes an event of a ticket's life in.
pub(crate) fn apply(ticket: &mut Ticket, record: &Record) {
    let at = record.at;
    let due = |ticket: &mut Ticket, due: Timestamp| {
        ticket.fields.deadline = Some(written(due));
        ticket.life.warned = (false, false);
    };
    match &record.event {
        Event::Opened { .. } | Event::Corrected { .. } | Event::TranscriptCorrected { .. } => {}
        Event::Dispatched { department, due: moment, .. } => {
            if ticket.fields.department.as_ref() != Some(department) {
                // The reason was the rule's, for another one.
                ticket.fields.department_reason = None;
            }
            ticket.fields.department = Some(department.clone());
            // Somebody answers for it now.
            ticket.fields.confidence.insert("department".to_owned(), 1.0);
            ticket.status = Status::Dispatched;
            let life = &mut ticket.life;
            life.co.retain(|co| co != department);
            life.dispatched_at = Some(at);
            (life.signed_at, life.paused, life.suggested) = (None, None, None);
            life.extension = None;
            if let Some(moment) = moment {
                due(ticket, *moment);
            }
        }
        Event::DepartmentAdded { department, .. } => ticket.life.co.push(department.clone()),
        Event::Signed { department } => {
            ticket.status = Status::Handling;
            ticket.life.signed_at = Some(at);
            ticket.life.first.get_or_insert_with(|| department.clone());
        }
        Event::Refused { department, suggest, .. } => {
            ticket.status = Status::Accepted;
            let life = &mut ticket.life;
            life.refusals += 1;
            life.first.get_or_insert_with(|| department.clone());
            life.suggested.clone_from(suggest);
            life.extension = None;
            life.co.clear();
        }
        Event::CallerAsked { .. } => {
            ticket.life.paused = Some((at, ticket.status));
            ticket.status = Status::Incomplete;
        }
        Event::Supplemented { due: moment, .. } => {
            // What began as incomplete is looked at before it goes anywhere.
            ticket.status = ticket.life.paused.take().map_or(Status::Review, |(_, status)| status);
            if let Some(moment) = moment {
                due(ticket, *moment);
            }
        }
        Event::ExtensionAsked { days, why } => {
            let (days, why, by) = (*days, why.clone(), record.by.clone());
            ticket.life.extension = Some(Extension { days, why, by, at });
        }
        Event::ExtensionGranted { due: moment, .. } => {
            ticket.life.extension = None;
            ticket.life.extensions += 1;
            due(ticket, *moment);
        }
        Event::ExtensionDenied { .. } => ticket.life.extension = None,
        Event::Answered(answer) => {
            ticket.status = Status::Answered;
            let life = &mut ticket.life;
            life.answer = Some(answer.clone());
            life.answered_at = Some(at);
            life.extension = None;
        }
        Event::FollowedUp(follow_up) => {
            if follow_up.reached {
                ticket.status = Status::FollowedUp;
            }
            ticket.life.follow_ups.push(follow_up.clone());
        }
        Event::Redone { due: moment, .. } => {
            ticket.status = Status::Dispatched;
            let life = &mut ticket.life;
            life.redos += 1;
            life.dispatched_at = Some(at);
            (life.signed_at, life.answered_at, life.ended_at) = (None, None, None);
            due(ticket, *moment);
        }
        Event::Escalated { .. } => ticket.status = Status::Escalated,
        Event::Supervised { .. } => ticket.life.supervised = true,
        Event::Reminded { .. } => {
            if record.by == "hotline" {
                let late = ticket.deadline().is_some_and(|due| due < at);
                let warned = &mut ticket.life.warned;
                *warned = (true, warned.1 || late);
            }
        }
        Event::Merged { into } => {
            ticket.life.merged_into = Some(*into);
            end(ticket, Status::Merged, at);
        }
        Event::Absorbed { ticket: other } => ticket.life.absorbed.push(*other),
        Event::Withdrawn { .. } => end(ticket, Status::Withdrawn, at),
        Event::Closed { .. } => end(ticket, Status::Closed, at),
        Event::Attached(attachment) => ticket.life.attachments.push(attachment.clone()),
        Event::Noted { .. } | Event::Revealed { .. } => {}
    }
}

fn end(ticket: &mut Ticket, status: Status, at: Timestamp) {
    ticket.status = status;
    ticket.life.ended_at = Some(at);
    ticket.life.paused = None;
    ticket.life.extension = None;
}

/// A moment as tickets write it: RFC 3339 with +08:00, to the second.
pub fn written(at: Timestamp) -> String {
    let local = calendar::china().to_datetime(at);
    format!("{}+08:00", local.strftime("%Y-%m-%dT%H:%M:%S"))
}
