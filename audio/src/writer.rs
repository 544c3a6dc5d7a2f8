//! Writing sound: always 16-bit WAV, which every tool reads.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};

use crate::{Error, Reader, SAMPLE_RATE};

/// A mono WAV file that is being written.
pub(crate) struct Writer {
    wav: WavWriter<BufWriter<File>>,
    /// The same file once more, for what hound has no words for.
    file: File,
}

impl Writer {
    /// # Errors
    /// A file that cannot be made, as [`hound`] or the system says.
    pub(crate) fn create(path: &Path, rate: u32) -> Result<Writer, Error> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let file = File::create(path).map_err(|error| Error::io(path, error))?;
        let again = file.try_clone().map_err(|error| Error::io(path, error))?;
        let wav =
            WavWriter::new(BufWriter::new(again), spec).map_err(|error| written(path, error))?;
        Ok(Writer { wav, file })
    }

    pub(crate) fn write(&mut self, samples: &[f32]) -> Result<(), hound::Error> {
        samples.iter().try_for_each(|sample| {
            self.wav.write_sample((sample.clamp(-1.0, 1.0) * 32767.0).round() as i16)
        })
    }

    /// Makes what is written so far survive a power cut, but for the last few kilobytes. The
    /// length in the header stays 0 until the end: what a killed recorder leaves says by that that
    /// it is incomplete.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_data()
    }

    pub(crate) fn finish(self) -> Result<(), hound::Error> {
        self.wav.finalize()
    }

    /// Ends as a killed recorder would, with a length of 0: whoever reads the file will know that
    /// sound is missing.
    pub(crate) fn break_off(self) -> Result<(), hound::Error> {
        self.wav.finalize()?;
        let mut file = self.file;
        file.seek(SeekFrom::Start(LENGTH_AT))?;
        Ok(file.write_all(&0u32.to_le_bytes())?)
    }
}

/// Where the length of the sound stands in the header of a 16-bit WAV file.
const LENGTH_AT: u64 = 40;

/// Bytes before the sound of a plain 16-bit WAV file.
pub const WAV_HEADER: usize = 44;

/// What stands before the sound of a 16-bit PCM WAV file of so many frames, for files whose bytes are
/// served or written by place. No more than 4 GB fit.
pub fn wav_header(channels: u16, rate: u32, frames: u32) -> [u8; WAV_HEADER] {
    let frame = channels * 2;
    let data = frames.saturating_mul(u32::from(frame));
    let mut bytes = [0; WAV_HEADER];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, b"RIFF");
    put(4, &data.saturating_add(36).to_le_bytes());
    put(8, b"WAVEfmt ");
    put(16, &16u32.to_le_bytes());
    put(20, &1u16.to_le_bytes());
    put(22, &channels.to_le_bytes());
    put(24, &rate.to_le_bytes());
    put(28, &(rate * u32::from(frame)).to_le_bytes());
    put(32, &frame.to_le_bytes());
    put(34, &16u16.to_le_bytes());
    put(36, b"data");
    put(LENGTH_AT as usize, &data.to_le_bytes());
    bytes
}

pub(crate) fn written(path: &Path, error: hound::Error) -> Error {
    match error {
        hound::Error::IoError(source) => Error::io(path, source),
        other => Error::io(path, std::io::Error::other(other)),
    }
}

/// Copies a stretch of one channel of a recording into a WAV file at [`SAMPLE_RATE`].
///
/// # Errors
/// A recording that cannot be read, or a file that cannot be written.
pub fn cut(recording: &Path, channel: usize, ms: Range<u64>, target: &Path) -> Result<(), Error> {
    let mut reader = Reader::open(recording)?;
    let mut writer = Writer::create(target, SAMPLE_RATE)?;
    let at = |ms: u64| ms * u64::from(SAMPLE_RATE) / 1000;
    let (from, to) = (at(ms.start), at(ms.end));
    let mut position = 0;
    while let Some(block) = reader.read()? {
        // A mono recording has only one channel to cut from, whoever speaks.
        let leg = &block.legs[channel.min(block.legs.len() - 1)];
        let within = |sample: u64| (sample.saturating_sub(position) as usize).min(leg.len());
        writer.write(&leg[within(from)..within(to)]).map_err(|error| written(target, error))?;
        position += leg.len() as u64;
        if position >= to {
            break;
        }
    }
    writer.finish().map_err(|error| written(target, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_the_one_that_hound_writes() {
        let mut written = std::io::Cursor::new(Vec::new());
        let spec = WavSpec {
            channels: 2,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut wav = WavWriter::new(&mut written, spec).unwrap();
        (0..200i16).for_each(|sample| wav.write_sample(sample).unwrap());
        wav.finalize().unwrap();
        assert_eq!(written.get_ref()[..WAV_HEADER], wav_header(2, 16_000, 100));
    }

    #[test]
    fn a_cut_holds_just_the_asked_stretch_of_the_asked_channel() {
        let dir = std::env::temp_dir().join(format!("hotline-cut-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (whole, part) = (dir.join("whole.wav"), dir.join("part.wav"));
        let spec = WavSpec {
            channels: 2,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut wav = WavWriter::create(&whole, spec).unwrap();
        for n in 0..16_000i16 {
            wav.write_sample(0i16).unwrap();
            wav.write_sample(n).unwrap();
        }
        wav.finalize().unwrap();
        cut(&whole, 1, 250..500, &part).unwrap();
        let samples: Vec<i16> =
            hound::WavReader::open(&part).unwrap().samples::<i16>().map(Result::unwrap).collect();
        assert_eq!(samples.len(), 4_000);
        assert!(
            (i32::from(samples[0]) - 4_000).abs() <= 1
                && (i32::from(samples[3_999]) - 7_999).abs() <= 1
        );
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
