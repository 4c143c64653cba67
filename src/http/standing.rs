//! How a caller stands with each limit that applies to them, as programs read it (IETF draft "RateLimit header fields for
//! HTTP"): `door` is that of the address asked, per network; `key-minute` and `key-day` are the key's own.

use super::limit::Limit;
use crate::error::Error;
use crate::services::keys::{Left, Quota};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write;

const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How somebody stands.
#[derive(Default)]
pub struct Standing {
    door: Option<u32>,
    own: Vec<(Quota, Left)>,
}

impl Standing {
    /// So many more requests may follow at once at this door.
    pub fn at_the_door(&mut self, remaining: u32) {
        self.door = Some(remaining);
    }

    /// These limits are the caller's own.
    pub fn of(&mut self, own: Vec<(Quota, Left)>) {
        self.own = own;
    }

    /// The caller was refused by one of them, perhaps.
    pub fn refused(&mut self, error: &Error) {
        if let Error::Key(refusal) = error {
            self.own.extend(refusal.limit());
        }
    }

    /// Says it, and how often one may come.
    pub fn tell(&self, door: Limit, headers: &mut HeaderMap) {
        let Some(remaining) = self.door else { return };
        let (mut policy, mut standing) = (door.policy(), door.standing(remaining));
        for (quota, left) in &self.own {
            let (name, seconds) = (quota.as_str(), quota.seconds());
            let Left { limit, remaining, reset_seconds } = left;
            // Writing to a string cannot fail.
            let _ = write!(policy, ", \"{name}\";q={limit};w={seconds}");
            let _ = write!(standing, ", \"{name}\";r={remaining};t={reset_seconds}");
        }
        for (name, value) in [(RATELIMIT_POLICY, policy), (RATELIMIT, standing)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KeyRefusal;

    fn said(standing: &Standing) -> [String; 2] {
        let mut headers = HeaderMap::new();
        standing.tell(Limit::per_minute(60), &mut headers);
        [RATELIMIT_POLICY, RATELIMIT]
            .map(|name| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned())
    }

    #[test]
    fn every_limit_that_applies_is_told_by_its_name() {
        let mut standing = Standing::default();
        assert_eq!(said(&standing), ["", ""]);
        standing.at_the_door(59);
        assert_eq!(said(&standing), ["\"door\";q=60;w=60", "\"door\";r=59;t=1"]);
        let left = |limit, remaining, reset_seconds| Left { limit, remaining, reset_seconds };
        standing.of(vec![(Quota::Minute, left(5, 4, 12)), (Quota::Day, left(100, 7, 3600))]);
        assert_eq!(
            said(&standing),
            [
                "\"door\";q=60;w=60, \"key-minute\";q=5;w=60, \"key-day\";q=100;w=86400",
                "\"door\";r=59;t=1, \"key-minute\";r=4;t=12, \"key-day\";r=7;t=3600",
            ]
        );
    }

    #[test]
    fn whoever_is_refused_is_told_by_which() {
        let mut standing = Standing::default();
        standing.at_the_door(3);
        standing.refused(&Error::Key(KeyRefusal::Expired));
        let refusal = KeyRefusal::QuotaUsedUp { limit: 9, retry_after_seconds: 60 };
        standing.refused(&Error::Key(refusal));
        let [policy, standing] = said(&standing);
        assert!(policy.ends_with(", \"key-day\";q=9;w=86400"), "{policy}");
        assert!(standing.ends_with(", \"key-day\";r=0;t=60"), "{standing}");
    }
}
