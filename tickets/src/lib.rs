//! History: commands, events and the ticket journal in sled.
//!
//! Knows no other room but the calendar: fields are plain text, numbers and spans.

mod backup;
mod check;
mod corrections;
mod department;
mod error;
mod event;
mod export;
mod fields;
mod files;
mod import;
mod journal;
mod life;
mod moves;
mod number;
mod people;
mod policy;
mod store;
#[cfg(test)]
mod tests;
mod ticket;

pub use check::{Checked, Finding};
pub use corrections::{CorrectedCall, Correction};
pub use department::{Change, Department, DispatchRule};
pub use error::Error;
pub use event::{
    Answer, Attachment, Call, Event, Exported, FollowUp, MadeBy, RECORD_VERSION, Record, Status,
};
pub use export::Exports;
pub use fields::{CORRECTABLE, Candidate, Fields, Place, Reading, Span, TYPES, URGENCIES, When};
pub use files::{Files, sha256_file};
pub use import::{CallHistory, Imports};
pub use life::{Extension, Life, written};
pub use moves::{Move, may};
pub use number::TicketId;
pub use people::{Look, Person, Remark, Role, Said, Session};
pub use policy::{LimitRule, Policy};
pub use store::{Filter, NewCall, Store};
pub use ticket::{Command, Known, Rejected, Ticket};
