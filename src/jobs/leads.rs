//! What a new lead brings about.

use crate::app::App;
use crate::error::{Result, found};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::outbox::{self, New};
use crate::services::strangers::{self, Purpose};
use crate::services::{leads, settings, staff};
use sqlx::PgConnection;
use uuid::Uuid;

/// Tells the staff who want to know, not in their quiet hours, and thanks the sender, once.
///
/// # Errors
/// As any statement.
pub async fn arrived(app: &App, db: &mut PgConnection, lead: Uuid) -> Result<()> {
    // In a statement of its own: what another worker commits for the same sender while we wait must be visible to the next.
    leads::lock_sender(db, lead).await?;
    let Some(sender) = found(leads::for_mail(db, lead).await)? else {
        return Ok(()); // erased meanwhile
    };
    if sender.is_spam {
        return Ok(()); // staff find it in the list
    }
    for told in staff::to_be_told_of_leads(db, app.clock.now()).await? {
        let new = New {
            id: app.clock.id(),
            job: &Job::Mail(Mail::LeadNotice { lead, staff: told.id }),
            cause: format!("lead:{lead}"),
            recipient: Some(&told.email),
            once: Some(format!("lead-notice:{lead}:{}", told.id)),
            not_before: told.not_before,
        };
        outbox::put(db, &new).await?;
    }
    let wanted = sender.wants_receipt && settings::autoreply(db).await?.on;
    if wanted && may_be_thanked(app, db, &sender.email).await? {
        let new = New {
            id: app.clock.id(),
            job: &Job::Mail(Mail::LeadReceipt { lead }),
            cause: format!("lead:{lead}"),
            recipient: Some(&sender.email),
            once: Some(format!("lead-receipt:{lead}")),
            not_before: None,
        };
        outbox::put(db, &new).await?;
    }
    Ok(())
}

/// A mailbox is thanked once a day, whatever is typed before `@`: whoever writes in another's name has us write to them.
async fn may_be_thanked(app: &App, db: &mut PgConnection, email: &str) -> Result<bool> {
    let now = (app.clock.id(), app.clock.now());
    strangers::lock(&mut *db, email).await?;
    strangers::may_be_written_to(db, now, email, Purpose::Receipt).await
}
