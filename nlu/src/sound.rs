//! How characters sound, so that a recogniser's spelling does not matter.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use pinyin::ToPinyin;

/// A syllable as a number; 0 stands for what has no sound (punctuation).
pub(crate) type Syllable = u16;

/// How strictly sounds are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ear {
    /// Same syllable, tones aside.
    Same,
    /// Also what callers and recognisers mix up: zh/z, ch/c, sh/s, n/l, ng/n, f/h, r/l.
    Near,
}

/// The syllables of a text, one a character.
pub(crate) fn syllables(text: &[char], ear: Ear) -> Vec<Syllable> {
    text.iter().map(|ch| syllable(*ch, ear)).collect()
}

fn syllable(ch: char, ear: Ear) -> Syllable {
    let Some(pinyin) = ch.to_pinyin() else {
        // Letters and digits sound like themselves.
        return if ch.is_ascii_alphanumeric() { ch.to_ascii_uppercase() as Syllable } else { 0 };
    };
    let plain = pinyin.plain();
    match ear {
        Ear::Same => number(plain),
        Ear::Near => number(&blur(plain)),
    }
}

/// Numbers syllables as they come; the count of Mandarin syllables is far below 65,536.
fn number(syllable: &str) -> Syllable {
    static KNOWN: OnceLock<Mutex<HashMap<String, Syllable>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let mut known = known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(number) = known.get(syllable) {
        return *number;
    }
    // The first 128 are the letters' own.
    let next = 128 + known.len() as Syllable;
    known.insert(syllable.to_owned(), next);
    next
}

/// Merges sounds that are mixed up on the telephone.
fn blur(plain: &str) -> String {
    let initial = [("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("r", "l"), ("h", "f")];
    let blurred = initial.iter().find_map(|(from, to)| plain.strip_prefix(from).map(|rest| format!("{to}{rest}")));
    let blurred = blurred.unwrap_or_else(|| plain.to_owned());
    match blurred.strip_suffix("ng") {
        Some(stem) if !stem.ends_with('o') => format!("{stem}n"),
        _ => blurred,
    }
}

/// Finds many words in a text by their sound.
pub(crate) struct Finder {
    automaton: AhoCorasick,
    ear: Ear,
}

/// A word found by its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Index of the word.
    pub(crate) word: usize,
    /// First character.
    pub(crate) start: usize,
    /// One past the last character.
    pub(crate) end: usize,
}

impl Finder {
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a str>, ear: Ear) -> Finder {
        let patterns = words.into_iter().map(|word| bytes(&word.chars().collect::<Vec<_>>(), ear));
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns);
        Finder { automaton: automaton.expect("a few megabytes of patterns fit into an automaton"), ear }
    }

    /// Every occurrence, overlapping ones too.
    pub(crate) fn find(&self, text: &[char]) -> Vec<Hit> {
        let haystack = bytes(text, self.ear);
        let whole = |hit: &aho_corasick::Match| hit.start() % 2 == 0 && hit.start() < hit.end();
        self.automaton
            .find_overlapping_iter(&haystack)
            .filter(whole)
            .map(|hit| Hit { word: hit.pattern().as_usize(), start: hit.start() / 2, end: hit.end() / 2 })
            .collect()
    }
}

fn bytes(text: &[char], ear: Ear) -> Vec<u8> {
    syllables(text, ear).into_iter().flat_map(Syllable::to_be_bytes).collect()
}

/// How well a text matches a word that sounds like it: 1 when written the same, less for each
/// character that only sounds the same, still less for one that only sounds near.
pub(crate) fn likeness(text: &[char], word: &[char]) -> f32 {
    if text.len() != word.len() || text.is_empty() {
        return 0.0;
    }
    let share = |a: &char, b: &char| match (a == b, syllable(*a, Ear::Same) == syllable(*b, Ear::Same)) {
        (true, _) => 1.0,
        (false, true) => 0.8,
        (false, false) if syllable(*a, Ear::Near) == syllable(*b, Ear::Near) => 0.6,
        _ => 0.0,
    };
    text.iter().zip(word).map(|(a, b)| share(a, b)).sum::<f32>() / text.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_spelt() {
        let finder = Finder::new(["望京街道", "公积金"], Ear::Near);
        let text: Vec<char> = "我住望井街道想问攻击金".chars().collect();
        let found: Vec<(usize, usize)> = finder.find(&text).iter().map(|hit| (hit.word, hit.start)).collect();
        assert_eq!(found, [(0, 2), (1, 8)]);
        assert!(likeness(&text[2..6], &"望京街道".chars().collect::<Vec<_>>()) > 0.9);
    }
}
