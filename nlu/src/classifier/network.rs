//! The arithmetic: rows of a table of weights, summed and read out as logits, in candle.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::Error;
use crate::classifier::{Head, Labels, ROWS, Rows};

/// The weights of every head.
pub(crate) struct Network {
    /// `[ROWS, D]`: what each n-gram says.
    pub(crate) bag: Tensor,
    /// `ROWS`: how telling each n-gram is (inverse document frequency).
    pub(crate) rarity: Vec<f32>,
    /// `[D, L]`, `[L]`: from the sums to the logits of all heads' labels.
    pub(crate) readout: Tensor,
    pub(crate) bias: Tensor,
    /// First column and number of labels of each head.
    columns: HashMap<Head, (usize, usize)>,
    /// What each head's logits are divided by.
    pub(crate) temperatures: HashMap<Head, f32>,
}

const REMEDY: &str = "take the file from the release or run `hotline train nlu DIR`";

impl Network {
    /// Puts weights together.
    pub(crate) fn new(
        tensors: HashMap<String, Tensor>,
        labels: &Labels,
    ) -> Result<Network, String> {
        let take = |name: &str| -> Result<Tensor, String> {
            let tensor = tensors.get(name).ok_or_else(|| format!("tensor {name} is missing"))?;
            tensor.to_dtype(DType::F32).map_err(|e| e.to_string())
        };
        let mut columns = HashMap::new();
        let mut width = 0;
        for head in Head::ALL {
            columns.insert(head, (width, labels.count(head)));
            width += labels.count(head);
        }
        let bag = take("bag")?;
        let rarity = take("rarity")?.to_vec1::<f32>().map_err(|e| e.to_string())?;
        let readout = take("readout")?;
        let bias = take("bias")?;
        let dim = bag.dims().get(1).copied().unwrap_or_default();
        let fits = bag.dims() == [ROWS, dim]
            && rarity.len() == ROWS
            && readout.dims() == [dim, width]
            && bias.dims() == [width];
        if !fits {
            return Err("its tensors do not fit the labels beside it".to_owned());
        }
        let temperatures = take("temperatures")?.to_vec1::<f32>().map_err(|e| e.to_string())?;
        let temperatures = Head::ALL.into_iter().zip(temperatures).collect();
        Ok(Network { bag, rarity, readout, bias, columns, temperatures })
    }

    /// Reads `classifier.safetensors`.
    pub(crate) fn load(path: &Path, labels: &Labels) -> Result<Network, Error> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|e| Error::content(path, e, REMEDY))?;
        Network::new(tensors, labels).map_err(|what| Error::content(path, what, REMEDY))
    }

    /// Logits of all heads, `[L]`.
    pub(crate) fn logits(&self, rows: &Rows) -> candle_core::Result<Vec<f32>> {
        let mut sum = self.bias.clone();
        for part in [&rows.chars, &rows.sounds] {
            if let Some((ids, weights)) = weighted(part, &self.rarity) {
                let n = ids.len();
                let ids = Tensor::from_vec(ids, n, &Device::Cpu)?;
                let weights = Tensor::from_vec(weights, (1, n), &Device::Cpu)?;
                let rows = self.bag.index_select(&ids, 0)?;
                sum = (weights.matmul(&rows)?.matmul(&self.readout)?.squeeze(0)? + sum)?;
            }
        }
        sum.to_vec1()
    }

    /// Calibrated probabilities of one head, from the logits of all.
    pub(crate) fn probabilities(&self, logits: &[f32], head: Head) -> Vec<f32> {
        let (first, count) = self.columns[&head];
        let temperature = self.temperatures[&head];
        softmax(logits[first..first + count].iter().map(|l| l / temperature))
    }
}

/// Rows with their weights: sublinear count times rarity, of length 1 over the text.
pub(crate) fn weighted(rows: &[(u32, f32)], rarity: &[f32]) -> Option<(Vec<u32>, Vec<f32>)> {
    let weight = |&(row, n): &(u32, f32)| (1.0 + n.ln()) * rarity[row as usize];
    let length = rows.iter().map(|r| weight(r).powi(2)).sum::<f32>().sqrt();
    if length == 0.0 {
        return None;
    }
    Some(rows.iter().map(|r| (r.0, weight(r) / length)).unzip())
}

/// Exponentials over their sum.
pub(crate) fn softmax(logits: impl Iterator<Item = f32> + Clone) -> Vec<f32> {
    let top = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = logits.map(|l| (l - top).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}
