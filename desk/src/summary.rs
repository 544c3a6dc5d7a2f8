//! A ticket as lists and boards know it: everything that is shown, sorted, filtered and counted,
//! so that none of it reads the journal.

use jiff::Timestamp;
use serde::Serialize;
use tickets::{Call, Event, Policy, Status, Ticket, TicketId};

/// Fields whose confidence decides how sure a ticket is.
const DECISIVE: [&str; 4] = ["type", "category", "department", "place"];

/// What lists and boards know of a ticket.
#[derive(Debug, Clone)]
pub struct Summary {
    pub id: TicketId,
    pub version: u32,
    pub status: Status,
    pub request_type: String,
    pub category: String,
    pub category_2: Option<String>,
    pub urgency: u8,
    pub emergency: bool,
    pub title: String,
    pub department: Option<String>,
    pub co: Vec<String>,
    /// Province to street, and below.
    pub place: Vec<String>,
    /// How many of these are levels of the address table, rather than what somebody said.
    pub levels: usize,
    pub caller: Option<String>,
    pub caller_key: Option<String>,
    pub deadline: Option<Timestamp>,
    /// Whether the deadline comes nearer.
    pub runs: bool,
    pub opened_at: Timestamp,
    pub started_at: Timestamp,
    /// The same as clocks in China show it.
    pub began: jiff::civil::DateTime,
    /// District and street, where both are known.
    pub street: Option<String>,
    pub confidence: f64,
    pub call: String,
    pub has_sound: bool,
    pub supervised: bool,
    pub extension: bool,
    /// Whether its holder was reminded that the deadline is near, and that it is gone.
    pub warned: (bool, bool),
    pub missing: Vec<String>,
    pub redos: u32,
    pub refusals: u32,
    pub merged: Vec<TicketId>,
    pub dispatched_at: Option<Timestamp>,
    pub signed_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Of the last follow-up that reached the caller: responded, solved, satisfied.
    pub followed_up: Option<(bool, bool, bool)>,
}

/// A ticket as a line of a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Row {
    /// Number.
    #[schema(value_type = String)]
    pub id: TicketId,
    /// Events so far.
    pub version: u32,
    /// 状态.
    pub status: &'static str,
    /// 诉求类型.
    #[serde(rename = "type")]
    pub request_type: String,
    /// First-level category.
    pub category: String,
    /// Second-level category.
    pub category_2: Option<String>,
    /// 紧急程度.
    pub urgency: &'static str,
    /// Whether this is an emergency.
    pub emergency: bool,
    /// One line.
    pub title: String,
    /// The department that leads.
    pub department: Option<String>,
    /// Departments that help.
    pub co: Vec<String>,
    /// Where, in words.
    pub place: String,
    /// The caller's number, masked.
    pub caller: Option<String>,
    /// What the caller is known by.
    pub caller_key: Option<String>,
    /// When an answer is due.
    pub deadline: Option<String>,
    /// When the ticket was opened.
    pub opened_at: String,
    /// When the call began.
    pub started_at: String,
    /// The least of the decisive confidences, 0 to 1.
    pub confidence: f64,
    /// SHA-256 of the recording, empty without one.
    pub call: String,
    /// Whether an answer is owed and late.
    pub overdue: bool,
    /// Whether it will be soon.
    pub due_soon: bool,
    /// Whether the clock stands still.
    pub paused: bool,
    /// Whether a supervisor watches it.
    pub supervised: bool,
    /// Whether more time is asked for.
    pub extension_asked: bool,
    /// What would still have to be asked.
    pub missing: Vec<String>,
    /// Times that it had to be done again.
    pub redos: u32,
    /// Times that a department refused.
    pub refusals: u32,
    /// Tickets that go on as this one.
    #[schema(value_type = Vec<String>)]
    pub merged: Vec<TicketId>,
}

impl Summary {
    pub fn of(ticket: &Ticket, call: Option<&Call>, key: impl Fn(&str) -> String) -> Summary {
        let fields = &ticket.fields;
        let life = &ticket.life;
        let opened_at = ticket.history.first().map_or(Timestamp::UNIX_EPOCH, |record| record.at);
        let sure = DECISIVE.iter().filter_map(|field| fields.confidence.get(*field)).copied();
        let urgency = tickets::URGENCIES.iter().position(|name| *name == fields.urgency);
        let place = fields.place.iter().flat_map(|place| {
            let detail = Some(&place.detail).filter(|detail| !detail.is_empty());
            let said = Some(&place.text).filter(|_| place.names.is_empty());
            place.names.iter().chain(detail).chain(said).cloned()
        });
        let place: Vec<String> = place.collect();
        let started_at = call.map_or(opened_at, |call| call.started_at);
        let names: Vec<&String> = fields
            .place
            .iter()
            .flat_map(|place| &place.names)
            .filter(|name| *name != "市辖区")
            .collect();
        let street = (names.len() >= 3).then(|| format!("{}{}", names[1], names[2]));
        let reached = life.follow_ups.iter().rev().find(|one| one.reached);
        Summary {
            id: ticket.id,
            version: ticket.version,
            status: ticket.status,
            request_type: fields.request_type.clone(),
            category: fields.category.clone(),
            category_2: fields.category_2.clone(),
            urgency: urgency.unwrap_or(0) as u8,
            emergency: fields.emergency,
            title: fields.title.clone(),
            department: fields.department.clone(),
            co: life.co.clone(),
            levels: fields.place.as_ref().map_or(0, |place| place.names.len()),
            place,
            caller: fields.phone.as_deref().map(masked),
            caller_key: fields.phone.as_deref().map(key),
            deadline: ticket.deadline(),
            runs: ticket.clock_runs(),
            opened_at,
            started_at,
            began: crate::board::local(started_at),
            street,
            confidence: sure.fold(1.0, f64::min),
            call: ticket.call.clone(),
            has_sound: call.is_some_and(Call::has_sound),
            supervised: life.supervised,
            extension: life.extension.is_some(),
            warned: life.warned,
            missing: fields.missing.clone(),
            redos: life.redos,
            refusals: life.refusals,
            merged: life.absorbed.clone(),
            dispatched_at: first_dispatch(ticket).or(life.dispatched_at),
            signed_at: life.signed_at,
            answered_at: life.answered_at,
            ended_at: life.ended_at,
            followed_up: reached.map(|one| {
                (one.responded, one.solved, one.satisfied >= tickets::FollowUp::SATISFIED)
            }),
        }
    }

    /// Whether a department leads it or helps.
    pub fn has(&self, department: &str) -> bool {
        self.department.as_deref() == Some(department) || self.co.iter().any(|co| co == department)
    }

    /// Whether a department of any of these names leads it or helps.
    pub fn has_any(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.has(name))
    }

    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.runs && self.deadline.is_some_and(|due| due < now)
    }

    pub fn is_due_soon(&self, now: Timestamp, policy: &Policy) -> bool {
        let soon = |due: Timestamp| {
            due >= now && due.duration_since(now).as_hours() < i64::from(policy.remind_hours)
        };
        self.runs && self.deadline.is_some_and(soon)
    }

    /// Whether the answer came in time; nothing while none came.
    pub fn on_time(&self) -> Option<bool> {
        let answered = self.answered_at.or(self.ended_at)?;
        self.deadline.map(|due| answered <= due)
    }

    pub fn row(&self, now: Timestamp, policy: &Policy) -> Row {
        Row {
            id: self.id,
            version: self.version,
            status: self.status.name(),
            request_type: self.request_type.clone(),
            category: self.category.clone(),
            category_2: self.category_2.clone(),
            urgency: tickets::URGENCIES[usize::from(self.urgency)],
            emergency: self.emergency,
            title: self.title.clone(),
            department: self.department.clone(),
            co: self.co.clone(),
            place: place_line(&self.place),
            caller: self.caller.clone(),
            caller_key: self.caller_key.clone(),
            deadline: self.deadline.map(tickets::written),
            opened_at: tickets::written(self.opened_at),
            started_at: tickets::written(self.started_at),
            confidence: self.confidence,
            call: if self.has_sound { self.call.clone() } else { String::new() },
            overdue: self.is_overdue(now),
            due_soon: self.is_due_soon(now, policy),
            paused: !self.runs && self.status.is_due() && self.dispatched_at.is_some(),
            supervised: self.supervised,
            extension_asked: self.extension,
            missing: self.missing.clone(),
            redos: self.redos,
            refusals: self.refusals,
            merged: self.merged.clone(),
        }
    }
}

fn first_dispatch(ticket: &Ticket) -> Option<Timestamp> {
    let sent = ticket.history.iter().find(|record| match &record.event {
        Event::Opened { status, .. } => *status == Status::Dispatched,
        event => matches!(event, Event::Dispatched { .. }),
    });
    sent.map(|record| record.at)
}

/// Streets say enough: province and city are the same for everybody here.
fn place_line(place: &[String]) -> String {
    let telling = place.iter().filter(|name| !matches!(name.as_str(), "市辖区" | "县"));
    let names: Vec<&str> = telling.map(String::as_str).collect();
    let from = names.len().min(1) * usize::from(names.len() > 1);
    names[from..].concat()
}

/// `138****8000`; what is too short to be masked says nothing.
pub fn masked(phone: &str) -> String {
    let count = phone.chars().count();
    if count < 7 {
        return "*".repeat(count);
    }
    let (head, tail) = if count >= 11 { (3, 4) } else { (2, 2) };
    let kept = |at: usize| at < head || at >= count - tail;
    phone.chars().enumerate().map(|(at, ch)| if kept(at) { ch } else { '*' }).collect()
}
