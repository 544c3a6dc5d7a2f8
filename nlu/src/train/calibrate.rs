//! What makes probabilities true, and the measures on what was kept back.

use std::collections::{BTreeMap, BTreeSet};

use crate::classifier::{Certainty, Classifier, Head, Margins, best};
use crate::drift::Profile;
use crate::eval::{Evaluation, Judged, compete, measure};
use crate::train::data::{Example, Source};

/// A text that was kept back, with what the classifier says of it.
pub(crate) struct Kept<'a> {
    pub(crate) example: &'a Example,
    pub(crate) margins: Margins,
}

/// Sets each head's certainty to the one that makes the kept-back labels most probable.
pub(crate) fn certainty(classifier: &mut Classifier, kept: &[Kept<'_>]) {
    for head in Head::ALL {
        // Of topics the letters tell more truly how sure to be: of seeds few are alike, so that
        // those kept back are harder than what callers say.
        let letters = head == Head::Category;
        let sharper = if letters { SPEECH } else { 1.0 };
        let tells = |k: &&Kept<'_>| {
            k.example.weights[head as usize] > 0.0 && !(letters && k.example.source == Source::Seed)
        };
        let known: Vec<&Kept<'_>> = kept.iter().filter(tells).collect();
        let loss = |certainty: Certainty| -> f32 {
            let surprise = |k: &&Kept<'_>| {
                let p = certainty.probabilities(classifier.columns(&k.margins, head));
                let right: f32 = k.example.right[head as usize].iter().map(|l| p[*l]).sum();
                -right.max(1e-9).ln()
            };
            known.iter().map(surprise).sum()
        };
        // Log-spaced from 0.5 to 12.5: a finer grid moves no probability by a percent.
        let scales = (0..=80).map(|i| 0.5 * 25f32.powf(i as f32 / 80.0));
        let each = scales.flat_map(|scale| DOUBTS.map(|doubt| Certainty { scale, doubt }));
        let best = each.map(|c| (loss(c), c)).min_by(|a, b| a.0.total_cmp(&b.0));
        let mut best = best.expect("there are candidates").1;
        best.scale *= sharper;
        tracing::debug!(?head, ?best, "calibrated");
        classifier.certainty[head as usize] = best;
    }
}

/// How much surer of its topic than a letter what a caller says makes: it brings confidence nearer to
/// accuracy on two sets of spoken matters, `development/matters.tsv` and `matters-2.tsv`, and is less than
/// they ask for.
const SPEECH: f32 = 1.6;

/// Shares of texts that may be labelled in a way that no text tells.
const DOUBTS: [f32; 8] = [0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12];

/// Evaluations on what was kept back, one a source and head that it is labelled for. Titles
/// and bodies are judged among the labels that occur, as the published figures are.
pub(crate) fn evaluations(
    classifier: &Classifier,
    kept: &[Kept<'_>],
) -> BTreeMap<String, Evaluation> {
    let mut all = BTreeMap::new();
    for (source, head, name) in [
        (Source::Title, Head::Category, "title category"),
        (Source::Body, Head::Category, "body category"),
        (Source::Citizen, Head::Type, "citizen type"),
        (Source::Question, Head::Department, "question department"),
        (Source::Seed, Head::Category, "seed category"),
        (Source::Seed, Head::Type, "seed type"),
        (Source::Seed, Head::Subcategory, "seed category_2"),
        (Source::Seed, Head::Urgency, "seed urgency"),
        (Source::Seed, Head::Emergency, "seed emergency"),
        (Source::Seed, Head::Dispatch, "seed dispatch"),
    ] {
        let right = |k: &Kept<'_>| k.example.right[head as usize].clone();
        let known: Vec<&Kept<'_>> = kept
            .iter()
            .filter(|k| k.example.source == source && !k.example.right[head as usize].is_empty())
            .collect();
        if known.is_empty() {
            continue;
        }
        let groups: Vec<Vec<usize>> =
            known.iter().map(|k| right(k)).collect::<BTreeSet<_>>().into_iter().collect();
        let names = classifier.labels.names(head);
        let group_names = groups
            .iter()
            .map(|g| g.iter().map(|&c| names[c].as_str()).collect::<Vec<_>>().join("|"));
        let judge = |k: &&Kept<'_>| Judged {
            right: groups.binary_search(&right(k)).expect("taken from these rows, in order"),
            given: compete(
                &classifier.of(&k.margins, head),
                &groups,
                matches!(source, Source::Title | Source::Body | Source::Citizen),
            ),
        };
        let judged: Vec<Judged> = known.iter().map(judge).collect();
        all.insert(name.to_owned(), measure(group_names.collect(), &judged));
    }
    all
}

/// What comes of the kept-back texts that are written the way callers speak.
pub(crate) fn profile(classifier: &Classifier, kept: &[Kept<'_>]) -> Profile {
    let mut profile = Profile::default();
    for k in kept.iter().filter(|k| k.example.source == Source::Seed) {
        for head in [Head::Type, Head::Category] {
            if k.example.weights[head as usize] > 0.0 {
                let p = classifier.of(&k.margins, head);
                let given = best(&p);
                profile.count(
                    head.name(),
                    &classifier.labels.names(head)[given],
                    f64::from(p[given]),
                );
            }
        }
    }
    profile
}
