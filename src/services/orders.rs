//! Orders, as far as payments move them: paid for, in time or too late, expired, given back.
//!
//! Stock is set aside by a hold, which counts while it has not run out. What is paid for in time takes its hold; what is paid for
//! later takes what is free by then, or is given back at once. `products_not_oversold` refuses whatever else might sell more than
//! there is.

use crate::error::Result;
use crate::services::ledger::Kind;
use crate::services::payments::calls;
use crate::services::payments::mirror::{Because, book};
use crate::stripe::asking;
use crate::stripe::objects::Session;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// What the buyer is told whose payment came when nothing was left.
pub const TOO_LATE: &str = "The payment came after the time for it had run out, and by then nothing was left. The money goes back.";

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
        (Some("complete"), _) if session.has_failed => expired(db, order, because.now).await,
        // A payment that takes days: what is set aside stays so, as far as the hold goes.
        _ => Ok(false),
    }
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
    let buyer = session.customer_details.as_ref();
    let payment = session.payment_intent.as_deref();
    let has_all = take(&mut *db, order, because.now).await?;
    sqlx::query!(
        "update orders set status = 'paid', paid_at = $2, ended_at = $2, payment = coalesce($3, payment),
                email = coalesce(email, $4), name = coalesce(name, $5), remark = $6 where id = $1",
        order,
        because.now,
        payment,
        buyer.and_then(|buyer| buyer.email.as_deref()),
        buyer.and_then(|buyer| buyer.name.as_deref()),
        (!has_all).then_some(TOO_LATE),
    )
    .execute(&mut *db)
    .await?;
    let money = (session.amount_total.unwrap_or_default(), row.currency.as_str());
    let about = format!("order:{order}");
    let object = payment.unwrap_or(&session.id);
    book(&mut *db, Kind::Order, object, money, &about, because).await?;
    if let Some(payment) = payment.filter(|_| !has_all) {
        let asked = asking::refund(payment, None, order);
        let purpose = format!("refund:{order}:too-late");
        let ids = ((because.id)(), (because.id)());
        calls::freeze(db, ids, because.now, &purpose, &asked).await?;
    }
    Ok(true)
}

/// Takes what an order is for from the stock, all of it or nothing; says whether it could. Whatever others have set aside, and
/// has not run out, is theirs.
async fn take(db: &mut PgConnection, order: Uuid, now: OffsetDateTime) -> Result<bool> {
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
    let is_short = short.fetch_one(&mut *db).await?;
    if !is_short {
        sqlx::query!(
            "update products set sold = sold + wanted from (select product_id, sum(quantity)::int as wanted from order_lines
                where order_id = $1 group by product_id) lines where products.id = lines.product_id",
            order,
        )
        .execute(&mut *db)
        .await?;
    }
    sqlx::query!("delete from holds where order_id = $1", order).execute(db).await?;
    Ok(!is_short)
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

/// Takes in what was given back of a payment. What all of it went back for, can be sold again.
///
/// # Errors
/// As any statement.
pub async fn refunded(db: &mut PgConnection, payment: &str, because: &Because<'_>) -> Result<()> {
    let refunded = sqlx::query!(
        r#"with before as (select id, status, remark from orders where payment = $1 for update),
                back as (select coalesce(sum(amount), 0)::bigint as amount from stripe_objects
                          where parent = $1 and type = 'refund' and state = 'succeeded')
           update orders set refunded = least(back.amount, orders.amount),
                  status = case when back.amount >= orders.amount and orders.status = 'paid' then 'refunded' else orders.status end
             from before, back where orders.id = before.id
           returning orders.id, before.status = 'paid' and orders.status = 'refunded' as "all_of_it!", before.remark"#,
        payment,
    );
    let Some(refunded) = refunded.fetch_optional(&mut *db).await? else { return Ok(()) };
    // What never was taken from the stock does not go back there.
    if refunded.all_of_it && refunded.remark.as_deref() != Some(TOO_LATE) {
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
    Ok(())
}
