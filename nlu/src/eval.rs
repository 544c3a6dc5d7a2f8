//! How good the classifier is: accuracy, macro-F1, calibration, coverage against risk.

mod plot;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::classifier::{Head, LETTERS, Labels};

/// Bins of the expected calibration error, equal in width (Guo et al., 2017).
const BINS: usize = 15;
/// Points of the coverage–risk curve.
const CURVE: usize = 20;

/// One labelled text.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The text in its parts: the subject line, if it has one, first.
    pub parts: Vec<String>,
    /// The label in the file's own words.
    pub label: String,
}

/// What is judged and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The head.
    pub head: Head,
    /// Only the labels present in the file compete.
    pub restrict: bool,
    /// The file's labels in ours; one may stand for several, whose probabilities add up.
    pub map: LabelMap,
}

/// The file's labels in ours.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct LabelMap(BTreeMap<String, OneOrMany>);

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl LabelMap {
    /// Reads `foreign = "ours"` or `foreign = ["ours", …]` lines.
    ///
    /// # Errors
    /// The file cannot be read or is no such table.
    pub fn load(path: &Path) -> Result<LabelMap, crate::Error> {
        let text = std::fs::read_to_string(path).map_err(crate::Error::file(path))?;
        toml::from_str(&text).map_err(|e| {
            let remedy = "write lines such as \"投诉/求助\" = [\"投诉\", \"求助\"]";
            crate::Error::content(path, e.message(), remedy)
        })
    }

    fn ours(&self, label: &str) -> Vec<String> {
        match self.0.get(label) {
            Some(OneOrMany::One(ours)) => vec![ours.clone()],
            Some(OneOrMany::Many(ours)) => ours.clone(),
            None => vec![label.to_owned()],
        }
    }
}

impl FromIterator<(String, Vec<String>)> for LabelMap {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(pairs: I) -> LabelMap {
        LabelMap(pairs.into_iter().map(|(k, v)| (k, OneOrMany::Many(v))).collect())
    }
}

/// Why rows cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvalError {
    /// A label that the head does not have. Remedy: map it.
    #[error("label {label:?} is none of the head's ({known}); send it to one of them with --map")]
    UnknownLabel {
        /// The label.
        label: String,
        /// What the head has.
        known: String,
    },
    /// There is nothing to judge. Remedy: check the file and its columns.
    #[error("no labelled row; check the file and --label-column")]
    Empty,
}

/// The result; the names are those of the JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Rows judged.
    pub rows: usize,
    /// Share of rows whose best label is right.
    pub accuracy: f64,
    /// Unweighted mean of the F1 of every label in the file.
    pub macro_f1: f64,
    /// Share of rows with the right label among the best three.
    pub top3: f64,
    /// Expected calibration error, 15 bins of equal width.
    pub ece: f64,
    /// Accuracy on the 80 % of rows that the classifier is surest of.
    pub accuracy_at_80: f64,
    /// The labels in the order of the confusion table.
    pub labels: Vec<String>,
    /// Rows by right label (line) and given label (column); the last column counts labels
    /// that are not in the file.
    pub confusion: Vec<Vec<usize>>,
    /// F1 of every label.
    pub f1: Vec<f64>,
    /// Error rate on the surest share of rows.
    pub coverage_risk: Vec<CoverageRisk>,
    /// Mean confidence and accuracy of each calibration bin that holds rows.
    pub reliability: Vec<Bin>,
}

/// One point of the coverage–risk curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CoverageRisk {
    /// Share of rows decided, the surest first.
    pub coverage: f64,
    /// Share of them decided wrongly.
    pub risk: f64,
    /// Confidence of the least sure of them: the threshold that gives this coverage.
    pub threshold: f64,
}

/// One bin of the calibration error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Mean confidence.
    pub confidence: f64,
    /// Accuracy.
    pub accuracy: f64,
    /// Rows.
    pub rows: usize,
}

/// What the classifier said about one row: the right label, and every label by probability.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Index into the labels.
    pub(crate) right: usize,
    /// Labels (one past the last: something not in the file) with probabilities, best first.
    pub(crate) given: Vec<(usize, f32)>,
}

/// Judges every row and compares. `judge` gives the probabilities of a row's labels, in the order of
/// [`Labels::names`].
///
/// # Errors
/// There is no row, or a label that neither the head nor the map knows.
pub fn evaluate(
    of: &Labels,
    rows: &[Row],
    options: &Options,
    judge: impl Fn(&[&str]) -> Vec<f32>,
) -> Result<Evaluation, EvalError> {
    // An office under two names is one label.
    let label = |row: &Row| of.standing_for(options.head, &row.label).to_owned();
    let labels: Vec<String> = rows.iter().map(label).collect::<BTreeSet<_>>().into_iter().collect();
    let groups =
        labels.iter().map(|label| columns_of(of, options, label)).collect::<Result<Vec<_>, _>>()?;
    let judged = rows
        .iter()
        .map(|row| Judged {
            right: labels.binary_search(&label(row)).expect("labels were taken from these rows"),
            given: compete(&judge(&parts(row)), &groups, options.restrict),
        })
        .collect::<Vec<_>>();
    if judged.is_empty() { Err(EvalError::Empty) } else { Ok(measure(labels, &judged)) }
}

fn parts(row: &Row) -> Vec<&str> {
    row.parts.iter().map(String::as_str).collect()
}

/// The head's labels that a label of the file stands for.
fn columns_of(labels: &Labels, options: &Options, label: &str) -> Result<Vec<usize>, EvalError> {
    let names = labels.names(options.head);
    let unknown =
        |label: &str| EvalError::UnknownLabel { label: label.to_owned(), known: names.join(" ") };
    let column = |ours: &String| {
        let name = labels.standing_for(options.head, ours);
        names.iter().position(|n| n == name).ok_or_else(|| unknown(ours))
    };
    let ours = options.map.ours(label);
    let letter = LETTERS.iter().find(|letter| options.head == Head::Type && ours == [letter.0]);
    match letter {
        // A kind of letter is known by itself: 投诉/求助 is any of three types.
        Some((_, types)) => Ok(types.iter().map(|t| *t as usize).collect()),
        None => ours.iter().map(column).collect(),
    }
}

/// Probabilities of the file's labels: sums over what each stands for; what none stands for
/// competes under one number, each for itself, unless it may not.
pub(crate) fn compete(p: &[f32], groups: &[Vec<usize>], restrict: bool) -> Vec<(usize, f32)> {
    let mut given: Vec<(usize, f32)> =
        groups.iter().enumerate().map(|(i, g)| (i, g.iter().map(|&c| p[c]).sum())).collect();
    if restrict {
        let total: f32 = given.iter().map(|g| g.1).sum::<f32>().max(f32::MIN_POSITIVE);
        given.iter_mut().for_each(|g| g.1 /= total);
    } else {
        let free = (0..p.len()).filter(|c| !groups.iter().any(|g| g.contains(c)));
        given.extend(free.map(|c| (groups.len(), p[c])));
    }
    given.sort_by(|a, b| b.1.total_cmp(&a.1));
    given
}

/// All measures of judged rows; there is at least one.
pub(crate) fn measure(labels: Vec<String>, judged: &[Judged]) -> Evaluation {
    let n = judged.len() as f64;
    let mut confusion = vec![vec![0; labels.len() + 1]; labels.len()];
    for j in judged {
        confusion[j.right][j.given[0].0] += 1;
    }
    let f1: Vec<f64> = (0..labels.len()).map(|l| f1(&confusion, l)).collect();
    let right = |j: &&Judged| j.given[0].0 == j.right;
    let mut by_confidence: Vec<&Judged> = judged.iter().collect();
    by_confidence.sort_by(|a, b| b.given[0].1.total_cmp(&a.given[0].1));
    let surest = |share: f64| &by_confidence[..((n * share).round() as usize).max(1)];
    let accuracy =
        |rows: &[&Judged]| rows.iter().copied().filter(right).count() as f64 / rows.len() as f64;
    let coverage_risk = (1..=CURVE)
        .map(|i| {
            let coverage = i as f64 / CURVE as f64;
            let rows = surest(coverage);
            let threshold = rows.last().map_or(1.0, |j| f64::from(j.given[0].1));
            CoverageRisk { coverage, risk: 1.0 - accuracy(rows), threshold }
        })
        .collect();
    let reliability = bins(judged);
    Evaluation {
        rows: judged.len(),
        accuracy: accuracy(&by_confidence),
        macro_f1: f1.iter().sum::<f64>() / f1.len() as f64,
        top3: judged.iter().filter(|j| j.given.iter().take(3).any(|g| g.0 == j.right)).count()
            as f64
            / n,
        ece: reliability
            .iter()
            .map(|b| (b.confidence - b.accuracy).abs() * b.rows as f64 / n)
            .sum(),
        accuracy_at_80: accuracy(surest(0.8)),
        labels,
        confusion,
        f1,
        coverage_risk,
        reliability,
    }
}

fn f1(confusion: &[Vec<usize>], label: usize) -> f64 {
    let hit = confusion[label][label] as f64;
    let given: usize = confusion.iter().map(|line| line[label]).sum();
    let right: usize = confusion[label].iter().sum();
    if given + right == 0 { 0.0 } else { 2.0 * hit / (given + right) as f64 }
}

fn bins(judged: &[Judged]) -> Vec<Bin> {
    let mut sums = [(0.0, 0usize, 0usize); BINS];
    for j in judged {
        let confidence = f64::from(j.given[0].1);
        let bin = ((confidence * BINS as f64) as usize).min(BINS - 1);
        sums[bin].0 += confidence;
        sums[bin].1 += usize::from(j.given[0].0 == j.right);
        sums[bin].2 += 1;
    }
    sums.iter()
        .filter(|s| s.2 > 0)
        .map(|&(confidence, right, rows)| Bin {
            confidence: confidence / rows as f64,
            accuracy: right as f64 / rows as f64,
            rows,
        })
        .collect()
}

#[cfg(test)]
mod tests;
