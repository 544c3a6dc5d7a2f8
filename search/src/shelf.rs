//! A few hundred texts in memory, to be found like tickets.

use std::collections::HashSet;
use std::convert::Infallible;

use crate::index::telling;
use crate::letters::{fold, letters, words};
use crate::word::{Kind, Word};

/// A small collection of texts, each with a name: entries of a knowledge base.
pub struct Shelf {
    texts: Vec<Text>,
}

struct Text {
    id: String,
    letters: Vec<char>,
    words: HashSet<String>,
}

impl Shelf {
    /// Puts texts on a shelf: pairs of an id and a text.
    #[must_use]
    pub fn new(texts: Vec<(String, String)>) -> Shelf {
        let read = |(id, text): (String, String)| {
            let folded: String = text.chars().map(fold).collect();
            Text {
                id,
                letters: letters(&text).map(|(_, ch)| ch).collect(),
                words: words(&folded).into_iter().map(str::to_owned).collect(),
            }
        };
        Shelf { texts: texts.into_iter().map(read).collect() }
    }

    /// The ids of the texts that fit best, each with a score up to 1: half of it for how every
    /// word stands in it, as [`crate::Index::find`] means it, half for the share of the telling
    /// words.
    #[must_use]
    pub fn find(&self, query: &str, limit: usize) -> Vec<(String, f32)> {
        let typed = Word::parse(query);
        let count = |word: &str| {
            let holders = self.texts.iter().filter(|text| text.words.contains(word)).count();
            Ok::<u64, Infallible>(holders as u64)
        };
        let Ok(terms) = telling(query, self.texts.len() as u64, count);
        let mut found = Vec::new();
        for text in &self.texts {
            let worst = typed.iter().map(|word| word.stands(&text.letters).map(|(kind, _)| kind));
            let whole = match worst.min().flatten() {
                Some(Kind::Exact) => 0.5,
                Some(Kind::Apart) => 0.4,
                Some(Kind::Alike) => 0.2,
                Some(Kind::Part) | None => 0.0,
            };
            let held = terms.iter().filter(|(word, _)| text.words.contains(word));
            let share: f32 = held.map(|(_, weight)| weight).sum();
            let score = whole + share.min(1.0) / 2.0;
            if score > 0.0 {
                found.push((text.id.clone(), score));
            }
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.truncate(limit);
        found
    }
}
