//! Which weights a text touches: n-grams of its characters and of their sounds.

use pinyin::ToPinyin;

/// Longest run of characters.
const CHAR_GRAMS: usize = 3;
/// Longest run of syllables.
const SOUND_GRAMS: usize = 3;

/// The n-grams of one text as keys, each with how often it occurs; ordered by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Grams {
    /// N-grams of characters.
    pub(crate) chars: Vec<(u32, f32)>,
    /// N-grams of syllables: what survives when the recogniser writes another character
    /// of the same sound.
    pub(crate) sounds: Vec<(u32, f32)>,
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
        Featurizer { syllables }
    }

    /// The syllable class of a symbol.
    pub(crate) fn syllable(&self, symbol: u32) -> u32 {
        self.syllables.get(symbol as usize).copied().unwrap_or_default()
    }

    /// The n-grams of a text of these symbols.
    pub(crate) fn grams(&self, symbols: &[u32]) -> Grams {
        let sounds: Vec<u32> = symbols.iter().map(|&s| self.syllable(s)).collect();
        Grams {
            chars: counted(symbols, CHAR_GRAMS, 0x51),
            sounds: counted(&sounds, SOUND_GRAMS, 0xA7),
        }
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
    /// Rows of a text: sublinear count times rarity, each of the two kinds of length 1.
    pub(crate) fn rows(&self, grams: &Grams) -> Rows {
        let mut rows = Rows::default();
        for part in [&grams.chars, &grams.sounds] {
            let first = rows.weights.len();
            for &(key, n) in part {
                if let Ok(row) = self.keys.binary_search(&key) {
                    rows.ids.push(row as u32);
                    rows.weights.push((1.0 + n.ln()) * self.rarity[row]);
                }
            }
            let part = &mut rows.weights[first..];
            let length = part.iter().map(|w| w * w).sum::<f32>().sqrt();
            part.iter_mut().for_each(|w| *w /= length);
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

/// Counts the hashed runs of 1 to `longest` items.
fn counted(items: &[u32], longest: usize, seed: u32) -> Vec<(u32, f32)> {
    let mut keys = Vec::with_capacity(items.len() * longest);
    for start in 0..items.len() {
        let mut hash = seed;
        for &item in &items[start..items.len().min(start + longest)] {
            hash = mix(hash ^ item.wrapping_mul(0x9E37_79B1));
            keys.push(hash);
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
