//! Recording a call from the microphone: it lies in the store's spool before anything is made of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use audio::Microphone;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::{recording, say, show};

/// Records a call into the store's spool, with its beginning in a description beside it, so that
/// whatever happens to this process the call can still be taken.
///
/// # Errors
/// A device that cannot be heard, or a disk that cannot be written.
pub fn record(
    microphone: &Microphone,
    seconds: Option<u32>,
    setting: &Setting,
) -> anyhow::Result<PathBuf> {
    let spool = setting.data.join("spool");
    std::fs::create_dir_all(&spool)
        .with_context(|| format!("{}: cannot be made", spool.display()))
        .or_exit(exit::STORE)?;
    let waiting = recording::find(std::slice::from_ref(&spool)).or_exit(exit::STORE)?.len();
    if waiting > 0 {
        say(&format!(
            "{waiting} recorded earlier and never taken; take them with: hotline take {}",
            spool.display()
        ));
    }
    let began = show::now();
    let path = spool.join(began.strftime("mic-%Y%m%dT%H%M%S.%3fZ.wav").to_string());
    let describe =
        || std::fs::write(path.with_extension("toml"), format!("started_at = \"{began}\"\n"));
    describe()
        .with_context(|| format!("{}: cannot be written", path.display()))
        .or_exit(exit::STORE)?;
    let stop = stop_at_ctrl_c()?;
    say(&format!("recording from {}; Ctrl-C ends it", microphone.name()));
    let longest = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    match microphone.record(&path, longest, &stop) {
        Ok(captured) => {
            if let Some(missing) = captured.missing {
                say(&format!("the recording is incomplete: {missing}"));
            }
            Ok(path)
        }
        Err(error @ audio::Error::Device { .. }) => {
            clear(&path)?;
            Err(error).or_exit(exit::INPUT)
        }
        Err(error) => {
            say_where(&path);
            Err(error).or_exit(exit::STORE)
        }
    }
}

/// Set by the first Ctrl-C. The second ends the program, as it would have without us.
fn stop_at_ctrl_c() -> anyhow::Result<Arc<AtomicBool>> {
    /// What shells say of a program that Ctrl-C ended.
    const INTERRUPTED: i32 = 130;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut interrupts = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let wait = move || {
        runtime.block_on(interrupts.recv());
        stopped.store(true, Ordering::Relaxed);
        runtime.block_on(interrupts.recv());
        std::process::exit(INTERRUPTED);
    };
    std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(wait)?;
    Ok(stop)
}

/// Removes a recording from the spool, with its description: the store has it, or nobody spoke.
///
/// # Errors
/// A file that cannot be removed.
pub fn clear(recording: &Path) -> anyhow::Result<()> {
    for path in [recording, &recording.with_extension("toml")] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| format!("{}: cannot be removed", path.display()))
                    .or_exit(exit::STORE);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Says that a recording was kept, and how to take it.
pub fn say_where(recording: &Path) {
    say(&format!("the recording is kept; take it with: hotline take {}", recording.display()));
}
