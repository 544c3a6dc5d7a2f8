//! What recognisers make of a number that is read out, spelled again as it was meant.

use super::super::MOBILE;
use crate::digits::digit_of;
use crate::heard::is_at;
use crate::sound::{Ear, ends_like_yao, rhymes_with_yao, syllables};

/// Digits from which a text may hold a number that was misheard.
const LEAST_DIGITS: usize = 6;
/// Words that tell what digits are for, known by their sound: 默尾, 钱面, 去号.
const WORDS: &str = "末四位 后四位 后三位 前三位 后两位 末尾 最后 尾号 前面 后面 中间 开头 区号 座机 固话 手机 电话 横杠";
/// Stands where a character was that belongs to the digit before it.
pub(super) const FILLER: char = '\u{2060}';
/// Digits as they are read out over the radio, and never else.
const RADIO: &str = "拐勾洞";
/// Characters of the sound of 幺 that begin few words.
const LIKE_YAO: &str = "腰药邀妖摇咬耀钥姚窑遥瑶夭";
/// Characters of the sound of 有, which 幺 is written as where a number begins.
const LIKE_YOU: &str = "有又右由油友优悠游";
/// Characters of the sound of 一 that are no digits.
const LIKE_YI: &str = "以已义意亿议";

/// The text as it may have been meant, character by character, with 幺 and the words around digits as they
/// were said. Empty where nothing is spelled otherwise.
///
/// Only for texts in which no number was found as they stand: much of what is changed here means
/// something else where no digits are read out.
pub(super) fn respelled(text: &[char]) -> Vec<Vec<char>> {
    let said = text.iter().filter(|ch| is_digit(ch)).count();
    if said < LEAST_DIGITS {
        return Vec::new();
    }
    let mut spelled = text.to_vec();
    // A digit is no other's sound: 后四位 is not 后十位.
    words(&mut spelled, WORDS, Ear::Near, |text, word, at| {
        let written = text[at..at + word.len()].iter().zip(word);
        written.filter(|(a, _)| is_digit(a)).all(|(a, b)| digit_of(*a) == digit_of(*b))
    });
    let radio = text.iter().any(|ch| RADIO.contains(*ch));
    for at in 0..spelled.len() {
        if let Some((at, ch)) = meant(&spelled, text, at, said, radio) {
            spelled[at] = ch;
        }
    }
    let tens: Vec<usize> = (0..spelled.len()).filter(|at| is_ten(&spelled, *at)).collect();
    if tens.is_empty() {
        return if spelled == text { Vec::new() } else { vec![spelled] };
    }
    // 七十七 is two digits, 后面十二七五 a 是 before three, 一八八十五 a 十五 after three.
    let mut ones = spelled.clone();
    for at in tens {
        let between = at > 0 && is_digit(&spelled[at - 1]);
        spelled[at] = if between { FILLER } else { '，' };
        ones[at] = '一';
    }
    vec![spelled, ones]
}

/// Words before digits that are put in the place of what sounds just like them, wherever that is.
const CUES: &str = "座机 不对区号 尾巴上 末尾 前面 开头";
/// Words before a digit that takes the place of another.
const INSTEAD: &str = "改成 换成 改为";
const DIGITS: &str = "零幺二三四五六七八九";
/// What ends a sentence, and sounds like an eight.
const PARTICLE: char = '吧';
/// Characters from such a word to the digits that it tells of.
const TO_DIGITS: usize = 3;

/// The text with the words that tell what digits are for as they were said: 做级 for 座机, 去号 for 区号.
pub(super) fn cued(text: &[char]) -> Vec<char> {
    let mut cued = text.to_vec();
    words(&mut cued, CUES, Ear::Same, |text, word, at| {
        let (said, after) = text[at..].split_at(word.len());
        // 四位八零 is no 尾巴, but 尾八上 is one.
        after.iter().take(TO_DIGITS).any(is_digit) && (word.len() > 2 || !said.iter().any(is_digit))
    });
    // 那个四改成期, 第三位改成期, but not 名字改成吧.
    for at in 3..cued.len() {
        let ends = cued.get(at + 1).is_none_or(|ch| !ch.is_alphanumeric());
        let digit = is_digit(&cued[at - 3]) || matches!(cued[at - 3], '位' | '个');
        let put = digit
            && cued[at] != PARTICLE
            && INSTEAD.split(' ').any(|word| is_at(&cued, at - 2, word));
        if ends
            && put
            && let Some(ch) = digit_by_sound(cued[at])
        {
            cued[at] = ch;
        }
    }
    cued
}

/// The digit that sounds just like a character.
fn digit_by_sound(ch: char) -> Option<char> {
    let sound = syllables(&[ch], Ear::Same);
    DIGITS.chars().find(|digit| syllables(&[*digit], Ear::Same) == sound)
}

/// Whether a 十 stands among digits that are read out, and not in a sum or a number of two digits.
fn is_ten(text: &[char], at: usize) -> bool {
    let after = text[at + 1..].iter().take_while(|ch| is_digit(ch)).count();
    let before = text[..at].iter().rev().take_while(|ch| is_digit(ch)).count();
    let counted = after == 1 && text.get(at + 2) == Some(&'个');
    let sum = text[at.saturating_sub(2)..at].iter().any(|ch| "百千万".contains(*ch));
    let among = before > 0 && after > 0 && before + after > 2;
    text[at] == '十' && !sum && (after >= 3 || counted || among)
}

fn is_digit(ch: &char) -> bool {
    digit_of(*ch).is_some()
}

/// Puts the words in the place of what sounds like them, as exactly as `ear` hears, where `may` allows a
/// word of the text at a place.
fn words(text: &mut [char], words: &str, ear: Ear, may: impl Fn(&[char], &[char], usize) -> bool) {
    let sounds = syllables(text, ear);
    for word in words.split(' ') {
        let word: Vec<char> = word.chars().collect();
        let said = syllables(&word, ear);
        for at in 0..(text.len() + 1).saturating_sub(word.len()) {
            let end = at + word.len();
            if sounds[at..end] == said[..] && may(text, &word, at) {
                text[at..end].copy_from_slice(&word);
            }
        }
    }
}

/// Whether a number of a firm begins at a place: 四零零, 八零零.
fn is_firms(text: &[char], at: usize) -> bool {
    let digits: Vec<u8> = text.iter().skip(at).take(3).filter_map(|ch| digit_of(*ch)).collect();
    matches!(digits[..], [4 | 8, 0, 0])
}

/// Whether the ten digits of a text follow a character that begins a clause, and may be a mobile number without
/// its first.
fn lacks_head(text: &[char], at: usize, said: usize) -> bool {
    let begins = at == 0 || !text[at - 1].is_alphanumeric();
    let other = text.iter().any(|ch| "转分".contains(*ch));
    begins && said + 1 == MOBILE && !other && !is_firms(text, at + 1)
}

/// What stands for something else at a place, and how to spell it: the place and the character there.
/// `heard` is the text before anything was changed, `said` the number of its digits.
fn meant(
    text: &[char],
    heard: &[char],
    at: usize,
    said: usize,
    radio: bool,
) -> Option<(usize, char)> {
    let digits = |from: usize| text.iter().skip(from).take_while(|ch| is_digit(ch)).count();
    let value = |at: usize| text.get(at).and_then(|ch| digit_of(*ch));
    let after = digits(at + 1);
    let follows = at > 0 && is_digit(&text[at - 1]);
    // The second digit of a mobile number.
    let second = |at: usize| value(at) >= Some(3);
    let opens = !follows && second(at + 1) && after >= 2;
    let ends = |at: usize| text.get(at).is_none_or(|ch| !ch.is_alphanumeric());
    let yao = |at: usize| text.get(at).is_some_and(|ch| rhymes_with_yao(*ch));
    match text[at] {
        // 幺 comes out as 一号, 一样 and 一二, too.
        '一' if matches!(text.get(at + 1), Some('号' | '样')) && digits(at + 2) > 0 => {
            Some((at + 1, FILLER))
        }
        '一' if !follows && value(at + 1) == Some(2) && second(at + 2) && after >= 3 => {
            Some((at + 1, FILLER))
        }
        // 六零四八，好，二七九五.
        '号' if follows && after >= 3 => Some((at, '，')),
        // 三零五七，对吧，二九四四.
        '对' if follows && after > 0 => Some((at, '，')),
        // 座机吧，零二五….
        '八' if value(at + 1) == Some(0)
            && after >= MOBILE
            && at > 1
            && ["座机", "固话", "电话"].iter().any(|cue| is_at(text, at - 2, cue)) =>
        {
            Some((at, '，'))
        }
        '八' if at > 1 && text[at - 1] == '，' && heard[at - 1] == '对' && after >= 4 => {
            Some((at, '，'))
        }
        // 后面两个酒.
        ch if at > 1
            && text[at - 1] == '个'
            && matches!(value(at - 2), Some(2..=4))
            && !is_digit(&ch) =>
        {
            digit_by_sound(ch).map(|digit| (at, digit))
        }
        // 二百天打: 白天.
        '百' if follows && text.get(at + 1) == Some(&'天') => Some((at, '白')),
        '栋' | '东' | '动' | '懂' if (radio || said <= MOBILE) && (follows || after > 0) => {
            Some((at, '洞'))
        }
        ch if is_digit(&ch) => None,
        // 药药四: what comes next may be another.
        _ if yao(at)
            && follows
            && (after > 0
                || ends(at + 1)
                || (yao(at + 1) && (digits(at + 2) > 0 || ends(at + 2)))) =>
        {
            Some((at, '幺'))
        }
        // The eleventh digit.
        ch if LIKE_YAO.contains(ch) && follows && said + 1 == MOBILE => Some((at, '幺')),
        ch if opens && !is_firms(text, at + 1) && (yao(at) || LIKE_YOU.contains(ch)) => {
            Some((at, '幺'))
        }
        // 到六七六九七三八八九三, 以四九一零七四五二五五: a clause is ten digits that lack the first of eleven.
        ch if opens
            && lacks_head(text, at, said)
            && (LIKE_YI.contains(ch) || ends_like_yao(ch)) =>
        {
            Some((at, '幺'))
        }
        _ => None,
    }
}
