//! The people who work with tickets, their sessions, and what they looked at.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::department::{Change, record_change};
use crate::event::RECORD_VERSION;
use crate::journal;
use crate::ticket::Rejected;
use crate::{Error, Store};

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 话务员: works tickets from arrival to closure.
    Agent,
    /// 承办单位: handles the tickets of one department.
    Handler,
    /// 班长: sees everything, hears everything, decides on exceptions.
    Supervisor,
    /// 管理员: everything, and departments, rules, people and models besides.
    Admin,
}

impl Role {
    /// The Chinese name.
    pub fn name(self) -> &'static str {
        match self {
            Role::Agent => "话务员",
            Role::Handler => "承办单位",
            Role::Supervisor => "班长",
            Role::Admin => "管理员",
        }
    }
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Unique; what is typed at sign-in.
    pub login: String,
    /// What events and screens call the person.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Of a handler: the department.
    #[serde(default)]
    pub department: Option<String>,
    /// Whether the person may sign in.
    pub active: bool,
    /// Argon2 hash in PHC form; none until the person has chosen a password.
    #[serde(default)]
    pub password: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A browser that somebody signed in with. Its key is the SHA-256 of the token in the cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub login: String,
    /// What unsafe requests must repeat in a header.
    pub csrf: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// A one-time link that nobody has followed yet, rather than a browser.
    pub once: bool,
    /// Signed in by a link: a password must be chosen before anything else.
    #[serde(default)]
    pub must_set_password: bool,
}

/// Somebody looked at a recording or a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Version of the record.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// recording, transcript or export; model when another one was made the default.
    pub what: String,
    /// SHA-256 of the call's recording; empty for what is no call.
    pub call: String,
    /// Whether names, numbers and addresses were blanked.
    pub redacted: bool,
    /// Why.
    pub why: String,
}

/// What people made of a call afterwards, with its circumstances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remark {
    /// Version of the record.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    #[serde(flatten)]
    pub said: Said,
}

/// What people make of a call afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "remark", rename_all = "snake_case")]
pub enum Said {
    /// A comment at a moment of the call.
    Marked {
        /// From the recording's start.
        at_ms: u64,
        /// The comment.
        text: String,
    },
    /// The call was scored against the checklist.
    Scored {
        /// Item to points.
        items: BTreeMap<String, u32>,
        /// Sum.
        total: u32,
        /// In words.
        comment: String,
    },
}

/// Longest login, in characters.
const LONGEST_LOGIN: usize = 40;

impl Store {
    /// Everybody with an account, by login.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn people(&self) -> Result<Vec<Person>, Error> {
        self.journal().scan(b"p").map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// Somebody's account.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn person(&self, login: &str) -> Result<Option<Person>, Error> {
        let found = self.journal().get(&person_key(login))?;
        found.map(|bytes| self.journal().decode(&bytes)).transpose()
    }

    /// Adds or changes an account; the change is recorded, without the password. Whoever may no
    /// longer sign in, or has another role now, is signed out by the caller.
    ///
    /// # Errors
    /// [`Error::Rejected`] for an account that makes no sense; [`Error::Full`] and the like.
    pub fn put_person(&self, person: &Person, by: &str, at: Timestamp) -> Result<(), Error> {
        self.refuse_person(person)?;
        let from = self.person(&person.login)?;
        let bare = |person: &Person| Person { password: None, ..person.clone() };
        let change = Change {
            v: RECORD_VERSION,
            at,
            by: by.to_owned(),
            from: from.as_ref().map(bare),
            to: Some(bare(person)),
        };
        self.journal().commit(|tx| {
            tx.insert(person_key(&person.login), journal::encode(person)?)?;
            if change.from != change.to {
                record_change(tx, &person_log(&person.login), &change)?;
            }
            Ok(())
        })
    }

    fn refuse_person(&self, person: &Person) -> Result<(), Error> {
        let refuse = |en: &str, zh: &str| Err(Error::Rejected(Rejected::new(en, zh)));
        let plain = |ch: char| ch.is_alphanumeric() || matches!(ch, '-' | '_' | '.');
        let count = person.login.chars().count();
        if count == 0 || count > LONGEST_LOGIN || !person.login.chars().all(plain) {
            return refuse(
                "a login is 1 to 40 letters, digits, dots, dashes or underscores",
                "账号为 1 到 40 个字母、数字、点或横线",
            );
        }
        let taken = self
            .people()?
            .into_iter()
            .any(|other| other.login != person.login && other.name == person.name);
        if taken {
            return refuse(
                "another person has this name, and events could not tell them apart",
                "已经有人叫这个姓名，请加以区分，否则记录分不清是谁",
            );
        }
        if person.name.trim().is_empty() || matches!(person.name.as_str(), "hotline" | "系统") {
            return refuse("a person needs a name, other than hotline", "请填写姓名");
        }
        match (person.role, &person.department) {
            (Role::Handler, None) => {
                return refuse("a handler needs a department", "承办单位的人员需要选择部门");
            }
            (Role::Handler, Some(name)) => drop(self.department(name)?),
            _ => {}
        }
        // An account that stays must be able to repair the others.
        let others = self.people()?.into_iter().filter(|other| other.login != person.login);
        let is_admin = |person: &Person| person.active && person.role == Role::Admin;
        let was_admin = self.person(&person.login)?.as_ref().is_some_and(is_admin);
        if was_admin && !is_admin(person) && !others.into_iter().any(|other| is_admin(&other)) {
            return refuse(
                "this is the last administrator; make another one first",
                "这是最后一个管理员，请先指定另一个",
            );
        }
        Ok(())
    }

    /// What was done to accounts, by login, oldest first.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn person_changes(&self) -> Result<Vec<Change<Person>>, Error> {
        self.journal().scan(b"o").map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// The session under a key.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn session(&self, key: &str) -> Result<Option<Session>, Error> {
        let found = self.journal().get(&session_key(key))?;
        found.map(|bytes| self.journal().decode(&bytes)).transpose()
    }

    /// All sessions with their keys.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn sessions(&self) -> Result<Vec<(String, Session)>, Error> {
        let sessions = self.journal().scan(b"s").map(|item| {
            let (key, value) = item?;
            let key = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            Ok((key, self.journal().decode(&value)?))
        });
        sessions.collect()
    }

    /// Begins or changes a session.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn put_session(&self, key: &str, session: &Session) -> Result<(), Error> {
        self.journal().commit(|tx| {
            tx.insert(session_key(key), journal::encode(session)?)?;
            Ok(())
        })
    }

    /// Ends sessions; how many of them there were.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn end_sessions(&self, keys: &[String]) -> Result<usize, Error> {
        if keys.is_empty() {
            return Ok(0);
        }
        self.journal().commit(|tx| {
            let mut ended = 0;
            for key in keys {
                ended += usize::from(tx.remove(session_key(key))?.is_some());
            }
            Ok(ended)
        })
    }

    /// Records that somebody looked at a call, durable before anything is shown.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn record_look(&self, look: &Look) -> Result<(), Error> {
        self.journal().commit(|tx| put_look(tx, look))
    }

    /// Who looked at calls, newest first, at most so many before a moment.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn looks(&self, before: Option<Timestamp>, limit: usize) -> Result<Vec<Look>, Error> {
        let last = before.map_or(i64::MAX, Timestamp::as_millisecond);
        let mut found = Vec::new();
        for item in self.journal().scan_back(b"k", &[b"k", &journal::moment(last)[..]].concat()) {
            found.push(self.journal().decode(&item?.1)?);
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// What people made of a call, oldest first.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn remarks(&self, call: &str) -> Result<Vec<Remark>, Error> {
        let prefix = remark_prefix(call);
        self.journal().scan(&prefix).map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// Every remark with its call.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn all_remarks(&self) -> Result<Vec<(String, Remark)>, Error> {
        let remarks = self.journal().scan(b"m").map(|item| {
            let (key, value) = item?;
            let call = key.get(1..key.len().saturating_sub(5)).unwrap_or_default();
            Ok((String::from_utf8_lossy(call).into_owned(), self.journal().decode(&value)?))
        });
        remarks.collect()
    }

    /// Adds a remark to a call.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn remark(&self, call: &str, remark: &Remark) -> Result<(), Error> {
        self.journal().commit(|tx| put_remark(tx, call, remark))
    }
}

pub(crate) fn put_remark(
    tx: &sled::transaction::TransactionalTree,
    call: &str,
    remark: &Remark,
) -> journal::Applied<()> {
    let (prefix, bytes) = (remark_prefix(call), journal::encode(remark)?);
    let mut version = 0u32;
    loop {
        let key = [prefix.as_slice(), &version.to_be_bytes()].concat();
        match tx.get(&key)? {
            Some(known) if known == bytes => return Ok(()),
            Some(_) => version += 1,
            None => {
                tx.insert(key, bytes)?;
                return Ok(());
            }
        }
    }
}

/// Two looks within a millisecond are two; the same one twice is one.
pub(crate) fn put_look(
    tx: &sled::transaction::TransactionalTree,
    look: &Look,
) -> journal::Applied<()> {
    let (mut key, bytes) = (look_key(look), journal::encode(look)?);
    while let Some(known) = tx.get(&key)? {
        if known == bytes {
            return Ok(());
        }
        key.push(b'+');
    }
    tx.insert(key, bytes)?;
    Ok(())
}

pub(crate) fn person_key(login: &str) -> Vec<u8> {
    [b"p", login.as_bytes()].concat()
}

pub(crate) fn person_log(login: &str) -> Vec<u8> {
    [b"o", login.as_bytes(), &[0]].concat()
}

fn session_key(key: &str) -> Vec<u8> {
    [b"s", key.as_bytes()].concat()
}

fn look_key(look: &Look) -> Vec<u8> {
    [b"k".as_slice(), &journal::moment(look.at.as_millisecond()), look.by.as_bytes()].concat()
}

fn remark_prefix(call: &str) -> Vec<u8> {
    [b"m", call.as_bytes(), &[0]].concat()
}
