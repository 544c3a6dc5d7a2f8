//! Calls: finding them, hearing them again, and what people make of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tickets::{Call, Look, RECORD_VERSION, Remark, Role, Said, Ticket, TicketId, written};
use tokio::io::AsyncWriteExt;

use crate::extract::{Json, Path, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::sound::{HEADER, Peaks};
use crate::tickets_api::{download, joined, moment};
use crate::{Desk, Upload, transcript};

/// Calls on a page when nobody says otherwise, and at most.
const PAGE: usize = 30;
const LONGEST_PAGE: usize = 100;
/// Seconds within which looking again at the same call is the same look.
const SAME_LOOK_S: i64 = 600;
/// What can become of a call.
const CALLS: [&str; 4] = ["tickets", "transfer", "none", "unusable"];
/// Calls whose checks are remembered, as long as most of them found nothing.
const FLAGGED: usize = 20_000;
/// Largest recording that may be uploaded, in bytes.
pub const LARGEST_RECORDING: usize = 2 << 30;
/// Bytes of sound in one answer at most: a browser asks for the rest.
const LARGEST_RANGE: u64 = 1 << 20;
/// Longest comment, in characters.
const LONGEST_COMMENT: usize = 2000;

/// Something about a ticket that its call does not bear out.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Check {
    code: &'static str,
    text: String,
    #[schema(value_type = Option<String>)]
    ticket: Option<TicketId>,
    field: Option<&'static str>,
}

/// A look that is the same as an earlier one: session, call, what, whether blanked.
type SameLook = (String, String, &'static str, bool);

/// What was found wrong with calls, and who looked lately.
#[derive(Debug, Default)]
pub struct Checked {
    flags: Mutex<HashMap<String, Vec<Check>>>,
    looked: Mutex<HashMap<SameLook, Timestamp>>,
}

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
    me.only(&[Role::Agent, Role::Supervisor])?;
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
        let caller = some(&asked.caller).into_iter().map(|caller| self.key_of(&caller));
        let mut query = search::Query {
            words: asked.q.clone(),
            caller_key: caller.collect(),
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
            let flags = self.checked.flags.lock().unwrap_or_else(PoisonError::into_inner);
            query.call = flags
                .iter()
                .filter(|(_, found)| !found.is_empty())
                .map(|(call, _)| call.clone())
                .collect();
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
        Ok(json!({ "items": items, "next": next, "total": found.total }))
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
        let flags = self.checked.flags.lock().unwrap_or_else(PoisonError::into_inner);
        let flags = flags.get(&call.sha256).cloned().unwrap_or_default();
        Ok(json!({
            "sha256": call.sha256, "started_at": written(call.started_at),
            "duration_ms": call.duration_ms, "outcome": call.outcome, "tickets": tickets,
            "caller": caller, "caller_key": caller_key, "confidence": sure, "flags": flags,
            "marks": marks, "score": score, "snippet": [],
        }))
    }

    /// A call that the person may see; to others it is not there.
    fn visible_call(&self, sha256: &str, me: &Me) -> Result<(Call, Vec<Ticket>), Problem> {
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
    fn look(
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
            let mut looked = self.checked.looked.lock().unwrap_or_else(PoisonError::into_inner);
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
        self.checked.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(key, now);
        Ok(())
    }

    fn call_json(
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
        let found = self.check_call(call, tickets)?;
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

    /// Holds a call's tickets against what its words say now.
    pub(crate) fn check_call(
        &self,
        call: &Call,
        tickets: &[Ticket],
    ) -> Result<Vec<Check>, Problem> {
        let stored = transcript::load(&self.store, call)?;
        let found = check(&stored.heard, tickets, &*self.house.decide);
        let mut flags = self.checked.flags.lock().unwrap_or_else(PoisonError::into_inner);
        if flags.len() >= FLAGGED {
            flags.retain(|_, found| !found.is_empty());
        }
        flags.insert(call.sha256.clone(), found.clone());
        Ok(found)
    }
}

/// Least confidence with which the words speak against a ticket.
const SURE: f64 = 0.6;

fn check(
    heard: &nlu::Heard,
    tickets: &[Ticket],
    decide: &dyn Fn(&nlu::Heard) -> Vec<tickets::Fields>,
) -> Vec<Check> {
    let mut heard = heard.clone();
    for (n, text) in transcript::corrections(tickets.iter()) {
        if let Some(said) = heard.said.get_mut(n) {
            *said = nlu::Said {
                leg_uncertain: said.leg_uncertain,
                ..nlu::Said::from_text(said.leg, &text)
            };
        }
    }
    let decided = decide(&heard);
    let phones: Vec<String> = heard
        .said
        .iter()
        .flat_map(|said| nlu::entities(&said.text(), heard.started_at).phones)
        .map(|phone| phone.value)
        .collect();
    let mut found = Vec::new();
    for ticket in tickets {
        let fields = &ticket.fields;
        let mut add = |code, field, text: String| {
            found.push(Check { code, text, ticket: Some(ticket.id), field: Some(field) });
        };
        if let Some(said) = decided.get(ticket.matter) {
            let sure = |field: &str| said.confidence.get(field).copied().unwrap_or(0.0) >= SURE;
            if said.request_type != fields.request_type && sure("type") {
                let text = format!(
                    "工单类型是「{}」，通话内容像「{}」",
                    fields.request_type, said.request_type
                );
                add("type", "type", text);
            }
            if said.category != fields.category && sure("category") {
                let text =
                    format!("工单分类是「{}」，通话内容像「{}」", fields.category, said.category);
                add("category", "category", text);
            }
            let district = |place: &Option<tickets::Place>| {
                place.as_ref().and_then(|place| place.names.get(2).cloned())
            };
            let (is, was) = (district(&fields.place), district(&said.place));
            if was.is_some() && is != was && sure("place") {
                let text = format!(
                    "工单地址是「{}」，通话中说的是「{}」",
                    is.unwrap_or_else(|| "空".to_owned()),
                    was.unwrap_or_default()
                );
                add("place", "place", text);
            }
        }
        match (&fields.phone, phones.is_empty()) {
            (None, false) => {
                add("phone-missed", "phone", "通话中留了电话，工单没有记录".to_owned())
            }
            (None, true) if fields.missing.iter().any(|field| field == "phone") => {
                add("phone-missing", "phone", "没有问到联系电话".to_owned());
            }
            (Some(phone), false) if !phones.contains(phone) => {
                add("phone-differs", "phone", "工单电话与通话中说的号码不一致".to_owned());
            }
            _ => {}
        }
    }
    found
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
    redact: bool,
    /// Why what is not blanked is shown.
    #[serde(default)]
    why: String,
    /// Form of an export: vtt, srt, json or sound.
    #[serde(default)]
    form: String,
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

/// A waveform, with the stretches in which nobody speaks.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Waveform {
    #[serde(flatten)]
    peaks: Peaks,
    /// Whose voice each of `legs` is.
    names: Vec<&'static str>,
    silence: Vec<(u64, u64)>,
}

/// The waveform of a call.
#[utoipa::path(get, path = "/api/calls/{sha256}/peaks", tag = "calls", responses((status = 200, body = Waveform)))]
pub async fn peaks(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
) -> Result<Json<Waveform>, Problem> {
    let task = tokio::task::spawn_blocking(move || {
        let (call, _) = desk.visible_call(&sha256, &me)?;
        let (_, peaks) = desk.sound_of(&call)?;
        let stored = transcript::load(&desk.store, &call)?;
        let silence = transcript::silences(&stored.heard, peaks.duration_ms);
        let names = transcript::channels(&stored.heard, &peaks);
        Ok(Waveform { peaks, names, silence })
    });
    Ok(Json(joined(task).await?))
}

impl Desk {
    /// Makes the sound and the waveform of a call that was just taken, so that opening it is quick.
    pub(crate) fn prepare(&self, sha256: &str) {
        let made = match self.store.call(sha256) {
            Ok(Some(call)) if call.has_sound() => self.sound_of(&call).map(|_| ()),
            _ => return,
        };
        if let Err(problem) = made {
            // Whoever opens the call is told.
            tracing::debug!(sha256, "{}", problem.detail);
        }
    }

    pub(crate) fn sound_of(&self, call: &Call) -> Result<(crate::sound::Sound, Peaks), Problem> {
        if !call.has_sound() {
            return Err(Problem::absent("录音：这张工单是手工建立的"));
        }
        let path = self.store.files().recording(&call.sha256, &call.ending);
        if !path.is_file() {
            return Err(Problem::absent("录音文件，请管理员运行 hotline check 查看"));
        }
        Ok(self.sounds.of(&call.sha256, &path)?)
    }
}

/// The sound of a call, in ranges (RFC 9110, section 14).
#[utoipa::path(get, path = "/api/calls/{sha256}/sound", tag = "calls", params(Shown), responses((status = 200, description = "audio/wav"), (status = 206, description = "A part of it"), (status = 416, body = Problem)))]
pub async fn sound(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        desk.look(&me, &call, "recording", shown.redact, &shown.why)?;
        let (sound, _) = desk.sound_of(&call)?;
        let silenced = match shown.redact {
            true => {
                let corrected = transcript::corrections(tickets.iter());
                transcript::silenced(&transcript::load(&desk.store, &call)?.heard, &corrected)
            }
            false => Vec::new(),
        };
        let (from, to) = match range.as_deref().map(|range| parse_range(range, sound.bytes)) {
            None => (0, sound.bytes),
            Some(Some((from, to))) => (from, to.min(from + LARGEST_RANGE)),
            Some(None) => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                return Err(Problem::new(status, "/problems/range", "范围有误", "录音没有这一段"));
            }
        };
        // The whole is sent in pieces, so that an hour of sound is never in memory.
        let length = to - from;
        let mut at = from;
        let total = sound.bytes;
        let pieces = std::iter::from_fn(move || {
            if at >= to {
                return None;
            }
            let end = (at + LARGEST_RANGE).min(to);
            let piece = sound.read(at, end, &silenced);
            at = end;
            Some(piece)
        });
        let mut response = Body::from_stream(tokio_stream::iter(pieces)).into_response();
        let headers = response.headers_mut();
        let value = |text: String| text.parse().map_err(|_| Problem::bad("范围有误"));
        headers.insert(header::CONTENT_TYPE, value("audio/wav".to_owned())?);
        headers.insert(header::ACCEPT_RANGES, value("bytes".to_owned())?);
        headers.insert(header::CONTENT_LENGTH, value(length.to_string())?);
        headers.insert(header::CACHE_CONTROL, value("private, max-age=600".to_owned())?);
        if range.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {from}-{}/{total}", to - 1);
            response.headers_mut().insert(header::CONTENT_RANGE, value(range)?);
        }
        Ok(response)
    });
    joined(task).await
}

/// `bytes=from-to`, `bytes=from-` or `bytes=-last`; one range.
fn parse_range(text: &str, length: u64) -> Option<(u64, u64)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from.trim(), to.trim()) {
        ("", last) => (length.saturating_sub(last.parse().ok()?), length),
        (from, "") => (from.parse().ok()?, length),
        (from, to) => (from.parse().ok()?, to.parse::<u64>().ok()?.checked_add(1)?.min(length)),
    };
    (from < to && from < length).then_some((from, to))
}

/// A call for use elsewhere.
#[utoipa::path(get, path = "/api/calls/{sha256}/export", tag = "calls", params(Shown), responses((status = 200, description = "A download")))]
pub async fn export(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, Problem> {
    me.only(&[Role::Agent, Role::Supervisor])?;
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        desk.look(&me, &call, "export", shown.redact, &shown.why)?;
        let stored = transcript::load(&desk.store, &call)?;
        let corrected = transcript::corrections(tickets.iter());
        let utterances = transcript::utterances(&stored.heard, &corrected, shown.redact);
        let (kind, ending, body) = match shown.form.as_str() {
            "vtt" => ("text/vtt; charset=utf-8", "vtt", subtitles(&utterances, true).into_bytes()),
            "srt" => ("application/x-subrip", "srt", subtitles(&utterances, false).into_bytes()),
            "json" => {
                let json = desk.call_json(&call, &tickets, shown.redact, &me)?;
                ("application/json", "json", json.to_string().into_bytes())
            }
            "sound" => {
                let (sound, _) = desk.sound_of(&call)?;
                let silenced = match shown.redact {
                    true => transcript::silenced(&stored.heard, &corrected),
                    false => Vec::new(),
                };
                let bytes = sound.read(0, sound.bytes, &silenced);
                let bytes = bytes.map_err(|error| Problem::broken(&error))?;
                ("audio/wav", "wav", bytes)
            }
            _ => return Err(Problem::bad("导出格式为 vtt、srt、json 或 sound")),
        };
        let day = crate::board::local(call.started_at).strftime("%Y%m%d-%H%M%S");
        let note = if shown.redact { "" } else { "-未脱敏" };
        let name = format!("call-{day}-{}{note}.{ending}", &call.sha256[..8]);
        let kind = kind.to_owned();
        Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, download(&name))], body)
            .into_response())
    });
    joined(task).await
}

fn subtitles(utterances: &[transcript::Utterance], vtt: bool) -> String {
    let mut out = String::from(if vtt { "WEBVTT\n" } else { "" });
    let mark = if vtt { '.' } else { ',' };
    let clock = |ms: u64| {
        let (seconds, ms) = (ms / 1000, ms % 1000);
        format!("{:02}:{:02}:{:02}{mark}{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    for (number, one) in utterances.iter().enumerate() {
        let who = match one.leg {
            "agent" => "话务员",
            "caller" => "市民",
            _ => "未分",
        };
        let text = one.corrected.as_ref().unwrap_or(&one.text);
        let times = format!("{} --> {}", clock(one.start_ms), clock(one.end_ms));
        if vtt {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            out.push_str(&format!("\n{times}\n<v {who}>{text}\n"));
        } else {
            out.push_str(&format!("{}\n{times}\n{who}：{text}\n\n", number + 1));
        }
    }
    out
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
    me.only(&[Role::Supervisor])?;
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
    me.only(&[Role::Supervisor])?;
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

/// Takes a recording in.
#[utoipa::path(post, path = "/api/recordings", tag = "calls", responses((status = 202, description = "job: told of by the live stream"), (status = 503, body = Problem)))]
pub async fn upload(
    State(desk): State<Desk>,
    me: Me,
    mut form: Multipart,
) -> Result<Response, Problem> {
    me.only(&[Role::Agent, Role::Supervisor])?;
    let broken = || Problem::bad("上传中断，请重新上传");
    let mut kept: Option<(tempfile::TempPath, String)> = None;
    let (mut started_at, mut caller, mut legs) = (None, None, None);
    while let Some(mut field) = form.next_field().await.map_err(|_| broken())? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" => {
                let name = field.file_name().unwrap_or("recording.wav").to_owned();
                kept = Some((desk.spool(&mut field, &name).await?, name));
            }
            "started_at" => {
                let text = short(&mut field).await?;
                started_at = Some(moment(&text, false)?);
            }
            "caller" => caller = Some(short(&mut field).await?),
            "legs" => {
                let text = short(&mut field).await?;
                let names = text.split(',').map(|name| Value::String(name.trim().to_owned()));
                let parsed = serde_json::from_value(names.collect());
                legs = Some(parsed.map_err(|_| Problem::bad("legs 为 agent、caller 或 mixed"))?);
            }
            _ => {}
        }
    }
    let Some((path, name)) = kept else { return Err(Problem::bad("没有收到录音文件")) };
    let path = path.keep().map_err(|error| Problem::broken(&error))?;
    let by = me.person.name.clone();
    let upload = Upload { path: path.clone(), name, started_at, caller, legs, by };
    match (desk.house.submit)(upload) {
        Ok(job) => Ok((StatusCode::ACCEPTED, Json(json!({ "job": job }))).into_response()),
        Err(reason) => {
            let _ = std::fs::remove_file(path);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "/problems/busy", "暂时无法受理", reason))
        }
    }
}

/// A short text of a form, whatever its length.
async fn short(field: &mut axum::extract::multipart::Field<'_>) -> Result<String, Problem> {
    const LONGEST: usize = 200;
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| Problem::bad("上传中断，请重新上传"))?
    {
        bytes.extend(piece);
        if bytes.len() > LONGEST {
            return Err(Problem::bad("表单里的文字太长"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::bad("表单里的文字不是 UTF-8"))
}

impl Desk {
    /// Writes an upload beside the store, piece by piece, under its own ending.
    async fn spool(
        &self,
        field: &mut axum::extract::multipart::Field<'_>,
        name: &str,
    ) -> Result<tempfile::TempPath, Problem> {
        let broken = |_| Problem::bad("上传中断，请重新上传");
        let full = |error: std::io::Error| Problem::full(&error);
        let ending = name.rsplit_once('.').map_or("wav", |(_, ending)| ending);
        let plain = ending.len() <= 5 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let ending = if plain { ending.to_ascii_lowercase() } else { "wav".to_owned() };
        let dir = self.store.root().join("uploads");
        std::fs::create_dir_all(&dir).map_err(full)?;
        let file = tempfile::Builder::new()
            .prefix("upload-")
            .suffix(&format!(".{ending}"))
            .tempfile_in(&dir)
            .map_err(full)?;
        let (file, path) = file.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut length = 0;
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            length += piece.len();
            if length > LARGEST_RECORDING {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                return Err(Problem::new(
                    status,
                    "/problems/too-large",
                    "文件太大",
                    "录音最大 2 GB",
                ));
            }
            file.write_all(&piece).await.map_err(full)?;
        }
        file.flush().await.map_err(full)?;
        if length as u64 <= HEADER / 2 {
            return Err(Problem::invalid("这个文件是空的，不是录音"));
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a browser sends, a range lies within the sound.
        #[test]
        fn ranges_lie_within_the_sound(text in "(bytes=)?[0-9]{0,22}-[0-9]{0,22}|.{0,30}", length in 0u64..1_000_000) {
            if let Some((from, to)) = parse_range(&text, length) {
                prop_assert!(from < to && to <= length);
            }
        }

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
