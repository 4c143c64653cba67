//! Orders: placed ([`place`]), seen by their buyers and by staff, and moved by payments: paid for, in time or too late, expired,
//! given back.
//!
//! Stock is set aside by a hold, which counts while it has not run out. What is paid for in time takes its hold; what is paid for
//! later takes what is free by then, or is given back at once. `products_not_oversold` refuses whatever else might sell more than
//! there is.

mod placing;
mod program;
mod reading;
pub mod staff;

pub use placing::{Buyer, Placed, Places, place};
pub use program::{Ordered, Which, for_program, listed, told};
pub use reading::{
    Bought, Buying, Order, Own, for_mail, for_owners, held, note_cancelled, number, of, way_of,
};

use crate::error::Result;
use crate::jobs::Job;
use crate::mail::Mail;
use crate::services::ledger::Kind;
use crate::services::outbox::{self, New};
use crate::services::payments::calls;
use crate::services::payments::mirror::{Because, book};
use crate::stripe::asking;
use crate::stripe::objects::Session;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "OrderStatus")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub enum Status {
    /// It is not paid for yet.
    Open,
    /// Its payment is awaited.
    PendingPayment,
    /// It was paid for.
    Paid,
    /// It was not, in time.
    Expired,
    /// All of the money went back.
    Refunded,
    /// Its buyer has let go of it.
    Cancelled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::PendingPayment,
        Self::Paid,
        Self::Expired,
        Self::Refunded,
        Self::Cancelled,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::PendingPayment => "pending-payment",
            Self::Paid => "paid",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What the buyer is told whose payment came when nothing was left.
pub const TOO_LATE: &str =
    "The payment came after the time for it had run out, and by then nothing was left.";

/// What the buyer is told besides whose money was to go back, and did not get there.
pub const STUCK: &str =
    "Giving your money back has not worked yet. We look for another way, and write to you.";

/// What the buyer is told whose payment took days and did not arrive.
pub const NOT_PAID: &str = "Your bank did not carry out the payment, so nothing was taken, and what was set aside for you is free for others.";

/// How long what is bought by a payment that takes days stays set aside, from the order on: a direct debit may take fourteen
/// working days.
const PROMISES_TAKE: Duration = Duration::days(21);

/// Takes in how an order's checkout stands; says whether that moved it.
///
/// # Errors
/// As any statement.
pub async fn follow(
    db: &mut PgConnection,
    order: Uuid,
    session: &Session,
    because: &Because<'_>,
) -> Result<bool> {
    match (session.status.as_deref(), session.payment_status.as_str()) {
        (Some("complete"), "paid" | "no_payment_required") => {
            paid(db, order, session, because).await
        }
        (Some("expired"), _) => expired(db, order, because.now).await,
        (Some("complete"), _) if session.has_failed => failed(db, order, session, because).await,
        (Some("complete"), _) => promised(db, order, session, because.now).await,
        _ => Ok(false),
    }
}

/// Waits for a payment that takes days. What is set aside stays so meanwhile, where others have not had it by now. The cart is
/// done with: what its owner orders next is another order.
async fn promised(
    db: &mut PgConnection,
    order: Uuid,
    session: &Session,
    now: OffsetDateTime,
) -> Result<bool> {
    let (email, name) = session.buyer();
    let waits = sqlx::query_scalar!(
        "update orders set email = coalesce(email, $2), name = coalesce(name, $3)
          where id = $1 and status in ('open', 'pending-payment') returning placed_at",
        order,
        email,
        name,
    );
    let Some(placed_at) = waits.fetch_optional(&mut *db).await? else { return Ok(false) };
    empty_cart(&mut *db, order).await?;
    if !is_free(&mut *db, order, now).await? {
        return Ok(false);
    }
    let kept = sqlx::query!(
        "update holds set expires_at = $2 where order_id = $1 and expires_at < $2",
        order,
        placed_at + PROMISES_TAKE,
    );
    Ok(kept.execute(db).await?.rows_affected() > 0)
}

/// Lets go of what was set aside for a payment that took days and came to nothing, and says so.
async fn failed(
    db: &mut PgConnection,
    order: Uuid,
    session: &Session,
    because: &Because<'_>,
) -> Result<bool> {
    if !expired(&mut *db, order, because.now).await? {
        return Ok(false);
    }
    let (email, _) = session.buyer();
    let noted = sqlx::query_scalar!(
        "update orders set remark = $2, email = coalesce(email, $3) where id = $1 returning email",
        order,
        NOT_PAID,
        email,
    );
    if let Some(email) = noted.fetch_one(&mut *db).await? {
        receipt(db, (because.id)(), order, &email, Some("failed")).await?;
    }
    Ok(true)
}

async fn paid(
    db: &mut PgConnection,
    order: Uuid,
    session: &Session,
    because: &Because<'_>,
) -> Result<bool> {
    let row = sqlx::query!("select status, currency from orders where id = $1 for update", order);
    let Some(row) = row.fetch_optional(&mut *db).await? else { return Ok(false) };
    if ["paid", "refunded"].contains(&row.status.as_str()) {
        return Ok(false);
    }
    let (email, name) = session.buyer();
    let payment = session.payment_intent.as_deref();
    let has_all = take(&mut *db, order, because.now).await?;
    let email = sqlx::query_scalar!(
        "update orders set status = 'paid', paid_at = $2, ended_at = $2, payment = coalesce($3, payment),
                email = coalesce(email, $4), name = coalesce(name, $5), remark = $6, taken = $7 where id = $1 returning email",
        order,
        because.now,
        payment,
        email,
        name,
        (!has_all).then_some(TOO_LATE),
        has_all,
    );
    if let Some(email) = email.fetch_one(&mut *db).await? {
        receipt(&mut *db, (because.id)(), order, &email, Some("paid")).await?;
    }
    empty_cart(&mut *db, order).await?;
    let money = (session.amount_total.unwrap_or_default(), row.currency.as_str());
    let about = format!("order:{order}");
    let object = payment.unwrap_or(&session.id);
    book(&mut *db, Kind::Order, object, money, &about, because).await?;
    if let Some(payment) = payment.filter(|_| !has_all) {
        let asked = asking::refund(payment, None, order);
        let purpose = format!("refund:{order}:too-late");
        let ids = ((because.id)(), (because.id)());
        calls::freeze(&mut *db, ids, because.now, &purpose, &asked).await?;
    }
    if let Some(payment) = payment {
        // It may have gone back before anyone told us that it came.
        refunded(db, (payment, payment), because).await?;
    }
    Ok(true)
}

/// Mails the receipt of an order, or that what was paid goes back: whatever is true of it by then. Once for each reason, where one is
/// given.
async fn receipt(
    db: &mut PgConnection,
    id: Uuid,
    order: Uuid,
    email: &str,
    once_for: Option<&str>,
) -> Result<()> {
    let new = New {
        id,
        job: &Job::Mail(Mail::OrderReceipt { order }),
        cause: format!("order:{order}"),
        recipient: Some(email),
        once: once_for.map(|reason| format!("order:{order}:{reason}")),
        not_before: None,
    };
    outbox::put(db, &new).await
}

/// Takes what was paid for out of the cart that it came from. What was put there since stays.
async fn empty_cart(db: &mut PgConnection, order: Uuid) -> Result<()> {
    sqlx::query!(
        "delete from cart_lines using orders join order_lines on order_id = orders.id
          where orders.id = $1 and cart_lines.cart_id = orders.cart_id and cart_lines.product_id = order_lines.product_id
            and cart_lines.quantity <= order_lines.quantity",
        order,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update cart_lines set quantity = cart_lines.quantity - order_lines.quantity
           from orders join order_lines on order_id = orders.id
          where orders.id = $1 and cart_lines.cart_id = orders.cart_id and cart_lines.product_id = order_lines.product_id
            and cart_lines.quantity > order_lines.quantity",
        order,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("update orders set cart_id = null where id = $1", order).execute(db).await?;
    Ok(())
}

/// Takes what an order is for from the stock, all of it or nothing; says whether it could.
async fn take(db: &mut PgConnection, order: Uuid, now: OffsetDateTime) -> Result<bool> {
    let has_all = is_free(&mut *db, order, now).await?;
    if has_all {
        sqlx::query!(
            "update products set sold = sold + wanted from (select product_id, sum(quantity)::int as wanted from order_lines
                where order_id = $1 group by product_id) lines where products.id = lines.product_id",
            order,
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!("delete from holds where order_id = $1", order).execute(db).await?;
    Ok(has_all)
}

/// Whether all that an order is for can be had, and keeps it so until the transaction is over. Whatever others have set aside, and has
/// not run out, is theirs.
async fn is_free(db: &mut PgConnection, order: Uuid, now: OffsetDateTime) -> Result<bool> {
    // In one order for everyone, so that nobody waits for somebody who waits for them.
    let locked = sqlx::query_scalar!(
        "select id from products where id in (select product_id from order_lines where order_id = $1) order by id for update",
        order,
    );
    locked.fetch_all(&mut *db).await?;
    let short = sqlx::query_scalar!(
        r#"select exists (select from (select product_id, sum(quantity) as wanted from order_lines where order_id = $1 group by product_id) lines
               left join products on products.id = product_id
              where products.id is null or stock - sold - wanted
                  < coalesce((select sum(quantity) from holds where holds.product_id = products.id and order_id <> $1 and expires_at > $2), 0))
              as "is!""#,
        order,
        now,
    );
    Ok(!short.fetch_one(db).await?)
}

/// Lets go of what was set aside for an order that was not paid for; says whether it was waiting for that.
///
/// # Errors
/// As any statement.
pub async fn expired(db: &mut PgConnection, order: Uuid, now: OffsetDateTime) -> Result<bool> {
    let over = sqlx::query!(
        "update orders set status = 'expired', ended_at = $2 where id = $1 and status in ('open', 'pending-payment')",
        order,
        now,
    );
    let was_waiting = over.execute(&mut *db).await?.rows_affected() == 1;
    if was_waiting {
        sqlx::query!("delete from holds where order_id = $1", order).execute(db).await?;
    }
    Ok(was_waiting)
}

/// Takes in what was given back of a payment, because of `what`; says for which order that was paid, and whether it has moved; none where it
/// was for none. What all of it went back for, can be sold again.
///
/// # Errors
/// As any statement.
pub async fn refunded(
    db: &mut PgConnection,
    (payment, what): (&str, &str),
    because: &Because<'_>,
) -> Result<Option<(Uuid, bool)>> {
    // A statement of its own: what somebody else takes in meanwhile is to be seen.
    let held = sqlx::query_scalar!("select id from orders where payment = $1 for update", payment);
    if held.fetch_optional(&mut *db).await?.is_none() {
        return Ok(None);
    }
    let refunded = sqlx::query!(
        r#"with before as (select id, status, taken, refunded from orders where payment = $1),
                back as (select coalesce(sum(amount), 0)::bigint as amount from stripe_objects
                          where parent = $1 and type = 'refund' and state = 'succeeded')
           update orders set refunded = least(back.amount, orders.amount),
                  status = case when back.amount >= orders.amount and orders.status = 'paid' then 'refunded' else orders.status end,
                  taken = orders.taken and back.amount < orders.amount,
                  stuck = orders.stuck and back.amount < orders.amount
                          and (back.amount <= before.refunded or orders.status = 'refunded' or not orders.taken)
             from before, back where orders.id = before.id
           returning orders.id, before.taken and not orders.taken as "is_free!", orders.email, orders.refunded,
                     orders.refunded > before.refunded as "more!",
                     (before.status, before.refunded) <> (orders.status, orders.refunded) as "moved!""#,
        payment,
    );
    let refunded = refunded.fetch_one(&mut *db).await?;
    if let (Some(email), true) = (&refunded.email, refunded.more) {
        let reason = format!("refunded {what}");
        receipt(&mut *db, (because.id)(), refunded.id, email, Some(&reason)).await?;
    }
    if refunded.is_free {
        sqlx::query!(
            "update products set sold = greatest(sold - given, 0), updated_at = $2
               from (select product_id, sum(quantity)::int as given from order_lines where order_id = $1 group by product_id) lines
              where products.id = lines.product_id",
            refunded.id,
            because.now,
        )
        .execute(db)
        .await?;
    }
    Ok(Some((refunded.id, refunded.moved)))
}

/// Notes that money did not get there which the buyer of an order was promised, and tells them so; `what` failed, once. They were where it
/// `came_again`, and where nothing was left when they paid.
///
/// # Errors
/// As any statement.
pub async fn stuck(
    db: &mut PgConnection,
    (order, what): (Uuid, &str),
    came_again: bool,
    because: &Because<'_>,
) -> Result<()> {
    let email = sqlx::query_scalar!(
        "update orders set stuck = true
          where id = $1 and refunded < amount and ($2 or status = 'paid' and not taken) returning email",
        order,
        came_again,
    );
    let Some(Some(email)) = email.fetch_optional(&mut *db).await? else { return Ok(()) };
    receipt(db, (because.id)(), order, &email, Some(&format!("stuck {what}"))).await
}
