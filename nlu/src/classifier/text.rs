//! The vocabulary: one symbol a character, in tokenizers' format.
//!
//! What a text loses on the way in (width, case, masks) is written into
//! `tokenizer.json` itself, so that any other program that reads the file sees the same symbols.

use std::collections::HashMap;
use std::path::Path;

use tokenizers::models::wordlevel::WordLevel;
use tokenizers::normalizers::{Lowercase, NFKC, Replace, Sequence};
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::normalizer::SplitDelimiterBehavior;
use tokenizers::{NormalizerWrapper, Tokenizer};

use crate::Error;

/// Symbol of a character outside the vocabulary.
pub(crate) const UNKNOWN: &str = "[?]";

/// Longest text that is looked at, in characters: a call of six minutes.
pub(crate) const MAX_CHARS: usize = 2000;

/// Characters to symbols.
pub(crate) struct Vocabulary {
    tokenizer: Tokenizer,
    /// The character of each symbol.
    chars: Vec<String>,
}

impl Vocabulary {
    /// Reads `tokenizer.json`.
    pub(crate) fn load(path: &Path) -> Result<Vocabulary, Error> {
        let tokenizer = Tokenizer::from_file(path)
            .map_err(|e| Error::content(path, e, "take the file from the release or train anew"))?;
        Ok(Vocabulary::of(tokenizer))
    }

    /// Every character that occurs at least `min_count` times in `texts`.
    pub(crate) fn build<'a>(texts: impl Iterator<Item = &'a str>, min_count: usize) -> Vocabulary {
        let bare = tokenizer(HashMap::from([(UNKNOWN.to_owned(), 0)]));
        let mut counts: HashMap<char, usize> = HashMap::new();
        for text in texts {
            for ch in normal(&bare, text).chars() {
                *counts.entry(ch).or_default() += 1;
            }
        }
        let mut kept: Vec<_> = counts.into_iter().filter(|(_, n)| *n >= min_count).collect();
        kept.sort_by_key(|&(ch, n)| (std::cmp::Reverse(n), ch));
        let symbols = std::iter::once(UNKNOWN.to_owned())
            .chain(kept.into_iter().map(|(ch, _)| ch.to_string()))
            .zip(0..)
            .collect();
        Vocabulary::of(tokenizer(symbols))
    }

    fn of(tokenizer: Tokenizer) -> Vocabulary {
        let mut chars = vec![String::new(); tokenizer.get_vocab_size(false)];
        for (symbol, id) in tokenizer.get_vocab(false) {
            if let Some(slot) = chars.get_mut(id as usize) {
                *slot = symbol;
            }
        }
        Vocabulary { tokenizer, chars }
    }

    /// Writes `tokenizer.json`.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Error> {
        self.tokenizer
            .save(path, false)
            .map_err(|e| Error::content(path, e, "check that the folder can be written"))
    }

    /// Symbols of a text, at most [`MAX_CHARS`].
    pub(crate) fn symbols(&self, text: &str) -> Vec<u32> {
        let head = text.char_indices().nth(MAX_CHARS).map_or(text, |(at, _)| &text[..at]);
        // Encoding fails only where a model has no symbol for the unknown; this one has.
        let encoding =
            self.tokenizer.encode_fast(head, false).expect("the vocabulary has an unknown symbol");
        encoding.get_ids().to_vec()
    }

    /// The character of each symbol, in order.
    pub(crate) fn chars(&self) -> &[String] {
        &self.chars
    }
}

fn normal(tokenizer: &Tokenizer, text: &str) -> String {
    use tokenizers::tokenizer::{NormalizedString, Normalizer};
    let mut normalized = NormalizedString::from(text);
    if let Some(normalizer) = tokenizer.get_normalizer() {
        normalizer.normalize(&mut normalized).expect("these normalizers refuse no text");
    }
    normalized.get().to_owned()
}

fn tokenizer(symbols: HashMap<String, u32>) -> Tokenizer {
    let model = WordLevel::builder()
        .vocab(symbols.into_iter().collect())
        .unk_token(UNKNOWN.to_owned())
        .build()
        .expect("a word-level model takes any vocabulary");
    let replace = |pattern: &str, with: &str| -> NormalizerWrapper {
        let pattern = tokenizers::normalizers::replace::ReplacePattern::Regex(pattern.to_owned());
        Replace::new(pattern, with).expect("a fixed pattern compiles").into()
    };
    let mut tokenizer = Tokenizer::new(model);
    let folded = tokenizer.with_normalizer(Some(Sequence::new(vec![
        NFKC.into(),
        Lowercase.into(),
        replace(r"\s+", ""),
        // Published messages mask places with as many stars as it takes: one symbol for any mask.
        replace(r"\*+", "某"),
    ])));
    folded.expect("no added tokens that a normalizer could break");
    let each = SplitPattern::Regex("(?s).".to_owned());
    tokenizer.with_pre_tokenizer(Some(
        Split::new(each, SplitDelimiterBehavior::Isolated, false)
            .expect("a fixed pattern compiles"),
    ));
    tokenizer
}
