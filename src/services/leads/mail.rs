//! What mails about a lead need to know.

use super::Source;
use crate::error::{Error, Result};
use sqlx::PgConnection;
use uuid::Uuid;

/// What a mail about a lead needs.
#[derive(Debug)]
pub struct ForMail {
    /// Which.
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
    /// Whether it looks like spam.
    pub is_spam: bool,
    /// Whether the sender is to be thanked: a person wrote, and was not thanked within a day.
    pub wants_receipt: bool,
}

/// The lead `id`, for a mail about it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<ForMail> {
    sqlx::query_as!(
        ForMail,
        r#"select id, name, email, company, phone, message, source as "source: Source",
                  status = 'spam' as "is_spam!",
                  status <> 'spam' and source in ('website-form', 'embed') and not exists (
                      select from outbox where recipient = lower(email) and once like 'lead-receipt:%'
                         and outbox.created_at > now() - interval '24 hours') as "wants_receipt!"
             from leads where id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Has whoever decides about the same sender's receipts wait until this transaction has ended: two leads that come in
/// together are thanked for once.
///
/// # Errors
/// As any statement.
pub async fn lock_sender(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('receipt:' || lower(email), 0)) from leads where id = $1",
        id,
    )
    .execute(db)
    .await?;
    Ok(())
}
