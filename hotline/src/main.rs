//! The hotline assistant: the one place where all rooms are joined.

mod call;
mod classifiers;
mod cli;
mod config;
mod convert;
mod desk;
mod evaluate;
mod exit;
mod hear;
mod interpret;
mod keep;
mod models;
mod progress;
mod recording;
mod replay;
mod show;
mod spool;
mod table;
mod take;
mod train;

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::config::Setting;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.global.verbose);
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(exit::code_of(&error))
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    let global = &cli.global;
    let setting = Setting::of(global)?;
    match &cli.command {
        Command::Take(ask) => take::take(global, &setting, ask),
        Command::Tickets(ask) => desk::list(global, &setting, ask),
        Command::Ticket { id } => desk::page(global, &setting, id),
        Command::Correct(ask) => desk::correct(global, &setting, ask),
        Command::Dispatch { id, to, by } => desk::dispatch(global, &setting, id, to.as_deref(), by),
        Command::Models { action } => models::run(global, &setting, action),
        Command::Eval { what } => evaluate::run(global, &setting, what),
        Command::Train { what } => train::run(global, &setting, what),
        Command::Replay(ask) => replay::run(global, &setting, ask),
        Command::Departments { action } => keep::departments(global, &setting, action.as_ref()),
        Command::Interpret { at } => interpret::interpret(&setting, *at),
        Command::Redact => interpret::redact(),
        Command::Check => keep::check(global, &setting),
        Command::Export(ask) => keep::export(&setting, ask),
        Command::Import { file } => keep::import(&setting, file),
        Command::Rebuild => keep::rebuild(&setting),
        Command::CheckConfig => keep::check_config(&setting),
    }
}

/// Prints one JSON object on a line.
fn print_json(value: &serde_json::Value) -> anyhow::Result<u8> {
    print_text(&format!("{value}\n"))
}

/// Prints text; the process then ends well.
fn print_text(text: &str) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(0)
}

/// Logs go to standard error; they say what the program does and never what a caller says.
fn log(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    // Libraries log what they like at their own levels; only ours are known to be free of words.
    let filter = EnvFilter::new(format!(
        "off,hotline={level},tickets={level},asr={level},audio={level},nlu={level}"
    ));
    let coloured = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(coloured)
        .init();
}

/// Tells the user a line on standard error: what becomes of his command is told, not logged.
#[expect(clippy::print_stderr, reason = "this is the one place where the user is told something")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn complain(error: &anyhow::Error) {
    // A city's mistakes are told all at once, a line each; everything else is one line.
    if let Some(mistakes) = error.chain().find_map(|cause| cause.downcast_ref::<call::Mistakes>()) {
        mistakes.0.iter().for_each(|mistake| say(&format!("hotline: {mistake}")));
        return;
    }
    say(&format!("hotline: {}", take::one_line(error)));
}

/// `hotline tickets | head` ends quietly.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        // What writes JSON keeps the system's error to itself.
        let json =
            cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        json.or_else(|| cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind))
    };
    error.chain().any(|cause| kind(cause) == Some(ErrorKind::BrokenPipe))
}
