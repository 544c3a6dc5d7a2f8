//! Names of persons wherever they stand: a linear model over what a stretch of a text is made of and
//! what stands around it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::characters::{COMPOUND, FAMILY, GIVEN, RARE, SPELT};
use super::surroundings::{left, right};
use crate::heard::is_at;

/// Features are told apart by so many values of a hash.
pub(crate) const KEYS: usize = 1 << 22;
/// Pairs of characters are told apart by so many.
pub(crate) const PAIRS: usize = 1 << 18;
/// What one step of a stored weight adds to the score.
pub(crate) const STEP: f32 = 1.0 / 24.0;
/// What makes a name of a stretch: a name that is not seen costs more than a word that is blanked.
pub(crate) const THRESHOLD: f32 = -3.0;

/// Made by `hotline train names`.
static STORED: &[u8] = include_bytes!("../../../models/nlu/names.bin");
static TAGGER: LazyLock<Tagger> = LazyLock::new(|| Tagger::read(STORED));

/// Characters of the longest name that is written without a dot.
const LONGEST: usize = 6;
/// Characters of the longest name with a dot: 阿依古丽·买买提.
const LONGEST_DOTTED: usize = 14;
/// Characters that stand in no name.
const NEVER: &str = "的了是在吗呢啊吧这那我你您他她它们不没和就都也很给被把让跟说有个";
/// A stretch that may be a name: first character, one past the last.
pub(crate) type Stretch = (usize, usize);

/// Every name of a person in a text.
pub(crate) fn persons(text: &[char]) -> Vec<Stretch> {
    let mut found = TAGGER.persons(text);
    for at in 0..text.len() {
        if let Some(spelt) = SPELT.split(' ').find(|spelt| is_at(text, at, spelt)) {
            found.retain(|(start, end)| *end <= at || *start >= at + spelt.chars().count());
            found.push((at, at + spelt.chars().count()));
        }
    }
    found.sort_unstable();
    found
}

/// What the model knows.
pub(crate) struct Tagger {
    /// One weight for each key.
    weights: Vec<i8>,
    /// Pairs of characters that stand together in texts in which nobody is named.
    pairs: Vec<bool>,
}

impl Tagger {
    pub(crate) fn new(weights: Vec<i8>, pairs: Vec<bool>) -> Tagger {
        Tagger { weights, pairs }
    }

    /// One bit for each pair; then, for each weight that is not 0, by how much its key is greater than
    /// the one before, and the weight, in a byte each.
    pub(crate) fn read(stored: &[u8]) -> Tagger {
        let (bits, entries) = stored.split_at(stored.len().min(PAIRS / 8));
        let mut pairs: Vec<bool> =
            bits.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect();
        pairs.resize(PAIRS, false);
        let mut weights = vec![0; KEYS];
        let mut key = 0;
        for entry in entries.chunks_exact(2) {
            key += usize::from(entry[0]);
            weights[key % KEYS] = entry[1] as i8;
        }
        Tagger { weights, pairs }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0u8, |byte, (at, bit)| byte | u8::from(*bit) << at)
        };
        let mut stored: Vec<u8> = self.pairs.chunks(8).map(byte).collect();
        let mut last = 0;
        for (key, weight) in self.weights.iter().enumerate().filter(|(_, weight)| **weight != 0) {
            // A gap too wide for a byte is crossed in steps that weigh nothing.
            while key - last > usize::from(u8::MAX) {
                last += usize::from(u8::MAX);
                stored.extend([u8::MAX, 0]);
            }
            stored.extend([(key - last) as u8, *weight as u8]);
            last = key;
        }
        stored
    }

    pub(crate) fn persons(&self, text: &[char]) -> Vec<Stretch> {
        let reading = Reading::new(text, &self.pairs);
        let mut keys = Vec::new();
        let score = |stretch: Stretch| {
            keys.clear();
            reading.features(stretch, &mut keys);
            let steps: i32 = keys.iter().map(|key| i32::from(self.weights[*key as usize])).sum();
            (stretch, steps as f32 * STEP - THRESHOLD)
        };
        chosen(text.len(), stretches(text).into_iter().map(score))
    }
}

/// Those of the scored stretches that are names: none overlaps another, and together they score most.
fn chosen(length: usize, scored: impl Iterator<Item = (Stretch, f32)>) -> Vec<Stretch> {
    let mut ending: Vec<Vec<(usize, f32)>> = vec![Vec::new(); length + 1];
    for ((start, end), score) in scored.filter(|(_, score)| *score > 0.0) {
        ending[end].push((start, score));
    }
    // The best sum up to each place, and where the name begins that ends there.
    let mut best: Vec<(f32, Option<usize>)> = vec![(0.0, None); length + 1];
    for end in 1..=length {
        best[end] = (best[end - 1].0, None);
        for (start, score) in &ending[end] {
            let sum = best[*start].0 + score;
            if sum > best[end].0 {
                best[end] = (sum, Some(*start));
            }
        }
    }
    let (mut found, mut at) = (Vec::new(), length);
    while at > 0 {
        let start = best[at].1;
        found.extend(start.map(|start| (start, at)));
        at = start.unwrap_or(at - 1);
    }
    found
}

/// Every stretch that may be a name.
pub(crate) fn stretches(text: &[char]) -> Vec<Stretch> {
    let mut found = Vec::new();
    for start in 0..text.len() {
        if text[start].is_ascii_uppercase() && (start == 0 || !is_latin(text[start - 1])) {
            let end = latin_words(text, start);
            if text[start..end].iter().any(char::is_ascii_lowercase) {
                found.push((start, end));
            }
        }
        if !may_be(text[start]) {
            continue;
        }
        for end in start + 1..=text.len().min(start + LONGEST_DOTTED) {
            let dotted = text[start + 1..end].iter().any(|ch| is_dot(*ch));
            if !may_be(text[end - 1]) && !is_dot(text[end - 1]) {
                break;
            }
            let fits = match end - start {
                1 => FAMILY.contains(text[start]) || RARE.contains(text[start]),
                length => length <= LONGEST || dotted,
            };
            if fits && may_be(text[end - 1]) {
                found.push((start, end));
            }
        }
    }
    found
}

fn is_dot(ch: char) -> bool {
    matches!(ch, '·' | '•' | '・')
}

fn is_latin(ch: char) -> bool {
    ch.is_ascii_alphabetic()
}

fn may_be(ch: char) -> bool {
    ch.is_alphabetic() && !ch.is_ascii() && !NEVER.contains(ch)
}

/// One past the words in Latin letters that begin here: Emily Carter.
fn latin_words(text: &[char], start: usize) -> usize {
    let part = |at: &usize| {
        let gap =
            matches!(text[*at], ' ' | '.') && text.get(at + 1).is_some_and(|ch| is_latin(*ch));
        is_latin(text[*at]) || gap
    };
    (start..text.len()).take_while(part).last().map_or(start, |last| last + 1)
}

/// How usual characters are in names, in classes.
struct Usual {
    family: HashMap<char, u64>,
    given: HashMap<char, u64>,
}

static USUAL: LazyLock<Usual> = LazyLock::new(|| {
    let class = |n: usize, bounds: &[usize]| bounds.iter().filter(|b| n >= **b).count() as u64 + 1;
    let mut family: HashMap<char, u64> = RARE.chars().map(|ch| (ch, 5)).collect();
    family.extend(FAMILY.chars().enumerate().map(|(n, ch)| (ch, class(n, &[30, 100, 200]))));
    let given =
        GIVEN.chars().enumerate().map(|(n, ch)| (ch, class(n, &[100, 250, 500, 900]))).collect();
    Usual { family, given }
});

/// Kinds of names that are told by more than their length.
const LATIN: u64 = 8;
const DOTTED: u64 = 9;

/// A text with what is asked of each of its places more than once.
pub(crate) struct Reading<'a> {
    text: &'a [char],
    pairs: &'a [bool],
    /// What stands before each place, by its meaning.
    left: Vec<u64>,
    /// What begins at each place.
    right: Vec<u64>,
}

impl Reading<'_> {
    pub(crate) fn new<'a>(text: &'a [char], pairs: &'a [bool]) -> Reading<'a> {
        let places = 0..=text.len();
        let left = places.clone().map(|at| left(text, at) as u64).collect();
        Reading { text, pairs, left, right: places.map(|at| right(text, at) as u64).collect() }
    }

    /// Whether two characters that follow each other often do: 1; 2 where one is none, or not there.
    fn is_usual(&self, first: Option<usize>) -> u64 {
        let Some(first) = first else { return 2 };
        match (self.text.get(first), self.text.get(first + 1)) {
            (Some(a), Some(b)) if a.is_alphabetic() && b.is_alphabetic() => {
                u64::from(self.pairs[pair(*a, *b)])
            }
            _ => 2,
        }
    }

    /// The features of a stretch.
    pub(crate) fn features(&self, (start, end): Stretch, keys: &mut Vec<u32>) {
        let usual = &*USUAL;
        let (text, name) = (self.text, &self.text[start..end]);
        let before = |n: usize| around(start.checked_sub(n).and_then(|at| text.get(at)));
        let after = |n: usize| around(text.get(end + n - 1));
        let (b1, b2, b3, b4) = (before(1), before(2), before(3), before(4));
        let (a1, a2, a3) = (after(1), after(2), after(3));
        let at = |n: usize| name.get(n).map_or(0, |ch| u64::from(*ch));
        let last = u64::from(name[name.len() - 1]);
        let given = |n: usize| name.get(n).and_then(|ch| usual.given.get(ch)).copied().unwrap_or(0);
        let compound = name.len() > 2 && COMPOUND.iter().any(|family| is_at(name, 0, family));
        let family =
            if compound { 6 } else { usual.family.get(&name[0]).copied().unwrap_or_default() };
        let length = match name.len() as u64 {
            _ if is_latin(name[0]) => LATIN,
            _ if name.iter().any(|ch| is_dot(*ch)) => DOTTED,
            n => n,
        };
        // What the stretch is made of: length, kind of family name, how usual the rest is.
        let mut make = length * 1_000 + family * 100;
        if family > 0 && length <= 4 {
            let rest = if compound { 2 } else { 1 };
            make += given(rest) * 10 + given(rest + 1);
        }
        let (left, right) = (self.left[start], self.right[end]);
        let named = u64::from(family > 0);
        let mut push = |kind: u64, a: u64, b: u64, c: u64| keys.push(key(kind, a, b, c));
        push(1, make, 0, 0);
        push(2, make, b1, 0);
        push(3, make, a1, 0);
        push(4, length, b1, b2);
        push(5, length, a1, a2);
        push(6, b1, b2, b3);
        push(7, a1, a2, a3);
        push(8, b1, b2, named);
        push(9, b1, 0, 0);
        push(10, a1, 0, 0);
        push(11, b1, a1, length);
        push(12, b1, (b2 << 21) | b3, b4);
        push(13, a1, a2, named);
        push(14, (b1 << 21) | b2, a1, length);
        push(15, left, make, 0);
        push(16, right, make, 0);
        push(17, left, right, length);
        if length == LATIN {
            return;
        }
        // Words that reach over the edges, or fill the stretch: 高 | 峰.
        let inside = |first: usize| if name.len() > 1 { self.is_usual(Some(first)) } else { 3 };
        let (head, tail) = (inside(start), inside((end - 1).saturating_sub(1)));
        let (over, under) = (self.is_usual(start.checked_sub(1)), self.is_usual(Some(end - 1)));
        let words = head << 6 | tail << 4 | over << 2 | under;
        push(20, words, length, family);
        push(21, words, left, right);
        push(22, head << 2 | tail, make, 0);
        push(23, over << 2 | under, make, 0);
        push(24, over, b1, at(0));
        push(25, at(0), length, 0);
        push(26, at(1), length, 0);
        push(27, at(2), length, 0);
        push(28, at(0), at(1), 0);
        push(29, at(0), at(1), length);
        push(30, at(1), at(2), length);
        push(31, at(0) << 21 | at(1), at(2) << 21 | at(3), length);
        push(32, b1, at(0), 0);
        push(33, last, a1, 0);
        push(34, last, a1, a2);
        push(35, b2, b1, at(0));
        if name.len() > 1 {
            push(36, u64::from(name[name.len() - 2]), last, a1);
        }
        if family == 0 || name.len() > 3 {
            // Names from elsewhere are told by their characters.
            name.iter().for_each(|ch| push(37, u64::from(*ch), 0, 0));
            name.windows(2).for_each(|two| push(38, u64::from(two[0]), u64::from(two[1]), 0));
        }
    }
}

/// A character beside a stretch, as far as it matters.
fn around(ch: Option<&char>) -> u64 {
    match ch {
        None => 1,
        Some(ch) if ch.is_ascii_digit() => 2,
        Some(ch) if ch.is_ascii_alphabetic() => 3,
        Some(' ') => 4,
        Some(',') => u64::from('，'),
        Some('.') => u64::from('。'),
        Some(':') => u64::from('：'),
        Some('(') => u64::from('（'),
        Some(')') => u64::from('）'),
        Some(ch) => u64::from(*ch),
    }
}

/// The place of a pair of characters.
pub(crate) fn pair(a: char, b: char) -> usize {
    hash(0, u64::from(a), u64::from(b), 0) as usize % PAIRS
}

fn key(kind: u64, a: u64, b: u64, c: u64) -> u32 {
    (hash(kind, a, b, c) % KEYS as u64) as u32
}

fn hash(kind: u64, a: u64, b: u64, c: u64) -> u64 {
    let mix = |hash: u64, part: u64| {
        let hash = (hash ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash ^ (hash >> 29)
    };
    [a, b, c].into_iter().fold(kind.wrapping_mul(0xD6E8_FEB8_6659_FD93), mix) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let text: Vec<char> = text.chars().collect();
        persons(&text).iter().map(|(start, end)| text[*start..*end].iter().collect()).collect()
    }

    #[test]
    fn names_and_what_only_looks_like_one() {
        let rows: [(&str, &[&str]); 26] = [
            ("我叫李建国，住三号楼", &["李建国"]),
            ("联系人尹丽诺", &["尹丽诺"]),
            ("户主是任洁月，我是她女儿", &["任洁月"]),
            ("有个叫王强的业务员", &["王强"]),
            ("晏芬淑经理说可以退", &["晏芬淑"]),
            ("是张先生收的钱", &["张"]),
            ("欧阳明月女士", &["欧阳明月"]),
            ("民警刘伟来过", &["刘伟"]),
            ("我姓赵", &["赵"]),
            ("我姓弓长张，电话是这个", &["弓长张"]),
            ("王丽萍昨天又来闹", &["王丽萍"]),
            ("我儿媳妇叫阿依古丽，户口怎么迁", &["阿依古丽"]),
            ("机主迈克尔·布朗没有国内的身份证", &["迈克尔·布朗"]),
            ("王总说下周退钱", &["王"]),
            ("咱老百姓关于这个", &[]),
            ("班主任让交钱", &[]),
            ("找经理也没用", &[]),
            ("我是高中老师", &[]),
            ("小区停水两天了没人管", &[]),
            ("单位不给交社保", &[]),
            ("高峰时间堵车", &[]),
            ("物业管理公司", &[]),
            ("我是业主，房东不退押金", &[]),
            ("想问一下什么时候能办", &[]),
            ("江苏来的游客", &[]),
            ("", &[]),
        ];
        for (text, expected) in rows {
            assert_eq!(names(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut weights = vec![0i8; KEYS];
        (weights[0], weights[7], weights[3_000_000], weights[KEYS - 1]) = (5, -127, 127, 1);
        let pairs: Vec<bool> = (0..PAIRS).map(|n| n % 3 == 0).collect();
        let tagger = Tagger::new(weights, pairs);
        let again = Tagger::read(&tagger.write());
        assert_eq!(again.weights, tagger.weights);
        assert_eq!(again.pairs, tagger.pairs);
    }
}
