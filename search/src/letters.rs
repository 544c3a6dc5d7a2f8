//! What counts of a text: its letters and digits, folded. A recogniser guesses punctuation and
//! spaces, so neither separates anything.

use std::sync::OnceLock;

use jieba_rs::Jieba;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::sound;

/// Ends a line of a transcript. Between lines lie [`LINE_GAP`] positions.
pub(crate) const LINE: char = '\n';

/// Ends a text that has nothing to do with the next one.
pub(crate) const TEXT: char = '\u{1e}';

/// A sentence may go on in the next utterance: its end weighs like a few characters between.
const LINE_GAP: usize = 4;

/// More than any slack of a search, so that nothing is found across texts.
const TEXT_GAP: usize = 64;

/// One character for one, so that offsets stay: half width, lower case.
pub(crate) fn fold(ch: char) -> char {
    let ch = match ch {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(ch) - 0xfee0).unwrap_or(ch),
        _ => ch,
    };
    ch.to_lowercase().next().unwrap_or(ch)
}

/// What counts of a text, each with the number of its character.
pub(crate) fn letters(text: &str) -> impl Iterator<Item = (usize, char)> {
    let folded = text.chars().map(fold).enumerate();
    folded.filter(|(_, ch)| ch.is_alphanumeric())
}

/// The dictionary, loaded once: a fifth of a second and 40 MB.
pub(crate) fn dictionary() -> &'static Jieba {
    static DICTIONARY: OnceLock<Jieba> = OnceLock::new();
    DICTIONARY.get_or_init(Jieba::new)
}

/// The words of a folded text that say something, with the words within them. Single characters
/// say too little to rank by. Unknown words are not guessed: pairs of characters find them.
pub(crate) fn words(folded: &str) -> Vec<&str> {
    let cut = dictionary().cut_for_search(folded, false);
    cut.into_iter().map(|token| token.word).filter(|word| says_something(word)).collect()
}

fn says_something(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_alphanumeric) && chars.next().is_some()
}

/// The four ways in which a text is indexed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reading {
    /// Every character, for searches of a single one.
    Letters,
    /// Every two neighbours, at the position of the first: what stands in a text is found however
    /// a dictionary cuts it.
    Pairs,
    /// The words of the dictionary, to rank by.
    Words,
    /// How every two neighbours sound, tones aside.
    Sounds,
}

impl Tokenizer for Reading {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        let words = match self {
            Reading::Words => words(&text.chars().map(fold).collect::<String>())
                .into_iter()
                .map(String::from)
                .collect(),
            _ => Vec::new(),
        };
        Stream {
            reading: *self,
            chars: text.chars(),
            words: words.into_iter(),
            before: None,
            position: 0,
            waiting: Vec::new(),
            token: Token::default(),
        }
    }
}

/// A text, read in one of four ways.
pub(crate) struct Stream<'a> {
    reading: Reading,
    chars: std::str::Chars<'a>,
    words: std::vec::IntoIter<String>,
    /// The letter before, and its position.
    before: Option<(char, usize)>,
    position: usize,
    /// Further sounds of the same two characters.
    waiting: Vec<(&'static str, &'static str)>,
    token: Token,
}

impl Stream<'_> {
    /// The next letter with its position and the one before it.
    fn step(&mut self) -> Option<(Option<char>, char, usize)> {
        loop {
            let ch = fold(self.chars.next()?);
            match ch {
                LINE => (self.before, self.position) = (None, self.position + LINE_GAP),
                TEXT => (self.before, self.position) = (None, self.position + TEXT_GAP),
                _ if ch.is_alphanumeric() => {
                    let before = self.before.replace((ch, self.position));
                    self.position += 1;
                    return Some((before.map(|(ch, _)| ch), ch, self.position - 1));
                }
                _ => {}
            }
        }
    }
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        self.token.text.clear();
        match self.reading {
            Reading::Words => {
                let Some(word) = self.words.next() else { return false };
                self.token.position = self.position;
                self.position += 1;
                self.token.text.push_str(&word);
                true
            }
            Reading::Letters => {
                let Some((_, ch, position)) = self.step() else { return false };
                self.token.position = position;
                self.token.text.push(ch);
                true
            }
            Reading::Pairs => loop {
                let Some((before, ch, position)) = self.step() else { return false };
                let Some(before) = before else { continue };
                self.token.position = position - 1;
                self.token.text.push(before);
                self.token.text.push(ch);
                return true;
            },
            Reading::Sounds => loop {
                if let Some((first, second)) = self.waiting.pop() {
                    self.token.text.push_str(first);
                    self.token.text.push(' ');
                    self.token.text.push_str(second);
                    return true;
                }
                let Some((before, ch, position)) = self.step() else { return false };
                let Some(before) = before else { continue };
                self.token.position = position - 1;
                for first in sound::syllables(before) {
                    self.waiting.extend(sound::syllables(ch).map(|second| (first, second)));
                }
            },
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
