//! Tickets that a person types, or another program sends.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use tickets::{Command, Fields, Role, Ticket};

use crate::Desk;
use crate::extract::Json;
use crate::people::Me;
use crate::problem::Problem;
use crate::tickets_api::joined;

/// Longest text of a ticket, in characters.
pub const LONGEST_TEXT: usize = 4000;

/// A ticket that somebody types.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct ByHand {
    #[serde(rename = "type")]
    request_type: String,
    category: String,
    #[serde(default)]
    category_2: Option<String>,
    #[serde(default)]
    urgency: Option<String>,
    title: String,
    #[serde(default)]
    phone: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    place: Option<String>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    department: Option<String>,
    /// Send it to the department at once.
    #[serde(default)]
    dispatch: bool,
}

impl ByHand {
    /// A request that came from another program.
    pub(crate) fn of_request(
        category: String,
        title: String,
        description: String,
        name: String,
        phone: Option<String>,
        place: Option<String>,
    ) -> ByHand {
        ByHand {
            request_type: "求助".to_owned(),
            category,
            category_2: None,
            urgency: None,
            title,
            phone,
            name: Some(name),
            place,
            subject: None,
            description: Some(description),
            department: None,
            dispatch: false,
        }
    }
}

impl Desk {
    /// Opens a ticket in somebody's name; every field is checked as a correction is.
    pub(crate) fn open_by_hand(&self, typed: ByHand, by: &str) -> Result<Ticket, Problem> {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let lengths = [
            Some(&typed.title),
            typed.description.as_ref(),
            typed.subject.as_ref(),
            typed.name.as_ref(),
            typed.place.as_ref(),
            typed.category_2.as_ref(),
        ];
        if lengths.into_iter().flatten().any(|text| text.chars().count() > LONGEST_TEXT) {
            return Err(Problem::invalid(format!("文字最多 {LONGEST_TEXT} 个字")));
        }
        let one_of = |what: &str, names: &[&str], name: &str| {
            let known = names.contains(&name);
            known
                .then_some(())
                .ok_or_else(|| Problem::invalid(format!("没有这个{what}：「{name}」")))
        };
        let urgency = given(typed.urgency).unwrap_or_else(|| tickets::URGENCIES[0].to_owned());
        one_of("诉求类型", &tickets::TYPES, &typed.request_type)?;
        one_of("紧急程度", &tickets::URGENCIES, &urgency)?;
        let categories: Vec<&str> =
            self.city.categories.iter().map(|category| category.name.as_str()).collect();
        one_of("分类", &categories, &typed.category)?;
        if typed.title.trim().is_empty() {
            return Err(Problem::invalid("请填写标题"));
        }
        let phone = given(typed.phone);
        let is_phone = |phone: &String| {
            (5..=12).contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit())
        };
        if phone.as_ref().is_some_and(|phone| !is_phone(phone)) {
            return Err(Problem::invalid("联系电话应为 5 到 12 位数字"));
        }
        let department = given(typed.department);
        let department = department.map(|name| self.store.department(&name)).transpose()?;
        if department.as_ref().is_some_and(|department| !department.active) {
            return Err(Problem::invalid("这个部门已停用，请选择别的部门"));
        }
        let place = given(typed.place).map(|text| self.place(&text));
        let fields = Fields {
            request_type: typed.request_type,
            category: typed.category,
            category_2: given(typed.category_2),
            urgency,
            title: typed.title.trim().to_owned(),
            phone,
            name: given(typed.name),
            place,
            subject: given(typed.subject),
            description: given(typed.description),
            department: department.map(|department| department.name),
            ..Fields::default()
        };
        let sends = typed.dispatch && fields.department.is_some();
        let program = env!("CARGO_PKG_VERSION");
        let ticket = self.store.open_by_hand(&fields, by, Timestamp::now(), program)?;
        if !sends {
            return Ok(ticket);
        }
        let dispatch = Command::Dispatch { to: None, co: Vec::new(), why: String::new() };
        Ok(self.execute(ticket.id, None, vec![dispatch], by)?)
    }

    /// The best reading of a place, or the words alone.
    pub(crate) fn place(&self, text: &str) -> tickets::Place {
        let said = tickets::Place { text: text.to_owned(), ..tickets::Place::default() };
        let found = (self.house.places)(text).into_iter().next();
        found.map_or(said, |found| tickets::Place { text: text.to_owned(), ..found })
    }
}

/// Opens a ticket by hand.
#[utoipa::path(post, path = "/api/tickets", tag = "tickets", request_body = ByHand, responses((status = 201, description = "The ticket"), (status = 422, body = Problem)))]
pub async fn open(
    State(desk): State<Desk>,
    me: Me,
    Json(typed): Json<ByHand>,
) -> Result<Response, Problem> {
    me.must_be(&[Role::Agent, Role::Supervisor])?;
    let by = me.person.name.clone();
    let opening = desk.clone();
    let ticket =
        joined(tokio::task::spawn_blocking(move || opening.open_by_hand(typed, &by))).await?;
    desk.answer(&ticket, &me, StatusCode::CREATED)
}
