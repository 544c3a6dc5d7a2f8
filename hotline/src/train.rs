//! `hotline train`.

use std::path::Path;

use anyhow::{Context, anyhow};
use dialogue::City;
use indicatif::ProgressBar;
use nlu::classifier::Head;
use nlu::train::{AdaptConfig, Comparison, Correction, Progress, TrainConfig, adapt};
use tickets::{Event, Filter, Store, Ticket};

use crate::call::load_city;
use crate::classifiers;
use crate::cli::{Global, Train, TrainNames, TrainNlu};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::progress;
use crate::show;
use crate::table::Table;
use crate::take::{load_transcript, open_store};
use nlu::StoredTranscript;

/// Trains a model and prints how good it is on what was kept back.
///
/// # Errors
/// Data that is missing or not what it should be, or a folder that cannot be written.
pub fn run(global: &Global, setting: &Setting, what: &Train) -> anyhow::Result<u8> {
    match what {
        Train::Nlu(ask) => match &ask.dir {
            Some(dir) => from_texts(global, setting, ask, dir),
            None => from_corrections(global, setting, ask),
        },
        Train::Names(ask) => names(global, setting, ask),
    }
}

fn names(global: &Global, setting: &Setting, ask: &TrainNames) -> anyhow::Result<u8> {
    let model = setting.shipped_models().join(classifiers::SHIPPED);
    let out = ask.out.clone().unwrap_or_else(|| model.clone());
    let config = TrainConfig { seed: ask.seed, ..TrainConfig::new(ask.dir.clone(), model, out) };
    let bar = progress::bar(1, "training");
    let written = nlu::train::names(&config, |at| shown(&bar, at));
    bar.finish_and_clear();
    let written = written.or_exit(exit::INPUT)?;
    if global.json {
        return super::print_json(&serde_json::json!({ "written": written }));
    }
    super::print_text(&format!("written to {}\n", written.display()))
}

fn shown(bar: &ProgressBar, at: Progress) {
    bar.set_length(at.of as u64);
    bar.set_position(at.done as u64);
    bar.set_message(at.bank);
}

fn from_texts(
    global: &Global,
    setting: &Setting,
    ask: &TrainNlu,
    dir: &Path,
) -> anyhow::Result<u8> {
    let model = setting.shipped_models().join(classifiers::SHIPPED);
    let out = ask.out.clone().unwrap_or_else(|| model.clone());
    let config = TrainConfig { seed: ask.seed, ..TrainConfig::new(dir.to_owned(), model, out) };
    let bar = progress::bar(1, "training");
    let report = nlu::train::train(&config, |at| shown(&bar, at));
    bar.finish_and_clear();
    let report = report.or_exit(exit::INPUT)?;
    if global.json {
        return super::print_json(
            &serde_json::to_value(&report).context("a report always serialises")?,
        );
    }
    let mut table = Table::new(&[
        "kept back",
        ">rows",
        ">accuracy",
        ">macro-F1",
        ">top 3",
        ">ECE",
        ">surest 80 %",
    ]);
    for (name, e) in &report.development {
        table.row([
            name.clone(),
            e.rows.to_string(),
            format!("{:.3}", e.accuracy),
            format!("{:.3}", e.macro_f1),
            format!("{:.3}", e.top3),
            format!("{:.3}", e.ece),
            format!("{:.3}", e.accuracy_at_80),
        ]);
    }
    super::print_text(&format!(
        "{table}\nlearnt from {} texts in {:.0} s; written to {}\n",
        report.examples,
        report.seconds,
        config.out.display()
    ))
}

/// Corrected tickets under which there is too little to learn from and to compare on.
const FEWEST: usize = 20;

fn from_corrections(global: &Global, setting: &Setting, ask: &TrainNlu) -> anyhow::Result<u8> {
    let model = classifiers::in_use(setting)?;
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    let corrections = corrections(&store, &city)?;
    if corrections.len() < FEWEST {
        return Err(anyhow!(
            "{}: {} corrected tickets; at least {FEWEST} are needed to learn from: see `hotline correct`",
            setting.data.display(),
            corrections.len()
        ))
        .or_exit(exit::INPUT);
    }
    let day = dialogue::china().to_datetime(show::now()).strftime("%Y%m%d-%H%M%S");
    let name = format!("{}-{day}", classifiers::SHIPPED);
    let out = ask.out.clone().unwrap_or_else(|| setting.models[0].join(&name));
    let config = AdaptConfig {
        model: model.clone(),
        seeds: setting.shipped_models().join(classifiers::SHIPPED).join("seeds"),
        out: out.clone(),
    };
    let bar = progress::bar(1, "learning");
    let compared = adapt(&config, &corrections, |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let compared = compared.or_exit(exit::MODEL)?;
    if compared.better && ask.out.is_none() {
        classifiers::choose(setting, &name)?;
    }
    if global.json {
        let mut json = serde_json::to_value(&compared).context("counts always serialise")?;
        json["classifier"] = out.display().to_string().into();
        return super::print_json(&json);
    }
    super::print_text(&told(&compared, &model, &out, ask.out.is_none()))
}

fn told(compared: &Comparison, old: &Path, new: &Path, in_use: bool) -> String {
    let mut table = Table::new(&["held back", ">labels", ">in use", ">new"]);
    for count in &compared.heads {
        let name = count.head.name().to_owned();
        table.row([name, count.labels.to_string(), count.old.to_string(), count.new.to_string()]);
    }
    let outcome = match (compared.better, in_use) {
        (true, true) => format!(
            "{} is in use now; `hotline models use {}` goes back",
            new.display(),
            old.file_name().unwrap_or_default().to_string_lossy()
        ),
        (true, false) => format!("written to {}", new.display()),
        (false, _) => "not better; nothing was changed".to_owned(),
    };
    format!(
        "{table}\nlearnt from {} corrected tickets, compared on {}; {outcome}\n",
        compared.learnt, compared.held_back
    )
}

/// The caller's words of every ticket that a person corrected, with what it says now.
fn corrections(store: &Store, city: &City) -> anyhow::Result<Vec<Correction>> {
    let mut found = Vec::new();
    for ticket in store.tickets(&Filter::default()).or_exit(exit::STORE)? {
        let labels = labels(&ticket, city);
        let call = store.call(&ticket.call).or_exit(exit::STORE)?;
        let Some(call) = call.filter(|call| !labels.is_empty() && !call.transcript.is_empty())
        else {
            continue;
        };
        let text = words(&ticket, &load_transcript(store, &call)?);
        if !text.is_empty() {
            found.push(Correction { key: ticket.call.clone(), text, labels });
        }
    }
    Ok(found)
}

/// What a person said that the ticket is: the fields that were corrected, as they stand. Who sends it to
/// another department than the one proposed corrects that.
fn labels(ticket: &Ticket, city: &City) -> Vec<(Head, String)> {
    let corrected = |name: &str| {
        ticket.history.iter().any(|r| match &r.event {
            Event::Corrected { field, .. } => field == name,
            Event::Dispatched { from, .. } => name == "department" && from.is_some(),
            _ => false,
        })
    };
    let fields = &ticket.fields;
    let mut labels = Vec::new();
    for (name, head, value) in [
        ("type", Head::Type, Some(fields.request_type.clone())),
        ("category", Head::Category, Some(fields.category.clone())),
        (
            "category_2",
            Head::Subcategory,
            fields.category_2.as_ref().map(|second| format!("{}/{second}", fields.category)),
        ),
        ("urgency", Head::Urgency, Some(fields.urgency.clone())),
    ] {
        labels.extend(value.filter(|_| corrected(name)).map(|value| (head, value)));
    }
    // The classifier may know the department by one of the names that it stands for.
    if let Some(name) = fields.department.as_ref().filter(|_| corrected("department")) {
        let department = city.departments.iter().find(|d| d.name == *name);
        let others = department.into_iter().flat_map(|d| &d.answers);
        labels.extend(others.chain([name]).map(|name| (Head::Dispatch, name.clone())));
    }
    labels
}

/// The caller's words about the ticket's matter, mended where they were understood otherwise than
/// they were written down: what the classifier reads.
fn words(ticket: &Ticket, transcript: &StoredTranscript) -> String {
    let said = &transcript.heard.said;
    let matter = ticket.fields.evidence.get("title").map(Vec::as_slice).unwrap_or_default();
    let mut words = String::new();
    for span in matter {
        let Some(chars) = said.get(span.utterance).map(|said| &said.chars) else { continue };
        let readings = &ticket.fields.readings;
        for (at, char) in chars.iter().enumerate().take(span.end).skip(span.start) {
            let is_here = |r: &&tickets::Reading| {
                r.span.utterance == span.utterance && (r.span.start..r.span.end).contains(&at)
            };
            match readings.iter().find(is_here) {
                Some(reading) if reading.span.start == at => words.push_str(&reading.meant),
                Some(_) => {}
                None => words.push(char.ch),
            }
        }
    }
    words
}
