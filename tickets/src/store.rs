//! The store: one folder, one owner; sound and transcripts as files, everything else in the journal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use crate::Error;
use crate::department::Department;
use crate::event::{Call, Event, RECORD_VERSION, Record, Status};
use crate::fields::Fields;
use crate::files::Files;
use crate::journal::{self, Journal};
use crate::number::TicketId;
use crate::ticket::{Command, Known, Rejected, Ticket};

/// Layout of the folder.
const VERSION: &str = "1";

/// A store, owned by this process until it is dropped.
pub struct Store {
    root: PathBuf,
    files: Files,
    journal: Journal,
    _lock: File,
}

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
}

impl Store {
    /// Opens a store, or makes one with these departments.
    ///
    /// # Errors
    /// [`Error::Owned`] when another process has it, [`Error::Newer`], [`Error::Damaged`].
    pub fn open(root: &Path, departments: &[Department]) -> Result<Store, Error> {
        std::fs::create_dir_all(root).map_err(|error| Error::io(root, error))?;
        let lock = lock(root)?;
        let version_path = root.join("VERSION");
        match std::fs::read_to_string(&version_path) {
            Ok(version) if version.trim() == VERSION => {}
            Ok(version) if version.trim().is_empty() => {}
            Ok(version) => {
                return Err(Error::Newer {
                    path: root.to_owned(),
                    version: version.trim().to_owned(),
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                std::fs::write(&version_path, VERSION)
                    .map_err(|error| Error::io(&version_path, error))?;
            }
            Err(error) => return Err(Error::io(&version_path, error)),
        }
        let store = Store {
            files: Files::open(root)?,
            journal: Journal::open(root)?,
            root: root.to_owned(),
            _lock: lock,
        };
        if store.departments()?.is_empty() && !departments.is_empty() {
            store.journal.commit(|tx| {
                for department in departments {
                    tx.insert(department_key(&department.name), journal::encode(department)?)?;
                }
                Ok(())
            })?;
        }
        Ok(store)
    }

    /// Recordings and transcripts.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
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
        self.journal.commit(|tx| {
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
        })
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
        // The narrowest index first; what else is asked is looked up in the tickets themselves.
        let prefix = match filter {
            Filter { department: Some(name), .. } => [b"id", name.as_bytes(), &[0]].concat(),
            Filter { status: Some(status), .. } => [b"is", status.name().as_bytes(), &[0]].concat(),
            _ => b"it".to_vec(),
        };
        let mut ids: Vec<TicketId> = self
            .journal
            .scan(&prefix)
            .filter_map(|item| item.map(|(key, _)| journal::indexed(&key)).transpose())
            .collect::<Result<_, _>>()?;
        ids.sort();
        let mut found = Vec::new();
        for id in ids {
            let ticket = self.ticket(id)?;
            let recent = match filter.since {
                None => true,
                Some(since) => {
                    self.call(&ticket.call)?.is_some_and(|call| call.started_at >= since)
                }
            };
            if recent && filter.status.is_none_or(|status| ticket.status == status) {
                found.push(ticket);
            }
        }
        Ok(found)
    }

    /// Carries a command out on a ticket and returns it as it stands then, durable.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the remedy, [`Error::Conflict`] when somebody else was faster.
    pub fn execute(
        &self,
        id: TicketId,
        commands: Vec<Command>,
        known: Known<'_>,
        by: &str,
        at: Timestamp,
    ) -> Result<Ticket, Error> {
        let before = self.ticket(id)?;
        let call = self.call(&before.call)?;
        let mut after = before.clone();
        for command in commands {
            for event in after.decide(command, known)? {
                after.apply(Record { v: RECORD_VERSION, at, by: by.to_owned(), event });
            }
        }
        let new = &after.history[before.history.len()..];
        self.journal.commit(|tx| {
            journal::append(tx, id, before.version, new)?;
            journal::reindex(tx, Some(&before), &after, call.as_ref())
        })?;
        Ok(after)
    }

    /// All departments, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn departments(&self) -> Result<Vec<Department>, Error> {
        self.journal.scan(b"d").map(|item| self.journal.decode(&item?.1)).collect()
    }

    /// The department that goes by a name.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the nearest name.
    pub fn department(&self, name: &str) -> Result<Department, Error> {
        let all = self.departments()?;
        if let Some(found) = all.iter().find(|department| department.is_called(name)) {
            return Ok(found.clone());
        }
        let shared = |other: &str| other.chars().filter(|ch| name.contains(*ch)).count();
        let near = all
            .iter()
            .max_by_key(|department| shared(&department.name))
            .filter(|d| shared(&d.name) > 0);
        let hint = near.map_or(String::new(), |near| format!("; did you mean {}?", near.name));
        Err(Rejected(format!("unknown department {name:?}{hint} `hotline departments` lists them"))
            .into())
    }

    /// Adds departments or replaces those of the same name; the change is recorded.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn put_departments(
        &self,
        departments: &[Department],
        by: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.journal.commit(|tx| {
            for department in departments {
                let key = department_key(&department.name);
                let from = tx.get(&key)?;
                let version = (0u32..).find(|version| {
                    matches!(tx.get(log_key(&department.name, *version)), Ok(None) | Err(_))
                });
                let from: Option<Department> = from.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                let change = serde_json::json!({ "v": RECORD_VERSION, "at": at, "by": by, "from": from, "to": department });
                tx.insert(log_key(&department.name, version.unwrap_or(0)), journal::encode(&change)?)?;
                tx.insert(key, journal::encode(department)?)?;
            }
            Ok(())
        })
    }

    /// Makes every index again from the events; how many tickets there are.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn rebuild(&self) -> Result<usize, Error> {
        let tickets = self.all_tickets()?;
        self.journal.rebuild(&tickets, &self.calls()?)?;
        Ok(tickets.len())
    }

    pub(crate) fn all_tickets(&self) -> Result<Vec<Ticket>, Error> {
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
        let key = [b"x".as_slice(), &at.as_millisecond().to_be_bytes(), by.as_bytes()].concat();
        let record = serde_json::json!({ "v": RECORD_VERSION, "at": at, "by": by, "event": "exported", "what": what });
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
    let write = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    write.map_err(|error| Error::io(&path, error))?;
    Ok(file)
}

/// The day of a moment in China, as one number.
fn day_of(at: Timestamp) -> u32 {
    let date = TimeZone::fixed(Offset::constant(8)).to_datetime(at).date();
    date.year() as u32 * 10_000 + date.month() as u32 * 100 + date.day() as u32
}

pub(crate) fn call_key(sha256: &str) -> Vec<u8> {
    [b"c", sha256.as_bytes()].concat()
}

pub(crate) fn department_key(name: &str) -> Vec<u8> {
    [b"d", name.as_bytes()].concat()
}

fn log_key(name: &str, version: u32) -> Vec<u8> {
    [b"l", name.as_bytes(), &[0], &version.to_be_bytes()].concat()
}

pub(crate) fn counter_key(day: u32) -> Vec<u8> {
    [b"n".as_slice(), &day.to_be_bytes()].concat()
}

pub(crate) fn counter_of(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_be_bytes)
}
