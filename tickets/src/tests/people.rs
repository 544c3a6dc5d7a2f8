//! Accounts, sessions, looks and remarks.

use super::*;

fn person(login: &str, role: Role) -> Person {
    Person {
        login: login.to_owned(),
        name: format!("{login}先生"),
        role,
        department: (role == Role::Handler).then(|| "区水务局".to_owned()),
        active: true,
        password: Some("$argon2id$secret".to_owned()),
        created_at: at(),
    }
}

#[test]
fn accounts_are_kept_with_their_history_and_without_passwords_in_it() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let admin = person("admin", Role::Admin);
    store.put_person(&admin, "hotline", at()).unwrap();
    store.put_person(&person("wang", Role::Handler), "admin", at()).unwrap();
    let left = Person { active: false, ..person("wang", Role::Handler) };
    store.put_person(&left, "admin", at()).unwrap();
    assert_eq!(store.people().unwrap(), [admin.clone(), left]);
    let changes = store.person_changes().unwrap();
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|change| !format!("{change:?}").contains("argon2")));
    // The last administrator stays one.
    for wrong in [
        Person { active: false, ..admin.clone() },
        Person { role: Role::Agent, ..admin.clone() },
        Person { name: " ".to_owned(), ..person("li", Role::Agent) },
        Person { name: "hotline".to_owned(), ..person("li", Role::Agent) },
        Person { login: "a b".to_owned(), ..person("li", Role::Agent) },
        Person { department: None, ..person("li", Role::Handler) },
        Person { department: Some("没有".to_owned()), ..person("li", Role::Handler) },
    ] {
        assert!(store.put_person(&wrong, "admin", at()).is_err(), "{wrong:?}");
    }
}

#[test]
fn sessions_begin_and_end() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let session = Session {
        login: "wang".to_owned(),
        csrf: "c".to_owned(),
        created_at: at(),
        expires_at: at(),
        once: false,
        must_set_password: false,
    };
    store.put_session("k1", &session).unwrap();
    store.put_session("k2", &session).unwrap();
    drop(store);
    let store = open(&dir);
    assert_eq!(store.session("k1").unwrap(), Some(session.clone()), "it outlives the process");
    assert_eq!(store.sessions().unwrap().len(), 2);
    assert_eq!(store.end_sessions(&["k1".to_owned(), "k9".to_owned()]).unwrap(), 1);
    assert_eq!(store.session("k1").unwrap(), None);
}

#[test]
fn looks_and_remarks_are_kept_and_backed_up() {
    let dir = TempDir::new().unwrap();
    let store = open(&dir);
    let call = take(&store, 1, 1).sha256;
    let look = |second: u64| Look {
        v: RECORD_VERSION,
        at: at() + std::time::Duration::from_secs(second),
        by: "陈".to_owned(),
        what: "recording".to_owned(),
        call: call.clone(),
        redacted: false,
        why: format!("质检 {second}"),
    };
    (0..5).for_each(|second| store.record_look(&look(second)).unwrap());
    let twice = Look { why: "又一次".to_owned(), ..look(4) };
    store.record_look(&twice).unwrap();
    let newest = store.looks(None, 3).unwrap();
    assert_eq!(newest, [twice, look(4), look(3)]);
    let earlier = store.looks(Some(look(3).at), 10).unwrap();
    assert_eq!(earlier, [look(2), look(1), look(0)]);
    let remark = |said| Remark { v: RECORD_VERSION, at: at(), by: "陈".to_owned(), said };
    let marked = remark(Said::Marked { at_ms: 1200, text: "语气很好".to_owned() });
    let scored = remark(Said::Scored {
        items: [("opening".to_owned(), 10)].into(),
        total: 10,
        comment: String::new(),
    });
    store.remark(&call, &marked).unwrap();
    store.remark(&call, &scored).unwrap();
    assert_eq!(store.remarks(&call).unwrap(), [marked, scored]);
    store.put_person(&person("admin", Role::Admin), "hotline", at()).unwrap();
    let mut backup = Vec::new();
    store.export_full(&mut backup, Path::new("backup"), "陈", at()).unwrap();
    let other = TempDir::new().unwrap();
    let copy = open(&other);
    for _ in 0..2 {
        copy.import(BufReader::new(&backup[..]), &mut |_| {}).unwrap();
    }
    assert_eq!(copy.looks(None, 100).unwrap(), store.looks(None, 100).unwrap());
    assert_eq!(copy.all_remarks().unwrap(), store.all_remarks().unwrap());
    assert_eq!(copy.people().unwrap(), store.people().unwrap());
    assert_eq!(copy.person_changes().unwrap(), store.person_changes().unwrap());
}

#[test]
fn a_backup_gives_nobody_back_an_account_that_was_closed_since() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(&dir);
    let mut li = person("li", Role::Agent);
    store.put_person(&li, "admin", at()).unwrap();
    let mut backup = Vec::new();
    store.export_full(&mut backup, Path::new("backup"), "陈", at()).unwrap();
    li.active = false;
    store.put_person(&li, "admin", at()).unwrap();
    store.import(BufReader::new(&backup[..]), &mut |_| {}).unwrap();
    assert_eq!(store.person("li").unwrap().unwrap(), li, "closed, as before the import");
    let fresh = open(&other);
    fresh.import(BufReader::new(&backup[..]), &mut |_| {}).unwrap();
    assert!(fresh.person("li").unwrap().unwrap().active, "as when the backup was made");
}
