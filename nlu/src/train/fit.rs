//! One pass after another over the examples: candle's gradients, Adagrad on the table's rows.

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, ops::log_softmax};

use crate::classifier::{Columns, Head, Rows};
use crate::train::random::Random;

/// A batch entry: the rows that a text touches, and what is right about it.
pub(crate) struct Lesson<'a> {
    pub(crate) rows: Rows,
    pub(crate) right: &'a [Vec<usize>],
    pub(crate) weights: &'a [f32],
}

/// The table of n-grams in training: only rows that a batch touches are read and written.
pub(crate) struct Table {
    pub(crate) dim: usize,
    pub(crate) values: Vec<f32>,
    /// Running sum of squared gradients of each row (Duchi et al., 2011), one number a row.
    squares: Vec<f32>,
}

impl Table {
    pub(crate) fn new(rows: usize, dim: usize) -> Table {
        Table { dim, values: vec![0.0; rows * dim], squares: vec![0.0; rows] }
    }

    fn gather(&self, rows: &[u32]) -> candle_core::Result<Tensor> {
        let mut values = Vec::with_capacity(rows.len() * self.dim);
        for &row in rows {
            let first = row as usize * self.dim;
            values.extend_from_slice(&self.values[first..first + self.dim]);
        }
        Tensor::from_vec(values, (rows.len(), self.dim), &Device::Cpu)
    }

    fn descend(
        &mut self,
        rows: &[u32],
        gradient: &Tensor,
        rate: f32,
        decay: f32,
    ) -> candle_core::Result<()> {
        let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        for (row, g) in rows.iter().zip(gradient.chunks_exact(self.dim)) {
            let row = *row as usize;
            let mean_square = g.iter().map(|g| g * g).sum::<f32>() / self.dim as f32;
            self.squares[row] += mean_square;
            let step = rate / (self.squares[row].sqrt() + 1e-6);
            let values = &mut self.values[row * self.dim..(row + 1) * self.dim];
            for (value, g) in values.iter_mut().zip(g) {
                *value -= step * g + rate * decay * *value;
            }
        }
        Ok(())
    }
}

/// Everything that training moves.
pub(crate) struct Fit {
    pub(crate) table: Table,
    pub(crate) readout: Var,
    pub(crate) bias: Var,
    adam: AdamW,
    columns: Columns,
    rates: Rates,
}

/// How fast and how freely.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Adagrad's rate for the table.
    pub(crate) table: f32,
    /// Share by which a touched row shrinks, times the rate.
    pub(crate) decay: f32,
    /// Adam's rate for the readout.
    pub(crate) readout: f64,
    /// Probability taken from the right labels and spread over all.
    pub(crate) smoothing: f64,
    /// Share of n-grams left out of each text.
    pub(crate) dropout: f32,
}

impl Fit {
    pub(crate) fn new(
        rows: usize,
        dim: usize,
        columns: Columns,
        rates: Rates,
        random: &mut Random,
    ) -> candle_core::Result<Fit> {
        let width = columns.width();
        // Heads other than the second level begin as plain linear models, one dimension a label;
        // the second level shares what is left.
        let mut readout = vec![0.0f32; dim * width];
        let mut own = 0;
        for head in Head::ALL {
            for column in columns.range(head) {
                for d in 0..dim {
                    readout[d * width + column] = 0.05 * random.normal();
                }
                if head != Head::Subcategory && own < dim {
                    readout[own * width + column] += 1.0;
                    own += 1;
                }
            }
        }
        for column in columns.range(Head::Subcategory) {
            for d in own..dim {
                readout[d * width + column] = 0.25 * random.normal();
            }
        }
        let readout = Var::from_vec(readout, (dim, width), &Device::Cpu)?;
        let bias = Var::zeros(width, DType::F32, &Device::Cpu)?;
        let params = ParamsAdamW { lr: rates.readout, weight_decay: 0.0, ..Default::default() };
        let adam = AdamW::new(vec![readout.clone(), bias.clone()], params)?;
        Ok(Fit { table: Table::new(rows, dim), readout, bias, adam, columns, rates })
    }

    /// One step; returns the loss. `pace` scales the rates, 1 at the start, towards 0 at the end.
    pub(crate) fn step(
        &mut self,
        lessons: &[Lesson<'_>],
        pace: f32,
        random: &mut Random,
    ) -> candle_core::Result<f32> {
        let mut touched: Vec<u32> =
            lessons.iter().flat_map(|l| l.rows.ids.iter().copied()).collect();
        touched.sort_unstable();
        touched.dedup();
        let mut mix = vec![0.0f32; lessons.len() * touched.len()];
        let kept = 1.0 - self.rates.dropout;
        for (lesson, mix) in lessons.iter().zip(mix.chunks_exact_mut(touched.len().max(1))) {
            for (id, weight) in lesson.rows.ids.iter().zip(&lesson.rows.weights) {
                if random.chance(kept) {
                    let at = touched.binary_search(id).expect("every row was collected above");
                    mix[at] += weight / kept;
                }
            }
        }
        let mix = Tensor::from_vec(mix, (lessons.len(), touched.len()), &Device::Cpu)?;
        let rows = Var::from_tensor(&self.table.gather(&touched)?)?;
        let logits = mix.matmul(&rows)?.matmul(&self.readout)?.broadcast_add(&self.bias)?;
        let loss = loss(&logits, lessons, &self.columns, self.rates.smoothing)?;
        let gradients = loss.backward()?;
        self.adam.set_learning_rate(self.rates.readout * f64::from(pace));
        self.adam.step(&gradients)?;
        if let Some(gradient) = gradients.get(&rows) {
            self.table.descend(&touched, gradient, self.rates.table * pace, self.rates.decay)?;
        }
        loss.to_scalar()
    }
}

/// Mean over the batch of every head's negative log probability of what is right, weighed,
/// with label smoothing.
fn loss(
    logits: &Tensor,
    lessons: &[Lesson<'_>],
    columns: &Columns,
    smoothing: f64,
) -> candle_core::Result<Tensor> {
    let batch = lessons.len();
    let mut total = Tensor::zeros((), DType::F32, &Device::Cpu)?;
    for head in Head::ALL {
        let range = columns.range(head);
        let mut right = vec![0.0f32; batch * range.len()];
        let mut weights = vec![0.0f32; batch];
        for (i, lesson) in lessons.iter().enumerate() {
            for &column in &lesson.right[head as usize] {
                right[i * range.len() + column - range.start] = 1.0;
                weights[i] = lesson.weights[head as usize];
            }
        }
        if weights.iter().all(|w| *w == 0.0) {
            continue;
        }
        let right = Tensor::from_vec(right, (batch, range.len()), &Device::Cpu)?;
        let weights = Tensor::from_vec(weights, batch, &Device::Cpu)?;
        let log_p = log_softmax(&logits.narrow(1, range.start, range.len())?, D::Minus1)?;
        // Where several labels are right, their sum is what counts.
        let of_right = ((log_p.exp()? * right)?.sum(1)? + 1e-9)?.log()?;
        let spread = log_p.mean(1)?;
        let each = ((of_right * (smoothing - 1.0))? - (spread * smoothing)?)?;
        total = (total + (each * weights)?.sum_all()?)?;
    }
    total / batch as f64
}
