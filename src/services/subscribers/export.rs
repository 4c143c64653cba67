//! Subscribers, taken along.

use super::{Keeper, Status};
use crate::error::Result;
use crate::services::csv;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// A part of the list, as text to take along.
#[derive(Debug)]
pub struct Exported {
    /// Lines of a table.
    pub csv: String,
    /// Where to go on; none at the end.
    pub after: Option<Uuid>,
}

/// Up to `limit` subscribers after `after`, the first to come first. With the names of the columns at the very beginning.
///
/// # Errors
/// As any statement.
pub async fn export(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Exported> {
    const COLUMNS: [&str; 10] = [
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
    let at = |time: Option<OffsetDateTime>| {
        time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
    };
    let mut csv = if after.is_none() { csv::line(COLUMNS) } else { String::new() };
    for row in &rows {
        csv += &csv::line([
            row.email.as_str(),
            row.status.as_str(),
            &row.topics,
            &row.digest,
            &row.time_zone,
            &row.source,
            &row.consent,
            &at(Some(row.consent_at)),
            &at(row.confirmed_at),
            &at(row.ended_at),
        ]);
    }
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    Ok(Exported { csv, after: rows.last().map(|row| row.id).filter(|_| full) })
}
