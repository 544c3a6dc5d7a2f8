//! The automatic check of calls: a ticket held against what the words of its call say.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tickets::{Call, Ticket, TicketId};

use crate::problem::Problem;
use crate::{Desk, transcript};

/// Calls whose checks are remembered, as long as most of them found nothing.
const REMEMBERED: usize = 20_000;
/// Something about a ticket that its call does not bear out.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Check {
    code: &'static str,
    text: String,
    #[schema(value_type = Option<String>)]
    ticket: Option<TicketId>,
    field: Option<&'static str>,
}

/// What was found, by call.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<String, Known>>);

/// What was found when the tickets of a call had these versions, summed.
#[derive(Debug)]
struct Known {
    versions: u64,
    found: Vec<Check>,
}

impl Checks {
    /// Calls with a check that found something.
    pub fn flagged(&self) -> Vec<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flagged = known.iter().filter(|(_, known)| !known.found.is_empty());
        flagged.map(|(call, _)| call.clone()).collect()
    }

    /// What was found last about the tickets that a call names.
    pub fn known(&self, call: &Call) -> Vec<Check> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&call.sha256).map_or_else(Vec::new, |known| of(call, &known.found))
    }
}

/// Of several matters in one call, those that the call names: a department sees its own.
fn of(call: &Call, found: &[Check]) -> Vec<Check> {
    let named = |check: &&Check| check.ticket.is_none_or(|id| call.tickets.contains(&id));
    found.iter().filter(named).cloned().collect()
}

impl Desk {
    /// Holds the tickets of a call against what its words say; from memory while none of them
    /// changes, since understanding an hour of speech takes most of a second.
    pub(crate) fn check(&self, call: &Call) -> Result<Vec<Check>, Problem> {
        let (ids, versions) = {
            let board = self.board();
            let tickets = board.of_call(&call.sha256);
            let sum = tickets.map(|ticket| u64::from(ticket.version)).sum::<u64>();
            (board.of_call(&call.sha256).map(|ticket| ticket.id).collect::<Vec<_>>(), sum)
        };
        let lock = || self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&call.sha256).filter(|known| known.versions == versions) {
            return Ok(of(call, &known.found));
        }
        let stored = transcript::load(&self.store, call)?;
        let mut tickets = Vec::new();
        for id in ids {
            tickets.push(self.store.ticket(id)?);
        }
        let found = check(&stored.heard, &tickets, &*self.house.decide);
        let mut known = lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, known| !known.found.is_empty());
        }
        known.insert(call.sha256.clone(), Known { versions, found: found.clone() });
        Ok(of(call, &found))
    }
}

/// Least confidence with which the words speak against a ticket.
const SURE: f64 = 0.6;

fn check(
    heard: &nlu::Heard,
    tickets: &[Ticket],
    decide: &dyn Fn(&nlu::Heard) -> Vec<tickets::Fields>,
) -> Vec<Check> {
    let mut heard = heard.clone();
    for (n, text) in transcript::corrections(tickets.iter()) {
        if let Some(said) = heard.said.get_mut(n) {
            *said = nlu::Said {
                leg_uncertain: said.leg_uncertain,
                ..nlu::Said::from_text(said.leg, &text)
            };
        }
    }
    let decided = decide(&heard);
    let phones: Vec<String> = heard
        .said
        .iter()
        .flat_map(|said| nlu::entities(&said.text(), heard.started_at).phones)
        .map(|phone| phone.value)
        .collect();
    let mut found = Vec::new();
    for ticket in tickets {
        let fields = &ticket.fields;
        let mut add = |code, field, text: String| {
            found.push(Check { code, text, ticket: Some(ticket.id), field: Some(field) });
        };
        if let Some(said) = decided.get(ticket.matter) {
            let sure = |field: &str| said.confidence.get(field).copied().unwrap_or(0.0) >= SURE;
            if said.request_type != fields.request_type && sure("type") {
                let text = format!(
                    "工单类型是「{}」，通话内容像「{}」",
                    fields.request_type, said.request_type
                );
                add("type", "type", text);
            }
            if said.category != fields.category && sure("category") {
                let text =
                    format!("工单分类是「{}」，通话内容像「{}」", fields.category, said.category);
                add("category", "category", text);
            }
            let district = |place: &Option<tickets::Place>| {
                place.as_ref().and_then(|place| place.names.get(2).cloned())
            };
            let (is, was) = (district(&fields.place), district(&said.place));
            if was.is_some() && is != was && sure("place") {
                let text = format!(
                    "工单地址是「{}」，通话中说的是「{}」",
                    is.unwrap_or_else(|| "空".to_owned()),
                    was.unwrap_or_default()
                );
                add("place", "place", text);
            }
        }
        match (&fields.phone, phones.is_empty()) {
            (None, false) => {
                add("phone-missed", "phone", "通话中留了电话，工单没有记录".to_owned())
            }
            (None, true) if fields.missing.iter().any(|field| field == "phone") => {
                add("phone-missing", "phone", "没有问到联系电话".to_owned());
            }
            (Some(phone), false) if !phones.contains(phone) => {
                add("phone-differs", "phone", "工单电话与通话中说的号码不一致".to_owned());
            }
            _ => {}
        }
    }
    found
}
