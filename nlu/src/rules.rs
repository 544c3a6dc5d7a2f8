//! What the city knows about how people speak: cues of request types and categories, courtesies.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::heard::{Leg, Said};
use crate::interpretation::RequestType;
use crate::phone::{Dictation, dictation};
use crate::sound::{Ear, Finder, Words};

/// The files of `city/understanding`.
pub(crate) struct Rules {
    types: Vec<Cue<RequestType>>,
    categories: Vec<Cue<String>>,
    pub(crate) speech: Speech,
    pub(crate) phrases: Phrases,
    courtesies: Finder,
    courtesy_words: Vec<Vec<char>>,
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
    wrong_number: Words,
    #[serde(default)]
    wrong_number_warned_of: Words,
    pub(crate) wrong_number_agent: Words,
}

impl Phrases {
    /// Whether a caller says that he meant another number.
    pub(crate) fn say_wrong_number(&self, text: &str) -> bool {
        self.wrong_number.are_in(&self.wrong_number_warned_of.taken_from(text))
    }

    /// Whether a caller gives a number and warns of calling a wrong one: 就是这个号，别又打错了.
    pub(crate) fn warn_of_wrong_number(&self, text: &str) -> bool {
        self.wrong_number_warned_of.are_in(text) && dictation(text) == Dictation::Whole
    }
}

/// How people on this line speak.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Speech {
    courtesies: Vec<String>,
    pub(crate) another: Vec<String>,
    pub(crate) next_asked: Vec<String>,
    pub(crate) this_number: Words,
    pub(crate) agent: Words,
    terms: Words,
}

/// Characters from which a word is known by its sound alone.
const LEAST_MENDED: usize = 3;

/// Sounds that carry no meaning of their own.
const PARTICLES: &str = "啊呀吧呢嘛啦哦噢嗯呃哎诶唉喂哈";

impl Rules {
    pub(crate) fn load(city: &Path) -> Result<Rules, Error> {
        let dir = &city.join("understanding");
        let types: CueFile<RequestType> = read(&dir.join("types.toml"))?;
        let categories: CueFile<String> = read(&dir.join("categories.toml"))?;
        let speech: Speech = read(&dir.join("speech.toml"))?;
        let phrases: Phrases = read(&city.join("phrases.toml"))?;
        let courtesy_words: Vec<Vec<char>> =
            speech.courtesies.iter().map(|word| word.chars().collect()).collect();
        Ok(Rules {
            types: types.cue,
            categories: categories.cue,
            phrases,
            courtesies: Finder::new(speech.courtesies.iter().map(String::as_str), Ear::Same),
            courtesy_words,
            speech,
        })
    }

    /// What speaks for each request type in a text.
    pub(crate) fn type_hints(&self, text: &[char]) -> Vec<Hint<RequestType>> {
        hints(&self.types, text)
    }

    /// What speaks for each category in a text.
    pub(crate) fn category_hints(&self, text: &[char]) -> Vec<Hint<String>> {
        hints(&self.categories, text)
    }

    /// Words of the city's that were heard by their sound and written otherwise: where they stand
    /// and how they are written, in order, none inside another.
    pub(crate) fn mended(&self, text: &[char]) -> Vec<(usize, usize, String)> {
        let all = self.categories.iter().map(|cue| &cue.words).chain([&self.speech.terms]);
        let mut found: Vec<(usize, usize, String)> = all
            .flat_map(|words| {
                let found = words.find(text).into_iter();
                found.map(|(word, start, end)| (start, end, words.word(word)))
            })
            .filter(|(start, end, _)| end - start >= LEAST_MENDED)
            .collect();
        // The longest first: what is written as it should be keeps what is within it from being mended.
        found.sort_by_key(|(start, end, word)| {
            let written = is_written(word, &text[*start..*end]);
            (std::cmp::Reverse(end - start), !written, *start)
        });
        let mut kept: Vec<(usize, usize, String)> = Vec::new();
        for mend in found {
            if kept.iter().all(|other| mend.1 <= other.0 || other.1 <= mend.0) {
                kept.push(mend);
            }
        }
        kept.retain(|(start, end, word)| !is_written(word, &text[*start..*end]));
        kept.sort();
        kept
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

/// Whether a word is written as it should be; 4S店 is 4s店.
fn is_written(word: &str, text: &[char]) -> bool {
    let small = |ch: char| ch.to_ascii_lowercase();
    word.chars().map(small).eq(text.iter().copied().map(small))
}

/// Weight that each further word of a cue adds, as a share of the first, and how many count.
const FURTHER: f32 = 0.35;
const MOST_FURTHER: usize = 3;

/// One hint a cue, at the first of its words: several different ones say a little more.
fn hints<L: Clone>(cues: &[Cue<L>], text: &[char]) -> Vec<Hint<L>> {
    let heard = cues.iter().filter(|cue| cue.unless.first(text).is_none());
    heard
        .filter_map(|cue| {
            let found = cue.words.find(text);
            let (_, start, end) = found.iter().copied().min_by_key(|(_, start, _)| *start)?;
            let inside = |a: &(usize, usize, usize), b: &(usize, usize, usize)| {
                a.0 != b.0 && b.1 <= a.1 && a.2 <= b.2
            };
            let mut words: Vec<usize> = found
                .iter()
                .filter(|word| !found.iter().any(|other| inside(word, other)))
                .map(|word| word.0)
                .collect();
            words.sort_unstable();
            words.dedup();
            let further = words.len().saturating_sub(1).min(MOST_FURTHER) as f32;
            let weight = cue.weight * (1.0 + FURTHER * further);
            Some(Hint { label: cue.label.clone(), weight, start, end })
        })
        .collect()
}

pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    toml::from_str(&text).map_err(|error| {
        Error::content(path, error, "correct the line; the example city shows the form")
    })
}
