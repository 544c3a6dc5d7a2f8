//! A folder that recorders write into: what comes to rest there is taken. Asked once a second rather
//! than told by the kernel: network folders tell nothing, and a second is nothing to a call.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::intake::Intake;
use crate::recording::{self, Sidecar};
use crate::say;
use crate::serve::not_taken;
use crate::take::one_line;

/// How often the folder is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// A file that has not changed for so long is complete.
const REST: Duration = Duration::from_secs(2);

/// A folder that is being watched.
pub struct Watch {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Watch {
    /// Hands what comes into a folder to the intake.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn start(folder: &Path, intake: &Arc<Intake>) -> anyhow::Result<Watch> {
        let ended = Arc::new(AtomicBool::new(false));
        let mut folder = Folder::new(folder, intake);
        let until = Arc::clone(&ended);
        let looking = move || {
            while !until.load(Ordering::Relaxed) {
                folder.look();
                std::thread::park_timeout(EVERY);
            }
        };
        let thread = std::thread::Builder::new().name("watch".to_owned()).spawn(looking)?;
        Ok(Watch { ended, thread })
    }

    /// Looks no more.
    pub fn end(self) {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

/// Size and time of the last change.
type Mark = (u64, SystemTime);

/// A recording as it was seen.
struct Seen {
    /// Of the recording, and of the description beside it.
    marks: [Option<Mark>; 2],
    since: Instant,
    /// It was handed over, or it was said why not. It comes again when it changes.
    handled: bool,
}

struct Folder {
    path: PathBuf,
    intake: Arc<Intake>,
    seen: HashMap<PathBuf, Seen>,
    /// It could not be listed the last time, which was said.
    unreadable: bool,
}

impl Folder {
    fn new(path: &Path, intake: &Arc<Intake>) -> Folder {
        let (path, intake) = (path.to_owned(), Arc::clone(intake));
        Folder { path, intake, seen: HashMap::new(), unreadable: false }
    }

    fn look(&mut self) {
        let found = match recording::find(std::slice::from_ref(&self.path)) {
            Ok(found) => found,
            Err(error) => {
                if !self.unreadable {
                    say(&format!("hotline: {}", one_line(&error)));
                }
                self.unreadable = true;
                return;
            }
        };
        self.unreadable = false;
        self.seen.retain(|path, _| found.contains(path));
        for path in found {
            let marks = [mark(&path), mark(&path.with_extension("toml"))];
            let fresh = Seen { marks, since: Instant::now(), handled: false };
            let seen = self.seen.entry(path.clone()).or_insert(fresh);
            if seen.marks != marks {
                *seen = Seen { marks, since: Instant::now(), handled: false };
            }
            // A recorder may make its file long before the first sound.
            let empty = marks[0].is_none_or(|(bytes, _)| bytes == 0);
            if !seen.handled && !empty && seen.since.elapsed() >= REST {
                seen.handled = hand_over(&self.intake, path);
            }
        }
    }
}

/// Whether it is settled what becomes of a recording; not while the queue is full.
fn hand_over(intake: &Intake, path: PathBuf) -> bool {
    match Sidecar::beside(&path) {
        Ok(sidecar) => {
            let name = path.display().to_string();
            intake.submit(path, sidecar, name, false).is_ok()
        }
        Err(error) => {
            not_taken(&one_line(&error));
            true
        }
    }
}

fn mark(path: &Path) -> Option<Mark> {
    let meta = path.metadata().ok()?;
    Some((meta.len(), meta.modified().ok()?))
}
