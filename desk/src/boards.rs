//! Boards: what the city is suffering from, and how well it is answered. Every figure is counted
//! over the tickets that the same filters list, so that it can be looked into.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::{Value, json};
use tickets::{Policy, Role, Status};

use crate::Desk;
use crate::board::{Choice, local};
use crate::extract::{Json, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::summary::Summary;
use crate::tickets_api::{joined, moment};

/// Days that a board shows when nobody says otherwise.
const DAYS: i64 = 30;
/// Hot topics that are shown.
const TOPICS: usize = 12;
/// Fewest tickets that make a topic.
const LEAST_TOPIC: usize = 2;
/// Streets and categories that are shown.
const LINES: usize = 20;

/// The period, in days of China, both included, and the department.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
    department: String,
}

/// The boards of a period.
#[utoipa::path(get, path = "/api/boards", tag = "boards", params(Asked), responses((status = 200, description = "Figures, and what they are made of"), (status = 403, body = Problem)))]
pub async fn boards(
    State(desk): State<Desk>,
    me: Me,
    Query(asked): Query<Asked>,
) -> Result<Json<Arc<Value>>, Problem> {
    me.must_be(&[Role::Supervisor])?;
    let task = tokio::task::spawn_blocking(move || desk.boards(&asked));
    Ok(Json(joined(task).await?))
}

/// A share of those that count at all.
#[derive(Default, Clone, Copy)]
struct Rate {
    yes: usize,
    all: usize,
}

impl Rate {
    fn count(&mut self, value: Option<bool>) {
        if let Some(yes) = value {
            self.all += 1;
            self.yes += usize::from(yes);
        }
    }

    fn json(self) -> Value {
        if self.all == 0 {
            return Value::Null;
        }
        json!((self.yes as f64 / self.all as f64 * 10_000.0).round() / 10_000.0)
    }
}

/// What each rate says of a ticket; nothing while it cannot be said. `/api/tickets?flaw=` lists
/// those of which it says no (of refused and redone: yes).
pub fn rated(ticket: &Summary, rate: &str, now: Timestamp) -> Option<bool> {
    let sent = ticket.dispatched_at.is_some();
    match rate {
        "responded" => ticket.followed_up.map(|(responded, _, _)| responded),
        "solved" => ticket.followed_up.map(|(_, solved, _)| solved),
        "satisfied" => ticket.followed_up.map(|(_, _, satisfied)| satisfied),
        "signed" => sent.then(|| ticket.signed_at.is_some() || ticket.ended_at.is_some()),
        "on_time" if sent => ticket.on_time().or_else(|| ticket.is_overdue(now).then_some(false)),
        "refused" => sent.then_some(ticket.refusals > 0),
        "redone" => ticket.followed_up.map(|_| ticket.redos > 0),
        _ => None,
    }
}

/// Whether a ticket spoils a rate.
pub fn flawed(ticket: &Summary, rate: &str, now: Timestamp) -> bool {
    let bad = matches!(rate, "refused" | "redone");
    rated(ticket, rate, now) == Some(bad)
}

const RATES: [&str; 7] =
    ["responded", "solved", "satisfied", "signed", "on_time", "refused", "redone"];

#[derive(Default)]
struct Department {
    open: usize,
    overdue: usize,
    closed: usize,
    on_time: Rate,
    solved: Rate,
    satisfied: Rate,
}

/// Boards that are remembered, and for how long while tickets change: who looks at a city's figures
/// does not need those of this second.
const REMEMBERED: usize = 16;
const REMEMBERED_MS: i128 = 5_000;

/// Boards that were counted lately, by what was asked.
pub type Remembered = Mutex<HashMap<Asked, (Timestamp, Arc<Value>)>>;

impl Desk {
    /// The boards, from memory where many tickets make counting long.
    fn boards(&self, asked: &Asked) -> Result<Arc<Value>, Problem> {
        let now = Timestamp::now();
        let many = self.board().is_large();
        let lock = || self.boards.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |at: &Timestamp| now.duration_since(*at).as_millis() < REMEMBERED_MS;
        if many && let Some((_, known)) = lock().get(asked).filter(|(at, _)| fresh(at)) {
            return Ok(Arc::clone(known));
        }
        let counted = Arc::new(self.count_boards(asked, now)?);
        let mut remembered = lock();
        if remembered.len() >= REMEMBERED {
            remembered.retain(|_, (at, _)| fresh(at));
        }
        if many && remembered.len() < REMEMBERED {
            remembered.insert(asked.clone(), (now, Arc::clone(&counted)));
        }
        Ok(counted)
    }

    fn count_boards(&self, asked: &Asked, now: Timestamp) -> Result<Value, Problem> {
        let today = local(now).date();
        let day = |text: &str, default: Date| match text.trim() {
            "" => Ok(default),
            text => text.parse().map_err(|_| Problem::bad(format!("「{text}」不是日期"))),
        };
        let last: Date = day(&asked.to, today)?;
        let first = day(&asked.from, last.saturating_sub((DAYS - 1).days()))?;
        let (from, to) = (moment(&first.to_string(), false)?, moment(&last.to_string(), true)?);
        if from >= to {
            return Err(Problem::bad("开始日期在结束日期之后"));
        }
        let before =
            from.checked_sub(to.duration_since(from)).map_err(|_| Problem::bad("日期超出范围"))?;
        let department = Some(asked.department.clone()).filter(|name| !name.is_empty());
        let choice = Choice { from: Some(from), to: Some(to), department, ..Choice::default() };
        let earlier = Choice { from: Some(before), to: Some(from), ..choice.clone() };
        let board = self.board();
        let within = |choice: &Choice| -> Vec<&Summary> {
            board.all().filter(|ticket| choice.takes(ticket, now, &self.policy)).collect()
        };
        // A city's figures take two cores a tenth of a second.
        let (tally, groups) = std::thread::scope(|scope| {
            let tickets = within(&choice);
            let counted = tickets.clone();
            let tally = scope.spawn(|| Tally::of(counted, now, &self.policy));
            let groups = groups(&tickets, &within(&earlier));
            (tally.join(), groups)
        });
        let tally =
            tally.map_err(|_| Problem::broken(&std::io::Error::other("a count panicked")))?;
        let mut json = tally.json(first..=last);
        if let (Value::Object(json), Value::Object(groups)) = (&mut json, groups) {
            json.extend(groups);
        }
        Ok(json)
    }
}

/// What is counted ticket by ticket.
#[derive(Default)]
struct Tally<'a> {
    tickets: usize,
    open: usize,
    overdue: usize,
    due_soon: usize,
    closed: usize,
    calls: HashSet<&'a str>,
    rates: [Rate; RATES.len()],
    by_hour: [usize; 24],
    by_weekday_hour: [[usize; 24]; 7],
    /// Opened and closed.
    by_day: BTreeMap<Date, (usize, usize)>,
    departments: HashMap<&'a str, Department>,
}

impl<'a> Tally<'a> {
    fn of(tickets: Vec<&'a Summary>, now: Timestamp, policy: &Policy) -> Tally<'a> {
        let mut tally = Tally::default();
        for ticket in tickets {
            tally.count(ticket, now, policy);
        }
        tally
    }

    fn count(&mut self, ticket: &'a Summary, now: Timestamp, policy: &Policy) {
        let closed = ticket.status == Status::Closed;
        let overdue = ticket.is_overdue(now);
        self.tickets += 1;
        self.open += usize::from(ticket.status.is_open());
        self.overdue += usize::from(overdue);
        self.due_soon += usize::from(ticket.is_due_soon(now, policy));
        self.closed += usize::from(closed);
        if ticket.has_sound {
            self.calls.insert(&ticket.call);
        }
        for (share, rate) in self.rates.iter_mut().zip(RATES) {
            share.count(rated(ticket, rate, now));
        }
        let hour = ticket.began.hour() as usize;
        let weekday = ticket.began.weekday().to_monday_zero_offset() as usize;
        self.by_hour[hour] += 1;
        self.by_weekday_hour[weekday][hour] += 1;
        self.by_day.entry(ticket.began.date()).or_default().0 += 1;
        if let Some(ended) = ticket.ended_at.filter(|_| closed) {
            self.by_day.entry(local(ended).date()).or_default().1 += 1;
        }
        let line =
            self.departments.entry(ticket.department.as_deref().unwrap_or("未派")).or_default();
        line.open += usize::from(ticket.status.is_open());
        line.overdue += usize::from(overdue);
        line.closed += usize::from(closed);
        line.on_time.count(rated(ticket, "on_time", now));
        line.solved.count(rated(ticket, "solved", now));
        line.satisfied.count(rated(ticket, "satisfied", now));
    }

    fn json(self, days: RangeInclusive<Date>) -> Value {
        let rates: serde_json::Map<String, Value> = RATES
            .iter()
            .zip(self.rates)
            .map(|(name, rate)| ((*name).to_owned(), rate.json()))
            .collect();
        let mut lines: Vec<(&str, Department)> = self.departments.into_iter().collect();
        lines.sort_by_key(|(name, line)| (std::cmp::Reverse(line.open + line.closed), *name));
        let line = |(name, line): (&str, Department)| {
            json!({ "name": name, "open": line.open, "overdue": line.overdue, "closed": line.closed,
                    "on_time": line.on_time.json(), "solved": line.solved.json(),
                    "satisfied": line.satisfied.json() })
        };
        let day = |(day, (n, closed)): (Date, (usize, usize))| json!({ "day": day.to_string(), "n": n, "closed": closed });
        // What was opened in the period may have been closed after it.
        let by_day = self.by_day.into_iter().filter(|(day, _)| days.contains(day));
        json!({
            "from": days.start().to_string(), "to": days.end().to_string(),
            "totals": { "tickets": self.tickets, "open": self.open, "overdue": self.overdue,
                        "due_soon": self.due_soon, "closed": self.closed, "calls": self.calls.len() },
            "rates": rates,
            "by_hour": self.by_hour, "by_weekday_hour": self.by_weekday_hour,
            "by_day": by_day.map(day).collect::<Vec<_>>(),
            "by_department": lines.into_iter().map(line).collect::<Vec<_>>(),
        })
    }
}

/// What is counted by what tickets are about.
fn groups(tickets: &[&Summary], previous: &[&Summary]) -> Value {
    let by = |name: for<'a> fn(&'a Summary) -> Option<&'a str>| {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in tickets.iter().filter_map(|one| name(one)) {
            *counts.entry(name).or_default() += 1;
        }
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
        counts.truncate(LINES);
        counts.into_iter().map(|(name, n)| json!({ "name": name, "n": n })).collect::<Vec<_>>()
    };
    json!({
        "by_status": by(|one| Some(one.status.name())),
        "by_type": by(|one| Some(&one.request_type)),
        "by_category": by(|one| Some(&one.category)),
        "by_street": by(|one| one.street.as_deref()),
        "topics": topics(tickets, previous),
    })
}

/// What many suffer from: the same second-level category in the same street, and how that compares
/// with the period before.
fn topics(tickets: &[&Summary], previous: &[&Summary]) -> Vec<Value> {
    fn topic(ticket: &Summary) -> Option<(&str, &str)> {
        let matter = ticket.category_2.as_ref().unwrap_or(&ticket.category);
        ticket.street.as_deref().map(|street| (street, matter.as_str()))
    }
    let suffered = |one: &&&Summary| one.request_type != "咨询";
    let mut now: HashMap<(&str, &str), Vec<&Summary>> = HashMap::new();
    for ticket in tickets.iter().filter(suffered) {
        if let Some(topic) = topic(ticket) {
            now.entry(topic).or_default().push(ticket);
        }
    }
    let mut before: HashMap<(&str, &str), usize> = HashMap::new();
    for topic in previous.iter().filter(suffered).filter_map(|ticket| topic(ticket)) {
        *before.entry(topic).or_default() += 1;
    }
    let mut hot: Vec<((&str, &str), Vec<&Summary>)> =
        now.into_iter().filter(|(_, all)| all.len() >= LEAST_TOPIC).collect();
    hot.sort_by(|left, right| right.1.len().cmp(&left.1.len()).then_with(|| left.0.cmp(&right.0)));
    hot.truncate(TOPICS);
    hot.into_iter()
        .map(|(topic, all)| {
            let was = before.get(&topic).copied().unwrap_or(0);
            let ids: Vec<_> = all.iter().rev().take(50).map(|ticket| ticket.id).collect();
            let change = (was > 0).then(|| {
                ((all.len() as f64 / was as f64 - 1.0) * 100.0).round() / 100.0
            });
            json!({ "text": format!("{} · {}", topic.0, topic.1), "place": topic.0, "matter": topic.1,
                    "n": all.len(), "before": was, "change": change, "ids": ids })
        })
        .collect()
}
