//! Tickets: lists, one ticket, and everything that can be done to it.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Multipart, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use calendar::china;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tickets::{Attachment, Command, Error, Fields, Move, Role, Ticket, TicketId};

use crate::Desk;
use crate::board::{Choice, Counts, Key, Queue, Sort};
use crate::extract::{Json, Path, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::summary::Row;

/// Tickets on a page when nobody says otherwise, and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;
/// Tickets that words may find, of which the list is made.
const FOUND: usize = 2000;
/// Tickets shown beside one.
const BESIDE: usize = 8;
/// Least likeness of a ticket that is shown as similar.
const ALIKE: f32 = 0.25;
/// Largest attachment, in bytes.
pub const LARGEST_ATTACHMENT: usize = 20 << 20;
/// Longest text that a field of a ticket by hand may hold, in characters.
const LONGEST_TEXT: usize = 4000;

/// What is asked of a list. Days are China's.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Asked {
    queue: Option<Queue>,
    status: Option<String>,
    department: Option<String>,
    category: Option<String>,
    #[serde(rename = "type")]
    request_type: Option<String>,
    urgency: Option<String>,
    /// Words, as people type them.
    q: Option<String>,
    /// A telephone number, or what a caller is known by.
    caller: Option<String>,
    place: Option<String>,
    /// A day or a moment.
    from: Option<String>,
    /// A day, included, or a moment.
    to: Option<String>,
    confidence_below: Option<f64>,
    overdue: Option<bool>,
    due_soon: Option<bool>,
    open: Option<bool>,
    /// responded, solved, satisfied, signed, on_time, refused or redone: tickets that spoil it.
    flaw: Option<String>,
    hour: Option<i8>,
    weekday: Option<i8>,
    sort: Sort,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A page of tickets.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct List {
    items: Vec<Row>,
    /// Cursor of the next page.
    next: Option<String>,
    /// Tickets in all.
    total: usize,
    /// Tickets by queue, within what this person may see.
    #[schema(value_type = Object)]
    counts: Arc<Counts>,
}

/// A day or a moment; `end`: of a day, the moment after it.
pub fn moment(text: &str, end: bool) -> Result<Timestamp, Problem> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let day: Date = text.parse().map_err(|_| Problem::bad(format!("「{text}」不是日期")))?;
    let day = if end { day.tomorrow().unwrap_or(day) } else { day };
    china().to_timestamp(day.at(0, 0, 0, 0)).map_err(|_| Problem::bad("日期超出范围"))
}

impl Desk {
    /// What a caller is known by, from a number or from that itself.
    pub(crate) fn key_of(&self, caller: &str) -> String {
        let digits: String = caller.chars().filter(char::is_ascii_digit).collect();
        let number = caller.chars().all(|ch| ch.is_ascii_digit() || matches!(ch, ' ' | '-' | '+'));
        if number && (5..=13).contains(&digits.len()) {
            self.caller_key(&digits)
        } else {
            caller.trim().to_lowercase()
        }
    }

    pub(crate) fn choice(&self, asked: &Asked, me: &Me) -> Result<Choice, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let status = given(&asked.status);
        let status = status.map(|name| name.parse()).transpose();
        Ok(Choice {
            within: me.within().map(<[String]>::to_vec),
            queue: asked.queue,
            status: status.map_err(|_: String| Problem::bad("没有这个状态"))?,
            department: given(&asked.department),
            category: given(&asked.category),
            request_type: given(&asked.request_type),
            urgency: given(&asked.urgency),
            // Trying numbers out must not tell a handler whose they are.
            caller_key: given(&asked.caller).map(|caller| match me.may_see_all() {
                true => self.key_of(&caller),
                false => caller,
            }),
            place: given(&asked.place),
            from: given(&asked.from).map(|text| moment(&text, false)).transpose()?,
            to: given(&asked.to).map(|text| moment(&text, true)).transpose()?,
            confidence_below: asked.confidence_below,
            overdue: asked.overdue,
            due_soon: asked.due_soon,
            open: asked.open,
            flaw: given(&asked.flaw),
            hour: asked.hour,
            weekday: asked.weekday,
        })
    }

    /// The counts of all queues.
    pub(crate) fn counts(&self, within: Option<&[String]>) -> Arc<Counts> {
        self.board().counts(within, Timestamp::now())
    }

    /// A ticket that the person may see; to others it is not there.
    pub(crate) fn visible(&self, id: &str, me: &Me) -> Result<Ticket, Problem> {
        me.works_tickets()?;
        let absent = || Problem::absent("这张工单");
        let id: TicketId = id.parse().map_err(|_| absent())?;
        let ticket = match self.store.ticket(id) {
            Err(Error::NoTicket(_)) => return Err(absent()),
            ticket => ticket?,
        };
        me.sees(&ticket).then_some(ticket).ok_or_else(absent)
    }

    /// Ids of tickets that words find, with their rank; a number finds its ticket.
    fn among(
        &self,
        words: &str,
        within: Option<&[String]>,
    ) -> Result<HashMap<TicketId, usize>, Problem> {
        if let Ok(id) = words.trim().parse::<TicketId>() {
            return Ok(HashMap::from([(id, 0)]));
        }
        let query = search::Query {
            words: words.to_owned(),
            ticket: Some(true),
            departments_visible: within.map(<[String]>::to_vec),
            limit: FOUND,
            ..search::Query::default()
        };
        let found = self.finding.find(&query)?;
        let ids = found.hits.iter().filter_map(|hit| hit.key.parse().ok());
        Ok(ids.enumerate().map(|(rank, id)| (id, rank)).collect())
    }

    fn answer(&self, ticket: &Ticket, me: &Me, status: StatusCode) -> Result<Response, Problem> {
        let etag = format!("\"{}\"", ticket.version);
        let etag = HeaderValue::from_str(&etag).map_err(|_| Problem::bad("版本有误"))?;
        let json = self.ticket_json(ticket, me)?;
        Ok((status, [(header::ETAG, etag)], Json(json)).into_response())
    }
}

fn cursor(key: Key) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{} {} {}", key.0, key.1, key.2))
}

fn parse_cursor(text: &str) -> Result<Key, Problem> {
    let parse = || {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.split(' ');
        Some((
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    };
    parse().ok_or_else(|| Problem::bad("翻页标记有误，请重新查询"))
}

/// Tickets, a page at a time.
#[utoipa::path(get, path = "/api/tickets", tag = "tickets", params(Asked), responses((status = 200, body = List), (status = 400, body = Problem)))]
pub async fn list(
    State(desk): State<Desk>,
    me: Me,
    Query(asked): Query<Asked>,
) -> Result<Json<List>, Problem> {
    me.works_tickets()?;
    let list = tokio::task::spawn_blocking(move || {
        let choice = desk.choice(&asked, &me)?;
        let words = asked.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        let among = words.map(|words| desk.among(words, me.within())).transpose()?;
        let after = asked.cursor.as_deref().map(parse_cursor).transpose()?;
        let limit = asked.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
        let now = Timestamp::now();
        let board = desk.board();
        let page =
            board.page(&choice, among.as_ref(), asked.sort, after, limit, (now, &desk.policy));
        let items = page.tickets.iter().map(|ticket| ticket.row(now, &desk.policy)).collect();
        let counts = board.counts(me.within(), now);
        Ok(List { items, next: page.next.map(cursor), total: page.total, counts })
    });
    Ok(Json(joined(list).await?))
}

/// A task's answer; one that panicked is a broken request and nothing more.
pub(crate) async fn joined<T>(
    task: tokio::task::JoinHandle<Result<T, Problem>>,
) -> Result<T, Problem> {
    // A panic's own words might quote what somebody said.
    task.await.unwrap_or_else(|_| Err(Problem::broken(&std::io::Error::other("a task panicked"))))
}

/// One ticket, with what this person may do to it.
#[utoipa::path(get, path = "/api/tickets/{id}", tag = "tickets", responses((status = 200, description = "The ticket; its version is the ETag"), (status = 404, body = Problem)))]
pub async fn one(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    desk.answer(&ticket, &me, StatusCode::OK)
}

/// Similar open tickets, and the same caller's.
#[utoipa::path(get, path = "/api/tickets/{id}/beside", tag = "tickets", responses((status = 200, description = "similar, caller")))]
pub async fn beside(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let task = tokio::task::spawn_blocking(move || {
        let within = me.within().map(<[String]>::to_vec);
        let filters = search::Query {
            ticket: Some(true),
            departments_visible: within,
            ..search::Query::default()
        };
        let place =
            ticket.fields.place.as_ref().map_or(String::new(), |place| place.names.concat());
        let text = format!("{}\n{place}", ticket.fields.title);
        let alike = desk.finding.similar(&text, &filters, BESIDE * 4)?;
        let now = Timestamp::now();
        let board = desk.board();
        let similar: Vec<Value> = alike
            .into_iter()
            .filter(|(_, score)| *score >= ALIKE)
            .filter_map(|(key, score)| Some((board.get(key.parse().ok()?)?, score)))
            .filter(|(other, _)| other.id != ticket.id && other.status.is_open())
            // The index may be a moment behind.
            .filter(|(other, _)| me.within().is_none_or(|names| other.has_any(names)))
            .take(BESIDE)
            .map(|(other, score)| {
                let mut row =
                    serde_json::to_value(other.row(now, &desk.policy)).unwrap_or_default();
                row["score"] = json!((f64::from(score) * 100.0).round() / 100.0);
                row
            })
            .collect();
        let key = board.get(ticket.id).and_then(|summary| summary.caller_key.clone());
        let caller: Vec<Row> = key
            .iter()
            .flat_map(|key| board.of_caller(key))
            .filter(|other| other.id != ticket.id)
            .filter(|other| me.within().is_none_or(|names| other.has_any(names)))
            .map(|other| other.row(now, &desk.policy))
            .rev_take(BESIDE);
        Ok(json!({ "similar": similar, "caller": caller }))
    });
    Ok(Json(joined(task).await?))
}

/// The newest few of what comes oldest first.
trait RevTake: Iterator + Sized {
    fn rev_take(self, count: usize) -> Vec<Self::Item> {
        let mut all: Vec<Self::Item> = self.collect();
        all.reverse();
        all.truncate(count);
        all
    }
}

impl<I: Iterator> RevTake for I {}

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
    me.only(&[Role::Agent, Role::Supervisor])?;
    let by = me.person.name.clone();
    let opening = desk.clone();
    let ticket =
        joined(tokio::task::spawn_blocking(move || opening.open_by_hand(typed, &by))).await?;
    desk.answer(&ticket, &me, StatusCode::CREATED)
}

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

/// Adds a file to a ticket.
#[utoipa::path(post, path = "/api/tickets/{id}/attachments", tag = "tickets", responses((status = 201, description = "The ticket"), (status = 413, body = Problem)))]
pub async fn attach(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
    mut form: Multipart,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let too_large = || {
        let detail = format!("附件最大 {} MB", LARGEST_ATTACHMENT >> 20);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "/problems/too-large", "文件太大", detail)
    };
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(|_| too_large())? {
        if field.name() == Some("file") {
            let name = bare_name(field.file_name().unwrap_or_default());
            let media_type = media_type(&name);
            let bytes = field.bytes().await.map_err(|_| too_large())?;
            file = Some((name, media_type, bytes));
        }
    }
    let Some((name, media_type, bytes)) = file else {
        return Err(Problem::bad("没有收到文件"));
    };
    if bytes.len() > LARGEST_ATTACHMENT {
        return Err(too_large());
    }
    let (doing, by) = (desk.clone(), me.person.name.clone());
    let task = tokio::task::spawn_blocking(move || {
        let sha256 = doing.store.files().put_attachment(&bytes)?;
        let attachment = Attachment {
            name,
            sha256,
            bytes: bytes.len() as u64,
            media_type: media_type.to_owned(),
        };
        Ok(doing.execute(ticket.id, None, vec![Command::Attach(attachment)], &by)?)
    });
    let ticket = joined(task).await?;
    desk.answer(&ticket, &me, StatusCode::CREATED)
}

/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 100;

/// A file's name without folders and without signs that lead astray.
fn bare_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain =
        |ch: &char| !ch.is_control() && !matches!(ch, '"' | '<' | '>' | ':' | '|' | '?' | '*');
    let kept: String = last.chars().filter(plain).take(LONGEST_NAME).collect();
    let kept = kept.trim_matches(['.', ' ']);
    if kept.is_empty() { "附件".to_owned() } else { kept.to_owned() }
}

/// What a file is, by its ending alone: what a browser says is not believed.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, end)| end.to_ascii_lowercase());
    match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

/// An attachment, always as a download: nothing that was uploaded runs on this origin.
#[utoipa::path(get, path = "/api/tickets/{id}/attachments/{n}", tag = "tickets", responses((status = 200, description = "The file"), (status = 404, body = Problem)))]
pub async fn attachment(
    State(desk): State<Desk>,
    me: Me,
    Path((id, n)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let file = ticket.life.attachments.get(n).ok_or_else(|| Problem::absent("这个附件"))?;
    let path = desk.store.files().attachment(&file.sha256);
    let bytes = tokio::fs::read(&path).await.map_err(|_| Problem::absent("这个附件的文件"))?;
    Ok((
        [
            (header::CONTENT_TYPE, file.media_type.clone()),
            (header::CONTENT_DISPOSITION, download(&file.name)),
        ],
        bytes,
    )
        .into_response())
}

/// A Content-Disposition for any name (RFC 6266, RFC 8187).
pub(crate) fn download(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let mut encoded = String::new();
    for byte in name.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a page gives is what the next one takes; anything else is a refusal, not a panic.
        #[test]
        fn cursors_come_back_as_they_went(first: i64, second: i64, counter in 1u32..99_999, junk in ".{0,60}") {
            let key = (first, second, TicketId { day: 20261126, counter });
            prop_assert_eq!(parse_cursor(&cursor(key)).ok(), Some(key));
            let _ = parse_cursor(&junk);
            let _ = moment(&junk, true);
        }

        /// Whatever a file is called, its name is no path and says nothing to a header.
        #[test]
        fn names_of_files_stay_names(name in ".{0,200}") {
            let bare = bare_name(&name);
            prop_assert!(!bare.is_empty() && !bare.contains(['/', '\\', '"', '\n', '\r', '\0']));
            prop_assert!(bare != "." && bare != "..");
            prop_assert!(download(&bare).is_ascii());
        }
    }
}
