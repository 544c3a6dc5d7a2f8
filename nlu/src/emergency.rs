//! Emergencies: by the city's words, and by what the classifier learned of how people call for help.

use std::path::Path;

use serde::Deserialize;

use crate::Error;
use crate::classifier::{Classifier, Head};
use crate::heard::{Said, Span};
use crate::interpretation::{Emergency, Found};
use crate::rules::read;
use crate::sound::{Ear, Finder};

/// `emergencies.toml` of `city/understanding`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlarmFile {
    /// What tells of another time, whatever the emergency.
    unless: Vec<String>,
    rule: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Emergency,
    words: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
}

struct Rule {
    kind: Emergency,
    /// Each one word, or several that stand together.
    words: Vec<Vec<String>>,
    finder: Finder,
    /// Indexes of the finder's patterns into `words` and the part of a pair.
    parts: Vec<(usize, usize)>,
    unless: Vec<String>,
}

/// Hears emergencies.
pub(crate) struct Alarms {
    unless: Vec<String>,
    rules: Vec<Rule>,
}

/// Confidence in words that are written as the rule has them, and in what only sounds like them.
const WRITTEN: f32 = 0.95;
const ALIKE: f32 = 0.8;
/// The classifier's probability from which a sentence without a word of the rules is an alarm: where
/// the caller says little else, and where it is one of many sentences, each of which may be misheard.
const LEARNED_ALONE: f32 = 0.7;
const LEARNED: f32 = 0.98;
/// The classifier's probability under which a sentence with a word of the rules is no alarm: it tells
/// of a drill, of a bill, of what somebody made up.
const DENIED: f32 = 0.25;
/// The same where the word only sounds like one of the rules, as 着活了 does.
const DENIED_ALIKE: f32 = 0.5;
/// The classifier's probability from which a sentence is an alarm although it holds a word that tells of
/// another time or of paper work: somebody is hit by a lorry at a toll booth.
const DESPITE: f32 = 0.96;
/// The same where all that was said together tells of none, which is told by less than this.
const DENIED_AMONG: f32 = 0.5;
const DENIED_IN_ALL: f32 = 0.02;
/// The classifier's probability of all that was said, under which one of many sentences without a word of
/// the rules is no alarm.
const LEARNED_IN_ALL: f32 = 0.1;
/// Sentences, and characters without punctuation, up to which a caller says little else.
const ALONE: usize = 3;
const ALONE_LENGTH: usize = 80;
/// Characters, without punctuation, under which a sentence says too little to be an alarm without a word of
/// the rules: 我在东城区。
const LEAST: usize = 6;
/// Characters within which the words of a pair stand.
const PAIR_SPAN: usize = 24;
/// Characters from which a sentence is judged in parts: what is said by the way in a long one
/// would be lost in the whole.
const LONG: usize = 40;

impl Alarms {
    pub(crate) fn load(city: &Path) -> Result<Alarms, Error> {
        let file: AlarmFile = read(&city.join("understanding").join("emergencies.toml"))?;
        Ok(Alarms { unless: file.unless, rules: file.rule.into_iter().map(Rule::new).collect() })
    }

    /// The emergency that these parts of the caller's words tell of, if any; `call` is all of them. The city's words decide what
    /// kind it is before the classifier does.
    pub(crate) fn find(
        &self,
        classifier: &Classifier,
        said: &[Said],
        within: &[Span],
        call: &[Span],
    ) -> Option<Found<Emergency>> {
        let sentences: Vec<(Span, Vec<char>)> =
            within.iter().flat_map(|span| sentences_of(said, *span)).collect();
        let judged: Vec<Judged> = sentences
            .iter()
            .map(|(span, text)| (*span, text, chance(classifier, text)))
            .filter(|(_, text, chance)| chance.0 >= DESPITE || !holds(&self.unless, text))
            .map(|(span, text, chance)| Judged {
                span,
                length: length(text),
                named: self.named(span, text),
                chance,
            })
            .collect();
        let in_all: Vec<usize> = call
            .iter()
            .flat_map(|span| sentences_of(said, *span))
            .map(|(_, text)| length(&text))
            .collect();
        let little = in_all.len() <= ALONE && in_all.iter().sum::<usize>() <= ALONE_LENGTH;
        // One of many sentences may be misheard: what all of them tell decides with it.
        let all = (!little).then(|| {
            let all: Vec<char> = sentences.iter().flat_map(|(_, text)| text).copied().collect();
            chance(classifier, &all).0
        });
        let denied = if all.is_some_and(|p| p < DENIED_IN_ALL) { DENIED_AMONG } else { DENIED };
        let named: Vec<(Emergency, Span, f32)> = judged
            .iter()
            .flat_map(|sentence| sentence.named.iter().map(move |named| (named, sentence.chance.0)))
            .filter(|((_, _, sure), chance)| {
                *chance >= if *sure < WRITTEN { denied.max(DENIED_ALIKE) } else { denied }
            })
            .map(|(named, _)| *named)
            .collect();
        let alarms = match all {
            _ if !named.is_empty() => named,
            None => learned(&judged, LEARNED_ALONE),
            Some(p) if p < LEARNED_IN_ALL => Vec::new(),
            Some(_) => learned(&judged, LEARNED),
        };
        let (kind, ..) = *alarms.first()?;
        let of_kind = || alarms.iter().filter(|(other, ..)| *other == kind);
        Some(Found {
            value: kind,
            confidence: of_kind().map(|(_, _, p)| *p).fold(0.0, f32::max),
            evidence: of_kind().map(|(_, span, _)| *span).collect(),
            runner_up: None,
        })
    }

    /// What the city's words say of a sentence.
    fn named(&self, span: Span, text: &[char]) -> Vec<(Emergency, Span, f32)> {
        let hit = |rule: &Rule| {
            let (start, end, written) = rule.find(text)?;
            let span = Span { start: span.start + start, end: span.start + end, ..span };
            Some((rule.kind, span, if written { WRITTEN } else { ALIKE }))
        };
        self.rules.iter().filter_map(hit).collect()
    }
}

/// A sentence with what speaks for an emergency.
struct Judged {
    span: Span,
    length: usize,
    /// What the city's words say of it.
    named: Vec<(Emergency, Span, f32)>,
    /// What the classifier says: how probable one is, and of which kind.
    chance: (f32, Emergency),
}

/// What the classifier alone says of sentences, the surest first.
fn learned(sentences: &[Judged], least: f32) -> Vec<(Emergency, Span, f32)> {
    let mut alarms: Vec<(Emergency, Span, f32)> = sentences
        .iter()
        .filter(|sentence| sentence.length >= LEAST && sentence.chance.0 >= least)
        .map(|sentence| (sentence.chance.1, sentence.span, sentence.chance.0))
        .collect();
    alarms.sort_by(|a, b| b.2.total_cmp(&a.2));
    alarms
}

/// How probable the classifier holds it that a sentence tells of an emergency, and of which kind.
fn chance(classifier: &Classifier, text: &[char]) -> (f32, Emergency) {
    let text: String = text.iter().collect();
    // The first column is that of no emergency.
    let p = classifier.probabilities(&[&text], Head::Emergency);
    let kinds = Emergency::ALL.into_iter().zip(&p[1..]);
    let (kind, _) = kinds.max_by(|a, b| a.1.total_cmp(b.1)).expect("there are kinds");
    (1.0 - p[0], kind)
}

/// A span cut where its sentences end, and long sentences at commas.
fn sentences_of(said: &[Said], span: Span) -> Vec<(Span, Vec<char>)> {
    let chars: Vec<char> =
        said[span.utterance].chars[span.start..span.end].iter().map(|c| c.ch).collect();
    let mut cut: Vec<(Span, Vec<char>)> = Vec::new();
    let mut start = 0;
    // Whether the sentence goes on after the last cut.
    let mut within = false;
    for (at, ch) in chars.iter().enumerate() {
        let ends = match ch {
            '。' | '？' | '?' | '！' | '!' => true,
            '，' | ',' => at - start >= LONG,
            _ => false,
        };
        if ends || at + 1 == chars.len() {
            // The few words that end a long sentence say nothing without it.
            if within
                && at + 1 - start < LONG / 2
                && let Some((last, text)) = cut.last_mut()
            {
                last.end = span.start + at + 1;
                text.extend(&chars[start..=at]);
                start = at + 1;
                within = false;
                continue;
            }
            within = matches!(ch, '，' | ',');
            let own = Span { start: span.start + start, end: span.start + at + 1, ..span };
            cut.push((own, chars[start..=at].to_vec()));
            start = at + 1;
        }
    }
    cut
}

/// Characters without punctuation.
fn length(text: &[char]) -> usize {
    text.iter().filter(|ch| ch.is_alphanumeric()).count()
}

fn holds(words: &[String], text: &[char]) -> bool {
    let plain: String = text.iter().collect();
    words.iter().any(|word| plain.contains(word.as_str()))
}

impl Rule {
    fn new(entry: Entry) -> Rule {
        let words: Vec<Vec<String>> =
            entry.words.iter().map(|word| word.split('+').map(str::to_owned).collect()).collect();
        let parts: Vec<(usize, usize)> = words
            .iter()
            .enumerate()
            .flat_map(|(w, parts)| (0..parts.len()).map(move |p| (w, p)))
            .collect();
        let finder = Finder::new(words.iter().flatten().map(String::as_str), Ear::Same);
        Rule { kind: entry.kind, words, finder, parts, unless: entry.unless }
    }

    /// Where the rule holds, and whether the words are written as they are in the rule.
    fn find(&self, text: &[char]) -> Option<(usize, usize, bool)> {
        if holds(&self.unless, text) {
            return None;
        }
        let plain: String = text.iter().collect();
        let hits = self.finder.find(text);
        self.words.iter().enumerate().find_map(|(word, parts)| {
            let hit = |part: usize| {
                hits.iter().find(|hit| {
                    let exact = parts[part].chars().eq(text[hit.start..hit.end].iter().copied());
                    // Two syllables that only sound alike are too little to raise an alarm.
                    self.parts[hit.word] == (word, part) && (exact || hit.end - hit.start > 2)
                })
            };
            let all: Option<Vec<_>> = (0..parts.len()).map(hit).collect();
            let all = all?;
            let (start, end) =
                (all.iter().map(|h| h.start).min()?, all.iter().map(|h| h.end).max()?);
            let exact = parts.iter().all(|part| plain.contains(part.as_str()));
            (parts.len() == 1 || end - start <= PAIR_SPAN).then_some((start, end, exact))
        })
    }
}
