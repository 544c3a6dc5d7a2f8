//! Bad input and bad surroundings: one clear line with the remedy, the right exit code, no panic, and
//! everything else is still done.

use std::path::Path;
use std::process::{Command, Stdio};

use tickets::TicketId;

use crate::crash;
use crate::run::{Desk, Done, binary, few, fixture, home, text_of};

/// Exit codes, as `hotline --help` documents them.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const INPUT: i32 = 3;
const STORE: i32 = 4;
const MODEL: i32 = 5;
const CONFIG: i32 = 6;
const FOUND: i32 = 7;

#[test]
fn what_is_no_recording_is_named_and_the_rest_is_taken() {
    let desk = Desk::fresh();
    let silence = fixture("30-");
    let bad = [
        (desk.file("empty.wav", ""), "the file is empty; fetch it again"),
        (desk.file("text.wav", "喂，这不是录音\n"), "not a readable sound file"),
        (desk.file("text.mp3", "neither is this\n".repeat(1000)), "not a readable sound file"),
        (desk.file("header.wav", &wav(8000, 1, 0)[..20]), "not a readable sound file"),
        (desk.file("fast.wav", wav(96_000, 6, 9600)), "; convert it with"),
        (
            desk.file("six.wav", wav(16_000, 6, 1600)),
            "6 channels, and a call has one or two legs; keep two",
        ),
        (desk.file("slow.wav", wav(4000, 1, 4000)), "; convert it with"),
        (text_of(&desk.path("absent.wav")), "not there; name recordings"),
        (
            desk.file("described.wav", wav(8000, 1, 800)),
            "described.toml: not a valid call description; correct it",
        ),
    ];
    desk.file("described.toml", "started_at = yesterday\n");
    let one_sample = desk.file("one.wav", wav(8000, 1, 1));
    let mut args = vec!["take", "--json", &one_sample];
    args.extend(bad.iter().map(|(path, _)| path.as_str()));
    args.push(&silence);
    let done = desk.run(&args);
    assert_eq!(done.code, Some(INPUT), "{done}");
    done.assert_calm();
    let taken: Vec<String> =
        done.json().iter().map(|call| call["recording"].as_str().unwrap().to_owned()).collect();
    assert_eq!(taken, [one_sample.clone(), silence.clone()]);
    assert!(done.json().iter().all(|call| call["outcome"] == "unusable"), "{done}");
    assert_eq!(done.err.lines().count(), bad.len(), "one line each: {done}");
    for ((path, what), line) in bad.iter().zip(done.err.lines()) {
        let named = line.contains(path.trim_end_matches(".wav")) && line.contains(what);
        assert!(named, "{path} should be told {what:?}, not {line:?}");
    }
    desk.assert_sound();
}

#[test]
fn an_absent_folder_or_an_empty_one_is_no_crash() {
    let desk = Desk::fresh();
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.run(&["take", "empty"]).refused(INPUT, &["empty", "no recording here"]);
    desk.run(&["eval", "calls", "empty"]).refused(INPUT, &["empty", "TOML"]);
    desk.feed(&["take", "-"], b"this is no sound").refused(INPUT, &["not a readable sound file"]);
}

#[test]
fn two_processes_cannot_own_one_store() {
    let desk = Desk::with_few();
    let mut owner = desk.start(&["import", "-"]);
    let pid = owner.id().to_string();
    // It owns the store from before it reads its first line, and it is given none.
    let others: [&[&str]; 5] =
        [&["tickets"], &["check"], &["take", &fixture("30-")], &["rebuild"], &["departments"]];
    let owned =
        || std::fs::read_to_string(desk.data.join("LOCK")).is_ok_and(|lock| lock.trim() == pid);
    while !owned() {
        std::thread::yield_now();
    }
    for other in others {
        let done = desk
            .run(other)
            .refused(STORE, &[&text_of(&desk.data), "in use by process", &pid, "--data DIR"]);
        assert_eq!(done.out, "");
    }
    drop(owner.stdin.take());
    owner.wait().unwrap();
    assert_eq!(desk.ids().len(), few().tickets(), "whoever was refused changed nothing");
}

#[test]
fn a_full_disk_stops_with_a_remedy_and_earlier_tickets_stay() {
    let mut disk = Disk::of(6 << 20);
    let before = {
        let few = Desk::with_few();
        let backup = text_of(&few.path("backup"));
        few.run(&["export", "--full", "--output", &backup]).well();
        disk.run(&["import", &backup]).well();
        disk.run(&["tickets", "--json"]).well().out
    };
    let big = disk.desk.file("big.wav", wav(16_000, 1, 8 << 20));
    let first = disk.run(&["take", &fixture("26-"), &big, &fixture("24-")]);
    first.assert_calm();
    assert_eq!(first.code, Some(STORE), "{first}");
    let told = first.err.lines().last().unwrap_or_default();
    assert!(told.contains("the disk is full; make room and run the same command again"), "{first}");
    assert_eq!(first.err.lines().count(), 1, "{first}");

    let mut refused = 0;
    for number in 0..30 {
        let small = disk.desk.file("small.wav", wav(8000, 1, 350_000 + number));
        let done = disk.run(&["take", &small]);
        done.assert_calm();
        if done.code != Some(0) {
            assert_eq!(done.code, Some(STORE), "{done}");
            assert!(done.err.contains("the disk is full; make room"), "{done}");
            refused += 1;
        }
        if refused == 5 {
            break;
        }
    }
    assert!(refused == 5, "the disk was never full");
    disk.make_room();
    let after = disk.run(&["tickets", "--json"]).well().out;
    assert!(after.starts_with(&before), "a ticket was lost");
    disk.run(&["check"]).well();
}

#[test]
fn a_disk_that_fills_during_an_import_keeps_what_was_acknowledged() {
    let source = Desk::fresh();
    let backup = source.path("backup");
    let tickets = crash::many_tickets(&source, &backup);
    let mut disk = Disk::of(1 << 20);
    let done = disk.run(&["import", &text_of(&backup)]);
    done.assert_calm();
    assert_eq!(done.code, Some(STORE), "{done}");
    assert_eq!(done.err.lines().count(), 1, "{done}");
    assert!(done.err.contains("the disk is full; make room"), "{done}");
    let acknowledged: Vec<&str> = done.out.lines().collect();
    assert!(
        !acknowledged.is_empty() && acknowledged.len() < tickets.len(),
        "{}",
        acknowledged.len()
    );
    disk.make_room();
    let there: Vec<String> = disk
        .run(&["tickets", "--json"])
        .well()
        .json()
        .iter()
        .map(|t| t["id"].as_str().unwrap().to_owned())
        .collect();
    assert!(acknowledged.iter().all(|id| there.iter().any(|other| other == id)), "{done}");
    disk.run(&["check"]).well();
}

/// A new journal is a little smaller.
const SMALLEST_LIMIT: usize = 600 << 10;

/// A disk so small that it fills: a file system in memory, or, where none may be mounted, a limit on
/// the size of files.
struct Disk {
    desk: Desk,
    mounted: bool,
    bytes: usize,
}

impl Disk {
    fn of(bytes: usize) -> Disk {
        let desk = Desk::fresh();
        std::fs::create_dir(&desk.data).unwrap();
        let size = format!("size={bytes}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "none"])
            .arg(&desk.data)
            .stderr(Stdio::null())
            .status();
        let mounted = mount.is_ok_and(|status| status.success());
        Disk { desk, mounted, bytes }
    }

    /// What the message tells to do.
    fn make_room(&mut self) {
        self.bytes <<= 6;
        if self.mounted {
            let size = format!("remount,size={}", self.bytes);
            assert!(
                Command::new("mount")
                    .args(["-o", &size])
                    .arg(&self.desk.data)
                    .status()
                    .unwrap()
                    .success()
            );
        }
    }

    fn run(&self, args: &[&str]) -> Done {
        if self.mounted {
            return self.desk.run(args);
        }
        // A file that grows too large is refused like a full disk, once the signal is ignored.
        let mut shell = Command::new("sh");
        self.desk.dress(&mut shell);
        let script = format!(
            "trap '' XFSZ; ulimit -f {}; exec \"$@\"",
            (self.bytes / 10).max(SMALLEST_LIMIT) / 512
        );
        shell
            .args(["-c", &script, "sh"])
            .arg(binary())
            .arg("--data")
            .arg(&self.desk.data)
            .args(args);
        Done::of(args, shell.output().unwrap())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.desk.data).status();
        }
    }
}

#[test]
fn a_file_that_may_not_grow_is_a_full_disk() {
    let desk = Desk::fresh();
    desk.run(&["tickets"]).well();
    let disk = Disk { desk, mounted: false, bytes: 1 << 20 };
    let big = disk.desk.file("big.wav", wav(16_000, 1, 1 << 20));
    disk.run(&["take", &big]).refused(STORE, &["the disk is full; make room"]);
    disk.desk.assert_sound();
}

#[test]
fn models_that_are_unknown_halved_or_altered_are_refused() {
    let desk = Desk::fresh();
    let silence = fixture("30-");
    desk.run(&["--model", "huge", "take", &silence])
        .refused(MODEL, &["no model \"huge\"", "hotline models list"]);
    desk.run(&["models", "build", "huge"])
        .refused(MODEL, &["no model \"huge\"", "hotline models list"]);
    let whole = std::fs::read(home().join("models/base-hotline-q8_0.bin")).expect("make models");
    for (length, name) in [
        (whole.len() / 2, "half.bin"),
        (whole.len() / 10 * 9, "almost.bin"),
        (1000, "begun.bin"),
        (0, "empty.bin"),
    ] {
        let cut = desk.file(name, &whole[..length]);
        let done = desk
            .run(&["--model", &cut, "take", &silence])
            .refused(MODEL, &[&cut, "hotline models"]);
        assert_eq!(done.out, "", "nothing is taken with half a model");
    }
    let text = desk.file("text.bin", "no model at all\n".repeat(100));
    desk.run(&["--model", &text, "take", &silence]).refused(MODEL, &[&text, "not a Whisper model"]);

    // A models folder of its own, with the manifest that ships.
    desk.file("models/manifest.toml", std::fs::read(home().join("models/manifest.toml")).unwrap());
    let verify = || {
        desk.run(&["--models", &text_of(&desk.path("models")), "models", "verify", "base-hotline"])
    };
    let mut altered = whole.clone();
    desk.file("models/base-hotline-q8_0.bin", &whole);
    verify().well();
    altered[whole.len() / 2] ^= 1;
    let path = desk.file("models/base-hotline-q8_0.bin", &altered);
    verify().refused(MODEL, &[&path, "hotline models build --force"]);
    let path = desk.file("models/base-hotline-q8_0.bin", &whole[..whole.len() / 2]);
    verify().refused(MODEL, &[&path, "hotline models build --force"]);
    assert!(!desk.data.exists() || desk.ids().is_empty(), "nothing was taken");
}

#[test]
fn a_broken_configuration_is_refused_before_anything_else() {
    let desk = Desk::fresh();
    for (text, names) in [
        ("speach = 1\n", &["hotline.toml", "line 1", "speach"][..]),
        ("[speech]\nworkers = \"two\"\n", &["hotline.toml", "line 2"]),
        ("[speech]\nworkers = 0\n", &["hotline.toml", "workers ≥ 1"]),
        ("model = \n", &["hotline.toml", "line 1", "correct the line"]),
    ] {
        desk.file("hotline.toml", text);
        desk.run(&["tickets"]).refused(CONFIG, names);
        desk.run(&["take", &fixture("30-")]).refused(CONFIG, names);
    }
    desk.run(&["--config", "other.toml", "tickets"]).refused(CONFIG, &["other.toml", "--config"]);
    assert!(!desk.data.exists());
}

#[test]
fn broken_city_files_are_named_by_file_line_and_remedy() {
    for (file, from, to, names) in [
        (
            "dispatch.toml",
            "department = \"区消防救援支队\"",
            "department = \"区消防支队\"",
            &["dispatch.toml:", "unknown department 区消防支队", "did you mean 区消防救援支队?"][..],
        ),
        ("city.toml", "type = 0.45", "type = high", &["city.toml:11: "]),
        ("deadlines.toml", "working_days = 15", "", &["deadlines.toml:", "hours or working_days"]),
        (
            "prompts.toml",
            "{number}，{department}",
            "{nummer}，{department}",
            &["prompts.toml:", "{nummer} stands for nothing"],
        ),
        ("departments.toml", "level = \"区\"", "levle = \"区\"", &["departments.toml:", "levle"]),
        ("calendar/2026.toml", "year = 2026", "year = 2062", &["calendar/2026.toml:"]),
    ] {
        let desk = Desk::fresh();
        copy(&home().join("city"), &desk.path("city"));
        let path = desk.path("city").join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let city = text_of(&desk.path("city"));
        for command in [&["check-config"][..], &["tickets"], &["take", &fixture("30-")]] {
            let done = desk.run(&[&["--city", &city], command].concat());
            assert_eq!(done.code, Some(CONFIG), "{done}");
            done.assert_calm();
            let told =
                names.iter().all(|name| done.err.lines().next().unwrap_or_default().contains(name));
            assert!(told, "no {names:?} in {done}");
            assert!(
                done.err.lines().all(|line| line.contains("; ")),
                "a line without a remedy: {done}"
            );
            assert_eq!(done.out, "");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn what_is_not_there_is_said() {
    let desk = Desk::with_few();
    let id = desk.ids().remove(0);
    let absent = TicketId { day: 20_200_101, counter: 1 }.to_string();
    desk.run(&["ticket", &absent]).refused(FAILED, &[&absent, "`hotline tickets` lists them"]);
    desk.run(&["replay", &absent]).refused(FAILED, &["`hotline tickets` lists them"]);
    desk.run(&["ticket", "nonsense"]).refused(FAILED, &["no ticket number", "they look like"]);
    let misheard = format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' });
    desk.run(&["ticket", &misheard]).refused(FAILED, &["the last digit does not fit"]);
    desk.run(&["tickets", "--department", "环保局局"])
        .refused(FAILED, &["unknown department", "did you mean"]);
    desk.run(&["dispatch", &id, "--to", "没有这个局", "--by", "小李"])
        .refused(FAILED, &["unknown department"]);
    desk.run(&["tickets", "--status", "办结"]).refused(FAILED, &["unknown status", "已派遣"]);
    desk.run(&["tickets", "--since", "昨天"]).refused(FAILED, &["neither a day", "2026-03-02"]);
    desk.run(&["correct", &id, "--by", "小李", "--why", "试"])
        .refused(FAILED, &["nothing to correct", "--category"]);
    desk.run(&["correct", &id, "--category", "天文", "--by", "小李", "--why", "试"])
        .refused(FAILED, &["unknown category"]);
    desk.run(&["correct", &id, "--phone", "一二三", "--by", "小李", "--why", "试"])
        .refused(FAILED, &["5 to 12 digits"]);
    desk.run(&["correct", &id, "--said", "99:没有这句", "--by", "小李", "--why", "试"])
        .refused(FAILED, &["utterances"]);
    desk.run(&["correct", &id, "--title", "新", "--by", "小李", "--why", " "])
        .refused(FAILED, &["--why"]);
    desk.run(&["import", "absent"]).refused(INPUT, &["absent", "hotline export --full"]);
    desk.run(&["eval", "calls", "absent"]).refused(INPUT, &["absent"]);
    let done = desk.run(&["sing"]);
    assert_eq!(done.code, Some(USAGE));
    desk.assert_sound();
}

#[test]
fn a_backup_that_is_not_as_it_was_written_stops_on_its_line() {
    let few = Desk::with_few();
    let backup = few.run(&["export", "--full"]).well().out;
    let lines: Vec<&str> = backup.lines().collect();
    let garbled = backup.replacen("已派遣", "待复核", 1);
    let dropped: Vec<&str> =
        lines.iter().enumerate().filter(|(at, _)| *at != 50).map(|(_, line)| *line).collect();
    for (bytes, what) in [
        (String::new(), "empty or no backup"),
        ("工单\n".to_owned(), "no backup"),
        (garbled, "not as it was written"),
        (backup[..backup.len() / 2].to_owned(), "ends before its end"),
        (lines[..lines.len() - 1].join("\n") + "\n", "ends before its end"),
        (dropped.join("\n") + "\n", "line 51: not as it was written"),
        (format!("{backup}{}\n", lines[1]), "not as it was written"),
    ] {
        let desk = Desk::fresh();
        let done = desk
            .feed(&["import", "-"], bytes.as_bytes())
            .refused(INPUT, &["import stopped", "line ", what]);
        let acknowledged: Vec<&str> = done.out.lines().collect();
        assert_eq!(desk.ids(), acknowledged, "what came before is in, and was told");
        desk.assert_sound();
    }
}

#[test]
fn a_damaged_store_is_refused_or_found_out() {
    let desk = Desk::with_few();
    std::fs::write(desk.data.join("VERSION"), "9\n").unwrap();
    desk.run(&["tickets"]).refused(STORE, &["written by a newer version (9)"]);
    std::fs::write(desk.data.join("VERSION"), "1\n").unwrap();
    desk.run(&["tickets"]).well();
    let log = desk.data.join("journal/db");
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 8;
    bytes[..middle].fill(0xa5);
    std::fs::write(&log, bytes).unwrap();
    let done = desk.run(&["check"]);
    assert!(matches!(done.code, Some(STORE | FOUND)), "{done}");
    assert!(done.err.contains("import") || done.out.contains("import"), "no remedy: {done}");
}

/// A quiet WAV file of 16-bit samples with a little noise in it, so that no two are alike.
fn wav(rate: u32, channels: u16, samples: u32) -> Vec<u8> {
    let length = samples * u32::from(channels) * 2;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(channels.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * u32::from(channels) * 2).to_le_bytes());
    bytes.extend((channels * 2).to_le_bytes());
    bytes.extend(16u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(length.to_le_bytes());
    bytes.extend((0..length / 2).flat_map(|at| ((at % 3) as i16).to_le_bytes()));
    bytes
}
