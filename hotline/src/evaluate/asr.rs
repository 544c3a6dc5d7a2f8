//! Recognition alone: error rate and speed on sounds with transcripts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ::asr::cer::{self, Count};
use ::asr::{Decoding, Model, Peer};
use anyhow::{Context, anyhow};

use super::calls::mixed_down;
use super::conditions::ByCondition;
use super::percent;
use crate::call::find_model;
use crate::cli::Global;
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::hear::Ears;
use crate::recording::{self, Sidecar};
use crate::table::Table;
use crate::{print_json, print_text, progress};

const PEER_THREADS: usize = 2;

/// What a recogniser made of the folder.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// One count a sound, in their order.
    pub(super) counts: Vec<Count>,
    utterances: usize,
    sound: Duration,
    took: Duration,
}

impl Measured {
    fn total(&self) -> Count {
        self.counts.iter().copied().sum()
    }

    fn real_time_factor(&self) -> f64 {
        self.took.as_secs_f64() / self.sound.as_secs_f64().max(1e-9)
    }
}

/// Measures every model that was named, else the default one.
///
/// # Errors
/// No sound with a transcript, a model that cannot be used, or a plot that cannot be written.
pub fn run(
    global: &Global,
    setting: &Setting,
    dir: &Path,
    peer: bool,
    plot: Option<&Path>,
) -> anyhow::Result<u8> {
    let sounds = transcribed(dir).or_exit(exit::INPUT)?;
    let names: Vec<Option<&str>> = if global.model.is_empty() {
        vec![setting.model.as_deref()]
    } else {
        global.model.iter().map(|name| Some(name.as_str())).collect()
    };
    let mut rows = Vec::new();
    for name in names {
        let found = find_model(setting, name)?;
        let ours = ours(setting, &found, &sounds)?;
        let peer = if peer { Some(peers(&found, &sounds)?) } else { None };
        rows.push((found.name, ours, peer));
    }
    let conditions = ByCondition::of(&sounds, &rows);
    if let Some(path) = plot {
        std::fs::write(path, conditions.to_svg())
            .with_context(|| format!("{}: the plot cannot be written", path.display()))?;
    }
    if global.json {
        json(&rows, &conditions, sounds.len())
    } else {
        table(&rows, &conditions, sounds.len())
    }
}

pub(super) type Row = (String, Measured, Option<Measured>);

/// A sound with what is said in it.
#[derive(Debug)]
pub(super) struct Sound {
    path: PathBuf,
    words: String,
    /// What sets it apart: line, speaker, noise. Empty where nothing is said of it.
    pub(super) condition: String,
}

/// Sounds with their transcripts: from `transcripts.tsv` (file, words and, where it is known, the
/// condition), and from TOML files with lines. Sounds of a folder within are one condition.
fn transcribed(dir: &Path) -> anyhow::Result<Vec<Sound>> {
    let mut listed = BTreeMap::new();
    in_folder(dir, "", &mut listed)?;
    let mut within: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("{}: cannot be listed", dir.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.is_dir())
        .collect();
    within.sort();
    for folder in within {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        in_folder(&folder, &name, &mut listed)?;
    }
    if listed.is_empty() {
        return Err(anyhow!(
            "{}: no transcripts.tsv (file, tab, words) and no sound with a TOML file beside it",
            dir.display()
        ));
    }
    Ok(listed.into_values().collect())
}

fn in_folder(
    dir: &Path,
    condition: &str,
    listed: &mut BTreeMap<PathBuf, Sound>,
) -> anyhow::Result<()> {
    let tsv = dir.join("transcripts.tsv");
    if tsv.is_file() {
        let text = std::fs::read_to_string(&tsv)
            .with_context(|| format!("{}: cannot be read as UTF-8 text", tsv.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let mut cells = line.split('\t');
            let (Some(name), words) = (cells.next(), cells.next().unwrap_or("")) else { continue };
            let path = dir.join(name);
            // A header names no file.
            if number == 0 && !path.exists() {
                continue;
            }
            if !path.is_file() {
                return Err(anyhow!(
                    "{}:{}: {} is not there",
                    tsv.display(),
                    number + 1,
                    path.display()
                ));
            }
            let named = cells.next().map(str::trim).filter(|cell| !cell.is_empty());
            let condition = named.unwrap_or(condition).to_owned();
            listed.insert(path.clone(), Sound { path, words: words.to_owned(), condition });
        }
    }
    for path in recording::find(&[dir.to_owned()])? {
        if !listed.contains_key(&path) && path.with_extension("toml").is_file() {
            let sidecar = Sidecar::beside(&path)?;
            let words = sidecar.line.iter().map(|line| line.text.as_str()).collect();
            let sound = Sound { path: path.clone(), words, condition: condition.to_owned() };
            listed.insert(path, sound);
        }
    }
    Ok(())
}

fn ours(
    setting: &Setting,
    found: &::asr::models::Found,
    sounds: &[Sound],
) -> anyhow::Result<Measured> {
    let model = Model::load(found).or_exit(exit::MODEL)?;
    let speech = &setting.config.speech;
    let decoding = Decoding { threads: speech.threads, beams: speech.beams, ..Decoding::default() };
    let ears = Ears::start(&model, &decoding, speech.workers).or_exit(exit::MODEL)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let bar = progress::bar(sounds.len() as u64, &found.name);
    let begun = Instant::now();
    let mut measured = Measured::default();
    runtime.block_on(async {
        // Two at once, so that both workers have something to do though most sounds are one utterance.
        for pair in sounds.chunks(2) {
            let hear = |path: PathBuf| {
                let ears = ears.clone();
                tokio::spawn(async move {
                    ears.hear(&path, |legs| Ok(vec![::nlu::Leg::Mixed; legs]), |_| {}).await
                })
            };
            let underway: Vec<_> = pair.iter().map(|sound| hear(sound.path.clone())).collect();
            for (Sound { path, words, .. }, task) in pair.iter().zip(underway) {
                let heard = task
                    .await
                    .context("a task panicked")?
                    .with_context(|| format!("{}: not heard", path.display()))?;
                let text: String = heard.said.iter().map(::nlu::Said::text).collect();
                measured.counts.push(Count::of(words, &text));
                measured.utterances += heard.said.len();
                measured.sound += Duration::from_millis(heard.duration_ms);
                bar.inc(1);
            }
        }
        anyhow::Ok(())
    })?;
    measured.took = begun.elapsed();
    bar.finish_and_clear();
    Ok(measured)
}

fn peers(found: &::asr::models::Found, sounds: &[Sound]) -> anyhow::Result<Measured> {
    let mut peer = Peer::load(found, PEER_THREADS).or_exit(exit::MODEL)?;
    let bar = progress::bar(sounds.len() as u64, "peer");
    let begun = Instant::now();
    let mut measured = Measured::default();
    for Sound { path, words, .. } in sounds {
        let sound = mixed_down(path)?;
        measured.counts.push(Count::of(words, &peer.transcribe(&sound).or_exit(exit::MODEL)?));
        measured.utterances += 1;
        measured.sound +=
            Duration::from_millis(sound.len() as u64 * 1000 / u64::from(audio::SAMPLE_RATE));
        bar.inc(1);
    }
    measured.took = begun.elapsed();
    bar.finish_and_clear();
    Ok(measured)
}

fn json(rows: &[Row], conditions: &ByCondition<'_>, files: usize) -> anyhow::Result<u8> {
    let one = |(name, ours, peer): &Row| {
        let total = ours.total();
        let mut json = serde_json::json!({
            "model": name,
            "cer": total.rate(),
            "rtf": ours.real_time_factor(),
            "utterances": ours.utterances,
            "characters": total.characters,
            "invented": total.invented,
            "files": files,
            "seconds": ours.sound.as_secs_f64(),
        });
        if let Some(peer) = peer {
            json["peer_cer"] = serde_json::json!(peer.total().rate());
            json["peer_speed"] = serde_json::json!(1.0 / peer.real_time_factor());
            json["peer_invented"] = serde_json::json!(peer.total().invented);
            json["speed"] = serde_json::json!(1.0 / ours.real_time_factor());
        }
        json
    };
    let mut all: Vec<serde_json::Value> = rows.iter().map(one).collect();
    let mut first = all.first().cloned().context("at least one model is measured")?;
    if conditions.several() {
        first["conditions"] = conditions.to_json();
    }
    if all.len() > 1 {
        first["models"] = serde_json::Value::Array(std::mem::take(&mut all));
    }
    print_json(&first)
}

fn table(rows: &[Row], conditions: &ByCondition<'_>, files: usize) -> anyhow::Result<u8> {
    let mut table = Table::new(&[
        "model",
        ">CER",
        ">95 % interval",
        ">characters",
        ">invented",
        ">utterances",
        ">real-time factor",
        ">speed",
    ]);
    let mut row = |name: String, measured: &Measured, beside: Option<&Measured>| {
        let total = measured.total();
        let [rate, range] = percent(total.rate(), cer::interval(&measured.counts));
        let speed = 1.0 / measured.real_time_factor();
        let ratio = beside.map_or_else(String::new, |other| {
            format!(" ({:.2}× the peer's)", other.real_time_factor() / measured.real_time_factor())
        });
        table.row([
            name,
            rate,
            range,
            total.characters.to_string(),
            total.invented.to_string(),
            measured.utterances.to_string(),
            format!("{:.3}", measured.real_time_factor()),
            format!("{speed:.1}×{ratio}"),
        ]);
    };
    for (name, ours, peer) in rows {
        row(name.clone(), ours, peer.as_ref());
        if let Some(peer) = peer {
            row(format!("{name}, peer"), peer, None);
        }
    }
    let seconds = rows.first().map_or(0.0, |(_, ours, _)| ours.sound.as_secs_f64());
    let conditions =
        if conditions.several() { format!("{}\n", conditions.to_table()) } else { String::new() };
    print_text(&format!(
        "{conditions}{table}{files} files, {:.1} minutes of sound\n",
        seconds / 60.0
    ))
}
