//! What this process serves, once `hotline serve` runs in it: one store and what takes calls into it,
//! shared by the commands of all clients.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, anyhow};
use tickets::Store;

use crate::call::Calls;

static SERVED: OnceLock<Served> = OnceLock::new();
static CALLS: OnceLock<Arc<Calls>> = OnceLock::new();

struct Served {
    store: Arc<Store>,
    /// Device and number of the store's folder: the same folder goes by many paths.
    folder: (u64, u64),
    home: PathBuf,
}

/// From here on [`store`] hands this store out.
///
/// # Errors
/// A folder that is gone.
pub fn register(store: &Arc<Store>) -> anyhow::Result<()> {
    let meta = store.root().metadata();
    let meta = meta.with_context(|| format!("{}: cannot be read", store.root().display()))?;
    let home = std::env::current_dir().context("the working folder is gone; start in another")?;
    let served = Served { store: Arc::clone(store), folder: identity(&meta), home };
    SERVED.set(served).map_err(|_| anyhow!("this process serves a store already"))
}

/// The store in a folder, if this is the one that is served. Seen by the path that was asked for:
/// from the working folder of whoever asks no other path need lead there, and messages name this one.
///
/// # Errors
/// The folder's.
pub fn store(data: &Path) -> Result<Option<Arc<Store>>, tickets::Error> {
    let Some(served) = SERVED.get() else { return Ok(None) };
    match data.metadata() {
        Ok(meta) if identity(&meta) == served.folder => {}
        _ => return Ok(None),
    }
    if data == served.store.root() {
        return Ok(Some(Arc::clone(&served.store)));
    }
    served.store.beside(data).map(|store| Some(Arc::new(store)))
}

/// Lets the commands of clients share a loaded model and what goes with it.
pub fn lend(calls: &Arc<Calls>) {
    CALLS.get_or_init(|| Arc::clone(calls));
}

/// What is lent.
pub fn calls() -> Option<&'static Arc<Calls>> {
    CALLS.get()
}

/// The working folder of the process that serves, if this one does.
pub fn home() -> Option<&'static Path> {
    SERVED.get().map(|served| served.home.as_path())
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}
