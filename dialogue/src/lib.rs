//! What to do next: the rule-based dialogue manager, pure.
//!
//! The city's files decide what is asked, who takes what and by when; this room only carries them
//! out. It has no clock, no I/O but reading those files, and no randomness.

mod city;
mod dialogue;
mod draft;
mod reading;
mod route;
#[cfg(test)]
mod tests;

pub use calendar::{Calendar, Limit, Year, china};
pub use city::{
    Category, ChecklistItem, City, Department, Due, Form, Knowledge, Life, Patience, Phrases,
    Problem, Prompts, Ready, Rule, Slot,
};
pub use dialogue::{Action, Conclusion, Dialogue, Input, Outcome, Turn, emergency_name, recorded};
pub use draft::{Draft, Standing};
pub use route::{Routed, route};
