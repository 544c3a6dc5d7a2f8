//! Training: labelled messages and seed texts in, one model folder out.
//!
//! Seeded: the same machine, threads and seed give the same weights. Groups of
//! near-duplicates are split whole, and the development part is never learnt from.

mod calibrate;
mod data;
mod fit;
mod groups;
mod noise;
mod random;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use crate::Error;
use crate::classifier::{
    Classifier, Columns, Featurizer, Head, LABELS, Labels, Lexicon, Network, Vocabulary,
};
use crate::eval::Evaluation;

use data::{Example, Source};
use fit::{Fit, Lesson, Rates};
use noise::{Amount, Noise};
use random::Random;

/// What to train on, where to put the result, and how long.
#[derive(Debug, Clone)]
pub struct TrainConfig {
    /// Folder with `complaint_titles.csv`, `complaint_bodies.csv`, `citizen_messages.csv` and,
    /// if there, `gov_qa.csv`.
    pub data: PathBuf,
    /// Folder of the model: its `labels.toml` and `seeds/` are read.
    pub model: PathBuf,
    /// Folder that the weights, the vocabulary and the report are written to.
    pub out: PathBuf,
    /// Where all chance comes from.
    pub seed: u64,
    /// Most passes over the examples.
    pub epochs: usize,
    /// Passes without a better development score after which training stops.
    pub patience: usize,
    /// Learn from the development part too, after the passes that it found best: for release.
    pub everything: bool,
}

impl TrainConfig {
    /// The settings that the shipped weights were made with.
    pub fn new(data: PathBuf, model: PathBuf, out: PathBuf) -> TrainConfig {
        TrainConfig { data, model, out, seed: 12345, epochs: 12, patience: 3, everything: false }
    }
}

/// Where training stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Passes done.
    pub epoch: usize,
    /// Passes planned at most.
    pub epochs: usize,
    /// Steps of this pass done.
    pub step: usize,
    /// Steps of this pass.
    pub steps: usize,
    /// Mean loss of this pass so far.
    pub loss: f32,
    /// Development score of the last pass, 0 before the first.
    pub score: f64,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Examples learnt from.
    pub examples: usize,
    /// Examples kept back.
    pub held_back: usize,
    /// Passes made.
    pub epochs: usize,
    /// Seconds taken.
    pub seconds: f64,
    /// Evaluations on what was kept back, by name.
    pub development: BTreeMap<String, Evaluation>,
}

/// Rows fewer texts than this hold get none: an n-gram of one text teaches that text.
const FEWEST_TEXTS: u32 = 3;
/// Most rows of the table.
const MOST_ROWS: usize = 120_000;
/// Numbers a row.
const DIM: usize = 64;
/// Texts a step.
const BATCH: usize = 64;
/// One group in this many is kept back.
const HELD_BACK: u64 = 10;
/// A seed is shown this many times a pass, each time another variant.
const SEED_SHOWINGS: usize = 4;

const RATES: Rates =
    Rates { table: 0.5, decay: 0.0, readout: 0.003, smoothing: 0.05, dropout: 0.1 };

/// Trains a model and writes it to `config.out`.
///
/// # Errors
/// Training data is missing or not what it should be, or the folder cannot be written.
pub fn train(config: &TrainConfig, mut progress: impl FnMut(Progress)) -> Result<Report, Error> {
    let begun = Instant::now();
    let labels = Labels::load(&config.model.join(LABELS))?;
    let examples = data::read(&config.data, &config.model.join("seeds"), &labels)?;
    let school = School::open(examples, &labels, config);
    let mut random = Random::new(config.seed);
    let columns = Columns::of(&labels);
    let mut fit = Fit::new(school.lexicon.keys.len(), DIM, columns, RATES, &mut random)?;
    let mut best: Option<(f64, Network)> = None;
    let mut since_best = 0;
    let mut epochs = 0;
    for epoch in 0..config.epochs {
        school.pass(
            &mut fit,
            epoch,
            config,
            &random.fork(epoch as u64),
            &mut progress,
            best.as_ref().map_or(0.0, |b| b.0),
        )?;
        epochs = epoch + 1;
        let mut network = school.network(&fit, &labels)?;
        calibrate::temperatures(&mut network, &school);
        let score = school.score(&network, &labels);
        tracing::debug!(epoch, score, "pass done");
        if best.as_ref().is_none_or(|b| score > b.0) {
            best = Some((score, network));
            since_best = 0;
        } else {
            since_best += 1;
            if since_best >= config.patience {
                break;
            }
        }
    }
    let (_, network) = best.expect("there is at least one pass");
    let development = school.evaluations(&network, &labels);
    let report = Report {
        examples: school.learnt.len(),
        held_back: school.held_back.len(),
        epochs,
        seconds: begun.elapsed().as_secs_f64(),
        development,
    };
    let School { vocabulary, featurizer, .. } = school;
    let classifier = Classifier { vocabulary, featurizer, labels, network };
    write::model(&classifier, &report, config)?;
    Ok(report)
}

/// The examples with their symbols, split, and what turns them into rows.
pub(crate) struct School {
    vocabulary: Vocabulary,
    featurizer: Featurizer,
    lexicon: Lexicon,
    noise: Noise,
    learnt: Vec<(Example, Vec<u32>)>,
    held_back: Vec<(Example, Vec<u32>)>,
}

impl School {
    fn open(examples: Vec<Example>, labels: &Labels, config: &TrainConfig) -> School {
        debug_assert!(!labels.categories.is_empty());
        let vocabulary = Vocabulary::build(examples.iter().map(|e| e.text.as_str()), 2);
        let featurizer = Featurizer::new(vocabulary.chars());
        let texts: Vec<Vec<u32>> = examples.iter().map(|e| vocabulary.symbols(&e.text)).collect();
        let groups = groups::groups(&texts);
        let split = Random::new(config.seed);
        let (mut learnt, mut held_back) = (Vec::new(), Vec::new());
        for ((example, text), group) in examples.into_iter().zip(texts).zip(groups) {
            let back = split.fork(group as u64).next().is_multiple_of(HELD_BACK);
            if back { held_back.push((example, text)) } else { learnt.push((example, text)) }
        }
        if config.everything {
            learnt.extend(held_back.iter().cloned());
        }
        let lexicon = lexicon(&learnt, &featurizer);
        let mut frequent: BTreeMap<u32, usize> = BTreeMap::new();
        for symbol in learnt.iter().flat_map(|(_, text)| text) {
            *frequent.entry(*symbol).or_default() += 1;
        }
        frequent.retain(|_, n| *n >= 20);
        let noise = Noise::new(&featurizer, &frequent, |text| vocabulary.symbols(text));
        School { vocabulary, featurizer, lexicon, noise, learnt, held_back }
    }

    /// One pass over everything learnt.
    fn pass(
        &self,
        fit: &mut Fit,
        epoch: usize,
        config: &TrainConfig,
        random: &Random,
        progress: &mut impl FnMut(Progress),
        score: f64,
    ) -> Result<(), Error> {
        let mut order: Vec<usize> =
            (0..self.learnt.len()).flat_map(|i| std::iter::repeat_n(i, self.showings(i))).collect();
        random.fork(1).shuffle(&mut order);
        let steps = order.len().div_ceil(BATCH);
        let mut total = 0.0;
        for (step, batch) in order.chunks(BATCH).enumerate() {
            let mut chance = random.fork(2 + step as u64);
            let lessons: Vec<Lesson<'_>> =
                batch.iter().map(|&i| self.lesson(i, &mut chance)).collect();
            let done = (epoch * steps + step) as f32 / (config.epochs * steps) as f32;
            total += fit.step(&lessons, 1.0 - 0.9 * done, &mut chance)?;
            progress(Progress {
                epoch,
                epochs: config.epochs,
                step: step + 1,
                steps,
                loss: total / (step + 1) as f32,
                score,
            });
        }
        Ok(())
    }

    fn showings(&self, example: usize) -> usize {
        if self.learnt[example].0.source == Source::Seed { SEED_SHOWINGS } else { 1 }
    }

    fn lesson(&self, example: usize, random: &mut Random) -> Lesson<'_> {
        let (example, text) = &self.learnt[example];
        // What a caller says comes through a recogniser, which errs more than people who write.
        let (often, most) = if example.source == Source::Seed { (0.6, 0.25) } else { (0.3, 0.12) };
        let homophones = if random.chance(often) { most * random.unit() } else { 0.0 };
        let amount = match example.source {
            Source::Seed => Amount { homophones, fillers: 0.5, chatter: 0.4, cut: 0.0 },
            Source::Title | Source::Question => {
                Amount { homophones, fillers: 0.15, chatter: 0.15, cut: 0.0 }
            }
            Source::Body => Amount { homophones, fillers: 0.0, chatter: 0.0, cut: 0.15 },
            // The type stands in the whole text, most often at its end.
            Source::Citizen => Amount { homophones, fillers: 0.0, chatter: 0.0, cut: 0.0 },
        };
        let text = self.noise.variant(text, &self.featurizer, amount, random);
        let rows = self.lexicon.rows(&self.featurizer.grams(&text));
        Lesson { rows, right: &example.right, weights: &example.weights }
    }

    /// The network as it stands, not calibrated.
    fn network(&self, fit: &Fit, labels: &Labels) -> Result<Network, Error> {
        let rows = self.lexicon.keys.len();
        let bag = candle_core::Tensor::from_slice(
            &fit.table.values,
            (rows, fit.table.dim),
            &candle_core::Device::Cpu,
        )?;
        Ok(Network {
            lexicon: self.lexicon.clone(),
            bag,
            readout: fit.readout.as_tensor().copy()?,
            bias: fit.bias.as_tensor().copy()?,
            columns: Columns::of(labels),
            temperatures: vec![1.0; Head::ALL.len()],
        })
    }

    /// Logits of a text.
    pub(crate) fn logits(&self, network: &Network, text: &[u32]) -> Vec<f32> {
        let rows = self.lexicon.rows(&self.featurizer.grams(text));
        network.logits(rows).expect("shapes are right by construction")
    }

    /// One number by which passes are compared.
    fn score(&self, network: &Network, labels: &Labels) -> f64 {
        let e = self.evaluations(network, labels);
        let of = |name: &str| e.get(name).map_or(0.0, |e| e.macro_f1);
        2.0 * of("title category")
            + 2.0 * of("body category")
            + of("citizen type")
            + 2.0 * of("seed category")
            + of("seed type")
    }

    /// Evaluations on what was kept back.
    fn evaluations(&self, network: &Network, labels: &Labels) -> BTreeMap<String, Evaluation> {
        calibrate::evaluations(self, network, labels)
    }
}

/// The n-grams of enough texts, each with its rarity.
fn lexicon(learnt: &[(Example, Vec<u32>)], featurizer: &Featurizer) -> Lexicon {
    let mut counts: std::collections::HashMap<u32, u32> = std::collections::HashMap::new();
    for (_, text) in learnt {
        let grams = featurizer.grams(text);
        for (key, _) in grams.chars.into_iter().chain(grams.sounds) {
            *counts.entry(key).or_default() += 1;
        }
    }
    let mut kept: Vec<(u32, u32)> = counts.into_iter().filter(|c| c.1 >= FEWEST_TEXTS).collect();
    kept.sort_unstable_by_key(|&(key, n)| (std::cmp::Reverse(n), key));
    kept.truncate(MOST_ROWS);
    kept.sort_unstable();
    let total = learnt.len() as f32;
    let rarity = |n: u32| ((1.0 + total) / (1.0 + n as f32)).ln() + 1.0;
    Lexicon {
        keys: kept.iter().map(|k| k.0).collect(),
        rarity: kept.iter().map(|k| rarity(k.1)).collect(),
    }
}
