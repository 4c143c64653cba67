//! The mirror: what Stripe says, as it was read, and what follows from it, once.
//!
//! What follows is decided by how things stand and not by what an event says has happened: so it does not matter in which order
//! events come, how often, or whether they do. What was read under a smaller number than what is known here is not
//! taken in, and what is over at Stripe stays over.

use super::{calls, checkouts, follows};
use crate::error::Result;
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::ledger::{self, Kind};
use crate::services::orders;
use crate::services::outbox::{self, New};
use crate::stripe::asking;
use crate::stripe::objects::{Dispute, Invoice, Refund, Session, Subscription};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What was read at Stripe.
#[derive(Debug)]
pub struct Fresh {
    /// The number that was taken before it was.
    pub read: i64,
    /// All of it. Taken in in this order, which is the same for everyone.
    pub objects: Vec<Object>,
}

/// Something of Stripe's.
#[derive(Debug)]
pub enum Object {
    /// Somebody's way through checkout.
    Session(Session),
    /// A subscription.
    Subscription(Subscription),
    /// An invoice.
    Invoice(Invoice),
    /// Money that goes back.
    Refund(Refund),
    /// Money that a bank took back.
    Dispute(Dispute),
}

/// Why somebody looked, and what is needed to do what follows.
pub struct Because<'a> {
    /// The event that told of it; none where nobody had to be told.
    pub event: Option<Uuid>,
    /// The moment.
    pub now: OffsetDateTime,
    /// Makes ids.
    pub id: &'a dyn Fn() -> Uuid,
    /// Whether what is known here may be wrong: then even what is over is taken back where Stripe says so.
    pub repairs: bool,
}

/// Takes it in; says which of it was news here.
///
/// # Errors
/// As any statement.
pub async fn take_in(
    db: &mut PgConnection,
    fresh: &Fresh,
    because: &Because<'_>,
) -> Result<Vec<String>> {
    let mut news = Vec::new();
    for object in &fresh.objects {
        let (id, is_news) = match object {
            Object::Session(session) => {
                (&session.id, checkouts::follow(&mut *db, fresh.read, session, because).await?)
            }
            Object::Subscription(known) => {
                (&known.id, subscription(&mut *db, fresh.read, known, because).await?)
            }
            Object::Invoice(known) => {
                (&known.id, invoice(&mut *db, fresh.read, known, because).await?)
            }
            Object::Refund(known) => {
                (&known.id, refund(&mut *db, fresh.read, known, because).await?)
            }
            Object::Dispute(known) => {
                (&known.id, dispute(&mut *db, fresh.read, known, because).await?)
            }
        };
        if is_news {
            news.push(id.clone());
        }
    }
    Ok(news)
}

async fn subscription(
    db: &mut PgConnection,
    read: i64,
    known: &Subscription,
    because: &Because<'_>,
) -> Result<bool> {
    let account = known.metadata.get("account").and_then(|id| id.parse::<Uuid>().ok());
    let taken = sqlx::query!(
        r#"with before as (select status, price, current_period_end, cancel_at_period_end, account_id from subscriptions where id = $1)
           insert into subscriptions (id, account_id, customer, status, price, plan_id, current_period_end, trial_end,
                                      cancel_at_period_end, ended_at, past_due_since, created_at, read, updated_at)
           values ($1, coalesce((select account_id from stripe_customers where customer = $2), (select id from accounts where id = $3)),
                   $2, $4, $5, (select plan_id from plan_prices where stripe_price = $5), $6, $7, $8, $9,
                   case when $4 = 'past_due' then $12::timestamptz end, $10, $11, $12)
           on conflict (id) do update set account_id = coalesce(excluded.account_id, subscriptions.account_id),
                  status = excluded.status, price = excluded.price, plan_id = coalesce(excluded.plan_id, subscriptions.plan_id),
                  current_period_end = excluded.current_period_end, trial_end = excluded.trial_end,
                  cancel_at_period_end = excluded.cancel_at_period_end, ended_at = excluded.ended_at,
                  past_due_since = case when excluded.status = 'past_due' then coalesce(subscriptions.past_due_since, $12) end,
                  read = excluded.read, updated_at = $12
            where subscriptions.read < excluded.read
              and ($13 or subscriptions.status not in ('canceled', 'incomplete_expired') or subscriptions.status = excluded.status)
           returning coalesce((select row (b.status, b.price, b.current_period_end, b.cancel_at_period_end, b.account_id)
                   is distinct from row (subscriptions.status, subscriptions.price, subscriptions.current_period_end,
                                         subscriptions.cancel_at_period_end, subscriptions.account_id) from before b), true) as "news!",
               account_id"#,
        known.id,
        known.customer.as_deref().unwrap_or_default(),
        account,
        known.status,
        known.price(),
        known.current_period_end(),
        known.trial_end(),
        known.ends(),
        known.ended_at(),
        known.created_at(),
        read,
        because.now,
        because.repairs,
    );
    let Some(taken) = taken.fetch_optional(&mut *db).await? else { return Ok(false) };
    let Some(account) = taken.account_id else {
        ownerless(db, known, account, because).await?;
        return Ok(taken.news);
    };
    let subscription = known.id.clone();
    let soon = |at: OffsetDateTime| at > because.now && at - because.now <= Duration::days(3);
    let told = match known.status.as_str() {
        "trialing" if known.trial_end().is_some_and(soon) && !known.ends() => {
            Some(("trial-ends", Mail::TrialEnds { subscription }))
        }
        "canceled" => Some(("ended", Mail::MembershipEnded { subscription })),
        _ => None,
    };
    if ["trialing", "active"].contains(&known.status.as_str()) {
        let mail = Mail::MembershipBegun { subscription: known.id.clone() };
        tell(&mut *db, &known.id, "begun", account, mail, because).await?;
    }
    if let Some((kind, mail)) = told {
        tell(db, &known.id, kind, account, mail, because).await?;
    }
    Ok(taken.news)
}

/// Has a subscription end that was begun here by somebody whose account is gone by now: nobody else could end it.
async fn ownerless(
    db: &mut PgConnection,
    known: &Subscription,
    account: Option<Uuid>,
    because: &Because<'_>,
) -> Result<()> {
    let is_over = ["canceled", "incomplete_expired"].contains(&known.status.as_str());
    let (Some(account), Some(checkout)) = (account, known.metadata.get("checkout")) else {
        return Ok(());
    };
    if is_over || known.ends() {
        return Ok(());
    }
    // Another site may use the same account at Stripe: what was not begun here is not ours to end.
    let is_ours = sqlx::query_scalar!(
        r#"select exists (select from stripe_calls where purpose = 'checkout:' || $1::text) as "is!""#,
        checkout,
    );
    if !is_ours.fetch_one(&mut *db).await? {
        return Ok(());
    }
    let (purpose, ids) =
        (format!("ending:{account}:{}", known.id), ((because.id)(), (because.id)()));
    let asked = asking::ending(&known.id, true);
    calls::freeze(&mut *db, ids, because.now, &purpose, &asked).await?;
    follows(db, &known.id, "ownerless", because, None).await.map(drop)
}

/// Has somebody told of something, once.
async fn tell(
    db: &mut PgConnection,
    object: &str,
    kind: &str,
    account: Uuid,
    mail: Mail,
    because: &Because<'_>,
) -> Result<()> {
    if !follows(&mut *db, object, kind, because, Some("A mail says so.")).await? {
        return Ok(());
    }
    let email = sqlx::query_scalar!("select email from accounts where id = $1", account);
    let Some(email) = email.fetch_optional(&mut *db).await? else { return Ok(()) };
    put_mail(db, object, &email, mail, because).await
}

async fn put_mail(
    db: &mut PgConnection,
    cause: &str,
    email: &str,
    mail: Mail,
    because: &Because<'_>,
) -> Result<()> {
    let new = New {
        id: (because.id)(),
        job: &Job::Mail(mail),
        cause: format!("stripe:{cause}"),
        recipient: Some(email),
        once: None,
        not_before: None,
    };
    outbox::put(db, &new).await
}

/// Something that moves money, as the mirror keeps it.
struct Row<'a> {
    id: &'a str,
    kind: &'static str,
    state: &'a str,
    amount: i64,
    currency: &'a str,
    parent: Option<&'a str>,
}

/// Keeps it; none where something newer is known, else whether it was news.
async fn keep(
    db: &mut PgConnection,
    read: i64,
    row: &Row<'_>,
    now: OffsetDateTime,
) -> Result<Option<bool>> {
    let kept = sqlx::query_scalar!(
        r#"with before as (select state, amount from stripe_objects where id = $1)
           insert into stripe_objects (id, type, state, amount, currency, parent, read, updated_at)
           values ($1, $2, $3, $4, lower($5), $6, $7, $8)
           on conflict (id) do update set state = excluded.state, amount = excluded.amount,
                  parent = coalesce(excluded.parent, stripe_objects.parent), read = excluded.read, updated_at = excluded.updated_at
            where stripe_objects.read < excluded.read
           returning coalesce((select row (b.state, b.amount) is distinct from row (stripe_objects.state, stripe_objects.amount)
                                 from before b), true) as "news!""#,
        row.id,
        row.kind,
        row.state,
        row.amount,
        row.currency,
        row.parent,
        read,
        now,
    );
    Ok(kept.fetch_optional(db).await?)
}

async fn invoice(
    db: &mut PgConnection,
    read: i64,
    known: &Invoice,
    because: &Because<'_>,
) -> Result<bool> {
    let state = known.status.as_deref().unwrap_or_default();
    let parent = known.subscription();
    let amount = if state == "paid" { known.amount_paid } else { known.amount_due };
    let row =
        Row { id: &known.id, kind: "invoice", state, amount, currency: &known.currency, parent };
    let Some(news) = keep(&mut *db, read, &row, because.now).await? else { return Ok(false) };
    let about =
        parent.map_or_else(|| format!("invoice:{}", known.id), |id| format!("subscription:{id}"));
    if state == "paid" {
        for (kind, amount) in
            [(Kind::Membership, known.amount_paid), (Kind::Credit, known.credited())]
        {
            book(&mut *db, kind, &known.id, (amount, &known.currency), &about, because).await?;
        }
    }
    if state == "open" && known.was_tried() {
        let account =
            sqlx::query_scalar!("select account_id from subscriptions where id = $1", parent);
        let account = account.fetch_optional(&mut *db).await?.flatten();
        if let (Some(account), Some(subscription)) = (account, parent.map(str::to_owned)) {
            let mail = Mail::PaymentFailed { subscription };
            tell(db, &known.id, "payment-failed", account, mail, because).await?;
        }
    }
    Ok(news)
}

/// Enters something in the ledger, once.
pub(in crate::services) async fn book(
    db: &mut PgConnection,
    kind: Kind,
    object: &str,
    (amount, currency): (i64, &str),
    about: &str,
    because: &Because<'_>,
) -> Result<()> {
    let new = ledger::New { kind, object, amount, currency, about };
    if ledger::enter(&mut *db, (because.id)(), &new).await? {
        let detail = format!("{amount} {currency}");
        follows(db, object, kind.effect(), because, Some(&detail)).await?;
    }
    Ok(())
}

async fn refund(
    db: &mut PgConnection,
    read: i64,
    known: &Refund,
    because: &Because<'_>,
) -> Result<bool> {
    let (state, parent) =
        (known.status.as_deref().unwrap_or_default(), known.payment_intent.as_deref());
    let row = Row {
        id: &known.id,
        kind: "refund",
        state,
        amount: known.amount,
        currency: &known.currency,
        parent,
    };
    let Some(news) = keep(&mut *db, read, &row, because.now).await? else { return Ok(false) };
    let about = format!("payment:{}", parent.unwrap_or_default());
    let money = (known.amount, known.currency.as_str());
    let has_failed = ["failed", "canceled"].contains(&state);
    let came_again = has_failed && ledger::has(&mut *db, Kind::Refund, &known.id).await?;
    match state {
        "succeeded" => book(&mut *db, Kind::Refund, &known.id, money, &about, because).await?,
        _ if came_again => {
            book(&mut *db, Kind::RefundFailed, &known.id, money, &about, because).await?;
        }
        _ => {}
    }
    let Some(payment) = parent else { return Ok(news) };
    let refunded = orders::refunded(&mut *db, (payment, &known.id), because).await?;
    let Some((order, moved)) = refunded else { return Ok(news) };
    if has_failed
        && follows(&mut *db, &known.id, "refund-failed", because, Some("Owners are told.")).await?
    {
        orders::stuck(&mut *db, (order, &known.id), came_again, because).await?;
        let mail = |staff| Mail::RefundFailed { order, staff };
        tell_owners(db, &known.id, mail, because).await?;
    }
    Ok(news || moved)
}

async fn dispute(
    db: &mut PgConnection,
    read: i64,
    known: &Dispute,
    because: &Because<'_>,
) -> Result<bool> {
    let row = Row {
        id: &known.id,
        kind: "dispute",
        state: &known.status,
        amount: known.amount,
        currency: &known.currency,
        parent: known.payment_intent.as_deref(),
    };
    let Some(news) = keep(&mut *db, read, &row, because.now).await? else { return Ok(false) };
    // A warning moves no money.
    if known.status.starts_with("warning_") {
        return Ok(news);
    }
    let about = format!("payment:{}", known.payment_intent.as_deref().unwrap_or_default());
    let money = (known.amount, known.currency.as_str());
    book(&mut *db, Kind::Dispute, &known.id, money, &about, because).await?;
    if known.status == "won" {
        book(&mut *db, Kind::DisputeWon, &known.id, money, &about, because).await?;
    }
    if follows(&mut *db, &known.id, "disputed", because, Some("Owners are told.")).await? {
        let mail = |staff| Mail::Disputed { dispute: known.id.clone(), staff };
        tell_owners(db, &known.id, mail, because).await?;
    }
    Ok(news)
}

/// Has every owner mailed something that they have to see to.
pub(super) async fn tell_owners(
    db: &mut PgConnection,
    cause: &str,
    mail: impl Fn(Uuid) -> Mail,
    because: &Because<'_>,
) -> Result<()> {
    let owners = sqlx::query!(
        "select id, email from staff join accounts using (id) where role = 'owner' and active order by id"
    );
    for owner in owners.fetch_all(&mut *db).await? {
        put_mail(&mut *db, cause, &owner.email, mail(owner.id), because).await?;
    }
    Ok(())
}
