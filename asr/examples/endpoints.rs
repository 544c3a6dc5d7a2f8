//! Which voice-activity detector, and what the state machine makes of it: calls whose lines have
//! known times, leg by leg.
//!
//! `cargo run --release -p asr --example endpoints -- DIR…` where every DIR holds calls with their
//! TOML files. Per detector: speech missed and silence taken for speech (shares of the frames at
//! its best threshold), and the cost; then, for our endpointer: speech lost, false alarms, turns
//! that were run together, and turns that were cut in pieces.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use asr::{Endpoint, EndpointConfig, Endpointer};
use audio::{FRAME_MS, Frame, Framer};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// One leg of one call: its frames and when somebody speaks on it.
struct Leg {
    name: String,
    frames: Vec<Frame>,
    lines: Vec<(u64, u64)>,
}

fn main() -> Outcome<()> {
    let mut legs = Vec::new();
    for dir in std::env::args().skip(1) {
        for path in calls(Path::new(&dir))? {
            legs.extend(read(&path)?);
        }
    }
    let seconds: f64 =
        legs.iter().map(|leg| leg.frames.len() as f64 * f64::from(FRAME_MS) / 1000.0).sum();
    println!("{} legs, {:.1} minutes", legs.len(), seconds / 60.0);
    for (name, mut score) in detectors() {
        let begun = Instant::now();
        let mut scored: Vec<(f32, bool)> = Vec::new();
        for leg in &legs {
            for (frame, value) in leg.frames.iter().zip(score(&leg.frames)) {
                // Edges of lines are soft: half a frame's doubt is nobody's fault.
                let at = frame.start_ms + u64::from(FRAME_MS) / 2;
                scored.push((value, leg.lines.iter().any(|(from, to)| (*from..*to).contains(&at))));
            }
        }
        let took = begun.elapsed();
        let (threshold, missed, false_alarms) = best(&scored);
        println!(
            "{name:<12} threshold {threshold:.2}: {:5.1} % of speech missed, {:5.1} % of silence taken for speech, {:.0} × real time",
            100.0 * missed,
            100.0 * false_alarms,
            seconds / took.as_secs_f64()
        );
    }
    let usual = EndpointConfig::default();
    for above_noise_db in [0.0, usual.above_noise_db, 8.0, 10.0, 12.0] {
        for hangover_ms in [400, usual.hangover_ms] {
            endpointer(&legs, seconds, EndpointConfig { above_noise_db, hangover_ms, ..usual });
        }
    }
    Ok(())
}

/// A detector gives one score a frame.
type Score = Box<dyn FnMut(&[Frame]) -> Vec<f32>>;

fn detectors() -> Vec<(&'static str, Score)> {
    let earshot: Score = Box::new(|frames| {
        let mut detector = earshot::Detector::default_boxed();
        let samples: Vec<f32> = frames.iter().flat_map(|frame| frame.samples).collect();
        let scores: Vec<f32> =
            samples.chunks_exact(256).map(|part| detector.predict_f32(part)).collect();
        // 16 ms a score, 20 ms a frame.
        (0..frames.len()).map(|n| scores.get((n * 20 + 10) / 16).copied().unwrap_or(0.0)).collect()
    });
    let rnnoise: Score = Box::new(|frames| {
        let mut state = nnnoiseless::DenoiseState::new();
        let mut out = [0f32; nnnoiseless::DenoiseState::FRAME_SIZE];
        let mut scores = Vec::new();
        for frame in frames {
            // RNNoise hears 48 kHz in frames of 10 ms; three samples for one is near enough.
            let wide: Vec<f32> = frame.samples.iter().flat_map(|s| [s * 32768.0; 3]).collect();
            let parts = wide.chunks_exact(nnnoiseless::DenoiseState::FRAME_SIZE);
            scores.push(parts.map(|part| state.process_frame(&mut out, part)).fold(0.0, f32::max));
        }
        scores
    });
    let loudness: Score = Box::new(|frames| {
        let level = |frame: &Frame| {
            frame.samples.iter().map(|s| s * s).sum::<f32>() / frame.samples.len() as f32
        };
        frames.iter().map(|frame| (level(frame) + 1e-10).log10() / 10.0 + 1.0).collect()
    });
    vec![("earshot", earshot), ("nnnoiseless", rnnoise), ("loudness", loudness)]
}

/// The threshold with the least sum of both errors.
fn best(scored: &[(f32, bool)]) -> (f32, f64, f64) {
    let speech = scored.iter().filter(|(_, speech)| *speech).count().max(1) as f64;
    let silence = (scored.len() as f64 - speech).max(1.0);
    let at = |threshold: f32| {
        let missed = scored.iter().filter(|(score, speech)| *speech && *score < threshold).count()
            as f64
            / speech;
        let alarms = scored.iter().filter(|(score, speech)| !speech && *score >= threshold).count()
            as f64
            / silence;
        (threshold, missed, alarms)
    };
    let all = (1..100).map(|n| at(n as f32 / 100.0));
    all.min_by(|a, b| (a.1 + a.2).total_cmp(&(b.1 + b.2))).unwrap_or((0.5, 1.0, 1.0))
}

fn endpointer(legs: &[Leg], seconds: f64, config: EndpointConfig) {
    let (mut lost, mut spoken, mut alarms, mut silence) = (0u64, 0u64, 0u64, 0u64);
    let (mut together, mut pieces, mut turns, mut utterances) = (0, 0, 0, 0);
    let mut took = Duration::ZERO;
    let mut worst: Vec<String> = Vec::new();
    for leg in legs {
        let begun = Instant::now();
        let found = run(&leg.frames, config);
        took += begun.elapsed();
        utterances += found.len();
        turns += leg.lines.len();
        let mut merged = 0;
        for (from, to) in &found {
            let inside =
                leg.lines.iter().filter(|(a, b)| from.max(a) < to.min(b)).collect::<Vec<_>>();
            // Lines that follow each other within a breath may well be one utterance.
            merged += inside.windows(2).filter(|pair| pair[1].0 > pair[0].1 + 1200).count();
        }
        together += merged;
        for (a, b) in &leg.lines {
            pieces += found
                .iter()
                .filter(|(from, to)| from.max(a) + 200 < *to.min(b))
                .count()
                .saturating_sub(1);
        }
        for frame in &leg.frames {
            let at = frame.start_ms + 10;
            let inside =
                |list: &[(u64, u64)]| list.iter().any(|(from, to)| (*from..*to).contains(&at));
            match (inside(&leg.lines), inside(&found)) {
                (true, true) => spoken += 1,
                (true, false) => (spoken, lost) = (spoken + 1, lost + 1),
                (false, true) => (silence, alarms) = (silence + 1, alarms + 1),
                (false, false) => silence += 1,
            }
        }
        if merged > 0 {
            worst.push(format!("{} {merged}", leg.name));
        }
    }
    println!(
        "{:>2} dB above noise, {} ms hangover: {:.2} % of speech lost, {:.1} % of silence kept (margins included), {turns} turns in {utterances} utterances, {together} run together, {pieces} cuts within a turn, {:.0} × real time {worst:?}",
        config.above_noise_db,
        config.hangover_ms,
        100.0 * lost as f64 / spoken.max(1) as f64,
        100.0 * alarms as f64 / silence.max(1) as f64,
        seconds / took.as_secs_f64()
    );
}

fn run(frames: &[Frame], config: EndpointConfig) -> Vec<(u64, u64)> {
    let mut endpointer = Endpointer::new(config);
    let mut found = Vec::new();
    let mut take = |utterance: asr::Utterance| {
        found.push((utterance.start_ms, utterance.start_ms + utterance.samples.len() as u64 / 16));
    };
    for frame in frames {
        if let Some(Endpoint::Ended(utterance)) = endpointer.push(frame) {
            take(utterance);
        }
    }
    endpointer.finish().into_iter().for_each(take);
    found
}

fn calls(dir: &Path) -> Outcome<Vec<PathBuf>> {
    let mut list: Vec<PathBuf> = std::fs::read_dir(dir)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "flac" || ending == "wav"))
        .filter(|path| path.with_extension("toml").is_file())
        .collect();
    list.sort();
    Ok(list)
}

fn read(path: &Path) -> Outcome<Vec<Leg>> {
    #[derive(serde::Deserialize)]
    struct Described {
        legs: Vec<String>,
        #[serde(default)]
        line: Vec<Line>,
    }
    #[derive(serde::Deserialize)]
    struct Line {
        leg: String,
        start_ms: u64,
        end_ms: u64,
    }
    let described: Described =
        toml::from_str(&std::fs::read_to_string(path.with_extension("toml"))?)?;
    let mut reader = audio::Reader::open(path)?;
    let mut framers = vec![Framer::default(); reader.legs()];
    let mut legs: Vec<Leg> = described
        .legs
        .iter()
        .map(|leg| Leg {
            name: format!("{} {leg}", path.file_stem().unwrap_or_default().to_string_lossy()),
            frames: Vec::new(),
            lines: described
                .line
                .iter()
                .filter(|line| leg == "mixed" || line.leg == *leg)
                .map(|line| (line.start_ms, line.end_ms))
                .collect(),
        })
        .collect();
    while let Some(block) = reader.read()? {
        for ((samples, framer), leg) in block.legs.iter().zip(&mut framers).zip(&mut legs) {
            leg.frames.extend(framer.push(samples));
        }
    }
    Ok(legs)
}
