//! One call from sound to decision: everything that `take`, `eval calls` and `replay --decide`
//! share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use anyhow::{Context, bail};
use asr::{Decoding, Model};
use dialogue::{City, Conclusion};
use jiff::Timestamp;
use nlu::{Heard, Interpret, Leg, StoredTranscript, Understanding};
use sha2::{Digest, Sha256};
use tickets::{Fields, MadeBy, Status, Store};

use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::hear::Ears;
use crate::recording::Sidecar;
use crate::{classifiers, convert, served};

/// What was decided about a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// tickets, transfer, none or unusable.
    pub outcome: &'static str,
    /// One a matter.
    pub tickets: Vec<(Status, Fields)>,
}

/// Everything that decides.
pub struct Mind {
    /// The city's rules, as its files have them.
    pub city: City,
    /// The same with the dispatch table and the departments' names as they were edited in a store.
    edited: RwLock<Option<Edited>>,
    /// What the words mean.
    pub understanding: Understanding,
    /// Hash of the city's files.
    city_hash: String,
    /// Hash of the classifier's files.
    pub classifier_hash: String,
    /// Its weights as they were when they were read.
    weights: ReadFile,
}

/// A city whose dispatch table was edited.
#[derive(Clone)]
struct Edited {
    city: Arc<City>,
    /// Hash of the files and of what was edited.
    hash: String,
}

impl Mind {
    /// Decides by the dispatch table and the departments of a store from now on, where they were
    /// edited there.
    ///
    /// # Errors
    /// A store that cannot be read; [`exit::CONFIG`] for rules that make no sense.
    pub fn follow(&self, store: &Store) -> anyhow::Result<()> {
        let table = store.dispatch_table().or_exit(exit::STORE)?;
        let departments = store.departments().or_exit(exit::STORE)?;
        let mut rules = table;
        if rules.is_empty() {
            rules = self.city.dispatch.iter().map(desk::written_rule).collect();
        }
        let unedited: Vec<_> = self.city.dispatch.iter().map(desk::written_rule).collect();
        for rule in &mut rules {
            // A department that was renamed goes by its old name too.
            if let Some(known) = departments.iter().find(|known| known.is_called(&rule.department))
            {
                rule.department.clone_from(&known.name);
            }
        }
        let edited = if rules == unedited {
            None
        } else {
            let json = serde_json::to_value(&rules).context("rules always serialise")?;
            let names = departments.into_iter().map(|known| (known.name, known.aliases)).collect();
            let city = self.city.with_dispatch(json, names).map_err(|error| {
                anyhow::anyhow!(
                    "the edited dispatch table makes no sense: {error}; correct it in the console"
                )
            });
            let mut digest = Sha256::new_with_prefix(self.city_hash.as_bytes());
            digest.update(serde_json::to_vec(&rules).context("rules always serialise")?);
            let hash = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            Some(Edited { city: Arc::new(city.or_exit(exit::CONFIG)?), hash })
        };
        *self.edited.write().unwrap_or_else(PoisonError::into_inner) = edited;
        Ok(())
    }

    fn edited(&self) -> Option<Edited> {
        self.edited.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hash of what the city decides by: its files, and what was edited.
    pub fn city_hash(&self) -> String {
        self.edited().map_or_else(|| self.city_hash.clone(), |edited| edited.hash)
    }

    /// Loads the city and the classifier.
    ///
    /// # Errors
    /// Every mistake in the city's files, or a classifier that is missing.
    pub fn load(setting: &Setting) -> anyhow::Result<Mind> {
        let city = load_city(&setting.city)?;
        let classifier = classifiers::in_use(setting)?;
        let weights = ReadFile::of(&classifiers::weights(&classifier)).or_exit(exit::MODEL)?;
        let understanding =
            Understanding::load(&classifier, &setting.city, &city.code).or_exit(exit::CONFIG)?;
        Ok(Mind {
            city,
            edited: RwLock::default(),
            understanding,
            city_hash: hash_folder(&setting.city)?,
            classifier_hash: hash(&classifier, nlu::Classifier::FILES.map(Into::into).to_vec())?,
            weights,
        })
    }

    /// Whether loading again would give the same.
    fn is_as(&self, setting: &Setting) -> bool {
        let classifier = || {
            let dir = classifiers::in_use(setting)?;
            hash(&dir, nlu::Classifier::FILES.map(Into::into).to_vec())
        };
        hash_folder(&setting.city).is_ok_and(|hash| hash == self.city_hash)
            && classifier().is_ok_and(|hash| hash == self.classifier_hash)
    }

    /// Decides what came of what was heard. The same words give the same decision.
    pub fn decide(&self, transcript: &StoredTranscript) -> Decision {
        let heard = &transcript.heard;
        let understood = self.understanding.interpret(heard);
        let edited = self.edited();
        let city = edited.as_ref().map_or(&self.city, |edited| &*edited.city);
        let Conclusion { outcome, drafts } = dialogue::recorded(city, heard, understood);
        let ticket = |draft: &dialogue::Draft| {
            let mut fields = convert::fields(heard, draft);
            if transcript.incomplete.is_some() {
                fields.notes.push("录音不完整".to_owned());
            }
            if heard.said.iter().any(|said| said.leg_uncertain) {
                fields.notes.push("单声道录音，说话人按话术推断".to_owned());
            }
            (convert::status(draft.standing), fields)
        };
        Decision { outcome: outcome.name(), tickets: drafts.iter().map(ticket).collect() }
    }
}

/// Loads a city and prints every mistake in its files.
///
/// # Errors
/// One line a mistake.
pub fn load_city(dir: &Path) -> anyhow::Result<City> {
    let problems = match City::load(dir) {
        Ok(city) => return Ok(city),
        Err(problems) => problems,
    };
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("{}/{problem}", dir.display())).collect();
    Err(Mistakes(lines)).or_exit(exit::CONFIG)
}

/// Everything that is wrong in a city's files.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Mistakes(pub Vec<String>);

/// Ears and mind together: takes recordings to decisions.
pub struct Calls {
    /// Turns sound into words.
    pub ears: Ears,
    /// Turns words into decisions.
    pub mind: Arc<Mind>,
    /// The model's file.
    pub model: asr::models::Found,
    /// That file as it was when it was read.
    file: ReadFile,
    setting: Setting,
}

/// Tells a model's file from every other, and from what it becomes when it is made again.
#[derive(PartialEq)]
struct ReadFile {
    path: PathBuf,
    bytes: u64,
    changed: SystemTime,
}

impl ReadFile {
    fn of(path: &Path) -> anyhow::Result<ReadFile> {
        let read = || -> std::io::Result<ReadFile> {
            let (path, meta) = (path.canonicalize()?, path.metadata()?);
            Ok(ReadFile { path, bytes: meta.len(), changed: meta.modified()? })
        };
        read().with_context(|| format!("{}: cannot be read", path.display()))
    }
}

impl Calls {
    /// Loads the model, the classifier and the city, or shares what this process serves with.
    ///
    /// # Errors
    /// The first that is missing or broken.
    pub fn load(setting: &Setting) -> anyhow::Result<Calls> {
        let served = served::calls();
        let mind = match served.as_ref().filter(|served| served.mind.is_as(setting)) {
            Some(served) => Arc::clone(&served.mind),
            None => Arc::new(Mind::load(setting)?),
        };
        let model = find_model(setting, setting.model.as_deref())?;
        let file = ReadFile::of(&model.path).or_exit(exit::MODEL)?;
        let hears_so = |served: &&Arc<Calls>| {
            served.file == file && served.setting.config.speech == setting.config.speech
        };
        let ears = match served.as_ref().filter(hears_so) {
            Some(served) => served.ears.clone(),
            None => ears(&model, setting)?,
        };
        Ok(Calls { ears, mind, model, file, setting: setting.clone() })
    }

    /// Whether these are the model and the classifier that are chosen now.
    pub fn is_chosen(&self) -> bool {
        let setting = &self.setting;
        let same = |path: &Path, read: &ReadFile| ReadFile::of(path).is_ok_and(|now| now == *read);
        let model = find_model(setting, setting.model.as_deref());
        let classifier = classifiers::in_use(setting);
        model.is_ok_and(|model| same(&model.path, &self.file))
            && classifier.is_ok_and(|dir| same(&classifiers::weights(&dir), &self.mind.weights))
    }

    /// The same, loaded by what is chosen now.
    ///
    /// # Errors
    /// Those of [`Calls::load`].
    pub fn again(&self) -> anyhow::Result<Calls> {
        Calls::load(&self.setting)
    }

    /// Hears a recording whose file lies at `path` and whose description is `sidecar`.
    ///
    /// # Errors
    /// A recording that cannot be read.
    pub async fn hear(
        &self,
        path: &Path,
        sidecar: &Sidecar,
        started_at: Timestamp,
        progress: impl Fn(f32) + Send + Sync + 'static,
    ) -> anyhow::Result<StoredTranscript> {
        let legs = |channels: usize| self.legs(sidecar, channels, path);
        let sound = self.ears.hear(path, legs, progress).await?;
        let mut heard = Heard { said: sound.said, started_at, line_number: sidecar.caller.clone() };
        self.mind.understanding.split_turns(&mut heard);
        Ok(StoredTranscript {
            v: 1,
            duration_ms: sound.duration_ms,
            incomplete: sound.incomplete,
            heard,
        })
    }

    fn legs(&self, sidecar: &Sidecar, channels: usize, path: &Path) -> anyhow::Result<Vec<Leg>> {
        let config = &self.setting.config.recordings;
        match (&sidecar.legs, channels) {
            (Some(legs), _) if legs.len() == channels => Ok(legs.clone()),
            (Some(legs), _) => bail!(
                "{}: {channels} channels, but its description names {} legs; correct `legs` in the TOML file beside it",
                path.display(),
                legs.len()
            ),
            (None, 1) => Ok(vec![config.mono]),
            (None, _) => Ok(config.stereo.to_vec()),
        }
    }

    /// What makes the decisions, for the record.
    ///
    /// # Errors
    /// A model file that cannot be read.
    pub fn made_by(&self) -> anyhow::Result<MadeBy> {
        let model = match &self.model.sha256 {
            Some(sha256) => sha256.clone(),
            None => tickets::sha256_file(&self.model.path)
                .with_context(|| format!("{}: cannot be read", self.model.path.display()))?,
        };
        Ok(MadeBy {
            model,
            classifier: self.mind.classifier_hash.clone(),
            city: self.mind.city_hash(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

fn ears(model: &asr::models::Found, setting: &Setting) -> anyhow::Result<Ears> {
    let model = Model::load(model).or_exit(exit::MODEL)?;
    let speech = &setting.config.speech;
    let decoding = Decoding { threads: speech.threads, beams: speech.beams, ..Decoding::default() };
    Ears::start(&model, &decoding, speech.workers).or_exit(exit::MODEL)
}

/// The model that a name stands for.
///
/// # Errors
/// An unknown name, or a model that is not built.
pub fn find_model(setting: &Setting, name: Option<&str>) -> anyhow::Result<asr::models::Found> {
    asr::models::find(name, &setting.models, setting.shipped_models()).or_exit(exit::MODEL)
}

/// SHA-256 over the names and contents of a folder's files, in name order.
fn hash_folder(dir: &Path) -> anyhow::Result<String> {
    let mut paths = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("{}: cannot be listed", folder.display()))?;
        for entry in entries {
            let path =
                entry.with_context(|| format!("{}: cannot be listed", folder.display()))?.path();
            if path.is_dir() { open.push(path) } else { paths.push(path) }
        }
    }
    let within = |path: PathBuf| path.strip_prefix(dir).map(Path::to_owned).unwrap_or(path);
    hash(dir, paths.into_iter().map(within).collect())
}

/// SHA-256 over the names and contents of some files of a folder, in name order.
fn hash(dir: &Path, mut names: Vec<PathBuf>) -> anyhow::Result<String> {
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        let path = dir.join(&name);
        digest.update(name.to_string_lossy().as_bytes());
        digest.update(
            std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?,
        );
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
