//! `hotline serve`: one process owns the store for as long as it runs. Commands reach it through the
//! socket, recordings through the watched folder.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use desk::{Config, Desk};
use tickets::{Call, Store};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::call::{Calls, load_city};
use crate::cli::{Global, Serve};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::house::{self, Hands};
use crate::intake::{Intake, News, State};
use crate::socket::Socket;
use crate::take::{self, open_store};
use crate::watch::Watch;
use crate::{answer_client, complain, print_json, print_text, say, served, terminal};

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
    let config = Config {
        listen: ask.listen,
        tls: ask.cert.clone().zip(ask.key.clone()),
        behind_proxy: ask.behind_proxy,
    };
    config.check().map_err(|reason| anyhow!(reason)).or_exit(exit::CONFIG)?;
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
    calls.mind.follow(&store)?;
    served::lend(&calls);
    let hands = Hands::default();
    let house = house::house(setting, &store, &hands);
    let desk = Desk::open(Arc::clone(&store), city, house, config.secure(), config.behind_proxy);
    let desk = desk.or_exit(exit::STORE)?;
    let behind = desk.compare_index().or_exit(exit::STORE)?;
    tracing::info!(behind, "the index");
    let (printing, telling_desk) = (telling(global, &store), desk.clone());
    let tell = move |news: &News| {
        house::tell(&telling_desk, news);
        printing(news);
    };
    let intake = Arc::new(Intake::start(&store, tell)?);
    let _ = hands.set(Arc::clone(&intake));
    house::resume_uploads(setting, &intake)?;
    let socket = socket.listen(answer_client)?;
    let watch = ask.watch.as_deref().map(|folder| Watch::start(folder, &intake)).transpose()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://{}", web.local_addr()?);
    let link = desk.first_link(ask.link).or_exit(exit::STORE)?;
    let web = Web::start(desk, web, config)?;
    print_text(&format!("{address}\n"))?;
    if let Some(token) = link {
        print_text(&format!("sign in, once: {address}/#/once/{token}\n"))?;
    }
    ends.wait();
    watch.into_iter().for_each(Watch::end);
    intake.end();
    socket.end();
    web.end()?;
    Ok(0)
}

/// The web desk, on threads of its own.
struct Web {
    runtime: Runtime,
    stop: tokio::sync::oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Web {
    fn start(desk: Desk, listener: TcpListener, config: Config) -> anyhow::Result<Web> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build()?;
        listener.set_nonblocking(true)?;
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        drop(inside);
        let served = runtime.spawn(desk::serve(desk, listener, config.tls, async move {
            let _ = stopped.await;
        }));
        // A certificate that cannot be used is said before anybody is told the address.
        std::thread::sleep(FIRST_LOOK);
        if served.is_finished() {
            runtime.block_on(served)?.or_exit(exit::CONFIG)?;
            return Err(anyhow!("the web desk ended by itself"));
        }
        Ok(Web { runtime, stop, served })
    }

    /// Finishes the requests in work, for a while.
    fn end(self) -> anyhow::Result<()> {
        let _ = self.stop.send(());
        let served =
            self.runtime.block_on(async { tokio::time::timeout(LAST_WAIT, self.served).await });
        self.runtime.shutdown_timeout(LAST_WAIT);
        match served {
            Ok(served) => Ok(served??),
            // Somebody is still downloading.
            Err(_) => Ok(()),
        }
    }
}

/// Threads that answer requests: more than cores, since some wait for the disk.
const WORKERS: usize = 8;
/// How long the web desk is given to fail at once.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// How long requests may take to finish at the end.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Tells on the server's own terminal what came of recordings that no client waits for. What a
/// server prints is kept as a log: it names a recording by its hash and a ticket by its number.
fn telling(global: &Global, store: &Arc<Store>) -> impl Fn(&News) + Send + Sync + use<> {
    let (json, store) = (global.json, Arc::clone(store));
    move |news: &News| match &news.state {
        State::Waiting => tracing::debug!(job = news.job.0, "waits"),
        State::Hearing(share) => tracing::debug!(job = news.job.0, share, "is heard"),
        // A watched folder keeps its recordings: each start finds all of them again.
        State::Done { known: true, .. } => tracing::debug!(job = news.job.0, "known"),
        State::Done { call, known: false } => {
            if let Err(error) = taken(json, &store, call) {
                complain(&error);
            }
        }
        // An upload lies under another name than it came by.
        State::Failed(why) if !why.contains(&news.name) => {
            not_taken(&format!("{}: {why}", news.name));
        }
        State::Failed(why) => not_taken(why),
    }
}

/// A line a call: its tickets, or what became of it without one.
fn taken(json: bool, store: &Store, call: &Call) -> anyhow::Result<u8> {
    let Call { sha256, outcome, tickets, .. } = call;
    if json {
        let tickets: Vec<String> = tickets.iter().map(ToString::to_string).collect();
        return print_json(
            &serde_json::json!({ "sha256": sha256, "outcome": outcome, "tickets": tickets }),
        );
    }
    let mut line = sha256.clone();
    for id in tickets {
        let status = store.ticket(*id).or_exit(exit::STORE)?.status;
        line.push_str(&format!("  {id} {}", status.name()));
    }
    if tickets.is_empty() {
        line.push_str(&format!("  {}", take::without_ticket(outcome)));
    }
    print_text(&format!("{line}\n"))
}

/// Says why a recording was not taken. Recorders name files after callers and their numbers: those
/// are blanked unless somebody looks at this line as it is written.
pub fn not_taken(why: &str) {
    if terminal::err_is_terminal() { say(why) } else { say(&nlu::redact(why)) }
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
