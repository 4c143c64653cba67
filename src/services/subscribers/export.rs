//! Subscribers, taken along.

use super::{Keeper, Status};
use crate::error::Result;
use crate::services::export::{Part, Row};
use serde_json::json;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The columns of a table of subscribers.
pub const COLUMNS: [&str; 10] = [
    "email",
    "status",
    "topics",
    "digest",
    "time_zone",
    "source",
    "consent",
    "consent_at",
    "confirmed_at",
    "ended_at",
];

/// Up to `limit` subscribers after `after`, the first to come first.
///
/// # Errors
/// As any statement.
pub async fn export(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Part> {
    let rows = sqlx::query!(
        r#"select id, email, status as "status: Status", digest, time_zone, source, consent, consent_at, confirmed_at, ended_at,
                  coalesce((select string_agg(topic, ' ' order by topic) from subscriber_topics where subscriber_id = id), '')
                      as "topics!"
             from subscribers where $1::uuid is null or id > $1 order by id limit $2"#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    let at = |time: Option<OffsetDateTime>| time.and_then(|time| time.format(&Rfc3339).ok());
    let rows = rows.into_iter().map(|row| {
        let fields = json!({
            "email": row.email,
            "status": row.status,
            "topics": row.topics,
            "digest": row.digest,
            "time_zone": row.time_zone,
            "source": row.source,
            "consent": row.consent,
            "consent_at": at(Some(row.consent_at)),
            "confirmed_at": at(row.confirmed_at),
            "ended_at": at(row.ended_at),
        });
        (row.id, Row::of(fields))
    });
    Ok(Part::of(rows.collect(), limit))
}
