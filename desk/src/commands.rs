//! What is done to tickets: commands of a version that the person saw.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tickets::{Command, Error, Move, Role, Ticket};

use crate::Desk;
use crate::by_hand::LONGEST_TEXT;
use crate::extract::{Json, Path};
use crate::people::Me;
use crate::problem::Problem;
use crate::tickets_api::joined;

/// One command or several, all carried out or none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Commands {
    Many { commands: Vec<Value> },
    One(Value),
}

/// Characters of the longest text in some JSON.
fn longest(json: &Value) -> usize {
    match json {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(longest).max().unwrap_or(0),
        Value::Object(fields) => fields.values().map(longest).max().unwrap_or(0),
        _ => 0,
    }
}

/// Most commands at once.
const COMMANDS: usize = 50;

impl Desk {
    fn command(&self, mut json: Value, ticket: &Ticket) -> Result<Vec<Command>, Problem> {
        if longest(&json) > LONGEST_TEXT {
            return Err(Problem::invalid(format!("文字最多 {LONGEST_TEXT} 个字")));
        }
        // What the console sends beside the command proper.
        let second = json.as_object_mut().and_then(|json| json.remove("category_2"));
        if let Some(object) = json.as_object_mut()
            && matches!(
                object.get("command").and_then(Value::as_str),
                Some("correct" | "correct_transcript")
            )
            && object.get("why").and_then(Value::as_str).unwrap_or_default().trim().is_empty()
        {
            object.insert("why".to_owned(), "人工更正".into());
        }
        let command: Command = serde_json::from_value(json)
            .map_err(|_| Problem::bad("不认识这个操作，请刷新页面后重试"))?;
        let command = match command {
            Command::Correct { field, to: Value::String(text), why } if field == "place" => {
                let to = serde_json::to_value(self.place(&text)).unwrap_or_default();
                Command::Correct { field, to, why }
            }
            Command::Correct { field, to, why }
                if field == "department" && to.as_str().is_some() =>
            {
                let name = to.as_str().unwrap_or_default();
                Command::Correct { field, to: self.store.department(name)?.name.into(), why }
            }
            // Departments are renamed, and are called by other names.
            Command::Dispatch { to, co, why } => Command::Dispatch {
                to: self.called(to.or_else(|| ticket.proposed())),
                co: co.into_iter().filter_map(|name| self.called(Some(name))).collect(),
                why,
            },
            Command::AddDepartment { department, why } => {
                let department = self.called(Some(department)).unwrap_or_default();
                Command::AddDepartment { department, why }
            }
            other => other,
        };
        let why = match &command {
            Command::Correct { why, .. } => why.clone(),
            _ => String::new(),
        };
        let second = second.map(|to| Command::Correct { field: "category_2".to_owned(), to, why });
        Ok(std::iter::once(command).chain(second).collect())
    }

    /// The full name of a department that goes by a name; the name itself where there is none.
    fn called(&self, name: Option<String>) -> Option<String> {
        let name = name?;
        Some(self.store.department(&name).map_or(name, |known| known.name))
    }

    /// Whether the person may do all this to the ticket.
    fn allow(&self, me: &Me, ticket: &Ticket, commands: &[Command]) -> Result<(), Problem> {
        for command in commands {
            me.may_on(command.kind(), ticket).map_err(Problem::forbidden)?;
            let moves_deadline =
                matches!(command, Command::Correct { field, .. } if field == "deadline");
            if moves_deadline
                && ticket.life.dispatched_at.is_some()
                && me.person.role == Role::Agent
            {
                return Err(Problem::forbidden("派单以后的时限由班长更改，或由承办单位申请延期"));
            }
            if let Command::Merge { into } = command {
                self.visible(&into.to_string(), me)?;
            }
        }
        Ok(())
    }
}

/// Does something to a ticket, if it still has the version that the person saw.
#[utoipa::path(post, path = "/api/tickets/{id}/commands", tag = "tickets", responses((status = 200, description = "The ticket as it is then"), (status = 409, body = Problem), (status = 412, body = Problem), (status = 428, body = Problem)))]
pub async fn command(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(commands): Json<Value>,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let expected = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let Some(expected) = expected else {
        let status = StatusCode::PRECONDITION_REQUIRED;
        let detail = "请求缺少工单版本（If-Match）";
        return Err(Problem::new(status, "/problems/version-missing", "缺少版本", detail));
    };
    let expected: u32 = expected
        .trim_start_matches("W/")
        .trim_matches('"')
        .parse()
        .map_err(|_| Problem::bad("工单版本有误"))?;
    let commands: Commands =
        serde_json::from_value(commands).map_err(|_| Problem::bad("不认识这个操作"))?;
    let commands = match commands {
        Commands::Many { commands } if commands.len() <= COMMANDS => commands,
        Commands::Many { .. } => return Err(Problem::bad(format!("一次最多 {COMMANDS} 个操作"))),
        Commands::One(command) => vec![command],
    };
    let doing = desk.clone();
    let (doer, id) = (me.clone(), ticket.id);
    let task = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        for command in commands {
            all.extend(doing.command(command, &ticket)?);
        }
        if ticket.version != expected {
            return Err(Problem::stale(doing.ticket_json(&ticket, &doer)?));
        }
        doing.allow(&doer, &ticket, &all)?;
        doing.check_utterances(&ticket, &all)?;
        match doing.execute(id, Some(expected), all, &doer.person.name) {
            Err(Error::Conflict { .. }) => {
                let current = doing.visible(&id.to_string(), &doer)?;
                if current.version == expected {
                    return Err(Problem::refused("另一张工单刚刚被别人修改过，请重试"));
                }
                Err(Problem::stale(doing.ticket_json(&current, &doer)?))
            }
            done => Ok(done?),
        }
    });
    let ticket = joined(task).await?;
    desk.answer(&ticket, &me, StatusCode::OK)
}

/// Why a number is shown.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Why {
    #[serde(default)]
    why: String,
}

/// Shows the caller's number and name; that it was shown is an event.
#[utoipa::path(post, path = "/api/tickets/{id}/reveal", tag = "tickets", request_body = Why, responses((status = 200, description = "phone, name")))]
pub async fn reveal(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
    Json(why): Json<Why>,
) -> Result<Json<Value>, Problem> {
    let ticket = desk.visible(&id, &me)?;
    me.may_on(Move::Reveal, &ticket).map_err(Problem::forbidden)?;
    let command = Command::Reveal { what: "phone".to_owned(), why: why.why };
    let task = tokio::task::spawn_blocking(move || {
        desk.execute(ticket.id, None, vec![command], &me.person.name)?;
        Ok(json!({ "phone": ticket.fields.phone, "name": ticket.fields.name }))
    });
    Ok(Json(joined(task).await?))
}
