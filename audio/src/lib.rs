//! Samples and formats. Inside the workspace sound is mono f32 at 16 kHz a leg;
//! conversion from anything else happens only here.

mod error;
mod frame;
mod mic;
mod reader;
mod resample;
mod riff;
mod writer;

pub use error::Error;
pub use frame::{Frame, Framer};
pub use mic::{Captured, Microphone};
pub use reader::{Block, Reader};
pub use writer::{WAV_HEADER, cut, wav_header};

/// Samples a second, everywhere inside the workspace.
pub const SAMPLE_RATE: u32 = 16_000;
/// Length of a [`Frame`].
pub const FRAME_MS: u32 = 20;
/// Samples in a [`Frame`].
pub const FRAME_SAMPLES: usize = (SAMPLE_RATE / 1000 * FRAME_MS) as usize;
