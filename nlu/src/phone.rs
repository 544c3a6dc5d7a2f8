//! The number to call back: spoken in groups, over several turns, repeated, corrected, read back.

mod dictation;

use strsim::levenshtein as distance;

use crate::digits::{Doubtful, Run, digit_of, doubtful_runs, runs};
use crate::heard::{Heard, Leg, Span};
use crate::interpretation::Found;
use crate::sound::Words;
use dictation::{Dictated, dictated};

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
                    pieced: false,
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
                    pieced: false,
                });
                continue;
            }
        }
        let announced = asked || holds(&ANNOUNCE);
        let foreign = holds(&OTHER) && !holds(&["电话", "手机"]);
        // What is dictated as a whole needs nothing from other turns.
        let mut whole = dictated(&text);
        whole.retain(|number| is_mobile(&number.digits) && !is_labelled(&text, number.start));
        if let Some(number) = whole.pop() {
            best = Some(Candidate {
                digits: number.digits,
                evidence: vec![Span { utterance: index, start: number.start, end: number.end }],
                confirmed: number.mended,
                announced,
                pieced: false,
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
    let found = match (best, fused) {
        (best, None) => best?,
        // Heard twice outweighs heard once; what the caller confirmed or put together anew stands.
        (Some(best), Some(fused))
            if best.digits.len() == MOBILE
                && (best.confirmed || !(best.pieced || fused.votes > 1)) =>
        {
            best
        }
        (_, Some(fused)) => return Some(fused.found()),
    };
    let base: f32 = match (found.digits.len() == MOBILE, found.announced) {
        (true, true) => 0.93,
        (true, false) => 0.85,
        (false, _) => 0.7,
    };
    let confidence = if found.confirmed { 0.98 } else { base };
    Some(Found { value: found.digits, confidence, evidence: found.evidence, runner_up: None })
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
            pieced: false,
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

/// A number as it was heard once, by the caller's or by the agent's voice.
struct Reading {
    digits: String,
    /// Mean over the digits, 0 to 1.
    trust: f32,
    span: Span,
    agent: bool,
}

/// A number agreed on by several readings.
struct Fused {
    digits: String,
    confidence: f32,
    /// Readings that say just this.
    votes: usize,
    evidence: Vec<Span>,
}

impl Fused {
    fn found(self) -> Found<String> {
        Found {
            value: self.digits,
            confidence: self.confidence,
            evidence: self.evidence,
            runner_up: None,
        }
    }
}

/// Digits that a reading must have beyond doubt.
const LEAST_SURE: usize = 6;

/// The mobile number that the readings of caller and agent agree on best: recognisers drop a digit
/// here and mishear another there, but seldom the same one twice.
fn fused(heard: &Heard) -> Option<Fused> {
    let readings = readings(heard);
    let mut candidates: Vec<String> =
        readings.iter().filter(|r| is_mobile(&r.digits)).map(|r| r.digits.clone()).collect();
    for (index, a) in readings.iter().enumerate() {
        // Two incomplete readings of one number complete each other.
        let partial = |r: &&Reading| (8..MOBILE).contains(&r.digits.len());
        for b in readings[index + 1..].iter().filter(partial).filter(|_| partial(&a)) {
            candidates.extend(overlay(&a.digits, &b.digits).filter(|digits| is_mobile(digits)));
        }
    }
    candidates.sort();
    candidates.dedup();
    let agreement = |digits: &str| -> f32 {
        let of = |(order, r): (usize, &Reading)| {
            let like = 1.0 - distance(digits, &r.digits) as f32 / MOBILE as f32;
            // What is said later corrects what was said before.
            r.trust * (0.3 + like) * if like < 0.6 { 0.0 } else { 1.0 + 0.05 * order as f32 }
        };
        readings.iter().enumerate().map(of).sum()
    };
    let digits = candidates.into_iter().max_by(|a, b| agreement(a).total_cmp(&agreement(b)))?;
    let exact: Vec<&Reading> = readings.iter().filter(|r| r.digits == digits).collect();
    let trust = exact.iter().map(|r| r.trust).fold(0.0, f32::max);
    let confidence = match exact.len() {
        0 => 0.45,
        1 => 0.4 + 0.45 * trust,
        _ => 0.6 + 0.35 * trust,
    };
    let near = |r: &&Reading| !r.agent && distance(&digits, &r.digits) <= 3;
    let mut evidence: Vec<Span> = readings.iter().filter(near).map(|r| r.span).collect();
    if evidence.is_empty() {
        evidence = exact.iter().map(|r| r.span).collect();
    }
    Some(Fused { digits, confidence, votes: exact.len(), evidence })
}

/// Turns after a number was spoken of within which digits belong to it.
const LONGEST_TALK: usize = 4;

/// Every reading of a mobile number in the call: asked for, announced, or read back.
fn readings(heard: &Heard) -> Vec<Reading> {
    let mut found = Vec::new();
    // Turns since a number was spoken of.
    let mut since = usize::MAX;
    for (utterance, said) in heard.said.iter().enumerate() {
        let text = said.written();
        let plain: String = text.iter().collect();
        let holds = |words: &[&str]| words.iter().any(|word| plain.contains(word));
        since = if holds(&ANNOUNCE) { 0 } else { since.saturating_add(1) };
        if since > LONGEST_TALK || (holds(&OTHER) && !holds(&ANNOUNCE)) {
            continue;
        }
        for run in doubtful_runs(&text) {
            let Some((digits, trust, start, end)) = number_of(&run) else { continue };
            // A recogniser that was sure of every digit is more often right.
            let sure = said.chars[start..end].iter().map(|c| c.confidence).sum::<f32>()
                / (end - start).max(1) as f32;
            let trust = trust * (0.5 + 0.5 * sure);
            let span = Span { utterance, start, end };
            found.push(Reading { digits, trust, span, agent: said.leg == Leg::Agent });
            since = 0;
        }
    }
    found
}

/// The stretch of a run that is most likely a mobile number, or, if none is complete, its sure part.
fn number_of(run: &[Doubtful]) -> Option<(String, f32, usize, usize)> {
    let sure = |part: &[Doubtful]| part.iter().filter(|digit| digit.trust == 1.0).count();
    let text = |part: &[Doubtful]| {
        part.iter().map(|digit| char::from(b'0' + digit.value)).collect::<String>()
    };
    let give = |part: &[Doubtful]| {
        let trust = part.iter().map(|digit| digit.trust).sum::<f32>() / part.len() as f32;
        Some((text(part), trust, part.first()?.at, part.last()?.at + 1))
    };
    let total = sure(run);
    // Identity and account numbers are longer, unless the same number was said twice.
    if total > 16 && total != 2 * MOBILE {
        return None;
    }
    // What only sounds like a digit may open a number (幺 is written as 有) but seldom ends one: 您.
    let edges = |part: &[Doubtful]| {
        let [.., before, last] = part else { return false };
        // Nor does what follows a comma: 八四五，已经登记.
        part[0].trust > 0.45
            && (last.trust == 1.0 || (last.trust > 0.55 && last.at == before.at + 1))
    };
    let windows = run
        .windows(MOBILE)
        .filter(|part| sure(part) >= LEAST_SURE && edges(part) && is_mobile(&text(part)));
    let score = |part: &&[Doubtful]| {
        part.iter().map(|digit| digit.trust).sum::<f32>() - 0.8 * (total - sure(part)) as f32
    };
    if let Some(part) = windows
        .max_by(|a, b| score(a).total_cmp(&score(b)))
        .filter(|part| total - sure(part) <= 2 || total == 2 * MOBILE)
    {
        return give(part);
    }
    let first = run.iter().position(|digit| digit.trust > 0.5)?;
    let last = run.iter().rposition(|digit| digit.trust == 1.0)?;
    let part = &run[first..=last];
    ((7..=13).contains(&part.len()) && sure(part) >= LEAST_SURE).then(|| give(part)).flatten()
}

pub(crate) fn is_mobile(digits: &str) -> bool {
    digits.len() == MOBILE && digits.starts_with('1') && digits.as_bytes()[1] >= b'3'
}

/// The shortest string that holds both in order, if it is as long as a mobile number.
fn overlay(a: &str, b: &str) -> Option<String> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut common = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    if a.len() + b.len() - common[0][0] != MOBILE {
        return None;
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        let both = i < a.len() && j < b.len() && a[i] == b[j];
        let from_a = j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]);
        let digit = if both || from_a { a[i] } else { b[j] };
        (i, j) = if both {
            (i + 1, j + 1)
        } else if from_a {
            (i + 1, j)
        } else {
            (i, j + 1)
        };
        out.push(char::from(digit));
    }
    Some(out)
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
            (is_landline(&digits) && (said || !counted)).then_some(digits.clone())
        });
        let number = number.filter(|_| !is_labelled(text, run.start()));
        // 是…，不是…: what is denied is none.
        let denied = text[..run.start()].ends_with(&['不', '是']);
        if denied && found.last().is_some_and(|(last, ..)| last.len() == digits.len()) {
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

/// Whether what stands before a number says that it is one of something else: 工单编号是…, or LSVAM….
fn is_labelled(text: &[char], start: usize) -> bool {
    if start > 0 && text[start - 1].is_ascii_alphabetic() {
        return true;
    }
    let before: String = text[start.saturating_sub(LABEL)..start].iter().collect();
    let after =
        |text: &str, marks: &[char]| text.rsplit(marks).next().unwrap_or_default().to_owned();
    // A sentence that is over names nothing any more, nor does a clause: but identity numbers are
    // announced from afar.
    let sentence = after(&before, &['。', '？', '！', '?', '!']);
    let clause = after(sentence.trim_end_matches(['，', ',', ' ', '：', ':']), &['，', ',']);
    let last = |text: &str, words: &[&str]| words.iter().filter_map(|word| text.rfind(word)).max();
    last(&clause, &LABELS) > last(&clause, &CALLED)
        || last(&sentence, &IDENTITY) > last(&sentence, &CALLED)
}

/// Whether the words before a number say that it is one of a matter or a document, and not of a person.
pub(crate) fn is_of_a_thing(text: &[char], run: &Run) -> bool {
    // As long as a person's, whatever it is called.
    if run.groups.iter().any(|n| matches!(n, 11 | 17 | 18)) || mobile_in(run).is_some() {
        return false;
    }
    let start = run.start();
    let before: String = text[start.saturating_sub(LABEL)..start].iter().collect();
    let clause = before.rsplit(['。', '？', '！', '，', '；', ',', ' ']).next().unwrap_or_default();
    THINGS.iter().any(|word| clause.contains(word))
        && !CALLED.iter().any(|word| clause.contains(word))
}

/// Numbers of matters and documents.
const THINGS: [&str; 13] = [
    "工单",
    "订单",
    "单号",
    "编号",
    "受理号",
    "发票",
    "信用代码",
    "流水",
    "案号",
    "批号",
    "运单",
    "文号",
    "轮候号",
];
/// Characters before a number that may say what it is.
const LABEL: usize = 12;
/// What is called so in the words before a number that is none to call.
const IDENTITY: [&str; 3] = ["身份证", "证件", "证号"];
/// Numbers that nobody is called by.
const LABELS: [&str; 33] = [
    "ID",
    "车牌",
    "工单",
    "订单",
    "单号",
    "编号",
    "卡号",
    "账号",
    "帐号",
    "户号",
    "受理号",
    "护照",
    "发票",
    "存单",
    "病历",
    "产权",
    "QQ",
    "群号",
    "合同",
    "代码",
    "流水",
    "保单",
    "案号",
    "学号",
    "工号",
    "表号",
    "税号",
    "批号",
    "取件",
    "验证码",
    "运单",
    "密码",
    "彩票",
];
/// Numbers that somebody is.
const CALLED: [&str; 6] = ["电话", "手机", "联系", "打给", "座机", "微信"];

/// Characters between a number and what is said instead of it.
const FARTHEST: usize = 14;

fn takes_back(text: &[char], from: usize, to: usize) -> bool {
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
    // No number within an area begins with a 1.
    let area = match digits.as_bytes() {
        [b'0', b'1' | b'2', _, own, ..] => *own > b'1' && digits.len() == 11,
        [b'0', _, _, _, own, ..] => *own > b'1' && matches!(digits.len(), 11 | 12),
        _ => false,
    };
    let local = (7..=8).contains(&digits.len()) && (b'2'..=b'8').contains(&digits.as_bytes()[0]);
    area || local
}

#[cfg(test)]
mod tests;
