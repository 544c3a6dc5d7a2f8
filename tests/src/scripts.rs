//! Call scripts: conversations as text, through understanding and dialogue, without sound.
//!
//! A script in `scripts/` reads like the call. `at` and `line` say when it began and from which
//! number; `A:` is the agent, `C:` the caller; what must come of it follows. `ticket` begins each
//! expected ticket, and alternatives are separated by ` | `.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use dialogue::{City, Conclusion, Draft};
use nlu::{Char, Heard, Interpret, Leg, Said, Understanding};

use crate::run::home;

/// A conversation with what must come of it.
struct Script {
    heard: Heard,
    outcome: String,
    tickets: Vec<BTreeMap<String, Vec<String>>>,
}

/// Milliseconds that a scripted character takes.
const CHAR_MS: u64 = 200;
/// Milliseconds between two turns.
const GAP_MS: u64 = 600;

impl Script {
    fn read(path: &Path) -> Script {
        let text = std::fs::read_to_string(path).unwrap();
        let started_at = "2026-03-02T09:14:05+08:00".parse().unwrap();
        let mut script = Script {
            heard: Heard { said: Vec::new(), started_at, line_number: None },
            outcome: String::new(),
            tickets: Vec::new(),
        };
        let mut now_ms = 1000;
        for line in
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.trim();
            match name {
                "at" => script.heard.started_at = value.parse().unwrap(),
                "line" => script.heard.line_number = Some(value.to_owned()),
                "A" => script.say(Leg::Agent, value, &mut now_ms),
                "C" => script.say(Leg::Caller, value, &mut now_ms),
                "outcome" => script.outcome = value.to_owned(),
                "ticket" => script.tickets.push(BTreeMap::new()),
                field => {
                    let allowed = value.split(" | ").map(str::to_owned).collect();
                    script
                        .tickets
                        .last_mut()
                        .expect("a field belongs to a ticket")
                        .insert(field.to_owned(), allowed);
                }
            }
        }
        script
    }

    fn say(&mut self, leg: Leg, text: &str, now_ms: &mut u64) {
        let start_ms = *now_ms;
        let char = |(at, ch)| {
            let start_ms = start_ms + at as u64 * CHAR_MS;
            Char { ch, start_ms, end_ms: start_ms + CHAR_MS, confidence: 0.95 }
        };
        let chars: Vec<Char> = text.chars().enumerate().map(char).collect();
        let end_ms = start_ms + chars.len() as u64 * CHAR_MS;
        *now_ms = end_ms + GAP_MS;
        self.heard.said.push(Said {
            leg,
            leg_uncertain: false,
            start_ms,
            end_ms,
            chars,
            confidence: 0.95,
        });
    }
}

fn city() -> &'static (City, Understanding) {
    static CITY: OnceLock<(City, Understanding)> = OnceLock::new();
    CITY.get_or_init(|| {
        let city = City::load(&home().join("city")).unwrap();
        let understanding =
            Understanding::load(&home().join("models/nlu"), &home().join("city"), &city.code)
                .unwrap();
        (city, understanding)
    })
}

fn conclude(heard: &Heard) -> Conclusion {
    let (city, understanding) = city();
    dialogue::recorded(city, heard, understanding.interpret(heard))
}

/// A field of a draft, in the words of a script.
fn field(draft: &Draft, name: &str) -> Vec<String> {
    let matter = &draft.interpretation;
    let label = |value: serde_json::Value| vec![value.as_str().unwrap_or_default().to_owned()];
    let or_none = |value: Option<String>| vec![value.unwrap_or_else(|| "none".to_owned())];
    match name {
        "type" => label(serde_json::to_value(matter.request_type.value).unwrap()),
        "category" => vec![matter.category.value.clone()],
        "department" => vec![draft.department.name.clone()],
        "urgency" => label(serde_json::to_value(matter.urgency.value).unwrap()),
        "emergency" => or_none(
            matter.emergency.as_ref().map(|found| dialogue::emergency_name(found.value).to_owned()),
        ),
        "phone" => or_none(matter.phone.as_ref().map(|found| found.value.clone())),
        "name" => or_none(matter.name.as_ref().map(|found| found.value.clone())),
        "place" => matter
            .place
            .as_ref()
            .map_or_else(|| vec!["none".to_owned()], |found| found.value.names.clone()),
        "detail" => or_none(matter.place.as_ref().map(|found| found.value.detail.clone())),
        "missing" => {
            vec![draft.missing.iter().map(|slot| slot.name()).collect::<Vec<_>>().join(" ")]
        }
        "deadline" => vec![draft.deadline.to_string()],
        "from" => or_none(matter.when.as_ref().map(|found| found.value.from.to_string())),
        "standing" => vec![format!("{:?}", draft.standing).to_lowercase()],
        other => panic!("no field {other} in a script"),
    }
}

fn faults(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let script = Script::read(path);
    let conclusion = conclude(&script.heard);
    assert_eq!(conclusion, conclude(&script.heard), "{name}: the same words gave another ticket");
    let mut faults = Vec::new();
    if conclusion.outcome.name() != script.outcome
        || conclusion.drafts.len() != script.tickets.len()
    {
        let (outcome, tickets) = (conclusion.outcome.name(), conclusion.drafts.len());
        return vec![format!(
            "{name}: {outcome} with {tickets} tickets, not {} with {}",
            script.outcome,
            script.tickets.len()
        )];
    }
    for (draft, expected) in conclusion.drafts.iter().zip(&script.tickets) {
        for (name_of, allowed) in expected {
            let found = field(draft, name_of);
            // Of a place every name must be there, of other fields any alternative will do.
            let right = match name_of.as_str() {
                "place" => allowed
                    .iter()
                    .flat_map(|all| all.split(' '))
                    .all(|place| found.iter().any(|name| name == place)),
                _ => allowed.contains(&found[0]),
            };
            if !right {
                faults.push(format!("{name}: {name_of} {found:?}, not {allowed:?}"));
            }
        }
    }
    faults
}

#[test]
fn every_script_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 12);
    let faults: Vec<String> = paths.iter().flat_map(|path| faults(path)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
