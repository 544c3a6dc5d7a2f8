//! Recordings and transcripts: files named by their content, written once, synced before anything
//! refers to them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt, WriteMultipart};
use sha2::{Digest, Sha256};

use crate::Error;

/// The files of a store.
pub struct Files {
    root: PathBuf,
    objects: LocalFileSystem,
    runtime: tokio::runtime::Runtime,
}

/// Recordings are copied in parts of this size, whatever their length.
const PART: usize = 1 << 20;

impl Files {
    pub(crate) fn open(root: &Path) -> Result<Files, Error> {
        for dir in ["recordings", "transcripts"] {
            let dir = root.join(dir);
            std::fs::create_dir_all(&dir).map_err(|error| Error::io(&dir, error))?;
        }
        let objects = LocalFileSystem::new_with_prefix(root)
            .map_err(|error| Error::io(root, error.into()))?
            .with_fsync(true);
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| Error::io(root, error))?;
        let files = Files { root: root.to_owned(), objects, runtime };
        files.sweep();
        Ok(files)
    }

    /// Removes what a killed process left half-written: staged files end in `#` and a number.
    fn sweep(&self) {
        for dir in ["recordings", "transcripts"] {
            let Ok(shelves) = std::fs::read_dir(self.root.join(dir)) else { continue };
            for file in shelves.flatten().filter_map(|shelf| std::fs::read_dir(shelf.path()).ok()).flatten().flatten() {
                if file.file_name().to_string_lossy().contains('#') {
                    let _ = std::fs::remove_file(file.path());
                }
            }
        }
    }

    /// Copies a recording in and gives its SHA-256. Never holds more than one part of it.
    ///
    /// # Errors
    /// A recording that cannot be read, a disk that is full.
    pub fn put_recording(&self, from: &Path, ending: &str) -> Result<String, Error> {
        let sha256 = sha256_file(from).map_err(|error| Error::io(from, error))?;
        let key = recording_key(&sha256, ending);
        if self.root.join(key.as_ref()).is_file() {
            return Ok(sha256);
        }
        let path = self.root.join(key.as_ref());
        let mut file = File::open(from).map_err(|error| Error::io(from, error))?;
        self.runtime.block_on(async {
            let upload = self.objects.put_multipart(&key).await.map_err(|error| Error::io(&path, io_of(error)))?;
            let mut writer = WriteMultipart::new_with_chunk_size(upload, PART);
            let mut part = vec![0; PART];
            loop {
                let count = file.read(&mut part).map_err(|error| Error::io(from, error))?;
                if count == 0 {
                    break;
                }
                writer.wait_for_capacity(2).await.map_err(|error| Error::io(&path, io_of(error)))?;
                writer.write(&part[..count]);
            }
            writer.finish().await.map_err(|error| Error::io(&path, io_of(error)))?;
            Ok::<(), Error>(())
        })?;
        Ok(sha256)
    }

    /// Writes a transcript and gives its SHA-256.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn put_transcript(&self, json: &[u8]) -> Result<String, Error> {
        let sha256 = hex(&Sha256::digest(json));
        let key = transcript_key(&sha256);
        let path = self.root.join(key.as_ref());
        if !path.is_file() {
            let put = self.objects.put(&key, Bytes::copy_from_slice(json).into());
            self.runtime.block_on(put).map_err(|error| Error::io(&path, io_of(error)))?;
        }
        Ok(sha256)
    }

    /// Where a recording lies.
    pub fn recording(&self, sha256: &str, ending: &str) -> PathBuf {
        self.root.join(recording_key(sha256, ending).as_ref())
    }

    /// Where a transcript lies.
    pub fn transcript(&self, sha256: &str) -> PathBuf {
        self.root.join(transcript_key(sha256).as_ref())
    }

    /// Reads a transcript.
    ///
    /// # Errors
    /// A file that is missing.
    pub fn read_transcript(&self, sha256: &str) -> Result<Vec<u8>, Error> {
        let path = self.transcript(sha256);
        std::fs::read(&path).map_err(|error| Error::io(&path, error))
    }
}

/// Two hundred and fifty-six shelves keep every folder small enough to list.
fn recording_key(sha256: &str, ending: &str) -> Key {
    Key::from(format!("recordings/{}/{sha256}.{ending}", shelf(sha256)))
}

fn transcript_key(sha256: &str) -> Key {
    Key::from(format!("transcripts/{}/{sha256}.json", shelf(sha256)))
}

fn shelf(sha256: &str) -> &str {
    sha256.get(..2).unwrap_or("00")
}

fn io_of(error: object_store::Error) -> std::io::Error {
    // The system's error is somewhere in the chain; its kind decides what the message says.
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.raw_os_error().map_or_else(|| std::io::Error::new(io.kind(), io.to_string()), std::io::Error::from_raw_os_error);
        }
        source = inner.source();
    }
    std::io::Error::other(error.to_string())
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// The file system's.
pub fn sha256_file(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut part = vec![0; PART];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex(&digest.finalize())),
            count => digest.update(&part[..count]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
