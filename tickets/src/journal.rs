//! The journal: events in sled, with optimistic concurrency and real durability.
//!
//! One tree holds everything, so that one transaction covers a call, its tickets and their
//! indexes, and a killed process leaves all of it or nothing:
//!
//! | key | value |
//! | --- | --- |
//! | `e` ticket (u64) version (u32) | a record |
//! | `c` SHA-256 of the recording | a call |
//! | `d` department's name | a department |
//! | `l` department's name, version (u32) | what was done to it |
//! | `r` position (u16) | a rule of the dispatch table |
//! | `q` position (u16) version (u32) | what was done to it |
//! | `n` day (u32) | last counter of that day |
//! | `x` moment (i64) who | an export |
//! | `p` login | an account |
//! | `o` login, version (u32) | what was done to it |
//! | `s` SHA-256 of a token | a session |
//! | `k` moment (i64) who | a look at a call |
//! | `m` SHA-256 of the recording, version (u32) | a remark on a call |
//! | `i` `s` status, `d` department, `t` moment … ticket | nothing: an index |
//!
//! Numbers are big-endian, so that keys sort as they are read.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};

use crate::Error;
use crate::event::{Call, RECORD_VERSION, Record};
use crate::files;
use crate::number::TicketId;
use crate::ticket::Ticket;

/// Events of every ticket.
pub struct Journal {
    path: PathBuf,
    db: sled::Db,
    /// sled's log and folder, opened a second time: on Linux sled's own flush does not reach the
    /// platter (`sync_file_range`), `fsync` does.
    log: Arc<File>,
    /// Transactions applied so far; their numbers begin at 1.
    applied: Arc<AtomicU64>,
    synced: Arc<Mutex<Synced>>,
    /// Shared by whoever writes; alone has it who must see everything at one moment.
    quiet: Arc<RwLock<()>>,
}

/// What is known to be on the disk.
#[derive(Default)]
struct Synced {
    /// Every transaction up to this number.
    upto: u64,
    /// sled's files for values beyond its segments. Ours are far below that; should one ever get
    /// there, sled does not sync it.
    blobs: BTreeSet<OsString>,
    /// After a failed sync the system may have dropped the pages and call the next one a success,
    /// so nothing more is promised.
    failed: bool,
}

/// sled's page cache. The journal is small; the default of 1 GiB is meant for whole databases.
const CACHE_BYTES: u64 = 32 << 20;

pub(crate) enum Abort {
    Conflict(TicketId),
    Encoding(String),
}

pub(crate) type Applied<T> = Result<T, ConflictableTransactionError<Abort>>;

/// Clears away a configuration with no log beside it. sled writes its `conf` in two pieces before it
/// makes the log; a process killed between them leaves a folder that sled calls damaged for ever,
/// though nothing was ever in it.
fn clear_unborn(path: &Path) -> Result<(), Error> {
    let (conf, log) = (path.join("conf"), path.join("db"));
    match std::fs::metadata(&log) {
        Ok(log) if log.len() > 0 => return Ok(()),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io(&log, error)),
        _ => {}
    }
    match std::fs::remove_file(&conf) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(&conf, error)),
        _ => Ok(()),
    }
}

impl Journal {
    pub(crate) fn open(root: &Path) -> Result<Journal, Error> {
        let path = root.join("journal");
        clear_unborn(&path)?;
        let config =
            sled::Config::new().path(&path).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        // sled panics on some damaged files; that is an answer about the file, not a fault of ours.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let db = match opened {
            Ok(opened) => opened.map_err(|error| Error::sled(&path, error))?,
            Err(_) => {
                return Err(Error::Damaged {
                    path,
                    reason: "sled gave up on its files".to_owned(),
                });
            }
        };
        let log_path = path.join("db");
        let log = File::open(&log_path).map_err(|error| Error::io(&log_path, error))?;
        let journal = Journal {
            path,
            db,
            log: Arc::new(log),
            applied: Arc::default(),
            synced: Arc::default(),
            quiet: Arc::default(),
        };
        // A killed process may have left writes that can be read and are not on the disk yet:
        // whatever is read from here on is durable.
        journal.sync()?;
        files::sync(&journal.path.join("conf"))?;
        files::sync(&journal.path)?;
        files::sync(root)?;
        Ok(journal)
    }

    /// The same journal by another path to its store: what its errors name.
    pub(crate) fn beside(&self, root: &Path) -> Journal {
        Journal {
            path: root.join("journal"),
            db: self.db.clone(),
            log: Arc::clone(&self.log),
            applied: Arc::clone(&self.applied),
            synced: Arc::clone(&self.synced),
            quiet: Arc::clone(&self.quiet),
        }
    }

    /// Nobody writes while this is held. Whoever holds it writes by [`Journal::commit_alone`].
    pub(crate) fn quiet(&self) -> RwLockWriteGuard<'_, ()> {
        self.quiet.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> RwLockReadGuard<'_, ()> {
        self.quiet.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a transaction and returns once it is on the disk. Concurrent callers share one sync.
    pub(crate) fn commit<T>(
        &self,
        apply: impl Fn(&TransactionalTree) -> Applied<T>,
    ) -> Result<T, Error> {
        let _busy = self.busy();
        self.commit_alone(apply)
    }

    /// [`Journal::commit`] for whoever holds [`Journal::quiet`].
    pub(crate) fn commit_alone<T>(
        &self,
        apply: impl Fn(&TransactionalTree) -> Applied<T>,
    ) -> Result<T, Error> {
        if self.synced().failed {
            return Err(Error::Unsynced { path: self.path.clone() });
        }
        let value = self.db.transaction(apply).map_err(|error| match error {
            TransactionError::Abort(Abort::Conflict(id)) => Error::Conflict { id },
            TransactionError::Abort(Abort::Encoding(reason)) => {
                Error::Damaged { path: self.path.clone(), reason }
            }
            TransactionError::Storage(error) => {
                self.synced().failed = true;
                Error::sled(&self.path, error)
            }
        })?;
        self.sync()?;
        Ok(value)
    }

    fn synced(&self) -> MutexGuard<'_, Synced> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything that this thread has applied is on the disk.
    fn sync(&self) -> Result<(), Error> {
        let mine = self.applied.fetch_add(1, Ordering::SeqCst) + 1;
        let mut synced = self.synced();
        if synced.upto >= mine {
            return Ok(());
        }
        if synced.failed {
            return Err(Error::Unsynced { path: self.path.clone() });
        }
        // Numbers are drawn after the transactions they stand for, so the flush covers all of them.
        let all = self.applied.load(Ordering::SeqCst);
        let done = self.sync_files(&mut synced.blobs);
        match done {
            Ok(()) => synced.upto = all,
            Err(_) => synced.failed = true,
        }
        done
    }

    fn sync_files(&self, known: &mut BTreeSet<OsString>) -> Result<(), Error> {
        self.db.flush().map_err(|error| Error::sled(&self.path, error))?;
        let blobs = self.path.join("blobs");
        let mut fresh = false;
        for blob in std::fs::read_dir(&blobs).map_err(|error| Error::io(&blobs, error))?.flatten() {
            if known.insert(blob.file_name()) {
                files::sync(&blob.path())?;
                fresh = true;
            }
        }
        if fresh {
            files::sync(&blobs)?;
        }
        self.log.sync_all().map_err(|error| Error::io(&self.path.join("db"), error))
    }

    /// Everything under a prefix, in order.
    pub(crate) fn scan(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), Error>> + '_ {
        self.db.scan_prefix(prefix).map(|item| item.map_err(|error| Error::sled(&self.path, error)))
    }

    /// What is under a prefix from a key on, in order.
    pub(crate) fn scan_from<'a>(
        &'a self,
        prefix: &'a [u8],
        from: &[u8],
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), Error>> + use<'a> {
        self.db
            .range(from.to_vec()..)
            .map(|item| item.map_err(|error| Error::sled(&self.path, error)))
            .take_while(move |item| item.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
    }

    /// What is under a prefix before a key, the last first.
    pub(crate) fn scan_back<'a>(
        &'a self,
        prefix: &'a [u8],
        before: &[u8],
    ) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), Error>> + use<'a> {
        self.db
            .range(prefix.to_vec()..before.to_vec())
            .rev()
            .map(|item| item.map_err(|error| Error::sled(&self.path, error)))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, Error> {
        self.db.get(key).map_err(|error| Error::sled(&self.path, error))
    }

    /// The records of a ticket, oldest first.
    pub(crate) fn records(&self, id: TicketId) -> Result<Vec<Record>, Error> {
        self.scan(&ticket_prefix(id)).map(|item| self.decode(&item?.1)).collect()
    }

    pub(crate) fn decode<T: serde::de::DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(bytes).map_err(|error| {
            #[derive(serde::Deserialize)]
            struct Versioned {
                v: u32,
            }
            match serde_json::from_slice(bytes) {
                Ok(Versioned { v }) if v > RECORD_VERSION => {
                    Error::Newer { path: self.path.clone(), version: v.to_string() }
                }
                _ => Error::Damaged { path: self.path.clone(), reason: reason(&error) },
            }
        })
    }

    /// Removes every index and makes them again from the events.
    pub(crate) fn rebuild(&self, tickets: &[Ticket], calls: &[Call]) -> Result<(), Error> {
        let old: Vec<sled::IVec> =
            self.scan(b"i").map(|item| item.map(|(key, _)| key)).collect::<Result<_, _>>()?;
        let mut batch = sled::Batch::default();
        old.into_iter().for_each(|key| batch.remove(key));
        let calls: HashMap<&str, &Call> =
            calls.iter().map(|call| (call.sha256.as_str(), call)).collect();
        for ticket in tickets {
            let call = calls.get(ticket.call.as_str()).copied();
            index_keys(ticket, call).into_iter().for_each(|key| batch.insert(key, &[] as &[u8]));
        }
        self.db.apply_batch(batch).map_err(|error| Error::sled(&self.path, error))?;
        self.sync()
    }
}

/// Appends records to a ticket within a transaction, if nobody else did since `expected`.
pub(crate) fn append(
    tx: &TransactionalTree,
    id: TicketId,
    expected: u32,
    records: &[Record],
) -> Applied<()> {
    for (version, record) in (expected..).zip(records) {
        let key = event_key(id, version);
        if tx.get(&key)?.is_some() {
            return Err(ConflictableTransactionError::Abort(Abort::Conflict(id)));
        }
        tx.insert(key, encode(record)?)?;
    }
    Ok(())
}

/// Replaces the indexes of a ticket within a transaction.
pub(crate) fn reindex(
    tx: &TransactionalTree,
    before: Option<&Ticket>,
    after: &Ticket,
    call: Option<&Call>,
) -> Applied<()> {
    if let Some(before) = before {
        for key in index_keys(before, call) {
            tx.remove(key)?;
        }
    }
    for key in index_keys(after, call) {
        tx.insert(key, &[] as &[u8])?;
    }
    Ok(())
}

pub(crate) fn encode<T: serde::Serialize>(value: &T) -> Applied<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| ConflictableTransactionError::Abort(Abort::Encoding(error.to_string())))
}

pub(crate) fn undecodable(error: &serde_json::Error) -> ConflictableTransactionError<Abort> {
    ConflictableTransactionError::Abort(Abort::Encoding(reason(error)))
}

/// Where decoding failed; the decoder's own words might quote the value.
fn reason(error: &serde_json::Error) -> String {
    format!("{:?} error at byte {} of a record", error.classify(), error.column())
}

pub(crate) fn ticket_prefix(id: TicketId) -> Vec<u8> {
    [b"e".as_slice(), &id.key().to_be_bytes()].concat()
}

pub(crate) fn event_key(id: TicketId, version: u32) -> Vec<u8> {
    [b"e".as_slice(), &id.key().to_be_bytes(), &version.to_be_bytes()].concat()
}

/// The ticket and version that an event's key names.
pub(crate) fn event_of(key: &[u8]) -> Option<(TicketId, u32)> {
    let (id, version) = key.strip_prefix(b"e")?.split_at_checked(8)?;
    Some((
        TicketId::from_key(u64::from_be_bytes(id.try_into().ok()?)),
        u32::from_be_bytes(version.try_into().ok()?),
    ))
}

pub(crate) fn index_keys(ticket: &Ticket, call: Option<&Call>) -> Vec<Vec<u8>> {
    let id = ticket.id.key().to_be_bytes();
    let key = |kind: &[u8], value: &[u8]| [b"i", kind, value, &[0], &id].concat();
    let department = ticket.fields.department.as_deref().unwrap_or("");
    let moment = call.map_or(0, |call| call.started_at.as_second());
    vec![
        key(b"s", ticket.status.name().as_bytes()),
        key(b"d", department.as_bytes()),
        key(b"t", &self::moment(moment)),
    ]
}

/// Seconds since 1970 so that they sort, those before it too.
pub(crate) fn moment(seconds: i64) -> [u8; 8] {
    (seconds ^ i64::MIN).to_be_bytes()
}

/// The ticket at the end of an index key.
pub(crate) fn indexed(key: &[u8]) -> Option<TicketId> {
    let id = key.last_chunk::<8>()?;
    Some(TicketId::from_key(u64::from_be_bytes(*id)))
}
