//! What is said of a product: the same fields, and the same rules, in the editor and on the shell.

use crate::error::{Error, Result};
use crate::services::{input, money};
use serde::{Deserialize, Serialize};
use templates::format;
use time::OffsetDateTime;
use validator::Validate;

/// What kind of thing it is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Kind {
    /// Something that is sent, or fetched.
    #[default]
    Goods,
    /// A place at something that happens.
    Ticket,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Goods => "goods",
            Self::Ticket => "ticket",
        }
    }
}

/// No product has more of it.
pub(super) const MOST: i32 = 1_000_000;
pub(super) const STOCK: &str = "Say how many there are, in digits.";

/// A product as it is written.
#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Draft {
    /// What it is called.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 200, message = "Enter a name of at most 200 characters."),
        custom(function = "input::one_line")
    )]
    pub title: String,
    /// Its place in the address; made from what it is called where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::slug"))]
    pub slug: Option<String>,
    /// What it is, in Markdown.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(max = 20_000, message = "Write a text of at most 20,000 characters."),
        custom(function = "input::markdown")
    )]
    pub text: String,
    /// What kind of thing.
    #[serde(default)]
    pub kind: Kind,
    /// What one costs, as people write it.
    #[serde(default, deserialize_with = "input::line")]
    pub price: String,
    /// Three letters.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "money::currency"))]
    pub currency: String,
    /// How many there are, those that were sold included.
    #[serde(default, deserialize_with = "input::line")]
    pub stock: String,
    /// When it happens: RFC 3339, or date and time in UTC.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "input::moment_form"))]
    pub happens_at: Option<String>,
    /// Whether it can be bought.
    #[serde(default, deserialize_with = "input::checkbox")]
    pub active: bool,
    /// The `updated_at` of what was changed: not to write over what someone else has saved since.
    #[serde(default, deserialize_with = "input::optional_moment")]
    pub version: Option<OffsetDateTime>,
}

impl Draft {
    pub(super) fn place(&self) -> Result<String> {
        if let Some(slug) = &self.slug {
            return Ok(slug.clone());
        }
        let none = || Error::field("slug", "Give an address: none can be made from this name.");
        input::slug_of(&self.title).ok_or_else(none)
    }

    pub(super) fn amount(&self) -> Result<i64> {
        let amount = format::smallest_units(&self.price, &self.currency);
        let amount = amount.filter(|amount| (1..=money::MOST).contains(amount));
        let amount = amount
            .ok_or_else(|| Error::field("price", "Say what one costs, as in 25 or 24.50."))?;
        money::takes("price", amount, &self.currency)?;
        Ok(amount)
    }

    pub(super) fn stock(&self) -> Result<i32> {
        let stock = self.stock.parse().ok().filter(|stock| (0..=MOST).contains(stock));
        stock.ok_or_else(|| Error::field("stock", STOCK))
    }

    pub(super) fn happens_at(&self) -> Result<Option<OffsetDateTime>> {
        match (self.kind, self.happens_at.as_deref().and_then(input::moment)) {
            (Kind::Goods, Some(_)) => Err(Error::field("happens_at", "Only a ticket has a time.")),
            (_, at) => Ok(at),
        }
    }
}
