//! One way in which what was said so far may be meant, and the ways on from there.

mod repeated;

use super::super::{MOBILE, has_area, is_mobile};
use super::token::{Token, What};
use repeated::after_false_start;

/// Digits of the longest number: an area code of four and eight more.
const LONGEST: usize = 12;
/// Whether a number is one that can be called: a mobile one, or one with its area code.
fn is_whole(digits: &str) -> bool {
    is_mobile(digits) || has_area(digits)
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

/// Digits that were taken out: where they stood, and how many.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slot {
    at: usize,
    length: usize,
}

/// One way in which the tokens so far may be meant.
#[derive(Debug, Clone, Default)]
pub(super) struct Way {
    pub(super) said: String,
    /// The last digits, where they were said before those that come before them.
    tail: String,
    /// The token that it begins with.
    pub(super) first: usize,
    /// Where the group stands that was spoken of last.
    group: (usize, usize),
    /// Where digits were taken out that others are to replace.
    pub(super) slot: Option<Slot>,
    place: Option<Place>,
    pending: Pending,
    /// Words stood between the last digits and here.
    interrupted: bool,
    /// Something was taken back since the last digits.
    taken_back: bool,
    /// The number before its last correction, and what was put in.
    was: Option<(String, String)>,
    pub(super) mended: bool,
    /// A number without an area code is whole.
    local: bool,
    /// A digit too many at a number's end may be left out.
    lenient: bool,
    /// A word follows the digits at hand without a pause.
    runs_on: bool,
    /// How much is taken for granted.
    pub(super) cost: f32,
}

impl Way {
    /// Nothing said yet; `local` where a number without an area code is whole, `lenient` where a digit
    /// too many at its end may be left out.
    pub(super) fn new(local: bool, lenient: bool) -> Way {
        Way { local, lenient, ..Way::default() }
    }

    /// Whether all that may follow makes the same of another way as of this one.
    pub(super) fn stands_like(&self, other: &Way) -> bool {
        let of = |w: &Way| (w.group, w.slot, w.place, w.pending, w.interrupted);
        self.said == other.said
            && self.tail == other.tail
            && self.was == other.was
            && of(self) == of(other)
    }

    pub(super) fn step(&self, token: &Token, at: usize) -> Vec<Way> {
        let mut way = self.clone();
        way.runs_on = token.runs_on;
        match &token.what {
            What::Digits(said) => {
                let mut ways = way.hears(said);
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

    fn has_area(&self) -> bool {
        self.said.starts_with('0')
    }

    fn has_tail(&self) -> bool {
        !self.tail.is_empty()
    }

    pub(super) fn is_whole(&self) -> bool {
        if self.has_tail() {
            return false;
        }
        let near = self.local && matches!(self.said.as_bytes(), [b'2'..=b'8', ..]);
        is_whole(&self.said) || (near && matches!(self.said.len(), 7 | 8))
    }

    pub(super) fn last_group(&self) -> &str {
        &self.said[self.group.0..self.group.1]
    }

    /// The way on with `digits` in the place of some that were said.
    fn with(&self, from: usize, to: usize, digits: &str, cost: f32) -> Way {
        let mut said = self.said.clone();
        said.replace_range(from..to, digits);
        let mended = self.mended || from < self.said.len();
        let cost = self.cost + cost;
        let group = (from, from + digits.len());
        let (first, local, lenient) = (self.first, self.local, self.lenient);
        let mut tail = self.tail.clone();
        if !tail.is_empty() && is_whole(&format!("{said}{tail}")) {
            said.push_str(&std::mem::take(&mut tail));
        }
        let was = (to - from == digits.len()).then(|| (self.said.clone(), digits.to_owned()));
        let was = was.filter(|_| self.tail.is_empty() && self.said[from..to] != *digits);
        Way { said, tail, first, group, was, cost, mended, local, lenient, ..Way::default() }
    }

    fn at_cost(mut self, cost: f32) -> Way {
        self.cost += cost;
        self
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
        ways.extend(self.repeated(digits));
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
                ways.extend(self.moved_to(digits));
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
                ways.extend(self.with_one_left_out(digits));
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
                let mut ways = vec![self.without(1.0)];
                if digits.len() <= 4 {
                    ways.push(self.with(3, 3 + digits.len(), digits, 0.2));
                }
                ways
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
                // 不对，区号零二九.
                11 | 12 if self.taken_back && digits.starts_with('0') && self.has_area() => {
                    vec![self.with(0, digits.len().min(4), digits, 0.2)]
                }
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
        let length = self.said.len();
        if let Some(slot) = self.slot {
            return self.fill(slot, digits);
        }
        let mut ways = vec![self.with(length, length, digits, 0.0)];
        ways.extend(self.with_one_left_out(digits));
        if length == 0 {
            // 尾号两个八，一个零.
            if self.has_tail() && self.pending == Pending::Nothing {
                let tail = format!("{}{digits}", self.tail);
                ways[0].cost += 0.3;
                ways.push(Way { tail, ..self.without(0.1) });
            }
            return ways;
        }
        ways.extend(self.taken_up_again(digits));
        if self.is_whole() {
            ways.extend(self.about_whole(digits));
        } else if opens(digits) {
            let begun = digits.starts_with(&self.said) || self.said.starts_with(digits);
            let cost = match common(&self.said, digits) {
                _ if begun || is_mobile(digits) => 0.7,
                3.. => 1.5,
                _ => 2.0,
            };
            ways.push(self.with(0, length, digits, cost).mended(self.mended));
        }
        ways
    }

    /// The ways on where the number is whole and these digits are some of it: said again, asked about, or
    /// what follows a correction.
    fn about_whole(&self, digits: &str) -> Vec<Way> {
        let (length, last, (from, to)) = (self.said.len(), self.last_group(), self.group);
        let mut ways = Vec::new();
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
        // 说错了，是两个六，四零，九二八六: what follows the mended group is said again.
        if self.mended && self.said[to..].starts_with(digits) {
            ways.push(self.again(to, digits, 0.1));
        }
        // 幺七零后面是五零.
        if self.interrupted && self.mended && to + digits.len() <= length {
            ways.push(self.with(to, to + digits.len(), digits, 0.8));
        }
        ways
    }

    /// Digits for those that were taken out; what is more goes on in the same breath: 不是三四，是三七六五三七.
    fn fill(&self, slot: Slot, digits: &str) -> Vec<Way> {
        let into = |digits: &str, cost: f32| self.with(slot.at, slot.at, digits, cost).mended(true);
        let mut ways = vec![into(digits, 0.0)];
        if digits.len() > slot.length {
            let (first, rest) = digits.split_at(slot.length);
            let mut filled = into(first, 0.5);
            filled.interrupted = true;
            ways.extend(filled.next(rest));
        }
        ways
    }

    /// The ways on where one digit is none: what stands after the number, 三三九八七了 for 三三九八，齐了, or
    /// a hesitation between its groups, which sounds like a nought.
    fn with_one_left_out(&self, digits: &str) -> Vec<Way> {
        let length = self.said.len();
        if !self.lenient || digits.len() < 5 || length + digits.len() != MOBILE + 1 {
            return Vec::new();
        }
        let without = |at: usize, cost: f32| {
            let left = format!("{}{}", &digits[..at], &digits[at + 1..]);
            self.with(length, length, &left, cost)
        };
        let mut ways = vec![without(digits.len() - 1, 2.0)];
        // 呃 before a number or a group is a 二, 嗯 a 零.
        if length == 0 && is_mobile(&digits[1..]) {
            ways.push(without(0, 1.0));
        } else if matches!(length, 3 | 5 | 7) && matches!(digits.as_bytes()[0], b'0' | b'2') {
            ways.push(without(0, 1.5));
        }
        // The last group of a mobile number begins after seven digits. Where a word follows, its first
        // character is the likelier one.
        if let Some(at) = 7usize.checked_sub(length)
            && matches!(digits.as_bytes()[at], b'0' | b'2')
            && !self.runs_on
        {
            ways.push(without(at, 1.8));
        }
        ways
    }

    /// The way on where the last correction belongs where the digits stand that are denied:
    /// 九六二四零七五三，中间是二零四不是二四零.
    fn moved_to(&self, denied: &str) -> Option<Way> {
        let (before, right) = self
            .was
            .as_ref()
            .filter(|(_, right)| right.len() == denied.len() && right != denied)?;
        let mut places = before.match_indices(denied);
        let (at, _) = places.next().filter(|_| places.next().is_none())?;
        let mut way = self.without(0.05).mended(true);
        way.said = before.clone();
        way.said.replace_range(at..at + denied.len(), right);
        way.group = (at, at + denied.len());
        way.was = None;
        Some(way)
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
        // 幺三八零零一三，不对，零零三一八零零零, and 七九不对九七四六: the rest goes on without a breath.
        let anew = after_false_start(digits).unwrap_or(digits);
        if let Some(from) = MOBILE.checked_sub(anew.len())
            && (5..MOBILE).contains(&length)
            && (from == 3 || (from < length && from + 4 >= length))
        {
            let mended = self.with(from, length, anew, 0.7);
            ways.extend(Some(mended).filter(|way| is_mobile(&way.said)));
        }
        // 二六三九，四，不对，二六三九: taken up again where it was still right.
        if digits.len() >= 3 && last.len() < digits.len() && self.said[..from].ends_with(digits) {
            let mut way = self.with(from, length, "", 0.1).mended(true);
            way.group = (from - digits.len(), from);
            ways.push(way);
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
        way.slot = Some(Slot { at, length: digits.len() });
        Some(way)
    }
}

/// Whether two groups hold the same digits in another order.
fn swapped(a: &str, b: &str) -> bool {
    let sorted = |digits: &str| {
        let mut digits = digits.as_bytes().to_vec();
        digits.sort_unstable();
        digits
    };
    a != b && sorted(a) == sorted(b)
}

fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

pub(super) fn differing(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count()
}
