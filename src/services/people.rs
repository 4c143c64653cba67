//! What is kept about one person, by their address: all of it handed out, or all of it deleted.
//!
//! Where it is kept, a [`Holding`] says.

mod holding;

pub use holding::Holding;

use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::recent::Recent;
use crate::services::runs::Counts;
use crate::services::sessions::{Member, Owner};
use crate::services::{accounts, csv, input};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Who asks, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// An owner of the site.
    Owner(&'a Owner),
    /// The operator.
    Operator(&'a Operator),
}

/// Everything that is kept about one person.
#[derive(Debug, Serialize)]
pub struct Export {
    /// Their address, as it was asked for.
    pub email: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub exported_at: OffsetDateTime,
    /// Their rows, by table.
    pub tables: Map<String, Value>,
}

impl Export {
    /// The same as a table: each thing that is kept, in a line of its own.
    pub fn table(&self) -> String {
        let mut text = csv::line(["table", "row", "field", "value"]);
        for (table, rows) in &self.tables {
            for (number, row) in rows.as_array().into_iter().flatten().enumerate() {
                for (field, value) in row.as_object().into_iter().flatten() {
                    let value = match value {
                        Value::String(words) => words.clone(),
                        Value::Null => String::new(),
                        other => other.to_string(),
                    };
                    text += &csv::line([table, &(number + 1).to_string(), field, &value]);
                }
            }
        }
        text
    }

    /// How many rows there are, by table.
    pub fn counts(&self) -> Counts {
        let count = |rows: &Value| rows.as_array().map_or(0, Vec::len);
        let counts = self.tables.iter().map(|(table, rows)| (table.clone(), count(rows) as i64));
        counts.collect()
    }
}

/// Everything that is kept about whoever has this address.
///
/// # Errors
/// As any statement.
pub async fn export(
    db: &mut PgConnection,
    _by: By<'_>,
    email: &str,
    exported_at: OffsetDateTime,
) -> Result<Export> {
    everything(db, email, exported_at).await
}

/// Everything that is kept about `who`, and everyone who has used their address.
///
/// # Errors
/// As any statement.
pub async fn export_own(
    db: &mut PgConnection,
    who: &Recent<Member>,
    exported_at: OffsetDateTime,
) -> Result<Export> {
    let email = accounts::profile(&mut *db, who).await?.email;
    everything(db, &email, exported_at).await
}

async fn everything(
    db: &mut PgConnection,
    email: &str,
    exported_at: OffsetDateTime,
) -> Result<Export> {
    let mut tables = Map::new();
    for holding in Holding::ALL {
        tables.insert(holding.table().to_owned(), holding.rows(&mut *db, email).await?.into());
    }
    // To the second: then the document has one length.
    let exported_at = exported_at.replace_nanosecond(0).unwrap_or(exported_at);
    Ok(Export { email: email.to_owned(), exported_at, tables })
}

/// Deletes everything that is kept about whoever has this address, and says how many rows of what. That it was done is
/// noted, and not to whom.
///
/// # Errors
/// [`Error::Invalid`] for the address of a member of staff: what was done in their name stays, so their account does.
pub async fn erase(db: &mut PgConnection, by: By<'_>, id: Uuid, email: &str) -> Result<Counts> {
    let one_of_us = sqlx::query_scalar!(
        r#"select exists (select from staff join accounts using (id) where lower(email) = lower($1)) as "is!""#,
        email,
    );
    if one_of_us.fetch_one(&mut *db).await? {
        let message =
            "This is the address of a member of staff. Their account is not erased like this.";
        return Err(Error::field("email", message));
    }
    let mut counts = Counts::new();
    for holding in Holding::ALL {
        let erased = holding.erase(&mut *db, email).await?;
        counts.insert(holding.table().to_owned(), i64::try_from(erased).unwrap_or(i64::MAX));
    }
    let owner = match by {
        By::Owner(owner) => Some(owner.staff().id()),
        By::Operator(_) => None,
    };
    sqlx::query!(
        "insert into erasures (id, by, counts) values ($1, $2, $3)",
        id,
        owner,
        json!(counts)
    )
    .execute(db)
    .await?;
    Ok(counts)
}

/// That someone was erased.
#[derive(Debug)]
pub struct Erasure {
    /// When.
    pub at: OffsetDateTime,
    /// By whom; none: the operator.
    pub by: Option<String>,
    /// How many rows of what.
    pub counts: Value,
}

/// The last erasures, at most 20.
///
/// # Errors
/// As any statement.
pub async fn erasures(db: &mut PgConnection, _by: &Owner) -> Result<Vec<Erasure>> {
    Ok(sqlx::query_as!(
        Erasure,
        r#"select at, case when by is not null then coalesce(accounts.name, $1) end as "by?", counts from erasures left join accounts on accounts.id = erasures.by
            order by erasures.id desc limit 20"#,
        accounts::GONE,
    )
    .fetch_all(db)
    .await?)
}

/// An address to look for.
#[derive(Debug, Deserialize, Validate)]
pub struct Person {
    /// Theirs.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
}

/// The form that erases someone.
#[derive(Debug, Deserialize, Validate)]
pub struct Erase {
    /// Their address.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
    /// The same, typed once more by whoever means it.
    #[serde(default, deserialize_with = "input::line")]
    pub confirmation: String,
}

impl Erase {
    /// The address, where it was typed twice.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn confirmed(&self) -> Result<&str> {
        if self.email.eq_ignore_ascii_case(&self.confirmation) {
            return Ok(&self.email);
        }
        Err(Error::field("confirmation", "Type the address once more, to confirm that it is them."))
    }
}
