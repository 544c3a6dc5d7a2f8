//! Samples and formats. Inside the workspace sound is mono f32 at 16 kHz a leg;
//! conversion from anything else happens only here.

/// Samples a second, everywhere inside the workspace.
pub const SAMPLE_RATE: u32 = 16_000;
/// Length of a [`Frame`].
pub const FRAME_MS: u32 = 20;
/// Samples in a [`Frame`].
pub const FRAME_SAMPLES: usize = (SAMPLE_RATE / 1000 * FRAME_MS) as usize;

/// 20 ms of one leg.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// −1 to 1.
    pub samples: [f32; FRAME_SAMPLES],
}
