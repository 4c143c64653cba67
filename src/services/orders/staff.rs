//! Orders, as staff see them, and what they do about them.

use super::{Order, Status, reading, receipt};
use crate::error::{Error, Result};
use crate::services::payments::calls;
use crate::services::recent::Recent;
use crate::services::sessions::Staff;
use crate::stripe::asking;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::format;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Which orders.
#[derive(Debug, Default)]
pub struct Filter {
    /// That stand so.
    pub status: Option<Status>,
    /// Of whoever has this in their name or address.
    pub text: String,
    /// Older than this one.
    pub before: Option<Uuid>,
}

/// An order in the list.
#[derive(Debug)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// How it stands.
    pub status: Status,
    /// What it costs.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// What went back.
    pub refunded: i64,
    /// Whose it is.
    pub name: Option<String>,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// What was ordered, in a line.
    pub lines: String,
    /// When.
    pub placed_at: OffsetDateTime,
}

/// Up to `limit` orders, the last placed first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Staff,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select id, status as "status: Status", amount, currency, refunded, name, email, placed_at,
                  coalesce((select string_agg(quantity || ' × ' || title, ', ' order by position)
                              from order_lines where order_id = orders.id), '') as "lines!"
             from orders
            where ($1::text is null or status = $1) and ($2::uuid is null or id < $2)
              and ($3 = '' or position(lower($3) in lower(coalesce(email, '') || ' ' || coalesce(name, ''))) > 0)
            order by id desc limit $4"#,
        filter.status as Option<Status>,
        filter.before,
        filter.text,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// Something that happened to an order.
#[derive(Debug)]
pub struct Event {
    /// When.
    pub at: OffsetDateTime,
    /// What.
    pub what: String,
    /// And what of it.
    pub detail: Option<String>,
}

/// An order with what staff see besides.
#[derive(Debug)]
pub struct Shown {
    /// As its buyer sees it.
    pub order: Order,
    /// What Stripe calls the payment.
    pub payment: Option<String>,
    /// Why Stripe has refused to give money back, where that is the last that was asked of it.
    pub refused: Option<String>,
    /// What money went where: of which kind, how it stands, how much, what Stripe calls it.
    pub money: Vec<(String, String, i64, String)>,
    /// What has happened, in order.
    pub events: Vec<Event>,
}

/// An order.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn shown(db: &mut PgConnection, _by: &Staff, id: Uuid) -> Result<Shown> {
    let order = reading::by_id(&mut *db, id).await?;
    let payment = sqlx::query_scalar!("select payment from orders where id = $1", id);
    let payment = payment.fetch_one(&mut *db).await?;
    let money = sqlx::query!(
        "select type, state, amount, id from stripe_objects where parent = $1 order by updated_at, id",
        payment,
    );
    let money = money.fetch_all(&mut *db).await?;
    let events = sqlx::query_as!(
        Event,
        r#"select at as "at!", what as "what!", detail from (
               select placed_at as at, 'placed' as what, null as detail from orders where id = $1
               union all select created_at, 'checkout', state || coalesce(' · ' || session, '') from checkouts where order_id = $1
               union all select created_at, 'refund-asked', coalesce(remark, state) from stripe_calls
                          where split_part(purpose, ':', 2) = $1::text and purpose like 'refund:%'
               union all select at, kind, detail from stripe_effects
                          where object = $2 or object in (select id from stripe_objects where parent = $2)
               union all select created_at, 'mail', state from outbox where cause = 'order:' || $1
           ) events order by at, what <> 'placed', what"#,
        id,
        payment,
    );
    let asked = sqlx::query!(
        "select state, remark from stripe_calls where split_part(purpose, ':', 2) = $1::text and purpose like 'refund:%'
          order by created_at desc, id desc limit 1",
        id.to_string(),
    );
    let asked = asked.fetch_optional(&mut *db).await?;
    let refused = asked.filter(|asked| asked.state == "refused").and_then(|asked| asked.remark);
    Ok(Shown {
        order,
        refused,
        payment,
        money: money.into_iter().map(|row| (row.r#type, row.state, row.amount, row.id)).collect(),
        events: events.fetch_all(db).await?,
    })
}

/// How much is to go back.
#[derive(Debug, Deserialize, Validate)]
pub struct Refund {
    /// As people write it; nothing is all that is left.
    #[serde(default, deserialize_with = "crate::services::input::optional_line")]
    pub amount: Option<String>,
}

/// Writes down that so much of an order's payment is to go back, and says by which call and how much. `errand` is what it is asked
/// by, once for each; the ids are fresh.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where there is not so much to be given back.
pub async fn refund(
    db: &mut PgConnection,
    _by: &Recent<Staff>,
    ids: (Uuid, Uuid),
    now: OffsetDateTime,
    (order, wanted): (Uuid, &Refund),
) -> Result<(Uuid, i64)> {
    let row = sqlx::query!(
        r#"select payment, amount, refunded, currency, status, is_taken_back(payment) as "is_taken_back!" from orders
            where id = $1 for update"#,
        order,
    );
    let row = row.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let was_paid = ["paid", "refunded"].contains(&row.status.as_str());
    let Some(payment) = row.payment.filter(|_| was_paid && row.refunded < row.amount) else {
        return Err(Error::field("amount", "There is no payment that could go back."));
    };
    if row.is_taken_back {
        return Err(Error::field("amount", TAKEN_BACK));
    }
    let left = row.amount - row.refunded;
    let amount = match &wanted.amount {
        None => left,
        Some(typed) => format::smallest_units(typed, &row.currency).unwrap_or_default(),
    };
    if !(1..=left).contains(&amount) {
        let most = format::money(left, &row.currency);
        return Err(Error::field("amount", format!("Write an amount of at most {most}.")));
    }
    let under_way = sqlx::query_scalar!(
        r#"select exists (select from stripe_calls
                where state = 'frozen' and split_part(purpose, ':', 2) = $1 and purpose like 'refund:%') as "is!""#,
        order.to_string(),
    );
    if under_way.fetch_one(&mut *db).await? {
        return Err(Error::field(
            "amount",
            "Another refund of this order is under way. Wait for it.",
        ));
    }
    let asked = asking::refund(&payment, Some(amount), order);
    let purpose = format!("refund:{order}:{}", ids.0);
    Ok((calls::freeze(db, ids, now, &purpose, &asked).await?, amount))
}

const TAKEN_BACK: &str = "Nothing of this payment can be given back while a bank has it.";

/// Has the receipt of an order mailed once more. `id` is a fresh one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where there is none, or nobody to get it.
pub async fn resend_receipt(
    db: &mut PgConnection,
    _by: &Staff,
    id: Uuid,
    order: Uuid,
) -> Result<()> {
    let row = sqlx::query!("select email, paid_at from orders where id = $1", order);
    let row = row.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    match (row.email, row.paid_at) {
        (Some(email), Some(_)) => receipt(db, id, order, &email, None).await,
        _ => Err(Error::field("", "There is no receipt, or nobody to get it.")),
    }
}
