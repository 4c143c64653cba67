//! Asking to be written to, and confirming it.
//!
//! Anyone can type anyone's address. So a mail goes out only so often (`strangers`), and the answer stays the same.

use super::{Confirming, Holder, Keeper, Status, set_topics};
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::input::{self, Valid};
use crate::services::keys::{Partner, SubscribersWrite};
use crate::services::outbox::{self, New};
use crate::services::strangers::{self, Purpose};
use serde::Deserialize;
use sqlx::PgConnection;
use templates::consent::NEWSLETTER;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// What somebody asks for.
#[derive(Debug, Deserialize, Validate)]
pub struct Ask {
    /// Where to.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
    /// What they want to hear of; nothing is everything.
    #[serde(default, deserialize_with = "input::list")]
    #[validate(custom(function = "input::lines"))]
    pub topics: Vec<String>,
    /// The field that people do not see.
    #[serde(default, deserialize_with = "input::line")]
    pub website: String,
}

/// Who asks.
#[derive(Debug)]
pub enum From<'a> {
    /// Anyone, in the form on every page.
    Visitor,
    /// Somebody told them.
    Keeper(&'a Keeper<'a>),
    /// A program, which was told so.
    Partner(&'a Partner<SubscribersWrite>),
}

impl From<'_> {
    fn source(&self) -> &'static str {
        match self {
            Self::Visitor => "website-form",
            Self::Keeper(Keeper::Staff(_)) => "staff",
            Self::Keeper(Keeper::Operator(_)) => "cli",
            Self::Partner(_) => "partner-api",
        }
    }
}

/// Has a mail go to the address, which says how to confirm; `id` is a fresh one. Whoever is here already is told so.
///
/// # Errors
/// As any statement.
pub async fn ask(
    db: &mut PgConnection,
    (id, now): (Uuid, OffsetDateTime),
    from: &From<'_>,
    new: &Valid<Ask>,
) -> Result<()> {
    if !new.website.is_empty() {
        return Ok(()); // a program; it is thanked like everyone else
    }
    strangers::lock(&mut *db, &new.email).await?;
    let asked = sqlx::query!(
        r#"insert into subscribers (id, email, status, source, consent, consent_at, asked_at, digest_from, created_at)
           values ($1, $2, 'pending', $3, $4, $5, $5, $5, $5)
           on conflict (lower(email)) do update set asked_at = $5
           returning id, status as "status: Status""#,
        id,
        new.email,
        from.source(),
        NEWSLETTER.version,
        now,
    )
    .fetch_one(&mut *db)
    .await?;
    if asked.status == Status::Pending {
        set_topics(db, asked.id, &new.topics).await?;
    }
    let (purpose, mail) = match asked.status {
        Status::Confirmed => {
            (Purpose::SubscribedAlready, Mail::SubscribedAlready { subscriber: asked.id })
        }
        _ => (Purpose::Subscription, Mail::ConfirmSubscription { subscriber: asked.id }),
    };
    if !strangers::may_be_written_to(&mut *db, (id, now), &new.email, purpose).await? {
        return Ok(());
    }
    let new = New {
        id, // one for each request, so the same id will do
        job: &Job::Mail(mail),
        cause: format!("subscriber:{}", asked.id),
        recipient: Some(&new.email),
        once: None,
        not_before: None,
    };
    outbox::put(db, &new).await
}

/// Takes the word of whoever holds the link. Said twice it is said once.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where nobody asked again since they left.
pub async fn confirm(
    db: &mut PgConnection,
    by: &Holder<Confirming>,
    now: OffsetDateTime,
) -> Result<Uuid> {
    let confirmed = sqlx::query_scalar!(
        "update subscribers set status = 'confirmed', confirmed_at = $2, ended_at = null, remark = null,
                digest_from = $2, consent = $3, consent_at = coalesce(asked_at, $2)
          where id = $1 and awaited returning email",
        by.id,
        now,
        NEWSLETTER.version,
    );
    if let Some(email) = confirmed.fetch_optional(&mut *db).await? {
        // Whatever stood against this address: the mail that asked has arrived, and somebody says yes.
        sqlx::query!(
            "delete from suppressions where email = lower($1) and purpose in ('newsletter', 'digest')",
            email,
        )
        .execute(db)
        .await?;
        return Ok(by.id);
    }
    match super::held(db, by).await?.status {
        Status::Confirmed => Ok(by.id),
        _ => Err(Error::field(
            "",
            "This link was for an earlier request. Ask again, and follow the link in the new mail.",
        )),
    }
}
