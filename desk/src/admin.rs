//! What administrators edit: departments, dispatch rules, people, models; and what was done.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tickets::{
    Change, Department, DispatchRule, Look, Person, RECORD_VERSION, Role, TYPES, written,
};

use crate::Desk;
use crate::extract::{Json, Path, Query};
use crate::people::{self, Me};
use crate::problem::Problem;
use crate::tickets_api::{joined, moment};

/// Changes and looks on a page.
const PAGE: usize = 50;
/// Most rules of a table.
const RULES: usize = 2000;
/// Emergencies that a rule may name.
const EMERGENCIES: [&str; 6] = ["fire", "crime", "medical", "traffic", "gas", "danger"];

/// All departments.
#[utoipa::path(get, path = "/api/departments", tag = "admin", responses((status = 200, description = "Departments by name")))]
pub async fn departments(
    State(desk): State<Desk>,
    _: Me,
) -> Result<Json<Vec<Department>>, Problem> {
    Ok(Json(desk.store.departments()?))
}

/// A department as it is to be.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(value_type = Object)]
pub struct Edited(Department);

/// Changes a department, its name too, or adds one.
#[utoipa::path(put, path = "/api/departments/{name}", tag = "admin", responses((status = 200, description = "Departments by name"), (status = 409, body = Problem)))]
pub async fn put_department(
    State(desk): State<Desk>,
    me: Me,
    Path(name): Path<String>,
    Json(Edited(mut department)): Json<Edited>,
) -> Result<Json<Vec<Department>>, Problem> {
    me.must_be(&[Role::Admin])?;
    department.name = department.name.trim().to_owned();
    let count = department.name.chars().count();
    if count == 0 || count > 60 {
        return Err(Problem::invalid("部门名称为 1 到 60 个字"));
    }
    let task = tokio::task::spawn_blocking(move || {
        let (by, now) = (&me.person.name, Timestamp::now());
        if desk.store.departments()?.iter().any(|known| known.name == name) {
            desk.store.edit_department(&name, &department, by, now)?;
        } else {
            desk.store.put_departments(&[department], by, now)?;
        }
        (desk.house.rules_changed)(());
        Ok(desk.store.departments()?)
    });
    Ok(Json(joined(task).await?))
}

/// The dispatch table with its version.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Table {
    version: String,
    #[schema(value_type = Vec<Object>)]
    rules: Vec<DispatchRule>,
}

impl Desk {
    fn table(&self) -> Result<Table, Problem> {
        let mut rules = self.store.dispatch_table()?;
        if rules.is_empty() {
            // Nobody has edited it yet: it is the city's file.
            rules = self.city.dispatch.iter().map(written_rule).collect();
        }
        let bytes = serde_json::to_vec(&rules).unwrap_or_default();
        let version =
            Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Table { version, rules })
    }
}

/// A rule of the city's file as the store keeps it.
pub fn written_rule(rule: &dialogue::Rule) -> DispatchRule {
    DispatchRule {
        types: crate::names(&rule.types),
        categories: rule.categories.iter().map(|name| name.get_ref().clone()).collect(),
        emergency: crate::names(&rule.emergency),
        first: rule.first,
        words: rule.words.list(),
        unless: rule.unless.list(),
        department: rule.department.get_ref().clone(),
        because: rule.because.clone(),
    }
}

/// The dispatch table.
#[utoipa::path(get, path = "/api/dispatch-rules", tag = "admin", responses((status = 200, description = "version, rules")))]
pub async fn rules(State(desk): State<Desk>, me: Me) -> Result<Json<Table>, Problem> {
    me.must_be(&[Role::Admin, Role::Supervisor])?;
    Ok(Json(desk.table()?))
}

/// Replaces the dispatch table, if it is still the one that the person saw.
#[utoipa::path(put, path = "/api/dispatch-rules", tag = "admin", responses((status = 200, description = "version, rules"), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn put_rules(
    State(desk): State<Desk>,
    me: Me,
    Json(table): Json<Table>,
) -> Result<Json<Table>, Problem> {
    me.must_be(&[Role::Admin])?;
    let task = tokio::task::spawn_blocking(move || {
        let _turn = desk.rules_turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = desk.table()?;
        if now.version != table.version {
            let current = serde_json::to_value(&now).unwrap_or_default();
            let mut problem = Problem::stale(current);
            problem.detail = "派单规则刚刚被别人修改过，请重新载入后再改".to_owned();
            return Err(problem);
        }
        desk.check_rules(&table.rules)?;
        desk.store.put_dispatch_table(&table.rules, &me.person.name, Timestamp::now())?;
        (desk.house.rules_changed)(());
        desk.table()
    });
    Ok(Json(joined(task).await?))
}

impl Desk {
    fn check_rules(&self, rules: &[DispatchRule]) -> Result<(), Problem> {
        if rules.is_empty() {
            return Err(Problem::invalid("至少要有一条规则"));
        }
        if rules.len() > RULES {
            return Err(Problem::invalid(format!("规则最多 {RULES} 条")));
        }
        let departments = self.store.departments()?;
        let mut problems = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let mut wrong = |field: &str, detail: String| {
                problems.push(json!({ "rule": at, "field": field, "detail": detail }));
            };
            match departments.iter().find(|known| known.name == rule.department) {
                None => wrong("department", format!("没有部门「{}」", rule.department)),
                Some(known) if !known.active => {
                    wrong("department", format!("「{}」已停用", rule.department));
                }
                Some(_) => {}
            }
            let known = |name: &String| self.city.categories.iter().any(|one| one.name == *name);
            if let Some(name) = rule.categories.iter().find(|name| !known(name)) {
                wrong("categories", format!("没有分类「{name}」"));
            }
            if let Some(name) = rule.types.iter().find(|name| !TYPES.contains(&name.as_str())) {
                wrong("types", format!("没有诉求类型「{name}」"));
            }
            let emergency =
                rule.emergency.iter().find(|name| !EMERGENCIES.contains(&name.as_str()));
            if let Some(name) = emergency {
                wrong("emergency", format!("没有突发类别「{name}」"));
            }
            if rule.because.trim().is_empty() {
                wrong("because", "请填写理由，话务员会看到".to_owned());
            }
            if rule.words.iter().any(|word| word.trim().is_empty()) {
                wrong("words", "有空的词".to_owned());
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        let mut problem = Problem::invalid(format!("有 {} 处需要修改，没有保存", problems.len()));
        problem.problems = Some(Box::new(problems.into()));
        Err(problem)
    }
}

/// An account as administrators see it.
fn person_json(desk: &Desk, person: &Person) -> Result<Value, Problem> {
    let sessions = desk.store.sessions()?;
    let seen = sessions.iter().filter(|(_, one)| one.login == person.login && !one.once);
    let seen = seen.map(|(_, one)| one.created_at).max();
    Ok(json!({
        "login": person.login, "name": person.name, "role": person.role,
        "department": person.department, "active": person.active,
        "created_at": written(person.created_at), "last_seen": seen.map(written),
        "has_password": person.password.is_some(),
    }))
}

/// Everybody with an account.
#[utoipa::path(get, path = "/api/people", tag = "admin", responses((status = 200, description = "Accounts by login")))]
pub async fn people(State(desk): State<Desk>, me: Me) -> Result<Json<Vec<Value>>, Problem> {
    me.must_be(&[Role::Admin])?;
    let people = desk.store.people()?;
    Ok(Json(people.iter().map(|person| person_json(&desk, person)).collect::<Result<_, _>>()?))
}

/// An account to be made or changed.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Account {
    #[serde(default)]
    login: String,
    name: String,
    #[schema(value_type = String)]
    role: Role,
    #[serde(default)]
    department: Option<String>,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// Makes an account, with a link for its owner.
#[utoipa::path(post, path = "/api/people", tag = "admin", request_body = Account, responses((status = 201, description = "The account with its link"), (status = 409, body = Problem)))]
pub async fn add_person(
    State(desk): State<Desk>,
    me: Me,
    Json(mut account): Json<Account>,
) -> Result<Response, Problem> {
    me.must_be(&[Role::Admin])?;
    account.login = account.login.trim().to_owned();
    let task = tokio::task::spawn_blocking(move || {
        let _turn = desk.people_turn();
        if desk.store.person(&account.login)?.is_some() {
            return Err(Problem::refused(format!("账号「{}」已经有了", account.login)));
        }
        let person = Person {
            login: account.login.trim().to_owned(),
            name: account.name.trim().to_owned(),
            role: account.role,
            department: account.department.filter(|_| account.role == Role::Handler),
            active: account.active,
            password: None,
            created_at: Timestamp::now(),
        };
        desk.store.put_person(&person, &me.person.name, Timestamp::now())?;
        let mut json = person_json(&desk, &person)?;
        json["link"] = people::link(&desk.store, &person.login)?.into();
        Ok((StatusCode::CREATED, Json(json)).into_response())
    });
    joined(task).await
}

/// Changes an account; whoever loses rights is signed out.
#[utoipa::path(put, path = "/api/people/{login}", tag = "admin", request_body = Account, responses((status = 200, description = "The account"), (status = 409, body = Problem)))]
pub async fn put_person(
    State(desk): State<Desk>,
    me: Me,
    Path(login): Path<String>,
    Json(account): Json<Account>,
) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Admin])?;
    let task = tokio::task::spawn_blocking(move || {
        let _turn = desk.people_turn();
        let known = desk.store.person(&login)?.ok_or_else(|| Problem::absent("这个账号"))?;
        let person = Person {
            name: account.name.trim().to_owned(),
            role: account.role,
            department: account.department.filter(|_| account.role == Role::Handler),
            active: account.active,
            ..known.clone()
        };
        desk.store.put_person(&person, &me.person.name, Timestamp::now())?;
        let rights = |person: &Person| (person.role, person.department.clone(), person.active);
        if rights(&known) != rights(&person) {
            let keep = (me.person.login == login && person.active).then_some(me.key.as_str());
            people::sign_out(&desk.store, &login, keep)?;
        }
        person_json(&desk, &person)
    });
    Ok(Json(joined(task).await?))
}

/// A new link for an account whose owner forgot the password.
#[utoipa::path(post, path = "/api/people/{login}/link", tag = "admin", responses((status = 200, description = "link")))]
pub async fn new_link(
    State(desk): State<Desk>,
    me: Me,
    Path(login): Path<String>,
) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Admin])?;
    let task = tokio::task::spawn_blocking(move || {
        let person = desk.store.person(&login)?.filter(|person| person.active);
        let person = person.ok_or_else(|| Problem::absent("这个账号，或者它已停用"))?;
        Ok(json!({ "link": people::link(&desk.store, &person.login)? }))
    });
    Ok(Json(joined(task).await?))
}

/// The models there are.
#[utoipa::path(get, path = "/api/models", tag = "admin", responses((status = 200, description = "whisper, classifiers")))]
pub async fn models(State(desk): State<Desk>, me: Me) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Admin])?;
    let task =
        tokio::task::spawn_blocking(move || (desk.house.models)(()).map_err(Problem::refused));
    Ok(Json(joined(task).await?))
}

/// A model's name.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Name {
    name: String,
}

/// Makes a model the default.
#[utoipa::path(post, path = "/api/models/use", tag = "admin", request_body = Name, responses((status = 200, description = "whisper, classifiers")))]
pub async fn use_model(
    State(desk): State<Desk>,
    me: Me,
    Json(name): Json<Name>,
) -> Result<Json<Value>, Problem> {
    me.must_be(&[Role::Admin])?;
    let task = tokio::task::spawn_blocking(move || {
        (desk.house.use_model)(&name.name).map_err(Problem::refused)?;
        let why = format!("改用模型 {}", name.name);
        desk.store.record_look(&Look {
            v: RECORD_VERSION,
            at: Timestamp::now(),
            by: me.person.name.clone(),
            what: "model".to_owned(),
            call: String::new(),
            redacted: true,
            why,
        })?;
        (desk.house.models)(()).map_err(Problem::refused)
    });
    Ok(Json(joined(task).await?))
}

/// Whose history.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub struct Of {
    /// departments, dispatch or people.
    of: String,
}

/// What was done to departments, rules or accounts, newest first.
#[utoipa::path(get, path = "/api/history", tag = "admin", params(Of), responses((status = 200, description = "Changes")))]
pub async fn history(
    State(desk): State<Desk>,
    me: Me,
    Query(of): Query<Of>,
) -> Result<Json<Vec<Value>>, Problem> {
    me.must_be(&[Role::Admin])?;
    let mut changes = match of.of.as_str() {
        "departments" => told("部门", desk.store.department_changes()?, |one| one.name.clone()),
        "dispatch" => {
            told("派单规则", desk.store.dispatch_changes()?, |one| one.because.clone())
        }
        "people" => told("账号", desk.store.person_changes()?, |one| one.login.clone()),
        "models" => Vec::new(),
        _ => return Err(Problem::bad("of 为 departments、dispatch 或 people")),
    };
    changes.sort_by(|left, right| right["at"].as_str().cmp(&left["at"].as_str()));
    Ok(Json(changes))
}

fn told<T: Serialize>(
    what: &str,
    changes: Vec<Change<T>>,
    name: impl Fn(&T) -> String,
) -> Vec<Value> {
    let change = |change: &Change<T>| {
        let named = change.to.as_ref().or(change.from.as_ref()).map(&name).unwrap_or_default();
        let did = match (&change.from, &change.to) {
            (None, _) => "新增",
            (_, None) => "删除",
            _ => "修改",
        };
        json!({ "at": written(change.at), "by": if change.by == "hotline" { "系统" } else { &change.by },
                "what": named, "text": format!("{did}{what}「{named}」"),
                "from": change.from, "to": change.to })
    };
    changes.iter().map(change).collect()
}

/// Which looks.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Looked {
    call: Option<String>,
    /// A part of the name.
    by: Option<String>,
    /// A day or a moment.
    from: Option<String>,
    /// A day, included, or a moment.
    to: Option<String>,
    cursor: usize,
}

/// Who looked at which call, newest first.
#[utoipa::path(get, path = "/api/looks", tag = "admin", params(Looked), responses((status = 200, description = "Looks")))]
pub async fn looks(
    State(desk): State<Desk>,
    me: Me,
    Query(asked): Query<Looked>,
) -> Result<Json<Vec<Value>>, Problem> {
    me.must_be(&[Role::Admin, Role::Supervisor])?;
    let task = tokio::task::spawn_blocking(move || {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (call, by) = (given(&asked.call), given(&asked.by));
        let from = given(&asked.from).map(|text| moment(&text, false)).transpose()?;
        let to = given(&asked.to).map(|text| moment(&text, true)).transpose()?;
        let narrow = call.is_some() || by.is_some() || from.is_some();
        let reach = if narrow { usize::MAX } else { asked.cursor.saturating_add(PAGE) };
        let looks = desk.store.looks(to, reach)?;
        let wanted = looks
            .into_iter()
            .filter(|look| call.as_ref().is_none_or(|call| *call == look.call))
            .filter(|look| by.as_ref().is_none_or(|by| look.by.contains(by.as_str())))
            .filter(|look| from.is_none_or(|from| look.at >= from))
            .skip(asked.cursor)
            .take(PAGE);
        Ok(wanted
            .map(|look| {
                let board = desk.board();
                let ticket = board.of_call(&look.call).next().map(|ticket| ticket.id);
                json!({ "at": written(look.at), "by": look.by, "what": look.what, "call": look.call,
                        "ticket": ticket, "redacted": look.redacted, "why": look.why })
            })
            .collect())
    });
    Ok(Json(joined(task).await?))
}
