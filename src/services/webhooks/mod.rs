//! Webhooks: who is told of what happens, where, and what has become of that.
//!
//! A delivery is written with the event it tells of, in the transaction of the fact (`migrations/0027`). An address that somebody typed
//! is judged here as far as it can be, and each time it is used by `outgoing`. A partner's endpoints belong to the key they
//! were made with, are told what that key may read, and are nobody's any more once it is revoked.

mod deliveries;
mod desk;
mod new;
mod secret;
mod sending;

pub use deliveries::{Delivery, Filter, Try, deliveries, delivery};
pub use desk::{change, create, disable, enable, pause, ping, remove, replay, rotate};
pub use new::{Again, Changes, NewEndpoint};
pub use secret::Secret;
pub use sending::{Claimed, End, Noted, Parcel, Tried, claim, end, is_due, parcel};

use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::input::Timestamp;
use crate::services::keys::{Partner, WebhooksWrite};
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Who says where what is told, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// An owner, who has proven lately who they are.
    Owner(&'a Recent<Owner>),
    /// The operator.
    Operator(&'a Operator),
    /// A partner's program, of its own endpoints.
    Partner(&'a Partner<WebhooksWrite>),
}

/// Who looks, and sees to it that what is to be told arrives, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum Keeper<'a> {
    /// An owner.
    Owner(&'a Owner),
    /// The operator.
    Operator(&'a Operator),
    /// A partner's program, of its own endpoints.
    Partner(&'a Partner<WebhooksWrite>),
}

impl<'a> From<By<'a>> for Keeper<'a> {
    fn from(by: By<'a>) -> Self {
        match by {
            By::Owner(owner) => Self::Owner(owner),
            By::Operator(operator) => Self::Operator(operator),
            By::Partner(partner) => Self::Partner(partner),
        }
    }
}

impl Keeper<'_> {
    /// Whose endpoints they may see to; none: everybody's.
    fn key(self) -> Option<Uuid> {
        match self {
            Self::Partner(partner) => Some(partner.key()),
            Self::Owner(_) | Self::Operator(_) => None,
        }
    }
}

/// Where events are sent to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
pub struct Endpoint {
    /// UUID v7.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Where.
    pub url: String,
    /// Of what it is told.
    pub types: Vec<String>,
    /// on, paused or disabled.
    pub state: String,
    /// Why it is disabled.
    pub remark: Option<String>,
    /// Since when nothing has arrived, where what was tried last has not.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub failing_since: Option<OffsetDateTime>,
    /// How many of its events wait.
    pub waiting: i64,
    /// Whose it is: the name of a key; none: the site's own.
    #[serde(skip)]
    pub key: Option<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub created_at: OffsetDateTime,
}

/// Up to `limit` endpoints, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    by: Keeper<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Endpoint>> {
    Ok(sqlx::query_as!(
        Endpoint,
        r#"select webhooks.id, webhooks.name, url, types, state, remark, failing_since, webhooks.created_at, api_keys.name as "key?",
                  (select count(*) from webhook_deliveries as d where d.webhook_id = webhooks.id and d.state = 'waiting') as "waiting!"
             from webhooks left join api_keys on api_keys.id = key_id
            where ($1::uuid is null or key_id = $1) and ($2::uuid is null or webhooks.id < $2) order by webhooks.id desc limit $3"#,
        by.key(),
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// One endpoint. Anyone else's is not found.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, by: Keeper<'_>, id: Uuid) -> Result<Endpoint> {
    sqlx::query_as!(
        Endpoint,
        r#"select webhooks.id, webhooks.name, url, types, state, remark, failing_since, webhooks.created_at, api_keys.name as "key?",
                  (select count(*) from webhook_deliveries as d where d.webhook_id = webhooks.id and d.state = 'waiting') as "waiting!"
             from webhooks left join api_keys on api_keys.id = key_id
            where webhooks.id = $2 and ($1::uuid is null or key_id = $1)"#,
        by.key(),
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Of what whoever asks may be told: all there is, or what their key may read.
///
/// # Errors
/// As any statement.
async fn tellable(db: &mut PgConnection, key: Option<Uuid>) -> Result<Vec<&'static str>> {
    use crate::services::events::{TYPES, readable};
    let Some(key) = key else { return Ok(TYPES.iter().map(|known| known.name).collect()) };
    let scopes = sqlx::query_scalar!("select scopes from api_keys where id = $1", key);
    Ok(readable(&scopes.fetch_one(db).await?))
}

/// An endpoint that was disabled, for a mail about it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<(String, Option<String>)> {
    let row = sqlx::query!("select name, remark from webhooks where id = $1", id);
    let row = row.fetch_optional(db).await?.ok_or(Error::NotFound)?;
    Ok((row.name, row.remark))
}
