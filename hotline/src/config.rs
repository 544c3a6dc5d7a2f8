//! `hotline.toml` and where things lie. Everything has a default; an absent file is fine.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::cli::Global;
use crate::exit::{self, OrExit};
use crate::served;

/// Contents of `hotline.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The store.
    pub data: Option<PathBuf>,
    /// The city's files.
    pub city: Option<PathBuf>,
    /// Where models lie.
    pub models: Option<PathBuf>,
    /// Whisper model by name or file.
    pub model: Option<String>,
    /// Address of a model hub that `hotline models pull` fetches from; HOTLINE_HUB goes before it.
    pub hub: Option<String>,
    /// How recordings without a TOML file beside them are to be read.
    pub recordings: Recordings,
    /// How speech is recognised.
    pub speech: Speech,
}

/// How recordings without a TOML file beside them are to be read.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recordings {
    /// Legs of a two-channel recording.
    pub stereo: [nlu::Leg; 2],
    /// Leg of a one-channel recording.
    pub mono: nlu::Leg,
}

impl Default for Recordings {
    fn default() -> Self {
        Recordings { stereo: [nlu::Leg::Agent, nlu::Leg::Caller], mono: nlu::Leg::Mixed }
    }
}

/// How speech is recognised.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// Utterances recognised at once.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
    /// Beams of the decoder; 1 is greedy.
    pub beams: usize,
}

impl Default for Speech {
    /// Two workers of one thread each keep two cores busier than one worker of two threads.
    fn default() -> Self {
        Speech { workers: 2, threads: 1, beams: 1 }
    }
}

/// Where everything lies, after options, environment, file and defaults.
#[derive(Debug, Clone)]
pub struct Setting {
    pub config: Config,
    pub data: PathBuf,
    pub city: PathBuf,
    /// Folders to look for models in, in order; the first is where new ones are built.
    pub models: Vec<PathBuf>,
    /// Chosen model, if any was named.
    pub model: Option<String>,
}

impl Setting {
    /// # Errors
    /// A named configuration file that is missing, or one that does not parse.
    pub fn of(global: &Global) -> anyhow::Result<Setting> {
        let config = read(global.config.as_deref()).or_exit(exit::CONFIG)?;
        let or_home = |name: &str| beside_working_folder_or_binary(Path::new(name));
        // A client's command finds itself in the client's folder; the environment is the server's.
        let home = served::home().unwrap_or(Path::new(""));
        let from_env =
            |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(|v| home.join(v));
        let data = global.data.clone().or(config.data.clone()).unwrap_or_else(|| "data".into());
        let city = global
            .city
            .clone()
            .or_else(|| from_env("HOTLINE_CITY"))
            .or(config.city.clone())
            .unwrap_or_else(|| or_home("city"));
        let models = global
            .models
            .clone()
            .into_iter()
            .chain(from_env("HOTLINE_MODELS"))
            .chain(config.models.clone())
            .chain([or_home("models")])
            .collect();
        let model = global.model.first().cloned().or(config.model.clone());
        Ok(Setting { config, data, city, models, model })
    }

    /// The folder that carries what ships with the program: manifest, classifier, adapters.
    pub fn shipped_models(&self) -> &Path {
        let shipped = self.models.iter().find(|dir| dir.join("manifest.toml").is_file());
        shipped
            .unwrap_or_else(|| self.models.last().expect("models always holds the default folder"))
    }
}

/// `name` in the working folder, or beside the binary's checkout when the binary is
/// run from elsewhere.
fn beside_working_folder_or_binary(name: &Path) -> PathBuf {
    if name.exists() {
        return name.to_owned();
    }
    let home = std::env::current_exe().ok().and_then(|exe| {
        exe.ancestors().skip(1).map(|dir| dir.join(name)).find(|candidate| candidate.is_dir())
    });
    home.unwrap_or_else(|| name.to_owned())
}

fn read(named: Option<&Path>) -> anyhow::Result<Config> {
    let path = named.unwrap_or(Path::new("hotline.toml"));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            return Ok(Config::default());
        }
        Err(error) => bail!("{}: {error}; name a file that exists with --config", path.display()),
    };
    let config: Config = toml::from_str(&text).with_context(|| {
        format!(
            "{}: not a valid configuration; correct the line below or remove it",
            path.display()
        )
    })?;
    let Speech { workers, threads, beams } = config.speech;
    if workers == 0 || threads == 0 || !(1..=8).contains(&beams) {
        bail!("{}: [speech] needs workers ≥ 1, threads ≥ 1 and beams from 1 to 8", path.display());
    }
    Ok(config)
}
