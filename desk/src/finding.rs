//! The index beside the store: told of every change, and made good at every start.
//!
//! A thread of its own puts what changed into the index in small batches; the journal is the truth,
//! and whatever the index lacks after a crash is found by comparing versions.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tickets::{Error, Ticket, TicketId};

use crate::Desk;
use crate::summary::Summary;
use crate::transcript;

/// How long a change waits for others.
const GATHER: Duration = Duration::from_millis(700);
/// How long a batch that failed waits before it is tried again.
const AGAIN: Duration = Duration::from_secs(10);
/// Tickets put between two commits while many are owed.
const BATCH: usize = 2000;

/// Outcome of what is no call: a ticket that was opened by hand.
const BY_HAND: &str = "hand";

/// The index and what it is owed.
pub struct Finding {
    index: search::Index,
    owed: Mutex<Owed>,
    wake: Condvar,
}

#[derive(Default)]
struct Owed {
    ids: BTreeSet<TicketId>,
    closed: bool,
    /// Whether a batch is being put.
    busy: bool,
}

impl Finding {
    /// # Errors
    /// A folder that cannot be used.
    pub fn open(dir: &Path) -> Result<Finding, Error> {
        let index = search::Index::open(dir).map_err(|error| told(dir, error))?;
        Ok(Finding { index, owed: Mutex::default(), wake: Condvar::new() })
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket changed.
    pub fn changed(&self, id: TicketId) {
        self.owed().ids.insert(id);
        self.wake.notify_all();
    }

    /// No more changes come.
    pub fn close(&self) {
        self.owed().closed = true;
        self.wake.notify_all();
    }

    /// Waits until everything that changed so far can be found, at most so long; whether it can.
    #[cfg(test)]
    pub fn settle(&self, longest: Duration) -> bool {
        let until = std::time::Instant::now() + longest;
        let mut owed = self.owed();
        while !owed.ids.is_empty() || owed.busy {
            let Some(left) = until.checked_duration_since(std::time::Instant::now()) else {
                return false;
            };
            owed = self.wake.wait_timeout(owed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// # Errors
    /// A damaged index.
    pub fn find(&self, query: &search::Query) -> Result<search::Found, search::Error> {
        self.index.find(query)
    }

    /// # Errors
    /// A damaged index.
    pub fn similar(
        &self,
        text: &str,
        filters: &search::Query,
        limit: usize,
    ) -> Result<Vec<(String, f32)>, search::Error> {
        self.index.similar(text, filters, limit)
    }
}

/// An error of the index as one of the store, beside which it lies.
fn told(dir: &Path, error: search::Error) -> Error {
    match error {
        search::Error::Io { path, source } => Error::io(&path, source),
        search::Error::Full { path } => Error::Full { path },
        other => {
            Error::Io { path: dir.to_owned(), source: std::io::Error::other(other.to_string()) }
        }
    }
}

impl Desk {
    /// Compares the index with the journal: what differs is owed to it.
    ///
    /// # Errors
    /// A damaged index.
    pub fn compare_index(&self) -> Result<usize, Error> {
        let dir = self.store.root().join("index");
        let known = self.finding.index.versions().map_err(|error| told(&dir, error))?;
        let board = self.board();
        let differs = |summary: &&Summary| {
            known.get(&summary.id.to_string()).copied() != Some(u64::from(summary.version))
        };
        let differing: Vec<TicketId> =
            board.all().filter(differs).map(|summary| summary.id).collect();
        // What the index holds and the store does not, was imported elsewhere or never there.
        let strangers: Vec<&String> = known
            .keys()
            .filter(|key| key.parse().is_ok_and(|id| board.get(id).is_none()))
            .collect();
        self.finding.index.remove(&strangers);
        drop(board);
        let mut owed = self.finding.owed();
        owed.ids.extend(&differing);
        // Calls that gave no ticket never change: they are put when they are missing.
        drop(owed);
        self.put_calls(&known)?;
        self.finding.wake.notify_all();
        Ok(differing.len())
    }

    fn put_calls(&self, known: &std::collections::HashMap<String, u64>) -> Result<(), Error> {
        let mut entries = Vec::new();
        for call in self.store.calls()? {
            if call.tickets.is_empty() && !known.contains_key(&call.sha256) {
                entries.push(self.call_entry(&call)?);
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let put = self.finding.index.put(&entries).and_then(|()| self.finding.index.commit());
        put.map_err(|error| told(&self.store.root().join("index"), error))
    }

    /// Makes a call findable that gave no ticket.
    pub fn call_taken(&self, call: &tickets::Call) {
        let put = self.call_entry(call).map_err(|error| error.to_string()).and_then(|entry| {
            let put = self.finding.index.put(&[entry]);
            put.and_then(|()| self.finding.index.commit()).map_err(|error| error.to_string())
        });
        if let Err(error) = put {
            tracing::error!("{error}");
        }
    }

    /// Puts what is owed into the index until the desk closes. Runs on a thread of its own.
    pub fn keep_index(&self) {
        loop {
            let batch = {
                let mut owed = self.finding.owed();
                while owed.ids.is_empty() && !owed.closed {
                    owed = self.finding.wake.wait(owed).unwrap_or_else(PoisonError::into_inner);
                }
                if owed.ids.is_empty() {
                    return;
                }
                if owed.ids.len() < BATCH && !owed.closed {
                    // A change seldom comes alone.
                    let gathered = self.finding.wake.wait_timeout(owed, GATHER / 2);
                    owed = gathered.unwrap_or_else(PoisonError::into_inner).0;
                }
                owed.busy = true;
                let mut batch = BTreeSet::new();
                while batch.len() < BATCH
                    && let Some(id) = owed.ids.pop_first()
                {
                    batch.insert(id);
                }
                batch
            };
            let put = catch_unwind(AssertUnwindSafe(|| self.put(&batch)));
            if let Err(error) = put.unwrap_or_else(|_| Err("its thread panicked".to_owned())) {
                // The journal has it all: what is missing is tried again, now and at the next start.
                tracing::error!("the index: {error}");
                let mut owed = self.finding.owed();
                if !owed.closed {
                    owed.ids.extend(batch);
                    drop(self.finding.wake.wait_timeout(owed, AGAIN));
                }
            }
            self.finding.owed().busy = false;
            self.finding.wake.notify_all();
        }
    }

    fn put(&self, ids: &BTreeSet<TicketId>) -> Result<(), String> {
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            // One that cannot be read must not keep the others from being found.
            match self.store.ticket(*id).and_then(|ticket| self.entry(&ticket)) {
                Ok(entry) => entries.push(entry),
                Err(error) => tracing::error!(ticket = %id, "not in the index: {error}"),
            }
        }
        let put = self.finding.index.put(&entries);
        put.and_then(|()| self.finding.index.commit()).map_err(|error| error.to_string())
    }

    fn entry(&self, ticket: &Ticket) -> Result<search::Entry, Error> {
        let summary = self.summary(ticket)?;
        let fields = &ticket.fields;
        let texts = [
            Some(&fields.title),
            fields.subject.as_ref(),
            fields.description.as_ref(),
            fields.name.as_ref(),
            fields.category_2.as_ref(),
            fields.department.as_ref(),
            Some(&fields.category),
        ];
        let answer = ticket.life.answer.iter().flat_map(|answer| [&answer.handling, &answer.reply]);
        let place = summary.place.concat();
        // Found by what lists show of them.
        let numbers = [ticket.id.to_string(), summary.caller.clone().unwrap_or_default()];
        let corrected = transcript::corrections(std::iter::once(ticket));
        let call = self.store.call(&ticket.call)?;
        let transcript = match &call {
            Some(call) => self.lines(call, &corrected)?,
            None => Vec::new(),
        };
        Ok(search::Entry {
            key: ticket.id.to_string(),
            version: u64::from(ticket.version),
            call: ticket.call.clone(),
            ticket: true,
            started_at: summary.started_at.as_second(),
            texts: texts
                .into_iter()
                .flatten()
                .chain(answer)
                .cloned()
                .chain([place])
                .chain(numbers)
                .collect(),
            transcript,
            department: summary.department.iter().chain(&summary.co).cloned().collect(),
            category: summary.category,
            request_type: summary.request_type,
            status: summary.status.name().to_owned(),
            caller_key: summary.caller_key.unwrap_or_default(),
            place: summary.place,
            confidence: summary.confidence,
            outcome: if summary.has_sound { "tickets" } else { BY_HAND }.to_owned(),
        })
    }

    fn call_entry(&self, call: &tickets::Call) -> Result<search::Entry, Error> {
        Ok(search::Entry {
            key: call.sha256.clone(),
            version: 1,
            call: call.sha256.clone(),
            started_at: call.started_at.as_second(),
            transcript: self.lines(call, &std::collections::BTreeMap::new())?,
            outcome: call.outcome.clone(),
            confidence: 1.0,
            ..search::Entry::default()
        })
    }

    /// A transcript that is gone must not keep its ticket from being found.
    fn lines(
        &self,
        call: &tickets::Call,
        corrected: &std::collections::BTreeMap<usize, String>,
    ) -> Result<Vec<search::Line>, Error> {
        let Ok(stored) = transcript::load(&self.store, call) else { return Ok(Vec::new()) };
        let said = stored.heard.said.iter().enumerate();
        let line = |(n, said): (usize, &nlu::Said)| search::Line {
            text: corrected.get(&n).cloned().unwrap_or_else(|| said.text()),
            start_ms: said.start_ms,
        };
        Ok(said.map(line).collect())
    }
}
