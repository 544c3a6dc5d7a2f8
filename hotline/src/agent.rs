//! Looking at tickets and changing them from the command line.

use std::io::Write;

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use jiff::civil::Date;
use tickets::{Call, Command, Filter, Store, Ticket, TicketId};

use crate::call::{Mind, load_city};
use crate::cli::{Correct, Global, Tickets};
use crate::config::Setting;
use crate::convert;
use crate::exit::{self, OrExit};
use crate::show::{self, TicketJson};
use crate::take::{load_transcript, open_store};
use crate::terminal;

/// `hotline tickets`.
///
/// # Errors
/// An unknown department or status, or a store that cannot be used.
pub fn list(global: &Global, setting: &Setting, ask: &Tickets) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    let department = ask.department.as_deref().map(|name| store.department(name)).transpose()?;
    let filter = Filter {
        department: department.map(|department| department.name),
        status: ask
            .status
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|error: String| anyhow!(error))?,
        since: ask.since.as_deref().map(moment_or_day).transpose()?,
        until: ask.until.as_deref().map(moment_or_day).transpose()?,
        search: ask.search.clone(),
    };
    let tickets = store.tickets(&filter).or_exit(exit::STORE)?;
    let mut out = terminal::out();
    if global.json {
        for ticket in &tickets {
            serde_json::to_writer(&mut out, &TicketJson::of(ticket))?;
            writeln!(out)?;
        }
    } else {
        write!(out, "{}", show::ticket_table(&tickets))?;
        writeln!(out, "共 {} 件", tickets.len())?;
    }
    Ok(0)
}

/// A day in China or a moment.
fn moment_or_day(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day: Date = text.parse().map_err(|_| {
        anyhow!("{text:?} is neither a day (2026-03-02) nor a moment (2026-03-02T09:00:00+08:00)")
    })?;
    Ok(dialogue::china().to_timestamp(day.at(0, 0, 0, 0))?)
}

fn call_of(store: &Store, ticket: &Ticket) -> anyhow::Result<Call> {
    let call = store.call(&ticket.call).or_exit(exit::STORE)?;
    call.with_context(|| {
        format!("the call of ticket {} is missing; `hotline check` tells more", ticket.id)
    })
}

fn parse_id(text: &str) -> anyhow::Result<TicketId> {
    text.parse().map_err(|error: String| anyhow!(error))
}

/// `hotline ticket ID`.
///
/// # Errors
/// No such ticket.
pub fn page(global: &Global, setting: &Setting, id: &str) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    let ticket = store.ticket(parse_id(id)?)?;
    print_ticket(global, &store, &ticket)?;
    Ok(0)
}

fn print_ticket(global: &Global, store: &Store, ticket: &Ticket) -> anyhow::Result<()> {
    let call = call_of(store, ticket)?;
    let heard = load_transcript(store, &call)?.heard;
    let mut out = terminal::out();
    if global.json {
        let mut json = serde_json::to_value(TicketJson::of(ticket))?;
        json["history"] = serde_json::to_value(&ticket.history)?;
        json["recording"] = call.recording.into();
        json["sha256"] = call.sha256.into();
        json["made_by"] = serde_json::to_value(&call.made_by)?;
        writeln!(out, "{json}")?;
    } else {
        write!(out, "{}", show::ticket_page(ticket, &call, &heard))?;
    }
    Ok(())
}

/// `hotline correct`.
///
/// # Errors
/// A value that the field cannot take, or nothing to correct.
pub fn correct(global: &Global, setting: &Setting, ask: &Correct) -> anyhow::Result<u8> {
    let mind = Mind::load(setting)?;
    let store = open_store(setting, &mind.city)?;
    let id = parse_id(&ask.id)?;
    let ticket = store.ticket(id)?;
    let mut commands = Vec::new();
    let mut field = |name: &str, to: serde_json::Value| {
        commands.push(Command::Correct { field: name.to_owned(), to, why: ask.why.clone() });
    };
    let texts = [
        ("type", &ask.request_type),
        ("category", &ask.category),
        ("category_2", &ask.category_2),
        ("urgency", &ask.urgency),
        ("phone", &ask.phone),
        ("title", &ask.title),
        ("name", &ask.name),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            field(name, value.clone().into());
        }
    }
    if let Some(name) = &ask.department {
        field("department", store.department(name)?.name.into());
    }
    if let Some(emergency) = ask.emergency {
        field("emergency", emergency.into());
    }
    if let Some(deadline) = ask.deadline {
        field("deadline", tickets::written(deadline).into());
    }
    if let Some(text) = &ask.place {
        let found = mind.understanding.places().resolve_text(text);
        let place = found.map_or_else(
            || tickets::Place { text: text.clone(), ..tickets::Place::default() },
            |found| tickets::Place { text: text.clone(), ..convert::place(&found.value) },
        );
        field("place", serde_json::to_value(place)?);
    }
    let heard = load_transcript(&store, &call_of(&store, &ticket)?)?.heard;
    for said in &ask.said {
        let (number, words) = said.split_once(':').with_context(|| {
            format!("{said:?}: write the utterance's number, a colon, the words")
        })?;
        let number: usize = number
            .trim()
            .parse()
            .with_context(|| format!("{number:?} is no utterance's number"))?;
        let was = heard.said.get(number).with_context(|| {
            format!("the call has {} utterances; the first is 0", heard.said.len())
        })?;
        commands.push(Command::CorrectTranscript {
            utterance: number,
            from: was.text(),
            to: words.trim().to_owned(),
            why: ask.why.clone(),
        });
    }
    if commands.is_empty() {
        return Err(anyhow!("nothing to correct; name a field, for example --category 环境保护"));
    }
    let ticket = desk::execute(&store, &mind.city, id, None, commands, &ask.by)?;
    print_ticket(global, &store, &ticket)?;
    Ok(0)
}

/// `hotline dispatch`.
///
/// # Errors
/// An unknown department, or a ticket that is there already.
pub fn dispatch(
    global: &Global,
    setting: &Setting,
    id: &str,
    to: Option<&str>,
    by: &str,
) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    let to = to.map(|name| store.department(name)).transpose()?.map(|department| department.name);
    let dispatch = Command::Dispatch { to, co: Vec::new(), why: String::new() };
    let ticket = desk::execute(&store, &city, parse_id(id)?, None, vec![dispatch], by)?;
    print_ticket(global, &store, &ticket)?;
    Ok(0)
}
