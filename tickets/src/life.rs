//! The life of a ticket after intake: 派单 签收 处置 回访 结案, and the moves beside them.
//!
//! Which move is open in which state is a table; what differs from city to city is a [`Policy`].

use calendar::{Calendar, Limit};
use jiff::Timestamp;
use serde::Serialize;

use crate::Command;
use crate::event::{Answer, Attachment, Event, FollowUp, Record, Status};
use crate::fields::Fields;
use crate::number::TicketId;
use crate::ticket::{Known, Rejected, Ticket, check};

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

    fn due(&self, fields: &Fields, from: Timestamp) -> Timestamp {
        self.calendar.due(from, self.limit(fields))
    }
}

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

/// A kind of command, for tables and menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is named as the command that it is the kind of")]
pub enum Move {
    Correct,
    CorrectTranscript,
    Dispatch,
    AddDepartment,
    Sign,
    Refuse,
    AskCaller,
    Supplement,
    AskExtension,
    GrantExtension,
    DenyExtension,
    Answer,
    AnswerDirectly,
    FollowUp,
    Redo,
    Close,
    Supervise,
    Remind,
    Merge,
    Withdraw,
    Attach,
    Note,
    Reveal,
}

const OPEN: &[Status] = &[
    Status::Dispatched,
    Status::Incomplete,
    Status::Review,
    Status::Accepted,
    Status::Handling,
    Status::Answered,
    Status::FollowedUp,
    Status::Escalated,
];

impl Move {
    /// All of them, in the order of a ticket's life.
    pub const ALL: [Move; 23] = [
        Move::Correct,
        Move::CorrectTranscript,
        Move::Dispatch,
        Move::AnswerDirectly,
        Move::Sign,
        Move::Refuse,
        Move::Answer,
        Move::FollowUp,
        Move::Close,
        Move::Redo,
        Move::AskCaller,
        Move::Supplement,
        Move::AddDepartment,
        Move::AskExtension,
        Move::GrantExtension,
        Move::DenyExtension,
        Move::Supervise,
        Move::Remind,
        Move::Merge,
        Move::Withdraw,
        Move::Attach,
        Move::Note,
        Move::Reveal,
    ];

    /// Serialised name of the command.
    pub fn name(self) -> &'static str {
        match self {
            Move::Correct => "correct",
            Move::CorrectTranscript => "correct_transcript",
            Move::Dispatch => "dispatch",
            Move::AddDepartment => "add_department",
            Move::Sign => "sign",
            Move::Refuse => "refuse",
            Move::AskCaller => "ask_caller",
            Move::Supplement => "supplement",
            Move::AskExtension => "ask_extension",
            Move::GrantExtension => "grant_extension",
            Move::DenyExtension => "deny_extension",
            Move::Answer => "answer",
            Move::AnswerDirectly => "answer_directly",
            Move::FollowUp => "follow_up",
            Move::Redo => "redo",
            Move::Close => "close",
            Move::Supervise => "supervise",
            Move::Remind => "remind",
            Move::Merge => "merge",
            Move::Withdraw => "withdraw",
            Move::Attach => "attach",
            Move::Note => "note",
            Move::Reveal => "reveal",
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Move::Correct => "更正",
            Move::CorrectTranscript => "更正转写",
            Move::Dispatch => "派单",
            Move::AddDepartment => "加派",
            Move::Sign => "签收",
            Move::Refuse => "退单",
            Move::AskCaller => "请市民补充",
            Move::Supplement => "补充",
            Move::AskExtension => "申请延期",
            Move::GrantExtension => "同意延期",
            Move::DenyExtension => "不同意延期",
            Move::Answer => "办结答复",
            Move::AnswerDirectly => "直接答复",
            Move::FollowUp => "回访",
            Move::Redo => "重办",
            Move::Close => "结案",
            Move::Supervise => "督办",
            Move::Remind => "催办",
            Move::Merge => "并单",
            Move::Withdraw => "撤单",
            Move::Attach => "添加附件",
            Move::Note => "备注",
            Move::Reveal => "查看",
        }
    }

    /// The states that it is open in.
    pub fn from(self) -> &'static [Status] {
        use Status::*;
        match self {
            Move::Correct => &[
                Dispatched, Incomplete, Review, Accepted, Handling, Answered, FollowedUp,
                Escalated, Closed,
            ],
            Move::CorrectTranscript | Move::Note | Move::Reveal => &Status::ALL,
            Move::Dispatch => &[Review, Incomplete, Accepted, Dispatched, Escalated],
            Move::AddDepartment | Move::Remind => &[Dispatched, Handling],
            Move::Sign | Move::Refuse => &[Dispatched],
            Move::AskCaller => &[Review, Accepted, Dispatched, Handling],
            Move::Supplement => &[Incomplete],
            Move::AskExtension | Move::Answer => &[Handling],
            Move::GrantExtension | Move::DenyExtension => &[Handling],
            Move::AnswerDirectly => &[Review, Incomplete, Accepted],
            Move::FollowUp => &[Answered],
            Move::Redo => &[FollowedUp, Closed],
            Move::Close => &[FollowedUp, Answered],
            Move::Supervise | Move::Attach | Move::Withdraw => OPEN,
            Move::Merge => &[Dispatched, Incomplete, Review, Accepted, Handling, Escalated],
        }
    }
}

impl Command {
    /// Its kind.
    pub fn kind(&self) -> Move {
        match self {
            Command::Correct { .. } => Move::Correct,
            Command::CorrectTranscript { .. } => Move::CorrectTranscript,
            Command::Dispatch { .. } => Move::Dispatch,
            Command::AddDepartment { .. } => Move::AddDepartment,
            Command::Sign => Move::Sign,
            Command::Refuse { .. } => Move::Refuse,
            Command::AskCaller { .. } => Move::AskCaller,
            Command::Supplement { .. } => Move::Supplement,
            Command::AskExtension { .. } => Move::AskExtension,
            Command::GrantExtension { .. } => Move::GrantExtension,
            Command::DenyExtension { .. } => Move::DenyExtension,
            Command::Answer { .. } => Move::Answer,
            Command::AnswerDirectly { .. } => Move::AnswerDirectly,
            Command::FollowUp { .. } => Move::FollowUp,
            Command::Redo { .. } => Move::Redo,
            Command::Close { .. } => Move::Close,
            Command::Supervise { .. } => Move::Supervise,
            Command::Remind { .. } => Move::Remind,
            Command::Merge { .. } => Move::Merge,
            Command::Withdraw { .. } => Move::Withdraw,
            Command::Attach(_) => Move::Attach,
            Command::Note { .. } => Move::Note,
            Command::Reveal { .. } => Move::Reveal,
        }
    }
}

fn rejected<T>(en: impl Into<String>, zh: impl Into<String>) -> Result<T, Rejected> {
    Err(Rejected::new(en, zh))
}

/// Whether a kind of command is open to a ticket as it stands, whatever the command says.
///
/// # Errors
/// Why not, with the remedy.
pub fn may(ticket: &Ticket, kind: Move) -> Result<(), Rejected> {
    let life = &ticket.life;
    if !kind.from().contains(&ticket.status) {
        return rejected(
            format!(
                "{} is not possible: the ticket is {}; it must be one of {}",
                kind.name(),
                ticket.status.name(),
                names(kind.from(), ", ")
            ),
            format!(
                "工单现在是「{}」，只有「{}」的工单可以{}",
                ticket.status.name(),
                names(kind.from(), "」「"),
                kind.label()
            ),
        );
    }
    match kind {
        Move::AskExtension if life.extension.is_some() => rejected(
            "an extension is asked for already; a supervisor decides on it",
            "已经申请过延期，等待班长批复",
        ),
        Move::GrantExtension | Move::DenyExtension if life.extension.is_none() => {
            rejected("no extension is asked for", "没有待批的延期申请")
        }
        Move::AnswerDirectly
            if !matches!(ticket.fields.request_type.as_str(), "咨询" | "表扬" | "建议") =>
        {
            rejected(
                format!(
                    "a ticket of type {} needs a department; only 咨询, 建议 and 表扬 are answered directly",
                    ticket.fields.request_type
                ),
                format!(
                    "「{}」需要派给部门办理，只有咨询、建议、表扬可以直接答复",
                    ticket.fields.request_type
                ),
            )
        }
        _ => Ok(()),
    }
}

/// Whether a command is open to a ticket as it stands.
pub(crate) fn allow(ticket: &Ticket, command: &Command) -> Result<(), Rejected> {
    may(ticket, command.kind())
}

fn names(states: &[Status], between: &str) -> String {
    states.iter().map(|status| status.name()).collect::<Vec<_>>().join(between)
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
                return rejected(
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
                return rejected(
                    format!("an extension is 1 to {} working days", policy.extension_days),
                    format!("延期为 1 到 {} 个工作日", policy.extension_days),
                );
            }
            if life.extensions >= policy.extensions {
                return rejected(
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
                return rejected(
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
                return rejected("satisfaction is 1 to 5", "满意度为 1 到 5");
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
                return rejected("a ticket is not merged into itself", "不能并入自己");
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
        return rejected(
            "no department is proposed; name one with --to",
            "没有建议的部门，请选择一个",
        );
    };
    check("department", &department.clone().into(), known)?;
    let same = proposed.as_ref() == Some(&department);
    if ticket.status == Status::Dispatched && same && co.is_empty() {
        return rejected(
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
            return rejected(
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
        return rejected(
            "the caller is not content: say why it ends all the same, or have it redone",
            "市民不满意或没有解决：请说明结案理由，或者重办",
        );
    }
    Ok(vec![Event::Closed { why }])
}

fn said(text: &str) -> Result<(), Rejected> {
    if text.trim().is_empty() {
        return rejected("words are missing: say why or what", "请填写说明");
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
