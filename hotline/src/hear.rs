//! From a recording to what was heard: reading, endpointing and Whisper, each on its own threads,
//! joined by bounded queues.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use asr::{
    Decoding, Endpoint, EndpointConfig, Endpointer, Model, Transcribe, Transcript, Utterance,
    Worker,
};
use audio::{Framer, Reader};
use nlu::{Dictation, Leg, Said};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::convert;

/// Utterances that may wait for a worker. Each is at most 28 s, so that whatever the length of the
/// recording no more than this much sound is in memory.
const QUEUE: usize = 8;

/// Workers that turn utterances into text, shared by all calls.
#[derive(Clone)]
pub struct Ears {
    jobs: mpsc::Sender<Job>,
}

/// What a worker makes of an utterance.
type Answer = Result<Transcript, asr::Error>;

struct Job {
    utterance: Utterance,
    /// Called before the answer is given, with the millisecond that the utterance ends at.
    heard: Arc<dyn Fn(u64) + Send + Sync>,
    reply: oneshot::Sender<Answer>,
}

/// What was heard in one recording.
#[derive(Debug, Clone)]
pub struct HeardSound {
    /// Utterances of all legs in time order.
    pub said: Vec<Said>,
    /// Length of the sound.
    pub duration_ms: u64,
    /// What is missing from a damaged recording.
    pub incomplete: Option<String>,
}

impl Ears {
    /// Starts the workers.
    ///
    /// # Errors
    /// No memory for another state of the model.
    pub fn start(model: &Model, decoding: &Decoding, workers: usize) -> Result<Ears, asr::Error> {
        let (jobs, queue) = mpsc::channel::<Job>(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..workers {
            let mut worker = model.worker(decoding)?;
            let queue = Arc::clone(&queue);
            let name = format!("whisper {number}");
            let work = move || {
                loop {
                    // The queue is let go before the work begins, or the workers would wait for each other.
                    let job = queue.blocking_lock().blocking_recv();
                    let Some(job) = job else { return };
                    // Nobody waits for this any more.
                    if job.reply.is_closed() {
                        continue;
                    }
                    // A panic ends one utterance, not the calls of everybody else.
                    let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
                        transcribe(&mut worker, &job.utterance)
                    }));
                    let result = result.unwrap_or_else(|_| {
                        Err(asr::Error::Recognition("the recogniser panicked".into()))
                    });
                    (job.heard)(end_ms(&job.utterance));
                    // Whoever asked may have given up; that is no concern of the worker's.
                    let _ = job.reply.send(result);
                }
            };
            std::thread::Builder::new()
                .name(name)
                .spawn(work)
                .map_err(|error| asr::Error::Recognition(error.to_string()))?;
        }
        Ok(Ears { jobs })
    }

    /// Hears one recording. `legs` names its channels; `progress` is told which share of the
    /// recording has been heard, 0 to 1, as far as its header tells how long it is.
    ///
    /// # Errors
    /// A recording that cannot be read, or a recogniser that fails.
    pub async fn hear(
        &self,
        path: &Path,
        legs: impl FnOnce(usize) -> anyhow::Result<Vec<Leg>>,
        progress: impl Fn(f32) + Send + Sync + 'static,
    ) -> anyhow::Result<HeardSound> {
        let reader = Reader::open(path)?;
        let total_ms = reader.total_ms().filter(|total| *total > 0);
        let heard: Arc<dyn Fn(u64) + Send + Sync> = Arc::new(move |ms| {
            if let Some(total) = total_ms {
                progress((ms as f32 / total as f32).min(1.0));
            }
        });
        let legs = legs(reader.legs())?;
        let channels = legs.clone();
        let (found, mut utterances) = mpsc::channel::<(usize, Utterance)>(QUEUE);
        let reading = tokio::task::spawn_blocking(move || read(reader, channels.len(), &found));
        let mut said: Vec<(u64, usize, oneshot::Receiver<Answer>)> = Vec::new();
        while let Some((leg, utterance)) = utterances.recv().await {
            let (reply, answer) = oneshot::channel();
            let start_ms = utterance.start_ms;
            let gone = || anyhow!("the recogniser's threads are gone");
            let heard = Arc::clone(&heard);
            self.jobs.send(Job { utterance, heard, reply }).await.map_err(|_| gone())?;
            said.push((start_ms, leg, answer));
        }
        let (duration_ms, incomplete) = reading.await.context("the reading thread panicked")??;
        said.sort_by_key(|(start_ms, leg, _)| (*start_ms, *leg));
        let mut heard = Vec::new();
        for (_, leg, answer) in said {
            let transcript =
                answer.await.map_err(|_| anyhow!("the recogniser's threads are gone"))??;
            if !transcript.chars.is_empty() {
                heard.push(convert::said(legs[leg], &transcript));
            }
        }
        Ok(HeardSound { said: heard, duration_ms, incomplete })
    }
}

/// What was said in an utterance. Where a number was dictated and is not whole, a second listening
/// counts if it finds a whole one.
fn transcribe(worker: &mut Worker, utterance: &Utterance) -> Answer {
    let heard = worker.transcribe(utterance)?;
    if nlu::dictation(&heard.text()) != Dictation::Broken {
        return Ok(heard);
    }
    let again =
        worker.transcribe_number(utterance, |text| nlu::dictation(text) == Dictation::Whole)?;
    Ok(again.unwrap_or(heard))
}

fn end_ms(utterance: &Utterance) -> u64 {
    utterance.start_ms + utterance.samples.len() as u64 * 1000 / u64::from(audio::SAMPLE_RATE)
}

/// Reads a recording to its end and hands its utterances over as they end.
fn read(
    mut reader: Reader,
    legs: usize,
    found: &mpsc::Sender<(usize, Utterance)>,
) -> anyhow::Result<(u64, Option<String>)> {
    let mut ears: Vec<(Framer, Endpointer)> = (0..legs)
        .map(|_| (Framer::default(), Endpointer::new(EndpointConfig::default())))
        .collect();
    let give = |leg: usize, utterance: Utterance| {
        found.blocking_send((leg, utterance)).context("nobody listens any more")
    };
    while let Some(block) = reader.read()? {
        for (leg, ((framer, endpointer), samples)) in ears.iter_mut().zip(&block.legs).enumerate() {
            for frame in framer.push(samples) {
                if let Some(Endpoint::Ended(utterance)) = endpointer.push(&frame) {
                    give(leg, utterance)?;
                }
            }
        }
    }
    for (leg, (framer, endpointer)) in ears.iter_mut().enumerate() {
        if let Some(Endpoint::Ended(utterance)) =
            framer.finish().and_then(|frame| endpointer.push(&frame))
        {
            give(leg, utterance)?;
        }
        if let Some(utterance) = endpointer.finish() {
            give(leg, utterance)?;
        }
    }
    Ok((reader.given_ms(), reader.incomplete().map(str::to_owned)))
}
