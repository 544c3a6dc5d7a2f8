//! Writing the store out: the full backup, the redacted dump.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::backup::{FORMAT, FileKind, History, Line, PART, Writer};
use crate::event::{Call, Event, Record};
use crate::files::{self, sha256_file};
use crate::{Error, Store, Ticket, journal};

/// What an export held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exports {
    /// Calls.
    pub calls: u64,
    /// Tickets.
    pub tickets: u64,
    /// Files that the store refers to and does not have, or not as they were: not in the export.
    pub lost: Vec<PathBuf>,
}

impl Store {
    /// Writes the full backup: events, recordings, transcripts, departments. It holds everything
    /// that callers said; that it was made is recorded first. Streams; calls come in the order in
    /// which they were received.
    ///
    /// # Errors
    /// `out`'s, under the name `to`; [`Error::Damaged`].
    pub fn export_full(
        &self,
        out: &mut dyn Write,
        to: &Path,
        by: &str,
        at: Timestamp,
    ) -> Result<Exports, Error> {
        self.record_export("full", by, at)?;
        let wrong = |error| Error::io(to, error);
        let mut writer = Writer::new(BufWriter::new(out));
        writer
            .line(&Line::Backup {
                format: FORMAT,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                at,
            })
            .map_err(wrong)?;
        for line in self.beginnings()? {
            writer.line(&line).map_err(wrong)?;
        }
        let mut exports = Exports::default();
        let mut order: Vec<(Timestamp, String)> = Vec::new();
        for item in self.journal().scan(b"c") {
            let call: Call = self.journal().decode(&item?.1)?;
            order.push((call.received_at, call.sha256));
        }
        order.sort();
        let mut written = HashSet::new();
        for (_, sha256) in order {
            let Some(call) = self.call(&sha256)? else { continue };
            let mut tickets = Vec::new();
            for id in &call.tickets {
                tickets.push(History { id: *id, records: self.journal().records(*id)? });
            }
            let records = tickets.iter().flat_map(|history| &history.records);
            for (kind, sha256, ending) in files_of(&call).chain(attached(records)) {
                if written.insert((kind, sha256.clone())) {
                    self.export_file(&mut writer, kind, sha256, ending, to, &mut exports)?;
                }
            }
            exports.calls += 1;
            exports.tickets += tickets.len() as u64;
            writer.line(&Line::Call { call, tickets }).map_err(wrong)?;
        }
        writer
            .line(&Line::End { calls: exports.calls, tickets: exports.tickets })
            .map_err(wrong)?;
        writer.flush().map_err(wrong)?;
        Ok(exports)
    }

    /// Writes the full backup into a file that only its owner can read. It has its name once it is
    /// whole and on the disk: a killed export leaves none that looks like one.
    ///
    /// # Errors
    /// The file system's; [`Error::Damaged`].
    pub fn export_full_to(&self, path: &Path, by: &str, at: Timestamp) -> Result<Exports, Error> {
        let mut staged = path.as_os_str().to_owned();
        staged.push(".part");
        let staged = PathBuf::from(staged);
        let wrong = |error| Error::io(path, error);
        // A left-over of a killed export might be readable to others.
        if staged.exists() {
            std::fs::remove_file(&staged).map_err(wrong)?;
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&staged)
            .map_err(wrong)?;
        let exported = self.export_full(&mut file, path, by, at);
        let exported = exported.and_then(|exports| {
            file.sync_all().and_then(|()| std::fs::rename(&staged, path)).map_err(wrong)?;
            files::sync(
                path.parent()
                    .filter(|above| !above.as_os_str().is_empty())
                    .unwrap_or(Path::new(".")),
            )?;
            Ok(exports)
        });
        if exported.is_err() {
            let _ = std::fs::remove_file(&staged);
        }
        exported
    }

    /// Everything that comes before the calls.
    fn beginnings(&self) -> Result<Vec<Line>, Error> {
        let journal = self.journal();
        let mut lines: Vec<Line> = self.departments()?.into_iter().map(Line::Department).collect();
        for item in journal.scan(b"l") {
            let (key, value) = item?;
            let name = String::from_utf8_lossy(
                key.get(1..key.len().saturating_sub(5)).unwrap_or_default(),
            )
            .into_owned();
            lines.push(Line::DepartmentChange { name, change: journal.decode(&value)? });
        }
        for (position, rule) in (0..).zip(self.dispatch_table()?) {
            lines.push(Line::Rule { position, rule });
        }
        for item in journal.scan(b"q") {
            let (key, value) = item?;
            let position =
                key.get(1..3).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_be_bytes);
            lines.push(Line::RuleChange { position, change: journal.decode(&value)? });
        }
        for item in journal.scan(b"n") {
            let (key, value) = item?;
            let day = key.get(1..).map_or(0, crate::store::counter_of);
            lines.push(Line::Counter { day, counter: crate::store::counter_of(&value) });
        }
        for item in journal.scan(b"x") {
            lines.push(Line::Exported(journal.decode(&item?.1)?));
        }
        lines.extend(self.people()?.into_iter().map(Line::Person));
        for change in self.person_changes()? {
            let login = change.to.as_ref().or(change.from.as_ref());
            let login = login.map_or(String::new(), |person| person.login.clone());
            lines.push(Line::PersonChange { login, change });
        }
        for item in journal.scan(b"k") {
            lines.push(Line::Look(journal.decode(&item?.1)?));
        }
        for (call, remark) in self.all_remarks()? {
            lines.push(Line::Remark { call, remark });
        }
        Ok(lines)
    }

    fn export_file<W: Write>(
        &self,
        writer: &mut Writer<W>,
        kind: FileKind,
        sha256: String,
        ending: String,
        to: &Path,
        exports: &mut Exports,
    ) -> Result<(), Error> {
        let wrong = |error| Error::io(to, error);
        let path = match kind {
            FileKind::Recording => self.files().recording(&sha256, &ending),
            FileKind::Transcript => self.files().transcript(&sha256),
            FileKind::Attachment => self.files().attachment(&sha256),
        };
        if sha256_file(&path).ok().as_ref() != Some(&sha256) {
            exports.lost.push(path);
            return writer.line(&Line::Lost { kind, sha256, ending }).map_err(wrong);
        }
        let mut file = File::open(&path).map_err(|error| Error::io(&path, error))?;
        let bytes = file.metadata().map_err(|error| Error::io(&path, error))?.len();
        writer.line(&Line::File { kind, sha256, ending, bytes }).map_err(wrong)?;
        let mut part = Vec::with_capacity(PART);
        loop {
            part.clear();
            let count = Read::by_ref(&mut file)
                .take(PART as u64)
                .read_to_end(&mut part)
                .map_err(|error| Error::io(&path, error))?;
            if count == 0 {
                return Ok(());
            }
            writer.line(&Line::part(&part)).map_err(wrong)?;
        }
    }

    /// Writes one JSON object a line and ticket, without what would tell who called: no name, no
    /// number, no address below the street's office; free text goes through `redact`. Streams.
    ///
    /// # Errors
    /// `out`'s, under the name `to`; [`Error::Damaged`].
    pub fn export_redacted(
        &self,
        out: &mut dyn Write,
        to: &Path,
        redact: &dyn Fn(&str) -> String,
    ) -> Result<Exports, Error> {
        let mut out = BufWriter::new(out);
        let mut exports = Exports::default();
        let mut calls = HashSet::new();
        for item in self.journal().scan(b"it") {
            let Some(id) = journal::indexed(&item?.0) else { continue };
            let ticket = self.ticket(id)?;
            let call = self.call(&ticket.call)?;
            writeln!(out, "{}", redacted(&ticket, call.as_ref(), redact))
                .map_err(|error| Error::io(to, error))?;
            exports.tickets += 1;
            calls.insert(ticket.call);
        }
        exports.calls = calls.len() as u64;
        out.flush().map_err(|error| Error::io(to, error))?;
        Ok(exports)
    }
}

/// The files that a call refers to: hash and ending.
pub(crate) fn files_of(call: &Call) -> impl Iterator<Item = (FileKind, String, String)> {
    let recording = (FileKind::Recording, call.sha256.clone(), call.ending.clone());
    let transcript = (FileKind::Transcript, call.transcript.clone(), "json".to_owned());
    // A ticket that was opened by hand has neither.
    let there = [call.has_sound(), !call.transcript.is_empty()];
    [recording, transcript].into_iter().zip(there).filter_map(|(file, there)| there.then_some(file))
}

/// The files that were attached to a ticket.
pub(crate) fn attached<'a>(
    records: impl Iterator<Item = &'a Record>,
) -> impl Iterator<Item = (FileKind, String, String)> {
    records.filter_map(|record| match &record.event {
        Event::Attached(file) => {
            Some((FileKind::Attachment, file.sha256.clone(), "bin".to_owned()))
        }
        _ => None,
    })
}

/// In place of what is not told.
const BLANK: &str = "***";

fn redacted(ticket: &Ticket, call: Option<&Call>, redact: &dyn Fn(&str) -> String) -> Value {
    let fields = &ticket.fields;
    let blank = |field: &Option<String>| field.as_ref().map(|_| BLANK);
    // The road that the ticket is about may be where its caller lives.
    let detail = fields.place.as_ref().map(|place| place.detail.as_str()).unwrap_or_default();
    let redact: &dyn Fn(&str) -> String = &|text| match detail {
        detail if detail.chars().nth(1).is_none() => redact(text),
        detail => redact(text).replace(detail, BLANK),
    };
    let place = fields
        .place
        .as_ref()
        .map(|place| json!({ "text": BLANK, "codes": place.codes, "names": place.names }));
    json!({
        "id": ticket.id,
        "status": ticket.status,
        "type": fields.request_type,
        "category": fields.category,
        "category_2": fields.category_2,
        "department": fields.department,
        "department_reason": fields.department_reason.as_deref().map(redact),
        "urgency": fields.urgency,
        "emergency": fields.emergency,
        "emergency_kind": fields.emergency_kind,
        "phone": blank(&fields.phone),
        "place": place,
        "when": fields.when.as_ref().map(|when| json!({ "from": when.from, "to": when.to })),
        "name": blank(&fields.name),
        "subject": fields.subject.as_deref().map(redact),
        "deadline": fields.deadline,
        "title": redact(&fields.title),
        "missing": fields.missing,
        "notes": fields.notes,
        "confidence": fields.confidence,
        "call": call.map(|call| json!({
            "sha256": call.sha256,
            "started_at": call.started_at,
            "received_at": call.received_at,
            "duration_ms": call.duration_ms,
            "outcome": call.outcome,
            "incomplete": call.incomplete.is_some(),
            "made_by": call.made_by,
        })),
        "history": ticket.history.iter().map(|record| redacted_record(record, redact)).collect::<Vec<_>>(),
    })
}

fn redacted_record(record: &Record, redact: &dyn Fn(&str) -> String) -> Value {
    let mut what = match &record.event {
        Event::Opened { status, .. } => json!({ "event": "opened", "status": status }),
        Event::Corrected { field, from, to, why } => {
            let told = !matches!(field.as_str(), "phone" | "name" | "place" | "when");
            let value = |value: &Value| match value {
                Value::String(text) if told => Value::String(redact(text)),
                Value::Bool(_) | Value::Null => value.clone(),
                _ => Value::String(BLANK.to_owned()),
            };
            json!({ "event": "corrected", "field": field, "from": value(from), "to": value(to), "why": redact(why) })
        }
        Event::TranscriptCorrected { utterance, from, to, why } => json!({
            "event": "transcript_corrected",
            "utterance": utterance,
            "from": redact(from),
            "to": redact(to),
            "why": redact(why),
        }),
        // What moves a ticket tells nothing of its caller but in the words that go with it.
        event => redacted_words(serde_json::to_value(event).unwrap_or_default(), redact),
    };
    what["at"] = json!(record.at);
    what["by"] = json!(record.by);
    what
}

/// Every text of an event's own words blanked of what tells who called; what the program itself
/// writes (the event's name, departments, hashes) stays.
fn redacted_words(mut event: Value, redact: &dyn Fn(&str) -> String) -> Value {
    const WORDS: [&str; 8] =
        ["why", "what", "text", "handling", "reply", "reason", "words", "name"];
    for (field, value) in event.as_object_mut().into_iter().flatten() {
        if let Value::String(text) = value
            && WORDS.contains(&field.as_str())
        {
            *text = redact(text);
        }
    }
    event
}
