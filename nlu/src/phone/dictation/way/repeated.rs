//! What is said twice in one breath, so that no pause tells where it begins again.

use super::{
    LONGEST, MOBILE, Pending, Way, common, differing, is_mobile, is_whole, opens, swapped,
};

/// What it costs that a beginning, a group, or the whole number is said twice.
const TWICE: f32 = 1.0;
/// What it costs where only the length of the number tells it.
const TWICE_BY_LENGTH: f32 = 2.0;

impl Way {
    /// The ways on where some of these digits are what was said before, or what comes after, once more.
    pub(super) fn repeated(&self, digits: &str) -> Vec<Way> {
        let mut ways: Vec<Way> = (self.said_once(digits).into_iter())
            .flat_map(|once| self.meant(once))
            .map(|way| way.at_cost(TWICE))
            .collect();
        ways.extend(self.whole_and_more(digits));
        ways.extend(self.by_length(digits));
        ways.extend(self.whole_again(digits));
        ways
    }

    /// The ways on where these digits take up what was said last: the same again, with more after it, mended,
    /// or after a hesitation that was written as a digit.
    pub(super) fn taken_up_again(&self, digits: &str) -> Vec<Way> {
        let (length, last) = (self.said.len(), self.last_group());
        let mut ways = Vec::new();
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
        } else if matches!(digits.len(), 3 | 4) && digits != last && self.said.ends_with(digits) {
            // 一八零七二九四，七二九四，六三五零.
            let cost = if digits.len() == 4 { 1.2 } else { 1.6 };
            ways.push(self.again(length - digits.len(), digits, cost));
        }
        // 呃，两个六.
        if self.lenient && matches!(digits, "0" | "2") {
            ways.push(self.without(1.2));
        }
        // 二零九三，等一下，二零三九: the same digits in another order.
        if (3..=4).contains(&digits.len()) && digits.len() < length && self.interrupted {
            let from = length - digits.len();
            if swapped(&self.said[from..], digits) {
                let cost = if digits.len() == 4 { 0.8 } else { 1.2 };
                ways.push(self.with(from, length, digits, cost));
            }
        }
        // 八八四零，呃，八八四零: a hesitation is written as a digit.
        let after = &digits[1..];
        if after.len() >= 4 && self.said.ends_with(after) {
            ways.push(self.again(length - after.len(), after, 1.2));
        } else if after.len() >= 3 && opens(after) && self.said.starts_with(after) {
            ways.push(again(self.with(0, length, after, 1.2)));
        }
        for n in 2..=digits.len().min(length) {
            let whole = matches!(length + digits.len() - n, MOBILE | LONGEST);
            if whole && self.said.ends_with(&digits[..n]) {
                let cost = match n {
                    2 if self.interrupted => 1.8,
                    2 => 2.2,
                    _ => 1.0,
                };
                ways.push(again(self.with(length - n, length, digits, cost)));
            }
        }
        ways
    }

    /// The digits without the half or the group that is said twice at their beginning or their end.
    fn said_once<'d>(&self, digits: &'d str) -> Vec<&'d str> {
        let mut once = Vec::new();
        // 幺三三幺三三; 那我核对一下，零二七三，零二七三.
        let (half, again) = digits.split_at(digits.len() / 2);
        let ends = self.pending == Pending::Last
            && matches!(self.said.len() + half.len(), MOBILE | LONGEST);
        let checked = self.is_whole() && self.interrupted;
        let local = self.local && self.said.is_empty() && matches!(half.len(), 7 | 8);
        if half == again && (opens(half) || local || ((ends || checked) && half.len() >= 3)) {
            once.push(half);
        }
        // 一五五九六零二四零二四, 八七三零八七三零四二六九.
        let groups = [3, 4].into_iter().filter(|n| digits.len() > 2 * n);
        for n in groups.filter(|_| self.pending == Pending::Nothing) {
            let (before, last) = digits.split_at(digits.len() - n);
            let (first, after) = digits.split_at(n);
            once.extend(Some(before).filter(|before| before.ends_with(last)));
            once.extend(Some(after).filter(|after| after.starts_with(first)));
        }
        once
    }

    /// A whole number and some of it again.
    fn whole_and_more(&self, digits: &str) -> Option<Way> {
        let length = self.said.len();
        let left = MOBILE.checked_sub(length)?;
        if self.pending != Pending::Nothing || !(MOBILE + 1..=MOBILE + 8).contains(&digits.len()) {
            return None;
        }
        let (first, again) = digits.split_at(left);
        let whole = format!("{}{first}", self.said);
        (is_mobile(&whole) && again.len() >= 2 && whole.contains(again))
            .then(|| self.with(length, length, first, TWICE).mended(self.mended))
    }

    /// A number too long by a group that is said twice within it: 一三二四五四五七一八零九六.
    fn by_length(&self, digits: &str) -> Option<Way> {
        let n = digits.len().checked_sub(MOBILE)?;
        if !self.said.is_empty() || !(2..=4).contains(&n) {
            return None;
        }
        let again = |at: &usize| digits[*at..at + n] == digits[at + n..at + 2 * n];
        let once = |at: usize| format!("{}{}", &digits[..at], &digits[at + n..]);
        let mut numbers: Vec<String> =
            (0..=MOBILE - n).filter(again).map(once).filter(|number| is_mobile(number)).collect();
        numbers.dedup();
        let [number] = &numbers[..] else { return None };
        Some(self.with(0, 0, number, TWICE_BY_LENGTH).mended(self.mended))
    }

    /// The whole number once more after the group that mends it: 四八三零，零幺零六二七七四八三零.
    fn whole_again(&self, digits: &str) -> Option<Way> {
        let length = self.said.len();
        let again = &digits[digits.len().checked_sub(length)?..];
        let alike = again.len() < digits.len() && differing(again, &self.said) <= 2;
        (self.is_whole() && alike && is_whole(again)).then(|| self.with(0, length, again, TWICE))
    }
}

/// What is said of digits after a false start: 九七四六 of 九七九七四六.
pub(super) fn after_false_start(digits: &str) -> Option<&str> {
    let again = |n: &usize| digits.len() > 2 * n && digits[*n..].starts_with(&digits[..*n]);
    (2..=4).find(again).map(|n| &digits[n..])
}
