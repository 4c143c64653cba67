//! An order, as its buyer sees it: whoever has the link that was given to them, or has signed in.

use super::Status;
use crate::error::{Error, Result};
use crate::services::sessions::Member;
use crate::services::subscribers::{Holder, Kind};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// To see an order, and to let go of it.
#[derive(Debug)]
pub struct Buying;

impl Kind for Buying {
    const LABEL: &'static [u8] = b"order";
}

/// Something that was ordered, at the price of then.
#[derive(Debug, Clone)]
pub struct Bought {
    /// What it was called.
    pub title: String,
    /// What one cost.
    pub amount: i64,
    /// How many.
    pub quantity: i32,
    /// When it happens, where it does.
    pub happens_at: Option<OffsetDateTime>,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Order {
    /// UUID v7.
    pub id: Uuid,
    /// How it stands.
    pub status: Status,
    /// What all of it costs.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// What went back.
    pub refunded: i64,
    /// Who it is for; none where they were erased.
    pub name: Option<String>,
    /// Where their receipt went.
    pub email: Option<String>,
    /// What they are told of it besides.
    pub remark: Option<String>,
    /// Whether money that was to go back did not get there, and has not since.
    pub is_stuck: bool,
    /// Whether their bank has taken the payment back.
    pub is_taken_back: bool,
    /// Whether something of what was ordered is still in the cart that it came from.
    pub is_in_cart: bool,
    /// When it was ordered.
    pub placed_at: OffsetDateTime,
    /// When it was paid for.
    pub paid_at: Option<OffsetDateTime>,
    /// Where it can be paid for, while it can.
    pub pay_at: Option<String>,
    /// Until when.
    pub open_until: Option<OffsetDateTime>,
    /// Whether a payment is under way that takes days.
    pub is_under_way: bool,
    /// What was ordered.
    pub lines: Vec<Bought>,
}

/// An order in the list of whoever has placed it.
#[derive(Debug)]
pub struct Own {
    /// UUID v7.
    pub id: Uuid,
    /// How it stands.
    pub status: Status,
    /// What all of it costs.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// What went back.
    pub refunded: i64,
    /// What was ordered, in a line.
    pub lines: String,
    /// When it was ordered.
    pub placed_at: OffsetDateTime,
}

/// Up to `limit` orders of `who` that are older than `before`, the last placed first.
///
/// # Errors
/// As any statement.
pub async fn of(
    db: &mut PgConnection,
    who: &Member,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Own>> {
    Ok(sqlx::query_as!(
        Own,
        r#"select id, status as "status: Status", amount, currency, refunded, placed_at,
                  coalesce((select string_agg(quantity || ' × ' || title, ', ' order by position)
                              from order_lines where order_id = orders.id), '') as "lines!"
             from orders where account_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        who.id(),
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// What an order is called among people: the end of its id, which is chance.
pub fn number(id: Uuid) -> String {
    let digits = id.simple().to_string();
    digits[digits.len() - 8..].to_uppercase()
}

/// The order that a link leads to.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn held(db: &mut PgConnection, by: &Holder<Buying>) -> Result<Order> {
    by_id(db, by.id()).await
}

/// The same, for whoever is known to be allowed it.
///
/// # Errors
/// [`Error::NotFound`].
pub(super) async fn by_id(db: &mut PgConnection, id: Uuid) -> Result<Order> {
    let order = sqlx::query!(
        r#"select orders.id, status as "status: Status", amount, currency, refunded, name, email, remark, placed_at, paid_at,
                  case when state = 'open' and expires_at > statement_timestamp() and status = 'pending-payment'
                            and not exists (select from stripe_calls where purpose = 'expiry:' || way.id and stripe_calls.state = 'frozen')
                       then url end as pay_at,
                  case when state in ('begun', 'open') then expires_at end as open_until,
                  coalesce(state = 'complete' and status = 'pending-payment', false) as "is_under_way!", stuck,
                  is_taken_back(payment) as "is_taken_back!",
                  exists (select from cart_lines join order_lines using (product_id)
                           where cart_lines.cart_id = orders.cart_id and order_id = orders.id) as "is_in_cart!"
             from orders left join lateral (select id, state, url, expires_at from checkouts where order_id = orders.id
                 order by id desc limit 1) way on true
            where orders.id = $1"#,
        id,
    );
    let order = order.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let lines = sqlx::query_as!(
        Bought,
        r#"select order_lines.title, order_lines.amount, quantity, happens_at as "happens_at?"
             from order_lines left join products on products.id = product_id where order_id = $1 order by order_lines.position"#,
        id,
    );
    Ok(Order {
        id: order.id,
        status: order.status,
        amount: order.amount,
        currency: order.currency,
        refunded: order.refunded,
        name: order.name,
        email: order.email,
        remark: order.remark,
        is_stuck: order.stuck || order.status == Status::Refunded && order.refunded < order.amount,
        is_taken_back: order.is_taken_back,
        is_in_cart: order.is_in_cart,
        placed_at: order.placed_at,
        paid_at: order.paid_at,
        pay_at: order.pay_at,
        open_until: order.open_until,
        is_under_way: order.is_under_way,
        lines: lines.fetch_all(db).await?,
    })
}

/// The checkout by which an order can still be paid for, and what Stripe calls it; none where it cannot.
///
/// # Errors
/// As any statement.
pub async fn way_of(
    db: &mut PgConnection,
    by: &Holder<Buying>,
) -> Result<Option<(Uuid, Option<String>)>> {
    let way = sqlx::query!(
        "select checkouts.id, session from checkouts join orders on orders.id = order_id
          where order_id = $1 and status in ('open', 'pending-payment') and state <> 'refused' order by checkouts.id desc limit 1",
        by.id(),
    );
    Ok(way.fetch_optional(db).await?.map(|row| (row.id, row.session)))
}

/// Notes of the order of this checkout, if it is over unpaid, that its buyer wanted it so.
///
/// # Errors
/// As any statement.
pub async fn note_cancelled(db: &mut PgConnection, way: Uuid) -> Result<()> {
    sqlx::query!(
        "update orders set status = 'cancelled' where status = 'expired' and id = (select order_id from checkouts where id = $1)",
        way,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An order, for a mail to owners.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_owners(db: &mut PgConnection, id: Uuid) -> Result<Order> {
    by_id(db, id).await
}

/// An order, for a mail to its buyer; none where there is nobody left to get it.
///
/// # Errors
/// As any statement.
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<Option<Order>> {
    let order = crate::error::found(by_id(db, id).await)?;
    Ok(order.filter(|order| order.email.is_some()))
}
