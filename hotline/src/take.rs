//! `hotline take`: recordings in, tickets out.

use std::collections::VecDeque;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use audio::Microphone;
use jiff::Timestamp;
use nlu::Leg;
use tickets::{Call, Department, NewCall, Store, Ticket};
use tokio::runtime::Runtime;

use crate::call::{Calls, StoredTranscript};
use crate::cli::{Global, LegArg, Take};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::recording::{self, Sidecar};
use crate::show;
use crate::{progress, say, spool, table};

/// Calls that are heard at once: while one ends with few utterances left, the next one is read.
const CALLS_AT_ONCE: usize = 2;

/// Opens the store, seeded with the city's departments.
///
/// # Errors
/// A store that another process owns or that is damaged.
pub fn open_store(setting: &Setting, city: &dialogue::City) -> anyhow::Result<Store> {
    let departments: Vec<Department> = city
        .departments
        .iter()
        .map(|department| Department {
            name: department.name.clone(),
            level: department.level.clone(),
            aliases: department.aliases.clone(),
            duties: department.duties.clone(),
            active: true,
        })
        .collect();
    Store::open(&setting.data, &departments).or_exit(exit::STORE)
}

/// A recording that is being taken.
struct Underway {
    path: PathBuf,
    sha256: String,
    ending: String,
    started_at: Timestamp,
    heard: tokio::task::JoinHandle<anyhow::Result<StoredTranscript>>,
}

/// Takes recordings; the exit code.
///
/// # Errors
/// A store or a model that cannot be used. A recording that cannot be read is reported, and the
/// rest is done.
pub fn take(global: &Global, setting: &Setting, take: &Take) -> anyhow::Result<u8> {
    // Whatever can be wrong with the device, the model or the store is said before anybody speaks.
    let microphone = take
        .mic
        .then(|| Microphone::open(take.device.as_deref()))
        .transpose()
        .or_exit(exit::INPUT)?;
    let (mut inputs, _spool) = inputs(take, setting)?;
    let calls = Arc::new(Calls::load(setting)?);
    let store = open_store(setting, &calls.mind.city)?;
    let spooled = microphone
        .map(|microphone| spool::record(&microphone, take.seconds, setting))
        .transpose()?;
    inputs.extend(spooled.clone());
    let bar = progress::bar(inputs.len() as u64, "calls");
    let mut failed = 0;
    let taken = take_each(&calls, &store, take, inputs, |_, taken| {
        match taken {
            Ok((call, known)) => bar.suspend(|| print(global, &store, &call, known))?,
            Err(error) => {
                failed += 1;
                bar.suspend(|| say(&one_line(&error)));
            }
        }
        bar.inc(1);
        Ok(())
    });
    bar.finish_and_clear();
    match &spooled {
        Some(recording) if taken.is_ok() && failed == 0 => spool::clear(recording)?,
        Some(recording) => spool::say_where(recording),
        None => {}
    }
    taken?;
    Ok(if failed > 0 { exit::INPUT } else { 0 })
}

/// Takes recordings into a store, in order; `done` is told each path with what became of it: the
/// call, durable by then, and whether it was known already.
///
/// # Errors
/// A store that fails, or what `done` returns.
pub fn take_each(
    calls: &Arc<Calls>,
    store: &Store,
    take: &Take,
    inputs: Vec<PathBuf>,
    mut done: impl FnMut(&Path, anyhow::Result<(Call, bool)>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Hearing runs on the runtime; the store is asked from this thread, one call after the other.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut queue = inputs.into_iter();
    let mut underway: VecDeque<(PathBuf, anyhow::Result<Started>)> = VecDeque::new();
    loop {
        while underway.len() < CALLS_AT_ONCE {
            let Some(path) = queue.next() else { break };
            let started = begin(&runtime, calls, store, take, &path);
            underway.push_back((path, started));
        }
        let Some((path, started)) = underway.pop_front() else { return Ok(()) };
        let taken = match started {
            Ok(Started::Known(call)) => Ok((*call, true)),
            Ok(Started::New(call)) => {
                finish(&runtime, calls, store, *call).map(|call| (call, false))
            }
            Err(error) => Err(error),
        };
        match taken {
            Err(error) if is_fatal(&error) => return Err(error),
            taken => done(&path, taken)?,
        }
    }
}

/// What became of a recording at first sight.
enum Started {
    /// It was taken before.
    Known(Box<Call>),
    /// It is being heard.
    New(Box<Underway>),
}

fn begin(
    runtime: &Runtime,
    calls: &Arc<Calls>,
    store: &Store,
    take: &Take,
    path: &Path,
) -> anyhow::Result<Started> {
    if !path.exists() {
        bail!("{}: not there; name recordings or folders that exist", path.display());
    }
    let mut sidecar = Sidecar::beside(path)?;
    if sidecar.legs.is_none() && !take.legs.is_empty() {
        sidecar.legs = Some(take.legs.iter().map(|leg| leg_of(*leg)).collect());
    }
    // Refuse what is no recording before it is copied into the store.
    drop(audio::Reader::open(path)?);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("wav").to_ascii_lowercase();
    let sha256 = store.files().put_recording(path, &ending).or_exit(exit::STORE)?;
    if let Some(call) = store.call(&sha256).or_exit(exit::STORE)? {
        return Ok(Started::Known(Box::new(call)));
    }
    let started_at = match sidecar.started_at.or(take.started_at) {
        Some(at) => at,
        // The recorder wrote the file when the call ended; nothing better is known.
        None => modified(path).unwrap_or_else(show::now),
    };
    let stored = store.files().recording(&sha256, &ending);
    let calls = Arc::clone(calls);
    let heard =
        runtime.spawn(async move { calls.hear(&stored, &sidecar, started_at, |_| {}).await });
    Ok(Started::New(Box::new(Underway {
        path: path.to_owned(),
        sha256,
        ending,
        started_at,
        heard,
    })))
}

fn finish(
    runtime: &Runtime,
    calls: &Calls,
    store: &Store,
    underway: Underway,
) -> anyhow::Result<Call> {
    let transcript = runtime.block_on(underway.heard).context("a call's task panicked")?;
    let transcript =
        transcript.with_context(|| format!("{}: not taken", underway.path.display()))?;
    let decision = calls.mind.decide(&transcript);
    let json = serde_json::to_vec(&transcript).context("a transcript always serialises")?;
    let transcript_sha = store.files().put_transcript(&json).or_exit(exit::STORE)?;
    let call = Call {
        v: tickets::RECORD_VERSION,
        sha256: underway.sha256,
        ending: underway.ending,
        recording: underway.path.display().to_string(),
        transcript: transcript_sha,
        started_at: underway.started_at,
        received_at: show::now(),
        duration_ms: transcript.duration_ms,
        outcome: decision.outcome.to_owned(),
        incomplete: transcript.incomplete.clone(),
        tickets: Vec::new(),
        made_by: calls.made_by()?,
    };
    // Recorders name files after callers' numbers: a log knows a recording by its hash alone.
    if let Some(missing) = &transcript.incomplete {
        tracing::warn!(sha256 = %call.sha256, "incomplete recording: {missing}");
    }
    let taken =
        store.take(&NewCall { call, tickets: decision.tickets }, "hotline").or_exit(exit::STORE)?;
    let (sha256, outcome, tickets) = (&taken.sha256, &taken.outcome, taken.tickets.len());
    tracing::info!(%sha256, duration_ms = taken.duration_ms, utterances = transcript.heard.said.len(), %outcome, tickets, "taken");
    Ok(taken)
}

/// Prints what came of a recording, durable by now.
fn print(global: &Global, store: &Store, call: &Call, known: bool) -> anyhow::Result<()> {
    let tickets: Vec<Ticket> = call
        .tickets
        .iter()
        .map(|id| store.ticket(*id))
        .collect::<Result<_, _>>()
        .or_exit(exit::STORE)?;
    let mut out = std::io::stdout().lock();
    if global.json {
        let stored = load_transcript(store, call)?;
        serde_json::to_writer(&mut out, &show::call(call, &stored, &tickets))?;
        return Ok(writeln!(out)?);
    }
    let note = match (&call.incomplete, known) {
        (_, true) => "  （已受理过）",
        (Some(_), _) => "  （录音不完整）",
        _ => "",
    };
    if tickets.is_empty() {
        let what = match call.outcome.as_str() {
            "transfer" => "转人工",
            "none" => "无诉求",
            _ => "无法识别",
        };
        writeln!(out, "{}  {what}{note}", call.recording)?;
    }
    for ticket in tickets {
        let fields = &ticket.fields;
        writeln!(
            out,
            "{}  {}  {}  {}/{}  {}  {}{note}",
            call.recording,
            ticket.id,
            ticket.status.name(),
            fields.request_type,
            fields.category,
            fields.department.as_deref().unwrap_or("—"),
            table::shorten(&fields.title, 48),
        )?;
    }
    Ok(out.flush()?)
}

/// The stored transcript of a call.
///
/// # Errors
/// A file that is missing or not what it should be.
pub fn load_transcript(store: &Store, call: &Call) -> anyhow::Result<StoredTranscript> {
    let bytes = store.files().read_transcript(&call.transcript).or_exit(exit::STORE)?;
    serde_json::from_slice(&bytes)
        .with_context(|| {
            format!(
                "{}: not a transcript; `hotline check` tells more",
                store.files().transcript(&call.transcript).display()
            )
        })
        .or_exit(exit::STORE)
}

/// The recordings to take; `-` is spooled into a file first.
fn inputs(
    take: &Take,
    setting: &Setting,
) -> anyhow::Result<(Vec<PathBuf>, Option<tempfile::TempDir>)> {
    let from_stdin = |path: &PathBuf| path == Path::new("-");
    if !take.inputs.iter().any(from_stdin) {
        let list = recording::find(&take.inputs).or_exit(exit::INPUT)?;
        if list.is_empty() && !take.mic {
            let names: Vec<String> =
                take.inputs.iter().map(|path| path.display().to_string()).collect();
            let endings = recording::ENDINGS.join(", ");
            return Err(anyhow::anyhow!(
                "{}: no recording here; recordings end in {endings}",
                names.join(", ")
            ))
            .or_exit(exit::INPUT);
        }
        return Ok((list, None));
    }
    if std::io::stdin().is_terminal() {
        return Err(anyhow::anyhow!(
            "standard input is a terminal; pipe a recording into it: hotline take - < call.wav"
        ))
        .or_exit(exit::INPUT);
    }
    std::fs::create_dir_all(&setting.data)?;
    let spool = tempfile::tempdir_in(&setting.data)?;
    let path = spool.path().join("stdin.wav");
    let mut file = std::fs::File::create(&path)?;
    std::io::copy(&mut std::io::stdin().lock().take(u64::MAX), &mut file)?;
    let others: Vec<PathBuf> =
        take.inputs.iter().filter(|path| !from_stdin(path)).cloned().collect();
    let mut list = recording::find(&others).or_exit(exit::INPUT)?;
    list.push(path);
    Ok((list, Some(spool)))
}

fn modified(path: &Path) -> Option<Timestamp> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    let at = Timestamp::try_from(time).ok()?;
    Timestamp::from_second(at.as_second()).ok()
}

fn leg_of(leg: LegArg) -> Leg {
    match leg {
        LegArg::Agent => Leg::Agent,
        LegArg::Caller => Leg::Caller,
        LegArg::Mixed => Leg::Mixed,
    }
}

/// A store that fails fails every recording; a recording that fails fails alone.
fn is_fatal(error: &anyhow::Error) -> bool {
    exit::code_of(error) == exit::STORE
}

/// An error with its causes on one line.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for part in error.chain().map(|cause| cause.to_string().replace('\n', " ")) {
        if !line.contains(&part) {
            line.push_str(if line.is_empty() { "" } else { ": " });
            line.push_str(&part);
        }
    }
    line
}
