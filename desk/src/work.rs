//! A ticket as the person sees it who works on it: fields, history in sentences, and what may be
//! done now.

use serde_json::{Value, json};
use tickets::{Event, Fields, Move, Record, Ticket, may, written};

use crate::Desk;
use crate::people::Me;
use crate::summary::masked;

/// Commands that the console has no button for: they come with the fields.
const QUIET: [Move; 3] = [Move::Correct, Move::CorrectTranscript, Move::Reveal];

impl Desk {
    /// The ticket as JSON, within what the person may see.
    pub(crate) fn ticket_json(&self, ticket: &Ticket, me: &Me) -> Result<Value, tickets::Error> {
        let now = jiff::Timestamp::now();
        let summary = self.summary(ticket)?;
        let row = summary.row(now, &self.policy);
        let mut json = serde_json::to_value(&row).unwrap_or_default();
        let life = &ticket.life;
        let attached = ticket.history.iter().filter_map(|record| match &record.event {
            Event::Attached(file) => Some((record, file)),
            _ => None,
        });
        let attachments: Vec<Value> = attached
            .enumerate()
            .map(|(n, (record, file))| {
                json!({ "n": n, "name": file.name, "bytes": file.bytes, "media_type": file.media_type,
                        "by": record.by, "at": written(record.at) })
            })
            .collect();
        let history: Vec<Value> =
            ticket.history.iter().enumerate().map(|(n, record)| told(n, record, me)).collect();
        let more = json!({
            "fields": fields_json(&ticket.fields, me),
            "matter": ticket.matter,
            "history": history,
            "moves": moves(ticket, me),
            "attachments": attachments,
            "answer": life.answer,
            "followups": life.follow_ups,
            "extension": life.extension,
            "first": life.first,
            "proposed": ticket.proposed(),
            "merged_into": life.merged_into,
            "absorbed": life.absorbed,
        });
        if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
            json.extend(more);
        }
        Ok(json)
    }
}

/// The fields; who called is masked, and shown by an event of its own.
fn fields_json(fields: &Fields, me: &Me) -> Value {
    let mut json = serde_json::to_value(fields).unwrap_or_default();
    json["phone"] = fields.phone.as_deref().map(masked).into();
    if !me.may_see_all() {
        // Shown with the number, by the same event.
        json["name"] = fields.name.as_ref().map(|_| "＊＊").into();
    }
    for list in ["readings", "notes"] {
        if json[list].is_null() {
            json[list] = json!([]);
        }
    }
    if json["runner_up"].is_null() {
        json["runner_up"] = json!({});
    }
    json
}

/// What the person may do to the ticket now; why not, where not.
pub(crate) fn moves(ticket: &Ticket, me: &Me) -> Vec<Value> {
    let shown = Move::ALL.into_iter().filter(|kind| !QUIET.contains(kind));
    shown
        .map(|kind| {
            let mine = me.may_on(kind, ticket);
            let reason = mine.and_then(|()| may(ticket, kind).map_err(|no| no.zh)).err();
            json!({ "command": kind.name(), "label": kind.label(), "enabled": reason.is_none(), "reason": reason })
        })
        .collect()
}

/// An event as a sentence, with what it says in full beside it.
fn told(n: usize, record: &Record, me: &Me) -> Value {
    let mut detail = serde_json::to_value(&record.event).unwrap_or_default();
    let name = detail["event"].take();
    if let Value::Object(detail) = &mut detail {
        detail.remove("event");
    }
    // What was right at the opening is in the fields; a number is shown by an event of its own.
    let hides = !me.may_see_all();
    let private = match &record.event {
        Event::Opened { .. } => true,
        Event::Corrected { field, .. } => field == "phone" || (hides && field == "name"),
        Event::TranscriptCorrected { .. } => hides,
        _ => false,
    };
    json!({
        "n": n,
        "at": written(record.at),
        "by": if record.by == "hotline" { "系统" } else { &record.by },
        "event": name,
        "text": if hides { hidden(&record.event) } else { sentence(&record.event) },
        "why": why(&record.event),
        "detail": if private { Value::Null } else { detail },
    })
}

fn why(event: &Event) -> Option<&str> {
    let why = match event {
        Event::Corrected { why, .. }
        | Event::TranscriptCorrected { why, .. }
        | Event::Dispatched { why, .. }
        | Event::DepartmentAdded { why, .. }
        | Event::Refused { why, .. }
        | Event::ExtensionAsked { why, .. }
        | Event::ExtensionGranted { why, .. }
        | Event::ExtensionDenied { why }
        | Event::Redone { why, .. }
        | Event::Escalated { why }
        | Event::Supervised { why }
        | Event::Reminded { why }
        | Event::Withdrawn { why }
        | Event::Closed { why }
        | Event::Revealed { why, .. } => why,
        Event::CallerAsked { what } => what,
        Event::Supplemented { text, .. } | Event::Noted { text } => text,
        _ => return None,
    };
    Some(why.as_str()).filter(|why| !why.is_empty())
}

/// The same for somebody who sees no names and no words of the call.
fn hidden(event: &Event) -> String {
    match event {
        Event::Corrected { field, .. } if field == "name" => "更正姓名".to_owned(),
        Event::TranscriptCorrected { utterance, .. } => format!("更正第 {} 句转写", utterance + 1),
        event => sentence(event),
    }
}

/// An event in a sentence, without its reason.
pub fn sentence(event: &Event) -> String {
    match event {
        Event::Opened { status, .. } => format!("受理，状态为{}", status.name()),
        Event::Corrected { field, from, to, .. } => {
            let private = field == "phone";
            let shown = |value: &Value| match (field.as_str(), value.as_str()) {
                _ if private => "（号码）".to_owned(),
                ("deadline", Some(text)) => text.parse().map_or_else(|_| text.to_owned(), moment),
                ("emergency_kind", Some(kind)) => emergency_name(kind).to_owned(),
                _ => plain(value),
            };
            format!("把{}从「{}」改为「{}」", field_name(field), shown(from), shown(to))
        }
        Event::TranscriptCorrected { utterance, from, to, .. } => {
            format!("更正第 {} 句转写：「{from}」改为「{to}」", utterance + 1)
        }
        Event::Dispatched { department, from, .. } => match from {
            Some(from) => format!("派给{department}（原建议{from}）"),
            None => format!("派给{department}"),
        },
        Event::DepartmentAdded { department, .. } => format!("加派{department}协办"),
        Event::Signed { department } => format!("{department}签收"),
        Event::Refused { department, suggest, .. } => match suggest {
            Some(suggest) => format!("{department}退单，建议派给{suggest}"),
            None => format!("{department}退单"),
        },
        Event::CallerAsked { .. } => "请市民补充，计时暂停".to_owned(),
        Event::Supplemented { due, .. } => match due {
            Some(due) => format!("市民已补充，计时恢复，时限{}", moment(*due)),
            None => "市民已补充".to_owned(),
        },
        Event::ExtensionAsked { days, .. } => format!("申请延期 {days} 个工作日"),
        Event::ExtensionGranted { due, .. } => format!("同意延期，时限{}", moment(*due)),
        Event::ExtensionDenied { .. } => "不同意延期".to_owned(),
        Event::Answered(answer) => {
            format!("办结答复（{}）", if answer.solved { "已解决" } else { "未解决" })
        }
        Event::FollowedUp(one) if !one.reached => "回访未接通".to_owned(),
        Event::FollowedUp(one) => {
            let solved = if one.solved { "已解决" } else { "未解决" };
            format!("回访：{solved}，满意度 {} 分", one.satisfied)
        }
        Event::Redone { due, .. } => format!("重办，时限{}", moment(*due)),
        Event::Escalated { .. } => "转待督办".to_owned(),
        Event::Supervised { .. } => "督办".to_owned(),
        Event::Reminded { .. } => "催办".to_owned(),
        Event::Merged { into } => format!("并入工单 {into}"),
        Event::Absorbed { ticket } => format!("工单 {ticket} 并入本单"),
        Event::Withdrawn { .. } => "撤单".to_owned(),
        Event::Closed { .. } => "结案".to_owned(),
        Event::Attached(file) => format!("添加附件「{}」", file.name),
        Event::Noted { .. } => "备注".to_owned(),
        Event::Revealed { what, .. } => match what.as_str() {
            "phone" => "查看市民号码".to_owned(),
            _ => "查看原始录音".to_owned(),
        },
    }
}

fn moment(at: jiff::Timestamp) -> String {
    crate::board::local(at).strftime("%-m月%-d日 %H:%M").to_string()
}

/// A value as people write it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "空".to_owned(),
        Value::Bool(yes) => if *yes { "是" } else { "否" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let said = fields.get("text").and_then(Value::as_str).unwrap_or_default();
            let names: Option<String> = fields
                .get("names")
                .and_then(Value::as_array)
                .map(|names| names.iter().filter_map(Value::as_str).collect());
            names.filter(|names| !names.is_empty()).unwrap_or_else(|| said.to_owned())
        }
        other => other.to_string(),
    }
}

/// What people call an emergency.
fn emergency_name(kind: &str) -> &str {
    match kind {
        "fire" => "火情",
        "crime" => "违法犯罪",
        "medical" => "伤病",
        "traffic" => "交通事故",
        "gas" => "燃气泄漏",
        "danger" => "险情",
        other => other,
    }
}

/// What people call a field.
pub(crate) fn field_name(field: &str) -> &str {
    match field {
        "type" => "诉求类型",
        "category" => "分类",
        "category_2" => "二级分类",
        "department" => "部门",
        "urgency" => "紧急程度",
        "emergency" => "突发事件",
        "emergency_kind" => "突发类别",
        "phone" => "联系电话",
        "place" => "地址",
        "when" => "发生时间",
        "name" => "姓名",
        "subject" => "反映对象",
        "deadline" => "办理时限",
        "title" => "标题",
        other => other,
    }
}
