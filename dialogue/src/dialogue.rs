//! The dialogue manager: from what was said to what to do next. Pure: no clock, no I/O, no
//! randomness, so that any call can be derived again.

use std::time::Duration;

use nlu::{Dictation, Heard, Interpretation, Leg, Said, dictation};

use crate::city::{City, Slot};
use crate::draft::Draft;

/// Something that happened on the line.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// The call was answered.
    Answered,
    /// Somebody said something; `understood` is what all that was said so far means.
    Said {
        /// The utterance.
        said: &'a Said,
        /// What the call means up to here.
        understood: &'a [Interpretation],
    },
    /// Nobody said anything in time.
    NoInput,
    /// The caller spoke over a prompt.
    BargeIn,
    /// A key was pressed.
    Dtmf(char),
    /// The call ended.
    HungUp {
        /// Everything that was heard.
        heard: &'a Heard,
        /// What it means as a whole.
        understood: Vec<Interpretation>,
    },
}

/// What the dialogue wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Say this.
    Say(String),
    /// Stop speaking.
    StopSpeaking,
    /// Put the caller through to a person.
    Transfer,
    /// The call is over, and this came of it.
    Finish(Conclusion),
}

/// The actions of one step, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// What to do.
    pub actions: Vec<Action>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// What kind of call it was.
    pub outcome: Outcome,
    /// One a matter.
    pub drafts: Vec<Draft>,
}

/// What kind of call it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The caller raised a matter.
    Tickets,
    /// The caller wants a person.
    Transfer,
    /// The caller raised no matter.
    None,
    /// Nobody said anything that can be understood.
    Unusable,
}

impl Outcome {
    /// Serialised name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Tickets => "tickets",
            Outcome::Transfer => "transfer",
            Outcome::None => "none",
            Outcome::Unusable => "unusable",
        }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Dialogue<'a> {
    city: &'a City,
    asking: Option<Slot>,
    asked: Vec<(Slot, u32)>,
    silences: u32,
    misses: u32,
    wants_person: bool,
    wrong_number: bool,
    warned: bool,
    transferred: bool,
    finished: bool,
}

impl<'a> Dialogue<'a> {
    /// A new call.
    pub fn new(city: &'a City) -> Dialogue<'a> {
        Dialogue {
            city,
            asking: None,
            asked: Vec::new(),
            silences: 0,
            misses: 0,
            wants_person: false,
            wrong_number: false,
            warned: false,
            transferred: false,
            finished: false,
        }
    }

    /// Takes what happened at a time since the call's start and says what to do.
    pub fn step(&mut self, _at: Duration, input: Input<'_>) -> Turn {
        let mut turn = Turn::default();
        if self.finished {
            return turn;
        }
        match input {
            Input::Answered => turn.say(&self.city.prompts.greeting),
            Input::BargeIn => turn.actions.push(Action::StopSpeaking),
            Input::Dtmf('0') => self.transfer(&mut turn),
            Input::Dtmf(_) => {}
            Input::NoInput => self.no_input(&mut turn),
            Input::Said { said, understood } => self.said(said, understood, &mut turn),
            Input::HungUp { heard, understood } => {
                self.finished = true;
                turn.actions.push(Action::Finish(self.conclude(heard, understood)));
            }
        }
        turn
    }

    fn said(&mut self, said: &Said, understood: &[Interpretation], turn: &mut Turn) {
        let text = said.text();
        if said.leg == Leg::Agent {
            self.wrong_number |= self.city.phrases.wrong_number_agent.are_in(&text);
            return;
        }
        self.silences = 0;
        let phrases = &self.city.phrases;
        let warning = &phrases.wrong_number_warned_of;
        self.wrong_number |= phrases.wrong_number.are_in(&warning.taken_from(&text));
        // Whoever gives a number and warns of calling a wrong one has a matter, whatever he said before.
        self.wrong_number &= !(warning.are_in(&text) && dictation(&text) == Dictation::Whole);
        if let Some(emergency) =
            understood.iter().find_map(|matter| matter.emergency.as_ref()).filter(|_| !self.warned)
        {
            self.warned = true;
            if let Some(notice) = self.city.prompts.emergency.get(emergency_name(emergency.value)) {
                turn.say(notice);
            }
            return self.transfer_quietly(turn);
        }
        if self.city.phrases.person.are_in(&text) {
            self.wants_person = true;
            return self.transfer(turn);
        }
        if !self.transferred && !self.wrong_number {
            self.ask_next(understood, turn);
        }
    }

    /// Asks for the first thing that is missing and has not been asked too often.
    fn ask_next(&mut self, understood: &[Interpretation], turn: &mut Turn) {
        let Some(matter) = understood.first() else {
            let prompts = &self.city.prompts.no_match;
            match prompts.get(self.misses as usize) {
                Some(prompt) => turn.say(prompt),
                None => self.transfer(turn),
            }
            self.misses += 1;
            return;
        };
        let lacks = |slot: &Slot| match slot {
            Slot::Matter => false,
            Slot::Place => matter.place.is_none(),
            Slot::Phone => matter.phone.is_none(),
            Slot::When => matter.when.is_none(),
            Slot::Name => matter.name.is_none(),
        };
        let patience = self.city.patience.asks;
        let times = |slot: &Slot| {
            self.asked.iter().find(|(asked, _)| asked == slot).map_or(0, |(_, times)| *times)
        };
        let slots = self.city.slots(matter.request_type.value);
        let Some(slot) = slots.iter().copied().find(|slot| lacks(slot) && times(slot) < patience)
        else {
            self.asking = None;
            return;
        };
        let already = times(&slot) as usize;
        if let Some(question) =
            self.city.prompts.ask.get(&slot).and_then(|all| all.get(already).or(all.last()))
        {
            turn.say(question);
        }
        self.asking = Some(slot);
        match self.asked.iter_mut().find(|(asked, _)| *asked == slot) {
            Some((_, times)) => *times += 1,
            None => self.asked.push((slot, 1)),
        }
    }

    fn no_input(&mut self, turn: &mut Turn) {
        let prompts = &self.city.prompts.no_input;
        if let Some(prompt) = prompts.get(self.silences as usize).or(prompts.last()) {
            turn.say(prompt);
        }
        self.silences += 1;
        if self.silences >= self.city.patience.silences {
            self.transfer_quietly(turn);
        }
    }

    fn transfer(&mut self, turn: &mut Turn) {
        if !self.transferred {
            turn.say(&self.city.prompts.transfer);
        }
        self.transfer_quietly(turn);
    }

    fn transfer_quietly(&mut self, turn: &mut Turn) {
        if !self.transferred {
            self.transferred = true;
            turn.actions.push(Action::Transfer);
        }
    }

    fn conclude(&self, heard: &Heard, understood: Vec<Interpretation>) -> Conclusion {
        let mut caller = heard.said.iter().filter(|said| said.leg != Leg::Agent).map(Said::text);
        // A syllable here and there is what a recogniser makes of a ringing line; who greets is somebody.
        let least = self.city.patience.least_words;
        let spoke = caller
            .clone()
            .map(|text| text.chars().filter(|ch| ch.is_alphanumeric()).count())
            .sum::<usize>()
            >= least
            || caller.any(|text| self.city.phrases.greeting.are_in(&text));
        let outcome = match (spoke, understood.is_empty()) {
            (_, false) => Outcome::Tickets,
            (_, true) if self.wants_person => Outcome::Transfer,
            (spoke, true) if spoke || self.wrong_number => Outcome::None,
            (_, true) => Outcome::Unusable,
        };
        let drafts = match outcome {
            Outcome::Tickets => {
                understood.into_iter().map(|matter| Draft::of(self.city, heard, matter)).collect()
            }
            _ => Vec::new(),
        };
        Conclusion { outcome, drafts }
    }
}

impl Turn {
    fn say(&mut self, prompt: &str) {
        self.actions.push(Action::Say(prompt.to_owned()));
    }
}

/// A recorded call from beginning to end: the utterances in time order, then what came of them.
pub fn recorded(city: &City, heard: &Heard, understood: Vec<Interpretation>) -> Conclusion {
    let mut dialogue = Dialogue::new(city);
    dialogue.step(Duration::ZERO, Input::Answered);
    for said in &heard.said {
        dialogue.step(
            Duration::from_millis(said.end_ms),
            Input::Said { said, understood: &understood },
        );
    }
    let end = heard.said.last().map_or(Duration::ZERO, |said| Duration::from_millis(said.end_ms));
    let turn = dialogue.step(end, Input::HungUp { heard, understood });
    let conclusion = turn.actions.into_iter().find_map(|action| match action {
        Action::Finish(conclusion) => Some(conclusion),
        _ => None,
    });
    conclusion.expect("hanging up finishes a dialogue that was not finished before")
}

/// Serialised name of an emergency.
pub fn emergency_name(emergency: nlu::Emergency) -> &'static str {
    match emergency {
        nlu::Emergency::Fire => "fire",
        nlu::Emergency::Crime => "crime",
        nlu::Emergency::Medical => "medical",
        nlu::Emergency::Traffic => "traffic",
        nlu::Emergency::Gas => "gas",
        nlu::Emergency::Danger => "danger",
    }
}
