//! Loading a backup. Every call is taken in whole, with its own numbers, and reported once it is
//! on the disk; a backup that was cut off, or an import that was killed, is simply imported again.

use std::collections::HashSet;
use std::io::BufRead;

use sled::transaction::TransactionalTree;

use crate::backup::{self, FORMAT, FileKind, GARBLED, History, Line, Reader};
use crate::department::{department_key, department_log, record_change, rule_key, rule_log};
use crate::event::{Call, Record};
use crate::export::{attached, files_of};
use crate::files::{attachment_key, recording_key, transcript_key};
use crate::journal::{self, Applied};
use crate::people::{person_key, person_log, put_look, put_remark};
use crate::store::{call_key, counter_key, counter_of, export_key};
use crate::{Error, Store, Ticket, TicketId};

/// What an import brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imports {
    /// Calls that were not there before.
    pub calls: u64,
    /// Tickets that were not there before.
    pub tickets: u64,
    /// Calls that were there already.
    pub known: u64,
    /// Files that the backup itself says it lacks.
    pub lost: u64,
}

/// A call with all that happened to its tickets.
#[derive(Debug, Clone, PartialEq)]
pub struct CallHistory {
    /// The call.
    pub call: Call,
    /// Its tickets with their records, oldest first.
    pub tickets: Vec<(TicketId, Vec<Record>)>,
}

/// How a call's line went in.
enum Taken {
    New,
    Known,
}

impl Store {
    /// Loads a backup. `durable` is told each ticket's number once it is on the disk, those that
    /// were there already too. What the store has and the backup has not, stays.
    ///
    /// # Errors
    /// [`Error::Backup`] with the line; everything that was reported before it is in.
    pub fn import(
        &self,
        input: impl BufRead,
        durable: &mut dyn FnMut(TicketId),
    ) -> Result<Imports, Error> {
        let mut reader = Reader::new(input);
        let mut imports = Imports::default();
        let mut files: HashSet<(FileKind, String)> = HashSet::new();
        let mut tickets = 0;
        loop {
            let line = next(&mut reader)?;
            let number = reader.number;
            let wrong = |reason: &str| Error::Backup { line: number, reason: reason.to_owned() };
            match line {
                Line::Backup { format, .. } if reader.number == 1 && format <= FORMAT => {}
                Line::Backup { .. } if reader.number == 1 => {
                    return Err(wrong(
                        "written by a newer version; import it with that version of the program",
                    ));
                }
                _ if reader.number == 1 => return Err(wrong(GARBLED)),
                Line::File { kind, sha256, ending, bytes } => {
                    self.import_file(&mut reader, kind, &sha256, &ending, bytes)?;
                    files.insert((kind, sha256));
                }
                Line::Lost { kind, sha256, .. } => {
                    imports.lost += 1;
                    files.insert((kind, sha256));
                }
                Line::Call { call, tickets: histories } => {
                    let records = histories.iter().flat_map(|history| &history.records);
                    let mut needed = files_of(&call).chain(attached(records));
                    if needed.any(|(kind, sha256, _)| !files.contains(&(kind, sha256))) {
                        return Err(wrong(
                            "a call without its files; take the backup again from where it was made",
                        ));
                    }
                    let numbers: Vec<TicketId> =
                        histories.iter().map(|history| history.id).collect();
                    tickets += numbers.len() as u64;
                    match self
                        .import_call(&call, &histories)
                        .map_err(|error| at_line(error, reader.number))?
                    {
                        Taken::New => {
                            imports.calls += 1;
                            imports.tickets += numbers.len() as u64;
                        }
                        Taken::Known => imports.known += 1,
                    }
                    numbers.into_iter().for_each(&mut *durable);
                }
                Line::End { calls, tickets: all } => {
                    if calls != imports.calls + imports.known || all != tickets || !reader.at_end()
                    {
                        return Err(wrong(GARBLED));
                    }
                    return Ok(imports);
                }
                Line::Backup { .. } | Line::Part(_) => return Err(wrong(GARBLED)),
                beginning => self.journal().commit(|tx| import_beginning(tx, &beginning))?,
            }
        }
    }

    fn import_file<R: BufRead>(
        &self,
        reader: &mut Reader<R>,
        kind: FileKind,
        sha256: &str,
        ending: &str,
        bytes: u64,
    ) -> Result<(), Error> {
        let garbled = |line| Error::Backup { line, reason: GARBLED.to_owned() };
        // Hash and ending become a path: nothing but what this program writes.
        let hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hash || !ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(garbled(reader.number));
        }
        let key = match kind {
            FileKind::Recording => recording_key(sha256, ending),
            FileKind::Transcript => transcript_key(sha256),
            FileKind::Attachment => attachment_key(sha256),
        };
        let mut incoming = self.files().begin(key)?;
        let mut left = bytes;
        while left > 0 {
            let Line::Part(text) = next(reader)? else { return Err(garbled(reader.number)) };
            let part = backup::part_bytes(&text)
                .filter(|part| !part.is_empty() && part.len() as u64 <= left);
            let part = part.ok_or_else(|| garbled(reader.number))?;
            incoming.write(&part)?;
            left -= part.len() as u64;
        }
        incoming.finish(sha256)?.then_some(()).ok_or_else(|| garbled(reader.number))
    }

    /// Takes calls in with tickets whose history is known already, all or none of them; files must
    /// have been put before. For stores that are filled by a program.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn take_histories(&self, calls: &[CallHistory]) -> Result<(), Error> {
        self.journal().commit(|tx| {
            for CallHistory { call, tickets } in calls {
                for (id, records) in tickets {
                    journal::append(tx, *id, 0, records)?;
                    if let Some(ticket) = Ticket::from_records(*id, records.clone()) {
                        journal::reindex(tx, None, &ticket, Some(call))?;
                    }
                    raise_counter(tx, id.day, id.counter)?;
                }
                tx.insert(call_key(&call.sha256), journal::encode(call)?)?;
            }
            Ok(())
        })
    }

    /// Takes a call in, with its tickets, their history and their indexes, all or nothing.
    fn import_call(&self, call: &Call, histories: &[History]) -> Result<Taken, Error> {
        // What is compared here must still be so when it is written.
        let _quiet = self.journal().quiet();
        let known = self.call(&call.sha256)?;
        if known.as_ref().is_some_and(|known| known != call) {
            return Err(differs("its recording was taken into this store as another call"));
        }
        if histories.iter().map(|history| history.id).ne(call.tickets.iter().copied()) {
            return Err(differs("the call names other tickets than it brings"));
        }
        let mut plans = Vec::new();
        for History { id, records } in histories {
            let mine = self.journal().records(*id)?;
            let common = mine.len().min(records.len());
            if mine[..common] != records[..common] {
                return Err(differs(&format!("ticket {id} has another history in this store")));
            }
            let before = Ticket::from_records(*id, mine);
            let had = before.as_ref().map_or(0, |ticket| ticket.version);
            if records.len() <= had as usize {
                continue;
            }
            let after = Ticket::from_records(*id, records.clone());
            let after = after
                .ok_or_else(|| differs(&format!("ticket {id} does not begin with its opening")))?;
            plans.push((before, had, after));
        }
        self.journal().commit_alone(|tx| {
            for (before, had, after) in &plans {
                journal::append(tx, after.id, *had, &after.history[*had as usize..])?;
                journal::reindex(tx, before.as_ref(), after, Some(call))?;
                raise_counter(tx, after.id.day, after.id.counter)?;
            }
            tx.insert(call_key(&call.sha256), journal::encode(call)?)?;
            Ok(())
        })?;
        plans.iter().for_each(|(_, _, after)| self.tell(after));
        Ok(if known.is_some() { Taken::Known } else { Taken::New })
    }
}

/// What comes before the calls.
fn import_beginning(tx: &TransactionalTree, line: &Line) -> Applied<()> {
    match line {
        Line::Department(department) => {
            tx.insert(department_key(&department.name), journal::encode(department)?)?;
        }
        Line::DepartmentChange { name, change } => {
            record_change(tx, &department_log(name), change)?
        }
        Line::Rule { position, rule } => {
            tx.insert(rule_key(*position), journal::encode(rule)?)?;
        }
        Line::RuleChange { position, change } => record_change(tx, &rule_log(*position), change)?,
        Line::Counter { day, counter } => raise_counter(tx, *day, *counter)?,
        Line::Exported(exported) => {
            tx.insert(export_key(exported.at, &exported.by), journal::encode(exported)?)?;
        }
        Line::Person(person) => {
            // An account that is here already has a newer password, or was taken from somebody.
            let key = person_key(&person.login);
            if tx.get(&key)?.is_none() {
                tx.insert(key, journal::encode(person)?)?;
            }
        }
        Line::PersonChange { login, change } => record_change(tx, &person_log(login), change)?,
        Line::Look(look) => put_look(tx, look)?,
        Line::Remark { call, remark } => put_remark(tx, call, remark)?,
        _ => {}
    }
    Ok(())
}

/// A number that was given once is never given again.
fn raise_counter(tx: &TransactionalTree, day: u32, counter: u32) -> Applied<()> {
    let key = counter_key(day);
    if tx.get(&key)?.is_none_or(|bytes| counter_of(&bytes) < counter) {
        tx.insert(key, &counter.to_be_bytes())?;
    }
    Ok(())
}

fn next<R: BufRead>(reader: &mut Reader<R>) -> Result<Line, Error> {
    reader.next().map_err(|reason| Error::Backup { line: reader.number, reason })
}

/// A refusal whose line is not known yet.
fn differs(what: &str) -> Error {
    Error::Backup {
        line: 0,
        reason: format!(
            "{what}; import the backup into an empty folder: hotline --data NEW import FILE"
        ),
    }
}

fn at_line(error: Error, number: usize) -> Error {
    match error {
        Error::Backup { line: 0, reason } => Error::Backup { line: number, reason },
        other => other,
    }
}
