//! Recordings that come in while the store is served: from a watched folder, from the web desk. They
//! wait in one bounded queue and are taken by the same code as those of `hotline take`.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::anyhow;
use tickets::{Call, Store};
use tokio::runtime::Runtime;

use crate::recording::Sidecar;
use crate::take::{self, CALLS_AT_ONCE, Recording};
use crate::{say, served};

/// Recordings that may wait.
pub const WAITING: usize = 64;

/// A recording on its way in: unique while the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobId(pub u64);

/// How far a recording is.
#[derive(Debug, Clone)]
pub enum State {
    /// Others come before it.
    Waiting,
    /// It is being heard: 0 to 1.
    Hearing(f32),
    /// It is in the store, durable.
    Done {
        /// The call.
        call: Box<Call>,
        /// It was taken before and was not taken again.
        known: bool,
    },
    /// It was not taken, and why, on one line.
    Failed(String),
}

/// What is told of a recording.
#[derive(Debug, Clone)]
pub struct News {
    /// Which.
    pub job: JobId,
    /// Its name, as it was submitted.
    pub name: String,
    /// How far it is now.
    pub state: State,
}

/// As many recordings wait as may. Remedy: submit it again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{WAITING} recordings wait to be taken; try again later")]
pub struct Full;

/// The queue and those who work on it.
pub struct Intake {
    queue: Arc<Queue>,
    hands: Mutex<Vec<JoinHandle<()>>>,
}

struct Queue {
    line: Mutex<Line>,
    changed: Condvar,
    last: AtomicU64,
    runtime: Runtime,
    store: Arc<Store>,
    tell: Box<dyn Fn(&News) + Send + Sync>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Job>,
    ended: bool,
}

struct Job {
    id: JobId,
    recording: Recording,
    remove_after: bool,
}

impl Job {
    /// An upload that failed is kept, to be taken again, unless it is no recording at all: whoever
    /// brought it is told so, and nothing would ever come of it.
    fn drop_what_is_no_sound(&self) {
        let path = &self.recording.path;
        let sound = !matches!(audio::Reader::open(path), Err(error) if !matches!(error, audio::Error::Io { .. }));
        if self.remove_after && !sound {
            let _ = std::fs::remove_file(path);
            let _ = std::fs::remove_file(path.with_extension("toml"));
        }
    }
}

impl Intake {
    /// Starts taking. `tell` is called on the thread that has the news and must not wait for others.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(
        store: &Arc<Store>,
        tell: impl Fn(&News) + Send + Sync + 'static,
    ) -> anyhow::Result<Intake> {
        let queue = Arc::new(Queue {
            line: Mutex::default(),
            changed: Condvar::new(),
            last: AtomicU64::new(0),
            runtime: take::runtime()?,
            store: Arc::clone(store),
            tell: Box::new(tell),
        });
        let hand = |number: usize| {
            let queue = Arc::clone(&queue);
            let work = move || queue.work();
            std::thread::Builder::new().name(format!("intake {number}")).spawn(work)
        };
        let hands = (0..CALLS_AT_ONCE).map(hand).collect::<Result<_, _>>()?;
        Ok(Intake { queue, hands: Mutex::new(hands) })
    }

    /// Puts a recording into the queue. `name` is what the call will say that it was taken from;
    /// with `remove_after` the file is removed once the call is durable, and kept if it fails.
    ///
    /// # Errors
    /// [`Full`].
    pub fn submit(
        &self,
        path: PathBuf,
        sidecar: Sidecar,
        name: String,
        remove_after: bool,
    ) -> Result<JobId, Full> {
        let mut line = self.queue.line();
        if line.waiting.len() >= WAITING || line.ended {
            return Err(Full);
        }
        let id = JobId(self.queue.last.fetch_add(1, Ordering::Relaxed) + 1);
        let job = Job { id, recording: Recording { path, name, sidecar }, remove_after };
        // Told before anybody can take it, so that news come in their order.
        self.queue.tell(&job, State::Waiting);
        line.waiting.push_back(job);
        drop(line);
        self.queue.changed.notify_all();
        Ok(id)
    }

    /// Finishes the recordings that are being heard. Those that wait stay where they lie.
    pub fn end(&self) {
        self.queue.line().ended = true;
        self.queue.changed.notify_all();
        let hands = std::mem::take(&mut *self.hands.lock().unwrap_or_else(PoisonError::into_inner));
        for hand in hands {
            let _ = hand.join();
        }
    }
}

impl Queue {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, job: &Job, state: State) {
        (self.tell)(&News { job: job.id, name: job.recording.name.clone(), state });
    }

    /// The next recording; `None` once the end has come.
    fn next(&self) -> Option<Job> {
        let idle = |line: &mut Line| line.waiting.is_empty() && !line.ended;
        let waited = self.changed.wait_while(self.line(), idle);
        let mut line = waited.unwrap_or_else(PoisonError::into_inner);
        if line.ended { None } else { line.waiting.pop_front() }
    }

    fn work(self: &Arc<Queue>) {
        while let Some(job) = self.next() {
            // A panic ends one recording, not the intake.
            let taken = catch_unwind(AssertUnwindSafe(|| self.take(&job)));
            let taken = taken
                .unwrap_or_else(|_| Err(anyhow!("{}: its thread panicked", job.recording.name)));
            let state = match taken {
                Ok((call, known)) => State::Done { call: Box::new(call), known },
                Err(error) => {
                    job.drop_what_is_no_sound();
                    State::Failed(take::one_line(&error))
                }
            };
            self.tell(&job, state);
        }
    }

    fn take(self: &Arc<Queue>, job: &Job) -> anyhow::Result<(Call, bool)> {
        self.tell(job, State::Hearing(0.0));
        let (queue, id, name) = (Arc::clone(self), job.id, job.recording.name.clone());
        let progress = move |share: f32| {
            (queue.tell)(&News { job: id, name: name.clone(), state: State::Hearing(share) });
        };
        let handle = self.runtime.handle();
        // What was chosen since the last recording hears this one; a choice that cannot be loaded
        // must not stop calls from being taken.
        let calls = match served::renewed() {
            Ok(calls) => calls,
            Err(error) => {
                tracing::error!("{}", take::one_line(&error));
                served::calls().ok_or(error)?
            }
        };
        let started = take::begin(handle, &calls, &self.store, &job.recording, progress)?;
        let taken = take::settle(handle, &calls, &self.store, started)?;
        if job.remove_after {
            let path = &job.recording.path;
            if let Err(error) = std::fs::remove_file(path) {
                say(&format!("{}: taken, but not removed: {error}; remove it", path.display()));
            }
            // Its description, where there is one, goes with it.
            let _ = std::fs::remove_file(path.with_extension("toml"));
        }
        Ok(taken)
    }
}
