//! What this process serves, once `hotline serve` runs in it: one store and what takes calls into it,
//! shared by the commands of all clients.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use anyhow::{Context, anyhow};
use tickets::Store;

use crate::call::Calls;

static SERVED: OnceLock<Served> = OnceLock::new();
static CALLS: RwLock<Option<Arc<Calls>>> = RwLock::new(None);
/// One at a time loads what was chosen.
static RENEWING: Mutex<()> = Mutex::new(());

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

/// Lets everything in this process, the commands of clients too, share a loaded model and what goes
/// with it.
pub fn lend(calls: &Arc<Calls>) {
    *CALLS.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(calls));
}

/// What is lent.
pub fn calls() -> Option<Arc<Calls>> {
    CALLS.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What is lent, loaded anew where another model or classifier was chosen meanwhile. A choice that
/// cannot be loaded leaves what there is.
///
/// # Errors
/// Nothing is lent yet, or what was chosen cannot be loaded.
pub fn renewed() -> anyhow::Result<Arc<Calls>> {
    let _turn = RENEWING.lock().unwrap_or_else(PoisonError::into_inner);
    let (Some(lent), Some(served)) = (calls(), SERVED.get()) else {
        return Err(anyhow!("nothing is served yet; try again in a moment"));
    };
    if lent.is_chosen() {
        return Ok(lent);
    }
    let calls = Arc::new(lent.again()?);
    calls.mind.follow(&served.store)?;
    lend(&calls);
    Ok(calls)
}

/// The working folder of the process that serves, if this one does.
pub fn home() -> Option<&'static Path> {
    SERVED.get().map(|served| served.home.as_path())
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}
