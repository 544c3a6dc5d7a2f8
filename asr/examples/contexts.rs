//! Which audio context is fastest without harm: the same clips under several policies and by the
//! peer, one clip after the other, so that a busy machine slows all of them alike.
//!
//! `cargo run --release -p asr --example contexts -- MODEL POLICY,… LIMIT DIR…` where a policy is
//! `MARGIN+LEAST` in positions of 20 ms, or `peer`, and every DIR holds `transcripts.tsv`
//! (file, text).
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use asr::cer::{Count, interval};
use asr::models::Context;
use asr::{Decoding, Model, Peer, Transcribe, Utterance, Worker};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Row {
    name: String,
    hearing: Hearing,
    counts: Vec<Count>,
    spent: Duration,
    worst: Vec<String>,
}

enum Hearing {
    Ours(Worker),
    Peer(Peer),
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, policies, limit, dirs @ ..] = &arguments[..] else {
        return Err("usage: contexts MODEL MARGIN+LEAST,…|peer LIMIT DIR…".into());
    };
    let found = asr::models::find(Some(model), &[], Path::new("models"))?;
    let mut rows = Vec::new();
    for policy in policies.split(',') {
        let hearing = match policy.split_once('+') {
            Some((margin, least)) => {
                let mut found = found.clone();
                found.context = Context { margin: margin.parse()?, least: least.parse()? };
                Hearing::Ours(Model::load(&found)?.worker(&Decoding::default())?)
            }
            None => Hearing::Peer(Peer::load(&found, 2)?),
        };
        rows.push(Row {
            name: policy.to_owned(),
            hearing,
            counts: Vec::new(),
            spent: Duration::ZERO,
            worst: Vec::new(),
        });
    }
    let mut seconds = 0.0;
    for dir in dirs {
        let clips = clips(Path::new(dir))?;
        let step = (clips.len() / limit.parse::<usize>()?.max(1)).max(1);
        for (path, reference) in clips.iter().step_by(step) {
            let samples = sound(path)?;
            seconds += samples.len() as f64 / f64::from(audio::SAMPLE_RATE);
            for row in &mut rows {
                let began = Instant::now();
                let text = match &mut row.hearing {
                    Hearing::Ours(worker) => worker
                        .transcribe(&Utterance { start_ms: 0, samples: samples.clone() })?
                        .text(),
                    Hearing::Peer(peer) => peer.transcribe(&samples)?,
                };
                row.spent += began.elapsed();
                let count = Count::of(reference, &text);
                if count.errors > count.characters {
                    row.worst.push(format!("{} {reference} → {text}", path.display()));
                }
                row.counts.push(count);
            }
        }
    }
    println!("{seconds:.0} s of sound");
    for row in rows {
        let total: Count = row.counts.iter().copied().sum();
        let (low, high) = interval(&row.counts).unwrap_or_default();
        println!(
            "{:>10}  CER {:5.2} % ({:.1}–{:.1})  {:5.2} × real time  {} clips with more errors than characters",
            row.name,
            100.0 * total.rate().unwrap_or_default(),
            100.0 * low,
            100.0 * high,
            seconds / row.spent.as_secs_f64(),
            row.worst.len()
        );
        row.worst.iter().for_each(|line| println!("              {line}"));
    }
    Ok(())
}

fn clips(dir: &Path) -> Outcome<Vec<(PathBuf, String)>> {
    let text = std::fs::read_to_string(dir.join("transcripts.tsv"))?;
    let rows = text.lines().filter_map(|line| line.split_once('\t'));
    Ok(rows.map(|(file, text)| (dir.join(file), text.to_owned())).collect())
}

fn sound(path: &Path) -> Outcome<Vec<f32>> {
    let mut reader = audio::Reader::open(path)?;
    let mut samples = Vec::new();
    while let Some(block) = reader.read()? {
        samples.extend_from_slice(&block.legs[0]);
    }
    Ok(samples)
}
