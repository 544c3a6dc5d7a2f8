//! `hotline eval`: measuring recognition, whole calls and classification.

mod asr;
mod calls;
mod conditions;
mod drift;
mod nlu;
pub mod score;
mod times;

use crate::cli::{Eval, Global};
use crate::config::Setting;

/// Measures and prints.
///
/// # Errors
/// Nothing to measure, or a model that cannot be used.
pub fn run(global: &Global, setting: &Setting, what: &Eval) -> anyhow::Result<u8> {
    match what {
        Eval::Asr { dir, peer, plot } => asr::run(global, setting, dir, *peer, plot.as_deref()),
        Eval::Calls { dir, peer, stored, decide } => {
            let from = match (stored, decide) {
                (true, _) => calls::From::Tickets,
                (_, true) => calls::From::Transcripts,
                _ => calls::From::Sound,
            };
            calls::run(global, setting, dir, *peer, from)
        }
        Eval::Drift { days } => drift::run(global, setting, *days),
        Eval::Nlu(ask) => nlu::run(global, setting, ask),
    }
}

/// A share as a person reads it, with its interval.
fn percent(share: Option<f64>, interval: Option<(f64, f64)>) -> [String; 2] {
    let one = share.map_or_else(|| "—".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    let range = interval
        .map_or_else(String::new, |(low, high)| format!("{:.1}–{:.1}", 100.0 * low, 100.0 * high));
    [one, range]
}
