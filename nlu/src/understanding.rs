//! Joins everything this room knows: from what was heard to what was meant.

use std::path::Path;

use crate::classifier::{Classifier, Head, Scores};
use crate::emergency::Alarms;
use crate::heard::{Heard, Leg, Said, Span};
use crate::interpretation::{
    Emergency, Found, Interpret, Interpretation, Reading, RequestType, Urgency,
};
use crate::place::Gazetteer;
use crate::rules::{Hint, Rules};
use crate::{Error, name, phone, title, when};

/// The classifier, the places and the city's rules.
pub struct Understanding {
    classifier: Classifier,
    places: Gazetteer,
    rules: Rules,
    alarms: Alarms,
}

/// Characters of substance under which nothing was raised: 喂你好 is no matter.
const LEAST_SUBSTANCE: usize = 4;
/// Substance that a second matter needs, so that a closing remark does not become a ticket.
const LEAST_SECOND: usize = 8;
/// Substance from which one more question on the same category is a matter of its own.
const LEAST_OWN_QUESTION: usize = 30;
/// Confidence under which the category of such a question says nothing.
const SURE_CATEGORY: f32 = 0.6;
/// Substance over which a call that says 打错了 or asks for a person may still be about something.
const LITTLE_SUBSTANCE: usize = 45;
/// Substance under which a last turn does no more than take the call back.
const LAST_SUBSTANCE: usize = 25;
/// Confidence from which a place was named, and not just something that sounds like one.
const SURE_PLACE: f32 = 0.6;
/// The category of an emergency, whatever else is told with it.
const EMERGENCIES: [(Emergency, &str); 2] =
    [(Emergency::Medical, "卫生计生"), (Emergency::Crime, "政法")];
/// Confidence in what is said of a call that leaves a number and no more, and its title.
const UNKNOWN: f32 = 0.3;
const CALL_BACK: &str = "留下电话，未说明诉求";
/// Departments that are kept as likely, and how likely each is at least.
const DEPARTMENTS: usize = 3;
const UNLIKELY: f32 = 0.03;
/// Substance under which a demand for a person is all there is.
const PERSON_SUBSTANCE: usize = 14;

impl Understanding {
    /// Loads the classifier of `models` and the files of a city.
    ///
    /// # Errors
    /// The first file that is missing or broken.
    pub fn load(classifier: &Path, city: &Path, home: &str) -> Result<Understanding, Error> {
        Ok(Understanding {
            classifier: Classifier::load(classifier)?,
            places: Gazetteer::load(&city.join("places"), home)?,
            rules: Rules::load(city)?,
            alarms: Alarms::load(city)?,
        })
    }

    /// The classifier.
    pub fn classifier(&self) -> &Classifier {
        &self.classifier
    }

    /// How sure the city's words and the classifier together are of each kind of emergency in a
    /// text, in the order of the classifier's labels.
    pub fn emergency_probabilities(&self, text: &str) -> Vec<f32> {
        let said = [Said::from_text(Leg::Caller, text)];
        let whole = Span { utterance: 0, start: 0, end: said[0].chars.len() };
        let mut p = vec![0.0; Emergency::ALL.len() + 1];
        match self.alarms.find(&self.classifier, &said, &[whole], &[whole]) {
            Some(alarm) => {
                p[1 + alarm.value as usize] = alarm.confidence;
                p[0] = 1.0 - alarm.confidence;
            }
            // What does not reach the threshold is none, however near it came.
            None => p[0] = self.classifier.probabilities(&[text], Head::Emergency)[0].max(0.5),
        }
        let left = (1.0 - p.iter().sum::<f32>()) / Emergency::ALL.len() as f32;
        p[1..].iter_mut().for_each(|p| *p += left);
        p
    }

    /// The places.
    pub fn places(&self) -> &Gazetteer {
        &self.places
    }

    /// Tells caller and agent apart where both are in one channel.
    pub fn split_turns(&self, heard: &mut Heard) {
        self.rules.split_turns(&mut heard.said);
    }

    /// The spans of the caller's words by matter; empty when nothing was raised.
    fn matters(&self, heard: &Heard) -> Vec<Vec<Span>> {
        let mut matters: Vec<Vec<Span>> = vec![Vec::new()];
        let speech = &self.rules.speech;
        let mut asked = false;
        for (utterance, said) in heard.said.iter().enumerate() {
            let text = said.written();
            let plain: String = text.iter().collect();
            if said.leg == Leg::Agent {
                asked |= speech.next_asked.iter().any(|phrase| plain.contains(phrase.as_str()));
                continue;
            }
            // Who is asked for the next matter and answers with more than a courtesy begins it.
            let substance = self.rules.substance(&text);
            let answers = asked && substance >= LEAST_SECOND;
            asked &= substance < LEAST_SECOND;
            let known = matters.last().map_or(0, |spans| self.substance(heard, spans));
            let begins = |at: &usize| known + self.rules.substance(&text[..*at]) >= LEAST_SUBSTANCE;
            let cues = speech.another.iter().filter_map(|phrase| plain.find(phrase.as_str()));
            let cues = cues.map(|at| plain[..at].chars().count()).chain(answers.then_some(0));
            match cues.filter(begins).min() {
                Some(at) => {
                    push(&mut matters, utterance, 0, at);
                    matters.push(Vec::new());
                    push(&mut matters, utterance, at, text.len());
                }
                None => push(&mut matters, utterance, 0, text.len()),
            }
        }
        let mut kept: Vec<Vec<Span>> = Vec::new();
        for spans in matters {
            let least = if kept.is_empty() { LEAST_SUBSTANCE } else { LEAST_SECOND };
            match kept.last_mut() {
                // Too little for a matter of its own: it belongs to the one before.
                Some(last) if self.substance(heard, &spans) < least => last.extend(spans),
                None if self.substance(heard, &spans) < least => {}
                _ => kept.push(spans),
            }
        }
        // Who leaves nothing but a number to call wants to be called.
        if kept.is_empty()
            && let Some(number) = phone::find(heard, &self.rules.speech.this_number)
        {
            kept.push(number.evidence);
        }
        kept
    }

    fn substance(&self, heard: &Heard, spans: &[Span]) -> usize {
        spans.iter().map(|span| self.rules.substance(&chars(&heard.said, *span))).sum()
    }

    /// Whether the call says only that it is none of ours, or that a person is wanted.
    fn is_void(&self, heard: &Heard) -> bool {
        let phrases = &self.rules.phrases;
        let (callers, agents): (Vec<&Said>, Vec<&Said>) =
            heard.said.iter().partition(|said| said.leg != Leg::Agent);
        // What stands beside the demand for a person, clause by clause.
        let (mut substance, mut beside, mut person) = (0, 0, false);
        for said in &callers {
            let text = said.written();
            for clause in text.split(|ch| !ch.is_alphanumeric()) {
                let own = self.rules.substance(clause);
                let demand = phrases.person.first(clause).is_some();
                substance += own;
                beside += if demand { 0 } else { own };
                person |= demand;
            }
        }
        // Who warns of it wants to be called back.
        let warned = callers.iter().any(|said| phrases.warn_of_wrong_number(&said.text()));
        if !warned && callers.iter().any(|said| phrases.say_wrong_number(&said.text())) {
            // Who finds out at the end may have said a lot before, but no number and no place.
            let taken_back = callers.last().is_some_and(|said| {
                phrases.say_wrong_number(&said.text())
                    && self.rules.substance(&said.written()) < LAST_SUBSTANCE
            });
            if substance < LITTLE_SUBSTANCE || (taken_back && !self.is_to_be_followed(heard)) {
                return true;
            }
        }
        if person && beside < PERSON_SUBSTANCE {
            return true;
        }
        // Who says more may still have nothing to report; who names a matter, a place or a number has.
        let told = phrases.wrong_number_agent.are_in_any(&agents);
        (told || person) && beside < LITTLE_SUBSTANCE && !self.is_about_something(heard)
    }

    /// Whether the caller says a word that belongs to a category, or names a place or a number.
    fn is_about_something(&self, heard: &Heard) -> bool {
        let names_a_matter = |said: &Said| {
            let text = said.written();
            !self.rules.category_hints(&text).is_empty()
        };
        heard.said.iter().filter(|said| said.leg != Leg::Agent).any(names_a_matter)
            || self.is_to_be_followed(heard)
    }

    /// Whether the caller leaves a number or names a place.
    fn is_to_be_followed(&self, heard: &Heard) -> bool {
        phone::find(heard, &self.rules.speech.this_number).is_some()
            || self.places.find(heard, &[]).is_some_and(|place| place.confidence > SURE_PLACE)
    }

    fn one(&self, heard: &Heard, spans: Vec<Span>, whole: &[Span]) -> Interpretation {
        let (text, readings) = self.mended(heard, &spans);
        let scores = self.classifier.classify(&text);
        let emergency = self.alarms.find(&self.classifier, &heard.said, &spans, whole);
        let utterances: Vec<usize> = spans.iter().map(|span| span.utterance).collect();
        let request_type = self.request_type(heard, &spans, &scores, emergency.as_ref());
        let category = self.category(heard, &spans, &scores, emergency.as_ref());
        let below = scores.below(&category.value);
        let category_2 = below.0.first().filter(|(_, p)| *p >= 0.3).map(|(name, p)| Found {
            value: name.clone(),
            confidence: *p,
            evidence: spans.clone(),
            runner_up: below.runner_up().map(|(name, p)| (name.clone(), p)),
        });
        let asks = request_type.value == RequestType::Consultation;
        let office = scores.office.clone().filter(|_| asks);
        let office = office.map(|(value, confidence)| Found {
            value,
            confidence,
            evidence: spans.clone(),
            runner_up: None,
        });
        // Where nothing was learnt all are alike.
        let least = UNLIKELY.max(2.0 / scores.department.0.len().max(1) as f32);
        let likely = scores.department.0.iter().filter(|(_, p)| *p >= least);
        let departments = likely.take(DEPARTMENTS).cloned().collect();
        let urgency = urgency(&scores, emergency.as_ref());
        let place = self.places.find(heard, &utterances);
        let title = title::of(heard, &spans, request_type.value, place.as_ref(), &self.rules);
        // A title is read before the call is: it says what was meant.
        let title = readings.iter().fold(title, |title, r| title.replace(&r.heard, &r.meant));
        let phone = phone::find(heard, &self.rules.speech.this_number);
        let no_more = phone.is_some() && self.substance(heard, &spans) < LEAST_SUBSTANCE;
        let mut told = Interpretation {
            request_type,
            category,
            category_2,
            office,
            departments,
            urgency,
            emergency,
            phone,
            place,
            when: when::find(heard, whole),
            name: name::find(heard),
            subject: name::subject(heard, &spans),
            title,
            readings,
            matter: spans,
        };
        // Somebody is to call back and ask: nothing about the matter is known.
        if no_more {
            let confidence = told.category.confidence.min(UNKNOWN);
            told.request_type = Found { value: RequestType::Help, confidence, ..told.request_type };
            told.category.confidence = confidence;
            told.departments.clear();
            told.category_2 = None;
            CALL_BACK.clone_into(&mut told.title);
        }
        told
    }

    /// The caller's words with those mended that sound like a word of the city's, and which they are.
    fn mended(&self, heard: &Heard, spans: &[Span]) -> (String, Vec<Reading>) {
        let (mut whole, mut readings) = (String::new(), Vec::new());
        for span in spans {
            let text = chars(&heard.said, *span);
            let mut at = 0;
            for (start, end, meant) in self.rules.mended(&text) {
                whole.extend(&text[at..start]);
                whole.push_str(&meant);
                at = end;
                let place = Span { start: span.start + start, end: span.start + end, ..*span };
                let heard = text[start..end].iter().collect();
                readings.push(Reading { span: place, heard, meant });
            }
            whole.extend(&text[at..]);
        }
        (whole, readings)
    }

    /// The classifier's opinion moved by what the caller says he is doing.
    fn request_type(
        &self,
        heard: &Heard,
        spans: &[Span],
        scores: &Scores,
        emergency: Option<&Found<Emergency>>,
    ) -> Found<RequestType> {
        let mut odds = Odds::of(&scores.request_type.0);
        for span in spans {
            let hints = self.rules.type_hints(&chars(&heard.said, *span));
            odds.add(hints, *span);
        }
        if emergency.is_some() {
            odds.lift(&RequestType::Help, 3.0);
        }
        odds.found(spans)
    }

    /// The classifier's opinion moved by words that belong to one category.
    fn category(
        &self,
        heard: &Heard,
        spans: &[Span],
        scores: &Scores,
        emergency: Option<&Found<Emergency>>,
    ) -> Found<String> {
        let mut odds = Odds::of(&scores.category.0);
        // Whoever falls ill at a bus stop calls about no bus.
        let kind = emergency.map(|emergency| emergency.value);
        if let Some((_, category)) = EMERGENCIES.iter().find(|(of, _)| Some(*of) == kind) {
            odds.lift(&(*category).to_owned(), 2.0);
        }
        for span in spans {
            let hints = self.rules.category_hints(&chars(&heard.said, *span));
            odds.add(hints, *span);
        }
        odds.found(spans)
    }
}

/// Log-odds of labels with what spoke for them.
struct Odds<L> {
    labels: Vec<(L, f32)>,
    evidence: Vec<(L, Span)>,
}

impl<L: Clone + PartialEq> Odds<L> {
    /// Probabilities of a trained head are never trusted to be nought.
    const FLOOR: f32 = 0.02;

    fn of(probabilities: &[(L, f32)]) -> Odds<L> {
        let labels = probabilities
            .iter()
            .map(|(label, p)| (label.clone(), p.max(Self::FLOOR).ln()))
            .collect();
        Odds { labels, evidence: Vec::new() }
    }

    fn lift(&mut self, label: &L, weight: f32) {
        if let Some(entry) = self.labels.iter_mut().find(|(known, _)| known == label) {
            entry.1 += weight;
        }
    }

    /// The first hint of a label counts whole; a call that repeats itself gains little.
    fn add(&mut self, hints: Vec<Hint<L>>, span: Span) {
        for Hint { label, weight, start, end } in hints {
            let again = self.evidence.iter().filter(|(known, _)| *known == label).count() as i32;
            self.lift(&label, weight * 0.4f32.powi(again));
            let at = Span {
                utterance: span.utterance,
                start: span.start + start,
                end: span.start + end,
            };
            self.evidence.push((label, at));
        }
    }

    fn found(mut self, otherwise: &[Span]) -> Found<L> {
        self.labels.sort_by(|a, b| b.1.total_cmp(&a.1));
        let top = self.labels[0].1;
        let sum: f32 = self.labels.iter().map(|(_, odds)| (odds - top).exp()).sum();
        let p = |odds: f32| (odds - top).exp() / sum;
        let value = self.labels[0].0.clone();
        let mut evidence: Vec<Span> = self
            .evidence
            .into_iter()
            .filter(|(label, _)| *label == value)
            .map(|(_, span)| span)
            .collect();
        if evidence.is_empty() {
            evidence = otherwise.to_vec();
        }
        let runner_up = self.labels.get(1).map(|(label, odds)| (label.clone(), p(*odds)));
        Found { value, confidence: p(self.labels[0].1).min(0.99), evidence, runner_up }
    }
}

fn push(matters: &mut [Vec<Span>], utterance: usize, start: usize, end: usize) {
    if let Some(last) = matters.last_mut().filter(|_| end > start) {
        last.push(Span { utterance, start, end });
    }
}

pub(crate) fn chars(said: &[Said], span: Span) -> Vec<char> {
    said[span.utterance].chars[span.start..span.end].iter().map(|c| c.ch).collect()
}

fn urgency(scores: &Scores, emergency: Option<&Found<Emergency>>) -> Found<Urgency> {
    if let Some(emergency) = emergency {
        return Found {
            value: Urgency::Critical,
            confidence: emergency.confidence,
            evidence: emergency.evidence.clone(),
            runner_up: None,
        };
    }
    // Without an emergency nothing is critical by the classifier's word alone.
    let of = |label: Urgency| scores.urgency.of(&label);
    let urgent = of(Urgency::Urgent) + of(Urgency::Critical);
    let (value, confidence) =
        if urgent > 0.6 { (Urgency::Urgent, urgent) } else { (Urgency::Normal, 1.0 - urgent) };
    Found { value, confidence, evidence: Vec::new(), runner_up: None }
}

impl Interpret for Understanding {
    fn interpret(&self, heard: &Heard) -> Vec<Interpretation> {
        let matters = self.matters(heard);
        let whole: Vec<Span> = matters.iter().flatten().copied().collect();
        let alarm = || self.alarms.find(&self.classifier, &heard.said, &whole, &whole);
        if self.is_void(heard) && alarm().is_none() {
            return Vec::new();
        }
        let mut found: Vec<Interpretation> = Vec::new();
        for spans in matters {
            let next = self.one(heard, spans, &whole);
            // 顺便再问一下: a short question more about the same thing is no matter of its own.
            match found.last_mut() {
                Some(last)
                    if next.request_type.value == RequestType::Consultation
                        && last.request_type.value == RequestType::Consultation
                        && (next.category.value == last.category.value
                            || next.category.confidence < SURE_CATEGORY)
                        && self.substance(heard, &next.matter) < LEAST_OWN_QUESTION =>
                {
                    let spans = last.matter.iter().chain(&next.matter).copied().collect();
                    *last = self.one(heard, spans, &whole);
                }
                _ => found.push(next),
            }
        }
        found
    }
}
