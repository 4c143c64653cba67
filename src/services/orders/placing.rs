//! An order comes to be: what is in a cart, at the prices of this moment, set aside until it is paid for or no longer.
//!
//! Whoever orders holds the products, in one order for everyone, and then looks at how many are left: so nobody is promised what
//! somebody else was, and nobody waits for somebody who waits for them. A cart has one order at a time that waits to be paid for:
//! the same once more goes on with that one, and before there can be another it has to end.

use crate::error::{Error, FieldErrors, Result};
use crate::services::accounts;
use crate::services::cart::{self, Line, MOST_LINES, Shopper};
use crate::services::input;
use crate::services::money;
use crate::services::payments::checkouts::{self, NewOrder};
use crate::stripe::asking::{self, Way};
use serde::Deserialize;
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use validator::Validate;

/// How long an order can be paid for. Stripe's least is half an hour from when it is told, which may be a while after this.
pub const OPEN_FOR: Duration = Duration::minutes(40);
/// What is paid for in the last moment is told of later: so long it stays set aside.
const HELD_LONGER: Duration = Duration::minutes(5);
/// An order that ends sooner is not gone on with.
const LEAST: Duration = Duration::minutes(5);

/// Who orders. Whoever has signed in need not say so.
#[derive(Debug, Deserialize, Validate)]
pub struct Buyer {
    /// What they are called.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(
        length(min = 2, max = 100, message = "Enter your name, in 2 to 100 characters."),
        custom(function = "input::one_line")
    )]
    pub name: Option<String>,
    /// Where mail reaches them.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::email"))]
    pub email: Option<String>,
    /// What all of it cost when they saw it, such as `2500 eur`, where the form says so.
    #[serde(default)]
    pub total: Option<String>,
}

/// Who pays, and where the receipt goes.
struct Payer {
    account: Option<Uuid>,
    name: String,
    email: String,
}

/// What has become of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// This checkout is to be gone on with.
    This(Uuid),
    /// This one, of another order of the cart, has to end first.
    Other(Uuid),
}

/// Where an order is to be found, and where its payment may lead back to.
pub struct Places<'a> {
    /// The page of an order.
    pub order: &'a dyn Fn(Uuid) -> String,
    /// The cart.
    pub cart: String,
}

/// Orders what is in the cart of `who`, or goes on with the order of the same that waits to be paid for. `id` makes fresh ones.
///
/// # Errors
/// [`Error::Invalid`] where something cannot be had, by line; or where they have not said who they are.
pub async fn place(
    db: &mut PgConnection,
    who: &Shopper,
    id: &dyn Fn() -> Uuid,
    now: OffsetDateTime,
    (buyer, places): (&Buyer, &Places<'_>),
) -> Result<Placed> {
    let payer = payer(&mut *db, who, buyer).await?;
    // Whoever presses twice waits for themselves here.
    let cart = cart::id(&mut *db, who).await?.ok_or_else(empty)?;
    sqlx::query!("select id from carts where id = $1 for update", cart)
        .fetch_optional(&mut *db)
        .await?;
    if let Some(waiting) = waiting(&mut *db, cart, &payer, now).await? {
        return Ok(waiting);
    }
    sqlx::query!(
        "select id from products where id in (select product_id from cart_lines where cart_id = $1) order by id for no key update",
        cart,
    )
    .fetch_all(&mut *db)
    .await?;
    // A statement of its own: what somebody has set aside while we waited is to be seen.
    let lines = cart::lines(&mut *db, cart, Some(now)).await?;
    let (amount, currency) = can_be_had(&lines)?;
    if buyer.total.as_ref().is_some_and(|seen| *seen != format!("{amount} {currency}")) {
        return Err(Error::field("", CHANGED));
    }
    let (order, checkout) = (id(), id());
    write(&mut *db, (order, cart), now, &payer, &lines, (amount, &currency)).await?;
    let way = Way {
        checkout,
        success: (places.order)(order),
        cancel: places.cart.clone(),
        expires_at: now + OPEN_FOR,
    };
    let asked: Vec<asking::Line> = lines.iter().map(Into::into).collect();
    let new = NewOrder { order, way, email: &payer.email, currency: &currency, lines: &asked };
    checkouts::begin_order(db, [id(), id()], now, &new).await?;
    Ok(Placed::This(checkout))
}

const CHANGED: &str =
    "What this costs has changed since you saw it. Look at the total, and order once more.";

fn empty() -> Error {
    Error::field("", "There is nothing in your cart.")
}

async fn payer(db: &mut PgConnection, who: &Shopper, buyer: &Buyer) -> Result<Payer> {
    if let Some(member) = who.member() {
        let profile = accounts::profile(db, member).await?;
        return Ok(Payer { account: Some(member.id()), name: profile.name, email: profile.email });
    }
    match (&buyer.name, &buyer.email) {
        (Some(name), Some(email)) => {
            Ok(Payer { account: None, name: name.clone(), email: email.clone() })
        }
        (name, email) => {
            let missing = [
                ("name", name.is_none(), "Enter your name."),
                ("email", email.is_none(), "Enter your email address: your receipt goes there."),
            ];
            let missing = missing.into_iter().filter(|(_, is_missing, _)| *is_missing);
            let said = missing.map(|(name, _, words)| (name.to_owned(), vec![words.to_owned()]));
            Err(Error::Invalid(said.collect()))
        }
    }
}

/// The order of this cart that waits to be paid for, where there is one. What is being let go of is not gone on with.
async fn waiting(
    db: &mut PgConnection,
    cart: Uuid,
    payer: &Payer,
    now: OffsetDateTime,
) -> Result<Option<Placed>> {
    let waiting = sqlx::query!(
        r#"select checkouts.id, checkouts.expires_at > $2 and orders.name = $3 and orders.email = $4
                  and not exists (select from stripe_calls where purpose = 'expiry:' || checkouts.id and stripe_calls.state = 'frozen')
                  and not exists (select from (select product_id, quantity, amount, orders.currency from order_lines where order_id = orders.id) ordered
                        full join (select product_id, quantity, amount, currency from cart_lines join products on products.id = product_id
                                    where cart_lines.cart_id = $1) wanted using (product_id, quantity, amount, currency)
                       where ordered is null or wanted is null) as "same!"
             from orders join checkouts on order_id = orders.id and state in ('begun', 'open')
            where orders.cart_id = $1 and status in ('open', 'pending-payment')"#,
        cart,
        now + LEAST,
        payer.name,
        payer.email,
    );
    let waiting = waiting.fetch_optional(db).await?;
    Ok(waiting.map(|row| if row.same { Placed::This(row.id) } else { Placed::Other(row.id) }))
}

/// What all of it costs, where all of it can be had.
fn can_be_had(lines: &[Line]) -> Result<(i64, String)> {
    let first = lines.first().ok_or_else(empty)?;
    let missing: FieldErrors = lines
        .iter()
        .filter(|line| i64::from(line.quantity) > line.left)
        .map(|line| (cart::field(&line.slug), vec![too_many(line)]))
        .collect();
    if !missing.is_empty() {
        return Err(Error::Invalid(missing));
    }
    if lines.iter().any(|line| line.currency != first.currency) {
        let why = "Not all of this is paid in one currency. Order what is in the same, and then the rest.";
        return Err(Error::field("", why));
    }
    if lines.len() > usize::try_from(MOST_LINES).unwrap_or(usize::MAX) {
        return Err(Error::field("", "These are too many things for one order."));
    }
    let amount = lines.iter().map(|line| line.amount * i64::from(line.quantity)).sum();
    if amount > money::MOST {
        return Err(Error::field("", "This is too much for one payment. Order it in parts."));
    }
    Ok((amount, first.currency.clone()))
}

fn too_many(line: &Line) -> String {
    let Line { title, left, .. } = line;
    if let Some(why) = line.gone() {
        return format!("“{title}” {why}.");
    }
    match left {
        1 => format!("Of “{title}” there is only 1 left."),
        left => format!("Of “{title}” there are only {left} left."),
    }
}

impl From<&Line> for asking::Line {
    fn from(line: &Line) -> Self {
        Self {
            title: line.title.clone(),
            amount: line.amount,
            quantity: u64::from(line.quantity.unsigned_abs()),
        }
    }
}

/// Writes the order down as it is now, and sets aside what is in it.
async fn write(
    db: &mut PgConnection,
    (order, cart): (Uuid, Uuid),
    now: OffsetDateTime,
    payer: &Payer,
    lines: &[Line],
    (amount, currency): (i64, &str),
) -> Result<()> {
    sqlx::query!(
        "insert into orders (id, account_id, email, name, status, amount, currency, cart_id, placed_at)
         values ($1, $2, $3, $4, 'pending-payment', $5, $6, $7, $8)",
        order,
        payer.account,
        payer.email,
        payer.name,
        amount,
        currency,
        cart,
        now,
    )
    .execute(&mut *db)
    .await?;
    let products: Vec<Uuid> = lines.iter().map(|line| line.product).collect();
    let titles: Vec<String> = lines.iter().map(|line| line.title.clone()).collect();
    let amounts: Vec<i64> = lines.iter().map(|line| line.amount).collect();
    let quantities: Vec<i32> = lines.iter().map(|line| line.quantity).collect();
    sqlx::query!(
        "with ordered as (select * from unnest($2::uuid[], $3::text[], $4::bigint[], $5::int[]) with ordinality
                              as line (product_id, title, amount, quantity, position)),
              noted as (insert into order_lines (order_id, product_id, title, amount, quantity, position)
                        select $1, product_id, title, amount, quantity, position from ordered)
         insert into holds (order_id, product_id, quantity, expires_at) select $1, product_id, quantity, $6 from ordered",
        order,
        &products,
        &titles,
        &amounts,
        &quantities,
        now + OPEN_FOR + HELD_LONGER,
    )
    .execute(db)
    .await?;
    Ok(())
}
