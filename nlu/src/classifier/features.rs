//! Which weights a text touches: hashed n-grams of its characters and of their sounds.

use pinyin::ToPinyin;

/// Rows of the table that n-grams are hashed into.
pub(crate) const ROWS: usize = 1 << 17;
/// Longest run of characters.
const CHAR_GRAMS: usize = 4;
/// Longest run of syllables.
const SOUND_GRAMS: usize = 3;

/// The rows of one text, each with how often it occurs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    /// N-grams of characters.
    pub(crate) chars: Vec<(u32, f32)>,
    /// N-grams of syllables: what survives when the recogniser writes another character
    /// of the same sound.
    pub(crate) sounds: Vec<(u32, f32)>,
}

/// Symbols to rows.
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

    /// The rows of a text of these symbols.
    pub(crate) fn rows(&self, symbols: &[u32]) -> Rows {
        let sounds: Vec<u32> = symbols.iter().map(|&s| self.syllable(s)).collect();
        Rows { chars: grams(symbols, CHAR_GRAMS, 0x51), sounds: grams(&sounds, SOUND_GRAMS, 0xA7) }
    }
}

/// Merges the sounds that recognisers and dialects confuse: zh/z, ch/c, sh/s, -ng/-n, l/n, h/f.
pub(crate) fn near_sound(syllable: &str) -> String {
    let (head, rest) = match syllable.as_bytes() {
        [b'z' | b'c' | b's', b'h', ..] => syllable.split_at(2),
        [b'a' | b'e' | b'o', ..] => ("", syllable),
        _ => syllable.split_at(1),
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
fn grams(items: &[u32], longest: usize, seed: u32) -> Vec<(u32, f32)> {
    let mut rows = Vec::with_capacity(items.len() * longest);
    for start in 0..items.len() {
        let mut hash = seed;
        for &item in &items[start..items.len().min(start + longest)] {
            hash = mix(hash ^ item.wrapping_mul(0x9E37_79B1));
            rows.push(hash % ROWS as u32);
        }
    }
    rows.sort_unstable();
    let mut counted: Vec<(u32, f32)> = Vec::with_capacity(rows.len());
    for row in rows {
        match counted.last_mut() {
            Some((last, n)) if *last == row => *n += 1.0,
            _ => counted.push((row, 1.0)),
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

fn hash_str(s: &str) -> u32 {
    s.bytes().fold(0x811C_9DC5, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}
