//! What members can be: plans and their prices, as everyone sees them, and as they are at Stripe.
//!
//! A price is never changed: another follows it, and whoever pays the old one goes on with that. What Stripe calls a plan is
//! noted here once Stripe has it; until then it cannot be bought. What is to be had no more is told to Stripe too, in the transaction
//! that says so here.

use crate::error::{Error, OnConstraint, Result};
use crate::policies::Operator;
use crate::services::input::{self, Valid};
use crate::services::money;
use crate::services::payments::calls;
use crate::stripe::Frozen;
use crate::stripe::asking;
use crate::tags::{Read, Tag};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// How often something is paid.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Period {
    /// Every month.
    Monthly,
    /// Every year.
    Yearly,
}

impl Period {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }
}

/// A plan that can be had.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// UUID v7.
    pub id: Uuid,
    /// What commands call it.
    pub slug: String,
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// So many days are free at first.
    pub trial_days: i32,
    /// What is taken off the first payment of whoever begins now, in per cent.
    pub off: Option<i32>,
    /// What it costs.
    pub prices: Vec<Price>,
}

/// What a plan costs.
#[derive(Debug, Serialize)]
pub struct Price {
    /// UUID v7.
    pub id: Uuid,
    /// How often.
    pub period: Period,
    /// In the smallest units of the currency.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// Whether Stripe knows it, so that it can be bought.
    pub is_ready: bool,
}

/// All plans that can be had, as they are to be shown.
///
/// # Errors
/// As any statement.
pub async fn all(db: &mut PgConnection) -> Result<Read<Vec<Plan>>> {
    let plans = sqlx::query!(
        r#"select id, slug, name, text, trial_days,
                  case when coupon_from <= now() and now() < coupon_until then coupon_percent end as off,
                  extract(epoch from case when coupon_from > now() then coupon_from when coupon_until > now() then coupon_until end
                      - now())::float8 as changes
             from plans where active order by position, id"#
    );
    let plans = plans.fetch_all(&mut *db).await?;
    let prices = sqlx::query!(
        r#"select id, plan_id, period as "period: Period", amount, currency, stripe_price is not null as "is_ready!"
             from plan_prices where active order by period"#
    );
    let prices = prices.fetch_all(db).await?;
    let until = plans.iter().filter_map(|plan| plan.changes).reduce(f64::min);
    let plans: Vec<Plan> = plans
        .into_iter()
        .map(|plan| Plan {
            id: plan.id,
            slug: plan.slug,
            name: plan.name,
            text: plan.text,
            trial_days: plan.trial_days,
            off: plan.off,
            prices: prices
                .iter()
                .filter(|price| price.plan_id == plan.id)
                .map(|price| Price {
                    id: price.id,
                    period: price.period,
                    amount: price.amount,
                    currency: price.currency.clone(),
                    is_ready: price.is_ready,
                })
                .collect(),
        })
        .collect();
    let until = until.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(Read::new(plans, [Tag::Plans]).true_for(until))
}

/// A plan to be made.
#[derive(Debug, Deserialize, Validate)]
pub struct NewPlan {
    /// What commands call it.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "a_slug"))]
    pub slug: String,
    /// What it is called.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(length(min = 2, max = 100, message = "Enter a name of 2 to 100 characters."))]
    pub name: String,
    /// What is in it.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(length(max = 2000, message = "Shorten the text to at most 2,000 characters."))]
    pub text: String,
    /// What a month costs; none: it is not to be had by the month.
    #[validate(custom(function = "an_amount"))]
    pub monthly: Option<i64>,
    /// What a year costs.
    #[validate(custom(function = "an_amount"))]
    pub yearly: Option<i64>,
    /// Three small letters.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "money::currency"))]
    pub currency: String,
    /// Free at first.
    #[validate(range(min = 0, max = 730, message = "Use 0 to 730 days."))]
    pub trial_days: i32,
    /// Off the first payment.
    #[validate(nested)]
    pub coupon: Option<Coupon>,
}

/// What is taken off, and when.
#[derive(Debug, Deserialize, Validate)]
pub struct Coupon {
    /// In per cent.
    #[validate(range(min = 1, max = 100, message = "Use 1 to 100 per cent."))]
    pub percent: i32,
    /// From when.
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
}

fn wrong(message: &'static str) -> ValidationError {
    ValidationError::new("wrong").with_message(message.into())
}

fn a_slug(slug: &str) -> Result<(), ValidationError> {
    match slug::slugify(slug) == slug && (2..=60).contains(&slug.len()) {
        true => Ok(()),
        false => Err(wrong("Use 2 to 60 small letters, digits and hyphens.")),
    }
}

fn an_amount(amount: i64) -> Result<(), ValidationError> {
    match (1..=money::MOST).contains(&amount) {
        true => Ok(()),
        false => Err(wrong("Give the amount in the smallest units of the currency: 900 for 9.00.")),
    }
}

/// Makes a plan.
///
/// # Errors
/// [`Error::Invalid`] where its slug is another's, or it has no price.
pub async fn add(
    db: &mut PgConnection,
    _by: &Operator,
    id: impl Fn() -> Uuid,
    new: &Valid<NewPlan>,
) -> Result<Uuid> {
    if new.monthly.is_none() && new.yearly.is_none() {
        return Err(Error::field("monthly", "Say what a month costs, or a year."));
    }
    if new.coupon.as_ref().is_some_and(|coupon| coupon.from >= coupon.until) {
        return Err(Error::field("coupon", "It has to begin before it ends."));
    }
    let (plan, coupon) = (id(), new.coupon.as_ref());
    let added = sqlx::query!(
        "insert into plans (id, slug, name, text, trial_days, coupon_percent, coupon_from, coupon_until, position)
         values ($1, $2, $3, $4, $5, $6, $7, $8, (select coalesce(max(position), 0) + 1 from plans))",
        plan,
        new.slug,
        new.name,
        new.text,
        new.trial_days,
        coupon.map(|coupon| coupon.percent),
        coupon.map(|coupon| coupon.from),
        coupon.map(|coupon| coupon.until),
    );
    let added = added.execute(&mut *db).await;
    added
        .on_constraint("plans_slug_key", || Error::field("slug", "Another plan has this name."))?;
    for (period, amount) in [(Period::Monthly, new.monthly), (Period::Yearly, new.yearly)] {
        if let Some(amount) = amount {
            money::takes(period.as_str(), amount, &new.currency)?;
            follow(&mut *db, id(), plan, (period, amount, &new.currency)).await?;
        }
    }
    Ok(plan)
}

async fn follow(
    db: &mut PgConnection,
    id: Uuid,
    plan: Uuid,
    (period, amount, currency): (Period, i64, &str),
) -> Result<()> {
    sqlx::query!(
        "update plan_prices set active = false where plan_id = $1 and period = $2 and active",
        plan,
        period as Period,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into plan_prices (id, plan_id, period, amount, currency) values ($1, $2, $3, $4, $5)",
        id,
        plan,
        period as Period,
        amount,
        currency,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Another price for a plan, for whoever begins from now on. `id` makes ids.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for what is no amount.
pub async fn set_price(
    db: &mut PgConnection,
    _by: &Operator,
    (id, now): (impl Fn() -> Uuid, OffsetDateTime),
    slug: &str,
    (period, amount, currency): (Period, i64, &str),
) -> Result<Uuid> {
    if an_amount(amount).is_err() || money::currency(currency).is_err() {
        return Err(Error::field("amount", "Give an amount in smallest units, and a currency."));
    }
    money::takes("amount", amount, currency)?;
    hold(&mut *db).await?;
    let plan = sqlx::query_scalar!("select id from plans where slug = $1", slug);
    let plan = plan.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    follow(&mut *db, id(), plan, (period, amount, currency)).await?;
    tell_of_offers(db, id, now).await?;
    Ok(plan)
}

/// Says whether a plan can be had. Whoever has it keeps it. `id` makes ids.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn offer(
    db: &mut PgConnection,
    _by: &Operator,
    (id, now): (impl Fn() -> Uuid, OffsetDateTime),
    slug: &str,
    active: bool,
) -> Result<Uuid> {
    hold(&mut *db).await?;
    let offered = sqlx::query_scalar!(
        "update plans set active = $2 where slug = $1 returning id",
        slug,
        active
    );
    let plan = offered.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    tell_of_offers(db, id, now).await?;
    Ok(plan)
}

/// Holds all plans until the transaction has ended. Whoever says what can be had, and whoever notes what Stripe has said of that, do so one
/// after the other: each of them may write down what the other waits for.
///
/// # Errors
/// As any statement.
pub async fn hold(db: &mut PgConnection) -> Result<()> {
    let held = sqlx::query!("select id from plans order by id for no key update");
    held.fetch_all(db).await?;
    Ok(())
}

/// Writes down what Stripe is to be told of what can be had, and of what cannot any more. `id` makes ids.
///
/// # Errors
/// As any statement.
pub async fn tell_of_offers(
    db: &mut PgConnection,
    id: impl Fn() -> Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    for (purpose, asked) in otherwise_at_stripe(&mut *db).await? {
        calls::freeze(&mut *db, (id(), id()), now, &purpose, &asked).await?;
    }
    Ok(())
}

/// What Stripe lets people have, or not, otherwise than here: what for, and what to ask. A price is had with its plan alone, and
/// whoever pays one that is had no more goes on with it there as here.
async fn otherwise_at_stripe(db: &mut PgConnection) -> Result<Vec<(String, Frozen)>> {
    let products = sqlx::query!(
        r#"select id, stripe_product as "product!", active from plans
            where stripe_product is not null and active <> stripe_active order by id"#
    );
    let products = products.fetch_all(&mut *db).await?;
    let prices = sqlx::query!(
        r#"select plan_prices.id, stripe_price as "price!", plans.active and plan_prices.active as "offered!"
             from plan_prices join plans on plans.id = plan_id
            where stripe_price is not null and (plans.active and plan_prices.active) <> plan_prices.stripe_active
            order by plan_prices.id"#
    );
    let prices = prices.fetch_all(db).await?;
    let products = products.into_iter().map(|plan| {
        let asked = asking::offered_product(&plan.product, plan.active);
        (format!("offered-product:{}", plan.id), asked)
    });
    let prices = prices.into_iter().map(|one| {
        let asked = asking::offered_price(&one.price, one.offered);
        (format!("offered-price:{}", one.id), asked)
    });
    Ok(products.chain(prices).collect())
}

/// The next thing that Stripe does not know of the plans yet, but for what it has `refused`: what for, and what to ask. What depends
/// on something that Stripe has to name first comes after it.
///
/// # Errors
/// As any statement.
pub async fn unknown_to_stripe(
    db: &mut PgConnection,
    refused: &[String],
) -> Result<Option<(String, Frozen)>> {
    let product = sqlx::query!(
        "select id, name, text from plans
          where active and stripe_product is null and 'product:' || id <> all ($1::text[]) order by id limit 1",
        refused,
    );
    if let Some(plan) = product.fetch_optional(&mut *db).await? {
        let call = asking::product(plan.id, &plan.name, &plan.text);
        return Ok(Some((format!("product:{}", plan.id), call)));
    }
    let price = sqlx::query!(
        r#"select plan_prices.id, amount, currency, period = 'yearly' as "yearly!", stripe_product as "product!"
             from plan_prices join plans on plans.id = plan_id
            where plans.active and plan_prices.active and stripe_price is null and stripe_product is not null
              and 'price:' || plan_prices.id <> all ($1::text[])
            order by plan_prices.id limit 1"#,
        refused,
    );
    if let Some(price) = price.fetch_optional(&mut *db).await? {
        let call =
            asking::price(price.id, &price.product, price.amount, &price.currency, price.yearly);
        return Ok(Some((format!("price:{}", price.id), call)));
    }
    let coupon = sqlx::query!(
        r#"select id, coupon_percent as "percent!", coupon_until as "until!" from plans
            where coupon_percent is not null and stripe_coupon is null and coupon_until > now()
              and 'coupon:' || id <> all ($1::text[])
            order by id limit 1"#,
        refused,
    );
    if let Some(plan) = coupon.fetch_optional(&mut *db).await? {
        let call = asking::coupon(plan.id, plan.percent, plan.until);
        return Ok(Some((format!("coupon:{}", plan.id), call)));
    }
    let otherwise = otherwise_at_stripe(db).await?;
    Ok(otherwise.into_iter().find(|(purpose, _)| !refused.contains(purpose)))
}

/// Notes whether a product or a price can be had there.
///
/// # Errors
/// As any statement.
pub async fn offered_at_stripe(
    db: &mut PgConnection,
    what: &str,
    id: Uuid,
    offered: bool,
) -> Result<()> {
    match what {
        "offered-product" => {
            sqlx::query!("update plans set stripe_active = $2 where id = $1", id, offered)
                .execute(db)
                .await?
        }
        _ => {
            sqlx::query!("update plan_prices set stripe_active = $2 where id = $1", id, offered)
                .execute(db)
                .await?
        }
    };
    Ok(())
}

/// Notes what Stripe calls a product, a price or a coupon.
///
/// # Errors
/// As any statement.
pub async fn known_to_stripe(
    db: &mut PgConnection,
    what: &str,
    id: Uuid,
    object: &str,
) -> Result<()> {
    match what {
        "product" => {
            sqlx::query!("update plans set stripe_product = $2 where id = $1", id, object)
                .execute(db)
                .await?
        }
        "price" => {
            sqlx::query!("update plan_prices set stripe_price = $2 where id = $1", id, object)
                .execute(db)
                .await?
        }
        _ => {
            sqlx::query!("update plans set stripe_coupon = $2 where id = $1", id, object)
                .execute(db)
                .await?
        }
    };
    Ok(())
}
