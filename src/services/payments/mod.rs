//! Payments: what we ask of Stripe ([`calls`]), somebody's way through its checkout ([`checkouts`]), and what it says ([`mirror`]).
//!
//! The network is not here: `crate::payments` speaks to Stripe between these transactions.

pub mod calls;
pub mod checkouts;
pub mod marks;
pub mod mirror;

pub use mirror::{Because, Fresh, Object, take_in};

use crate::error::Result;
use sqlx::PgConnection;

/// What an event is about, as far as we follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// Somebody's way through checkout, and what has begun with it.
    Session,
    /// The same, where a payment that takes days has failed.
    FailedSession,
    /// A subscription.
    Subscription,
    /// An invoice, and the subscription that it is for.
    Invoice,
    /// What goes back of a charge.
    Charge,
    /// How it goes with that.
    Refund,
    /// What a bank took back.
    Dispute,
}

impl About {
    /// What an event of this type is about; none where we do nothing about it.
    pub fn of(kind: &str) -> Option<Self> {
        match kind {
            "checkout.session.completed"
            | "checkout.session.expired"
            | "checkout.session.async_payment_succeeded" => Some(Self::Session),
            "checkout.session.async_payment_failed" => Some(Self::FailedSession),
            "customer.subscription.created"
            | "customer.subscription.updated"
            | "customer.subscription.deleted"
            | "customer.subscription.trial_will_end" => Some(Self::Subscription),
            "invoice.paid" | "invoice.payment_failed" => Some(Self::Invoice),
            "charge.refunded" => Some(Self::Charge),
            "charge.refund.updated" | "refund.updated" | "refund.failed" => Some(Self::Refund),
            kind if kind.starts_with("charge.dispute.") => Some(Self::Dispute),
            _ => None,
        }
    }
}

/// A number for somebody who is about to read something at Stripe: whatever is read under a larger one is newer.
///
/// # Errors
/// As any statement.
pub async fn next_read(db: &mut PgConnection) -> Result<i64> {
    let number = sqlx::query_scalar!(r#"select nextval('stripe_reads') as "number!""#);
    Ok(number.fetch_one(db).await?)
}

/// Type and payload of an event of Stripe's that is to be acted upon; none where it is another's, or is done.
///
/// # Errors
/// As any statement.
pub async fn told(db: &mut PgConnection, event: uuid::Uuid) -> Result<Option<(String, Vec<u8>)>> {
    let told = sqlx::query!(
        r#"select type as kind, payload as "payload!" from inbox
            where id = $1 and source = 'stripe' and state <> 'done' and payload is not null"#,
        event,
    );
    Ok(told.fetch_optional(db).await?.map(|row| (row.kind, row.payload)))
}

/// Notes that something has followed, once for each object and kind; false where it had before.
async fn follows(
    db: &mut PgConnection,
    object: &str,
    kind: &str,
    because: &Because<'_>,
    detail: Option<&str>,
) -> Result<bool> {
    let noted = sqlx::query!(
        "insert into stripe_effects (object, kind, event, detail) values ($1, $2, $3, $4) on conflict do nothing",
        object,
        kind,
        because.event,
        detail,
    );
    Ok(noted.execute(db).await?.rows_affected() == 1)
}
