//! Near-duplicates: texts that say the same belong to one group, and a group is never split
//! between training and development.

use std::collections::{BTreeMap, HashMap};

/// An n-gram that more texts share than this says nothing about kinship.
const COMMON: usize = 60;
/// Share of a text's information that another must hold for the two to be kin.
const KINSHIP: f32 = 0.3;
/// Characters in a run.
const RUN: usize = 3;

/// The group of every text; groups are numbered from 0 in the order of their first member.
///
/// Kinship is containment of rare character runs, weighed by rarity: a title is contained
/// in the body of its message, a repeated complaint in its repetition.
pub(crate) fn groups(texts: &[Vec<u32>]) -> Vec<usize> {
    let runs: Vec<Vec<u64>> = texts.iter().map(|t| runs(t)).collect();
    let mut holders: HashMap<u64, Vec<u32>> = HashMap::new();
    for (text, runs) in runs.iter().enumerate() {
        for &run in runs {
            holders.entry(run).or_default().push(text as u32);
        }
    }
    let total = texts.len() as f32;
    let information = |holders: usize| (total / holders as f32).ln();
    let mut forest = Forest((0..texts.len()).collect());
    for (text, runs) in runs.iter().enumerate() {
        let all: f32 = runs.iter().map(|r| information(holders[r].len())).sum();
        let mut shared: BTreeMap<u32, f32> = BTreeMap::new();
        for holders in runs.iter().map(|r| &holders[r]).filter(|h| h.len() <= COMMON) {
            for &other in holders.iter().filter(|&&other| other as usize != text) {
                *shared.entry(other).or_default() += information(holders.len());
            }
        }
        // The nearest only: chains of half-similar texts would tie everything together.
        let nearest = shared.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((other, held)) = nearest
            && held > KINSHIP * all
        {
            forest.join(text, other as usize);
        }
    }
    forest.numbered()
}

fn runs(text: &[u32]) -> Vec<u64> {
    let mut runs: Vec<u64> =
        text.windows(RUN).map(|w| w.iter().fold(0, |h, &s| (h << 16) ^ u64::from(s))).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// Union and find.
struct Forest(Vec<usize>);

impl Forest {
    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn numbered(mut self) -> Vec<usize> {
        let mut numbers = HashMap::new();
        (0..self.0.len())
            .map(|text| {
                let root = self.root(text);
                let next = numbers.len();
                *numbers.entry(root).or_insert(next)
            })
            .collect()
    }
}
