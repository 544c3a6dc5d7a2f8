//! Queries, put together for tantivy. Its own query language is not used: whatever people type
//! is a query.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, Occur, PhraseQuery,
    Query as Ask, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::Query;
use crate::fields::Fields;
use crate::letters::words;
use crate::word::{Part, Run, Word};

/// What a part of a word weighs where no entry holds the whole query.
const PART: f32 = 5.0;
/// What a word that stands as it was typed weighs. More than all that telling words add, so that
/// what resembles it comes after it.
const EXACT: f32 = 100.0;
/// What it weighs more in a title, or whatever else is not chatter.
const HEAD: f32 = 20.0;
/// What a word in parts weighs.
const APART: f32 = 30.0;
/// What a word that only sounds like it weighs.
const ALIKE: f32 = 10.0;

/// Characters that may stand between two parts of a word, besides those that stand there in the
/// query: far fewer than lie between two texts.
const SLACK: u32 = 4;

/// Most words of the dictionary to rank by.
const RANKED: usize = 32;

pub(crate) type Clause = (Occur, Box<dyn Ask>);

/// What holds all words, spelt as typed or in parts; with `alike`, also what sounds like it.
pub(crate) fn holds(fields: &Fields, words: &[Word], alike: bool) -> Vec<Clause> {
    words.iter().map(|word| (Occur::Must, any(ways(fields, word, alike)))).collect()
}

/// What holds some of the words, or some of their parts: the more of them, the more it weighs.
pub(crate) fn holds_some(fields: &Fields, words: &[Word]) -> Clause {
    let some = words.iter().flat_map(|word| {
        let parts = word.parts.iter().filter(|part| part.letters.len() > 1);
        let parts: Vec<_> =
            parts.map(|part| weighing(PART, row(fields, fields.pairs, &part.letters))).collect();
        ways(fields, word, true).into_iter().chain(parts)
    });
    (Occur::Must, any(some.collect()))
}

/// The ways in which an entry holds a word, each with its weight.
fn ways(fields: &Fields, word: &Word, alike: bool) -> Vec<Box<dyn Ask>> {
    let mut ways = vec![weighing(EXACT, row(fields, fields.pairs, &word.letters))];
    if !word.parts.is_empty() {
        ways.push(weighing(APART, apart(fields, &word.parts)));
    }
    if alike {
        let sounds = word.sounds.iter().map(|way| weighing(ALIKE, heard(fields, way)));
        ways.extend(sounds);
    }
    ways
}

fn any(mut ways: Vec<Box<dyn Ask>>) -> Box<dyn Ask> {
    if ways.len() == 1 { ways.remove(0) } else { Box::new(BooleanQuery::union(ways)) }
}

/// What ranks among those that hold all words: words of the dictionary, and what stands in titles.
pub(crate) fn ranks(fields: &Fields, typed: &[Word]) -> Vec<Clause> {
    let mut terms: Vec<String> = Vec::new();
    let mut ranked: Vec<Clause> = Vec::new();
    for word in typed {
        let letters: String = word.letters.iter().collect();
        for term in words(&letters).into_iter().map(str::to_owned).chain([letters.clone()]) {
            if terms.len() < RANKED && !terms.contains(&term) {
                terms.push(term);
            }
        }
        if word.letters.len() > 1 {
            let title = weighing(HEAD, row(fields, fields.head, &word.letters));
            ranked.push((Occur::Should, title));
        }
    }
    // A long query must not outweigh how its words stand.
    let share = 1.0 / terms.len().max(1) as f32;
    ranked.extend(terms.iter().map(|term| {
        let term = Term::from_field_text(fields.words, term);
        let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
        let query: Box<dyn Ask> = Box::new(BoostQuery::new(Box::new(query), share));
        (Occur::Should, query)
    }));
    ranked
}

/// What the filters of a query let through.
pub(crate) fn filters(fields: &Fields, query: &Query) -> Vec<Clause> {
    let lists = [
        (fields.department, &query.department),
        (fields.category, &query.category),
        (fields.request_type, &query.request_type),
        (fields.status, &query.status),
        (fields.caller_key, &query.caller_key),
        (fields.call, &query.call),
        (fields.place, &query.place),
        (fields.outcome, &query.outcome),
    ];
    let mut all: Vec<Box<dyn Ask>> = Vec::new();
    for (field, values) in lists {
        if !values.is_empty() {
            all.push(any_of(field, values));
        }
    }
    // Who may see no department sees nothing.
    if let Some(visible) = &query.departments_visible {
        all.push(any_of(fields.department, visible));
    }
    if let Some(ticket) = query.ticket {
        all.push(term(Term::from_field_bool(fields.ticket, ticket)));
    }
    if query.from.is_some() || query.to.is_some() {
        let time = |seconds| Term::from_field_i64(fields.started_at, seconds);
        let from = query.from.map_or(Bound::Unbounded, |from| Bound::Included(time(from)));
        let to = query.to.map_or(Bound::Unbounded, |to| Bound::Excluded(time(to)));
        all.push(Box::new(RangeQuery::new(from, to)));
    }
    if let Some(below) = query.confidence_below {
        let below = Bound::Excluded(Term::from_field_f64(fields.confidence, below));
        all.push(Box::new(RangeQuery::new(Bound::Unbounded, below)));
    }
    all.into_iter().map(|filter| (Occur::Must, weighing(0.0, filter))).collect()
}

/// What fulfils all clauses; without any, everything.
pub(crate) fn all_of(mut clauses: Vec<Clause>) -> Box<dyn Ask> {
    match clauses.len() {
        0 => Box::new(AllQuery),
        1 if clauses[0].0 == Occur::Must => clauses.remove(0).1,
        _ => Box::new(BooleanQuery::new(clauses)),
    }
}

/// What holds some of the terms, weighed; at least two of them, where there are two.
pub(crate) fn some_of(field: Field, terms: &[(String, f32)]) -> Box<dyn Ask> {
    let clauses = terms.iter().map(|(text, weight)| {
        (Occur::Should, weighing(*weight, term(Term::from_field_text(field, text))))
    });
    Box::new(BooleanQuery::with_minimum_required_clauses(clauses.collect(), terms.len().min(2)))
}

fn any_of(field: Field, values: &[String]) -> Box<dyn Ask> {
    match values {
        [] => Box::new(EmptyQuery),
        [value] => term(Term::from_field_text(field, value)),
        _ => {
            let terms = values.iter().map(|value| Term::from_field_text(field, value));
            Box::new(TermSetQuery::new(terms))
        }
    }
}

fn term(term: Term) -> Box<dyn Ask> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn weighing(weight: f32, query: Box<dyn Ask>) -> Box<dyn Ask> {
    Box::new(ConstScoreQuery::new(query, weight))
}

/// The pairs that cover a row of letters, each with its place: every other one is enough.
fn pairs(field: Field, row: &[char]) -> Vec<(usize, Term)> {
    let last = row.len() - 2;
    let places = (0..last).step_by(2).chain([last]);
    let pair = |at: usize| row[at..at + 2].iter().collect::<String>();
    places.map(|at| (at, Term::from_field_text(field, &pair(at)))).collect()
}

/// What holds a row of letters; `field` is read by pairs.
fn row(fields: &Fields, field: Field, letters: &[char]) -> Box<dyn Ask> {
    match letters {
        [one] => term(Term::from_field_text(fields.letters, &one.to_string())),
        [_, _] => term(Term::from_field_text(field, &letters.iter().collect::<String>())),
        _ => Box::new(PhraseQuery::new_with_offset(pairs(field, letters))),
    }
}

/// What holds the parts of a word, each near the next. Single characters may stand anywhere.
fn apart(fields: &Fields, parts: &[Part]) -> Box<dyn Ask> {
    let long: Vec<&Part> = parts.iter().filter(|part| part.letters.len() > 1).collect();
    let mut all: Vec<Box<dyn Ask>> = Vec::new();
    // Two by two: with more of them tantivy's slack depends on the order in which it looks.
    for two in long.windows(2) {
        let end = two[0].letters.len() - 2;
        let before: String = two[0].letters[end..].iter().collect();
        let after: String = two[1].letters[..2].iter().collect();
        let before = Term::from_field_text(fields.pairs, &before);
        let after = Term::from_field_text(fields.pairs, &after);
        let terms = vec![(two[0].at + end, before), (two[1].at, after)];
        all.push(Box::new(PhraseQuery::new_with_offset_and_slop(terms, SLACK)));
    }
    // Those of two characters are in a pair already, unless they are alone.
    for part in parts {
        if part.letters.len() != 2 || long.len() == 1 {
            all.push(row(fields, fields.pairs, &part.letters));
        }
    }
    if all.len() == 1 { all.remove(0) } else { Box::new(BooleanQuery::intersection(all)) }
}

/// What sounds like a word. Pairs of syllables in one entry are nearly always side by side.
fn heard(fields: &Fields, way: &[Run]) -> Box<dyn Ask> {
    let mut all: Vec<Box<dyn Ask>> = Vec::new();
    for run in way {
        match run {
            Run::Spelt(letters) => all.push(row(fields, fields.pairs, letters)),
            Run::Sound(sounds) => {
                let pair = |pair: &[&str]| Term::from_field_text(fields.sounds, &pair.join(" "));
                all.extend(sounds.windows(2).map(|two| term(pair(two))));
            }
        }
    }
    if all.len() == 1 { all.remove(0) } else { Box::new(BooleanQuery::intersection(all)) }
}
