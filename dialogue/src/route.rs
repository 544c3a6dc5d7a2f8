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
/// speaks for its own rule as strongly as it is certain. Equals go by the order of the table. Who
/// answered such questions before is the second choice, or the first where no word of the table was said.
pub fn route(city: &City, heard: &Heard, matter: &Interpretation) -> Routed {
    let mut ranked = fitting(city, &Texts::of(city, heard, matter), matter);
    let at_once = ranked.iter().position(|fit| fit.rule.first || !fit.rule.emergency.is_empty());
    let at_once = at_once.map(|at| ranked.remove(at));
    // Stable: the table's order decides among equals.
    ranked.sort_by(|a, b| b.total.total_cmp(&a.total));
    let mut ranked = ranked.into_iter();
    let taken = at_once.or_else(|| ranked.next());
    let taken = taken.expect("City::load makes sure that the last rule takes everything");
    let rival = ranked.find(|fit| fit.department() != taken.department());
    let ahead = taken.total - rival.as_ref().map_or(0.0, |rival| rival.total);
    let confidence =
        match (taken.word, taken.rule.emergency.is_empty(), taken.rule.categories.is_empty()) {
            (_, false, _) => {
                matter.emergency.as_ref().map_or(BY_WORD, |emergency| emergency.confidence)
            }
            (Some(_), ..) => (BY_EQUAL_WORDS + A_WORD_AHEAD * ahead).clamp(BY_EQUAL_WORDS, BY_WORD),
            (None, true, false) => matter.category.confidence,
            (None, true, true) => BY_DEFAULT,
        };
    let by_rule = Routed {
        name: taken.department().to_owned(),
        because: taken.rule.because.clone(),
        confidence,
        evidence: taken.word.into_iter().collect(),
        runner_up: rival.map(|fit| fit.department().to_owned()),
    };
    let told = taken.word.is_some() || taken.rule.first || !taken.rule.emergency.is_empty();
    match precedent(city, matter) {
        Some((department, _)) if department == by_rule.name => by_rule,
        Some((department, confidence)) if !told && confidence > by_rule.confidence => Routed {
            name: department.to_owned(),
            because: "以往同类咨询由该部门答复".to_owned(),
            confidence,
            evidence: matter.matter.clone(),
            runner_up: Some(by_rule.name),
        },
        Some((department, _)) => Routed { runner_up: Some(department.to_owned()), ..by_rule },
        None => by_rule,
    }
}

/// The department of this city that stands for the office which answered such questions.
fn precedent<'a>(city: &'a City, matter: &Interpretation) -> Option<(&'a str, f32)> {
    let office = matter.office.as_ref()?;
    let stands = |d: &&Department| d.answers.contains(&office.value);
    let department = city.departments.iter().find(stands)?;
    Some((&department.name, office.confidence.min(BY_PRECEDENT)))
}

/// A rule whose conditions all hold.
struct Fit<'a> {
    rule: &'a Rule,
    /// The first of its words, where it asks for any.
    word: Option<Span>,
    /// How much speaks for the rule itself.
    weight: f32,
    /// How much speaks for its department: by words in one rule, by the category in another.
    total: f32,
}

impl Fit<'_> {
    fn department(&self) -> &str {
        self.rule.department.get_ref()
    }
}

/// The rules whose conditions hold, in the order of the table.
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
        fits.push(Fit { rule, word: words.first().map(|word| word.span), weight, total: 0.0 });
    }
    let most = |department: &str, by_word: bool| {
        let of = fits
            .iter()
            .filter(|fit| fit.department() == department && fit.word.is_some() == by_word);
        of.map(|fit| fit.weight).fold(0.0, f32::max)
    };
    let totals: Vec<f32> = fits
        .iter()
        .map(|fit| most(fit.department(), true) + most(fit.department(), false))
        .collect();
    fits.iter_mut().zip(totals).for_each(|(fit, total)| fit.total = total);
    fits
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
