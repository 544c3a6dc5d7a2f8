//! Who is asking: accounts, passwords, sessions, and what a role may do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tickets::{Move, Person, Role, Session, Status, Store, Ticket};

use crate::Desk;
use crate::problem::Problem;

/// Hours that a session lasts.
const SESSION_HOURS: i64 = 12;
/// Hours that a one-time link can be followed.
const LINK_HOURS: i64 = 72;
/// Fewest characters of a password (NIST SP 800-63B asks for 8).
const SHORTEST_PASSWORD: usize = 10;
/// Most characters of a password, so that hashing stays cheap.
const LONGEST_PASSWORD: usize = 200;
/// Failures for one account from one address before the next try has to wait.
const FREE_FAILURES: u32 = 5;
/// Failures from one address for whatever accounts: a whole office may be behind it.
const FREE_OF_AN_ADDRESS: u32 = 50;
/// The longest wait after a failure, in seconds.
const LONGEST_WAIT: i64 = 900;
/// Addresses and accounts whose failures are remembered.
const REMEMBERED: usize = 10_000;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Me {
    pub person: Person,
    pub session: Session,
    /// Key of the session in the store.
    pub key: String,
    /// Of a handler: every name that the department goes by, since older tickets bear old ones.
    pub names: Vec<String>,
}

/// What the console knows of the person who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MeJson {
    login: String,
    name: String,
    #[schema(value_type = String)]
    role: Role,
    department: Option<String>,
    csrf: String,
    must_set_password: bool,
    city: String,
    version: &'static str,
}

impl Me {
    pub fn json(&self, desk: &Desk) -> MeJson {
        let Person { login, name, role, department, .. } = self.person.clone();
        MeJson {
            login,
            name,
            role,
            department,
            csrf: self.session.csrf.clone(),
            must_set_password: self.session.must_set_password,
            city: desk.city.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    /// The names of the department that bounds what the person sees; nothing for those who see
    /// all. A handler without a department sees nothing.
    pub fn within(&self) -> Option<&[String]> {
        (self.person.role == Role::Handler).then_some(&self.names)
    }

    /// Whether the person may see a ticket.
    pub fn sees(&self, ticket: &Ticket) -> bool {
        self.within().is_none_or(|names| names.iter().any(|name| ticket.has(name)))
    }

    /// Whether the person's department leads a ticket.
    fn leads(&self, ticket: &Ticket) -> bool {
        ticket.fields.department.as_ref().is_some_and(|lead| self.names.contains(lead))
    }

    /// Whether the person may make such a move on a ticket as it stands; whether the ticket takes it
    /// is asked elsewhere.
    pub fn may_on(&self, kind: Move, ticket: &Ticket) -> Result<(), String> {
        self.may(kind, self.leads(ticket))?;
        let moves_on = matches!(
            kind,
            Move::Dispatch | Move::Merge | Move::Withdraw | Move::AnswerDirectly | Move::AskCaller
        );
        if ticket.status == Status::Escalated && moves_on && self.person.role == Role::Agent {
            return Err("待督办的工单由班长决定".to_owned());
        }
        Ok(())
    }

    /// Refuses everybody but these, and administrators: a small hotline has one person for all.
    pub fn must_be(&self, roles: &[Role]) -> Result<(), Problem> {
        if self.person.role == Role::Admin || roles.contains(&self.person.role) {
            return Ok(());
        }
        let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        Err(Problem::forbidden(format!("只有{}可以这样做", names.join("、"))))
    }

    /// Refuses those who have nothing to do with callers; today there is no such role.
    pub fn works_tickets(&self) -> Result<(), Problem> {
        self.must_be(&[Role::Agent, Role::Handler, Role::Supervisor])
    }

    /// Whether the person may see and hear what is not blanked.
    pub fn may_see_all(&self) -> bool {
        self.person.role != Role::Handler
    }

    /// Whether the role makes such moves at all; whether the ticket takes them is asked elsewhere.
    /// `leads`: the person's department leads the ticket.
    pub fn may(&self, kind: Move, leads: bool) -> Result<(), String> {
        use Move::*;
        let role = self.person.role;
        if role == Role::Admin {
            return Ok(());
        }
        let allowed = match kind {
            Note | Attach => true,
            Correct | CorrectTranscript | Dispatch | AskCaller | Supplement | AnswerDirectly
            | FollowUp | Close | Redo | Remind | Merge | Withdraw | AddDepartment | Reveal => {
                matches!(role, Role::Agent | Role::Supervisor)
                    || (role == Role::Handler && kind == Reveal)
            }
            Sign | Refuse | AskExtension | Answer => {
                if role == Role::Handler && !leads {
                    return Err("只有主办单位可以这样做，协办单位可以备注和添加附件".to_owned());
                }
                role == Role::Handler
            }
            GrantExtension | DenyExtension | Supervise => role == Role::Supervisor,
        };
        let whose = match kind {
            Sign | Refuse | AskExtension | Answer => "承办单位",
            GrantExtension | DenyExtension | Supervise => "班长",
            _ => "话务员和班长",
        };
        allowed.then_some(()).ok_or_else(|| format!("{}由{whose}操作", kind.label()))
    }
}

impl FromRequestParts<Desk> for Me {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Me, Problem> {
        let me = signed_in(&parts.headers, desk)?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            refuse_foreign(&parts.headers)?;
            let sent = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
            if !sent.is_some_and(|sent| equal(sent, &me.session.csrf)) {
                return Err(Problem::forbidden("请求缺少校验码，请刷新页面后重试"));
            }
        }
        let before_password = ["/api/me", "/api/me/password", "/api/session"];
        if me.session.must_set_password && !before_password.contains(&parts.uri.path()) {
            return Err(Problem::forbidden("请先设置密码"));
        }
        Ok(me)
    }
}

/// A page of another site must not act in somebody's name; browsers say whose page asks.
pub fn refuse_foreign(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(Problem::forbidden("不接受来自其他网站的请求")),
    }
}

/// Every name that a person's department goes by.
pub fn names_of(desk: &Desk, person: &Person) -> Result<Vec<String>, Problem> {
    let Some(name) = &person.department else { return Ok(Vec::new()) };
    let all = desk.store.departments()?;
    let known = all.into_iter().find(|known| known.is_called(name));
    Ok(known.map_or_else(|| vec![name.clone()], |known| known.names().cloned().collect()))
}

/// Who signed in with this cookie.
pub fn signed_in(headers: &HeaderMap, desk: &Desk) -> Result<Me, Problem> {
    let token = cookie(headers, desk.cookie()).ok_or_else(Problem::signed_out)?;
    let key = hash(token);
    let session = desk.store.session(&key)?.filter(|session| !session.once);
    let session = session.filter(|session| session.expires_at > Timestamp::now());
    let session = session.ok_or_else(Problem::signed_out)?;
    let person = desk.store.person(&session.login)?.filter(|person| person.active);
    let person = person.ok_or_else(Problem::signed_out)?;
    Ok(Me { names: names_of(desk, &person)?, person, session, key })
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// What a token is known by in the store: whoever reads the store cannot sign in with it.
pub fn hash(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes that nobody can guess.
pub fn token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Compares without telling by its time how much was right.
fn equal(left: &str, right: &str) -> bool {
    Sha256::digest(left) == Sha256::digest(right)
}

fn hours_from_now(hours: i64) -> Timestamp {
    Timestamp::now().checked_add(hours.hours()).expect("hours from now are a moment")
}

/// Begins a session and gives its token with it.
pub fn begin_session(
    store: &Store,
    login: &str,
    must_set_password: bool,
) -> Result<(String, Session), Problem> {
    let token = token();
    let session = Session {
        login: login.to_owned(),
        csrf: self::token(),
        created_at: Timestamp::now(),
        expires_at: hours_from_now(SESSION_HOURS),
        once: false,
        must_set_password,
    };
    store.put_session(&hash(&token), &session)?;
    Ok((token, session))
}

/// A link that signs its first follower in, in place of any earlier one; only its end.
pub fn link(store: &Store, login: &str) -> Result<String, tickets::Error> {
    let old: Vec<String> = store
        .sessions()?
        .into_iter()
        .filter(|(_, session)| session.once && session.login == login)
        .map(|(key, _)| key)
        .collect();
    store.end_sessions(&old)?;
    let token = token();
    let session = Session {
        login: login.to_owned(),
        csrf: String::new(),
        created_at: Timestamp::now(),
        expires_at: hours_from_now(LINK_HOURS),
        once: true,
        must_set_password: true,
    };
    store.put_session(&hash(&token), &session)?;
    Ok(token)
}

/// Signs somebody out everywhere, but for one session, and makes links void.
pub fn sign_out(store: &Store, login: &str, but: Option<&str>) -> Result<(), tickets::Error> {
    let keys: Vec<String> = store
        .sessions()?
        .into_iter()
        .filter(|(key, session)| session.login == login && but != Some(key))
        .map(|(key, _)| key)
        .collect();
    store.end_sessions(&keys).map(|_| ())
}

/// Removes what has expired.
pub fn sweep(store: &Store) -> Result<(), tickets::Error> {
    let now = Timestamp::now();
    let expired = store.sessions()?.into_iter().filter(|(_, session)| session.expires_at <= now);
    let keys: Vec<String> = expired.map(|(key, _)| key).collect();
    store.end_sessions(&keys).map(|_| ())
}

/// The hash of a password that is fit for use.
pub fn hash_password(password: &str) -> Result<String, Problem> {
    let count = password.chars().count();
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&count) {
        let detail = format!("密码为 {SHORTEST_PASSWORD} 到 {LONGEST_PASSWORD} 个字符");
        return Err(Problem::invalid(detail));
    }
    let mut seen: Vec<char> = password.chars().collect();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() < 4 {
        return Err(Problem::invalid("密码太简单：至少用 4 个不同的字符"));
    }
    let hashed = Argon2::default().hash_password(password.as_bytes());
    hashed.map(|hash| hash.to_string()).map_err(|_| Problem::invalid("密码无法使用"))
}

/// Whether a password is the one that a hash was made of. Takes as long when there is no hash, so
/// that nobody learns which accounts there are.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    /// The hash of nobody's password.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm9i$Wk8kWPq5sQ0Y0VYdW0kFqO4V8m2qj0pQ0Zt3b8rX3yA";
    let parsed = PasswordHash::new(hash.unwrap_or(NOBODY));
    let fits = password.len() <= LONGEST_PASSWORD * 4
        && parsed.is_ok_and(|parsed| {
            Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
        });
    fits && hash.is_some()
}

/// Failures at signing in, by address and by account.
#[derive(Debug, Default)]
pub struct Failures {
    seen: Mutex<HashMap<String, (u32, Timestamp)>>,
}

impl Failures {
    /// Seconds that this address or account still has to wait.
    pub fn wait(&self, names: &[String], now: Timestamp) -> Option<u64> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |name: &String| {
            let (count, last) = seen.get(name)?;
            // What is long ago no longer counts.
            if now.duration_since(*last).as_secs() >= LONGEST_WAIT {
                return None;
            }
            let whole = name.starts_with("address ");
            let over = count.checked_sub(if whole { FREE_OF_AN_ADDRESS } else { FREE_FAILURES })?;
            let wait = (1i64 << over.min(20)).min(LONGEST_WAIT);
            let left = wait - now.duration_since(*last).as_secs();
            (left > 0).then_some(left as u64)
        };
        names.iter().filter_map(left).max()
    }

    pub fn failed(&self, names: &[String], now: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.retain(|_, (_, last)| now.duration_since(*last).as_secs() < LONGEST_WAIT);
        }
        // So many at once are an attack from everywhere: those who come later are not remembered.
        if seen.len() >= REMEMBERED {
            return;
        }
        for name in names {
            let entry = seen.entry(name.clone()).or_insert((0, now));
            if now.duration_since(entry.1).as_secs() >= LONGEST_WAIT {
                entry.0 = 0;
            }
            *entry = (entry.0.saturating_add(1), now);
        }
    }

    pub fn forget(&self, names: &[String]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            seen.remove(name);
        }
    }
}

/// The address that a request comes from: behind a proxy the last one that the proxy names.
pub struct Address(pub IpAddr);

impl FromRequestParts<Desk> for Address {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Address, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<crate::serve::Peer>>();
        let peer = peer.map_or(IpAddr::from([127, 0, 0, 1]), |ConnectInfo(peer)| peer.0.ip());
        let forwarded = parts.headers.get_all("x-forwarded-for").into_iter().next_back();
        let last = forwarded
            .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        Ok(Address(last.filter(|_| desk.behind_proxy).unwrap_or(peer)))
    }
}
