//! Transcribes recordings leg by leg and prints what was heard with times: a look at this room
//! alone. `cargo run --release -p asr --example hear -- MODEL FILE…`
use asr::{Decoding, Endpoint, EndpointConfig, Endpointer, Model, Transcribe};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let model = arguments.next().ok_or("usage: hear MODEL FILE…")?;
    let dirs = ["models".into()];
    let found = asr::models::find(Some(&model), &dirs, std::path::Path::new("models"))?;
    let mut worker = Model::load(&found)?.worker(&Decoding::default())?;
    for file in arguments {
        let mut reader = audio::Reader::open(std::path::Path::new(&file))?;
        let legs = reader.legs();
        let mut ears: Vec<_> = (0..legs)
            .map(|_| (audio::Framer::default(), Endpointer::new(EndpointConfig::default())))
            .collect();
        let mut heard = Vec::new();
        while let Some(block) = reader.read()? {
            for (leg, samples) in block.legs.iter().enumerate() {
                let (framer, endpointer) = &mut ears[leg];
                for frame in framer.push(samples) {
                    if let Some(Endpoint::Ended(utterance)) = endpointer.push(&frame) {
                        heard.push((leg, utterance));
                    }
                }
            }
        }
        for (leg, (_, endpointer)) in ears.iter_mut().enumerate() {
            heard.extend(endpointer.finish().map(|utterance| (leg, utterance)));
        }
        println!("{file}: {} ms, {} utterances", reader.given_ms(), heard.len());
        for (leg, utterance) in heard {
            let began = std::time::Instant::now();
            let t = worker.transcribe(&utterance)?;
            let times: Vec<String> =
                t.chars.iter().map(|c| format!("{}@{}", c.ch, c.start_ms)).collect();
            println!(
                "  {leg} {:>6}–{:<6} {:.2} {:>4} ms  {}",
                t.start_ms,
                t.end_ms,
                t.confidence,
                began.elapsed().as_millis(),
                times.join(" ")
            );
        }
    }
    Ok(())
}
