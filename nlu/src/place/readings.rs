//! Which names of places were heard: written as they are, sounding like them, or misheard.

use super::{DISTRICT, Gazetteer, Kind, NEAR, PROVINCE, STREET, STREET_ENDINGS, Word};
use crate::digits::digit_of;
use crate::heard::{Heard, Leg, Said, Span};
use crate::sound::{alike, likeness, resemblance};

/// One reading of some characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) area: usize,
    pub(super) span: Span,
    pub(super) score: f32,
    pub(super) kind: Kind,
    pub(super) by_agent: bool,
}

/// What a whole name says by itself when it is said as it is written.
const WHOLE_NAME: f32 = 0.9;

impl Gazetteer {
    /// Every name of a place in the call, by caller and agent.
    pub(super) fn readings(&self, heard: &Heard) -> Vec<Reading> {
        let texts: Vec<Vec<char>> = heard.said.iter().map(Said::written).collect();
        let mut readings = Vec::new();
        for (utterance, text) in texts.iter().enumerate() {
            let by_agent = heard.said[utterance].leg == Leg::Agent;
            let mut add = |area, start, end, score, kind| {
                readings.push(Reading {
                    area,
                    span: Span { utterance, start, end },
                    score,
                    kind,
                    by_agent,
                });
            };
            for hit in self.finder.find(text) {
                let word = &self.words[hit.word];
                // 二七 is a district elsewhere, and two digits of every other telephone number.
                if word.kind == Kind::Stem && word.chars.iter().all(|ch| digit_of(*ch).is_some()) {
                    continue;
                }
                let like = likeness(&text[hit.start..hit.end], &word.chars);
                if let Some(score) = self.score(word, like) {
                    add(word.area, hit.start, hit.end, score, word.kind);
                }
            }
            self.misheard_districts(text, |area, start, end, like| {
                add(area, start, end, WHOLE_NAME * like.powi(3), Kind::Full);
            });
        }
        // Part of a longer name is not a name of its own: 丰台 in 丰台区 is no 丰台街道.
        let longer = |a: &Reading, b: &Reading| {
            a.span.utterance == b.span.utterance
                && b.span.start <= a.span.start
                && a.span.end <= b.span.end
                && b.span.end - b.span.start > a.span.end - a.span.start
                && b.score >= 0.5
        };
        let all = readings.clone();
        readings.retain(|reading| !all.iter().any(|other| longer(reading, other)));
        let misheard: Vec<Reading> = self.misheard_streets(&texts, &readings, heard);
        readings.extend(misheard);
        readings
    }

    /// The city's own districts under words that only resemble their whole names: 海定区.
    fn misheard_districts(&self, text: &[char], mut found: impl FnMut(usize, usize, usize, f32)) {
        /// Likeness of the whole name from which a district counts.
        const LEAST: f32 = 0.88;
        for (area, name) in self.below(&self.home, DISTRICT).filter(|(_, name)| name.len() >= 3) {
            for (start, window) in text.windows(name.len()).enumerate() {
                // Most windows are told apart by their last character: 区 or 县.
                let ends_alike = alike(window[name.len() - 1], name[name.len() - 1]) > 0.5;
                let like = if ends_alike && window != &name[..] {
                    resemblance(window, &name)
                } else {
                    0.0
                };
                if like >= LEAST {
                    found(area, start, start + name.len(), like);
                }
            }
        }
    }

    /// Streets of the districts that were named, under words that only resemble them: 许愿路街道 in
    /// 海淀区 is 学院路街道. Only where a street is to be expected: before 街道, 镇, 乡 or what sounds
    /// like it, and right after the district.
    fn misheard_streets(
        &self,
        texts: &[Vec<char>],
        readings: &[Reading],
        heard: &Heard,
    ) -> Vec<Reading> {
        /// Likeness of the whole stem from which a street counts, with and without its ending.
        const WITH_ENDING: f32 = 0.72;
        const WITHOUT: f32 = 0.86;
        let mut districts: Vec<usize> = readings
            .iter()
            .filter(|r| self.level(r.area) == DISTRICT && r.score >= 0.3)
            .map(|r| r.area)
            .collect();
        districts.sort_unstable();
        districts.dedup();
        let mut found = Vec::new();
        for (utterance, text) in texts.iter().enumerate() {
            let endings: Vec<usize> =
                (0..=text.len()).map(|at| street_ending(&text[at..])).collect();
            let by_agent = heard.said[utterance].leg == Leg::Agent;
            for district in &districts {
                let named = readings
                    .iter()
                    .filter(|r| r.area == *district && r.span.utterance == utterance);
                let after: Vec<usize> = named.map(|r| r.span.end).collect();
                for (area, stem) in self.streets(*district) {
                    for (start, window) in text.windows(stem.len()).enumerate() {
                        let end = start + stem.len();
                        let ending = endings[end];
                        let near =
                            after.iter().any(|named| (*named..=named + NEAR).contains(&start));
                        let (expected, least) = if ending > 0 {
                            (true, WITH_ENDING)
                        } else {
                            (near && stem.len() >= 3, WITHOUT)
                        };
                        if !expected || !window.iter().all(|ch| ch.is_alphanumeric()) {
                            continue;
                        }
                        let like = resemblance(window, &stem);
                        if like >= least {
                            let span = Span { utterance, start, end: end + ending };
                            found.push(Reading {
                                area,
                                span,
                                score: WHOLE_NAME * like.powi(2),
                                kind: Kind::Stem,
                                by_agent,
                            });
                        }
                    }
                }
            }
        }
        found
    }

    /// The areas of one level below a code, with their names.
    fn below<'a>(
        &'a self,
        code: &'a str,
        level: usize,
    ) -> impl Iterator<Item = (usize, Vec<char>)> + 'a {
        let first = self.areas.partition_point(|area| area.code.as_str() < code);
        let within = self.areas[first..]
            .iter()
            .enumerate()
            .take_while(move |(_, area)| area.code.starts_with(code));
        within
            .filter(move |(_, area)| area.code.len() == level)
            .map(move |(at, area)| (first + at, area.name.chars().collect()))
    }

    /// The streets of a district with their names less what kind of street they are.
    fn streets(&self, district: usize) -> impl Iterator<Item = (usize, Vec<char>)> + '_ {
        let stem = |(area, mut name): (usize, Vec<char>)| {
            let whole = &self.areas[area].name;
            if let Some(ending) = STREET_ENDINGS.iter().find(|ending| whole.ends_with(**ending)) {
                name.truncate(name.len() - ending.chars().count());
            }
            (area, name)
        };
        self.below(&self.areas[district].code, STREET).map(stem).filter(|(_, stem)| stem.len() >= 2)
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
}

impl Reading {
    pub(super) fn order_before(&self, at: (usize, usize)) -> bool {
        self.span.utterance == at.0 && self.span.end <= at.1
            || self.span.utterance + 1 == at.0 && at.1 <= 4
    }
}

/// Where the caller takes back what he said before: utterance and character.
pub(super) fn corrections(heard: &Heard) -> Vec<(usize, usize)> {
    const TAKE_BACK: [&str; 7] = ["不对", "说错", "不是不是", "错了", "更正", "应该是", "不是，"];
    let mut found = Vec::new();
    for (utterance, said) in
        heard.said.iter().enumerate().filter(|(_, said)| said.leg != Leg::Agent)
    {
        let text = said.text();
        for phrase in TAKE_BACK {
            if let Some(at) = text.find(phrase) {
                found.push((utterance, text[..at].chars().count()));
            }
        }
    }
    found
}

/// Characters of 街道, 镇, 乡 or 地区, or of what a recogniser may write for it, at the beginning of
/// a text; 0 when it goes on with something else.
fn street_ending(text: &[char]) -> usize {
    const ENDINGS: [(&[char], f32); 4] =
        [(&['街', '道'], 0.8), (&['地', '区'], 0.9), (&['镇'], 1.0), (&['乡'], 1.0)];
    let heard = |(word, least): &(&[char], f32)| {
        text.get(..word.len()).is_some_and(|part| resemblance(part, word) >= *least)
    };
    ENDINGS.iter().find(|ending| heard(ending)).map_or(0, |(word, _)| word.len())
}
