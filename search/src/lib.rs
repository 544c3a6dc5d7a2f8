//! Finding: the words of tickets and transcripts, in tantivy.
//!
//! Depends on no other room. What an index holds is derived from the journal and may be thrown
//! away at any time: [`Index::versions`] tells what is to be put again.

mod entry;
mod error;
mod fields;
mod index;
mod letters;
mod query;
mod shelf;
mod snippet;
mod sound;
#[cfg(test)]
mod tests;
mod word;

pub use entry::{Entry, Found, Hit, Line, Order, Query, Snippet};
pub use error::Error;
pub use index::Index;
pub use shelf::Shelf;
