//! Working days: weekends, holidays and the weekend days that are worked for them (调休), and the
//! clocks that run on them.
//!
//! Depends on no other room.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// One year's notice of the State Council.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Year {
    /// The year.
    pub year: i16,
    /// Days off beside weekends.
    pub holidays: Vec<Date>,
    /// Weekend days that are worked.
    pub workdays: Vec<Date>,
}

/// Working days of a city.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    holidays: BTreeSet<Date>,
    workdays: BTreeSet<Date>,
    close: (i8, i8),
}

impl Calendar {
    /// From the notices of some years and the end of office hours.
    pub fn new(years: Vec<Year>, close: (i8, i8)) -> Calendar {
        let mut calendar = Calendar { close, ..Calendar::default() };
        for year in years {
            calendar.holidays.extend(year.holidays);
            calendar.workdays.extend(year.workdays);
        }
        calendar
    }

    /// Whether a day is worked. In a year without a notice only weekends are off.
    pub fn is_working(&self, day: Date) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        self.workdays.contains(&day) || (!weekend && !self.holidays.contains(&day))
    }

    /// The end of office hours so many working days after a moment; the day itself does not count.
    pub fn after(&self, from: Timestamp, working_days: u32) -> Timestamp {
        let mut day = china().to_datetime(from).date();
        let mut left = working_days;
        while left > 0 {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            left -= u32::from(self.is_working(day));
        }
        let close = day.at(self.close.0, self.close.1, 0, 0);
        china().to_timestamp(close).unwrap_or(from)
    }

    /// So many hours later on the clock.
    pub fn hours_after(&self, from: Timestamp, hours: u32) -> Timestamp {
        let span: Span = i64::from(hours).hours();
        from.checked_add(span).unwrap_or(from)
    }
}

/// How long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Hours on the clock, at night and on holidays too.
    Hours(u32),
    /// Working days, to the end of office hours of the last one.
    WorkingDays(u32),
}

impl Calendar {
    /// When an answer is due whose clock starts at a moment.
    pub fn due(&self, from: Timestamp, limit: Limit) -> Timestamp {
        match limit {
            Limit::Hours(hours) => self.hours_after(from, hours),
            Limit::WorkingDays(days) => self.after(from, days),
        }
    }

    /// When it is due after the clock stood still from one moment to another. Hours come back to
    /// the minute; of working days those that were left come back whole. What was overdue when
    /// the clock stopped stays so.
    pub fn resumed(
        &self,
        due: Timestamp,
        limit: Limit,
        stopped: Timestamp,
        resumed: Timestamp,
    ) -> Timestamp {
        if due <= stopped || resumed <= stopped {
            return due;
        }
        match limit {
            Limit::Hours(_) => due.checked_add(resumed.duration_since(stopped)).unwrap_or(due),
            Limit::WorkingDays(_) => {
                let left = self.working_days(stopped, due);
                if left > 0 {
                    return self.after(resumed, left).max(due);
                }
                // It stopped on the last day: what is left is the rest of a working day.
                let today = self.after(resumed, 0);
                let open = self.is_working(china().to_datetime(resumed).date()) && resumed < today;
                if open { today.max(due) } else { self.after(resumed, 1).max(due) }
            }
        }
    }

    /// The same due moment, so many working days later.
    pub fn extended(&self, due: Timestamp, working_days: u32) -> Timestamp {
        self.after(due, working_days)
    }

    /// Working days after the day of one moment, up to the day of another.
    pub fn working_days(&self, from: Timestamp, to: Timestamp) -> u32 {
        let date = |at| china().to_datetime(at).date();
        let (mut day, last) = (date(from), date(to));
        let mut count = 0;
        while day < last {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            count += u32::from(self.is_working(day));
        }
        count
    }
}

/// China has one time zone and no summer time.
pub fn china() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}
