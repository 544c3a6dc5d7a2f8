//! Commands, events and the records that hold them.

use super::*;

#[test]
fn commands_are_decided_one_by_one() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    let ticket = store.ticket(id).unwrap();
    let departments = ["区水务局".to_owned(), "区民政局".to_owned()];
    let categories = ["城乡建设".to_owned(), "民政".to_owned()];
    let decide = |command| ticket.decide(command, known(&departments, &categories), at());
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
    let ticket = execute(&store, id, dispatch(Some("区民政局"))).unwrap();
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
        br#"{"v":3,"at":"2027-01-01T00:00:00Z","by":"x","event":"forwarded","into":"13800138000"}"#;
    store
        .journal()
        .commit(|tx| tx.insert(event_key(id, 1), newer.as_slice()).map(|_| ()).map_err(Into::into))
        .unwrap();
    let error = store.ticket(id).unwrap_err();
    assert!(matches!(&error, Error::Newer { version, .. } if version == "3"), "{error}");
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

/// What happens to a ticket since version 2, one line an event.
#[test]
fn the_life_of_version_2_is_readable_for_ever() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/life-v2.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let mut kinds = BTreeSet::new();
    for line in text.lines() {
        let record: Record = serde_json::from_str(line).unwrap_or_else(|no| panic!("{no}: {line}"));
        let was: Value = serde_json::from_str(line).unwrap();
        assert_eq!(serde_json::to_value(&record).unwrap(), was, "it reads differently now");
        kinds.insert(was["event"].as_str().unwrap().to_owned());
        // Whatever state a ticket is in, what happened is taken in.
        let opened = Event::Opened {
            call: String::new(),
            matter: 0,
            status: Status::Review,
            fields: Box::new(fields("甲")),
        };
        let first = Record { v: 1, at: at(), by: "hotline".to_owned(), event: opened };
        let id = TicketId { day: 20261126, counter: 1 };
        let ticket = Ticket::from_records(id, vec![first, record]).unwrap();
        assert_eq!(ticket.version, 2);
    }
    assert_eq!(kinds.len(), 22, "an event that is new gets its line: {kinds:?}");
}
