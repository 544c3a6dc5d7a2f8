//! The sound of a call for a browser: 16-bit PCM in a WAV file whose bytes are where its samples
//! are, so that any stretch is served without decoding and blanked by writing zeros; and its
//! peaks. Both are made once and kept in a cache of limited size beside the store.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use audio::{Reader, SAMPLE_RATE, WAV_HEADER, wav_header};
use serde::{Deserialize, Serialize};
use tickets::Error;

/// Bytes before the sound.
const HEADER: u64 = WAV_HEADER as u64;
/// Most bytes that the cache holds; what was not heard for longest goes first.
const CACHE_BYTES: u64 = 4 << 30;
/// Most columns of a waveform.
const COLUMNS: u64 = 6000;
/// Fewest milliseconds of a column.
const LEAST_BUCKET_MS: u64 = 40;

/// The cache.
#[derive(Debug)]
pub struct Sounds {
    dir: PathBuf,
    /// One at a time makes a call's sound; others wait for it.
    making: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

/// The waveform of a call.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Peaks {
    /// Length of the sound.
    pub duration_ms: u64,
    /// Length of a column.
    pub bucket_ms: u64,
    /// Loudest sample of each column, 0 to 100, by leg.
    pub legs: Vec<Vec<u8>>,
}

/// A sound that is ready to be served.
#[derive(Debug, Clone)]
pub struct Sound {
    pub path: PathBuf,
    pub bytes: u64,
    pub legs: u64,
}

impl Sounds {
    /// # Errors
    /// A folder that cannot be made.
    pub fn open(root: &Path) -> Result<Sounds, Error> {
        let dir = root.join("replay");
        let made = std::fs::create_dir_all(&dir);
        made.map_err(|error| Error::io(&dir, error))?;
        Ok(Sounds { dir, making: Mutex::default() })
    }

    /// The sound and the waveform of a recording, made if they are not there. Waits.
    ///
    /// # Errors
    /// A recording that cannot be read, or a disk that is full.
    pub fn of(&self, sha256: &str, recording: &Path) -> Result<(Sound, Peaks), Error> {
        let turn = {
            let mut making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(making.entry(sha256.to_owned()).or_default())
        };
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.ready_or_make(sha256, recording);
        // Whoever waits has the lock's other end already.
        self.making.lock().unwrap_or_else(PoisonError::into_inner).remove(sha256);
        made
    }

    fn ready_or_make(&self, sha256: &str, recording: &Path) -> Result<(Sound, Peaks), Error> {
        let (wav, json) =
            (self.dir.join(format!("{sha256}.wav")), self.dir.join(format!("{sha256}.json")));
        if let Some(ready) = ready(&wav, &json) {
            // What is heard now stays longest.
            let now = SystemTime::now();
            let _ = File::options().append(true).open(&wav).and_then(|file| file.set_modified(now));
            return Ok(ready);
        }
        self.make_room(std::fs::metadata(recording).map_or(0, |data| data.len() * 8));
        let peaks = make(recording, &wav).map_err(|error| Error::io(recording, error))?;
        let bytes = serde_json::to_vec(&peaks).unwrap_or_default();
        std::fs::write(&json, bytes).map_err(|error| Error::io(&json, error))?;
        ready(&wav, &json).ok_or_else(|| Error::Io {
            path: wav,
            source: std::io::Error::other("the sound was made and is not there"),
        })
    }

    /// Removes what was not heard for longest until there is room.
    fn make_room(&self, bytes: u64) {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut all: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, length, path) in files {
            if all + bytes <= CACHE_BYTES {
                break;
            }
            if std::fs::remove_file(path).is_ok() {
                all -= length;
            }
        }
    }
}

fn ready(wav: &Path, json: &Path) -> Option<(Sound, Peaks)> {
    let bytes = std::fs::metadata(wav).ok()?.len();
    let peaks: Peaks = serde_json::from_slice(&std::fs::read(json).ok()?).ok()?;
    let legs = peaks.legs.len() as u64;
    let sound = Sound { path: wav.to_owned(), bytes, legs };
    Some((sound, peaks))
}

/// Writes the sound of a recording and finds its peaks. A damaged recording gives what it has.
fn make(recording: &Path, wav: &Path) -> std::io::Result<Peaks> {
    let other = |error: audio::Error| std::io::Error::other(error.to_string());
    let mut reader = Reader::open(recording).map_err(other)?;
    let legs = reader.legs();
    let total_ms = reader.total_ms().unwrap_or(0);
    let bucket_ms = (total_ms / COLUMNS).max(LEAST_BUCKET_MS);
    let bucket = (bucket_ms * u64::from(SAMPLE_RATE) / 1000) as usize;
    let staged = wav.with_extension("part");
    let mut out = BufWriter::new(File::create(&staged)?);
    out.write_all(&[0; WAV_HEADER])?;
    let mut columns: Vec<Vec<u8>> = vec![Vec::new(); legs];
    let mut loudest = vec![0.0f32; legs];
    let mut samples = 0usize;
    while let Some(block) = reader.read().map_err(other)? {
        let count = block.legs.first().map_or(0, Vec::len);
        for at in 0..count {
            for (leg, sound) in block.legs.iter().enumerate() {
                let sample = sound[at].clamp(-1.0, 1.0);
                out.write_all(&((sample * f32::from(i16::MAX)) as i16).to_le_bytes())?;
                loudest[leg] = loudest[leg].max(sample.abs());
            }
            samples += 1;
            if samples.is_multiple_of(bucket) {
                for (column, loudest) in columns.iter_mut().zip(&mut loudest) {
                    column.push((std::mem::take(loudest) * 100.0).round() as u8);
                }
            }
        }
    }
    for (column, loudest) in columns.iter_mut().zip(&loudest) {
        column.push((loudest * 100.0).round() as u8);
    }
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&wav_header(legs as u16, SAMPLE_RATE, samples as u32))?;
    out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&staged, wav)?;
    let duration_ms = samples as u64 * 1000 / u64::from(SAMPLE_RATE);
    Ok(Peaks { duration_ms, bucket_ms, legs: columns })
}

impl Sound {
    /// Bytes from one place to another, with these stretches of time silent.
    ///
    /// # Errors
    /// The file system's.
    pub fn read(&self, from: u64, to: u64, silenced: &[(u64, u64)]) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
        let frame = self.legs * 2;
        for (start_ms, end_ms) in silenced {
            let place = |ms: u64| HEADER + ms * u64::from(SAMPLE_RATE) / 1000 * frame;
            let (start, end) =
                (place(*start_ms).max(from), place(*end_ms).min(from + bytes.len() as u64));
            if start < end {
                bytes[(start - from) as usize..(end - from) as usize].fill(0);
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../audio-fixtures/35-complete-report.flac")
    }

    fn any_fixture() -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audio-fixtures");
        if recording().is_file() {
            return recording();
        }
        let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "flac"))
            .collect();
        all.sort();
        all.remove(0)
    }

    #[test]
    fn any_stretch_is_the_recordings_and_what_is_blanked_is_silent() {
        let dir = tempfile::tempdir().unwrap();
        let sounds = Sounds::open(dir.path()).unwrap();
        let (sound, peaks) = sounds.of("abc", &any_fixture()).unwrap();
        assert_eq!(peaks.legs.len() as u64, sound.legs);
        let frames = (sound.bytes - HEADER) / (sound.legs * 2);
        assert_eq!(frames * 1000 / u64::from(SAMPLE_RATE), peaks.duration_ms);
        let whole = sound.read(0, sound.bytes, &[]).unwrap();
        assert_eq!(&whole[..4], b"RIFF");
        // The writer's file is what a reader of its own makes of it.
        let mut reader = Reader::open(&sound.path).unwrap();
        assert_eq!(reader.legs() as u64, sound.legs);
        while reader.read().unwrap().is_some() {}
        assert_eq!(reader.given_ms(), peaks.duration_ms);
        // Any range, odd ones too, is the same bytes, zero where it is blanked and only there.
        let silenced = [(1000, 2000)];
        let blanked = sound.read(0, sound.bytes, &silenced).unwrap();
        let place = |ms: u64| (HEADER + ms * 16 * sound.legs * 2) as usize;
        assert_eq!(blanked[..place(1000)], whole[..place(1000)]);
        assert!(blanked[place(1000)..place(2000)].iter().all(|byte| *byte == 0));
        assert!(whole[place(1000)..place(2000)].iter().any(|byte| *byte != 0));
        assert_eq!(blanked[place(2000)..], whole[place(2000)..]);
        for (from, to) in [(0, 1), (43, 47), (place(1500) as u64 + 1, place(2500) as u64 + 3)] {
            let part = sound.read(from, to, &silenced).unwrap();
            assert_eq!(part, blanked[from as usize..to as usize], "{from} to {to}");
        }
        // The second time nothing is made again.
        let made = std::fs::metadata(&sound.path).unwrap().len();
        let (again, _) = sounds.of("abc", Path::new("/nowhere")).unwrap();
        assert_eq!(again.bytes, made);
    }

    #[test]
    fn what_is_no_recording_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let sounds = Sounds::open(dir.path()).unwrap();
        assert!(sounds.of("abc", Path::new("/nowhere.wav")).is_err());
    }
}
