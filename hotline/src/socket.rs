//! The socket by which commands reach a store that is served. It lies in the store. A client hands
//! over its command line, its working folder and its three standard streams themselves, as file
//! descriptors, and waits for the exit code: what the command prints never passes through here, so
//! that it is the same to the byte as without a server.
//!
//! A request is its length and the client's umask (u32 each, big-endian), with the four descriptors
//! beside them, and then, each ended by a NUL: the recording that the client made by microphone, if
//! it did, and the command line. The answer is [`ACCEPTED`] and, when the command has ended, its exit code.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use rustix::fs::{Mode, OFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::thread::UnshareFlags;

use crate::cli::{Cli, Command};
use crate::exit::{self, OrExit};
use crate::{complain, say, served, terminal};

/// The socket's name in the store.
const NAME: &str = "SOCKET";
/// Clients whose commands run at once; further ones wait.
const CLIENTS: usize = 8;
/// Clients that wait in the system's queue; further ones wait for a place in it.
const BACKLOG: i32 = 64;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long nobody is let in after the system had no descriptor left.
const PAUSE: Duration = Duration::from_secs(1);
/// No command line is longer: Linux itself allows 2 MiB by default.
const LONGEST: u32 = 8 << 20;
/// Standard input, output, error, and the working folder.
const DESCRIPTORS: usize = 4;
/// Said once the command is going to be carried out here and must not be elsewhere.
const ACCEPTED: u8 = b'+';

/// Whether a store is served by somebody who can be reached.
pub fn answers(data: &Path) -> bool {
    connect(data).is_some()
}

/// Has a command carried out by whoever serves the store: its exit code; `None` if nobody does, and
/// then nothing has been done. Whatever breaks this process off, Ctrl-C above all, breaks the
/// connection, and that the server sees.
pub fn forward(data: &Path, args: &[OsString], recorded: Option<&Path>) -> Option<u8> {
    let mut line = connect(data)?;
    ask(&line, args, recorded).ok()?;
    let mut byte = [0];
    // A server that ended before it said this has begun nothing.
    line.read_exact(&mut byte).ok().filter(|()| byte == [ACCEPTED])?;
    match line.read_exact(&mut byte) {
        Ok(()) => Some(byte[0]),
        Err(_) => {
            let data = data.display();
            say(&format!(
                "hotline: {data}: `hotline serve` ended before this command did; what was printed is \
                 kept, run the command again for the rest"
            ));
            Some(exit::STORE)
        }
    }
}

fn connect(data: &Path) -> Option<UnixStream> {
    let place = Place::of(data).ok()?;
    let socket = unix_socket().ok()?;
    // What a killed server left refuses: nobody listens there.
    rustix::net::connect(&socket, &place.address).ok()?;
    Some(UnixStream::from(socket))
}

fn unix_socket() -> rustix::io::Result<OwnedFd> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}

/// Sends a request.
fn ask(mut line: &UnixStream, args: &[OsString], recorded: Option<&Path>) -> io::Result<()> {
    let recorded = recorded.map_or(OsStr::new(""), Path::as_os_str);
    let mut words = Vec::new();
    for word in std::iter::once(recorded).chain(args.iter().map(OsString::as_os_str)) {
        words.extend_from_slice(word.as_bytes());
        words.push(0);
    }
    let length = u32::try_from(words.len()).map_err(|_| ErrorKind::InvalidInput)?;
    let head = [length.to_be_bytes(), umask().bits().to_be_bytes()].concat();
    let folder =
        rustix::fs::open(".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let (input, out, err) = (io::stdin(), io::stdout(), io::stderr());
    let descriptors = [input.as_fd(), out.as_fd(), err.as_fd(), folder.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(SendAncillaryMessage::ScmRights(&descriptors));
    let sent =
        rustix::net::sendmsg(line, &[IoSlice::new(&head)], &mut beside, SendFlags::NOSIGNAL)?;
    line.write_all(&head[sent..])?;
    line.write_all(&words)
}

/// What this process takes away from the mode of files that it makes; reading it means setting it.
fn umask() -> Mode {
    let mine = rustix::process::umask(Mode::RWXG | Mode::RWXO);
    rustix::process::umask(mine);
    mine
}

/// Where a store's socket is found.
struct Place {
    address: SocketAddrUnix,
    /// Holds the folder that the address goes through.
    _folder: Option<OwnedFd>,
}

impl Place {
    /// The address of a socket holds 108 bytes. A longer path is shortened by way of a descriptor of
    /// the store's folder: changing the working folder instead would change it for every thread.
    fn of(data: &Path) -> rustix::io::Result<Place> {
        match SocketAddrUnix::new(data.join(NAME)) {
            Err(rustix::io::Errno::NAMETOOLONG) => {}
            address => return Ok(Place { address: address?, _folder: None }),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(data, flags, Mode::empty())?;
        let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))?;
        Ok(Place { address, _folder: Some(folder) })
    }
}

/// The socket of a store that this process owns; clients that call wait until they are listened to.
pub struct Socket {
    listener: Arc<UnixListener>,
    name: Name,
}

/// Removes the socket's file when nobody listens any more.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        // One that stays refuses whoever calls, and the next server removes it.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Socket {
    /// Puts the socket into a store. Whoever calls this owns the store, so that a socket that is
    /// there already is what a killed process left.
    ///
    /// # Errors
    /// A file of that name that is no socket, or the file system's.
    pub fn bind(data: &Path) -> anyhow::Result<Socket> {
        let path = data.join(NAME);
        let wrong = || format!("{}: this socket cannot be made", path.display());
        let stale = path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket());
        if stale {
            std::fs::remove_file(&path).with_context(wrong)?;
        }
        let listening = || {
            let socket = unix_socket()?;
            // Before it has a name, so that there is no moment at which others could connect.
            rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
            rustix::net::bind(&socket, &Place::of(data)?.address)?;
            rustix::net::listen(&socket, BACKLOG)?;
            rustix::io::Result::Ok(socket)
        };
        let socket = listening().with_context(wrong)?;
        Ok(Socket { listener: Arc::new(UnixListener::from(socket)), name: Name(path) })
    }

    /// Carries out the commands of clients, each on a thread of its own.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn listen(
        self,
        run: impl Fn(&Cli) -> u8 + Send + Sync + 'static,
    ) -> anyhow::Result<Listening> {
        let clients = Arc::new(Clients::default());
        let (listener, counted) = (Arc::clone(&self.listener), Arc::clone(&clients));
        let answering = move || answer_each(&listener, &counted, &(Arc::new(run) as Arc<Run>));
        let thread = std::thread::Builder::new().name("socket".to_owned()).spawn(answering)?;
        Ok(Listening { listener: self.listener, name: self.name, clients, thread })
    }
}

/// How a command is carried out; its exit code.
type Run = dyn Fn(&Cli) -> u8 + Send + Sync;

/// A socket that is listened to.
pub struct Listening {
    listener: Arc<UnixListener>,
    name: Name,
    clients: Arc<Clients>,
    thread: JoinHandle<()>,
}

impl Listening {
    /// Lets nobody in any more, removes the socket and waits until the commands that run have
    /// ended: those that would go on for long end before their time and say so.
    pub fn end(self) {
        drop(self.name);
        self.clients.close();
        // Wakes the thread that waits for clients; those in the queue see that nothing was begun.
        let _ = rustix::net::shutdown(&self.listener, Shutdown::Both);
        let _ = self.thread.join();
        drop(self.listener);
        terminal::end();
        self.clients.wait();
    }
}

/// How many clients there are.
#[derive(Default)]
struct Clients {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    inside: usize,
    closed: bool,
}

impl Clients {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while(&self, unfit: impl Fn(&mut Now) -> bool) -> MutexGuard<'_, Now> {
        self.changed.wait_while(self.now(), unfit).unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place; `None` once it is closed.
    fn enter(self: &Arc<Clients>) -> Option<Inside> {
        let mut now = self.wait_while(|now| now.inside >= CLIENTS && !now.closed);
        if now.closed {
            return None;
        }
        now.inside += 1;
        Some(Inside(Arc::clone(self)))
    }

    fn close(&self) {
        self.now().closed = true;
        self.changed.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.now().closed
    }

    /// Waits until all have left.
    fn wait(&self) {
        drop(self.wait_while(|now| now.inside > 0));
    }
}

/// A client's place.
struct Inside(Arc<Clients>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.now().inside -= 1;
        self.0.changed.notify_all();
    }
}

fn answer_each(listener: &UnixListener, clients: &Arc<Clients>, run: &Arc<Run>) {
    while let Some(inside) = clients.enter() {
        let line = match listener.accept() {
            Ok((line, _)) => line,
            Err(_) if clients.is_closed() => return,
            Err(error) => {
                tracing::warn!("no client can be let in: {error}");
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        let run = Arc::clone(run);
        let answering = move || {
            let _inside = inside;
            // A client that ended before its answer, or was never one.
            if let Err(error) = answer(line, &*run) {
                tracing::debug!("a client was not answered: {error}");
            }
        };
        let started = std::thread::Builder::new().name("client".to_owned()).spawn(answering);
        if let Err(error) = started {
            tracing::warn!("no client can be answered: {error}");
            std::thread::sleep(PAUSE);
        }
    }
}

/// Answers one client.
fn answer(line: UnixStream, run: &Run) -> anyhow::Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(&line)?.uid;
    if peer != rustix::process::geteuid() && !peer.is_root() {
        bail!("another user's");
    }
    line.set_read_timeout(Some(PATIENCE))?;
    let Some((request, [input, out, err, folder])) = receive(&line)? else { return Ok(()) };
    let place = Workplace { folder, umask: request.umask };
    let line = Arc::new(line);
    let client = terminal::Client::new([input, out, err], &line)?;
    (&*line).write_all(&[ACCEPTED])?;
    let code = terminal::lend(client, || {
        // A panic is a fault of ours, but none of the other clients'.
        catch_unwind(AssertUnwindSafe(|| carry_out(&request.words, &place, run))).unwrap_or_else(|_| {
            say("hotline: the command broke off by a fault of the program; the server's log names it");
            exit::FAILED
        })
    });
    Ok((&*line).write_all(&[code])?)
}

/// What a client asks.
struct Request {
    umask: Mode,
    words: Vec<u8>,
}

/// Reads a request; `None` from somebody who only wanted to know whether anybody answers.
fn receive(mut line: &UnixStream) -> anyhow::Result<Option<(Request, [OwnedFd; DESCRIPTORS])>> {
    let mut head = [0; 8];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut head)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = rustix::net::recvmsg(line, &mut parts, &mut beside, flags)?.bytes;
    if got == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(files) = message {
            descriptors.extend(files);
        }
    }
    line.read_exact(&mut head[got..])?;
    let [length, umask] = [&head[..4], &head[4..]]
        .map(|bytes| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)));
    if length > LONGEST {
        bail!("a request of {length} bytes");
    }
    let mut words = vec![0; length as usize];
    line.read_exact(&mut words)?;
    let descriptors =
        descriptors.try_into().map_err(|_| anyhow!("not the descriptors of a client"))?;
    Ok(Some((Request { umask: Mode::from_bits_truncate(umask), words }, descriptors)))
}

/// Carries a request out as the client itself would.
fn carry_out(words: &[u8], place: &Workplace, run: &Run) -> u8 {
    if let Err(error) = place.enter() {
        complain(&error);
        return exit::code_of(&error);
    }
    let mut words = words.split(|byte| *byte == 0).map(|word| OsString::from_vec(word.to_vec()));
    let recorded = words.next().filter(|word| !word.is_empty()).map(PathBuf::from);
    let mut args: Vec<OsString> = words.collect();
    // What stands behind the last NUL.
    args.pop();
    let mut cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // Of another version than this program: it has read its own command line without fault.
        Err(error) => {
            say(error.to_string().trim_end());
            return error.exit_code().try_into().unwrap_or(exit::FAILED);
        }
    };
    if let (Command::Take(take), Some(path)) = (&mut cli.command, recorded) {
        take.mic = false;
        take.inputs = vec![path];
    }
    run(&cli)
}

/// Where a client works.
struct Workplace {
    folder: OwnedFd,
    umask: Mode,
}

impl Workplace {
    /// Makes a client's working folder and umask this thread's.
    ///
    /// On Linux these belong to a task, not to a process; threads merely share them. A thread that
    /// stops sharing has its own, and so have the threads that it starts. Relative paths of the
    /// command line, of `hotline.toml` and of messages thus mean and read what they would in the
    /// client, without a line of the commands knowing of it. No privilege is needed.
    ///
    /// # Errors
    /// A system that forbids it (some containers do), unless the folder is this process's own anyway.
    fn enter(&self) -> anyhow::Result<()> {
        #[expect(unsafe_code, reason = "the call is unsafe for the sake of another of its flags")]
        // SAFETY: with FS alone no thread loses sight of another's file descriptors.
        let unshared = unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS) };
        match unshared {
            Ok(()) => {
                rustix::process::umask(self.umask);
                rustix::process::fchdir(&self.folder)
                    .context("the working folder cannot be entered")
            }
            Err(error) => self.stay(&error.into()).or_exit(exit::FAILED),
        }
    }

    /// Works where the server does, if that is where the client is.
    fn stay(&self, because: &io::Error) -> anyhow::Result<()> {
        let home = served::home().unwrap_or(Path::new("."));
        let theirs = rustix::fs::fstat(&self.folder)?;
        let ours = home.metadata()?;
        if (theirs.st_dev, theirs.st_ino) == (ours.dev(), ours.ino()) {
            return Ok(());
        }
        bail!(
            "`hotline serve` may not enter this folder (unshare: {because}); run the command in {}, or \
             let the server's container call unshare",
            home.display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_panics_ends_alone() {
        let store = tempfile::tempdir().unwrap();
        let socket = Socket::bind(store.path()).unwrap();
        let served = socket.listen(|cli| match &cli.command {
            Command::Check => 7,
            _ => panic!("a fault of the program"),
        });
        let served = served.unwrap();
        let ask = |command: &str| forward(store.path(), &["hotline".into(), command.into()], None);
        assert_eq!((ask("check"), ask("rebuild"), ask("check")), (Some(7), Some(1), Some(7)));
        assert!(answers(store.path()));
        served.end();
        assert_eq!((ask("check"), answers(store.path())), (None, false));
    }

    #[test]
    fn what_is_no_request_is_not_answered() {
        let store = tempfile::tempdir().unwrap();
        let served = Socket::bind(store.path()).unwrap().listen(|_| 0).unwrap();
        for nonsense in [&b"short"[..], &[0; 8], &[255; 64]] {
            let mut line = connect(store.path()).unwrap();
            line.write_all(nonsense).unwrap();
            line.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            // Whatever was not read makes the system reset the connection.
            let _ = line.read_to_end(&mut answer);
            assert_eq!(answer, b"");
        }
        assert_eq!(forward(store.path(), &["hotline".into(), "check".into()], None), Some(0));
        served.end();
    }
}
