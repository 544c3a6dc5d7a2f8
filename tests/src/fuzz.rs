//! Whatever others wrote may be broken in any way. The targets of `fuzz/` are run over their corpora
//! and over mutations of them: seeded, so that what fails once fails again.

use std::panic::catch_unwind;
use std::path::PathBuf;

use crate::run::{Desk, home, text_of};

#[path = "../../fuzz/targets.rs"]
mod targets;

/// Mutations of every seed.
const ROUNDS: usize = 60;

#[test]
fn recordings() {
    check(targets::wav, ROUNDS, &["fuzz/corpus/wav", "audio/fixtures", "audio/fixtures/bad"]);
}

#[test]
fn texts() {
    check(targets::text, ROUNDS, &["fuzz/corpus/text"]);
}

#[test]
fn files_of_the_city() {
    check(targets::city, ROUNDS / 10, &["city", "city/calendar"]);
}

#[test]
fn events() {
    check(targets::event, ROUNDS * 10, &["tickets/fixtures"]);
}

#[test]
fn backups() {
    check(targets::backup, ROUNDS, &["fuzz/corpus/backup"]);
}

/// The binary keeps these parsers to itself: a folder of recordings has an altered description each.
#[test]
fn descriptions_of_calls() {
    let desk = Desk::fresh();
    let mut chance = Chance(2);
    let seeds = files(&["fuzz/corpus/description"]);
    // The smallest recording that there is: one sample.
    let one_sample = std::fs::read(home().join("fuzz/corpus/wav/one-sample.wav")).unwrap();
    for number in 0..ROUNDS {
        let description =
            mutated(&std::fs::read(&seeds[number % seeds.len()]).unwrap(), &mut chance);
        desk.file(&format!("calls/{number}.wav"), &one_sample);
        desk.file(&format!("calls/{number}.toml"), description);
    }
    let done = desk.run(&["take", "calls"]);
    done.assert_calm();
    assert!(matches!(done.code, Some(0 | 3)), "{done}");
    assert_eq!(
        done.out.lines().count() + done.err.lines().count(),
        ROUNDS,
        "one line each: {done}"
    );
}

#[test]
fn configurations() {
    let desk = Desk::fresh();
    let mut chance = Chance(3);
    let seeds = files(&["fuzz/corpus/config"]);
    for number in 0..ROUNDS / 3 {
        let config = mutated(&std::fs::read(&seeds[number % seeds.len()]).unwrap(), &mut chance);
        let path = desk.file("altered.toml", config);
        let done = desk.run(&["--config", &path, "check-config"]);
        done.assert_calm();
        assert!(matches!(done.code, Some(0 | 1 | 6)), "{done}");
    }
}

/// Runs a target over the files of these folders and mutations of them. What breaks it is written
/// down, to be looked at and then kept.
#[track_caller]
fn check(target: fn(&[u8]), rounds: usize, folders: &[&str]) {
    let mut chance = Chance(1);
    for path in files(folders) {
        let seed = std::fs::read(&path).unwrap();
        for round in 0..=rounds {
            let input = if round == 0 { seed.clone() } else { mutated(&seed, &mut chance) };
            if catch_unwind(|| target(&input)).is_err() {
                let kept =
                    std::env::temp_dir().join(format!("hotline-fuzz-{round}-{}", file_name(&path)));
                std::fs::write(&kept, &input).unwrap();
                panic!(
                    "{} broke it in round {round}; keep {} in the corpus",
                    path.display(),
                    kept.display()
                );
            }
        }
    }
}

fn file_name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The files of folders, in name order.
#[track_caller]
fn files(folders: &[&str]) -> Vec<PathBuf> {
    let list = |folder: &&str| {
        std::fs::read_dir(home().join(folder)).unwrap().map(|entry| entry.unwrap().path())
    };
    let mut files: Vec<PathBuf> =
        folders.iter().flat_map(list).filter(|path| path.is_file()).collect();
    files.sort();
    assert!(!files.is_empty(), "no seeds in {folders:?}");
    files
}

/// Vigna's splitmix64: small, and the same on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// One to four changes: a byte, a number at its limits, a cut, a piece doubled or left out.
fn mutated(seed: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len());
        let length = chance.below(bytes.len() - at).min(chance.below(64)) + 1;
        let piece = at..(at + length).min(bytes.len());
        match chance.below(6) {
            0 if !bytes.is_empty() => bytes[at] = chance.below(256) as u8,
            1 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            2 => bytes.truncate(at),
            3 => {
                let doubled = bytes[piece].to_vec();
                bytes.splice(at..at, doubled);
            }
            4 => drop(bytes.drain(piece)),
            _ => {
                let limits: [&[u8]; 6] = [
                    &[0xff; 4],
                    &[0; 4],
                    &[0, 0, 0, 0x80],
                    b"-1",
                    b"99999999999999999999",
                    "\u{5e74}\"[".as_bytes(),
                ];
                let limit = limits[chance.below(limits.len())];
                let over = at..(at + limit.len()).min(bytes.len());
                bytes.splice(over, limit.iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn mutations_are_the_same_every_time() {
    let seed = text_of(home()).into_bytes();
    let twice = [1, 1].map(|start| mutated(&seed, &mut Chance(start)));
    assert_eq!(twice[0], twice[1]);
    assert_ne!(twice[0], seed);
}
