//! One label against the others: a linear support vector machine on n-grams.

use crate::classifier::Rows;
use crate::train::random::Random;

/// One text of a lesson.
pub(crate) struct Case<'a> {
    pub(crate) rows: &'a Rows,
    /// Whether the label is right.
    pub(crate) right: bool,
    /// What being wrong costs.
    pub(crate) cost: f32,
    /// The margin that is there already; what is learnt comes on top of it.
    pub(crate) given: f32,
}

/// What n-grams say for one label.
pub(crate) struct Column {
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: f32,
}

/// Most passes; most columns settle long before.
const MOST_PASSES: usize = 60;
/// Span of the gradients at which a column has settled.
const SETTLED: f32 = 0.02;

/// L2-regularised squared hinge loss by dual coordinate descent (Hsieh et al., 2008), with a
/// constant feature of 1 as the bias.
pub(crate) fn column(cases: &[Case<'_>], width: usize, mut random: Random) -> Column {
    let mut weights = vec![0.0f32; width];
    let mut bias = 0.0f32;
    let mut alphas = vec![0.0f32; cases.len()];
    let lengths: Vec<f32> =
        cases.iter().map(|c| 1.0 + c.rows.weights.iter().map(|w| w * w).sum::<f32>()).collect();
    let mut order: Vec<usize> = (0..cases.len()).collect();
    for _ in 0..MOST_PASSES {
        random.shuffle(&mut order);
        let (mut least, mut most) = (0.0f32, 0.0f32);
        for &i in &order {
            let Case { rows, right, cost, given } = &cases[i];
            let sign = if *right { 1.0 } else { -1.0 };
            let slack = 0.5 / cost;
            let each = || rows.ids.iter().map(|id| *id as usize).zip(&rows.weights);
            let margin = given + bias + each().map(|(id, w)| weights[id] * w).sum::<f32>();
            let gradient = sign * margin - 1.0 + alphas[i] * slack;
            let projected = if alphas[i] == 0.0 { gradient.min(0.0) } else { gradient };
            (least, most) = (least.min(projected), most.max(projected));
            if projected.abs() > 1e-6 {
                let new = (alphas[i] - gradient / (lengths[i] + slack)).max(0.0);
                let step = (new - alphas[i]) * sign;
                alphas[i] = new;
                bias += step;
                each().for_each(|(id, w)| weights[id] += step * w);
            }
        }
        if most - least < SETTLED {
            break;
        }
    }
    Column { weights, bias }
}
