//! The automatic check of calls: a ticket held against what the words of its call say. What was found
//! is kept in a file beside the store, since understanding a call again takes time; losing it loses
//! nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tickets::{Call, Error, Ticket, TicketId};

use crate::problem::Problem;
use crate::{Desk, transcript};

/// The file, one line of JSON a check; the last of a call counts.
const KEPT: &str = "CHECKS";

/// Something about a ticket that its call does not bear out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Check {
    #[schema(value_type = String)]
    code: Cow<'static, str>,
    text: String,
    #[schema(value_type = Option<String>)]
    ticket: Option<TicketId>,
    #[schema(value_type = Option<String>)]
    field: Option<Cow<'static, str>>,
}

/// What was found, by call.
#[derive(Debug)]
pub struct Checks(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    known: HashMap<String, Known>,
    file: File,
}

/// What was found when the tickets of a call had these versions, summed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    versions: u64,
    found: Vec<Check>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    call: Cow<'a, str>,
    #[serde(flatten)]
    known: Cow<'a, Known>,
}

impl Checks {
    /// Reads what was found before. Lines that cannot be read, the last one of a killed process
    /// among them, are checked again.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn open(root: &Path) -> Result<Checks, Error> {
        let path = root.join(KEPT);
        let kept = std::fs::read(&path).unwrap_or_default();
        let lines = kept.split(|byte| *byte == b'\n');
        let known: HashMap<String, Known> = lines
            .filter_map(|line| serde_json::from_slice::<Line>(line).ok())
            .map(|line| (line.call.into_owned(), line.known.into_owned()))
            .collect();
        // Written anew, so that it does not grow with every change of a ticket for ever.
        let staged = path.with_extension("part");
        let write = || {
            let mut out = BufWriter::new(File::create(&staged)?);
            for (call, known) in &known {
                out.write_all(&line(call, known))?;
            }
            let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            std::fs::rename(&staged, &path)?;
            Ok(file)
        };
        let file = write().map_err(|error| Error::io(&path, error))?;
        Ok(Checks(Mutex::new(Kept { known, file })))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls with a check that found something.
    pub fn flagged(&self) -> Vec<String> {
        let kept = self.kept();
        let flagged = kept.known.iter().filter(|(_, known)| !known.found.is_empty());
        flagged.map(|(call, _)| call.clone()).collect()
    }

    /// What was found last about the tickets that a call names.
    pub fn known(&self, call: &Call) -> Vec<Check> {
        let kept = self.kept();
        kept.known.get(&call.sha256).map_or_else(Vec::new, |known| of(call, &known.found))
    }

    fn keep(&self, call: &str, known: Known) {
        let mut kept = self.kept();
        // On a full disk it is only found again after the next start.
        if let Err(error) = kept.file.write_all(&line(call, &known)) {
            tracing::warn!("{KEPT}: {error}");
        }
        kept.known.insert(call.to_owned(), known);
    }
}

fn line(call: &str, known: &Known) -> Vec<u8> {
    let line = Line { call: Cow::Borrowed(call), known: Cow::Borrowed(known) };
    let mut line = serde_json::to_vec(&line).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Of several matters in one call, those that the call names: a department sees its own.
fn of(call: &Call, found: &[Check]) -> Vec<Check> {
    let named = |check: &&Check| check.ticket.is_none_or(|id| call.tickets.contains(&id));
    found.iter().filter(named).cloned().collect()
}

impl Desk {
    /// Holds the tickets of a call against what its words say; from memory while none of them
    /// changes, since understanding an hour of speech takes most of a second.
    pub(crate) fn check(&self, call: &Call) -> Result<Vec<Check>, Problem> {
        let (ids, versions) = {
            let board = self.board();
            let tickets = board.of_call(&call.sha256);
            let sum = tickets.map(|ticket| u64::from(ticket.version)).sum::<u64>();
            (board.of_call(&call.sha256).map(|ticket| ticket.id).collect::<Vec<_>>(), sum)
        };
        let remembered = |kept: &Kept| {
            let known = kept.known.get(&call.sha256).filter(|known| known.versions == versions)?;
            Some(of(call, &known.found))
        };
        if let Some(found) = remembered(&self.checks.kept()) {
            return Ok(found);
        }
        let stored = transcript::load(&self.store, call)?;
        let mut tickets = Vec::new();
        for id in ids {
            tickets.push(self.store.ticket(id)?);
        }
        let found = check(&stored.heard, &tickets, &*self.house.decide);
        let shown = of(call, &found);
        self.checks.keep(&call.sha256, Known { versions, found });
        Ok(shown)
    }
}

/// Least confidence with which the words speak against a ticket.
const SURE: f64 = 0.6;

fn check(
    heard: &nlu::Heard,
    tickets: &[Ticket],
    decide: &dyn Fn(&nlu::Heard) -> Vec<tickets::Fields>,
) -> Vec<Check> {
    let mut heard = heard.clone();
    for (n, text) in transcript::corrections(tickets.iter()) {
        if let Some(said) = heard.said.get_mut(n) {
            *said = nlu::Said {
                leg_uncertain: said.leg_uncertain,
                ..nlu::Said::from_text(said.leg, &text)
            };
        }
    }
    let decided = decide(&heard);
    let phones: Vec<String> = heard
        .said
        .iter()
        .flat_map(|said| nlu::entities(&said.text(), heard.started_at).phones)
        .map(|phone| phone.value)
        .collect();
    let mut found = Vec::new();
    for ticket in tickets {
        let fields = &ticket.fields;
        let mut add = |code: &'static str, field: &'static str, text: String| {
            let (code, field) = (Cow::Borrowed(code), Some(Cow::Borrowed(field)));
            found.push(Check { code, text, ticket: Some(ticket.id), field });
        };
        if let Some(said) = decided.get(ticket.matter) {
            let sure = |field: &str| said.confidence.get(field).copied().unwrap_or(0.0) >= SURE;
            if said.request_type != fields.request_type && sure("type") {
                let text = format!(
                    "工单类型是「{}」，通话内容像「{}」",
                    fields.request_type, said.request_type
                );
                add("type", "type", text);
            }
            if said.category != fields.category && sure("category") {
                let text =
                    format!("工单分类是「{}」，通话内容像「{}」", fields.category, said.category);
                add("category", "category", text);
            }
            let district = |place: &Option<tickets::Place>| {
                place.as_ref().and_then(|place| place.names.get(2).cloned())
            };
            let (is, was) = (district(&fields.place), district(&said.place));
            if was.is_some() && is != was && sure("place") {
                let text = format!(
                    "工单地址是「{}」，通话中说的是「{}」",
                    is.unwrap_or_else(|| "空".to_owned()),
                    was.unwrap_or_default()
                );
                add("place", "place", text);
            }
        }
        match (&fields.phone, phones.is_empty()) {
            (None, false) => {
                add("phone-missed", "phone", "通话中留了电话，工单没有记录".to_owned())
            }
            (None, true) if fields.missing.iter().any(|field| field == "phone") => {
                add("phone-missing", "phone", "没有问到联系电话".to_owned());
            }
            (Some(phone), false) if !phones.contains(phone) => {
                add("phone-differs", "phone", "工单电话与通话中说的号码不一致".to_owned());
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_there_after_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let check = |text: &str| Check {
            code: "phone-missed".into(),
            text: text.to_owned(),
            ticket: None,
            field: Some("phone".into()),
        };
        let checks = Checks::open(dir.path()).unwrap();
        checks.keep("a", Known { versions: 1, found: vec![check("旧")] });
        checks.keep("b", Known { versions: 1, found: vec![check("旧")] });
        checks.keep("a", Known { versions: 2, found: vec![check("新")] });
        checks.keep("b", Known { versions: 2, found: Vec::new() });
        drop(checks);
        // Killed while it wrote, and a line of some other program.
        let mut file = File::options().append(true).open(dir.path().join(KEPT)).unwrap();
        file.write_all(b"{\"call\":5}\n{\"call\":\"a\",\"versions\":3,\"fou").unwrap();
        for _ in 0..2 {
            let checks = Checks::open(dir.path()).unwrap();
            assert_eq!(checks.flagged(), ["a"]);
            let kept = checks.kept();
            assert_eq!((kept.known["a"].versions, &kept.known["a"].found), (2, &vec![check("新")]));
            assert_eq!((kept.known["b"].versions, kept.known.len()), (2, 2));
        }
        let lines = std::fs::read_to_string(dir.path().join(KEPT)).unwrap();
        assert_eq!(lines.lines().count(), 2, "only the last of each call is kept: {lines}");
    }
}
