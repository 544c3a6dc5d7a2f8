//! What is put into an index, what is asked of it, and what it answers.

/// One ticket, or a call that gave none, as it is to be found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// Number of the ticket, or SHA-256 of the call that gave none. Never empty.
    pub key: String,
    /// Version of the ticket; grows with every change.
    pub version: u64,
    /// SHA-256 of the call, empty where there is none.
    pub call: String,
    /// Whether this is a ticket.
    pub ticket: bool,
    /// When the call began, in seconds since 1970.
    pub started_at: i64,
    /// Everything that can be read but the transcript: title, place, subject, department.
    pub texts: Vec<String>,
    /// What was said.
    pub transcript: Vec<Line>,
    /// Departments that the ticket belongs to.
    pub department: Vec<String>,
    /// Category.
    pub category: String,
    /// Kind of request.
    pub request_type: String,
    /// State of the ticket.
    pub status: String,
    /// What the caller is known by.
    pub caller_key: String,
    /// Parts of the place, from the province to the street.
    pub place: Vec<String>,
    /// How sure the understanding is, from 0 to 1.
    pub confidence: f64,
    /// What became of the call.
    pub outcome: String,
}

/// One utterance of a transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// What was said.
    pub text: String,
    /// When, in milliseconds since the call began.
    pub start_ms: u64,
}

/// What is looked for. The default asks for nothing in particular and finds everything.
///
/// Lists of filters take any of what they name; an empty list takes all.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What people typed: words between spaces must all occur, what stands between quotation
    /// marks occurs as it is. Signs other than letters and digits do not count, nor does what
    /// goes beyond 16 words, or 64 letters of a word.
    pub words: String,
    /// Departments.
    pub department: Vec<String>,
    /// Categories.
    pub category: Vec<String>,
    /// Kinds of request.
    pub request_type: Vec<String>,
    /// States.
    pub status: Vec<String>,
    /// Callers.
    pub caller_key: Vec<String>,
    /// Calls, by their SHA-256.
    pub call: Vec<String>,
    /// Places, by any of their parts.
    pub place: Vec<String>,
    /// Outcomes.
    pub outcome: Vec<String>,
    /// Only tickets, or only calls that gave none.
    pub ticket: Option<bool>,
    /// Only calls that began then or later, in seconds since 1970.
    pub from: Option<i64>,
    /// Only calls that began earlier, in seconds since 1970.
    pub to: Option<i64>,
    /// Only what is less sure than this, from 0 to 1.
    pub confidence_below: Option<f64>,
    /// What the asker may see: nothing but entries of these departments.
    pub departments_visible: Option<Vec<String>>,
    /// What comes first.
    pub order: Order,
    /// How many hits to pass over.
    pub offset: usize,
    /// How many hits to give.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            words: String::new(),
            department: Vec::new(),
            category: Vec::new(),
            request_type: Vec::new(),
            status: Vec::new(),
            caller_key: Vec::new(),
            call: Vec::new(),
            place: Vec::new(),
            outcome: Vec::new(),
            ticket: None,
            from: None,
            to: None,
            confidence_below: None,
            departments_visible: None,
            order: Order::Relevance,
            offset: 0,
            limit: 20,
        }
    }
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// What fits best. Where no words are asked for, the newest.
    #[default]
    Relevance,
    /// The newest.
    Newest,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// How many entries there are in all, whatever offset and limit say.
    pub total: usize,
    /// Whether entries count that only sound like what was asked for: they are let in where few
    /// are spelt like it.
    pub alike: bool,
    /// Whether no entry holds all of what was asked for, and these hold some of it.
    pub partial: bool,
    /// Those that were asked for, in order.
    pub hits: Vec<Hit>,
}

/// One entry that was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hit {
    /// Its key.
    pub key: String,
    /// How well it fits, to be compared within one answer only; 0 where order is by time.
    pub score: f32,
    /// Where in the transcript the words were said: three places at most.
    pub snippets: Vec<Snippet>,
}

/// A place of a transcript.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snippet {
    /// Number of the utterance, from 0.
    pub utterance: usize,
    /// When it begins, in milliseconds since the call began.
    pub start_ms: u64,
    /// The utterance, cut at either end where it is long.
    pub text: String,
    /// What was found in `text`: first character and one past the last.
    pub marks: Vec<(usize, usize)>,
}
