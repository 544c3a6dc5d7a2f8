//! Reading recordings in a stream: whatever they are on disk, out come legs at 16 kHz.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use crate::resample::Resampler;
use crate::riff::Patched;
use crate::{Error, SAMPLE_RATE};

/// A stretch of sound of every leg.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Milliseconds from the start of the recording.
    pub start_ms: u64,
    /// By channel, equally long, at [`SAMPLE_RATE`], −1 to 1; at most about a second.
    pub legs: Vec<Vec<f32>>,
}

/// A recording that is being read.
pub struct Reader {
    path: PathBuf,
    decoder: Decoder,
    resampler: Resampler,
    legs: usize,
    rate: u32,
    total_ms: Option<u64>,
    given: u64,
    damage: Option<String>,
    ended: bool,
}

/// Two kept libraries: hound for plain WAV, symphonia for all else.
enum Decoder {
    Wav(Box<WavReader<BufReader<Patched>>>),
    Any { format: Box<dyn FormatReader>, decoder: Box<dyn AudioDecoder>, track: u32 },
}

/// Rates of telephony and of sound cards.
pub(crate) const RATES: std::ops::RangeInclusive<u32> = 8_000..=48_000;

impl Reader {
    /// Opens a recording and reads its header.
    ///
    /// # Errors
    /// A file that is absent, empty, no sound, of a rate outside 8 to 48 kHz, or of more than two
    /// channels.
    pub fn open(path: &Path) -> Result<Reader, Error> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let meta = file.metadata().map_err(|error| Error::io(path, error))?;
        if !meta.is_file() {
            return Err(Error::unreadable(path, "not a file"));
        }
        if meta.len() == 0 {
            return Err(Error::Empty { path: path.to_owned() });
        }
        let again = file.try_clone().map_err(|error| Error::io(path, error))?;
        match Patched::open(again).map_err(|error| Error::io(path, error))? {
            Some(source) if matches!(source.tag, 1 | 3 | 0xfffe) => Reader::wav(path, source),
            Some(source) => {
                let damage = source.damage.clone();
                Reader::any(path, Box::new(source), damage)
            }
            None => Reader::any(path, Box::new(file), None),
        }
    }

    fn wav(path: &Path, source: Patched) -> Result<Reader, Error> {
        let damage = source.damage.clone();
        let wav = WavReader::new(BufReader::new(source))
            .map_err(|error| Error::unreadable(path, error))?;
        let spec = wav.spec();
        let total = u64::from(wav.duration());
        let decoder = Decoder::Wav(Box::new(wav));
        Reader::new(
            path,
            decoder,
            spec.sample_rate,
            usize::from(spec.channels),
            Some(total),
            damage,
        )
    }

    fn any(
        path: &Path,
        source: Box<dyn MediaSource>,
        damage: Option<String>,
    ) -> Result<Reader, Error> {
        let unreadable = |error: Symphonia| Error::unreadable(path, error);
        let stream = MediaSourceStream::new(source, Default::default());
        let mut hint = Hint::new();
        if let Some(ending) = path.extension().and_then(|ending| ending.to_str()) {
            hint.with_extension(ending);
        }
        let format = symphonia::default::get_probe()
            .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
            .map_err(unreadable)?;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or_else(|| Error::unreadable(path, "no sound track"))?;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        let parameters = parameters
            .ok_or_else(|| Error::unreadable(path, "a sound track of unknown kind"))?
            .clone();
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
            .map_err(unreadable)?;
        let rate =
            parameters.sample_rate.ok_or_else(|| Error::unreadable(path, "no sample rate"))?;
        let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count());
        let (track, total) = (track.id, track.num_frames);
        Reader::new(path, Decoder::Any { format, decoder, track }, rate, channels, total, damage)
    }

    fn new(
        path: &Path,
        decoder: Decoder,
        rate: u32,
        legs: usize,
        frames: Option<u64>,
        damage: Option<String>,
    ) -> Result<Reader, Error> {
        if !RATES.contains(&rate) {
            return Err(Error::Rate { path: path.to_owned(), rate });
        }
        if !(1..=2).contains(&legs) {
            return Err(Error::Channels { path: path.to_owned(), channels: legs });
        }
        Ok(Reader {
            path: path.to_owned(),
            decoder,
            resampler: Resampler::new(rate, legs),
            legs,
            rate,
            total_ms: frames.map(|frames| frames * 1000 / u64::from(rate)),
            given: 0,
            damage,
            ended: false,
        })
    }

    /// Channels: 1 or 2.
    pub fn legs(&self) -> usize {
        self.legs
    }

    /// Length according to the header, for progress bars.
    pub fn total_ms(&self) -> Option<u64> {
        self.total_ms
    }

    /// Milliseconds given so far; after the last block, the length of the recording.
    pub fn given_ms(&self) -> u64 {
        self.given * 1000 / u64::from(SAMPLE_RATE)
    }

    /// What is missing from a damaged recording, in words; complete after the last block.
    pub fn incomplete(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// The next stretch of sound; `None` at the end. A recording that breaks off inside ends
    /// there, and [`Reader::incomplete`] says so.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails.
    pub fn read(&mut self) -> Result<Option<Block>, Error> {
        while !self.ended {
            let mut out = vec![Vec::new(); self.legs];
            let part = match &mut self.decoder {
                Decoder::Wav(wav) => next_wav(wav, self.legs, self.rate as usize),
                Decoder::Any { format, decoder, track } => {
                    next_any(format.as_mut(), decoder.as_mut(), *track)
                }
            };
            match part {
                Ok(Some(part)) if part.len() == self.legs => self.resampler.push(&part, &mut out),
                Ok(Some(_)) => self.break_off("the number of channels changes"),
                Ok(None) => self.ended = true,
                Err(Broken::Disk(error)) => return Err(Error::io(&self.path, error)),
                Err(Broken::Sound(reason)) => self.break_off(&reason),
            }
            if self.ended {
                self.resampler.finish(&mut out);
            }
            if !out[0].is_empty() {
                let start_ms = self.given_ms();
                self.given += out[0].len() as u64;
                return Ok(Some(Block { start_ms, legs: out }));
            }
        }
        Ok(None)
    }

    fn break_off(&mut self, reason: &str) {
        self.ended = true;
        self.damage.get_or_insert_with(|| {
            format!("breaks off after {} ms: {reason}", self.given * 1000 / u64::from(SAMPLE_RATE))
        });
    }
}

/// Why no more sound came.
enum Broken {
    Disk(std::io::Error),
    Sound(String),
}

/// Up to a fifth of a second by leg.
fn next_wav(
    wav: &mut WavReader<BufReader<Patched>>,
    legs: usize,
    rate: usize,
) -> Result<Option<Vec<Vec<f32>>>, Broken> {
    let spec = wav.spec();
    let count = rate / 5 * legs;
    let mut samples: Vec<f32> = Vec::with_capacity(count);
    let broken = |error: hound::Error| match error {
        hound::Error::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            if error.kind() == std::io::ErrorKind::Other {
                Broken::Sound(error.to_string())
            } else {
                Broken::Disk(error)
            }
        }
        other => Broken::Sound(other.to_string()),
    };
    let result = match spec.sample_format {
        SampleFormat::Float => wav.samples::<f32>().take(count).try_for_each(|sample| {
            sample.map(|value| {
                samples.push(if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 })
            })
        }),
        SampleFormat::Int => {
            let scale = 1.0 / (1u64 << (spec.bits_per_sample - 1)) as f32;
            wav.samples::<i32>()
                .take(count)
                .try_for_each(|sample| sample.map(|value| samples.push(value as f32 * scale)))
        }
    };
    samples.truncate(samples.len() / legs * legs);
    if samples.is_empty() {
        return result.map(|()| None).map_err(broken);
    }
    // Sound before a break is taken; the break itself comes again at the next read.
    Ok(Some((0..legs).map(|leg| samples[leg..].iter().step_by(legs).copied().collect()).collect()))
}

fn next_any(
    format: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    track: u32,
) -> Result<Option<Vec<Vec<f32>>>, Broken> {
    /// A stream with more bad packets than this in a row is broken, not scratched.
    const MOST_BAD_PACKETS: usize = 16;
    let mut bad = 0;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(None),
            Err(Symphonia::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(Broken::Sound("the file ends within the sound".to_owned()));
            }
            Err(Symphonia::IoError(error)) => return Err(Broken::Disk(error)),
            Err(error) => return Err(Broken::Sound(error.to_string())),
        };
        if packet.track_id != track {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(buffer) => {
                let mut legs: Vec<Vec<f32>> = Vec::new();
                buffer.copy_to_vecs_planar(&mut legs);
                return Ok(Some(legs));
            }
            Err(Symphonia::DecodeError(_)) if bad < MOST_BAD_PACKETS => bad += 1,
            Err(error) => return Err(Broken::Sound(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
