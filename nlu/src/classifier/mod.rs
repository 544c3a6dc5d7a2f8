//! The classifier: a text in, every head's labels with calibrated probabilities out.
//!
//! A folder with `classifier.safetensors`, `tokenizer.json` and `labels.toml` is one model.

mod features;
mod labels;
mod network;
mod scores;
mod text;

use std::path::Path;

use crate::Error;
use crate::interpretation::{Emergency, RequestType, Urgency};

pub use labels::{Category, Head, Labels, NO_EMERGENCY};
pub use scores::{Ranked, Scores, Subcategory};

pub(crate) use features::{Featurizer, Lexicon, Rows};
pub(crate) use network::{Columns, Network, pack, softmax};
pub(crate) use text::Vocabulary;

/// File names inside a model's folder.
pub(crate) const WEIGHTS: &str = "classifier.safetensors";
pub(crate) const TOKENIZER: &str = "tokenizer.json";
pub(crate) const LABELS: &str = "labels.toml";

/// A loaded model. Shared between threads; a classification takes no lock.
pub struct Classifier {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) featurizer: Featurizer,
    pub(crate) labels: Labels,
    pub(crate) network: Network,
}

impl Classifier {
    /// Reads the model of one folder.
    ///
    /// # Errors
    /// A file is missing, damaged, or does not fit the others.
    pub fn load(dir: &Path) -> Result<Classifier, Error> {
        let vocabulary = Vocabulary::load(&dir.join(TOKENIZER))?;
        let labels = Labels::load(&dir.join(LABELS))?;
        let network = Network::load(&dir.join(WEIGHTS), &labels)?;
        Ok(Classifier {
            featurizer: Featurizer::new(vocabulary.chars()),
            vocabulary,
            labels,
            network,
        })
    }

    /// The labels that this model tells apart.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Calibrated probabilities of one head, in the order of [`Labels::names`].
    pub fn probabilities(&self, text: &str, head: Head) -> Vec<f32> {
        self.network.probabilities(&self.logits(text), head)
    }

    /// Logits of every head's labels.
    fn logits(&self, text: &str) -> Vec<f32> {
        let grams = self.featurizer.grams(&self.vocabulary.symbols(text));
        let rows = self.network.lexicon.rows(&grams);
        self.network.logits(rows).expect("shapes were checked when the model was read")
    }

    /// Classifies one text. An empty one gets the labels' prior probabilities.
    pub fn classify(&self, text: &str) -> Scores {
        let logits = self.logits(text);
        let of = |head| self.network.probabilities(&logits, head);
        let named =
            |head: Head| Ranked::new(self.labels.names(head).into_iter().zip(of(head)).collect());
        Scores {
            request_type: Ranked::new(RequestType::ALL.into_iter().zip(of(Head::Type)).collect()),
            category: named(Head::Category),
            category_2: Ranked::new(
                self.labels.subcategories().zip(of(Head::Subcategory)).collect(),
            ),
            urgency: Ranked::new(Urgency::ALL.into_iter().zip(of(Head::Urgency)).collect()),
            emergency: Ranked::new(
                std::iter::once(None)
                    .chain(Emergency::ALL.into_iter().map(Some))
                    .zip(of(Head::Emergency))
                    .collect(),
            ),
        }
    }
}
