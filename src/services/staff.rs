//! The people who run the site.

use crate::error::{Error, OnConstraint, Result};
use crate::policies::Operator;
use crate::services::input::{self, Valid};
use serde::Deserialize;
use sqlx::PgConnection;
use uuid::Uuid;
use validator::Validate;

/// What a member of staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, clap::ValueEnum)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Owner,
    /// Posts and leads.
    Editor,
}

/// An account to be made.
#[derive(Debug, Deserialize, Validate)]
pub struct NewStaff {
    /// Sign-in address.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
    /// What others see.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 2, max = 100, message = "Enter a name of 2 to 100 characters."),
        custom(function = "input::one_line")
    )]
    pub name: String,
    /// Plain text; only its hash is stored.
    #[serde(default)]
    #[validate(length(
        min = 12,
        max = 200,
        message = "Choose a password of 12 to 200 characters."
    ))]
    pub password: String,
}

/// Makes an account. `password_hash` is that of `new.password`, made beforehand: hashing does not belong in a
/// transaction.
///
/// # Errors
/// [`Error::Invalid`] where the address is taken.
pub async fn create(
    db: &mut PgConnection,
    _by: &Operator,
    id: Uuid,
    new: &Valid<NewStaff>,
    role: Role,
    password_hash: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into staff (id, email, name, role, password_hash) values ($1, $2, $3, $4, $5)",
        id,
        new.email,
        new.name,
        role as Role,
        password_hash,
    )
    .execute(db)
    .await
    .on_constraint("staff_email_key", || {
        Error::field("email", "There is an account with this email address already.")
    })?;
    Ok(())
}

/// Whether nobody runs this site yet. Of several instances that start together one is told so, the others after it is
/// done.
///
/// # Errors
/// As any statement.
pub async fn is_first_start(db: &mut PgConnection) -> Result<bool> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('first start', 0))")
        .execute(&mut *db)
        .await?;
    let nobody = sqlx::query_scalar!(r#"select not exists (select from staff) as "nobody!""#);
    Ok(nobody.fetch_one(db).await?)
}
