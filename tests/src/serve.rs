//! A served store: commands on it work as before, several at once, and recordings come in by
//! themselves.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use crate::run::{Desk, Done, FEW, binary, few, fixture, home, text_of};

/// Clients whose commands the server carries out at once.
const CLIENTS: usize = 8;

/// A server; killed when it is dropped.
pub struct Server {
    child: Child,
    out: BufReader<ChildStdout>,
    data: PathBuf,
}

impl Server {
    /// Serves a desk's store from another folder than the desk's, once it is ready.
    pub fn of(desk: &Desk, more: &[&str]) -> Server {
        Server::start(desk, &desk.data, more)
    }

    fn start(desk: &Desk, data: &Path, more: &[&str]) -> Server {
        let elsewhere = desk.path("elsewhere");
        std::fs::create_dir_all(&elsewhere).unwrap();
        let mut command = Command::new(binary());
        desk.dress(&mut command);
        command.current_dir(elsewhere).arg("--data").arg(data);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, out, data: data.to_owned() };
        let address = server.line();
        let port = address.strip_prefix("http://127.0.0.1:").expect("where it listens");
        assert_ne!(port.trim().parse::<u16>().unwrap(), 0, "the port that it was given");
        let link = server.line();
        assert!(link.starts_with("sign in, once: ") && link.contains("/#/once/"), "{link}");
        server
    }

    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    fn socket(&self) -> PathBuf {
        self.data.join("SOCKET")
    }

    /// Ends it as a service manager would, and gives what else it said.
    pub fn end(mut self) -> Done {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        self.out.read_to_end(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_end(&mut err).unwrap();
        let status = self.child.wait().unwrap();
        assert!(!self.socket().exists(), "the socket is removed");
        Done::of(&["serve"], Output { status, stdout: out, stderr: err })
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command in the desk's folder that names its store by a relative path.
fn command(desk: &Desk, args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    desk.dress(&mut command);
    command.args(["--data", "data"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(desk: &Desk, args: &[&str]) -> Done {
    Done::of(args, command(desk, args).output().unwrap())
}

fn feed(desk: &Desk, args: &[&str], from: &str) -> Done {
    Done::of(args, command(desk, args).stdin(File::open(from).unwrap()).output().unwrap())
}

/// A text with every moment blanked: two commands are never carried out at the same one.
fn timeless(text: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let is_moment = |bytes: &[u8]| {
        let fits = |(byte, shape): (&u8, &u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            mark => byte == mark,
        };
        bytes.len() >= SHAPE.len() && bytes.iter().zip(SHAPE).all(fits)
    };
    let (mut bytes, mut out) = (text.as_bytes(), Vec::new());
    while let Some(first) = bytes.first() {
        if is_moment(bytes) {
            let more = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
            let fraction = bytes[SHAPE.len()..].iter().take_while(|byte| more(byte)).count();
            bytes = &bytes[SHAPE.len() + fraction..];
            out.push(b'@');
        } else {
            out.push(*first);
            bytes = &bytes[1..];
        }
    }
    String::from_utf8(out).unwrap()
}

/// Carries a command out on a served store and on an unserved copy of it.
#[track_caller]
fn assert_same(served: &Desk, unserved: &Desk, of: impl Fn(&Desk) -> Done) -> Done {
    let (with, without) = (of(served), of(unserved));
    assert_eq!(with.code, without.code, "{with}\n=== without a server: {without}");
    assert_eq!(with.out, without.out, "standard output of {with}");
    assert_eq!(with.err, without.err, "standard error of {with}");
    without
}

/// The same of a command that prints when it was carried out.
#[track_caller]
fn assert_alike(served: &Desk, unserved: &Desk, of: impl Fn(&Desk) -> Done) -> Done {
    assert_same(served, unserved, |desk| {
        let mut done = of(desk);
        (done.out, done.err) = (timeless(&done.out), timeless(&done.err));
        done
    })
}

#[test]
fn reading_a_served_store_gives_the_same_bytes_and_codes() {
    let (served, unserved) = (Desk::with_few(), Desk::with_few());
    let server = Server::of(&served, &[]);
    let id = few().id("35-");
    let home = text_of(&crate::run::home().join("audio-fixtures"));
    for args in [
        &["tickets"][..],
        &["tickets", "--json"],
        &["tickets", "--department", "派出所", "--since", "2026-01-01"],
        &["tickets", "--status", "nothing"],
        &["tickets", "--search", "井盖", "--json"],
        &["ticket", id],
        &["ticket", id, "--json"],
        &["ticket", "20200101-00001-9"],
        &["ticket", "no number"],
        &["replay", id],
        &["replay", id, "--json"],
        &["replay", id, "--vtt"],
        &["replay", id, "--redact"],
        &["replay", id, "--decide"],
        &["departments"],
        &["departments", "--json"],
        &["check"],
        &["check", "--json"],
        &["export"],
        &["export", "--output", "redacted.jsonl"],
        &["export", "--output", "no/such/folder"],
        &["export", "--full", "--output", "backup"],
        &["import", "backup"],
        &["import", "absent"],
        &["rebuild"],
        &["eval", "drift"],
        &["eval", "calls", &home, "--stored"],
        &["train", "nlu", "--from-corrections"],
        &["take", "absent.wav"],
        &["--config", "absent.toml", "tickets"],
        &["--city", "absent", "tickets"],
    ] {
        assert_same(&served, &unserved, |desk| run(desk, args));
    }
    let written = |desk: &Desk, name| std::fs::read_to_string(desk.path(name)).unwrap();
    let redacted = "redacted.jsonl";
    assert_eq!(written(&served, redacted), written(&unserved, redacted), "where the client is");
    // The first administrator's account is made by serving.
    let lines = |desk: &Desk| {
        written(desk, "backup").lines().filter(|line| !line.contains("{\"person")).count()
    };
    assert_eq!(lines(&served), lines(&unserved));
    let private = |desk: &Desk| {
        let mut sh = Command::new("sh");
        desk.dress(&mut sh);
        sh.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(binary());
        sh.args(["--data", "data", "export", "--output", "private"]);
        assert!(sh.status().unwrap().success());
        std::fs::metadata(desk.path("private")).unwrap().permissions().mode()
    };
    assert_eq!(private(&served), private(&unserved), "the client's umask");
    // Damage is told by the paths that the client knows.
    for desk in [&served, &unserved] {
        let sha256 = few().call("38-")["sha256"].as_str().unwrap();
        let file = format!("recordings/{}/{sha256}.wav", &sha256[..2]);
        std::fs::remove_file(desk.data.join(file)).unwrap();
    }
    let checked = assert_same(&served, &unserved, |desk| run(desk, &["check"]));
    assert!(checked.code == Some(7) && checked.out.contains("\ndata/recordings/"), "{checked}");
    assert_eq!(
        assert_same(&served, &unserved, |desk| run(desk, &["export", "--full", "--output", "b"]))
            .code,
        Some(7)
    );
    server.end().well();
}

#[test]
fn changing_a_served_store_gives_the_same_bytes_and_codes() {
    let (served, unserved) = (Desk::with_few(), Desk::with_few());
    let server = Server::of(&served, &[]);
    let id = few().id("35-");
    let who = ["--by", "小李", "--why", "回听"];
    for args in [
        &[&["correct", id, "--category", "民政", "--place", "海淀区中关村街道"], &who[..]].concat()
            [..],
        &[&["correct", id, "--json", "--said", "0:马路中间有个井盖没了"], &who[..]].concat(),
        &[&["correct", id, "--category", "no such"], &who[..]].concat(),
        &[&["correct", id], &who[..]].concat(),
        &["dispatch", id, "--to", "环保局", "--by", "老张"],
        &["dispatch", id, "--to", "nobody", "--by", "老张"],
        &["departments", "add", "市河长办", "--alias", "河长", "--by", "老张"],
        &["departments", "add", "市河长办", "--by", "老张"],
        &["export", "--corrections", "corrections"],
        &["tickets", "--json"],
        &["ticket", id],
    ] {
        assert_alike(&served, &unserved, |desk| run(desk, args));
    }
    // Nothing of this was kept from the disk until the server ended.
    let list = "corrections/transcripts.tsv";
    assert_eq!(
        std::fs::read(served.path(list)).unwrap(),
        std::fs::read(unserved.path(list)).unwrap()
    );
    server.kill();
    assert_alike(&served, &unserved, |desk| run(desk, &["ticket", id, "--json"]));
    served.assert_sound();
}

#[test]
fn recordings_and_backups_go_in_by_relative_paths_and_standard_input() {
    let (served, unserved) = (Desk::fresh(), Desk::fresh());
    let server = Server::of(&served, &[]);
    let source = Desk::with_few();
    let backup = text_of(&source.path("backup"));
    source.run(&["export", "--full", "--output", &backup]).well();
    for desk in [&served, &unserved] {
        for name in ["27-", "38-"] {
            let from = PathBuf::from(fixture(name));
            for path in [from.with_extension("toml"), from] {
                let name = path.file_name().unwrap().to_str().unwrap();
                desk.file(&format!("calls/{name}"), std::fs::read(&path).unwrap());
            }
        }
        std::fs::copy(&backup, desk.path("backup")).unwrap();
    }
    let taken = assert_alike(&served, &unserved, |desk| run(desk, &["take", "calls"]));
    assert!(taken.out.contains("\ncalls/38-") && taken.err.contains("WARN"), "{taken}");
    assert_same(&served, &unserved, |desk| run(desk, &["take", "calls", "--json"]));
    let wanted = fixture("29-");
    let taken = assert_same(&served, &unserved, |desk| {
        let mut done =
            feed(desk, &["take", "-", "--started-at", "2026-03-02T09:14:05+08:00"], &wanted);
        // It lay in a folder whose name is drawn by lot.
        let (folder, rest) = done.out.split_once("/stdin.wav").unwrap();
        assert!(folder.starts_with(&text_of(&desk.data.canonicalize().unwrap())), "{folder}");
        done.out = rest.to_owned();
        done
    });
    assert_eq!(taken.code, Some(0), "{taken}");
    assert_same(&served, &unserved, |desk| feed(desk, &["import", "-"], &backup));
    assert_same(&served, &unserved, |desk| feed(desk, &["import", "-"], "/dev/null"));
    assert_same(&served, &unserved, |desk| run(desk, &["tickets"]));
    // Whoever stops reading is no error here either.
    let mut child = command(&served, &["export", "--full"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    server.end().well();
    served.assert_sound();
}

/// A client that is in the middle of its command: the server reads what it types.
struct Typing {
    child: Child,
    input: Option<ChildStdin>,
}

impl Typing {
    fn start(desk: &Desk, backup: &str) -> Typing {
        let mut child = command(desk, &["import", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(backup.as_bytes()).unwrap();
        Typing { child, input: Some(input) }
    }

    /// The first number that came out, so that its command is under way.
    fn under_way(&mut self) {
        let mut byte = [0];
        self.child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    }

    fn finish(mut self, rest: &str) -> Done {
        let mut input = self.input.take().unwrap();
        input.write_all(rest.as_bytes()).unwrap();
        drop(input);
        Done::of(&["import", "-"], self.child.wait_with_output().unwrap())
    }
}

/// A backup in two pieces, the first with a ticket in it.
fn pieces() -> (String, String) {
    let backup = Desk::with_few().run(&["export", "--full"]).well().out;
    let call = backup.find("{\"call\"").unwrap();
    let ticket = call + backup[call..].find('\n').unwrap() + 1;
    let ticket = if backup[..ticket].contains("\"opened\"") {
        ticket
    } else {
        let opened = backup.find("\"opened\"").unwrap();
        opened + backup[opened..].find('\n').unwrap() + 1
    };
    (backup[..ticket].to_owned(), backup[ticket..].to_owned())
}

#[test]
fn clients_are_answered_beside_one_another_and_wait_when_there_are_many() {
    let desk = Desk::fresh();
    let server = Server::of(&desk, &[]);
    let (first, rest) = pieces();
    let mut typing: Vec<Typing> = Vec::new();
    for _ in 1..CLIENTS {
        typing.push(Typing::start(&desk, &first));
        typing.last_mut().unwrap().under_way();
        // One place is left.
        assert!(run(&desk, &["tickets"]).well().out.contains("工单编号"));
    }
    typing.push(Typing::start(&desk, &first));
    typing.last_mut().unwrap().under_way();
    // No place is left: these wait until one is.
    let waiting: Vec<Child> =
        (0..3).map(|_| command(&desk, &["tickets"]).spawn().unwrap()).collect();
    for client in typing {
        client.finish(&rest).well();
    }
    for client in waiting {
        Done::of(&["tickets"], client.wait_with_output().unwrap()).well();
    }
    server.end().well();
    assert_eq!(desk.ids().len(), few().tickets());
    desk.assert_sound();
}

#[test]
fn a_client_that_is_broken_off_lets_go_of_the_server() {
    let desk = Desk::fresh();
    let server = Server::of(&desk, &[]);
    let (first, _) = pieces();
    for _ in 0..=CLIENTS {
        let mut client = Typing::start(&desk, &first);
        client.under_way();
        client.child.kill().unwrap();
        client.child.wait().unwrap();
        // Its input is open still: who writes into it has not ended.
        std::mem::forget(client.input.take());
    }
    // One whose output nobody reads, though it is open.
    let mut client = command(&desk, &["export", "--full"]).spawn().unwrap();
    client.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    assert_ne!(run(&desk, &["tickets"]).well().out, "");
    server.end().well();
    drop(client);
    desk.assert_sound();
}

#[test]
fn a_server_that_ends_tells_the_clients_that_it_cannot_wait_for() {
    let desk = Desk::fresh();
    let server = Server::of(&desk, &[]);
    let (first, rest) = pieces();
    let mut client = Typing::start(&desk, &first);
    client.under_way();
    server.end().well();
    let told = Done::of(&["import", "-"], client.child.wait_with_output().unwrap());
    assert!(told.code == Some(3) && told.err.contains("import stopped"), "{told}");
    // What was printed is in, and the same again brings the rest.
    assert!(!desk.ids().is_empty());
    let file = desk.file("backup", first + &rest);
    feed(&desk, &["import", "-"], &file).well();
    assert_eq!(desk.ids().len(), few().tickets());
}

#[test]
fn a_killed_server_leaves_nothing_in_the_way() {
    let desk = Desk::with_few();
    let server = Server::of(&desk, &[]);
    let socket = server.socket();
    let meta = std::fs::metadata(&socket).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.permissions().mode() & 0o777, 0o600, "its owner's alone");
    let mut client = Typing::start(&desk, &pieces().0);
    client.under_way();
    server.kill();
    let told = Done::of(&["import", "-"], client.child.wait_with_output().unwrap());
    assert!(told.code == Some(4) && told.err.contains("ended before this command did"), "{told}");
    assert!(socket.exists(), "nobody was there to remove it");
    assert_eq!(run(&desk, &["tickets", "--json"]).well().json().len(), few().tickets());
    let server = Server::of(&desk, &[]);
    assert_eq!(run(&desk, &["tickets", "--json"]).well().json().len(), few().tickets());
    server.end().well();
    desk.assert_sound();
}

#[test]
fn a_served_store_is_not_served_twice() {
    let desk = Desk::with_few();
    let server = Server::of(&desk, &[]);
    let pid = server.child.id().to_string();
    run(&desk, &["serve", "--listen", "127.0.0.1:0"])
        .refused(4, &["data", "in use by process", &pid]);
    run(&desk, &["tickets"]).well();
    server.end().well();
    run(&desk, &["serve", "--listen", "127.0.0.1:0", "--watch", "absent"])
        .refused(3, &["absent", "--watch"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    run(&desk, &["serve", "--listen", &address]).refused(1, &[&address, "--listen"]);
    // From elsewhere it is not reached in the clear.
    run(&desk, &["serve", "--listen", "0.0.0.0:0"]).refused(6, &["0.0.0.0:0", "--cert", "--key"]);
    assert!(!desk.data.join("SOCKET").exists());
}

#[test]
fn a_path_longer_than_the_address_of_a_socket_is_served() {
    let desk = Desk::fresh();
    let data = desk.path(&format!("{}/data", ["a-long-name"; 16].join("/")));
    std::fs::create_dir_all(&data).unwrap();
    assert!(data.as_os_str().len() > 150);
    let server = Server::start(&desk, &data, &[]);
    let listed = || {
        let mut command = Command::new(binary());
        desk.dress(&mut command);
        command.arg("--data").arg(&data).arg("tickets");
        Done::of(&["tickets"], command.output().unwrap())
    };
    listed().well();
    assert!(server.socket().exists());
    server.end().well();
}

#[test]
fn what_comes_to_rest_in_a_watched_folder_is_taken_once() {
    let desk = Desk::fresh();
    let folder = desk.path("incoming");
    std::fs::create_dir(&folder).unwrap();
    let mut server = Server::of(&desk, &["--watch", &text_of(&folder)]);
    let bytes = |name: &str, ending: &str| {
        std::fs::read(Path::new(&fixture(name)).with_extension(ending)).unwrap()
    };
    desk.file("incoming/broken.wav", "no sound");
    desk.file("incoming/13800138000.wav", "no sound");
    desk.file("incoming/odd.toml", "started_at = 5");
    desk.file("incoming/odd.flac", bytes("24-", "flac"));
    // As a recorder writes it: piece by piece, the description last.
    let manhole = bytes("35-", "flac");
    let mut growing = File::create(folder.join("manhole.flac")).unwrap();
    for piece in manhole.chunks(manhole.len() / 10 + 1) {
        growing.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    desk.file("incoming/manhole.toml", bytes("35-", "toml"));
    let line = server.line();
    let sha256 = |name: &str| few().call(name)["sha256"].as_str().unwrap();
    assert!(line.starts_with(sha256("35-")) && line.ends_with(" 已派遣\n"), "{line}");
    let ticket = &run(&desk, &["tickets", "--json"]).well().json()[0];
    assert_eq!(ticket["title"], few().ticket("35-")["title"], "with its description");
    // The same sound by another name, and one more to know when that was seen.
    desk.file("incoming/again.flac", &manhole);
    desk.file("incoming/person.flac", bytes("27-", "flac"));
    assert_eq!(server.line(), format!("{}  转人工\n", sha256("27-")));
    let done = server.end().well();
    assert_eq!(done.out, "", "each once: {done}");
    for (name, times) in [("broken.wav", 1), ("odd.toml", 1), ("again.flac", 0)] {
        let lines = done.err.lines().filter(|line| line.contains(name)).count();
        assert_eq!(lines, times, "{name}: {done}");
    }
    assert!(!done.err.contains("13800138000") && done.err.contains("/***.wav: not a"), "{done}");
    for name in ["broken.wav", "odd.flac", "manhole.flac", "again.flac"] {
        assert!(folder.join(name).exists(), "{name} stays where it is");
    }
    let calls = run(&desk, &["check", "--json"]).well().json()[0]["calls"].clone();
    assert_eq!(calls, 2, "those that could be heard");
    // The next server finds all of them again and takes none.
    desk.file("incoming/the-last.flac", bytes("29-", "flac"));
    let mut server = Server::of(&desk, &["--watch", &text_of(&folder)]);
    assert!(server.line().ends_with("  无诉求\n"), "the only new one");
    assert_eq!(server.end().well().out, "");
    assert_eq!(run(&desk, &["check", "--json"]).well().json()[0]["calls"], 3);
}

#[test]
fn a_classifier_that_was_chosen_understands_the_next_recording() {
    let desk = Desk::fresh();
    let (folder, models) = (desk.path("incoming"), desk.path("models"));
    std::fs::create_dir_all(models.join("nlu-other")).unwrap();
    std::fs::create_dir(&folder).unwrap();
    for file in nlu::Classifier::FILES {
        let shipped = home().join("models/nlu").join(file);
        std::fs::copy(shipped, models.join("nlu-other").join(file)).unwrap();
    }
    // The same under another hash.
    let labels = models.join("nlu-other/labels.toml");
    let text = std::fs::read_to_string(&labels).unwrap();
    std::fs::write(&labels, text + "\n# another\n").unwrap();
    let (folder, models) = (text_of(&folder), text_of(&models));
    let mut server = Server::of(&desk, &["--watch", &folder, "--models", &models]);
    let mut classifier_of = |name: &str| {
        let sound = std::fs::read(fixture(name)).unwrap();
        desk.file(&format!("incoming/{name}.flac"), sound);
        let line = server.line();
        let id = line.split_whitespace().nth(1).unwrap();
        run(&desk, &["ticket", id, "--json"]).well().json()[0]["made_by"]["classifier"].clone()
    };
    let first = classifier_of("35-");
    run(&desk, &["--models", &models, "models", "use", "nlu-other"]).well();
    let second = classifier_of("24-");
    assert_ne!(first, second, "understood by the one that was chosen before");
    // What leads nowhere keeps no call from being taken.
    desk.file("models/default-classifier", "nlu-gone\n");
    assert_eq!(classifier_of("09-"), second);
    server.end().well();
}

#[test]
fn a_server_that_ends_finishes_what_it_hears() {
    let desk = Desk::fresh();
    let server = Server::of(&desk, &[]);
    let paths: Vec<String> = FEW.iter().map(|name| fixture(name)).collect();
    let args: Vec<&str> = ["take"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let mut client = command(&desk, &args).spawn().unwrap();
    let mut out = BufReader::new(client.stdout.take().unwrap());
    let mut printed = String::new();
    out.read_line(&mut printed).unwrap();
    server.end().well();
    out.read_to_string(&mut printed).unwrap();
    let told = Done::of(&args, client.wait_with_output().unwrap());
    assert!(told.code == Some(4) && told.err.contains("take them again"), "{told}");
    let taken = run(&desk, &["check", "--json"]).well().json()[0]["calls"].as_u64().unwrap();
    assert!(taken >= 1 && taken < FEW.len() as u64, "{taken} calls, {printed}");
    run(&desk, &args).well();
    desk.assert_sound();
}
