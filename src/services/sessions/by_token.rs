//! Sessions for which no browser has a cookie: families of tokens, by which apps act for their members.

use super::{Device, Limits, Member, SessionToken, begin};
use crate::error::Result;
use crate::services::entitlements::Standing;
use crate::services::staff::Role;
use crate::services::tokens;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

/// Begins one, for an app that was registered or for any other.
///
/// # Errors
/// As any statement.
pub async fn begin_for_app(
    db: &mut PgConnection,
    account: Uuid,
    token: &SessionToken,
    device: &Device,
    app: Option<Uuid>,
) -> Result<Uuid> {
    begin(&mut *db, account, token, device, false).await?;
    let begun = sqlx::query_scalar!(
        "update sessions set by_token = true, app_id = $2 where token_hash = $1 returning id",
        token.hash(),
        app,
    );
    Ok(begun.fetch_one(db).await?)
}

/// The person whose app has an access token that is still good.
///
/// # Errors
/// As any statement.
pub async fn of_app(db: &mut PgConnection, access: &tokens::Secret) -> Result<Option<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"select accounts.id, accounts.name, staff.role as "role?: Role", sessions.id as session, network,
                  false as "recent!", false as "two_factors!", seen_at < now() - interval '5 minutes' as "stale!",
                  membership_of(accounts.id) as "standing!: Json<Standing>", 0::bigint as "in_cart!"
             from app_tokens join sessions on sessions.id = session_id join accounts on accounts.id = account_id
                  left join staff on staff.id = account_id
            where hash = $1 and kind = 'access' and app_tokens.expires_at > now() and sessions.expires_at > now() and active
              and seen_at > now() - make_interval(secs => case when staff.id is null then $2 else $3::float8 end)"#,
        access.hash(),
        Limits::of(None).idle.as_secs_f64(),
        Limits::of(Some(Role::Editor)).idle.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?)
}

/// Notes that a family of tokens is in use.
///
/// # Errors
/// As any statement.
pub async fn touch_family(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("update sessions set seen_at = now() where id = $1", id).execute(db).await?;
    Ok(())
}

/// Ends a family of tokens.
///
/// # Errors
/// As any statement.
pub async fn end_family(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("delete from sessions where id = $1 and by_token", id).execute(db).await?;
    Ok(())
}
