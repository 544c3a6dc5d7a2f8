//! The API as browsers and other programs use it, without a network: every request goes through
//! all layers.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dialogue::City;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tickets::{Call, Department, Fields, MadeBy, NewCall, RECORD_VERSION, Status, Store, TicketId};
use tower::ServiceExt;

use crate::{Desk, House, serve};

mod access;
mod work;

/// Departments of the test city.
const WATER: &str = "区水务局";
const CIVIL: &str = "区民政局";
const PASSWORD: &str = "correct horse 12";

/// A desk over a store of its own.
struct Room {
    desk: Desk,
    routes: Router,
    /// Tickets of the one call: led by 区水务局, led by 区民政局, both 待复核.
    ids: Vec<TicketId>,
    call: String,
    _dir: TempDir,
}

/// A browser: its cookie and what its requests repeat.
#[derive(Clone)]
struct Browser {
    routes: Router,
    cookie: String,
    csrf: String,
}

/// An answer.
struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {} {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }

    #[track_caller]
    fn is(self, status: u16) -> Answer {
        let body = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{body}");
        if status >= 400 {
            // Every refusal is a problem with something to read.
            let kind = &self.headers[header::CONTENT_TYPE];
            assert_eq!(kind, "application/problem+json", "{body}");
            let problem = self.json();
            assert_eq!(problem["status"], status, "{problem}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.chars().count() >= 4, "{problem}");
        }
        self
    }
}

async fn ask(routes: &Router, request: Request<Body>) -> Answer {
    let response = routes.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:12345")
}

fn json_body(builder: axum::http::request::Builder, body: &Value) -> Request<Body> {
    let builder = builder.header(header::CONTENT_TYPE, "application/json");
    builder.body(Body::from(body.to_string())).unwrap()
}

impl Browser {
    async fn get(&self, path: &str) -> Answer {
        let request = request("GET", path).header(header::COOKIE, &self.cookie);
        ask(&self.routes, request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = request(method, path)
            .header(header::COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf);
        ask(&self.routes, json_body(request, &body)).await
    }

    /// Commands on a ticket as it was seen at a version.
    async fn command(&self, id: TicketId, version: u64, body: Value) -> Answer {
        let request = request("POST", &format!("/api/tickets/{id}/commands"))
            .header(header::COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .header(header::IF_MATCH, format!("\"{version}\""));
        ask(&self.routes, json_body(request, &body)).await
    }

    /// A command on a ticket as it is now.
    async fn does(&self, id: TicketId, body: Value) -> Answer {
        let ticket = self.get(&format!("/api/tickets/{id}")).await.is(200).json();
        self.command(id, ticket["version"].as_u64().unwrap(), body).await
    }

    async fn upload(&self, path: &str, name: &str, bytes: &[u8]) -> Answer {
        let mut body = Vec::new();
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(bytes);
        body.extend(b"\r\n--x--\r\n");
        let request = request("POST", path)
            .header(header::COOKIE, &self.cookie)
            .header("x-csrf-token", &self.csrf)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        ask(&self.routes, request.body(Body::from(body)).unwrap()).await
    }
}

fn said(text: &str, start_ms: u64) -> nlu::Said {
    let mut said = nlu::Said::from_text(nlu::Leg::Caller, text);
    for (at, ch) in (0u64..).zip(&mut said.chars) {
        (ch.start_ms, ch.end_ms) = (start_ms + at * 200, start_ms + at * 200 + 180);
    }
    said.start_ms = start_ms;
    said.end_ms = said.chars.last().map_or(start_ms, |ch| ch.end_ms);
    said
}

/// Files wait, which a task must not: as the desk does, they are left to another thread.
fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// Two seconds of a tone and what is said in it.
fn put_call(store: &Store, dir: &Path, name: u32) -> Call {
    let samples = (0..32_000u32).flat_map(|at| {
        let value = ((at * (name + 7) % 101) as i16 - 50) * 200;
        value.to_le_bytes()
    });
    let data: Vec<u8> = samples.collect();
    let mut wav = audio::wav_header(1, audio::SAMPLE_RATE, 32_000).to_vec();
    wav.extend(data);
    let path = dir.join(format!("{name}.wav"));
    std::fs::write(&path, wav).unwrap();
    let sha256 = aside(|| store.files().put_recording(&path, "wav").unwrap());
    let heard = nlu::Heard {
        said: vec![said("你好我要反映水管漏水", 0), said("电话是13810001000", 1000)],
        started_at: started(),
        line_number: None,
    };
    let transcript = json!({ "v": 1, "duration_ms": 2000, "incomplete": null, "heard": heard });
    let transcript = transcript.to_string();
    let transcript = aside(|| store.files().put_transcript(transcript.as_bytes()).unwrap());
    Call {
        v: RECORD_VERSION,
        sha256,
        ending: "wav".to_owned(),
        recording: format!("{name}.wav"),
        transcript,
        started_at: started(),
        received_at: started(),
        duration_ms: 2000,
        outcome: "tickets".to_owned(),
        incomplete: None,
        tickets: Vec::new(),
        made_by: MadeBy::default(),
    }
}

fn started() -> Timestamp {
    "2026-11-20T01:14:05Z".parse().unwrap()
}

fn fields(title: &str, department: &str) -> Fields {
    Fields {
        request_type: "投诉".to_owned(),
        category: "城乡建设".to_owned(),
        department: Some(department.to_owned()),
        urgency: "一般".to_owned(),
        phone: Some("13810001000".to_owned()),
        title: title.to_owned(),
        ..Fields::default()
    }
}

fn house() -> House {
    House {
        submit: Box::new(|upload| {
            // As the real one does, in the end.
            std::fs::remove_file(upload.path).unwrap();
            Ok("1".to_owned())
        }),
        places: Box::new(|text| {
            vec![tickets::Place { text: text.to_owned(), ..Default::default() }]
        }),
        decide: Box::new(|_| Vec::new()),
        rules_changed: Box::new(|()| {}),
        models: Box::new(|()| Ok(json!({ "whisper": [], "classifiers": [] }))),
        use_model: Box::new(|name| Err(format!("没有模型 {name}"))),
    }
}

impl Room {
    fn new() -> Room {
        let dir = tempfile::tempdir().unwrap();
        let city = City::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../city")).unwrap();
        let department = |name: &str| Department {
            name: name.to_owned(),
            level: "区".to_owned(),
            active: true,
            ..Department::default()
        };
        let departments = [department(WATER), department(CIVIL)];
        let store = Arc::new(Store::open(&dir.path().join("data"), &departments).unwrap());
        let call = put_call(&store, dir.path(), 1);
        let tickets = vec![
            (Status::Review, fields("水管漏水", WATER)),
            (Status::Review, fields("低保怎么办", CIVIL)),
        ];
        let call = store.take(&NewCall { call, tickets }, "hotline").unwrap();
        let desk = Desk::open(store, city, house(), false, false).unwrap();
        let routes = serve::routes(desk.clone());
        Room { desk, routes, ids: call.tickets, call: call.sha256, _dir: dir }
    }

    /// Follows a one-time link and chooses a password.
    async fn follow(&self, token: &str) -> Browser {
        let browser = self.once(token).await;
        browser.send("PUT", "/api/me/password", json!({ "new": PASSWORD })).await.is(204);
        browser
    }

    async fn once(&self, token: &str) -> Browser {
        let asked = json_body(request("POST", "/api/session/once"), &json!({ "token": token }));
        self.entered(ask(&self.routes, asked).await.is(200))
    }

    fn entered(&self, answer: Answer) -> Browser {
        let set = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();
        let csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
        Browser { routes: self.routes.clone(), cookie, csrf }
    }

    async fn admin(&self) -> Browser {
        let token = self.desk.first_link(false).unwrap().expect("nobody has a password yet");
        self.follow(&token).await
    }

    async fn person(
        &self,
        admin: &Browser,
        login: &str,
        role: &str,
        department: Option<&str>,
    ) -> Browser {
        let person = json!({ "login": login, "name": format!("{login}同志"), "role": role, "department": department });
        let made = admin.send("POST", "/api/people", person).await.is(201).json();
        self.follow(made["link"].as_str().unwrap()).await
    }

    async fn sign_in(&self, login: &str, password: &str) -> Answer {
        let body = json!({ "login": login, "password": password });
        ask(&self.routes, json_body(request("POST", "/api/session"), &body)).await
    }
}
