//! `hotline train`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use nlu::train::{Progress, TrainConfig};

use crate::cli::{Global, Train};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::progress;
use crate::table::Table;

/// Trains a model and prints how good it is on what was kept back.
///
/// # Errors
/// Data that is missing or not what it should be, or a folder that cannot be written.
pub fn run(global: &Global, setting: &Setting, what: &Train) -> anyhow::Result<u8> {
    match what {
        Train::Nlu { dir, out, seed } => nlu(global, setting, dir, out.as_ref(), *seed),
    }
}

fn nlu(
    global: &Global,
    setting: &Setting,
    dir: &Path,
    out: Option<&PathBuf>,
    seed: u64,
) -> anyhow::Result<u8> {
    let model = setting.shipped_models().join("nlu");
    let out = out.cloned().unwrap_or_else(|| model.clone());
    let config = TrainConfig { seed, ..TrainConfig::new(dir.to_owned(), model, out) };
    let bar = progress::bar(1, "training");
    let report = nlu::train::train(&config, |at: Progress| {
        bar.set_length((at.epochs * at.steps) as u64);
        bar.set_position((at.epoch * at.steps + at.step) as u64);
        bar.set_message(format!(
            "pass {}, loss {:.3}, score {:.3}",
            at.epoch + 1,
            at.loss,
            at.score
        ));
    });
    bar.finish_and_clear();
    let report = report.or_exit(exit::INPUT)?;
    if global.json {
        return super::print_json(
            &serde_json::to_value(&report).context("a report always serialises")?,
        );
    }
    let mut table = Table::new(&[
        "kept back",
        ">rows",
        ">accuracy",
        ">macro-F1",
        ">top 3",
        ">ECE",
        ">surest 80 %",
    ]);
    for (name, e) in &report.development {
        table.row([
            name.clone(),
            e.rows.to_string(),
            format!("{:.3}", e.accuracy),
            format!("{:.3}", e.macro_f1),
            format!("{:.3}", e.top3),
            format!("{:.3}", e.ece),
            format!("{:.3}", e.accuracy_at_80),
        ]);
    }
    super::print_text(&format!(
        "{table}\nlearnt from {} texts in {} passes, {:.0} s; written to {}\n",
        report.examples,
        report.epochs,
        report.seconds,
        config.out.display()
    ))
}
