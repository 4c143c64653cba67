//! Carts: what somebody wants to buy, before they do.
//!
//! Whoever has no account has a cart by what their browser keeps, of which the database has the hash; it goes over to their account
//! when they sign in. Nothing in a cart is set aside: that is done when it is ordered, and it is emptied when that is paid for.

use crate::error::{Error, Result};
use crate::services::input;
use crate::services::sessions::Member;
use crate::{digest, services::products::Kind};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// As many of one thing as a cart holds (`cart_lines`).
const MOST: i32 = 99;
/// As many different things.
pub const MOST_LINES: i64 = 50;

/// What a browser keeps of its cart: 256 random bits.
#[derive(Debug, Clone)]
pub struct CartToken([u8; 32]);

impl CartToken {
    /// A new one, of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        digest::unhex(text)?.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub fn reveal(&self) -> String {
        digest::hex(&self.0)
    }

    fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

/// Somebody in the shop: whoever has signed in has their account's cart, anyone else that of their browser.
#[derive(Debug)]
pub struct Shopper {
    member: Option<Member>,
    token: Option<CartToken>,
}

impl Shopper {
    /// For the policy alone.
    pub(crate) fn new(member: Option<Member>, token: Option<CartToken>) -> Self {
        Self { member, token }
    }

    /// Who has signed in.
    pub fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// Whether their browser has to keep a token before they have a cart.
    pub fn needs_token(&self) -> bool {
        self.member.is_none() && self.token.is_none()
    }

    /// The same, with a token for those who need one.
    fn keys(&self) -> (Option<Uuid>, Option<Vec<u8>>) {
        match &self.member {
            Some(member) => (Some(member.id()), None),
            None => (None, self.token.as_ref().map(CartToken::hash)),
        }
    }
}

/// Something in a cart, as it can be had now.
#[derive(Debug, Clone)]
pub struct Line {
    /// What.
    pub product: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// What kind of thing.
    pub kind: Kind,
    /// What one costs.
    pub amount: i64,
    /// Three letters.
    pub currency: String,
    /// How many are wanted.
    pub quantity: i32,
    /// Whether it is still in the shop.
    pub is_there: bool,
    /// Whether it has happened by now.
    pub is_over: bool,
    /// How many can be had, those that this cart's own order has set aside included.
    pub left: i64,
}

impl Line {
    /// Why there is none of it.
    pub fn gone(&self) -> Option<&'static str> {
        match self.left {
            0 if !self.is_there => Some("is in the shop no more"),
            0 if self.is_over => Some("is over"),
            0 => Some("is sold out at the moment"),
            _ => None,
        }
    }
}

/// The cart of `who`; none where they have none yet.
///
/// # Errors
/// As any statement.
pub async fn id(db: &mut PgConnection, who: &Shopper) -> Result<Option<Uuid>> {
    let (account, token) = who.keys();
    let cart = sqlx::query_scalar!(
        "select id from carts where account_id = $1 or token_hash = $2",
        account,
        token,
    );
    Ok(cart.fetch_optional(db).await?)
}

/// How many things are in the cart that a browser keeps.
///
/// # Errors
/// As any statement.
pub async fn count(db: &mut PgConnection, token: &CartToken) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select coalesce(sum(quantity), 0) as "count!" from carts join cart_lines on cart_id = carts.id where token_hash = $1"#,
        token.hash(),
    );
    Ok(count.fetch_one(db).await?)
}

/// What is in a cart, as it can be had at `now`; where that is not said, as the database's clock shows it.
///
/// # Errors
/// As any statement.
pub async fn lines(
    db: &mut PgConnection,
    cart: Uuid,
    now: Option<OffsetDateTime>,
) -> Result<Vec<Line>> {
    Ok(sqlx::query_as!(
        Line,
        r#"select product_id as product, slug, title, kind as "kind: Kind", amount, currency, quantity, active as is_there,
                  coalesce(happens_at <= moment, false) as "is_over!",
                  case when active and (happens_at is null or happens_at > moment)
                       then greatest(stock_left(product_id, moment, $1), 0) else 0 end as "left!"
             from cart_lines join products on products.id = product_id, coalesce($2, statement_timestamp()) as moment
            where cart_id = $1 order by position, product_id"#,
        cart,
        now,
    )
    .fetch_all(db)
    .await?)
}

/// How many are to be put into a cart.
#[derive(Debug, Deserialize, Validate)]
pub struct Wish {
    /// One, where nothing is said.
    #[serde(default = "one", deserialize_with = "input::whole_number")]
    #[validate(range(min = 1, max = 99, message = "Choose a number from 1 to 99."))]
    pub quantity: i16,
}

fn one() -> i16 {
    1
}

/// Puts so many of what is at `slug` into the cart of `who`, which is made where there is none: `token` is a fresh one for those
/// who need it, and so is `id`. Whoever adds at the same time adds as well, as long as the cart holds it.
///
/// # Errors
/// [`Error::NotFound`] where there is no such thing; [`Error::Invalid`] where it can be had no more, or the cart is full.
pub async fn add(
    db: &mut PgConnection,
    who: &Shopper,
    (id, token): (Uuid, &CartToken),
    slug: &str,
    wish: &Wish,
) -> Result<()> {
    let product = sqlx::query!(
        r#"select id, happens_at <= now() as is_over from products where slug = $1 and active"#,
        slug,
    );
    let product = product.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    if product.is_over == Some(true) {
        return Err(Error::field("quantity", "This is over, and cannot be had any more."));
    }
    let cart = open(&mut *db, who, (id, token)).await?;
    let added = sqlx::query!(
        "insert into cart_lines (cart_id, product_id, quantity)
         select $1, $2, $3 where (select count(*) from cart_lines where cart_id = $1 and product_id <> $2) < $4
             on conflict (cart_id, product_id) do update set quantity = cart_lines.quantity + excluded.quantity
              where cart_lines.quantity + excluded.quantity <= $5",
        cart,
        product.id,
        i32::from(wish.quantity),
        MOST_LINES,
        MOST,
    );
    match added.execute(db).await?.rows_affected() {
        0 => Err(Error::field("quantity", FULL)),
        _ => Ok(()),
    }
}

const FULL: &str =
    "A cart holds 99 of one thing, and 50 different things. Order what is in yours first.";

/// The cart of `who`, made where there is none.
async fn open(
    db: &mut PgConnection,
    who: &Shopper,
    (id, token): (Uuid, &CartToken),
) -> Result<Uuid> {
    let (account, hash) = who.keys();
    let Some(account) = account else {
        let cart = sqlx::query_scalar!(
            "insert into carts (id, token_hash) values ($1, $2) on conflict (token_hash) do update set updated_at = now() returning id",
            id,
            hash.unwrap_or_else(|| token.hash()),
        );
        return Ok(cart.fetch_one(db).await?);
    };
    let cart = sqlx::query_scalar!(
        "insert into carts (id, account_id) values ($1, $2) on conflict (account_id) do update set updated_at = now() returning id",
        id,
        account,
    );
    Ok(cart.fetch_one(db).await?)
}

/// How many of each thing there are to be.
#[derive(Debug, Deserialize, Validate)]
pub struct Change {
    /// The one that is to go, where a button said so.
    #[serde(default, deserialize_with = "input::optional_line")]
    pub remove: Option<String>,
    /// By `quantity-{slug}`.
    #[serde(flatten)]
    pub quantities: HashMap<String, String>,
}

/// The field in which it says how many of what is at `slug` there are to be.
pub fn field(slug: &str) -> String {
    templates::shop::quantity_of(slug)
}

/// Changes how many there are of what is in the cart of `who`; none of it takes it out. What is not named stays.
///
/// # Errors
/// [`Error::Invalid`] by line for what is no number.
pub async fn change(db: &mut PgConnection, who: &Shopper, change: &Change) -> Result<()> {
    let Some(cart) = id(&mut *db, who).await? else { return Ok(()) };
    let (mut wanted, mut wrong) = (Vec::new(), crate::error::FieldErrors::new());
    for line in lines(&mut *db, cart, None).await? {
        let name = field(&line.slug);
        if change.remove.as_deref() == Some(line.slug.as_str()) {
            wanted.push((line.product, 0));
        } else if let Some(typed) = change.quantities.get(&name) {
            match typed.trim().parse::<i32>() {
                Ok(quantity) if (0..=MOST).contains(&quantity) => {
                    wanted.push((line.product, quantity));
                }
                _ => drop(wrong.insert(name, vec!["Write a number from 0 to 99.".to_owned()])),
            }
        }
    }
    if !wrong.is_empty() && change.remove.is_none() {
        return Err(Error::Invalid(wrong));
    }
    // In one order for everyone.
    wanted.sort();
    for (product, quantity) in wanted {
        set(&mut *db, cart, product, quantity).await?;
    }
    Ok(())
}

async fn set(db: &mut PgConnection, cart: Uuid, product: Uuid, quantity: i32) -> Result<()> {
    if quantity == 0 {
        sqlx::query!(
            "delete from cart_lines where cart_id = $1 and product_id = $2",
            cart,
            product
        )
        .execute(db)
        .await?;
        return Ok(());
    }
    sqlx::query!(
        "update cart_lines set quantity = $3 where cart_id = $1 and product_id = $2",
        cart,
        product,
        quantity,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives the cart that a browser kept to the account that was signed in to there: what is in both counts together. An order of it
/// that waits to be paid for goes along, unless the account's cart has one.
///
/// # Errors
/// As any statement.
pub async fn hand_over(db: &mut PgConnection, token: &CartToken, account: Uuid) -> Result<()> {
    let cart =
        sqlx::query_scalar!("select id from carts where token_hash = $1 for update", token.hash());
    let Some(cart) = cart.fetch_optional(&mut *db).await? else { return Ok(()) };
    let taken = sqlx::query!(
        "update carts set account_id = $2, token_hash = null, updated_at = now()
          where id = $1 and not exists (select from carts where account_id = $2)",
        cart,
        account,
    );
    if taken.execute(&mut *db).await?.rows_affected() == 1 {
        return Ok(());
    }
    sqlx::query!(
        "insert into cart_lines (cart_id, product_id, quantity)
         select own.id, product_id, quantity from cart_lines, carts own where cart_id = $1 and own.account_id = $2 order by product_id
             on conflict (cart_id, product_id) do update set quantity = least(cart_lines.quantity + excluded.quantity, $3)",
        cart,
        account,
        MOST,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update orders set cart_id = own.id from carts own where cart_id = $1 and own.account_id = $2
            and not exists (select from orders other where other.cart_id = own.id and other.status in ('open', 'pending-payment'))",
        cart,
        account,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("delete from carts where id = $1", cart).execute(db).await?;
    Ok(())
}
