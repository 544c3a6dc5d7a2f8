//! Departments: who takes tickets.

use serde::{Deserialize, Serialize};

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

impl Department {
    /// Whether it goes by this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}
