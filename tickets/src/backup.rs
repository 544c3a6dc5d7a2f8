//! The backup: what `export --full` writes and `import` takes.
//!
//! Text, one JSON object a line, sixteen hexadecimal digits before it: the beginning of a SHA-256
//! over the line and the digits before, so that a changed, lost, doubled or moved line is noticed
//! on that line. A call comes after its files and is one line with all that happened to its
//! tickets, so that it can be taken in as it arrives, whole. The last line says how much there was.

use std::io::{BufRead, Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::department::{Change, Department, DispatchRule};
use crate::event::{Call, Exported, Record};
use crate::number::TicketId;
use crate::people::{Look, Person, Remark};

/// Version of the format.
pub(crate) const FORMAT: u32 = 2;
/// Bytes of a file in one line.
pub(crate) const PART: usize = 48 << 10;
/// No line that this program writes is longer; what is longer is no backup.
pub(crate) const LONGEST: usize = 16 << 20;
/// Digits of the sum before each line.
const SUM: usize = 16;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first one.
    Backup {
        format: u32,
        program: String,
        at: Timestamp,
    },
    Department(Department),
    DepartmentChange {
        name: String,
        change: Change<Department>,
    },
    Rule {
        position: u16,
        rule: DispatchRule,
    },
    RuleChange {
        position: u16,
        change: Change<DispatchRule>,
    },
    /// The last number given on a day, so that none is given again.
    Counter {
        day: u32,
        counter: u32,
    },
    Exported(Exported),
    Person(Person),
    PersonChange {
        login: String,
        change: Change<Person>,
    },
    Look(Look),
    Remark {
        call: String,
        remark: Remark,
    },
    /// A file begins; its parts follow.
    File {
        kind: FileKind,
        sha256: String,
        ending: String,
        bytes: u64,
    },
    Part(String),
    /// The store that was exported did not have this file any more.
    Lost {
        kind: FileKind,
        sha256: String,
        ending: String,
    },
    Call {
        call: Call,
        tickets: Vec<History>,
    },
    /// The last one.
    End {
        calls: u64,
        tickets: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FileKind {
    Recording,
    Transcript,
    Attachment,
}

/// All that happened to a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    pub id: TicketId,
    pub records: Vec<Record>,
}

impl Line {
    pub(crate) fn part(bytes: &[u8]) -> Line {
        Line::Part(BASE64_STANDARD.encode(bytes))
    }
}

/// The bytes of a part.
pub(crate) fn part_bytes(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}

/// Writes lines with their sums.
pub(crate) struct Writer<W> {
    out: W,
    last: String,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(out: W) -> Writer<W> {
        Writer { out, last: String::new() }
    }

    pub(crate) fn line(&mut self, line: &Line) -> std::io::Result<()> {
        let json = serde_json::to_string(line)?;
        self.last = sum(&self.last, json.as_bytes());
        writeln!(self.out, "{} {json}", self.last)
    }

    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Reads lines and holds them against their sums.
pub(crate) struct Reader<R> {
    input: R,
    last: String,
    /// Number of the line read last, from 1.
    pub number: usize,
    buffer: Vec<u8>,
}

/// Why a line is not usable, with the remedy.
pub(crate) const GARBLED: &str =
    "not as it was written; take the backup again from where it was made, and import it again";
pub(crate) const CUT: &str =
    "the backup ends before its end; take it again from where it was made, and import it again";

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Reader<R> {
        Reader { input, last: String::new(), number: 0, buffer: Vec::new() }
    }

    /// The next line; what is wrong with it, if anything.
    pub(crate) fn next(&mut self) -> Result<Line, String> {
        self.number += 1;
        self.buffer.clear();
        let limit = LONGEST as u64;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer);
        read.map_err(|error| format!("cannot be read: {error}; import it again"))?;
        let whole = self.buffer.pop() == Some(b'\n');
        if !whole && self.buffer.len() + 1 < LONGEST {
            return Err(if self.number == 1 {
                "empty or no backup; give a file written by `hotline export --full`"
            } else {
                CUT
            }
            .to_owned());
        }
        let sums = |at: &[u8]| self.buffer.get(..SUM) == Some(at);
        let json = self.buffer.get(SUM + 1..).unwrap_or_default();
        let expected = sum(&self.last, json);
        if !whole || !sums(expected.as_bytes()) || self.buffer.get(SUM) != Some(&b' ') {
            let first = "no backup; give a file written by `hotline export --full`";
            return Err(if self.number == 1 { first } else { GARBLED }.to_owned());
        }
        let line = serde_json::from_slice(json);
        self.last = expected;
        // The sum is right, so a newer program wrote it: the decoder's words might quote a caller.
        line.map_err(|_| {
            "written by a newer version; import it with that version of the program".to_owned()
        })
    }

    /// Whether nothing follows.
    pub(crate) fn at_end(&mut self) -> bool {
        self.input.fill_buf().is_ok_and(<[u8]>::is_empty)
    }
}

fn sum(last: &str, json: &[u8]) -> String {
    let digest = Sha256::new().chain_update(last).chain_update(json).finalize();
    let mut digits = crate::files::hex(&digest);
    digits.truncate(SUM);
    digits
}
