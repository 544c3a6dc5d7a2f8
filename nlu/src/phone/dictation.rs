//! A number dictated in one breath: in groups, with words between them, repeated, taken back, mended.
//!
//! What was said is cut into tokens, and every way in which they may add up to a number is followed;
//! of those that end in a whole number the one that takes the least for granted is right.

use super::{MOBILE, is_mobile};
use crate::digits::{digit_of, is_word, runs};
use crate::heard::is_at;

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
}

/// What a stretch of the text is for a number.
#[derive(Debug, Clone, PartialEq)]
enum What {
    Digits(String),
    /// What was said before is wrong: 不对.
    TakenBack,
    /// The digits that follow are wrong: 不是二六.
    Denied,
    /// The digits that follow are the last ones: 尾号, 后四位.
    Last,
    /// The digits that follow are the first ones: 开头.
    First,
    /// The digits that follow stand between the first and the last group.
    Middle,
    /// One digit, counted from the beginning or from the end: 第四位, 倒数第二位.
    Place(usize),
    PlaceFromEnd(usize),
    /// The digits that follow are an area code.
    Area,
    /// A comma, a space.
    Pause,
    /// Words; how many characters of them have no business in a number.
    Words(usize),
    /// What no number goes on after: a sum, a date, a house number, many words.
    End,
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    what: What,
    start: usize,
    end: usize,
}

const TAKEN_BACK: &str = "不对不对 不对 哦不是 啊不是 说错了 说错 弄错了 记错了 报错了 念错了 搞错了 错了 \
    说反了 念反了 颠倒了 口误 嘴瓢了 更正 应该是 改成 改为 换成 改一下 重来 重说 不好意思 对不起 \
    不不不 哎呀";
const LAST: &str = "尾号 末尾 最后 结尾 末位 尾数 尾巴 末了 打尾 收尾";
const FIRST: &str = "开头 打头 起头 前面 前头 前边";
const MIDDLE: &str = "中间 当中";
/// What is said of digits after them: 一五五打头.
const SAID_AFTER: &str = "开头 打头 起头 结尾 打尾 收尾";
/// What is said between the groups of a number.
const BETWEEN: &str = "接下来 再然后 然后 接着 后面 后边 完了 再来 那个 这个 就是 停一下 等一下 等会儿 等等 稍等 \
    我看一眼 我看一下 我看看 我想想 看一眼 第一段 第二段 第三段 第一组 第二组 第三组 \
    还有个 还有 漏了个 漏了 补上 少了个 剩下 分开说 记好了 记了吗 您说 你说 对的 没错 好了 \
    手机号 电话 号码 座机 手机 是 的 对 嗯 呃 啊 哦 噢 诶 哎 欸 呢 吧 哈 好 行 来 再 那 了 \
    个 加";
/// What makes digits something other than a part of a phone number.
const UNITS: &str =
    "年月日块元毛角楼层栋幢单室米岁次遍秒斤吨平户人名家千万亿百十度条只辆班路点分天号个";
/// Characters that have no business in a number up to which it may go on after them.
const MOST_WORDS: usize = 10;
/// Digits of the shortest number.
const SHORTEST: usize = 7;
/// Digits of the longest number: an area code of four and eight more.
const LONGEST: usize = 12;
/// Ways that are followed at a time.
const WAYS: usize = 64;
/// Tokens that one number is looked for in.
const MOST_TOKENS: usize = 60;

/// Every whole mobile number, or number with an area code, that is dictated in a text.
pub(super) fn dictated(text: &[char]) -> Vec<Dictated> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for part in tokens.split(|token| token.what == What::End) {
        let mut from = 0;
        while let Some(first) = (from..part.len()).find(|at| begins(text, part, *at)) {
            match follow(text, &part[first..part.len().min(first + MOST_TOKENS)]) {
                Some((number, used)) => {
                    let begun = found.pop_if(|last| is_said_again(text, last, &number));
                    found.push(Dictated {
                        begun: begun.map_or(number.begun, |b| b.begun),
                        ..number
                    });
                    from = first + used;
                }
                None => from = first + 1,
            }
        }
    }
    found
}

/// Characters of what stands between two numbers that are not the same: 或者, 另一个, 传真, 我老公.
const OTHERS: &str = "或和跟另还一、传真电机公婆妈爸儿女家单位";

/// Whether a whole number corrects the one just before it: nearly the same, and nothing says that
/// there are two.
fn is_said_again(text: &[char], last: &Dictated, number: &Dictated) -> bool {
    let between = &text[last.end.min(number.start)..number.start];
    let alike = last.digits.len() == number.digits.len()
        && (1..=3).contains(&differing(&last.digits, &number.digits));
    if !alike || between.len() > 8 {
        return false;
    }
    // Who writes two numbers one after the other means two, and so does who says whose the second is.
    let written =
        text[number.start].is_ascii_digit() && !between.iter().any(|ch| ch.is_alphanumeric());
    !written && !between.iter().any(|ch| OTHERS.contains(*ch))
}

fn digits(token: &Token) -> Option<&str> {
    if let What::Digits(digits) = &token.what { Some(digits) } else { None }
}

/// Whether a number may begin with this token.
fn begins(text: &[char], part: &[Token], at: usize) -> bool {
    // Other digits may come first where the first ones are said to be such.
    if matches!(part[at].what, What::Last | What::Middle) {
        return part[at + 1..].iter().any(|token| token.what == What::First);
    }
    let Some(said) = digits(&part[at]) else { return false };
    if is_mobile(said) {
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
fn follow(text: &[char], part: &[Token]) -> Option<(Dictated, usize)> {
    let local = is_local(text, part[0].start);
    let mut ways = vec![Way { local, ..Way::default() }];
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
    Some((Dictated { digits: way.said, begun, start, end, mended: way.mended }, used))
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
                if said.len() >= 3 && all >= least && begins(text, &rest[at..], 0) {
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

/// Whether a number is one that can be called: a mobile one, or one with its area code.
fn is_whole(digits: &str) -> bool {
    let area = match digits.as_bytes() {
        [b'0', b'1' | b'2', _, b'2'..=b'9', ..] => digits.len() == 11,
        [b'0', b'3'..=b'9', _, _, b'2'..=b'9', ..] => matches!(digits.len(), 11 | 12),
        _ => false,
    };
    is_mobile(digits) || area
}

/// Whether what stands before a number says that it may be one without an area code.
fn is_local(text: &[char], start: usize) -> bool {
    let before: String = text[start.saturating_sub(8)..start].iter().collect();
    ["座机", "固话", "固定电话"].iter().any(|word| before.contains(word))
}

/// Whether digits are what a number is begun with again.
fn opens(digits: &str) -> bool {
    digits.len() >= 3
        && matches!(digits.as_bytes(), [b'1', b'3'..=b'9', ..] | [b'0', b'1'..=b'9', ..])
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Pending {
    #[default]
    Nothing,
    TakenBack,
    Denied,
    Last,
    First,
    Middle,
    Area,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    From(usize),
    FromEnd(usize),
}

/// One way in which the tokens so far may be meant.
#[derive(Debug, Clone, Default)]
struct Way {
    said: String,
    /// The last digits, where they were said before those that come before them.
    tail: String,
    /// The token that it begins with.
    first: usize,
    /// Where the group stands that was spoken of last.
    group: (usize, usize),
    /// Where digits were taken out that others are to replace.
    slot: Option<usize>,
    place: Option<Place>,
    pending: Pending,
    /// Words stood between the last digits and here.
    interrupted: bool,
    /// Something was taken back since the last digits.
    taken_back: bool,
    mended: bool,
    /// A number without an area code is whole.
    local: bool,
    /// How much is taken for granted.
    cost: f32,
}

impl Way {
    /// Whether all that may follow makes the same of another way as of this one.
    fn stands_like(&self, other: &Way) -> bool {
        let of = |w: &Way| (w.group, w.slot, w.place, w.pending, w.interrupted);
        self.said == other.said && self.tail == other.tail && of(self) == of(other)
    }

    fn step(&self, token: &Token, at: usize) -> Vec<Way> {
        let mut way = self.clone();
        match &token.what {
            What::Digits(said) => {
                let mut ways = self.hears(said);
                // Nothing is left of what was said before.
                let anew = |way: &&mut Way| {
                    way.group == (0, said.len()) && way.said.len() == said.len() && !self.has_tail()
                };
                ways.iter_mut().filter(anew).for_each(|way| way.first = at);
                return ways;
            }
            // 尾号我改一下: nothing is taken back yet.
            What::TakenBack if self.said.is_empty() => {}
            What::TakenBack => (way.pending, way.taken_back) = (Pending::TakenBack, true),
            What::Denied => way.pending = Pending::Denied,
            What::Last => way.pending = Pending::Last,
            What::First => way.pending = Pending::First,
            What::Middle => way.pending = Pending::Middle,
            What::Area => way.pending = Pending::Area,
            What::Place(n) => way.place = Some(Place::From(*n)),
            What::PlaceFromEnd(n) => way.place = Some(Place::FromEnd(*n)),
            What::Words(idle) => way.cost += 0.15 * *idle as f32,
            What::Pause => return vec![way],
            What::End => return Vec::new(),
        }
        way.interrupted = true;
        vec![way]
    }

    fn has_tail(&self) -> bool {
        !self.tail.is_empty()
    }

    fn is_whole(&self) -> bool {
        if self.has_tail() {
            return false;
        }
        let near = self.local && matches!(self.said.as_bytes(), [b'2'..=b'8', ..]);
        is_whole(&self.said) || (near && matches!(self.said.len(), 7 | 8))
    }

    fn last_group(&self) -> &str {
        &self.said[self.group.0..self.group.1]
    }

    /// The way on with `digits` in the place of some that were said.
    fn with(&self, from: usize, to: usize, digits: &str, cost: f32) -> Way {
        let mut said = self.said.clone();
        said.replace_range(from..to, digits);
        let mended = self.mended || from < self.said.len();
        let cost = self.cost + cost;
        let group = (from, from + digits.len());
        let (first, local, mut tail) = (self.first, self.local, self.tail.clone());
        if !tail.is_empty() && is_whole(&format!("{said}{tail}")) {
            said.push_str(&std::mem::take(&mut tail));
        }
        Way { said, tail, first, group, cost, mended, local, ..Way::default() }
    }

    fn mended(mut self, mended: bool) -> Way {
        self.mended = mended;
        self
    }

    /// The way on where these digits say again what stands at a place.
    fn again(&self, from: usize, digits: &str, cost: f32) -> Way {
        Way { group: (from, from + digits.len()), ..self.without(cost) }
    }

    /// The way on without these digits.
    fn without(&self, cost: f32) -> Way {
        let mut way = self.clone();
        (way.pending, way.interrupted, way.taken_back) = (Pending::Nothing, false, false);
        way.cost += cost;
        way
    }

    /// Every way on after these digits.
    fn hears(&self, digits: &str) -> Vec<Way> {
        let mut ways = self.meant(digits);
        // A beginning said twice without a breath: 幺三三幺三三.
        let (half, again) = digits.split_at(digits.len() / 2);
        if half == again && opens(half) {
            ways.extend(self.meant(half).into_iter().map(|mut way| {
                way.cost += 1.0;
                way
            }));
        }
        ways.retain(|way| way.said.len() <= LONGEST);
        ways
    }

    fn meant(&self, digits: &str) -> Vec<Way> {
        let length = self.said.len();
        if digits.len() == 1
            && let Some(place) = self.place
        {
            return self.at_place(place, digits);
        }
        match self.pending {
            Pending::Nothing => self.next(digits),
            Pending::TakenBack => self.instead(digits),
            Pending::Denied => {
                let mut ways = self.instead(digits);
                ways.iter_mut().for_each(|way| way.cost += 0.9);
                ways.push(self.without(0.4));
                ways.extend(self.take_out(digits, 0.2));
                ways
            }
            Pending::Last if self.is_whole() => {
                let from = length.saturating_sub(digits.len());
                vec![match self.said.ends_with(digits) {
                    true => self.again(from, digits, 0.0),
                    false => self.with(from, length, digits, 0.2),
                }]
            }
            Pending::Last => {
                let from = length.saturating_sub(digits.len());
                let (goes_on, stands_back) = if length == 0 { (0.2, 0.0) } else { (0.1, 0.2) };
                let mut ways = vec![
                    self.with(length, length, digits, goes_on),
                    self.with(from, length, digits, 1.2),
                ];
                if !self.has_tail() {
                    ways.push(Way { tail: digits.to_owned(), ..self.without(stands_back) });
                }
                ways
            }
            Pending::First if self.is_whole() => {
                if self.said.starts_with(digits) {
                    return vec![self.again(0, digits, 0.0)];
                }
                let mut ways = vec![self.without(1.0)];
                if self.taken_back || common(&self.said, digits) >= 2 {
                    ways.push(self.with(0, digits.len().min(length), digits, 0.3));
                }
                ways
            }
            Pending::Middle if self.is_whole() && digits.len() + 3 <= length => {
                if let Some(from) = self.said.find(digits) {
                    return vec![self.again(from, digits, 0.0)];
                }
                vec![self.with(3, 3 + digits.len(), digits, 0.2), self.without(1.0)]
            }
            Pending::Middle => {
                let mut ways = self.next(digits);
                // What stands in the middle ends no number.
                ways.iter_mut().filter(|way| way.is_whole() && !self.has_tail()).for_each(|way| {
                    way.cost += 0.3;
                });
                if (length, digits.len()) == (7, 4) {
                    ways.push(self.with(3, 7, digits, 0.2));
                }
                ways
            }
            Pending::First if length > 0 => {
                let mut ways = self.next(digits);
                ways.push(self.with(0, 0, digits, 0.3).mended(self.mended));
                ways
            }
            Pending::First => self.next(digits),
            Pending::Area => match length {
                7 | 8 if digits.starts_with('0') => vec![self.with(0, 0, digits, 0.0)],
                _ => self.next(digits),
            },
        }
    }

    /// One digit of a place that was named.
    fn at_place(&self, place: Place, digit: &str) -> Vec<Way> {
        let at = match place {
            Place::From(n) => n.checked_sub(1),
            Place::FromEnd(n) => self.said.len().checked_sub(n),
        };
        let Some(at) = at.filter(|at| *at < self.said.len()) else {
            return vec![self.without(1.0)];
        };
        if self.pending == Pending::Denied {
            return vec![self.without(0.1)];
        }
        vec![self.with(at, at + 1, digit, 0.1)]
    }

    /// Digits that are what comes next, or what was said already.
    fn next(&self, digits: &str) -> Vec<Way> {
        let (length, last) = (self.said.len(), self.last_group());
        if let Some(slot) = self.slot {
            return vec![self.with(slot, slot, digits, 0.0).mended(true)];
        }
        let mut ways = vec![self.with(length, length, digits, 0.0)];
        if length == 0 {
            // 尾号两个八，一个零.
            if self.has_tail() && self.pending == Pending::Nothing {
                let tail = format!("{}{digits}", self.tail);
                ways[0].cost += 0.3;
                ways.push(Way { tail, ..self.without(0.1) });
            }
            return ways;
        }
        let (from, to) = self.group;
        let again = |way: Way| way.mended(self.mended);
        if last.len() >= 2 && digits.starts_with(last) {
            let cost = if digits == last { 0.3 } else { 0.6 };
            ways.push(again(self.with(from, to, digits, cost)));
        } else if self.interrupted && digits.len() >= last.len() && common(last, digits) >= 2 {
            ways.push(self.with(from, to, digits, 1.5));
        }
        // 三七零零，没错，俩零; 六五三四，不是三四是三七，六五三七.
        if self.said.ends_with(digits) && (self.interrupted || (self.mended && digits.len() > 2)) {
            let cost = if digits.len() > 1 { 0.8 } else { 1.0 };
            ways.push(self.again(length - digits.len(), digits, cost));
        }
        for n in 3..=digits.len().min(length) {
            let whole = matches!(length + digits.len() - n, MOBILE | LONGEST);
            if whole && self.said.ends_with(&digits[..n]) {
                ways.push(again(self.with(length - n, length, digits, 1.0)));
            }
        }
        if self.is_whole() {
            if digits.len() >= 2 && self.said.ends_with(digits) {
                ways.push(self.again(length - digits.len(), digits, 0.1));
            } else if digits.len() >= 2 && digits == last {
                ways.push(self.again(from, digits, 0.1));
            } else if let Some(from) = self.said.find(digits).filter(|_| digits.len() >= 3) {
                // Groups begin there.
                let cost = if matches!(from, 0 | 3 | 7) { 0.6 } else { 1.2 };
                ways.push(self.again(from, digits, cost));
            } else if digits.len() == 1 {
                // 是六吗: one digit is asked about.
                ways.push(self.without(0.4));
            }
            // 幺七零后面是五零.
            if self.interrupted && self.mended && to + digits.len() <= length {
                ways.push(self.with(to, to + digits.len(), digits, 0.8));
            }
        } else if opens(digits) {
            let begun = digits.starts_with(&self.said) || self.said.starts_with(digits);
            let cost = match common(&self.said, digits) {
                _ if begun || is_mobile(digits) => 0.7,
                3.. => 1.5,
                _ => 2.0,
            };
            ways.push(again(self.with(0, length, digits, cost)));
        }
        ways
    }

    /// Digits in the place of those that they correct.
    fn instead(&self, digits: &str) -> Vec<Way> {
        let (length, last) = (self.said.len(), self.last_group());
        if length == 0 {
            return self.next(digits);
        }
        if is_mobile(digits) {
            return vec![self.with(0, length, digits, 0.0)];
        }
        // That they were no correction is least likely.
        let mut ways = vec![self.with(length, length, digits, 2.5).mended(self.mended)];
        let differ = |from: usize| differing(&self.said[from..from + digits.len()], digits);
        let mut instead = |from: usize, to: usize, cost: f32| {
            if self.said[from..to] != *digits {
                ways.push(self.with(from, to, digits, cost));
            }
        };
        let (from, to) = self.group;
        if digits.len() == last.len() {
            instead(from, to, 0.05 * differ(from) as f32);
        } else if digits.len() < last.len() {
            instead(to - digits.len(), to, 0.5 + 0.1 * differ(to - digits.len()) as f32);
            instead(from, to, 0.9);
        } else {
            instead(from, to, if common(last, digits) > 0 { 0.3 } else { 0.8 });
        }
        if opens(digits) {
            let alike = digits.len() >= length || common(&self.said, digits) >= 2;
            instead(0, length, if alike { 0.3 } else { 0.8 });
        }
        if self.is_whole() {
            let groups = [0, 3, 7, length - digits.len().min(length)];
            for from in groups.into_iter().filter(|from| from + digits.len() <= length) {
                let head = from == 0 && opens(digits) && digits.len() == 3;
                let cost = if head { 0.3 } else { 0.7 };
                instead(from, from + digits.len(), cost + 0.1 * differ(from) as f32);
            }
        }
        // 不是，是七零四二: it was right.
        if let Some(from) = self.said.find(digits).filter(|_| digits.len() >= 3) {
            ways.push(self.again(from, digits, 0.05).mended(true));
        }
        ways.extend(self.take_out(digits, 1.5));
        ways
    }

    /// The way on where these digits, which were said, are taken out for others.
    fn take_out(&self, digits: &str, cost: f32) -> Option<Way> {
        let at = self.said.rfind(digits)?;
        let mut way = self.with(at, at + digits.len(), "", cost).mended(true);
        way.slot = Some(at);
        Some(way)
    }
}

fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

fn differing(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count()
}

fn tokens(text: &[char]) -> Vec<Token> {
    // What stands between digits and only sounds like one.
    let mut written: Vec<Option<u8>> = text.iter().map(|ch| digit_of(*ch)).collect();
    let denied = text.windows(2).any(|pair| pair == ['不', '是']);
    for digit in runs(text).iter().flat_map(|run| &run.digits) {
        // 不是七零四是七四零 says 是 and no 四.
        if text[digit.at] != '是' || !denied {
            written[digit.at] = Some(digit.value);
        }
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    let after = |at: usize| SAID_AFTER.split(' ').any(|word| is_at(text, at, word));
    // Characters without business in a number since its last digits.
    let mut idle = 0;
    while at < text.len() {
        let (what, length) = token(text, &written, at);
        match &what {
            What::Words(n) => idle += n,
            What::Digits(_) => idle = 0,
            _ => {}
        }
        let (start, end) = (at, at + length);
        at = end;
        // What is said of the digits before it stands before them.
        if matches!(what, What::First | What::Last)
            && after(start)
            && let Some(last) = tokens.pop_if(|last| digits(last).is_some())
        {
            tokens.push(Token { what, start: last.start, end: last.start });
            tokens.push(last);
            continue;
        }
        if idle > MOST_WORDS {
            idle = 0;
            tokens.push(Token { what: What::End, start, end });
            continue;
        }
        tokens.push(Token { what, start, end });
    }
    tokens
}

/// The token that begins here, and its length in characters.
fn token(text: &[char], written: &[Option<u8>], at: usize) -> (What, usize) {
    if let Some(place) = place(text, at) {
        return place;
    }
    if is_word(text, at) {
        return (What::Words(0), 2);
    }
    let is = |words: &str| {
        words.split(' ').find(|word| is_at(text, at, word)).map(|word| word.chars().count())
    };
    if let Some(length) = is(TAKEN_BACK) {
        return (What::TakenBack, length);
    }
    let pause = |at: usize| text.get(at).is_some_and(|ch| is_pause(*ch));
    if is_at(text, at, "不是") {
        let denied = written.get(at + 2).is_some_and(Option::is_some);
        return (if denied { What::Denied } else { What::TakenBack }, 2);
    }
    // 前面一五八改一八五.
    let changed = text[at] == '改' && written.get(at + 1).is_some_and(Option::is_some);
    if changed || (matches!(text[at], '不' | '错') && pause(at + 1)) {
        return (What::TakenBack, 1);
    }
    for (words, what) in [
        (LAST, What::Last),
        (FIRST, What::First),
        (MIDDLE, What::Middle),
        ("区号", What::Area),
        ("记成 听成 写成 念成 说成 报成", What::Denied),
    ] {
        if let Some(length) = is(words) {
            return (what, length);
        }
    }
    if let Some((digits, length)) = times(text, at).or_else(|| numeral(text, at)) {
        return (What::Digits(digits), length);
    }
    if written[at].is_some() {
        return group(text, written, at);
    }
    // 幺八八，十五，零六.
    if text[at] == '十'
        && let Some(ones) = text.get(at + 1).and_then(|ch| digit_of(*ch))
        && text.get(at + 2).is_none_or(|ch| is_pause(*ch))
    {
        return (What::Digits((10 + ones).to_string()), 2);
    }
    if is_pause(text[at]) {
        return (What::Pause, 1);
    }
    match is(BETWEEN) {
        Some(length) => (What::Words(0), length),
        // What holds letters is no number to call.
        None if text[at].is_ascii_alphabetic() => (What::End, 1),
        None => (What::Words(1), 1),
    }
}

fn is_pause(ch: char) -> bool {
    !ch.is_alphanumeric()
}

/// Digits one after the other, unless a unit makes them something else.
fn group(text: &[char], written: &[Option<u8>], at: usize) -> (What, usize) {
    let more = |i: &usize| {
        written.get(*i).is_some_and(Option::is_some)
            && (*i == at || (times(text, *i).is_none() && numeral(text, *i).is_none()))
    };
    let mut end = (at..).take_while(more).last().map_or(at, |last| last + 1);
    let unit = |end: usize| {
        let number = is_at(text, end, "号码");
        text.get(end).is_some_and(|ch| UNITS.contains(*ch)) && !number
    };
    if unit(end) {
        // 13340782956一天: what is written otherwise belongs to the unit.
        let arabic = |i: usize| text[i].is_ascii_digit();
        let change = (at + 1..end).rev().find(|i| arabic(*i) != arabic(end - 1));
        match change {
            Some(last) => end = last + 1,
            None if end == at + 1 && text[end] == '个' => return (What::Words(1), 2),
            None => return (What::End, end - at + 1),
        }
    }
    let digits = written[at..end].iter().flatten().map(|d| char::from(b'0' + d)).collect();
    (What::Digits(digits), end - at)
}

/// Digits said by how often they come: 三个八, 双六, 俩零, and 两个八八.
fn times(text: &[char], at: usize) -> Option<(String, usize)> {
    let (times, long) = match text[at] {
        '双' | '俩' => (2, false),
        '仨' => (3, false),
        ch => {
            let n = digit_of(ch).filter(|n| (1..=8).contains(n)).map(usize::from)?;
            (if text.get(at + 1) == Some(&'对') { 2 * n } else { n }, true)
        }
    };
    let (mut next, said) = (at + 1, matches!(text.get(at + 1), Some('个' | '对')));
    if long && !said {
        return None;
    }
    next += usize::from(said);
    let digit = digit_of(*text.get(next)?)?;
    let mut length = next + 1 - at;
    let mut count = times;
    if text.get(next + 1).is_some_and(|again| digit_of(*again) == Some(digit)) && long {
        (count, length) = (2 * times, length + 1);
    }
    let unit = text.get(at + length).is_some_and(|next| UNITS.contains(*next));
    (!unit).then(|| (char::from(b'0' + digit).to_string().repeat(count), length))
}

/// Digits said as a number: 一百三十八, 一百五, 八千零六十二, and 五十六.
fn numeral(text: &[char], at: usize) -> Option<(String, usize)> {
    let digit = |i: usize| text.get(i).and_then(|ch| digit_of(*ch));
    let (mut value, mut next, mut unit, mut ones) = (0, at, 10_000, None);
    while let Some(n) = digit(next).map(u32::from) {
        let smaller = match text.get(next + 1) {
            Some('千') => 1000,
            Some('百') => 100,
            Some('十') => 10,
            // 八千零六十二: the nought only says that a place is left out.
            _ if n == 0 && (100..10_000).contains(&unit) && ones.is_none() => {
                (ones, next) = (Some(1), next + 1);
                continue;
            }
            // 一百五 is ten times that, 一百零五 is not.
            _ => {
                value += n * ones.unwrap_or(if unit == 10_000 { 1 } else { unit / 10 });
                (ones, next) = (Some(1), next + 1);
                break;
            }
        };
        if smaller >= unit || n == 0 {
            return None;
        }
        (value, next, unit) = (value + n * smaller, next + 2, smaller);
        if unit == 10 && digit(next).is_none() {
            break;
        }
        ones = None;
    }
    // Digits that go on belong to another group only where this one is complete.
    let complete = value > 100 && ones.is_some() && text[next - 2] == '十';
    let follows = text
        .get(next)
        .is_some_and(|ch| UNITS.contains(*ch) || (digit_of(*ch).is_some() && !complete));
    (unit < 10_000 && !follows).then(|| (value.to_string(), next - at))
}

/// 后四位, 前三位, 第四位, 倒数第二位, and 剩下八位, whose number is none of the digits.
fn place(text: &[char], at: usize) -> Option<(What, usize)> {
    let number = |i: usize| {
        let n = text.get(i).and_then(|ch| digit_of(*ch)).map(usize::from);
        let counted = match text.get(i + 1) {
            Some('位') => true,
            // 后面四个零 says what the digits are.
            Some('个') => text.get(i + 2).is_none_or(|ch| digit_of(*ch).is_none()),
            _ => false,
        };
        n.filter(|_| counted)
    };
    let last = |i: usize| text.get(i + 1) == Some(&'位');
    for (word, what) in [
        ("倒数第", What::PlaceFromEnd as fn(usize) -> What),
        ("第", What::Place),
        ("最后", |_| What::Last),
        ("后面", |_| What::Last),
        ("末尾", |_| What::Last),
        ("后", |_| What::Last),
        ("末", |_| What::Last),
        ("尾", |_| What::Last),
        ("前面", |_| What::First),
        ("前", |_| What::First),
        ("", |_| What::Words(0)),
    ] {
        let length = word.chars().count();
        if is_at(text, at, word)
            && let Some(n) = number(at + length)
            && (last(at + length) || word.ends_with('第'))
        {
            return Some((what(n), length + 2));
        }
    }
    None
}
