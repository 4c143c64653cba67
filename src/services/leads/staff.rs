//! What is done with leads once they are here: by staff and the operator, and by programs with those they handed in.

use super::{Campaign, Source, Status};
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::accounts;
use crate::services::audit::{self, Act, Line};
use crate::services::consents::Given;
use crate::services::input::{self, Valid};
use crate::services::keys::{LeadsStatus, Partner};
use crate::services::sessions::Staff;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Who works on leads, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// One of us, in the browser.
    Staff(&'a Staff),
    /// A program, on those it has handed in.
    Partner(&'a Partner<LeadsStatus>),
    /// The operator.
    Operator(&'a Operator),
}

impl By<'_> {
    fn staff(self) -> Option<Uuid> {
        match self {
            Self::Staff(staff) => Some(staff.id()),
            Self::Partner(_) | Self::Operator(_) => None,
        }
    }

    /// The key whose leads alone they may touch, where it is one.
    fn key(self) -> Option<Uuid> {
        match self {
            Self::Partner(partner) => Some(partner.key()),
            Self::Staff(_) | Self::Operator(_) => None,
        }
    }
}

/// Which leads to list.
#[derive(Debug, Default)]
pub struct Filter {
    /// Only these.
    pub status: Option<Status>,
    /// Only these.
    pub source: Option<Source>,
    /// Only those that are for tests, or only the others.
    pub test: Option<bool>,
    /// Only those in whose name, address, company or message this stands, in any case.
    pub text: String,
    /// Only those older than this one.
    pub before: Option<Uuid>,
}

/// A lead in a list.
#[derive(Debug)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// Who writes.
    pub name: String,
    /// Where to answer.
    pub email: String,
    /// For whom.
    pub company: Option<String>,
    /// The beginning of what they want.
    pub message: String,
    /// How far staff have come.
    pub status: Status,
    /// Which door.
    pub source: Source,
    /// Whether it is for tests.
    pub test: bool,
    /// When it was accepted.
    pub created_at: OffsetDateTime,
}

/// A lead with everything known about it.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// UUID v7.
    pub id: Uuid,
    /// Who writes.
    pub name: String,
    /// Where to answer.
    pub email: String,
    /// For whom.
    pub company: Option<String>,
    /// Where to ring.
    pub phone: Option<String>,
    /// What they want.
    pub message: String,
    /// How far staff have come.
    pub status: Status,
    /// Which door.
    pub source: Source,
    /// Whether it is for tests.
    pub test: bool,
    /// Whose API key, if one was used.
    pub key_name: Option<String>,
    /// When it was accepted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The words it was given under; none where none of ours were shown.
    pub consent: Option<Given>,
    /// Why it was taken for spam, or nearly.
    pub spam_reasons: Vec<String>,
    /// How they came here.
    pub campaign: Campaign,
    /// What was done, oldest first.
    pub history: Vec<Event>,
}

/// Something staff did.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom.
    pub by: String,
    /// What they noted.
    pub note: Option<String>,
    /// How the status changed.
    pub change: Option<Change>,
}

/// A change of status.
#[derive(Debug, Serialize)]
pub struct Change {
    /// What it was.
    pub from: String,
    /// What it became.
    pub to: String,
}

/// The form that changes the status.
#[derive(Debug, Default, Deserialize, Validate)]
pub struct NewStatus {
    /// One of [`Status::ALL`].
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_status"))]
    pub status: String,
    /// The status that whoever changes it has seen: not to write over what someone else has set since.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "known_status"))]
    pub seen: Option<String>,
}

fn known_status(text: &str) -> Result<(), validator::ValidationError> {
    if Status::ALL.iter().any(|status| status.as_str() == text) {
        return Ok(());
    }
    Err(validator::ValidationError::new("status")
        .with_message("Choose one of the statuses in the list.".into()))
}

/// The form that adds a note.
#[derive(Debug, Deserialize, Validate)]
pub struct NewNote {
    /// What to remember.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(min = 1, max = 5000, message = "Write a note of at most 5,000 characters."),
        custom(function = "input::many_lines")
    )]
    pub note: String,
}

/// Up to `limit` leads, newest first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Staff,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Listed>> {
    let pattern = input::containing(&filter.text);
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Listed,
        r#"select id, name, email, company, left(message, 200) as "message!", status as "status: Status",
                  source as "source: Source", test, created_at
             from leads
            where ($1::text is null or status = $1) and ($2::text is null or source = $2)
              and ($3::text is null or haystack ilike $3) and ($4::uuid is null or id < $4)
              and ($6::bool is null or test = $6)
            order by id desc limit $5"#,
        filter.status.map(Status::as_str),
        filter.source.map(Source::as_str),
        pattern,
        filter.before,
        limit,
        filter.test,
    )
    .fetch_all(db)
    .await?)
}

/// One lead and its history.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, _by: By<'_>, id: Uuid) -> Result<Shown> {
    let row = sqlx::query!(
        r#"select leads.id, leads.name, email, company, phone, message, status as "status: Status",
                  source as "source: Source", leads.created_at, leads.test, spam_reasons, utm_source, utm_medium, utm_campaign,
                  utm_term, utm_content, referrer, landing_page, api_keys.name as "key_name?",
                  version as "version?", words as "words?", consent_at
             from leads left join api_keys on api_keys.id = api_key_id left join consents on version = consent
            where leads.id = $1"#,
        id,
    )
    .fetch_optional(&mut *db)
    .await?
    .ok_or(Error::NotFound)?;
    let campaign = Campaign {
        utm_source: row.utm_source,
        utm_medium: row.utm_medium,
        utm_campaign: row.utm_campaign,
        utm_term: row.utm_term,
        utm_content: row.utm_content,
        referrer: row.referrer,
        landing_page: row.landing_page,
    };
    let consent = (row.version.zip(row.words)).zip(row.consent_at);
    Ok(Shown {
        id: row.id,
        name: row.name,
        email: row.email,
        company: row.company,
        phone: row.phone,
        message: row.message,
        status: row.status,
        source: row.source,
        test: row.test,
        key_name: row.key_name,
        created_at: row.created_at,
        consent: consent.map(|((version, words), at)| Given { version, words, at }),
        spam_reasons: row.spam_reasons,
        campaign,
        history: history(db, id).await?,
    })
}

async fn history(db: &mut PgConnection, lead: Uuid) -> Result<Vec<Event>> {
    let rows = sqlx::query!(
        r#"select at, coalesce(accounts.name, api_keys.name, case when staff_id is null then $3 else $2 end) as "by!", note,
                  from_status, to_status
             from lead_history left join accounts on accounts.id = staff_id left join api_keys on api_keys.id = api_key_id
            where lead_id = $1 order by lead_history.id"#,
        lead,
        accounts::GONE,
        audit::OPERATOR,
    );
    let rows = rows.fetch_all(db).await?;
    let event = rows.into_iter().map(|row| Event {
        at: row.at,
        by: row.by,
        note: row.note,
        change: row.from_status.zip(row.to_status).map(|(from, to)| Change { from, to }),
    });
    Ok(event.collect())
}

/// Changes the status and remembers who did: what goes on the record. To the status it has, it changes nothing, and there is
/// nothing to record.
///
/// `id` is the id of the entry in the history.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where it has neither the status that was seen nor the one it is to have.
pub async fn set_status(
    db: &mut PgConnection,
    by: By<'_>,
    id: Uuid,
    lead: Uuid,
    new: &Valid<NewStatus>,
) -> Result<Option<Line>> {
    let changed = sqlx::query!(
        r#"with old as (select status, status <> $2 and status = coalesce($5, status) as changes
                          from leads where id = $1 and ($6::uuid is null or api_key_id = $6) for update),
                changed as (update leads set status = $2 from old where leads.id = $1 and changes),
                noted as (insert into lead_history (id, lead_id, staff_id, api_key_id, from_status, to_status)
                          select $3, $1, $4, $6, old.status, $2 from old where changes)
           select status as "status: Status", changes as "changes!" from old"#,
        lead,
        new.status,
        id,
        by.staff(),
        new.seen,
        by.key(),
    );
    let row = changed.fetch_optional(db).await?.ok_or(Error::NotFound)?;
    let line = || Act::LeadStatusSet.on("lead", lead).with("status", new.status.as_str());
    match row.status.as_str() {
        _ if row.changes => Ok(Some(line())),
        found if found == new.status => Ok(None),
        found => Err(set_meanwhile(found)),
    }
}

fn set_meanwhile(found: &str) -> Error {
    let message =
        format!("Someone has set it to {found} since you looked. Send it again to replace that.");
    Error::field("seen", message)
}

/// Adds a note: what goes on the record. The same once more within 24 hours, by a program or on the shell, is the same note,
/// and there is nothing to record; a form carries an id, so what comes by two of them is meant twice.
///
/// `id` is the id it gets.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn add_note(
    db: &mut PgConnection,
    by: By<'_>,
    id: Uuid,
    lead: Uuid,
    new: &Valid<NewNote>,
) -> Result<Option<Line>> {
    // In a statement of its own: what a twin commits while we wait here must be visible to the next one.
    sqlx::query!(
        "select id from leads where id = $1 and ($2::uuid is null or api_key_id = $2) for update",
        lead,
        by.key(),
    )
    .fetch_optional(&mut *db)
    .await?
    .ok_or(Error::NotFound)?;
    let added = sqlx::query!(
        "insert into lead_history (id, lead_id, staff_id, api_key_id, note)
         select $1, $2, $3, $5, $4
          where $3::uuid is not null
             or not exists (select from lead_history
                             where lead_id = $2 and note = $4 and staff_id is null and api_key_id is not distinct from $5
                               and at > now() - interval '24 hours')",
        id,
        lead,
        by.staff(),
        new.note,
        by.key(),
    );
    let added = added.execute(db).await?.rows_affected() > 0;
    Ok(added.then(|| Act::LeadNoted.on("lead", lead)))
}

/// How many leads wait for an answer; none that is for tests does.
///
/// # Errors
/// As any statement.
pub async fn count_new(db: &mut PgConnection, _by: &Staff) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from leads where status = 'new' and not test"#
    );
    Ok(count.fetch_one(db).await?)
}
