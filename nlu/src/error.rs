//! What can go wrong when models, tables and training data are read.

use std::path::PathBuf;

use thiserror::Error;

/// Errors of this crate.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be read or written. Remedy: check that it exists and who may open it.
    #[error("{path}: {source}; check that the file exists and may be opened", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file does not hold what it should. Remedy: take it from the release again, or train anew.
    #[error("{path}: {what}; {remedy}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The numerical library refused an operation: a bug, or weights of another version.
    #[error(
        "classifier arithmetic: {0}; weights and program may be of different versions: run `hotline train nlu DIR`"
    )]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// For `map_err` on everything that opens `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { path, source }
    }

    /// A file whose content is wrong.
    pub(crate) fn content(
        path: impl Into<PathBuf>,
        what: impl ToString,
        remedy: &'static str,
    ) -> Error {
        Error::Content { path: path.into(), what: what.to_string(), remedy }
    }
}
