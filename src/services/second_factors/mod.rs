//! The second factor: codes from an app (TOTP, RFC 6238), and recovery codes for whoever has lost it.
//!
//! A code is good for its half minute and the ones beside it, and it is taken once. Whoever has the first factor could try
//! them all, so tries are counted in the database, for all instances together: before a code is looked at, so that a hundred
//! at once are a hundred tries. Devices on which somebody has signed in to the account are counted each by itself, so a
//! stranger's guesses keep nobody out who was here before. Recovery codes have eighty random bits and are not guessed;
//! they are a way in whatever strangers try.

mod codes;

pub use codes::{Code, RecoveryCode, Secret};

use crate::error::{Error, Result};
use crate::services::accounts;
use crate::services::secrets::Secrets;
use crate::services::sessions::{self, Member, SessionToken};
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How many codes may be tried within a quarter of an hour, and within a day.
const TRIES: (i64, i64) = (10, 50);
/// How many recovery codes there are.
pub const RECOVERY_CODES: usize = 10;

/// The refusal of a code that is none.
const WRONG: &str = "This code is not right. Type the one that your app shows now, or a recovery code that you have not used.";
/// The refusal of a right code that comes a second time.
const USED: &str = "This code has been used. Wait until your app shows the next one.";

/// A second factor that is on.
#[derive(Debug)]
pub struct State {
    /// Since when.
    pub since: OffsetDateTime,
    /// How many recovery codes are left.
    pub recovery_codes: i64,
}

/// The second factor of an account, if it is on.
///
/// # Errors
/// As any statement.
pub async fn state(db: &mut PgConnection, account: Uuid) -> Result<Option<State>> {
    Ok(sqlx::query_as!(
        State,
        r#"select created_at as since, (select count(*) from recovery_codes
                   where recovery_codes.account_id = second_factors.account_id and used_at is null) as "recovery_codes!"
             from second_factors where account_id = $1"#,
        account,
    )
    .fetch_optional(db)
    .await?)
}

/// Whether a second factor is asked for.
///
/// # Errors
/// As any statement.
pub async fn is_on(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    let is_on = sqlx::query_scalar!(
        r#"select exists (select from second_factors where account_id = $1) as "is_on!""#,
        account,
    );
    Ok(is_on.fetch_one(db).await?)
}

/// The same for somebody who signs in. Held until that is done: a second factor that is turned on meanwhile ends the session
/// with all others, or is found here.
///
/// # Errors
/// As any statement.
pub async fn is_asked_for(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    accounts::hold(&mut *db, account).await?;
    is_on(db, account).await
}

/// A second factor to be turned on.
pub struct New<'a> {
    /// What the app has.
    pub secret: &'a Secret,
    /// Random, to seal it with.
    pub nonce: [u8; 12],
    /// The step of the code that has shown that the app has it.
    pub step: i64,
    /// Ways in without it.
    pub recovery_codes: &'a [RecoveryCode],
    /// What the session goes on under.
    pub token: &'a SessionToken,
}

/// Turns it on. Every other session ends: it was begun without. Says for how long this one may go on.
///
/// # Errors
/// [`Error::Invalid`] where it is on already.
pub async fn turn_on(
    db: &mut PgConnection,
    keys: &Secrets,
    who: &Member,
    new: &New<'_>,
) -> Result<Duration> {
    accounts::lock(&mut *db, who.id()).await?;
    let on = sqlx::query!(
        "insert into second_factors (account_id, sealed, last_step) values ($1, $2, $3) on conflict do nothing",
        who.id(),
        new.secret.seal(keys, who.id(), new.nonce),
        new.step,
    );
    if on.execute(&mut *db).await?.rows_affected() == 0 {
        return Err(Error::field("code", "Your second factor is on already."));
    }
    insert_recovery_codes(&mut *db, who.id(), new.recovery_codes).await?;
    sessions::end_others(&mut *db, who.id(), Some(who)).await?;
    sessions::raise(db, who, new.token).await
}

/// Makes all recovery codes anew: those that were handed out are worth nothing any more.
///
/// # Errors
/// [`Error::Invalid`] where there is no second factor to do without.
pub async fn renew_recovery_codes(
    db: &mut PgConnection,
    account: Uuid,
    codes: &[RecoveryCode],
) -> Result<()> {
    // Held, so that of two who do this at once the second replaces the codes of the first.
    let on = sqlx::query!("select from second_factors where account_id = $1 for update", account);
    if on.fetch_optional(&mut *db).await?.is_none() {
        return Err(Error::field("", "Your second factor is off."));
    }
    sqlx::query!("delete from recovery_codes where account_id = $1", account)
        .execute(&mut *db)
        .await?;
    insert_recovery_codes(db, account, codes).await
}

async fn insert_recovery_codes(
    db: &mut PgConnection,
    account: Uuid,
    codes: &[RecoveryCode],
) -> Result<()> {
    let hashes: Vec<Vec<u8>> = codes.iter().map(RecoveryCode::hash).collect();
    sqlx::query!(
        "insert into recovery_codes (account_id, hash) select $1, unnest($2::bytea[])",
        account,
        &hashes,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Turns it off; says whether it was on.
///
/// # Errors
/// As any statement.
pub async fn turn_off(db: &mut PgConnection, account: Uuid) -> Result<bool> {
    let off = sqlx::query!("delete from second_factors where account_id = $1", account);
    Ok(off.execute(db).await?.rows_affected() == 1)
}

/// A code that is about to be looked at.
#[derive(Debug)]
pub struct Try {
    /// Its id.
    pub id: Uuid,
    /// Whose code it is to be.
    pub account: Uuid,
    /// The device it comes from, where that is known; empty where it is not.
    pub device: String,
}

/// Counts it. Where there were too many, it is not counted, and this says for how long not.
///
/// # Errors
/// As any statement.
pub async fn count(db: &mut PgConnection, one: &Try) -> Result<Option<Duration>> {
    // In a statement of its own: what a twin commits while we wait here must be counted by the next one.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('codes ' || $1, 0))",
        one.account.to_string()
    )
    .execute(&mut *db)
    .await?;
    let wait = sqlx::query_scalar!(
        "select extract(epoch from greatest(
                (select at + interval '15 minutes' from code_tries where account_id = $1 and device = $2
                  order by at desc offset $3::bigint - 1 limit 1),
                (select at + interval '1 day' from code_tries where account_id = $1 and device = $2
                  order by at desc offset $4::bigint - 1 limit 1)) - now())::float8",
        one.account,
        one.device,
        TRIES.0,
        TRIES.1,
    );
    if let Some(wait) = wait.fetch_one(&mut *db).await?.filter(|wait| *wait > 0.0) {
        return Ok(Some(Duration::from_secs_f64(wait)));
    }
    sqlx::query!(
        "insert into code_tries (id, account_id, device) values ($1, $2, $3)",
        one.id,
        one.account,
        one.device
    )
    .execute(db)
    .await?;
    Ok(None)
}

/// What came of a code that was right.
#[derive(Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It was the app's.
    App,
    /// It was a recovery code.
    Recovery {
        /// So many are left.
        left: i64,
    },
}

/// Takes a code: it will not be taken again, by this instance or another. What was counted for it is counted no more.
///
/// # Errors
/// [`Error::Invalid`] where it is none, or was used.
pub async fn accept(
    db: &mut PgConnection,
    keys: &Secrets,
    one: &Try,
    code: &Code,
    at: OffsetDateTime,
) -> Result<Accepted> {
    let accepted = match code {
        Code::App(digits) => accept_app(&mut *db, keys, one.account, digits, at).await?,
        Code::Recovery(code) => accept_recovery(&mut *db, one.account, code).await?,
    };
    sqlx::query!("delete from code_tries where id = $1", one.id).execute(db).await?;
    Ok(accepted)
}

async fn accept_app(
    db: &mut PgConnection,
    keys: &Secrets,
    account: Uuid,
    digits: &str,
    at: OffsetDateTime,
) -> Result<Accepted> {
    let sealed =
        sqlx::query_scalar!("select sealed from second_factors where account_id = $1", account);
    let Some(sealed) = sealed.fetch_optional(&mut *db).await? else {
        return Err(Error::field("code", WRONG));
    };
    let step = Secret::open(keys, account, &sealed)?.step_of(digits, at);
    let step = step.ok_or_else(|| Error::field("code", WRONG))?;
    // Compared and set in one: of two instances that are given the same code at once, one alone finds it new.
    let taken = sqlx::query!(
        "update second_factors set last_step = $2 where account_id = $1 and sealed = $3 and last_step < $2",
        account,
        step,
        sealed,
    );
    match taken.execute(db).await?.rows_affected() {
        0 => Err(Error::field("code", USED)),
        _ => Ok(Accepted::App),
    }
}

async fn accept_recovery(
    db: &mut PgConnection,
    account: Uuid,
    code: &RecoveryCode,
) -> Result<Accepted> {
    let taken = sqlx::query!(
        "update recovery_codes set used_at = now() where account_id = $1 and hash = $2 and used_at is null",
        account,
        code.hash(),
    );
    if taken.execute(&mut *db).await?.rows_affected() == 0 {
        return Err(Error::field("code", WRONG));
    }
    let left = sqlx::query_scalar!(
        r#"select count(*) as "left!" from recovery_codes where account_id = $1 and used_at is null"#,
        account,
    );
    Ok(Accepted::Recovery { left: left.fetch_one(db).await? })
}
