//! Capture: what a microphone hears is on the disk before anything is made of it.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, Sample, SampleFormat, SizedSample, SupportedStreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::Error;
use crate::reader::RATES;
use crate::writer::{Writer, written};

/// Sound that may wait for the disk. What comes while the buffer is full is lost, and counted.
const BUFFER_S: u32 = 10;
/// Longest capture: the length in a WAV header ends at 4 GiB, 12.4 hours at 48 kHz.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// The writing thread looks into the buffer this often.
const LOOK: Duration = Duration::from_millis(20);
/// A power cut loses no more than this.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Rate of a microphone that can do any: every sound card's own.
const PREFERRED_RATE: u32 = 48_000;

/// A capture device, found and ready to record.
pub struct Microphone {
    device: cpal::Device,
    name: String,
    format: SupportedStreamConfig,
}

/// A recording that a [`Microphone`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Length of what is in the file.
    pub duration_ms: u64,
    /// What is missing from it, in words. The file itself then says that it is incomplete.
    pub missing: Option<String>,
}

impl Microphone {
    /// Finds a capture device by its name; the system's default when none is named.
    ///
    /// # Errors
    /// [`Error::Device`] when there is none of that name, the names that there are beside it; or
    /// when it is in use, not allowed, or of no rate that a call has.
    pub fn open(name: Option<&str>) -> Result<Microphone, Error> {
        keep_alsa_quiet();
        let asked = name.unwrap_or("default").to_owned();
        let absent = |what: &str, host: &cpal::Host| {
            let there = names(host);
            let remedy = match there.is_empty() {
                true => {
                    "this machine has no capture device; plug a microphone in, or take a recording"
                        .to_owned()
                }
                false => format!("name one of: {}", there.join(", ")),
            };
            Error::Device { name: asked.clone(), reason: format!("{what}; {remedy}") }
        };
        let host = cpal::available_hosts().into_iter().find_map(|id| cpal::host_from_id(id).ok());
        let host = host.ok_or_else(|| Error::Device {
            name: asked.clone(),
            reason:
                "the sound system does not start; see ALSA's configuration, or take a recording"
                    .to_owned(),
        })?;
        let device = match name {
            None => host.default_input_device(),
            Some(name) => find(&host, name),
        };
        let device = device.ok_or_else(|| absent("no such capture device", &host))?;
        match best_format(&device) {
            Ok(format) => Ok(Microphone { device, name: asked, format }),
            // ALSA has a default by name even where there is nothing behind it.
            Err(error) if error.kind() == ErrorKind::DeviceNotAvailable => {
                Err(absent("not there", &host))
            }
            Err(error) => Err(Error::Device { name: asked, reason: reason(&error) }),
        }
    }

    /// As it was asked for, or `default`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Records into a mono 16-bit WAV file until `stop` is set, `longest` has been heard, or the
    /// device breaks off; by then the file is durable. A killed process leaves what was heard so
    /// far in a file that says that it is incomplete.
    ///
    /// # Errors
    /// [`Error::Device`] when nothing was heard at all, and no file is left; [`Error::Io`] when
    /// the disk fails, and what was heard before lies in the file.
    pub fn record(
        &self,
        target: &Path,
        longest: Option<Duration>,
        stop: &AtomicBool,
    ) -> Result<Captured, Error> {
        let rate = self.format.sample_rate();
        let most =
            longest.unwrap_or(LONGEST).min(LONGEST).as_millis() as u64 * u64::from(rate) / 1000;
        let (ring, mut heard) = RingBuffer::new((rate * BUFFER_S) as usize);
        let told = Arc::new(Told::default());
        let ear = Ear {
            ring,
            channels: usize::from(self.format.channels()),
            left: most,
            told: Arc::clone(&told),
        };
        let stream = self.listen(ear).map_err(|error| self.failed(reason(&error)))?;
        let mut writer = Writer::create(target, rate)?;
        stream.play().map_err(|error| self.failed(reason(&error)))?;
        let spooled = spool(&mut heard, &told, &mut writer, most, stop);
        drop(stream);
        let samples = match &spooled {
            Ok(0) => {
                std::fs::remove_file(target).map_err(|error| Error::io(target, error))?;
                let silent =
                    "no sound came; see that it is switched on and that no other program holds it";
                return Err(self.failed(told.broke.get().map_or(silent.to_owned(), reason)));
            }
            Ok(samples) => *samples,
            Err(_) => 0,
        };
        let duration_ms = samples * 1000 / u64::from(rate);
        let missing = told.missing(duration_ms, rate);
        let complete = spooled.is_ok() && missing.is_none();
        let ended = if complete { writer.finish() } else { writer.break_off() };
        spooled.and(ended).map_err(|error| written(target, error))?;
        for path in [Some(target), target.parent()].into_iter().flatten() {
            let synced = File::open(path).and_then(|file| file.sync_all());
            synced.map_err(|error| Error::io(path, error))?;
        }
        Ok(Captured { duration_ms, missing })
    }

    fn failed(&self, reason: String) -> Error {
        Error::Device { name: self.name.clone(), reason }
    }

    fn listen(&self, ear: Ear) -> Result<cpal::Stream, cpal::Error> {
        match self.format.sample_format() {
            SampleFormat::I8 => self.stream::<i8>(ear),
            SampleFormat::I16 => self.stream::<i16>(ear),
            SampleFormat::I24 => self.stream::<cpal::I24>(ear),
            SampleFormat::I32 => self.stream::<i32>(ear),
            SampleFormat::I64 => self.stream::<i64>(ear),
            SampleFormat::U8 => self.stream::<u8>(ear),
            SampleFormat::U16 => self.stream::<u16>(ear),
            SampleFormat::U24 => self.stream::<cpal::U24>(ear),
            SampleFormat::U32 => self.stream::<u32>(ear),
            SampleFormat::U64 => self.stream::<u64>(ear),
            SampleFormat::F32 => self.stream::<f32>(ear),
            SampleFormat::F64 => self.stream::<f64>(ear),
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        }
    }

    fn stream<T: SizedSample>(&self, mut ear: Ear) -> Result<cpal::Stream, cpal::Error>
    where
        f32: FromSample<T>,
    {
        let told = Arc::clone(&ear.told);
        let hear = move |data: &[T], _: &cpal::InputCallbackInfo| ear.hear(data);
        self.device.build_input_stream(
            self.format.config(),
            hear,
            move |error| told.note(error),
            None,
        )
    }
}

/// What the device's thread tells the writing one, besides sound.
#[derive(Default)]
struct Told {
    /// Samples that found the buffer full.
    lost: AtomicU64,
    /// Times that the device itself could not keep up; how much it lost, it does not say.
    overruns: AtomicU64,
    /// Why no more sound will come.
    broke: OnceLock<cpal::Error>,
}

impl Told {
    fn note(&self, error: cpal::Error) {
        match error.kind() {
            ErrorKind::Xrun => drop(self.overruns.fetch_add(1, Ordering::Relaxed)),
            // The stream goes on.
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
            // The first reason is the cause; what follows follows from it.
            _ => drop(self.broke.set(error)),
        }
    }

    /// What is missing from the recording, in words.
    fn missing(&self, duration_ms: u64, rate: u32) -> Option<String> {
        let lost_ms = (self.lost.load(Ordering::Relaxed) * 1000).div_ceil(u64::from(rate));
        let overruns = self.overruns.load(Ordering::Relaxed);
        let lost = || {
            format!("{lost_ms} ms were lost because the disk was too slow; record to a faster one")
        };
        let overran = || format!("the device overran {overruns} times; end other programs");
        let broke = self
            .broke
            .get()
            .map(|error| format!("broke off after {duration_ms} ms: {}", reason(error)));
        let all: Vec<String> = [broke, (lost_ms > 0).then(lost), (overruns > 0).then(overran)]
            .into_iter()
            .flatten()
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// The device's side of the buffer. It runs on the device's thread: it copies, and does nothing else.
struct Ear {
    ring: Producer<f32>,
    channels: usize,
    /// Samples still wanted.
    left: u64,
    told: Arc<Told>,
}

impl Ear {
    /// Keeps the first channel: the mean of two capsules in one room would hold every word twice.
    fn hear<T: Sample>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        let frames =
            (data.len() / self.channels).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let room = self.ring.slots().min(frames);
        if let Ok(chunk) = self.ring.write_chunk_uninit(room) {
            chunk.fill_from_iter(
                data.iter().step_by(self.channels).map(|sample| sample.to_sample::<f32>()),
            );
        }
        self.left -= room as u64;
        self.told.lost.fetch_add((frames - room) as u64, Ordering::Relaxed);
    }
}

/// Writes what is heard, until it ends; gives the number of samples.
fn spool(
    heard: &mut Consumer<f32>,
    told: &Told,
    writer: &mut Writer,
    most: u64,
    stop: &AtomicBool,
) -> Result<u64, hound::Error> {
    let mut samples = 0;
    let mut synced = Instant::now();
    loop {
        // Asked before the buffer is emptied, so that what was said before the end is in.
        let ended = stop.load(Ordering::Relaxed) || told.broke.get().is_some();
        let ready = heard.slots();
        let chunk = heard.read_chunk(ready).expect("so many slots are filled");
        let (first, second) = chunk.as_slices();
        writer.write(first)?;
        writer.write(second)?;
        chunk.commit_all();
        samples += ready as u64;
        if ended || samples >= most {
            return Ok(samples);
        }
        if synced.elapsed() >= SYNC_EVERY {
            writer.sync()?;
            synced = Instant::now();
        }
        std::thread::sleep(LOOK);
    }
}

/// By identifier (`hw:CARD=USB,DEV=0`) or by description (`USB Microphone`).
fn find(host: &cpal::Host, name: &str) -> Option<cpal::Device> {
    let by_id = host.device_by_id(&cpal::DeviceId::new(host.id(), name));
    by_id.or_else(|| host.input_devices().ok()?.find(|device| device.to_string() == name))
}

fn names(host: &cpal::Host) -> Vec<String> {
    let devices = host.input_devices().into_iter().flatten();
    let names = devices.filter_map(|device| Some(device.id().ok()?.id().to_owned()));
    // ALSA's own, there on every machine: it hears nothing.
    names.filter(|name| name != "null").collect()
}

/// What cpal likes best among what a call can have.
fn best_format(device: &cpal::Device) -> Result<SupportedStreamConfig, cpal::Error> {
    let (least, most) = (*RATES.start(), *RATES.end());
    let fits = |range: &cpal::SupportedStreamConfigRange| {
        range.min_sample_rate() <= most
            && range.max_sample_rate() >= least
            && !range.sample_format().is_dsd()
    };
    let best =
        device.supported_input_configs()?.filter(fits).max_by(|a, b| a.cmp_default_heuristics(b));
    let best = best.ok_or(ErrorKind::UnsupportedConfig)?;
    let rate = PREFERRED_RATE.clamp(best.min_sample_rate(), best.max_sample_rate());
    Ok(best.with_sample_rate(rate))
}

/// What happened, and what to do.
fn reason(error: &cpal::Error) -> String {
    match error.kind() {
        ErrorKind::DeviceNotAvailable => {
            "unplugged or not there; plug it in and try again".to_owned()
        }
        ErrorKind::DeviceBusy => "in use by another program; end that one and try again".to_owned(),
        ErrorKind::PermissionDenied => {
            "not allowed; add this user to the group audio, log in again".to_owned()
        }
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation => {
            "does not record at 8 to 48 kHz; choose another device".to_owned()
        }
        _ => format!("{error}; plug it in again, or choose another device"),
    }
}

/// alsa-lib prints its own trace of every device that it cannot open; what is wrong is said once,
/// by us.
fn keep_alsa_quiet() {
    #[cfg(target_os = "linux")]
    drop(alsa::Output::local_error_handler());
}

#[cfg(test)]
mod tests;
