//! Running the program as its users do, and what the tests share: fixtures and a store of a few
//! calls that were taken once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The checkout.
pub fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// The binary under test. It is not built by `cargo test -p tests`, so that a forgotten build is
/// said rather than guessed at.
pub fn binary() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).expect("a test lies in TARGET/PROFILE/deps");
    let built = target.join("release/hotline");
    assert!(built.is_file(), "{}: not there; cargo build --release -p hotline", built.display());
    built
}

/// A recorded call, by the beginning of its name.
pub fn fixture(name: &str) -> String {
    let folder = home().join("audio-fixtures");
    let is_it = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        file.starts_with(name) && (file.ends_with(".flac") || file.ends_with(".wav"))
    };
    let found = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).find(is_it);
    text_of(&found.unwrap_or_else(|| panic!("no fixture begins with {name}")))
}

pub fn text_of(path: &Path) -> String {
    path.to_str().expect("paths of the tests are text").to_owned()
}

/// A folder of its own with a store in it, and the program run there.
pub struct Desk {
    folder: TempDir,
    pub data: PathBuf,
}

impl Desk {
    /// With a store that is not there yet.
    pub fn fresh() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        Desk { folder, data }
    }

    /// With a store that holds [`few`] calls.
    pub fn with_few() -> Desk {
        let desk = Desk::fresh();
        for (path, bytes) in &few().files {
            let path = desk.data.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        desk
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        text_of(&path)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        self.dress(&mut command);
        command.arg("--data").arg(&self.data).args(args);
        command
    }

    /// Gives a command the folder and the surroundings of every test.
    pub fn dress(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env("HOTLINE_CITY", home().join("city"))
            .env("HOTLINE_MODELS", home().join("models"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done::of(args, self.command(args).output().unwrap())
    }

    /// Runs with bytes on standard input.
    pub fn feed(&self, args: &[&str], input: &[u8]) -> Done {
        let mut child = self.start(args);
        // A program that refuses early closes its end; its answer is what counts.
        let _ = child.stdin.take().expect("piped").write_all(input);
        Done::of(args, child.wait_with_output().unwrap())
    }

    /// Starts with all three streams piped.
    pub fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The numbers of all tickets.
    pub fn ids(&self) -> Vec<String> {
        let listed = self.run(&["tickets", "--json"]).well().json();
        listed.iter().map(|ticket| ticket["id"].as_str().unwrap().to_owned()).collect()
    }

    /// `hotline check` finds nothing.
    pub fn assert_sound(&self) {
        self.run(&["check"]).well();
    }
}

/// What a command left.
pub struct Done {
    asked: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Done {
    pub fn of(args: &[&str], output: Output) -> Done {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Done {
            asked: args.join(" "),
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// It ended well, with nothing to complain about.
    #[track_caller]
    pub fn well(self) -> Done {
        assert_eq!(self.code, Some(0), "{self}");
        self
    }

    /// It ended with this code and complained in one line that names each of these things.
    #[track_caller]
    pub fn refused(self, code: i32, names: &[&str]) -> Done {
        assert_eq!(self.code, Some(code), "{self}");
        assert_eq!(self.err.lines().count(), 1, "one line: {self}");
        for name in names {
            assert!(self.err.contains(name), "no {name:?} in: {self}");
        }
        self.assert_calm();
        self
    }

    /// No panic, and nothing half-printed.
    #[track_caller]
    pub fn assert_calm(&self) {
        assert!(!self.err.contains("panicked") && !self.err.contains("RUST_BACKTRACE"), "{self}");
        assert!(self.out.is_empty() || self.out.ends_with('\n'), "half a line: {self}");
    }

    /// Standard output, one JSON object a line.
    #[track_caller]
    pub fn json(&self) -> Vec<Value> {
        let object =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self}"));
        self.out.lines().map(object).collect()
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Done { asked, code, out, err } = self;
        write!(
            f,
            "hotline {asked}\nended with {code:?}\n--- standard output\n{out}\n--- standard error\n{err}"
        )
    }
}

/// A few short calls of every outcome, taken once.
pub struct Few {
    /// What `take --json` printed, in the order of [`FEW`].
    pub calls: Vec<Value>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// An emergency, a demand for a person, a silence, a matter with everything, one cut off, a mono mix.
pub const FEW: [&str; 6] = ["24-", "27-", "30-", "35-", "38-", "12-"];

impl Few {
    /// The call of a fixture.
    pub fn call(&self, name: &str) -> &Value {
        &self.calls[FEW.iter().position(|few| *few == name).expect("one of the few")]
    }

    /// The first ticket of a fixture.
    pub fn ticket(&self, name: &str) -> &Value {
        &self.call(name)["tickets"][0]
    }

    /// Its number.
    pub fn id(&self, name: &str) -> &str {
        self.ticket(name)["id"].as_str().unwrap_or_else(|| panic!("{name} has no ticket"))
    }

    /// How many tickets there are.
    pub fn tickets(&self) -> usize {
        self.calls.iter().map(|call| call["tickets"].as_array().map_or(0, Vec::len)).sum()
    }
}

pub fn few() -> &'static Few {
    static TAKEN: OnceLock<Few> = OnceLock::new();
    TAKEN.get_or_init(|| {
        let desk = Desk::fresh();
        let paths: Vec<String> = FEW.iter().map(|name| fixture(name)).collect();
        let mut args = vec!["take", "--json"];
        args.extend(paths.iter().map(String::as_str));
        let calls = desk.run(&args).well().json();
        assert_eq!(calls.len(), FEW.len());
        let mut files = Vec::new();
        collect(&desk.data, &desk.data, &mut files);
        Few { calls, files }
    })
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files
                .push((path.strip_prefix(root).unwrap().to_owned(), std::fs::read(&path).unwrap()));
        }
    }
}

/// What the description beside a recording says.
pub fn sidecar(recording: &str) -> toml::Table {
    let text = std::fs::read_to_string(Path::new(recording).with_extension("toml")).unwrap();
    text.parse().unwrap()
}

/// The texts of a JSON list of texts.
pub fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
