//! Cutting a stream into frames of 20 ms.

use crate::{FRAME_MS, FRAME_SAMPLES};

/// 20 ms of one leg.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// −1 to 1.
    pub samples: [f32; FRAME_SAMPLES],
}

/// Cuts the sound of one leg into [`Frame`]s.
#[derive(Debug, Clone, Default)]
pub struct Framer {
    pending: Vec<f32>,
    given: u64,
}

impl Framer {
    /// Takes the next sound and gives the frames that it completes.
    pub fn push(&mut self, samples: &[f32]) -> Vec<Frame> {
        self.pending.extend_from_slice(samples);
        let (whole, rest) = self.pending.as_chunks::<FRAME_SAMPLES>();
        let frames: Vec<Frame> = (self.given..)
            .zip(whole)
            .map(|(number, samples)| Frame {
                start_ms: number * u64::from(FRAME_MS),
                samples: *samples,
            })
            .collect();
        self.given += frames.len() as u64;
        self.pending = rest.to_vec();
        frames
    }

    /// The last frame, filled up with silence; `None` when nothing is left.
    pub fn finish(&mut self) -> Option<Frame> {
        if self.pending.is_empty() {
            return None;
        }
        self.pending.resize(FRAME_SAMPLES, 0.0);
        let silence = std::mem::take(&mut self.pending);
        let samples = silence.try_into().expect("resized to one frame");
        self.given += 1;
        Some(Frame { start_ms: (self.given - 1) * u64::from(FRAME_MS), samples })
    }
}
