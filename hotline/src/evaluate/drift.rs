//! Whether the calls of now are still those that the classifier learnt from. Tickets hold the opinion
//! of classifier and rules together, the profile that of the classifier alone on seeds: what tells is
//! less how far they are apart than whether that grows.

use jiff::SignedDuration;
use nlu::drift::{Drift, Profile};
use tickets::{Event, Filter};

use crate::call::load_city;
use crate::cli::Global;
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::table::Table;
use crate::take::open_store;
use crate::{classifiers, print_json, print_text, show};

/// Tickets under which a mix says nothing.
const FEWEST: usize = 50;
/// Stability index from which a mix has moved, and from which it is another one.
const MOVED: f64 = 0.1;
const ANOTHER: f64 = 0.25;
/// Labels shown of each head.
const SHOWN: usize = 5;

/// Compares what the program gave tickets in the last days with what it learnt.
///
/// # Errors
/// A store or a classifier that cannot be used.
pub fn run(global: &Global, setting: &Setting, days: u32) -> anyhow::Result<u8> {
    let then = Profile::load(&classifiers::in_use(setting)?).or_exit(exit::MODEL)?;
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    let since = show::now() - SignedDuration::from_hours(24 * i64::from(days));
    let filter = Filter { since: Some(since), ..Filter::default() };
    let mut now = Profile::default();
    for ticket in store.tickets(&filter).or_exit(exit::STORE)? {
        // What the program said by itself, before anybody corrected it.
        let Some(Event::Opened { fields, .. }) = ticket.history.first().map(|r| &r.event) else {
            continue;
        };
        for (head, label) in [("type", &fields.request_type), ("category", &fields.category)] {
            let confidence = fields.confidence.get(head).copied().unwrap_or(0.0);
            now.count(head, label, confidence);
        }
    }
    let drift = then.drift(&now);
    if global.json {
        let json = serde_json::json!({ "days": days, "drift": drift });
        return print_json(&json);
    }
    if drift.is_empty() {
        return print_text(&format!("no ticket of the last {days} days; nothing to compare\n"));
    }
    let text: Vec<String> = drift.iter().map(text).collect();
    print_text(&text.join("\n"))
}

fn text(drift: &Drift) -> String {
    let verdict = match drift.stability {
        _ if drift.rows < FEWEST => "too few tickets to tell",
        moved if moved >= ANOTHER => "another mix than was learnt",
        moved if moved >= MOVED => "moved",
        _ => "steady",
    };
    let mut table = Table::new(&[&drift.head, ">training", ">now"]);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    for (label, [then, now]) in drift.labels.iter().take(SHOWN) {
        table.row([label.clone(), percent(*then), percent(*now)]);
    }
    let [then, now] = drift.confidence;
    table.row(["mean confidence".to_owned(), format!("{then:.3}"), format!("{now:.3}")]);
    format!("{table}{} tickets, stability index {:.3}: {verdict}\n", drift.rows, drift.stability)
}
