//! Leads: people who wrote to the business, through whichever door.
//!
//! One rule set for all doors: a lead is accepted by [`submit_all`], whoever hands it in. The same submission within a day
//! is the same lead; one that looks like spam is kept as spam, never dropped.

mod export;
mod mail;
mod new;
mod partner;
mod staff;
mod submit;

pub use export::{COLUMNS, export};
pub use mail::{ForMail, for_mail, lock_sender};
pub use new::{Campaign, NewLead};
pub use partner::{Own, Progress, held_for, of_key, progress};
pub use staff::{
    By, Change, Event, Filter, Listed, NewNote, NewStatus, Shown, add_note, by_id, count_new, list,
    set_status,
};
pub use submit::{Arrival, HandedIn, submit, submit_all};

use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::input::{self, Timestamp};
use crate::services::keys::{LeadsWrite, Partner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// How far staff have come with a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, JsonSchema)]
#[schemars(rename = "LeadStatus")]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Nobody has answered yet.
    New,
    /// Answered.
    Contacted,
    /// Worth pursuing.
    Qualified,
    /// Became a customer.
    Won,
    /// Did not.
    Lost,
    /// Nobody meant to write to us.
    Spam,
}

impl Status {
    /// All of them, in the order of work.
    pub const ALL: [Self; 6] =
        [Self::New, Self::Contacted, Self::Qualified, Self::Won, Self::Lost, Self::Spam];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Contacted => "contacted",
            Self::Qualified => "qualified",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Spam => "spam",
        }
    }
}

/// Which door a lead came through. Decided by the door, never by what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum Source {
    /// The contact form on the site.
    WebsiteForm,
    /// A partner's program.
    PartnerApi,
    /// A member's app.
    MobileApp,
    /// A form on another site.
    Embed,
    /// The operator's shell.
    Cli,
    /// Brought over from elsewhere.
    Import,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::WebsiteForm,
        Self::PartnerApi,
        Self::MobileApp,
        Self::Embed,
        Self::Cli,
        Self::Import,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WebsiteForm => "website-form",
            Self::PartnerApi => "partner-api",
            Self::MobileApp => "mobile-app",
            Self::Embed => "embed",
            Self::Cli => "cli",
            Self::Import => "import",
        }
    }
}

/// Who hands in a lead, and their proof.
#[derive(Debug)]
pub enum Sender<'a> {
    /// A visitor of the site.
    Visitor,
    /// A visitor of another site, or that site's server.
    Embed,
    /// A partner's program.
    Partner(&'a Partner<LeadsWrite>),
    /// The operator.
    Operator(&'a Operator),
}

impl Sender<'_> {
    fn source(&self) -> Source {
        match self {
            Self::Visitor => Source::WebsiteForm,
            Self::Embed => Source::Embed,
            Self::Partner(_) => Source::PartnerApi,
            Self::Operator(_) => Source::Cli,
        }
    }

    fn key(&self) -> Option<Uuid> {
        match self {
            Self::Partner(partner) => Some(partner.key()),
            _ => None,
        }
    }

    /// Whether it is for tests.
    fn is_test(&self) -> bool {
        matches!(self, Self::Partner(partner) if partner.is_test())
    }

    /// Whether they were shown our words. What other doors than our own form show is not ours, and not known.
    fn was_asked(&self) -> bool {
        matches!(self, Self::Visitor)
    }

    /// Whether anyone at all could be behind it.
    fn is_public(&self) -> bool {
        matches!(self, Self::Visitor | Self::Embed)
    }
}

/// A lead as programs see it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Lead {
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
    /// Which door it came through.
    pub source: Source,
    /// How far staff have come with it.
    pub status: Status,
    /// When it was accepted.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub created_at: OffsetDateTime,
}

/// A lead the partner handed in with this key. Anyone else's is not found.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_partner(db: &mut PgConnection, by: &Partner<LeadsWrite>, id: Uuid) -> Result<Lead> {
    sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads where id = $1 and api_key_id = $2"#,
        id,
        by.key(),
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Those of `ids` that are there, for whoever was found to be one who may learn of them.
///
/// # Errors
/// As any statement.
pub(super) async fn by_ids(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Lead>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads where id = any($1)"#,
        ids,
    )
    .fetch_all(db)
    .await?)
}

/// Up to `limit` leads in full, newest first, for the operator.
///
/// # Errors
/// As any statement.
pub async fn latest(
    db: &mut PgConnection,
    _by: &Operator,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Lead>> {
    // As in `list`: one plan cannot serve every combination of filters.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    Ok(sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads
            where ($1::text is null or status = $1) and ($2::text is null or source = $2)
              and ($3::text is null or haystack ilike $3) and ($4::uuid is null or id < $4)
              and ($5::bool is null or test = $5)
            order by id desc limit $6"#,
        filter.status.map(Status::as_str),
        filter.source.map(Source::as_str),
        input::containing(&filter.text),
        filter.before,
        filter.test,
        limit,
    )
    .fetch_all(db)
    .await?)
}
