//! What can go wrong with a store.

use std::path::{Path, PathBuf};

/// Why the store could not be used. Every message names the file, the cause and the remedy.
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
    /// The disk is full. Remedy: make room; what was acknowledged is safe.
    #[error("{path}: the disk is full; make room and run the same command again, nothing acknowledged is lost", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another process owns the store. Remedy: end it, or wait.
    #[error("{path}: in use by process {pid}; wait for it, use another store with --data DIR, or end it: kill {pid}", path = path.display())]
    Owned {
        /// The store.
        path: PathBuf,
        /// Its owner.
        pid: String,
    },
    /// The recording's file changed while it was read. Remedy: wait until it is complete.
    #[error("{path}: changed while it was read; take it again once its recorder has finished", path = path.display())]
    Changing {
        /// The recording.
        path: PathBuf,
    },
    /// A write did not reach the disk, so nothing that follows it can be promised. Remedy: start again.
    #[error("{path}: an earlier write did not reach the disk; end this program, see to the disk, and run the same command again", path = path.display())]
    Unsynced {
        /// The journal.
        path: PathBuf,
    },
    /// A newer program wrote the store. Remedy: use that one.
    #[error("{path}: written by a newer version ({version}); use that version of the program", path = path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// The journal cannot be read. Remedy: restore a backup.
    #[error("{path}: the journal cannot be read ({reason}); restore a backup into an empty folder with `hotline --data NEW import FILE`", path = path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// sled's or the decoder's reason.
        reason: String,
    },
    /// No such ticket. Remedy: `hotline tickets`.
    #[error("no ticket {0}; `hotline tickets` lists them")]
    NoTicket(String),
    /// A command was refused. Remedy: in the message.
    #[error(transparent)]
    Rejected(#[from] crate::Rejected),
    /// Somebody else changed the ticket meanwhile. Remedy: look again and repeat.
    #[error(
        "ticket {id} was changed by somebody else meanwhile; look at it again and repeat the command"
    )]
    Conflict {
        /// The ticket.
        id: crate::TicketId,
    },
    /// A line of a table is not usable. Remedy: correct that line.
    #[error("{path}, line {line}: {reason}; correct it, nothing has been changed", path = path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A line of a backup is not usable. Remedy: take another backup; what came before it is in.
    #[error("line {line}: {reason}; everything before it has been imported")]
    Backup {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// A failure of the system's, told as a full disk where it is one.
    #[must_use]
    pub fn io(path: &Path, source: std::io::Error) -> Error {
        match source.kind() {
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge => Error::Full { path: path.to_owned() },
            _ => Error::Io { path: path.to_owned(), source },
        }
    }

    pub(crate) fn sled(path: &Path, error: sled::Error) -> Error {
        match error {
            sled::Error::Io(source) => Error::io(path, source),
            other => Error::Damaged { path: path.to_owned(), reason: other.to_string() },
        }
    }
}
