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

/// Who takes a matter. A rule about an emergency, or one that goes first, decides at once; among the others those win whose
/// words are said most, since a caller names by the way what he does not complain of: the site where
/// he was not paid, the renovation that a closed gym pleads. The category speaks for its own rule as
/// strongly as it is certain. Equals go by the order of the table.
fn route(city: &City, heard: &Heard, matter: &Interpretation) -> Routed {
    let texts: Vec<(Span, Vec<char>)> = matter
        .matter
        .iter()
        .filter_map(|span| {
            let chars = &heard.said.get(span.utterance)?.chars;
            Some((*span, chars.get(span.start..span.end)?.iter().map(|c| c.ch).collect()))
        })
        .collect();
    // A word inside a longer one is not meant: the 基金 of 公积金.
    let all: Vec<Span> = city.dispatch.iter().flat_map(|rule| find(&texts, &rule.words)).map(|(_, span, _)| span).collect();
    let fitting: Vec<Fit> = city.dispatch.iter().filter_map(|rule| fit(rule, &texts, &all, matter)).collect();
    let urgent = fitting.iter().find(|fit| !fit.rule.emergency.is_empty() || fit.rule.first);
    // What one rule has in words and another in the category speaks for one department.
    let total = |fit: &Fit| {
        let same = fitting.iter().filter(|other| other.rule.department.get_ref() == fit.rule.department.get_ref());
        let kinds = same.fold((0f32, 0f32), |(words, category), other| match other.word {
            Some(_) => (words.max(other.weight), category),
            None => (words, category.max(other.weight)),
        });
        kinds.0 + kinds.1
    };
    // The first of equals stays: `max_by` would give the last.
    let best = fitting.iter().rev().max_by(|a, b| total(a).total_cmp(&total(b)));
    let taken = urgent.or(best).expect("City::load makes sure that the last rule takes everything");
    let name = taken.rule.department.get_ref().clone();
    let others = fitting.iter().rev().filter(|fit| *fit.rule.department.get_ref() != name);
    let rival = others.max_by(|a, b| total(a).total_cmp(&total(b)));
    let ahead = total(taken) - rival.map_or(0.0, &total);
    let confidence = match (&taken.word, taken.rule.emergency.is_empty(), taken.rule.categories.is_empty()) {
        (_, false, _) => matter.emergency.as_ref().map_or(BY_WORD, |emergency| emergency.confidence),
        // Two departments that are named as often are as likely.
        (Some(_), ..) => (0.5 + 0.25 * ahead).clamp(0.5, BY_WORD),
        (None, true, false) => matter.category.confidence,
        (None, true, true) => BY_DEFAULT,
    };
    Routed {
        name,
        because: taken.rule.because.clone(),
        confidence,
        evidence: taken.word.into_iter().collect(),
        runner_up: rival.map(|fit| fit.rule.department.get_ref().clone()),
    }
}

/// A rule whose conditions all hold.
struct Fit<'a> {
    rule: &'a Rule,
    /// The first of its words, where it asks for any.
    word: Option<Span>,
    /// How much speaks for it.
    weight: f32,
}

/// What a certain category weighs: a little more than a word that is said late.
const CATEGORY_WEIGHT: f32 = 1.3;
/// What a word weighs that is said where callers come to the point, against one said later.
const EARLY: f32 = 1.4;
/// What a word weighs each time it is said again.
const REPEATED: f32 = 0.3;
/// The share of the matter's characters that is early, and the characters that always are.
const EARLY_SHARE: f32 = 0.4;
const EARLY_CHARS: f32 = 20.0;

fn fit<'a>(rule: &'a Rule, texts: &[(Span, Vec<char>)], all: &[Span], matter: &Interpretation) -> Option<Fit<'a>> {
    let typed = rule.types.is_empty() || rule.types.contains(&matter.request_type.value);
    let placed = rule.categories.is_empty() || rule.categories.iter().any(|c| *c.get_ref() == matter.category.value);
    let urgent = rule.emergency.is_empty() || matter.emergency.as_ref().is_some_and(|e| rule.emergency.contains(&e.value));
    if !typed || !placed || !urgent || !find(texts, &rule.unless).is_empty() {
        return None;
    }
    if rule.words.is_empty() {
        let weight = if rule.categories.is_empty() { 0.0 } else { CATEGORY_WEIGHT * matter.category.confidence };
        return Some(Fit { rule, word: None, weight });
    }
    let inside = |a: &Span, b: &Span| a.utterance == b.utterance && b.start <= a.start && a.end <= b.end && b.end - b.start > a.end - a.start;
    let mut found = find(texts, &rule.words);
    found.retain(|(_, span, _)| !all.iter().any(|other| inside(span, other)));
    let first = found.first()?.1;
    let length: usize = texts.iter().map(|(_, text)| text.len()).sum();
    let mut seen = Vec::new();
    let mut weight = 0.0;
    for (word, span, before) in &found {
        // Longer words are more to the point: 消防通道 says more than 工地.
        let own = 1.0 + 0.5 * (span.end - span.start).saturating_sub(2) as f32;
        let early = (*before as f32) < EARLY_CHARS.max(EARLY_SHARE * length as f32);
        let again = seen.iter().filter(|known| *known == word).count() as i32;
        weight += own * REPEATED.powi(again) * if early { EARLY } else { 1.0 };
        seen.push(*word);
    }
    Some(Fit { rule, word: Some(first), weight })
}

/// What follows a word that only says where something is.
const LANDMARKS: [&str; 18] = [
    "门口", "旁边", "对面", "附近", "后面", "前面", "边上", "那边", "隔壁", "东边", "西边", "后门", "站出来", "站附近", "站旁", "站那", "站口", "口",
];

/// Every place where one of the words stands in the texts of a matter: the word, the span, and the
/// characters of the matter before it.
fn find(texts: &[(Span, Vec<char>)], words: &Words) -> Vec<(usize, Span, usize)> {
    let mut found = Vec::new();
    let mut before = 0;
    for (span, text) in texts {
        for (word, start, end) in words.find(text) {
            // A school's gate is where it happens, not whom it is about.
            let rest: String = text[end..].iter().take(3).collect();
            if LANDMARKS.iter().any(|mark| rest.starts_with(mark)) {
                continue;
            }
            let at = Span { utterance: span.utterance, start: span.start + start, end: span.start + end };
            found.push((word, at, before + start));
        }
        before += text.len();
    }
    found.sort_by_key(|(_, span, before)| (*before, span.end));
    found
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
