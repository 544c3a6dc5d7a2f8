//! Places: from what was said to provinces, cities, districts and streets, whatever the spelling.

use std::collections::HashMap;
use std::path::Path;

use crate::digits::{cardinal, digit_of};
use crate::heard::{Heard, Leg, Span};
use crate::interpretation::{Candidate, Found, Place};
use crate::sound::{Ear, Finder, alike, likeness};
use crate::Error;

/// The address table, and the city's own gazetteer over it.
pub struct Gazetteer {
    areas: Vec<Area>,
    by_code: HashMap<String, usize>,
    finder: Finder,
    /// What each word of the finder names.
    words: Vec<Word>,
    home: String,
}

/// A province, city, district or street.
#[derive(Debug, Clone)]
struct Area {
    code: String,
    name: String,
}

/// A word that names an area.
#[derive(Debug, Clone)]
struct Word {
    chars: Vec<char>,
    area: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The whole name: 望京街道.
    Full,
    /// The name without what kind of area it is: 望京.
    Stem,
    /// A road, estate or landmark that lies there.
    Landmark,
}

/// One reading of some characters.
#[derive(Debug, Clone, Copy)]
struct Reading {
    area: usize,
    span: Span,
    score: f32,
    kind: Kind,
    by_agent: bool,
}

const STREET_ENDINGS: [&str; 12] =
    ["街道办事处", "地区办事处", "街道", "地区", "苏木", "民族乡", "镇", "乡", "社区", "管委会", "开发区", "农场"];
const DISTRICT_ENDINGS: [&str; 5] = ["自治县", "新区", "区", "县", "市"];
const WIDE_ENDINGS: [&str; 7] = ["维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "特别行政区", "省", "市"];

/// Digits of a code by level.
const PROVINCE: usize = 2;
const CITY: usize = 4;
const DISTRICT: usize = 6;
const STREET: usize = 9;

impl Gazetteer {
    /// Reads `address.tsv.zst` and `gazetteer.csv` of a city's `places` folder. `home` is the code
    /// that the city's streets begin with.
    ///
    /// # Errors
    /// A file that is missing or not of the form that its neighbours have.
    pub fn load(dir: &Path, home: &str) -> Result<Gazetteer, Error> {
        let path = dir.join("address.tsv.zst");
        let packed = std::fs::read(&path).map_err(Error::file(&path))?;
        let text = zstd::decode_all(&packed[..]).map_err(Error::file(&path))?;
        let bad = |what: &str| Error::content(&path, what, "make it again with city/places/make.py");
        let text = String::from_utf8(text).map_err(|_| bad("not UTF-8"))?;
        let mut areas = Vec::new();
        for line in text.lines() {
            let (code, name) = line.split_once('\t').ok_or_else(|| bad("a line without a tab"))?;
            areas.push(Area { code: code.to_owned(), name: name.to_owned() });
        }
        let landmarks = landmarks(&dir.join("gazetteer.csv"))?;
        Ok(Gazetteer::new(areas, &landmarks, home))
    }

    fn new(areas: Vec<Area>, landmarks: &[(String, String)], home: &str) -> Gazetteer {
        let by_code: HashMap<String, usize> = areas.iter().enumerate().map(|(i, area)| (area.code.clone(), i)).collect();
        let mut words = Vec::new();
        let mut add = |text: &str, area: usize, kind: Kind| {
            let chars: Vec<char> = text.chars().collect();
            if chars.len() >= 2 {
                words.push(Word { chars, area, kind });
            }
        };
        for (index, area) in areas.iter().enumerate() {
            // 市辖区 and 县 name levels, not places.
            if matches!(area.name.as_str(), "市辖区" | "县" | "省直辖县级行政区划" | "自治区直辖县级行政区划") {
                continue;
            }
            add(&area.name, index, Kind::Full);
            let endings: &[&str] = match area.code.len() {
                STREET => &STREET_ENDINGS,
                DISTRICT => &DISTRICT_ENDINGS,
                _ => &WIDE_ENDINGS,
            };
            let stem = endings.iter().find_map(|ending| area.name.strip_suffix(ending));
            // Short names of streets elsewhere are ordinary words too often.
            let near = area.code.starts_with(home) || area.code.len() < STREET;
            if let Some(stem) = stem.filter(|_| near) {
                add(stem, index, Kind::Stem);
                if area.code.len() == STREET {
                    // Callers do not tell 街道 from 镇 or 地区.
                    add(&format!("{stem}街道"), index, Kind::Full);
                }
            }
        }
        for (name, code) in landmarks {
            if let Some(area) = by_code.get(code) {
                add(name, *area, Kind::Landmark);
            }
        }
        words.sort_by(|a, b| (&a.chars, a.area).cmp(&(&b.chars, b.area)));
        words.dedup_by(|a, b| a.chars == b.chars && a.area == b.area);
        let texts: Vec<String> = words.iter().map(|word| word.chars.iter().collect()).collect();
        let finder = Finder::new(texts.iter().map(String::as_str), Ear::Near);
        Gazetteer { areas, by_code, finder, words, home: home.to_owned() }
    }

    /// The place of a matter: among the caller's words `within`, or, if those name none, anywhere
    /// in the call.
    pub(crate) fn find(&self, heard: &Heard, within: &[usize]) -> Option<Found<Place>> {
        let all = self.readings(heard, None);
        let here: Vec<Reading> =
            all.iter().copied().filter(|r| r.by_agent || within.contains(&r.span.utterance)).collect();
        let own = here.iter().any(|r| !r.by_agent && self.level(r.area) >= DISTRICT);
        self.resolve(heard, if own { &here } else { &all })
    }

    /// Every name of a place in the call, by caller and agent.
    fn readings(&self, heard: &Heard, only: Option<usize>) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (utterance, said) in heard.said.iter().enumerate() {
            if only.is_some_and(|only| only != utterance) {
                continue;
            }
            let text: Vec<char> = said.chars.iter().map(|c| c.ch).collect();
            for hit in self.finder.find(&text) {
                let word = &self.words[hit.word];
                // 二七 is a district elsewhere, and two digits of every other telephone number.
                if word.kind == Kind::Stem && word.chars.iter().all(|ch| digit_of(*ch).is_some()) {
                    continue;
                }
                let like = likeness(&text[hit.start..hit.end], &word.chars);
                let Some(score) = self.score(word, like) else { continue };
                readings.push(Reading {
                    area: word.area,
                    span: Span { utterance, start: hit.start, end: hit.end },
                    score,
                    kind: word.kind,
                    by_agent: said.leg == Leg::Agent,
                });
            }
        }
        // Part of a longer name is not a name of its own: 丰台 in 丰台区 is no 丰台街道.
        let longer = |a: &Reading, b: &Reading| {
            a.span.utterance == b.span.utterance
                && b.span.start <= a.span.start
                && a.span.end <= b.span.end
                && b.span.end - b.span.start > a.span.end - a.span.start
                && b.score >= 0.5
        };
        readings.extend(self.misheard_districts(heard));
        let all = readings.clone();
        readings.retain(|reading| !all.iter().any(|other| longer(reading, other)));
        let misheard = self.misheard(heard, &readings);
        readings.extend(misheard);
        readings
    }

    /// The city's own districts under words that only resemble their whole names: 海定区.
    fn misheard_districts(&self, heard: &Heard) -> Vec<Reading> {
        /// Likeness of the whole name from which a district counts.
        const LEAST: f32 = 0.88;
        let first = self.areas.partition_point(|area| area.code.as_str() < self.home.as_str());
        let city = self.areas[first..].iter().enumerate().take_while(|(_, area)| area.code.starts_with(&self.home));
        let districts: Vec<(usize, Vec<char>)> = city
            .filter(|(_, area)| area.code.len() == DISTRICT)
            .map(|(at, area)| (first + at, area.name.chars().collect::<Vec<char>>()))
            .filter(|(_, name)| name.len() >= 3)
            .collect();
        let mut found = Vec::new();
        for (utterance, said) in heard.said.iter().enumerate() {
            let text: Vec<char> = said.chars.iter().map(|c| c.ch).collect();
            for (area, name) in &districts {
                for (start, window) in text.windows(name.len()).enumerate() {
                    let like = window.iter().zip(name).map(|(a, b)| alike(*a, *b)).sum::<f32>() / name.len() as f32;
                    if like < LEAST || window == &name[..] {
                        continue;
                    }
                    let span = Span { utterance, start, end: start + name.len() };
                    let by_agent = said.leg == Leg::Agent;
                    found.push(Reading { area: *area, span, score: 0.9 * like.powi(3), kind: Kind::Full, by_agent });
                }
            }
        }
        found
    }

    /// Streets of the districts that were named, under words that only resemble them: 许愿路街道 in
    /// 海淀区 is 学院路街道. Only where a street is to be expected: before 街道, 镇, 乡 or what sounds
    /// like it, and right after the district.
    fn misheard(&self, heard: &Heard, readings: &[Reading]) -> Vec<Reading> {
        /// Likeness of the whole stem from which a street counts, with and without its ending.
        const WITH_ENDING: f32 = 0.72;
        const WITHOUT: f32 = 0.86;
        /// Characters after a district's name within which its street follows.
        const NEAR: usize = 6;
        let mut districts: Vec<usize> =
            readings.iter().filter(|r| self.level(r.area) == DISTRICT && r.score >= 0.3).map(|r| r.area).collect();
        districts.sort_unstable();
        districts.dedup();
        let mut found = Vec::new();
        for district in districts {
            let code = &self.areas[district].code;
            let streets = self.streets(code);
            for (utterance, said) in heard.said.iter().enumerate() {
                let text: Vec<char> = said.chars.iter().map(|c| c.ch).collect();
                let after = |at: usize| {
                    let named = |r: &&Reading| r.area == district && r.span.utterance == utterance;
                    readings.iter().filter(named).any(|r| (r.span.end..=r.span.end + NEAR).contains(&at))
                };
                for start in 0..text.len() {
                    let near = after(start);
                    for (area, stem) in &streets {
                        let end = start + stem.len();
                        let Some(window) = text.get(start..end).filter(|w| w.iter().all(|ch| ch.is_alphanumeric())) else { continue };
                        let ending = ends_like_street(&text[end..]);
                        if !(near || ending) {
                            continue;
                        }
                        let like = window.iter().zip(stem).map(|(a, b)| alike(*a, *b)).sum::<f32>() / stem.len() as f32;
                        let least = if ending { WITH_ENDING } else { WITHOUT };
                        if like < least || (!ending && stem.len() < 3) {
                            continue;
                        }
                        let span = Span { utterance, start, end: if ending { (end + 2).min(text.len()) } else { end } };
                        let by_agent = said.leg == Leg::Agent;
                        found.push(Reading { area: *area, span, score: 0.9 * like.powi(2), kind: Kind::Stem, by_agent });
                    }
                }
            }
        }
        found
    }

    /// The streets of a district with their names less what kind of street they are.
    fn streets(&self, district: &str) -> Vec<(usize, Vec<char>)> {
        let first = self.areas.partition_point(|area| area.code.as_str() < district);
        let within = self.areas[first..].iter().enumerate().take_while(|(_, area)| area.code.starts_with(district));
        let stem = |name: &str| -> Vec<char> {
            let stem = STREET_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
            stem.chars().collect()
        };
        within
            .filter(|(_, area)| area.code.len() == STREET)
            .map(|(at, area)| (first + at, stem(&area.name)))
            .filter(|(_, stem)| stem.len() >= 2)
            .collect()
    }

    fn level(&self, area: usize) -> usize {
        self.areas[area].code.len()
    }

    /// How much a word says by itself. Short words that only sound alike say nothing alone, but
    /// may be lifted by their district; far places need their whole name.
    fn score(&self, word: &Word, like: f32) -> Option<f32> {
        let area = &self.areas[word.area];
        let at_home = area.code.starts_with(&self.home) || area.code.len() <= PROVINCE;
        let length = word.chars.len();
        let base = match (word.kind, length, area.code.len()) {
            (Kind::Full, 2, STREET) => 0.45,
            (Kind::Full, ..) => 0.9,
            (Kind::Landmark, 2, _) => 0.5,
            (Kind::Landmark, 3, _) => 0.65,
            (Kind::Landmark, ..) => 0.8,
            (Kind::Stem, 2, STREET) => 0.42,
            (Kind::Stem, 2, DISTRICT) => 0.5,
            (Kind::Stem, 2, _) => 0.55,
            (Kind::Stem, ..) => 0.7,
        };
        let base = if at_home { base } else { base * 0.75 };
        // 1 when written alike; a quarter is lost when every character only sounds near.
        let heard = match length {
            2 => like.powi(3),
            3 => like.powf(1.5),
            _ => like.powf(0.8),
        };
        let score = base * heard;
        (score >= 0.15).then_some(score)
    }

    fn resolve(&self, heard: &Heard, readings: &[Reading]) -> Option<Found<Place>> {
        let corrected = corrections(heard);
        let weight = |reading: &Reading| {
            let mut weight = reading.score;
            if reading.by_agent {
                weight *= 0.8;
            }
            // What was taken back counts for little.
            if corrected.iter().any(|at| reading.order_before(*at)) && !reading.by_agent {
                weight *= 0.6;
            }
            weight
        };
        // Support of every area by the words that name it or something above it.
        let mut support: HashMap<usize, (f32, Reading)> = HashMap::new();
        for reading in readings {
            let weight = weight(reading);
            let entry = support.entry(reading.area).or_insert((0.0, *reading));
            if weight > entry.0 {
                *entry = (entry.0.max(weight) + 0.05, *reading);
            } else {
                // Said again, or read back: a little more certain.
                entry.0 += 0.1 * weight;
                if entry.1.by_agent && !reading.by_agent {
                    entry.1 = *reading;
                }
            }
        }
        let of = |code: &str| self.by_code.get(code).and_then(|area| support.get(area)).map_or(0.0, |s| s.0.min(1.0));
        // An area is as likely as its own name, lifted by the names above it.
        let mut ranked: Vec<(f32, usize)> = support
            .iter()
            .map(|(area, (own, reading))| {
                let code = &self.areas[*area].code;
                let overlapped = |above: f32, level: usize| {
                    // A district's name inside the street's own words proves nothing more.
                    let inside = self.by_code.get(&code[..level]).and_then(|a| support.get(a)).is_some_and(|(_, r)| {
                        r.span.utterance == reading.span.utterance
                            && r.span.start >= reading.span.start
                            && r.span.end <= reading.span.end
                    });
                    if inside { above * 0.2 } else { above }
                };
                let mut score = own.min(1.0);
                if code.len() >= STREET {
                    score += 0.45 * overlapped(of(&code[..DISTRICT]), DISTRICT);
                }
                if code.len() >= DISTRICT {
                    score += 0.2 * overlapped(of(&code[..CITY]), CITY) + 0.1 * overlapped(of(&code[..PROVINCE]), PROVINCE);
                }
                if code.starts_with(&self.home) {
                    score += 0.12;
                }
                // Deeper names say more when both are equally certain.
                score += 0.02 * code.len() as f32;
                (score, *area)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(self.areas[a.1].code.cmp(&self.areas[b.1].code)));
        let certain = |area: usize, score: f32| {
            let code = &self.areas[area].code;
            // Somewhere else there is a street of any name: it must be named with what it lies in.
            let lifted = || [DISTRICT, CITY, PROVINCE].iter().any(|level| of(&code[..*level]) > 0.3);
            if self.level(area) == STREET && !code.starts_with(&self.home) && !lifted() {
                return false;
            }
            // So must a district far away, or be named in full as it is written.
            let away = self.level(area) == DISTRICT && !code.starts_with(&self.home);
            let wider = || [CITY, PROVINCE].iter().any(|level| of(&code[..*level]) > 0.3);
            let in_full = |reading: &Reading| reading.kind == Kind::Full && reading.score >= 0.67;
            if away && !wider() && !support.get(&area).is_some_and(|(_, reading)| in_full(reading)) {
                return false;
            }
            let least = match self.level(area) {
                STREET => 0.78,
                DISTRICT => 0.55,
                _ => 0.5,
            };
            score >= least
        };
        // The best street whose district is not contradicted; else the best district; else wider.
        let best_at = |level: usize| ranked.iter().copied().find(|(score, area)| self.level(*area) == level && certain(*area, *score));
        let district = best_at(DISTRICT);
        let street = ranked.iter().copied().find(|(score, area)| {
            let code = &self.areas[*area].code;
            self.level(*area) == STREET
                && certain(*area, *score)
                && district.is_none_or(|(rival, other)| {
                    code.starts_with(&self.areas[other].code) || *score > rival + 0.25 || !self.contradicts(&support, other, *area)
                })
        });
        let (score, area) = street.or(district).or_else(|| best_at(CITY)).or_else(|| best_at(PROVINCE))?;
        let reading = support.get(&area).map(|(_, reading)| *reading)?;
        let rival = ranked.iter().find(|(_, other)| *other != area && self.level(*other) == self.level(area)).map_or(0.0, |r| r.0);
        let margin = (score - rival).clamp(0.0, 0.5);
        let confidence = (0.45 + 0.35 * (score - 0.5).clamp(0.0, 1.0) + 0.6 * margin).clamp(0.3, 0.99);
        let candidates = ranked
            .iter()
            .filter(|(_, other)| *other != area && self.level(*other) >= DISTRICT)
            .take(3)
            .map(|(score, other)| Candidate {
                code: self.areas[*other].code.clone(),
                names: self.names(*other),
                score: (score / 1.6).clamp(0.0, 1.0),
            })
            .collect();
        let mut evidence = vec![reading.span];
        for level in [DISTRICT, CITY, PROVINCE] {
            let code = &self.areas[area].code;
            let above = (code.len() > level).then(|| self.by_code.get(&code[..level])).flatten();
            if let Some((_, above)) = above.and_then(|above| support.get(above)).filter(|(_, r)| !r.by_agent) {
                evidence.push(above.span);
            }
        }
        evidence.sort_by_key(|span| (span.utterance, span.start));
        evidence.dedup();
        let (detail, detail_span) = detail(heard, &evidence);
        let text = spoken(heard, &evidence, detail_span);
        evidence.extend(detail_span);
        let place = Place { text, codes: self.codes(area), names: self.names(area), detail, candidates };
        Some(Found { value: place, confidence, evidence, runner_up: None })
    }

    /// Whether a district was named by itself, and not as part of what names the street.
    fn contradicts(&self, support: &HashMap<usize, (f32, Reading)>, district: usize, street: usize) -> bool {
        let (Some((_, d)), Some((_, s))) = (support.get(&district), support.get(&street)) else { return false };
        let apart = d.span.utterance != s.span.utterance || d.span.end <= s.span.start || s.span.end <= d.span.start;
        apart && d.kind == Kind::Full
    }

    fn codes(&self, area: usize) -> Vec<String> {
        let code = &self.areas[area].code;
        [PROVINCE, CITY, DISTRICT, STREET].into_iter().filter(|level| code.len() >= *level).map(|level| code[..level].to_owned()).collect()
    }

    fn names(&self, area: usize) -> Vec<String> {
        let known = |code: &String| self.by_code.get(code).map(|area| self.areas[*area].name.clone());
        self.codes(area).iter().filter_map(known).collect()
    }

    /// A place from a text alone.
    pub fn resolve_text(&self, text: &str) -> Option<Found<Place>> {
        let said = crate::heard::Said::from_text(Leg::Caller, text);
        let heard = Heard { said: vec![said], started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
        self.find(&heard, &[0])
    }
}

impl Reading {
    fn order_before(&self, at: (usize, usize)) -> bool {
        self.span.utterance == at.0 && self.span.end <= at.1 || self.span.utterance + 1 == at.0 && at.1 <= 4
    }
}

/// Where the caller takes back what he said before: utterance and character.
fn corrections(heard: &Heard) -> Vec<(usize, usize)> {
    const TAKE_BACK: [&str; 7] = ["不对", "说错", "不是不是", "错了", "更正", "应该是", "不是，"];
    let mut found = Vec::new();
    for (utterance, said) in heard.said.iter().enumerate().filter(|(_, said)| said.leg != Leg::Agent) {
        let text = said.text();
        for phrase in TAKE_BACK {
            if let Some(at) = text.find(phrase) {
                found.push((utterance, text[..at].chars().count()));
            }
        }
    }
    found
}

/// Roads, estates and landmarks: columns `name,kind,code`.
fn landmarks(path: &Path) -> Result<Vec<(String, String)>, Error> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let mut reader = csv::Reader::from_path(path)
        .map_err(|error| Error::content(path, error, "columns are name, kind, code"))?;
    let mut list = Vec::new();
    for row in reader.records() {
        let row = row.map_err(|error| Error::content(path, error, "columns are name, kind, code"))?;
        let (Some(name), Some(code)) = (row.get(0), row.get(2)) else { continue };
        list.push((name.to_owned(), code.to_owned()));
    }
    Ok(list)
}

/// Whether a text goes on with 街道, 镇, 乡 or 地区, or what a recogniser may write for it.
fn ends_like_street(rest: &[char]) -> bool {
    let sounds = |word: &str, least: f32| {
        let word: Vec<char> = word.chars().collect();
        rest.get(..word.len()).is_some_and(|w| w.iter().zip(&word).map(|(a, b)| alike(*a, *b)).sum::<f32>() >= least * word.len() as f32)
    };
    sounds("街道", 0.8) || sounds("地区", 0.9) || sounds("镇", 1.0) || sounds("乡", 1.0)
}

/// What may follow a number in an address.
const UNITS: [&str; 17] =
    ["号院", "号楼", "号", "栋", "幢", "座", "单元", "室", "层", "楼", "弄", "巷", "胡同", "门", "户", "组", "区"];

/// Building, unit, room: the first stretch of numbers with address units after the place, or, if
/// there is none, anywhere in the caller's words.
fn detail(heard: &Heard, evidence: &[Span]) -> (String, Option<Span>) {
    let last = evidence.last().copied();
    let in_order = last.into_iter().map(|span| (span.utterance, span.end)).chain(
        heard.said.iter().enumerate().filter(|(_, said)| said.leg != Leg::Agent).map(|(index, _)| (index, 0)),
    );
    for (utterance, from) in in_order {
        let text: Vec<char> = heard.said[utterance].chars.iter().map(|c| c.ch).collect();
        if heard.said[utterance].leg == Leg::Agent {
            continue;
        }
        if let Some((detail, start, end)) = detail_in(&text, from) {
            return (detail, Some(Span { utterance, start, end }));
        }
    }
    (String::new(), None)
}

fn detail_in(text: &[char], from: usize) -> Option<(String, usize, usize)> {
    let numeral = |ch: char| digit_of(ch).is_some() || matches!(ch, '十' | '百');
    let mut at = from;
    let (mut detail, mut start, mut end) = (String::new(), 0, 0);
    while at < text.len() {
        if !numeral(text[at]) {
            let gap_open = !detail.is_empty() && at - end >= 2;
            if gap_open {
                break;
            }
            at += 1;
            continue;
        }
        let stop = (at..text.len()).find(|i| !numeral(text[*i])).unwrap_or(text.len());
        let unit = UNITS.iter().find(|unit| starts_with(&text[stop..], unit));
        let number = cardinal(&text[at..stop]);
        match (unit, number) {
            (Some(unit), Some(number)) => {
                // The estate or road that the number belongs to.
                if detail.is_empty() {
                    start = at;
                }
                detail.push_str(&format!("{number}{unit}"));
                end = stop + unit.chars().count();
                at = end;
            }
            // A room needs no unit after a building or a unit: 三单元二零一.
            (None, Some(number)) if !detail.is_empty() && (3..=4).contains(&(stop - at)) => {
                detail.push_str(&number.to_string());
                end = stop;
                at = stop;
            }
            _ if detail.is_empty() => at = stop,
            _ => break,
        }
    }
    (!detail.is_empty()).then_some((detail, start, end))
}

fn starts_with(text: &[char], word: &str) -> bool {
    let mut rest = text.iter();
    word.chars().all(|ch| rest.next() == Some(&ch))
}

/// The words that named the place, in the order they were said.
fn spoken(heard: &Heard, evidence: &[Span], detail: Option<Span>) -> String {
    let words = evidence.iter().chain(detail.iter()).map(|span| {
        heard.said[span.utterance].chars[span.start..span.end].iter().map(|c| c.ch).collect::<String>()
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heard::Said;

    fn gazetteer() -> Gazetteer {
        let city = Path::new(env!("CARGO_MANIFEST_DIR")).join("../city/places");
        Gazetteer::load(&city, "1101").expect("the repository's own table")
    }

    #[test]
    fn places_however_they_are_named() {
        let gazetteer = gazetteer();
        let rows = [
            ("我在海淀区北太平庄街道", "北京市 市辖区 海淀区 北太平庄街道"),
            ("朝阳区望井街道这边", "北京市 市辖区 朝阳区 望京街道"),
            ("海淀北太平装这儿", "北京市 市辖区 海淀区 北太平庄街道"),
            ("我住在丰台区", "北京市 市辖区 丰台区"),
            ("海定区许愿路街道的,就在二里庄那边", "北京市 市辖区 海淀区 学院路街道"),
            ("在朝阳区,轻松街道,三零六号楼", "北京市 市辖区 朝阳区 劲松街道"),
            ("在丰台区卢高乔街道小井派出所", "北京市 市辖区 丰台区 卢沟桥街道"),
            ("在湖南长沙市岳麓区望城拨捷道", "湖南省 长沙市 岳麓区 望城坡街道"),
            ("说网上买的东西有问题,我去高桥街道问过", ""),
            ("湖南省长沙市岳麓区", "湖南省 长沙市 岳麓区"),
            ("楼下烧烤店油烟特别大", ""),
            ("公交车等了半个小时都不来", ""),
            ("我们小区暖气不热，家里只有十四度", ""),
        ];
        for (text, expected) in rows {
            let names = gazetteer.resolve_text(text).map(|found| found.value.names.join(" ")).unwrap_or_default();
            assert_eq!(names, expected, "{text}");
        }
    }

    #[test]
    fn buildings_are_normalised() {
        let gazetteer = gazetteer();
        let found = gazetteer.resolve_text("朝阳区望京街道六号院三单元二零一，暖气不热").expect("a place");
        assert_eq!(found.value.detail, "6号院3单元201");
        assert_eq!(found.value.text, "朝阳区望京街道六号院三单元二零一");
    }

    #[test]
    fn a_correction_outweighs_what_it_corrects() {
        let said = vec![
            Said::from_text(Leg::Caller, "我在朝阳区，不对，是海淀区中关村街道"),
        ];
        let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
        let found = gazetteer().find(&heard, &[0]).expect("a place");
        assert_eq!(found.value.names.last().map(String::as_str), Some("中关村街道"));
    }
}
