//! The city's files: what a municipality edits. Parsing is pure; every mistake is reported with
//! file, line and remedy, all of them at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use calendar::Calendar;
use nlu::{Emergency, RequestType, Urgency, Words};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::reading::{Reading, line_of, nearest, parse_hour, read_calendar, read_knowledge};

/// A mistake in the city's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the city's folder.
    pub file: String,
    /// Line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.what, self.remedy)
    }
}

/// Everything that a municipality edits, but for places and understanding.
#[derive(Debug, Clone)]
pub struct City {
    /// Name of the city.
    pub name: String,
    /// First four digits of its streets in the address table.
    pub code: String,
    /// Least confidence for a ticket to be sent without a look.
    pub ready: Ready,
    /// What is asked for, by request type.
    pub forms: Vec<Form>,
    /// How long the dialogue keeps asking.
    pub patience: Patience,
    /// Who takes tickets.
    pub departments: Vec<Department>,
    /// Which department takes what.
    pub dispatch: Vec<Rule>,
    /// When an answer is due.
    pub deadlines: Vec<Due>,
    /// The life of a ticket after intake.
    pub life: Life,
    /// What calls are scored against.
    pub checklist: Vec<ChecklistItem>,
    /// Answers to what is often asked.
    pub knowledge: Vec<Knowledge>,
    /// What the dialogue says.
    pub prompts: Prompts,
    /// Turns of speech that decide what a call is.
    pub phrases: Phrases,
    /// First-level categories with the second levels below them.
    pub categories: Vec<Category>,
    /// Working days.
    pub calendar: Calendar,
}

/// Least confidences, 0 to 1.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Request type.
    #[serde(rename = "type")]
    pub request_type: f32,
    /// First-level category.
    pub category: f32,
    /// Department.
    pub department: f32,
    /// Place.
    pub place: f32,
}

/// What a ticket of these types needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The types.
    pub types: Vec<RequestType>,
    /// The slots, in the order of asking.
    pub slots: Vec<Slot>,
}

/// Something that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// What the call is about.
    Matter,
    /// Where.
    Place,
    /// A number to call back.
    Phone,
    /// When.
    When,
    /// The caller's name.
    Name,
}

impl Slot {
    /// Serialised name.
    pub fn name(self) -> &'static str {
        match self {
            Slot::Matter => "matter",
            Slot::Place => "place",
            Slot::Phone => "phone",
            Slot::When => "when",
            Slot::Name => "name",
        }
    }
}

/// How long the dialogue keeps asking.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patience {
    /// Times that the same slot is asked.
    pub asks: u32,
    /// Silences before a person is offered.
    pub silences: u32,
    /// Characters under which a caller who does not greet said nothing.
    pub least_words: usize,
}

/// A department.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Full name.
    pub name: String,
    /// Labels of the classifier that it stands for: offices whose questions it answers, departments that go
    /// by another name here.
    #[serde(default)]
    pub answers: Vec<String>,
    /// 市, 区 or 街道.
    pub level: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What it takes.
    #[serde(default)]
    pub duties: String,
}

/// One line of the dispatch table. Absent conditions always hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Any of these request types.
    #[serde(default)]
    pub types: Vec<RequestType>,
    /// Any of these first-level categories.
    #[serde(default)]
    pub categories: Vec<Spanned<String>>,
    /// Any of these emergencies.
    #[serde(default)]
    pub emergency: Vec<Emergency>,
    /// Decides at once when it holds, whatever else is said.
    #[serde(default)]
    pub first: bool,
    /// Any of these words.
    #[serde(default)]
    pub words: Words,
    /// None of these words.
    #[serde(default)]
    pub unless: Words,
    /// Who takes it.
    pub department: Spanned<String>,
    /// Why, for the agent.
    pub because: String,
}

/// The life of a ticket after intake.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    /// Redos from which on a supervisor decides.
    pub redos: u32,
    /// Refusals from which on a supervisor decides.
    pub refusals: u32,
    /// How often more time may be given.
    pub extensions: u32,
    /// The most working days that may be asked for at once.
    pub extension_days: u32,
    /// Hours before the deadline at which whoever has the ticket is reminded.
    pub remind_hours: u32,
    /// Times that a caller is tried before a ticket may be closed without an answer.
    pub attempts: u32,
    /// Why a matter could not be solved.
    pub unsolved: Vec<String>,
}

/// One thing that a call is scored for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// Unique.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The most points.
    pub points: u32,
    /// What to listen for.
    pub hint: String,
}

/// An answer to something that is often asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    /// Unique.
    pub id: String,
    /// The question.
    pub title: String,
    /// What callers say.
    pub words: Vec<String>,
    /// The answer, to be read out.
    pub answer: String,
    /// Where it stands.
    pub source: String,
    /// Date of the source.
    pub date: String,
    /// First-level category: that of its file.
    #[serde(default)]
    pub category: String,
}

/// When an answer is due.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// Any of these request types.
    #[serde(default)]
    pub types: Vec<RequestType>,
    /// Any of these urgencies.
    #[serde(default)]
    pub urgency: Vec<Urgency>,
    /// Hours on the clock.
    #[serde(default)]
    pub hours: Option<u32>,
    /// Working days.
    #[serde(default)]
    pub working_days: Option<Spanned<u32>>,
}

/// What the dialogue says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompts {
    /// First words.
    pub greeting: String,
    /// After a silence, in order.
    pub no_input: Vec<String>,
    /// After something that made no sense, in order.
    pub no_match: Vec<String>,
    /// Before a person takes over.
    pub transfer: String,
    /// Last words.
    pub goodbye: String,
    /// The ticket's number; `{number}`, `{department}`, `{deadline}`.
    pub ticket: String,
    /// The number of a ticket that lacks something.
    pub ticket_incomplete: String,
    /// Questions by slot, in order of asking.
    pub ask: BTreeMap<Slot, Vec<String>>,
    /// Notices by emergency.
    pub emergency: BTreeMap<String, String>,
}

/// Turns of speech that decide what a call is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrases {
    /// The caller wants a person.
    pub person: Words,
    /// The caller meant another number.
    pub wrong_number: Words,
    /// The caller warns of a wrong number, and so has not reached one.
    #[serde(default)]
    pub wrong_number_warned_of: Words,
    /// The agent tells the caller so.
    pub wrong_number_agent: Words,
    /// Somebody is on the line, though he says nothing else.
    pub greeting: Words,
    /// What follows a word that only says where something is.
    pub landmark: Vec<String>,
}

/// A first-level category.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Name.
    pub name: String,
    /// Second levels.
    pub below: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    code: String,
    #[serde(rename = "hotline")]
    _hotline: String,
    office_hours: [String; 2],
    ready: Ready,
    form: Vec<Form>,
    patience: Patience,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List<T> {
    #[serde(alias = "department", alias = "rule", alias = "category", alias = "item")]
    items: Vec<T>,
}

impl City {
    /// Reads a city's folder.
    ///
    /// # Errors
    /// Every mistake that was found.
    pub fn load(dir: &Path) -> Result<City, Vec<Problem>> {
        let mut reading = Reading::default();
        let head = reading.read::<Head>(dir, "city.toml");
        let departments = reading.read::<List<Department>>(dir, "departments.toml");
        let dispatch = reading.read::<List<Rule>>(dir, "dispatch.toml");
        let deadlines = reading.read::<List<Due>>(dir, "deadlines.toml");
        let prompts = reading.read::<Prompts>(dir, "prompts.toml");
        let phrases = reading.read::<Phrases>(dir, "phrases.toml");
        let taxonomy = reading.read::<List<Category>>(dir, "taxonomy.toml");
        let life = reading.read::<Life>(dir, "life.toml");
        let checklist = reading.read::<List<ChecklistItem>>(dir, "checklist.toml");
        let years = read_calendar(&mut reading, dir);
        let knowledge = read_knowledge(&mut reading, dir);
        let all =
            (head, departments, dispatch, deadlines, prompts, phrases, taxonomy, life, checklist);
        let (
            Some((head_text, head)),
            Some((departments_text, departments)),
            Some((dispatch_text, dispatch)),
            Some((deadlines_text, deadlines)),
            Some((_, prompts)),
            Some((_, phrases)),
            Some((_, taxonomy)),
            Some((_, life)),
            Some((_, checklist)),
        ) = all
        else {
            return Err(reading.problems);
        };
        let close = parse_hour(&head.office_hours[1]);
        if close.is_none() || parse_hour(&head.office_hours[0]).is_none() {
            let line = line_of(&head_text, head_text.find("office_hours").unwrap_or(0));
            reading.problem(
                "city.toml",
                line,
                "office_hours are not times of day",
                "write them like [\"09:00\", \"18:00\"]",
            );
        }
        let city = City {
            name: head.name,
            code: head.code,
            ready: head.ready,
            forms: head.form,
            patience: head.patience,
            departments: departments.items,
            dispatch: dispatch.items,
            deadlines: deadlines.items,
            life,
            checklist: checklist.items,
            knowledge,
            prompts,
            phrases,
            categories: taxonomy.items,
            calendar: Calendar::new(years, close.unwrap_or((18, 0))),
        };
        city.check_names(&mut reading, &departments_text, &dispatch_text);
        city.check_rest(&mut reading, &deadlines_text);
        if reading.problems.is_empty() { Ok(city) } else { Err(reading.problems) }
    }

    /// The same city with another dispatch table, given as a list of rules in the form of
    /// `dispatch.toml`, and with departments by other names: each with those it also goes by.
    ///
    /// # Errors
    /// What is wrong with a rule.
    pub fn with_dispatch(
        &self,
        rules: impl Serialize,
        departments: Vec<(String, Vec<String>)>,
    ) -> Result<City, String> {
        #[derive(Serialize)]
        struct Table<R> {
            rule: R,
        }
        // Through text, since a rule knows where it stands.
        let text = toml::to_string(&Table { rule: rules }).map_err(|error| error.to_string())?;
        let list: List<Rule> = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
        let mut city = City { dispatch: list.items, ..self.clone() };
        for (name, aliases) in departments {
            let at = |test: &dyn Fn(&Department) -> bool| city.departments.iter().position(test);
            match (at(&|known| known.name == name), at(&|old| aliases.contains(&old.name))) {
                (Some(_), _) => {}
                (None, Some(old)) => city.departments[old].name = name,
                (None, None) => city.departments.push(Department {
                    name,
                    answers: Vec::new(),
                    level: String::new(),
                    aliases,
                    duties: String::new(),
                }),
            }
        }
        Ok(city)
    }

    /// Names that are given twice or that nothing stands behind.
    fn check_names(&self, reading: &mut Reading, departments_text: &str, dispatch_text: &str) {
        for (index, department) in self.departments.iter().enumerate() {
            if self.departments[..index].iter().any(|other| other.name == department.name) {
                let at = departments_text.rfind(&department.name).unwrap_or(0);
                let what = format!("department {} is there twice", department.name);
                reading.problem(
                    "departments.toml",
                    line_of(departments_text, at),
                    what,
                    "remove one of the two",
                );
            }
        }
        let departments: Vec<&str> = self.departments.iter().map(|d| d.name.as_str()).collect();
        let categories: Vec<&str> = self.categories.iter().map(|c| c.name.as_str()).collect();
        for rule in &self.dispatch {
            let line = |span: std::ops::Range<usize>| line_of(dispatch_text, span.start);
            let name = rule.department.get_ref();
            if !departments.contains(&name.as_str()) {
                let what = format!("unknown department {name}");
                reading.problem(
                    "dispatch.toml",
                    line(rule.department.span()),
                    what,
                    nearest(name, &departments),
                );
            }
            for category in &rule.categories {
                if !categories.contains(&category.get_ref().as_str()) {
                    let what = format!("unknown category {}", category.get_ref());
                    reading.problem(
                        "dispatch.toml",
                        line(category.span()),
                        what,
                        nearest(category.get_ref(), &categories),
                    );
                }
            }
        }
        let last = self.dispatch.last();
        let open = |rule: &Rule| {
            rule.types.is_empty()
                && rule.categories.is_empty()
                && rule.emergency.is_empty()
                && rule.words.is_empty()
        };
        if !last.is_some_and(open) {
            let line = dispatch_text.lines().count();
            reading.problem(
                "dispatch.toml",
                line,
                "no rule takes what is left",
                "end with a rule that has only a department",
            );
        }
    }

    fn check_rest(&self, reading: &mut Reading, deadlines_text: &str) {
        let points: u32 = self.checklist.iter().map(|item| item.points).sum();
        if points != 100 {
            let what = format!("the points sum to {points}");
            reading.problem("checklist.toml", 0, what, "make them sum to 100");
        }
        for due in &self.deadlines {
            if due.hours.is_some() == due.working_days.is_some() {
                let at = due.working_days.as_ref().map_or(0, |days| days.span().start);
                let line = line_of(deadlines_text, at);
                reading.problem(
                    "deadlines.toml",
                    line,
                    "a rule needs hours or working_days",
                    "give exactly one of the two",
                );
            }
        }
        if !self.deadlines.last().is_some_and(|due| due.types.is_empty() && due.urgency.is_empty())
        {
            let line = deadlines_text.lines().count();
            reading.problem(
                "deadlines.toml",
                line,
                "no rule for what is left",
                "end with a rule without types and urgency",
            );
        }
        for form in &self.forms {
            for slot in form.slots.iter().filter(|slot| !self.prompts.ask.contains_key(slot)) {
                let what = format!("no question for {}", slot.name());
                reading.problem(
                    "prompts.toml",
                    0,
                    what,
                    format!("add it under [ask]: {} = [\"…\"]", slot.name()),
                );
            }
        }
        for (place, allowed) in [
            (&self.prompts.ticket, &["number", "department", "deadline"][..]),
            (&self.prompts.ticket_incomplete, &["number"]),
        ] {
            for name in place.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                if !allowed.contains(&name) {
                    reading.problem(
                        "prompts.toml",
                        0,
                        format!("{{{name}}} stands for nothing"),
                        format!("use {}", allowed.join(", ")),
                    );
                }
            }
        }
    }

    /// The slots that a ticket of a type needs.
    pub fn slots(&self, request_type: RequestType) -> &[Slot] {
        self.forms
            .iter()
            .find(|form| form.types.contains(&request_type))
            .map_or(&[], |form| &form.slots)
    }
}
