//! Orders, as programs read them: what was ordered, by whom, and what became of it.

use super::{Status, number};
use crate::error::{Error, Result};
use crate::services::input::Timestamp;
use crate::services::keys::{OrdersRead, Partner};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

/// An order.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Order")]
pub struct Ordered {
    /// UUID v7.
    pub id: Uuid,
    /// What it is called among people.
    number: String,
    /// How it stands.
    status: Status,
    /// What all of it costs, in the smallest units of its currency.
    amount: i64,
    /// Three small letters.
    currency: String,
    /// How much of that went back.
    refunded: i64,
    /// Whether it is to be fulfilled: it is paid for, what was ordered was there, and neither we nor a bank gave all of the money back.
    fulfillable: bool,
    /// Who it is for; none where it is not known, or they were erased.
    name: Option<String>,
    /// Where mail reaches them.
    email: Option<String>,
    /// What was ordered.
    lines: Vec<OrderedLine>,
    /// When it was ordered.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    placed_at: OffsetDateTime,
    /// When it was paid for.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    paid_at: Option<OffsetDateTime>,
}

/// Something that was ordered, at the price of then.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderLine")]
pub struct OrderedLine {
    title: String,
    amount: i64,
    quantity: i32,
}

/// Which orders a program asks for.
#[derive(Debug)]
pub struct Which<'a> {
    /// That stand so.
    pub status: Option<Status>,
    /// Of whoever has this address.
    pub email: Option<&'a str>,
    /// Older than this one.
    pub after: Option<Uuid>,
}

/// Up to `limit` of them, the last placed first.
///
/// # Errors
/// As any statement.
pub async fn listed(
    db: &mut PgConnection,
    _by: &Partner<OrdersRead>,
    which: &Which<'_>,
    limit: i64,
) -> Result<Vec<Ordered>> {
    let ids = sqlx::query_scalar!(
        "select id from orders
          where ($1::text is null or status = $1) and ($2::text is null or lower(email) = lower($2)) and ($3::uuid is null or id < $3)
          order by id desc limit $4",
        which.status as Option<Status>,
        which.email,
        which.after,
        limit,
    );
    let ids = ids.fetch_all(&mut *db).await?;
    told(db, &ids).await
}

/// Those of `ids` that are there, the last placed first, for whoever is told of them: it was seen to that they may learn of these.
///
/// # Errors
/// As any statement.
pub async fn told(db: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Ordered>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select id, status as "status: Status", amount, currency, refunded, name, email, placed_at, paid_at,
                  taken and not is_taken_back(payment) as "fulfillable!",
                  coalesce((select jsonb_agg(jsonb_build_object('title', title, 'amount', lines.amount, 'quantity', quantity) order by position)
                              from order_lines lines where order_id = orders.id), '[]') as "lines!: Json<Vec<OrderedLine>>"
             from orders where id = any($1) order by id desc"#,
        ids,
    );
    let ordered = rows.fetch_all(db).await?.into_iter().map(|row| Ordered {
        id: row.id,
        number: number(row.id),
        status: row.status,
        amount: row.amount,
        currency: row.currency,
        refunded: row.refunded,
        fulfillable: row.fulfillable,
        name: row.name,
        email: row.email,
        lines: row.lines.0,
        placed_at: row.placed_at,
        paid_at: row.paid_at,
    });
    Ok(ordered.collect())
}

/// One of them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_program(
    db: &mut PgConnection,
    _by: &Partner<OrdersRead>,
    id: Uuid,
) -> Result<Ordered> {
    told(db, &[id]).await?.pop().ok_or(Error::NotFound)
}
