//! The microphone, by ALSA's own `file` device: it plays a fixture to whoever records from it. It
//! has no clock and delivers as fast as it is asked, so nothing here counts time.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::run::{Desk, Done, fixture, text_of};
use crate::serve::Server;

/// What cpal asks of a device that can do anything: two channels of f32 at 48 kHz.
const RATE: usize = 48_000;
/// Exit code for input that cannot be read.
const INPUT: i32 = 3;

/// A desk whose microphones play `sound` and then silence: `line` by name, and the default.
fn desk(sound: &[f32]) -> Desk {
    let desk = Desk::fresh();
    // The other channel holds another sound, so that a mix of both would be noticed.
    let frames = sound.iter().flat_map(|sample| [*sample, -0.9]);
    let raw: Vec<u8> = frames.flat_map(f32::to_le_bytes).collect();
    // Silence for longer than any test records; it takes no room on the disk.
    let played = desk.file("played.raw", &raw);
    std::fs::OpenOptions::new().write(true).open(&played).unwrap().set_len(1 << 34).unwrap();
    let device = format!(
        "{{ type file slave.pcm {{ type null }} file /dev/null infile \"{played}\" format raw
           hint {{ show on description \"A line\" }} }}\n"
    );
    desk.file("asound.conf", format!("pcm.!default {device}pcm.line {device}"));
    desk
}

/// `hotline take --mic` among the devices of a configuration.
fn mic(desk: &Desk, configuration: &Path, more: &[&str]) -> Command {
    let mut command = desk.command(&[&["take", "--mic", "--json"], more].concat());
    command.env("ALSA_CONFIG_PATH", configuration).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn done(command: &mut Command) -> Done {
    Done::of(&["take", "--mic"], command.output().unwrap())
}

/// A recorded call at the rate of the sound card.
fn call(name: &str) -> Vec<f32> {
    let mut reader = audio::Reader::open(Path::new(&fixture(name))).unwrap();
    let mut sound = Vec::new();
    while let Some(block) = reader.read().unwrap() {
        let caller = block.legs.last().unwrap();
        sound
            .extend(caller.iter().flat_map(|sample| [*sample; RATE / audio::SAMPLE_RATE as usize]));
    }
    sound
}

/// Something that is not speech and of which every sample is another: two ramps a second.
fn sound(seconds: usize) -> Vec<f32> {
    let half = RATE / 2;
    (0..RATE * seconds).map(|n| (n % half) as f32 / half as f32 * 0.8 - 0.4).collect()
}

/// The samples of the recording that the store keeps of a call.
fn kept(desk: &Desk, call: &Value) -> Vec<i16> {
    let sha256 = call["sha256"].as_str().unwrap();
    samples(&desk.data.join(format!("recordings/{}/{sha256}.wav", &sha256[..2])))
}

/// The samples of a mono 16-bit WAV file as the recorder writes it: 44 bytes of header.
fn samples(path: &Path) -> Vec<i16> {
    let bytes = std::fs::read(path).unwrap();
    bytes[44..].as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect()
}

fn spool(desk: &Desk) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(desk.data.join("spool")).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[track_caller]
fn assert_same(heard: &[i16], played: &[f32]) {
    assert!(heard.len() >= played.len(), "{} samples of {}", heard.len(), played.len());
    let off = heard
        .iter()
        .zip(played)
        .position(|(heard, played)| (f32::from(*heard) - played * 32767.0).abs() > 1.0);
    assert_eq!(off, None, "the first sample that is not as it was played");
}

#[test]
fn a_call_from_a_named_device_becomes_a_ticket() {
    let mut sound = call("24-");
    // No longer than the buffer is deep: a device without a clock cannot overrun it.
    sound.truncate(RATE * 10);
    let desk = desk(&sound);
    let taken =
        done(&mut mic(&desk, &desk.path("asound.conf"), &["--device", "line", "--seconds", "10"]))
            .well();
    let call = &taken.json()[0];
    assert_eq!(
        (&call["outcome"], &call["incomplete"]),
        (&"tickets".into(), &false.into()),
        "{taken}"
    );
    assert_eq!(call["tickets"][0]["emergency"], true, "{taken}");
    assert_same(&kept(&desk, call), &sound);
    assert!(spool(&desk).is_empty(), "what the store has is not kept twice");
    desk.assert_sound();
}

#[test]
fn the_default_device_is_recorded_sample_by_sample() {
    let sound = sound(5);
    let desk = desk(&sound);
    let taken = done(&mut mic(&desk, &desk.path("asound.conf"), &["--seconds", "5"])).well();
    let call = &taken.json()[0];
    assert_eq!(
        (&call["duration_ms"], &call["incomplete"]),
        (&5000.into(), &false.into()),
        "{taken}"
    );
    let heard = kept(&desk, call);
    assert_eq!(heard.len(), sound.len());
    assert_same(&heard, &sound);
}

/// Starts recording and waits until so many samples lie in the spool.
fn recording(desk: &Desk, least: usize) -> (Child, PathBuf) {
    let mut child = mic(desk, &desk.path("asound.conf"), &[]).spawn().unwrap();
    loop {
        assert!(child.try_wait().unwrap().is_none(), "ended by itself");
        let wav = spool(desk)
            .into_iter()
            .find(|path| path.extension().is_some_and(|ending| ending == "wav"));
        if let Some(wav) =
            wav.filter(|wav| std::fs::metadata(wav).unwrap().len() as usize >= 44 + least * 2)
        {
            return (child, wav);
        }
        std::thread::yield_now();
    }
}

fn interrupt(child: &Child) {
    assert!(
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success()
    );
}

#[test]
fn ctrl_c_ends_the_recording_and_what_was_said_is_taken() {
    let sound = sound(2);
    let desk = desk(&sound);
    let (child, _) = recording(&desk, sound.len());
    interrupt(&child);
    let taken = Done::of(&["take", "--mic"], child.wait_with_output().unwrap()).well();
    assert_eq!(taken.json().len(), 1, "{taken}");
    assert_same(&kept(&desk, &taken.json()[0]), &sound);
    assert!(spool(&desk).is_empty());
}

#[test]
fn a_killed_recorder_leaves_a_call_that_can_still_be_taken() {
    let sound = sound(2);
    let desk = desk(&sound);
    let (mut child, wav) = recording(&desk, sound.len());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_same(&samples(&wav), &sound);
    // The next one is told of it.
    let next = done(&mut mic(&desk, &desk.path("asound.conf"), &["--seconds", "1"])).well();
    assert!(next.err.contains("1 recorded earlier and never taken"), "{next}");
    let taken = desk.run(&["take", "--json", &text_of(&desk.data.join("spool"))]).well();
    let call = &taken.json()[0];
    assert_eq!(call["incomplete"], true, "{taken}");
    let began = std::fs::read_to_string(wav.with_extension("toml")).unwrap();
    let began: toml::Table = began.parse().unwrap();
    let began: jiff::Timestamp = began["started_at"].as_str().unwrap().parse().unwrap();
    let started: jiff::Timestamp = call["started_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        started.as_second(),
        began.as_second(),
        "the call began when the recorder was started"
    );
}

#[test]
fn a_device_that_is_not_there_is_named_with_those_that_are() {
    let desk = desk(&[]);
    let unknown = done(&mut mic(&desk, &desk.path("asound.conf"), &["--device", "telephone"]));
    unknown.refused(INPUT, &["\"telephone\"", "no such capture device", "name one of: ", "line"]);
    assert!(!desk.data.exists(), "nothing is made for a device that is not there");
}

#[test]
fn a_machine_without_devices_is_told_so() {
    let desk = desk(&[]);
    desk.file("none.conf", "");
    for more in [&[][..], &["--device", "line"]] {
        let none = done(&mut mic(&desk, &desk.path("none.conf"), more));
        none.refused(INPUT, &["this machine has no capture device", "plug a microphone in"]);
    }
    let broken = done(&mut mic(&desk, &desk.path("absent.conf"), &[]));
    broken.refused(INPUT, &["microphone"]);
}

#[test]
fn whoever_records_is_told_how_to_end_it() {
    let desk = desk(&[]);
    let mut child = mic(&desk, &desk.path("asound.conf"), &[]).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    told.read_to_string(&mut line).unwrap();
    assert!(line.contains("recording from default; Ctrl-C ends it"), "{line}");
}

#[test]
fn a_call_is_recorded_here_and_taken_by_whoever_serves_the_store() {
    let sound = sound(2);
    let desk = desk(&sound);
    let server = Server::of(&desk, &[]);
    let taken = done(&mut mic(&desk, &desk.path("asound.conf"), &["--seconds", "2"])).well();
    assert!(taken.err.contains("recording from default"), "{taken}");
    assert_same(&kept(&desk, &taken.json()[0]), &sound);
    assert!(spool(&desk).is_empty());
    server.end().well();
    desk.assert_sound();
}
