//! A number dictated in one breath: in groups, with words between them, repeated, taken back, mended.
//!
//! What was said is cut into tokens, and every way in which they may add up to a number is followed;
//! of those that end in a whole number the one that takes the least for granted is right.

mod respelled;
mod token;
mod way;

use super::{MOBILE, is_mobile};
use crate::digits::digit_of;
use respelled::{cued, respelled};
use token::{Token, What, digits, tokens};
use way::{Way, differing};

/// A whole number, as it stands after all corrections.
#[derive(Debug, PartialEq)]
pub(super) struct Dictated {
    pub(super) digits: String,
    /// Where the caller began to say it; what was wholly taken back stands before `start`.
    pub(super) begun: usize,
    /// First and one past the last character that it was said with.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the caller corrected a part of it.
    pub(super) mended: bool,
    /// Whether it takes some of what was heard for something else.
    pub(super) respelled: bool,
}

/// Digits of the shortest number.
const SHORTEST: usize = 7;
/// Ways that are followed at a time.
const WAYS: usize = 64;
/// Tokens that one number is looked for in.
const MOST_TOKENS: usize = 60;

/// Every whole mobile number, or number with an area code, that is dictated in a text: as it was heard,
/// or, where there is none, as it may have been meant.
pub(super) fn dictated(text: &[char]) -> Vec<Dictated> {
    let text = &cued(text)[..];
    let found = read(text, false);
    if !found.is_empty() {
        return found;
    }
    let spellings = respelled(text);
    let long = text.iter().filter(|ch| digit_of(**ch).is_some()).count() >= MOBILE;
    let lenient = [text].into_iter().chain(spellings.iter().map(Vec::as_slice)).filter(|_| long);
    let readings =
        spellings.iter().map(|text| read(text, false)).chain(lenient.map(|text| read(text, true)));
    let mut found = { readings }.find(|found| !found.is_empty()).unwrap_or_default();
    found.iter_mut().for_each(|number| number.respelled = true);
    found
}

/// The numbers of a text; `lenient` where a digit too many may be left out.
fn read(text: &[char], lenient: bool) -> Vec<Dictated> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for part in tokens.split(|token| token.what == What::End) {
        // Where the last number ended.
        let (mut from, mut ended) = (0, 0);
        while let Some(first) = (from..part.len()).find(|at| begins(text, part, *at, lenient)) {
            match follow(text, &part[first..part.len().min(first + MOST_TOKENS)], lenient) {
                Some((mut number, mut used)) => {
                    let said = part.partition_point(|token| token.start < number.start);
                    let after = &part[first + used..];
                    if let Some(digits) = mended_before(&part[ended..said], &number.digits) {
                        (number.digits, number.mended) = (digits, true);
                    } else if let Some((digits, more)) = mended_after(text, after, &number) {
                        (number.digits, number.mended) = (digits, true);
                        number.end = after[more - 1].end;
                        used += more;
                    }
                    let begun = found.pop_if(|last| is_said_again(text, last, &number));
                    found.push(Dictated {
                        begun: begun.map_or(number.begun, |b| b.begun),
                        ..number
                    });
                    (from, ended) = (first + used, first + used);
                }
                None => from = first + 1,
            }
        }
    }
    found
}

/// A number with the correction that follows it, what is meant before what is not, and the tokens that it
/// takes: 是四八零二，不是四八二零.
fn mended_after(text: &[char], after: &[Token], number: &Dictated) -> Option<(String, usize)> {
    let no = after.iter().position(|token| token.what == What::Denied)?;
    let said = after[..no].iter().rev().find(|token| digits(token).is_some())?;
    // 房号五六八七，不是五六七八: that is no part of the number.
    if text[number.end..said.start].iter().any(|ch| OF_HOUSES.contains(*ch)) {
        return None;
    }
    let (right, number) = (digits(said)?, number.digits.as_str());
    let wrong = after.get(no + 1).and_then(digits).filter(|wrong| wrong.len() == right.len())?;
    let at = match wrong.len() {
        // Of a single digit the last one is meant.
        1 => number.ends_with(wrong).then(|| number.len() - 1)?,
        2..=4 if number.matches(wrong).count() == 1 => number.find(wrong)?,
        _ => return None,
    };
    let mut mended = number.to_owned();
    mended.replace_range(at..at + wrong.len(), right);
    is_mobile(&mended).then_some((mended, no + 2))
}

/// A number with the correction that was said before it: 第八位应该是九，我原先报的是….
fn mended_before(before: &[Token], number: &str) -> Option<String> {
    let place = before.iter().rev().find_map(|token| match token.what {
        What::Place(n) => n.checked_sub(1),
        What::PlaceFromEnd(n) => number.len().checked_sub(n),
        _ => None,
    });
    let replaced = |at: usize, digits: &str| {
        let mut mended = number.to_owned();
        mended.replace_range(at..at + digits.len(), digits);
        is_mobile(&mended).then_some(mended)
    };
    if let Some(at) = place.filter(|at| *at < number.len()) {
        // 应该是七不是一: what is denied is what it was.
        let said = before.windows(2).find_map(|pair| {
            digits(&pair[1]).filter(|d| d.len() == 1 && pair[0].what != What::Denied)
        })?;
        return replaced(at, said);
    }
    let back = before.iter().rposition(|token| token.what == What::TakenBack)?;
    let wrong = before[..back].iter().rev().find_map(digits)?;
    let right = before[back..].iter().find_map(digits)?;
    if wrong.len() != right.len() || wrong.len() < 2 || number.matches(wrong).count() != 1 {
        return None;
    }
    replaced(number.find(wrong)?, right)
}

/// What other digits than those of a number are of.
const OF_HOUSES: &str = "门房楼栋室牌单";
/// Characters between a number and the same one corrected, and those of them that are no digit and no
/// pause where there are more: 等下，是幺三二，.
const NEAR: usize = 8;
const FEW_WORDS: usize = 4;
/// Characters of what stands between two numbers that are not the same: 或者, 另一个, 传真, 我老公.
const OTHERS: &str = "或和跟另还一、传真电机公婆妈爸儿女爱家单位事友备邻哥弟姐妹妻夫";

/// Whether a whole number corrects the one just before it: nearly the same, and nothing says that
/// there are two.
fn is_said_again(text: &[char], last: &Dictated, number: &Dictated) -> bool {
    let between = &text[last.end.min(number.start)..number.start];
    let alike = last.digits.len() == number.digits.len()
        && (1..=3).contains(&differing(&last.digits, &number.digits));
    let words = between.iter().filter(|ch| ch.is_alphanumeric() && digit_of(**ch).is_none());
    if !alike || (between.len() > NEAR && words.count() > FEW_WORDS) {
        return false;
    }
    // Who writes two numbers one after the other means two, and so does who says whose the second is.
    let written =
        text[number.start].is_ascii_digit() && !between.iter().any(|ch| ch.is_alphanumeric());
    !written && !between.iter().any(|ch| OTHERS.contains(*ch))
}

/// Whether a number may begin with this token.
fn begins(text: &[char], part: &[Token], at: usize, lenient: bool) -> bool {
    // Other digits may come first where the first ones are said to be such.
    if matches!(part[at].what, What::Last | What::Middle) {
        return part[at + 1..].iter().any(|token| token.what == What::First);
    }
    let Some(said) = digits(&part[at]) else { return false };
    if is_mobile(said) || (lenient && said.len() == MOBILE + 1 && is_mobile(&said[1..])) {
        return true;
    }
    let after_area = part[at..].iter().any(|t| matches!(t.what, What::Area | What::First));
    let may = match said.as_bytes() {
        [b'1'] => part[at + 1..].iter().find_map(digits).is_some_and(|d| d.as_bytes()[0] >= b'3'),
        [b'1', second, ..] => *second >= b'3',
        [b'0', ..] => true,
        _ => (said.len() >= 7 && after_area) || is_local(text, part[at].start),
    };
    // Digits before it make it the middle of something longer, unless words stand between them.
    let mut before = part[..at].iter().rev();
    let apart = match before.clone().position(|token| digits(token).is_some()) {
        Some(n) => said.len() >= 3 && before.by_ref().take(n).any(|t| t.what != What::Pause),
        None => true,
    };
    may && apart
}

/// The likeliest number that these tokens begin with, and how many of them belong to it.
fn follow(text: &[char], part: &[Token], lenient: bool) -> Option<(Dictated, usize)> {
    let local = is_local(text, part[0].start);
    let mut ways = vec![Way::new(local, lenient)];
    let mut best: Option<(f32, Way, usize)> = None;
    for (at, token) in part.iter().enumerate() {
        ways = ways.iter().flat_map(|way| way.step(token, at)).collect();
        ways.sort_by(|a, b| a.cost.total_cmp(&b.cost));
        let mut kept: Vec<Way> = Vec::new();
        for way in ways {
            if kept.len() < WAYS && !kept.iter().any(|other| other.stands_like(&way)) {
                kept.push(way);
            }
        }
        ways = kept;
        if ways.is_empty() {
            break;
        }
        if digits(token).is_none() {
            continue;
        }
        let rest = &part[at + 1..];
        let left = left_over(text, rest);
        let next = rest.iter().find_map(digits);
        for way in ways.iter().filter(|way| way.is_whole() && way.slot.is_none()) {
            // A group that is said again begins no other number.
            let torn = next.is_some_and(|next| next == way.last_group());
            let cost = way.cost + left + if torn { 1.0 } else { 0.0 };
            if best.as_ref().is_none_or(|(least, ..)| cost < *least - 1e-4) {
                best = Some((cost, way.clone(), at + 1));
            }
        }
    }
    let (_, way, used) = best.filter(|(cost, ..)| *cost < MOST_COST)?;
    let said_at = |from: usize| part[from..].iter().find(|token| digits(token).is_some());
    let (begun, start) = (said_at(0)?.start, said_at(way.first)?.start);
    let end = part[used - 1].end;
    let mended = way.mended;
    Some((Dictated { digits: way.said, begun, start, end, mended, respelled: false }, used))
}

/// What a way may cost to be believed.
const MOST_COST: f32 = 5.0;

/// What it costs to leave these tokens out: nothing much, where another number begins.
fn left_over(text: &[char], rest: &[Token]) -> f32 {
    let mut cost = 0.0;
    for (at, token) in rest.iter().enumerate() {
        match &token.what {
            What::Digits(said) => {
                let all: usize = rest[at..].iter().filter_map(digits).map(str::len).sum();
                let least = if matches!(said.as_bytes()[0], b'0' | b'1') { 10 } else { SHORTEST };
                if said.len() >= 3 && all >= least && begins(text, &rest[at..], 0, false) {
                    return cost + 0.3;
                }
                cost += if said.len() < 3 { 0.5 } else { 2.0 };
            }
            What::TakenBack | What::Denied | What::Last => cost += 0.5,
            _ => {}
        }
    }
    cost
}

/// Whether what stands before a number says that it may be one without an area code.
fn is_local(text: &[char], start: usize) -> bool {
    let before: String = text[start.saturating_sub(8)..start].iter().collect();
    ["座机", "固话", "固定电话"].iter().any(|word| before.contains(word))
}
