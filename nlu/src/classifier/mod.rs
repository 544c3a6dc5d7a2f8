//! The classifier: a text in, every head's labels with calibrated probabilities out.
//!
//! A folder with `classifier.safetensors.zst`, `tokenizer.json` and `labels.toml` is one model.

mod bank;
mod features;
mod labels;
mod scores;
mod text;

use std::path::Path;

use bank::softmax;
use candle_core::Device;

use crate::Error;
use crate::interpretation::{Emergency, RequestType, Urgency};

pub use labels::{Category, Head, Labels, NO_EMERGENCY, Office};
pub use scores::{Ranked, Scores, Subcategory};

pub(crate) use bank::{Bank, PLANS, Plan, best};
pub(crate) use features::{Featurizer, Lexicon, Recipe, Rows};
pub(crate) use labels::{LETTERS, SPOKEN, SUBJECT, WRITTEN};
pub(crate) use text::Vocabulary;

/// File names inside a model's folder.
pub(crate) const WEIGHTS: &str = "classifier.safetensors.zst";
pub(crate) const TOKENIZER: &str = "tokenizer.json";
pub(crate) const LABELS: &str = "labels.toml";

const REMEDY: &str = "take the file from the release or run `hotline train nlu DIR`";

/// A loaded model. Shared between threads; a classification takes no lock.
pub struct Classifier {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) featurizer: Featurizer,
    pub(crate) labels: Labels,
    /// In the order of [`PLANS`].
    pub(crate) banks: Vec<Bank>,
    /// How sure margins make, in the order of [`Head::ALL`].
    pub(crate) certainty: Vec<Certainty>,
}

/// How margins become probabilities: temperature scaling (Guo et al., 2017), and a share that no
/// margin takes away, since some texts are labelled in a way that no text tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certainty {
    /// What margins are multiplied by.
    pub(crate) scale: f32,
    /// Probability that is spread over all labels.
    pub(crate) doubt: f32,
}

impl Default for Certainty {
    fn default() -> Self {
        Certainty { scale: 1.0, doubt: 0.0 }
    }
}

impl Certainty {
    pub(crate) fn probabilities(self, margins: &[f32]) -> Vec<f32> {
        let spread = self.doubt / margins.len() as f32;
        let sure = softmax(margins.iter().map(|m| m * self.scale));
        sure.into_iter().map(|p| p * (1.0 - self.doubt) + spread).collect()
    }
}

/// How much surer the mean of two readings makes than one: chosen on titles with bodies that nothing was
/// trained on, where certainty that was fitted on single texts is too low.
const TWICE_READ: f32 = 1.3;

/// Margins of every label by bank; none of a bank that was not asked.
pub(crate) struct Margins(pub(crate) Vec<Vec<f32>>);

impl Classifier {
    /// The files that decide what it answers.
    pub const FILES: [&str; 3] = [WEIGHTS, TOKENIZER, LABELS];

    /// Reads the model of one folder.
    ///
    /// # Errors
    /// A file is missing, damaged, or does not fit the others.
    pub fn load(dir: &Path) -> Result<Classifier, Error> {
        let vocabulary = Vocabulary::load(&dir.join(TOKENIZER))?;
        let labels = Labels::load(&dir.join(LABELS))?;
        let path = dir.join(WEIGHTS);
        let packed = std::fs::File::open(&path).map_err(Error::file(&path))?;
        let bytes = zstd::decode_all(packed).map_err(|e| Error::content(&path, e, REMEDY))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
            .map_err(|e| Error::content(&path, e, REMEDY))?;
        let misfit = |what: String| Error::content(&path, what, REMEDY);
        let banks = PLANS
            .into_iter()
            .map(|plan| Bank::read(plan, &tensors, &labels))
            .collect::<Result<_, _>>()
            .map_err(misfit)?;
        let certainty = tensors.get("certainty").ok_or("tensor certainty is missing".to_owned());
        let certainty = certainty.and_then(|t| t.to_vec2::<f32>().map_err(|e| e.to_string()));
        let certainty: Vec<Certainty> = (certainty.map_err(misfit)?.iter())
            .filter_map(|row| Some(Certainty { scale: *row.first()?, doubt: *row.get(1)? }))
            .collect();
        let finite = certainty.iter().all(|c| c.scale.is_finite() && c.doubt.is_finite());
        if certainty.len() != Head::ALL.len() || !finite {
            return Err(misfit("tensor certainty is not what it should be".to_owned()));
        }
        Ok(Classifier {
            featurizer: Featurizer::new(vocabulary.chars()),
            vocabulary,
            labels,
            banks,
            certainty,
        })
    }

    /// The labels that this model tells apart.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Calibrated probabilities of one head, in the order of [`Labels::names`], for a text in its
    /// parts: what stands in the subject line says as much as all of it.
    pub fn probabilities(&self, parts: &[&str], head: Head) -> Vec<f32> {
        let symbols: Vec<Vec<u32>> = parts.iter().map(|p| self.vocabulary.symbols(p)).collect();
        let needed: &[Head] = match head {
            Head::Type => &[Head::Type, Head::Letter, Head::Style],
            Head::Category => &[Head::Category, Head::LetterCategory, Head::Style],
            _ => &[head],
        };
        self.of(&self.margins(&symbols, needed), head)
    }

    /// Margins of a text in its parts, each in symbols, for some of the heads.
    pub(crate) fn margins(&self, parts: &[Vec<u32>], heads: &[Head]) -> Margins {
        let of = |symbols: &[u32]| -> Vec<Vec<f32>> {
            let margins = |bank: &Bank| {
                if !bank.plan.heads.iter().any(|head| heads.contains(head)) {
                    return Vec::new();
                }
                let rows = bank.lexicon.rows(&self.featurizer.grams(symbols, bank.plan.recipe));
                bank.margins(rows).expect("shapes were checked when the bank was made")
            };
            self.banks.iter().map(margins).collect()
        };
        let mut whole = of(&parts.concat());
        if let [subject, _, ..] = parts {
            for (whole, subject) in whole.iter_mut().zip(of(subject)) {
                whole.iter_mut().zip(subject).for_each(|(w, s)| *w = (*w + s) / 2.0 * TWICE_READ);
            }
        }
        Margins(whole)
    }

    /// Probabilities of one head out of the margins of all.
    pub(crate) fn of(&self, margins: &Margins, head: Head) -> Vec<f32> {
        let own = |head| self.own(margins, head);
        match head {
            Head::Type => types(&own(Head::Type), &own(Head::Letter), own(Head::Style)[WRITTEN]),
            Head::Category => {
                let labelled: Vec<usize> = self.labels.of_letters().collect();
                let letter = own(Head::LetterCategory);
                let written = 1.0 - own(Head::Style)[SPOKEN];
                categories(own(Head::Category), &letter, &labelled, written)
            }
            _ => own(head),
        }
    }

    /// What a head says by itself.
    fn own(&self, margins: &Margins, head: Head) -> Vec<f32> {
        self.certainty[head as usize].probabilities(self.columns(margins, head))
    }

    /// The margins of one head.
    pub(crate) fn columns<'m>(&self, margins: &'m Margins, head: Head) -> &'m [f32] {
        let (bank, margins) = (self.banks.iter().zip(&margins.0))
            .find(|(bank, _)| bank.plan.heads.contains(&head))
            .expect("every head is in one bank");
        bank.of(margins, &self.labels, head)
    }

    /// The office that answers such questions with the probability that it does; none where the
    /// text is like the questions of no office.
    fn office(&self, margins: &Margins) -> Option<(String, f32)> {
        let of_offices = self.columns(margins, Head::Department);
        let office = best(of_offices);
        let confidence = self.own(margins, Head::Department).get(office).copied()?;
        let likely = of_offices.get(office).is_some_and(|margin| *margin > 0.0);
        likely.then(|| (self.labels.offices[office].name.clone(), confidence))
    }

    /// Classifies one text. An empty one gets what the labels have before anything is said.
    pub fn classify(&self, text: &str) -> Scores {
        let margins = self.margins(&[self.vocabulary.symbols(text)], &Head::ALL);
        let of = |head| self.of(&margins, head);
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
            office: self.office(&margins),
            department: named(Head::Dispatch),
        }
    }
}

/// Request types of a text that is more or less a letter. Letters are labelled by three kinds only,
/// 投诉, 求助 and 举报 being one of them: within it, and for 表扬, what is known of speech decides.
fn types(speech: &[f32], letter: &[f32], written: f32) -> Vec<f32> {
    let spoken = 1.0 - written;
    let praise = speech[RequestType::Praise as usize];
    let members = |kind: usize| LETTERS[kind].1;
    let mut p: Vec<f32> = speech.iter().map(|p| p * spoken).collect();
    p[RequestType::Praise as usize] = praise;
    for (kind, mass) in letter.iter().enumerate() {
        let all: f32 = members(kind).iter().map(|t| speech[*t as usize]).sum();
        for &member in members(kind) {
            let share = speech[member as usize] / all.max(f32::MIN_POSITIVE);
            p[member as usize] += written * (1.0 - praise) * mass * share;
        }
    }
    let sum: f32 = p.iter().sum();
    p.into_iter().map(|p| p / sum).collect()
}

/// Categories of a text that is more or less a letter. Letters are labelled with some categories only:
/// how much falls to those is told by what is known of all, and how it is shared among them by what
/// is known of letters.
fn categories(mut all: Vec<f32>, letter: &[f32], labelled: &[usize], written: f32) -> Vec<f32> {
    let mass: f32 = labelled.iter().map(|at| all[*at]).sum();
    for (&at, share) in labelled.iter().zip(letter) {
        all[at] += written * (mass * share - all[at]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Categories 0 and 2 are those that letters are labelled with.
    fn shared(written: f32) -> Vec<f32> {
        categories(vec![0.5, 0.3, 0.2], &[0.1, 0.9], &[0, 2], written)
    }

    #[test]
    fn speech_is_told_by_what_is_known_of_all_categories() {
        assert_eq!(shared(0.0), [0.5, 0.3, 0.2]);
    }

    #[test]
    fn a_letter_is_shared_anew_among_the_categories_that_letters_are_labelled_with() {
        let p = shared(1.0);
        assert!((p[0] - 0.07).abs() < 1e-6 && (p[2] - 0.63).abs() < 1e-6, "{p:?}");
        // No letter says anything about the others.
        assert_eq!(p[1], 0.3);
        assert!((shared(0.4).iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn praise_in_a_letter_is_told_as_in_speech() {
        let mut speech = vec![0.0; RequestType::ALL.len()];
        speech[RequestType::Praise as usize] = 1.0;
        let p = types(&speech, &[0.2, 0.3, 0.5], 1.0);
        assert_eq!(best(&p), RequestType::Praise as usize);
    }
}
