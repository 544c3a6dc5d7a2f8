//! What can go wrong with an index.

use std::io;
use std::path::{Path, PathBuf};

use tantivy::TantivyError;
use tantivy::directory::error::{LockError, OpenDirectoryError, OpenReadError, OpenWriteError};

/// Why an index could not be used. Every message names the folder, the cause and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused. Remedy: as it says.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk is full. Remedy: make room; the last commit is safe.
    #[error("{path}: the disk is full; make room and run the same command again, the journal holds everything", path = path.display())]
    Full {
        /// The folder.
        path: PathBuf,
    },
    /// Another process owns the index. Remedy: end it, or wait.
    #[error("{path}: the index is in use by process {pid}; wait for it, or end it: kill {pid}", path = path.display())]
    Owned {
        /// The folder.
        path: PathBuf,
        /// Its owner, `?` where that cannot be told.
        pid: String,
    },
    /// The folder holds something else, which is not to be cleared. Remedy: another folder.
    #[error("{path}: holds {name}, which is no part of an index; give the index a folder of its own", path = path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What lies in it.
        name: String,
    },
    /// The index cannot be read or written. Remedy: make it anew.
    #[error("{path}: the index cannot be used ({reason}); delete this folder and run the same command again, it is made anew from the journal", path = path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// tantivy's reason.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Error::Full { path: path.to_owned() },
            _ => Error::Io { path: path.to_owned(), source },
        }
    }

    pub(crate) fn tantivy(path: &Path, error: TantivyError) -> Error {
        let system = match &error {
            TantivyError::IoError(source)
            | TantivyError::LockFailure(LockError::IoError(source), _)
            | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError {
                io_error: source,
                ..
            })
            | TantivyError::OpenReadError(OpenReadError::IoError { io_error: source, .. })
            | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: source, .. }) => {
                source
            }
            _ => return Error::Unusable { path: path.to_owned(), reason: error.to_string() },
        };
        let system = innermost(system);
        match system.kind() {
            // A file that ends early or holds nonsense is the index's fault, not the system's.
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other => {
                Error::Unusable { path: path.to_owned(), reason: error.to_string() }
            }
            // tantivy shares the system's errors, which cannot be copied otherwise.
            kind => Error::io(path, io::Error::new(kind, system.to_string())),
        }
    }
}

/// The system's own error, however often it was wrapped on its way here.
fn innermost(error: &io::Error) -> &io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>());
    inner.map_or(error, innermost)
}
