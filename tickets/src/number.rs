//! Ticket numbers: the day of receipt, a counter, a check digit. Read aloud in three short groups,
//! sorted by time, never given twice.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A ticket number, `20261124-00012-7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId {
    /// Year, month, day of receipt as one number.
    pub day: u32,
    /// From 1 on each day.
    pub counter: u32,
}

impl TicketId {
    /// Day and counter in one ordered number.
    pub(crate) fn key(self) -> u64 {
        (u64::from(self.day) << 32) | u64::from(self.counter)
    }

    pub(crate) fn from_key(key: u64) -> TicketId {
        TicketId { day: (key >> 32) as u32, counter: key as u32 }
    }

    /// Luhn's check digit (ISO/IEC 7812-1): one wrong digit or two neighbours swapped are noticed.
    fn check(self) -> u32 {
        let digits = format!("{:08}{:05}", self.day, self.counter);
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let value = u32::from(digit - b'0') * (1 + u32::from(place % 2 == 0));
                value / 10 + value % 10
            })
            .sum();
        (10 - sum % 10) % 10
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}-{:05}-{}", self.day, self.counter, self.check())
    }
}

impl From<TicketId> for String {
    fn from(id: TicketId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for TicketId {
    type Error = String;

    fn try_from(text: String) -> Result<TicketId, String> {
        text.parse()
    }
}

impl FromStr for TicketId {
    type Err = String;

    fn from_str(text: &str) -> Result<TicketId, String> {
        let digits: String = text.chars().filter(|ch| !matches!(ch, '-' | ' ')).collect();
        let wrong = || format!("{text:?} is no ticket number; they look like 20260302-00007-5");
        if digits.len() < 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let (day, rest) = digits.split_at(8);
        let (counter, check) = rest.split_at(rest.len() - 1);
        let id = TicketId {
            day: day.parse().map_err(|_| wrong())?,
            counter: counter.parse().map_err(|_| wrong())?,
        };
        if id.check().to_string() != check {
            return Err(format!(
                "{text:?}: the last digit does not fit; a digit was misheard or mistyped"
            ));
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_back_and_misheard_digits_noticed() {
        let id = TicketId { day: 20260302, counter: 7 };
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.replace('-', "").parse(), Ok(id));
        for place in [0, 4, 7, 9, 13] {
            let mut wrong: Vec<char> = text.chars().collect();
            wrong[place] = if wrong[place] == '9' { '8' } else { '9' };
            assert!(wrong.iter().collect::<String>().parse::<TicketId>().is_err(), "digit {place}");
        }
        let big = TicketId { day: 20260302, counter: 123_456 };
        assert_eq!(
            big.to_string().parse(),
            Ok(big),
            "a counter beyond five digits is still a number"
        );
        assert_eq!(TicketId::from_key(big.key()), big);
    }
}
