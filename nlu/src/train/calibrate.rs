//! Temperatures that make probabilities true, and the measures on what was kept back.

use std::collections::{BTreeMap, BTreeSet};

use crate::classifier::{Head, Labels, Network, softmax};
use crate::eval::{Evaluation, Judged, compete, measure};
use crate::train::School;
use crate::train::data::Source;

/// Sets each head's temperature to the one that makes the kept-back labels most probable.
pub(crate) fn temperatures(network: &mut Network, school: &School) {
    let logits: Vec<Vec<f32>> =
        school.held_back.iter().map(|(_, text)| school.logits(network, text)).collect();
    for head in Head::ALL {
        let range = network.columns.range(head);
        let loss = |temperature: f32| -> f32 {
            school
                .held_back
                .iter()
                .zip(&logits)
                .filter(|((e, _), _)| e.weights[head as usize] >= 0.5)
                .map(|((e, _), l)| {
                    let p = softmax(l[range.clone()].iter().map(|l| l / temperature));
                    let right: f32 =
                        e.right[head as usize].iter().map(|c| p[c - range.start]).sum();
                    -right.max(1e-9).ln()
                })
                .sum()
        };
        // Log-spaced from 0.2 to 5: a finer grid moves no probability by a percent.
        let candidates = (0..=80).map(|i| 0.2 * 25f32.powf(i as f32 / 80.0));
        let best = candidates.map(|t| (loss(t), t)).min_by(|a, b| a.0.total_cmp(&b.0));
        network.temperatures[head as usize] = best.map_or(1.0, |b| b.1);
    }
}

/// Evaluations on what was kept back, one a source and head that it is labelled for. Titles
/// and bodies are judged among the labels that occur, as the published figures are.
pub(crate) fn evaluations(
    school: &School,
    network: &Network,
    labels: &Labels,
) -> BTreeMap<String, Evaluation> {
    let mut all = BTreeMap::new();
    for (source, head, name) in [
        (Source::Title, Head::Category, "title category"),
        (Source::Body, Head::Category, "body category"),
        (Source::Citizen, Head::Type, "citizen type"),
        (Source::Seed, Head::Category, "seed category"),
        (Source::Seed, Head::Type, "seed type"),
        (Source::Seed, Head::Subcategory, "seed category_2"),
        (Source::Seed, Head::Urgency, "seed urgency"),
        (Source::Seed, Head::Emergency, "seed emergency"),
    ] {
        let known: Vec<_> = school
            .held_back
            .iter()
            .filter(|(e, _)| e.source == source && !e.right[head as usize].is_empty())
            .collect();
        if known.is_empty() {
            continue;
        }
        let first = network.columns.range(head).start;
        let groups: Vec<Vec<usize>> = known
            .iter()
            .map(|(e, _)| e.right[head as usize].iter().map(|c| c - first).collect())
            .collect::<BTreeSet<Vec<usize>>>()
            .into_iter()
            .collect();
        let names = labels.names(head);
        let group_names = groups
            .iter()
            .map(|g| g.iter().map(|&c| names[c].as_str()).collect::<Vec<_>>().join("|"));
        let judged: Vec<Judged> = known
            .iter()
            .map(|(e, text)| {
                let right: Vec<usize> = e.right[head as usize].iter().map(|c| c - first).collect();
                let p = network.probabilities(&school.logits(network, text), head);
                Judged {
                    right: groups.iter().position(|g| *g == right).expect("taken from these rows"),
                    given: compete(&p, &groups, source != Source::Seed),
                }
            })
            .collect();
        all.insert(name.to_owned(), measure(group_names.collect(), &judged));
    }
    all
}
