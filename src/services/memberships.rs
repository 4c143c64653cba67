//! Membership, as its owner and the desk see it: what somebody pays, and what they were given.

use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::payments::{calls, checkouts};
use crate::services::sessions::Member;
use crate::stripe::asking;
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// A subscription, as its owner sees it.
#[derive(Debug, Serialize)]
pub struct Held {
    /// What Stripe calls it.
    pub id: String,
    /// What the plan is called; none where it is not one of ours any more.
    pub plan: Option<String>,
    /// How it stands.
    pub status: String,
    /// How often it is paid.
    pub period: Option<String>,
    /// How much.
    pub amount: Option<i64>,
    /// Of what.
    pub currency: Option<String>,
    /// Until when it is paid for.
    pub current_period_end: Option<OffsetDateTime>,
    /// Until when it costs nothing.
    pub trial_end: Option<OffsetDateTime>,
    /// Whether it ends with what is paid for.
    pub ends: bool,
}

/// The subscription of `who` that is not over; the last to begin, where there are several.
///
/// # Errors
/// As any statement.
pub async fn of(db: &mut PgConnection, who: &Member) -> Result<Option<Held>> {
    Ok(sqlx::query_as!(
        Held,
        r#"select subscriptions.id, plans.name as "plan?", status, period as "period?", amount as "amount?", currency as "currency?",
                  current_period_end, trial_end, cancel_at_period_end as ends
             from subscriptions left join plans on plans.id = subscriptions.plan_id
             left join plan_prices on stripe_price = price
            where account_id = $1 and status not in ('canceled', 'incomplete_expired')
            order by subscriptions.created_at desc, subscriptions.id limit 1"#,
        who.id(),
    )
    .fetch_optional(db)
    .await?)
}

/// Whether `who` has ever paid here, so that there is something to look after at Stripe; its name for them.
///
/// # Errors
/// As any statement.
pub async fn customer(db: &mut PgConnection, who: &Member) -> Result<Option<String>> {
    let customer = sqlx::query_scalar!(
        "select customer from stripe_customers where account_id = $1",
        who.id()
    );
    Ok(customer.fetch_optional(db).await?)
}

/// Whether a checkout of `who` is paid for and nothing has begun with it yet, as far as is known here.
///
/// # Errors
/// As any statement.
pub async fn is_awaited(db: &mut PgConnection, who: &Member) -> Result<bool> {
    let awaited = sqlx::query_scalar!(
        r#"select exists (select from checkouts where account_id = $1 and state in ('begun', 'open')) as "is!""#,
        who.id(),
    );
    Ok(awaited.fetch_one(db).await?)
}

/// Writes down that the subscription of `who` is to end with what is paid for, or is not. `errand` is what it is asked by, such
/// as the id of a form: it is asked once for each. The ids are fresh.
///
/// # Errors
/// [`Error::NotFound`] where they have none.
pub async fn set_ending(
    db: &mut PgConnection,
    who: &Member,
    ids: (Uuid, Uuid),
    now: OffsetDateTime,
    ends: bool,
) -> Result<Uuid> {
    let held = of(&mut *db, who).await?.ok_or(Error::NotFound)?;
    let about = format!("ending:{}:", who.id());
    calls::give_up(&mut *db, &about, now).await?;
    let purpose = format!("{about}{}", ids.0);
    calls::freeze(db, ids, now, &purpose, &asking::ending(&held.id, ends)).await
}

/// Writes down that `who` wants to look after their payments at Stripe, and to come `back` here. The ids are fresh.
///
/// # Errors
/// [`Error::NotFound`] where they never paid.
pub async fn ask_for_portal(
    db: &mut PgConnection,
    who: &Member,
    ids: (Uuid, Uuid),
    now: OffsetDateTime,
    back: &str,
) -> Result<Uuid> {
    let customer = customer(&mut *db, who).await?.ok_or(Error::NotFound)?;
    let purpose = format!("portal:{}:{}", who.id(), ids.0);
    calls::freeze(db, ids, now, &purpose, &asking::portal(&customer, back)).await
}

/// Writes down that whatever somebody pays, or is about to, is to end, because their account will: nobody could end it any more.
///
/// # Errors
/// As any statement.
pub async fn end_all(
    db: &mut PgConnection,
    email: &str,
    now: OffsetDateTime,
    id: impl Fn() -> Uuid,
) -> Result<()> {
    let accounts =
        sqlx::query_scalar!("select id from accounts where lower(email) = lower($1)", email);
    for account in accounts.fetch_all(&mut *db).await? {
        for unheard in ["ending", "customer"] {
            calls::give_up(&mut *db, &format!("{unheard}:{account}"), now).await?;
        }
        for checkout in checkouts::unpaid(&mut *db, account).await? {
            calls::give_up(&mut *db, &format!("checkout:{checkout}"), now).await?;
            checkouts::end(&mut *db, checkout, (id(), id()), now).await?;
        }
    }
    let running = sqlx::query!(
        r#"select subscriptions.id, account_id as "account!" from subscriptions join accounts on accounts.id = account_id
            where lower(email) = lower($1) and status not in ('canceled', 'incomplete_expired') and not cancel_at_period_end
            order by subscriptions.id"#,
        email,
    );
    for one in running.fetch_all(&mut *db).await? {
        let purpose = format!("ending:{}:{}", one.account, one.id);
        calls::freeze(&mut *db, (id(), id()), now, &purpose, &asking::ending(&one.id, true))
            .await?;
    }
    Ok(())
}

/// Gives somebody what others pay for. `id` is a fresh one.
///
/// # Errors
/// [`Error::Invalid`] where nobody has the address, it is over already, or nobody would know why.
pub async fn grant(
    db: &mut PgConnection,
    _by: &Operator,
    id: Uuid,
    email: &str,
    (until, reason): (Option<OffsetDateTime>, &str),
    now: OffsetDateTime,
) -> Result<Uuid> {
    if until.is_some_and(|until| until <= now) {
        return Err(Error::field(
            "until",
            "That is over already. Name a moment that is still to come.",
        ));
    }
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::field("reason", "Say why, for whoever looks at it later."));
    }
    let granted = sqlx::query_scalar!(
        "insert into membership_grants (id, account_id, until, reason)
         select $1, accounts.id, $3, $4 from accounts where lower(email) = lower($2) returning account_id",
        id,
        email,
        until,
        reason,
    );
    let missing = || Error::field("email", "There is no account with this address.");
    granted.fetch_optional(db).await?.ok_or_else(missing)
}

/// Takes back whatever somebody was given; says how much that was.
///
/// # Errors
/// [`Error::Invalid`] where it is nothing.
pub async fn take_back(db: &mut PgConnection, _by: &Operator, email: &str) -> Result<u64> {
    let taken = sqlx::query!(
        "update membership_grants set revoked_at = now()
          where revoked_at is null and account_id = (select id from accounts where lower(email) = lower($1))",
        email,
    );
    match taken.execute(db).await?.rows_affected() {
        0 => Err(Error::field("email", "There is nothing that they were given.")),
        taken => Ok(taken),
    }
}

/// What a mail about a subscription says.
#[derive(Debug)]
pub struct ForMail {
    /// Who gets it.
    pub name: String,
    /// Where.
    pub email: String,
    /// What the plan is called.
    pub plan: Option<String>,
    /// How it stands by now.
    pub status: String,
    /// Until when it is paid for.
    pub current_period_end: Option<OffsetDateTime>,
    /// Until when it costs nothing.
    pub trial_end: Option<OffsetDateTime>,
    /// Since when a payment is owed.
    pub past_due_since: Option<OffsetDateTime>,
}

/// What a mail about a subscription says; none where nobody is left to get it.
///
/// # Errors
/// As any statement.
pub async fn for_mail(db: &mut PgConnection, subscription: &str) -> Result<Option<ForMail>> {
    Ok(sqlx::query_as!(
        ForMail,
        r#"select accounts.name, email, plans.name as "plan?", status, current_period_end, trial_end, past_due_since
             from subscriptions join accounts on accounts.id = account_id left join plans on plans.id = plan_id
            where subscriptions.id = $1 and accounts.active"#,
        subscription,
    )
    .fetch_optional(db)
    .await?)
}

/// How much a bank took back, and of what.
///
/// # Errors
/// As any statement.
pub async fn dispute(db: &mut PgConnection, id: &str) -> Result<Option<(i64, String)>> {
    let row = sqlx::query!("select amount, currency from stripe_objects where id = $1", id);
    Ok(row.fetch_optional(db).await?.map(|row| (row.amount, row.currency)))
}
