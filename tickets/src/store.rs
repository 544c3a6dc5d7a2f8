//! The store: one folder, one owner; sound and transcripts as files, everything else in the journal.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::department::Department;
use crate::event::{Call, Event, Exported, MadeBy, RECORD_VERSION, Record, Status};
use crate::fields::Fields;
use crate::files::{self, Files};
use crate::journal::{self, Journal};
use crate::number::TicketId;
use crate::policy::Policy;
use crate::ticket::{Command, Known, Rejected, Ticket};

/// Layout of the folder.
const VERSION: &str = "1";

/// A store, owned by this process until it is dropped.
pub struct Store {
    root: PathBuf,
    files: Files,
    journal: Journal,
    watcher: Arc<OnceLock<Watcher>>,
    _lock: Arc<File>,
}

/// Is told of every ticket that changed, after the change is durable.
type Watcher = Box<dyn Fn(&Ticket) + Send + Sync>;

/// What a call brought, before it has numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCall {
    /// The call, `tickets` empty.
    pub call: Call,
    /// One a matter, with the status it begins in.
    pub tickets: Vec<(Status, Fields)>,
}

/// Which tickets to list. Everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Department, by full name.
    pub department: Option<String>,
    /// Status.
    pub status: Option<Status>,
    /// Calls that began at this moment or later.
    pub since: Option<Timestamp>,
    /// Calls that began before this moment.
    pub until: Option<Timestamp>,
    /// Words that must all stand in the ticket or in its transcript, apart from case.
    pub search: Option<String>,
}

impl Filter {
    fn covers(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

impl Store {
    /// Opens a store, or makes one with these departments.
    ///
    /// # Errors
    /// [`Error::Owned`] when another process has it, [`Error::Newer`], [`Error::Damaged`].
    pub fn open(root: &Path, departments: &[Department]) -> Result<Store, Error> {
        std::fs::create_dir_all(root).map_err(|error| Error::io(root, error))?;
        let lock = lock(root)?;
        check_version(root)?;
        let store = Store {
            files: Files::open(root)?,
            journal: Journal::open(root)?,
            root: root.to_owned(),
            watcher: Arc::default(),
            _lock: Arc::new(lock),
        };
        if store.departments()?.is_empty() && !departments.is_empty() {
            store.put_departments(departments, "hotline", Timestamp::now())?;
        }
        Ok(store)
    }

    /// The same store by another path to its folder: another working folder sees it so, and its
    /// messages name it so. Everything is shared; the store is given up when the last one is dropped.
    ///
    /// # Errors
    /// No such folder.
    pub fn beside(&self, root: &Path) -> Result<Store, Error> {
        Ok(Store {
            root: root.to_owned(),
            files: Files::beside(root)?,
            journal: self.journal.beside(root),
            watcher: Arc::clone(&self.watcher),
            _lock: Arc::clone(&self._lock),
        })
    }

    /// Recordings and transcripts.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Has somebody told of every ticket that changes from now on. The first one stays.
    pub fn watch(&self, watcher: impl Fn(&Ticket) + Send + Sync + 'static) {
        let _ = self.watcher.set(Box::new(watcher));
    }

    pub(crate) fn tell(&self, ticket: &Ticket) {
        if let Some(watcher) = self.watcher.get() {
            watcher(ticket);
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The call of a recording, if it was taken before.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn call(&self, sha256: &str) -> Result<Option<Call>, Error> {
        self.journal.get(&call_key(sha256))?.map(|bytes| self.journal.decode(&bytes)).transpose()
    }

    /// All calls.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn calls(&self) -> Result<Vec<Call>, Error> {
        self.journal.scan(b"c").map(|item| self.journal.decode(&item?.1)).collect()
    }

    /// Takes a call in: the call, its tickets and their indexes, all or nothing. Returns once
    /// they are durable; the recording and the transcript must have been put before. The same
    /// recording a second time changes nothing and gives the first call.
    ///
    /// # Errors
    /// [`Error::Full`] and the like; then nothing was taken in.
    pub fn take(&self, new: &NewCall, by: &str) -> Result<Call, Error> {
        let day = day_of(new.call.received_at);
        let call = self.journal.commit(|tx| {
            let key = call_key(&new.call.sha256);
            if let Some(bytes) = tx.get(&key)? {
                let known: Result<Call, _> = serde_json::from_slice(&bytes);
                return known.map_err(|error| {
                    sled::transaction::ConflictableTransactionError::Abort(
                        journal::Abort::Encoding(error.to_string()),
                    )
                });
            }
            let counter_key = counter_key(day);
            let mut counter = tx.get(&counter_key)?.map_or(0, |bytes| counter_of(&bytes));
            let mut call = new.call.clone();
            for (matter, (status, fields)) in new.tickets.iter().enumerate() {
                counter += 1;
                let id = TicketId { day, counter };
                let event = Event::Opened {
                    call: call.sha256.clone(),
                    matter,
                    status: *status,
                    fields: Box::new(fields.clone()),
                };
                let record =
                    Record { v: RECORD_VERSION, at: call.received_at, by: by.to_owned(), event };
                journal::append(tx, id, 0, std::slice::from_ref(&record))?;
                let ticket =
                    Ticket::from_records(id, vec![record]).expect("the record is an opening");
                journal::reindex(tx, None, &ticket, Some(&call))?;
                call.tickets.push(id);
            }
            tx.insert(counter_key, &counter.to_be_bytes())?;
            tx.insert(key, journal::encode(&call)?)?;
            Ok(call)
        })?;
        for id in &call.tickets {
            self.tell(&self.ticket(*id)?);
        }
        Ok(call)
    }

    /// Opens a ticket that a person typed. The same words by the same person at the same moment
    /// are the same ticket.
    ///
    /// # Errors
    /// [`Error::Full`] and the like; then nothing was opened.
    pub fn open_by_hand(
        &self,
        fields: &Fields,
        by: &str,
        at: Timestamp,
        program: &str,
    ) -> Result<Ticket, Error> {
        let typed = serde_json::to_vec(&(fields, by, at)).unwrap_or_default();
        let call = Call {
            v: RECORD_VERSION,
            sha256: files::hex(&Sha256::digest(&typed)),
            ending: String::new(),
            recording: String::new(),
            transcript: String::new(),
            started_at: at,
            received_at: at,
            duration_ms: 0,
            outcome: "tickets".to_owned(),
            incomplete: None,
            tickets: Vec::new(),
            made_by: MadeBy { program: program.to_owned(), ..MadeBy::default() },
        };
        let new = NewCall { call, tickets: vec![(Status::Accepted, fields.clone())] };
        let call = self.take(&new, by)?;
        self.ticket(call.tickets[0])
    }

    /// A ticket with its history.
    ///
    /// # Errors
    /// [`Error::NoTicket`].
    pub fn ticket(&self, id: TicketId) -> Result<Ticket, Error> {
        let records = self.journal.records(id)?;
        Ticket::from_records(id, records).ok_or_else(|| Error::NoTicket(id.to_string()))
    }

    /// Tickets that a filter lets through, oldest first.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn tickets(&self, filter: &Filter) -> Result<Vec<Ticket>, Error> {
        let mut found = Vec::new();
        for id in self.candidates(filter)? {
            let ticket = self.ticket(id)?;
            let dated = filter.since.is_some() || filter.until.is_some();
            let call =
                if dated || filter.search.is_some() { self.call(&ticket.call)? } else { None };
            let timely = !dated || call.as_ref().is_some_and(|call| filter.covers(call.started_at));
            if !timely || filter.status.is_some_and(|status| ticket.status != status) {
                continue;
            }
            if let Some(words) = &filter.search
                && !self.mentions(&ticket, call.as_ref(), words)?
            {
                continue;
            }
            found.push(ticket);
        }
        Ok(found)
    }

    /// The tickets of the narrowest index; what else is asked is looked up in the tickets themselves.
    fn candidates(&self, filter: &Filter) -> Result<Vec<TicketId>, Error> {
        let mut ids = BTreeSet::new();
        let mut collect = |prefix: &[u8], from: &[u8]| {
            for item in self.journal.scan_from(prefix, from) {
                let (key, _) = item?;
                ids.extend(journal::indexed(&key));
            }
            Ok::<(), Error>(())
        };
        if let Some(name) = &filter.department {
            // A renamed department goes by its old name too, and older tickets still bear it.
            let all = self.departments()?;
            let names =
                all.iter().find(|d| d.is_called(name)).map_or(vec![name], |d| d.names().collect());
            for name in names {
                let prefix = [b"id", name.as_bytes(), &[0]].concat();
                collect(&prefix, &prefix)?;
            }
        } else if let Some(status) = filter.status {
            let prefix = [b"is", status.name().as_bytes(), &[0]].concat();
            collect(&prefix, &prefix)?;
        } else {
            let since = filter.since.map_or(i64::MIN, Timestamp::as_second);
            collect(b"it", &[b"it".as_slice(), &journal::moment(since)].concat())?;
        }
        Ok(ids.into_iter().collect())
    }

    /// Whether all the words stand in a ticket or in its call's transcript: a plain scan.
    fn mentions(&self, ticket: &Ticket, call: Option<&Call>, words: &str) -> Result<bool, Error> {
        let all =
            |text: &str| words.split_whitespace().all(|word| text.contains(&word.to_lowercase()));
        let mut text = ticket.fields.text().to_lowercase();
        if all(&text) {
            return Ok(true);
        }
        let Some(call) = call.filter(|call| !call.transcript.is_empty()) else { return Ok(false) };
        let transcript = self.files.read_transcript(&call.transcript)?;
        collect_texts(&serde_json::from_slice(&transcript).unwrap_or_default(), &mut text);
        Ok(all(&text.to_lowercase()))
    }

    /// Carries commands out on a ticket, all or none, and returns it as it stands then, durable.
    /// With `expected`, only if the ticket still has this version. Merging also tells the ticket
    /// that goes on.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the remedy, [`Error::Conflict`] when somebody else was faster.
    pub fn execute(
        &self,
        id: TicketId,
        expected: Option<u32>,
        commands: Vec<Command>,
        known: Known<'_>,
        by: &str,
        at: Timestamp,
    ) -> Result<Ticket, Error> {
        let before = self.ticket(id)?;
        if expected.is_some_and(|expected| expected != before.version) {
            return Err(Error::Conflict { id });
        }
        let mut after = before.clone();
        let mut other = None;
        for command in commands {
            for event in after.decide(command, known, at)? {
                if let Event::Merged { into } = &event {
                    other = Some(self.absorbing(*into, id, by, at)?);
                }
                after.apply(Record { v: RECORD_VERSION, at, by: by.to_owned(), event });
            }
        }
        let changed: Vec<(Ticket, Ticket)> =
            [Some((before, after.clone())), other].into_iter().flatten().collect();
        self.append(&changed)?;
        Ok(after)
    }

    /// The ticket that another one is merged into, before and after.
    fn absorbing(
        &self,
        into: TicketId,
        from: TicketId,
        by: &str,
        at: Timestamp,
    ) -> Result<(Ticket, Ticket), Error> {
        let target = self.ticket(into)?;
        if !target.status.is_open() {
            let status = target.status.name();
            return Err(Rejected::new(
                format!("ticket {into} is {status}; merge into one that is open"),
                format!("工单 {into} 是「{status}」，只能并入没有结束的工单"),
            )
            .into());
        }
        let mut after = target.clone();
        let event = Event::Absorbed { ticket: from };
        after.apply(Record { v: RECORD_VERSION, at, by: by.to_owned(), event });
        Ok((target, after))
    }

    /// Reminds whoever has tickets whose deadline is near or gone; which tickets those were.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn remind(
        &self,
        ids: &[TicketId],
        policy: &Policy,
        at: Timestamp,
    ) -> Result<Vec<TicketId>, Error> {
        let mut reminded = Vec::new();
        for id in ids {
            let before = self.ticket(*id)?;
            let Some(event) = before.remind(policy, at) else { continue };
            let mut after = before.clone();
            after.apply(Record { v: RECORD_VERSION, at, by: "hotline".to_owned(), event });
            match self.append(&[(before, after)]) {
                Ok(()) => reminded.push(*id),
                // Whoever was faster has it in hand; the next round looks again.
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(reminded)
    }

    /// Appends what happened to some tickets, all or nothing.
    fn append(&self, changed: &[(Ticket, Ticket)]) -> Result<(), Error> {
        let mut calls = Vec::new();
        for (before, _) in changed {
            calls.push(self.call(&before.call)?);
        }
        self.journal.commit(|tx| {
            for ((before, after), call) in changed.iter().zip(&calls) {
                let new = &after.history[before.history.len()..];
                journal::append(tx, before.id, before.version, new)?;
                journal::reindex(tx, Some(before), after, call.as_ref())?;
            }
            Ok(())
        })?;
        changed.iter().for_each(|(_, after)| self.tell(after));
        Ok(())
    }

    /// Makes every index again from the events; how many tickets there are.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn rebuild(&self) -> Result<usize, Error> {
        // A ticket that came between reading and writing would lose its indexes.
        let _quiet = self.journal.quiet();
        let tickets = self.all_tickets()?;
        self.journal.rebuild(&tickets, &self.calls()?)?;
        Ok(tickets.len())
    }

    /// Every ticket, oldest first, whatever the indexes say.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn all_tickets(&self) -> Result<Vec<Ticket>, Error> {
        let mut ids: Vec<TicketId> = Vec::new();
        for item in self.journal.scan(b"e") {
            let id = journal::event_of(&item?.0).map(|(id, _)| id);
            ids.extend(id.filter(|id| ids.last() != Some(id)));
        }
        ids.into_iter().map(|id| self.ticket(id)).collect()
    }

    /// Records that an export was made, durable.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn record_export(&self, what: &str, by: &str, at: Timestamp) -> Result<(), Error> {
        let key = export_key(at, by);
        let record = Exported { v: RECORD_VERSION, at, by: by.to_owned(), what: what.to_owned() };
        self.journal.commit(|tx| {
            tx.insert(key.clone(), journal::encode(&record)?).map(|_| ()).map_err(Into::into)
        })
    }
}

/// One process owns a store. The lock is the system's, so it ends with the process, however that
/// ends; the number in the file is for people.
fn lock(root: &Path) -> Result<File, Error> {
    let path = root.join("LOCK");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|error| Error::io(&path, error))?;
    match fs4::FileExt::try_lock(&file) {
        Ok(()) => {}
        Err(fs4::TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid);
            return Err(Error::Owned { path: root.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(fs4::TryLockError::Error(error)) => return Err(Error::io(&path, error)),
    }
    // Always as long, so that it is written in place: a full disk still lets the store be read.
    writeln!(file, "{:<10}", std::process::id()).map_err(|error| Error::io(&path, error))?;
    Ok(file)
}

/// Refuses a layout that this program does not know; writes the version of a new store.
fn check_version(root: &Path) -> Result<(), Error> {
    let path = root.join("VERSION");
    let version = match std::fs::read_to_string(&path) {
        Ok(version) => version.trim().to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io(&path, error)),
    };
    match version.as_str() {
        VERSION => Ok(()),
        // Not there, or its writer was killed.
        "" => {
            std::fs::write(&path, format!("{VERSION}\n"))
                .map_err(|error| Error::io(&path, error))?;
            files::sync(&path)?;
            files::sync(root)?;
            let above = root.parent().filter(|above| !above.as_os_str().is_empty());
            files::sync(above.unwrap_or(Path::new(".")))
        }
        _ if version.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Error::Newer { path: root.to_owned(), version })
        }
        _ => Err(Error::Damaged { path, reason: "not a version number".to_owned() }),
    }
}

/// Everything that a transcript says, whatever else it holds.
fn collect_texts(value: &Value, into: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, into)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field) {
                    ("text", Value::String(text)) => into.extend(["\n", text]),
                    // An utterance may be kept character by character.
                    ("ch", Value::String(ch)) => into.push_str(ch),
                    ("chars", chars) => {
                        into.push('\n');
                        collect_texts(chars, into);
                    }
                    _ => collect_texts(field, into),
                }
            }
        }
        _ => {}
    }
}

/// The day of a moment in China, as one number.
fn day_of(at: Timestamp) -> u32 {
    let date = TimeZone::fixed(Offset::constant(8)).to_datetime(at).date();
    date.year() as u32 * 10_000 + date.month() as u32 * 100 + date.day() as u32
}

pub(crate) fn call_key(sha256: &str) -> Vec<u8> {
    [b"c", sha256.as_bytes()].concat()
}

pub(crate) fn export_key(at: Timestamp, by: &str) -> Vec<u8> {
    [b"x".as_slice(), &journal::moment(at.as_millisecond()), by.as_bytes()].concat()
}

pub(crate) fn counter_key(day: u32) -> Vec<u8> {
    [b"n".as_slice(), &day.to_be_bytes()].concat()
}

pub(crate) fn counter_of(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}
