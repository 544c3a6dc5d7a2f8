//! What a durable ticket costs, against the floor of any: writing as many bytes to a file and
//! syncing it, on the same disk, turn by turn.
use std::io::Write;
use std::time::{Duration, Instant};

use tickets::{Call, Department, Fields, MadeBy, NewCall, RECORD_VERSION, Status, Store};

const ROUNDS: u32 = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let departments = [Department {
        name: "区水务局".into(),
        level: "区".into(),
        aliases: Vec::new(),
        duties: String::new(),
        active: true,
    }];
    let store = Store::open(&dir.path().join("data"), &departments)?;
    let mut plain = std::fs::File::create(dir.path().join("plain"))?;
    let transcript = store.files().put_transcript(b"{}")?;
    let (mut ours, mut floor) = (Duration::ZERO, Duration::ZERO);
    for number in 0..ROUNDS {
        let new = NewCall {
            call: Call {
                v: RECORD_VERSION,
                sha256: format!("{number:064x}"),
                ending: "wav".into(),
                recording: "call.wav".into(),
                transcript: transcript.clone(),
                started_at: jiff::Timestamp::UNIX_EPOCH,
                received_at: jiff::Timestamp::UNIX_EPOCH,
                duration_ms: 60_000,
                outcome: "tickets".into(),
                incomplete: None,
                tickets: Vec::new(),
                made_by: MadeBy::default(),
            },
            tickets: vec![(
                Status::Dispatched,
                Fields {
                    request_type: "投诉".into(),
                    category: "城乡建设".into(),
                    department: Some("区水务局".into()),
                    urgency: "一般".into(),
                    ..Fields::default()
                },
            )],
        };
        let bytes = serde_json::to_vec(&new.call)?;
        let begun = Instant::now();
        store.take(&new, "bench")?;
        ours += begun.elapsed();
        let begun = Instant::now();
        plain.write_all(&bytes)?;
        plain.sync_all()?;
        floor += begun.elapsed();
    }
    println!(
        "a durable ticket {:.2} ms, {:.2} times a plain write and sync",
        1000.0 * ours.as_secs_f64() / f64::from(ROUNDS),
        ours.as_secs_f64() / floor.as_secs_f64()
    );
    Ok(())
}
