//! Departments, and the dispatch table that says which of them takes what. Both come from the
//! city's files once and are kept, and their changes recorded, in the journal from then on.

use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sled::transaction::TransactionalTree;

use crate::event::RECORD_VERSION;
use crate::journal::{self, Applied};
use crate::ticket::{Rejected, nearest};
use crate::{Error, Store};

/// A department.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// Full name, unique.
    pub name: String,
    /// 市, 区 or 街道.
    #[serde(default)]
    pub level: String,
    /// Other names it goes by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it takes.
    #[serde(default)]
    pub duties: String,
    /// Whether it takes tickets.
    pub active: bool,
}

/// A rule of the dispatch table. The first one that fits decides; an empty list fits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DispatchRule {
    /// Any of these request types.
    pub types: Vec<String>,
    /// Any of these first-level categories.
    pub categories: Vec<String>,
    /// Any of these emergencies.
    pub emergency: Vec<String>,
    /// Decides at once when it holds, whatever else is said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    /// Any of these words.
    pub words: Vec<String>,
    /// None of these words.
    pub unless: Vec<String>,
    /// Who takes it, by the full name.
    pub department: String,
    /// Why, for the agent.
    pub because: String,
}

/// A department or a rule was added, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<T> {
    /// Version of the record.
    pub v: u32,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Before; nothing when it was added.
    pub from: Option<T>,
    /// After; nothing when it was removed.
    pub to: Option<T>,
}

impl Department {
    /// Whether it goes by this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.names().any(|own| own == name)
    }

    /// The full name, then the others.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }

    /// Reads a table with the columns `name level aliases duties active`, in any order; only
    /// `name` is needed. Aliases are separated by `|`; other columns are left alone.
    ///
    /// # Errors
    /// [`Error::Table`] with the line.
    pub fn read_csv(path: &Path, input: impl Read) -> Result<Vec<Department>, Error> {
        let wrong = |line: u64, reason: String| Error::Table {
            path: path.to_owned(),
            line: line as usize,
            reason,
        };
        let at = |error: &csv::Error| error.position().map_or(1, csv::Position::line);
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(input);
        let header =
            reader.headers().map_err(|error| wrong(at(&error), error.to_string()))?.clone();
        let column = |name: &str| {
            header.iter().position(|column| column.trim_start_matches('\u{feff}') == name)
        };
        let Some(name) = column("name") else {
            let reason = "no column `name`; the first line names the columns: name,level,aliases,duties,active";
            return Err(wrong(1, reason.to_owned()));
        };
        let columns = ["level", "aliases", "duties", "active"].map(column);
        let mut found: Vec<Department> = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| wrong(at(&error), error.to_string()))?;
            let line = row.position().map_or(1, csv::Position::line);
            let [level, aliases, duties, active] =
                columns.map(|at| at.and_then(|at| row.get(at)).unwrap_or_default());
            let name = row.get(name).unwrap_or_default();
            if name.is_empty() {
                return Err(wrong(line, "the department has no name".to_owned()));
            }
            if found.iter().any(|department| department.name == name) {
                return Err(wrong(line, format!("{name} stands in the table twice")));
            }
            let active = match active {
                "" | "true" | "yes" | "1" | "是" => true,
                "false" | "no" | "0" | "否" => false,
                other => {
                    return Err(wrong(line, format!("active is {other:?}; write true or false")));
                }
            };
            let aliases = aliases.split('|').map(str::trim).filter(|alias| !alias.is_empty());
            found.push(Department {
                name: name.to_owned(),
                level: level.to_owned(),
                aliases: aliases.map(str::to_owned).collect(),
                duties: duties.to_owned(),
                active,
            });
        }
        Ok(found)
    }
}

impl Store {
    /// All departments, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn departments(&self) -> Result<Vec<Department>, Error> {
        self.journal().scan(b"d").map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// The department that goes by a name.
    ///
    /// # Errors
    /// [`Error::Rejected`] with the nearest name.
    pub fn department(&self, name: &str) -> Result<Department, Error> {
        let all = self.departments()?;
        if let Some(found) = all.iter().find(|department| department.is_called(name)) {
            return Ok(found.clone());
        }
        let hint = nearest(all.iter().flat_map(Department::names), name);
        Err(Rejected::new(
            format!("unknown department {name:?}{hint}; `hotline departments` lists them"),
            format!("没有这个部门：「{name}」"),
        )
        .into())
    }

    /// Adds departments or replaces those of the same name; every change is recorded.
    ///
    /// # Errors
    /// [`Error::Rejected`] for a name that another one goes by, [`Error::Full`] and the like.
    pub fn put_departments(
        &self,
        departments: &[Department],
        by: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        self.refuse_shared_names(departments, None)?;
        self.journal().commit(|tx| {
            for department in departments {
                let from = tx
                    .get(department_key(&department.name))?
                    .map(|bytes| decode(&bytes))
                    .transpose()?;
                put_department(tx, from, Some(department.clone()), by, at)?;
            }
            Ok(())
        })
    }

    /// Changes a department, its name too: it then goes by the old name as well, which older
    /// tickets bear.
    ///
    /// # Errors
    /// [`Error::Rejected`] for one that there is not, or a name that another one goes by.
    pub fn edit_department(
        &self,
        name: &str,
        to: &Department,
        by: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let from = self.department(name)?;
        let mut to = to.clone();
        to.aliases.retain(|alias| *alias != to.name);
        if !to.is_called(&from.name) {
            to.aliases.push(from.name.clone());
        }
        self.refuse_shared_names(std::slice::from_ref(&to), Some(&from.name))?;
        self.journal().commit(|tx| {
            if from.name == to.name {
                return put_department(tx, Some(from.clone()), Some(to.clone()), by, at);
            }
            put_department(tx, Some(from.clone()), None, by, at)?;
            put_department(tx, None, Some(to.clone()), by, at)
        })
    }

    /// What was done to the departments, by name, oldest first.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn department_changes(&self) -> Result<Vec<Change<Department>>, Error> {
        self.journal().scan(b"l").map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// The dispatch table, in order.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn dispatch_table(&self) -> Result<Vec<DispatchRule>, Error> {
        self.journal().scan(b"r").map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// Replaces the dispatch table; only what differs is recorded as changed.
    ///
    /// # Errors
    /// [`Error::Full`] and the like.
    pub fn put_dispatch_table(
        &self,
        rules: &[DispatchRule],
        by: &str,
        at: Timestamp,
    ) -> Result<(), Error> {
        let old = self.dispatch_table()?;
        self.journal().commit(|tx| {
            for (position, index) in (0u16..).zip(0..old.len().max(rules.len())) {
                let (from, to) = (old.get(index).cloned(), rules.get(index).cloned());
                if from == to {
                    continue;
                }
                match &to {
                    Some(rule) => tx.insert(rule_key(position), journal::encode(rule)?)?,
                    None => tx.remove(rule_key(position))?,
                };
                let change = Change { v: RECORD_VERSION, at, by: by.to_owned(), from, to };
                record_change(tx, &rule_log(position), &change)?;
            }
            Ok(())
        })
    }

    /// What was done to the dispatch table, by position, oldest first.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn dispatch_changes(&self) -> Result<Vec<Change<DispatchRule>>, Error> {
        self.journal().scan(b"q").map(|item| self.journal().decode(&item?.1)).collect()
    }

    /// Two departments must not go by one full name: a ticket would not know which.
    fn refuse_shared_names(&self, new: &[Department], replaced: Option<&str>) -> Result<(), Error> {
        let old = self.departments()?;
        let stays = |old: &&Department| {
            Some(old.name.as_str()) != replaced && new.iter().all(|new| new.name != old.name)
        };
        let all: Vec<&Department> = old.iter().filter(stays).chain(new).collect();
        for Department { name, .. } in new {
            if let Some(other) =
                all.iter().find(|other| other.name != *name && other.is_called(name))
            {
                let other = &other.name;
                let en = format!(
                    "{other} goes by the name {name} already; change it first: hotline departments edit {other}"
                );
                let zh = format!("「{name}」已经是{other}的名称，请先修改那个部门");
                return Err(Rejected::new(en, zh).into());
            }
        }
        Ok(())
    }
}

fn put_department(
    tx: &TransactionalTree,
    from: Option<Department>,
    to: Option<Department>,
    by: &str,
    at: Timestamp,
) -> Applied<()> {
    if from == to {
        return Ok(());
    }
    let name =
        from.as_ref().or(to.as_ref()).map_or(String::new(), |department| department.name.clone());
    match &to {
        Some(department) => tx.insert(department_key(&name), journal::encode(department)?)?,
        None => tx.remove(department_key(&name))?,
    };
    record_change(
        tx,
        &department_log(&name),
        &Change { v: RECORD_VERSION, at, by: by.to_owned(), from, to },
    )
}

/// Appends a change under the next free version, unless it is there: an import may bring it twice.
pub(crate) fn record_change<T: Serialize>(
    tx: &TransactionalTree,
    prefix: &[u8],
    change: &Change<T>,
) -> Applied<()> {
    let change = journal::encode(change)?;
    let mut version = 0u32;
    loop {
        let key = [prefix, &version.to_be_bytes()].concat();
        match tx.get(&key)? {
            Some(known) if known == change => return Ok(()),
            Some(_) => version += 1,
            None => {
                tx.insert(key, change)?;
                return Ok(());
            }
        }
    }
}

fn decode(bytes: &[u8]) -> Applied<Department> {
    serde_json::from_slice(bytes).map_err(|error| journal::undecodable(&error))
}

pub(crate) fn department_key(name: &str) -> Vec<u8> {
    [b"d", name.as_bytes()].concat()
}

pub(crate) fn department_log(name: &str) -> Vec<u8> {
    [b"l", name.as_bytes(), &[0]].concat()
}

pub(crate) fn rule_key(position: u16) -> Vec<u8> {
    [b"r".as_slice(), &position.to_be_bytes()].concat()
}

pub(crate) fn rule_log(position: u16) -> Vec<u8> {
    [b"q".as_slice(), &position.to_be_bytes()].concat()
}
