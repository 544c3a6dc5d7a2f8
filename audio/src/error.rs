//! What can be wrong with a recording or a device.

use std::path::{Path, PathBuf};

/// Why a recording could not be read or made. Every message names the file, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused. Remedy: as it says.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of no bytes. Remedy: fetch it again.
    #[error("{path}: the file is empty; fetch it again from the recorder", path = path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Not a sound file, or of a kind that is not known. Remedy: convert it.
    #[error("{path}: not a readable sound file ({reason}); convert it with: ffmpeg -i {path} -ar 16000 call.wav", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// Sampled too slowly or too fast. Remedy: convert it.
    #[error("{path}: sampled at {rate} Hz, and telephone recordings are from 8000 to 48000; convert it with: ffmpeg -i {path} -ar 16000 call.wav", path = path.display())]
    Rate {
        /// The file.
        path: PathBuf,
        /// Samples a second.
        rate: u32,
    },
    /// More channels than a call has legs. Remedy: keep the two that matter.
    #[error("{path}: {channels} channels, and a call has one or two legs; keep two with: ffmpeg -i {path} -ac 2 call.wav", path = path.display())]
    Channels {
        /// The file.
        path: PathBuf,
        /// How many.
        channels: usize,
    },
    /// No capture device, or it went away. Remedy: as the message says.
    #[error("microphone {name:?}: {reason}")]
    Device {
        /// As it was asked for, or `default`.
        name: String,
        /// What happened and what to do.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }

    pub(crate) fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Error {
        Error::Unreadable { path: path.to_owned(), reason: reason.to_string() }
    }
}
