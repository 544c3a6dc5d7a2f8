//! What the shipped classifier and the example city's rules make of texts that neither was made
//! from: `models/nlu/development`. Floors, so that a change that makes them worse is seen.

use dialogue::City;
use nlu::{Heard, Interpret, Interpretation, Leg, Said, Understanding};

use crate::run::home;

fn understanding() -> Understanding {
    let city = home().join("city");
    let loaded = City::load(&city).expect("the example city is in order");
    Understanding::load(&home().join("models/nlu"), &city, &loaded.code).unwrap()
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let path = home().join("models/nlu/development").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn interpret(understanding: &Understanding, text: &str) -> Vec<Interpretation> {
    let said = vec![Said::from_text(Leg::Caller, text)];
    let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
    understanding.interpret(&heard)
}

/// Any of the labels that a field lists is right.
fn is_one_of(label: &str, field: &str) -> bool {
    field.split('|').any(|right| right == label)
}

#[test]
fn matters_that_nobody_trained_on_reach_the_floors() {
    let understanding = understanding();
    let rows = rows("matters.tsv");
    let (mut types, mut categories, mut alarms) = (0, 0, 0);
    for row in &rows {
        let [text, kinds, right, _, emergency] = &row[..] else { panic!("{row:?}") };
        let found = interpret(&understanding, text);
        let Some(matter) = found.first() else { continue };
        types += usize::from(is_one_of(matter.request_type.value.name(), kinds));
        categories += usize::from(is_one_of(&matter.category.value, right));
        alarms += usize::from(emergency == "none" && matter.emergency.is_some());
    }
    let share = |right: usize| right as f64 / rows.len() as f64;
    assert!(share(categories) >= 0.74, "category right in {categories} of {}", rows.len());
    assert!(share(types) >= 0.70, "type right in {types} of {}", rows.len());
    assert!(share(alarms) <= 0.01, "{alarms} false alarms in {}", rows.len());
}

#[test]
fn emergencies_are_heard_and_what_only_sounds_like_them_is_not() {
    let understanding = understanding();
    let (mut heard, mut emergencies, mut alarms, mut others) = (0, 0, 0, 0);
    for row in rows("emergencies.tsv") {
        let found = interpret(&understanding, &row[0]);
        let alarm = usize::from(found.iter().any(|matter| matter.emergency.is_some()));
        let (hits, of) = if row[1] == "none" {
            (&mut alarms, &mut others)
        } else {
            (&mut heard, &mut emergencies)
        };
        *hits += alarm;
        *of += 1;
    }
    assert!(heard * 100 >= emergencies * 90, "{heard} of {emergencies} emergencies");
    assert!(alarms * 100 <= others, "{alarms} false alarms in {others}");
}
