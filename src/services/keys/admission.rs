//! Who is let in with a key: those who knock at the same time are looked up together, by one statement.
//!
//! A look-up begins after whoever it is for has knocked, so nobody is let in by what was true before they came. Where a key has a
//! quota the same statement takes one of the day's requests for each of them, so that no two instances take the same.

use super::{Left, Partner, Presented, REFUSED, Scope, scopes};
use crate::error::{Error, KeyRefusal, Result};
use crate::services::keys::Kind;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::IpAddr;
use uuid::Uuid;

/// Somebody with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Knocking {
    presented: Presented,
    address: IpAddr,
    scope: &'static str,
    for_tests: bool,
}

impl Knocking {
    /// With `presented`, at `address`, for what asks for `S`.
    pub fn for_scope<S: Scope>(presented: Presented, address: IpAddr) -> Self {
        Self { presented, address, scope: S::NAME, for_tests: S::FOR_TESTS }
    }
}

/// What was found of one who knocks.
#[derive(Debug)]
pub struct Admission {
    asked: Knocking,
    found: Option<Found>,
}

impl Admission {
    /// The partner behind the key, if it is good for `S`.
    ///
    /// # Errors
    /// [`Error::Unproven`] for a key that is not ours or was revoked; [`Error::Key`] where it is ours and of no use now;
    /// [`Error::Forbidden`] for a good one without this scope.
    pub fn partner<S: Scope>(self) -> Result<Partner<S>> {
        let found = self.found.ok_or(Error::Unproven(REFUSED))?;
        found.is_let_in::<S>(&self.asked)?;
        Ok(Partner {
            key: found.id,
            kind: Kind::of(found.test),
            per_minute: found.per_minute.map(i32::cast_unsigned),
            minute: None,
            day: found.day()?,
            sites: found.origins,
            stale: found.stale,
            scope: PhantomData,
        })
    }
}

/// Looks all of them up, in their order.
///
/// # Errors
/// As any statement. Then some of a day's requests may be taken and not used.
pub async fn admit(db: &mut PgConnection, all: &[Knocking]) -> Result<Vec<Admission>> {
    let mut wanted: BTreeMap<Knocking, i32> = BTreeMap::new();
    for knocking in all {
        *wanted.entry(*knocking).or_default() += 1;
    }
    let hashes: Vec<&[u8]> = wanted.keys().map(|one| one.presented.hash()).collect();
    let addresses: Vec<String> = wanted.keys().map(|one| one.address.to_string()).collect();
    let scopes: Vec<&str> = wanted.keys().map(|one| one.scope).collect();
    let for_tests: Vec<bool> = wanted.keys().map(|one| one.for_tests).collect();
    let counts: Vec<i32> = wanted.values().copied().collect();
    let found = sqlx::query_as!(
        Found,
        r#"with asked as (
               select * from unnest($1::bytea[], $2::text[], $3::text[], $4::boolean[], $5::integer[]) with ordinality
                   as asked (presented, address, scope, for_tests, wanted, place)),
           secret as (
               select place, id as key_id, null::timestamptz as good_until from asked join api_keys on hash = presented
               union all
               select place, key_id, good_until from asked join api_key_old_secrets on hash = presented),
           found as (
               select place, wanted, for_tests, id, test, per_minute, per_day, origins, revoked_at is not null as revoked,
                      coalesce(expires_at <= now(), false) as expired, coalesce(good_until <= now(), false) as replaced,
                      allowed = '{}' or address::inet <<= any(allowed) as at_home, scope = any(scopes) as in_scope,
                      last_used_at is null or last_used_at < now() - interval '1 minute' as stale
                 from asked join secret using (place) join api_keys on id = key_id
                -- Quotas are taken key by key in one order, so that nobody waits in a circle.
                order by id)
           select place as "place!", id as "id!", test as "test!", per_minute, per_day, origins as "origins!", revoked as "revoked!",
                  expired as "expired!", replaced as "replaced!", at_home as "at_home!", in_scope as "in_scope!",
                  stale as "stale!", taken as "taken!", by_now,
                  ceil(extract(epoch from date_trunc('day', now() at time zone 'utc') + interval '1 day'
                                          - (now() at time zone 'utc')))::bigint as "midnight!"
             from found, api_key_take(id, case when at_home and in_scope and (for_tests or not test)
                 and not (revoked or expired or replaced) then wanted else 0 end, per_day)"#,
        &hashes as &[&[u8]],
        &addresses,
        &scopes as &[&str],
        &for_tests,
        &counts,
    );
    let found = found.fetch_all(db).await?;
    let mut by_place: Vec<Option<Found>> = wanted.iter().map(|_| None).collect();
    for one in found {
        let place = usize::try_from(one.place - 1).unwrap_or_default();
        if let Some(slot) = by_place.get_mut(place) {
            *slot = Some(one);
        }
    }
    let mut found: BTreeMap<Knocking, Option<Found>> = wanted.into_keys().zip(by_place).collect();
    let mut hand_on = |asked: &Knocking| {
        let found = found.get_mut(asked).and_then(Option::as_mut).map(Found::hand_on);
        Admission { asked: *asked, found }
    };
    Ok(all.iter().map(&mut hand_on).collect())
}

/// A key that somebody has sent, and what there is to say about that.
#[derive(Debug, Clone)]
struct Found {
    place: i64,
    id: Uuid,
    test: bool,
    per_minute: Option<i32>,
    per_day: Option<i32>,
    origins: Vec<String>,
    revoked: bool,
    expired: bool,
    replaced: bool,
    at_home: bool,
    in_scope: bool,
    stale: bool,
    /// How many of those who came with it together have one of the day's requests.
    taken: i32,
    /// How many are used by then; none where there is no quota.
    by_now: Option<i32>,
    /// In how many seconds the day is over.
    midnight: i64,
}

impl Found {
    /// The same for one of those who came with it. As long as there are any, they have one of what was taken.
    fn hand_on(&mut self) -> Self {
        let mine = self.clone();
        self.taken -= 1;
        mine
    }

    /// Whether it opens what asks for `S`, were it not for its quota.
    fn is_let_in<S: Scope>(&self, asked: &Knocking) -> Result<()> {
        if self.revoked {
            return Err(Error::Unproven(REFUSED));
        }
        let refusal = match () {
            () if self.expired => KeyRefusal::Expired,
            () if self.replaced => KeyRefusal::Replaced,
            () if !self.at_home => KeyRefusal::FromElsewhere,
            () if self.test && !S::FOR_TESTS => KeyRefusal::ForTests(scopes::tests_write()),
            () if !self.in_scope || asked.scope != S::NAME => {
                return Err(Error::Forbidden(OUT_OF_SCOPE));
            }
            () => return Ok(()),
        };
        Err(refusal.into())
    }

    /// What is left of the day, where the key has a quota.
    fn day(&self) -> Result<Option<Left>> {
        let Some(limit) = self.per_day.map(i32::cast_unsigned) else { return Ok(None) };
        let reset_seconds = u64::try_from(self.midnight).unwrap_or_default().max(1);
        if self.taken <= 0 {
            return Err(
                KeyRefusal::QuotaUsedUp { limit, retry_after_seconds: reset_seconds }.into()
            );
        }
        // Those who came with it have one each, too, and the last of them sees all as used.
        let others = self.taken - 1;
        let used = (self.by_now.unwrap_or_default() - others).cast_unsigned();
        Ok(Some(Left { limit, remaining: limit.saturating_sub(used), reset_seconds }))
    }
}

const OUT_OF_SCOPE: &str = "This API key does not have the scope this needs.";
