//! `hotline bench fill`: a store as large as a city's, made of the classifier's seed texts, so that
//! queues, search and boards can be measured. The same seed gives the same store.
//!
//! Every ticket lives a life that the rules allow; calls share a few recordings, since sound is not
//! what is measured.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dialogue::City;
use jiff::{Timestamp, ToSpan};
use nlu::{Heard, Leg, Said};
use sha2::{Digest, Sha256};
use tickets::{
    Call, CallHistory, Command, Event, Fields, Known, MadeBy, Policy, RECORD_VERSION, Record,
    Status, Ticket, TicketId,
};

use crate::call::load_city;
use crate::cli::Fill;
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::take::open_store;
use crate::{print_text, progress};
use nlu::StoredTranscript;

/// Calls in one transaction.
const BATCH: usize = 200;
/// Recordings that all calls share: a file system allows so many names for one file.
const SOUNDS: usize = 8;
/// Days over which the calls are spread, the last one today.
const DAYS: i64 = 60;
/// Length of the one long call, in milliseconds.
const LONG_MS: u64 = 60 * 60 * 1000;
/// Characters that people say in a second, roughly.
const PACE: u64 = 4;
/// Streets of the example city.
const STREETS: [(&str, &str); 16] = [
    ("朝阳区", "望京街道"),
    ("朝阳区", "三里屯街道"),
    ("朝阳区", "双井街道"),
    ("海淀区", "中关村街道"),
    ("海淀区", "上地街道"),
    ("海淀区", "北太平庄街道"),
    ("丰台区", "方庄街道"),
    ("丰台区", "卢沟桥街道"),
    ("西城区", "德胜街道"),
    ("西城区", "广安门外街道"),
    ("东城区", "和平里街道"),
    ("东城区", "东直门街道"),
    ("石景山区", "鲁谷街道"),
    ("通州区", "梨园街道"),
    ("昌平区", "回龙观街道"),
    ("大兴区", "清源街道"),
];

/// One line of the seed texts.
struct Seed {
    text: String,
    request_type: String,
    category: String,
    category_2: String,
    urgency: String,
    emergency: String,
}

/// Fills a store that holds nothing yet.
///
/// # Errors
/// A store that holds something, or cannot be written.
pub fn fill(setting: &Setting, ask: &Fill) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let store = open_store(setting, &city)?;
    if !store.calls().or_exit(exit::STORE)?.is_empty() {
        bail!("{}: holds calls; fill an empty folder: --data DIR", setting.data.display());
    }
    let seeds = read_seeds(&setting.shipped_models().join("nlu/seeds"))?;
    let mut chance = Chance(ask.seed);
    let average_ms = (ask.hours * 3_600_000 / ask.tickets.max(1)).clamp(10_000, 3_600_000);
    let sounds = Sounds::make(setting, average_ms)?;
    let mut filling = Filling {
        policy: desk::policy(&city),
        departments: store.departments()?.into_iter().map(|known| known.name).collect(),
        categories: city.categories.iter().map(|category| category.name.clone()).collect(),
        city,
        seeds,
        sounds,
        now: Timestamp::now(),
        counters: std::collections::HashMap::new(),
    };
    let bar = progress::bar(ask.tickets, "tickets");
    let mut left = ask.tickets;
    let mut number = 0;
    while left > 0 {
        let count = left.min(BATCH as u64);
        let mut batch = Vec::new();
        for _ in 0..count {
            batch.push(filling.call(setting, &mut chance, number, number == 0)?);
            number += 1;
        }
        store.take_histories(&batch).or_exit(exit::STORE)?;
        left -= count;
        bar.inc(count);
    }
    bar.finish_and_clear();
    print_text(&format!("{} tickets, {} hours of calls\n", ask.tickets, ask.hours))
}

struct Filling {
    policy: Policy,
    departments: Vec<String>,
    categories: Vec<String>,
    city: City,
    seeds: Vec<Seed>,
    sounds: Sounds,
    now: Timestamp,
    counters: std::collections::HashMap<u32, u32>,
}

impl Filling {
    fn call(
        &mut self,
        setting: &Setting,
        chance: &mut Chance,
        number: u64,
        long: bool,
    ) -> anyhow::Result<CallHistory> {
        let ago = chance.below((DAYS * 24 * 3600) as u64) as i64;
        // Fewer people call at night.
        let started = self.now.checked_sub(ago.seconds())?;
        let hour = dialogue::china().to_datetime(started).hour();
        let started = if (7..22).contains(&hour) || chance.below(5) == 0 {
            started
        } else {
            started.checked_sub(12.hours())?
        };
        let seed = &self.seeds[chance.below(self.seeds.len() as u64) as usize];
        let (sound, duration_ms) = self.sounds.one(number, long);
        let street = STREETS[chance.below(STREETS.len() as u64) as usize];
        let phone = format!("13{:09}", chance.below(200_000_000));
        let heard = self.heard(chance, seed, street, &phone, started, duration_ms, long);
        let fields = self.fields(chance, seed, street, &phone, started);
        let sha256 = hex(&Sha256::digest(format!("fill {number} {}", chance.next())));
        let stored = StoredTranscript { v: 1, duration_ms, incomplete: None, heard };
        let json = serde_json::to_vec(&stored)?;
        let transcript = hex(&Sha256::digest(&json));
        place(setting, "transcripts", &format!("{transcript}.json"), |path| {
            std::fs::write(path, &json)
        })?;
        place(setting, "recordings", &format!("{sha256}.wav"), |path| {
            std::fs::hard_link(&sound, path)
        })?;
        let call = Call {
            v: RECORD_VERSION,
            sha256,
            ending: "wav".to_owned(),
            recording: format!("fill-{number}.wav"),
            transcript,
            started_at: started,
            received_at: started,
            duration_ms,
            outcome: "tickets".to_owned(),
            incomplete: None,
            tickets: Vec::new(),
            made_by: MadeBy { program: env!("CARGO_PKG_VERSION").to_owned(), ..MadeBy::default() },
        };
        let id = self.number(started);
        let ticket = self.life(chance, id, &call, fields)?;
        let call = Call { tickets: vec![id], ..call };
        Ok(CallHistory { call, tickets: vec![(id, ticket.history)] })
    }

    fn number(&mut self, at: Timestamp) -> TicketId {
        let date = dialogue::china().to_datetime(at).date();
        let day = date.year() as u32 * 10_000 + date.month() as u32 * 100 + date.day() as u32;
        let counter = self.counters.entry(day).or_default();
        *counter += 1;
        TicketId { day, counter: *counter }
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a call is made of")]
    fn heard(
        &self,
        chance: &mut Chance,
        seed: &Seed,
        (district, street): (&str, &str),
        phone: &str,
        started_at: Timestamp,
        duration_ms: u64,
        long: bool,
    ) -> Heard {
        let mut said = Vec::new();
        let mut at = 800;
        let mut say = |leg: Leg, text: &str, pause: u64| {
            let mut one = Said::from_text(leg, text);
            one.start_ms = at;
            for ch in &mut one.chars {
                (ch.start_ms, ch.end_ms, ch.confidence) = (at, at + 1000 / PACE - 10, 0.9);
                at += 1000 / PACE;
            }
            one.end_ms = at;
            said.push(one);
            at += pause;
            at
        };
        say(Leg::Agent, "您好，市民热线，请问有什么可以帮您", 600);
        say(Leg::Caller, &seed.text, 700);
        say(Leg::Agent, "请问具体在什么位置", 500);
        say(Leg::Caller, &format!("在{district}{street}"), 600);
        say(Leg::Agent, "留一个联系电话吧", 500);
        say(Leg::Caller, phone, 700);
        if long {
            // An hour of talk: nothing but more matters.
            while say(
                Leg::Caller,
                &self.seeds[chance.below(self.seeds.len() as u64) as usize].text,
                400,
            ) + 60_000
                < duration_ms
            {}
        }
        say(Leg::Agent, "好的，已经为您登记，感谢来电", 0);
        Heard { said, started_at, line_number: Some(phone.to_owned()) }
    }

    fn fields(
        &self,
        chance: &mut Chance,
        seed: &Seed,
        (district, street): (&str, &str),
        phone: &str,
        started: Timestamp,
    ) -> Fields {
        let department = &self.departments[chance.below(self.departments.len() as u64) as usize];
        let names = ["北京市", "市辖区", district, street].map(str::to_owned).to_vec();
        let emergency = seed.emergency != "none";
        let mut fields = Fields {
            request_type: seed.request_type.clone(),
            category: seed.category.clone(),
            category_2: Some(seed.category_2.clone()).filter(|name| !name.is_empty()),
            department: Some(department.clone()),
            department_reason: Some("批量数据".to_owned()),
            urgency: seed.urgency.clone(),
            emergency,
            emergency_kind: Some(seed.emergency.clone()).filter(|_| emergency),
            phone: Some(phone.to_owned()),
            place: Some(tickets::Place {
                text: format!("{district}{street}"),
                names,
                ..tickets::Place::default()
            }),
            title: format!(
                "反映{district}{street}{}",
                seed.text.chars().take(40).collect::<String>()
            ),
            ..Fields::default()
        };
        let due = self.policy.calendar.due(started, self.policy.limit(&fields));
        fields.deadline = Some(tickets::written(due));
        for field in ["type", "category", "department", "place", "phone"] {
            fields.confidence.insert(field.to_owned(), 0.4 + 0.6 * chance.share());
        }
        fields.evidence.insert(
            "type".to_owned(),
            vec![tickets::Span {
                utterance: 1,
                start: 0,
                end: seed.text.chars().count().min(8),
                start_ms: None,
                end_ms: None,
            }],
        );
        fields
    }

    /// What became of a ticket until now, by moves that the rules allow.
    fn life(
        &self,
        chance: &mut Chance,
        id: TicketId,
        call: &Call,
        fields: Fields,
    ) -> anyhow::Result<Ticket> {
        let roll = chance.below(100);
        let status = match roll {
            0..=9 => Status::Review,
            10..=14 => Status::Incomplete,
            _ => Status::Dispatched,
        };
        let event = Event::Opened {
            call: call.sha256.clone(),
            matter: 0,
            status,
            fields: Box::new(fields),
        };
        let record =
            Record { v: RECORD_VERSION, at: call.started_at, by: "hotline".to_owned(), event };
        let mut ticket = Ticket::from_records(id, vec![record]).context("an opening opens")?;
        if status != Status::Dispatched {
            return Ok(ticket);
        }
        let satisfied = 1 + chance.below(5) as u8;
        let solved = chance.below(10) < 8;
        let words = || "按规定处理".to_owned();
        let moves = [
            (2, Command::Sign),
            (
                30,
                Command::Answer {
                    handling: words(),
                    reply: "已处理，请您查看".to_owned(),
                    solved,
                    reason: (!solved).then(|| self.city.life.unsolved[0].clone()),
                },
            ),
            (
                54,
                Command::FollowUp {
                    reached: true,
                    responded: true,
                    solved,
                    satisfied,
                    words: String::new(),
                },
            ),
            (55, Command::Close { why: words() }),
        ];
        let known = Known {
            departments: &self.departments,
            categories: &self.categories,
            policy: &self.policy,
        };
        let slow = 1 + chance.below(9) as i64;
        for (hours, command) in moves {
            let at = call.started_at.checked_add((hours * slow).hours())?;
            if at > self.now {
                break;
            }
            let Ok(events) = ticket.decide(command, known, at) else { break };
            for event in events {
                ticket
                    .apply(Record { v: RECORD_VERSION, at, by: "批量数据".to_owned(), event });
            }
        }
        Ok(ticket)
    }
}

/// Puts a file onto its shelf of the store.
fn place(
    setting: &Setting,
    kind: &str,
    name: &str,
    put: impl Fn(&Path) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let shelf = setting.data.join(kind).join(&name[..2]);
    let path = shelf.join(name);
    let made = std::fs::create_dir_all(&shelf).and_then(|()| put(&path));
    made.with_context(|| format!("{}: cannot be written", path.display())).or_exit(exit::STORE)
}

/// The recordings that calls share: a quiet tone, so that a waveform has something to show.
struct Sounds {
    paths: Vec<(PathBuf, u64)>,
    long: PathBuf,
}

impl Sounds {
    fn make(setting: &Setting, average_ms: u64) -> anyhow::Result<Sounds> {
        let dir = setting.data.join("fill");
        std::fs::create_dir_all(&dir)?;
        let mut paths = Vec::new();
        for number in 0..SOUNDS as u64 {
            let duration_ms = average_ms * (60 + number * 80 / (SOUNDS as u64 - 1)) / 100;
            let path = dir.join(format!("{number}.wav"));
            tone(&path, duration_ms, 1)?;
            paths.push((path, duration_ms));
        }
        let long = dir.join("long.wav");
        tone(&long, LONG_MS, 2)?;
        Ok(Sounds { paths, long })
    }

    fn one(&self, number: u64, long: bool) -> (PathBuf, u64) {
        if long {
            (self.long.clone(), LONG_MS)
        } else {
            self.paths[number as usize % SOUNDS].clone()
        }
    }
}

/// Eight thousand 16-bit samples a second.
fn tone(path: &Path, duration_ms: u64, legs: u32) -> anyhow::Result<()> {
    const RATE: u32 = 8000;
    let frames = (duration_ms * u64::from(RATE) / 1000) as u32;
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(&audio::wav_header(legs as u16, RATE, frames))?;
    for frame in 0..frames {
        // Louder and softer once a second, each leg in its turn.
        let swell = (frame % RATE) as f32 / RATE as f32;
        for leg in 0..legs {
            let turn = (frame / (RATE * 5)) % legs == leg;
            let sample = (frame as f32 * 0.17).sin() * swell * if turn { 6000.0 } else { 300.0 };
            out.write_all(&(sample as i16).to_le_bytes())?;
        }
    }
    Ok(out.flush()?)
}

fn read_seeds(dir: &Path) -> anyhow::Result<Vec<Seed>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .with_context(|| format!("{}: the seed texts are not there", dir.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "tsv"))
        .collect();
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path)?;
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [text, request_type, category, category_2, urgency, emergency] = match cells[..] {
                [text, emergency] => [text, "求助", "政法", "社会治安", "特急", emergency],
                [text, request_type, category, category_2, urgency] => {
                    [text, request_type, category, category_2, urgency, "none"]
                }
                _ => continue,
            };
            seeds.push(Seed {
                text: text.to_owned(),
                request_type: request_type.to_owned(),
                category: category.to_owned(),
                category_2: category_2.to_owned(),
                urgency: urgency.to_owned(),
                emergency: emergency.to_owned(),
            });
        }
    }
    if seeds.is_empty() {
        bail!("{}: no seed texts", dir.display());
    }
    Ok(seeds)
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, seeded, and good enough for filling.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn share(&mut self) -> f64 {
        self.below(1000) as f64 / 1000.0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
