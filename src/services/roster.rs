//! Who runs the site, and who says so.
//!
//! Whoever may do something else from now on is signed out in the transaction that says so, so they are refused on every
//! instance from then on. That somebody active always owns the site is the database's to see to (`migrations/0018`).

use crate::error::{Error, OnConstraint, Result};
use crate::policies::Operator;
use crate::services::input;
use crate::services::recent::{Recent, one_at_a_time};
use crate::services::sessions::{self, Owner};
use crate::services::staff::Role;
use crate::services::{invites, links};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Who says who may do what, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum By<'a> {
    /// An owner, who has proven lately who they are.
    Owner(&'a Recent<Owner>),
    /// The operator.
    Operator(&'a Operator),
}

/// Someone who runs the site.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Their account.
    pub id: Uuid,
    /// What others see.
    pub name: String,
    /// Where they get mail.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub active: bool,
    /// Since when they have been one of us.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When they were last seen here.
    #[serde(with = "time::serde::rfc3339::option")]
    pub seen_at: Option<OffsetDateTime>,
}

/// Who asks to see them, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// An owner.
    Owner(&'a Owner),
    /// The operator.
    Operator(&'a Operator),
}

/// Up to `limit` of those who run the site, or did, the last to come first.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: Reader<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    // A session that is over is gone; the log knows who it was.
    Ok(sqlx::query_as!(
        Listed,
        r#"select id, name, email, role as "role: Role", active, staff.created_at as since,
                  greatest((select max(seen_at) from sessions where account_id = id),
                           (select at from audit where staff_id = staff.id order by at desc limit 1)) as seen_at
             from staff join accounts using (id)
            where $1::uuid is null or (staff.created_at, id) < (select created_at, id from staff where id = $1)
            order by staff.created_at desc, id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// One of them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn by_id(db: &mut PgConnection, _by: &Owner, id: Uuid) -> Result<Listed> {
    sqlx::query_as!(
        Listed,
        r#"select id, name, email, role as "role: Role", active, staff.created_at as since,
                  greatest((select max(seen_at) from sessions where account_id = id),
                           (select at from audit where staff_id = staff.id order by at desc limit 1)) as seen_at
             from staff join accounts using (id) where id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// The one with this address.
///
/// # Errors
/// [`Error::Invalid`] where there is none.
pub async fn by_email(db: &mut PgConnection, _by: &Operator, email: &str) -> Result<Uuid> {
    let found = sqlx::query_scalar!(
        "select id from staff join accounts using (id) where lower(email) = lower($1)",
        email,
    );
    let missing = || Error::field("email", "There is no member of staff with this address.");
    found.fetch_optional(db).await?.ok_or_else(missing)
}

/// Whether somebody owns the site, with others or alone.
///
/// # Errors
/// As any statement.
pub async fn is_owner(db: &mut PgConnection, id: Uuid) -> Result<bool> {
    let is = sqlx::query_scalar!(
        r#"select exists (select from staff join accounts using (id)
                           where id = $1 and role = 'owner' and active) as "is!""#,
        id,
    );
    Ok(is.fetch_one(db).await?)
}

/// A role, as a form says it.
#[derive(Debug, Deserialize, Validate)]
pub struct NewRole {
    /// One of [`Role::ALL`].
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_role"))]
    pub role: String,
}

impl NewRole {
    /// Which; one that is not known may least.
    pub fn role(&self) -> Role {
        Role::called(&self.role).unwrap_or(Role::Editor)
    }
}

/// Accepts the name of a role.
///
/// # Errors
/// Where there is none of this name.
pub fn known_role(name: &str) -> Result<(), ValidationError> {
    match Role::called(name) {
        Some(_) => Ok(()),
        None => Err(ValidationError::new("role").with_message("Choose owner or editor.".into())),
    }
}

/// The refusal of what would leave the site to nobody.
const LAST: &str = "Somebody has to own the site. Make another owner first.";

/// Says what somebody may do from now on; returns what they could before. Where that is something else, they are signed out
/// everywhere, and what they were mailed is worth nothing.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where they are the last active owner.
pub async fn set_role(db: &mut PgConnection, _by: By<'_>, id: Uuid, role: Role) -> Result<Role> {
    one_at_a_time(&mut *db).await?;
    let before = sqlx::query_scalar!(r#"select role as "role: Role" from staff where id = $1"#, id);
    let before = before.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    if before != role {
        sign_out(&mut *db, id).await?;
        let set = sqlx::query!("update staff set role = $2 where id = $1", id, role as Role);
        let set = set.execute(db).await;
        set.on_constraint("staff_last_owner", || Error::field("role", LAST))?;
    }
    Ok(before)
}

/// Closes somebody's account: they are signed out everywhere, and cannot sign in. What they did stays.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where they are the last active owner.
pub async fn deactivate(db: &mut PgConnection, _by: By<'_>, id: Uuid) -> Result<()> {
    one_at_a_time(&mut *db).await?;
    sign_out(&mut *db, id).await?;
    set_active(db, id, false).await
}

/// Opens it again.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn activate(db: &mut PgConnection, _by: By<'_>, id: Uuid) -> Result<()> {
    one_at_a_time(&mut *db).await?;
    set_active(db, id, true).await
}

async fn set_active(db: &mut PgConnection, id: Uuid, active: bool) -> Result<()> {
    let set = sqlx::query!(
        "update accounts set active = $2 where id = $1 and exists (select from staff where id = $1)",
        id,
        active,
    );
    let set = set.execute(db).await;
    match set.on_constraint("staff_last_owner", || Error::field("", LAST))?.rows_affected() {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Ends every way in that somebody has open, or has opened for others. Done first, as whatever they are doing right now has
/// taken their session first too: then neither waits for the other.
async fn sign_out(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sessions::end_others(&mut *db, id, None).await?;
    links::revoke(&mut *db, id).await?;
    invites::take_back_those_of(db, id).await
}
