//! The hotline assistant: the one place where all rooms are joined.

mod agent;
mod call;
mod classifiers;
mod cli;
mod config;
mod convert;
mod evaluate;
mod exit;
mod fill;
mod hear;
mod house;
mod intake;
mod interpret;
mod keep;
mod models;
mod people;
mod progress;
mod recording;
mod replay;
mod serve;
mod served;
mod show;
mod socket;
mod spool;
mod table;
mod take;
mod terminal;
mod train;
mod watch;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Bench, Cli, Command};
use crate::config::Setting;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(cli.global.verbose).init();
    ExitCode::from(ended(run(&cli)))
}

/// The exit code of a command; what went wrong is told.
fn ended(result: anyhow::Result<u8>) -> u8 {
    match result {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => 0,
        Err(error) => {
            complain(&error);
            exit::code_of(&error)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    let setting = Setting::of(&cli.global)?;
    // A microphone is here; what is recorded by it goes the same way afterwards.
    let by_microphone = matches!(&cli.command, Command::Take(take) if take.mic);
    if cli.command.opens_store() && !by_microphone {
        let args: Vec<_> = std::env::args_os().collect();
        if let Some(code) = socket::forward(&setting.data, &args, None) {
            return Ok(code);
        }
    }
    carry_out(cli, &setting)
}

/// Carries out the command of a client, whose streams are lent to this thread; its exit code.
fn answer_client(cli: &Cli) -> u8 {
    let run = || {
        if !cli.command.opens_store() {
            anyhow::bail!("this command needs no server; carry it out where you are");
        }
        carry_out(cli, &Setting::of(&cli.global)?)
    };
    tracing::subscriber::with_default(log(cli.global.verbose), || ended(run()))
}

fn carry_out(cli: &Cli, setting: &Setting) -> anyhow::Result<u8> {
    let global = &cli.global;
    match &cli.command {
        Command::Take(ask) => take::take(global, setting, ask),
        Command::Tickets(ask) => agent::list(global, setting, ask),
        Command::Ticket { id } => agent::page(global, setting, id),
        Command::Correct(ask) => agent::correct(global, setting, ask),
        Command::Dispatch { id, to, by } => agent::dispatch(global, setting, id, to.as_deref(), by),
        Command::Models { action } => models::run(global, setting, action),
        Command::Eval { what } => evaluate::run(global, setting, what),
        Command::Train { what } => train::run(global, setting, what),
        Command::Replay(ask) => replay::run(global, setting, ask),
        Command::Departments { action } => keep::departments(global, setting, action.as_ref()),
        Command::Interpret { at } => interpret::interpret(setting, *at),
        Command::Redact => interpret::redact(),
        Command::People { action } => people::run(global, setting, action.as_ref()),
        Command::Bench { what: Bench::Fill(ask) } => fill::fill(setting, ask),
        Command::Check => keep::check(global, setting),
        Command::Export(ask) => keep::export(setting, ask),
        Command::Import { file } => keep::import(setting, file),
        Command::Rebuild => keep::rebuild(setting),
        Command::CheckConfig => keep::check_config(setting),
        Command::Serve(ask) => serve::serve(global, setting, ask),
    }
}

/// Prints one JSON object on a line.
fn print_json(value: &serde_json::Value) -> anyhow::Result<u8> {
    print_text(&format!("{value}\n"))
}

/// Prints text; the process then ends well.
fn print_text(text: &str) -> anyhow::Result<u8> {
    let mut out = terminal::out();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(0)
}

/// Logs go to standard error; they say what the program does and never what a caller says.
fn log(verbose: u8) -> impl Subscriber + Send + Sync {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    // Libraries log what they like at their own levels; only ours are known to be free of words.
    let filter = EnvFilter::new(format!(
        "off,hotline={level},tickets={level},asr={level},audio={level},nlu={level}"
    ));
    let to = terminal::Log::here();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || to.clone())
        .with_ansi(terminal::err_is_terminal())
        .finish()
}

/// Tells the user a line on standard error: what becomes of his command is told, not logged.
fn say(line: &str) {
    // Whoever closed standard error does not want to know.
    let _ = writeln!(terminal::err(), "{line}");
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
