//! Any rate to 16 kHz, in a stream, without shifting time.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Resampler as _};

use crate::SAMPLE_RATE;

/// Turns legs of one rate into legs of [`SAMPLE_RATE`]. Output sample n is input time n / 16000 s:
/// the filter's delay is cut off, and exactly as much comes out as went in.
pub(crate) struct Resampler {
    /// `None` when the rates are equal already.
    filter: Option<Fft<f32>>,
    rate: u32,
    /// Input that does not fill a chunk yet, by leg.
    pending: Vec<Vec<f32>>,
    /// Output samples that are still the filter's delay.
    skip: usize,
    taken: u64,
    given: u64,
}

/// Input frames of one chunk: long enough to be cheap, short enough not to delay a stream.
const CHUNK: usize = 1024;

impl Resampler {
    /// For so many legs of so many samples a second.
    pub(crate) fn new(rate: u32, legs: usize) -> Resampler {
        let filter = (rate != SAMPLE_RATE).then(|| {
            Fft::new(rate as usize, SAMPLE_RATE as usize, CHUNK, legs, FixedSync::Input)
                .expect("rates from 8 to 48 kHz and a constant chunk make a valid filter")
        });
        let skip = filter.as_ref().map_or(0, |filter| filter.output_delay());
        Resampler { filter, rate, pending: vec![Vec::new(); legs], skip, taken: 0, given: 0 }
    }

    /// Takes input of equal length for every leg and appends what is ready to `out`.
    pub(crate) fn push(&mut self, input: &[Vec<f32>], out: &mut [Vec<f32>]) {
        self.taken += input.first().map_or(0, |leg| leg.len() as u64);
        for (pending, leg) in self.pending.iter_mut().zip(input) {
            pending.extend_from_slice(leg);
        }
        let Some(filter) = &self.filter else {
            for (out, pending) in out.iter_mut().zip(&mut self.pending) {
                out.append(pending);
            }
            return;
        };
        let chunk = filter.input_frames_next();
        let whole = self.pending[0].len() / chunk * chunk;
        for start in (0..whole).step_by(chunk) {
            let part: Vec<Vec<f32>> =
                self.pending.iter().map(|leg| leg[start..start + chunk].to_vec()).collect();
            self.process(&part, out);
        }
        self.pending.iter_mut().for_each(|leg| drop(leg.drain(..whole)));
    }

    /// Flushes: silence is pushed through until everything that was taken has been given.
    pub(crate) fn finish(&mut self, out: &mut [Vec<f32>]) {
        let Some(filter) = &self.filter else { return };
        let chunk = filter.input_frames_next();
        let due = (self.taken * u64::from(SAMPLE_RATE)).div_ceil(u64::from(self.rate));
        while self.given < due {
            let part: Vec<Vec<f32>> = self
                .pending
                .iter_mut()
                .map(|leg| {
                    let mut part = std::mem::take(leg);
                    part.resize(chunk, 0.0);
                    part
                })
                .collect();
            let before = self.given;
            self.process(&part, out);
            let surplus = self.given.saturating_sub(due).min(self.given - before) as usize;
            self.given -= surplus as u64;
            out.iter_mut().for_each(|leg| leg.truncate(leg.len() - surplus));
        }
    }

    fn process(&mut self, part: &[Vec<f32>], out: &mut [Vec<f32>]) {
        let Some(filter) = &mut self.filter else { return };
        let legs = part.len();
        let frames = part[0].len();
        let most = filter.output_frames_max();
        let mut buffer = vec![vec![0f32; most]; legs];
        let from =
            SequentialSliceOfVecs::new(part, legs, frames).expect("every leg holds one chunk");
        let mut into =
            SequentialSliceOfVecs::new_mut(&mut buffer, legs, most).expect("made to this size");
        let (_, made) = filter
            .process_into_buffer(&from, &mut into, None)
            .expect("buffers are of the asked sizes");
        let skip = self.skip.min(made);
        self.skip -= skip;
        self.given += (made - skip) as u64;
        for (out, leg) in out.iter_mut().zip(&buffer) {
            out.extend_from_slice(&leg[skip..made]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_length_are_kept_at_every_rate() {
        for rate in [8_000u32, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
            let frames = rate as usize * 2 + 137;
            let tone = |t: f64| (t * 440.0 * std::f64::consts::TAU).sin() as f32 * 0.5;
            let input: Vec<f32> = (0..frames).map(|i| tone(i as f64 / f64::from(rate))).collect();
            let mut resampler = Resampler::new(rate, 1);
            let mut out = vec![Vec::new()];
            for part in input.chunks(313) {
                resampler.push(&[part.to_vec()], &mut out);
            }
            resampler.finish(&mut out);
            let due = (frames as u64 * 16_000).div_ceil(u64::from(rate)) as usize;
            assert_eq!(out[0].len(), due, "length at {rate} Hz");
            let error = (2000..due - 2000)
                .map(|i| (out[0][i] - tone(i as f64 / 16_000.0)).abs())
                .fold(0f32, f32::max);
            // One sample of this tone is 0.086: where the ratio is awkward the delay is not a whole number.
            assert!(error < 0.086, "at {rate} Hz a tone came out {error} off");
        }
    }
}
