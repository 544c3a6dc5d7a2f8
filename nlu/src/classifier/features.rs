//! Which weights a text touches: n-grams of its characters, of their sounds, and of its two ends.

use pinyin::ToPinyin;

/// Which n-grams a bank goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Recipe {
    /// Longest run of characters.
    pub(crate) chars: usize,
    /// How much runs of two and three syllables count: what survives when the recogniser writes
    /// another character of the same sound.
    pub(crate) sounds: f32,
    /// How much the beginning and the end count by themselves: letters come to the point there.
    pub(crate) ends: f32,
    /// Whether punctuation is read: of speech it tells how the recogniser writes, or how whoever wrote the
    /// text down did, and not what the caller says.
    pub(crate) marks: bool,
}

/// Symbols of the beginning and of the end that [`Recipe::ends`] means.
const BEGINNING: usize = 30;
const END: usize = 40;

/// The n-grams of one kind, as keys with how often each occurs, ordered by key, and what the kind
/// counts.
pub(crate) struct Kind {
    pub(crate) grams: Vec<(u32, f32)>,
    weight: f32,
}

/// The rows of a table that a text touches, with weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) ids: Vec<u32>,
    pub(crate) weights: Vec<f32>,
}

/// Symbols to n-grams.
pub(crate) struct Featurizer {
    /// The syllable class of every symbol.
    syllables: Vec<u32>,
    /// Whether a symbol is punctuation.
    marks: Vec<bool>,
}

impl Featurizer {
    /// `chars` holds the character of each symbol.
    pub(crate) fn new(chars: &[String]) -> Featurizer {
        let syllables = chars
            .iter()
            .map(|symbol| {
                let syllable = symbol.chars().next().and_then(|ch| ch.to_pinyin());
                syllable.map_or_else(|| hash_str(symbol), |p| hash_str(&near_sound(p.plain())))
            })
            .collect();
        // The symbol of what is outside the vocabulary stands for a character that says something.
        let mark = |symbol: &String| {
            let mut chars = symbol.chars();
            matches!((chars.next(), chars.next()), (Some(ch), None) if !ch.is_alphanumeric())
        };
        Featurizer { syllables, marks: chars.iter().map(mark).collect() }
    }

    /// The syllable class of a symbol.
    pub(crate) fn syllable(&self, symbol: u32) -> u32 {
        self.syllables.get(symbol as usize).copied().unwrap_or_default()
    }

    /// The n-grams of a text of these symbols.
    pub(crate) fn grams(&self, symbols: &[u32], recipe: Recipe) -> Vec<Kind> {
        let mark = |symbol: &u32| self.marks.get(*symbol as usize).copied().unwrap_or_default();
        let unmarked: Vec<u32>;
        let symbols = if recipe.marks {
            symbols
        } else {
            unmarked = symbols.iter().filter(|symbol| !mark(symbol)).copied().collect();
            &unmarked
        };
        let of =
            |items: &[u32], runs, seed, weight| Kind { grams: counted(items, runs, seed), weight };
        let mut kinds = vec![of(symbols, 1..=recipe.chars, 0x51, 1.0)];
        if recipe.sounds > 0.0 {
            let sounds: Vec<u32> = symbols.iter().map(|&s| self.syllable(s)).collect();
            kinds.push(of(&sounds, 2..=3, 0xA7, recipe.sounds));
        }
        if recipe.ends > 0.0 {
            let beginning = &symbols[..symbols.len().min(BEGINNING)];
            let end = &symbols[symbols.len().saturating_sub(END)..];
            kinds.push(of(beginning, 1..=recipe.chars, 0xB6, recipe.ends));
            kinds.push(of(end, 1..=recipe.chars, 0xE4, recipe.ends));
        }
        kinds
    }
}

/// The n-grams that have a row, and how telling each is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lexicon {
    /// Ordered; the place of a key is its row.
    pub(crate) keys: Vec<u32>,
    /// Inverse document frequency of each.
    pub(crate) rarity: Vec<f32>,
}

impl Lexicon {
    /// Rows of a text: sublinear count times rarity, each kind as long as it counts.
    pub(crate) fn rows(&self, kinds: &[Kind]) -> Rows {
        let mut rows = Rows::default();
        for kind in kinds {
            let first = rows.weights.len();
            for &(key, n) in &kind.grams {
                if let Ok(row) = self.keys.binary_search(&key) {
                    rows.ids.push(row as u32);
                    rows.weights.push((1.0 + n.ln()) * self.rarity[row]);
                }
            }
            let part = &mut rows.weights[first..];
            let length = part.iter().map(|w| w * w).sum::<f32>().sqrt();
            part.iter_mut().for_each(|w| *w *= kind.weight / length);
        }
        rows
    }
}

/// Merges the sounds that recognisers and dialects confuse: zh/z, ch/c, sh/s, n/l, -ng/-n.
pub(crate) fn near_sound(syllable: &str) -> String {
    let (head, rest) = match syllable.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => syllable.split_at(2),
        [first, ..] if first.is_ascii() && !b"aeo".contains(first) => syllable.split_at(1),
        _ => ("", syllable),
    };
    let head = match head {
        "zh" => "z",
        "ch" => "c",
        "sh" => "s",
        "n" => "l",
        other => other,
    };
    let rest = rest.strip_suffix("ng").map_or(rest.to_owned(), |stem| format!("{stem}n"));
    format!("{head}{rest}")
}

/// Counts the hashed runs of so many items.
fn counted(items: &[u32], runs: std::ops::RangeInclusive<usize>, seed: u32) -> Vec<(u32, f32)> {
    let mut keys = Vec::with_capacity(items.len() * runs.end());
    for start in 0..items.len() {
        let mut hash = seed;
        let longest = &items[start..items.len().min(start + runs.end())];
        for (length, &item) in (1..).zip(longest) {
            hash = mix(hash ^ item.wrapping_mul(0x9E37_79B1));
            if runs.contains(&length) {
                keys.push(hash);
            }
        }
    }
    keys.sort_unstable();
    let mut counted: Vec<(u32, f32)> = Vec::with_capacity(keys.len());
    for key in keys {
        match counted.last_mut() {
            Some((last, n)) if *last == key => *n += 1.0,
            _ => counted.push((key, 1.0)),
        }
    }
    counted
}

/// The finaliser of MurmurHash3: every bit of the input moves every bit of the output.
fn mix(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}

/// FNV-1a.
fn hash_str(s: &str) -> u32 {
    s.bytes().fold(0x811C_9DC5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}
