//! Learning what names of persons are: from sentences in which names are planted, and from texts in
//! which hardly anybody is named.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::classifier::{LABELS, Labels};
use crate::name::characters::{COMPOUND, FAMILY, GIVEN, RARE};
use crate::name::tagger::{KEYS, PAIRS, Reading, STEP, Stretch, Tagger, pair, stretches};

use super::random::Random;
use super::{Progress, TrainConfig, data};

/// Times that everything is gone through.
const PASSES: usize = 8;
/// The first pass whose weights count: what comes out is their mean.
const SETTLED: usize = 3;
/// Sentences made of one frame in a pass.
const PLANTED: usize = 24;
/// How fast weights move at first.
const RATE: f32 = 0.25;
/// How much a missed name weighs against a word taken for one.
const MISSED: f32 = 1.5;
/// Share of sentences that lose their punctuation, as recognisers and hurried typists write.
const BARE: f32 = 0.25;
/// Share of places for a name that are filled with a word that is none.
const DECOYS: f32 = 0.15;
/// Share of sentences that go on with another.
const JOINED: f32 = 0.4;
/// The first pass in which the tagger may hold a word for a name against what the texts say.
const SURE: usize = 1;
/// Sentences that nobody has looked at.
const UNREAD: usize = 160_000;
/// Characters of a sentence that are read.
const LONGEST: usize = 100;
/// Times that two characters must follow each other in the texts to be a usual pair.
const USUAL: usize = 3;
/// Weights that are kept: the greatest.
const KEPT: usize = 40_000;
/// What says of a sentence that it may name somebody.
const NAMING: [&str; 4] = ["我叫", "我姓", "先生", "女士"];

/// Sentences with places for names, and what names are made of.
struct Names {
    /// `{N}` stands for a name, `{S}` for a family name, `{W}` for a familiar and `{F}` for a foreign one.
    frames: Vec<String>,
    foreign: Vec<String>,
    familiar: Vec<String>,
    wordy: Vec<String>,
    /// Words that begin like a name and are none.
    words: Vec<String>,
    family: Vec<char>,
    rare: Vec<char>,
    given: Vec<char>,
}

/// A sentence with the names in it.
struct Sentence {
    text: Vec<char>,
    names: Vec<Stretch>,
    /// Nobody has looked whether it names somebody.
    unread: bool,
}

/// Learns the tagger of names from the texts of `config.data` and from the folder `seeds/names` of
/// `config.model`, and writes it to `names.bin` in `config.out`. It takes effect when nlu is built with
/// it, since what is written into a log must be redacted whatever else is there.
///
/// # Errors
/// Data that is missing or not what it should be, or a folder that cannot be written.
pub fn names(config: &TrainConfig, progress: impl FnMut(Progress)) -> Result<PathBuf, Error> {
    let labels = Labels::load(&config.model.join(LABELS))?;
    let seeds = config.model.join("seeds");
    let examples = data::read(&config.data, &seeds, &labels)?;
    let texts: Vec<&str> = examples.iter().map(|example| example.text.as_str()).collect();
    let stored = learn(&Names::read(&seeds.join("names"))?, &texts, config.seed, progress);
    std::fs::create_dir_all(&config.out).map_err(Error::file(&config.out))?;
    let path = config.out.join("names.bin");
    let part = path.with_extension("part");
    std::fs::write(&part, stored).map_err(Error::file(&part))?;
    std::fs::rename(&part, &path).map_err(Error::file(&path))?;
    Ok(path)
}

/// The tagger as it is stored; `progress` hears of each pass.
fn learn(names: &Names, texts: &[&str], seed: u64, mut progress: impl FnMut(Progress)) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut unread = unread(texts, &mut random);
    let pairs = usual_pairs(&unread);
    let mut weights = vec![0f32; KEYS];
    let mut squares = vec![0f32; KEYS];
    let mut sums = vec![0f32; KEYS];
    let mut keys = Vec::new();
    for pass in 0..PASSES {
        progress(Progress { bank: "names", done: pass, of: PASSES });
        let mut sentences: Vec<Sentence> = Vec::new();
        for frame in (0..PLANTED).flat_map(|_| &names.frames) {
            let mut sentence = planted(frame, names, &mut random);
            if random.chance(JOINED) {
                let other =
                    random.pick(&names.frames).map(|frame| planted(frame, names, &mut random));
                other.into_iter().for_each(|other| sentence.join(other));
            }
            sentences.push(sentence);
        }
        sentences.append(&mut unread);
        random.shuffle(&mut sentences);
        for sentence in &sentences {
            let reading = Reading::new(&sentence.text, &pairs);
            for stretch in stretches(&sentence.text) {
                keys.clear();
                reading.features(stretch, &mut keys);
                let logit: f32 = keys.iter().map(|key| weights[*key as usize]).sum();
                let chance = 1.0 / (1.0 + (-logit).exp());
                // What is all but certain in a text that nobody has looked at may well be a name.
                if sentence.unread && pass >= SURE && chance > 0.8 {
                    continue;
                }
                let named = sentence.names.contains(&stretch);
                let slope = if named { MISSED * (chance - 1.0) } else { chance };
                if slope.abs() < 1e-3 {
                    continue;
                }
                for key in &keys {
                    let key = *key as usize;
                    squares[key] += slope * slope;
                    weights[key] -= RATE * slope / (1.0 + squares[key].sqrt());
                }
            }
        }
        if pass >= SETTLED {
            let share = 1.0 / (PASSES - SETTLED) as f32;
            sums.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += share * weight);
        }
        unread = sentences.into_iter().filter(|sentence| sentence.unread).collect();
    }
    let mut order: Vec<usize> = (0..KEYS).collect();
    order.sort_by(|a, b| sums[*b].abs().total_cmp(&sums[*a].abs()));
    order[KEPT..].iter().for_each(|key| sums[*key] = 0.0);
    let stored = |weight: &f32| (weight / STEP).round().clamp(-127.0, 127.0) as i8;
    Tagger::new(sums.iter().map(stored).collect(), pairs).write()
}

impl Names {
    fn read(folder: &Path) -> Result<Names, Error> {
        let of = |name: &str| lines(&folder.join(name));
        Ok(Names {
            frames: of("frames.txt")?,
            foreign: of("foreign.txt")?,
            familiar: of("familiar.txt")?,
            wordy: of("wordy.txt")?,
            words: of("words.txt")?,
            family: FAMILY.chars().collect(),
            rare: RARE.chars().collect(),
            given: GIVEN.chars().collect(),
        })
    }
}

fn lines(path: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Sentences out of texts that nobody has looked at, as far as nothing says that they name somebody.
fn unread(texts: &[&str], random: &mut Random) -> Vec<Sentence> {
    let sentences =
        texts.iter().flat_map(|text| text.split(['。', '！', '？', '；', '\n', '!', '?']));
    let mut found: Vec<Sentence> = sentences
        .filter(|sentence| !NAMING.iter().any(|word| sentence.contains(word)))
        .map(|sentence| sentence.trim().chars().take(LONGEST).collect::<Vec<char>>())
        .filter(|text| !text.is_empty())
        .map(|text| Sentence { text, names: Vec::new(), unread: true })
        .collect();
    random.shuffle(&mut found);
    found.truncate(UNREAD);
    found
}

fn usual_pairs(sentences: &[Sentence]) -> Vec<bool> {
    let mut counts: HashMap<(char, char), usize> = HashMap::new();
    for two in sentences.iter().flat_map(|sentence| sentence.text.windows(2)) {
        *counts.entry((two[0], two[1])).or_default() += 1;
    }
    let mut pairs = vec![false; PAIRS];
    counts.iter().filter(|(_, n)| **n >= USUAL).for_each(|((a, b), _)| pairs[pair(*a, *b)] = true);
    pairs
}

impl Sentence {
    fn join(&mut self, other: Sentence) {
        if self.text.last().is_some_and(|ch| ch.is_alphanumeric()) {
            self.text.push('，');
        }
        let before = self.text.len();
        self.text.extend(other.text);
        self.names.extend(other.names.iter().map(|(start, end)| (start + before, end + before)));
    }
}

/// A frame with names in its places.
fn planted(frame: &str, names: &Names, random: &mut Random) -> Sentence {
    let bare = random.chance(BARE);
    let mut text: Vec<char> = Vec::new();
    let mut found = Vec::new();
    let mut rest = frame.chars();
    while let Some(ch) = rest.next() {
        if ch == '{' {
            let kind = rest.next().unwrap_or('N');
            rest.next();
            if kind == 'N' && random.chance(DECOYS) {
                text.extend(random.pick(&names.words).into_iter().flat_map(|word| word.chars()));
                continue;
            }
            let start = text.len();
            text.extend(name(kind, names, random).chars());
            found.push((start, text.len()));
        } else if !bare || ch.is_alphanumeric() {
            text.push(ch);
        }
    }
    Sentence { text, names: found, unread: false }
}

fn name(kind: char, names: &Names, random: &mut Random) -> String {
    let one =
        |items: &[String], random: &mut Random| random.pick(items).cloned().unwrap_or_default();
    match kind {
        'W' if random.chance(0.5) => {
            let first = if random.chance(0.5) { "小" } else { "老" };
            format!("{first}{}", family(names, random))
        }
        'W' => one(&names.familiar, random),
        // Half of one and half of another are a name as well.
        'F' if random.chance(0.4) => {
            let (a, b) = (one(&names.foreign, random), one(&names.foreign, random));
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            a[..a.len().div_ceil(2)].iter().chain(&b[b.len() / 2..]).collect()
        }
        'F' => one(&names.foreign, random),
        'S' => family(names, random),
        _ if random.chance(0.1) => one(&names.wordy, random),
        _ => {
            let mut name = family(names, random);
            let length = if random.chance(0.75) { 2 } else { 1 };
            (0..length).for_each(|_| name.extend(often(&names.given, random)));
            name
        }
    }
}

fn family(names: &Names, random: &mut Random) -> String {
    if random.chance(0.04) {
        return random.pick(&COMPOUND).copied().unwrap_or_default().to_owned();
    }
    let items = if random.chance(0.15) { &names.rare } else { &names.family };
    often(items, random).map(String::from).unwrap_or_default()
}

/// One of these; the first come far more often than the last.
fn often(items: &[char], random: &mut Random) -> Option<char> {
    let skew = random.unit();
    items.get((skew * skew * items.len() as f32) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_frames_teach_it_and_teach_it_the_same_twice() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
        let names = Names {
            frames: lines("我叫{N} 联系人{N} {S}先生来过 找{W} 户主{F} 高峰时间堵车"),
            foreign: lines("巴特尔 阿依古丽"),
            familiar: lines("阿强"),
            wordy: lines("方圆"),
            words: lines("高峰 时间"),
            family: FAMILY.chars().collect(),
            rare: RARE.chars().collect(),
            given: GIVEN.chars().collect(),
        };
        let texts = ["小区停水两天了没人管", "高峰时间堵车"];
        let learn = || learn(&names, &texts, 1, |_| ());
        let stored = learn();
        assert_eq!(stored, learn());
        let tagger = Tagger::read(&stored);
        let text: Vec<char> = "我叫李建国".chars().collect();
        assert_eq!(tagger.persons(&text), [(2, 5)]);
        let text: Vec<char> = "高峰时间堵车".chars().collect();
        assert_eq!(tagger.persons(&text), []);
    }
}
