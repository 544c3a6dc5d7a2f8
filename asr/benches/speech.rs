//! How fast speech is recognised, against plain whisper.cpp with the same model and threads, one
//! utterance after the other so that a busy machine slows both; and what endpointing costs, against
//! merely reading the sound. `make bench` runs it from the checkout's root.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use asr::{Decoding, Endpoint, EndpointConfig, Endpointer, Model, Peer, Transcribe, Utterance};
use audio::{Framer, Reader, SAMPLE_RATE};

/// Threads of either side.
const THREADS: usize = 2;
/// Utterances that are compared: the peer needs seconds for each.
const MOST: usize = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let models = home.join("models");
    let found = asr::models::find(None, std::slice::from_ref(&models), &models)?;
    let mut worker =
        Model::load(&found)?.worker(&Decoding { threads: THREADS, ..Decoding::default() })?;
    let mut peer = Peer::load(&found, THREADS)?;

    let (mut reading, mut endpointing, mut seconds) = (Duration::ZERO, Duration::ZERO, 0.0);
    let mut utterances = Vec::new();
    for path in recordings(&home.join("audio-fixtures"))? {
        let (legs, took) = read(&path)?;
        reading += took;
        for leg in legs {
            seconds += leg.len() as f64 / f64::from(SAMPLE_RATE);
            let begun = Instant::now();
            utterances.extend(cut(&leg));
            endpointing += begun.elapsed();
        }
    }
    println!(
        "endpointing      {:6.0} × real time, {:.1} times the cost of reading the sound",
        seconds / endpointing.as_secs_f64(),
        endpointing.as_secs_f64() / reading.as_secs_f64()
    );

    let length = |utterance: &Utterance| utterance.samples.len() as f64 / f64::from(SAMPLE_RATE);
    utterances.retain(|utterance| (1.0..=8.0).contains(&length(utterance)));
    let step = (utterances.len() / MOST).max(1);
    let (mut ours, mut theirs, mut heard) = (Duration::ZERO, Duration::ZERO, 0.0);
    for utterance in utterances.iter().step_by(step).take(MOST) {
        heard += length(utterance);
        let begun = Instant::now();
        worker.transcribe(utterance)?;
        ours += begun.elapsed();
        let begun = Instant::now();
        peer.transcribe(&utterance.samples)?;
        theirs += begun.elapsed();
    }
    println!(
        "utterances 1–8 s {:6.1} × real time, {:.2} times as fast as the peer ({:.1} ×)",
        heard / ours.as_secs_f64(),
        theirs.as_secs_f64() / ours.as_secs_f64(),
        heard / theirs.as_secs_f64()
    );
    Ok(())
}

fn recordings(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut list: Vec<PathBuf> = std::fs::read_dir(dir)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "flac"))
        .collect();
    list.sort();
    Ok(list)
}

fn read(path: &Path) -> Result<(Vec<Vec<f32>>, Duration), audio::Error> {
    let begun = Instant::now();
    let mut reader = Reader::open(path)?;
    let mut legs = vec![Vec::new(); reader.legs()];
    while let Some(block) = reader.read()? {
        legs.iter_mut().zip(block.legs).for_each(|(leg, part)| leg.extend(part));
    }
    Ok((legs, begun.elapsed()))
}

fn cut(leg: &[f32]) -> Vec<Utterance> {
    let (mut framer, mut endpointer) =
        (Framer::default(), Endpointer::new(EndpointConfig::default()));
    let mut found = Vec::new();
    for frame in framer.push(leg) {
        if let Some(Endpoint::Ended(utterance)) = endpointer.push(&frame) {
            found.push(utterance);
        }
    }
    found.extend(endpointer.finish());
    found
}
