//! Tickets: lists, one ticket, and what stands beside it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use calendar::china;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tickets::{Error, Ticket, TicketId};

use crate::Desk;
use crate::board::{Choice, Counts, Key, Queue, Sort};
use crate::extract::{Json, Path, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::summary::Row;

/// Tickets on a page when nobody says otherwise, and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;
/// Tickets that words may find, of which the list is made.
const FOUND: usize = 2000;
/// Tickets shown beside one.
const BESIDE: usize = 8;
/// Least likeness of a ticket that is shown as similar.
const ALIKE: f32 = 0.25;

/// What is asked of a list. Days are China's.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Asked {
    queue: Option<Queue>,
    status: Option<String>,
    department: Option<String>,
    category: Option<String>,
    #[serde(rename = "type")]
    request_type: Option<String>,
    urgency: Option<String>,
    /// Words, as people type them.
    q: Option<String>,
    /// A telephone number, or what a caller is known by.
    caller: Option<String>,
    place: Option<String>,
    /// A day or a moment.
    from: Option<String>,
    /// A day, included, or a moment.
    to: Option<String>,
    confidence_below: Option<f64>,
    overdue: Option<bool>,
    due_soon: Option<bool>,
    open: Option<bool>,
    /// responded, solved, satisfied, signed, on_time, refused or redone: tickets that spoil it.
    flaw: Option<String>,
    hour: Option<i8>,
    weekday: Option<i8>,
    /// By default what is due first, and for words what holds most of them.
    sort: Option<Sort>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A page of tickets.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct List {
    items: Vec<Row>,
    /// Cursor of the next page.
    next: Option<String>,
    /// Tickets in all.
    total: usize,
    /// Whether no ticket holds all the words that were asked for, and these hold some of them.
    partial: bool,
    /// Tickets by queue, within what this person may see.
    #[schema(value_type = Object)]
    counts: Arc<Counts>,
}

/// A day or a moment; `end`: of a day, the moment after it.
pub fn moment(text: &str, end: bool) -> Result<Timestamp, Problem> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day: Date = text.parse().map_err(|_| Problem::bad(format!("「{text}」不是日期")))?;
    let day = if end { day.tomorrow().unwrap_or(day) } else { day };
    china().to_timestamp(day.at(0, 0, 0, 0)).map_err(|_| Problem::bad("日期超出范围"))
}

impl Desk {
    /// What a caller is known by, from a number or from that itself.
    pub(crate) fn key_of(&self, caller: &str) -> String {
        let digits: String = caller.chars().filter(char::is_ascii_digit).collect();
        let number = caller.chars().all(|ch| ch.is_ascii_digit() || matches!(ch, ' ' | '-' | '+'));
        if number && (5..=13).contains(&digits.len()) {
            self.caller_key(&digits)
        } else {
            caller.trim().to_lowercase()
        }
    }

    pub(crate) fn choice(&self, asked: &Asked, me: &Me) -> Result<Choice, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let status = given(&asked.status);
        let status = status.map(|name| name.parse()).transpose();
        Ok(Choice {
            within: me.within().map(<[String]>::to_vec),
            queue: asked.queue,
            status: status.map_err(|_: String| Problem::bad("没有这个状态"))?,
            department: given(&asked.department),
            category: given(&asked.category),
            request_type: given(&asked.request_type),
            urgency: given(&asked.urgency),
            // Trying numbers out must not tell a handler whose they are.
            caller_key: given(&asked.caller).map(|caller| match me.may_see_all() {
                true => self.key_of(&caller),
                false => caller,
            }),
            place: given(&asked.place),
            from: given(&asked.from).map(|text| moment(&text, false)).transpose()?,
            to: given(&asked.to).map(|text| moment(&text, true)).transpose()?,
            confidence_below: asked.confidence_below,
            overdue: asked.overdue,
            due_soon: asked.due_soon,
            open: asked.open,
            flaw: given(&asked.flaw),
            hour: asked.hour,
            weekday: asked.weekday,
        })
    }

    /// The counts of all queues.
    pub(crate) fn counts(&self, within: Option<&[String]>) -> Arc<Counts> {
        self.board().counts(within, Timestamp::now())
    }

    /// A ticket that the person may see; to others it is not there.
    pub(crate) fn visible(&self, id: &str, me: &Me) -> Result<Ticket, Problem> {
        me.works_tickets()?;
        let absent = || Problem::absent("这张工单");
        let id: TicketId = id.parse().map_err(|_| absent())?;
        let ticket = match self.store.ticket(id) {
            Err(Error::NoTicket(_)) => return Err(absent()),
            ticket => ticket?,
        };
        me.sees(&ticket).then_some(ticket).ok_or_else(absent)
    }

    /// Ids of tickets that words find, with their rank, and whether they hold only some of the
    /// words; a number finds its ticket.
    fn among(
        &self,
        words: &str,
        within: Option<&[String]>,
    ) -> Result<(HashMap<TicketId, usize>, bool), Problem> {
        if let Ok(id) = words.trim().parse::<TicketId>() {
            return Ok((HashMap::from([(id, 0)]), false));
        }
        let query = search::Query {
            words: words.to_owned(),
            ticket: Some(true),
            departments_visible: within.map(<[String]>::to_vec),
            limit: FOUND,
            ..search::Query::default()
        };
        let found = self.finding.find(&query)?;
        let ids = found.hits.iter().filter_map(|hit| hit.key.parse().ok());
        Ok((ids.enumerate().map(|(rank, id)| (id, rank)).collect(), found.partial))
    }

    /// A ticket as an answer, with its version.
    pub(crate) fn answer(
        &self,
        ticket: &Ticket,
        me: &Me,
        status: StatusCode,
    ) -> Result<Response, Problem> {
        let etag = format!("\"{}\"", ticket.version);
        let etag = HeaderValue::from_str(&etag).map_err(|_| Problem::bad("版本有误"))?;
        let json = self.ticket_json(ticket, me)?;
        Ok((status, [(header::ETAG, etag)], Json(json)).into_response())
    }
}

fn cursor(key: Key) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{} {} {}", key.0, key.1, key.2))
}

fn parse_cursor(text: &str) -> Result<Key, Problem> {
    let parse = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.split(' ');
        Some((
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    };
    parse().ok_or_else(|| Problem::bad("翻页标记有误，请重新查询"))
}

/// Tickets, a page at a time.
#[utoipa::path(get, path = "/api/tickets", tag = "tickets", params(Asked), responses((status = 200, body = List), (status = 400, body = Problem)))]
pub async fn list(
    State(desk): State<Desk>,
    me: Me,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    me.works_tickets()?;
    let list = tokio::task::spawn_blocking(move || {
        let choice = desk.choice(&asked, &me)?;
        let words = asked.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        let among = words.map(|words| desk.among(words, me.within())).transpose()?;
        let (among, partial) = among.map_or((None, false), |(ids, partial)| (Some(ids), partial));
        let after = asked.cursor.as_deref().map(parse_cursor).transpose()?;
        let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let now = Timestamp::now();
        let board = desk.board();
        let page =
            board.page(&choice, among.as_ref(), asked.sort, after, limit, (now, &desk.policy));
        let items = page.tickets.iter().map(|ticket| ticket.row(now, &desk.policy)).collect();
        let counts = board.counts(me.within(), now);
        Ok(List { items, next: page.next.map(cursor), total: page.total, partial, counts })
    });
    Ok(Json(joined(list).await?))
}

/// A task's answer; one that panicked is a broken request and nothing more.
pub(crate) async fn joined<T>(
    task: tokio::task::JoinHandle<Result<T, Problem>>,
) -> Result<T, Problem> {
    // A panic's own words might quote what somebody said.
    task.await.unwrap_or_else(|_| Err(Problem::broken(&std::io::Error::other("a task panicked"))))
}

/// One ticket, with what this person may do to it.
#[utoipa::path(get, path = "/api/tickets/{id}", tag = "tickets", responses((status = 200, description = "The ticket; its version is the ETag"), (status = 404, body = Problem)))]
pub async fn one(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    desk.answer(&ticket, &me, StatusCode::OK)
}

/// Similar open tickets, and the same caller's.
#[utoipa::path(get, path = "/api/tickets/{id}/beside", tag = "tickets", responses((status = 200, description = "similar, caller")))]
pub async fn beside(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let task = tokio::task::spawn_blocking(move || {
        let within = me.within().map(<[String]>::to_vec);
        let filters = search::Query {
            ticket: Some(true),
            departments_visible: within,
            ..search::Query::default()
        };
        let place =
            ticket.fields.place.as_ref().map_or(String::new(), |place| place.names.concat());
        let text = format!("{}\n{place}", ticket.fields.title);
        let alike = desk.finding.similar(&text, &filters, BESIDE * 4)?;
        let now = Timestamp::now();
        let board = desk.board();
        let similar: Vec<Value> = alike
            .into_iter()
            .filter(|(_, score)| *score >= ALIKE)
            .filter_map(|(key, score)| Some((board.get(key.parse().ok()?)?, score)))
            .filter(|(other, _)| other.id != ticket.id && other.status.is_open())
            // The index may be a moment behind.
            .filter(|(other, _)| me.within().is_none_or(|names| other.has_any(names)))
            .take(BESIDE)
            .map(|(other, score)| {
                let mut row =
                    serde_json::to_value(other.row(now, &desk.policy)).unwrap_or_default();
                row["score"] = json!((f64::from(score) * 100.0).round() / 100.0);
                row
            })
            .collect();
        let key = board.get(ticket.id).and_then(|summary| summary.caller_key.clone());
        let caller: Vec<Row> = key
            .iter()
            .flat_map(|key| board.of_caller(key))
            .filter(|other| other.id != ticket.id)
            .filter(|other| me.within().is_none_or(|names| other.has_any(names)))
            .map(|other| other.row(now, &desk.policy))
            .rev_take(BESIDE);
        Ok(json!({ "similar": similar, "caller": caller }))
    });
    Ok(Json(joined(task).await?))
}

/// The newest few of what comes oldest first.
trait RevTake: Iterator + Sized {
    fn rev_take(self, count: usize) -> Vec<Self::Item> {
        let mut all: Vec<Self::Item> = self.collect();
        all.reverse();
        all.truncate(count);
        all
    }
}

impl<I: Iterator> RevTake for I {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a page gives is what the next one takes; anything else is a refusal, not a panic.
        #[test]
        fn cursors_come_back_as_they_went(first: i64, second: i64, counter in 1u32..99_999, junk in ".{0,60}") {
            let key = (first, second, TicketId { day: 20261126, counter });
            prop_assert_eq!(parse_cursor(&cursor(key)).ok(), Some(key));
            let _ = parse_cursor(&junk);
            let _ = moment(&junk, true);
        }
    }
}
