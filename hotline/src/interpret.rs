//! `hotline interpret` and `hotline redact`: understanding without sound, line by line.

use std::io::{BufRead, Write};

use jiff::Timestamp;
use nlu::{Entity, Heard, Interpret, Leg, Said};
use serde_json::{Value, json};

use crate::call::Mind;
use crate::config::Setting;
use crate::convert;
use crate::show;
use crate::terminal;

/// Longest line that is looked at, in characters; what is longer is cut.
const LONGEST: usize = 20_000;

/// Reads one text a line and prints what it means, one object a line.
///
/// # Errors
/// A city or a classifier that cannot be used, or a broken pipe.
pub fn interpret(setting: &Setting, at: Option<Timestamp>) -> anyhow::Result<u8> {
    let mind = Mind::load(setting)?;
    let at = at.unwrap_or_else(show::now);
    each_line(|line| Ok(understood(&mind, line, at)?.to_string()))
}

/// Reads lines and prints them with names, numbers and addresses blanked.
///
/// # Errors
/// A broken pipe.
pub fn redact() -> anyhow::Result<u8> {
    each_line(|line| Ok(nlu::redact(line)))
}

fn each_line(mut of: impl FnMut(&str) -> anyhow::Result<String>) -> anyhow::Result<u8> {
    let mut out = terminal::out();
    for line in terminal::input().split(b'\n') {
        // Bytes that are no text become marks: one bad line must not stop the rest.
        let line = String::from_utf8_lossy(&line?).into_owned();
        let line: String = line.trim_end_matches('\r').chars().take(LONGEST).collect();
        writeln!(out, "{}", of(&line)?)?;
        // Whoever writes a line and waits for the answer gets it.
        out.flush()?;
    }
    Ok(0)
}

fn understood(mind: &Mind, line: &str, at: Timestamp) -> anyhow::Result<Value> {
    let heard =
        Heard { said: vec![Said::from_text(Leg::Caller, line)], started_at: at, line_number: None };
    let matters = mind.understanding.interpret(&heard);
    let drafts = dialogue::recorded(&mind.city, &heard, matters).drafts;
    let mut tickets = Vec::new();
    for draft in &drafts {
        let fields = convert::fields(&heard, draft);
        let mut json = serde_json::to_value(fields)?;
        if let Some(fields) = json.as_object_mut() {
            fields.remove("deadline");
            for spans in fields
                .get_mut("evidence")
                .and_then(Value::as_object_mut)
                .into_iter()
                .flat_map(|map| map.values_mut())
            {
                for span in
                    spans.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut)
                {
                    span.remove("start_ms");
                    span.remove("end_ms");
                }
            }
        }
        tickets.push(json);
    }
    let found = nlu::entities(line, at);
    let list = |entities: &[Entity]| -> Value {
        entities
            .iter()
            .map(|e| json!({ "value": e.value, "start": e.start, "end": e.end }))
            .collect()
    };
    let times: Value = found
        .times
        .iter()
        .map(|(e, when)| json!({ "value": e.value, "start": e.start, "end": e.end, "from": tickets::written(when.from), "to": tickets::written(when.to) }))
        .collect();
    Ok(json!({
        "tickets": tickets,
        "phones": list(&found.phones),
        "ids": list(&found.ids),
        "plates": list(&found.plates),
        "times": times,
        "amounts": list(&found.amounts),
        "names": list(&found.names),
    }))
}
