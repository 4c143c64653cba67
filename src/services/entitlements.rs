//! What somebody may have because they pay, or were given it, and what they may read though they do not: pure functions of what is
//! known of them.
//!
//! What is known is the mirror of their subscriptions, what was granted by hand, and what they have opened this month, in one document,
//! with the database's time (`membership_of` in `migrations/0034`): so it comes with whatever query asks who somebody is.

use serde::Deserialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long somebody whose payment has failed has what they did not pay for.
pub const GRACE: Duration = Duration::days(7);

/// What is known of somebody.
#[derive(Debug, Clone, Deserialize)]
pub struct Standing {
    /// When it was asked.
    #[serde(with = "time::serde::rfc3339")]
    pub now: OffsetDateTime,
    /// What they pay, and did.
    pub subscriptions: Vec<Known>,
    /// What they were given, and was not taken back.
    pub grants: Vec<Given>,
    /// How many posts for those who pay whoever has an account may open in a month.
    pub free: u32,
    /// Those that they have opened this month.
    pub opened: Vec<Uuid>,
}

/// A subscription, as the mirror has it.
#[derive(Debug, Clone, Deserialize)]
pub struct Known {
    /// As Stripe calls it.
    pub status: String,
    /// Until when it is paid for.
    #[serde(with = "time::serde::rfc3339::option")]
    pub current_period_end: Option<OffsetDateTime>,
    /// Whether it ends then.
    pub cancel_at_period_end: bool,
    /// Since when a payment is owed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub past_due_since: Option<OffsetDateTime>,
}

/// A membership that was given.
#[derive(Debug, Clone, Deserialize)]
pub struct Given {
    /// Until when; none: for good.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

/// What it amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// Nothing.
    None,
    /// All of it, until it is to be renewed, or for good.
    Paid,
    /// All of it, and it ends then.
    Ending(Option<OffsetDateTime>),
    /// All of it, though a payment has failed; no longer than until then.
    Grace(OffsetDateTime),
}

impl Entitlement {
    /// Whether what is for those who pay is for them.
    pub fn is_open(self) -> bool {
        self != Self::None
    }

    /// The better one comes first.
    fn rank(self) -> u8 {
        match self {
            Self::Paid => 0,
            Self::Ending(_) => 1,
            Self::Grace(_) => 2,
            Self::None => 3,
        }
    }
}

/// How much of what is for those who pay somebody may read without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many posts a month.
    pub of: u32,
    /// How many of them they have not opened yet.
    pub left: u32,
}

/// What somebody may read without paying; none where that is nothing.
pub fn allowance(standing: &Standing) -> Option<Allowance> {
    let opened = u32::try_from(standing.opened.len()).unwrap_or(u32::MAX);
    let of = standing.free;
    (of > 0).then(|| Allowance { of, left: of.saturating_sub(opened) })
}

/// What somebody may have.
pub fn of(standing: &Standing) -> Entitlement {
    let paid = standing.subscriptions.iter().map(|known| of_one(known, standing.now));
    let given = standing.grants.iter().map(|given| match given.until {
        None => Entitlement::Paid,
        Some(until) if until > standing.now => Entitlement::Ending(Some(until)),
        Some(_) => Entitlement::None,
    });
    let best = paid.chain(given).min_by_key(|one| one.rank());
    best.unwrap_or(Entitlement::None)
}

fn of_one(known: &Known, now: OffsetDateTime) -> Entitlement {
    match known.status.as_str() {
        "active" | "trialing" if known.cancel_at_period_end => {
            Entitlement::Ending(known.current_period_end)
        }
        "active" | "trialing" => Entitlement::Paid,
        "past_due" => match known.past_due_since.map(|since| since + GRACE) {
            Some(until) if until > now => Entitlement::Grace(until),
            _ => Entitlement::None,
        },
        // Among them what Stripe may come to call something else: whoever is not known to pay does not.
        _ => Entitlement::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

    fn known(status: &str, ends: bool, owed_for: Option<Duration>) -> Known {
        Known {
            status: status.to_owned(),
            current_period_end: Some(NOW + Duration::days(9)),
            cancel_at_period_end: ends,
            past_due_since: owed_for.map(|time| NOW - time),
        }
    }

    fn knowing(subscriptions: Vec<Known>) -> Standing {
        Standing { now: NOW, subscriptions, grants: vec![], free: 0, opened: vec![] }
    }

    /// The same, said in another way: by a table of who has it, looked up without ranks.
    fn oracle(subscriptions: &[Known], grants: &[Given]) -> bool {
        let pays = |known: &&Known| match (known.status.as_str(), known.past_due_since) {
            ("active" | "trialing", _) => true,
            ("past_due", Some(since)) => (NOW - since).whole_seconds() < 7 * 24 * 3600,
            _ => false,
        };
        let has = |given: &&Given| given.until.is_none_or(|until| until > NOW);
        subscriptions.iter().filter(pays).count() + grants.iter().filter(has).count() > 0
    }

    #[test]
    fn whoever_pays_or_was_given_it_has_it_whatever_else_is_known_of_them() {
        let statuses = [
            "trialing",
            "active",
            "past_due",
            "canceled",
            "unpaid",
            "incomplete",
            "incomplete_expired",
            "paused",
            "unheard_of",
        ];
        let owed = [None, Some(0), Some(6), Some(7), Some(30)];
        let mut all = Vec::new();
        for status in statuses {
            for ends in [false, true] {
                all.extend(owed.map(|days| known(status, ends, days.map(Duration::days))));
            }
        }
        let grants = [None, Some(None), Some(Some(-1)), Some(Some(1))];
        let mut open = 0;
        for one in &all {
            for other in &all {
                for given in grants {
                    let until = |days: Option<i64>| days.map(|days| NOW + Duration::days(days));
                    let grants: Vec<Given> =
                        given.into_iter().map(|days| Given { until: until(days) }).collect();
                    let subscriptions = vec![one.clone(), other.clone()];
                    let expected = oracle(&subscriptions, &grants);
                    let found = of(&Standing { grants, ..knowing(subscriptions) });
                    assert_eq!(found.is_open(), expected, "{one:?} {other:?} {given:?}");
                    open += u32::from(expected);
                }
            }
        }
        assert!(open > 1_000);
    }

    #[test]
    fn the_better_of_two_is_what_counts() {
        let of = |subscriptions: &[Known]| super::of(&knowing(subscriptions.to_vec()));
        let owing = known("past_due", false, Some(Duration::days(3)));
        assert_eq!(of(std::slice::from_ref(&owing)), Entitlement::Grace(NOW + Duration::days(4)));
        let ending = known("active", true, None);
        assert_eq!(
            of(&[owing.clone(), ending]),
            Entitlement::Ending(Some(NOW + Duration::days(9)))
        );
        assert_eq!(of(&[owing, known("active", false, None)]), Entitlement::Paid);
    }

    #[test]
    fn what_is_left_is_what_was_not_opened_and_never_less_than_nothing() {
        let left = |free, opened| {
            let opened = (0..opened).map(Uuid::from_u128).collect();
            allowance(&Standing { free, opened, ..knowing(vec![]) }).map(|allowance| allowance.left)
        };
        assert_eq!([left(3, 0), left(3, 2), left(3, 3)], [Some(3), Some(1), Some(0)]);
        assert_eq!([left(2, 3), left(0, 0), left(0, 3)], [Some(0), None, None], "fewer by now");
    }
}
