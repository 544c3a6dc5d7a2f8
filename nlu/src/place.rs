//! Places: from what was said to provinces, cities, districts and streets, whatever the spelling.

use std::collections::HashMap;
use std::path::Path;

use crate::Error;
use crate::heard::{Heard, Leg};
use crate::interpretation::{Candidate, Found, Place};
use crate::sound::{Ear, Finder};
use detail::{detail, spoken};
use readings::{Reading, corrections};

mod detail;
mod readings;

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

const STREET_ENDINGS: [&str; 12] = [
    "街道办事处",
    "地区办事处",
    "街道",
    "地区",
    "苏木",
    "民族乡",
    "镇",
    "乡",
    "社区",
    "管委会",
    "开发区",
    "农场",
];
const DISTRICT_ENDINGS: [&str; 5] = ["自治县", "新区", "区", "县", "市"];
const WIDE_ENDINGS: [&str; 7] =
    ["维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "特别行政区", "省", "市"];

/// Digits of a code by level.
const PROVINCE: usize = 2;
const CITY: usize = 4;
const DISTRICT: usize = 6;
const STREET: usize = 9;

/// Characters after a district's name within which its street follows.
const NEAR: usize = 6;
/// What a district's name says that is written as it is: what only sounds like one far away says less.
const NAMED: f32 = 0.5;
/// What remains of a street's name right after a district that it does not lie in.
const ELSEWHERE: f32 = 0.45;

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
        let bad =
            |what: &str| Error::content(&path, what, "make it again with city/places/make.py");
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
        let by_code: HashMap<String, usize> =
            areas.iter().enumerate().map(|(i, area)| (area.code.clone(), i)).collect();
        let mut words = Vec::new();
        let mut add = |text: &str, area: usize, kind: Kind| {
            let chars: Vec<char> = text.chars().collect();
            if chars.len() >= 2 {
                words.push(Word { chars, area, kind });
            }
        };
        for (index, area) in areas.iter().enumerate() {
            // 市辖区 and 县 name levels, not places.
            if matches!(
                area.name.as_str(),
                "市辖区" | "县" | "省直辖县级行政区划" | "自治区直辖县级行政区划"
            ) {
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
        let all = self.readings(heard);
        let here: Vec<Reading> = all
            .iter()
            .copied()
            .filter(|r| r.by_agent || within.contains(&r.span.utterance))
            .collect();
        let own = here.iter().any(|r| !r.by_agent && self.level(r.area) >= DISTRICT);
        self.resolve(heard, if own { &here } else { &all })
    }

    fn level(&self, area: usize) -> usize {
        self.areas[area].code.len()
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
            if self.lies_elsewhere(reading, readings) {
                weight *= ELSEWHERE;
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
        let of = |code: &str| {
            self.by_code.get(code).and_then(|area| support.get(area)).map_or(0.0, |s| s.0.min(1.0))
        };
        // An area is as likely as its own name, lifted by the names above it.
        let mut ranked: Vec<(f32, usize)> = support
            .iter()
            .map(|(area, (own, reading))| {
                let code = &self.areas[*area].code;
                let overlapped = |above: f32, level: usize| {
                    // A district's name inside the street's own words proves nothing more.
                    let inside =
                        self.by_code.get(&code[..level]).and_then(|a| support.get(a)).is_some_and(
                            |(_, r)| {
                                r.span.utterance == reading.span.utterance
                                    && r.span.start >= reading.span.start
                                    && r.span.end <= reading.span.end
                            },
                        );
                    if inside { above * 0.2 } else { above }
                };
                let mut score = own.min(1.0);
                if code.len() >= STREET {
                    score += 0.45 * overlapped(of(&code[..DISTRICT]), DISTRICT);
                }
                if code.len() >= DISTRICT {
                    score += 0.2 * overlapped(of(&code[..CITY]), CITY)
                        + 0.1 * overlapped(of(&code[..PROVINCE]), PROVINCE);
                }
                if code.starts_with(&self.home) {
                    score += 0.12;
                }
                // Deeper names say more when both are equally certain.
                score += 0.02 * code.len() as f32;
                (score, *area)
            })
            .collect();
        ranked.sort_by(|a, b| {
            b.0.total_cmp(&a.0).then(self.areas[a.1].code.cmp(&self.areas[b.1].code))
        });
        let certain = |area: usize, score: f32| {
            let code = &self.areas[area].code;
            let named = |levels: &[usize]| levels.iter().any(|level| of(&code[..*level]) > 0.3);
            let in_full =
                || support.get(&area).is_some_and(|(_, r)| r.kind == Kind::Full && r.score >= 0.67);
            // Somewhere else there is a street of any name: it must be named with what it lies in. So
            // must a district, or be named in full as it is written.
            let placed = match self.level(area) {
                _ if code.starts_with(&self.home) => true,
                STREET => named(&[DISTRICT, CITY, PROVINCE]),
                DISTRICT => named(&[CITY, PROVINCE]) || in_full(),
                _ => true,
            };
            if !placed {
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
        let best_at = |level: usize| {
            ranked
                .iter()
                .copied()
                .find(|(score, area)| self.level(*area) == level && certain(*area, *score))
        };
        let district = best_at(DISTRICT);
        let street = ranked.iter().copied().find(|(score, area)| {
            let code = &self.areas[*area].code;
            self.level(*area) == STREET
                && certain(*area, *score)
                && district.is_none_or(|(rival, other)| {
                    code.starts_with(&self.areas[other].code)
                        || *score > rival + 0.25
                        || !self.contradicts(&support, other, *area)
                })
        });
        let (score, area) =
            street.or(district).or_else(|| best_at(CITY)).or_else(|| best_at(PROVINCE))?;
        let reading = support.get(&area).map(|(_, reading)| *reading)?;
        let rival = ranked
            .iter()
            .find(|(_, other)| *other != area && self.level(*other) == self.level(area))
            .map_or(0.0, |r| r.0);
        let margin = (score - rival).clamp(0.0, 0.5);
        let confidence =
            (0.45 + 0.35 * (score - 0.5).clamp(0.0, 1.0) + 0.6 * margin).clamp(0.3, 0.99);
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
            if let Some((_, above)) =
                above.and_then(|above| support.get(above)).filter(|(_, r)| !r.by_agent)
            {
                evidence.push(above.span);
            }
        }
        evidence.sort_by_key(|span| (span.utterance, span.start));
        evidence.dedup();
        let (detail, detail_span) = detail(heard, &evidence);
        let text = spoken(heard, &evidence, detail_span);
        evidence.extend(detail_span);
        let place =
            Place { text, codes: self.codes(area), names: self.names(area), detail, candidates };
        Some(Found { value: place, confidence, evidence, runner_up: None })
    }

    /// Whether a street's name follows the name of a district that it does not lie in: in
    /// 房山骨程街道, what sounds like 古城 of another district is more likely a misheard 拱辰.
    fn lies_elsewhere(&self, street: &Reading, readings: &[Reading]) -> bool {
        let code = &self.areas[street.area].code;
        if code.len() < STREET {
            return false;
        }
        let mut before = readings
            .iter()
            .filter(|r| {
                self.level(r.area) == DISTRICT
                    && r.score >= NAMED
                    && r.span.utterance == street.span.utterance
                    && (r.span.end..=r.span.end + NEAR).contains(&street.span.start)
            })
            .peekable();
        before.peek().is_some() && before.all(|r| !code.starts_with(&self.areas[r.area].code))
    }

    /// Whether a district was named by itself, and not as part of what names the street.
    fn contradicts(
        &self,
        support: &HashMap<usize, (f32, Reading)>,
        district: usize,
        street: usize,
    ) -> bool {
        let (Some((_, d)), Some((_, s))) = (support.get(&district), support.get(&street)) else {
            return false;
        };
        let apart = d.span.utterance != s.span.utterance
            || d.span.end <= s.span.start
            || s.span.end <= d.span.start;
        apart && d.kind == Kind::Full
    }

    fn codes(&self, area: usize) -> Vec<String> {
        let code = &self.areas[area].code;
        [PROVINCE, CITY, DISTRICT, STREET]
            .into_iter()
            .filter(|level| code.len() >= *level)
            .map(|level| code[..level].to_owned())
            .collect()
    }

    fn names(&self, area: usize) -> Vec<String> {
        let known =
            |code: &String| self.by_code.get(code).map(|area| self.areas[*area].name.clone());
        self.codes(area).iter().filter_map(known).collect()
    }

    /// A place from a text alone.
    pub fn resolve_text(&self, text: &str) -> Option<Found<Place>> {
        let said = crate::heard::Said::from_text(Leg::Caller, text);
        let heard =
            Heard { said: vec![said], started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
        self.find(&heard, &[0])
    }
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
        let row =
            row.map_err(|error| Error::content(path, error, "columns are name, kind, code"))?;
        let (Some(name), Some(code)) = (row.get(0), row.get(2)) else { continue };
        list.push((name.to_owned(), code.to_owned()));
    }
    Ok(list)
}

#[cfg(test)]
mod tests;
