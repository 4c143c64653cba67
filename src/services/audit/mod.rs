//! What was done by those who run the site, by whichever door. Lines are added in the transaction of the deed and never
//! changed (`migrations/0018`); how long they are kept is not this program's to decide.
//!
//! Who must add one does not come by without: what staff do in the browser goes through `http::record`, what the operator
//! does through `cli::record`.

mod acts;
mod reading;

pub use acts::{ACTS, Act, Line, words};
pub use reading::{Filter, Listed, MOST_EXPORTED, export, list};

use crate::error::Result;
use crate::policies::Operator;
use crate::services::keys::Partner;
use crate::services::sessions::Staff;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// How the operator is called.
const OPERATOR: &str = "the operator";

/// Who did it, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// Staff, in the browser.
    Staff(&'a Staff),
    /// The operator.
    Operator(&'a Operator),
}

/// Adds a line; `id` is a fresh one.
///
/// # Errors
/// As any statement.
pub async fn write(db: &mut PgConnection, id: Uuid, by: By<'_>, line: Line) -> Result<()> {
    let (staff, name, door, network) = match by {
        By::Staff(staff) => {
            (Some(staff.id()), staff.name(), "web", staff.member().network().to_owned())
        }
        By::Operator(_) => (None, OPERATOR, "shell", String::new()),
    };
    sqlx::query!(
        "insert into audit (id, staff_id, name, door, network, act, object, details) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        staff,
        name,
        door,
        network,
        line.act.as_str(),
        line.object,
        Value::Object(line.details),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a line about something anyone with an account can do, where the one who does it from `network` is one of us.
///
/// # Errors
/// As any statement.
pub async fn note(
    db: &mut PgConnection,
    id: Uuid,
    account: Uuid,
    network: &str,
    line: Line,
) -> Result<()> {
    sqlx::query!(
        "insert into audit (id, staff_id, name, door, network, act, object, details)
         select $1, id, name, 'web', $3, $4, $5, $6 from staff join accounts using (id) where id = $2",
        id,
        account,
        network,
        line.act.as_str(),
        line.object,
        Value::Object(line.details),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a line about what a program did with its key, by which it is called.
///
/// # Errors
/// As any statement.
pub async fn note_program<S>(
    db: &mut PgConnection,
    id: Uuid,
    by: &Partner<S>,
    network: &str,
    line: Line,
) -> Result<()> {
    sqlx::query!(
        "insert into audit (id, name, door, network, act, object, details)
         select $1, name, 'api', $3, $4, $5, $6 from api_keys where id = $2",
        id,
        by.key(),
        network,
        line.act.as_str(),
        line.object,
        Value::Object(
            line.details
                .into_iter()
                .chain([("key".to_owned(), by.key().to_string().into())])
                .collect()
        ),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a line about somebody who came from `network` and said they were one of us, if there is such a one, and did not prove
/// it.
///
/// # Errors
/// As any statement.
pub async fn note_stranger(
    db: &mut PgConnection,
    id: Uuid,
    account: Uuid,
    network: &str,
    act: Act,
) -> Result<()> {
    sqlx::query!(
        "insert into audit (id, name, door, network, act, object)
         select $1, 'somebody', 'web', $3, $4, 'staff:' || id from staff where id = $2",
        id,
        account,
        network,
        act.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}
