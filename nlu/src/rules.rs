//! What the city knows about how people speak: emergencies, cues of request types, courtesies.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::heard::{Leg, Said, Span};
use crate::interpretation::{Emergency, Found, RequestType};
use crate::sound::{Ear, Finder, Words};

/// The files of `city/understanding`.
pub(crate) struct Rules {
    emergencies: Vec<EmergencyRule>,
    types: Vec<Cue<RequestType>>,
    categories: Vec<Cue<String>>,
    pub(crate) speech: Speech,
    pub(crate) phrases: Phrases,
    courtesies: Finder,
    courtesy_words: Vec<Vec<char>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmergencyFile {
    rule: Vec<EmergencyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmergencyEntry {
    kind: Emergency,
    words: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
}

struct EmergencyRule {
    kind: Emergency,
    words: Vec<Vec<String>>,
    finder: Finder,
    /// Indexes of the finder's patterns into `words` and the part of a pair.
    parts: Vec<(usize, usize)>,
    unless: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CueFile<L> {
    cue: Vec<Cue<L>>,
}

/// Words that speak for a label.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cue<L> {
    #[serde(alias = "type", alias = "category")]
    label: L,
    words: Words,
    #[serde(default)]
    unless: Words,
    /// Added to the label's log-odds.
    weight: f32,
}

/// What a cue adds, and where in the text it stands.
pub(crate) struct Hint<L> {
    pub(crate) label: L,
    pub(crate) weight: f32,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Turns of speech that decide what a call is; the dialogue goes by the same file, and by more of it.
#[derive(Deserialize)]
pub(crate) struct Phrases {
    pub(crate) person: Words,
    pub(crate) wrong_number: Words,
    pub(crate) wrong_number_agent: Words,
}

/// How people on this line speak.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    courtesies: Vec<String>,
    pub(crate) another: Vec<String>,
    pub(crate) this_number: Words,
    pub(crate) agent: Words,
}

/// Sounds that carry no meaning of their own.
const PARTICLES: &str = "啊呀吧呢嘛啦哦噢嗯呃哎诶唉喂哈";

impl Rules {
    pub(crate) fn load(city: &Path) -> Result<Rules, Error> {
        let dir = &city.join("understanding");
        let emergencies: EmergencyFile = read(&dir.join("emergencies.toml"))?;
        let types: CueFile<RequestType> = read(&dir.join("types.toml"))?;
        let categories: CueFile<String> = read(&dir.join("categories.toml"))?;
        let speech: Speech = read(&dir.join("speech.toml"))?;
        let phrases: Phrases = read(&city.join("phrases.toml"))?;
        let courtesy_words: Vec<Vec<char>> =
            speech.courtesies.iter().map(|word| word.chars().collect()).collect();
        Ok(Rules {
            emergencies: emergencies.rule.into_iter().map(EmergencyRule::new).collect(),
            types: types.cue,
            categories: categories.cue,
            phrases,
            courtesies: Finder::new(speech.courtesies.iter().map(String::as_str), Ear::Same),
            courtesy_words,
            speech,
        })
    }

    /// The emergency that these utterances tell of, if any.
    pub(crate) fn emergency(&self, said: &[Said], within: &[Span]) -> Option<Found<Emergency>> {
        let mut found: Option<Found<Emergency>> = None;
        for span in within {
            let text: Vec<char> =
                said[span.utterance].chars[span.start..span.end].iter().map(|c| c.ch).collect();
            for rule in &self.emergencies {
                let Some((start, end, exact)) = rule.find(&text) else { continue };
                let confidence = if exact { 0.95 } else { 0.8 };
                let evidence = Span {
                    utterance: span.utterance,
                    start: span.start + start,
                    end: span.start + end,
                };
                match &mut found {
                    Some(known) if known.value == rule.kind => known.evidence.push(evidence),
                    Some(_) => {}
                    None => {
                        found = Some(Found {
                            value: rule.kind,
                            confidence,
                            evidence: vec![evidence],
                            runner_up: None,
                        })
                    }
                }
            }
        }
        found
    }

    /// What speaks for each request type in a text.
    pub(crate) fn type_hints(&self, text: &[char]) -> Vec<Hint<RequestType>> {
        hints(&self.types, text)
    }

    /// What speaks for each category in a text.
    pub(crate) fn category_hints(&self, text: &[char]) -> Vec<Hint<String>> {
        hints(&self.categories, text)
    }

    /// How many characters of a text are neither courtesy nor punctuation nor digits.
    pub(crate) fn substance(&self, text: &[char]) -> usize {
        let says = |ch: &char| {
            ch.is_alphanumeric()
                && crate::digits::digit_of(*ch).is_none()
                && !PARTICLES.contains(*ch)
        };
        let mut kept: Vec<bool> = text.iter().map(says).collect();
        for hit in self.courtesies.find(text) {
            // One syllable of courtesy inside a word is no courtesy.
            let alone = |at: usize| text.get(at).is_none_or(|ch| !ch.is_alphanumeric());
            let whole = hit.start.checked_sub(1).is_none_or(alone) && alone(hit.end);
            if self.courtesy_words[hit.word].len() > 1 || whole {
                kept[hit.start..hit.end].iter_mut().for_each(|kept| *kept = false);
            }
        }
        kept.into_iter().filter(|kept| *kept).count()
    }

    /// Tells the voices of one channel apart by what agents say, sentence by sentence: people answer
    /// each other faster than an endpointer can tell, so one utterance may hold several turns.
    pub(crate) fn split_turns(&self, said: &mut Vec<Said>) {
        let mut split: Vec<Said> = Vec::new();
        for whole in std::mem::take(said) {
            if whole.leg != Leg::Mixed {
                split.push(whole);
                continue;
            }
            for mut part in sentences(&whole) {
                part.leg =
                    if self.sounds_like_agent(&part.text()) { Leg::Agent } else { Leg::Caller };
                part.leg_uncertain = true;
                match split.last_mut().filter(|last| {
                    last.leg_uncertain
                        && last.leg == part.leg
                        && last.end_ms + TURN_GAP_MS > part.start_ms
                }) {
                    // The same voice goes on.
                    Some(last) => {
                        last.end_ms = part.end_ms;
                        last.chars.append(&mut part.chars);
                    }
                    None => split.push(part),
                }
            }
        }
        *said = split;
    }

    /// An agent is polite and asks: 您 is his word, and so are the phrases of `speech.toml`.
    fn sounds_like_agent(&self, text: &str) -> bool {
        if self.speech.agent.are_in(text) {
            return true;
        }
        let asks =
            ["吗", "呢", "哪", "多少", "什么", "几", "谁"].iter().any(|word| text.contains(word));
        let polite =
            ["您", "请", "好的", "麻烦"].iter().filter(|word| text.contains(**word)).count();
        let own = ["我", "咱", "俺"].iter().any(|word| text.contains(word));
        let greets = text.contains("您好") && own;
        (asks && polite > 0 && !greets && !own) || (polite > 1 && !own)
    }
}

/// Silence after which the same voice begins another utterance.
const TURN_GAP_MS: u64 = 300;

/// An utterance cut where its sentences end.
fn sentences(whole: &Said) -> Vec<Said> {
    let mut parts = Vec::new();
    for chars in whole.chars.split_inclusive(|c| matches!(c.ch, '。' | '？' | '?' | '！' | '!'))
    {
        let (Some(first), Some(last)) = (chars.first(), chars.last()) else { continue };
        let start_ms = if parts.is_empty() { whole.start_ms } else { first.start_ms };
        parts.push(Said {
            start_ms,
            end_ms: last.end_ms.max(start_ms),
            chars: chars.to_vec(),
            ..whole.clone()
        });
    }
    if let Some(last) = parts.last_mut() {
        last.end_ms = whole.end_ms;
    }
    parts
}

/// One hint a cue: three of its words are no more than one.
fn hints<L: Clone>(cues: &[Cue<L>], text: &[char]) -> Vec<Hint<L>> {
    let heard = cues.iter().filter(|cue| cue.unless.first(text).is_none());
    heard
        .filter_map(|cue| {
            let (start, end) = cue.words.first(text)?;
            Some(Hint { label: cue.label.clone(), weight: cue.weight, start, end })
        })
        .collect()
}

impl EmergencyRule {
    fn new(entry: EmergencyEntry) -> EmergencyRule {
        let words: Vec<Vec<String>> =
            entry.words.iter().map(|word| word.split('+').map(str::to_owned).collect()).collect();
        let parts: Vec<(usize, usize)> = words
            .iter()
            .enumerate()
            .flat_map(|(w, parts)| (0..parts.len()).map(move |p| (w, p)))
            .collect();
        let finder = Finder::new(words.iter().flatten().map(String::as_str), Ear::Same);
        EmergencyRule { kind: entry.kind, words, finder, parts, unless: entry.unless }
    }

    /// Where the rule holds, and whether the words are written as they are in the rule.
    fn find(&self, text: &[char]) -> Option<(usize, usize, bool)> {
        let plain: String = text.iter().collect();
        if self.unless.iter().any(|word| plain.contains(word.as_str())) {
            return None;
        }
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
            Some((start, end, exact))
        })
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    toml::from_str(&text).map_err(|error| {
        Error::content(path, error, "correct the line; the example city shows the form")
    })
}
