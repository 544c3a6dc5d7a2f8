//! What the city knows about how people speak: emergencies, cues of request types, courtesies.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::heard::{Leg, Said, Span};
use crate::interpretation::{Emergency, Found, RequestType};
use crate::sound::{Ear, Finder};

/// The files of `city/understanding`.
pub(crate) struct Rules {
    emergencies: Vec<EmergencyRule>,
    cues: Vec<Cue>,
    pub(crate) speech: Speech,
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
struct CueFile {
    cue: Vec<Cue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cue {
    #[serde(rename = "type")]
    request_type: RequestType,
    words: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    weight: f32,
}

/// How people on this line speak.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    courtesies: Vec<String>,
    pub(crate) another: Vec<String>,
    pub(crate) this_number: Vec<String>,
    pub(crate) agent: Vec<String>,
}

impl Rules {
    pub(crate) fn load(dir: &Path) -> Result<Rules, Error> {
        let emergencies: EmergencyFile = read(&dir.join("emergencies.toml"))?;
        let cues: CueFile = read(&dir.join("types.toml"))?;
        let speech: Speech = read(&dir.join("speech.toml"))?;
        let courtesy_words: Vec<Vec<char>> = speech.courtesies.iter().map(|word| word.chars().collect()).collect();
        Ok(Rules {
            emergencies: emergencies.rule.into_iter().map(EmergencyRule::new).collect(),
            cues: cues.cue,
            courtesies: Finder::new(speech.courtesies.iter().map(String::as_str), Ear::Same),
            courtesy_words,
            speech,
        })
    }

    /// The emergency that these utterances tell of, if any.
    pub(crate) fn emergency(&self, said: &[Said], within: &[Span]) -> Option<Found<Emergency>> {
        let mut found: Option<Found<Emergency>> = None;
        for span in within {
            let text: Vec<char> = said[span.utterance].chars[span.start..span.end].iter().map(|c| c.ch).collect();
            for rule in &self.emergencies {
                let Some((start, end, exact)) = rule.find(&text) else { continue };
                let confidence = if exact { 0.95 } else { 0.8 };
                let evidence = Span { utterance: span.utterance, start: span.start + start, end: span.start + end };
                match &mut found {
                    Some(known) if known.value == rule.kind => known.evidence.push(evidence),
                    Some(_) => {}
                    None => found = Some(Found { value: rule.kind, confidence, evidence: vec![evidence], runner_up: None }),
                }
            }
        }
        found
    }

    /// What the cues in a text add to the log-odds of each request type, and where they stand.
    pub(crate) fn cues(&self, text: &str) -> Vec<(RequestType, f32, usize, usize)> {
        let mut found: Vec<(RequestType, f32, usize, usize)> = Vec::new();
        for cue in &self.cues {
            if cue.unless.iter().any(|word| text.contains(word.as_str())) {
                continue;
            }
            // One phrase of a cue is as good as three.
            let hit = cue.words.iter().find_map(|word| Some((text.find(word.as_str())?, word)));
            if let Some((at, word)) = hit {
                let start = text[..at].chars().count();
                found.push((cue.request_type, cue.weight, start, start + word.chars().count()));
            }
        }
        found
    }

    /// How many characters of a text are neither courtesy nor punctuation nor digits.
    pub(crate) fn substance(&self, text: &[char]) -> usize {
        let mut kept: Vec<bool> = text.iter().map(|ch| ch.is_alphanumeric() && crate::digits::digit_of(*ch).is_none()).collect();
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

    /// Tells the voices of one channel apart by what agents say, utterance by utterance.
    pub(crate) fn split_turns(&self, said: &mut [Said]) {
        for said in said.iter_mut().filter(|said| said.leg == Leg::Mixed) {
            let text = said.text();
            let agent = self.speech.agent.iter().any(|phrase| text.contains(phrase.as_str()));
            said.leg = if agent { Leg::Agent } else { Leg::Caller };
            said.leg_uncertain = true;
        }
    }
}

impl EmergencyRule {
    fn new(entry: EmergencyEntry) -> EmergencyRule {
        let words: Vec<Vec<String>> =
            entry.words.iter().map(|word| word.split('+').map(str::to_owned).collect()).collect();
        let parts: Vec<(usize, usize)> =
            words.iter().enumerate().flat_map(|(w, parts)| (0..parts.len()).map(move |p| (w, p))).collect();
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
            let (start, end) = (all.iter().map(|h| h.start).min()?, all.iter().map(|h| h.end).max()?);
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
