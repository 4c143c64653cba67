//! Keys of partners' programs: who is let in with one, and how often. Shown once, kept as SHA-256.
//!
//! There is no cache of keys: each request looks its key up, so whatever is done to one holds from then on, everywhere. A key
//! that is wrong takes the same path as one that is right: one look-up by hash.

mod desk;
mod new;
mod scopes;
mod secret;

pub use desk::{
    By, Key, OldSecret, Overlap, Reader, Rotation, by_id, create, list, revoke, rotate,
};
pub use new::{EXPIRIES, NewKey};
pub use scopes::{
    CacheWrite, EventsRead, LeadsWrite, Offered, PostsRead, PostsWrite, SCOPES, Scope,
    WebhooksWrite, names,
};
pub use secret::{Kind, Presented, Secret};

use crate::error::{Error, KeyRefusal, Result};
use sqlx::PgConnection;
use std::marker::PhantomData;
use std::net::IpAddr;
use uuid::Uuid;

/// A partner's program with a key that is good for `S`. Only [`admit`] makes one.
#[derive(Debug)]
pub struct Partner<S> {
    key: Uuid,
    kind: Kind,
    per_minute: Option<u32>,
    minute: Option<Left>,
    day: Option<Left>,
    stale: bool,
    scope: PhantomData<S>,
}

impl<S> Partner<S> {
    /// Which key.
    pub fn key(&self) -> Uuid {
        self.key
    }

    /// Whether what it does is for tests.
    pub fn is_test(&self) -> bool {
        self.kind == Kind::Test
    }

    /// How many requests it may make a minute, where that was said.
    pub fn per_minute(&self) -> Option<u32> {
        self.per_minute
    }

    /// What is left of this minute, counted by this process.
    pub fn minute(&self) -> Option<Left> {
        self.minute
    }

    /// What is left of this day, on all instances together.
    pub fn day(&self) -> Option<Left> {
        self.day
    }

    /// The same program, of which this is known, too.
    #[must_use]
    pub fn with_minute(self, minute: Option<Left>) -> Self {
        Self { minute, ..self }
    }

    /// Whether it is time to note that the key is in use.
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}

/// How much of a limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// How many there are.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// In how many seconds all of them are there again.
    pub reset_seconds: u64,
}

/// What the holder of a missing or wrong key is told.
pub const REFUSED: &str = "Send a valid API key as x-api-key or as Authorization: Bearer.";

/// The partner behind a presented key that is good for `S`, at this address. Where the key has a quota, this counts: the
/// statement that finds the key takes one of the day's requests, so that no two instances take the same.
///
/// It is written down without waiting for the disk. Whatever the request goes on to do is behind it in the same log, so what
/// outlasts a crash of the database was counted.
///
/// # Errors
/// [`Error::Unproven`] for a key that is not ours or was revoked; [`Error::Key`] where it is ours and of no use now;
/// [`Error::Forbidden`] for a good one without this scope.
pub async fn admit<S: Scope>(
    db: &mut PgConnection,
    presented: &Presented,
    address: IpAddr,
) -> Result<Partner<S>> {
    let found = sqlx::query_as!(
        Found,
        r#"with secret as (
               select id as key_id, null::timestamptz as good_until from api_keys where hash = $1
               union all
               select key_id, good_until from api_key_old_secrets where hash = $1),
           found as (
               select id, test, per_minute, per_day, revoked_at is not null as revoked,
                      coalesce(expires_at <= now(), false) as expired, coalesce(good_until <= now(), false) as replaced,
                      allowed = '{}' or $2::text::inet <<= any(allowed) as at_home, $3 = any(scopes) as in_scope,
                      last_used_at is null or last_used_at < now() - interval '1 minute' as stale
                 from secret join api_keys on id = key_id),
           counted as (
               insert into api_key_usage as usage (key_id, day, used)
               select id, (now() at time zone 'utc')::date, 1
                 from found, (select set_config('synchronous_commit', 'off', true)) as unhurried
                where per_day is not null and at_home and in_scope and ($4 or not test)
                  and not (revoked or expired or replaced)
               -- Where somebody else has counted the first of a new day meanwhile, this is one of that day.
               on conflict (key_id) do update
                  set day = greatest(usage.day, excluded.day),
                      used = case when excluded.day > usage.day then 1 else usage.used + 1 end
                where excluded.day > usage.day
                   or usage.used < (select per_day from api_keys where id = excluded.key_id)
               returning used)
           select id, test as "test!", per_minute, per_day, revoked as "revoked!", expired as "expired!",
                  replaced as "replaced!", at_home as "at_home!", in_scope as "in_scope!", stale as "stale!",
                  (select used from counted) as used,
                  ceil(extract(epoch from date_trunc('day', now() at time zone 'utc') + interval '1 day'
                                          - (now() at time zone 'utc')))::bigint as "midnight!"
             from found"#,
        presented.hash(),
        address.to_string(),
        S::NAME,
        S::FOR_TESTS,
    );
    let found = found.fetch_optional(db).await?.ok_or(Error::Unproven(REFUSED))?;
    found.is_let_in::<S>()?;
    Ok(Partner {
        key: found.id,
        kind: Kind::of(found.test),
        per_minute: found.per_minute.map(i32::cast_unsigned),
        minute: None,
        day: found.day()?,
        stale: found.stale,
        scope: PhantomData,
    })
}

/// A key that somebody has sent, and what there is to say about that.
struct Found {
    id: Uuid,
    test: bool,
    per_minute: Option<i32>,
    per_day: Option<i32>,
    revoked: bool,
    expired: bool,
    replaced: bool,
    at_home: bool,
    in_scope: bool,
    stale: bool,
    /// How often it was used today, this time too; none where this time was not counted.
    used: Option<i32>,
    /// In how many seconds the day is over.
    midnight: i64,
}

impl Found {
    /// Whether it opens what asks for `S`, were it not for its quota.
    fn is_let_in<S: Scope>(&self) -> Result<()> {
        if self.revoked {
            return Err(Error::Unproven(REFUSED));
        }
        let refusal = match () {
            () if self.expired => KeyRefusal::Expired,
            () if self.replaced => KeyRefusal::Replaced,
            () if !self.at_home => KeyRefusal::FromElsewhere,
            () if self.test && !S::FOR_TESTS => KeyRefusal::ForTests(scopes::tests_write()),
            () if !self.in_scope => return Err(Error::Forbidden(OUT_OF_SCOPE)),
            () => return Ok(()),
        };
        Err(refusal.into())
    }

    /// What is left of the day, where the key has a quota.
    fn day(&self) -> Result<Option<Left>> {
        let Some(limit) = self.per_day.map(i32::cast_unsigned) else { return Ok(None) };
        let reset_seconds = u64::try_from(self.midnight).unwrap_or_default().max(1);
        match self.used.map(i32::cast_unsigned) {
            Some(used) => {
                let remaining = limit.saturating_sub(used);
                Ok(Some(Left { limit, remaining, reset_seconds }))
            }
            None => {
                Err(KeyRefusal::QuotaUsedUp { limit, retry_after_seconds: reset_seconds }.into())
            }
        }
    }
}

const OUT_OF_SCOPE: &str = "This API key does not have the scope this needs.";

/// Notes that a key is in use, and in which network: at most once a minute, whoever else is about to.
///
/// # Errors
/// As any statement.
pub async fn note_use(db: &mut PgConnection, key: Uuid, network: &str) -> Result<()> {
    sqlx::query!(
        "with idle as (select id from api_keys where id = $1
                          and (last_used_at is null or last_used_at < now() - interval '1 minute') for no key update skip locked)
         update api_keys set last_used_at = now(), last_used_network = $2 from idle where api_keys.id = idle.id",
        key,
        network,
    )
    .execute(db)
    .await?;
    Ok(())
}
