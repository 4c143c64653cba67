//! What there is to buy: as everyone sees it, and as staff write it.
//!
//! How many are left is never written down. It is what is in stock, less what was sold, less what is set aside and has not run
//! out (`stock_left`, `migrations/0033`), so nothing has to be tidied up for it to be right. What was sold is not changed here.

mod draft;

pub use draft::{Draft, Kind};

use crate::error::{Absence, Error, Found, Result};
use crate::policies::Operator;
use crate::services::input::Valid;
use crate::services::sessions::Staff;
use crate::tags::{Read, Tag};
use serde::Serialize;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Who keeps the shop, and their proof.
#[derive(Debug)]
pub enum Keeper<'a> {
    /// Staff.
    Staff(&'a Staff),
    /// The operator.
    Operator(&'a Operator),
}

/// Something that can be bought, as everyone sees it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Its place in the address.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// What it is, in Markdown.
    pub text: String,
    /// What kind of thing.
    pub kind: Kind,
    /// What one costs, in smallest units.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// How many can be had; none of what is over.
    pub left: i64,
    /// When it happens, where it does.
    pub happens_at: Option<OffsetDateTime>,
    /// Whether it has happened.
    pub is_over: bool,
}

/// What can be bought, at this address alone where one is given, and for how long that is true by itself: what is set aside is
/// free once nobody has paid for it in time.
async fn look(db: &mut PgConnection, slug: Option<&str>) -> Result<(Vec<Offer>, Option<Duration>)> {
    let rows = sqlx::query!(
        r#"select slug, title, text, kind as "kind: Kind", amount, currency, happens_at,
                  greatest(stock_left(id, statement_timestamp(), null), 0) as "left!",
                  coalesce(happens_at <= statement_timestamp(), false) as "is_over!",
                  extract(epoch from least((select min(expires_at) from holds where product_id = id and expires_at > statement_timestamp()),
                      case when happens_at > statement_timestamp() then happens_at end) - statement_timestamp())::float8 as changes
             from products where active and ($1::text is null or slug = $1) order by position, id"#,
        slug,
    );
    let rows = rows.fetch_all(db).await?;
    let first = rows.iter().filter_map(|row| row.changes).reduce(f64::min);
    let offers = rows.into_iter().map(|row| Offer {
        slug: row.slug,
        title: row.title,
        text: row.text,
        kind: row.kind,
        amount: row.amount,
        currency: row.currency,
        left: if row.is_over { 0 } else { row.left },
        happens_at: row.happens_at,
        is_over: row.is_over,
    });
    let until = first.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok((offers.collect(), until))
}

/// Everything that can be bought, or could before it was sold out.
///
/// # Errors
/// As any statement.
pub async fn offers(db: &mut PgConnection) -> Result<Read<Vec<Offer>>> {
    let (offers, until) = look(db, None).await?;
    Ok(Read::new(offers, [Tag::Products]).true_for(until))
}

/// What can be bought at `slug`.
///
/// # Errors
/// As any statement.
pub async fn by_slug(db: &mut PgConnection, slug: &str) -> Result<Read<Found<Offer>>> {
    let (mut offers, until) = look(db, Some(slug)).await?;
    let tags = [Tag::Product(slug.to_owned())];
    Ok(Read::new(offers.pop().ok_or(Absence::NotFound), tags).true_for(until))
}

/// A product as it is stored, with how it stands.
#[derive(Debug, Clone, Serialize)]
pub struct Stored {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Markdown.
    pub text: String,
    /// What kind of thing.
    pub kind: Kind,
    /// What one costs, in smallest units.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// How many there are, or were.
    pub stock: i32,
    /// How many were sold.
    pub sold: i32,
    /// How many are neither sold nor set aside.
    pub left: i64,
    /// Whether it can be bought.
    pub active: bool,
    /// When it happens.
    #[serde(with = "time::serde::rfc3339::option")]
    pub happens_at: Option<OffsetDateTime>,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// All of them, as the shop shows them; those that can be had no more are last.
///
/// # Errors
/// As any statement.
pub async fn all(db: &mut PgConnection, _by: &Keeper<'_>) -> Result<Vec<Stored>> {
    Ok(sqlx::query_as!(
        Stored,
        r#"select id, slug, title, text, kind as "kind: Kind", amount, currency, stock, sold, active, happens_at, updated_at,
                  stock_left(id, statement_timestamp(), null) as "left!"
             from products order by not active, position, id"#
    )
    .fetch_all(db)
    .await?)
}

/// One of them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn stored(db: &mut PgConnection, _by: &Keeper<'_>, id: Uuid) -> Result<Stored> {
    sqlx::query_as!(
        Stored,
        r#"select id, slug, title, text, kind as "kind: Kind", amount, currency, stock, sold, active, happens_at, updated_at,
                  stock_left(id, statement_timestamp(), null) as "left!"
             from products where id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Puts something new into the shop, after all that is there.
///
/// # Errors
/// [`Error::Invalid`] where its address is another's.
pub async fn add(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<()> {
    let (slug, amount, happens_at) = (draft.place()?, draft.amount()?, draft.happens_at()?);
    let added = sqlx::query!(
        "insert into products (id, slug, title, text, kind, amount, currency, stock, active, happens_at, position)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, (select coalesce(max(position), 0) + 1 from products))",
        id,
        slug,
        draft.title,
        draft.text,
        draft.kind as Kind,
        amount,
        draft.currency,
        draft.stock()?,
        draft.active,
        happens_at,
    );
    added.execute(db).await.map_err(refused)?;
    Ok(())
}

/// Writes the product `id` anew. What was ordered before stays as it was ordered.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where its address is another's, more were sold than there would be, or it is not the
/// given version any more.
pub async fn update(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<()> {
    let (slug, amount, happens_at) = (draft.place()?, draft.amount()?, draft.happens_at()?);
    let saved = sqlx::query!(
        "update products set slug = $2, title = $3, text = $4, kind = $5, amount = $6, currency = $7, stock = $8, active = $9,
                happens_at = $10, updated_at = clock_timestamp()
          where id = $1 and ($11::timestamptz is null or updated_at = $11)",
        id,
        slug,
        draft.title,
        draft.text,
        draft.kind as Kind,
        amount,
        draft.currency,
        draft.stock()?,
        draft.active,
        happens_at,
        draft.version,
    );
    if saved.execute(&mut *db).await.map_err(refused)?.rows_affected() == 1 {
        return promised(db, id).await;
    }
    let exists = sqlx::query_scalar!(
        r#"select exists (select from products where id = $1) as "exists!""#,
        id
    );
    Err(match exists.fetch_one(db).await? {
        true => Error::field("version", STALE),
        false => Error::NotFound,
    })
}

const STALE: &str = "Someone has saved this product since you opened it. What you wrote is below; send it again to replace theirs.";

fn refused(error: sqlx::Error) -> Error {
    match error.as_database_error().and_then(|cause| cause.constraint()) {
        Some("products_slug_key") => {
            Error::field("slug", "Another product has this address. Choose another.")
        }
        Some("products_not_oversold") => Error::field("stock", "More than that are sold already."),
        _ => error.into(),
    }
}

/// Refuses a stock that is less than what was sold and what is set aside for those who are paying.
async fn promised(db: &mut PgConnection, id: Uuid) -> Result<()> {
    let left = sqlx::query_scalar!(r#"select stock_left($1, now(), null) as "left!""#, id);
    match left.fetch_one(db).await? {
        0.. => Ok(()),
        _ => Err(Error::field(
            "stock",
            "More than that are sold, or set aside for people who are paying for them. Wait for those, or take it out of the shop first.",
        )),
    }
}

/// Says whether what is at `slug` can be bought.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn offer(
    db: &mut PgConnection,
    _by: &Operator,
    slug: &str,
    active: bool,
) -> Result<Uuid> {
    let offered = sqlx::query_scalar!(
        "update products set active = $2, updated_at = clock_timestamp() where slug = $1 returning id",
        slug,
        active,
    );
    offered.fetch_optional(db).await?.ok_or(Error::NotFound)
}

/// Says how many there are of what is at `slug`, those that were sold included.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where more were sold or are set aside.
pub async fn set_stock(
    db: &mut PgConnection,
    _by: &Operator,
    slug: &str,
    stock: i32,
) -> Result<Uuid> {
    if !(0..=draft::MOST).contains(&stock) {
        return Err(Error::field("stock", draft::STOCK));
    }
    let set = sqlx::query_scalar!(
        "update products set stock = $2, updated_at = clock_timestamp() where slug = $1 returning id",
        slug,
        stock,
    );
    let id = set.fetch_optional(&mut *db).await.map_err(refused)?.ok_or(Error::NotFound)?;
    promised(db, id).await.map(|()| id)
}
