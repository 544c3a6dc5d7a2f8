//! Learning on site: what people corrected moves the classifier in use, no further than it must.

use std::path::PathBuf;

use candle_core::{Device, Tensor};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::classifier::{Bank, Classifier, Head, Lexicon, Rows, best};
use crate::drift::Profile;
use crate::train::data::{self, Example};
use crate::train::machine::{self, Case};
use crate::train::random::Random;
use crate::train::write;

/// The caller's words about one matter, with what a person said that they mean.
#[derive(Debug, Clone)]
pub struct Correction {
    /// What the ticket is known by: the same ticket is always held back, or never.
    pub key: String,
    /// The caller's words.
    pub text: String,
    /// Labels by head. Those of heads that learn nothing on site are passed over, and so are names that the
    /// classifier does not know.
    pub labels: Vec<(Head, String)>,
}

/// Where to learn from and to.
#[derive(Debug, Clone)]
pub struct AdaptConfig {
    /// The classifier in use.
    pub model: PathBuf,
    /// The seeds that it must not forget.
    pub seeds: PathBuf,
    /// Folder of the new one.
    pub out: PathBuf,
}

/// How the new classifier does beside the one in use, on corrections that neither learnt from.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Tickets learnt from.
    pub learnt: usize,
    /// Tickets held back.
    pub held_back: usize,
    /// By head: labels that people gave, right by the classifier in use, right by the new one.
    pub heads: Vec<HeadCount>,
    /// Whether the new one was written.
    pub better: bool,
}

/// Right answers of two classifiers about one head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HeadCount {
    /// The head.
    pub head: Head,
    /// Labels that people gave.
    pub labels: usize,
    /// Right by the classifier in use.
    pub old: usize,
    /// Right by the new one.
    pub new: usize,
}

/// Heads that corrections teach. The offices are those of another city; letters and styles nobody
/// corrects; and whoever takes false alarms back must not make the line deaf to true ones.
const TAUGHT: [Head; 5] =
    [Head::Type, Head::Category, Head::Subcategory, Head::Urgency, Head::Dispatch];
/// One ticket in this many is held back.
const HELD_BACK: u64 = 5;
/// What a correction costs against a seed: it was really said.
const COST: f32 = 4.0;
/// Seeds that may go wrong for the sake of the corrections, of a thousand.
const FORGOTTEN: usize = 10;
/// Alarms of the seeds that may be told less well, of a thousand: as many as rounding may change.
const DEAFENED: usize = 1;
/// New n-grams of fewer corrections than this get no row.
const FEWEST: usize = 2;

/// Learns from corrections and writes the new classifier, if it is better.
///
/// # Errors
/// A model or seeds that cannot be read, or a folder that cannot be written.
pub fn adapt(
    config: &AdaptConfig,
    corrections: &[Correction],
    mut progress: impl FnMut(usize, usize),
) -> Result<Comparison, Error> {
    let old = Classifier::load(&config.model)?;
    let labels = old.labels();
    let seeds = data::seeds(&config.seeds, labels)?;
    let examples: Vec<Example> =
        corrections.iter().map(|c| data::correction(&c.text, &c.labels, labels)).collect();
    let (held, learnt): (Vec<usize>, Vec<usize>) =
        (0..corrections.len()).partition(|at| is_held_back(&corrections[*at].key));
    let texts = |examples: &[Example]| -> Vec<Vec<u32>> {
        examples.par_iter().map(|e| old.vocabulary.symbols(&e.text)).collect()
    };
    let lessons = Lessons {
        seed_texts: texts(&seeds),
        texts: learnt.iter().map(|at| old.vocabulary.symbols(&examples[*at].text)).collect(),
        examples: learnt.iter().map(|at| &examples[*at]).collect(),
        seeds,
    };
    let mut new = Classifier::load(&config.model)?;
    let banks = new.banks.len();
    for (at, bank) in new.banks.iter_mut().enumerate() {
        if bank.plan.heads.iter().any(|head| TAUGHT.contains(head)) {
            let moved = lessons.moved(&old, bank)?.write()?.into_iter().collect();
            // What is compared is what would be written, in 8 bits.
            *bank = Bank::read(bank.plan, &moved, labels)
                .map_err(|what| Error::content(&config.out, what, "report this as a bug"))?;
        }
        progress(at + 1, banks);
    }
    let count = |classifier: &Classifier, example: &Example, head: Head| {
        let given = best(&classifier.probabilities(&[&example.text], head));
        usize::from(example.right[head as usize].contains(&given))
    };
    let heads: Vec<HeadCount> = TAUGHT
        .into_iter()
        .map(|head| {
            let known = || {
                let held = held.iter().map(|at| &examples[*at]);
                held.filter(move |e| !e.right[head as usize].is_empty())
            };
            let right = |classifier| known().map(|e| count(classifier, e, head)).sum();
            HeadCount { head, labels: known().count(), old: right(&old), new: right(&new) }
        })
        .collect();
    let right = |of: fn(&HeadCount) -> usize| heads.iter().map(of).sum::<usize>();
    let remembered = |classifier: &Classifier| -> usize {
        let known = lessons.seeds.par_iter().filter(|s| s.weights[Head::Category as usize] > 0.0);
        let of =
            |s| [Head::Type, Head::Category, Head::Dispatch].map(|head| count(classifier, s, head));
        known.map(|s| of(s).iter().sum::<usize>()).sum()
    };
    let alarms = |classifier: &Classifier| -> usize {
        lessons.seeds.par_iter().map(|s| count(classifier, s, Head::Emergency)).sum()
    };
    let (before, after) = (remembered(&old), remembered(&new));
    let better = right(|h| h.new) > right(|h| h.old)
        && after * 1000 >= before * (1000 - FORGOTTEN)
        && alarms(&new) * 1000 >= alarms(&old) * (1000 - DEAFENED);
    if better {
        write::weights(&new, &Profile::load(&config.model)?, &config.out)?;
    }
    Ok(Comparison { learnt: learnt.len(), held_back: held.len(), heads, better })
}

fn is_held_back(key: &str) -> bool {
    let digest = Sha256::digest(key.as_bytes());
    let number = digest.iter().take(8).fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    number.is_multiple_of(HELD_BACK)
}

/// What the new classifier learns from.
struct Lessons<'a> {
    seeds: Vec<Example>,
    seed_texts: Vec<Vec<u32>>,
    examples: Vec<&'a Example>,
    texts: Vec<Vec<u32>>,
}

impl Lessons<'_> {
    /// A bank moved so far that the corrections come out right and the seeds stay so: a support
    /// vector machine whose weights shrink towards those in use (Yang et al., 2007).
    fn moved(&self, old: &Classifier, bank: &Bank) -> Result<Bank, Error> {
        let plan = bank.plan;
        let table = bank.table.to_vec2::<f32>()?;
        let lexicon = self.widened(old, bank);
        // The row that an n-gram had before, if any.
        let before: Vec<Option<usize>> =
            lexicon.keys.iter().map(|key| bank.lexicon.keys.binary_search(key).ok()).collect();
        let texts: Vec<&Vec<u32>> = self.texts.iter().chain(&self.seed_texts).collect();
        let examples: Vec<(&Example, f32)> = (self.examples.iter().map(|e| (*e, COST)))
            .chain(self.seeds.iter().map(|e| (e, 1.0)))
            .collect();
        let rows: Vec<Rows> = texts
            .par_iter()
            .map(|text| lexicon.rows(&old.featurizer.grams(text, plan.recipe)))
            .collect();
        let bias = bank.bias.to_vec1::<f32>()?;
        let columns = plan.columns(old.labels());
        let alike = vec![1.0; lexicon.keys.len()];
        let moves: Vec<machine::Column> = columns
            .par_iter()
            .enumerate()
            .map(|(column, &(head, label))| {
                let given = |rows: &Rows| -> f32 {
                    let each = rows.ids.iter().zip(&rows.weights);
                    let known = each.filter_map(|(id, w)| Some((before[*id as usize]?, w)));
                    bias[column] + known.map(|(row, w)| table[row][column] * w).sum::<f32>()
                };
                let case = |(&(example, cost), rows): (&(&Example, f32), _)| {
                    let weight = example.weights[head as usize];
                    let right = example.right[head as usize].contains(&label);
                    (weight > 0.0 && TAUGHT.contains(&head)).then(|| Case {
                        rows,
                        right,
                        cost: cost * weight * plan.cost,
                        given: given(rows),
                    })
                };
                let cases: Vec<Case<'_>> = examples.iter().zip(&rows).filter_map(case).collect();
                machine::column(&cases, &alike, Random::new(label as u64))
            })
            .collect();
        let values: Vec<f32> = before
            .iter()
            .enumerate()
            .flat_map(|(row, before)| {
                let table = &table;
                moves.iter().enumerate().map(move |(column, moved)| {
                    before.map_or(0.0, |before| table[before][column]) + moved.weights[row]
                })
            })
            .collect();
        let bias: Vec<f32> = bias.iter().zip(&moves).map(|(b, moved)| b + moved.bias).collect();
        Ok(Bank {
            plan,
            table: Tensor::from_vec(values, (lexicon.keys.len(), columns.len()), &Device::Cpu)?,
            bias: Tensor::from_vec(bias, columns.len(), &Device::Cpu)?,
            lexicon,
        })
    }

    /// A bank's n-grams, and those of several corrections that it did not know; the new ones as
    /// telling as the rarest.
    fn widened(&self, old: &Classifier, bank: &Bank) -> Lexicon {
        let mut new: Vec<u32> = self
            .texts
            .iter()
            .flat_map(|text| old.featurizer.grams(text, bank.plan.recipe))
            .flat_map(|kind| kind.grams.into_iter().map(|gram| gram.0))
            .filter(|key| bank.lexicon.keys.binary_search(key).is_err())
            .collect();
        new.sort_unstable();
        let new =
            new.chunk_by(|a, b| a == b).filter(|texts| texts.len() >= FEWEST).map(|texts| texts[0]);
        let rarest = bank.lexicon.rarity.iter().copied().fold(1.0, f32::max);
        let Lexicon { keys, rarity } = &bank.lexicon;
        let mut all: Vec<(u32, f32)> = keys.iter().copied().zip(rarity.iter().copied()).collect();
        all.extend(new.map(|key| (key, rarest)));
        all.sort_unstable_by_key(|entry| entry.0);
        let (keys, rarity) = all.into_iter().unzip();
        Lexicon { keys, rarity }
    }
}
