//! Which department takes a matter: the dispatch table, weighed by what was said.

use nlu::{Heard, Interpretation, Span, Words};

use crate::city::{City, Department, Rule};

/// A department with the reason for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Routed {
    /// Full name.
    pub name: String,
    /// Why, in words.
    pub because: String,
    /// 0 to 1.
    pub confidence: f32,
    /// The words that decided.
    pub evidence: Vec<Span>,
    /// The department that would have taken it otherwise.
    pub runner_up: Option<String>,
}

/// Most confidence that words can give; by category alone it is the category's.
const BY_WORD: f32 = 0.85;
/// Confidence in words when another department was named as often, and what each word ahead adds.
const BY_EQUAL_WORDS: f32 = 0.5;
const A_WORD_AHEAD: f32 = 0.25;
/// Confidence in the last rule, which takes what nothing else takes.
const BY_DEFAULT: f32 = 0.2;
/// What a department weighs that takes such matters for certain: as much as five words.
const LEARNT_WEIGHT: f32 = 5.0;
/// Most confidence that questions answered before can give: they were asked of another city.
const BY_PRECEDENT: f32 = 0.6;

/// What a certain category weighs: a little more than a word that is said late.
const CATEGORY_WEIGHT: f32 = 1.3;
/// What each character beyond the second adds to a word: 消防通道 is more to the point than 工地.
const LONGER: f32 = 0.5;
/// What a word weighs that is said where callers come to the point, against one said later.
const EARLY: f32 = 1.4;
/// The share of the matter's characters that is early, and the characters that always are.
const EARLY_SHARE: f32 = 0.4;
const EARLY_CHARS: f32 = 20.0;
/// What a word weighs each time it is said again.
const REPEATED: f32 = 0.3;

/// Who takes a matter. A rule about an emergency, or one that goes first, decides at once. Among the
/// others those win whose words are said most, since a caller names by the way what he does not
/// complain of: the site where he was not paid, the renovation that a closed gym pleads. The category
/// speaks for its own rule as strongly as it is certain, and what is known of such matters for the
/// department that takes them. Equals go by the order of the table. Who answered such questions before
/// is the first choice where no word of the table was said and nothing surer is known, else the second
/// beside what the table says.
pub fn route(city: &City, heard: &Heard, matter: &Interpretation) -> Routed {
    let mut ranked = fitting(city, &Texts::of(city, heard, matter), matter);
    let at_once = ranked.iter().position(Fit::is_at_once);
    let at_once = at_once.map(|at| ranked.remove(at));
    // Stable: the table's order decides among equals.
    ranked.sort_by(|a, b| b.total.total_cmp(&a.total));
    let mut ranked = ranked.into_iter();
    let taken = at_once.or_else(|| ranked.next());
    let taken = taken.expect("City::load makes sure that the last rule takes everything");
    let rival = ranked.find(|fit| fit.department != taken.department);
    let ahead = taken.total - rival.as_ref().map_or(0.0, |rival| rival.total);
    let learnt = taken.known / LEARNT_WEIGHT;
    let confidence = match (taken.rule, taken.word) {
        (Some(rule), _) if !rule.emergency.is_empty() => {
            matter.emergency.as_ref().map_or(BY_WORD, |emergency| emergency.confidence)
        }
        (Some(_), Some(_)) => {
            let by_words = BY_EQUAL_WORDS + A_WORD_AHEAD * ahead;
            by_words.clamp(BY_EQUAL_WORDS, BY_WORD).max(learnt)
        }
        (Some(rule), None) if rule.categories.is_empty() => BY_DEFAULT.max(learnt),
        (Some(_), None) => matter.category.confidence.max(learnt),
        (None, _) => learnt,
    };
    let told = taken.word.is_some() || taken.is_at_once();
    // What is known decided, and no rule's reason does.
    let by_known = !told && taken.known > taken.weight;
    let because = taken.rule.filter(|_| !by_known).map_or(LEARNT, |rule| rule.because.as_str());
    let by_rule = Routed {
        name: taken.department.to_owned(),
        because: because.to_owned(),
        confidence,
        evidence: if by_known { matter.matter.clone() } else { taken.word.into_iter().collect() },
        runner_up: rival.map(|fit| fit.department.to_owned()),
    };
    match precedent(city, matter) {
        Some((department, _)) if department == by_rule.name => by_rule,
        Some((department, confidence)) if !told && confidence > by_rule.confidence => Routed {
            name: department.to_owned(),
            because: "以往同类咨询由该部门答复".to_owned(),
            confidence,
            evidence: matter.matter.clone(),
            runner_up: Some(by_rule.name),
        },
        // What is known of such matters is nearer than what another city's office answered.
        Some((department, _)) if !by_known => {
            Routed { runner_up: Some(department.to_owned()), ..by_rule }
        }
        _ => by_rule,
    }
}

/// Why, where no word of the table says it.
const LEARNT: &str = "同类诉求由该部门承办";

/// The department of this city that stands for the office which answered such questions.
fn precedent<'a>(city: &'a City, matter: &Interpretation) -> Option<(&'a str, f32)> {
    let office = matter.office.as_ref()?;
    let stands = |d: &&Department| d.answers.contains(&office.value);
    let department = city.departments.iter().find(stands)?;
    Some((&department.name, office.confidence.min(BY_PRECEDENT)))
}

/// A department with what speaks for it: a rule whose conditions all hold, or what is known of such matters.
struct Fit<'a> {
    department: &'a str,
    rule: Option<&'a Rule>,
    /// The first of the rule's words, where it asks for any.
    word: Option<Span>,
    /// How much speaks for the rule itself.
    weight: f32,
    /// How much is known of such matters, for its department.
    known: f32,
    /// How much speaks for the department: words in one rule, the category in another, what is known.
    total: f32,
}

impl Fit<'_> {
    /// Whether its rule decides before anything is weighed.
    fn is_at_once(&self) -> bool {
        self.rule.is_some_and(|rule| rule.first || !rule.emergency.is_empty())
    }
}

/// The rules whose conditions hold, in the order of the table, and the departments that are known to
/// take such matters.
fn fitting<'a>(city: &'a City, texts: &Texts<'_>, matter: &Interpretation) -> Vec<Fit<'a>> {
    let said: Vec<Vec<Word>> = city.dispatch.iter().map(|rule| texts.find(&rule.words)).collect();
    // A word inside a longer one is not meant: the 基金 of 公积金.
    let all: Vec<Span> = said.iter().flatten().map(|word| word.span).collect();
    let meant = |word: &Word| !all.iter().any(|other| is_inside(word.span, *other));
    let mut fits = Vec::new();
    for (rule, words) in city.dispatch.iter().zip(said) {
        let words: Vec<Word> = words.into_iter().filter(meant).collect();
        if !holds(rule, matter)
            || (words.is_empty() && !rule.words.is_empty())
            || !texts.find(&rule.unless).is_empty()
        {
            continue;
        }
        let by_category = if rule.categories.is_empty() {
            0.0
        } else {
            CATEGORY_WEIGHT * matter.category.confidence
        };
        let weight = if rule.words.is_empty() { by_category } else { texts.weight(&words) };
        let word = words.first().map(|word| word.span);
        let department = rule.department.get_ref().as_str();
        fits.push(Fit { department, rule: Some(rule), word, weight, known: 0.0, total: 0.0 });
    }
    let learnt = learnt(city, matter);
    for (department, _) in &learnt {
        fits.push(Fit { department, rule: None, word: None, weight: 0.0, known: 0.0, total: 0.0 });
    }
    let most = |department: &str, by_word: bool| {
        let of =
            fits.iter().filter(|fit| fit.department == department && fit.word.is_some() == by_word);
        of.map(|fit| fit.weight).fold(0.0, f32::max)
    };
    let known = |department: &str| {
        let of = learnt.iter().filter(|(name, _)| *name == department);
        of.map(|(_, p)| LEARNT_WEIGHT * p).sum::<f32>()
    };
    let sums: Vec<(f32, f32)> = fits
        .iter()
        .map(|fit| {
            (known(fit.department), most(fit.department, true) + most(fit.department, false))
        })
        .collect();
    for (fit, (known, told)) in fits.iter_mut().zip(sums) {
        (fit.known, fit.total) = (known, told + known);
    }
    fits
}

/// The departments of this city that take such matters, with how likely each does.
fn learnt<'a>(city: &'a City, matter: &Interpretation) -> Vec<(&'a str, f32)> {
    let of = |(label, p): &(String, f32)| {
        let stands = |d: &&Department| d.name == *label || d.answers.contains(label);
        Some((city.departments.iter().find(stands)?.name.as_str(), *p))
    };
    matter.departments.iter().filter_map(of).collect()
}

/// Whether everything but the words of a rule holds.
fn holds(rule: &Rule, matter: &Interpretation) -> bool {
    (rule.types.is_empty() || rule.types.contains(&matter.request_type.value))
        && (rule.categories.is_empty()
            || rule.categories.iter().any(|c| *c.get_ref() == matter.category.value))
        && (rule.emergency.is_empty()
            || matter.emergency.as_ref().is_some_and(|e| rule.emergency.contains(&e.value)))
}

fn is_inside(word: Span, other: Span) -> bool {
    let longer = other.end - other.start > word.end - word.start;
    longer
        && word.utterance == other.utterance
        && other.start <= word.start
        && word.end <= other.end
}

/// What the caller said about one matter.
struct Texts<'a> {
    parts: Vec<(Span, Vec<char>)>,
    landmarks: &'a [String],
}

/// A word of a rule that was said.
struct Word {
    /// Index among the rule's words.
    index: usize,
    span: Span,
    /// Characters of the matter before it.
    before: usize,
}

impl<'a> Texts<'a> {
    fn of(city: &'a City, heard: &Heard, matter: &Interpretation) -> Texts<'a> {
        let part = |span: &Span| {
            let chars = &heard.said.get(span.utterance)?.chars;
            Some((*span, chars.get(span.start..span.end)?.iter().map(|c| c.ch).collect()))
        };
        Texts {
            parts: matter.matter.iter().filter_map(part).collect(),
            landmarks: &city.phrases.landmark,
        }
    }

    /// Where words stand, in the order they were said; not those that only say where something is.
    fn find(&self, words: &Words) -> Vec<Word> {
        let mut found = Vec::new();
        let mut before = 0;
        for (span, text) in &self.parts {
            for (index, start, end) in words.find(text) {
                let is_landmark = self.landmarks.iter().any(|mark| {
                    mark.chars().eq(text[end..].iter().copied().take(mark.chars().count()))
                });
                if !is_landmark {
                    let span = Span {
                        utterance: span.utterance,
                        start: span.start + start,
                        end: span.start + end,
                    };
                    found.push(Word { index, span, before: before + start });
                }
            }
            before += text.len();
        }
        found.sort_by_key(|word| (word.before, word.span.end));
        found
    }

    /// How much words say together.
    fn weight(&self, words: &[Word]) -> f32 {
        let length: usize = self.parts.iter().map(|(_, text)| text.len()).sum();
        let early = EARLY_CHARS.max(EARLY_SHARE * length as f32);
        let weight = |(at, word): (usize, &Word)| {
            let own = 1.0 + LONGER * (word.span.end - word.span.start).saturating_sub(2) as f32;
            let again = words[..at].iter().filter(|known| known.index == word.index).count() as i32;
            own * REPEATED.powi(again) * if (word.before as f32) < early { EARLY } else { 1.0 }
        };
        words.iter().enumerate().map(weight).sum()
    }
}
