//! The texts of the pages that are always there: home, contact.

use crate::error::{Error, Result};
use crate::tags::{Read, Tag};
use sqlx::PgConnection;

/// A fixed page's own text.
#[derive(Debug)]
pub struct Page {
    /// Its heading.
    pub title: String,
    /// Markdown.
    pub body: String,
}

/// The text of the page called `name`; an unwritten one says just what it is.
///
/// # Errors
/// As any statement.
pub async fn by_name(db: &mut PgConnection, name: &'static str) -> Result<Read<Page>> {
    let page = sqlx::query_as!(Page, "select title, body from pages where name = $1", name)
        .fetch_optional(db)
        .await?;
    let unwritten = || Page {
        title: if name == "home" { "Welcome" } else { "Contact us" }.to_owned(),
        body: String::new(),
    };
    Ok(Read::new(page.unwrap_or_else(unwritten), [Tag::Page(name.to_owned())]))
}

/// Writes the text of the page called `name`.
///
/// # Errors
/// [`Error::NotFound`] where there is no page of that name.
pub async fn put(db: &mut PgConnection, name: &str, title: &str, body: &str) -> Result<()> {
    if !matches!(name, "home" | "contact") {
        return Err(Error::NotFound);
    }
    sqlx::query!(
        "insert into pages (name, title, body) values ($1, $2, $3)
         on conflict (name) do update set title = excluded.title, body = excluded.body",
        name,
        title,
        body,
    )
    .execute(db)
    .await?;
    Ok(())
}
