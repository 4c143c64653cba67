//! Asking to be written to, and confirming it.
//!
//! Anyone can type anyone's address. So a mail goes out only so often: to one mailbox, to one domain, in all. Beyond that
//! nothing is sent, and the answer stays the same.

use super::{Confirming, Holder, Keeper, Status, set_topics};
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::input::{self, Valid};
use crate::services::outbox::{self, New};
use serde::Deserialize;
use sqlx::PgConnection;
use templates::consent::NEWSLETTER;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Mails to one mailbox that has not proved anything: in an hour, in a day.
const TO_MAILBOX: (i64, i64) = (1, 5);
/// To those who are here already: in a day.
const TO_KNOWN: i64 = 1;
/// To one domain in an hour, unless half the world is there.
const TO_DOMAIN: i64 = 100;
/// In all in an hour.
const TO_ALL: i64 = 1000;

/// Where half the world is.
const LARGE: [&str; 24] = [
    "163.com",
    "aol.com",
    "free.fr",
    "gmail.com",
    "gmx.at",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
    "yandex.ru",
];

/// What somebody asks for.
#[derive(Debug, Deserialize, Validate)]
pub struct Ask {
    /// Where to.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
    /// What they want to hear of; nothing is everything.
    #[serde(default, deserialize_with = "input::list")]
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
}

impl From<'_> {
    fn source(&self) -> &'static str {
        match self {
            Self::Visitor => "website-form",
            Self::Keeper(Keeper::Staff(_)) => "staff",
            Self::Keeper(Keeper::Operator(_)) => "cli",
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
    // In a statement of its own: what a twin commits while we wait here must be visible to the next one.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('subscriber ' || lower($1), 0))",
        new.email
    )
    .execute(&mut *db)
    .await?;
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
    if !may_write(db, id, now, &new.email, asked.status).await? {
        return Ok(());
    }
    let mail = match asked.status {
        Status::Confirmed => Mail::SubscribedAlready { subscriber: asked.id },
        _ => Mail::ConfirmSubscription { subscriber: asked.id },
    };
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

/// Whether another mail may go there now; where it may, it counts. Requests for other addresses under way at this moment
/// are not counted: there are as many of them as connections, which makes no difference.
async fn may_write(
    db: &mut PgConnection,
    id: Uuid,
    now: OffsetDateTime,
    email: &str,
    status: Status,
) -> Result<bool> {
    let (mailbox, domain) = mailbox(email);
    sqlx::query!(
        "delete from subscription_mails where at < $1::timestamptz - interval '1 day'",
        now
    )
    .execute(&mut *db)
    .await?;
    let sent = sqlx::query!(
        r#"select (select count(*) from subscription_mails where mailbox = $1 and at > $3::timestamptz - interval '1 hour') as "in_hour!",
                  (select count(*) from subscription_mails where mailbox = $1) as "in_day!",
                  (select count(*) from subscription_mails where domain = $2 and at > $3 - interval '1 hour') as "to_domain!",
                  (select count(*) from subscription_mails where at > $3 - interval '1 hour') as "to_all!""#,
        mailbox,
        domain,
        now,
    )
    .fetch_one(&mut *db)
    .await?;
    let (in_hour, in_day) = TO_MAILBOX;
    let most = if status == Status::Confirmed { TO_KNOWN } else { in_day };
    let crowded = sent.to_domain >= TO_DOMAIN && !LARGE.contains(&domain.as_str());
    if crowded || sent.to_all >= TO_ALL {
        tracing::warn!(
            "more people than is likely want the newsletter; no mail goes to some of them"
        );
    }
    if sent.in_hour >= in_hour || sent.in_day >= most || crowded || sent.to_all >= TO_ALL {
        return Ok(false);
    }
    sqlx::query!(
        "insert into subscription_mails (id, mailbox, domain, at) values ($1, $2, $3, $4)",
        id,
        mailbox,
        domain,
        now,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// The mailbox and its domain: without what stands after a plus, and without the dots that one provider ignores, as both
/// would make many addresses of one mailbox.
pub fn mailbox(email: &str) -> (String, String) {
    let email = email.to_lowercase();
    let (name, domain) = email.rsplit_once('@').unwrap_or((&email, ""));
    let name = name.split('+').next().unwrap_or_default();
    let name = match domain {
        "gmail.com" | "googlemail.com" => name.replace('.', ""),
        _ => name.to_owned(),
    };
    (format!("{name}@{domain}"), domain.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_of_one_mailbox_are_one() {
        let same = ["ann.li@gmail.com", "Annli+7@gmail.com", "a.n.n.l.i@GMAIL.com"];
        assert!(same.iter().all(|email| mailbox(email).0 == "annli@gmail.com"));
        assert_eq!(
            mailbox("ann.li+x@example.com"),
            ("ann.li@example.com".into(), "example.com".into())
        );
    }
}
