//! What was sent where, each time it was tried, and what was answered.

use super::{Keeper, by_id};
use crate::error::{Error, Result};
use crate::services::input::{self, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Something that is to arrive, or has.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
pub struct Delivery {
    /// Which.
    pub id: Uuid,
    /// Where.
    pub webhook: Uuid,
    /// What the receiver knows it by: `webhook-id`.
    pub message: Uuid,
    /// What it tells of; none: only whether it arrives.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Which object that is about.
    pub object: Uuid,
    /// Which event of this object it is.
    pub sequence: i64,
    /// waiting, delivered, failed or dropped.
    pub state: String,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried (again), while it waits.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub due_at: Option<OffsetDateTime>,
    /// What became of it.
    pub remark: Option<String>,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub created_at: OffsetDateTime,
    /// When it was over with.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub ended_at: Option<OffsetDateTime>,
}

/// A time it was tried.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WebhookTry")]
pub struct Try {
    /// When it ended.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub at: OffsetDateTime,
    /// The status that was answered; none where nothing was.
    pub status: Option<i16>,
    /// How long that took, in milliseconds.
    pub took_ms: i32,
    /// How the answer begins, or why there is none.
    pub said: Option<String>,
}

/// Which deliveries.
#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
pub struct Filter {
    /// Only those in this state: waiting, delivered, failed or dropped.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::one_line"))]
    pub state: Option<String>,
    /// The `next` of the part before.
    #[serde(default)]
    pub after: Option<Uuid>,
}

/// Up to `limit` deliveries to this endpoint, the last written first.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn deliveries(
    db: &mut PgConnection,
    by: Keeper<'_>,
    endpoint: Uuid,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Delivery>> {
    by_id(&mut *db, by, endpoint).await?;
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Delivery,
        r#"select d.id, webhook_id as webhook, message, events.type as "kind?", d.object, d.sequence, state, attempts, remark, created_at, ended_at,
                  case when state = 'waiting' then due_at end as due_at
             from webhook_deliveries as d left join events on events.n = event
            where webhook_id = $1 and ($2::text is null or state = $2)
              and ($3::uuid is null or d.n < (select n from webhook_deliveries where id = $3))
            order by d.n desc limit $4"#,
        endpoint,
        filter.state,
        filter.after,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// One delivery, with each time it was tried, the last first.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delivery(
    db: &mut PgConnection,
    by: Keeper<'_>,
    id: Uuid,
) -> Result<(Delivery, Vec<Try>)> {
    let found = sqlx::query_as!(
        Delivery,
        r#"select d.id, webhook_id as webhook, message, events.type as "kind?", d.object, d.sequence, d.state, attempts, d.remark,
                  d.created_at, ended_at, case when d.state = 'waiting' then due_at end as due_at
             from webhook_deliveries as d join webhooks on webhooks.id = webhook_id left join events on events.n = event
            where d.id = $1 and ($2::uuid is null or webhooks.key_id = $2)"#,
        id,
        by.key(),
    );
    let found = found.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let tries = sqlx::query_as!(
        Try,
        "select at, status, took_ms, said from webhook_tries
          where delivery = (select n from webhook_deliveries where id = $1) order by at desc limit 50",
        id,
    );
    Ok((found, tries.fetch_all(db).await?))
}
