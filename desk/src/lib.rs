//! The screens: the API, live updates and the console.
//!
//! A [`Desk`] stands beside a store that this process owns. Lists and boards come from memory
//! ([`board`]), words from the index ([`finding`]), everything else from the store; both are made
//! of the journal's events and told of every change after it is durable.

mod admin;
mod attachments;
mod board;
mod boards;
mod by_hand;
mod calls;
mod checks;
mod commands;
mod extract;
mod finding;
mod listen;
mod live;
mod open311;
mod people;
mod problem;
mod serve;
mod session;
mod sound;
mod subtitles;
mod summary;
#[cfg(test)]
mod tests;
mod tickets_api;
mod transcript;
mod upload;
mod vocabulary;
mod web;
mod work;

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use calendar::Limit;
use dialogue::City;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use tickets::{Command, Error, LimitRule, Person, Policy, Role, Store, Ticket, TicketId};

use crate::board::Board;
use crate::summary::Summary;

pub use crate::admin::written_rule;
pub use crate::people::link;
pub use crate::serve::{Config, serve};
pub use crate::subtitles::{Line, clock, srt, vtt, who};
pub use crate::transcript::corrections;
pub use crate::work::sentence;

/// Something that the rest of the house does when it is given that.
pub type Hand<A, B> = Box<dyn Fn(A) -> B + Send + Sync>;
/// The same with something that is only looked at.
pub type Eye<A, B> = Box<dyn Fn(&A) -> B + Send + Sync>;

/// What the desk asks of the rest of the house.
pub struct House {
    /// Takes a recording in; gives the job's number, or says that too many wait.
    pub submit: Hand<Upload, Result<String, String>>,
    /// Resolves a place that somebody typed: the best reading first.
    pub places: Eye<str, Vec<tickets::Place>>,
    /// What the words of a call say: the fields of each matter.
    pub decide: Eye<nlu::Heard, Vec<tickets::Fields>>,
    /// The dispatch table or the departments were edited.
    pub rules_changed: Hand<(), ()>,
    /// The models there are.
    pub models: Hand<(), Result<serde_json::Value, String>>,
    /// Makes a model the default.
    pub use_model: Eye<str, Result<(), String>>,
}

/// A recording that somebody uploaded.
pub struct Upload {
    /// Where it lies; the receiver removes it when it is done.
    pub path: PathBuf,
    /// What it was called.
    pub name: String,
    /// When the call began.
    pub started_at: Option<Timestamp>,
    /// The number that the line showed.
    pub caller: Option<String>,
    /// Legs by channel.
    pub legs: Option<Vec<nlu::Leg>>,
    /// Who brought it.
    pub by: String,
}

/// What becomes of a recording that was taken in.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Progress {
    /// The job's number.
    pub job: String,
    /// What it was called.
    pub name: String,
    /// waiting, hearing, done or failed.
    pub state: &'static str,
    /// 0 to 1.
    pub progress: f64,
    /// Tickets that came of it.
    pub tickets: Vec<TicketId>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Everything that a request needs; cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

impl Deref for Desk {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What all requests share.
pub struct Inner {
    store: Arc<Store>,
    city: City,
    policy: Policy,
    house: House,
    /// Cookies go over TLS alone.
    secure: bool,
    behind_proxy: bool,
    board: RwLock<Board>,
    finding: finding::Finding,
    live: live::Live,
    failures: people::Failures,
    /// Hashing passwords takes memory: only so many at once.
    hashing: tokio::sync::Semaphore,
    sounds: sound::Sounds,
    checks: checks::Checks,
    looked: calls::Looked,
    shelf: search::Shelf,
    /// Callers are known by a keyed hash of their numbers.
    key: Vec<u8>,
    /// Boards that were counted lately.
    boards: boards::Remembered,
    /// Calls whose sound is to be made ready, and the other end of that line until it is listened to.
    preparing: std::sync::mpsc::SyncSender<String>,
    prepared: Mutex<Option<std::sync::mpsc::Receiver<String>>>,
    /// One at a time edits accounts: each change is made of what is there.
    people_turn: Mutex<()>,
    /// One at a time edits the dispatch table.
    rules_turn: Mutex<()>,
    /// Names under which recent jobs came.
    jobs: Mutex<HashMap<String, Progress>>,
}

/// Tries of a command that goes with any version.
const TRIES: usize = 5;
/// Passwords that are hashed at once.
const HASHING: usize = 2;
/// Calls that may wait for their sound to be made ready.
const PREPARED: usize = 256;
/// Calls, the newest, whose sound is made ready at the start.
const PREPARED_FIRST: usize = 50;
/// After a check that nobody waits for, its thread rests so many times as long as it took.
const REST: u32 = 4;
/// Tickets whose holders are reminded one after the other before anything else is looked at.
const REMINDED: usize = 50;
/// Jobs that are remembered for consoles that open later.
const JOBS: usize = 200;

impl Desk {
    /// Opens the desk of a store: reads every ticket, and watches what changes from now on.
    ///
    /// # Errors
    /// A store or an index that cannot be read.
    pub fn open(
        store: Arc<Store>,
        city: City,
        house: House,
        secure: bool,
        behind_proxy: bool,
    ) -> Result<Desk, Error> {
        let key = secret(&store)?;
        let shelf = search::Shelf::new(
            city.knowledge
                .iter()
                .map(|entry| {
                    let words = entry.words.join(" ");
                    (entry.id.clone(), format!("{}\n{words}\n{}", entry.title, entry.answer))
                })
                .collect(),
        );
        let (preparing, prepared) = std::sync::mpsc::sync_channel(PREPARED);
        let desk = Desk(Arc::new(Inner {
            policy: policy(&city),
            finding: finding::Finding::open(&store.root().join("index"))?,
            sounds: sound::Sounds::open(store.root())?,
            live: live::Live::default(),
            checks: checks::Checks::open(store.root())?,
            looked: calls::Looked::default(),
            board: RwLock::default(),
            failures: people::Failures::default(),
            hashing: tokio::sync::Semaphore::new(HASHING),
            boards: boards::Remembered::default(),
            preparing,
            prepared: Mutex::new(Some(prepared)),
            people_turn: Mutex::default(),
            rules_turn: Mutex::default(),
            jobs: Mutex::default(),
            store,
            city,
            house,
            secure,
            behind_proxy,
            shelf,
            key,
        }));
        // Watching begins before reading, so that nothing falls between.
        let watching = desk.clone();
        desk.store.watch(move |ticket| watching.changed(ticket));
        for ticket in desk.store.all_tickets()? {
            let summary = desk.summary(&ticket)?;
            let mut board = desk.board.write().unwrap_or_else(PoisonError::into_inner);
            let newer = board.get(ticket.id).is_some_and(|known| known.version > ticket.version);
            if !newer {
                board.put(summary);
            }
        }
        people::sweep(&desk.store)?;
        Ok(desk)
    }

    /// The end of a link for an administrator, where none has a password yet; with `always` also
    /// where one has.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn first_link(&self, always: bool) -> Result<Option<String>, Error> {
        let people = self.store.people()?;
        let settled =
            people.iter().any(|person| person.role == Role::Admin && person.password.is_some());
        if settled && !always {
            return Ok(None);
        }
        let admin = people.into_iter().find(|person| person.role == Role::Admin && person.active);
        let admin = match admin {
            Some(admin) => admin,
            None => {
                let admin = Person {
                    login: "admin".to_owned(),
                    name: "管理员".to_owned(),
                    role: Role::Admin,
                    department: None,
                    active: true,
                    password: None,
                    created_at: Timestamp::now(),
                };
                self.store.put_person(&admin, "hotline", Timestamp::now())?;
                admin
            }
        };
        people::link(&self.store, &admin.login).map(Some)
    }

    /// Tells consoles what became of a recording.
    pub fn tell(&self, progress: Progress) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.len() >= JOBS {
            jobs.retain(|_, job| matches!(job.state, "waiting" | "hearing"));
        }
        jobs.insert(progress.job.clone(), progress.clone());
        self.live.recording(progress);
    }

    /// Makes the sound of new calls ready until the process ends, and checks those that have not
    /// been checked yet. Runs on a thread of its own.
    fn keep_sounds(&self) {
        let line = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(line) = line else { return };
        let all: Vec<String> = {
            let board = self.board();
            let mut calls: Vec<(Timestamp, String)> = board
                .all()
                .filter(|ticket| ticket.has_sound)
                .map(|ticket| (ticket.started_at, ticket.call.clone()))
                .collect();
            calls.sort();
            calls.dedup();
            calls.into_iter().rev().map(|(_, call)| call).collect()
        };
        all.iter().take(PREPARED_FIRST).for_each(|call| self.prepare(call));
        let mut rest = Duration::ZERO;
        for sha256 in all {
            // New calls come first.
            loop {
                match line.recv_timeout(rest) {
                    Ok(new) => self.prepare(&new),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            let begun = Instant::now();
            let call = self.store.call(&sha256).ok().flatten();
            // What cannot be checked now is checked when somebody opens it.
            let _ = call.map(|call| self.check(&call));
            rest = begun.elapsed() * REST;
        }
        while let Ok(call) = line.recv() {
            self.prepare(&call);
        }
    }

    /// What has to be done from time to time: reminders, sessions that expired.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub fn look_after(&self) -> Result<(), Error> {
        let now = Timestamp::now();
        let ids = self.board().to_remind(&self.policy, now);
        for batch in ids.chunks(REMINDED) {
            // One ticket that cannot be read must not keep the others from being thought of.
            if let Err(error) = self.store.remind(batch, &self.policy, now) {
                tracing::error!("reminders: {error}");
            }
        }
        people::sweep(&self.store)
    }

    fn people_turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.people_turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> RwLockReadGuard<'_, Board> {
        self.board.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn summary(&self, ticket: &Ticket) -> Result<Summary, Error> {
        let call = self.store.call(&ticket.call)?;
        Ok(Summary::of(ticket, call.as_ref(), |phone| self.caller_key(phone)))
    }

    /// Takes a change in that is durable already.
    fn changed(&self, ticket: &Ticket) {
        let summary = match self.summary(ticket) {
            Ok(summary) => summary,
            Err(error) => return tracing::error!(ticket = %ticket.id, "{error}"),
        };
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        // Two changes may come here in the other order.
        if board.get(ticket.id).is_some_and(|known| known.version >= ticket.version) {
            return;
        }
        let before = board.put(summary.clone());
        drop(board);
        if summary.has_sound {
            // When more wait than may, whoever opens the call first waits a little.
            let _ = self.preparing.try_send(summary.call.clone());
        }
        let row = summary.row(Timestamp::now(), &self.policy);
        self.live.ticket(before.as_ref(), &summary, row);
        self.finding.changed(ticket.id);
    }

    /// What a caller is known by: whoever reads it cannot tell the number, though numbers are few.
    fn caller_key(&self, phone: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("any length is a key");
        mac.update(phone.as_bytes());
        let bytes = mac.finalize().into_bytes();
        bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn cookie(&self) -> &'static str {
        if self.secure { "__Host-session" } else { "session" }
    }

    /// Carries commands out in somebody's name.
    fn execute(
        &self,
        id: TicketId,
        expected: Option<u32>,
        commands: Vec<Command>,
        by: &str,
    ) -> Result<Ticket, Error> {
        // Who did not look at a version first just comes next.
        for _ in 0..if expected.is_none() { TRIES } else { 0 } {
            match execute(&self.store, &self.city, id, None, commands.clone(), by) {
                Err(Error::Conflict { .. }) => {}
                done => return done,
            }
        }
        execute(&self.store, &self.city, id, expected, commands, by)
    }
}

/// Carries commands out on a ticket in somebody's name, by the rules of a city.
///
/// # Errors
/// Those of [`Store::execute`].
pub fn execute(
    store: &Store,
    city: &City,
    id: TicketId,
    expected: Option<u32>,
    commands: Vec<Command>,
    by: &str,
) -> Result<Ticket, Error> {
    let active = store.departments()?.into_iter().filter(|department| department.active);
    let departments: Vec<String> = active.map(|department| department.name).collect();
    let categories: Vec<String> =
        city.categories.iter().map(|category| category.name.clone()).collect();
    let policy = policy(city);
    let known =
        tickets::Known { departments: &departments, categories: &categories, policy: &policy };
    store.execute(id, expected, commands, known, by, Timestamp::now())
}

/// The rules of a city about the life of its tickets.
pub fn policy(city: &City) -> Policy {
    let life = &city.life;
    let limits = city.deadlines.iter().map(|due| LimitRule {
        types: names(&due.types),
        urgency: names(&due.urgency),
        limit: match (due.hours, &due.working_days) {
            (Some(hours), _) => Limit::Hours(hours),
            (None, days) => Limit::WorkingDays(days.as_ref().map_or(0, |days| *days.get_ref())),
        },
    });
    Policy {
        calendar: city.calendar.clone(),
        limits: limits.collect(),
        redos: life.redos,
        refusals: life.refusals,
        extensions: life.extensions,
        extension_days: life.extension_days,
        remind_hours: life.remind_hours,
        attempts: life.attempts,
    }
}

/// Labels serialise to their Chinese names.
fn names<T: serde::Serialize>(labels: &[T]) -> Vec<String> {
    let name = |label: &T| serde_json::to_value(label).ok()?.as_str().map(str::to_owned);
    labels.iter().filter_map(name).collect()
}

/// The key that callers' numbers are hashed with, made once and readable to its owner alone.
fn secret(store: &Store) -> Result<Vec<u8>, Error> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = store.root().join("CALLER_KEY");
    let wrong = |error| Error::io(&path, error);
    match std::fs::read(&path) {
        Ok(key) if key.len() == 32 => return Ok(key),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(wrong(error)),
        _ => {}
    }
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(|error| wrong(std::io::Error::other(error.to_string())))?;
    let staged = store.root().join("CALLER_KEY.part");
    let options = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&staged);
    let written = options.and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()));
    written.and_then(|()| std::fs::rename(&staged, &path)).map_err(wrong)?;
    Ok(key)
}
