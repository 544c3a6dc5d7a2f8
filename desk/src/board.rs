//! All tickets as lists and boards know them, kept in memory beside the journal and told of every
//! change. It is made of events alone, so that losing it loses nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Deserialize;
use tickets::{Policy, Status, TicketId};

use crate::summary::Summary;

/// Every ticket.
#[derive(Debug, Default)]
pub struct Board {
    tickets: BTreeMap<TicketId, Summary>,
    by_caller: HashMap<String, Vec<TicketId>>,
    by_call: HashMap<String, Vec<TicketId>>,
    /// Changes so far.
    changes: u64,
    counted: Mutex<HashMap<Option<Vec<String>>, Counted>>,
}

/// How many tickets each queue holds.
pub type Counts = BTreeMap<&'static str, usize>;

/// Counts as they were.
#[derive(Debug)]
struct Counted {
    changes: u64,
    at: Timestamp,
    counts: Arc<Counts>,
}

/// Reminders in one round: after a long standstill not all of them come at once.
const REMINDERS: usize = 500;
/// Tickets from which on counts may be a moment old: every console asks for them, and counting goes
/// over all.
const MANY: usize = 5000;
/// How old, in milliseconds, counts may be while tickets change.
const OLD_MS: i128 = 1000;
/// How old they may be while nothing changes but the time.
const OLDEST_MS: i128 = 30_000;

/// Parts of the work, as the console's left side names them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    All,
    Review,
    Supplement,
    Dispatch,
    Sign,
    Handling,
    Followup,
    Close,
    Supervise,
    Overdue,
    Extension,
    Closed,
}

impl Queue {
    pub const ALL: [Queue; 12] = [
        Queue::All,
        Queue::Review,
        Queue::Supplement,
        Queue::Dispatch,
        Queue::Sign,
        Queue::Handling,
        Queue::Followup,
        Queue::Close,
        Queue::Supervise,
        Queue::Overdue,
        Queue::Extension,
        Queue::Closed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Queue::All => "all",
            Queue::Review => "review",
            Queue::Supplement => "supplement",
            Queue::Dispatch => "dispatch",
            Queue::Sign => "sign",
            Queue::Handling => "handling",
            Queue::Followup => "followup",
            Queue::Close => "close",
            Queue::Supervise => "supervise",
            Queue::Overdue => "overdue",
            Queue::Extension => "extension",
            Queue::Closed => "closed",
        }
    }

    fn takes(self, ticket: &Summary, now: Timestamp) -> bool {
        let status = ticket.status;
        match self {
            Queue::All => true,
            Queue::Review => status == Status::Review,
            Queue::Supplement => status == Status::Incomplete,
            Queue::Dispatch => status == Status::Accepted,
            Queue::Sign => status == Status::Dispatched,
            Queue::Handling => status == Status::Handling,
            Queue::Followup => status == Status::Answered,
            Queue::Close => status == Status::FollowedUp,
            Queue::Supervise => {
                status == Status::Escalated || (ticket.supervised && status.is_open())
            }
            Queue::Overdue => ticket.is_overdue(now),
            Queue::Extension => ticket.extension,
            Queue::Closed => status == Status::Closed,
        }
    }
}

/// In what order tickets are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// What is due first; what has ended comes last.
    #[default]
    Deadline,
    /// The newest.
    Newest,
    /// The most urgent, among these what is due first.
    Urgency,
}

/// Which tickets are listed. Everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// What the person may see at all: the tickets of the department of these names.
    pub within: Option<Vec<String>>,
    pub queue: Option<Queue>,
    pub status: Option<Status>,
    pub department: Option<String>,
    pub category: Option<String>,
    pub request_type: Option<String>,
    pub urgency: Option<String>,
    pub caller_key: Option<String>,
    pub place: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub confidence_below: Option<f64>,
    pub overdue: Option<bool>,
    pub due_soon: Option<bool>,
    pub open: Option<bool>,
    /// A rate that the ticket spoils.
    pub flaw: Option<String>,
    /// Hour of the day in China at which the call began.
    pub hour: Option<i8>,
    /// Day of the week in China, 1 for Monday.
    pub weekday: Option<i8>,
}

impl Choice {
    pub fn takes(&self, ticket: &Summary, now: Timestamp, policy: &Policy) -> bool {
        let same =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|want| want == is);
        self.within.as_ref().is_none_or(|names| ticket.has_any(names))
            && self.queue.is_none_or(|queue| queue.takes(ticket, now))
            && self.status.is_none_or(|status| ticket.status == status)
            && self.department.as_ref().is_none_or(|department| ticket.has(department))
            && same(&self.category, &ticket.category)
            && same(&self.request_type, &ticket.request_type)
            && same(&self.urgency, tickets::URGENCIES[usize::from(ticket.urgency)])
            && self.caller_key.as_ref().is_none_or(|key| ticket.caller_key.as_ref() == Some(key))
            && self.place.as_ref().is_none_or(|place| {
                ticket.place.iter().any(|name| name.contains(place.as_str()))
                    || ticket.place.concat().contains(place.as_str())
            })
            && self.from.is_none_or(|from| ticket.started_at >= from)
            && self.to.is_none_or(|to| ticket.started_at < to)
            && self.confidence_below.is_none_or(|below| ticket.confidence < below)
            && self.overdue.is_none_or(|overdue| ticket.is_overdue(now) == overdue)
            && self.due_soon.is_none_or(|soon| ticket.is_due_soon(now, policy) == soon)
            && self.open.is_none_or(|open| ticket.status.is_open() == open)
            && self.flaw.as_ref().is_none_or(|rate| crate::boards::flawed(ticket, rate, now))
            && self.hour.is_none_or(|hour| ticket.began.hour() == hour)
            && self.weekday.is_none_or(|day| ticket.began.weekday().to_monday_one_offset() == day)
    }
}

/// A moment as clocks in China show it.
pub fn local(at: Timestamp) -> jiff::civil::DateTime {
    calendar::china().to_datetime(at)
}

/// Where a ticket stands in a list: the smaller, the earlier.
pub type Key = (i64, i64, TicketId);

impl Sort {
    pub fn key(self, ticket: &Summary) -> Key {
        let due = match (ticket.status.is_due(), ticket.deadline) {
            (true, Some(due)) => due.as_second(),
            // Open without a deadline goes by its age, after what is due.
            (true, None) => i64::MAX / 4 + ticket.opened_at.as_second(),
            (false, _) if ticket.status.is_open() => i64::MAX / 3 + ticket.opened_at.as_second(),
            (false, _) => i64::MAX / 2 - ticket.opened_at.as_second(),
        };
        match self {
            Sort::Deadline => (due, 0, ticket.id),
            Sort::Newest => {
                (-ticket.started_at.as_second(), -ticket.opened_at.as_second(), ticket.id)
            }
            Sort::Urgency => {
                let ended = i64::from(!ticket.status.is_open()) * 10;
                let rank = i64::from(ticket.urgency) + i64::from(ticket.emergency);
                (ended - rank, due, ticket.id)
            }
        }
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<'a> {
    pub tickets: Vec<&'a Summary>,
    pub total: usize,
    /// Where the next page begins.
    pub next: Option<Key>,
}

impl Board {
    /// Takes a ticket in, in place of what it was; what it was.
    pub fn put(&mut self, summary: Summary) -> Option<Summary> {
        self.changes += 1;
        let id = summary.id;
        let key = summary.caller_key.clone();
        let call = summary.call.clone();
        let before = self.tickets.insert(id, summary);
        let old_key = before.as_ref().and_then(|before| before.caller_key.clone());
        if old_key != key {
            if let Some(ids) = old_key.and_then(|old| self.by_caller.get_mut(&old)) {
                ids.retain(|other| *other != id);
            }
            if let Some(key) = key {
                self.by_caller.entry(key).or_default().push(id);
            }
        }
        if before.is_none() {
            self.by_call.entry(call).or_default().push(id);
        }
        before
    }

    /// Whether going over all of them takes long enough to be noticed.
    pub fn is_large(&self) -> bool {
        self.tickets.len() >= MANY
    }

    pub fn get(&self, id: TicketId) -> Option<&Summary> {
        self.tickets.get(&id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Summary> {
        self.tickets.values()
    }

    /// Tickets of a caller, oldest first.
    pub fn of_caller(&self, key: &str) -> impl Iterator<Item = &Summary> {
        self.by_caller.get(key).into_iter().flatten().filter_map(|id| self.tickets.get(id))
    }

    /// Tickets of a call.
    pub fn of_call(&self, sha256: &str) -> impl Iterator<Item = &Summary> {
        self.by_call.get(sha256).into_iter().flatten().filter_map(|id| self.tickets.get(id))
    }

    /// One page: what a choice takes, from a place in the order on. `among`: only these, which
    /// come in the order of their ranks unless another is asked for.
    pub fn page(
        &self,
        choice: &Choice,
        among: Option<&HashMap<TicketId, usize>>,
        sort: Option<Sort>,
        after: Option<Key>,
        limit: usize,
        (now, policy): (Timestamp, &Policy),
    ) -> Page<'_> {
        let mut found: Vec<(Key, &Summary)> = Vec::new();
        let mut total = 0;
        let candidates: Box<dyn Iterator<Item = &Summary>> = match (among, &choice.caller_key) {
            (Some(among), _) => Box::new(among.keys().filter_map(|id| self.tickets.get(id))),
            (None, Some(key)) => Box::new(self.of_caller(key)),
            (None, None) => Box::new(self.all()),
        };
        for ticket in candidates.filter(|ticket| choice.takes(ticket, now, policy)) {
            total += 1;
            let key = match (sort, among.and_then(|among| among.get(&ticket.id))) {
                (None, Some(rank)) => (*rank as i64, 0, ticket.id),
                _ => sort.unwrap_or_default().key(ticket),
            };
            if after.is_none_or(|after| key > after) {
                found.push((key, ticket));
            }
        }
        let more = found.len() > limit;
        if more {
            found.select_nth_unstable_by_key(limit, |(key, _)| *key);
            found.truncate(limit);
        }
        found.sort_unstable_by_key(|(key, _)| *key);
        let next = found.last().map(|(key, _)| *key).filter(|_| more);
        Page { tickets: found.into_iter().map(|(_, ticket)| ticket).collect(), total, next }
    }

    /// How many tickets each queue holds, for somebody who sees one department's or all.
    pub fn counts(&self, within: Option<&[String]>, now: Timestamp) -> Arc<Counts> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = within.map(<[String]>::to_vec);
        if let Some(known) = counted.get(&key) {
            let age = now.duration_since(known.at).as_millis();
            let old = if known.changes == self.changes { OLDEST_MS } else { OLD_MS };
            let same = known.changes == self.changes || self.is_large();
            if same && age < old {
                return Arc::clone(&known.counts);
            }
        }
        let mut counts: Counts = Queue::ALL.map(|queue| (queue.name(), 0)).into();
        for ticket in self.all().filter(|ticket| within.is_none_or(|names| ticket.has_any(names))) {
            for queue in Queue::ALL {
                if queue.takes(ticket, now) {
                    *counts.entry(queue.name()).or_default() += 1;
                }
            }
        }
        let counts = Arc::new(counts);
        let fresh = Counted { changes: self.changes, at: now, counts: Arc::clone(&counts) };
        counted.insert(key, fresh);
        counts
    }

    /// Tickets whose holder is to be reminded of the deadline.
    pub fn to_remind(&self, policy: &Policy, now: Timestamp) -> Vec<TicketId> {
        let due = |ticket: &&Summary| {
            (ticket.is_overdue(now) && !ticket.warned.1)
                || (ticket.is_due_soon(now, policy) && !ticket.warned.0)
        };
        self.all().filter(due).map(|ticket| ticket.id).take(REMINDERS).collect()
    }
}
