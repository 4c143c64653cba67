//! Asking somebody by mail to run the site too.
//!
//! An invitation is a mailed link, good for seven days. The last mail counts, and it ends with its owner's own right to send
//! one. Whoever has an account already takes it up with that, once they have signed in to it; others choose a password.

use crate::error::{Error, OnConstraint, Result};
use crate::services::accounts;
use crate::services::input::{self, Valid};
use crate::services::links::{self, Held, Intent};
use crate::services::recent::{OneOfUs, Recent};
use crate::services::roster;
use crate::services::sessions::{self, Owner};
use crate::services::staff::Role;
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Whom to ask.
#[derive(Debug, Deserialize, Validate)]
pub struct NewInvite {
    /// Where they get mail.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
    /// What they are to do: one of [`Role::ALL`].
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "roster::known_role"))]
    pub role: String,
}

/// Has an invitation mailed, under `id`; one that was sent before is good no more. Says what they may do once they come.
///
/// # Errors
/// [`Error::Invalid`] for somebody who runs the site already or did, and where their mailbox was sent too much just now.
pub async fn send(
    db: &mut PgConnection,
    by: &Recent<Owner>,
    id: Uuid,
    new: &Valid<NewInvite>,
) -> Result<Role> {
    let role = Role::called(&new.role).unwrap_or(Role::Editor);
    mail(db, by, id, &new.email, role).await.map(|()| role)
}

/// Has the invitation `old` mailed once more, under `id`.
///
/// # Errors
/// [`Error::NotFound`] where it is over; otherwise as [`send`].
pub async fn send_again(
    db: &mut PgConnection,
    by: &Recent<Owner>,
    id: Uuid,
    old: Uuid,
) -> Result<Role> {
    let asked = sqlx::query!(
        r#"select email, intent ->> 'role' as "role!" from mailed_links
            where id = $1 and intent ->> 'to' = 'invite' and used_at is null"#,
        old,
    );
    let asked = asked.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let role = Role::called(&asked.role).unwrap_or(Role::Editor);
    mail(db, by, id, &asked.email, role).await.map(|()| role)
}

async fn mail(
    db: &mut PgConnection,
    by: &Recent<Owner>,
    id: Uuid,
    email: &str,
    role: Role,
) -> Result<()> {
    let known = sqlx::query!(
        r#"select accounts.id, active, staff.id is not null as "is_staff!" from accounts left join staff using (id)
            where lower(email) = lower($1)"#,
        email,
    );
    let known = known.fetch_optional(&mut *db).await?;
    let refused = known.as_ref().and_then(|known| match (known.is_staff, known.active) {
        (true, true) => Some("They run the site already."),
        (true, false) => Some("They ran the site once. Activate their account instead."),
        (false, true) => None,
        (false, false) => Some("The account with this address is closed."),
    });
    if let Some(why) = refused {
        return Err(Error::field("email", why));
    }
    sqlx::query!(
        "update mailed_links set used_at = now()
          where lower(email) = lower($1) and intent ->> 'to' = 'invite' and used_at is null",
        email,
    )
    .execute(&mut *db)
    .await?;
    let intent = Intent::Invite { role, by: by.one().id() };
    let account = known.map(|known| known.id);
    links::send(&mut *db, &links::New { id, email, account, at_home: true, intent: &intent })
        .await?;
    let sent = sqlx::query_scalar!(
        r#"select exists (select from mailed_links where id = $1) as "sent!""#,
        id
    );
    match sent.fetch_one(db).await? {
        true => Ok(()),
        false => {
            let why =
                "This mailbox was sent several mails just now. Try again in a quarter of an hour.";
            Err(Error::field("email", why))
        }
    }
}

/// An invitation that was not taken up yet.
#[derive(Debug)]
pub struct Pending {
    /// Which.
    pub id: Uuid,
    /// Where it went.
    pub email: String,
    /// What they are to do.
    pub role: String,
    /// Who sent it.
    pub by: Option<String>,
    /// When.
    pub sent_at: OffsetDateTime,
    /// Until when it is good.
    pub expires_at: OffsetDateTime,
    /// Whether that is over.
    pub is_over: bool,
}

/// The invitations that were not taken up, the last one first; at most 50.
///
/// # Errors
/// As any statement.
pub async fn pending(db: &mut PgConnection, _by: &Owner) -> Result<Vec<Pending>> {
    Ok(sqlx::query_as!(
        Pending,
        r#"select mailed_links.id, mailed_links.email, intent ->> 'role' as "role!", accounts.name as "by?",
                  mailed_links.created_at as sent_at, expires_at, expires_at <= now() as "is_over!"
             from mailed_links left join accounts on accounts.id = (intent ->> 'by')::uuid
            where intent ->> 'to' = 'invite' and used_at is null
            order by mailed_links.created_at desc, mailed_links.id desc limit 50"#
    )
    .fetch_all(db)
    .await?)
}

/// Takes an invitation back.
///
/// # Errors
/// [`Error::NotFound`] where it is over.
pub async fn take_back(db: &mut PgConnection, _by: &Recent<Owner>, id: Uuid) -> Result<()> {
    let taken = sqlx::query!(
        "update mailed_links set used_at = now() where id = $1 and intent ->> 'to' = 'invite' and used_at is null",
        id,
    );
    match taken.execute(db).await?.rows_affected() {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}

/// Takes all of them back that somebody has sent.
///
/// # Errors
/// As any statement.
pub async fn take_back_those_of(db: &mut PgConnection, owner: Uuid) -> Result<()> {
    sqlx::query!(
        "update mailed_links set used_at = now()
          where intent ->> 'to' = 'invite' and intent ->> 'by' = $1::text and used_at is null",
        owner.to_string(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An invitation that is still good, and whose account there is with its address.
#[derive(Debug)]
pub struct Invitation {
    /// Where it went.
    pub email: String,
    /// What they are to do.
    pub role: Role,
    /// Their account.
    pub account: Option<Uuid>,
}

/// The invitation behind `token`, if it is still good.
///
/// # Errors
/// [`links::OVER`].
pub async fn held(db: &mut PgConnection, token: &str) -> Result<Invitation> {
    let held = links::held(&mut *db, token).await?;
    invitation(db, held).await
}

/// The same, and it is used up.
///
/// # Errors
/// [`links::OVER`].
pub async fn take(db: &mut PgConnection, token: &str) -> Result<Invitation> {
    let held = links::take(&mut *db, token).await?;
    invitation(db, held).await
}

async fn invitation(db: &mut PgConnection, held: Held) -> Result<Invitation> {
    let Held { email, intent: Json(Intent::Invite { role, by }), .. } = held else {
        return Err(links::OVER);
    };
    if !roster::is_owner(&mut *db, by).await? {
        return Err(links::OVER);
    }
    let account = accounts::by_email(db, &email).await?.map(|account| account.id);
    Ok(Invitation { email, role, account })
}

/// Has somebody run the site with their account. Sessions they have begun as anyone end: those of staff are shorter.
///
/// # Errors
/// [`links::OVER`] where they do already.
pub async fn join(db: &mut PgConnection, account: Uuid, role: Role) -> Result<()> {
    sqlx::query!("insert into staff (id, role) values ($1, $2)", account, role as Role)
        .execute(&mut *db)
        .await
        .on_constraint("staff_pkey", || links::OVER)?;
    sessions::end_others(db, account, None).await
}
