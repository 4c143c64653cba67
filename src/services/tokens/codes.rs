//! What an app is handed in the browser when its member agrees: a code, which it changes into tokens within a minute, once, with
//! the other half of its PKCE (RFC 7636). Whoever has the code alone, from an address or a log, has nothing.

use super::{Issued, Kind, Secret, begin};
use crate::error::Result;
use crate::services::accounts;
use crate::services::alarms::{self, Alarm};
use crate::services::apps::App;
use crate::services::sessions::{self, Device, Member};
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use sqlx::PgConnection;
use uuid::Uuid;

/// The code by which `app` acts for `who`, once it is brought from the same app. `id` and `random` are fresh. The mailbox is told.
///
/// # Errors
/// As any statement.
pub async fn issue(
    db: &mut PgConnection,
    who: &Member,
    app: &App,
    (redirect_uri, challenge): (&str, &str),
    (id, random): (Uuid, [u8; 32]),
) -> Result<Secret> {
    let code = Secret::new(Kind::Code, random);
    sqlx::query!(
        "insert into app_codes (hash, app_id, session_id, redirect_uri, challenge, expires_at)
         values ($1, $2, $3, $4, $5, now() + interval '60 seconds')",
        code.hash(),
        app.id,
        who.session(),
        redirect_uri,
        challenge,
    )
    .execute(&mut *db)
    .await?;
    let alarm = Alarm::AppAllowed { app: app.name.clone() };
    alarms::raise(db, id, who.id(), alarm).await?;
    Ok(code)
}

/// What an app brings.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Which app it says it is.
    pub app: Uuid,
    /// Where it says the code was sent.
    pub redirect_uri: &'a str,
    /// The other half of what it sent in the beginning.
    pub verifier: &'a str,
}

/// The first pair for a code; none where it is not good, or not brought by the app that it was made for. Either way it is used.
/// Whoever brings it again ends what came of it.
/// Gives whose account it is, too.
///
/// # Errors
/// As any statement.
pub async fn redeem(
    db: &mut PgConnection,
    code: &Secret,
    asked: &Asked<'_>,
    device: &Device,
    chance: impl Fn() -> [u8; 32],
) -> Result<Option<(Uuid, Issued)>> {
    if let Some(account) = account_of(&mut *db, code).await? {
        accounts::hold(&mut *db, account).await?;
    }
    let held = sqlx::query!(
        "update app_codes set used_at = now() where hash = $1 and used_at is null and expires_at > now()
         returning app_id, session_id, redirect_uri, challenge",
        code.hash(),
    );
    let Some(held) = held.fetch_optional(&mut *db).await? else {
        let family =
            sqlx::query_scalar!("select family from app_codes where hash = $1", code.hash());
        if let Some(family) = family.fetch_optional(&mut *db).await?.flatten() {
            sessions::end_family(db, family).await?;
        }
        return Ok(None);
    };
    let right = held.app_id == asked.app
        && held.redirect_uri == asked.redirect_uri
        && is_half_of(asked.verifier, &held.challenge);
    let Some(session) = held.session_id.filter(|_| right) else { return Ok(None) };
    let account = sqlx::query_scalar!(
        "select account_id from sessions join accounts on accounts.id = account_id
          where sessions.id = $1 and expires_at > now() and active",
        session,
    );
    let Some(account) = account.fetch_optional(&mut *db).await? else { return Ok(None) };
    let (family, issued) = begin(&mut *db, account, Some(asked.app), device, chance).await?;
    sqlx::query!("update app_codes set family = $2 where hash = $1", code.hash(), family)
        .execute(db)
        .await?;
    Ok(Some((account, issued)))
}

/// Whose app has it, while they are signed in.
async fn account_of(db: &mut PgConnection, code: &Secret) -> Result<Option<Uuid>> {
    let account = sqlx::query_scalar!(
        "select account_id from app_codes join sessions on sessions.id = session_id where hash = $1",
        code.hash(),
    );
    Ok(account.fetch_optional(db).await?)
}

/// Ends those of an account, before its sessions end: with them goes what says whose they are.
///
/// # Errors
/// As any statement.
pub async fn end_codes(db: &mut PgConnection, account: Uuid) -> Result<()> {
    let ended = sqlx::query!(
        "delete from app_codes using sessions where sessions.id in (session_id, family) and account_id = $1",
        account,
    );
    ended.execute(db).await?;
    Ok(())
}

/// Whether `challenge` is that of `verifier`, by S256.
fn is_half_of(verifier: &str, challenge: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_one = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    let verifier = PkceCodeVerifier::new(verifier.to_owned());
    is_one && PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str() == challenge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_halves_belong_together() {
        // RFC 7636, appendix B.
        let (verifier, challenge) = (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        );
        assert!(is_half_of(verifier, challenge));
        assert!(!is_half_of(challenge, challenge), "plain is not taken");
        for wrong in ["", &verifier[1..], &format!("{verifier}é"), &"a".repeat(129)] {
            assert!(!is_half_of(wrong, challenge), "{wrong}");
        }
    }
}
