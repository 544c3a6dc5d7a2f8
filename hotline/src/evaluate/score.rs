//! Judging tickets against what a call must give: pure, so that the rule can be read and tested.

use crate::recording::{Expect, ExpectedTicket};
use tickets::Fields;

/// Right answers out of so many judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Right.
    pub right: usize,
    /// Judged.
    pub judged: usize,
}

impl Tally {
    /// Counts one judgement.
    pub fn add(&mut self, right: bool) {
        self.judged += 1;
        self.right += usize::from(right);
    }

    /// Share of right answers; `None` when nothing was judged.
    pub fn share(self) -> Option<f64> {
        (self.judged > 0).then(|| self.right as f64 / self.judged as f64)
    }

    /// 95 % score interval (Wilson, 1927): sound also for small counts and shares near 0 or 1.
    pub fn interval(self) -> Option<(f64, f64)> {
        const Z: f64 = 1.959_964;
        let share = self.share()?;
        let n = self.judged as f64;
        let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half =
            Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        Some(((centre - half).max(0.0), (centre + half).min(1.0)))
    }
}

/// What is judged of a call, in the order of the report.
pub const FIELDS: [&str; 8] =
    ["outcome", "type", "category", "department", "phone", "place", "urgency", "emergency"];

/// Whether each of [`FIELDS`] is right on one call; `None`: not judged.
///
/// A field is right when every expected ticket that names it has one ticket that matches it.
/// `emergency` is judged only where an emergency is expected: it is a recall.
pub fn judge(expect: &Expect, outcome: &str, tickets: &[Fields]) -> [Option<bool>; 8] {
    let all = |matches: &dyn Fn(&ExpectedTicket, &Fields) -> Option<bool>| {
        let mut verdict = None;
        for expected in &expect.ticket {
            let judged = matches(expected, &Fields::default()).is_some();
            if judged {
                let found = tickets.iter().any(|ticket| matches(expected, ticket) == Some(true));
                verdict = Some(verdict.unwrap_or(true) && found);
            }
        }
        verdict
    };
    let among = |allowed: &Option<Vec<String>>, value: &str| {
        allowed.as_ref().map(|list| list.iter().any(|name| name == value))
    };
    [
        Some(expect.outcome == outcome),
        all(&|e, t| among(&e.types, &t.request_type)),
        all(&|e, t| among(&e.categories, &t.category)),
        all(&|e, t| among(&e.departments, t.department.as_deref().unwrap_or(""))),
        all(&|e, t| e.phone.as_ref().map(|phone| phone == t.phone.as_deref().unwrap_or(""))),
        all(&|e, t| {
            let names = t.place.as_ref().map_or(&[][..], |place| &place.names);
            e.place.as_ref().map(|wanted| wanted.iter().all(|name| names.contains(name)))
        }),
        all(&|e, t| e.urgency.as_ref().map(|least| rank(&t.urgency) >= rank(least))),
        all(&|e, t| (e.emergency == Some(true)).then_some(t.emergency)),
    ]
}

/// 一般 < 紧急 < 特急.
fn rank(urgency: &str) -> usize {
    ["一般", "紧急", "特急"].iter().position(|name| *name == urgency).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickets::Place;

    fn expect(text: &str) -> Expect {
        toml::from_str(text).expect("the test's own text")
    }

    fn ticket() -> Fields {
        Fields {
            request_type: "投诉".into(),
            category: "环境保护".into(),
            department: Some("区城市管理委员会".into()),
            urgency: "紧急".into(),
            phone: Some("13910220755".into()),
            place: Some(Place {
                names: vec!["北京市".into(), "海淀区".into()],
                ..Place::default()
            }),
            ..Fields::default()
        }
    }

    #[test]
    fn every_expected_ticket_needs_a_match() {
        let wanted = expect(
            "outcome = 'tickets'\n[[ticket]]\ntypes = ['投诉', '举报']\nurgency = '一般'\nphone = '13910220755'\nplace = ['海淀区']\nemergency = false",
        );
        let [outcome, kind, category, department, phone, place, urgency, emergency] =
            judge(&wanted, "tickets", &[ticket()]);
        assert_eq!([outcome, kind, phone, place, urgency], [Some(true); 5]);
        assert_eq!([category, department, emergency], [None; 3], "what is not named is not judged");

        let two = expect(
            "outcome = 'tickets'\n[[ticket]]\ncategories = ['环境保护']\n[[ticket]]\ncategories = ['交通运输']",
        );
        assert_eq!(judge(&two, "tickets", &[ticket()])[2], Some(false));
    }

    #[test]
    fn no_phone_given_means_none_may_be_found() {
        let wanted = expect("outcome = 'tickets'\n[[ticket]]\nphone = ''");
        assert_eq!(judge(&wanted, "tickets", &[ticket()])[4], Some(false));
        assert_eq!(judge(&wanted, "tickets", &[])[4], Some(false), "no ticket, no match");
    }

    #[test]
    fn interval_stays_within_bounds() {
        let (low, high) = Tally { right: 30, judged: 30 }.interval().expect("judged");
        assert!(low > 0.85 && high == 1.0);
    }
}
