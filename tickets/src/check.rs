//! Checking a store: every event, every index, every file.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use crate::backup::FileKind;
use crate::event::{Call, Record};
use crate::export::{attached, files_of};
use crate::files::sha256_file;
use crate::journal::{event_of, index_keys};
use crate::store::{counter_key, counter_of};
use crate::{Error, Store, Ticket, TicketId};

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Calls that were looked at.
    pub calls: u64,
    /// Tickets that were looked at.
    pub tickets: u64,
    /// Files that were read through.
    pub files: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Files that no call refers to. A killed `take` leaves them; they do no harm, and taking the
    /// same recording again makes use of them. Many of them point to a journal that lost calls.
    pub unreferenced: Vec<PathBuf>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What, and where.
    pub what: String,
    /// What to do.
    pub remedy: &'static str,
}

const RESTORE: &str = "import a backup into an empty folder: hotline --data NEW import FILE";
const REBUILD: &str = "hotline rebuild";
const RETAKE: &str = "put the file back from a backup: hotline import FILE";

impl Store {
    /// Looks at everything: events decode, versions follow on one another, calls and tickets know
    /// each other, indexes say what the events say, files are there and are what their names say.
    ///
    /// # Errors
    /// Only what keeps the check itself from going on.
    pub fn check(&self) -> Result<Checked, Error> {
        let mut checked = Checked::default();
        // Listed first: a call that is taken in meanwhile brings files that no call here refers to.
        let files = self.files().list()?;
        // Events and indexes belong to one moment; the files, which take long, are read afterwards.
        let quiet = self.journal().quiet();
        let calls = self.check_calls(&mut checked)?;
        let tickets = self.check_tickets(&mut checked)?;
        check_bonds(&calls, &tickets, &mut checked);
        self.check_indexes(&calls, &tickets, &mut checked)?;
        drop(quiet);
        self.check_files(&calls, &tickets, files, &mut checked)?;
        Ok(checked)
    }

    fn check_calls(&self, checked: &mut Checked) -> Result<BTreeMap<String, Call>, Error> {
        let mut calls = BTreeMap::new();
        for item in self.journal().scan(b"c") {
            let (key, value) = item?;
            checked.calls += 1;
            match self.journal().decode::<Call>(&value) {
                Ok(call) if key.get(1..) == Some(call.sha256.as_bytes()) => {
                    calls.insert(call.sha256.clone(), call);
                }
                _ => {
                    let name =
                        String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
                    checked.find(format!("call {name}: its record cannot be read"), RESTORE);
                }
            }
        }
        Ok(calls)
    }

    fn check_tickets(&self, checked: &mut Checked) -> Result<BTreeMap<TicketId, Ticket>, Error> {
        let mut histories: BTreeMap<TicketId, Vec<(u32, Option<Record>)>> = BTreeMap::new();
        for item in self.journal().scan(b"e") {
            let (key, value) = item?;
            match event_of(&key) {
                Some((id, version)) => {
                    histories
                        .entry(id)
                        .or_default()
                        .push((version, self.journal().decode(&value).ok()));
                }
                None => checked.find(format!("an event's key of {} bytes", key.len()), RESTORE),
            }
        }
        let mut tickets = BTreeMap::new();
        for (id, history) in histories {
            checked.tickets += 1;
            if (0..).zip(&history).any(|(expected, (version, _))| expected != *version) {
                checked.find(format!("ticket {id}: an event is missing"), RESTORE);
            }
            if let Some((version, _)) = history.iter().find(|(_, record)| record.is_none()) {
                checked.find(format!("ticket {id}: event {version} cannot be read"), RESTORE);
            }
            match Ticket::from_records(
                id,
                history.into_iter().filter_map(|(_, record)| record).collect(),
            ) {
                Some(ticket) => {
                    tickets.insert(id, ticket);
                }
                None => {
                    checked.find(format!("ticket {id}: does not begin with its opening"), RESTORE)
                }
            }
            let counter =
                self.journal().get(&counter_key(id.day))?.map_or(0, |bytes| counter_of(&bytes));
            if counter < id.counter {
                checked.find(format!("ticket {id}: its number could be given again"), RESTORE);
            }
        }
        Ok(tickets)
    }

    fn check_indexes(
        &self,
        calls: &BTreeMap<String, Call>,
        tickets: &BTreeMap<TicketId, Ticket>,
        checked: &mut Checked,
    ) -> Result<(), Error> {
        let expected: BTreeSet<Vec<u8>> = tickets
            .values()
            .flat_map(|ticket| index_keys(ticket, calls.get(&ticket.call)))
            .collect();
        let mut found = BTreeSet::new();
        for item in self.journal().scan(b"i") {
            found.insert(item?.0.to_vec());
        }
        let missing = expected.difference(&found).count();
        let false_ones = found.difference(&expected).count();
        if missing + false_ones > 0 {
            checked.find(
                format!("the indexes: {missing} entries missing, {false_ones} false"),
                REBUILD,
            );
        }
        Ok(())
    }

    fn check_files(
        &self,
        calls: &BTreeMap<String, Call>,
        tickets: &BTreeMap<TicketId, Ticket>,
        files: Vec<PathBuf>,
        checked: &mut Checked,
    ) -> Result<(), Error> {
        let mut referenced = HashSet::new();
        let records = tickets.values().flat_map(|ticket| &ticket.history);
        for (kind, sha256, ending) in calls.values().flat_map(files_of).chain(attached(records)) {
            let (what, path) = match kind {
                FileKind::Recording => ("recording", self.files().recording(&sha256, &ending)),
                FileKind::Transcript => ("transcript", self.files().transcript(&sha256)),
                FileKind::Attachment => ("attachment", self.files().attachment(&sha256)),
            };
            if !referenced.insert(path.clone()) {
                continue;
            }
            checked.files += 1;
            match sha256_file(&path) {
                Ok(found) if found == sha256 => {}
                Ok(_) => checked
                    .find(format!("{}: this {what} is not what it was", path.display()), RETAKE),
                Err(error) => checked.find(
                    format!("{}: this {what} cannot be read: {error}", path.display()),
                    RETAKE,
                ),
            }
        }
        checked.unreferenced =
            files.into_iter().filter(|path| !referenced.contains(path)).collect();
        checked.unreferenced.sort();
        Ok(())
    }
}

/// Calls and tickets must know each other.
fn check_bonds(
    calls: &BTreeMap<String, Call>,
    tickets: &BTreeMap<TicketId, Ticket>,
    checked: &mut Checked,
) {
    for (sha256, call) in calls {
        for id in call
            .tickets
            .iter()
            .filter(|id| tickets.get(id).is_none_or(|ticket| ticket.call != *sha256))
        {
            checked.find(format!("call {sha256}: its ticket {id} is not there"), RESTORE);
        }
    }
    for (id, ticket) in tickets {
        if calls.get(&ticket.call).is_none_or(|call| !call.tickets.contains(id)) {
            checked.find(format!("ticket {id}: its call is not there"), RESTORE);
        }
    }
}

impl Checked {
    fn find(&mut self, what: String, remedy: &'static str) {
        self.findings.push(Finding { what, remedy });
    }
}
