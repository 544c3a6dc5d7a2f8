//! `hotline replay`: a call's transcript against its sound.

use anyhow::Context;
use desk::Line;
use nlu::{Heard, Said};
use tickets::{Call, Event, Fields, Store, Ticket, TicketId};

use crate::call::{Mind, load_city};
use crate::cli::{Global, Replay};
use crate::config::Setting;
use crate::convert::leg_name;
use crate::exit::{self, OrExit};
use crate::show;
use crate::table::{Table, shorten};
use crate::take::{load_transcript, open_store};
use crate::{print_json, print_text};

/// Prints a transcript, or derives its ticket again.
///
/// # Errors
/// No such ticket, or a transcript that is gone.
pub fn run(global: &Global, setting: &Setting, ask: &Replay) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    let id: TicketId = ask.id.parse().map_err(|error: String| anyhow::anyhow!(error))?;
    let ticket = store.ticket(id)?;
    let call = store.call(&ticket.call).or_exit(exit::STORE)?;
    let call = call.with_context(|| {
        format!("the call of ticket {id} is missing; `hotline check` tells more")
    })?;
    if ask.form.decide {
        return decide(global, setting, &store, &ticket, &call);
    }
    let stored = load_transcript(&store, &call)?;
    let spoken = spoken(&stored.heard, &ticket, ask.redact);
    if global.json {
        let tickets = [ticket];
        let mut json = serde_json::to_value(show::call(&call, &stored, &tickets))?;
        if ask.redact {
            // What is blanked in the words must not be read off the ticket's fields.
            json["tickets"] = serde_json::Value::Null;
            json["transcript"] = spoken
                .iter()
                .map(|Spoken { said, line }| serde_json::json!({ "leg": leg_name(said.leg), "start_ms": line.start_ms, "end_ms": line.end_ms, "text": line.text }))
                .collect();
        }
        return print_json(&json);
    }
    if ask.form.vtt || ask.form.srt {
        let lines: Vec<Line> = spoken.into_iter().map(|spoken| spoken.line).collect();
        return print_text(&if ask.form.vtt { desk::vtt(&lines) } else { desk::srt(&lines) });
    }
    let mut table = Table::new(&["#", ">开始", ">结束", "说话人", ">置信度", "内容"]);
    for (number, Spoken { said, line }) in spoken.iter().enumerate() {
        table.row([
            number.to_string(),
            desk::clock(line.start_ms, '.'),
            desk::clock(line.end_ms, '.'),
            line.who.to_owned(),
            format!("{:.2}", said.confidence),
            line.text.clone(),
        ]);
    }
    print_text(&format!(
        "{}\n{table}",
        store.files().recording(&call.sha256, &call.ending).display()
    ))
}

/// One utterance with its words as they stand now: corrected, and blanked if asked for.
struct Spoken<'a> {
    said: &'a Said,
    line: Line,
}

fn spoken<'a>(heard: &'a Heard, ticket: &Ticket, redact: bool) -> Vec<Spoken<'a>> {
    let corrected = desk::corrections(std::iter::once(ticket));
    let one = |(index, said): (usize, &'a Said)| {
        let text = corrected.get(&index).cloned().unwrap_or_else(|| said.text());
        let text = if redact { nlu::redact(&text) } else { text };
        let who = desk::who(leg_name(said.leg), said.leg_uncertain);
        let line = Line { start_ms: said.start_ms, end_ms: said.end_ms, who, text };
        Spoken { said, line }
    };
    heard.said.iter().enumerate().map(one).collect()
}

/// Derives the tickets again from the stored transcript and compares them with how they were opened.
fn decide(
    global: &Global,
    setting: &Setting,
    store: &Store,
    ticket: &Ticket,
    call: &Call,
) -> anyhow::Result<u8> {
    let mind = Mind::load(setting)?;
    mind.follow(store)?;
    let decision = mind.decide(&load_transcript(store, call)?);
    let opened = ticket.history.iter().find_map(|record| match &record.event {
        Event::Opened { fields, matter, .. } => Some((fields, *matter)),
        _ => None,
    });
    let (was, matter) =
        opened.context("a ticket begins with its opening; `hotline check` tells more")?;
    let now = decision.tickets.get(matter).map(|(_, fields)| fields);
    let differences = differences(was, now)?;
    let changed: Vec<&str> = [
        ("classifier", call.made_by.classifier != mind.classifier_hash),
        ("city", call.made_by.city != mind.city_hash()),
        ("program", call.made_by.program != env!("CARGO_PKG_VERSION")),
    ]
    .into_iter()
    .filter_map(|(what, changed)| changed.then_some(what))
    .collect();
    let code = if differences.is_empty() { 0 } else { exit::FOUND };
    if global.json {
        print_json(&serde_json::json!({
            "id": ticket.id,
            "same": differences.is_empty(),
            "differences": differences.iter().map(|(field, was, now)| serde_json::json!({ "field": field, "was": was, "now": now })).collect::<Vec<_>>(),
            "changed_since": changed,
        }))?;
        return Ok(code);
    }
    if !changed.is_empty() {
        print_text(&format!(
            "since the call was taken these have changed: {}\n",
            changed.join(", ")
        ))?;
    }
    if differences.is_empty() {
        print_text(&format!("{}: the same ticket comes of the stored transcript\n", ticket.id))?;
    } else {
        let mut table = Table::new(&["字段", "受理时", "现在"]);
        for (field, was, now) in &differences {
            table.row([
                field.clone(),
                shorten(&was.to_string(), WIDEST),
                shorten(&now.to_string(), WIDEST),
            ]);
        }
        print_text(&table.to_string())?;
    }
    Ok(code)
}

/// Columns of a value in the table of differences; `--json` shows the whole.
const WIDEST: usize = 60;

type Difference = (String, serde_json::Value, serde_json::Value);

fn differences(was: &Fields, now: Option<&Fields>) -> anyhow::Result<Vec<Difference>> {
    let was = serde_json::to_value(was)?;
    let now = now.map(serde_json::to_value).transpose()?.unwrap_or(serde_json::Value::Null);
    let names = was.as_object().into_iter().chain(now.as_object()).flat_map(|fields| fields.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    Ok(names
        .into_iter()
        .filter(|name| was.get(*name) != now.get(*name))
        .map(|name| (name.clone(), was[name].clone(), now.get(name).cloned().unwrap_or_default()))
        .collect())
}
