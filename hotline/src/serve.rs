//! `hotline serve`: one process owns the store for as long as it runs. Commands reach it through the
//! socket, recordings through the watched folder.

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tickets::Store;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::call::{Calls, load_city};
use crate::cli::{Global, Serve};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::intake::{Intake, News, State};
use crate::socket::Socket;
use crate::take::{self, open_store};
use crate::watch::Watch;
use crate::{answer_client, complain, print_text, say, served};

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
/// A store that another process owns, an address that is taken, a model that is missing.
pub fn serve(global: &Global, setting: &Setting, ask: &Serve) -> anyhow::Result<u8> {
    let ends = Ends::listen()?;
    if let Some(folder) = ask.watch.as_ref().filter(|folder| !folder.is_dir()) {
        let error =
            anyhow!("{}: not a folder; name one that exists with --watch", folder.display());
        return Err(error).or_exit(exit::INPUT);
    }
    let city = load_city(&setting.city)?;
    // Whatever thread opens one of the store's files later: its working folder may be a client's.
    let data = std::path::absolute(&setting.data)
        .with_context(|| format!("{}: no path to it", setting.data.display()))?;
    let setting = &Setting { data, ..setting.clone() };
    let store = open_store(setting, &city)?;
    served::register(&store)?;
    let web = TcpListener::bind(ask.listen).with_context(|| {
        format!("{}: cannot be listened on; name another address with --listen", ask.listen)
    })?;
    // From here on commands wait for an answer rather than be refused.
    let socket = Socket::bind(&setting.data).or_exit(exit::STORE)?;
    let calls = Arc::new(Calls::load(setting)?);
    served::lend(&calls);
    let intake = Arc::new(Intake::start(&calls, &store, telling(global, &store))?);
    let socket = socket.listen(answer_client)?;
    let watch = ask.watch.as_deref().map(|folder| Watch::start(folder, &intake)).transpose()?;
    print_text(&format!("http://{}\n", web.local_addr()?))?;
    // The web desk is called here: desk::serve(web, …) answers on this listener, with `store`,
    // `calls` and `intake`, until `ends` says so. Until then nobody answers on it.
    ends.wait();
    watch.into_iter().for_each(Watch::end);
    intake.end();
    socket.end();
    Ok(0)
}

/// Tells on the server's own terminal what came of recordings that no client waits for.
fn telling(global: &Global, store: &Arc<Store>) -> impl Fn(&News) + Send + Sync + use<> {
    let (global, store) = (global.clone(), Arc::clone(store));
    move |news: &News| match &news.state {
        State::Waiting => tracing::debug!(job = news.job.0, "waits"),
        State::Hearing(share) => tracing::debug!(job = news.job.0, share, "is heard"),
        // A watched folder keeps its recordings: each start finds all of them again.
        State::Done { known: true, .. } => tracing::debug!(job = news.job.0, "known"),
        State::Done { call, known } => {
            if let Err(error) = take::print(&global, &store, call, *known) {
                complain(&error);
            }
        }
        // An upload lies under another name than it came by.
        State::Failed(why) if !why.contains(&news.name) => say(&format!("{}: {why}", news.name)),
        State::Failed(why) => say(why),
    }
}

/// Ctrl-C and SIGTERM.
struct Ends {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn listen() -> anyhow::Result<Ends> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(inside);
        Ok(Ends { runtime, interrupt, terminate })
    }

    /// Waits for the first. The second ends the program at once, as it would have without us.
    fn wait(mut self) {
        /// What shells say of a program that Ctrl-C ended.
        const INTERRUPTED: i32 = 130;
        self.next();
        say("finishing the recordings in work; Ctrl-C again leaves them");
        std::thread::spawn(move || {
            self.next();
            std::process::exit(INTERRUPTED);
        });
    }

    fn next(&mut self) {
        let Ends { runtime, interrupt, terminate } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
    }
}
