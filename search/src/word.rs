//! What people typed, taken apart: how each word may stand in a text.

use crate::letters::{dictionary, letters};
use crate::sound::{self, WAYS};

/// Most words of a query; what follows them is not looked for.
const WORDS: usize = 16;

/// Most letters of a word; what follows them is not looked for.
const LETTERS: usize = 64;

/// Most letters of a word that is also looked for by its sound; wangjingxilu has 12.
const HEARD: usize = 24;

/// Words of one character that join others and say nothing themselves.
const JOINTS: &str = "的了吗呢吧啊呀嘛哦嗯地得着和与跟及或在是有个这那就都也还被把给对从到很太";

/// One word of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// As it was typed, folded, without signs.
    pub(crate) letters: Vec<char>,
    /// Its parts, which may stand a few characters apart. Empty where there is but one.
    pub(crate) parts: Vec<Part>,
    /// The ways in which it may sound.
    pub(crate) sounds: Vec<Vec<Run>>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its place in the word.
    pub(crate) at: usize,
    /// Its letters.
    pub(crate) letters: Vec<char>,
}

/// A stretch of a word that is told by its sound, or by its spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run {
    /// Two syllables or more: one says nothing.
    Sound(Vec<&'static str>),
    /// Letters and digits.
    Spelt(Vec<char>),
}

/// Where something stands: first letter and one past the last, of each place.
pub(crate) type Places = Vec<(usize, usize)>;

/// How a word stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Some of its parts are there: the others may stand in the next line.
    Part,
    /// It only sounds like it.
    Alike,
    /// Its parts are there.
    Apart,
    /// As it was typed.
    Exact,
}

impl Word {
    /// The words of a query. Never fails: what is no letter separates or does not count.
    pub(crate) fn parse(query: &str) -> Vec<Word> {
        let mut words = Vec::new();
        let mut pending = String::new();
        let mut quoted = false;
        for ch in query.chars() {
            if words.len() == WORDS {
                return words;
            }
            let quote = matches!(ch, '"' | '＂' | '“' | '”' | '「' | '」' | '『' | '』');
            if quote || (ch.is_whitespace() && !quoted) {
                words.extend(Word::new(&pending, quoted));
                pending.clear();
                quoted ^= quote;
            } else {
                pending.push(ch);
            }
        }
        words.extend(Word::new(&pending, quoted));
        words
    }

    /// A word; what is quoted neither falls apart nor sounds like anything. None where it has no
    /// letters.
    fn new(text: &str, quoted: bool) -> Option<Word> {
        let letters: Vec<char> = letters(text).map(|(_, ch)| ch).take(LETTERS).collect();
        if letters.is_empty() {
            return None;
        }
        let count = letters.len();
        let parts = if quoted || count < 2 { Vec::new() } else { parts(&letters) };
        let sounds =
            if quoted || !(2..=HEARD).contains(&count) { Vec::new() } else { sounds(&letters) };
        Some(Word { letters, parts, sounds })
    }

    /// Where the word stands in letters, and how: the best kind that there is.
    pub(crate) fn stands(&self, text: &[char]) -> Option<(Kind, Places)> {
        let exact = places(text, &self.letters);
        if !exact.is_empty() {
            return Some((Kind::Exact, exact));
        }
        let parts: Vec<_> = self.parts.iter().map(|part| places(text, &part.letters)).collect();
        let all = !parts.is_empty() && parts.iter().all(|places| !places.is_empty());
        // A single character stands in many places that have nothing to do with the word.
        let telling = parts.into_iter().flatten().filter(|(from, to)| to - from > 1);
        let telling: Vec<_> = telling.collect();
        if all {
            return Some((Kind::Apart, telling));
        }
        let alike: Vec<_> = self.sounds.iter().flat_map(|way| heard(text, way)).collect();
        if !alike.is_empty() {
            return Some((Kind::Alike, alike));
        }
        (!telling.is_empty()).then_some((Kind::Part, telling))
    }
}

/// Every place where a row of letters stands.
fn places(text: &[char], row: &[char]) -> Places {
    let windows = text.windows(row.len()).enumerate();
    windows.filter(|(_, window)| *window == row).map(|(at, _)| (at, at + row.len())).collect()
}

/// Every place where a stretch of a word may be heard.
fn heard(text: &[char], way: &[Run]) -> Places {
    let sounds_like = |window: &[char], sounds: &[&str]| {
        let mut both = window.iter().zip(sounds);
        both.all(|(ch, sound)| sound::syllables(*ch).any(|syllable| syllable == *sound))
    };
    let mut all = Vec::new();
    for run in way {
        let found = match run {
            Run::Spelt(row) => places(text, row),
            Run::Sound(sounds) => {
                let windows = text.windows(sounds.len()).enumerate();
                let alike = windows.filter(|(_, window)| sounds_like(window, sounds));
                alike.map(|(at, _)| (at, at + sounds.len())).collect()
            }
        };
        // A spelt stretch alone is not what was asked for.
        if found.is_empty() {
            return Vec::new();
        }
        all.extend(found);
    }
    all
}

/// What a word falls into: words of the dictionary, and rows of what the dictionary does not know.
fn parts(letters: &[char]) -> Vec<Part> {
    let text: String = letters.iter().collect();
    let mut parts: Vec<Part> = Vec::new();
    let mut unknown: Option<Part> = None;
    for token in dictionary().cut(&text, false) {
        let row = &letters[token.start..token.end];
        if row.len() == 1 && !JOINTS.contains(row[0]) {
            let part = unknown.get_or_insert(Part { at: token.start, letters: Vec::new() });
            part.letters.push(row[0]);
            continue;
        }
        parts.extend(unknown.take());
        if row.len() > 1 {
            parts.push(Part { at: token.start, letters: row.to_vec() });
        }
    }
    parts.extend(unknown);
    let whole = parts.first().is_some_and(|part| part.letters.len() == letters.len());
    // Single characters alone stand anywhere.
    if whole || parts.iter().all(|part| part.letters.len() == 1) { Vec::new() } else { parts }
}

/// The ways in which a word may sound; none where it has no two syllables side by side.
fn sounds(letters: &[char]) -> Vec<Vec<Run>> {
    let mut ways: Vec<Vec<Piece>> = vec![Vec::new()];
    for row in letters.chunk_by(|a, b| a.is_ascii_lowercase() && b.is_ascii_lowercase()) {
        let mut next: Vec<Vec<Piece>> = if row[0].is_ascii_lowercase() {
            let mut spelt: Vec<Vec<Piece>> = sound::spelt(row)
                .into_iter()
                .map(|way| way.into_iter().map(|sound| Piece { sound: Some(sound), letter: None }))
                .map(Iterator::collect)
                .collect();
            if spelt.is_empty() {
                spelt.push(row.iter().map(|ch| Piece { sound: None, letter: Some(*ch) }).collect());
            }
            spelt
        } else {
            let letter = Some(row[0]);
            sound::syllables(row[0])
                .map(|sound| vec![Piece { sound: Some(sound), letter }])
                .collect()
        };
        if next.is_empty() {
            next.push(vec![Piece { sound: None, letter: Some(row[0]) }]);
        }
        // Beyond so many ways only the most common reading counts.
        if ways.len() * next.len() > WAYS {
            next.truncate(1);
        }
        ways = ways
            .iter()
            .flat_map(|begun| next.iter().map(move |more| [begun.as_slice(), more].concat()))
            .collect();
    }
    ways.iter().filter_map(|way| runs(way)).collect()
}

/// One step of a way to sound.
#[derive(Debug, Clone, Copy)]
struct Piece {
    sound: Option<&'static str>,
    /// None where Latin letters spell a syllable.
    letter: Option<char>,
}

fn runs(way: &[Piece]) -> Option<Vec<Run>> {
    let mut runs = Vec::new();
    for row in way.chunk_by(|a, b| a.sound.is_some() == b.sound.is_some()) {
        let sounds: Vec<&'static str> = row.iter().filter_map(|piece| piece.sound).collect();
        runs.push(if sounds.len() > 1 {
            Run::Sound(sounds)
        } else {
            Run::Spelt(row.iter().map(|piece| piece.letter).collect::<Option<_>>()?)
        });
    }
    runs.iter().any(|run| matches!(run, Run::Sound(_))).then_some(runs)
}
