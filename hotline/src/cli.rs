//! The command line: what can be asked of the binary, and nothing of how it is done.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Local speech assistant for the 12345 government hotline: recorded calls in, routed tickets out.
#[derive(Debug, Parser)]
#[command(name = "hotline", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Printed under `--help`; [`crate::exit`] holds the numbers.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  an error that none of the following names
  2  the command line is wrong
  3  some of the input could not be read; the rest was done
  4  the store cannot be used (owned by another process, damaged, disk full)
  5  a model is missing, incomplete or altered
  6  the configuration or the city's files are broken
  7  a check found something: `check`, `models verify`, `replay --decide`";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The store
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration; `hotline.toml` in the working folder, if it is there
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Whisper model, by its name in the manifest or by file
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub model: Vec<String>,
    /// Where models lie; else HOTLINE_MODELS, else `models/`
    #[arg(long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// The city's files; else HOTLINE_CITY, else `city/`
    #[arg(long, global = true, value_name = "DIR")]
    pub city: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Log more; twice for everything. Callers' words are never logged
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take recorded calls: transcribe, understand, open tickets
    Take(Take),
    /// List tickets
    Tickets(Tickets),
    /// Show one ticket, its history and the evidence for every field
    Ticket {
        /// Ticket number; dashes may be left out
        id: String,
    },
    /// Correct fields of a ticket
    Correct(Correct),
    /// Dispatch a ticket to its department, or to another
    Dispatch {
        /// Ticket number
        id: String,
        /// Department, by name or alias; the proposed one when absent
        #[arg(long)]
        to: Option<String>,
        /// Who does it
        #[arg(long)]
        by: String,
    },
    /// Show a call's transcript against its sound
    Replay(Replay),
    /// List, add, edit or import departments
    Departments {
        #[command(subcommand)]
        action: Option<DepartmentAction>,
    },
    /// List, build, verify, choose or fetch local Whisper models; list and choose classifiers
    Models {
        #[command(subcommand)]
        action: ModelAction,
    },
    /// Train a model from data
    Train {
        #[command(subcommand)]
        what: Train,
    },
    /// Measure recognition, whole calls, classification or drift
    Eval {
        #[command(subcommand)]
        what: Eval,
    },
    /// Understand texts: one a line on standard input, one JSON object a line out
    Interpret {
        /// The moment that relative times are counted from (RFC 3339)
        #[arg(long, value_name = "TIME")]
        at: Option<jiff::Timestamp>,
    },
    /// Blank names, numbers and addresses in lines from standard input
    Redact,
    /// Verify the store: events, indexes, files and their hashes
    Check,
    /// Write the store out: redacted dump, full backup or corrected calls
    Export(Export),
    /// Load a full backup; prints each ticket's number once it is durable
    Import {
        /// A file written by `export --full`, or - for standard input
        file: PathBuf,
    },
    /// Make the indexes again from the events
    Rebuild,
    /// Check the configuration and the city's files
    CheckConfig,
    /// List accounts of the desk, or make a one-time link for one
    People {
        #[command(subcommand)]
        action: Option<PeopleAction>,
    },
    /// Fill a store, to measure the desk with
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Serve the store: commands on it are answered beside one another, by one process, until Ctrl-C
    Serve(Serve),
}

impl Command {
    /// Whether it opens the store: a process that serves the store must carry it out.
    pub fn opens_store(&self) -> bool {
        match self {
            Command::Take(_)
            | Command::Tickets(_)
            | Command::Ticket { .. }
            | Command::Correct(_)
            | Command::Dispatch { .. }
            | Command::Replay(_)
            | Command::Departments { .. }
            | Command::People { .. }
            | Command::Bench { .. }
            | Command::Check
            | Command::Export(_)
            | Command::Import { .. }
            | Command::Rebuild => true,
            Command::Train { what: Train::Nlu(ask) } => ask.from_corrections,
            Command::Train { what: Train::Names(_) } => false,
            Command::Eval { what: Eval::Drift { .. } } => true,
            Command::Eval { what: Eval::Calls { stored, decide, .. } } => *stored || *decide,
            Command::Eval { .. }
            | Command::Models { .. }
            | Command::Interpret { .. }
            | Command::Redact
            | Command::CheckConfig
            | Command::Serve(_) => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum PeopleAction {
    /// Make a one-time link for somebody who forgot the password: its end, after the desk's address
    Link {
        /// Account
        login: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Fill an empty store with seeded tickets and transcripts; calls share a few recordings
    Fill(Fill),
}

#[derive(Debug, Args)]
pub struct Fill {
    /// Tickets
    #[arg(long, default_value_t = 100_000)]
    pub tickets: u64,
    /// Hours of calls in all
    #[arg(long, default_value_t = 20_000)]
    pub hours: u64,
    /// Seed
    #[arg(long, default_value_t = 12345)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Address of the web desk; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:12345")]
    pub listen: SocketAddr,
    /// Take the recordings that come into this folder
    #[arg(long, value_name = "DIR")]
    pub watch: Option<PathBuf>,
    /// Certificate chain in PEM; with it the desk speaks TLS and may be reached from elsewhere
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Print a one-time link for the administrator, also when one has a password already
    #[arg(long)]
    pub link: bool,
    /// A proxy before the desk speaks TLS to the browsers
    #[arg(long, conflicts_with = "cert")]
    pub behind_proxy: bool,
}

#[derive(Debug, Default, Args)]
pub struct Take {
    /// Recordings, folders of them, or - for one on standard input
    #[arg(required_unless_present = "mic")]
    pub inputs: Vec<PathBuf>,
    /// Record one call from the microphone first; Ctrl-C ends it
    #[arg(long, conflicts_with = "inputs")]
    pub mic: bool,
    /// Capture device, by name; the system's default when absent
    #[arg(long, requires = "mic", value_name = "NAME")]
    pub device: Option<String>,
    /// Stop recording after so many seconds
    #[arg(long, requires = "mic", value_name = "SECONDS")]
    pub seconds: Option<u32>,
    /// When the call began (RFC 3339), for recordings without a TOML file beside them
    #[arg(long, value_name = "TIME")]
    pub started_at: Option<jiff::Timestamp>,
    /// Channels in order, for recordings without a TOML file beside them
    #[arg(long, value_enum, value_delimiter = ',')]
    pub legs: Vec<LegArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LegArg {
    Agent,
    Caller,
    Mixed,
}

#[derive(Debug, Args)]
pub struct Tickets {
    /// Only this department's, by name or alias
    #[arg(long)]
    pub department: Option<String>,
    /// Only this status: 待复核, 待补充, 待派遣, 已派遣, 处置中, 待回访, 已回访, 待督办, 已结案, 已并单, 已撤单
    #[arg(long)]
    pub status: Option<String>,
    /// Only calls since this day or moment
    #[arg(long, value_name = "DATE|TIME")]
    pub since: Option<String>,
    /// Only calls before this day or moment
    #[arg(long, value_name = "DATE|TIME")]
    pub until: Option<String>,
    /// Only tickets with these words in title, place or transcript
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
}

#[derive(Debug, Args)]
pub struct Correct {
    /// Ticket number
    pub id: String,
    /// 诉求类型
    #[arg(long = "type", value_name = "TYPE")]
    pub request_type: Option<String>,
    /// First-level category
    #[arg(long)]
    pub category: Option<String>,
    /// Second-level category
    #[arg(long)]
    pub category_2: Option<String>,
    /// Department, by name or alias
    #[arg(long)]
    pub department: Option<String>,
    /// 一般, 紧急 or 特急
    #[arg(long)]
    pub urgency: Option<String>,
    /// Whether this is an emergency
    #[arg(long)]
    pub emergency: Option<bool>,
    /// Call-back number
    #[arg(long)]
    pub phone: Option<String>,
    /// Place, in words; resolved again
    #[arg(long)]
    pub place: Option<String>,
    /// Deadline (RFC 3339)
    #[arg(long)]
    pub deadline: Option<jiff::Timestamp>,
    /// Title
    #[arg(long)]
    pub title: Option<String>,
    /// The caller's name
    #[arg(long)]
    pub name: Option<String>,
    /// What was really said in an utterance: its number in `replay`, a colon, the words
    #[arg(long, value_name = "N:WORDS")]
    pub said: Vec<String>,
    /// Who corrects
    #[arg(long)]
    pub by: String,
    /// Why
    #[arg(long)]
    pub why: String,
}

#[derive(Debug, Args)]
pub struct Replay {
    /// Ticket number
    pub id: String,
    #[command(flatten)]
    pub form: ReplayForm,
    /// Blank names, numbers and addresses
    #[arg(long)]
    pub redact: bool,
}

#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
pub struct ReplayForm {
    /// As WebVTT
    #[arg(long)]
    pub vtt: bool,
    /// As SubRip
    #[arg(long)]
    pub srt: bool,
    /// Derive the ticket again from the stored transcript and report any difference
    #[arg(long)]
    pub decide: bool,
}

#[derive(Debug, Subcommand)]
pub enum DepartmentAction {
    /// Add a department
    Add {
        /// Name
        name: String,
        #[command(flatten)]
        fields: DepartmentFields,
    },
    /// Change a department
    Edit {
        /// Name or alias
        name: String,
        #[command(flatten)]
        fields: DepartmentFields,
    },
    /// Import departments from CSV (columns: name, level, aliases separated by |, phone, active)
    Import {
        /// CSV file
        file: PathBuf,
        /// Who does it
        #[arg(long)]
        by: String,
    },
}

#[derive(Debug, Args)]
pub struct DepartmentFields {
    /// 市, 区 or 街道
    #[arg(long)]
    pub level: Option<String>,
    /// Another name it goes by; repeatable
    #[arg(long)]
    pub alias: Vec<String>,
    /// Whether it takes tickets
    #[arg(long)]
    pub active: Option<bool>,
    /// New name
    #[arg(long)]
    pub rename: Option<String>,
    /// Who does it
    #[arg(long)]
    pub by: String,
}

#[derive(Debug, Subcommand)]
pub enum ModelAction {
    /// Models of the manifest and of the models folder, and classifiers
    List,
    /// Fetch the packages of a model and convert them into one GGML file
    Build {
        /// Model in the manifest; the default one when absent
        name: Option<String>,
        /// Tensor format of the file
        #[arg(long, value_name = "f16|q8_0|q5_1")]
        format: Option<String>,
        /// Build again even if the file is there
        #[arg(long)]
        force: bool,
    },
    /// Compare a model file with the manifest
    Verify {
        /// Model; every built one when absent
        name: Option<String>,
    },
    /// Make a Whisper model or a classifier the default of this folder
    Use {
        /// Model in the manifest, or classifier: nlu is the shipped one
        name: String,
    },
    /// Fetch a model file from a model hub; resumes after a break
    Pull {
        /// Model in the manifest
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Train {
    /// The classifier, from a folder of labelled texts, or from what people corrected
    Nlu(TrainNlu),
    /// What names of persons are told by, from the same folder; redaction goes by it once the
    /// binary is built again
    Names(TrainNames),
}

#[derive(Debug, Args)]
pub struct TrainNames {
    /// Folder of the CSV files
    pub dir: PathBuf,
    /// Where names.bin goes
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed
    #[arg(long, default_value_t = 12345)]
    pub seed: u64,
}

#[derive(Debug, Args)]
pub struct TrainNlu {
    /// Folder of the CSV files; broken off, training goes on where it stopped
    #[arg(required_unless_present = "from_corrections")]
    pub dir: Option<PathBuf>,
    /// Learn from the corrected tickets of the store instead, going on from the classifier in use;
    /// the new one comes into use only if it is better on tickets that were held back
    #[arg(long, conflicts_with = "dir")]
    pub from_corrections: bool,
    /// Where the weights go
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Seed
    #[arg(long, default_value_t = 12345, conflicts_with = "from_corrections")]
    pub seed: u64,
}

#[derive(Debug, Subcommand)]
pub enum Eval {
    /// Character error rate and speed on a folder of sounds with transcripts
    Asr {
        /// Folder: NAME.wav|flac with NAME.toml, or with transcripts.tsv (file, words, condition);
        /// each folder within is a condition
        dir: PathBuf,
        /// Run the peer beside us: whole recording, full context
        #[arg(long)]
        peer: bool,
        /// Also draw the error rates by condition and model
        #[arg(long, value_name = "FILE.svg")]
        plot: Option<PathBuf>,
    },
    /// Whole calls against the tickets that they must give
    Calls {
        /// Folder of calls with their TOML files
        dir: PathBuf,
        /// Run the peer beside us
        #[arg(long)]
        peer: bool,
        /// Judge the tickets of the store instead of taking the calls again
        #[arg(long, conflicts_with = "decide")]
        stored: bool,
        /// Decide again from the store's transcripts: what a change of the city's files would do
        #[arg(long)]
        decide: bool,
    },
    /// The classifier on a CSV file
    Nlu(EvalNlu),
    /// Labels and confidence of recent tickets against those that the classifier learnt from
    Drift {
        /// Calls of so many days up to now
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
    },
}

#[derive(Debug, Args)]
pub struct EvalNlu {
    /// CSV file with a header
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Columns whose texts are joined
    #[arg(long, value_delimiter = ',', required = true)]
    pub text_columns: Vec<String>,
    /// Column of the label
    #[arg(long)]
    pub label_column: String,
    /// Which head: category, category_2, type, urgency, emergency, department
    #[arg(long, default_value = "category")]
    pub head: String,
    /// Let only the labels present in the file compete
    #[arg(long)]
    pub restrict: bool,
    /// TOML file that sends foreign labels to ours
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// Also write a plot
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Export {
    /// Everything, with recordings and transcripts: the backup that `import` takes
    #[arg(long, conflicts_with = "corrections")]
    pub full: bool,
    /// Sound and transcripts.tsv of corrected calls, for training
    #[arg(long, value_name = "DIR")]
    pub corrections: Option<PathBuf>,
    /// Where to write; standard output when absent
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Who exports
    #[arg(long, default_value = "command line")]
    pub by: String,
}
