//! What an index keeps: replacing, committing, owners, killed processes, damage.

use super::*;

#[test]
fn what_is_put_again_replaces_and_what_is_removed_is_gone() {
    let (_dir, index) = filled(&[entry("a", "路灯", &[]), entry("b", "噪音", &[])]);
    let again = Entry { version: 7, ..entry("a", "井盖", &[]) };
    index.put(&[entry("a", "占道", &[]), again]).unwrap();
    // Not before it is committed.
    found(&index, "路灯", ["a"]);
    index.commit().unwrap();
    found(&index, "路灯", []);
    found(&index, "占道", []);
    found(&index, "井盖", ["a"]);
    let versions = HashMap::from([("a".to_owned(), 7), ("b".to_owned(), 1)]);
    assert_eq!(index.versions().unwrap(), versions);
    index.remove(&["b", "no such key"]);
    index.commit().unwrap();
    found(&index, "噪音", []);
    assert_eq!(index.versions().unwrap(), HashMap::from([("a".to_owned(), 7)]));
}

#[test]
fn what_was_not_committed_is_gone_and_the_rest_is_there() {
    let dir = tempfile::tempdir().unwrap();
    {
        let index = Index::open(dir.path()).unwrap();
        assert!(index.is_new());
        index.put(&[entry("a", "路灯", &["路灯"])]).unwrap();
        index.commit().unwrap();
        index.put(&[entry("b", "噪音", &[])]).unwrap();
        index.remove(&["a"]);
    }
    let index = Index::open(dir.path()).unwrap();
    assert!(!index.is_new());
    found(&index, "路灯", ["a"]);
    found(&index, "噪音", []);
    assert_eq!(index.versions().unwrap().len(), 1);
}

#[test]
fn another_owner_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _index = Index::open(dir.path()).unwrap();
    match Index::open(dir.path()) {
        Err(Error::Owned { pid, .. }) => assert_eq!(pid, std::process::id().to_string()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two owners"),
    }
}

#[test]
fn a_killed_process_leaves_its_last_commit() {
    if let Some(dir) = std::env::var_os(KILLED) {
        let index = Index::open(dir.as_ref()).unwrap();
        for number in 0_u64.. {
            let more = Entry { version: number, ..entry("a", "路灯", &["路灯不亮"]) };
            index.put(&[more, entry(&number.to_string(), "路灯", &[])]).unwrap();
            index.commit().unwrap();
            std::fs::write(std::path::Path::new(&dir).join("..").join("done"), number.to_string())
                .unwrap();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (folder, done) = (dir.path().join("index"), dir.path().join("done"));
    std::fs::create_dir(&folder).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::keeping::a_killed_process_leaves_its_last_commit"])
        .env(KILLED, &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let committed = || std::fs::read_to_string(&done).ok()?.parse::<u64>().ok();
    while committed().is_none_or(|number| number < 3) {
        assert!(child.try_wait().unwrap().is_none(), "the other process ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    match Index::open(&folder) {
        Err(Error::Owned { pid, .. }) => assert_eq!(pid, child.id().to_string()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("two owners"),
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let index = Index::open(&folder).unwrap();
    assert!(!index.is_new());
    let versions = index.versions().unwrap();
    assert!(versions["a"] >= 3, "{versions:?}");
    assert_eq!(versions.len() as u64, versions["a"] + 2);
    assert_eq!(find(&index, "路灯").total, versions.len());
    index.put(&[entry("more", "路灯", &[])]).unwrap();
    index.commit().unwrap();
    assert_eq!(find(&index, "路灯").total, versions.len() + 1);
}

#[test]
fn what_cannot_be_used_is_made_anew() {
    type Harm = fn(&std::path::Path);
    let harms: [Harm; 5] = [
        |dir| std::fs::write(dir.join("format"), "12345 search 0\n").unwrap(),
        |dir| std::fs::remove_file(dir.join("format")).unwrap(),
        |dir| std::fs::write(dir.join("meta.json"), "{").unwrap(),
        |dir| std::fs::remove_file(dir.join("meta.json")).unwrap(),
        |dir| {
            for file in std::fs::read_dir(dir).unwrap() {
                let file = file.unwrap().path();
                if file.extension().is_some_and(|ending| ending == "term" || ending == "idx") {
                    std::fs::write(file, "short").unwrap();
                }
            }
        },
    ];
    for (number, harm) in harms.iter().enumerate() {
        let (dir, index) = filled(&[entry("a", "路灯", &["路灯"])]);
        drop(index);
        harm(dir.path());
        let index = Index::open(dir.path()).unwrap();
        assert!(index.is_new(), "{number}");
        assert_eq!(index.versions().unwrap().len(), 0, "{number}");
        index.put(&[entry("b", "路灯", &[])]).unwrap();
        index.commit().unwrap();
        found(&index, "路灯", ["b"]);
    }
}

#[test]
fn damage_is_an_error_at_worst() {
    for at in [0, 7, 60, 200] {
        let (dir, index) = filled(&various());
        drop(index);
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let file = file.unwrap().path();
            let mut bytes = std::fs::read(&file).unwrap();
            // The last bytes are the footer; without it the index is not opened at all.
            let end = bytes.len().saturating_sub(150);
            if file.extension().is_some_and(|ending| ending != "json") && at < end {
                bytes[at..end.min(at + 40)].fill(0xa5);
                std::fs::write(&file, bytes).unwrap();
            }
        }
        let index = Index::open(dir.path()).unwrap();
        let ways = [
            index.find(&Query { words: "路灯".into(), ..Query::default() }).map(|_| ()),
            index.versions().map(|_| ()),
            index.similar("路灯不亮", &Query::default(), 3).map(|_| ()),
        ];
        for way in ways {
            assert!(matches!(way, Ok(()) | Err(Error::Unusable { .. })), "{way:?}");
        }
    }
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "").unwrap();
    assert!(
        matches!(Index::open(dir.path()), Err(Error::Foreign { name, .. }) if name == "letter.txt")
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
