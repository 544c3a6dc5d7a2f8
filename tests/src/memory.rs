//! A recording is streamed: however long it is, no more than a little of it is in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::run::{Desk, fixture, text_of};

/// Samples a second of the made recordings.
const RATE: u32 = 8_000;
/// What a three-hour recording may take above what a short one takes.
const ROOM: u64 = 400 << 20;

#[test]
fn three_hours_take_no_more_memory_than_ten_seconds() {
    let desk = Desk::fresh();
    let speech = speech();
    let peak_of = |seconds: u32| {
        let path = desk.path("long.wav");
        write(&path, &speech, seconds);
        let mut command = desk.command(&["take", "--json", &text_of(&path)]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (peak, out) = peak(child);
        assert!(out.contains(&format!("\"duration_ms\":{}", seconds * 1000)), "{out}");
        peak
    };
    let short = peak_of(10);
    let long = peak_of(3 * 3600);
    assert!(long < short + ROOM, "{} MiB above {} MiB", (long - short) >> 20, short >> 20);
}

/// A few seconds of a fixture.
fn speech() -> Vec<i16> {
    let mut reader = audio::Reader::open(Path::new(&fixture("24-"))).unwrap();
    let mut samples = Vec::new();
    while let Some(block) = reader.read().unwrap() {
        let kept = block.legs[0].iter().step_by((audio::SAMPLE_RATE / RATE) as usize);
        samples.extend(kept.map(|sample| (sample * 32767.0) as i16));
    }
    samples.truncate(5 * RATE as usize);
    samples
}

/// Speech at the beginning and every quarter of an hour, silence between.
fn write(path: &Path, speech: &[i16], seconds: u32) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    let bytes = seconds * RATE * 2;
    let mut header = Vec::new();
    header.extend(b"RIFF");
    header.extend((36 + bytes).to_le_bytes());
    header.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    header.extend(RATE.to_le_bytes());
    header.extend((RATE * 2).to_le_bytes());
    header.extend(b"\x02\0\x10\0data");
    header.extend(bytes.to_le_bytes());
    out.write_all(&header).unwrap();
    for at in 0..seconds * RATE {
        let sample = speech.get((at % (15 * 60 * RATE)) as usize).copied().unwrap_or(0);
        out.write_all(&sample.to_le_bytes()).unwrap();
    }
    out.flush().unwrap();
}

/// The most memory that a process had, and what it printed. Linux keeps the peak, so looking at it
/// now and then misses nothing but the last moment.
fn peak(mut child: Child) -> (u64, String) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) << 10);
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    (peak, String::from_utf8(output.stdout).unwrap())
}
