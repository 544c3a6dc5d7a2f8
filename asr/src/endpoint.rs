//! Endpointing: where an utterance begins and that it has ended.
//!
//! The voice-activity detector is earshot (pure Rust, no runtime to fetch); what makes utterances
//! out of its scores is ours, because callers to a hotline pause in the middle of a number and
//! agents type in silence.

use std::collections::VecDeque;

use audio::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE};

use crate::transcript::Utterance;

/// Settings of an [`Endpointer`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndpointConfig {
    /// Score from which a frame is speech.
    pub speech_score: f32,
    /// Score under which a frame is silence; between the two nothing changes.
    pub silence_score: f32,
    /// Speech is at least this much louder than what is heard when nobody speaks: a street behind
    /// the caller scores like a voice, but it does not pause.
    pub above_noise_db: f32,
    /// Speech needed to begin an utterance; shorter bursts are clicks.
    pub onset_ms: u32,
    /// Silence that ends an utterance.
    pub hangover_ms: u32,
    /// Sound kept before the first and after the last speech.
    pub margin_ms: u32,
    /// Utterances with less speech than this are dropped.
    pub least_speech_ms: u32,
    /// Longest utterance; longer speech is cut where it is quietest.
    pub most_ms: u32,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        EndpointConfig {
            speech_score: 0.5,
            silence_score: 0.35,
            above_noise_db: 8.0,
            onset_ms: 60,
            hangover_ms: 480,
            margin_ms: 240,
            least_speech_ms: 120,
            most_ms: 28_000,
        }
    }
}

/// What a frame brought about.
#[derive(Debug, Clone, PartialEq)]
pub enum Endpoint {
    /// Somebody began to speak.
    SpeechStarted {
        /// Where, from the recording's start.
        at_ms: u64,
    },
    /// An utterance is complete.
    Ended(Utterance),
}

/// Finds the utterances of one leg.
pub struct Endpointer {
    config: EndpointConfig,
    detector: Box<earshot::Detector>,
    /// Sound that does not fill a frame of the detector yet.
    pending: Vec<f32>,
    score: f32,
    background: Background,
    /// Frames before speech begins, for the margin.
    before: VecDeque<Frame>,
    state: State,
}

enum State {
    Silence { speech_ms: u32 },
    Speech { start_ms: u64, samples: Vec<f32>, speech_ms: u32, silence_ms: u32 },
}

/// Samples that the detector takes at a time.
const DETECTOR_FRAME: usize = 256;
/// Where long speech may be cut: within its last seconds.
const CUT_WINDOW_MS: u32 = 8_000;

impl Endpointer {
    /// A new leg.
    pub fn new(config: EndpointConfig) -> Endpointer {
        Endpointer {
            config,
            detector: earshot::Detector::default_boxed(),
            pending: Vec::with_capacity(DETECTOR_FRAME + FRAME_SAMPLES),
            score: 0.0,
            background: Background::default(),
            before: VecDeque::new(),
            state: State::Silence { speech_ms: 0 },
        }
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: &Frame) -> Option<Endpoint> {
        let score = self.score_of(frame);
        let config = self.config;
        match &mut self.state {
            State::Silence { speech_ms } => {
                self.before.push_back(frame.clone());
                *speech_ms = if score >= config.speech_score { *speech_ms + FRAME_MS } else { 0 };
                let keep = (config.margin_ms + config.onset_ms) / FRAME_MS;
                while self.before.len() > keep as usize {
                    self.before.pop_front();
                }
                if *speech_ms < config.onset_ms {
                    return None;
                }
                let speech_ms = *speech_ms;
                let start_ms = self.before.front().map_or(frame.start_ms, |first| first.start_ms);
                let samples = self.before.drain(..).flat_map(|frame| frame.samples).collect();
                self.state = State::Speech { start_ms, samples, speech_ms, silence_ms: 0 };
                Some(Endpoint::SpeechStarted { at_ms: start_ms })
            }
            State::Speech { samples, speech_ms, silence_ms, .. } => {
                samples.extend_from_slice(&frame.samples);
                if score >= config.speech_score {
                    *speech_ms += FRAME_MS;
                }
                *silence_ms = if score < config.silence_score { *silence_ms + FRAME_MS } else { 0 };
                if *silence_ms >= config.hangover_ms {
                    return self.end().map(Endpoint::Ended);
                }
                if samples.len() as u64 * 1000 >= u64::from(config.most_ms) * u64::from(SAMPLE_RATE)
                {
                    return self.cut().map(Endpoint::Ended);
                }
                None
            }
        }
    }

    /// The utterance that the end of the recording ended.
    pub fn finish(&mut self) -> Option<Utterance> {
        self.end()
    }

    fn score_of(&mut self, frame: &Frame) -> f32 {
        self.pending.extend(frame.samples.iter().map(|sample| sample.clamp(-1.0, 1.0)));
        let whole = self.pending.len() / DETECTOR_FRAME * DETECTOR_FRAME;
        for part in self.pending[..whole].chunks_exact(DETECTOR_FRAME) {
            self.score = self.detector.predict_f32(part);
        }
        self.pending.drain(..whole);
        let above_db = self.background.push(frame);
        if above_db < self.config.above_noise_db { 0.0 } else { self.score }
    }

    fn end(&mut self) -> Option<Utterance> {
        let state = std::mem::replace(&mut self.state, State::Silence { speech_ms: 0 });
        let State::Speech { start_ms, mut samples, speech_ms, silence_ms, .. } = state else {
            return None;
        };
        let surplus_ms = silence_ms.saturating_sub(self.config.margin_ms);
        samples.truncate(samples.len() - samples_of(surplus_ms).min(samples.len()));
        (speech_ms >= self.config.least_speech_ms).then_some(Utterance { start_ms, samples })
    }

    /// Cuts speech that has become too long at the quietest fifth of a second near its end, and
    /// goes on with the rest.
    fn cut(&mut self) -> Option<Utterance> {
        let State::Speech { start_ms, samples, .. } = &mut self.state else { return None };
        let window = samples_of(200);
        let first = samples.len().saturating_sub(samples_of(CUT_WINDOW_MS));
        let energy = |at: usize| samples[at..at + window].iter().map(|s| s * s).sum::<f32>();
        let at = (first..samples.len() - window)
            .step_by(FRAME_SAMPLES)
            .min_by(|a, b| energy(*a).total_cmp(&energy(*b)))
            .map_or(samples.len(), |at| at + window / 2);
        let rest = samples.split_off(at);
        let head = std::mem::replace(samples, rest);
        let utterance = Utterance { start_ms: *start_ms, samples: head };
        *start_ms += at as u64 * 1000 / u64::from(SAMPLE_RATE);
        Some(utterance)
    }
}

/// How loud it is on a leg when nobody speaks: a low quantile of the last seconds' levels, since
/// even people who talk without a pause are silent between words (minimum statistics, Martin 2001).
#[derive(Default)]
struct Background {
    /// Levels of the last frames, in decibels.
    levels: VecDeque<f32>,
    floor_db: f32,
    frames: usize,
}

impl Background {
    /// Frames that the quantile is taken over: eight seconds.
    const WINDOW: usize = 8_000 / FRAME_MS as usize;
    /// Before so many frames nothing is known.
    const LEAST: usize = 500 / FRAME_MS as usize;
    const QUANTILE: f32 = 0.1;
    /// The loudest of so many frames counts, so that the dips within a word do not.
    const SMOOTHED: usize = 5;
    /// Frames between two looks at the quantile.
    const EVERY: usize = 10;
    /// Quieter than this is the silence of a digital line.
    const QUIETEST_DB: f32 = -75.0;

    /// Takes the next frame and says how far the last ones stand above the background, in decibels.
    fn push(&mut self, frame: &Frame) -> f32 {
        let power =
            frame.samples.iter().map(|sample| sample * sample).sum::<f32>() / FRAME_SAMPLES as f32;
        self.levels.push_back((10.0 * power.max(1e-12).log10()).max(Self::QUIETEST_DB));
        if self.levels.len() > Self::WINDOW {
            self.levels.pop_front();
        }
        if self.frames.is_multiple_of(Self::EVERY) {
            let mut sorted: Vec<f32> = self.levels.iter().copied().collect();
            let at = (sorted.len() as f32 * Self::QUANTILE) as usize;
            self.floor_db = *sorted.select_nth_unstable_by(at, f32::total_cmp).1;
        }
        self.frames += 1;
        if self.frames < Self::LEAST {
            return f32::INFINITY;
        }
        let loudest = self
            .levels
            .iter()
            .rev()
            .take(Self::SMOOTHED)
            .copied()
            .fold(Self::QUIETEST_DB, f32::max);
        loudest - self.floor_db
    }
}

fn samples_of(ms: u32) -> usize {
    (ms * (SAMPLE_RATE / 1000)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of noise of so many decibels.
    fn noise(db: f32, seed: &mut u32) -> Frame {
        let scale = 10f32.powf(db / 20.0) * 3f32.sqrt();
        let mut next = || {
            // Numerical Recipes' generator: noise enough for levels.
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        Frame { start_ms: 0, samples: std::array::from_fn(|_| next() * scale) }
    }

    /// How far the last of so many frames stand above the background, frame by frame.
    fn above(levels: &[(f32, usize)]) -> Vec<f32> {
        let (mut background, mut seed) = (Background::default(), 1);
        let frames = levels.iter().flat_map(|(db, count)| std::iter::repeat_n(*db, *count));
        frames.map(|db| background.push(&noise(db, &mut seed))).collect()
    }

    #[test]
    fn a_steady_street_is_no_speech_and_a_voice_over_it_is() {
        let threshold = EndpointConfig::default().above_noise_db;
        let street = above(&[(-30.0, 300)]);
        assert!(street[Background::LEAST..].iter().all(|db| *db < threshold), "{street:?}");
        let voice = above(&[(-30.0, 200), (-15.0, 50)]);
        assert!(voice[205..].iter().all(|db| *db >= threshold));
        let after = above(&[(-30.0, 200), (-15.0, 50), (-30.0, 50)]);
        assert!(after[260..].iter().all(|db| *db < threshold), "the street is back");
    }

    #[test]
    fn a_quiet_voice_on_a_silent_line_is_speech_and_nothing_is_judged_too_early() {
        let threshold = EndpointConfig::default().above_noise_db;
        let quiet = above(&[(-90.0, 100), (-50.0, 20)]);
        assert!(quiet[105..].iter().all(|db| *db >= threshold));
        assert!(above(&[(-20.0, 10)]).iter().all(|db| db.is_infinite()));
    }

    #[test]
    fn turns_are_told_apart_though_somebody_rides_an_exercise_bike() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../audio-fixtures/02-unpaid-wages.flac");
        let mut reader = audio::Reader::open(std::path::Path::new(path)).unwrap();
        let (mut framer, mut endpointer) =
            (audio::Framer::default(), Endpointer::new(EndpointConfig::default()));
        let mut lengths = Vec::new();
        while let Some(block) = reader.read().unwrap() {
            for frame in framer.push(&block.legs[1]) {
                if let Some(Endpoint::Ended(utterance)) = endpointer.push(&frame) {
                    lengths.push(utterance.samples.len() / samples_of(1000));
                }
            }
        }
        // Nine turns of the caller's, the longest of ten seconds.
        assert!(lengths.len() >= 8 && lengths.iter().all(|seconds| *seconds <= 12), "{lengths:?}");
    }
}
