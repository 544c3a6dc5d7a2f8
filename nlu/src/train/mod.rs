//! Training: labelled messages and seed texts in, one model folder out.
//!
//! Seeded: the same seed gives the same weights, whatever the threads. Groups of near-duplicates
//! are split whole; what is kept back is measured before it is learnt from too.

mod adapt;
mod calibrate;
mod data;
mod groups;
mod machine;
mod names;
mod noise;
mod random;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::classifier::{
    Bank, Certainty, Classifier, Featurizer, Head, LABELS, Labels, Lexicon, PLANS, Plan, Rows,
    Vocabulary,
};
use crate::eval::Evaluation;

pub use adapt::{AdaptConfig, Comparison, Correction, HeadCount, adapt};
pub use names::names;

use calibrate::Kept;
use data::{Example, Source};
use machine::{Case, Column};
use noise::{Amount, Noise};
use random::Random;

/// What to train on and where to put the result.
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
}

impl TrainConfig {
    /// The settings that the shipped weights were made with.
    pub fn new(data: PathBuf, model: PathBuf, out: PathBuf) -> TrainConfig {
        TrainConfig { data, model, out, seed: 12345 }
    }
}

/// Where training stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is learnt.
    pub bank: &'static str,
    /// Labels learnt.
    pub done: usize,
    /// Labels to learn in all.
    pub of: usize,
}

/// What came out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Examples learnt from.
    pub examples: usize,
    /// Examples kept back.
    pub held_back: usize,
    /// Seconds taken.
    pub seconds: f64,
    /// Evaluations on what was kept back, by name.
    pub development: BTreeMap<String, Evaluation>,
}

/// N-grams of fewer texts than this get no row: an n-gram of one text teaches that text.
const FEWEST_TEXTS: u32 = 2;
/// One group in this many is kept back.
const HELD_BACK: u64 = 10;
/// Variants of each seed, as a telephone and a recogniser might spoil it, beside the seed itself.
const SEED_VARIANTS: usize = 2;
/// Folder within the model's in which finished banks wait for the others, so that training which
/// was broken off goes on where it stopped.
const UNFINISHED: &str = "training";

/// Trains a model and writes it to `config.out`.
///
/// # Errors
/// Training data is missing or not what it should be, or the folder cannot be written.
pub fn train(config: &TrainConfig, mut progress: impl FnMut(Progress)) -> Result<Report, Error> {
    let begun = Instant::now();
    let labels = Labels::load(&config.model.join(LABELS))?;
    let examples = data::read(&config.data, &config.model.join("seeds"), &labels)?;
    // What only titles of ours are written with teaches nobody, and would move every symbol.
    let heard = examples.iter().filter(|e| e.source != Source::Heading);
    let vocabulary = Vocabulary::build(heard.map(|e| e.text.as_str()), 2);
    let featurizer = Featurizer::new(vocabulary.chars());
    let texts: Vec<Vec<u32>> = examples.iter().map(|e| vocabulary.symbols(&e.text)).collect();
    let groups = groups::groups(&texts);
    let split = Random::new(config.seed);
    let (mut learnt, mut kept) = (Vec::new(), Vec::new());
    for (at, group) in groups.into_iter().enumerate() {
        let back = split.fork(group as u64).next().is_multiple_of(HELD_BACK);
        match (back, examples[at].source) {
            (false, _) => learnt.push(at),
            // Titles of ours say nothing about how well real ones are told apart.
            (true, Source::Heading) => {}
            (true, _) => kept.push(at),
        }
    }
    let per_round: usize = PLANS.iter().map(|plan| plan.columns(&labels).len()).sum();
    let mut done = 0;
    let school = School {
        examples: &examples,
        texts: &texts,
        labels: &labels,
        vocabulary: &vocabulary,
        featurizer: &featurizer,
        seed: config.seed,
        unfinished: config.out.join(UNFINISHED),
    };
    let mut banks = |among: &[usize]| -> Result<Vec<Bank>, Error> {
        let mut bank = |plan| {
            school.bank(plan, among, &mut |bank, columns| {
                done += columns;
                progress(Progress { bank, done, of: 2 * per_round });
            })
        };
        PLANS.into_iter().map(&mut bank).collect()
    };
    // One part is kept back to measure and to calibrate on, and learnt from afterwards.
    let learnt_of_part = banks(&learnt)?;
    let all: Vec<usize> = (0..examples.len()).collect();
    let learnt_of_all = banks(&all)?;
    let mut classifier = Classifier {
        featurizer,
        vocabulary,
        labels,
        banks: learnt_of_part,
        certainty: vec![Certainty::default(); Head::ALL.len()],
    };
    let judged: Vec<Kept<'_>> = kept
        .par_iter()
        .map(|at| Kept {
            example: &examples[*at],
            margins: classifier.margins(std::slice::from_ref(&texts[*at]), &Head::ALL),
        })
        .collect();
    calibrate::certainty(&mut classifier, &judged);
    let report = Report {
        examples: examples.len(),
        held_back: kept.len(),
        seconds: begun.elapsed().as_secs_f64(),
        development: calibrate::evaluations(&classifier, &judged),
    };
    let profile = calibrate::profile(&classifier, &judged);
    classifier.banks = learnt_of_all;
    write::model(&classifier, &report, &profile, config)?;
    // Nothing reads them any more; if they stay, they only take space.
    let _ = std::fs::remove_dir_all(config.out.join(UNFINISHED));
    Ok(report)
}

/// The examples and what turns them into rows.
struct School<'a> {
    examples: &'a [Example],
    texts: &'a [Vec<u32>],
    labels: &'a Labels,
    vocabulary: &'a Vocabulary,
    featurizer: &'a Featurizer,
    seed: u64,
    /// Folder of the banks that are finished.
    unfinished: PathBuf,
}

impl School<'_> {
    /// Learns one bank from some of the examples, or takes it up where training was broken off.
    fn bank(
        &self,
        plan: Plan,
        among: &[usize],
        progress: &mut impl FnMut(&'static str, usize),
    ) -> Result<Bank, Error> {
        let teaches = |at: &&usize| {
            plan.heads.iter().any(|head| self.examples[**at].weights[*head as usize] > 0.0)
        };
        let among: Vec<usize> = among.iter().filter(teaches).copied().collect();
        let folder = &self.unfinished;
        let path = folder.join(format!("{}-{}", plan.name, self.fingerprint(plan, &among)));
        if path.exists()
            && let Ok(tensors) = candle_core::safetensors::load(&path, &Device::Cpu)
            && let Ok(bank) = Bank::read(plan, &tensors, self.labels)
        {
            progress(plan.name, plan.columns(self.labels).len());
            return Ok(bank);
        }
        let tensors = self.learn(plan, &among, progress)?.write()?.into_iter().collect();
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
        let part = path.with_extension("part");
        candle_core::safetensors::save(&tensors, &part)?;
        std::fs::rename(&part, &path).map_err(Error::file(&path))?;
        // What is measured is what is written, in 8 bits.
        Bank::read(plan, &tensors, self.labels)
            .map_err(|what| Error::content(&path, what, "report this as a bug"))
    }

    /// What a bank depends on.
    fn fingerprint(&self, plan: Plan, among: &[usize]) -> String {
        let mut digest = Sha256::new();
        digest.update(format!("{plan:?} {} {SEED_VARIANTS}", self.seed));
        // N-grams are those of symbols: another vocabulary makes other ones.
        self.vocabulary.chars().iter().for_each(|ch| digest.update(ch));
        for &at in among {
            let example = &self.examples[at];
            digest.update(format!("{} {:?} {:?}", example.text, example.right, example.weights));
        }
        digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    fn learn(
        &self,
        plan: Plan,
        among: &[usize],
        progress: &mut impl FnMut(&'static str, usize),
    ) -> Result<Bank, Error> {
        let random = Random::new(self.seed);
        let lessons = self.lessons(among, &random);
        let grams: Vec<_> =
            lessons.par_iter().map(|(_, text)| self.featurizer.grams(text, plan.recipe)).collect();
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for (key, _) in grams.iter().flatten().flat_map(|kind| &kind.grams) {
            *counts.entry(*key).or_default() += 1;
        }
        counts.retain(|_, texts| *texts >= FEWEST_TEXTS);
        let total = lessons.len() as f32;
        let rarity = |n: &u32| ((1.0 + total) / (1.0 + *n as f32)).ln() + 1.0;
        let lexicon = Lexicon {
            keys: counts.keys().copied().collect(),
            rarity: counts.values().map(rarity).collect(),
        };
        let rows: Vec<Rows> = grams.par_iter().map(|kinds| lexicon.rows(kinds)).collect();
        drop(grams);
        let mut columns: Vec<Column> = Vec::new();
        for some in plan.columns(self.labels).chunks(rayon::current_num_threads()) {
            let learnt = some.par_iter().map(|&(head, label)| {
                let case = |((at, _), rows): (&(usize, Vec<u32>), _)| {
                    let example = &self.examples[*at];
                    let (right, weight) =
                        (&example.right[head as usize], example.weights[head as usize]);
                    // Where several labels may be right, each of them is left out of it.
                    let open = right.len() > 1 && right.contains(&label);
                    let cost = weight * plan.cost;
                    let known = !right.is_empty() && cost > 0.0 && !open;
                    known.then(|| Case { rows, right: right.contains(&label), cost, given: 0.0 })
                };
                let cases: Vec<Case<'_>> = lessons.iter().zip(&rows).filter_map(case).collect();
                let telling = machine::telling(&cases, lexicon.keys.len(), plan.contrast);
                machine::column(&cases, &telling, random.fork(label as u64))
            });
            columns.par_extend(learnt);
            progress(plan.name, some.len());
        }
        pruned(plan, self.labels, lexicon, &columns, &counts.into_values().collect::<Vec<_>>())
    }

    /// The texts of some examples, with variants of the spoken ones.
    fn lessons(&self, among: &[usize], random: &Random) -> Vec<(usize, Vec<u32>)> {
        let mut frequent: BTreeMap<u32, usize> = BTreeMap::new();
        for symbol in among.iter().flat_map(|at| &self.texts[*at]) {
            *frequent.entry(*symbol).or_default() += 1;
        }
        frequent.retain(|_, n| *n >= 20);
        let noise = Noise::new(self.featurizer, &frequent, |text| self.vocabulary.symbols(text));
        let mut lessons: Vec<(usize, Vec<u32>)> = Vec::new();
        for &at in among {
            lessons.push((at, self.texts[at].clone()));
            if self.examples[at].source != Source::Seed {
                continue;
            }
            for variant in 0..SEED_VARIANTS {
                let mut chance = random.fork((at * SEED_VARIANTS + variant) as u64);
                let homophones = 0.25 * chance.unit();
                let amount = Amount { homophones, fillers: 0.5, chatter: 0.4 };
                let text = noise.variant(&self.texts[at], self.featurizer, amount, &mut chance);
                lessons.push((at, text));
            }
        }
        lessons
    }
}

/// The bank with as many rows as it may have: those that move the most texts the furthest.
fn pruned(
    plan: Plan,
    labels: &Labels,
    lexicon: Lexicon,
    columns: &[Column],
    texts: &[u32],
) -> Result<Bank, Error> {
    // Heads count alike, however many labels they have.
    let share = |(head, _)| 1.0 / labels.count(head) as f32;
    let shares: Vec<f32> = plan.columns(labels).into_iter().map(share).collect();
    let moves = |row: usize| -> f32 {
        let each = columns.iter().zip(&shares);
        let square: f32 = each.map(|(c, share)| share * c.weights[row] * c.weights[row]).sum();
        square * lexicon.rarity[row] * lexicon.rarity[row] * texts[row] as f32
    };
    let mut rows: Vec<(f32, usize)> =
        (0..lexicon.keys.len()).into_par_iter().map(|row| (moves(row), row)).collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    rows.truncate(plan.rows);
    rows.sort_unstable_by_key(|row| row.1);
    let kept: Vec<usize> = rows.into_iter().map(|row| row.1).collect();
    let values: Vec<f32> =
        kept.iter().flat_map(|row| columns.iter().map(|c| c.weights[*row])).collect();
    let bias: Vec<f32> = columns.iter().map(|c| c.bias).collect();
    Ok(Bank {
        plan,
        table: Tensor::from_vec(values, (kept.len(), columns.len()), &Device::Cpu)?,
        bias: Tensor::from_vec(bias, columns.len(), &Device::Cpu)?,
        lexicon: Lexicon {
            keys: kept.iter().map(|row| lexicon.keys[*row]).collect(),
            rarity: kept.iter().map(|row| lexicon.rarity[*row]).collect(),
        },
    })
}
