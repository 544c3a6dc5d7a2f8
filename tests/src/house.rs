//! Rules of the house that no compiler holds.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::home;

/// Which rooms a room may know.
const ARROWS: [(&str, &[&str]); 9] = [
    ("audio", &[]),
    ("asr", &["audio"]),
    ("nlu", &[]),
    ("calendar", &[]),
    ("dialogue", &["nlu", "calendar"]),
    ("tickets", &["calendar"]),
    ("search", &[]),
    ("desk", &["audio", "nlu", "calendar", "dialogue", "tickets", "search"]),
    ("hotline", &["audio", "asr", "nlu", "calendar", "dialogue", "tickets", "desk"]),
];

/// What only one room may touch.
const KEPT_BY: [(&str, &str); 11] = [
    ("cpal", "audio"),
    ("hound", "audio"),
    ("whisper-rs", "asr"),
    ("candle-core", "nlu"),
    ("candle-nn", "nlu"),
    ("sled", "tickets"),
    ("object_store", "tickets"),
    ("tantivy", "search"),
    ("jieba-rs", "search"),
    ("axum", "desk"),
    ("argon2", "desk"),
];

/// Everything that a room's manifest depends on, for its tests too.
fn dependencies(room: &str) -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(home().join(room).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    // What only some systems need counts too.
    let systems = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|all| all.values());
    let places: Vec<&toml::Table> =
        systems.filter_map(toml::Value::as_table).chain([&manifest]).collect();
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = places
        .iter()
        .flat_map(|place| kinds.iter().filter_map(|kind| place.get(*kind)?.as_table()));
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn rooms_know_only_the_rooms_before_them() {
    let rooms: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    for (room, allowed) in ARROWS {
        for other in dependencies(room).iter().filter(|name| rooms.contains(&name.as_str())) {
            assert!(allowed.contains(&other.as_str()), "{room} must not know {other}");
        }
    }
    let workspace: toml::Table =
        std::fs::read_to_string(home().join("Cargo.toml")).unwrap().parse().unwrap();
    let members: BTreeSet<&str> = workspace["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let known: BTreeSet<&str> = rooms.into_iter().chain(["tests"]).collect();
    assert_eq!(members, known, "a new room gets its arrows here and in ARCHITECTURE.md");
}

#[test]
fn every_engine_has_one_owner() {
    for (engine, owner) in KEPT_BY {
        let users: Vec<&str> = ARROWS
            .iter()
            .map(|(room, _)| *room)
            .filter(|room| dependencies(room).contains(engine))
            .collect();
        assert!(
            users.iter().all(|user| *user == owner),
            "{engine} belongs to {owner}, and {users:?} import it"
        );
    }
}

#[test]
fn the_dialogue_has_no_clock_no_chance_and_no_io_but_its_loader() {
    for path in rust_files().into_iter().filter(|path| path.starts_with("dialogue/src")) {
        let text = std::fs::read_to_string(home().join(&path)).unwrap();
        let barred = [
            "Timestamp::now",
            "Zoned::now",
            "Instant",
            "SystemTime",
            "rand::",
            "std::net",
            "std::process",
            "std::env",
        ];
        for word in barred {
            assert!(!text.contains(word), "{} uses {word}", path.display());
        }
        let reads = path.ends_with("reading.rs") || path.ends_with("tests.rs");
        assert!(reads || !text.contains("std::fs"), "{} touches the disk", path.display());
    }
}

#[test]
fn a_command_never_asks_whose_streams_it_has() {
    for path in rust_files().into_iter().filter(|path| path.starts_with("hotline/src")) {
        // One lends them, the other hands them over.
        if path.ends_with("terminal.rs") || path.ends_with("socket.rs") {
            continue;
        }
        let text = std::fs::read_to_string(home().join(&path)).unwrap();
        for word in ["io::stdin", "io::stdout", "io::stderr", "print!", "println!"] {
            assert!(!text.contains(word), "{} uses {word}; see terminal.rs", path.display());
        }
    }
}

/// Files that git would hand on: tracked, or new and not ignored.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args([
            "-C",
            &home().to_string_lossy(),
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).unwrap();
    let paths = names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    // A file that somebody is moving about is listed and not there.
    paths.filter(|path| home().join(path).is_file()).collect()
}

fn rust_files() -> Vec<PathBuf> {
    tracked()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

#[test]
fn a_clone_stays_small() {
    let size = |path: &Path| std::fs::metadata(home().join(path)).unwrap().len();
    let all: u64 = tracked().iter().map(|path| size(path)).sum();
    let fixtures: u64 = tracked()
        .iter()
        .filter(|path| path.starts_with("audio-fixtures"))
        .map(|path| size(path))
        .sum();
    assert!(all < 40 << 20, "{all} bytes are tracked");
    assert!(fixtures <= 15 << 20, "{fixtures} bytes of fixtures");
}

#[test]
fn nothing_needs_what_a_clone_has_not() {
    let barred = concat!("../", "shared");
    for path in tracked() {
        let bytes = std::fs::read(home().join(&path)).unwrap();
        let found = bytes.windows(barred.len()).any(|window| window == barred.as_bytes());
        assert!(!found, "{} mentions {barred}", path.display());
    }
}

#[test]
fn types_are_nouns_of_the_field() {
    let barred = ["Manager", "Service", "Util", "Utils", "Helper", "Processor", "Info"];
    for path in rust_files() {
        let text = std::fs::read_to_string(home().join(&path)).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> =
                line.split(|ch: char| !ch.is_alphanumeric() && ch != '_').collect();
            let named = words
                .windows(2)
                .filter(|pair| matches!(pair[0], "struct" | "enum" | "trait" | "type"));
            for name in named.map(|pair| pair[1]) {
                let bad = barred
                    .iter()
                    .find(|barred| name.ends_with(*barred) || name.starts_with(*barred));
                assert!(bad.is_none(), "{}:{number}: {name}", path.display());
            }
        }
    }
}

#[test]
fn every_test_runs() {
    for path in rust_files() {
        let text = std::fs::read_to_string(home().join(&path)).unwrap();
        assert!(
            !text.contains(concat!("#[ig", "nore")),
            "{}: a test that does not run proves nothing",
            path.display()
        );
    }
}

#[test]
fn every_fixture_says_what_must_come_of_it() {
    let fixtures: Vec<PathBuf> =
        tracked().into_iter().filter(|path| path.starts_with("audio-fixtures")).collect();
    let sounds: Vec<&PathBuf> = fixtures
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "flac" || ending == "wav"))
        .collect();
    assert!(sounds.len() >= 30, "{} recorded calls", sounds.len());
    for sound in sounds {
        let text = std::fs::read_to_string(home().join(sound.with_extension("toml"))).unwrap();
        let description: toml::Table = text.parse().unwrap();
        assert!(description.contains_key("expect"), "{}", sound.display());
    }
}
