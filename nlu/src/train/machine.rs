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

/// How freely each of `width` rows may speak about a label: the size of its naive Bayes log-ratio, divided by
/// the mean of all rows, to the power of `contrast`. A learner that is told beforehand which n-grams go with
/// the label needs fewer examples (Wang and Manning, 2012).
pub(crate) fn telling(cases: &[Case<'_>], width: usize, contrast: f32) -> Vec<f32> {
    if contrast == 0.0 {
        return vec![1.0; width];
    }
    let (mut of_label, mut of_others) = (vec![1.0f32; width], vec![1.0f32; width]);
    let (mut label, mut others) = (2.0f32, 2.0f32);
    for case in cases {
        let (holders, total) =
            if case.right { (&mut of_label, &mut label) } else { (&mut of_others, &mut others) };
        case.rows.ids.iter().for_each(|id| holders[*id as usize] += case.cost);
        *total += case.cost;
    }
    let ratio = |(a, b): (&f32, &f32)| ((a / label) / (b / others)).ln().abs();
    let mut telling: Vec<f32> = of_label.iter().zip(&of_others).map(ratio).collect();
    let mean = telling.iter().sum::<f32>() / width.max(1) as f32;
    telling
        .iter_mut()
        .for_each(|ratio| *ratio = (*ratio / mean.max(f32::MIN_POSITIVE)).powf(contrast));
    telling
}

/// Most passes; most columns settle long before.
const MOST_PASSES: usize = 60;
/// Span of the gradients at which a column has settled.
const SETTLED: f32 = 0.02;

/// L2-regularised squared hinge loss by dual coordinate descent (Hsieh et al., 2008), with a
/// constant feature of 1 as the bias. `telling` is how freely each row may speak, 1 for all alike.
pub(crate) fn column(cases: &[Case<'_>], telling: &[f32], mut random: Random) -> Column {
    let mut weights = vec![0.0f32; telling.len()];
    let mut bias = 0.0f32;
    let mut alphas = vec![0.0f32; cases.len()];
    let scaled = |rows: &'_ Rows| -> Vec<f32> {
        rows.ids.iter().zip(&rows.weights).map(|(id, w)| w * telling[*id as usize]).collect()
    };
    let lengths: Vec<f32> =
        cases.iter().map(|c| 1.0 + scaled(c.rows).iter().map(|w| w * w).sum::<f32>()).collect();
    let mut order: Vec<usize> = (0..cases.len()).collect();
    for _ in 0..MOST_PASSES {
        random.shuffle(&mut order);
        let (mut least, mut most) = (0.0f32, 0.0f32);
        for &i in &order {
            let Case { rows, right, cost, given } = &cases[i];
            let sign = if *right { 1.0 } else { -1.0 };
            let slack = 0.5 / cost;
            let each = || {
                let ids = rows.ids.iter().map(|id| *id as usize);
                ids.zip(&rows.weights).map(|(id, w)| (id, w * telling[id]))
            };
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
    weights.iter_mut().zip(telling).for_each(|(weight, telling)| *weight *= telling);
    Column { weights, bias }
}
