//! `hotline models`.

use std::io::Write;

use asr::models::{self, Format, Manifest};

use crate::classifiers;
use crate::cli::{Global, ModelAction};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::progress;
use crate::table::Table;
use crate::terminal;

/// Lists, builds, verifies, chooses or fetches models.
///
/// # Errors
/// A model that is unknown, cannot be fetched or is not what it should be.
pub fn run(global: &Global, setting: &Setting, action: &ModelAction) -> anyhow::Result<u8> {
    let shipped = setting.shipped_models();
    let manifest = Manifest::read(shipped).or_exit(exit::MODEL)?;
    let into = &setting.models[0];
    let mut out = terminal::out();
    match action {
        ModelAction::List => {
            let mut table = Table::new(&["name", "built", "licence", "about"]);
            let chosen = models::find(None, &setting.models, shipped);
            for entry in &manifest.models {
                let found = models::find(Some(&entry.name), &setting.models, shipped).ok();
                let mark =
                    chosen.as_ref().ok().zip(found.as_ref()).is_some_and(|(a, b)| a.name == b.name);
                let path =
                    found.map_or_else(|| "no".to_owned(), |found| found.path.display().to_string());
                let name = format!("{}{}", entry.name, if mark { " *" } else { "" });
                if global.json {
                    writeln!(
                        out,
                        "{}",
                        serde_json::json!({ "name": entry.name, "built": path, "licence": entry.licence, "about": entry.about, "default": mark })
                    )?;
                }
                table.row([name, path, entry.licence.clone(), entry.about.clone()]);
            }
            if !global.json {
                write!(out, "{table}")?;
            }
            let in_use = classifiers::in_use(setting)?;
            let mut table = Table::new(&["classifier", "folder"]);
            for (name, path) in classifiers::all(setting) {
                let mark = path == in_use;
                if global.json {
                    let json =
                        serde_json::json!({ "classifier": name, "folder": path, "default": mark });
                    writeln!(out, "{json}")?;
                }
                let name = format!("{name}{}", if mark { " *" } else { "" });
                table.row([name, path.display().to_string()]);
            }
            if !global.json {
                write!(out, "\n{table}")?;
            }
        }
        ModelAction::Build { name, format, force } => {
            let entry = manifest
                .entry(name.as_deref().or(setting.model.as_deref()).unwrap_or(&manifest.default))
                .or_exit(exit::MODEL)?;
            let format: Format = match format {
                Some(format) => format.parse().map_err(|error: String| anyhow::anyhow!(error))?,
                None => entry.format,
            };
            let target = into.join(entry.file_name(format));
            if target.is_file() && !force {
                let known = models::Found {
                    name: entry.name.clone(),
                    path: target.clone(),
                    context: entry.context,
                    sha256: entry.built.get(&format.to_string()).cloned(),
                };
                // A file that is whole is not made again; one that is not, is.
                if models::verify(&known).is_ok() {
                    writeln!(out, "{}: built already", target.display())?;
                    return Ok(0);
                }
            }
            let bar = progress::bar(6, &entry.name);
            let built = models::build(entry, format, into, shipped, |step| {
                bar.set_message(step.to_owned());
                bar.inc(1);
            });
            bar.finish_and_clear();
            writeln!(out, "{}", built.or_exit(exit::MODEL)?.display())?;
        }
        ModelAction::Verify { name } => {
            let names: Vec<String> = match name {
                Some(name) => vec![name.clone()],
                None => manifest.models.iter().map(|entry| entry.name.clone()).collect(),
            };
            let mut verified = 0;
            for name in names.iter() {
                let found = match models::find(Some(name), &setting.models, shipped) {
                    Ok(found) => found,
                    Err(asr::Error::NotBuilt { .. }) if names.len() > 1 => continue,
                    Err(error) => return Err(error).or_exit(exit::MODEL),
                };
                let sha256 = models::verify(&found).or_exit(exit::MODEL)?;
                writeln!(out, "{}: whole, SHA-256 {sha256}", found.path.display())?;
                verified += 1;
            }
            if verified == 0 {
                return Err(anyhow::anyhow!("no model is built; run `hotline models build`"))
                    .or_exit(exit::MODEL);
            }
        }
        ModelAction::Use { name } if classifiers::is_name(name) => {
            choose(setting, name)?;
            writeln!(out, "{name} is the classifier in use now")?;
        }
        ModelAction::Use { name } => {
            models::choose(name, into, shipped).or_exit(exit::MODEL)?;
            writeln!(out, "{name} is the default model of {} now", into.display())?;
        }
        ModelAction::Pull { name } => {
            let entry = manifest.entry(name).or_exit(exit::MODEL)?;
            let hub = std::env::var("HOTLINE_HUB")
                .ok()
                .filter(|hub| !hub.is_empty())
                .or(setting.config.hub.clone());
            writeln!(
                out,
                "{}",
                models::pull(entry, into, hub.as_deref()).or_exit(exit::MODEL)?.display()
            )?;
        }
    }
    Ok(0)
}

/// The models there are, for the console.
///
/// # Errors
/// A manifest that cannot be read.
pub fn listed(setting: &Setting) -> anyhow::Result<serde_json::Value> {
    let shipped = setting.shipped_models();
    let manifest = Manifest::read(shipped).or_exit(exit::MODEL)?;
    let chosen = models::find(None, &setting.models, shipped).ok();
    let whisper: Vec<serde_json::Value> = manifest
        .models
        .iter()
        .map(|entry| {
            let found = models::find(Some(&entry.name), &setting.models, shipped).ok();
            let size = found.as_ref().and_then(|found| std::fs::metadata(&found.path).ok());
            let default =
                chosen.as_ref().zip(found.as_ref()).is_some_and(|(a, b)| a.name == b.name);
            serde_json::json!({ "name": entry.name, "about": entry.about, "licence": entry.licence,
                "size": size.map(|data| data.len()), "built": found.is_some(), "default": default })
        })
        .collect();
    let classifiers = crate::house::classifiers(setting)?;
    Ok(serde_json::json!({ "whisper": whisper, "classifiers": classifiers }))
}

/// The name of what is chosen now of the kind that `name` is of.
///
/// # Errors
/// Nothing is, or it is gone.
pub fn chosen(setting: &Setting, name: &str) -> anyhow::Result<String> {
    if classifiers::is_name(name) {
        let folder = classifiers::in_use(setting)?;
        return Ok(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    let found = models::find(None, &setting.models, setting.shipped_models());
    found.map(|found| found.name).or_exit(exit::MODEL)
}

/// Makes a Whisper model or a classifier the default.
///
/// # Errors
/// One that is not there.
pub fn choose(setting: &Setting, name: &str) -> anyhow::Result<()> {
    if classifiers::is_name(name) {
        return classifiers::choose(setting, name);
    }
    let (into, shipped) = (&setting.models[0], setting.shipped_models());
    models::find(Some(name), &setting.models, shipped).or_exit(exit::MODEL)?;
    models::choose(name, into, shipped).or_exit(exit::MODEL)
}
