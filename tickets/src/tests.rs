//! The contract of every store, and of the events in it.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Barrier, OnceLock};

use calendar::{Calendar, Limit};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::journal::{self, event_key};
use crate::*;

mod backup;
mod events;
mod life;
mod people;
mod store;

/// Threads that race one another.
const RACERS: u32 = 8;

fn at() -> Timestamp {
    "2026-03-02T01:14:05Z".parse().unwrap()
}

fn departments() -> Vec<Department> {
    let department = |name: &str, alias: &str| Department {
        name: name.to_owned(),
        level: "区".to_owned(),
        aliases: vec![alias.to_owned()],
        duties: String::new(),
        active: true,
    };
    vec![department("区水务局", "水务局"), department("区民政局", "民政局")]
}

fn open(dir: &TempDir) -> Store {
    Store::open(dir.path(), &departments()).unwrap()
}

fn fields(title: &str) -> Fields {
    Fields {
        request_type: "投诉".to_owned(),
        category: "城乡建设".to_owned(),
        category_2: Some("村镇建设".to_owned()),
        department: Some("区水务局".to_owned()),
        urgency: "一般".to_owned(),
        title: title.to_owned(),
        missing: vec!["phone".to_owned()],
        ..Fields::default()
    }
}

/// Words with the form that `hotline` keeps them in: character by character.
fn transcript(number: usize) -> String {
    let chars = format!("河里漂着{number}个瓶子")
        .chars()
        .map(|ch| json!({ "ch": ch, "start_ms": 0 }))
        .collect::<Vec<_>>();
    json!({ "v": 1, "heard": { "said": [{ "leg": "caller", "chars": chars }, { "leg": "caller", "text": "捞一下" }] } }).to_string()
}

/// A call with a recording and a transcript of its own.
fn new_call(store: &Store, number: usize, tickets: usize) -> NewCall {
    let recording = store.root().join(format!("{number}.wav"));
    std::fs::write(&recording, format!("sound {number}")).unwrap();
    let sha256 = store.files().put_recording(&recording, "wav").unwrap();
    std::fs::remove_file(&recording).unwrap();
    let transcript = store.files().put_transcript(transcript(number).as_bytes()).unwrap();
    let call = Call {
        v: RECORD_VERSION,
        sha256,
        ending: "wav".to_owned(),
        recording: format!("{number}.wav"),
        transcript,
        started_at: at(),
        received_at: at() + std::time::Duration::from_secs(number as u64),
        duration_ms: 1000,
        outcome: "tickets".to_owned(),
        incomplete: None,
        tickets: Vec::new(),
        made_by: MadeBy::default(),
    };
    let ticket = |matter| (Status::Incomplete, fields(&format!("电话{number}事{matter}")));
    NewCall { call, tickets: (0..tickets).map(ticket).collect() }
}

fn take(store: &Store, number: usize, tickets: usize) -> Call {
    store.take(&new_call(store, number, tickets), "hotline").unwrap()
}

fn known<'a>(departments: &'a [String], categories: &'a [String]) -> Known<'a> {
    Known { departments, categories, policy: policy() }
}

/// Three working days for everything but 特急; weekends are off.
fn policy() -> &'static Policy {
    static POLICY: OnceLock<Policy> = OnceLock::new();
    let limit = |urgency: &[&str], limit| LimitRule {
        types: Vec::new(),
        urgency: urgency.iter().map(|name| (*name).to_owned()).collect(),
        limit,
    };
    POLICY.get_or_init(|| Policy {
        calendar: Calendar::new(Vec::new(), (18, 0)),
        limits: vec![limit(&["特急"], Limit::Hours(2)), limit(&[], Limit::WorkingDays(3))],
        redos: 3,
        refusals: 3,
        extensions: 1,
        extension_days: 5,
        remind_hours: 24,
        attempts: 3,
    })
}

fn dispatch(to: Option<&str>) -> Command {
    Command::Dispatch { to: to.map(str::to_owned), co: Vec::new(), why: String::new() }
}

fn correct(field: &str, to: impl Into<Value>) -> Command {
    Command::Correct { field: field.to_owned(), to: to.into(), why: "核实".to_owned() }
}

/// Carries out one command as anybody would.
fn execute(store: &Store, id: TicketId, command: Command) -> Result<Ticket, Error> {
    let departments: Vec<String> =
        store.departments()?.into_iter().filter(|d| d.active).map(|d| d.name).collect();
    let categories = ["城乡建设".to_owned(), "民政".to_owned()];
    store.execute(id, None, vec![command], known(&departments, &categories), "小李", at())
}

/// sled writes its `conf` in two pieces; between them the folder is one that it calls damaged.
#[test]
fn a_process_killed_while_it_makes_the_journal_leaves_nothing_in_the_way() {
    let dir = TempDir::new().unwrap();
    let call = take(&open(&dir), 1, 1);
    let torn = TempDir::new().unwrap();
    let journal = torn.path().join("journal");
    std::fs::create_dir_all(&journal).unwrap();
    let conf = std::fs::read(dir.path().join("journal/conf")).unwrap();
    std::fs::write(journal.join("conf"), &conf[..conf.len() - 4]).unwrap();
    assert!(sled::open(&journal).is_err(), "torn");
    assert!(!journal.join("db").exists(), "sled looks at its configuration first");
    let store = open(&torn);
    assert_eq!(take(&store, 1, 1).sha256, call.sha256);
}
