//! Reading a city's files: every mistake is kept with its file, line and remedy, and reading goes on.

use std::path::Path;

use calendar::Year;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::city::{Knowledge, Problem};

/// Collects problems while files are read one after the other.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) problems: Vec<Problem>,
}

impl Reading {
    pub(crate) fn problem(
        &mut self,
        file: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem {
            file: file.to_owned(),
            line,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    pub(crate) fn text(&mut self, dir: &Path, file: &str) -> Option<String> {
        match std::fs::read_to_string(dir.join(file)) {
            Ok(text) => Some(text),
            Err(error) => {
                self.problem(file, 0, error.to_string(), "copy it from the example city");
                None
            }
        }
    }

    pub(crate) fn parse<T: DeserializeOwned>(&mut self, file: &str, text: &str) -> Option<T> {
        match toml::from_str(text) {
            Ok(value) => Some(value),
            Err(error) => {
                let line = error.span().map_or(0, |span| line_of(text, span.start));
                let what = error.message().replace('\n', " ");
                self.problem(
                    file,
                    line,
                    what,
                    "correct this line; the example city shows the form",
                );
                None
            }
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(
        &mut self,
        dir: &Path,
        file: &str,
    ) -> Option<(String, T)> {
        let text = self.text(dir, file)?;
        let value = self.parse(file, &text)?;
        Some((text, value))
    }
}

pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

pub(crate) fn read_calendar(reading: &mut Reading, dir: &Path) -> Vec<Year> {
    let folder = dir.join("calendar");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        reading.problem("calendar", 0, "the folder is missing", "copy it from the example city");
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut years = Vec::new();
    for name in names {
        let file = format!("calendar/{name}");
        if let Some((text, year)) = reading.read::<Year>(dir, &file) {
            for date in year.holidays.iter().chain(&year.workdays) {
                if date.year() != year.year {
                    let at = text.find(&date.to_string()).unwrap_or(0);
                    reading.problem(
                        &file,
                        line_of(&text, at),
                        format!("{date} is not in {}", year.year),
                        "move it to its year's file",
                    );
                }
            }
            years.push(year);
        }
    }
    years
}

/// What is asked for often: one file a category, a folder that may be absent.
pub(crate) fn read_knowledge(reading: &mut Reading, dir: &Path) -> Vec<Knowledge> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entries {
        category: String,
        entry: Vec<Knowledge>,
    }
    let entries = std::fs::read_dir(dir.join("knowledge")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut all: Vec<Knowledge> = Vec::new();
    for name in names {
        let file = format!("knowledge/{name}");
        let Some((text, found)) = reading.read::<Entries>(dir, &file) else { continue };
        for mut entry in found.entry {
            entry.category.clone_from(&found.category);
            entry.answer = entry.answer.trim().to_owned();
            if all.iter().any(|other| other.id == entry.id) {
                let line = line_of(&text, text.find(&entry.id).unwrap_or(0));
                let what = format!("knowledge {} is there twice", entry.id);
                reading.problem(&file, line, what, "give one of the two another id");
            }
            all.push(entry);
        }
    }
    all
}

pub(crate) fn parse_hour(text: &str) -> Option<(i8, i8)> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some((hour, minute))
}

/// A remedy that names what was probably meant.
pub(crate) fn nearest(name: &str, known: &[&str]) -> String {
    let shared = |other: &str| name.chars().filter(|ch| other.contains(*ch)).count();
    match known.iter().max_by_key(|other| shared(other)).filter(|other| shared(other) > 0) {
        Some(near) => format!("did you mean {near}?"),
        None => "write one that is defined".to_owned(),
    }
}
