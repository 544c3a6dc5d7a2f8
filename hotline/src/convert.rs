//! From one room's types to the next room's.

use std::collections::BTreeMap;

use dialogue::{Draft, Standing, emergency_name};
use nlu::{Char, Found, Heard, Leg, Said};
use serde::Serialize;
use tickets::{Fields, Status};

/// A transcript of `asr` as an utterance of `nlu`.
pub fn said(leg: Leg, transcript: &asr::Transcript) -> Said {
    let char = |c: &asr::Char| Char {
        ch: c.ch,
        start_ms: c.start_ms,
        end_ms: c.end_ms,
        confidence: round32(c.confidence),
    };
    Said {
        leg,
        leg_uncertain: false,
        start_ms: transcript.start_ms,
        end_ms: transcript.end_ms,
        chars: transcript.chars.iter().map(char).collect(),
        confidence: round32(transcript.confidence),
    }
}

/// A draft of `dialogue` as the fields of a ticket.
pub fn fields(heard: &Heard, draft: &Draft) -> Fields {
    let matter = &draft.interpretation;
    let mut fields = Fields {
        request_type: label(&matter.request_type.value),
        category: matter.category.value.clone(),
        category_2: matter.category_2.as_ref().map(|found| found.value.clone()),
        department: Some(draft.department.name.clone()),
        department_reason: Some(draft.department.because.clone()),
        urgency: label(&matter.urgency.value),
        emergency: matter.emergency.is_some(),
        emergency_kind: matter
            .emergency
            .as_ref()
            .map(|found| emergency_name(found.value).to_owned()),
        phone: matter.phone.as_ref().map(|found| found.value.clone()),
        place: matter.place.as_ref().map(|found| place(&found.value)),
        when: matter.when.as_ref().map(|found| tickets::When {
            text: found.value.text.clone(),
            from: tickets::written(found.value.from),
            to: tickets::written(found.value.to),
        }),
        name: matter.name.as_ref().map(|found| found.value.clone()),
        subject: matter.subject.as_ref().map(|found| found.value.clone()),
        deadline: Some(tickets::written(draft.deadline)),
        title: matter.title.clone(),
        description: None,
        missing: draft.missing.iter().map(|slot| slot.name().to_owned()).collect(),
        readings: Vec::new(),
        notes: Vec::new(),
        confidence: BTreeMap::new(),
        runner_up: BTreeMap::new(),
        evidence: BTreeMap::new(),
    };
    let mut note = Evidence { heard, fields: &mut fields };
    note.found("type", &matter.request_type, label);
    note.found("category", &matter.category, Clone::clone);
    note.maybe("category_2", matter.category_2.as_ref(), Clone::clone);
    note.found("urgency", &matter.urgency, label);
    note.maybe("emergency", matter.emergency.as_ref(), |value| emergency_name(*value).to_owned());
    note.maybe("phone", matter.phone.as_ref(), Clone::clone);
    note.maybe("place", matter.place.as_ref(), |value| value.names.join(""));
    note.maybe("when", matter.when.as_ref(), |value| value.text.clone());
    note.maybe("name", matter.name.as_ref(), Clone::clone);
    note.maybe("subject", matter.subject.as_ref(), Clone::clone);
    let reading = |reading: &nlu::Reading| tickets::Reading {
        span: timed(heard, &reading.span),
        heard: reading.heard.clone(),
        meant: reading.meant.clone(),
    };
    note.fields.readings = matter.readings.iter().map(reading).collect();
    note.spans("title", &matter.matter);
    note.spans("department", &draft.department.evidence);
    fields.confidence.insert("department".into(), round(draft.department.confidence));
    if let Some(other) = &draft.department.runner_up {
        fields.runner_up.insert("department".into(), other.clone());
    }
    fields
}

/// The status that a draft begins in.
pub fn status(standing: Standing) -> Status {
    match standing {
        Standing::Dispatched => Status::Dispatched,
        Standing::Incomplete => Status::Incomplete,
        Standing::Review => Status::Review,
    }
}

/// A place of `nlu` as one of `tickets`.
pub fn place(place: &nlu::Place) -> tickets::Place {
    let candidate = |candidate: &nlu::Candidate| tickets::Candidate {
        code: candidate.code.clone(),
        names: candidate.names.clone(),
        score: round(candidate.score),
    };
    tickets::Place {
        text: place.text.clone(),
        codes: place.codes.clone(),
        names: place.names.clone(),
        detail: place.detail.clone(),
        candidates: place.candidates.iter().map(candidate).collect(),
    }
}

/// Writes down where every field came from.
struct Evidence<'a> {
    heard: &'a Heard,
    fields: &'a mut Fields,
}

impl Evidence<'_> {
    fn found<T>(&mut self, field: &str, found: &Found<T>, name: impl Fn(&T) -> String) {
        self.fields.confidence.insert(field.to_owned(), round(found.confidence));
        if let Some((other, _)) = &found.runner_up {
            self.fields.runner_up.insert(field.to_owned(), name(other));
        }
        self.spans(field, &found.evidence);
    }

    fn maybe<T>(&mut self, field: &str, found: Option<&Found<T>>, name: impl Fn(&T) -> String) {
        if let Some(found) = found {
            self.found(field, found, name);
        }
    }

    fn spans(&mut self, field: &str, spans: &[nlu::Span]) {
        let spans: Vec<tickets::Span> = spans.iter().map(|span| timed(self.heard, span)).collect();
        if !spans.is_empty() {
            self.fields.evidence.insert(field.to_owned(), spans);
        }
    }
}

/// A span with its place in the sound, where the words have one.
fn timed(heard: &Heard, span: &nlu::Span) -> tickets::Span {
    let chars =
        heard.said.get(span.utterance).and_then(|said| said.chars.get(span.start..span.end));
    let timed = chars.filter(|chars| chars.iter().any(|c| c.end_ms > 0));
    tickets::Span {
        utterance: span.utterance,
        start: span.start,
        end: span.end,
        start_ms: timed.and_then(|chars| chars.first()).map(|c| c.start_ms),
        end_ms: timed.and_then(|chars| chars.last()).map(|c| c.end_ms),
    }
}

/// The Chinese name that a label is serialised under.
pub fn label<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => unreachable!("labels serialise to their names"),
    }
}

/// The serialised name of a leg.
pub fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Caller => "caller",
        Leg::Agent => "agent",
        Leg::Mixed => "mixed",
    }
}

/// Three decimals: more would only look exact.
pub fn round(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}

fn round32(value: f32) -> f32 {
    (value * 1000.0).round() / 1000.0
}
