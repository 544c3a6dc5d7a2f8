//! The arithmetic in candle: rows of a table, summed by weight and read out as logits.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::Error;
use crate::classifier::{Head, Labels, Lexicon, Rows};

/// The weights of every head.
pub(crate) struct Network {
    /// The n-grams that have a row.
    pub(crate) lexicon: Lexicon,
    /// `[K, D]`: what each n-gram says.
    pub(crate) bag: Tensor,
    /// `[D, L]`, `[L]`: from the sums to the logits of all heads' labels.
    pub(crate) readout: Tensor,
    pub(crate) bias: Tensor,
    /// Columns of the heads.
    pub(crate) columns: Columns,
    /// What each head's logits are divided by, in the order of [`Head::ALL`].
    pub(crate) temperatures: Vec<f32>,
}

/// Which of the `L` columns belong to which head.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    ranges: [std::ops::Range<usize>; Head::ALL.len()],
}

impl Columns {
    pub(crate) fn of(labels: &Labels) -> Columns {
        let mut next = 0;
        let ranges = Head::ALL.map(|head| {
            let first = next;
            next += labels.count(head);
            first..next
        });
        Columns { ranges }
    }

    /// The columns of one head.
    pub(crate) fn range(&self, head: Head) -> std::ops::Range<usize> {
        self.ranges[head as usize].clone()
    }

    /// All columns.
    pub(crate) fn width(&self) -> usize {
        self.ranges[Head::ALL.len() - 1].end
    }
}

const REMEDY: &str = "take the file from the release or run `hotline train nlu DIR`";

impl Network {
    /// Puts weights together; the error says what does not fit.
    pub(crate) fn new(
        tensors: &HashMap<String, Tensor>,
        labels: &Labels,
    ) -> Result<Network, String> {
        let take = |name: &str| -> Result<&Tensor, String> {
            tensors.get(name).ok_or_else(|| format!("tensor {name} is missing"))
        };
        let float = |name: &str| take(name)?.to_dtype(DType::F32).map_err(|e| e.to_string());
        let floats = |name: &str| float(name)?.to_vec1::<f32>().map_err(|e| e.to_string());
        let columns = Columns::of(labels);
        let keys = take("keys")?.to_vec1::<u32>().map_err(|e| e.to_string())?;
        let lexicon = Lexicon { keys, rarity: floats("rarity")? };
        let network = Network {
            bag: unpack(take("bag")?, take("bag_scale")?).map_err(|e| e.to_string())?,
            readout: float("readout")?,
            bias: float("bias")?,
            temperatures: floats("temperatures")?,
            lexicon,
            columns,
        };
        let rows = network.lexicon.keys.len();
        let dim = network.bag.dims().get(1).copied().unwrap_or_default();
        let width = network.columns.width();
        let fits = network.lexicon.rarity.len() == rows
            && network.bag.dims() == [rows, dim]
            && network.readout.dims() == [dim, width]
            && network.bias.dims() == [width]
            && network.temperatures.len() == Head::ALL.len();
        if fits {
            Ok(network)
        } else {
            Err("its tensors do not fit the labels beside it".to_owned())
        }
    }

    /// Reads `classifier.safetensors`.
    pub(crate) fn load(path: &Path, labels: &Labels) -> Result<Network, Error> {
        let bytes = std::fs::read(path).map_err(Error::file(path))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|e| Error::content(path, e, REMEDY))?;
        Network::new(&tensors, labels).map_err(|what| Error::content(path, what, REMEDY))
    }

    /// Logits of all heads, `[L]`.
    pub(crate) fn logits(&self, rows: Rows) -> candle_core::Result<Vec<f32>> {
        let n = rows.ids.len();
        if n == 0 {
            return self.bias.to_vec1();
        }
        let ids = Tensor::from_vec(rows.ids, n, &Device::Cpu)?;
        let weights = Tensor::from_vec(rows.weights, (1, n), &Device::Cpu)?;
        let sum = weights.matmul(&self.bag.index_select(&ids, 0)?)?;
        (sum.matmul(&self.readout)?.squeeze(0)? + &self.bias)?.to_vec1()
    }

    /// Calibrated probabilities of one head, from the logits of all.
    pub(crate) fn probabilities(&self, logits: &[f32], head: Head) -> Vec<f32> {
        let temperature = self.temperatures[head as usize];
        softmax(logits[self.columns.range(head)].iter().map(|l| l / temperature))
    }
}

/// Vectors of n-grams in 8 bits a value, each row with a scale of its own: half the size of f16, and
/// far finer than what an n-gram's vector is known by.
pub(crate) fn pack(bag: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
    let scale = ((bag.abs()?.max_keepdim(1)? / 127.0)? + 1e-7)?.to_dtype(DType::F16)?;
    let steps = bag.broadcast_div(&scale.to_dtype(DType::F32)?)?.round()?;
    let values = (steps + ZERO)?.clamp(0f32, 255f32)?.to_dtype(DType::U8)?;
    Ok((values, scale.squeeze(1)?))
}

fn unpack(values: &Tensor, scale: &Tensor) -> candle_core::Result<Tensor> {
    let scale = scale.to_dtype(DType::F32)?.unsqueeze(1)?;
    (values.to_dtype(DType::F32)? - ZERO)?.broadcast_mul(&scale)
}

/// The stored value that stands for 0.
const ZERO: f64 = 128.0;

/// Exponentials over their sum.
pub(crate) fn softmax(logits: impl Iterator<Item = f32> + Clone) -> Vec<f32> {
    let top = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    let exp: Vec<f32> = logits.map(|l| (l - top).exp()).collect();
    let sum: f32 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}
