//! What can go wrong with models and recognition.

use std::path::PathBuf;

/// Why a model could not be had or used. Every message names the file, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written. Remedy: the message of the system.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The manifest does not parse. Remedy: correct it.
    #[error("{path}: not a valid model manifest: {reason}", path = path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither the manifest nor the models folders know the name. Remedy: `hotline models list`.
    #[error("no model {name:?}: the manifest has {known}; `hotline models list` shows them all")]
    Unknown {
        /// As it was asked for.
        name: String,
        /// Names of the manifest.
        known: String,
    },
    /// The model is known but its file is not there. Remedy: build it.
    #[error("{path}: model {name:?} is not built yet; run `hotline models build {name}`", path = path.display())]
    NotBuilt {
        /// Name in the manifest.
        name: String,
        /// Where it would lie.
        path: PathBuf,
    },
    /// The file is not what the manifest says. Remedy: build it again.
    #[error("{path}: {what}; build it again with `hotline models build --force`", path = path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// No source of the model could be used. Remedy: in the message of each.
    #[error("model {name:?} could not be fetched:\n{reasons}")]
    NoSource {
        /// Name in the manifest.
        name: String,
        /// One line a source.
        reasons: String,
    },
    /// A file that should hold weights does not. Remedy: fetch it again.
    #[error("{path}: not usable as model weights: {reason}", path = path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// whisper.cpp refused. Remedy: verify the model file.
    #[error("{path}: whisper.cpp refuses this model ({reason}); check it with `hotline models verify`", path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// whisper.cpp's reason.
        reason: String,
    },
    /// Recognition itself failed. Remedy: none but trying again; a bug if it repeats.
    #[error("recognition failed: {0}")]
    Recognition(String),
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }
}
