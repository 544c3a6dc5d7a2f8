//! What reads what others wrote, one function for each. Whatever the bytes are, none may panic;
//! libFuzzer calls them by `fuzz_targets/`, `make test` by `tests/src/fuzz.rs`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use jiff::Timestamp;
use nlu::{Heard, Interpret, Leg, Said, Understanding};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Blocks of a recording that are read at most: headers may promise hours of silence.
const MOST_BLOCKS: usize = 1000;

/// A recording of any kind.
pub fn wav(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("the temporary folder can be written");
    file.write_all(data).expect("the temporary folder has room");
    let Ok(mut reader) = audio::Reader::open(file.path()) else { return };
    let mut until = 0;
    for _ in 0..MOST_BLOCKS {
        let Ok(Some(block)) = reader.read() else { return };
        assert!(
            block.start_ms == until && block.legs.len() == reader.legs(),
            "a block out of its place"
        );
        let fine = |sample: &f32| sample.is_finite();
        assert!(
            block.legs.iter().all(|leg| leg.len() == block.legs[0].len() && leg.iter().all(fine))
        );
        until = reader.given_ms();
    }
}

/// A transcript.
pub fn text(data: &[u8]) {
    static UNDERSTANDING: LazyLock<Understanding> = LazyLock::new(|| {
        Understanding::load(&home().join("models/nlu"), &home().join("city"), "1101")
            .expect("the example city is right")
    });
    let text = String::from_utf8_lossy(data);
    let found = nlu::entities(&text, Timestamp::UNIX_EPOCH);
    let length = text.chars().count();
    for entity in [&found.phones, &found.ids, &found.plates, &found.amounts, &found.names]
        .into_iter()
        .flatten()
    {
        assert!(entity.start < entity.end && entity.end <= length, "an entity outside the text");
    }
    nlu::redact(&text);
    let _ = text.parse::<tickets::TicketId>();
    let said = text.lines().map(|line| Said::from_text(Leg::Caller, line)).collect();
    let mut heard = Heard { said, started_at: Timestamp::UNIX_EPOCH, line_number: None };
    UNDERSTANDING.split_turns(&mut heard);
    UNDERSTANDING.interpret(&heard);
    UNDERSTANDING.places().resolve_text(&text);
}

/// Any of the city's files; each in turn.
pub fn city(data: &[u8]) {
    static CITY: LazyLock<Mutex<TempDir>> = LazyLock::new(|| {
        let copy = tempfile::tempdir().expect("the temporary folder can be written");
        copy_toml(&home().join("city"), copy.path());
        Mutex::new(copy)
    });
    let copy = CITY.lock().expect("the lock's last holder has not panicked");
    for name in toml_files(copy.path()) {
        let right = std::fs::read(&name).expect("just listed");
        std::fs::write(&name, data).expect("the copy can be written");
        if let Err(problems) = dialogue::City::load(copy.path()) {
            assert!(
                problems.iter().all(|problem| !problem.to_string().is_empty())
                    && !problems.is_empty()
            );
        }
        std::fs::write(&name, right).expect("the copy can be written");
    }
}

fn copy_toml(from: &Path, to: &Path) {
    for path in toml_files(from) {
        let copy = to.join(path.strip_prefix(from).expect("found below it"));
        std::fs::create_dir_all(copy.parent().expect("below the folder"))
            .expect("the copy can be made");
        std::fs::copy(&path, copy).expect("the copy can be made");
    }
}

/// The city's files and its calendar, in name order.
fn toml_files(dir: &Path) -> Vec<PathBuf> {
    let list = |dir: PathBuf| {
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
    };
    let all = list(dir.to_owned()).chain(list(dir.join("calendar")));
    let mut files: Vec<PathBuf> =
        all.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    files
}

/// A record of the journal.
pub fn event(data: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<tickets::Record>(data) {
        let again = serde_json::to_vec(&record).expect("a record can be written");
        assert_eq!(
            serde_json::from_slice::<tickets::Record>(&again)
                .expect("what was written can be read"),
            record
        );
    }
    let _ = serde_json::from_slice::<tickets::Call>(data);
}

/// A backup, as it is and with the right sum before every line: without, nothing behind the sums
/// would be reached.
pub fn backup(data: &[u8]) {
    static STORE: LazyLock<(TempDir, tickets::Store)> = LazyLock::new(|| {
        let dir = tempfile::tempdir().expect("the temporary folder can be written");
        let store =
            tickets::Store::open(&dir.path().join("store"), &[]).expect("a fresh store opens");
        (dir, store)
    });
    let mut summed = Vec::new();
    let mut last = String::new();
    for line in data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let digest = Sha256::new().chain_update(&last).chain_update(line).finalize();
        last = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        summed.extend([last.as_bytes(), b" ", line, b"\n"].concat());
    }
    for backup in [data, &summed] {
        let _ = STORE.1.import(backup, &mut |_| {});
    }
}

/// The checkout.
fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the checkout")
}
