//! How characters sound, tones aside, and which characters a row of Latin letters may spell.

use std::collections::HashSet;
use std::sync::OnceLock;

use pinyin::{ToPinyin, ToPinyinMulti};

/// Most readings of one character: 着 has three that are used.
const READINGS: usize = 3;

/// Most ways to read one word.
pub(crate) const WAYS: usize = 8;

/// The common characters, and with them all that are read in more than one way.
const FIRST: u32 = 0x4e00;
const LAST: u32 = 0x9fff;

/// Characters that people read in more than one way, names of places included. Dictionaries know
/// more readings, of many more characters, that nobody uses.
const POLYPHONES: &str = "着长重行还得地了没都发调数种背倒难转教落便差参藏朝车称处传弹盛供喝划降结解空模强切曲\
                          塞少识提系相兴应中钻乐角薄堡露率绿埋圈扫色熟吐吓校血压占涨给尽蔚番厦合核\
                          单曾会大涌巷弄六泊铺莞宿石台埔圩";

/// How a character is read, most common first; nothing where it has no sound.
pub(crate) fn syllables(ch: char) -> impl Iterator<Item = &'static str> + Clone {
    let known = table().get((ch as usize).wrapping_sub(FIRST as usize));
    known.into_iter().flatten().copied().take_while(|syllable| !syllable.is_empty())
}

fn table() -> &'static [[&'static str; READINGS]] {
    static TABLE: OnceLock<Vec<[&'static str; READINGS]>> = OnceLock::new();
    TABLE.get_or_init(|| (FIRST..=LAST).filter_map(char::from_u32).map(readings).collect())
}

fn readings(ch: char) -> [&'static str; READINGS] {
    let first = ch.to_pinyin().map(|pinyin| plain(pinyin.plain()));
    let further = ch.to_pinyin_multi().filter(|_| POLYPHONES.contains(ch));
    let mut readings = [""; READINGS];
    let mut count = 0;
    for reading in
        first.into_iter().chain(further.into_iter().flatten().map(|way| plain(way.plain())))
    {
        if count < READINGS && !readings.contains(&reading) {
            readings[count] = reading;
            count += 1;
        }
    }
    readings
}

/// 绿 is typed `lv`.
fn plain(syllable: &'static str) -> &'static str {
    match syllable {
        "lü" => "lv",
        "nü" => "nv",
        "lüe" => "lve",
        "nüe" => "nve",
        _ => syllable,
    }
}

/// Every syllable that there is.
fn known() -> &'static HashSet<&'static str> {
    static KNOWN: OnceLock<HashSet<&'static str>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let all = table().iter().flatten().copied();
        // 嗯 and 呣 have no vowel, and would make syllables of every n and m.
        all.filter(|syllable| syllable.contains(['a', 'e', 'i', 'o', 'u', 'v'])).collect()
    })
}

/// Longest syllable, as in zhuang.
const LONGEST: usize = 6;

/// The ways to read a row of Latin letters as syllables, longest syllables first: `xian` is 先 or
/// 西安.
pub(crate) fn spelt(row: &[char]) -> Vec<Vec<&'static str>> {
    // What follows each letter can be read: without knowing, a long row would take forever.
    let mut readable = vec![false; row.len() + 1];
    readable[row.len()] = true;
    let next = |at: usize, length: usize| {
        let letters: String = row.get(at..at + length)?.iter().collect();
        known().get(letters.as_str()).copied()
    };
    for at in (0..row.len()).rev() {
        readable[at] =
            (1..=LONGEST).any(|length| next(at, length).is_some() && readable[at + length]);
    }
    let mut ways = Vec::new();
    let mut open = vec![(0, Vec::new())];
    while let Some((at, way)) = open.pop() {
        if ways.len() == WAYS {
            break;
        }
        if at == row.len() {
            ways.push(way);
            continue;
        }
        for length in 1..=LONGEST {
            let Some(syllable) = next(at, length).filter(|_| readable[at + length]) else {
                continue;
            };
            let further = way.iter().copied().chain([syllable]).collect();
            open.push((at + length, further));
        }
    }
    ways.retain(|way| !way.is_empty());
    ways
}
