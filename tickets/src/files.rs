//! Recordings, transcripts and attachments: files named by their content, written once, synced before anything
//! refers to them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStoreExt};
use sha2::{Digest, Sha256};

use crate::Error;

/// The files of a store.
pub struct Files {
    root: PathBuf,
    objects: LocalFileSystem,
    runtime: tokio::runtime::Runtime,
}

const FOLDERS: [&str; 3] = ["recordings", "transcripts", "attachments"];

/// Recordings are copied in parts of this size, whatever their length.
const PART: usize = 1 << 20;

impl Files {
    pub(crate) fn open(root: &Path) -> Result<Files, Error> {
        for dir in FOLDERS {
            let dir = root.join(dir);
            std::fs::create_dir_all(&dir).map_err(|error| Error::io(&dir, error))?;
        }
        sync(root)?;
        let files = Files::beside(root)?;
        files.sweep()?;
        Ok(files)
    }

    /// The files of a store that is open already: what is half-written there is being written.
    pub(crate) fn beside(root: &Path) -> Result<Files, Error> {
        let objects = LocalFileSystem::new_with_prefix(root)
            .map_err(|error| Error::io(root, error.into()))?
            .with_fsync(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Error::io(root, error))?;
        Ok(Files { root: root.to_owned(), objects, runtime })
    }

    /// Removes what a killed process left half-written: staged files end in `#` and a number.
    fn sweep(&self) -> Result<(), Error> {
        for file in self.list()? {
            if file.file_name().is_some_and(|name| name.to_string_lossy().contains('#')) {
                std::fs::remove_file(&file).map_err(|error| Error::io(&file, error))?;
            }
        }
        Ok(())
    }

    /// Every file there is.
    pub(crate) fn list(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for dir in FOLDERS {
            for shelf in entries(&self.root.join(dir))? {
                if shelf.is_dir() {
                    files.extend(entries(&shelf)?);
                }
            }
        }
        Ok(files)
    }

    /// Copies a recording in and gives its SHA-256. Never holds more than one part of it. Not to
    /// be called from within an asynchronous task: it waits.
    ///
    /// # Errors
    /// A recording that cannot be read or changes meanwhile, a disk that is full.
    pub fn put_recording(&self, from: &Path, ending: &str) -> Result<String, Error> {
        let sha256 = sha256_file(from).map_err(|error| Error::io(from, error))?;
        let mut file = File::open(from).map_err(|error| Error::io(from, error))?;
        let mut incoming = self.begin(recording_key(&sha256, ending))?;
        let mut part = vec![0; PART];
        loop {
            let count = file.read(&mut part).map_err(|error| Error::io(from, error))?;
            if count == 0 {
                break;
            }
            incoming.write(&part[..count])?;
        }
        match incoming.finish(&sha256)? {
            true => Ok(sha256),
            false => Err(Error::Changing { path: from.to_owned() }),
        }
    }

    /// Writes a transcript and gives its SHA-256.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn put_transcript(&self, json: &[u8]) -> Result<String, Error> {
        let sha256 = hex(&Sha256::digest(json));
        let mut incoming = self.begin(transcript_key(&sha256))?;
        incoming.write(json)?;
        incoming.finish(&sha256)?;
        Ok(sha256)
    }

    /// Writes an attachment and gives its SHA-256.
    ///
    /// # Errors
    /// A disk that is full.
    pub fn put_attachment(&self, bytes: &[u8]) -> Result<String, Error> {
        let sha256 = hex(&Sha256::digest(bytes));
        let mut incoming = self.begin(attachment_key(&sha256))?;
        incoming.write(bytes)?;
        incoming.finish(&sha256)?;
        Ok(sha256)
    }

    /// Where an attachment lies.
    pub fn attachment(&self, sha256: &str) -> PathBuf {
        self.root.join(attachment_key(sha256).as_ref())
    }

    /// Begins a file under a key that its content will have to justify.
    pub(crate) fn begin(&self, key: Key) -> Result<Incoming<'_>, Error> {
        let path = self.root.join(key.as_ref());
        let upload = if path.is_file() {
            None
        } else {
            let upload = self.runtime.block_on(self.objects.put_multipart(&key));
            Some(upload.map_err(|error| Error::io(&path, io_of(error)))?)
        };
        Ok(Incoming { files: self, path, upload, digest: Sha256::new() })
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

/// A file on its way in. Until it is finished it lies beside its place under another name; one
/// that is never finished is removed.
pub(crate) struct Incoming<'a> {
    files: &'a Files,
    path: PathBuf,
    /// `None`: the content is there already and is not written again.
    upload: Option<Box<dyn MultipartUpload>>,
    digest: Sha256,
}

impl Incoming<'_> {
    pub(crate) fn write(&mut self, part: &[u8]) -> Result<(), Error> {
        self.digest.update(part);
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let written =
            self.files.runtime.block_on(upload.put_part(Bytes::copy_from_slice(part).into()));
        written.map_err(|error| Error::io(&self.path, io_of(error)))
    }

    /// Puts the file in its place, synced with its folders, if its content has this hash; false if not.
    pub(crate) fn finish(mut self, sha256: &str) -> Result<bool, Error> {
        if hex(&self.digest.finalize_reset()) != sha256 {
            return Ok(false);
        }
        match self.upload.take() {
            Some(mut upload) => {
                let completed = self.files.runtime.block_on(upload.complete());
                completed.map_err(|error| Error::io(&self.path, io_of(error)))?;
            }
            // Whoever wrote it may have been killed before its folder was synced.
            None => {
                sync(&self.path)?;
                sync(self.path.parent().unwrap_or(&self.files.root))?;
            }
        }
        Ok(true)
    }
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = std::fs::read_dir(dir).map_err(|error| Error::io(dir, error))?;
    read.map(|entry| entry.map(|entry| entry.path()).map_err(|error| Error::io(dir, error)))
        .collect()
}

/// Makes a file or the entries of a folder durable.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|error| Error::io(path, error))
}

/// Two hundred and fifty-six shelves keep every folder small enough to list.
pub(crate) fn recording_key(sha256: &str, ending: &str) -> Key {
    Key::from(format!("recordings/{}/{sha256}.{ending}", shelf(sha256)))
}

pub(crate) fn transcript_key(sha256: &str) -> Key {
    Key::from(format!("transcripts/{}/{sha256}.json", shelf(sha256)))
}

pub(crate) fn attachment_key(sha256: &str) -> Key {
    Key::from(format!("attachments/{}/{sha256}.bin", shelf(sha256)))
}

fn shelf(sha256: &str) -> &str {
    sha256.get(..2).unwrap_or("00")
}

fn io_of(error: object_store::Error) -> std::io::Error {
    // The system's error is somewhere in the chain; its kind decides what the message says.
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io.raw_os_error().map_or_else(
                || std::io::Error::new(io.kind(), io.to_string()),
                std::io::Error::from_raw_os_error,
            );
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

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
