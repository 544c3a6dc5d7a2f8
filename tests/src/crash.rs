//! Killed at any moment (SIGKILL): nothing that was acknowledged is lost, nothing is half there, and
//! the store opens again by itself.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tickets::{
    Call, Department, Fields, MadeBy, NewCall, RECORD_VERSION, Status, Store, Ticket, TicketId,
};

use crate::run::{Desk, fixture, text_of};

/// Kills in `import -`.
const IMPORTS: u32 = 180;
/// Kills in `take`.
const TAKES: u32 = 25;
/// Short calls: what is tried here is the store, not the recogniser.
const RECORDINGS: [&str; 4] = ["24-", "30-", "26-", "27-"];
/// Calls in the backup that is imported, each with one ticket or two.
const CALLS: usize = 30;
/// The one of them whose recording is large.
const LARGE: usize = 20;

#[test]
fn a_killed_import_loses_nothing_that_it_acknowledged() {
    let source = Desk::fresh();
    let backup = source.path("backup");
    let tickets = many_tickets(&source, &backup);
    let begin = |desk: &Desk| {
        let mut command = desk.command(&["import", "-"]);
        command
            .stdin(File::open(&backup).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let whole = time_of(&begin);
    let mut chance = Chance::new();
    let mut desk = Desk::fresh();
    let mut acknowledged: Vec<TicketId> = Vec::new();
    let (mut kills, mut partly) = (0, 0);
    while kills < IMPORTS {
        let (killed, printed) = kill_after(begin(&desk), chance.up_to(whole));
        acknowledged.extend(printed.lines().map(|line| line.parse::<TicketId>().unwrap()));
        let store = reopen(&desk);
        for id in &acknowledged {
            assert_eq!(store.ticket(*id).unwrap(), tickets[id], "kill {kills}");
        }
        let there = store.tickets(&Default::default()).unwrap();
        for ticket in &there {
            assert_eq!(*ticket, tickets[&ticket.id], "kill {kills}: half a ticket");
        }
        drop(store);
        kills += u32::from(killed);
        partly += u32::from(killed && !acknowledged.is_empty() && there.len() < tickets.len());
        if there.len() == tickets.len() || chance.one_in(4) {
            desk.assert_sound();
            (desk, acknowledged) = (Desk::fresh(), Vec::new());
        }
    }
    assert!(partly > IMPORTS / 10, "only {partly} kills came in the middle");
}

#[test]
fn a_killed_take_resumes_without_loss_or_doubles() {
    let calls = Desk::fresh();
    for name in RECORDINGS {
        let from = PathBuf::from(fixture(name));
        for path in [from.with_extension("toml"), from] {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            calls.file(&format!("calls/{name}"), std::fs::read(&path).unwrap());
        }
    }
    let folder = text_of(&calls.path("calls"));
    let begin = |desk: &Desk| {
        let mut command = desk.command(&["take", &folder]);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let whole = time_of(&begin);
    let mut chance = Chance::new();
    let mut desk = Desk::fresh();
    let mut acknowledged: BTreeMap<TicketId, Option<Ticket>> = BTreeMap::new();
    let mut kills = 0;
    while kills < TAKES {
        let (killed, printed) = kill_after(begin(&desk), chance.up_to(whole));
        // A call without a ticket has words where others have a number.
        let numbers =
            printed.lines().filter_map(|line| line.split("  ").nth(1)?.parse::<TicketId>().ok());
        acknowledged.extend(
            numbers
                .filter(|id| !acknowledged.contains_key(id))
                .map(|id| (id, None))
                .collect::<Vec<_>>(),
        );
        let store = reopen(&desk);
        for (id, first_seen) in &mut acknowledged {
            let ticket = store.ticket(*id).unwrap();
            assert_eq!(*first_seen.get_or_insert_with(|| ticket.clone()), ticket, "kill {kills}");
        }
        drop(store);
        kills += u32::from(killed);
        if !killed || kills == TAKES {
            finish(&desk, &folder, &acknowledged);
            (desk, acknowledged) = (Desk::fresh(), BTreeMap::new());
        }
    }
}

/// Takes the rest, then everything again: each call once.
fn finish(desk: &Desk, folder: &str, acknowledged: &BTreeMap<TicketId, Option<Ticket>>) {
    desk.run(&["take", folder]).well();
    let ids = desk.ids();
    desk.run(&["take", folder]).well();
    assert_eq!(desk.ids(), ids, "taken twice");
    desk.assert_sound();
    let store = reopen(desk);
    let calls = store.calls().unwrap();
    assert_eq!(calls.len(), RECORDINGS.len());
    let of_calls: usize = calls.iter().map(|call| call.tickets.len()).sum();
    assert_eq!(ids.len(), of_calls, "every ticket belongs to one call");
    for id in acknowledged.keys() {
        assert!(ids.contains(&id.to_string()), "{id} was acknowledged");
    }
}

/// Opens the store as the next process would, and checks all of it.
fn reopen(desk: &Desk) -> Store {
    let store = Store::open(&desk.data, &[]).unwrap();
    let checked = store.check().unwrap();
    assert_eq!(checked.findings, []);
    store
}

/// Lets a process run for a while, kills it, and gives what it had printed, whole lines only; false
/// if it had ended before.
fn kill_after(mut child: Child, wait: Duration) -> (bool, String) {
    let mut out = child.stdout.take().expect("piped");
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).unwrap();
        bytes
    });
    std::thread::sleep(wait);
    child.kill().unwrap();
    let killed = child.wait().unwrap().code().is_none();
    let mut bytes = reading.join().unwrap();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(whole);
    (killed, String::from_utf8(bytes).unwrap())
}

/// How long it takes when nobody kills it.
fn time_of(begin: &impl Fn(&Desk) -> Child) -> Duration {
    let desk = Desk::fresh();
    let begun = Instant::now();
    let done = begin(&desk).wait_with_output().unwrap();
    assert!(done.status.success());
    begun.elapsed()
}

/// Fills a store with made-up calls, writes its backup, and gives its tickets.
pub fn many_tickets(desk: &Desk, backup: &Path) -> BTreeMap<TicketId, Ticket> {
    let department =
        Department { name: "街道办事处".to_owned(), active: true, ..Department::default() };
    let store = Store::open(&desk.data, &[department]).unwrap();
    let at: jiff::Timestamp = "2026-03-02T01:14:05Z".parse().unwrap();
    for number in 0..CALLS {
        let times = if number == LARGE { 50_000 } else { 1 + 200 * (number % 7) };
        let recording = desk.file("call.wav", format!("sound of call {number}").repeat(times));
        let fields = |matter: usize| Fields {
            request_type: "投诉".to_owned(),
            category: "城乡建设".to_owned(),
            department: Some("街道办事处".to_owned()),
            urgency: "一般".to_owned(),
            title: format!("第{number}个电话的第{matter}件事"),
            ..Fields::default()
        };
        let transcript = format!(r#"{{"v":1,"said":"{number}"}}"#);
        let call = Call {
            v: RECORD_VERSION,
            sha256: store.files().put_recording(Path::new(&recording), "wav").unwrap(),
            ending: "wav".to_owned(),
            recording,
            transcript: store.files().put_transcript(transcript.as_bytes()).unwrap(),
            started_at: at,
            received_at: at + Duration::from_secs(number as u64),
            duration_ms: 1000,
            outcome: "tickets".to_owned(),
            incomplete: None,
            tickets: Vec::new(),
            made_by: MadeBy::default(),
        };
        let tickets = (0..1 + number % 2).map(|matter| (Status::Review, fields(matter))).collect();
        store.take(&NewCall { call, tickets }, "test").unwrap();
    }
    store.export_full_to(backup, "test", at).unwrap();
    store
        .tickets(&Default::default())
        .unwrap()
        .into_iter()
        .map(|ticket| (ticket.id, ticket))
        .collect()
}

/// Where the kills fall; the moments differ from run to run whatever the numbers.
struct Chance(u64);

impl Chance {
    fn new() -> Chance {
        Chance(u64::from(std::process::id()) | 1)
    }

    /// Xorshift (Marsaglia 2003).
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.next() as f64 / u64::MAX as f64)
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }
}
