//! Endpoints as owners, the operator and partners see to them.

use super::{Again, By, Changes, Endpoint, Keeper, NewEndpoint, Secret, by_id, tellable};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::outgoing::Outgoing;
use crate::services::input::Valid;
use crate::services::keys::Overlap;
use crate::services::secrets::Secrets;
use sqlx::PgConnection;
use uuid::Uuid;

/// How many endpoints a partner can have.
const MOST_OF_A_KEY: i64 = 20;
/// How many deliveries are tried again at once.
const MOST_REPLAYED: i64 = 5_000;

/// Keeps a new endpoint, and says what its deliveries are signed with.
///
/// # Errors
/// [`Error::Invalid`] for an address that is not gone to, for what a partner may not be told, and where they have too many.
pub async fn create(
    db: &mut PgConnection,
    by: By<'_>,
    (keys, clock): (&Secrets, &Clock),
    outgoing: &Outgoing,
    (id, new): (Uuid, &Valid<NewEndpoint>),
) -> Result<Secret> {
    let key = Keeper::from(by).key();
    let url = address(outgoing, &new.url)?;
    may_be_told(&mut *db, key, &new.types).await?;
    let made_by = match by {
        By::Owner(owner) => Some(owner.staff().id()),
        By::Operator(_) | By::Partner(_) => None,
    };
    if let Some(key) = key {
        // In a statement of its own: of several that make one at the same time each counts what those before it have made.
        sqlx::query!("select id from api_keys where id = $1 for no key update", key)
            .fetch_optional(&mut *db)
            .await?;
    }
    let made = sqlx::query!(
        "insert into webhooks (id, name, url, types, key_id, made_by)
         select $1, $2, $3, $4, $5, $6 where $5::uuid is null or (select count(*) from webhooks where key_id = $5) < $7",
        id,
        new.name,
        url,
        &new.types,
        key,
        made_by,
        MOST_OF_A_KEY,
    );
    if made.execute(&mut *db).await?.rows_affected() == 0 {
        let message = "There are 20 already. Remove one first.";
        return Err(Error::field("", message));
    }
    keep_secret(db, (keys, clock), id).await
}

async fn keep_secret(
    db: &mut PgConnection,
    (keys, clock): (&Secrets, &Clock),
    endpoint: Uuid,
) -> Result<Secret> {
    let secret = Secret::generate(clock);
    sqlx::query!(
        "insert into webhook_secrets (id, webhook_id, sealed) values ($1, $2, $3)",
        clock.id(),
        endpoint,
        secret.seal(keys, endpoint, clock.random()),
    )
    .execute(db)
    .await?;
    Ok(secret)
}

fn address(outgoing: &Outgoing, typed: &str) -> Result<String> {
    let address = outgoing.foreign(typed).map_err(|unfit| Error::field("url", unfit))?;
    Ok(address.as_str().to_owned())
}

async fn may_be_told(db: &mut PgConnection, key: Option<Uuid>, types: &[String]) -> Result<()> {
    let tellable = tellable(db, key).await?;
    match types.iter().find(|name| !tellable.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let message = format!("Your key may not read what {name} tells.");
            Err(Error::field("types", message))
        }
    }
}

/// Changes what is named. One that is turned on again, and was disabled, begins anew.
///
/// # Errors
/// As [`create`]; [`Error::NotFound`].
pub async fn change(
    db: &mut PgConnection,
    by: By<'_>,
    outgoing: &Outgoing,
    id: Uuid,
    changes: &Valid<Changes>,
) -> Result<Endpoint> {
    let by = Keeper::from(by);
    let was = by_id(&mut *db, by, id).await?;
    let url = changes.url.as_deref().map(|typed| address(outgoing, typed)).transpose()?;
    if let Some(types) = &changes.types {
        let key = sqlx::query_scalar!("select key_id from webhooks where id = $1", id);
        let key = key.fetch_one(&mut *db).await?;
        may_be_told(&mut *db, key, types).await?;
    }
    sqlx::query!(
        "update webhooks set name = coalesce($2, name), url = coalesce($3, url), types = coalesce($4, types) where id = $1",
        id,
        changes.name,
        url,
        changes.types.as_deref(),
    )
    .execute(&mut *db)
    .await?;
    match changes.state.as_deref() {
        Some("on") if was.state != "on" => enable(&mut *db, by, id).await?,
        Some("paused") if was.state != "paused" => pause(&mut *db, by, id).await?,
        _ => {}
    }
    by_id(db, by, id).await
}

/// Gives the endpoint another secret. Deliveries are signed with both for as long as `overlap` says.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn rotate(
    db: &mut PgConnection,
    by: By<'_>,
    (keys, clock): (&Secrets, &Clock),
    id: Uuid,
    overlap: Overlap,
) -> Result<Secret> {
    by_id(&mut *db, by.into(), id).await?;
    sqlx::query!(
        "update webhook_secrets set good_until = least(good_until, now() + make_interval(hours => $2)) where webhook_id = $1",
        id,
        overlap.hours(),
    )
    .execute(&mut *db)
    .await?;
    keep_secret(db, (keys, clock), id).await
}

/// Has what happens wait.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn pause(db: &mut PgConnection, by: Keeper<'_>, id: Uuid) -> Result<()> {
    let paused = sqlx::query!(
        "update webhooks set state = 'paused', remark = null where id = $1 and ($2::uuid is null or key_id = $2)",
        id,
        by.key(),
    );
    is_there(paused.execute(db).await?.rows_affected())
}

/// Has it told again, beginning with what waits.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn enable(db: &mut PgConnection, by: Keeper<'_>, id: Uuid) -> Result<()> {
    let enabled = sqlx::query!(
        "update webhooks set state = 'on', remark = null, failures = 0, failing_since = null, rests_until = null
          where id = $1 and ($2::uuid is null or key_id = $2)",
        id,
        by.key(),
    );
    is_there(enabled.execute(db).await?.rows_affected())
}

/// Tells it nothing any more. What waits is given up.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn disable(db: &mut PgConnection, by: Keeper<'_>, id: Uuid) -> Result<()> {
    by_id(&mut *db, by, id).await?;
    give_up(db, id, None).await.map(drop)
}

/// Disables an endpoint and gives up what waits; says whether it was not disabled yet.
pub(super) async fn give_up(db: &mut PgConnection, id: Uuid, why: Option<&str>) -> Result<bool> {
    let disabled = sqlx::query!(
        "update webhooks set state = 'disabled', remark = $2 where id = $1 and state <> 'disabled'",
        id,
        why,
    );
    let disabled = disabled.execute(&mut *db).await?.rows_affected() == 1;
    sqlx::query!(
        "update webhook_deliveries set state = 'failed', lease = null, ended_at = now(), remark = 'The endpoint was disabled.'
          where webhook_id = $1 and state = 'waiting'",
        id,
    )
    .execute(db)
    .await?;
    Ok(disabled)
}

/// Removes it, with all that is known of it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn remove(db: &mut PgConnection, by: By<'_>, id: Uuid) -> Result<()> {
    let removed = sqlx::query!(
        "delete from webhooks where id = $1 and ($2::uuid is null or key_id = $2)",
        id,
        Keeper::from(by).key(),
    );
    is_there(removed.execute(db).await?.rows_affected())
}

fn is_there(rows: u64) -> Result<()> {
    if rows == 0 { Err(Error::NotFound) } else { Ok(()) }
}

/// Has something sent there at once that tells of nothing, to see whether it arrives; says which delivery that is.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where nothing is sent there.
pub async fn ping(
    db: &mut PgConnection,
    by: Keeper<'_>,
    id: Uuid,
    (delivery, message): (Uuid, Uuid),
) -> Result<()> {
    wake(&mut *db, by, id).await?;
    sqlx::query!(
        "insert into webhook_deliveries (id, webhook_id, message, object, sequence) values ($1, $2, $3, $3, 1)",
        delivery,
        id,
        message,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Does not wait any longer for an endpoint that fails.
async fn wake(db: &mut PgConnection, by: Keeper<'_>, id: Uuid) -> Result<()> {
    match by_id(&mut *db, by, id).await?.state.as_str() {
        "on" => {}
        "paused" => return Err(Error::field("", "It is paused. Have it told again first.")),
        _ => return Err(Error::field("", "It is disabled. Have it told again first.")),
    }
    sqlx::query!("update webhooks set rests_until = null where id = $1", id).execute(db).await?;
    Ok(())
}

/// Has one delivery sent once more, from the first try, whatever became of it, or what was given up, the oldest first; and says
/// how much. Each goes under the id it had, so that a receiver knows it again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where nothing is sent there, or there is nothing to send.
pub async fn replay(
    db: &mut PgConnection,
    by: Keeper<'_>,
    endpoint: Uuid,
    again: &Valid<Again>,
) -> Result<u64> {
    wake(&mut *db, by, endpoint).await?;
    let replayed = sqlx::query!(
        "with again as (select n from webhook_deliveries where webhook_id = $1 and lease is null
                and case when $2::uuid is null then state = 'failed' and ($3::timestamptz is null or created_at >= $3) else id = $2 end
                order by n limit $4)
         update webhook_deliveries as d set state = 'waiting', attempts = 0, due_at = now(), ended_at = null, remark = null
           from again where d.n = again.n",
        endpoint,
        again.one(),
        again.moment(),
        MOST_REPLAYED,
    );
    match (replayed.execute(db).await?.rows_affected(), again.one()) {
        (0, None) => Err(Error::field("since", "Nothing was given up since then.")),
        (0, Some(_)) => {
            Err(Error::field("delivery", "It is not known any more, or is being sent right now."))
        }
        (replayed, _) => Ok(replayed),
    }
}
