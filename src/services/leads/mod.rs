//! Leads: people who wrote to the business, through whichever door.
//!
//! One rule set for all doors: a lead is accepted by [`submit`], whoever hands it in. The same submission within a day
//! is the same lead; one that looks like spam is kept as spam, never dropped.

mod mail;
mod new;
mod staff;

pub use mail::{ForMail, for_mail, lock_sender};
pub use new::{Campaign, NewLead};
pub use staff::{
    Change, Event, Filter, Listed, NewNote, NewStatus, Shown, add_note, by_id, count_new, list,
    set_status,
};

use crate::digest;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::policies::Operator;
use crate::services::input::{Timestamp, Valid};
use crate::services::keys::{LeadsWrite, Partner};
use crate::services::outbox;
use crate::services::spam::{self, Signals, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// How far staff have come with a lead.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    sqlx::Type,
    clap::ValueEnum,
    JsonSchema,
)]
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
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    sqlx::Type,
    clap::ValueEnum,
    JsonSchema,
)]
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

    /// The words they were shown: what our own form says. What other doors show is not ours, and not known.
    fn consent<'new>(&self, new: &'new NewLead) -> Option<&'new str> {
        match self {
            Self::Visitor => new.consent.as_deref(),
            _ => None,
        }
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

/// A lead at the door.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The id it gets if it is new.
    pub id: Uuid,
    /// When it came.
    pub at: OffsetDateTime,
}

/// Accepts a lead. The same submission within 24 hours is the same lead: it is returned, and nothing is added. So is one
/// with the same id, which arrives again when nobody could tell whether it had been stored.
///
/// # Errors
/// As any statement: then nothing was accepted.
pub async fn submit(
    db: &mut PgConnection,
    arrival: &Arrival,
    from: &Sender<'_>,
    new: &Valid<NewLead>,
) -> Result<Lead> {
    let fingerprint = fingerprint(from, new);
    // In a statement of its own: what a twin commits while we wait here must be visible to the next one.
    sqlx::query!("select pg_advisory_xact_lock($1)", lock_of(&fingerprint))
        .execute(&mut *db)
        .await?;
    let known = sqlx::query!(
        r#"select (select id from leads where id = $4
                    or (fingerprint = $1 and created_at > $5::timestamptz - interval '24 hours')
                    order by created_at desc limit 1) as twin,
                  (select count(*) from leads where lower(email) = lower($2) and not test
                      and created_at > $5 - interval '1 hour') as "by_sender!",
                  (select count(*) from leads where md5(message) = md5($3) and not test
                      and created_at > $5 - interval '1 hour') as "by_text!""#,
        fingerprint.as_slice(),
        new.email,
        new.message,
        arrival.id,
        arrival.at,
    )
    .fetch_one(&mut *db)
    .await?;
    if let Some(twin) = known.twin {
        return any_by_id(db, twin).await;
    }
    let verdict = match from.is_public() {
        true => spam::judge(&Signals {
            trap: &new.website,
            lines: [&new.name, new.company.as_deref().unwrap_or_default()],
            message: &new.message,
            elapsed_ms: new.elapsed_ms,
            by_sender: known.by_sender,
            by_text: known.by_text,
        }),
        false => Verdict::default(),
    };
    if !from.is_test() {
        announce(&mut *db, arrival.id).await?;
    }
    insert(db, arrival, from, new, &fingerprint, &verdict).await
}

/// Has whoever is to know told. Of a lead that is for tests nobody is.
async fn announce(db: &mut PgConnection, lead: Uuid) -> Result<()> {
    let new = outbox::New {
        id: lead, // one for each lead, so the same id will do
        job: &Job::LeadArrived { lead },
        cause: format!("lead:{lead}"),
        recipient: None,
        once: None,
        not_before: None,
    };
    outbox::put(db, &new).await
}

async fn insert(
    db: &mut PgConnection,
    arrival: &Arrival,
    from: &Sender<'_>,
    new: &NewLead,
    fingerprint: &[u8],
    verdict: &Verdict,
) -> Result<Lead> {
    let status = if verdict.is_spam() { Status::Spam } else { Status::New };
    let Campaign {
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        utm_content,
        referrer,
        landing_page,
    } = &new.campaign;
    Ok(sqlx::query_as!(
        Lead,
        r#"insert into leads (id, name, email, company, phone, message, status, source, api_key_id, fingerprint,
               spam_score, spam_reasons, utm_source, utm_medium, utm_campaign, utm_term, utm_content, referrer,
               landing_page, created_at, test, consent, consent_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $22,
               (select version from consents where version = $21 and form = 'contact'),
               (select $20::timestamptz from consents where version = $21 and form = 'contact'))
           returning id, name, email, company, phone, message, source as "source: Source",
               status as "status: Status", created_at"#,
        arrival.id,
        new.name,
        new.email,
        new.company.as_deref(),
        new.phone.as_deref(),
        new.message,
        status as Status,
        from.source() as Source,
        from.key(),
        fingerprint,
        verdict.score,
        &verdict.reasons,
        utm_source.as_deref(),
        utm_medium.as_deref(),
        utm_campaign.as_deref(),
        utm_term.as_deref(),
        utm_content.as_deref(),
        referrer.as_deref(),
        landing_page.as_deref(),
        arrival.at,
        from.consent(new),
        from.is_test(),
    )
    .fetch_one(db)
    .await?)
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

/// Those of `ids` that are there, for whoever is told of them: it was seen to that they may learn of these.
///
/// # Errors
/// As any statement.
pub(super) async fn told(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Lead>> {
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

/// The newest leads, for the operator, or the newest of those that are for tests.
///
/// # Errors
/// As any statement.
pub async fn latest(
    db: &mut PgConnection,
    _by: &Operator,
    test: bool,
    limit: i64,
) -> Result<Vec<Lead>> {
    Ok(sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads where test = $1 order by id desc limit $2"#,
        test,
        limit,
    )
    .fetch_all(db)
    .await?)
}

async fn any_by_id(db: &mut PgConnection, id: Uuid) -> Result<Lead> {
    Ok(sqlx::query_as!(
        Lead,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status as "status: Status", created_at
             from leads where id = $1"#,
        id,
    )
    .fetch_one(db)
    .await?)
}

/// What makes two submissions the same: who hands them in, and every word a reader would see.
fn fingerprint(from: &Sender<'_>, new: &NewLead) -> [u8; 32] {
    let email = new.email.to_lowercase();
    let key = from.key().unwrap_or_default();
    digest::of_parts([
        from.source().as_str().as_bytes(),
        key.as_bytes(),
        new.name.as_bytes(),
        email.as_bytes(),
        new.company.as_deref().unwrap_or_default().as_bytes(),
        new.phone.as_deref().unwrap_or_default().as_bytes(),
        new.message.as_bytes(),
    ])
}

/// Transactions with the same fingerprint wait for each other here; others hardly ever meet.
fn lock_of(fingerprint: &[u8; 32]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *fingerprint;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
