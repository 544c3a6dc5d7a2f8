//! A trained model onto the disk.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};

use crate::Error;
use crate::classifier::{Classifier, LABELS, TOKENIZER, WEIGHTS};
use crate::drift::{PROFILE, Profile};
use crate::train::{Report, TrainConfig};

/// How hard weights are packed, of 22: a quarter smaller, and read as fast.
const PACKED: i32 = 19;

/// Writes weights, vocabulary, labels and report into `config.out`.
pub(crate) fn model(
    classifier: &Classifier,
    report: &Report,
    profile: &Profile,
    config: &TrainConfig,
) -> Result<(), Error> {
    weights(classifier, profile, &config.out)?;
    let path = config.out.join("report.json");
    let text = serde_json::to_string(report)
        .map_err(|e| Error::content(&path, e, "report this as a bug"))?;
    std::fs::write(&path, text).map_err(Error::file(&path))
}

/// Writes a classifier into a folder: each file is written beside its place and moved there.
pub(crate) fn weights(classifier: &Classifier, profile: &Profile, out: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(out).map_err(Error::file(out))?;
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for bank in &classifier.banks {
        tensors.extend(bank.write()?);
    }
    let certainty: Vec<f32> =
        classifier.certainty.iter().flat_map(|c| [c.scale, c.doubt]).collect();
    let certainty = Tensor::from_vec(certainty, (classifier.certainty.len(), 2), &Device::Cpu)?;
    tensors.insert("certainty".to_owned(), certainty);
    let part = |name: &str| out.join(format!("{name}.part"));
    let bytes = safetensors::serialize(&tensors, None)
        .map_err(|e| Error::content(out.join(WEIGHTS), e, "report this as a bug"))?;
    let packed = zstd::encode_all(bytes.as_slice(), PACKED)
        .map_err(|e| Error::content(out.join(WEIGHTS), e, "report this as a bug"))?;
    std::fs::write(part(WEIGHTS), packed).map_err(Error::file(part(WEIGHTS)))?;
    classifier.vocabulary.save(&part(TOKENIZER))?;
    let labels = toml::to_string(&classifier.labels)
        .map_err(|e| Error::content(out.join(LABELS), e, "report this as a bug"))?;
    std::fs::write(part(LABELS), labels).map_err(Error::file(part(LABELS)))?;
    let profile = serde_json::to_string_pretty(profile)
        .map_err(|e| Error::content(out.join(PROFILE), e, "report this as a bug"))?;
    std::fs::write(part(PROFILE), profile + "\n").map_err(Error::file(part(PROFILE)))?;
    // Weights fit one vocabulary only, and a folder with weights counts as a classifier: the old ones
    // go first, the new ones come last, and each file is on the disk before it is in its place.
    match std::fs::remove_file(out.join(WEIGHTS)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::file(out.join(WEIGHTS))(error));
        }
        _ => {}
    }
    for name in [TOKENIZER, LABELS, PROFILE, WEIGHTS] {
        let sync = std::fs::File::open(part(name)).and_then(|file| file.sync_all());
        sync.map_err(Error::file(part(name)))?;
        std::fs::rename(part(name), out.join(name)).map_err(Error::file(out.join(name)))?;
    }
    let sync = std::fs::File::open(out).and_then(|folder| folder.sync_all());
    sync.map_err(Error::file(out))
}
