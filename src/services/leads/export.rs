//! Leads, taken along.

use crate::error::Result;
use crate::policies::Operator;
use crate::services::export::{Part, Row};
use crate::services::{accounts, audit};
use sqlx::PgConnection;
use uuid::Uuid;

/// The columns of a table of leads.
pub const COLUMNS: [&str; 22] = [
    "id",
    "created_at",
    "name",
    "email",
    "company",
    "phone",
    "message",
    "status",
    "source",
    "test",
    "consent",
    "consent_at",
    "spam_score",
    "spam_reasons",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "referrer",
    "landing_page",
    "history",
];

/// Up to `limit` leads after `after`, the first to come first, each with what was done about it.
///
/// # Errors
/// As any statement.
pub async fn export(
    db: &mut PgConnection,
    _by: &Operator,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Part> {
    let rows = sqlx::query!(
        r#"select id, to_jsonb(leads) - 'haystack' - 'fingerprint' || jsonb_build_object('history', coalesce(
                  (select jsonb_agg(jsonb_build_object('at', at, 'note', note, 'from', from_status, 'to', to_status,
                              'by', coalesce(accounts.name, api_keys.name, case when staff_id is null then $4 else $3 end)) order by h.id)
                     from lead_history h left join accounts on accounts.id = staff_id
                          left join api_keys on api_keys.id = h.api_key_id where lead_id = leads.id), '[]'))
                  as "fields!"
             from leads where $1::uuid is null or id > $1 order by id limit $2"#,
        after,
        limit,
        accounts::GONE,
        audit::OPERATOR,
    )
    .fetch_all(db)
    .await?;
    let rows = rows.into_iter().map(|row| (row.id, Row::of(row.fields)));
    Ok(Part::of(rows.collect(), limit))
}
