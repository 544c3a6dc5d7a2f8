//! The number to call back: spoken in groups, over several turns, repeated, corrected, read back.

mod dictation;
mod fusion;
mod label;

use strsim::levenshtein as distance;

use crate::digits::{Run, digit_of, runs};
use crate::heard::{Heard, Leg, Span, is_at};
use crate::interpretation::Found;
use crate::sound::Words;
use dictation::{Dictated, dictated};
use fusion::fused;
use label::is_labelled;
pub(crate) use label::is_of_a_thing;

/// Whether a text dictates a number to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dictation {
    /// Not as far as can be told.
    None,
    /// Many digits are read out, but no whole number comes of them.
    Broken,
    /// A mobile number, or one with its area code.
    Whole,
}

/// Digits of a text from which a number may be meant.
const LEAST_DICTATED: usize = 7;
/// How many of them stand together at least.
const LEAST_TOGETHER: usize = 4;

/// Whether a text dictates a number to call, whole or with digits lost.
pub fn dictation(text: &str) -> Dictation {
    let text: Vec<char> = text.chars().collect();
    let runs = runs(&text);
    let is_whole = |number: &(String, usize, usize)| {
        is_mobile(&number.0) || (has_area(&number.0) && !is_short(&number.0))
    };
    if numbers(&text, &runs).iter().any(is_whole) {
        return Dictation::Whole;
    }
    let together = runs.iter().map(|run| run.digits.len()).max().unwrap_or(0);
    let all: usize = runs.iter().map(|run| run.digits.len()).sum();
    if all >= LEAST_DICTATED && together >= LEAST_TOGETHER {
        Dictation::Broken
    } else {
        Dictation::None
    }
}

/// A number while it is being put together.
#[derive(Debug, Clone, Default)]
struct Candidate {
    digits: String,
    evidence: Vec<Span>,
    /// The agent read it back and the caller did not object.
    confirmed: bool,
    /// Said as a phone number: asked for, or announced.
    announced: bool,
    /// Put together from parts, so that a part may be missing or belong elsewhere.
    pieced: bool,
    /// The caller asked to be called there, and not at another number beside it.
    chosen: bool,
}

/// Words around a number that make it a phone number.
const ANNOUNCE: [&str; 10] =
    ["电话", "号码", "手机", "联系方式", "座机", "打给我", "联系我", "打我", "留个", "加我"];
/// Words around a number that make it something else.
const OTHER: [&str; 14] = [
    "身份证",
    "证件号",
    "车牌",
    "工单",
    "订单",
    "单号",
    "编号",
    "卡号",
    "账号",
    "户号",
    "元",
    "块钱",
    "他的电话",
    "商家电话",
];
/// The caller takes back what was said before.
const TAKE_BACK: [&str; 7] = ["不对", "错了", "不是", "说错", "更正", "应该是", "等一下"];
/// The last digits only.
const TAIL: [&str; 5] = ["最后", "尾号", "后四位", "后面四位", "末尾"];
const YES: [&str; 6] = ["对", "是的", "没错", "嗯", "正确", "是"];

/// Digits of a mobile number.
const MOBILE: usize = 11;

/// The number to call back that the caller gave, if any. `this_number` are the phrases by which a
/// caller means the line's own number.
pub(crate) fn find(heard: &Heard, this_number: &Words) -> Option<Found<String>> {
    let mut best: Option<Candidate> = None;
    // Digits of an unfinished number, carried over to the next turn.
    let mut open = Candidate::default();
    let mut asked = false;
    let mut read_back: Option<String> = None;
    // The agent asked whether the line's own number will do.
    let mut offered = false;
    for (index, said) in heard.said.iter().enumerate() {
        let text = said.written();
        let plain: String = text.iter().collect();
        let holds = |words: &[&str]| words.iter().any(|word| plain.contains(word));
        if said.leg == Leg::Agent {
            asked = holds(&ANNOUNCE);
            offered = this_number.are_in(&plain);
            read_back =
                runs(&text).iter().filter_map(mobile_in).map(|(digits, _)| digits).next_back();
            continue;
        }
        let taken_back = holds(&TAKE_BACK);
        let agrees = !taken_back
            && YES
                .iter()
                .any(|word| plain.trim_start_matches(['，', ',', '。', ' ']).starts_with(word));
        if let Some(number) = read_back.take() {
            // A reading that differs in a digit or two was misheard on one side: what both sides say
            // decides below.
            let misheard = best.as_ref().is_some_and(|b| {
                is_mobile(&b.digits) && (1..=2).contains(&distance(&b.digits, &number))
            });
            if misheard && agrees {
                best.iter_mut().for_each(|b| b.pieced = true);
            } else if agrees && runs(&text).iter().all(|run| run.digits.len() < 4) {
                let evidence = best.as_ref().map(|b| b.evidence.clone()).unwrap_or_default();
                let evidence = if evidence.is_empty() {
                    vec![Span { utterance: index, start: 0, end: text.len() }]
                } else {
                    evidence
                };
                best = Some(Candidate {
                    digits: number,
                    evidence,
                    confirmed: true,
                    announced: true,
                    ..Candidate::default()
                });
                continue;
            }
        }
        if let Some(line) = &heard.line_number {
            let accepts = std::mem::take(&mut offered) && agrees;
            if (accepts || this_number.are_in(&plain))
                && !holds(&["不是", "不用"])
                && runs(&text).iter().all(|r| r.digits.len() < 7)
            {
                let evidence = vec![Span { utterance: index, start: 0, end: text.len() }];
                best = Some(Candidate {
                    digits: line.clone(),
                    evidence,
                    confirmed: true,
                    announced: true,
                    ..Candidate::default()
                });
                continue;
            }
        }
        let announced = asked || holds(&ANNOUNCE);
        let foreign = holds(&OTHER) && !holds(&["电话", "手机"]);
        // What is dictated as a whole needs nothing from other turns.
        let mut whole = dictated(&text);
        let known = best.as_ref().is_some_and(|best| best.digits.len() == MOBILE);
        whole.retain(|number| {
            let callable = is_mobile(&number.digits) || !(known || foreign);
            callable && !is_labelled(&text, number.start)
        });
        let preferred = preferred(&text, &whole);
        let chosen = preferred.is_some()
            || matches!(&whole[..], [.., _, last] if is_asked_for(&text, last.begun));
        if let Some(number) = preferred.map(|at| whole.swap_remove(at)).or_else(|| whole.pop()) {
            best = Some(Candidate {
                digits: number.digits,
                evidence: vec![Span { utterance: index, start: number.start, end: number.end }],
                confirmed: number.mended && !number.respelled,
                announced,
                chosen,
                ..Candidate::default()
            });
            open = Candidate::default();
            continue;
        }
        for run in runs(&text) {
            take(
                &mut best,
                &mut open,
                &run,
                index,
                Context { announced, foreign, taken_back, tail: holds(&TAIL) },
            );
        }
    }
    let fused = fused(heard);
    let best = best.or_else(|| unasked(heard));
    let found = match (best, fused) {
        (best, None) => best?,
        // Heard twice outweighs heard once; what the caller confirmed or asks to be called at stands.
        (Some(best), Some(fused))
            if best.chosen
                || best.digits.len() == MOBILE
                    && (best.confirmed || !(best.pieced || fused.votes > 1)) =>
        {
            best
        }
        (_, Some(fused)) => return Some(fused.found()),
    };
    let base: f32 = match (found.digits.len() == MOBILE, found.announced) {
        (true, true) => 0.93,
        (true, false) => 0.85,
        (false, true) => 0.7,
        (false, false) => 0.5,
    };
    let confidence = if found.confirmed { 0.98 } else { base };
    Some(Found { value: found.digits, confidence, evidence: found.evidence, runner_up: None })
}

/// Words after several numbers by which the caller means the first of them.
const FORMER: [&str; 5] = ["打第一个", "用第一个", "以第一个", "打前面那个", "打前一个"];
/// Words by which a number is the caller's own.
const OWN: [&str; 3] = ["我自己", "我的", "我本人"];
/// Words after several numbers by which the caller means the own one.
const CALL_OWN: [&str; 5] = ["打我的", "打我自己", "用我的", "用我自己", "还是我的"];
/// Characters that deny what follows them.
const NO: &str = "不别甭";
/// Characters before a number that say whose it is.
const OWNER: usize = 8;

/// Which of several numbers the caller asks to be called at, if that is said after the last of them.
fn preferred(text: &[char], numbers: &[Dictated]) -> Option<usize> {
    let [first, .., last] = numbers else { return None };
    let after = &text[last.end..];
    let asks = |words: &[&str]| {
        let said = |at: &usize| words.iter().any(|word| is_at(after, *at, word));
        // 不要打第一个, 别打我的.
        let denied = |at: usize| after[at.saturating_sub(2)..at].iter().any(|ch| NO.contains(*ch));
        (0..after.len()).find(said).is_some_and(|at| !denied(at))
    };
    let before: String = text[first.begun.saturating_sub(OWNER)..first.begun].iter().collect();
    let own = OWN.iter().any(|word| before.contains(word));
    (asks(&FORMER) || (own && asks(&CALL_OWN))).then_some(0)
}

/// Whether the caller asks to be called at the number that begins here: 打我座机….
fn is_asked_for(text: &[char], begun: usize) -> bool {
    let before = &text[begun.saturating_sub(OWNER)..begun];
    let clause = before.rsplit(|ch| !ch.is_alphanumeric()).next().unwrap_or_default();
    // 他打了…: what was dialled is asked for by nobody.
    clause.contains(&'打') && !clause.iter().any(|ch| NO.contains(*ch) || *ch == '了')
}

/// A number that nobody asked for and that is not called one: 五七二八八四幺，我们居委会.
fn unasked(heard: &Heard) -> Option<Candidate> {
    let said = heard.said.iter().enumerate().rev().filter(|(_, said)| said.leg != Leg::Agent);
    said.filter_map(|(utterance, said)| {
        let text = said.written();
        let plain: String = text.iter().collect();
        if OTHER.iter().any(|word| plain.contains(word)) {
            return None;
        }
        let (digits, start, end) = numbers(&text, &runs(&text)).pop()?;
        let evidence = vec![Span { utterance, start, end }];
        Some(Candidate { digits, evidence, ..Candidate::default() })
    })
    .next()
}

#[derive(Clone, Copy)]
struct Context {
    announced: bool,
    foreign: bool,
    taken_back: bool,
    tail: bool,
}

/// Takes a run of digits into account.
fn take(
    best: &mut Option<Candidate>,
    open: &mut Candidate,
    run: &Run,
    utterance: usize,
    context: Context,
) {
    let span = Span { utterance, start: run.start(), end: run.end() };
    let fresh = |digits: String, evidence: Vec<Span>| {
        Some(Candidate {
            digits,
            evidence,
            confirmed: false,
            announced: context.announced,
            ..Candidate::default()
        })
    };
    // Identity numbers have 18 digits, or 17 and a letter; order numbers are long as well.
    if context.foreign || (run.digits.len() > 16 && mobile_in(run).is_none()) {
        return;
    }
    if let Some((digits, _)) = mobile_in(run) {
        *best = fresh(digits, vec![span]);
        *open = Candidate::default();
        return;
    }
    let digits = run.text();
    if let (Some(known), true) = (best.as_mut(), context.taken_back || context.tail)
        && (2..MOBILE).contains(&digits.len())
        && known.digits.len() == MOBILE
    {
        known.digits = corrected(&known.digits, &digits, context.tail);
        known.evidence.push(span);
        known.confirmed = true;
        return;
    }
    if context.taken_back && open.digits.len() >= digits.len() && digits.len() >= 2 {
        open.digits = corrected(&open.digits, &digits, context.tail);
        open.evidence.push(span);
        return;
    }
    // A number in two turns: 幺三八零零 … 幺三八零零零. One digit elsewhere is no part of it.
    let starts = digits.starts_with('1')
        && digits.len() >= 3
        && digits.as_bytes().get(1).is_some_and(|b| *b >= b'3');
    if !open.digits.is_empty() && digits.len() >= 2 && !(starts && open.digits.starts_with(&digits))
    {
        let joined = join(&open.digits, &digits);
        if joined.len() <= MOBILE {
            open.evidence.push(span);
            open.digits = joined;
            if open.digits.len() == MOBILE {
                *best = fresh(std::mem::take(&mut open.digits), std::mem::take(&mut open.evidence));
                best.iter_mut().for_each(|best| best.pieced = true);
            }
            return;
        }
    }
    if starts && context.announced && digits.len() < MOBILE {
        *open = Candidate { digits, evidence: vec![span], ..Candidate::default() };
        return;
    }
    if context.announced
        && is_landline(&digits)
        && !is_date(&digits)
        && best.as_ref().is_none_or(|b| b.digits.len() != MOBILE)
    {
        *best = fresh(digits, vec![span]);
    }
}

/// Joins two parts; digits that the second repeats of the first count once.
fn join(first: &str, second: &str) -> String {
    let overlap = (3..=first.len().min(second.len()))
        .rev()
        .find(|n| first.ends_with(&second[..*n]) && first.len() + second.len() - n >= MOBILE);
    format!("{first}{}", &second[overlap.unwrap_or(0)..])
}

/// Puts a correction in the place of what it corrects: the end, or the group that differs least.
fn corrected(known: &str, part: &str, tail: bool) -> String {
    if part.len() > known.len() {
        return part.to_owned();
    }
    let last = known.len() - part.len();
    let differing = |at: usize| {
        known[at..at + part.len()].bytes().zip(part.bytes()).filter(|(a, b)| a != b).count()
    };
    // Groups of a mobile number begin at 0, 3 and 7; what differs in nothing is no correction.
    // A group of four is not the first.
    let opens = part.len() != 4 && (!known.starts_with('1') || part.starts_with('1'));
    let may = |at: &usize| *at <= last && differing(*at) > 0 && (*at > 0 || opens);
    let starts: Vec<usize> = [0, 3, 7, last].into_iter().filter(may).collect();
    // What was said last is what is corrected, unless another group is nearer by two digits.
    let cost = |at: usize| differing(at) + if at == last { 0 } else { 2 };
    let at =
        if tail { last } else { starts.into_iter().min_by_key(|at| cost(*at)).unwrap_or(last) };
    format!("{}{part}{}", &known[..at], &known[at + part.len()..])
}

/// A mobile number in a run, with where it begins: the run itself, or what is left of it when
/// repeated groups are counted once.
fn mobile_in(run: &Run) -> Option<(String, usize)> {
    let text = run.text();
    if is_mobile(&text) {
        return Some((text, 0));
    }
    if let Some(rest) =
        ["0086", "86", "0"].iter().find_map(|code| text.strip_prefix(code)).filter(|r| is_mobile(r))
    {
        return Some((rest.to_owned(), text.len() - rest.len()));
    }
    if text.len() <= MOBILE || text.len() == 18 {
        return None;
    }
    // Said again from the beginning: the last complete one counts.
    if let Some(at) = (0..=text.len() - MOBILE).rev().find(|at| {
        is_mobile(&text[*at..*at + MOBILE]) && boundary(run, *at) && at + MOBILE == text.len()
    }) {
        return Some((text[at..].to_owned(), at));
    }
    // A group said twice: 幺三八，幺三八，零零…
    let mut groups: Vec<&str> = Vec::new();
    let mut at = 0;
    for length in &run.groups {
        let group = &text[at..at + length];
        at += length;
        match groups.last_mut() {
            Some(last) if group.starts_with(*last) && group.len() >= 2 => *last = group,
            _ => groups.push(group),
        }
    }
    let joined = groups.concat();
    is_mobile(&joined).then_some((joined, 0))
}

pub(crate) fn is_mobile(digits: &str) -> bool {
    digits.len() == MOBILE && digits.starts_with('1') && digits.as_bytes()[1] >= b'3'
}

/// The telephone numbers of a text with where they stand, whatever is said around them. What the
/// speaker takes back is replaced by what is said instead, as a whole (不对，是…) or in part.
pub(crate) fn numbers(text: &[char], runs: &[Run]) -> Vec<(String, usize, usize)> {
    let mut dictated = dictated(text).into_iter().peekable();
    let mut found: Vec<(String, usize, usize)> = Vec::new();
    // Where the number ends that was taken up last.
    let mut taken = 0;
    for run in runs {
        // One that begins before this run belongs to what is no run any more, an identity number, unless
        // it begins with no digit: 双八.
        let gone = |number: &Dictated| {
            number.end <= run.start()
                || (number.begun < run.start() && digit_of(text[number.begun]).is_some())
        };
        while dictated.next_if(gone).is_some() {}
        if run.start() < taken {
            continue;
        }
        while let Some(number) = dictated.next_if(|number| number.begun < run.end()) {
            taken = number.end;
            if !is_labelled(text, number.start) {
                found.push((number.digits, number.start, number.end));
            }
        }
        if run.start() < taken {
            continue;
        }
        let digits = run.text();
        let number = mobile_in(run).map(|(digits, _)| digits).or_else(|| {
            let before: String = text[run.start().saturating_sub(8)..run.start()].iter().collect();
            let said = ANNOUNCE.iter().any(|word| before.contains(word));
            // 3.8.15.209 is a version.
            let written = &text[run.start()..run.end()];
            let counted = is_date(&digits) || written.contains(&'.');
            let alone = has_area(&digits) || !follows_head(text, run.start());
            (is_landline(&digits) && (said || !counted) && alone).then_some(digits.clone())
        });
        let number = number.filter(|_| !is_labelled(text, run.start()));
        // 是…，不是…: what is denied is none.
        let denied = text[..run.start()].ends_with(&['不', '是']);
        if denied && found.last().is_some_and(|(last, ..)| last.len() == digits.len()) {
            continue;
        }
        // 我再报一次，二八八零，四六三幺: its end is said again.
        if let (Some(number), Some(last)) = (&number, found.last())
            && last.0.ends_with(number.as_str())
            && last.0 != *number
        {
            continue;
        }
        let taken_back = found.last_mut().filter(|(_, _, end)| takes_back(text, *end, run.start()));
        match (number, taken_back) {
            (Some(number), Some(last)) if number.len() >= last.0.len() => {
                *last = (number, run.start(), run.end());
            }
            (_, Some(last)) if (2..last.0.len()).contains(&digits.len()) => {
                last.0 = corrected(&last.0, &digits, false);
                last.2 = run.end();
            }
            (Some(number), _) => found.push((number, run.start(), run.end())),
            (None, _) => {}
        }
    }
    found
}

/// Characters between a number and what is said instead of it.
const FARTHEST: usize = 14;

pub(crate) fn takes_back(text: &[char], from: usize, to: usize) -> bool {
    if to - from.min(to) > FARTHEST {
        return false;
    }
    let between: String = text[from.min(to)..to].iter().collect();
    TAKE_BACK.iter().any(|word| between.contains(word))
}

fn boundary(run: &Run, at: usize) -> bool {
    let mut sum = 0;
    run.groups.iter().any(|length| {
        let here = sum == at;
        sum += length;
        here
    })
}

/// Whether the digits may be a date or two years: 2022.11.18, 2018-2035.
fn is_date(digits: &str) -> bool {
    digits.get(..4).is_some_and(|year| (1950..2060).contains(&year.parse().unwrap_or(0)))
}

fn is_landline(digits: &str) -> bool {
    let local = (7..=8).contains(&digits.len()) && (b'2'..=b'8').contains(&digits.as_bytes()[0]);
    has_area(digits) || local
}

/// Characters between the head of a number and the rest of it.
const LONGEST_HESITATION: usize = 7;

/// Whether the head of a number stands before a place, so that what begins there is the rest of one with a digit
/// lost: 幺七五，那个，八幺六零零二零.
fn follows_head(text: &[char], at: usize) -> bool {
    let is_digit = |ch: &&char| digit_of(**ch).is_some();
    let between = text[..at].iter().rev().take_while(|ch| !is_digit(ch)).count();
    let end = at - between;
    let length = text[..end].iter().rev().take_while(is_digit).count();
    let head: Vec<u8> = text[end - length..end].iter().filter_map(|ch| digit_of(*ch)).collect();
    let words: String = text[end..at].iter().collect();
    (1..=LONGEST_HESITATION).contains(&between)
        && matches!(head[..], [1, 3..=9, _] | [1, 3..=9, _, _] | [0, _, _] | [0, _, _, _])
        && !ANNOUNCE.iter().chain(&TAKE_BACK).any(|word| words.contains(word))
}

/// Whether a number has its area code; within an area none begins with a 1.
fn has_area(digits: &str) -> bool {
    match digits.as_bytes() {
        [b'0', b'1' | b'2', _, b'2'..=b'9', ..] => digits.len() == 11,
        [b'0', b'3'..=b'9', _, _, b'2'..=b'9', ..] => matches!(digits.len(), 11 | 12),
        _ => false,
    }
}

/// Area codes of four digits in which every number has eight, as far as they are sure.
const EIGHT: &str = "0311 0371 0377 0379 0411 0431 0451 0510 0511 0512 0513 0514 0515 0516 0517 0518 0519 0523 \
                     0527 0531 0532 0551 0571 0573 0574 0575 0576 0577 0579 0591 0595 0731 0754 0755 0757 0760 \
                     0769 0791 0851 0871 0898";

/// Whether a number with its area code lacks a digit there.
fn is_short(digits: &str) -> bool {
    digits.len() == 11
        && digits.get(..4).is_some_and(|area| EIGHT.split(' ').any(|eight| eight == area))
}

#[cfg(test)]
mod tests;
