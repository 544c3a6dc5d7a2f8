//! The labels of every head, as `labels.toml` beside the weights lists them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::classifier::Subcategory;
use crate::interpretation::{Emergency, RequestType, Urgency};

/// One decision that the classifier takes about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Head {
    /// 诉求类型.
    Type,
    /// First-level category.
    Category,
    /// Second-level category.
    #[serde(rename = "category_2")]
    Subcategory,
    /// 紧急程度.
    Urgency,
    /// Emergency kind, or none.
    Emergency,
    /// Office that answers such questions: those of the labelled questions, another city's.
    Department,
    /// What a letter to the city is, as coarsely as letters are labelled.
    Letter,
    /// First-level category of a letter, among those that letters are labelled with.
    #[serde(rename = "letter_category")]
    LetterCategory,
    /// Speech, a letter, or the subject line of one.
    Style,
    /// Department of the city that takes such a matter: the `department` of seeds and tickets.
    Dispatch,
}

impl Head {
    /// Every head.
    pub const ALL: [Head; 10] = [
        Head::Type,
        Head::Category,
        Head::Subcategory,
        Head::Urgency,
        Head::Emergency,
        Head::Department,
        Head::Letter,
        Head::LetterCategory,
        Head::Style,
        Head::Dispatch,
    ];

    /// The name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Head::Type => "type",
            Head::Category => "category",
            Head::Subcategory => "category_2",
            Head::Urgency => "urgency",
            Head::Emergency => "emergency",
            Head::Department => "department",
            Head::Letter => "letter",
            Head::LetterCategory => "letter_category",
            Head::Style => "style",
            Head::Dispatch => "dispatch",
        }
    }

    /// The head of a name.
    pub fn from_name(name: &str) -> Option<Head> {
        Head::ALL.into_iter().find(|head| head.name() == name)
    }
}

impl RequestType {
    /// Every type, in the order of the classifier's labels.
    pub const ALL: [RequestType; 6] = [
        RequestType::Consultation,
        RequestType::Help,
        RequestType::Complaint,
        RequestType::Report,
        RequestType::Suggestion,
        RequestType::Praise,
    ];

    /// The Chinese name.
    pub fn name(self) -> &'static str {
        match self {
            RequestType::Consultation => "咨询",
            RequestType::Help => "求助",
            RequestType::Complaint => "投诉",
            RequestType::Report => "举报",
            RequestType::Suggestion => "建议",
            RequestType::Praise => "表扬",
        }
    }

    /// The type of a Chinese name.
    pub fn from_name(name: &str) -> Option<RequestType> {
        RequestType::ALL.into_iter().find(|t| t.name() == name)
    }
}

impl Urgency {
    /// Every degree, rising.
    pub const ALL: [Urgency; 3] = [Urgency::Normal, Urgency::Urgent, Urgency::Critical];

    /// The Chinese name.
    pub fn name(self) -> &'static str {
        match self {
            Urgency::Normal => "一般",
            Urgency::Urgent => "紧急",
            Urgency::Critical => "特急",
        }
    }

    /// The degree of a Chinese name.
    pub fn from_name(name: &str) -> Option<Urgency> {
        Urgency::ALL.into_iter().find(|u| u.name() == name)
    }
}

impl Emergency {
    /// Every kind.
    pub const ALL: [Emergency; 6] = [
        Emergency::Fire,
        Emergency::Crime,
        Emergency::Medical,
        Emergency::Traffic,
        Emergency::Gas,
        Emergency::Danger,
    ];

    /// The name in files and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Emergency::Fire => "fire",
            Emergency::Crime => "crime",
            Emergency::Medical => "medical",
            Emergency::Traffic => "traffic",
            Emergency::Gas => "gas",
            Emergency::Danger => "danger",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Emergency> {
        Emergency::ALL.into_iter().find(|e| e.name() == name)
    }
}

/// Name of "no emergency" in files.
pub const NO_EMERGENCY: &str = "none";

/// Kinds of letters, each with the request types that it may be.
pub(crate) const LETTERS: [(&str, &[RequestType]); 3] = [
    ("咨询", &[RequestType::Consultation]),
    ("建言", &[RequestType::Suggestion]),
    ("投诉/求助", &[RequestType::Complaint, RequestType::Help, RequestType::Report]),
];

/// Styles, and their places: speech, letters, and subject lines of letters.
pub(crate) const STYLES: [&str; 3] = ["spoken", "written", "subject"];
pub(crate) const SPOKEN: usize = 0;
pub(crate) const WRITTEN: usize = 1;
pub(crate) const SUBJECT: usize = 2;

/// Labels of the heads whose sets are data: departments, the tree of categories, and the offices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    /// Departments that matters are sent to, in the order of the weights' columns.
    pub departments: Vec<String>,
    /// First-level categories, in the order of the weights' columns.
    pub categories: Vec<Category>,
    /// Offices that answered questions, in the order of the weights' columns.
    #[serde(default)]
    pub offices: Vec<Office>,
}

/// An office that answers questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Office {
    /// Name.
    pub name: String,
    /// Other names that it goes by in files.
    #[serde(default)]
    pub also: Vec<String>,
}

/// One first-level category with what is below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// First-level name.
    pub name: String,
    /// Whether there are letters that are labelled with it.
    #[serde(default)]
    pub letters: bool,
    /// Second-level names.
    pub below: Vec<String>,
}

impl Labels {
    /// Reads `labels.toml`.
    ///
    /// # Errors
    /// The file is missing or is not a label file.
    pub fn load(path: &Path) -> Result<Labels, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
        toml::from_str(&text).map_err(|e| {
            Error::content(path, e.message(), "take the file from the release or train anew")
        })
    }

    /// Second-level categories in the order of the weights' columns.
    pub fn subcategories(&self) -> impl Iterator<Item = Subcategory> + '_ {
        self.categories.iter().flat_map(|c| {
            c.below.iter().map(|name| Subcategory { category: c.name.clone(), name: name.clone() })
        })
    }

    /// The categories that letters are labelled with, as places among all.
    pub(crate) fn of_letters(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.categories.len()).filter(|at| self.categories[*at].letters)
    }

    /// The label that a name in a file stands for: itself, or the office that goes by it.
    pub fn standing_for<'a>(&'a self, head: Head, name: &'a str) -> &'a str {
        let office = self.offices.iter().find(|office| office.also.iter().any(|a| a == name));
        office.filter(|_| head == Head::Department).map_or(name, |office| office.name.as_str())
    }

    /// How many labels a head has.
    pub fn count(&self, head: Head) -> usize {
        match head {
            Head::Type => RequestType::ALL.len(),
            Head::Category => self.categories.len(),
            Head::Subcategory => self.categories.iter().map(|c| c.below.len()).sum(),
            Head::Urgency => Urgency::ALL.len(),
            Head::Emergency => Emergency::ALL.len() + 1,
            Head::Department => self.offices.len(),
            Head::Letter => LETTERS.len(),
            Head::LetterCategory => self.of_letters().count(),
            Head::Style => STYLES.len(),
            Head::Dispatch => self.departments.len(),
        }
    }

    /// Names of a head's labels, in the order of the weights' columns; a second level
    /// is written `first/second`.
    pub fn names(&self, head: Head) -> Vec<String> {
        match head {
            Head::Type => RequestType::ALL.iter().map(|t| t.name().to_owned()).collect(),
            Head::Category => self.categories.iter().map(|c| c.name.clone()).collect(),
            Head::Subcategory => {
                self.subcategories().map(|s| format!("{}/{}", s.category, s.name)).collect()
            }
            Head::Urgency => Urgency::ALL.iter().map(|u| u.name().to_owned()).collect(),
            Head::Emergency => std::iter::once(NO_EMERGENCY)
                .chain(Emergency::ALL.iter().map(|e| e.name()))
                .map(str::to_owned)
                .collect(),
            Head::Department => self.offices.iter().map(|office| office.name.clone()).collect(),
            Head::Letter => LETTERS.iter().map(|letter| letter.0.to_owned()).collect(),
            Head::LetterCategory => {
                self.of_letters().map(|at| self.categories[at].name.clone()).collect()
            }
            Head::Style => STYLES.map(str::to_owned).to_vec(),
            Head::Dispatch => self.departments.clone(),
        }
    }
}
