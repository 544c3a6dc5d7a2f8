//! Calls: finding them, hearing them again, and what people make of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::extract::State;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tickets::{Call, Look, RECORD_VERSION, Remark, Role, Said, Ticket, TicketId, written};

use crate::extract::{Json, Path, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::tickets_api::{joined, moment};
use crate::{Desk, transcript};

/// Calls on a page when nobody says otherwise, and at most.
const PAGE: usize = 30;
const LONGEST_PAGE: usize = 100;
/// Seconds within which looking again at the same call is the same look.
const SAME_LOOK_S: i64 = 600;
/// What can become of a call.
const CALLS: [&str; 4] = ["tickets", "transfer", "none", "unusable"];
/// Digits of a caller's number that lists show.
const SEEN: usize = 4;
/// Longest comment, in characters.
const LONGEST_COMMENT: usize = 2000;

/// A look that is the same as an earlier one: session, call, what, whether blanked.
type SameLook = (String, String, &'static str, bool);

/// Who looked lately.
#[derive(Debug, Default)]
pub struct Looked(Mutex<HashMap<SameLook, Timestamp>>);

/// What is asked of the search for calls.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Asked {
    q: String,
    caller: String,
    place: String,
    category: String,
    department: String,
    #[serde(rename = "type")]
    request_type: String,
    outcome: String,
    from: String,
    to: String,
    confidence_below: Option<f64>,
    /// Only calls with a check that found something.
    flag: Option<bool>,
    limit: Option<usize>,
    cursor: Option<usize>,
}

/// Lists of one, or of none when nothing was asked.
fn some(text: &str) -> Vec<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned).into_iter().collect()
}

/// Calls, a page at a time.
#[utoipa::path(get, path = "/api/calls", tag = "calls", params(Asked), responses((status = 200, description = "items, next, total")))]
pub async fn list(
    State(desk): State<Desk>,
    me: Me,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Agent, Role::Supervisor])?;
    let task = tokio::task::spawn_blocking(move || desk.find_calls(&asked));
    Ok(Json(joined(task).await?))
}

impl Desk {
    fn find_calls(&self, asked: &Asked) -> Result<Value, Problem> {
        let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let offset = asked.cursor.unwrap_or(0);
        let second = |text: &str, end| match text.trim() {
            "" => Ok(None),
            text => moment(text, end).map(|moment| Some(moment.as_second())),
        };
        let mut query = search::Query {
            words: asked.q.clone(),
            caller_key: some(&asked.caller)
                .iter()
                .flat_map(|caller| self.keys_of(caller))
                .collect(),
            place: some(&asked.place),
            category: some(&asked.category),
            department: some(&asked.department),
            request_type: some(&asked.request_type),
            outcome: match some(&asked.outcome) {
                // Tickets that were opened by hand have nothing to hear.
                none if none.is_empty() => CALLS.map(str::to_owned).to_vec(),
                one => one,
            },
            from: second(&asked.from, false)?,
            to: second(&asked.to, true)?,
            confidence_below: asked.confidence_below,
            order: if asked.q.trim().is_empty() {
                search::Order::Newest
            } else {
                search::Order::Relevance
            },
            offset,
            // One more than the page tells whether there is another.
            limit: limit + 1,
            ..search::Query::default()
        };
        if asked.flag == Some(true) {
            query.call = self.checks.flagged();
            if query.call.is_empty() {
                return Ok(json!({ "items": [], "next": null, "total": 0 }));
            }
        }
        let found = self.finding.find(&query)?;
        let more = found.hits.len() > limit;
        let mut items: Vec<Value> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for hit in found.hits.into_iter().take(limit) {
            let sha256 = match hit.key.parse::<TicketId>() {
                Ok(id) => match self.board().get(id) {
                    Some(summary) => summary.call.clone(),
                    None => continue,
                },
                Err(_) => hit.key.clone(),
            };
            // A call with several matters is one call.
            if seen.contains(&sha256) {
                continue;
            }
            let Some(call) = self.store.call(&sha256)? else { continue };
            if !call.has_sound() {
                continue;
            }
            let mut row = self.call_row(&call)?;
            row["snippet"] = hit.snippets.iter().map(snippet).collect();
            row["alike"] = found.alike.into();
            items.push(row);
            seen.push(sha256);
        }
        let next = more.then_some(offset + limit);
        Ok(json!({
            "items": items, "next": next, "total": found.total, "partial": found.partial,
        }))
    }

    /// What callers are known by of whom a number is given, or what lists show of it: its end.
    fn keys_of(&self, caller: &str) -> Vec<String> {
        let mut keys = vec![self.key_of(caller)];
        if caller.len() == SEEN && caller.bytes().all(|byte| byte.is_ascii_digit()) {
            let board = self.board();
            let shown = board.all().filter(|ticket| {
                ticket.caller.as_ref().is_some_and(|shown| shown.ends_with(caller))
            });
            keys.extend(shown.filter_map(|ticket| ticket.caller_key.clone()));
        }
        keys
    }

    fn call_row(&self, call: &Call) -> Result<Value, Problem> {
        let board = self.board();
        let tickets: Vec<Value> = board
            .of_call(&call.sha256)
            .filter(|ticket| call.tickets.contains(&ticket.id))
            .map(|ticket| {
                json!({ "id": ticket.id, "title": ticket.title, "status": ticket.status.name(),
                        "type": ticket.request_type, "category": ticket.category,
                        "department": ticket.department })
            })
            .collect();
        let sure = board.of_call(&call.sha256).map(|ticket| ticket.confidence).fold(1.0, f64::min);
        let caller = board.of_call(&call.sha256).find_map(|ticket| ticket.caller.clone());
        let caller_key = board.of_call(&call.sha256).find_map(|ticket| ticket.caller_key.clone());
        drop(board);
        let remarks = self.store.remarks(&call.sha256)?;
        let marks = remarks.iter().filter(|one| matches!(one.said, Said::Marked { .. })).count();
        let score = remarks.iter().rev().find_map(|one| match &one.said {
            Said::Scored { total, .. } => Some(*total),
            Said::Marked { .. } => None,
        });
        let flags = self.checks.known(call);
        Ok(json!({
            "sha256": call.sha256, "started_at": written(call.started_at),
            "duration_ms": call.duration_ms, "outcome": call.outcome, "tickets": tickets,
            "caller": caller, "caller_key": caller_key, "confidence": sure, "flags": flags,
            "marks": marks, "score": score, "snippet": [],
        }))
    }

    /// A call that the person may see; to others it is not there.
    pub(crate) fn visible_call(
        &self,
        sha256: &str,
        me: &Me,
    ) -> Result<(Call, Vec<Ticket>), Problem> {
        me.works_tickets()?;
        let absent = || Problem::absent("这个通话");
        let call = self.store.call(sha256)?.ok_or_else(absent)?;
        let mut tickets = Vec::new();
        for id in &call.tickets {
            tickets.push(self.store.ticket(*id)?);
        }
        // Of a call with several matters a department sees its own.
        let all = tickets.len();
        tickets.retain(|ticket| me.sees(ticket));
        let sees = me.within().is_none() || !tickets.is_empty();
        let mut call = call;
        if tickets.len() < all {
            call.tickets = tickets.iter().map(|ticket| ticket.id).collect();
        }
        sees.then_some((call, tickets)).ok_or_else(absent)
    }

    /// Records that somebody looks, before anything is shown; once for the same look.
    pub(crate) fn look(
        &self,
        me: &Me,
        call: &Call,
        what: &'static str,
        redacted: bool,
        why: &str,
    ) -> Result<(), Problem> {
        if !redacted && !me.may_see_all() {
            return Err(Problem::forbidden("只有话务员和班长可以查看未脱敏的内容"));
        }
        if !redacted && why.trim().is_empty() {
            return Err(Problem::bad("查看未脱敏的内容需要说明理由"));
        }
        let now = Timestamp::now();
        let key = (me.key.clone(), call.sha256.clone(), what, redacted);
        {
            let mut looked = self.looked.0.lock().unwrap_or_else(PoisonError::into_inner);
            looked.retain(|_, at| now.duration_since(*at).as_secs() < SAME_LOOK_S);
            if looked.contains_key(&key) {
                return Ok(());
            }
        }
        let why = if why.trim().is_empty() { "脱敏回放" } else { why };
        self.store.record_look(&Look {
            v: RECORD_VERSION,
            at: now,
            by: me.person.name.clone(),
            what: what.to_owned(),
            call: call.sha256.clone(),
            redacted,
            why: why.chars().take(200).collect(),
        })?;
        self.looked.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, now);
        Ok(())
    }

    pub(crate) fn call_json(
        &self,
        call: &Call,
        tickets: &[Ticket],
        redact: bool,
        me: &Me,
    ) -> Result<Value, Problem> {
        let mut json = self.call_row(call)?;
        let stored = transcript::load(&self.store, call)?;
        let corrected = transcript::corrections(tickets.iter());
        let mut legs: Vec<&str> = Vec::new();
        let utterances = transcript::utterances(&stored.heard, &corrected, redact);
        for utterance in &utterances {
            if !legs.contains(&utterance.leg) {
                legs.push(utterance.leg);
            }
        }
        // What supervisors make of a call is not for the departments.
        let remarks = if me.may_see_all() { self.store.remarks(&call.sha256)? } else { Vec::new() };
        let marks = remarks.iter().filter_map(|one| match &one.said {
            Said::Marked { at_ms, text } => {
                Some(json!({ "at_ms": at_ms, "text": text, "by": one.by, "at": written(one.at) }))
            }
            Said::Scored { .. } => None,
        });
        let scores = remarks.iter().filter_map(|one| match &one.said {
            Said::Scored { items, total, comment } => Some(
                json!({ "by": one.by, "at": written(one.at), "items": items, "total": total, "comment": comment }),
            ),
            Said::Marked { .. } => None,
        });
        let found = self.check(call)?;
        let (marks, scores): (Vec<Value>, Vec<Value>) = (marks.collect(), scores.collect());
        let more = json!({
            "legs": legs, "incomplete": call.incomplete, "redacted": redact,
            "utterances": utterances, "marks": marks, "scores": scores, "flags": found,
            "has_sound": call.has_sound(),
        });
        if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
            json.extend(more);
        }
        Ok(json)
    }
}

/// A snippet with its words marked; everything else is escaped, and names and numbers blanked.
fn snippet(snippet: &search::Snippet) -> Value {
    let shown = transcript::blanked(&snippet.text);
    let mut html = String::new();
    for (at, ch) in shown.chars().enumerate() {
        if snippet.marks.iter().any(|(start, _)| *start == at) {
            html.push_str("<mark>");
        }
        match ch {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            ch => html.push(ch),
        }
        if snippet.marks.iter().any(|(_, end)| *end == at + 1) {
            html.push_str("</mark>");
        }
    }
    json!({ "utterance": snippet.utterance, "start_ms": snippet.start_ms, "html": html })
}

/// How a call is to be shown.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Shown {
    /// Blank names, numbers and addresses; so by default.
    #[serde(default = "yes")]
    pub redact: bool,
    /// Why what is not blanked is shown.
    #[serde(default)]
    pub why: String,
    /// Form of an export: vtt, srt, json or sound.
    #[serde(default)]
    pub form: String,
}

fn yes() -> bool {
    true
}

/// One call with its transcript.
#[utoipa::path(get, path = "/api/calls/{sha256}", tag = "calls", params(Shown), responses((status = 200, description = "The call"), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn one(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Json<Value>, Problem> {
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        desk.look(&me, &call, "transcript", shown.redact, &shown.why)?;
        desk.call_json(&call, &tickets, shown.redact, &me)
    });
    Ok(Json(joined(task).await?))
}

/// A comment at a moment.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Mark {
    at_ms: u64,
    text: String,
}

/// Comments a moment of a call.
#[utoipa::path(post, path = "/api/calls/{sha256}/marks", tag = "calls", request_body = Mark, responses((status = 200, description = "The call")))]
pub async fn mark(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Json(mark): Json<Mark>,
) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Supervisor])?;
    let count = mark.text.trim().chars().count();
    if count == 0 || count > LONGEST_COMMENT {
        return Err(Problem::invalid(format!("评语为 1 到 {LONGEST_COMMENT} 个字")));
    }
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        let said = Said::Marked {
            at_ms: mark.at_ms.min(call.duration_ms),
            text: mark.text.trim().to_owned(),
        };
        desk.remark(&me, &call, said)?;
        desk.call_json(&call, &tickets, true, &me)
    });
    Ok(Json(joined(task).await?))
}

/// Points for a call.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Score {
    #[schema(value_type = Object)]
    items: BTreeMap<String, u32>,
    #[serde(default)]
    comment: String,
}

/// Scores a call against the checklist.
#[utoipa::path(post, path = "/api/calls/{sha256}/scores", tag = "calls", request_body = Score, responses((status = 200, description = "The call"), (status = 422, body = Problem)))]
pub async fn score(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Json(score): Json<Score>,
) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Supervisor])?;
    if score.comment.chars().count() > LONGEST_COMMENT {
        return Err(Problem::invalid(format!("评语最多 {LONGEST_COMMENT} 个字")));
    }
    for (id, points) in &score.items {
        let item = desk.city.checklist.iter().find(|item| item.id == *id);
        let item = item.ok_or_else(|| Problem::invalid("没有这个评分项"))?;
        if *points > item.points {
            return Err(Problem::invalid(format!("「{}」最多 {} 分", item.name, item.points)));
        }
    }
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        let total = score.items.values().sum();
        desk.remark(
            &me,
            &call,
            Said::Scored { items: score.items, total, comment: score.comment },
        )?;
        desk.call_json(&call, &tickets, true, &me)
    });
    Ok(Json(joined(task).await?))
}

impl Desk {
    fn remark(&self, me: &Me, call: &Call, said: Said) -> Result<(), Problem> {
        let by = me.person.name.clone();
        let remark = Remark { v: RECORD_VERSION, at: Timestamp::now(), by, said };
        Ok(self.store.remark(&call.sha256, &remark)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever was said, a snippet holds no tag but its marks, and no number.
        #[test]
        fn snippets_hold_words_and_marks(text in "[<>&\"'a-z一-龥0-9]{0,60}", start in 0usize..60, count in 0usize..60) {
            let found = search::Snippet { text: text.clone(), marks: vec![(start, start + count)], ..Default::default() };
            let html = snippet(&found)["html"].as_str().unwrap_or_default().to_owned();
            let bare = html.replace("<mark>", "").replace("</mark>", "");
            prop_assert!(!bare.contains(['<', '>', '"', '\'']), "{html}");
        }
    }
}
