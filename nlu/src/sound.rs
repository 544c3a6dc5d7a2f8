//! How characters sound, so that a recogniser's spelling does not matter.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use aho_corasick::{AhoCorasick, MatchKind};
use pinyin::{ToPinyin, ToPinyinMulti};

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
    let blurred = initial
        .iter()
        .find_map(|(from, to)| plain.strip_prefix(from).map(|rest| format!("{to}{rest}")));
    let blurred = blurred.unwrap_or_else(|| plain.to_owned());
    match blurred.strip_suffix("ng") {
        Some(stem) if !stem.ends_with('o') => format!("{stem}n"),
        _ => blurred,
    }
}

/// Finds many words in a text by their sound.
#[derive(Debug)]
pub(crate) struct Finder {
    automaton: AhoCorasick,
    /// The word of each pattern: one that can be read in two ways has two.
    word_of: Vec<usize>,
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
        let mut patterns = Vec::new();
        let mut word_of = Vec::new();
        for (word, text) in words.into_iter().enumerate() {
            for reading in readings(&text.chars().collect::<Vec<_>>(), ear) {
                patterns
                    .push(reading.into_iter().flat_map(Syllable::to_be_bytes).collect::<Vec<u8>>());
                word_of.push(word);
            }
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns);
        Finder {
            automaton: automaton.expect("a few megabytes of patterns fit into an automaton"),
            word_of,
            ear,
        }
    }

    /// Every occurrence, overlapping ones too.
    pub(crate) fn find(&self, text: &[char]) -> Vec<Hit> {
        let haystack = bytes(text, self.ear);
        let whole =
            |hit: &aho_corasick::Match| hit.start().is_multiple_of(2) && hit.start() < hit.end();
        self.automaton
            .find_overlapping_iter(&haystack)
            .filter(whole)
            .map(|hit| Hit {
                word: self.word_of[hit.pattern().as_usize()],
                start: hit.start() / 2,
                end: hit.end() / 2,
            })
            .collect()
    }
}

fn bytes(text: &[char], ear: Ear) -> Vec<u8> {
    syllables(text, ear).into_iter().flat_map(Syllable::to_be_bytes).collect()
}

/// Most readings of one word: 着 has four, and few words hold two such characters.
const MOST_READINGS: usize = 8;

/// Characters that people read in more than one way. Dictionaries know more readings, of many more
/// characters, that nobody uses: by them 过不下去 would count as 活不下去, and 通道上了 as 受伤了.
const POLYPHONES: &str = "着长重行还得地了没都发调数种背倒难转教落便差参藏朝车称处传弹盛供喝划降结解空模强切曲\
                          塞少识提系相兴应中钻乐角薄堡露率绿埋圈扫色熟吐吓校血压占涨给尽蔚番厦合核";

/// Every way to read a word aloud. A recogniser writes what it hears, so 着火 may come as 找火.
fn readings(word: &[char], ear: Ear) -> Vec<Vec<Syllable>> {
    let mut all: Vec<Vec<Syllable>> = vec![Vec::new()];
    for ch in word {
        let mut ways = vec![syllable(*ch, ear)];
        let multi = ch.to_pinyin_multi().filter(|_| POLYPHONES.contains(*ch));
        for pinyin in multi.into_iter().flatten() {
            let way = match ear {
                Ear::Same => number(pinyin.plain()),
                Ear::Near => number(&blur(pinyin.plain())),
            };
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        if all.len() * ways.len() > MOST_READINGS {
            ways.truncate(1);
        }
        all = all
            .iter()
            .flat_map(|begun| {
                ways.iter().map(move |way| begun.iter().copied().chain([*way]).collect())
            })
            .collect();
    }
    all
}

/// Words of the city that are listened for. Those of three syllables or more are found by their
/// sound, so that 攻击金 counts as 公积金; two syllables must also share their tones (路登 for 路灯),
/// and single ones be written as they are.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(from = "Vec<String>")]
pub struct Words {
    words: Vec<Vec<char>>,
    finder: Option<std::sync::Arc<Finder>>,
}

/// Syllables from which sound alone is enough.
const BY_SOUND: usize = 3;

impl From<Vec<String>> for Words {
    fn from(words: Vec<String>) -> Words {
        let finder = (!words.is_empty())
            .then(|| std::sync::Arc::new(Finder::new(words.iter().map(String::as_str), Ear::Same)));
        Words { words: words.iter().map(|word| word.chars().collect()).collect(), finder }
    }
}

impl Words {
    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words, in order.
    pub fn list(&self) -> Vec<String> {
        (0..self.words.len()).map(|index| self.word(index)).collect()
    }

    /// One of the words.
    pub(crate) fn word(&self, index: usize) -> String {
        self.words[index].iter().collect()
    }

    /// Where the words stand in a text: index of the word, first character, one past the last.
    pub fn find(&self, text: &[char]) -> Vec<(usize, usize, usize)> {
        let Some(finder) = &self.finder else { return Vec::new() };
        let heard = |hit: &Hit| {
            let word = &self.words[hit.word];
            let said = &text[hit.start..hit.end];
            said == &word[..]
                || word.len() >= BY_SOUND
                || (word.len() == 2 && same_tones(said, word))
        };
        finder
            .find(text)
            .into_iter()
            .filter(heard)
            .map(|hit| (hit.word, hit.start, hit.end))
            .collect()
    }

    /// The first of them in a text.
    pub fn first(&self, text: &[char]) -> Option<(usize, usize)> {
        self.find(text).into_iter().map(|(_, start, end)| (start, end)).min()
    }

    /// Whether one of them is in one of these utterances.
    pub(crate) fn are_in_any(&self, said: &[&crate::heard::Said]) -> bool {
        said.iter().any(|said| self.are_in(&said.text()))
    }

    /// The text without them, and without marks and spaces.
    pub fn taken_from(&self, text: &str) -> String {
        let bare: Vec<char> = text.chars().filter(|ch| ch.is_alphanumeric()).collect();
        let found = self.find(&bare);
        let is_left = |at: &usize| !found.iter().any(|(_, start, end)| (start..end).contains(&at));
        (0..bare.len()).filter(is_left).map(|at| bare[at]).collect()
    }

    /// Whether one of them is in a text; marks and spaces do not part a word.
    pub fn are_in(&self, text: &str) -> bool {
        let bare: Vec<char> = text.chars().filter(|ch| ch.is_alphanumeric()).collect();
        self.first(&bare).is_some()
    }
}

fn same_tones(a: &[char], b: &[char]) -> bool {
    let tone = |ch: &char| ch.to_pinyin().map(|pinyin| pinyin.with_tone_num());
    a.iter().zip(b).all(|(a, b)| tone(a).is_some() && tone(a) == tone(b))
}

/// How well a text matches a word that sounds like it: 1 when written the same, less for each
/// character that only sounds the same, still less for one that only sounds near.
pub(crate) fn likeness(text: &[char], word: &[char]) -> f32 {
    if text.len() != word.len() || text.is_empty() {
        return 0.0;
    }
    let share =
        |a: &char, b: &char| match (a == b, syllable(*a, Ear::Same) == syllable(*b, Ear::Same)) {
            (true, _) => 1.0,
            (false, true) => 0.8,
            (false, false) if syllable(*a, Ear::Near) == syllable(*b, Ear::Near) => 0.6,
            _ => 0.0,
        };
    text.iter().zip(word).map(|(a, b)| share(a, b)).sum::<f32>() / text.len() as f32
}

/// How alike two characters sound, 0 to 1: the same, mixed up on the telephone, or merely related.
/// Where [`likeness`] asks whether a spelling is right, this asks what a misheard word may have been.
pub(crate) fn alike(a: char, b: char) -> f32 {
    if a == b {
        return 1.0;
    }
    let (Some(a), Some(b)) = (a.to_pinyin(), b.to_pinyin()) else { return 0.0 };
    let (first_a, rest_a) = parts(a.plain());
    let (first_b, rest_b) = parts(b.plain());
    0.45 * related(first_a, first_b, &INITIALS) + 0.55 * related(rest_a, rest_b, &FINALS)
}

/// How alike two texts of equal length sound, character by character.
pub(crate) fn resemblance(a: &[char], b: &[char]) -> f32 {
    a.iter().zip(b).map(|(a, b)| alike(*a, *b)).sum::<f32>() / b.len().max(1) as f32
}

/// Whether a character ends like 幺 (yāo, that is, -iao).
pub(crate) fn rhymes_with_yao(ch: char) -> bool {
    ch.to_pinyin().is_some_and(|pinyin| pinyin.plain() == "yao" || pinyin.plain().ends_with("iao"))
}

/// Whether a character ends at least in the -ao of 幺.
pub(crate) fn ends_like_yao(ch: char) -> bool {
    ch.to_pinyin().is_some_and(|pinyin| pinyin.plain().ends_with("ao"))
}

/// A syllable's initial and final.
fn parts(syllable: &str) -> (&str, &str) {
    let cut = match syllable.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => 2,
        [b'a' | b'e' | b'o', ..] => 0,
        _ => 1,
    };
    syllable.split_at(cut.min(syllable.len()))
}

fn related(a: &str, b: &str, groups: &[(f32, &[&str])]) -> f32 {
    if a == b {
        return 1.0;
    }
    let shared = groups.iter().filter(|(_, group)| group.contains(&a) && group.contains(&b));
    shared.map(|(share, _)| *share).fold(0.0, f32::max)
}

/// Initials that recognisers and callers mix up, and how much of the likeness is left.
const INITIALS: [(f32, &[&str]); 12] = [
    (0.8, &["zh", "z"]),
    (0.8, &["ch", "c"]),
    (0.8, &["sh", "s"]),
    (0.8, &["n", "l"]),
    (0.7, &["f", "h"]),
    (0.6, &["l", "r"]),
    (0.6, &["z", "zh", "j"]),
    (0.6, &["c", "ch", "q"]),
    (0.6, &["s", "sh", "x"]),
    (0.5, &["b", "p", "d", "t", "g", "k"]),
    (0.5, &["q", "t", "x", "j", "h", "k"]),
    (0.5, &["y", "w", "", "n", "l", "r", "m"]),
];

/// Finals likewise.
const FINALS: [(f32, &[&str]); 15] = [
    (0.6, &["ian", "in", "ing"]),
    (0.85, &["an", "ang"]),
    (0.85, &["en", "eng"]),
    (0.85, &["in", "ing"]),
    (0.8, &["ian", "iang"]),
    (0.8, &["uan", "uang"]),
    (0.7, &["un", "en", "eng"]),
    (0.7, &["ong", "eng", "ang"]),
    (0.7, &["o", "uo", "ou", "u"]),
    (0.7, &["ao", "ou", "iao", "iu"]),
    (0.6, &["ei", "ui", "ai"]),
    (0.6, &["i", "in", "ie", "ue", "u", "v"]),
    (0.6, &["a", "ia", "ua"]),
    (0.5, &["an", "ian", "uan", "en", "un", "in"]),
    (0.5, &["e", "o", "uo", "a"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_spelt() {
        let finder = Finder::new(["望京街道", "公积金"], Ear::Near);
        let text: Vec<char> = "我住望井街道想问攻击金".chars().collect();
        let found: Vec<(usize, usize)> =
            finder.find(&text).iter().map(|hit| (hit.word, hit.start)).collect();
        assert_eq!(found, [(0, 2), (1, 8)]);
        let fire = Words::from(vec!["着火了".to_owned(), "真人".to_owned()]);
        assert!(fire.are_in("我们楼下找火了") && fire.are_in("着，火了") && fire.are_in("找真人"));
        assert!(
            fire.are_in("针人") && !fire.are_in("镇人"),
            "two syllables must share their tones"
        );
        let hurt = Words::from(vec!["受伤了".to_owned(), "活不下去".to_owned()]);
        assert!(hurt.are_in("他说伤了，手伤了") && !hurt.are_in("堵到通道上了，日子过不下去"));
        assert!(alike('许', '学') > 0.75 && alike('望', '旺') == 1.0 && alike('劲', '轻') > 0.65);
        assert!(alike('街', '三') < 0.5 && alike('好', '区') < 0.5);
        assert!(likeness(&text[2..6], &"望京街道".chars().collect::<Vec<_>>()) > 0.9);
    }
}
