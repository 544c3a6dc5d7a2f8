//! What people corrected in transcripts: material that the recogniser can learn from.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::event::{Call, Event};
use crate::{Error, Store};

/// A call in whose transcript somebody corrected something.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectedCall {
    /// The call; [`crate::Files`] has its recording and its transcript.
    pub call: Call,
    /// By index of the utterance; the latest correction counts.
    pub said: BTreeMap<usize, Correction>,
}

/// What was really said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// What was heard.
    pub heard: String,
    /// What was said.
    pub said: String,
    /// Who says so.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

impl Store {
    /// The calls whose transcript was corrected, one at a time. A call's tickets share one
    /// transcript, so their corrections come together.
    pub fn corrected_calls(&self) -> impl Iterator<Item = Result<CorrectedCall, Error>> + '_ {
        self.journal().scan(b"c").filter_map(|item| {
            let corrected =
                item.and_then(|(_, value)| self.corrections_of(self.journal().decode(&value)?));
            corrected.map(|corrected| (!corrected.said.is_empty()).then_some(corrected)).transpose()
        })
    }

    fn corrections_of(&self, call: Call) -> Result<CorrectedCall, Error> {
        let mut said: BTreeMap<usize, Correction> = BTreeMap::new();
        for id in &call.tickets {
            for record in self.journal().records(*id)? {
                let Event::TranscriptCorrected { utterance, from, to, why } = record.event else {
                    continue;
                };
                let heard = said.get(&utterance).map_or(from, |earlier| earlier.heard.clone());
                if said.get(&utterance).is_none_or(|earlier| earlier.at <= record.at) {
                    said.insert(
                        utterance,
                        Correction { heard, said: to, by: record.by, at: record.at, why },
                    );
                }
            }
        }
        // A correction that was taken back is none.
        said.retain(|_, correction| correction.heard != correction.said);
        Ok(CorrectedCall { call, said })
    }
}
