//! What the program says is on the disk is on the disk: the system calls, in order.

use std::process::Command;

use crate::run::{Desk, Done, binary, fixture, text_of};

/// What a system call did, at its end.
#[derive(Debug, PartialEq)]
enum Did {
    Wrote(String),
    Synced(String),
    Renamed { from: String, to: String },
    Printed(String),
}

#[test]
fn a_ticket_is_on_the_disk_before_its_number_is_printed() {
    let desk = Desk::fresh();
    let trace = desk.path("trace");
    let mut strace = Command::new("strace");
    desk.dress(&mut strace);
    let calls =
        "trace=write,writev,pwrite64,pwritev,sendto,fsync,fdatasync,rename,renameat,renameat2";
    strace
        .args(["-f", "-y", "-s", "4096", "-xx", "-e", calls, "-e", "signal=none", "-o"])
        .arg(&trace);
    strace.arg(binary()).arg("--data").arg(&desk.data).args(["take", &fixture("35-")]);
    let output = strace.output().expect("strace is a package of `make test-packages`");
    let done = Done::of(&["take, traced"], output).well();
    let number = done.out.split("  ").nth(1).expect("the second column");
    let did = read(&std::fs::read_to_string(&trace).unwrap());

    let told =
        did.iter().position(|did| matches!(did, Did::Printed(text) if text.contains(number)));
    let before = &did[..told.expect("the number is printed")];
    let data = text_of(&desk.data.canonicalize().unwrap());
    let mut stored = 0;
    for kind in ["recordings", "transcripts"] {
        let shelf = format!("{data}/{kind}/");
        let renamed = before
            .iter()
            .position(|did| matches!(did, Did::Renamed { to, .. } if to.starts_with(&shelf)));
        let renamed = renamed
            .unwrap_or_else(|| panic!("nothing came to {shelf} before the number was printed"));
        let Did::Renamed { from, to } = &before[renamed] else { unreachable!("found as such") };
        assert_synced_after_last_write(&before[..renamed], from);
        let folder = to.rsplit_once('/').unwrap().0;
        assert!(
            position(&before[renamed..], folder).is_some(),
            "{folder} is not synced after the file came to it"
        );
        assert!(
            position(before, &format!("{data}/{kind}")).is_some(),
            "the folder of the shelves is not synced"
        );
        stored = stored.max(renamed);
    }
    let log = format!("{data}/journal/db");
    assert!(
        position(&before[stored..], &log).is_some(),
        "the journal is not synced after the files"
    );
    assert_synced_after_last_write(before, &log);
}

fn position(did: &[Did], synced: &str) -> Option<usize> {
    did.iter().rposition(|did| matches!(did, Did::Synced(path) if path == synced))
}

#[track_caller]
fn assert_synced_after_last_write(did: &[Did], path: &str) {
    let wrote = did.iter().rposition(|did| matches!(did, Did::Wrote(to) if to == path));
    let wrote = wrote.unwrap_or_else(|| panic!("{path} is never written"));
    assert!(
        position(did, path).is_some_and(|synced| synced > wrote),
        "{path} is written and not synced"
    );
}

/// Reads what `strace -f -y -xx` wrote. A call that another thread interrupted counts when it ends,
/// except that printing counts when it begins: whoever reads may have it by then.
fn read(trace: &str) -> Vec<Did> {
    let mut unfinished: Vec<(&str, &str)> = Vec::new();
    let mut all = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            all.extend(did(begun).filter(|did| matches!(did, Did::Printed(_))));
            unfinished.push((thread, begun));
            continue;
        }
        if rest.starts_with("<... ") {
            let Some(at) = unfinished.iter().position(|(other, _)| *other == thread) else {
                continue;
            };
            let (_, begun) = unfinished.remove(at);
            if !rest.contains("= -1 ") {
                all.extend(did(begun).filter(|did| !matches!(did, Did::Printed(_))));
            }
            continue;
        }
        if !rest.contains(") = -1 ") {
            all.extend(did(rest));
        }
    }
    all
}

fn did(call: &str) -> Option<Did> {
    let (name, arguments) = call.split_once('(')?;
    // `5<\x2f\x74…>` is a descriptor with its path, `"\x2f…"` a text.
    let descriptor = || {
        Some((arguments.split_once('<')?.0, plain(arguments.split_once('<')?.1.split_once('>')?.0)))
    };
    let mut quoted = arguments.split('"').skip(1).step_by(2).map(plain);
    match name {
        "fsync" | "fdatasync" => Some(Did::Synced(descriptor()?.1)),
        "rename" | "renameat" | "renameat2" => {
            Some(Did::Renamed { from: quoted.next()?, to: quoted.next()? })
        }
        _ => match descriptor()? {
            ("1", _) => Some(Did::Printed(quoted.collect())),
            (_, path) => Some(Did::Wrote(path)),
        },
    }
}

/// Undoes `\x2f`.
fn plain(text: &str) -> String {
    let bytes: Vec<u8> = text
        .split("\\x")
        .skip(1)
        .filter_map(|pair| u8::from_str_radix(pair.get(..2)?, 16).ok())
        .collect();
    if text.starts_with("\\x") {
        String::from_utf8_lossy(&bytes).into_owned()
    } else {
        text.to_owned()
    }
}
