//! The arithmetic in candle: a bank holds what n-grams say for the labels of some heads.

use std::collections::HashMap;
use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use crate::classifier::{Head, Labels, Lexicon, Recipe, Rows};

/// What distinguishes the banks: heads that learn from the same texts share one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Name in the weights' file.
    pub(crate) name: &'static str,
    pub(crate) heads: &'static [Head],
    pub(crate) recipe: Recipe,
    /// Cost of a wrong margin (C of a support vector machine).
    pub(crate) cost: f32,
    /// Power to which the naive Bayes ratio of an n-gram scales how freely it speaks: 0 for all alike.
    pub(crate) contrast: f32,
    /// Most rows that training gives it: the size of the file.
    pub(crate) rows: usize,
}

impl Plan {
    /// The columns of the bank: each label of each head.
    pub(crate) fn columns(&self, labels: &Labels) -> Vec<(Head, usize)> {
        let of = |head: Head| (0..labels.count(head)).map(move |label| (head, label));
        self.heads.iter().copied().flat_map(of).collect()
    }

    /// The columns of one of its heads.
    fn range(&self, labels: &Labels, head: Head) -> Range<usize> {
        let before = self.heads.iter().take_while(|h| **h != head);
        let first: usize = before.map(|h| labels.count(*h)).sum();
        first..first + labels.count(head)
    }
}

/// What short texts and misheard words are told by.
const SPOKEN: Recipe = Recipe { chars: 2, sounds: 0.7, ends: 0.0, marks: false };

/// Every bank. What each is made of was chosen on texts that nothing was trained on.
pub(crate) const PLANS: [Plan; 8] = [
    Plan {
        name: "topic",
        heads: &[Head::Category],
        recipe: SPOKEN,
        cost: 1.0,
        contrast: 0.0,
        rows: 84_000,
    },
    // Many columns: each row is as long as ten of the others.
    Plan {
        name: "matter",
        heads: &[Head::Subcategory],
        recipe: SPOKEN,
        cost: 1.0,
        contrast: 0.0,
        rows: 23_000,
    },
    Plan {
        name: "speech",
        heads: &[Head::Type, Head::Urgency],
        recipe: Recipe { marks: true, ..SPOKEN },
        cost: 1.0,
        contrast: 0.0,
        rows: 56_000,
    },
    // No emergency is called by its usual words alone: every word may be the one that tells.
    Plan {
        name: "alarm",
        heads: &[Head::Emergency],
        recipe: SPOKEN,
        cost: 1.0,
        contrast: 0.0,
        rows: 84_000,
    },
    Plan {
        name: "subject",
        heads: &[Head::LetterCategory],
        // As much by sound as by writing: a title is too short to lose a word to a misspelling.
        recipe: Recipe { chars: 2, sounds: 1.0, ends: 0.0, marks: true },
        cost: 0.5,
        contrast: 0.6,
        rows: 60_000,
    },
    Plan {
        name: "letter",
        heads: &[Head::Letter, Head::Style],
        recipe: Recipe { chars: 3, sounds: 0.0, ends: 0.6, marks: true },
        cost: 0.5,
        contrast: 0.0,
        rows: 50_000,
    },
    Plan {
        name: "office",
        heads: &[Head::Department],
        recipe: Recipe { chars: 2, sounds: 0.5, ends: 0.0, marks: true },
        cost: 1.0,
        contrast: 0.0,
        rows: 35_000,
    },
    Plan {
        name: "dispatch",
        heads: &[Head::Dispatch],
        recipe: SPOKEN,
        cost: 1.0,
        contrast: 0.0,
        rows: 30_000,
    },
];

/// Margins of some heads' labels out of n-grams.
pub(crate) struct Bank {
    pub(crate) plan: Plan,
    /// The n-grams that have a row.
    pub(crate) lexicon: Lexicon,
    /// `[K, L]`: what each n-gram says for each label.
    pub(crate) table: Tensor,
    /// `[L]`.
    pub(crate) bias: Tensor,
}

impl Bank {
    /// Puts a bank together out of the tensors of a file; the error says what does not fit.
    pub(crate) fn read(
        plan: Plan,
        tensors: &HashMap<String, Tensor>,
        labels: &Labels,
    ) -> Result<Bank, String> {
        let take = |part: &str| {
            let name = format!("{}.{part}", plan.name);
            tensors.get(&name).ok_or(format!("tensor {name} is missing"))
        };
        let float = |part: &str| take(part)?.to_dtype(DType::F32).map_err(|e| e.to_string());
        let keys = take("keys")?.to_vec1::<u32>().map_err(|e| e.to_string())?;
        let rarity = float("rarity")?.to_vec1::<f32>().map_err(|e| e.to_string())?;
        let table = unpack(take("table")?, take("scale")?).map_err(|e| e.to_string())?;
        let bank = Bank { plan, lexicon: Lexicon { keys, rarity }, table, bias: float("bias")? };
        let (rows, width) = (bank.lexicon.keys.len(), plan.columns(labels).len());
        let fits = bank.lexicon.rarity.len() == rows
            && bank.lexicon.keys.is_sorted()
            && bank.table.dims() == [rows, width]
            && bank.bias.dims() == [width];
        if !fits {
            return Err("its tensors do not fit the labels beside it".to_owned());
        }
        // One number that is none would make every ticket unreadable.
        let scale = float("scale")?.to_vec1::<f32>().map_err(|e| e.to_string())?;
        let bias = bank.bias.to_vec1::<f32>().map_err(|e| e.to_string())?;
        let telling = bank.lexicon.rarity.iter().all(|r| r.is_finite() && *r > 0.0);
        if telling && scale.iter().chain(&bias).all(|v| v.is_finite()) {
            Ok(bank)
        } else {
            Err(format!("bank {} holds numbers that are none", plan.name))
        }
    }

    /// The tensors of a file.
    pub(crate) fn write(&self) -> candle_core::Result<Vec<(String, Tensor)>> {
        let (table, scale) = pack(&self.table)?;
        let Lexicon { keys, rarity } = &self.lexicon;
        let rarity = Tensor::from_slice(rarity, rarity.len(), &Device::Cpu)?;
        let parts = [
            ("keys", Tensor::from_slice(keys, keys.len(), &Device::Cpu)?),
            ("rarity", rarity.to_dtype(DType::F16)?),
            ("table", table),
            ("scale", scale),
            ("bias", self.bias.clone()),
        ];
        let name = self.plan.name;
        Ok(parts.into_iter().map(|(part, tensor)| (format!("{name}.{part}"), tensor)).collect())
    }

    /// The part of its margins that belongs to one of its heads.
    pub(crate) fn of<'m>(&self, margins: &'m [f32], labels: &Labels, head: Head) -> &'m [f32] {
        &margins[self.plan.range(labels, head)]
    }

    /// Margins of all columns: how far the text lies on a label's side.
    pub(crate) fn margins(&self, rows: Rows) -> candle_core::Result<Vec<f32>> {
        let n = rows.ids.len();
        if n == 0 {
            return self.bias.to_vec1();
        }
        let ids = Tensor::from_vec(rows.ids, n, &Device::Cpu)?;
        let weights = Tensor::from_vec(rows.weights, (1, n), &Device::Cpu)?;
        let sum = weights.matmul(&self.table.index_select(&ids, 0)?)?;
        (sum.squeeze(0)? + &self.bias)?.to_vec1()
    }
}

/// What n-grams say in 8 bits a value, each row with a scale of its own: half the size of f16, and
/// far finer than what is known about an n-gram.
fn pack(table: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
    if table.elem_count() == 0 {
        // A bank that had nothing to learn from.
        let scale = Tensor::ones(table.dims()[0], DType::F16, &Device::Cpu)?;
        return Ok((table.to_dtype(DType::U8)?, scale));
    }
    let scale = ((table.abs()?.max_keepdim(1)? / 127.0)? + 1e-7)?.to_dtype(DType::F16)?;
    let steps = table.broadcast_div(&scale.to_dtype(DType::F32)?)?.round()?;
    let values = (steps + ZERO)?.clamp(0f32, 255f32)?.to_dtype(DType::U8)?;
    Ok((values, scale.squeeze(1)?))
}

fn unpack(values: &Tensor, scale: &Tensor) -> candle_core::Result<Tensor> {
    let scale = scale.to_dtype(DType::F32)?.unsqueeze(1)?;
    (values.to_dtype(DType::F32)? - ZERO)?.broadcast_mul(&scale)
}

/// The stored value that stands for 0.
const ZERO: f64 = 128.0;

/// The place of the greatest; the last of equals, 0 of none.
pub(crate) fn best(values: &[f32]) -> usize {
    (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b])).unwrap_or(0)
}

/// Exponentials over their sum.
pub(crate) fn softmax(logits: impl Iterator<Item = f32> + Clone) -> Vec<f32> {
    let top = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = logits.map(|l| (l - top).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        let category = |name: &str| crate::classifier::Category {
            name: name.to_owned(),
            letters: false,
            below: vec!["其他".to_owned()],
        };
        Labels {
            departments: Vec::new(),
            categories: vec![category("环境保护"), category("交通运输")],
            offices: Vec::new(),
        }
    }

    fn bank(rarity: Vec<f32>) -> Bank {
        let rows = rarity.len();
        let values: Vec<f32> = (0..2 * rows).map(|i| i as f32 - 1.5).collect();
        Bank {
            plan: PLANS[0],
            lexicon: Lexicon { keys: (0..rows as u32).collect(), rarity },
            table: Tensor::from_vec(values, (rows, 2), &Device::Cpu).unwrap(),
            bias: Tensor::new(&[0.5f32, -0.5], &Device::Cpu).unwrap(),
        }
    }

    fn reread(bank: &Bank) -> Result<Bank, String> {
        Bank::read(bank.plan, &bank.write().unwrap().into_iter().collect(), &labels())
    }

    #[test]
    fn eight_bits_keep_margins() {
        let bank = bank(vec![1.0, 2.0, 3.0]);
        let rows = || Rows { ids: vec![0, 2], weights: vec![0.6, 0.8] };
        let margins = bank.margins(rows()).unwrap();
        let again = reread(&bank).unwrap().margins(rows()).unwrap();
        assert!(margins.iter().zip(&again).all(|(a, b)| (a - b).abs() < 0.02), "{again:?}");
    }

    #[test]
    fn a_bank_that_learnt_nothing_answers_by_its_bias() {
        let empty = reread(&bank(Vec::new())).unwrap();
        assert_eq!(empty.margins(Rows::default()).unwrap(), [0.5, -0.5]);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for rarity in [0.0, f32::NAN, f32::INFINITY] {
            let error = reread(&bank(vec![1.0, rarity])).err().unwrap();
            assert!(error.contains("topic"), "{error}");
        }
    }
}
