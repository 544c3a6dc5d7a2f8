//! The words of the city: types, categories, departments, places, knowledge.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tickets::{Department, Status, TYPES, URGENCIES};

use crate::Desk;
use crate::extract::{Json, Query};
use crate::people::Me;
use crate::problem::Problem;

/// Readings of a place, and knowledge entries, that are offered at once.
const OFFERED: usize = 8;

/// What forms offer.
#[utoipa::path(get, path = "/api/vocabulary", tag = "words", responses((status = 200, description = "Types, urgencies, categories, statuses, departments, reasons")))]
pub async fn vocabulary(State(desk): State<Desk>, _: Me) -> Result<Json<Value>, Problem> {
    let categories: Vec<Value> = desk
        .city
        .categories
        .iter()
        .map(|category| json!({ "name": category.name, "children": category.below }))
        .collect();
    let departments: Vec<Department> = desk.store.departments()?;
    Ok(Json(json!({
        "types": TYPES,
        "urgencies": URGENCIES,
        "categories": categories,
        "statuses": Status::ALL.map(Status::name),
        "departments": departments,
        "unsolved_reasons": desk.city.life.unsolved,
        "extension_days": desk.city.life.extension_days,
    })))
}

/// Something that was typed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Typed {
    /// The words.
    #[serde(default)]
    q: String,
}

/// A place as it may have been meant.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Offered {
    text: String,
    names: Vec<String>,
    codes: Vec<String>,
    detail: String,
    score: f64,
}

/// Readings of a place that somebody types.
#[utoipa::path(get, path = "/api/places", tag = "words", params(Typed), responses((status = 200, body = Vec<Offered>)))]
pub async fn places(
    State(desk): State<Desk>,
    _: Me,
    Query(typed): Query<Typed>,
) -> Json<Vec<Offered>> {
    let mut offered: Vec<Offered> = Vec::new();
    for place in (desk.house.places)(&typed.q) {
        let others = place.candidates.iter().map(|candidate| Offered {
            text: place.text.clone(),
            names: candidate.names.clone(),
            codes: vec![candidate.code.clone()],
            detail: place.detail.clone(),
            score: candidate.score,
        });
        let others: Vec<Offered> = others.collect();
        let best = Offered {
            text: place.text.clone(),
            names: place.names,
            codes: place.codes,
            detail: place.detail,
            score: 1.0,
        };
        for one in std::iter::once(best).chain(others) {
            if !one.names.is_empty() && offered.iter().all(|other| other.names != one.names) {
                offered.push(one);
            }
        }
    }
    offered.truncate(OFFERED);
    Json(offered)
}

/// Answers to what is often asked.
#[utoipa::path(get, path = "/api/knowledge", tag = "words", params(Typed), responses((status = 200, description = "Entries, best first")))]
pub async fn knowledge(
    State(desk): State<Desk>,
    _: Me,
    Query(typed): Query<Typed>,
) -> Json<Vec<dialogue::Knowledge>> {
    let found = desk.shelf.find(&typed.q, OFFERED).into_iter();
    let entry =
        |(id, _): (String, f32)| desk.city.knowledge.iter().find(|entry| entry.id == id).cloned();
    Json(found.filter_map(entry).collect())
}

/// What calls are scored against.
#[utoipa::path(get, path = "/api/checklist", tag = "words", responses((status = 200, description = "Items; their points sum to 100")))]
pub async fn checklist(State(desk): State<Desk>, _: Me) -> Json<Vec<dialogue::ChecklistItem>> {
    Json(desk.city.checklist.clone())
}
