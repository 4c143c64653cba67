//! One refresh token for the next. One that comes twice has been copied, and ends its family: the app and the thief are both
//! out, and the app's owner signs in again (RFC 9700 §4.14.2).
//!
//! An answer may get lost, though, and then the app has nothing but the old token. So for ten seconds the same app gets the
//! same answer again, unless it has used what was answered. It is not kept for that: the pair is made of the old token and of random bytes that only the database
//! has, so whoever has one of the two cannot make it.

use super::{Issued, Kind, Pair, Secret};
use crate::error::Result;
use crate::services::sessions::{self, Limits};
use crate::services::staff::Role;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// How long a lost answer is given again.
const GRACE: Duration = Duration::from_secs(10);

/// The pair after `presented`, for the app `app` that calls itself `agent`. None where the token is not good; then its
/// family may be over. `salt` is random.
///
/// # Errors
/// As any statement.
pub async fn refresh(
    db: &mut PgConnection,
    presented: &Secret,
    app: Option<Uuid>,
    agent: &str,
    salt: [u8; 32],
) -> Result<Option<Issued>> {
    let agent: String = agent.chars().take(200).collect();
    let Some(held) = held(&mut *db, presented).await? else { return Ok(None) };
    if held.app != app {
        return Ok(None);
    }
    let Some(used) = held.used else {
        sqlx::query!(
            "update app_tokens set used_at = now(), used_by = $2, salt = $3 where hash = $1",
            presented.hash(),
            agent,
            &salt,
        )
        .execute(&mut *db)
        .await?;
        let pair = after(presented, &salt);
        pair.keep(&mut *db, held.family).await?;
        sessions::touch_family(db, held.family).await?;
        return Ok(Some(pair.issued(Duration::ZERO)));
    };
    let pair = after(presented, &used.salt);
    if used.ago <= GRACE && used.by == agent && !pair.is_used(&mut *db).await? {
        return Ok(Some(pair.issued(used.ago)));
    }
    sessions::end_family(db, held.family).await?;
    Ok(None)
}

/// A refresh token whose family goes on.
struct Held {
    family: Uuid,
    app: Option<Uuid>,
    used: Option<Used>,
}

/// That it was used before.
struct Used {
    ago: Duration,
    by: String,
    salt: Vec<u8>,
}

/// Looks it up and holds its family: of two who bring it at the same time the second finds it used, and whoever ends the family
/// waits, or was there before.
async fn held(db: &mut PgConnection, presented: &Secret) -> Result<Option<Held>> {
    let family = sqlx::query!(
        "select from sessions where id = (select session_id from app_tokens where hash = $1) for no key update",
        presented.hash(),
    );
    family.execute(&mut *db).await?;
    let found = sqlx::query!(
        r#"select session_id, app_id, used_by, salt, extract(epoch from now() - used_at)::float8 as ago
             from app_tokens join sessions on sessions.id = session_id join accounts on accounts.id = account_id
                  left join staff on staff.id = account_id
            where hash = $1 and kind = 'refresh' and app_tokens.expires_at > now() and active
              and seen_at > now() - make_interval(secs => case when staff.id is null then $2 else $3::float8 end)"#,
        presented.hash(),
        Limits::of(None).idle.as_secs_f64(),
        Limits::of(Some(Role::Editor)).idle.as_secs_f64(),
    );
    let Some(found) = found.fetch_optional(db).await? else { return Ok(None) };
    let used = found.salt.map(|salt| Used {
        // A twin that waited for us began before we did.
        ago: Duration::from_secs_f64(found.ago.unwrap_or_default().max(0.0)),
        by: found.used_by.unwrap_or_default(),
        salt,
    });
    Ok(Some(Held { family: found.session_id, app: found.app_id, used }))
}

/// The pair that comes after `token`.
fn after(token: &Secret, salt: &[u8]) -> Pair {
    let make = |kind: Kind| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&token.random).expect("a key of any length will do");
        mac.update(kind.prefix().as_bytes());
        mac.update(salt);
        Secret::new(kind, mac.finalize().into_bytes().into())
    };
    Pair { access: make(Kind::Access), refresh: make(Kind::Refresh) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pair_after_a_token_is_made_of_both_secrets() {
        let token = Secret::new(Kind::Refresh, [1; 32]);
        let pair = after(&token, &[2; 32]);
        assert_eq!(pair.refresh.random, after(&token, &[2; 32]).refresh.random);
        assert_ne!(pair.refresh.random, pair.access.random);
        assert_ne!(pair.refresh.random, after(&token, &[3; 32]).refresh.random);
        let other = Secret::new(Kind::Refresh, [4; 32]);
        assert_ne!(pair.refresh.random, after(&other, &[2; 32]).refresh.random);
    }
}
