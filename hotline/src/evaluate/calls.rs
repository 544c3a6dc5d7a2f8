//! Whole calls against the tickets that they must give.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::asr::Peer;
use ::asr::cer::{self, Count};
use ::nlu::Leg;
use anyhow::{Context, anyhow, bail};
use tickets::{Call, Fields, Store};

use super::score::{FIELDS, Tally, judge};
use super::{percent, times};
use crate::call::{Calls, Mind, find_model, load_city};
use crate::cli::{Global, Take};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::recording::{self, Line, Sidecar};
use crate::table::Table;
use crate::take::{load_transcript, open_store, take_each};
use crate::{print_json, print_text, progress};
use nlu::StoredTranscript;

/// Threads of the peer, and cores that the comparison is about.
const PEER_THREADS: usize = 2;

/// One call with what must come of it and what did.
struct Judged {
    path: PathBuf,
    verdicts: [Option<bool>; FIELDS.len()],
    counts: Vec<Count>,
    /// Milliseconds by which characters miss the known edges of lines.
    time_errors: Vec<u64>,
}

/// Where the tickets that are judged come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// The calls are taken.
    Sound,
    /// The store has their transcripts; tickets are decided again.
    Transcripts,
    /// The store has their tickets.
    Tickets,
}

/// Measures the calls of a folder.
///
/// # Errors
/// No call with a description, or a call that cannot be taken.
pub fn run(
    global: &Global,
    setting: &Setting,
    dir: &Path,
    peer: bool,
    from: From,
) -> anyhow::Result<u8> {
    let described = described(dir)?;
    let (judged, sound, took) = match from {
        From::Sound => take_and_judge(setting, &described)?,
        From::Transcripts | From::Tickets => judge_stored(setting, &described, from)?,
    };
    let against = if peer { Some(run_peer(setting, &described)?) } else { None };
    report(global, &judged, sound, took, against)
}

/// The recordings of a folder whose description says what must come of them.
fn described(dir: &Path) -> anyhow::Result<Vec<(PathBuf, Sidecar)>> {
    let mut list = Vec::new();
    for path in recording::find(&[dir.to_owned()]).or_exit(exit::INPUT)? {
        let sidecar = Sidecar::beside(&path).or_exit(exit::INPUT)?;
        if sidecar.expect.is_some() {
            list.push((path, sidecar));
        }
    }
    if list.is_empty() {
        let error =
            anyhow!("{}: no recording here has a TOML file with [expect] beside it", dir.display());
        return Err(error).or_exit(exit::INPUT);
    }
    Ok(list)
}

type Outcome = (Vec<Judged>, Duration, Option<Duration>);

fn take_and_judge(setting: &Setting, described: &[(PathBuf, Sidecar)]) -> anyhow::Result<Outcome> {
    // Measuring leaves the store as it is: the calls go into one of their own.
    let own = tempfile::tempdir()?;
    let setting = &Setting { data: own.path().to_owned(), ..setting.clone() };
    let calls = Arc::new(Calls::load(setting)?);
    let store = open_store(setting, &calls.mind.city)?;
    let bar = progress::bar(described.len() as u64, "calls");
    let begun = Instant::now();
    let mut judged = Vec::new();
    let mut sound = Duration::ZERO;
    let paths = described.iter().map(|(path, _)| path.clone()).collect();
    take_each(&calls, &store, &Take::default(), paths, |path, taken| {
        let (call, _) = taken?;
        let (_, sidecar) = described
            .iter()
            .find(|(other, _)| other == path)
            .context("only described calls are taken")?;
        sound += Duration::from_millis(call.duration_ms);
        judged.push(judge_call(&store, &call, path, sidecar)?);
        bar.inc(1);
        Ok(())
    })?;
    let took = begun.elapsed();
    bar.finish_and_clear();
    Ok((judged, sound, Some(took)))
}

fn judge_stored(
    setting: &Setting,
    described: &[(PathBuf, Sidecar)],
    from: From,
) -> anyhow::Result<Outcome> {
    let mind = if from == From::Transcripts { Some(Mind::load(setting)?) } else { None };
    let store = open_store(setting, &load_city(&setting.city)?)?;
    let mut judged = Vec::new();
    let mut sound = Duration::ZERO;
    for (path, sidecar) in described {
        let sha256 = tickets::sha256_file(path)
            .with_context(|| format!("{}: cannot be read", path.display()))?;
        let Some(call) = store.call(&sha256).or_exit(exit::STORE)? else {
            bail!("{}: not in the store {}; take it first", path.display(), setting.data.display());
        };
        sound += Duration::from_millis(call.duration_ms);
        judged.push(match &mind {
            Some(mind) => {
                let transcript = load_transcript(&store, &call)?;
                let decision = mind.decide(&transcript);
                let fields: Vec<Fields> =
                    decision.tickets.into_iter().map(|(_, fields)| fields).collect();
                judge_fields(path, sidecar, decision.outcome, &fields, &transcript)?
            }
            None => judge_call(&store, &call, path, sidecar)?,
        });
    }
    Ok((judged, sound, None))
}

fn judge_call(
    store: &Store,
    call: &Call,
    path: &Path,
    sidecar: &Sidecar,
) -> anyhow::Result<Judged> {
    let fields: Vec<Fields> = call
        .tickets
        .iter()
        .map(|id| store.ticket(*id).map(|ticket| ticket.fields))
        .collect::<Result<_, _>>()
        .or_exit(exit::STORE)?;
    judge_fields(path, sidecar, &call.outcome, &fields, &load_transcript(store, call)?)
}

fn judge_fields(
    path: &Path,
    sidecar: &Sidecar,
    outcome: &str,
    fields: &[Fields],
    transcript: &StoredTranscript,
) -> anyhow::Result<Judged> {
    let expect = sidecar.expect.as_ref().context("only described calls are judged")?;
    Ok(Judged {
        path: path.to_owned(),
        verdicts: judge(expect, outcome, fields),
        counts: counts(&sidecar.line, transcript),
        time_errors: times::errors(&sidecar.line, &transcript.heard),
    })
}

/// Errors leg by leg; in one mixed channel both voices are compared together.
fn counts(lines: &[Line], transcript: &StoredTranscript) -> Vec<Count> {
    let said = &transcript.heard.said;
    let mixed = said.iter().any(|said| said.leg == Leg::Mixed || said.leg_uncertain);
    let groups: &[&[Leg]] = if mixed {
        &[&[Leg::Agent, Leg::Caller, Leg::Mixed]]
    } else {
        &[&[Leg::Agent], &[Leg::Caller, Leg::Mixed]]
    };
    let of = |legs: &[Leg]| {
        let reference: String = lines
            .iter()
            .filter(|line| legs.contains(&line.leg))
            .map(|line| line.text.as_str())
            .collect();
        let heard: String =
            said.iter().filter(|said| legs.contains(&said.leg)).map(::nlu::Said::text).collect();
        Count::of(&reference, &heard)
    };
    groups.iter().map(|legs| of(legs)).collect()
}

/// What the peer made of the same recordings.
struct Against {
    counts: Vec<Count>,
    sound: Duration,
    took: Duration,
}

fn run_peer(setting: &Setting, described: &[(PathBuf, Sidecar)]) -> anyhow::Result<Against> {
    let found = find_model(setting, setting.model.as_deref())?;
    let mut peer = Peer::load(&found, PEER_THREADS).or_exit(exit::MODEL)?;
    let bar = progress::bar(described.len() as u64, "peer");
    let mut against = Against { counts: Vec::new(), sound: Duration::ZERO, took: Duration::ZERO };
    for (path, sidecar) in described {
        let begun = Instant::now();
        let sound = mixed_down(path)?;
        let heard = peer.transcribe(&sound).or_exit(exit::MODEL)?;
        against.took += begun.elapsed();
        against.sound +=
            Duration::from_millis(sound.len() as u64 * 1000 / u64::from(audio::SAMPLE_RATE));
        let reference: String = sidecar.line.iter().map(|line| line.text.as_str()).collect();
        against.counts.push(Count::of(&reference, &heard));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(against)
}

/// A whole recording in one channel.
pub(super) fn mixed_down(path: &Path) -> anyhow::Result<Vec<f32>> {
    let mut reader = audio::Reader::open(path)?;
    let share = 1.0 / reader.legs() as f32;
    let mut sound = Vec::new();
    while let Some(block) = reader.read()? {
        let length = block.legs.iter().map(Vec::len).max().unwrap_or(0);
        sound.extend(
            (0..length)
                .map(|at| block.legs.iter().filter_map(|leg| leg.get(at)).sum::<f32>() * share),
        );
    }
    Ok(sound)
}

fn report(
    global: &Global,
    judged: &[Judged],
    sound: Duration,
    took: Option<Duration>,
    against: Option<Against>,
) -> anyhow::Result<u8> {
    let counts: Vec<Count> = judged.iter().flat_map(|call| call.counts.iter().copied()).collect();
    let total: Count = counts.iter().copied().sum();
    let tallies: Vec<Tally> = (0..FIELDS.len())
        .map(|field| {
            let mut tally = Tally::default();
            judged
                .iter()
                .filter_map(|call| call.verdicts[field])
                .for_each(|right| tally.add(right));
            tally
        })
        .collect();
    let mut time_errors: Vec<u64> =
        judged.iter().flat_map(|call| call.time_errors.iter().copied()).collect();
    let [time_median, time_p95] = [0.5, 0.95].map(|share| times::quantile(&mut time_errors, share));
    let share = |field: &str| {
        FIELDS.iter().position(|name| *name == field).and_then(|at| tallies[at].share())
    };
    let speed = took.map(|took| sound.as_secs_f64() / took.as_secs_f64());
    let peer_rate = against.as_ref().and_then(|a| a.counts.iter().copied().sum::<Count>().rate());
    let peer_speed = against.as_ref().map(|a| a.sound.as_secs_f64() / a.took.as_secs_f64());
    if global.json {
        let mut json = serde_json::json!({
            "cer": total.rate(),
            "invented": total.invented,
            "outcome_accuracy": share("outcome"),
            "type_accuracy": share("type"),
            "category_accuracy": share("category"),
            "department_accuracy": share("department"),
            "phone_accuracy": share("phone"),
            "place_accuracy": share("place"),
            "urgency_accuracy": share("urgency"),
            "emergency_recall": share("emergency"),
            "speed": speed,
            "time_error_ms": time_median,
            "time_error_p95_ms": time_p95,
            "calls": judged.len(),
            "wrong": judged.iter().filter(|call| call.verdicts.contains(&Some(false))).map(wrong).collect::<Vec<_>>(),
        });
        if against.is_some() {
            json["peer_cer"] = serde_json::json!(peer_rate);
            json["peer_speed"] = serde_json::json!(peer_speed);
        }
        return print_json(&json);
    }
    let mut calls = Table::new(&[
        "call",
        ">CER",
        "outcome",
        "type",
        "category",
        "department",
        "phone",
        "place",
        "urgency",
        "emergency",
    ]);
    for call in judged {
        let rate = call.counts.iter().copied().sum::<Count>().rate();
        let name = call.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mark = |verdict: &Option<bool>| match verdict {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "",
        };
        let rate = rate.map_or_else(|| "—".to_owned(), |rate| format!("{:.1} %", 100.0 * rate));
        calls.row(
            [name, rate]
                .into_iter()
                .chain(call.verdicts.iter().map(|verdict| mark(verdict).to_owned())),
        );
    }
    let mut sums = Table::new(&["measure", ">value", ">95 % interval", ">of"]);
    let [rate, range] = percent(total.rate(), cer::interval(&counts));
    sums.row([
        "character error rate".to_owned(),
        rate,
        range,
        format!("{} characters", total.characters),
    ]);
    sums.row([
        "invented characters".to_owned(),
        total.invented.to_string(),
        String::new(),
        "where nobody spoke".to_owned(),
    ]);
    for (name, tally) in FIELDS.iter().zip(&tallies) {
        let [share, range] = percent(tally.share(), tally.interval());
        sums.row([(*name).to_owned(), share, range, format!("{}/{}", tally.right, tally.judged)]);
    }
    if let (Some(median), Some(p95)) = (time_median, time_p95) {
        let rest = format!("95 % within {p95} ms, {} edges of lines", time_errors.len());
        sums.row([
            "character times, median error".to_owned(),
            format!("{median} ms"),
            String::new(),
            rest,
        ]);
    }
    if let Some(speed) = speed {
        sums.row([
            "speed".to_owned(),
            format!("{speed:.1}×"),
            String::new(),
            format!("{:.1} min of sound", sound.as_secs_f64() / 60.0),
        ]);
    }
    if let (Some(against), Some(peer_speed)) = (&against, peer_speed) {
        let [rate, range] = percent(peer_rate, cer::interval(&against.counts));
        sums.row(["peer: character error rate".to_owned(), rate, range, String::new()]);
        let ratio = speed.map_or_else(String::new, |speed| {
            format!("ours is {:.2}× as fast", speed / peer_speed)
        });
        sums.row(["peer: speed".to_owned(), format!("{peer_speed:.1}×"), String::new(), ratio]);
    }
    print_text(&format!("{calls}\n{sums}"))
}

/// A call's wrong fields, by name.
fn wrong(call: &Judged) -> serde_json::Value {
    let fields: Vec<&str> = FIELDS
        .iter()
        .zip(&call.verdicts)
        .filter(|(_, verdict)| **verdict == Some(false))
        .map(|(name, _)| *name)
        .collect();
    serde_json::json!({ "recording": call.path.display().to_string(), "fields": fields })
}
