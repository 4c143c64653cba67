//! What we ask of Stripe: written down before it is sent, and the same however often it is sent again.
//!
//! A call is there once for each purpose, and of what may be asked again, one at a time. Its id is the key by which Stripe has it
//! done once. What comes back is noted in the transaction that does with it what it is for.

use super::checkouts;
use super::mirror::{Because, Fresh, Object, take_in, tell_owners};
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::outbox::{self, New};
use crate::services::{orders, plans};
use crate::stripe::{Frozen, understood};
use serde_json::Value;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Stripe knows a key for a day at least. After that the same call could have its effect a second time.
const GOOD_FOR: Duration = Duration::hours(23);
/// Whoever asked first has so long before somebody else asks again.
const COMPLETED_AFTER: Duration = Duration::seconds(15);

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its key.
    pub id: Uuid,
    /// What for: `checkout:{id}`.
    pub purpose: String,
    /// What is asked.
    pub asked: Frozen,
    /// frozen, answered, refused.
    pub state: String,
    /// What came back, by its id.
    pub object: Option<String>,
    /// Why it was refused.
    pub remark: Option<String>,
    /// When it was written down.
    pub created_at: OffsetDateTime,
}

impl Call {
    /// Whether it is too late to send it again.
    pub fn is_too_old(&self, now: OffsetDateTime) -> bool {
        now - self.created_at > GOOD_FOR
    }

    /// What it is about, and whose: the first two parts of what it is for.
    fn about(&self) -> (&str, &str) {
        let mut parts = self.purpose.split(':');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    }

    /// Whether the same may be asked again once it was answered: what can be had today may be had no more tomorrow.
    fn may_be_asked_again(&self) -> bool {
        self.purpose.starts_with("offered-")
    }
}

/// Writes a call down, with a job that sees it through where whoever wrote it does not; where there is one for this purpose, that
/// one stands as it is. `id` and `job` are fresh.
///
/// # Errors
/// As any statement.
pub async fn freeze(
    db: &mut PgConnection,
    (id, job): (Uuid, Uuid),
    now: OffsetDateTime,
    purpose: &str,
    asked: &Frozen,
) -> Result<Uuid> {
    let frozen = sqlx::query!(
        "insert into stripe_calls (id, purpose, path, body, created_at) values ($1, $2, $3, $4, $5)
             on conflict on constraint stripe_calls_purpose_key do nothing",
        id,
        purpose,
        asked.path,
        asked.body,
        now,
    );
    if frozen.execute(&mut *db).await?.rows_affected() == 0 {
        let known = sqlx::query_scalar!("select id from stripe_calls where purpose = $1", purpose);
        return Ok(known.fetch_one(db).await?);
    }
    let new = New {
        id: job,
        job: &Job::StripeCall { call: id },
        cause: format!("stripe-call:{id}"),
        recipient: None,
        once: None,
        not_before: Some(now + COMPLETED_AFTER),
    };
    outbox::put(db, &new).await?;
    Ok(id)
}

/// One of them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, id: Uuid) -> Result<Call> {
    let row = sqlx::query!(
        "select id, purpose, path, body, state, object, remark, created_at from stripe_calls where id = $1",
        id
    );
    let row = row.fetch_optional(db).await?.ok_or(Error::NotFound)?;
    Ok(Call {
        id: row.id,
        purpose: row.purpose,
        asked: Frozen { path: row.path, body: row.body },
        state: row.state,
        object: row.object,
        remark: row.remark,
        created_at: row.created_at,
    })
}

/// Counts a try, and gives the number under which the answer is read; none where the call was settled by then.
///
/// # Errors
/// As any statement.
pub async fn tried(db: &mut PgConnection, call: Uuid) -> Result<Option<i64>> {
    let counted = sqlx::query_scalar!(
        r#"update stripe_calls set tries = tries + 1 where id = $1 and state = 'frozen' returning nextval('stripe_reads') as "read!""#,
        call,
    );
    Ok(counted.fetch_optional(db).await?)
}

/// Gives up all calls whose purpose begins like this and that nobody has answered yet: by now something else is wanted, and it must
/// not be overtaken by what was wanted before.
///
/// # Errors
/// As any statement.
pub async fn give_up(db: &mut PgConnection, purpose: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update stripe_calls set state = 'refused', remark = 'Something else was wanted by then.', body = '', ended_at = $2,
                purpose = purpose || ' (refused) ' || id
          where state = 'frozen' and starts_with(purpose, $1)",
        purpose,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Does with an answer what the call was for, unless that was done. What was sent is not kept: there are addresses in it.
///
/// # Errors
/// As any statement.
pub async fn answered(
    db: &mut PgConnection,
    call: &Call,
    (read, answer): (i64, &Value),
    because: &Because<'_>,
) -> Result<()> {
    let object = answer["id"].as_str().unwrap_or_default();
    if call.may_be_asked_again() {
        plans::hold(&mut *db).await?;
    }
    let settled = sqlx::query!(
        "update stripe_calls set state = 'answered', object = $2, body = '', ended_at = $3,
                purpose = case when $4 then purpose || ' (answered) ' || id else purpose end
          where id = $1 and state = 'frozen'",
        call.id,
        object,
        because.now,
        call.may_be_asked_again(),
    );
    if settled.execute(&mut *db).await?.rows_affected() == 0 {
        return Ok(());
    }
    let (what, whose) = call.about();
    let id = || whose.parse::<Uuid>().map_err(|error| Error::Internal(error.into()));
    let fresh = |object: Object| Fresh { read, objects: vec![object] };
    match what {
        "customer" => is_customer(db, id()?, object).await,
        "product" | "price" | "coupon" => plans::known_to_stripe(db, what, id()?, object).await,
        "offered-product" | "offered-price" => {
            let offered = answer["active"].as_bool().unwrap_or_default();
            plans::offered_at_stripe(&mut *db, what, id()?, offered).await?;
            // It may have been decided otherwise while this was on its way.
            plans::tell_of_offers(db, because.id, because.now).await
        }
        "checkout" => checkouts::opened(db, id()?, &understood(answer.clone())?).await,
        "refund" => take_in(db, &fresh(Object::Refund(understood(answer.clone())?)), because)
            .await
            .map(drop),
        "ending" => {
            let now = fresh(Object::Subscription(understood(answer.clone())?));
            take_in(db, &now, because).await.map(drop)
        }
        "expiry" => {
            let over = fresh(Object::Session(understood(answer.clone())?));
            take_in(&mut *db, &over, because).await?;
            orders::note_cancelled(db, id()?).await
        }
        _ => Ok(()),
    }
}

async fn is_customer(db: &mut PgConnection, account: Uuid, customer: &str) -> Result<()> {
    // An account that is gone by now is nobody's customer.
    sqlx::query!(
        "insert into stripe_customers (account_id, customer) select id, $2 from accounts where id = $1 on conflict do nothing",
        account,
        customer,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that a call was refused, and what that means for what it was for: a checkout is over, and of money that does not go back
/// owners are told, and its buyer where they were promised it. Whoever wants the same once more writes down another.
///
/// # Errors
/// As any statement.
pub async fn refused(
    db: &mut PgConnection,
    call: &Call,
    why: &str,
    because: &Because<'_>,
) -> Result<()> {
    let settled = sqlx::query!(
        "update stripe_calls set state = 'refused', remark = $2, body = '', ended_at = $3, purpose = purpose || ' (refused) ' || id
          where id = $1 and state = 'frozen'",
        call.id,
        why,
        because.now,
    );
    if settled.execute(&mut *db).await?.rows_affected() == 0 {
        return Ok(());
    }
    let (what, whose) = call.about();
    match (what, whose.parse()) {
        ("checkout", Ok(checkout)) => checkouts::refused(db, checkout, because.now).await,
        ("refund", Ok(order)) => {
            orders::stuck(&mut *db, (order, &call.id.to_string()), false, because).await?;
            let mail = |staff| Mail::RefundFailed { order, staff };
            tell_owners(db, &call.id.to_string(), mail, because).await
        }
        _ => Ok(()),
    }
}
