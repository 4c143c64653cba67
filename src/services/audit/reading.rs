//! The log, for owners.

use super::acts::words;
use crate::error::{Error, Result};
use crate::services::csv;
use crate::services::input;
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// How many lines are taken along at once.
pub const MOST_EXPORTED: i64 = 50_000;

/// Which lines.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only what this member of staff did, or what was done to their account.
    pub who: Option<Uuid>,
    /// Only what was done by this door: web, shell or api.
    pub door: Option<String>,
    /// Only this.
    pub act: Option<String>,
    /// Only what was done to this, as in lead:{id}.
    pub object: Option<String>,
    /// Not before.
    pub from: Option<OffsetDateTime>,
    /// Before.
    pub until: Option<OffsetDateTime>,
    /// Only lines in which this stands, in any case.
    pub text: String,
    /// Only those older than this one.
    pub before: Option<Uuid>,
}

/// A line.
#[derive(Debug)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// Who, where it was one of us in the browser.
    pub staff_id: Option<Uuid>,
    /// Their name, as it was.
    pub name: String,
    /// web or shell.
    pub door: String,
    /// The network.
    pub network: String,
    /// What.
    pub act: String,
    /// On what.
    pub object: String,
    /// A few facts.
    pub details: Value,
}

impl Listed {
    /// What was done, in words where there are some.
    pub fn said(&self) -> &str {
        words(&self.act).unwrap_or(&self.act)
    }

    /// The facts in words.
    pub fn facts(&self) -> String {
        let Value::Object(facts) = &self.details else { return String::new() };
        let fact = |(name, value): (&String, &Value)| format!("{name}: {}", plain(value));
        facts.iter().map(fact).collect::<Vec<_>>().join(", ")
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(counts) => {
            let count = |(what, count): (&String, &Value)| format!("{what} {count}");
            counts.iter().map(count).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Up to `limit` lines, the last one first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Owner,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Listed>> {
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Listed,
        "select id, at, staff_id, name, door, network, act, object, details from audit
          where ($1::uuid is null or staff_id = $1 or object = 'staff:' || $1::text) and ($2::text is null or door = $2)
            and ($3::text is null or act = $3) and ($4::text is null or object = $4)
            and ($5::timestamptz is null or at >= $5) and ($6::timestamptz is null or at < $6)
            and ($7::text is null or haystack ilike $7)
            and ($8::uuid is null or (at, id) < (select at, id from audit where id = $8))
          order by at desc, id desc limit $9",
        filter.who,
        filter.door,
        filter.act,
        filter.object,
        filter.from,
        filter.until,
        input::containing(&filter.text),
        filter.before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// The same as a table to take along.
///
/// # Errors
/// [`Error::Malformed`] where that would be more than [`MOST_EXPORTED`].
pub async fn export(db: &mut PgConnection, by: &Recent<Owner>, filter: &Filter) -> Result<String> {
    let found = list(db, by, filter, MOST_EXPORTED + 1).await?;
    if found.len() as i64 > MOST_EXPORTED {
        let why = format!("There are more than {MOST_EXPORTED} such lines. Choose a shorter time.");
        return Err(Error::Malformed(why));
    }
    let columns =
        ["at", "who", "staff_id", "door", "network", "act", "object", "details"].map(str::to_owned);
    let mut text = csv::line(columns);
    for line in found {
        let at = line.at.format(&Rfc3339).unwrap_or_default();
        let who = line.staff_id.map(|id| id.to_string()).unwrap_or_default();
        let facts = line.details.to_string();
        text +=
            &csv::line([at, line.name, who, line.door, line.network, line.act, line.object, facts]);
    }
    Ok(text)
}
