//! Which classifier is in use: the shipped one, or one that was learnt on site.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};

use crate::config::Setting;
use crate::exit::{self, OrExit};

/// Name of the shipped one; those learnt on site are called by it and a day.
pub const SHIPPED: &str = "nlu";
/// File of a models folder that names the classifier in use.
const CHOICE: &str = "default-classifier";
/// What makes a folder a classifier.
const WEIGHTS: &str = "classifier.safetensors.zst";

/// The folder of the classifier in use.
///
/// # Errors
/// The one that was chosen is gone.
pub fn in_use(setting: &Setting) -> anyhow::Result<PathBuf> {
    let chosen = setting.models.iter().find_map(|dir| {
        let text = std::fs::read_to_string(dir.join(CHOICE)).ok()?;
        Some(text.trim().to_owned()).filter(|name| !name.is_empty())
    });
    named(setting, chosen.as_deref().unwrap_or(SHIPPED))
}

/// The folder of one classifier.
fn named(setting: &Setting, name: &str) -> anyhow::Result<PathBuf> {
    let found = setting.models.iter().map(|dir| dir.join(name)).find(|dir| is_one(dir));
    match found {
        Some(dir) => Ok(dir),
        // A folder of weights that is not there is told by whoever opens it.
        None if name == SHIPPED => Ok(setting.shipped_models().join(SHIPPED)),
        None => Err(anyhow!(
            "{}: no such classifier; `hotline models use {SHIPPED}` goes back to the shipped one",
            setting.models[0].join(name).display()
        ))
        .or_exit(exit::MODEL),
    }
}

fn is_one(dir: &Path) -> bool {
    weights(dir).is_file()
}

/// The weights in a classifier's folder.
pub fn weights(dir: &Path) -> PathBuf {
    dir.join(WEIGHTS)
}

/// Whether a name is that of a classifier rather than of a Whisper model.
pub fn is_name(name: &str) -> bool {
    name == SHIPPED || name.starts_with(&format!("{SHIPPED}-"))
}

/// Every classifier of the models folders by name, the shipped one first.
pub fn all(setting: &Setting) -> Vec<(String, PathBuf)> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let entries = setting.models.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten();
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_name(&name) && is_one(&path) && !found.iter().any(|known| known.0 == name) {
            found.push((name, path));
        }
    }
    found.sort();
    found
}

/// Makes a classifier the one in use.
///
/// # Errors
/// There is none of that name, or the folder cannot be written.
pub fn choose(setting: &Setting, name: &str) -> anyhow::Result<()> {
    // Who is chosen must be able to work.
    nlu::Classifier::load(&named(setting, name)?).or_exit(exit::MODEL)?;
    let path = setting.models[0].join(CHOICE);
    std::fs::write(&path, format!("{name}\n")).with_context(|| {
        format!("{}: cannot be written; check who may write there", path.display())
    })
}
