//! Whisper through whisper-rs: one model shared, one state a worker.
//!
//! whisper.cpp ends the process on its own assertions, so lengths and context are checked before
//! every call.

mod twice;

use std::sync::{Arc, Once};

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use whisper_rs::{
    DtwMode, DtwModelPreset, DtwParameters, FullParams, SamplingStrategy, WhisperContext,
    WhisperContextParameters, WhisperState, WhisperTokenId,
};

use crate::Error;
use crate::guard::{self, Doubt, Figures, NUMBERS, PROMPT};
use crate::models::{Context, Found, check_header};
use crate::transcript::{Char, Transcribe, Transcript, Utterance};

/// Positions of the encoder at full context; each is 20 ms.
const FULL_CONTEXT: u32 = 1500;
const SAMPLES_A_POSITION: usize = audio::SAMPLE_RATE as usize / 50;
/// Longest sound that one decoding can take.
const MOST_SAMPLES: usize = FULL_CONTEXT as usize * SAMPLES_A_POSITION;
/// Shorter sounds are no speech, and whisper.cpp refuses them.
const LEAST_SAMPLES: usize = audio::SAMPLE_RATE as usize / 10;
/// Silence after the last word: the decoder ends better when it hears the end.
const TAIL_SAMPLES: usize = audio::SAMPLE_RATE as usize * 3 / 10;
/// Whisper leaves half of the decoder's 448 positions to the prompt, less the marks around it.
const MOST_PROMPT_TOKENS: usize = 224;

/// How speech is decoded.
#[derive(Debug, Clone)]
pub struct Decoding {
    /// Threads of one decoding.
    pub threads: usize,
    /// Beams; 1 is greedy.
    pub beams: usize,
    /// Words of the city that the decoder is told of beforehand; empty for none.
    pub vocabulary: String,
}

impl Default for Decoding {
    fn default() -> Self {
        Decoding { threads: 2, beams: 1, vocabulary: String::new() }
    }
}

/// A loaded model; cheap to clone, shared by every worker.
#[derive(Clone)]
pub struct Model {
    context: Arc<WhisperContext>,
    policy: Context,
    simplify: Arc<OpenCC>,
    found: Found,
}

impl Model {
    /// Loads a model file.
    ///
    /// # Errors
    /// [`Error::Altered`] for a file that is no whole model, [`Error::Refused`] when whisper.cpp
    /// does not take it.
    pub fn load(found: &Found) -> Result<Model, Error> {
        Model::load_with(found, true)
    }

    fn load_with(found: &Found, timed: bool) -> Result<Model, Error> {
        static QUIET: Once = Once::new();
        // whisper.cpp prints to standard error; what it prints may hold a caller's words.
        QUIET.call_once(whisper_rs::install_logging_hooks);
        check_header(&found.path)?;
        let mut parameters = WhisperContextParameters::default();
        if timed {
            // The preset's heads are of base; other sizes use their top layers, which serve as well.
            let mode = if found.name.starts_with("base") {
                DtwMode::ModelPreset { model_preset: DtwModelPreset::Base }
            } else {
                DtwMode::TopMost { n_top: 2 }
            };
            parameters.dtw_parameters(DtwParameters { mode, ..DtwParameters::default() });
        }
        let refused = |reason: String| Error::Refused { path: found.path.clone(), reason };
        let context = WhisperContext::new_with_params(&found.path, parameters)
            .map_err(|error| refused(error.to_string()))?;
        let simplify =
            OpenCC::from_config(BuiltinConfig::T2s).map_err(|error| refused(error.to_string()))?;
        Ok(Model {
            context: Arc::new(context),
            policy: found.context,
            simplify: Arc::new(simplify),
            found: found.clone(),
        })
    }

    /// The file it came from.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// A worker with its own state.
    ///
    /// # Errors
    /// [`Error::Recognition`] when there is no memory for another state.
    pub fn worker(&self, decoding: &Decoding) -> Result<Worker, Error> {
        let state = self.context.create_state().map_err(recognition)?;
        let prompt = self.prompt(&format!("{}{PROMPT}", decoding.vocabulary))?;
        let numbers = self.prompt(&format!("{PROMPT}{NUMBERS}"))?;
        Ok(Worker { model: self.clone(), state, prompt, numbers, decoding: decoding.clone() })
    }

    fn prompt(&self, text: &str) -> Result<Vec<WhisperTokenId>, Error> {
        let mut tokens = self.context.tokenize(text, 4 * text.len()).map_err(recognition)?;
        // The end of the prompt weighs most: what is too long loses its beginning.
        let surplus = tokens.len().saturating_sub(MOST_PROMPT_TOKENS);
        tokens.drain(..surplus);
        Ok(tokens)
    }
}

/// Decodes one utterance after the other.
pub struct Worker {
    model: Model,
    state: WhisperState,
    prompt: Vec<WhisperTokenId>,
    /// The prompt where a number is expected.
    numbers: Vec<WhisperTokenId>,
    decoding: Decoding,
}

/// One decoding before it is judged.
struct Decoded {
    chars: Vec<Char>,
    figures: Figures,
}

impl Decoded {
    fn text(&self) -> String {
        self.chars.iter().map(|c| c.ch).collect()
    }
}

impl Transcribe for Worker {
    fn transcribe(&mut self, utterance: &Utterance) -> Result<Transcript, Error> {
        let prompt = self.prompt.clone();
        self.hear(utterance, &prompt)
    }
}

impl Worker {
    /// Listens once more where a number was dictated and some of its digits were lost: told beforehand how
    /// telephone numbers are read out, the decoder writes more of them down. If that makes no whole number
    /// either, a digit may have been said twice and written once. `None` where there is no whole number
    /// by either way, or none but what the decoder was told.
    ///
    /// # Errors
    /// As [`Transcribe::transcribe`].
    pub fn transcribe_number(
        &mut self,
        utterance: &Utterance,
        is_whole: impl Fn(&str) -> bool,
    ) -> Result<Option<Transcript>, Error> {
        let prompt = self.numbers.clone();
        let heard = self.hear(utterance, &prompt)?;
        if guard::is_number_prompt(&heard.text()) {
            return Ok(None);
        }
        if is_whole(&heard.text()) {
            return Ok(Some(heard));
        }
        // The first listening stands if this one fails.
        Ok(self.said_twice(&heard, is_whole).unwrap_or(None))
    }

    fn hear(
        &mut self,
        utterance: &Utterance,
        prompt: &[WhisperTokenId],
    ) -> Result<Transcript, Error> {
        let length = utterance.samples.len();
        if length > MOST_SAMPLES {
            return Err(Error::Recognition(format!(
                "an utterance of {length} samples is longer than {MOST_SAMPLES}"
            )));
        }
        let end_ms = utterance.start_ms + ms(length);
        let empty = Transcript { start_ms: utterance.start_ms, end_ms, ..Transcript::default() };
        if length < LEAST_SAMPLES {
            return Ok(empty);
        }
        let mut sound = utterance.samples.clone();
        sound.resize((length + TAIL_SAMPLES).min(MOST_SAMPLES), 0.0);

        let fitted = self.model.policy.positions(sound.len());
        let mut best = self.decode(&sound, utterance.start_ms, fitted, 0.0, prompt)?;
        let mut doubt = guard::doubt(&best.text(), best.figures);
        // A cut context and a certain decoder are the usual causes of a loop: give it the whole
        // context first, then let it choose less probable tokens.
        for (context, temperature) in [(FULL_CONTEXT, 0.0), (FULL_CONTEXT, 0.4)] {
            if doubt.is_none() || guard::is_silence(&best.text(), best.figures) {
                break;
            }
            if context == fitted && temperature == 0.0 {
                continue;
            }
            let other = self.decode(&sound, utterance.start_ms, context, temperature, prompt)?;
            // A warmer decoder would be surer of what it makes up: what is silence to a cold one
            // that has the whole context is silence.
            if temperature == 0.0 && guard::is_silence(&other.text(), other.figures) {
                return Ok(empty);
            }
            let other_doubt = guard::doubt(&other.text(), other.figures);
            let better =
                other_doubt.is_none() || other.figures.mean_logprob > best.figures.mean_logprob;
            if better || doubt == Some(Doubt::Loop) {
                (best, doubt) = (other, other_doubt);
            }
        }
        if guard::is_silence(&best.text(), best.figures) {
            return Ok(empty);
        }
        if matches!(doubt, Some(Doubt::Loop | Doubt::TooFast)) {
            let text: Vec<char> = best.chars.iter().map(|c| c.ch).collect();
            best.chars.truncate(guard::before_loop(&text));
        }
        for char in &mut best.chars {
            char.start_ms = char.start_ms.min(end_ms);
            char.end_ms = char.end_ms.min(end_ms);
        }
        Ok(Transcript { chars: best.chars, confidence: best.figures.confidence, ..empty })
    }

    fn decode(
        &mut self,
        sound: &[f32],
        start_ms: u64,
        context: u32,
        temperature: f32,
        prompt: &[WhisperTokenId],
    ) -> Result<Decoded, Error> {
        let strategy = match self.decoding.beams {
            0 | 1 => SamplingStrategy::Greedy { best_of: 1 },
            beams => SamplingStrategy::BeamSearch { beam_size: beams as i32, patience: -1.0 },
        };
        let mut params = FullParams::new(strategy);
        params.set_n_threads(self.decoding.threads as i32);
        params.set_language(Some("zh"));
        params.set_no_context(true);
        params.set_no_timestamps(true);
        params.set_single_segment(true);
        params.set_suppress_blank(true);
        params.set_suppress_nst(true);
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_special(false);
        params.set_print_timestamps(false);
        // whisper.cpp's own fallback is off: the guard decides, with the whole context at hand.
        params.set_temperature(temperature);
        params.set_temperature_inc(0.0);
        params.set_audio_ctx(context as i32);
        params.set_tokens(prompt);
        self.state.full(params, sound).map_err(recognition)?;
        Ok(self.collect(start_ms, sound.len()))
    }

    /// Joins tokens into whole characters: one character may be spread over several tokens, and
    /// one token may hold several characters.
    fn collect(&self, start_ms: u64, length: usize) -> Decoded {
        let end_of_text = self.model.context.token_eot();
        let mut tokens = Vec::new();
        let (mut sum, mut count, mut no_speech) = (0f64, 0usize, 0f32);
        for segment in self.state.as_iter() {
            no_speech = no_speech.max(segment.no_speech_probability());
            for index in 0..segment.n_tokens() {
                let Some(token) = segment.get_token(index) else { continue };
                let data = token.token_data();
                if data.id >= end_of_text {
                    continue;
                }
                sum += f64::from(data.plog);
                count += 1;
                let bytes = token.to_bytes().map(<[u8]>::to_vec).unwrap_or_default();
                let at_ms = (data.t_dtw >= 0)
                    .then_some((data.t_dtw as u64 * 10).saturating_sub(ALIGNMENT_LAG_MS));
                tokens.push(Token { bytes, confidence: data.p, at_ms });
            }
        }
        let mut chars = merge(&tokens, ms(length));
        let simplified = |ch: char| {
            let text = self.model.simplify.convert(ch.encode_utf8(&mut [0; 4]));
            let mut chars = text.chars();
            chars.next().filter(|_| chars.next().is_none()).unwrap_or(ch)
        };
        for char in &mut chars {
            char.ch = simplified(char.ch);
            char.start_ms += start_ms;
            char.end_ms += start_ms;
        }
        let mean_logprob = if count == 0 { 0.0 } else { (sum / count as f64) as f32 };
        let confidence =
            chars.iter().map(|c| c.confidence).sum::<f32>() / chars.len().max(1) as f32;
        let seconds = ms(length) as f32 / 1000.0;
        Decoded { chars, figures: Figures { mean_logprob, confidence, no_speech, seconds } }
    }
}

impl Context {
    /// Positions for so many samples.
    fn positions(self, samples: usize) -> u32 {
        let own = samples.div_ceil(SAMPLES_A_POSITION) as u32;
        // Attention is computed in blocks of 32 columns.
        (own + self.margin).max(self.least).next_multiple_of(32).min(FULL_CONTEXT)
    }
}

/// A decoded token, times from the utterance's start.
struct Token {
    bytes: Vec<u8>,
    confidence: f32,
    at_ms: Option<u64>,
}

/// Longest time that one character is taken to sound.
const LONGEST_CHAR_MS: u64 = 280;
/// The decoder looks at a sound once it has heard enough of it: the alignment of 475 lines whose
/// beginnings are known lay this much behind (median).
const ALIGNMENT_LAG_MS: u64 = 150;

fn merge(tokens: &[Token], length_ms: u64) -> Vec<Char> {
    // Characters with the token that began them.
    let mut chars: Vec<Char> = Vec::new();
    let mut pending: Vec<u8> = Vec::new();
    let mut begun = None;
    let mut confidence = 1f32;
    for (index, token) in tokens.iter().enumerate() {
        let start = *begun.get_or_insert(index);
        pending.extend(&token.bytes);
        confidence = confidence.min(token.confidence);
        let Ok(text) = std::str::from_utf8(&pending) else {
            // No character has more than four bytes: what is longer will never become one.
            if pending.len() > 8 {
                pending.clear();
                begun = None;
                confidence = 1.0;
            }
            continue;
        };
        let start_ms = tokens[start].at_ms.unwrap_or_else(|| chars.last().map_or(0, |c| c.end_ms));
        let next = tokens.get(index + 1).and_then(|token| token.at_ms).unwrap_or(length_ms);
        let letters: Vec<char> = text.chars().filter(|ch| !ch.is_whitespace()).collect();
        let most = LONGEST_CHAR_MS * letters.len().max(1) as u64;
        let end_ms = next.clamp(start_ms, (start_ms + most).max(start_ms));
        let share = (end_ms - start_ms) / letters.len().max(1) as u64;
        for (offset, ch) in letters.into_iter().enumerate() {
            let from = start_ms + share * offset as u64;
            chars.push(Char { ch, start_ms: from, end_ms: from + share, confidence });
        }
        pending.clear();
        begun = None;
        confidence = 1.0;
    }
    chars
}

/// The same model used as plain whisper.cpp would be: the peer that speeds are compared with.
pub struct Peer {
    model: Model,
    state: WhisperState,
    threads: usize,
}

impl Peer {
    /// Loads the model a second time, without character times.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(found: &Found, threads: usize) -> Result<Peer, Error> {
        let model = Model::load_with(found, false)?;
        let state = model.context.create_state().map_err(recognition)?;
        Ok(Peer { model, state, threads })
    }

    /// Transcribes a whole recording as it is: full context, greedy, timestamps and temperature
    /// fallback on, forced Chinese.
    ///
    /// # Errors
    /// [`Error::Recognition`].
    pub fn transcribe(&mut self, sound: &[f32]) -> Result<String, Error> {
        if sound.len() < LEAST_SAMPLES {
            return Ok(String::new());
        }
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 5 });
        params.set_n_threads(self.threads as i32);
        params.set_language(Some("zh"));
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_special(false);
        params.set_print_timestamps(false);
        params.set_initial_prompt(PROMPT);
        self.state.full(params, sound).map_err(recognition)?;
        let mut text = String::new();
        for segment in self.state.as_iter() {
            text.push_str(&segment.to_str_lossy().map_err(recognition)?);
        }
        Ok(self.model.simplify.convert(&text))
    }
}

fn ms(samples: usize) -> u64 {
    samples as u64 * 1000 / u64::from(audio::SAMPLE_RATE)
}

fn recognition(error: impl std::fmt::Display) -> Error {
    Error::Recognition(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bytes: &[u8], at_ms: u64) -> Token {
        Token { bytes: bytes.to_vec(), confidence: 0.5, at_ms: Some(at_ms) }
    }

    #[test]
    fn a_character_over_two_tokens_is_one_and_a_token_of_two_characters_is_two() {
        let water = "水".as_bytes();
        let tokens = [
            token(&water[..2], 100),
            token(&water[2..], 150),
            token("停了".as_bytes(), 400),
            token(b" ", 900),
        ];
        let chars = merge(&tokens, 1000);
        let seen: Vec<(char, u64, u64)> =
            chars.iter().map(|c| (c.ch, c.start_ms, c.end_ms)).collect();
        assert_eq!(seen, [('水', 100, 380), ('停', 400, 650), ('了', 650, 900)]);
    }

    #[test]
    fn bytes_that_never_become_a_character_are_dropped() {
        let tokens = [token(&[0xe6], 0), token(&[0xff; 9], 10), token("好".as_bytes(), 20)];
        assert_eq!(merge(&tokens, 100).iter().map(|c| c.ch).collect::<String>(), "好");
    }

    #[test]
    fn context_is_never_shorter_than_the_sound_nor_longer_than_the_model() {
        let fitted = Context { margin: 25, least: 0 };
        assert_eq!(fitted.positions(32_000), 128, "100 positions, the margin, the block");
        assert_eq!(Context { margin: 0, least: 512 }.positions(32_000), 512);
        assert_eq!(fitted.positions(MOST_SAMPLES), FULL_CONTEXT);
    }
}
