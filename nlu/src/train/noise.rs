//! What a telephone and a recogniser do to a text, so that training has seen it: characters
//! of the same or a near sound, half sentences, fillers.

use std::collections::{BTreeMap, HashMap};

use crate::classifier::Featurizer;
use crate::train::random::Random;

/// Words that callers open with; none says what the call is about.
const OPENINGS: &[&str] = &[
    "喂，",
    "喂你好，",
    "你好，",
    "您好，",
    "哎，",
    "呃，",
    "嗯，",
    "那个，",
    "喂，你好，我想反映一下，",
    "你好，我想反映个问题，",
    "我想问一下，",
    "我跟你说，",
    "是这样的，",
    "麻烦你，",
    "同志你好，",
    "就是说，",
    "哎呀，",
    "我是住在这边的，",
    "我们这儿，",
    "我要说个事，",
    "您好，我打电话是因为，",
];
/// Words that callers put between their words.
const FILLERS: &[&str] =
    &["呃", "嗯", "那个", "就是", "这个", "啊", "然后呢", "就是那个", "你知道吧", "，"];
/// Words that callers end with.
const ENDINGS: &[&str] = &[
    "，麻烦你们了",
    "，谢谢",
    "，你看怎么办",
    "，行吗",
    "啊",
    "，就这个事",
    "，对",
    "。",
    "，你们管管吧",
];

/// Makes variants of texts.
pub(crate) struct Noise {
    /// Characters of one near-sound class, each as often as the training texts hold it.
    sounds: HashMap<u32, Vec<u32>>,
    openings: Vec<Vec<u32>>,
    fillers: Vec<Vec<u32>>,
    endings: Vec<Vec<u32>>,
    stops: Vec<u32>,
}

/// How much is done to one text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    /// Share of characters replaced by homophones.
    pub(crate) homophones: f32,
    /// Probability of fillers.
    pub(crate) fillers: f32,
    /// Probability that only some clauses are kept.
    pub(crate) cut: f32,
}

impl Noise {
    /// `frequent` holds the symbols that may be written, with their counts.
    pub(crate) fn new(
        featurizer: &Featurizer,
        frequent: &BTreeMap<u32, usize>,
        symbols: impl Fn(&str) -> Vec<u32>,
    ) -> Noise {
        let mut sounds: HashMap<u32, Vec<u32>> = HashMap::new();
        for (&symbol, &count) in frequent {
            let class = sounds.entry(featurizer.syllable(symbol)).or_default();
            // A recogniser prefers common characters, though not in proportion.
            let copies = (count as f32).sqrt().ceil() as usize;
            class.extend(std::iter::repeat_n(symbol, copies.min(64)));
        }
        let all = |words: &[&str]| words.iter().map(|w| symbols(w)).collect();
        Noise {
            sounds,
            openings: all(OPENINGS),
            fillers: all(FILLERS),
            endings: all(ENDINGS),
            stops: symbols("，。！？；,!?;"),
        }
    }

    /// A variant of a text.
    pub(crate) fn variant(
        &self,
        text: &[u32],
        featurizer: &Featurizer,
        amount: Amount,
        random: &mut Random,
    ) -> Vec<u32> {
        let mut text = text.to_vec();
        if random.chance(amount.cut) {
            text = self.some_clauses(&text, random);
        }
        if random.chance(amount.fillers) {
            text = self.filled(&text, random);
        }
        if amount.homophones > 0.0 {
            self.misheard(&mut text, featurizer, amount.homophones, random);
        }
        text
    }

    /// Replaces characters by others of the same near sound.
    pub(crate) fn misheard(
        &self,
        text: &mut [u32],
        featurizer: &Featurizer,
        share: f32,
        random: &mut Random,
    ) {
        for symbol in text {
            if random.chance(share)
                && let Some(class) = self.sounds.get(&featurizer.syllable(*symbol))
                && let Some(&other) = random.pick(class)
            {
                *symbol = other;
            }
        }
    }

    fn some_clauses(&self, text: &[u32], random: &mut Random) -> Vec<u32> {
        let clauses: Vec<&[u32]> = text.split(|s| self.stops.contains(s)).collect();
        if clauses.len() < 3 {
            return text.to_vec();
        }
        let kept = 2 + random.below(clauses.len().min(8) - 1);
        let first = random.below(clauses.len() - kept.min(clauses.len()) + 1);
        let comma = self.stops.first().copied().unwrap_or_default();
        clauses[first..(first + kept).min(clauses.len())].join(&comma)
    }

    fn filled(&self, text: &[u32], random: &mut Random) -> Vec<u32> {
        let mut filled = Vec::with_capacity(text.len() + 24);
        if random.chance(0.6) {
            filled.extend(random.pick(&self.openings).into_iter().flatten());
        }
        // One filler in about twelve characters, more would drown a short text.
        for &symbol in text {
            filled.push(symbol);
            if random.chance(0.08) {
                filled.extend(random.pick(&self.fillers).into_iter().flatten());
            }
        }
        if random.chance(0.3) {
            filled.extend(random.pick(&self.endings).into_iter().flatten());
        }
        filled
    }
}
