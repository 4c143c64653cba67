//! Another address for an account: asked for by whoever is signed in, and agreed to by both mailboxes.
//!
//! With the old one alone, whoever finds a browser open could take an account away; with the new one alone, a slip of the
//! keyboard would give it to somebody else. Whether the new address is taken is told to its mailbox and to nobody else.

use crate::error::{Error, OnConstraint, Result};
use crate::policies::Operator;
use crate::services::accounts::TAKEN;
use crate::services::input::{self, Valid};
use crate::services::links::{self, Held, Intent, OVER};
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use crate::services::{accounts, sessions, subscribers};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// Which of the two mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The one that the account has.
    Old,
    /// The one that it is to have.
    New,
}

/// What is asked for.
#[derive(Debug, Deserialize, Validate)]
pub struct New {
    /// The new address.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    pub email: String,
    /// Whether the newsletter is to follow: `on`, or nothing, as a checkbox says it.
    #[serde(default, deserialize_with = "input::checkbox")]
    pub with_newsletter: bool,
}

/// Has both mailboxes asked. What was asked for before is over. `at_home` says of each address, the old one first, whether
/// somebody has signed in with it on this device.
///
/// # Errors
/// [`Error::Invalid`] where it is the address the account has.
pub async fn ask(
    db: &mut PgConnection,
    who: &Recent<Member>,
    new: &Valid<New>,
    id: impl Fn() -> Uuid,
    at_home: impl Fn(&str) -> bool,
) -> Result<()> {
    let old = accounts::profile(&mut *db, who).await?.email;
    if old.eq_ignore_ascii_case(&new.email) {
        return Err(Error::field("email", "This is the address of your account already."));
    }
    let change = id();
    sqlx::query!("delete from email_changes where account_id = $1", who.id())
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "insert into email_changes (id, account_id, email, with_newsletter, expires_at)
         values ($1, $2, $3, $4, now() + interval '1 day')",
        change,
        who.id(),
        new.email,
        new.with_newsletter,
    )
    .execute(&mut *db)
    .await?;
    let is_taken = accounts::by_email(&mut *db, &new.email).await?.is_some();
    let to_new = match is_taken {
        true => Intent::Taken,
        false => Intent::ChangeEmail { change, side: Side::New },
    };
    let to_old = Intent::ChangeEmail { change, side: Side::Old };
    for (email, intent) in [(&old, &to_old), (&new.email, &to_new)] {
        let (account, at_home) = (Some(who.id()), at_home(email));
        links::send(&mut *db, &links::New { id: id(), email, account, at_home, intent }).await?;
    }
    Ok(())
}

/// A change that waits for one mailbox or both.
#[derive(Debug)]
pub struct Waiting {
    /// The address the account is to have.
    pub email: String,
    /// Whether the newsletter follows.
    pub with_newsletter: bool,
}

/// The change that waits for the account of `who`.
///
/// # Errors
/// As any statement.
pub async fn waiting(db: &mut PgConnection, who: &Member) -> Result<Option<Waiting>> {
    Ok(sqlx::query_as!(
        Waiting,
        "select email, with_newsletter from email_changes where account_id = $1 and expires_at > now()",
        who.id(),
    )
    .fetch_optional(db)
    .await?)
}

/// The change that a link is about, and whose mailbox it went to.
///
/// # Errors
/// [`OVER`].
pub async fn held(db: &mut PgConnection, link: &Held) -> Result<(Waiting, Side)> {
    let (change, side) = about(link)?;
    let waiting = sqlx::query_as!(
        Waiting,
        "select email, with_newsletter from email_changes where id = $1 and expires_at > now()",
        change,
    );
    Ok((waiting.fetch_optional(db).await?.ok_or(OVER)?, side))
}

/// The same for a mail; none where the link is about something else, or over.
///
/// # Errors
/// As any statement.
pub async fn for_mail(db: &mut PgConnection, link: &Held) -> Result<Option<Waiting>> {
    match held(db, link).await {
        Err(Error::Over(_)) => Ok(None),
        held => held.map(|(waiting, _)| Some(waiting)),
    }
}

fn about(link: &Held) -> Result<(Uuid, Side)> {
    match link.intent.0 {
        Intent::ChangeEmail { change, side } => Ok((change, side)),
        _ => Err(OVER),
    }
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The other mailbox has not agreed yet.
    Half,
    /// The account has its new address.
    Done {
        /// Which account.
        account: Uuid,
        /// The one it had.
        old: String,
        /// The one it has.
        new: String,
    },
}

/// One mailbox agrees; where the other has, the account has its new address.
///
/// # Errors
/// [`OVER`]; [`Error::Invalid`] where somebody has made an account with the address meanwhile.
pub async fn agree(db: &mut PgConnection, token: &str, now: OffsetDateTime) -> Result<Progress> {
    let (change, side) = about(&links::take(&mut *db, token).await?)?;
    let change = sqlx::query!(
        r#"update email_changes set old_yes = old_yes or $2, new_yes = new_yes or not $2
            where id = $1 and expires_at > now()
        returning account_id, email, with_newsletter, old_yes and new_yes as "both!""#,
        change,
        side == Side::Old,
    );
    let change = change.fetch_optional(&mut *db).await?.ok_or(OVER)?;
    if !change.both {
        return Ok(Progress::Half);
    }
    let follow = change.with_newsletter.then_some(now);
    let account = change.account_id;
    let old = set(db, account, &change.email, follow).await?;
    Ok(Progress::Done { account, old, new: change.email })
}

/// Gives an account another address, and says which it had. What was mailed about it is over, alarms too: both mailboxes have
/// spoken, or the operator has. `follow`: the newsletter goes there too, from now on.
async fn set(
    db: &mut PgConnection,
    account: Uuid,
    email: &str,
    follow: Option<OffsetDateTime>,
) -> Result<String> {
    let old = sqlx::query_scalar!("select email from accounts where id = $1 for update", account);
    let old = old.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    sqlx::query!(
        "update accounts set email = $2, version = version + 1 where id = $1",
        account,
        email
    )
    .execute(&mut *db)
    .await
    .on_constraint("accounts_email_key", || Error::field("email", TAKEN))?;
    sqlx::query!("delete from email_changes where account_id = $1", account)
        .execute(&mut *db)
        .await?;
    links::revoke_all(&mut *db, account).await?;
    if let Some(now) = follow {
        subscribers::follow(db, &old, email, now).await?;
    }
    Ok(old)
}

/// The operator gives the account at `old` another address: its owner cannot read the mail that goes there any more. Whoever is
/// signed in to it is out, and the old mailbox is told. `id` is a fresh one. Says whose it is.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where somebody has an account with it.
pub async fn by_operator(
    db: &mut PgConnection,
    _by: &Operator,
    id: Uuid,
    old: &str,
    new: &Valid<New>,
) -> Result<Uuid> {
    let account = accounts::by_email(&mut *db, old).await?.ok_or(Error::NotFound)?.id;
    let old = set(&mut *db, account, &new.email, None).await?;
    sessions::end_others(&mut *db, account, None).await?;
    let intent = Intent::Moved;
    let link = links::New { id, email: &old, account: None, at_home: false, intent: &intent };
    links::tell(db, &link).await?;
    Ok(account)
}

/// Somebody has made an account with the new address meanwhile: the change is given up, and the mailbox is told why. `id` is a
/// fresh one.
///
/// # Errors
/// [`OVER`].
pub async fn give_up(db: &mut PgConnection, token: &str, id: Uuid) -> Result<()> {
    let (change, _) = about(&links::take(&mut *db, token).await?)?;
    let change =
        sqlx::query!("delete from email_changes where id = $1 returning account_id, email", change);
    let change = change.fetch_optional(&mut *db).await?.ok_or(OVER)?;
    let (email, account) = (change.email.as_str(), Some(change.account_id));
    let link = links::New { id, email, account, at_home: false, intent: &Intent::Taken };
    links::send(db, &link).await
}
