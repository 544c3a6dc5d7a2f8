//! Where a command reads and writes: the process's own streams, or those of a client whose command
//! this thread runs. Nothing else in `hotline` touches the standard streams.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, LineWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a stream that is not ready is waited for before it is asked whether the program ends.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// A pipe that can be written to takes so much without making the writer wait (Linux's PIPE_BUF).
const PIPE: usize = 4096;

thread_local! {
    static CLIENT: RefCell<Option<Client>> = const { RefCell::new(None) };
}

/// Set when the program that serves clients is about to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The streams of a client, and the line that breaks when the client ends.
#[derive(Clone)]
pub struct Client {
    input: Stream,
    out: Stream,
    err: Stream,
}

impl Client {
    /// Standard input, output and error of a client that holds the other end of `line`.
    ///
    /// # Errors
    /// Something that is no open file.
    pub fn new([input, out, err]: [OwnedFd; 3], line: &Arc<UnixStream>) -> io::Result<Client> {
        let stream = |fd: OwnedFd| {
            let file = File::from(fd);
            let waits = !file.metadata()?.is_file();
            io::Result::Ok(Stream { file: Arc::new(file), line: Arc::clone(line), waits })
        };
        Ok(Client { input: stream(input)?, out: stream(out)?, err: stream(err)? })
    }
}

/// Runs something whose streams are a client's.
pub fn lend<T>(client: Client, work: impl FnOnce() -> T) -> T {
    /// Takes the streams back also when the work panics.
    struct Lent(Option<Client>);
    impl Drop for Lent {
        fn drop(&mut self) {
            CLIENT.set(self.0.take());
        }
    }
    let _lent = Lent(CLIENT.replace(Some(client)));
    work()
}

fn client() -> Option<Client> {
    CLIENT.with_borrow(Clone::clone)
}

/// Whether the streams are this process's own.
pub fn is_own() -> bool {
    client().is_none()
}

/// Standard output, a line at a time.
pub fn out() -> Box<dyn Write> {
    match client() {
        Some(client) => Box::new(LineWriter::new(client.out)),
        None => Box::new(io::stdout().lock()),
    }
}

/// Standard error.
pub fn err() -> Box<dyn Write> {
    match client() {
        // A line arrives whole, whoever else writes there.
        Some(client) => Box::new(LineWriter::new(client.err)),
        None => Box::new(io::stderr().lock()),
    }
}

/// Standard input.
pub fn input() -> Box<dyn BufRead> {
    match client() {
        Some(client) => Box::new(BufReader::new(client.input)),
        None => Box::new(io::stdin().lock()),
    }
}

/// Whether somebody types into standard input.
pub fn input_is_terminal() -> bool {
    client().map_or_else(|| io::stdin().is_terminal(), |client| client.input.file.is_terminal())
}

/// Whether somebody looks at standard output.
pub fn out_is_terminal() -> bool {
    client().map_or_else(|| io::stdout().is_terminal(), |client| client.out.file.is_terminal())
}

/// Whether somebody looks at standard error.
pub fn err_is_terminal() -> bool {
    client().map_or_else(|| io::stderr().is_terminal(), |client| client.err.file.is_terminal())
}

/// Whether the client has ended: nobody waits for its command any more.
pub fn is_gone() -> bool {
    client().is_some_and(|client| client.out.is_gone())
}

/// Whether a client's command must come to an end because the program does.
pub fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed) && !is_own()
}

/// Tells the commands of all clients that the program ends.
pub fn end() {
    ENDING.store(true, Ordering::Relaxed);
}

/// One stream of a client. The file is the client's own, shared with its shell, so it is never made
/// non-blocking; it is asked whether it is ready before anything waits on it.
#[derive(Clone)]
struct Stream {
    file: Arc<File>,
    line: Arc<UnixStream>,
    /// No plain file, which is always ready.
    waits: bool,
}

impl Stream {
    /// Waits until the stream is ready. A thread that hung on the pipe of a client that has ended
    /// would never come back.
    fn wait(&self, ready: PollFlags) -> io::Result<()> {
        if !self.waits {
            return if self.is_gone() { Err(gone()) } else { Ok(()) };
        }
        loop {
            let mut both =
                [PollFd::new(&*self.file, ready), PollFd::new(&*self.line, PollFlags::RDHUP)];
            match poll(&mut both, Some(&PATIENCE)) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            if !both[1].revents().is_empty() {
                return Err(gone());
            }
            if !both[0].revents().is_empty() {
                return Ok(());
            }
            if ENDING.load(Ordering::Relaxed) {
                let why = "`hotline serve` ends; run the command again";
                return Err(io::Error::new(ErrorKind::ConnectionAborted, why));
            }
        }
    }

    fn is_gone(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut line = [PollFd::new(&*self.line, PollFlags::RDHUP)];
        poll(&mut line, Some(&now)).is_ok() && !line[0].revents().is_empty()
    }
}

fn gone() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the client has ended")
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        (&*self.file).read(bytes)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(PollFlags::OUT)?;
        let most = if self.waits { PIPE } else { bytes.len() };
        (&*self.file).write(&bytes[..bytes.len().min(most)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a log goes: standard error of whoever's command runs on the thread that made this.
#[derive(Clone)]
pub struct Log(Option<Client>);

impl Log {
    /// The log of the command that this thread runs.
    pub fn here() -> Log {
        Log(client())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(client) => client.err.write(bytes),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
