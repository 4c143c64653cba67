//! The people who run the site.

use crate::error::{Error, Result};
use crate::mail::Person;
use crate::policies::Operator;
use crate::services::accounts;
use crate::services::input::{self, Valid};
use crate::services::sessions::Staff;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::str::FromStr;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// What a member of staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Owner,
    /// Posts and leads.
    Editor,
}

/// Who of those who run the site has to prove who they are by two factors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TwoFactorsOf {
    /// Nobody; everyone may.
    #[default]
    Nobody,
    /// The owners.
    Owners,
    /// Owners and editors.
    Staff,
}

impl FromStr for TwoFactorsOf {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "off" => Ok(Self::Nobody),
            "owners" => Ok(Self::Owners),
            "staff" => Ok(Self::Staff),
            _ => Err(()),
        }
    }
}

impl Role {
    /// All of them, the one who may least first.
    pub const ALL: [Self; 2] = [Self::Editor, Self::Owner];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Editor => "editor",
        }
    }

    /// Reads it.
    pub fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether somebody of this role has to prove who they are by two factors.
    pub fn needs_two_factors(self, asked_of: TwoFactorsOf) -> bool {
        match asked_of {
            TwoFactorsOf::Nobody => false,
            TwoFactorsOf::Owners => self == Self::Owner,
            TwoFactorsOf::Staff => true,
        }
    }
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
    let (email, name) = (new.email.as_str(), new.name.as_str());
    let account = accounts::New { id, email, name, password_hash: Some(password_hash) };
    accounts::create(&mut *db, &account).await?;
    sqlx::query!("insert into staff (id, role) values ($1, $2)", id, role as Role)
        .execute(db)
        .await?;
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

/// A member of staff whom a mail is for.
///
/// # Errors
/// [`Error::NotFound`], also for one who has left.
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<Person> {
    sqlx::query_as!(
        Person,
        "select name, email from staff join accounts using (id) where id = $1 and active",
        id
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Someone to be told.
#[derive(Debug)]
pub struct Told {
    /// Who.
    pub id: Uuid,
    /// Where.
    pub email: String,
    /// Not before this: these are their quiet hours.
    pub not_before: Option<OffsetDateTime>,
}

/// The staff who want to know of each lead that comes at `now`. Where that is quiet for them, they are told at the first
/// moment at which it is not: `quiet_ends` (`migrations/0014`) finds it also where the clock is changed meanwhile.
///
/// # Errors
/// As any statement.
pub async fn to_be_told_of_leads(db: &mut PgConnection, now: OffsetDateTime) -> Result<Vec<Told>> {
    Ok(sqlx::query_as!(
        Told,
        "select id, email, quiet_ends($1, time_zone, quiet_from, quiet_until) as not_before
           from staff join accounts using (id) where active and notify_leads order by id",
        now,
    )
    .fetch_all(db)
    .await?)
}

/// The owners.
///
/// # Errors
/// As any statement.
pub async fn owners(db: &mut PgConnection) -> Result<Vec<Told>> {
    Ok(sqlx::query_as!(
        Told,
        "select id, email, null::timestamptz as not_before from staff join accounts using (id) where active and role = 'owner' order by id"
    )
    .fetch_all(db)
    .await?)
}

/// When a member of staff hears of leads.
#[derive(Debug, Deserialize, Validate)]
pub struct Notices {
    /// Whether at all: `on`, or nothing, as a checkbox says it.
    #[serde(default, deserialize_with = "input::checkbox")]
    pub notify_leads: bool,
    /// Whether they get a digest of leads each day.
    #[serde(default, deserialize_with = "input::checkbox")]
    pub digest_leads: bool,
    /// The hour at which quiet begins, 0 to 23.
    #[serde(default, deserialize_with = "input::whole_number")]
    #[validate(range(min = 0, max = 23, message = "Choose an hour from 0 to 23."))]
    pub quiet_from: i16,
    /// The hour at which it ends; the same hour means never quiet.
    #[serde(default, deserialize_with = "input::whole_number")]
    #[validate(range(min = 0, max = 23, message = "Choose an hour from 0 to 23."))]
    pub quiet_until: i16,
    /// An IANA time zone.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::one_line"))]
    pub time_zone: String,
}

/// What `who` has chosen.
///
/// # Errors
/// As any statement.
pub async fn notices(db: &mut PgConnection, who: &Staff) -> Result<Notices> {
    Ok(sqlx::query_as!(
        Notices,
        "select notify_leads, digest_leads, quiet_from, quiet_until, time_zone from staff where id = $1",
        who.id(),
    )
    .fetch_one(db)
    .await?)
}

/// Keeps what `who` chooses.
///
/// # Errors
/// [`Error::Invalid`] for a time zone that the database does not know.
pub async fn set_notices(db: &mut PgConnection, who: &Staff, new: &Valid<Notices>) -> Result<()> {
    let set = sqlx::query!(
        "update staff set notify_leads = $2, quiet_from = $3, quiet_until = $4, time_zone = $5, digest_leads = $6,
                digest_from = case when digest_leads then digest_from else now() end
          where id = $1 and exists (select from pg_timezone_names where name = $5)",
        who.id(),
        new.notify_leads,
        new.quiet_from,
        new.quiet_until,
        new.time_zone,
        new.digest_leads,
    );
    if set.execute(db).await?.rows_affected() == 1 {
        return Ok(());
    }
    Err(Error::field("time_zone", "Use a time zone such as Europe/Berlin or UTC."))
}
