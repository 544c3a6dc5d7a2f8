//! Recordings on disk: finding them, and what the TOML file beside one says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use nlu::Leg;
use serde::Deserialize;

/// Endings that a folder is searched for.
pub const ENDINGS: [&str; 8] = ["wav", "flac", "mp3", "ogg", "oga", "m4a", "mp4", "aac"];

/// `NAME.toml` beside `NAME.wav`: what is known about a call beforehand, and, for
/// evaluation, what was said and what must come of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Sidecar {
    /// When the call began.
    pub started_at: Option<Timestamp>,
    /// The number that the line showed.
    pub caller: Option<String>,
    /// Legs by channel.
    pub legs: Option<Vec<Leg>>,
    /// The reference transcript, in time order.
    pub line: Vec<Line>,
    /// What must come of the call.
    pub expect: Option<Expect>,
}

/// One line of a reference transcript.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Who speaks.
    pub leg: Leg,
    /// First millisecond.
    pub start_ms: u64,
    /// One past the last millisecond.
    pub end_ms: u64,
    /// The words.
    pub text: String,
}

/// What must come of a call.
#[derive(Debug, Clone, Deserialize)]
pub struct Expect {
    /// tickets, transfer, none or unusable.
    pub outcome: String,
    /// One a matter.
    #[serde(default)]
    pub ticket: Vec<ExpectedTicket>,
}

/// What one ticket must hold. Absent fields are not judged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ExpectedTicket {
    /// Any of these request types.
    pub types: Option<Vec<String>>,
    /// Any of these first-level categories.
    pub categories: Option<Vec<String>>,
    /// At least this urgency.
    pub urgency: Option<String>,
    /// Whether this is an emergency.
    pub emergency: Option<bool>,
    /// The number; empty: none was given.
    pub phone: Option<String>,
    /// Each name must be among the resolved ones.
    pub place: Option<Vec<String>>,
    /// Any of these departments.
    pub departments: Option<Vec<String>>,
}

impl Sidecar {
    /// The file beside a recording; an empty one when there is none.
    ///
    /// # Errors
    /// A file that is there but does not parse.
    pub fn beside(recording: &Path) -> anyhow::Result<Sidecar> {
        let path = recording.with_extension("toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Sidecar::default());
            }
            Err(error) => bail!("{}: {error}; make it readable or move it away", path.display()),
        };
        toml::from_str(&text).with_context(|| {
            format!("{}: not a valid call description; correct it or move it away", path.display())
        })
    }
}

/// The recordings among files and folders, each once, folders in name order.
///
/// # Errors
/// A path that does not exist, or a folder that cannot be read.
pub fn find(inputs: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for input in inputs {
        let list = if input.is_dir() { in_folder(input)? } else { vec![input.clone()] };
        found.extend(list.into_iter().filter(|path| seen.insert(path.clone())));
    }
    Ok(found)
}

fn in_folder(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("{}: cannot be listed", dir.display()))?;
    let mut list = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{}: cannot be listed", dir.display()))?.path();
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        if path.is_file() && ENDINGS.contains(&ending.as_str()) {
            list.push(path);
        }
    }
    list.sort();
    Ok(list)
}
