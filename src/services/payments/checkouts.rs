//! Somebody's way through Stripe's checkout. There is one at a time for an account's plan, and one for an order: what is open is
//! gone on with, and whatever is sent twice finds the same call.

use super::calls;
use super::mirror::Because;
use crate::error::{Error, OnConstraint, Result};
use crate::jobs::Job;
use crate::services::outbox::{self, New};
use crate::services::sessions::Member;
use crate::services::{accounts, orders};
use crate::stripe::asking::{self, Line, Membership, Way};
use crate::stripe::objects::Session;
use serde::Deserialize;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use validator::Validate;

/// How long a checkout for a plan is open. Stripe's least is half an hour.
const OPEN_FOR: Duration = Duration::hours(1);
/// One that ends sooner is not gone on with.
const LEAST: Duration = Duration::minutes(5);
/// Whoever began has so long before somebody else sees it through.
const COMPLETED_AFTER: Duration = Duration::seconds(15);

/// What somebody chooses.
#[derive(Debug, Deserialize, Validate)]
pub struct Choice {
    /// The price of a plan.
    pub price: Uuid,
}

/// What has become of asking for a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// This one is to be gone on with.
    This(Uuid),
    /// This one, for another plan, has to end first.
    Other(Uuid),
}

const NOT_FOR_SALE: &str = "This plan cannot be had any more. Choose another.";
const NOT_READY: &str = "This plan cannot be bought yet. Try again in a while.";
const HAS_ONE: &str = "You have a membership already. Your account shows it.";
const OWES: &str = "A payment is owed for the membership that you have. Look after your payments in your account: all is open again then.";

/// Begins, or goes on with, a checkout for a plan.
///
/// # Errors
/// [`Error::Invalid`] where the plan cannot be had, or they have one.
pub async fn begin_plan(
    db: &mut PgConnection,
    who: &Member,
    (id, job): (Uuid, Uuid),
    now: OffsetDateTime,
    choice: &Choice,
) -> Result<Begun> {
    // So that whoever presses twice waits for themselves.
    accounts::hold(&mut *db, who.id()).await?;
    let price = sqlx::query!(
        r#"select stripe_price is not null as "ready!" from plan_prices join plans on plans.id = plan_id
            where plan_prices.id = $1 and plan_prices.active and plans.active"#,
        choice.price,
    );
    let price = price.fetch_optional(&mut *db).await?;
    let price = price.ok_or_else(|| Error::field("price", NOT_FOR_SALE))?;
    if !price.ready {
        return Err(Error::field("price", NOT_READY));
    }
    let has_one = sqlx::query_scalar!(
        r#"select status in ('past_due', 'unpaid') as "owes!" from subscriptions where account_id = $1
              and status not in ('canceled', 'incomplete_expired') order by 1 limit 1"#,
        who.id(),
    );
    if let Some(owes) = has_one.fetch_optional(&mut *db).await? {
        return Err(Error::field("price", if owes { OWES } else { HAS_ONE }));
    }
    let open = sqlx::query!(
        "select id, price_id, expires_at from checkouts
          where account_id = $1 and price_id is not null and state in ('begun', 'open')",
        who.id(),
    );
    match open.fetch_optional(&mut *db).await? {
        Some(open) if open.price_id == Some(choice.price) && open.expires_at > now + LEAST => {
            return Ok(Begun::This(open.id));
        }
        Some(open) => return Ok(Begun::Other(open.id)),
        None => {}
    }
    sqlx::query!(
        "insert into checkouts (id, account_id, price_id, state, expires_at, created_at) values ($1, $2, $3, 'begun', $4, $5)",
        id,
        who.id(),
        choice.price,
        now + OPEN_FOR,
        now,
    )
    .execute(&mut *db)
    .await?;
    see_through(db, id, job, now).await?;
    Ok(Begun::This(id))
}

/// What a checkout for an order needs.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// Which.
    pub order: Uuid,
    /// Where it goes on, and back.
    pub way: Way,
    /// Where the receipt goes.
    pub email: &'a str,
    /// Three letters.
    pub currency: &'a str,
    /// What is bought.
    pub lines: &'a [Line],
}

/// Begins a checkout for an order, in the transaction that places it: what is to be asked is written down with it, as the address
/// to come back to is known to whoever places it alone. The ids are fresh.
///
/// # Errors
/// [`Error::Conflict`] where there is one.
pub async fn begin_order(
    db: &mut PgConnection,
    [call, job]: [Uuid; 2],
    now: OffsetDateTime,
    new: &NewOrder<'_>,
) -> Result<()> {
    let begun = sqlx::query!(
        "insert into checkouts (id, order_id, state, expires_at, created_at) values ($1, $2, 'begun', $3, $4)",
        new.way.checkout,
        new.order,
        new.way.expires_at,
        now,
    );
    let why = "This order is being paid for already.";
    let taken = || Error::Conflict { why, retry_after_seconds: 5 };
    begun.execute(&mut *db).await.on_constraint("checkouts_one_order", taken)?;
    let money = (new.email, new.currency);
    let asked = asking::checkout_of_order(&new.way, new.order, money, new.lines);
    let purpose = format!("checkout:{}", new.way.checkout);
    calls::freeze(db, (call, job), now, &purpose, &asked).await.map(drop)
}

async fn see_through(
    db: &mut PgConnection,
    checkout: Uuid,
    job: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    let new = New {
        id: job,
        job: &Job::Checkout { checkout },
        cause: format!("checkout:{checkout}"),
        recipient: None,
        once: None,
        not_before: Some(now + COMPLETED_AFTER),
    };
    outbox::put(db, &new).await
}

/// What is to be done next.
#[derive(Debug)]
pub enum Next {
    /// This call is to be sent, or was.
    Call(Uuid),
    /// It is open here.
    Open(String),
    /// It is over.
    Over,
}

/// Says what is to be done next about a checkout, and writes down the call that does it. The ids are fresh; `origin` is where the
/// site is.
///
/// # Errors
/// As any statement.
pub async fn next(
    db: &mut PgConnection,
    checkout: Uuid,
    [call, job]: [Uuid; 2],
    now: OffsetDateTime,
    origin: &str,
) -> Result<Next> {
    let row = sqlx::query!(
        r#"select state, url, checkouts.account_id, order_id, expires_at, customer as "customer?", accounts.email as "email?",
                  accounts.name as "name?", stripe_price as "stripe_price?", trial_days as "trial_days?",
                  case when coupon_from <= $2 and $2 < coupon_until then stripe_coupon end as coupon,
                  exists (select from subscriptions where subscriptions.account_id = checkouts.account_id) as "was_one!"
             from checkouts left join stripe_customers on stripe_customers.account_id = checkouts.account_id
             left join accounts on accounts.id = checkouts.account_id
             left join plan_prices on plan_prices.id = price_id left join plans on plans.id = plan_id
            where checkouts.id = $1 for no key update of checkouts"#,
        checkout,
        now,
    );
    let row = row.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    match (row.state.as_str(), row.url) {
        ("begun", _) => {}
        ("open", Some(url)) => return Ok(Next::Open(url)),
        _ => return Ok(Next::Over),
    }
    let purpose = format!("checkout:{checkout}");
    let known = sqlx::query_scalar!("select id from stripe_calls where purpose = $1", purpose);
    if let Some(known) = known.fetch_optional(&mut *db).await? {
        return Ok(Next::Call(known));
    }
    let (Some(account), Some(email), Some(name)) = (row.account_id, row.email, row.name) else {
        return Ok(Next::Over);
    };
    let Some(customer) = row.customer else {
        let asked = asking::customer(account, &email, &name);
        let purpose = format!("customer:{account}");
        return calls::freeze(db, (call, job), now, &purpose, &asked).await.map(Next::Call);
    };
    let way = Way {
        checkout,
        success: format!(
            "{origin}{}",
            templates::paths::membership_thanks("{CHECKOUT_SESSION_ID}")
        ),
        cancel: format!("{origin}{}", templates::paths::membership()),
        expires_at: row.expires_at,
    };
    let membership = Membership {
        account,
        customer,
        price: row.stripe_price.unwrap_or_default(),
        // What is free at first is so once.
        trial_days: row.trial_days.filter(|_| !row.was_one).unwrap_or(0).unsigned_abs(),
        coupon: row.coupon,
    };
    let asked = asking::checkout_of_plan(&way, &membership);
    calls::freeze(db, (call, job), now, &purpose, &asked).await.map(Next::Call)
}

/// Notes where a checkout is open.
///
/// # Errors
/// As any statement.
pub async fn opened(db: &mut PgConnection, checkout: Uuid, session: &Session) -> Result<()> {
    sqlx::query!(
        "update checkouts set session = $2, url = $3, state = case when state = 'begun' then 'open' else state end,
                updated_at = now() where id = $1",
        checkout,
        session.id,
        session.url,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Notes that Stripe wants no such checkout. Whatever was set aside for it is free again.
///
/// # Errors
/// As any statement.
pub async fn refused(db: &mut PgConnection, checkout: Uuid, now: OffsetDateTime) -> Result<()> {
    let refused = sqlx::query_scalar!(
        "update checkouts set state = 'refused', updated_at = $2 where id = $1 and state in ('begun', 'open') returning order_id",
        checkout,
        now,
    );
    match refused.fetch_optional(&mut *db).await?.flatten() {
        Some(order) => orders::expired(db, order, now).await.map(drop),
        None => Ok(()),
    }
}

/// Writes down that a checkout is to end; none where it is not open. The ids are fresh.
///
/// # Errors
/// As any statement.
pub async fn end(
    db: &mut PgConnection,
    checkout: Uuid,
    ids: (Uuid, Uuid),
    now: OffsetDateTime,
) -> Result<Option<Uuid>> {
    let session = sqlx::query_scalar!(
        "select session from checkouts where id = $1 and state = 'open' for no key update",
        checkout
    );
    let Some(session) = session.fetch_optional(&mut *db).await?.flatten() else { return Ok(None) };
    let purpose = format!("expiry:{checkout}");
    calls::freeze(db, ids, now, &purpose, &asking::expiry(&session)).await.map(Some)
}

/// The checkouts for a plan of this account that are not over: at most one.
///
/// # Errors
/// As any statement.
pub async fn unpaid(db: &mut PgConnection, account: Uuid) -> Result<Vec<Uuid>> {
    let unpaid = sqlx::query_scalar!(
        "select id from checkouts where account_id = $1 and price_id is not null and state in ('begun', 'open') for no key update",
        account,
    );
    Ok(unpaid.fetch_all(db).await?)
}

/// Takes in how a checkout stands; says whether that was news.
///
/// # Errors
/// As any statement.
pub(super) async fn follow(
    db: &mut PgConnection,
    read: i64,
    session: &Session,
    because: &Because<'_>,
) -> Result<bool> {
    let ours = session.client_reference_id.as_deref().and_then(|id| id.parse::<Uuid>().ok());
    let state = session.status.as_deref().filter(|state| ["complete", "expired"].contains(state));
    // What is complete, or over, stays so.
    let followed = sqlx::query!(
        r#"with before as (select id, state from checkouts where session = $1 or (id = $2 and session is null) for no key update)
           update checkouts set session = $1, payment = coalesce($4, payment), read = $5, updated_at = $6,
                  state = case when checkouts.state in ('begun', 'open') then coalesce($3, 'open') else checkouts.state end,
                  url = coalesce($7, url)
             from before where checkouts.id = before.id and read < $5
           returning checkouts.order_id, before.state <> checkouts.state as "news!""#,
        session.id,
        ours,
        state,
        session.payment_intent,
        read,
        because.now,
        session.url,
    );
    let Some(followed) = followed.fetch_optional(&mut *db).await? else { return Ok(false) };
    let moved = match followed.order_id {
        Some(order) => orders::follow(db, order, session, because).await?,
        None => false,
    };
    Ok(followed.news || moved)
}

/// Whether a checkout of Stripe's is this member's.
///
/// # Errors
/// As any statement.
pub async fn is_of(db: &mut PgConnection, who: &Member, session: &str) -> Result<bool> {
    let is = sqlx::query_scalar!(
        r#"select exists (select from checkouts where session = $1 and account_id = $2) as "is!""#,
        session,
        who.id(),
    );
    Ok(is.fetch_one(db).await?)
}

/// What Stripe calls a checkout, once it is open there.
///
/// # Errors
/// As any statement.
pub async fn session(db: &mut PgConnection, checkout: Uuid) -> Result<Option<String>> {
    let session = sqlx::query_scalar!("select session from checkouts where id = $1", checkout);
    Ok(session.fetch_optional(db).await?.flatten())
}

/// Those that should be over by now and are not known to be: up to a hundred sessions, after the one called `after`.
///
/// # Errors
/// As any statement.
pub async fn overdue(
    db: &mut PgConnection,
    now: OffsetDateTime,
    after: Option<&str>,
) -> Result<Vec<String>> {
    let overdue = sqlx::query_scalar!(
        r#"select session as "session!" from checkouts where state = 'open' and expires_at < $1 and session > coalesce($2, '')
            order by session limit 100"#,
        now,
        after,
    );
    Ok(overdue.fetch_all(db).await?)
}
