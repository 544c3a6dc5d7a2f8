//! Calls and tickets as people and programs see them.

use jiff::Timestamp;
use nlu::Heard;
use serde::Serialize;
use tickets::{Call, Event, Fields, Status, Ticket};

use crate::convert::{self, leg_name};
use crate::table::{Table, shorten};
use nlu::StoredTranscript;

/// One recording, as `take --json` prints it. These names are an interface.
#[derive(Debug, Clone, Serialize)]
pub struct CallJson {
    /// Path as it was given.
    pub recording: String,
    /// SHA-256 of the recording's file.
    pub sha256: String,
    /// RFC 3339, +08:00.
    pub started_at: String,
    /// Length of the sound.
    pub duration_ms: u64,
    /// tickets, transfer, none or unusable.
    pub outcome: String,
    /// Whether the file was damaged.
    pub incomplete: bool,
    /// What was heard, in time order.
    pub transcript: Vec<UtteranceJson>,
    /// One a matter.
    pub tickets: Vec<TicketJson>,
}

/// One utterance.
#[derive(Debug, Clone, Serialize)]
pub struct UtteranceJson {
    /// agent, caller or mixed.
    pub leg: &'static str,
    /// A mono mix was split by turn: the leg is a guess.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leg_uncertain: bool,
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start.
    pub end_ms: u64,
    /// The words.
    pub text: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// One ticket.
#[derive(Debug, Clone, Serialize)]
pub struct TicketJson {
    /// Ticket number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// 已派遣, 待补充 or 待复核.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Everything else.
    #[serde(flatten)]
    pub fields: Fields,
}

impl TicketJson {
    /// A ticket of the store.
    pub fn of(ticket: &Ticket) -> TicketJson {
        TicketJson {
            id: Some(ticket.id.to_string()),
            status: Some(ticket.status),
            fields: ticket.fields.clone(),
        }
    }
}

/// The utterances of a call.
pub fn transcript(heard: &Heard) -> Vec<UtteranceJson> {
    let utterance = |said: &nlu::Said| UtteranceJson {
        leg: leg_name(said.leg),
        leg_uncertain: said.leg_uncertain,
        start_ms: said.start_ms,
        end_ms: said.end_ms,
        text: said.text(),
        confidence: convert::round(said.confidence),
    };
    heard.said.iter().map(utterance).collect()
}

/// A call with its tickets.
pub fn call(call: &Call, stored: &StoredTranscript, tickets: &[Ticket]) -> CallJson {
    CallJson {
        recording: call.recording.clone(),
        sha256: call.sha256.clone(),
        started_at: tickets::written(call.started_at),
        duration_ms: call.duration_ms,
        outcome: call.outcome.clone(),
        incomplete: call.incomplete.is_some(),
        transcript: transcript(&stored.heard),
        tickets: tickets.iter().map(TicketJson::of).collect(),
    }
}

/// The list of tickets.
pub fn ticket_table(tickets: &[Ticket]) -> Table {
    let mut table = Table::new(&[
        "工单编号",
        "状态",
        "类型",
        "分类",
        "紧急程度",
        "主办单位",
        "地点",
        "截止时间",
        "标题",
    ]);
    for ticket in tickets {
        let fields = &ticket.fields;
        let place = fields
            .place
            .as_ref()
            .map_or(String::new(), |place| place.names.iter().skip(2).cloned().collect());
        table.row([
            ticket.id.to_string(),
            ticket.status.name().to_owned(),
            fields.request_type.clone(),
            fields.category.clone(),
            fields.urgency.clone(),
            fields.department.clone().unwrap_or_default(),
            place,
            short_moment(fields.deadline.as_deref().unwrap_or("")),
            shorten(&fields.title, 44),
        ]);
    }
    table
}

/// `2026-03-02T17:00:00+08:00` as `03-02 17:00`.
fn short_moment(text: &str) -> String {
    match (text.get(5..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time}"),
        _ => text.to_owned(),
    }
}

/// A ticket with its evidence and its history.
pub fn ticket_page(ticket: &Ticket, call: &Call, heard: &Heard) -> String {
    let fields = &ticket.fields;
    let mut page = format!("{}  {}  {}\n\n", ticket.id, ticket.status.name(), fields.title);
    let mut table = Table::new(&["字段", "内容", ">置信度", "次选", "依据（毫秒：原话）"]);
    for (name, title, value) in rows(fields) {
        let confidence = fields.confidence.get(name).map_or(String::new(), |p| format!("{p:.2}"));
        let other = fields.runner_up.get(name).cloned().unwrap_or_default();
        table.row([title.to_owned(), value, confidence, other, evidence(fields, name, heard)]);
    }
    page.push_str(&table.to_string());
    if !fields.readings.is_empty() {
        let each = |r: &tickets::Reading| format!("听作「{}」，理解为「{}」", r.heard, r.meant);
        let all: Vec<String> = fields.readings.iter().map(each).collect();
        page.push_str(&format!("\n听辨：{}\n", all.join("；")));
    }
    if !fields.missing.is_empty() {
        page.push_str(&format!("\n待询问：{}\n", fields.missing.join("、")));
    }
    if !fields.notes.is_empty() {
        page.push_str(&format!("\n备注：{}\n", fields.notes.join("；")));
    }
    page.push_str(&format!(
        "\n录音 {}  {}  {:.1} 秒  {}\n",
        call.recording,
        tickets::written(call.started_at),
        call.duration_ms as f64 / 1000.0,
        call.sha256
    ));
    page.push_str("\n经过\n");
    let mut history = Table::new(&["时间", "经办", "事项"]);
    for record in &ticket.history {
        history.row([tickets::written(record.at), record.by.clone(), what_happened(&record.event)]);
    }
    page.push_str(&history.to_string());
    page
}

fn rows(fields: &Fields) -> Vec<(&'static str, &'static str, String)> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "—".to_owned());
    let place = fields
        .place
        .as_ref()
        .map_or_else(|| "—".to_owned(), |p| format!("{} {}", p.names.join(""), p.detail));
    let when = fields
        .when
        .as_ref()
        .map_or_else(|| "—".to_owned(), |w| format!("{}（{} 起）", w.text, short_moment(&w.from)));
    let emergency = if fields.emergency { text(&fields.emergency_kind) } else { "否".to_owned() };
    let because =
        fields.department_reason.as_ref().map_or(String::new(), |reason| format!("（{reason}）"));
    vec![
        ("type", "类型", fields.request_type.clone()),
        ("category", "一级分类", fields.category.clone()),
        ("category_2", "二级分类", text(&fields.category_2)),
        ("department", "主办单位", format!("{}{because}", text(&fields.department))),
        ("urgency", "紧急程度", fields.urgency.clone()),
        ("emergency", "突发", emergency),
        ("phone", "联系电话", text(&fields.phone)),
        ("place", "地点", place),
        ("when", "时间", when),
        ("name", "姓名", text(&fields.name)),
        ("subject", "对象", text(&fields.subject)),
        ("deadline", "截止时间", text(&fields.deadline)),
    ]
}

fn evidence(fields: &Fields, name: &str, heard: &Heard) -> String {
    let spans = fields.evidence.get(name).map_or(&[][..], Vec::as_slice);
    let quote = |span: &tickets::Span| {
        let chars = heard.said.get(span.utterance)?.chars.get(span.start..span.end)?;
        let words: String = chars.iter().map(|c| c.ch).collect();
        Some(format!("{}–{}：{}", span.start_ms?, span.end_ms?, shorten(&words, 28)))
    };
    let quotes: Vec<String> = spans.iter().take(2).filter_map(quote).collect();
    quotes.join("  ")
}

fn what_happened(event: &Event) -> String {
    match event {
        Event::Opened { status, .. } => format!("受理，{}", status.name()),
        Event::Corrected { field, from, to, why } => {
            format!("更正 {field}：{} → {}（{why}）", plain(from), plain(to))
        }
        Event::TranscriptCorrected { utterance, from, to, why } => {
            format!("更正第 {utterance} 句：{from} → {to}（{why}）")
        }
        Event::Dispatched { department, from, .. } => match from {
            Some(from) => format!("派单 {department}（原拟 {from}）"),
            None => format!("派单 {department}"),
        },
        event => desk::sentence(event),
    }
}

fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "无".to_owned(),
        serde_json::Value::Object(place) => {
            place.get("text").map_or_else(|| value.to_string(), plain)
        }
        other => other.to_string(),
    }
}

/// The moment that now is; the only clock of the program besides ticket numbers.
pub fn now() -> Timestamp {
    Timestamp::now()
}
