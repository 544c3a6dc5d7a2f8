//! Open311 GeoReport v2, JSON: other programs of the city read and create requests.
//!
//! Reading shows what may be shown to everybody: no caller, no words, no place below the street.
//! Both need a session, as everything does; there is no anonymous access to a hotline.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tickets::{Role, TicketId, written};

use crate::Desk;
use crate::board::{Choice, Sort};
use crate::by_hand::ByHand;
use crate::extract::{Json, Path, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::summary::Summary;
use crate::tickets_api::{joined, moment};

/// Requests in one answer at most, as the specification has it.
const MOST: usize = 1000;

/// What can be requested: the first-level categories.
#[utoipa::path(get, path = "/open311/v2/services.json", tag = "open311", responses((status = 200, description = "Services")))]
pub async fn services(State(desk): State<Desk>, _: Me) -> Json<Vec<Value>> {
    let service = |category: &dialogue::Category| {
        json!({ "service_code": category.name, "service_name": category.name,
                "description": category.below.join("、"), "metadata": false, "type": "realtime",
                "keywords": category.below.join(","), "group": "12345" })
    };
    Json(desk.city.categories.iter().map(service).collect())
}

/// Which requests.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Asked {
    /// Numbers, separated by commas.
    service_request_id: Option<String>,
    service_code: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
    /// open or closed.
    status: Option<String>,
}

fn request(ticket: &Summary) -> Value {
    let updated = [ticket.ended_at, ticket.answered_at, ticket.signed_at, ticket.dispatched_at];
    let updated = updated.into_iter().flatten().max().unwrap_or(ticket.opened_at);
    let street: Vec<&String> = ticket.place.iter().take(ticket.levels.min(4)).collect();
    json!({
        "service_request_id": ticket.id,
        "status": if ticket.status.is_open() { "open" } else { "closed" },
        "status_notes": ticket.status.name(),
        "service_name": ticket.category,
        "service_code": ticket.category,
        "description": ticket.category_2,
        "agency_responsible": ticket.department,
        "requested_datetime": written(ticket.started_at),
        "updated_datetime": written(updated),
        "expected_datetime": ticket.deadline.map(written),
        "address": street.iter().map(|name| name.as_str()).collect::<String>(),
    })
}

/// Requests, the newest first.
#[utoipa::path(get, path = "/open311/v2/requests.json", tag = "open311", params(Asked), responses((status = 200, description = "Requests")))]
pub async fn requests(
    State(desk): State<Desk>,
    me: Me,
    Query(asked): Query<Asked>,
) -> Result<Json<Vec<Value>>, Problem> {
    me.works_tickets()?;
    let task = tokio::task::spawn_blocking(move || {
        let open = match asked.status.as_deref() {
            None | Some("") => None,
            Some("open") => Some(true),
            Some("closed") => Some(false),
            Some(_) => return Err(Problem::bad("status 为 open 或 closed")),
        };
        let day =
            |text: &Option<String>, end| text.as_deref().map(|text| moment(text, end)).transpose();
        let choice = Choice {
            within: me.within().map(<[String]>::to_vec),
            category: asked.service_code.clone().filter(|code| !code.is_empty()),
            from: day(&asked.start_date, false)?,
            to: day(&asked.end_date, true)?,
            open,
            ..Choice::default()
        };
        let ids = asked.service_request_id.as_deref().map(|ids| {
            let ids = ids.split(',').filter_map(|id| id.trim().parse::<TicketId>().ok());
            ids.enumerate().map(|(rank, id)| (id, rank)).collect()
        });
        let board = desk.board();
        let now = (Timestamp::now(), &desk.policy);
        let page = board.page(&choice, ids.as_ref(), Some(Sort::Newest), None, MOST, now);
        Ok(page.tickets.into_iter().map(request).collect())
    });
    Ok(Json(joined(task).await?))
}

/// One request.
#[utoipa::path(get, path = "/open311/v2/requests/{id}", tag = "open311", responses((status = 200, description = "A list of one"), (status = 404, body = Problem)))]
pub async fn one(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
) -> Result<Json<Vec<Value>>, Problem> {
    let ticket = desk.visible(id.trim_end_matches(".json"), &me)?;
    Ok(Json(vec![request(&desk.summary(&ticket)?)]))
}

/// A request to be made.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct New {
    service_code: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    address_string: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

/// Makes a request: a ticket that somebody looks at before it goes anywhere.
#[utoipa::path(post, path = "/open311/v2/requests.json", tag = "open311", responses((status = 201, description = "Its number"), (status = 422, body = Problem)))]
pub async fn create(
    State(desk): State<Desk>,
    me: Me,
    Form(new): Form<New>,
) -> Result<Response, Problem> {
    me.must_be(&[Role::Agent, Role::Supervisor])?;
    if new.description.trim().is_empty() {
        return Err(Problem::invalid("description 不能为空"));
    }
    let title: String = new.description.trim().chars().take(60).collect();
    let name = [new.last_name, new.first_name].into_iter().flatten().collect::<String>();
    let typed = ByHand::of_request(
        new.service_code,
        title,
        new.description,
        name,
        new.phone,
        new.address_string,
    );
    let by = me.person.name.clone();
    let opening = desk.clone();
    let ticket =
        joined(tokio::task::spawn_blocking(move || opening.open_by_hand(typed, &by))).await?;
    let answer = json!([{ "service_request_id": ticket.id, "service_notice": "已受理" }]);
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}
