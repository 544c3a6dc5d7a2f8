//! Working days: weekends, holidays and the weekend days that are worked for them (调休).

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp, ToSpan};
use serde::Deserialize;

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

/// China has one time zone and no summer time.
pub fn china() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}
