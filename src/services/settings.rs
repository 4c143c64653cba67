//! What the owner has decided about the site. What nobody has decided yet is as it comes.

use crate::error::{Error, Result};
use crate::services::input::{self, Valid};
use crate::services::sessions::Owner;
use crate::tags::{Read, Tag};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use validator::Validate;

/// What whoever writes to us is answered, until the owner has words of their own.
pub const AUTOREPLY: &str = "Thank you for writing. We have your message and will answer you.";

/// The answer to whoever writes to us.
#[derive(Debug, PartialEq, Eq)]
pub struct Autoreply {
    /// Whether there is any.
    pub on: bool,
    /// What it says, in plain text.
    pub text: String,
    /// When somebody last decided; the beginning of time, where nobody has.
    pub updated_at: OffsetDateTime,
}

/// The same as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    on: bool,
    /// None: as it comes.
    text: Option<String>,
}

/// What is answered.
///
/// # Errors
/// As any statement.
pub async fn autoreply(db: &mut PgConnection) -> Result<Autoreply> {
    let row = sqlx::query!("select value, updated_at from settings where name = 'autoreply'");
    let (kept, updated_at) = match row.fetch_optional(db).await? {
        None => (Kept { on: true, text: None }, OffsetDateTime::UNIX_EPOCH),
        Some(row) => {
            let kept = serde_json::from_value(row.value).context("the setting \"autoreply\"");
            (kept.map_err(Error::Internal)?, row.updated_at)
        }
    };
    let text = kept.text.unwrap_or_else(|| AUTOREPLY.to_owned());
    Ok(Autoreply { on: kept.on, text, updated_at })
}

/// The form in which it is decided.
#[derive(Debug, Deserialize, Validate)]
pub struct NewAutoreply {
    /// Whether there is to be any: `on`, or nothing.
    #[serde(default, deserialize_with = "input::checkbox")]
    pub autoreply: bool,
    /// What it is to say; nothing: as it comes.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(max = 2000, message = "Shorten the text to at most 2,000 characters."),
        custom(function = "input::many_lines")
    )]
    pub text: String,
    /// The `updated_at` of what was changed: not to write over what someone else has saved since.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub version: Option<OffsetDateTime>,
    /// Whether it is only to be shown what it would look like.
    #[serde(default, deserialize_with = "input::checkbox")]
    pub preview: bool,
}

impl NewAutoreply {
    /// What it would say.
    pub fn words(&self) -> &str {
        if self.text.is_empty() { AUTOREPLY } else { &self.text }
    }
}

/// Keeps what an owner decides.
///
/// # Errors
/// [`Error::Invalid`] where someone else has decided since.
pub async fn set_autoreply(
    db: &mut PgConnection,
    _by: &Owner,
    new: &Valid<NewAutoreply>,
) -> Result<()> {
    let own = Some(new.words()).filter(|words| *words != AUTOREPLY);
    let kept = Kept { on: new.autoreply, text: own.map(str::to_owned) };
    let value = serde_json::to_value(kept).map_err(|error| Error::Internal(error.into()))?;
    keep(db, "autoreply", value, new.version).await
}

/// How many posts for those who pay whoever has an account may read a month without paying.
#[derive(Debug, PartialEq, Eq)]
pub struct FreePosts {
    /// So many; 0: none.
    pub posts: u32,
    /// When somebody last decided; the beginning of time, where nobody has.
    pub updated_at: OffsetDateTime,
}

/// The name of this setting; what asks who somebody is asks for it by the same (`migrations/0034`).
const FREE_POSTS: &str = "free-posts";

/// How many they are.
///
/// # Errors
/// As any statement.
pub async fn free_posts(db: &mut PgConnection) -> Result<Read<FreePosts>> {
    let row = sqlx::query!("select value, updated_at from settings where name = $1", FREE_POSTS);
    let (posts, updated_at) = match row.fetch_optional(db).await? {
        None => (0, OffsetDateTime::UNIX_EPOCH),
        Some(row) => {
            let kept = serde_json::from_value(row.value).context("the setting \"free-posts\"");
            (kept.map_err(Error::Internal)?, row.updated_at)
        }
    };
    Ok(Read::new(FreePosts { posts, updated_at }, [Tag::Setting(FREE_POSTS.to_owned())]))
}

/// The form in which it is decided.
#[derive(Debug, Deserialize, Validate)]
pub struct NewFreePosts {
    /// How many they are to be.
    #[serde(default, deserialize_with = "input::whole_number")]
    #[validate(range(min = 0, max = 100, message = "Enter a number from 0 to 100."))]
    pub free_posts: i16,
    /// As [`NewAutoreply::version`].
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub version: Option<OffsetDateTime>,
}

/// Keeps what an owner decides. What somebody has opened before stays open to them until the month is over.
///
/// # Errors
/// [`Error::Invalid`] where someone else has decided since.
pub async fn set_free_posts(
    db: &mut PgConnection,
    _by: &Owner,
    new: &Valid<NewFreePosts>,
) -> Result<()> {
    keep(db, FREE_POSTS, new.free_posts.into(), new.version).await
}

/// Keeps a setting, where it is still the one that was seen.
async fn keep(
    db: &mut PgConnection,
    name: &str,
    value: Value,
    seen: Option<OffsetDateTime>,
) -> Result<()> {
    let saved = sqlx::query!(
        "insert into settings (name, value) values ($1, $2)
         on conflict (name) do update set value = excluded.value, updated_at = clock_timestamp()
          where $3::timestamptz is null or settings.updated_at = $3",
        name,
        value,
        seen,
    );
    if saved.execute(db).await?.rows_affected() == 1 {
        return Ok(());
    }
    let message = "Someone has saved this since you opened it. What you wrote is below; send it again to replace theirs.";
    Err(Error::field("version", message))
}
