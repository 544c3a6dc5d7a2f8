//! Signing in and out, and passwords.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use tickets::{Person, Session};

use crate::Desk;
use crate::extract::Json;
use crate::people::{self, Address, Me, MeJson};
use crate::problem::Problem;
use crate::tickets_api::joined;

/// What is typed at the door.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct SignIn {
    login: String,
    password: String,
}

/// Signs in. The same answer, after the same time, for a wrong account and a wrong password.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = SignIn, responses((status = 200, body = MeJson), (status = 401, body = Problem), (status = 429, body = Problem)))]
pub async fn sign_in(
    State(desk): State<Desk>,
    Address(address): Address,
    headers: HeaderMap,
    Json(typed): Json<SignIn>,
) -> Result<Response, Problem> {
    people::refuse_foreign(&headers)?;
    if typed.login.chars().count() > 40 {
        return Err(wrong_password());
    }
    // By address, and by account from that address: nobody else is kept out by somebody's guessing.
    let names = [format!("address {address}"), format!("login {} {address}", typed.login)];
    let wait = |names: &[String]| match desk.failures.wait(names, Timestamp::now()) {
        None => Ok(()),
        Some(seconds) => {
            let detail = format!("登录失败次数过多，请 {seconds} 秒后再试");
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut problem = Problem::new(status, "/problems/wait", "请稍候", detail);
            problem.retry_after = Some(seconds);
            Err(problem)
        }
    };
    wait(&names)?;
    let person = desk.store.person(&typed.login)?.filter(|person| person.active);
    let hash = person.as_ref().and_then(|person| person.password.clone());
    let _permit = desk.hashing.acquire().await.map_err(|_| Problem::signed_out())?;
    // Whoever waited for the permit may have used up the tries meanwhile.
    wait(&names)?;
    let fits =
        tokio::task::spawn_blocking(move || people::verify(&typed.password, hash.as_deref()));
    match (person, fits.await.unwrap_or(false)) {
        (Some(person), true) => {
            desk.failures.forget(&names[1..]);
            let entering = desk.clone();
            let task = tokio::task::spawn_blocking(move || enter(&entering, person, false));
            joined(task).await
        }
        _ => {
            desk.failures.failed(&names, Timestamp::now());
            Err(wrong_password())
        }
    }
}

fn wrong_password() -> Problem {
    let detail = "账号或密码不对";
    Problem::new(StatusCode::UNAUTHORIZED, "/problems/sign-in", "登录失败", detail)
}

/// The end of a one-time link.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Once {
    token: String,
}

/// Signs in by a one-time link, which is void from then on.
#[utoipa::path(post, path = "/api/session/once", tag = "session", request_body = Once, responses((status = 200, body = MeJson), (status = 401, body = Problem)))]
pub async fn once(
    State(desk): State<Desk>,
    Address(address): Address,
    headers: HeaderMap,
    Json(once): Json<Once>,
) -> Result<Response, Problem> {
    people::refuse_foreign(&headers)?;
    let names = [format!("link {address}")];
    if desk.failures.wait(&names, Timestamp::now()).is_some() {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let detail = "尝试次数过多，请稍后再试";
        return Err(Problem::new(status, "/problems/wait", "请稍候", detail));
    }
    let key = people::hash(&once.token);
    let now = Timestamp::now();
    let link = desk.store.session(&key)?.filter(|link| link.once && link.expires_at > now);
    // Only one of two who follow it at once finds it there to be ended.
    let mine = link.is_some() && desk.store.end_sessions(&[key])? == 1;
    let person = match link.filter(|_| mine) {
        Some(Session { login, .. }) => desk.store.person(&login)?.filter(|person| person.active),
        None => None,
    };
    let Some(person) = person else {
        desk.failures.failed(&names, now);
        let detail = "这个链接已经用过或者过期，请管理员重新生成";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "/problems/link", "链接无效", detail));
    };
    joined(tokio::task::spawn_blocking(move || enter(&desk, person, true))).await
}

/// Always a new token, whatever the browser sent: nobody can plant one.
fn enter(desk: &Desk, person: Person, must_set_password: bool) -> Result<Response, Problem> {
    let (token, session) = people::begin_session(&desk.store, &person.login, must_set_password)?;
    let cookie = cookie(desk, &token, "");
    let names = people::names_of(desk, &person)?;
    let me = Me { names, person, session, key: people::hash(&token) };
    Ok(([(header::SET_COOKIE, cookie)], Json(me.json(desk))).into_response())
}

fn cookie(desk: &Desk, token: &str, more: &str) -> String {
    let secure = if desk.secure { "; Secure" } else { "" };
    format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", desk.cookie())
}

/// Signs out.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses((status = 204)))]
pub async fn sign_out(State(desk): State<Desk>, me: Me) -> Result<Response, Problem> {
    let ending = desk.clone();
    let task = tokio::task::spawn_blocking(move || Ok(ending.store.end_sessions(&[me.key])?));
    joined(task).await?;
    let cookie = cookie(&desk, "", "; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/me", tag = "session", responses((status = 200, body = MeJson), (status = 401, body = Problem)))]
pub async fn me(State(desk): State<Desk>, me: Me) -> Json<MeJson> {
    Json(me.json(&desk))
}

/// A new password.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewPassword {
    #[serde(default)]
    old: String,
    new: String,
}

/// Sets a password; every other session of the account ends.
#[utoipa::path(put, path = "/api/me/password", tag = "session", request_body = NewPassword, responses((status = 204), (status = 422, body = Problem)))]
pub async fn password(
    State(desk): State<Desk>,
    me: Me,
    Json(typed): Json<NewPassword>,
) -> Result<StatusCode, Problem> {
    let names = [format!("login {}", me.person.login)];
    if desk.failures.wait(&names, Timestamp::now()).is_some() {
        return Err(Problem::forbidden("尝试次数过多，请稍后再试"));
    }
    let permit = desk.hashing.acquire().await.map_err(|_| Problem::signed_out())?;
    let old = me.person.password.clone().filter(|_| !me.session.must_set_password);
    let hashed = tokio::task::spawn_blocking(move || {
        let known = old.is_none_or(|old| people::verify(&typed.old, Some(&old)));
        known.then(|| people::hash_password(&typed.new))
    });
    let hashed = hashed.await.unwrap_or(None);
    let Some(hashed) = hashed else {
        desk.failures.failed(&names, Timestamp::now());
        return Err(Problem::invalid("原密码不对"));
    };
    let hashed = hashed?;
    drop(permit);
    let task = tokio::task::spawn_blocking(move || {
        // Hashing took a while: the account may be another, and the session over.
        let _turn = desk.people_turn();
        let person = desk.store.person(&me.person.login)?.filter(|person| person.active);
        let session = desk.store.session(&me.key)?;
        let (Some(person), Some(session)) = (person, session) else {
            return Err(Problem::signed_out());
        };
        let person = Person { password: Some(hashed), ..person };
        desk.store.put_person(&person, &me.person.name, Timestamp::now())?;
        people::sign_out(&desk.store, &person.login, Some(&me.key))?;
        desk.store.put_session(&me.key, &Session { must_set_password: false, ..session })?;
        Ok(StatusCode::NO_CONTENT)
    });
    joined(task).await
}
