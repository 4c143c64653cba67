//! What a program does with the leads it has handed in. It sees no others, and the rules are those of staff.

use super::staff::{self, By, NewNote, NewStatus};
use super::{Lead, Source, Status};
use crate::error::{Error, Result};
use crate::services::audit;
use crate::services::input::{self, Valid};
use crate::services::keys::{LeadsStatus, LeadsWrite, Partner};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Which of them to list.
#[derive(Debug, Default)]
pub struct Own<'a> {
    /// Only these.
    pub status: Option<Status>,
    /// Only those accepted after this moment.
    pub created_after: Option<OffsetDateTime>,
    /// Only those accepted before it.
    pub created_before: Option<OffsetDateTime>,
    /// Only those of whoever has this address.
    pub email: Option<&'a str>,
    /// Only those in whose name, address, company or message this stands, in any case.
    pub text: &'a str,
    /// Only those older than this one.
    pub after: Option<Uuid>,
}

/// Up to `limit` leads that were handed in with this key, newest first. What comes in meanwhile is newer than all of them.
///
/// # Errors
/// As any statement.
pub async fn of_key(
    db: &mut PgConnection,
    by: &Partner<LeadsWrite>,
    which: &Own<'_>,
    limit: i64,
) -> Result<Vec<Lead>> {
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads
            where api_key_id = $1 and ($2::uuid is null or id < $2) and ($3::text is null or status = $3)
              and ($4::timestamptz is null or created_at > $4) and ($5::timestamptz is null or created_at < $5)
              and ($6::text is null or lower(email) = lower($6)) and ($7::text is null or haystack ilike $7)
            order by id desc limit $8"#,
        by.key(),
        which.after,
        which.status.map(Status::as_str),
        which.created_after,
        which.created_before,
        which.email,
        input::containing(which.text),
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// A lead that was handed in with this key, for whoever is about to say how far they are with it: nobody else changes it
/// until this transaction has ended.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn held_for(db: &mut PgConnection, by: &Partner<LeadsStatus>, id: Uuid) -> Result<Lead> {
    sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads where id = $1 and api_key_id = $2 for update"#,
        id,
        by.key(),
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// How far somebody is with a lead.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[schemars(rename = "LeadProgress")]
pub struct Progress {
    /// How far.
    #[serde(deserialize_with = "status")]
    #[schemars(example = &"contacted")]
    pub status: Status,
    /// What staff are to know about that.
    #[serde(default, deserialize_with = "input::optional_block")]
    #[validate(
        length(min = 1, max = 5000, message = "Write a note of at most 5,000 characters."),
        custom(function = "input::many_lines")
    )]
    #[schemars(regex(pattern = input::BLOCK))]
    pub note: Option<String>,
}

/// Decodes a status, as the form does.
fn status<'de, D: Deserializer<'de>>(input: D) -> Result<Status, D::Error> {
    let given = input::line(input)?;
    let known = Status::ALL.into_iter().find(|status| status.as_str() == given);
    known.ok_or_else(|| serde::de::Error::custom("Choose one of the statuses in the list"))
}

/// Says how far a program is with a lead it has handed in, and what it notes on that, as staff do; what that changes is on the
/// record as the key's, done from `network`. `id` gives fresh ids.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn progress(
    db: &mut PgConnection,
    by: &Partner<LeadsStatus>,
    (id, network): (impl Fn() -> Uuid, &str),
    lead: Uuid,
    new: &Valid<Progress>,
) -> Result<()> {
    let status = Valid::check(NewStatus { status: new.status.as_str().to_owned(), seen: None })?;
    let set = staff::set_status(&mut *db, By::Partner(by), id(), lead, &status).await?;
    let noted = match &new.note {
        Some(note) => {
            let note = Valid::check(NewNote { note: note.clone() })?;
            staff::add_note(&mut *db, By::Partner(by), id(), lead, &note).await?
        }
        None => None,
    };
    for line in set.into_iter().chain(noted) {
        audit::note_program(&mut *db, id(), by, network, line).await?;
    }
    Ok(())
}
