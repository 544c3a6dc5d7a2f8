//! What the classifier answers: for each head, every label with its probability.

use serde::Serialize;

use crate::interpretation::{Emergency, RequestType, Urgency};

/// Labels with calibrated probabilities, best first. Probabilities sum to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranked<T>(pub Vec<(T, f32)>);

impl<T: PartialEq> Ranked<T> {
    /// Sorts by probability; labels of equal probability keep their order.
    pub fn new(mut scored: Vec<(T, f32)>) -> Ranked<T> {
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ranked(scored)
    }

    /// The best label and its probability.
    pub fn best(&self) -> (&T, f32) {
        let (label, p) = self.0.first().expect("a head has at least one label");
        (label, *p)
    }

    /// The next best label and its probability.
    pub fn runner_up(&self) -> Option<(&T, f32)> {
        self.0.get(1).map(|(label, p)| (label, *p))
    }

    /// Probability of one label; 0 for a label that the head does not know.
    pub fn of(&self, label: &T) -> f32 {
        self.0.iter().find(|(l, _)| l == label).map_or(0.0, |(_, p)| *p)
    }
}

/// A second-level category below its first level: names such as 其他 occur under several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Subcategory {
    /// First level.
    pub category: String,
    /// Second level.
    pub name: String,
}

/// Everything that the classifier says about one text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// 诉求类型, six labels.
    pub request_type: Ranked<RequestType>,
    /// First-level category, by name, fifteen labels.
    pub category: Ranked<String>,
    /// Second-level category over the whole tree.
    pub category_2: Ranked<Subcategory>,
    /// 紧急程度, three labels.
    pub urgency: Ranked<Urgency>,
    /// Kind of emergency; `None` where this is none.
    pub emergency: Ranked<Option<Emergency>>,
    /// Office that answers such questions, with the probability that it does; none where the text
    /// is like the questions of no office.
    pub office: Option<(String, f32)>,
    /// Department that takes such a matter; all of them alike where nothing was learnt about any.
    pub department: Ranked<String>,
}

impl Scores {
    /// Second-level categories below one first-level category, their probabilities
    /// given that first level; empty when the tree holds none below it.
    pub fn below(&self, category: &str) -> Ranked<String> {
        let below: Vec<_> =
            self.category_2.0.iter().filter(|(s, _)| s.category == category).collect();
        let total: f32 = below.iter().map(|(_, p)| p).sum::<f32>().max(f32::MIN_POSITIVE);
        Ranked(below.into_iter().map(|(s, p)| (s.name.clone(), p / total)).collect())
    }
}
