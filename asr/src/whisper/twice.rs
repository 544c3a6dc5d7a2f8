//! Digits that stand twice and were written once.
//!
//! A decoder drops one of two equal digits more often than it errs in any other way (六五五 as 六五). Asked how
//! probable the right number is, it knows better: the text is weighed against the sound with each digit said once more.

use std::cmp::Reverse;

use whisper_rs::WhisperTokenId;

use super::{LONGEST_CHAR_MS, Worker, recognition};
use crate::Error;
use crate::guard::is_number_prompt;
use crate::transcript::{Char, Transcript};

/// How much less probable than what was written the mended text may be, as a natural logarithm. Where one digit was
/// surely lost the right way lay up to 4.6 below; of 45 callers who had left a digit out all but four lay further.
const MOST_LOST: f32 = 4.7;
/// How sure it must be which digit it was.
const LEAST_SURE: f32 = 0.75;
/// Digits as they are read out and written.
const DIGITS: &str = "零〇一二三四五六七八九幺两洞拐勾0123456789";
/// Ways that are weighed whole: which ones, the next character alone tells well enough.
const WEIGHED: usize = 4;

impl Worker {
    /// What was heard last, with the digit said twice that makes it whole; `None` if none does or it cannot be
    /// told which. The sound must still be in the state, decoded after the prompt for numbers.
    pub(super) fn said_twice(
        &mut self,
        heard: &Transcript,
        is_whole: impl Fn(&str) -> bool,
    ) -> Result<Option<Transcript>, Error> {
        let chars: Vec<char> = heard.chars.iter().map(|c| c.ch).collect();
        // Of two equal ones either gives the same text.
        let is_place =
            |&at: &usize| DIGITS.contains(chars[at]) && chars.get(at + 1) != Some(&chars[at]);
        let places = (0..chars.len()).filter(is_place);
        let ways: Vec<(usize, String)> = places
            .map(|at| (at, chars[..=at].iter().chain(&chars[at..]).collect::<String>()))
            // What the decoder was told beforehand may have lost a digit, too.
            .filter(|(_, text)| is_whole(text) && !is_number_prompt(text))
            .collect();
        let written = self.tokens(&heard.text())?;
        let mut tokens = Vec::new();
        for (_, text) in &ways {
            tokens.push(self.tokens(text)?);
        }
        let chosen = self.choose(&written, &tokens)?;
        Ok(chosen.map(|(index, sure)| doubled(heard, ways[index].0, sure)))
    }

    /// A text as the decoder would write it, with the mark of its end.
    fn tokens(&self, text: &str) -> Result<Vec<WhisperTokenId>, Error> {
        let context = &self.model.context;
        let mut tokens = context.tokenize(text, 4 * text.len()).map_err(recognition)?;
        tokens.push(context.token_eot());
        Ok(tokens)
    }

    /// Which of the ways was said, with its probability beside what was written and the others.
    fn choose(
        &mut self,
        written: &[WhisperTokenId],
        ways: &[Vec<WhisperTokenId>],
    ) -> Result<Option<(usize, f32)>, Error> {
        let mut path = Path { start: self.start(), ..Path::default() };
        let room = self.model.context.n_text_ctx().max(0) as usize;
        let longest = ways.iter().map(Vec::len).max().unwrap_or(0).max(written.len());
        let known = ways.iter().any(|way| way == written);
        if ways.is_empty() || known || path.start.len() + longest > room {
            return Ok(None);
        }
        let sum = self.weigh(&mut path, written)?;
        // Where a way leaves what was written, its next character costs or gains.
        let mut first: Vec<(usize, f32)> = Vec::new();
        for (index, way) in ways.iter().enumerate() {
            let at = shared(written, way);
            first.push((
                index,
                path.after[at][way[at] as usize] - path.after[at][written[at] as usize],
            ));
        }
        first.sort_by(|a, b| b.1.total_cmp(&a.1));
        first.truncate(WEIGHED);
        // The later a way leaves what was written, the less of it is decoded anew.
        first.sort_by_key(|(index, _)| Reverse(*index));
        let mut weighed: Vec<(usize, f32)> = Vec::new();
        for &(index, _) in &first {
            weighed.push((index, self.weigh(&mut path, &ways[index])?));
        }
        Ok(pick(sum, &weighed))
    }

    /// What the decoder is given before the text.
    fn start(&self) -> Vec<WhisperTokenId> {
        let context = &self.model.context;
        let zh = whisper_rs::get_lang_id("zh").unwrap_or_default();
        let mut start = vec![context.token_prev()];
        start.extend(&self.numbers);
        start.extend([context.token_sot(), context.token_lang(zh)]);
        start.extend([context.token_transcribe(), context.token_not()]);
        start
    }

    /// The sum of the tokens' log-probabilities. What a text shares with the one before is not decoded again.
    fn weigh(&mut self, path: &mut Path, tokens: &[WhisperTokenId]) -> Result<f32, Error> {
        let threads = self.decoding.threads;
        let mut decode = |tokens: &[WhisperTokenId], past: usize| -> Result<Vec<f32>, Error> {
            self.state.decode(tokens, past, threads).map_err(recognition)?;
            Ok(log_softmax(self.state.get_logits().map_err(recognition)?))
        };
        if path.after.is_empty() {
            // Of several tokens at once whisper.cpp gives the logits of the last, but not where they are read.
            let (last, before) = path.start.split_last().expect("the start has its marks");
            decode(before, 0)?;
            path.after.push(decode(&[*last], before.len())?);
        }
        let kept = shared(&path.said, tokens);
        path.said.truncate(kept);
        path.after.truncate(kept + 1);
        for &token in &tokens[kept..tokens.len() - 1] {
            path.after.push(decode(&[token], path.start.len() + path.said.len())?);
            path.said.push(token);
        }
        Ok(tokens.iter().zip(&path.after).map(|(&token, after)| after[token as usize]).sum())
    }
}

/// The most probable of the ways, each with the logarithm of its probability, beside what was `written`: which it is,
/// and how probable it is among them all.
fn pick(written: f32, ways: &[(usize, f32)]) -> Option<(usize, f32)> {
    let (index, best) = *ways.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let others = ways.iter().map(|(_, sum)| (sum - best).exp()).sum::<f32>();
    let likely = written - best <= MOST_LOST && 1.0 / others >= LEAST_SURE;
    likely.then(|| (index, 1.0 / (others + (written - best).exp())))
}

/// What the decoder has been taken through.
#[derive(Default)]
struct Path {
    start: Vec<WhisperTokenId>,
    said: Vec<WhisperTokenId>,
    /// Log-probabilities of what comes next, after the start and after each token that was said.
    after: Vec<Vec<f32>>,
}

/// How many tokens two texts begin with alike.
fn shared(one: &[WhisperTokenId], other: &[WhisperTokenId]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

fn log_softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum = logits.iter().map(|logit| (logit - most).exp()).sum::<f32>().ln() + most;
    logits.iter().map(|logit| logit - sum).collect()
}

/// The transcript with one character said twice: both share the time until the next one begins, and neither is
/// surer than the choice.
fn doubled(heard: &Transcript, at: usize, sure: f32) -> Transcript {
    let mut heard = heard.clone();
    let char = heard.chars[at];
    let next = heard.chars.get(at + 1).map_or(heard.end_ms, |next| next.start_ms);
    let end_ms = next.clamp(char.end_ms, char.end_ms + LONGEST_CHAR_MS);
    let middle = char.start_ms.midpoint(end_ms);
    let confidence = char.confidence.min(sure);
    heard.chars[at] = Char { end_ms: middle, confidence, ..char };
    heard.chars.insert(at + 1, Char { start_ms: middle, end_ms, confidence, ..char });
    heard.confidence =
        heard.chars.iter().map(|c| c.confidence).sum::<f32>() / heard.chars.len() as f32;
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_taken_if_it_is_likely_and_no_other_is() {
        let which = |written, ways: &[(usize, f32)]| pick(written, ways).map(|(index, _)| index);
        assert_eq!(which(-18.0, &[(0, -25.0), (3, -19.0), (5, -24.0)]), Some(3));
        assert_eq!(which(-18.0, &[(3, -18.0 - MOST_LOST - 0.1)]), None, "too unlikely");
        assert_eq!(which(-18.0, &[(3, -19.0), (5, -19.5)]), None, "either may be right");
        assert_eq!(which(-18.0, &[(3, -19.0), (5, -20.2)]), Some(3));
        assert_eq!(which(-18.0, &[]), None);
        let (_, sure) = pick(-18.0, &[(3, -18.0)]).unwrap();
        assert!((sure - 0.5).abs() < 1e-6, "as likely as what was written");
    }

    #[test]
    fn both_characters_share_the_time_until_the_next_one() {
        let char = |ch, start_ms, end_ms| Char { ch, start_ms, end_ms, confidence: 0.9 };
        let chars = vec![char('六', 0, 200), char('五', 200, 480), char('二', 700, 900)];
        let heard = Transcript { end_ms: 1000, chars, ..Transcript::default() };
        let heard = doubled(&heard, 1, 0.8);
        let seen: Vec<_> =
            heard.chars.iter().map(|c| (c.ch, c.start_ms, c.end_ms, c.confidence)).collect();
        let wanted = [
            ('六', 0, 200, 0.9),
            ('五', 200, 450, 0.8),
            ('五', 450, 700, 0.8),
            ('二', 700, 900, 0.9),
        ];
        assert_eq!(seen, wanted);
    }
}
