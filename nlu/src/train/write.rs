//! A trained model onto the disk.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};

use crate::Error;
use crate::classifier::{Classifier, LABELS, TOKENIZER, WEIGHTS, pack};
use crate::train::{Report, TrainConfig};

/// Writes weights, vocabulary, labels and report into `config.out`. Each file is whole or absent:
/// it is written beside its place and moved there.
pub(crate) fn model(
    classifier: &Classifier,
    report: &Report,
    config: &TrainConfig,
) -> Result<(), Error> {
    let out = &config.out;
    std::fs::create_dir_all(out).map_err(Error::file(out))?;
    let network = &classifier.network;
    let vector = |v: &[f32]| Tensor::from_slice(v, v.len(), &Device::Cpu);
    let keys = &network.lexicon.keys;
    let (bag, bag_scale) = pack(&network.bag)?;
    let tensors: HashMap<String, Tensor> = HashMap::from([
        ("keys".to_owned(), Tensor::from_slice(keys, keys.len(), &Device::Cpu)?),
        ("rarity".to_owned(), vector(&network.lexicon.rarity)?.to_dtype(DType::F16)?),
        ("bag".to_owned(), bag),
        ("bag_scale".to_owned(), bag_scale),
        ("readout".to_owned(), network.readout.clone()),
        ("bias".to_owned(), network.bias.clone()),
        ("temperatures".to_owned(), vector(&network.temperatures)?),
    ]);
    let part = |name: &str| out.join(format!("{name}.part"));
    candle_core::safetensors::save(&tensors, part(WEIGHTS))?;
    classifier.vocabulary.save(&part(TOKENIZER))?;
    let labels = toml::to_string(&classifier.labels)
        .map_err(|e| Error::content(out.join(LABELS), e, "report this as a bug"))?;
    std::fs::write(part(LABELS), labels).map_err(Error::file(part(LABELS)))?;
    let report_text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::content(out.join("report.json"), e, "report this as a bug"))?;
    std::fs::write(part("report.json"), report_text).map_err(Error::file(part("report.json")))?;
    for name in [WEIGHTS, TOKENIZER, LABELS, "report.json"] {
        std::fs::rename(part(name), out.join(name)).map_err(Error::file(out.join(name)))?;
    }
    Ok(())
}
