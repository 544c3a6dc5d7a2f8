//! The contract of every store, and of the events in it.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::path::Path;
use std::sync::Barrier;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::journal::{self, event_key};
use crate::*;

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
    Known { departments, categories }
}

fn correct(field: &str, to: impl Into<Value>) -> Command {
    Command::Correct { field: field.to_owned(), to: to.into(), why: "核实".to_owned() }
}

/// Carries out one command as anybody would.
fn execute(store: &Store, id: TicketId, command: Command) -> Result<Ticket, Error> {
    let departments: Vec<String> =
        store.departments()?.into_iter().filter(|d| d.active).map(|d| d.name).collect();
    let categories = ["城乡建设".to_owned(), "民政".to_owned()];
    store.execute(id, vec![command], known(&departments, &categories), "小李", at())
}

#[test]
fn commands_are_decided_one_by_one() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    let ticket = store.ticket(id).unwrap();
    let departments = ["区水务局".to_owned(), "区民政局".to_owned()];
    let categories = ["城乡建设".to_owned(), "民政".to_owned()];
    let decide = |command| ticket.decide(command, known(&departments, &categories));
    let dispatch = |to: Option<&str>| Command::Dispatch { to: to.map(str::to_owned) };
    let said = |from: &str, to: &str| Command::CorrectTranscript {
        utterance: 0,
        from: from.to_owned(),
        to: to.to_owned(),
        why: "核实".to_owned(),
    };
    for (command, events) in [
        (correct("urgency", "紧急"), 1),
        (correct("phone", "13800138000"), 1),
        (correct("deadline", "2026-03-09T18:00:00+08:00"), 1),
        (correct("category_2", Value::Null), 1),
        // The second level belongs to the first and goes with it.
        (correct("category", "民政"), 2),
        (said("甲", "乙"), 1),
        (dispatch(None), 1),
        (dispatch(Some("区民政局")), 1),
    ] {
        assert_eq!(decide(command.clone()).map(|events| events.len()), Ok(events), "{command:?}");
    }
    let no_reason =
        Command::Correct { field: "title".to_owned(), to: "新".into(), why: " ".to_owned() };
    for (command, reason) in [
        (correct("confidence", json!({})), "can be corrected; one of type"),
        (correct("urgency", "一般"), "has this value already"),
        (correct("urgency", "十万火急"), "unknown urgency"),
        (correct("type", "闲聊"), "unknown type"),
        (correct("category", "民政类"), "did you mean 民政?"),
        (correct("department", "民政局"), "did you mean 区民政局?"),
        (correct("phone", "电话"), "5 to 12 digits"),
        (correct("deadline", "明天"), "is no moment"),
        (correct("title", " "), "needs a title"),
        (correct("emergency", "yes"), "cannot hold such a value"),
        (no_reason, "needs its reason"),
        (said("甲", "甲"), "reads like this already"),
        (dispatch(Some("区园林局")), "unknown department"),
    ] {
        let rejected = decide(command.clone()).unwrap_err().to_string();
        assert!(rejected.contains(reason), "{command:?}: {rejected}");
    }
    assert_eq!(store.ticket(id).unwrap(), ticket, "deciding changes nothing");
    execute(&store, id, dispatch(None)).unwrap();
    assert!(
        execute(&store, id, dispatch(None))
            .unwrap_err()
            .to_string()
            .contains("is with 区水务局 already")
    );
}

#[test]
fn corrections_become_the_ticket_and_its_history() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    execute(&store, id, correct("category", "民政")).unwrap();
    execute(&store, id, correct("phone", "13800138000")).unwrap();
    let ticket =
        execute(&store, id, Command::Dispatch { to: Some("区民政局".to_owned()) }).unwrap();
    assert_eq!((ticket.fields.category.as_str(), &ticket.fields.category_2), ("民政", &None));
    assert_eq!(ticket.fields.missing, [""; 0], "what was given is not missing");
    assert_eq!(ticket.fields.confidence["phone"], 1.0);
    assert_eq!(ticket.status, Status::Dispatched);
    assert_eq!(ticket.version, 5);
    drop(store);
    let reread = open(&dir).ticket(id).unwrap();
    assert_eq!(reread, ticket);
    let Event::Corrected { from, to, why, .. } = &reread.history[1].event else {
        panic!("{:?}", reread.history[1])
    };
    assert_eq!(
        (from, to, why.as_str(), reread.history[1].by.as_str()),
        (&"城乡建设".into(), &"民政".into(), "核实", "小李")
    );
}

#[test]
fn applying_never_refuses() {
    let record = |event| Record { v: RECORD_VERSION, at: at(), by: "hotline".to_owned(), event };
    let opened = Event::Opened {
        call: String::new(),
        matter: 0,
        status: Status::Review,
        fields: Box::new(fields("甲")),
    };
    let id = TicketId { day: 20260302, counter: 1 };
    let corrected = |field: &str, to: Value| Event::Corrected {
        field: field.to_owned(),
        from: Value::Null,
        to,
        why: String::new(),
    };
    let events = [
        corrected("emergency", "maybe".into()),
        corrected("no_such_field", 1.into()),
        corrected("urgency", "很急".into()),
    ];
    let history: Vec<Record> = std::iter::once(opened).chain(events).map(record).collect();
    let ticket = Ticket::from_records(id, history.clone()).unwrap();
    assert_eq!((ticket.version, ticket.history), (4, history.clone()));
    assert!(!ticket.fields.emergency, "what a field cannot hold leaves it as it was");
    assert_eq!(
        Ticket::from_records(id, history[1..].to_vec()),
        None,
        "a ticket begins with its opening"
    );
    assert_eq!(Ticket::from_records(id, Vec::new()), None);
}

/// Reads a record of an old version, and writes it again as it was.
fn check_fixture<T: DeserializeOwned + Serialize>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let record: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let was: Value = serde_json::from_str(&text).unwrap();
    let now = serde_json::to_value(&record).unwrap();
    for (field, value) in was.as_object().unwrap() {
        assert_eq!(&now[field], value, "{name}: {field} reads differently now");
    }
    record
}

#[test]
fn records_of_every_version_are_readable_for_ever() {
    let files = [
        "opened-v1.json",
        "corrected-v1.json",
        "transcript-corrected-v1.json",
        "dispatched-v1.json",
    ];
    let history: Vec<Record> = files.into_iter().map(check_fixture).collect();
    let call: Call = check_fixture("call-v1.json");
    let exported: Exported = check_fixture("exported-v1.json");
    let department: Change<Department> = check_fixture("department-change-v1.json");
    let rule: Change<DispatchRule> = check_fixture("dispatch-change-v1.json");
    assert_eq!((exported.what.as_str(), call.duration_ms), ("full", 13_082));
    assert!(
        department.to.unwrap().is_called("水利局") && rule.from.unwrap().department == "区纪委监委"
    );
    let ticket = Ticket::from_records(call.tickets[0], history).unwrap();
    assert_eq!(ticket.fields.phone.as_deref(), Some("13800138000"));
    assert_eq!(ticket.fields.department.as_deref(), Some("区消防救援支队"));
    assert_eq!((ticket.status, ticket.version), (Status::Dispatched, 4));
    assert_eq!(ticket.fields.place.unwrap().names, ["北京市", "市辖区", "丰台区", "方庄街道"]);
}

#[test]
fn a_record_of_a_newer_program_is_left_to_it() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    let newer =
        br#"{"v":2,"at":"2027-01-01T00:00:00Z","by":"x","event":"merged","into":"13800138000"}"#;
    store
        .journal()
        .commit(|tx| tx.insert(event_key(id, 1), newer.as_slice()).map(|_| ()).map_err(Into::into))
        .unwrap();
    let error = store.ticket(id).unwrap_err();
    assert!(matches!(&error, Error::Newer { version, .. } if version == "2"), "{error}");
    let broken = br#"{"v":1,"at":"13800138000"}"#;
    store
        .journal()
        .commit(|tx| tx.insert(event_key(id, 1), broken.as_slice()).map(|_| ()).map_err(Into::into))
        .unwrap();
    let error = store.ticket(id).unwrap_err();
    assert!(matches!(&error, Error::Damaged { .. }), "{error}");
    assert!(
        !error.to_string().contains("13800138000"),
        "a decoder's words may quote a caller: {error}"
    );
    assert!(!store.check().unwrap().findings.is_empty());
}

#[test]
fn of_all_who_append_after_the_same_version_one_wins() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    for version in 1..6 {
        let start = Barrier::new(RACERS as usize);
        let race = |racer: u32| {
            let event = Event::Dispatched { department: racer.to_string(), from: None };
            let record = Record { v: RECORD_VERSION, at: at(), by: racer.to_string(), event };
            start.wait();
            store
                .journal()
                .commit(|tx| journal::append(tx, id, version, std::slice::from_ref(&record)))
        };
        let ends: Vec<Result<(), Error>> = std::thread::scope(|scope| {
            let racers: Vec<_> =
                (0..RACERS).map(|racer| scope.spawn(move || race(racer))).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
        let lost = ends
            .iter()
            .filter(|end| matches!(end, Err(Error::Conflict { id: other }) if *other == id));
        assert_eq!(lost.count(), RACERS as usize - 1);
        let winner = ends.iter().position(Result::is_ok).unwrap();
        assert_eq!(store.ticket(id).unwrap().history.last().unwrap().by, winner.to_string());
    }
}

#[test]
fn whoever_loses_repeats_and_nothing_is_lost() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    std::thread::scope(|scope| {
        for racer in 0..RACERS {
            let store = &store;
            scope.spawn(move || {
                for number in 0..10 {
                    let title = format!("{racer}改第{number}次");
                    while let Err(error) = execute(store, id, correct("title", title.clone())) {
                        assert!(matches!(error, Error::Conflict { .. }), "{error}");
                    }
                }
            });
        }
    });
    let ticket = store.ticket(id).unwrap();
    assert_eq!(ticket.version, 1 + RACERS * 10);
    // Every change begins where the one before it ended.
    let changes = ticket.history.iter().filter_map(|record| match &record.event {
        Event::Corrected { from, to, .. } => Some((from, to)),
        _ => None,
    });
    let changes: Vec<(&Value, &Value)> = changes.collect();
    assert!(changes.windows(2).all(|pair| pair[0].1 == pair[1].0), "{changes:?}");
    assert_eq!(store.check().unwrap().findings, []);
}

#[test]
fn numbers_are_given_once_and_can_be_read_aloud() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let given: Vec<TicketId> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..RACERS as usize)
            .map(|racer| {
                let store = &store;
                scope.spawn(move || {
                    (0..6)
                        .flat_map(|n| take(store, racer * 100 + n, 1 + n % 2).tickets)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
    });
    let counters: BTreeSet<u32> = given.iter().map(|id| id.counter).collect();
    assert_eq!(counters, (1..=given.len() as u32).collect(), "each once, none left out");
    for id in &given {
        let text = id.to_string();
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 5, 1], "{text}");
        assert_eq!(text.parse(), Ok(*id));
    }
    // The day is China's: a call at half past midnight in Beijing is of the new day.
    let mut late = new_call(&store, 9000, 1);
    late.call.received_at = "2026-03-02T16:30:00Z".parse().unwrap();
    assert_eq!(
        store.take(&late, "hotline").unwrap().tickets,
        [TicketId { day: 20260303, counter: 1 }]
    );
    drop(store);
    let next = take(&open(&dir), 9001, 1).tickets[0];
    assert!(!given.contains(&next), "a number is not given again by the next process");
}

#[test]
fn a_recording_makes_one_call_whoever_brings_it() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let new = new_call(&store, 1, 2);
    let calls: Vec<Call> = std::thread::scope(|scope| {
        let takers: Vec<_> =
            (0..RACERS).map(|_| scope.spawn(|| store.take(&new, "hotline").unwrap())).collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).collect()
    });
    assert!(calls.iter().all(|call| *call == calls[0]), "{calls:?}");
    assert_eq!(store.tickets(&Filter::default()).unwrap().len(), 2);
    assert_eq!(store.call(&new.call.sha256).unwrap().as_ref(), Some(&calls[0]));
}

#[test]
fn a_store_has_one_owner() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let error = Store::open(dir.path(), &[]).err().unwrap();
    assert!(
        matches!(&error, Error::Owned { pid, .. } if *pid == std::process::id().to_string()),
        "{error}"
    );
    drop(store);
    open(&dir);
}

#[test]
fn filters_hold_together_and_indexes_follow_every_change() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let ids: Vec<TicketId> = (0..4).flat_map(|number| take(&store, number, 1).tickets).collect();
    execute(&store, ids[1], Command::Dispatch { to: Some("区民政局".to_owned()) }).unwrap();
    execute(&store, ids[2], Command::Dispatch { to: None }).unwrap();
    let list = |store: &Store, filter: Filter| {
        store.tickets(&filter).unwrap().iter().map(|ticket| ticket.id).collect::<Vec<_>>()
    };
    let check = |store: &Store| {
        let department =
            |name: &str| Filter { department: Some(name.to_owned()), ..Filter::default() };
        let status = |status| Filter { status: Some(status), ..Filter::default() };
        let since =
            |since: &str| Filter { since: Some(since.parse().unwrap()), ..Filter::default() };
        let search = |words: &str| Filter { search: Some(words.to_owned()), ..Filter::default() };
        assert_eq!(list(store, Filter::default()), ids);
        assert_eq!(list(store, department("区民政局")), [ids[1]]);
        assert_eq!(list(store, status(Status::Dispatched)), [ids[1], ids[2]]);
        assert_eq!(
            list(store, Filter { status: Some(Status::Dispatched), ..department("区水务局") }),
            [ids[2]]
        );
        assert_eq!(list(store, since("2026-03-02T01:14:05Z")), ids);
        assert_eq!(list(store, since("2026-03-02T01:14:06Z")), []);
        assert_eq!(list(store, Filter { until: Some(at()), ..Filter::default() }), []);
        assert_eq!(list(store, search("电话3")), [ids[3]], "in the title");
        assert_eq!(
            list(store, search("瓶子 河里漂着0")),
            [ids[0]],
            "in the transcript, in any order"
        );
        assert_eq!(list(store, search("捞一下")), ids);
        assert_eq!(list(store, search("瓶子捞")), [], "words do not reach over utterances");
    };
    check(&store);
    assert_eq!(store.rebuild().unwrap(), 4);
    check(&store);
    let index = store.journal().scan(b"is").next().unwrap().unwrap().0;
    store.journal().commit(|tx| tx.remove(index.clone()).map(|_| ()).map_err(Into::into)).unwrap();
    let findings = store.check().unwrap().findings;
    assert!(findings.len() == 1 && findings[0].remedy.contains("rebuild"), "{findings:?}");
    store.rebuild().unwrap();
    assert_eq!(store.check().unwrap().findings, []);
    check(&store);
}

#[test]
fn departments_keep_their_history_and_their_old_names() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    let renamed =
        Department { name: "区河湖局".to_owned(), ..store.department("水务局").unwrap() };
    store.edit_department("水务局", &renamed, "老张", at()).unwrap();
    let found = store.department("区水务局").unwrap();
    assert_eq!(found.name, "区河湖局", "it goes by the old name as well");
    let filter = Filter { department: Some(found.name), ..Filter::default() };
    assert_eq!(store.tickets(&filter).unwrap()[0].id, id, "older tickets still bear it");
    let taken = Department { name: "民政局".to_owned(), ..Department::default() };
    let error = store.put_departments(&[taken], "老张", at()).unwrap_err().to_string();
    assert!(error.contains("区民政局 goes by the name 民政局 already"), "{error}");
    assert!(
        store.department("民政").unwrap_err().to_string().contains("did you mean"),
        "nearest name"
    );
    let changes = store.department_changes().unwrap();
    assert_eq!(
        changes.iter().filter(|change| change.by == "老张").count(),
        2,
        "one goes, one comes"
    );
    drop(store);
    assert_eq!(open(&dir).departments().unwrap().len(), 2, "the city's files seed a store once");
}

#[test]
fn the_dispatch_table_is_kept_with_its_changes() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let rule = |department: &str| DispatchRule {
        department: department.to_owned(),
        ..DispatchRule::default()
    };
    store.put_dispatch_table(&[rule("甲"), rule("乙"), rule("丙")], "老张", at()).unwrap();
    store.put_dispatch_table(&[rule("甲"), rule("丁")], "小李", at()).unwrap();
    assert_eq!(store.dispatch_table().unwrap(), [rule("甲"), rule("丁")]);
    let changes = store.dispatch_changes().unwrap();
    assert_eq!(
        changes.iter().filter(|change| change.by == "小李").count(),
        2,
        "what stays is no change"
    );
}

#[test]
fn a_table_of_departments_is_read_or_refused_by_line() {
    let read = |text: &str| Department::read_csv(Path::new("departments.csv"), text.as_bytes());
    let found = read("\u{feff}active,name,aliases\n是, 市数据局 ,大数据局| 数据中心\n,市档案局,\n")
        .unwrap();
    assert_eq!(found[0].aliases, ["大数据局", "数据中心"]);
    assert!(found[1].active && found[1].name == "市档案局");
    for (text, line, reason) in [
        ("level\n市\n", 1, "no column `name`"),
        ("name,active\n甲,true\n乙,也许\n", 3, "write true or false"),
        ("name\n甲\n甲\n", 3, "twice"),
        ("name,level\n甲,区\n,区\n", 3, "no name"),
    ] {
        let error = read(text).unwrap_err();
        assert!(matches!(&error, Error::Table { line: found, .. } if *found == line), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

fn export(store: &Store) -> Vec<u8> {
    let mut backup = Vec::new();
    let exports = store.export_full(&mut backup, Path::new("memory"), "老张", at()).unwrap();
    assert_eq!(exports.lost, Vec::<std::path::PathBuf>::new());
    backup
}

fn import(store: &Store, backup: &[u8]) -> (Result<Imports, Error>, Vec<TicketId>) {
    let mut durable = Vec::new();
    let imports = store.import(BufReader::new(backup), &mut |id| durable.push(id));
    (imports, durable)
}

#[test]
fn a_backup_is_the_store() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(&dir);
    let ids: Vec<TicketId> = (0..3).flat_map(|number| take(&store, number, 2).tickets).collect();
    execute(&store, ids[0], correct("title", "改过")).unwrap();
    store.put_dispatch_table(&[DispatchRule::default()], "老张", at()).unwrap();
    let backup = export(&store);
    let copy = Store::open(other.path(), &[]).unwrap();
    let (imports, durable) = import(&copy, &backup);
    assert_eq!((imports.unwrap().tickets, &durable), (6, &ids));
    assert_eq!(
        copy.tickets(&Filter::default()).unwrap(),
        store.tickets(&Filter::default()).unwrap()
    );
    assert_eq!(copy.calls().unwrap(), store.calls().unwrap());
    assert_eq!(copy.departments().unwrap(), store.departments().unwrap());
    assert_eq!(copy.department_changes().unwrap(), store.department_changes().unwrap());
    assert_eq!(copy.dispatch_table().unwrap(), store.dispatch_table().unwrap());
    assert_eq!(copy.check().unwrap().findings, []);
    // The same again, and an older one after a change: nothing is taken back.
    execute(&copy, ids[1], correct("title", "后来改的")).unwrap();
    let (imports, durable) = import(&copy, &backup);
    assert_eq!((imports.unwrap().known, durable), (3, ids.clone()));
    assert_eq!(copy.ticket(ids[1]).unwrap().fields.title, "后来改的");
    // Two that went different ways are not mixed.
    execute(&store, ids[1], correct("title", "这边改的")).unwrap();
    let error = import(&copy, &export(&store)).0.unwrap_err().to_string();
    assert!(error.contains("another history") && error.contains("empty folder"), "{error}");
    assert_eq!(copy.check().unwrap().findings, []);
    let next = take(&copy, 77, 1).tickets[0];
    assert!(!ids.contains(&next), "numbers go on where they were");
}

#[test]
fn a_backup_that_changed_anywhere_is_noticed() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let ids: Vec<TicketId> = (0..3).flat_map(|number| take(&store, number, 1).tickets).collect();
    let backup = export(&store);
    for position in (0..backup.len()).step_by(backup.len() / 50) {
        let mut changed = backup.clone();
        changed[position] ^= 4;
        let other = TempDir::new().unwrap();
        let copy = Store::open(other.path(), &[]).unwrap();
        let (imports, durable) = import(&copy, &changed);
        assert!(
            matches!(imports, Err(Error::Backup { .. })),
            "byte {position} of {}",
            backup.len()
        );
        assert!(ids.starts_with(&durable));
        for id in durable {
            assert_eq!(copy.ticket(id).unwrap(), store.ticket(id).unwrap(), "byte {position}");
        }
        assert_eq!(copy.check().unwrap().findings, [], "byte {position}");
    }
}

#[test]
fn files_are_what_their_names_say() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let call = take(&store, 1, 1);
    let path = store.files().recording(&call.sha256, "wav");
    assert_eq!(sha256_file(&path).unwrap(), call.sha256);
    // A killed process leaves a staged file behind; the next one sweeps it away.
    let staged = path.with_extension("wav#1");
    std::fs::write(&staged, "half").unwrap();
    drop(store);
    let store = open(&dir);
    assert!(!staged.exists() && path.exists());
    std::fs::write(&path, "other").unwrap();
    assert!(store.check().unwrap().findings[0].what.contains("is not what it was"));
}
