//! Deadlines over two real years of holidays.

use super::*;

fn calendar() -> Calendar {
    #[derive(Deserialize)]
    struct Notice {
        year: i16,
        holidays: Vec<Date>,
        workdays: Vec<Date>,
    }
    let year = |text: &str| {
        let Notice { year, holidays, workdays } = toml::from_str(text).expect("the city's file");
        Year { year, holidays, workdays }
    };
    let years = [
        include_str!("../../city/calendar/2025.toml"),
        include_str!("../../city/calendar/2026.toml"),
    ];
    Calendar::new(years.map(year).to_vec(), (18, 0))
}

fn at(text: &str) -> Timestamp {
    let text = if text.len() == 16 { format!("{text}:00+08:00") } else { text.to_owned() };
    text.parse().expect("a moment")
}

/// The State Council's notices say how many days off and worked weekends a year has; every day of
/// both years is told by hand here, so that a mistyped date is noticed.
#[test]
fn every_day_of_two_years_is_worked_or_not() {
    let calendar = calendar();
    // (from, to) of the days off that are no plain weekend, and the weekend days that are worked.
    let off = [
        ("2025-01-01", "2025-01-01"),
        ("2025-01-28", "2025-02-04"),
        ("2025-04-04", "2025-04-06"),
        ("2025-05-01", "2025-05-05"),
        ("2025-05-31", "2025-06-02"),
        ("2025-10-01", "2025-10-08"),
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
    ];
    let worked = [
        "2025-01-26",
        "2025-02-08",
        "2025-04-27",
        "2025-09-28",
        "2025-10-11",
        "2026-01-04",
        "2026-02-14",
        "2026-02-28",
        "2026-05-09",
        "2026-09-20",
        "2026-10-10",
    ];
    let day = |text: &str| text.parse::<Date>().expect("a day");
    let mut date = day("2025-01-01");
    let (mut first, mut second) = (0, 0);
    while date <= day("2026-12-31") {
        let holiday = off.iter().any(|(from, to)| day(from) <= date && date <= day(to));
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        let expect = worked.contains(&date.to_string().as_str()) || !(holiday || weekend);
        assert_eq!(calendar.is_working(date), expect, "{date}");
        *(if date.year() == 2025 { &mut first } else { &mut second }) += i32::from(expect);
        date = date.tomorrow().expect("a day after");
    }
    assert_eq!((first, second), (248, 248), "working days of the years");
}

#[test]
fn a_clock_starts_at_dispatch_and_ends_with_office_hours() {
    let calendar = calendar();
    for (from, limit, due) in [
        ("2025-01-24T10:00", Limit::WorkingDays(1), "2025-01-26T18:00"),
        ("2025-01-26T09:00", Limit::WorkingDays(2), "2025-02-05T18:00"),
        ("2025-01-27T23:50", Limit::WorkingDays(3), "2025-02-07T18:00"),
        ("2025-01-27T23:50", Limit::WorkingDays(4), "2025-02-08T18:00"),
        ("2025-04-30T08:00", Limit::WorkingDays(1), "2025-05-06T18:00"),
        ("2025-09-27T10:00", Limit::WorkingDays(3), "2025-09-30T18:00"),
        ("2025-09-30T17:59", Limit::WorkingDays(3), "2025-10-11T18:00"),
        ("2026-02-13T10:00", Limit::WorkingDays(13), "2026-03-10T18:00"),
        ("2026-12-31T10:00", Limit::WorkingDays(1), "2027-01-01T18:00"),
        ("2026-02-13T10:00", Limit::Hours(24), "2026-02-14T10:00"),
        ("2026-02-15T23:30", Limit::Hours(2), "2026-02-16T01:30"),
    ] {
        assert_eq!(calendar.due(at(from), limit), at(due), "{limit:?} from {from}");
    }
}

#[test]
fn a_clock_that_stood_still_gives_back_what_was_left() {
    let calendar = calendar();
    let days = Limit::WorkingDays(3);
    for (due, limit, stopped, resumed, expect) in [
        // Two of three days were left.
        ("2026-03-05T18:00", days, "2026-03-03T10:00", "2026-03-10T09:00", "2026-03-12T18:00"),
        // The same day: nothing is gained.
        ("2026-03-05T18:00", days, "2026-03-03T10:00", "2026-03-03T16:00", "2026-03-05T18:00"),
        // Over a spring festival.
        ("2026-02-24T18:00", days, "2026-02-13T10:00", "2026-02-24T11:00", "2026-02-26T18:00"),
        // On the last day: the rest of a working day is given back.
        ("2026-03-05T18:00", days, "2026-03-05T09:00", "2026-03-09T09:00", "2026-03-09T18:00"),
        ("2026-03-05T18:00", days, "2026-03-05T09:00", "2026-03-09T19:00", "2026-03-10T18:00"),
        ("2026-03-05T18:00", days, "2026-03-05T09:00", "2026-03-07T09:00", "2026-03-09T18:00"),
        // Overdue before: it stays so.
        ("2026-03-05T18:00", days, "2026-03-06T09:00", "2026-03-09T09:00", "2026-03-05T18:00"),
        // Hours come back to the minute, at night too.
        (
            "2026-03-05T18:00",
            Limit::Hours(24),
            "2026-03-05T09:00",
            "2026-03-05T21:30",
            "2026-03-06T06:30",
        ),
    ] {
        let found = calendar.resumed(at(due), limit, at(stopped), at(resumed));
        assert_eq!(found, at(expect), "due {due}, stopped {stopped}, resumed {resumed}");
    }
    assert_eq!(calendar.extended(at("2026-09-30T18:00"), 2), at("2026-10-09T18:00"));
    assert_eq!(calendar.working_days(at("2026-09-30T18:00"), at("2026-10-12T18:00")), 4);
}

/// Whatever the moments: a later start is never due earlier, and standing still never shortens.
#[test]
fn deadlines_never_run_backwards() {
    let calendar = calendar();
    let start = at("2025-01-01T00:00");
    let mut last = start;
    for hour in 0..(365 * 2 * 4) {
        let from = start.checked_add((hour * 6).hours()).expect("within two years");
        let due = calendar.due(from, Limit::WorkingDays(5));
        assert!(due >= last && due > from, "{from}");
        assert_eq!(calendar.working_days(from, due), 5, "{from}");
        last = due;
        let resumed = from.checked_add(70.hours()).expect("within two years");
        assert!(calendar.resumed(due, Limit::WorkingDays(5), from, resumed) >= due, "{from}");
    }
}
