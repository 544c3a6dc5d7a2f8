//! Whether what comes in is still what the classifier learnt: labels and confidence of now against
//! those of training.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// File beside the weights.
pub(crate) const PROFILE: &str = "profile.json";

/// What a head gives: shares of labels and the mean confidence in them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// By head, `type` and `category`.
    pub heads: BTreeMap<String, HeadProfile>,
}

/// Of one head.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HeadProfile {
    /// Labels counted.
    pub rows: usize,
    /// Share of each label.
    pub mix: BTreeMap<String, f64>,
    /// Mean probability of the label that was given.
    pub confidence: f64,
}

/// How far a head has moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// The head.
    pub head: String,
    /// Labels of now.
    pub rows: usize,
    /// Population stability index of the mix: under 0.1 steady, over 0.25 another population.
    pub stability: f64,
    /// Mean confidence in training and now.
    pub confidence: [f64; 2],
    /// Labels with their share in training and now, the most moved first.
    pub labels: Vec<(String, [f64; 2])>,
}

impl Profile {
    /// Reads the profile of a classifier's folder.
    ///
    /// # Errors
    /// It is not there or not one.
    pub fn load(model: &Path) -> Result<Profile, Error> {
        let path = model.join(PROFILE);
        let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
        serde_json::from_str(&text)
            .map_err(|e| Error::content(&path, e, "take the file from the release or train anew"))
    }

    /// Counts one answer of a head.
    pub fn count(&mut self, head: &str, label: &str, confidence: f64) {
        let head = self.heads.entry(head.to_owned()).or_default();
        let n = head.rows as f64;
        // Shares and mean are kept as such, so that a profile is one at any moment.
        head.mix.values_mut().for_each(|share| *share *= n / (n + 1.0));
        *head.mix.entry(label.to_owned()).or_default() += 1.0 / (n + 1.0);
        head.confidence = (head.confidence * n + confidence) / (n + 1.0);
        head.rows += 1;
    }

    /// How far `now` is from this.
    pub fn drift(&self, now: &Profile) -> Vec<Drift> {
        let both =
            self.heads.iter().filter_map(|(name, then)| Some((name, then, now.heads.get(name)?)));
        both.map(|(name, then, now)| {
            let share = |of: &HeadProfile, label: &str| of.mix.get(label).copied().unwrap_or(0.0);
            let mut labels: Vec<(String, [f64; 2])> = then
                .mix
                .keys()
                .chain(now.mix.keys().filter(|label| !then.mix.contains_key(*label)))
                .map(|label| (label.clone(), [share(then, label), share(now, label)]))
                .collect();
            // A label that was not seen may yet be as frequent as half of one.
            let least = |of: &HeadProfile| 0.5 / (of.rows as f64 + 1.0);
            let stability = labels.iter().map(|(_, [p, q])| {
                let (p, q) = (p.max(least(then)), q.max(least(now)));
                (q - p) * (q / p).ln()
            });
            let stability = stability.sum();
            let moved = |[p, q]: [f64; 2]| (p - q).abs();
            labels.sort_by(|a, b| moved(b.1).total_cmp(&moved(a.1)));
            Drift {
                head: name.clone(),
                rows: now.rows,
                stability,
                confidence: [then.confidence, now.confidence],
                labels,
            }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(labels: &[(&str, usize)]) -> Profile {
        let mut profile = Profile::default();
        for (label, times) in labels {
            (0..*times).for_each(|_| profile.count("type", label, 0.8));
        }
        profile
    }

    #[test]
    fn the_same_mix_is_steady_and_another_is_not() {
        let then = profile(&[("咨询", 50), ("投诉", 50)]);
        let same = &then.drift(&profile(&[("投诉", 20), ("咨询", 20)]))[0];
        assert!(same.stability < 1e-9 && (same.confidence[1] - 0.8).abs() < 1e-9);
        let moved = &then.drift(&profile(&[("投诉", 36), ("咨询", 4)]))[0];
        // (0.9 − 0.5) ln(0.9 / 0.5) + (0.1 − 0.5) ln(0.1 / 0.5)
        assert!((moved.stability - 0.8788898).abs() < 1e-5, "{}", moved.stability);
        let new = &then.drift(&profile(&[("表扬", 10)]))[0];
        assert!(new.stability > 0.25 && new.labels.iter().any(|l| l.0 == "表扬"));
    }
}
