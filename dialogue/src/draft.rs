//! What the dialogue decides about one matter: who takes it, by when, and whether it can go.

use jiff::Timestamp;
use nlu::{Heard, Interpretation};

use crate::city::{City, Slot};
use crate::route::{Routed, route};

/// How a ticket begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// 已派遣: confident and complete.
    Dispatched,
    /// 待补充: something is missing that only the caller can tell.
    Incomplete,
    /// 待复核: a person must look at it first.
    Review,
}

/// A ticket to be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What the caller meant.
    pub interpretation: Interpretation,
    /// Who takes it.
    pub department: Routed,
    /// When an answer is due.
    pub deadline: Timestamp,
    /// What would still have been asked.
    pub missing: Vec<Slot>,
    /// How it begins.
    pub standing: Standing,
}

impl Draft {
    /// Decides on an interpretation. `started_at` is when the clocks begin.
    pub fn of(city: &City, heard: &Heard, interpretation: Interpretation) -> Draft {
        let department = route(city, heard, &interpretation);
        let deadline = due(city, heard.started_at, &interpretation);
        let missing = missing(city, &interpretation);
        let standing = standing(city, &interpretation, &department, &missing);
        Draft { interpretation, department, deadline, missing, standing }
    }
}

fn due(city: &City, from: Timestamp, matter: &Interpretation) -> Timestamp {
    let rule = city.deadlines.iter().find(|rule| {
        (rule.types.is_empty() || rule.types.contains(&matter.request_type.value))
            && (rule.urgency.is_empty() || rule.urgency.contains(&matter.urgency.value))
    });
    let rule = rule.expect("City::load makes sure that the last rule takes everything");
    match (rule.hours, &rule.working_days) {
        (Some(hours), _) => city.calendar.hours_after(from, hours),
        (None, days) => city.calendar.after(from, days.as_ref().map_or(0, |days| *days.get_ref())),
    }
}

fn missing(city: &City, matter: &Interpretation) -> Vec<Slot> {
    let lacks = |slot: &Slot| match slot {
        Slot::Matter => matter.matter.is_empty(),
        // A city alone sends nobody anywhere: at least the district must be known.
        Slot::Place => matter
            .place
            .as_ref()
            .is_none_or(|place| place.value.codes.iter().all(|code| code.len() < 6)),
        Slot::Phone => matter.phone.is_none(),
        Slot::When => matter.when.is_none(),
        Slot::Name => matter.name.is_none(),
    };
    city.slots(matter.request_type.value).iter().copied().filter(lacks).collect()
}

fn standing(
    city: &City,
    matter: &Interpretation,
    department: &Routed,
    missing: &[Slot],
) -> Standing {
    let ready = city.ready;
    let sure = matter.request_type.confidence >= ready.request_type
        && matter.category.confidence >= ready.category
        && department.confidence >= ready.department
        && matter.place.as_ref().is_none_or(|place| place.confidence >= ready.place);
    // An emergency waits for nobody: what is missing is asked by whoever takes the transfer.
    match (matter.emergency.is_some(), sure, missing.is_empty()) {
        (true, ..) => Standing::Dispatched,
        (false, false, _) => Standing::Review,
        (false, true, false) => Standing::Incomplete,
        (false, true, true) => Standing::Dispatched,
    }
}
