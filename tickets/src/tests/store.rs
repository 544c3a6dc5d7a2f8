//! Races, numbers, filters, departments: what a store promises.

use super::*;

#[test]
fn of_all_who_append_after_the_same_version_one_wins() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let id = take(&store, 1, 1).tickets[0];
    for version in 1..6 {
        let start = Barrier::new(RACERS as usize);
        let race = |racer: u32| {
            let event = Event::Signed { department: racer.to_string() };
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
    execute(&store, ids[1], dispatch(Some("区民政局"))).unwrap();
    execute(&store, ids[2], dispatch(None)).unwrap();
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

#[test]
fn one_store_by_two_paths_is_one_store() {
    let dir = TempDir::new().unwrap();
    let link = dir.path().join("link");
    let store = Store::open(&dir.path().join("data"), &departments()).unwrap();
    std::os::unix::fs::symlink(dir.path().join("data"), &link).unwrap();
    let beside = store.beside(&link).unwrap();
    let call = take(&beside, 1, 1);
    assert_eq!(store.call(&call.sha256).unwrap(), Some(call.clone()));
    assert!(beside.files().recording(&call.sha256, "wav").starts_with(&link));
    drop(store);
    assert!(matches!(Store::open(&link, &[]), Err(Error::Owned { .. })), "the other has it still");
    drop(beside);
    assert!(Store::open(&link, &[]).unwrap().check().unwrap().findings.is_empty());
}

#[test]
fn checking_and_rebuilding_while_others_write_sees_and_leaves_a_whole_store() {
    const CALLS: usize = 12;
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    (0..CALLS).for_each(|number| drop(take(store, writer * CALLS + number, 2)))
                })
            })
            .collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            store.rebuild().unwrap();
            assert_eq!(store.check().unwrap().findings, []);
        }
    });
    assert_eq!(store.check().unwrap().findings, []);
    assert_eq!(store.tickets(&Filter::default()).unwrap().len(), 2 * 2 * CALLS);
}
