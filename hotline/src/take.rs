//! `hotline take`: recordings in, tickets out.

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use audio::Microphone;
use jiff::Timestamp;
use nlu::Leg;
use tickets::{Call, Department, NewCall, Store, Ticket};
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::call::Calls;
use crate::cli::{Global, LegArg, Take};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::recording::{self, Sidecar};
use crate::show;
use crate::{progress, say, served, socket, spool, table, terminal};
use nlu::StoredTranscript;

/// Calls that are heard at once: while one ends with few utterances left, the next one is read.
pub const CALLS_AT_ONCE: usize = 2;

/// Opens the store, seeded with the city's departments; the one that this process serves is shared.
///
/// # Errors
/// A store that another process owns or that is damaged.
pub fn open_store(setting: &Setting, city: &dialogue::City) -> anyhow::Result<Arc<Store>> {
    if let Some(store) = served::store(&setting.data).or_exit(exit::STORE)? {
        return Ok(store);
    }
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
    Store::open(&setting.data, &departments).map(Arc::new).or_exit(exit::STORE)
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
    let mut spooled = None;
    if let Some(microphone) = microphone.as_ref().filter(|_| socket::answers(&setting.data)) {
        // The device is this process's, the store another's.
        let recording = spool::record(microphone, take.seconds, setting)?;
        let args: Vec<_> = std::env::args_os().collect();
        if let Some(code) = socket::forward(&setting.data, &args, Some(&recording)) {
            after_taking(Some(&recording), code == 0)?;
            return Ok(code);
        }
        spooled = Some(recording);
    }
    let (mut inputs, _spool) = inputs(take, setting)?;
    let calls = Arc::new(Calls::load(setting)?);
    let store = open_store(setting, &calls.mind.city)?;
    calls.mind.follow(&store)?;
    if let (None, Some(microphone)) = (&spooled, &microphone) {
        spooled = Some(spool::record(microphone, take.seconds, setting)?);
    }
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
    after_taking(spooled.as_deref(), taken.is_ok() && failed == 0)?;
    taken?;
    Ok(if failed > 0 { exit::INPUT } else { 0 })
}

/// Clears what was recorded by microphone away, or says where it is kept.
fn after_taking(spooled: Option<&Path>, well: bool) -> anyhow::Result<()> {
    match spooled {
        Some(recording) if well => spool::clear(recording),
        Some(recording) => {
            spool::say_where(recording);
            Ok(())
        }
        None => Ok(()),
    }
}

/// What hearing runs on; the store is asked from the threads that call [`begin`] and [`settle`].
///
/// # Errors
/// No thread to be had.
pub fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Takes recordings into a store, in order; `done` is told each path with what became of it: the
/// call, durable by then, and whether it was known already.
///
/// # Errors
/// A store that fails, a client that has ended, or what `done` returns.
pub fn take_each(
    calls: &Arc<Calls>,
    store: &Store,
    take: &Take,
    inputs: Vec<PathBuf>,
    mut done: impl FnMut(&Path, anyhow::Result<(Call, bool)>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let runtime = runtime()?;
    let mut queue = inputs.into_iter();
    let mut underway: VecDeque<(PathBuf, anyhow::Result<Started>)> = VecDeque::new();
    loop {
        while underway.len() < CALLS_AT_ONCE && !terminal::is_ending() {
            let Some(path) = queue.next() else { break };
            let started = Recording::described(&path, take)
                .and_then(|recording| begin(runtime.handle(), calls, store, &recording, |_| {}));
            underway.push_back((path, started));
        }
        let Some((path, started)) = underway.pop_front() else { break };
        let taken = started.and_then(|started| settle(runtime.handle(), calls, store, started));
        match taken {
            Err(error) if is_fatal(&error) => return Err(error),
            Err(_) if terminal::is_gone() => bail!("the client has ended"),
            taken => done(&path, taken)?,
        }
    }
    match queue.len() {
        0 => Ok(()),
        left => {
            Err(anyhow!("`hotline serve` ends; {left} recordings are not taken, take them again"))
                .or_exit(exit::STORE)
        }
    }
}

/// A recording that is to be taken, and what is known about it beforehand.
pub struct Recording {
    /// The file.
    pub path: PathBuf,
    /// What the call will say that it was taken from.
    pub name: String,
    /// When the call began, whose channel is whose.
    pub sidecar: Sidecar,
}

impl Recording {
    /// With the description beside it; what that leaves open, the command line may say.
    fn described(path: &Path, take: &Take) -> anyhow::Result<Recording> {
        if !path.exists() {
            bail!("{}: not there; name recordings or folders that exist", path.display());
        }
        let mut sidecar = Sidecar::beside(path)?;
        if sidecar.legs.is_none() && !take.legs.is_empty() {
            sidecar.legs = Some(take.legs.iter().map(|leg| leg_of(*leg)).collect());
        }
        sidecar.started_at = sidecar.started_at.or(take.started_at);
        Ok(Recording { path: path.to_owned(), name: path.display().to_string(), sidecar })
    }
}

/// What became of a recording at first sight.
pub enum Started {
    /// It was taken before.
    Known(Box<Call>),
    /// It is being heard.
    New(Box<Underway>),
}

/// A recording that is being heard.
pub struct Underway {
    path: PathBuf,
    name: String,
    sha256: String,
    ending: String,
    started_at: Timestamp,
    heard: JoinHandle<anyhow::Result<StoredTranscript>>,
}

/// Copies a recording into the store and begins to hear it; `progress` is told how far that is, 0 to 1.
///
/// # Errors
/// What is no recording, or a store that fails.
pub fn begin(
    runtime: &Handle,
    calls: &Arc<Calls>,
    store: &Store,
    recording: &Recording,
    progress: impl Fn(f32) + Send + Sync + 'static,
) -> anyhow::Result<Started> {
    let Recording { path, name, sidecar } = recording;
    // Refuse what is no recording before it is copied into the store.
    drop(audio::Reader::open(path)?);
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("wav").to_ascii_lowercase();
    let sha256 = store.files().put_recording(path, &ending).or_exit(exit::STORE)?;
    if let Some(call) = store.call(&sha256).or_exit(exit::STORE)? {
        return Ok(Started::Known(Box::new(call)));
    }
    // The recorder wrote the file when the call ended; often nothing better is known.
    let started_at = sidecar.started_at.or_else(|| modified(path)).unwrap_or_else(show::now);
    let stored = store.files().recording(&sha256, &ending);
    let (calls, described) = (Arc::clone(calls), sidecar.clone());
    let heard =
        runtime.spawn(async move { calls.hear(&stored, &described, started_at, progress).await });
    let (path, name) = (path.clone(), name.clone());
    Ok(Started::New(Box::new(Underway { path, name, sha256, ending, started_at, heard })))
}

/// Waits until a recording has been heard and takes the call in: the call, durable, and whether it
/// was known already.
///
/// # Errors
/// A recording that cannot be read, a store that fails, a client that has ended.
pub fn settle(
    runtime: &Handle,
    calls: &Calls,
    store: &Store,
    started: Started,
) -> anyhow::Result<(Call, bool)> {
    match started {
        Started::Known(call) => Ok((*call, true)),
        Started::New(underway) => {
            finish(runtime, calls, store, *underway).map(|call| (call, false))
        }
    }
}

fn finish(
    runtime: &Handle,
    calls: &Calls,
    store: &Store,
    underway: Underway,
) -> anyhow::Result<Call> {
    let transcript = heard(runtime, underway.heard)?
        .with_context(|| format!("{}: not taken", underway.path.display()))?;
    let decision = calls.mind.decide(&transcript);
    let json = serde_json::to_vec(&transcript).context("a transcript always serialises")?;
    let transcript_sha = store.files().put_transcript(&json).or_exit(exit::STORE)?;
    let call = Call {
        v: tickets::RECORD_VERSION,
        sha256: underway.sha256,
        ending: underway.ending,
        recording: underway.name,
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

/// How often whoever waits for a recording to be heard sees whether anybody waits for him.
const LOOK_ROUND: Duration = Duration::from_millis(500);

/// Waits for what was heard.
fn heard(
    runtime: &Handle,
    mut heard: JoinHandle<anyhow::Result<StoredTranscript>>,
) -> anyhow::Result<anyhow::Result<StoredTranscript>> {
    loop {
        match runtime.block_on(async { tokio::time::timeout(LOOK_ROUND, &mut heard).await }) {
            Ok(joined) => return joined.context("a call's task panicked"),
            Err(_) if terminal::is_gone() => {
                heard.abort();
                bail!("the client has ended");
            }
            Err(_) => {}
        }
    }
}

/// Prints what came of a recording, durable by now.
fn print(global: &Global, store: &Store, call: &Call, known: bool) -> anyhow::Result<()> {
    let tickets: Vec<Ticket> = call
        .tickets
        .iter()
        .map(|id| store.ticket(*id))
        .collect::<Result<_, _>>()
        .or_exit(exit::STORE)?;
    let mut out = terminal::out();
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
        writeln!(out, "{}  {}{note}", call.recording, without_ticket(&call.outcome))?;
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

/// What became of a call that brought no ticket.
pub fn without_ticket(outcome: &str) -> &'static str {
    match outcome {
        "transfer" => "转人工",
        "none" => "无诉求",
        _ => "无法识别",
    }
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
    if terminal::input_is_terminal() {
        return Err(anyhow::anyhow!(
            "standard input is a terminal; pipe a recording into it: hotline take - < call.wav"
        ))
        .or_exit(exit::INPUT);
    }
    std::fs::create_dir_all(&setting.data)?;
    let spool = tempfile::tempdir_in(&setting.data)?;
    let path = spool.path().join("stdin.wav");
    let mut file = std::fs::File::create(&path)?;
    std::io::copy(&mut terminal::input(), &mut file)?;
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
