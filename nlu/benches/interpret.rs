//! What understanding costs: a sentence and a long statement, everything included, against the
//! classifier alone. `make bench` runs it from the checkout's root.
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use nlu::{Heard, Interpret, Leg, Said, Understanding};

const SENTENCE: &str = "我住在朝阳区望京街道六号院，楼下的烧烤店每天晚上油烟特别大，孩子都睡不着觉";
const ROUNDS: u32 = 200;

fn main() -> Result<(), nlu::Error> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let begun = Instant::now();
    let understanding = Understanding::load(&home.join("models/nlu"), &home.join("city"), "1101")?;
    println!("start-up           {:7.1} ms", ms(begun.elapsed()));
    for times in [1, 10] {
        let text = SENTENCE.repeat(times);
        let said = vec![Said::from_text(Leg::Caller, &text)];
        let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
        // Turn by turn, so that a busy machine slows both.
        let (mut whole, mut floor) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            black_box(understanding.interpret(black_box(&heard)));
            whole += begun.elapsed();
            let begun = Instant::now();
            black_box(understanding.classifier().classify(black_box(&text)));
            floor += begun.elapsed();
        }
        println!(
            "{:4} characters    {:7.2} ms, {:.1} times the classifier alone",
            text.chars().count(),
            ms(whole / ROUNDS),
            whole.as_secs_f64() / floor.as_secs_f64()
        );
    }
    Ok(())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
