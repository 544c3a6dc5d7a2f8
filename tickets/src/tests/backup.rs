//! Backups, and the files beside the journal.

use super::*;

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
