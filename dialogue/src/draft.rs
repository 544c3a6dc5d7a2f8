//! What the dialogue decides about one matter: who takes it, by when, and whether it can go.

use jiff::Timestamp;
use nlu::{Heard, Interpretation, Span, Words};

use crate::city::{City, Rule, Slot};

/// How a ticket begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// 已派遣: confident and complete.
    Dispatched,
    /// 待补充: something is missing that only the caller can tell.
    Incomplete,
    /// 待复核: a person must look at it first.
    Review,
}

/// A ticket to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What the caller meant.
    pub interpretation: Interpretation,
    /// Who takes it.
    pub department: Routed,
    /// When an answer is due.
    pub deadline: Timestamp,
    /// What would still have been asked.
    pub missing: Vec<Slot>,
    /// How it begins.
    pub standing: Standing,
}

/// A department with the reason for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    /// Full name.
    pub name: String,
    /// Why, in words.
    pub because: String,
    /// 0 to 1.
    pub confidence: f32,
    /// The words that decided.
    pub evidence: Vec<Span>,
    /// The next rule that would have taken it.
    pub runner_up: Option<String>,
}

/// Confidence in a rule that a word of the caller's decided; by category it is the category's.
const BY_WORD: f32 = 0.85;
/// Confidence in the last rule, which takes what nothing else takes.
const BY_DEFAULT: f32 = 0.2;

impl Draft {
    /// Decides on an interpretation. `started_at` is when the clocks begin.
    pub fn of(city: &City, heard: &Heard, interpretation: Interpretation) -> Draft {
        let department = route(city, heard, &interpretation);
        let deadline = due(city, heard.started_at, &interpretation);
        let missing = missing(city, &interpretation);
        let standing = standing(city, &interpretation, &department, &missing);
        Draft { interpretation, department, deadline, missing, standing }
    }
}

fn route(city: &City, heard: &Heard, matter: &Interpretation) -> Routed {
    let texts: Vec<(Span, Vec<char>)> = matter
        .matter
        .iter()
        .filter_map(|span| {
            let chars = &heard.said.get(span.utterance)?.chars;
            Some((*span, chars.get(span.start..span.end)?.iter().map(|c| c.ch).collect()))
        })
        .collect();
    let fits = |rule: &Rule| {
        let typed = rule.types.is_empty() || rule.types.contains(&matter.request_type.value);
        let placed = rule.categories.is_empty() || rule.categories.iter().any(|c| *c.get_ref() == matter.category.value);
        let urgent = rule.emergency.is_empty() || matter.emergency.as_ref().is_some_and(|e| rule.emergency.contains(&e.value));
        let barred = find(&texts, &rule.unless).is_some();
        if !typed || !placed || !urgent || barred {
            return None;
        }
        let word = find(&texts, &rule.words);
        (rule.words.is_empty() || word.is_some()).then_some(word)
    };
    let mut fitting = city.dispatch.iter().filter_map(|rule| fits(rule).map(|word| (rule, word)));
    let (rule, word) = fitting.next().expect("City::load makes sure that the last rule takes everything");
    let name = rule.department.get_ref().clone();
    let runner_up = fitting.map(|(rule, _)| rule.department.get_ref()).find(|other| **other != name).cloned();
    let confidence = match (&word, rule.emergency.is_empty(), rule.categories.is_empty()) {
        (Some(_), ..) => BY_WORD,
        (None, false, _) => matter.emergency.as_ref().map_or(BY_WORD, |emergency| emergency.confidence),
        (None, true, false) => matter.category.confidence,
        (None, true, true) => BY_DEFAULT,
    };
    Routed { name, because: rule.because.clone(), confidence, evidence: word.into_iter().collect(), runner_up }
}

/// Where the first of the words stands in the texts of a matter.
fn find(texts: &[(Span, Vec<char>)], words: &Words) -> Option<Span> {
    texts.iter().find_map(|(span, text)| {
        let (start, end) = words.first(text)?;
        Some(Span { utterance: span.utterance, start: span.start + start, end: span.start + end })
    })
}

fn due(city: &City, from: Timestamp, matter: &Interpretation) -> Timestamp {
    let rule = city.deadlines.iter().find(|rule| {
        (rule.types.is_empty() || rule.types.contains(&matter.request_type.value))
            && (rule.urgency.is_empty() || rule.urgency.contains(&matter.urgency.value))
    });
    let rule = rule.expect("City::load makes sure that the last rule takes everything");
    match (rule.hours, &rule.working_days) {
        (Some(hours), _) => city.calendar.hours_after(from, hours),
        (None, days) => city.calendar.after(from, days.as_ref().map_or(0, |days| *days.get_ref())),
    }
}

fn missing(city: &City, matter: &Interpretation) -> Vec<Slot> {
    let lacks = |slot: &Slot| match slot {
        Slot::Matter => matter.matter.is_empty(),
        // A city alone sends nobody anywhere: at least the district must be known.
        Slot::Place => matter.place.as_ref().is_none_or(|place| place.value.codes.iter().all(|code| code.len() < 6)),
        Slot::Phone => matter.phone.is_none(),
        Slot::When => matter.when.is_none(),
        Slot::Name => matter.name.is_none(),
    };
    city.slots(matter.request_type.value).iter().copied().filter(lacks).collect()
}

fn standing(city: &City, matter: &Interpretation, department: &Routed, missing: &[Slot]) -> Standing {
    let ready = city.ready;
    let sure = matter.request_type.confidence >= ready.request_type
        && matter.category.confidence >= ready.category
        && department.confidence >= ready.department
        && matter.place.as_ref().is_none_or(|place| place.confidence >= ready.place);
    // An emergency waits for nobody: what is missing is asked by whoever takes the transfer.
    match (matter.emergency.is_some(), sure, missing.is_empty()) {
        (true, ..) => Standing::Dispatched,
        (false, false, _) => Standing::Review,
        (false, true, false) => Standing::Incomplete,
        (false, true, true) => Standing::Dispatched,
    }
}
