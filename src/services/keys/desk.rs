//! Keys as owners and the operator see to them: making, looking, rotating, revoking.

use super::new::NewKey;
use super::secret::{Kind, Secret};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::input::{self, Valid};
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Who sees to keys, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// An owner, who has proven lately who they are.
    Owner(&'a Recent<Owner>),
    /// The operator.
    Operator(&'a Operator),
}

/// Who looks at them, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// An owner.
    Owner(&'a Owner),
    /// The operator.
    Operator(&'a Operator),
}

/// A key as it can be shown: everything but the secret.
#[derive(Debug, Serialize)]
pub struct Key {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub name: String,
    /// Its beginning.
    pub prefix: String,
    /// Whether it is for tests.
    pub test: bool,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether it opens anything: `good`, `expired` or `revoked`.
    pub state: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Until when it is good.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When its secret was replaced.
    #[serde(with = "time::serde::rfc3339::option")]
    pub rotated_at: Option<OffsetDateTime>,
    /// Since when it is refused.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// Where it may come from; nothing is anywhere.
    pub allowed: Vec<String>,
    /// The sites whose scripts may send it; nothing is none.
    pub origins: Vec<String>,
    /// How many requests a minute, at each instance.
    pub per_minute: Option<i32>,
    /// How many a day.
    pub per_day: Option<i32>,
    /// How many there were today, where they are counted.
    pub used_today: Option<i32>,
    /// When it was last used, to within a minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    /// In which network.
    pub last_used_network: Option<String>,
}

/// A secret that was replaced and is good still.
#[derive(Debug, Serialize)]
pub struct OldSecret {
    /// Its beginning.
    pub prefix: String,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    pub good_until: OffsetDateTime,
}

/// Up to `limit` keys, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: Reader<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Key>> {
    Ok(sqlx::query_as!(
        Key,
        r#"select id, name, prefix, test, scopes, created_at, expires_at, rotated_at, revoked_at, allowed::text[] as "allowed!",
                  origins, per_minute, per_day, last_used_at, last_used_network,
                  case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired' else 'good' end as "state!",
                  case when per_day is not null then coalesce((select used from api_key_usage
                      where key_id = id and day = (now() at time zone 'utc')::date), 0) end as used_today
             from api_keys where $1::uuid is null or id < $1 order by id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// One key, and the secrets it was known by that are good still.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(
    db: &mut PgConnection,
    _by: Reader<'_>,
    id: Uuid,
) -> Result<(Key, Vec<OldSecret>)> {
    let key = sqlx::query_as!(
        Key,
        r#"select id, name, prefix, test, scopes, created_at, expires_at, rotated_at, revoked_at, allowed::text[] as "allowed!",
                  origins, per_minute, per_day, last_used_at, last_used_network,
                  case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired' else 'good' end as "state!",
                  case when per_day is not null then coalesce((select used from api_key_usage
                      where key_id = id and day = (now() at time zone 'utc')::date), 0) end as used_today
             from api_keys where id = $1"#,
        id,
    );
    let key = key.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let old = sqlx::query_as!(
        OldSecret,
        "select prefix, good_until from api_key_old_secrets where key_id = $1 and good_until > now()
          order by good_until desc limit 20",
        id,
    );
    Ok((key, old.fetch_all(db).await?))
}

/// Keeps a new key.
///
/// # Errors
/// [`Error::Invalid`] where it would be over already, or could not do all that it is to do.
pub async fn create(
    db: &mut PgConnection,
    _by: By<'_>,
    (id, now): (Uuid, OffsetDateTime),
    new: &Valid<NewKey>,
    secret: &Secret,
) -> Result<()> {
    sqlx::query!(
        "insert into api_keys (id, name, prefix, hash, scopes, test, expires_at, allowed, per_minute, per_day, origins)
         values ($1, $2, $3, $4, $5, $6, $7, $8::text[]::cidr[], $9, $10, $11)",
        id,
        new.name,
        secret.prefix(),
        secret.hash(),
        &new.possible_scopes()?,
        new.kind() == Kind::Test,
        new.expires_at(now)?,
        &new.networks(),
        new.per_minute,
        new.per_day,
        &new.sites(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How long the secret that is replaced is good beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Not at all: somebody else may have it.
    Now,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
}

impl Overlap {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Now, Self::Hour, Self::Day, Self::Week];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Hour => "1-hour",
            Self::Day => "24-hours",
            Self::Week => "7-days",
        }
    }

    /// For so many hours.
    pub fn hours(self) -> i32 {
        match self {
            Self::Now => 0,
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
        }
    }
}

/// What is said when a secret is to be replaced.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Rotation {
    /// How long the old one is good beside the new one: now (not at all), 1-hour, 24-hours or 7-days.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_overlap"))]
    pub overlap: String,
}

impl Rotation {
    /// How long the old secret is good.
    pub fn overlap(&self) -> Overlap {
        let chosen = Overlap::ALL.into_iter().find(|overlap| overlap.as_str() == self.overlap);
        chosen.unwrap_or(Overlap::Now)
    }
}

fn known_overlap(text: &str) -> Result<(), ValidationError> {
    match Overlap::ALL.iter().any(|overlap| overlap.as_str() == text) {
        true => Ok(()),
        false => Err(ValidationError::new("overlap")
            .with_message("Choose how long the old one is good.".into())),
    }
}

/// Gives the key another secret and says which. The one it had, and what that has replaced, is good for as long as `overlap`
/// says, and no longer. In one transaction: no request finds a moment at which neither is good.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where the key opens nothing any more.
pub async fn rotate(
    db: &mut PgConnection,
    _by: By<'_>,
    id: Uuid,
    overlap: Overlap,
    clock: &Clock,
) -> Result<Secret> {
    let key = sqlx::query!(
        r#"select test, revoked_at is not null or coalesce(expires_at <= now(), false) as "over!"
             from api_keys where id = $1 for update"#,
        id,
    );
    let key = key.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    if key.over {
        return Err(Error::field("overlap", "This key is over. Make a new one."));
    }
    sqlx::query!(
        "with shortened as (update api_key_old_secrets
                               set good_until = least(good_until, now() + make_interval(hours => $2)) where key_id = $1)
         insert into api_key_old_secrets (hash, key_id, prefix, good_until)
         select hash, id, prefix, now() + make_interval(hours => $2) from api_keys where id = $1",
        id,
        overlap.hours(),
    )
    .execute(&mut *db)
    .await?;
    let secret = Secret::generate(clock, Kind::of(key.test));
    sqlx::query!(
        "update api_keys set hash = $2, prefix = $3, rotated_at = now() where id = $1",
        id,
        secret.hash(),
        secret.prefix(),
    )
    .execute(db)
    .await?;
    Ok(secret)
}

/// Has the key refused from now on, by each of its secrets, on every instance. Once is enough; twice is the same.
///
/// # Errors
/// [`Error::NotFound`] where there is no such key.
pub async fn revoke(db: &mut PgConnection, _by: By<'_>, id: Uuid) -> Result<()> {
    let revoked = sqlx::query!(
        "update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1",
        id
    );
    match revoked.execute(db).await?.rows_affected() {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}
