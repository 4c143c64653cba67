//! Deliveries as they are carried out: who takes which, what is sent, and what comes of how it ended.
//!
//! What is due is taken by one statement, and by one worker at a time, so that no endpoint has more under way than it may: a few
//! while it does well, one while it does not, none while it rests. Of what happened to one object the earlier is over with before the later is
//! taken. A lease is longer than any try can take; whoever has lost it notes nothing any more.

use super::desk::give_up;
use super::secret::open;
use crate::error::{Error, Result, found};
use crate::jobs::Job;
use crate::mail::Mail;
use crate::outgoing::{Foreign, Outgoing, Trouble};
use crate::services::secrets::Secrets;
use crate::services::{events, outbox, staff};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// How long whoever takes a delivery has it: longer than `outgoing` lets a request last.
const LEASE: Duration = Duration::from_secs(20);
/// How many deliveries to one endpoint are under way at once.
const AT_ONCE: i32 = 4;
/// After so many failures in a row an endpoint is tried one delivery at a time, and rests in between.
const PATIENCE: i32 = 3;
/// It never rests for longer.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How long after each failure a delivery is tried again, in seconds, before chance adds up to a fifth: three days and more in all, as
/// Standard Webhooks has it.
const PAUSES: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// No endpoint has us wait for longer: its clock may be wrong.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// An endpoint that has done nothing but fail for so long, so many times, is disabled.
const HOPELESS: (Duration, i32) = (Duration::from_secs(5 * 24 * 3600), 10);

/// A delivery that somebody has taken.
#[derive(Debug)]
pub struct Claimed {
    n: i64,
    /// What the receiver knows it by.
    pub message: Uuid,
    webhook: Uuid,
    event: Option<i64>,
    attempt: i32,
    lease: Uuid,
}

/// Whether there is something to do: a delivery that is due, or a post whose time has come and of which nobody was told.
///
/// # Errors
/// As any statement.
pub async fn is_due(db: &mut PgConnection) -> Result<bool> {
    let due = sqlx::query_scalar!(
        r#"select exists (select from webhook_deliveries where state = 'waiting' and due_at <= now())
               or exists (select from posts where status = 'published' and not appeared and published_at <= now()) as "due!""#
    );
    Ok(due.fetch_one(db).await?)
}

/// Takes up to `most` deliveries that are due. `lease` is a fresh id.
///
/// # Errors
/// As any statement.
pub async fn claim(db: &mut PgConnection, lease: Uuid, most: i64) -> Result<Vec<Claimed>> {
    // In a statement of its own: what another worker takes while we wait must be visible to the next one.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('webhooks', 0))")
        .execute(&mut *db)
        .await?;
    let rows = sqlx::query!(
        "with busy as (select webhook_id, count(*) as deliveries from webhook_deliveries
                where state = 'waiting' and lease is not null and due_at > now() group by webhook_id),
              due as (select next.n from webhooks left join busy on busy.webhook_id = webhooks.id
                cross join lateral (select n, due_at from webhook_deliveries as d
                      where d.webhook_id = webhooks.id and d.state = 'waiting' and d.due_at <= now()
                        and not exists (select from webhook_deliveries as earlier
                             where earlier.webhook_id = d.webhook_id and earlier.object = d.object
                               and earlier.state = 'waiting' and earlier.sequence < d.sequence)
                      order by d.due_at, d.n for update skip locked
                      limit greatest(0, case when failures >= $5 then 1 else $4 end - coalesce(busy.deliveries, 0))) as next
               where webhooks.state = 'on' and coalesce(rests_until <= now(), true)
               order by next.due_at, next.n limit $2)
         update webhook_deliveries as d set attempts = attempts + 1, lease = $1, due_at = now() + make_interval(secs => $3)
           from due where d.n = due.n
         returning d.n, webhook_id, event, message, attempts",
        lease,
        most,
        LEASE.as_secs_f64(),
        AT_ONCE,
        PATIENCE,
    )
    .fetch_all(db)
    .await?;
    let claimed = rows.into_iter().map(|row| Claimed {
        n: row.n,
        message: row.message,
        webhook: row.webhook_id,
        event: row.event,
        attempt: row.attempts,
        lease,
    });
    Ok(claimed.collect())
}

/// What is sent, where, and what it is signed with.
pub struct Parcel {
    /// Where.
    pub to: Result<Foreign, Trouble>,
    /// The keys that are good, the newest first.
    pub keys: Vec<Vec<u8>>,
    /// The document.
    pub body: Vec<u8>,
}

/// What is sent to see whether it arrives.
#[derive(Serialize)]
struct Ping {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Uuid,
    timestamp: String,
    data: serde_json::Value,
}

/// What there is to send, as it is now; none where nobody is to be told any more, because the key it was for is good no more.
///
/// # Errors
/// As any statement.
pub async fn parcel(
    db: &mut PgConnection,
    (secrets, outgoing): (&Secrets, &Outgoing),
    now: OffsetDateTime,
    claimed: &Claimed,
) -> Result<Option<Parcel>> {
    let row = sqlx::query!(
        r#"select url, coalesce(revoked_at is null and (expires_at is null or expires_at > now()), true) as "good!"
             from webhooks left join api_keys on api_keys.id = key_id where webhooks.id = $1"#,
        claimed.webhook,
    );
    let Some(row) = row.fetch_optional(&mut *db).await?.filter(|row| row.good) else {
        return Ok(None);
    };
    let sealed = sqlx::query_scalar!(
        "select sealed from webhook_secrets where webhook_id = $1 and (good_until is null or good_until > now())
          order by id desc limit 8",
        claimed.webhook,
    );
    let sealed = sealed.fetch_all(&mut *db).await?;
    let keys = sealed.iter().map(|sealed| open(secrets, claimed.webhook, sealed));
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let body = match claimed.event {
        Some(n) => match found(events::by_number(db, n).await)? {
            Some(event) => serde_json::to_vec(&event),
            None => return Ok(None),
        },
        None => serde_json::to_vec(&Ping {
            kind: "ping",
            id: claimed.message,
            timestamp: now.format(&Rfc3339).unwrap_or_default(),
            data: json!({ "webhook": claimed.webhook }),
        }),
    };
    let body = body.map_err(|error| Error::Internal(error.into()))?;
    let to = outgoing.foreign(&row.url).map_err(|unfit| Trouble::Refused(unfit.to_owned()));
    Ok(Some(Parcel { to, keys, body }))
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It has arrived.
    Delivered,
    /// It has not. Where the receiver said for how long it wants to be left alone, so long.
    Failed(Option<Duration>),
    /// The receiver wants nothing any more.
    Gone,
    /// There was nobody to tell.
    Dropped,
}

/// A time it was tried.
#[derive(Debug)]
pub struct Tried {
    /// How it ended.
    pub end: End,
    /// The status that was answered.
    pub status: Option<u16>,
    /// How long that took.
    pub took: Duration,
    /// How the answer begins, or why there is none.
    pub said: String,
}

/// Whether it was noted how a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Yes.
    Here,
    /// No: somebody else has it by now, or it is over with.
    Lost,
}

/// Notes how a try ended, where the lease is still the worker's, and what that says of the endpoint. `id` makes ids, for the mail to
/// whoever has to know that it is disabled.
///
/// # Errors
/// As any statement.
pub async fn end(
    db: &mut PgConnection,
    claimed: &Claimed,
    tried: &Tried,
    id: impl Fn() -> Uuid,
) -> Result<Noted> {
    // First the endpoint, then its deliveries: as whoever gives them up does, who may come at the same time.
    sqlx::query!("select id from webhooks where id = $1 for no key update", claimed.webhook)
        .fetch_optional(&mut *db)
        .await?;
    let pause = pause_after(claimed.attempt, claimed.lease.as_bytes()[15]);
    let asked = match tried.end {
        End::Failed(asked) => asked.map(|asked| asked.min(LONGEST_WAIT)),
        _ => None,
    };
    let (state, remark) = match (&tried.end, pause) {
        (End::Delivered, _) => ("delivered", None),
        (End::Dropped, _) => ("dropped", Some("There is nobody to tell any more.")),
        (End::Gone, _) => ("failed", Some(GONE)),
        (End::Failed(_), Some(_)) => ("waiting", Some(tried.said.as_str())),
        (End::Failed(_), None) => ("failed", Some(tried.said.as_str())),
    };
    let wait = pause.unwrap_or_default().max(asked.unwrap_or_default());
    let noted = sqlx::query!(
        "update webhook_deliveries set lease = null, state = $3, remark = $4,
                due_at = now() + make_interval(secs => $5), ended_at = case when $3 <> 'waiting' then now() end
          where n = $1 and lease = $2 and state = 'waiting'",
        claimed.n,
        claimed.lease,
        state,
        remark.map(|remark| remark.chars().take(200).collect::<String>()),
        wait.as_secs_f64(),
    );
    if noted.execute(&mut *db).await?.rows_affected() == 0 {
        return Ok(Noted::Lost);
    }
    if tried.end != End::Dropped {
        note_try(&mut *db, claimed, tried).await?;
        judge(db, claimed.webhook, &tried.end, asked, id).await?;
    }
    Ok(Noted::Here)
}

const GONE: &str = "It answered 410: it wants nothing any more.";
const HOPELESS_SAID: &str = "Nothing has arrived there for five days.";

/// How long until the next try, after so many; none where it is not tried any more. `chance` spreads what failed together.
fn pause_after(attempts: i32, chance: u8) -> Option<Duration> {
    let seconds = usize::try_from(attempts - 1).ok().and_then(|at| PAUSES.get(at))?;
    Some(Duration::from_secs(*seconds).mul_f64(1.0 + f64::from(chance) / 1280.0))
}

async fn note_try(db: &mut PgConnection, claimed: &Claimed, tried: &Tried) -> Result<()> {
    sqlx::query!(
        "insert into webhook_tries (delivery, at, status, took_ms, said) values ($1, clock_timestamp(), $2, $3, $4)",
        claimed.n,
        tried.status.and_then(|status| i16::try_from(status).ok()),
        i32::try_from(tried.took.as_millis()).unwrap_or(i32::MAX),
        tried.said.chars().take(200).collect::<String>(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a try says of its endpoint: it does well; or it is to be left alone for a while, or for good.
async fn judge(
    db: &mut PgConnection,
    webhook: Uuid,
    end: &End,
    asked: Option<Duration>,
    id: impl Fn() -> Uuid,
) -> Result<()> {
    if *end == End::Delivered {
        sqlx::query!(
            "update webhooks set failures = 0, failing_since = null, rests_until = null where id = $1 and failures > 0",
            webhook,
        )
        .execute(db)
        .await?;
        return Ok(());
    }
    let (long, often) = HOPELESS;
    let hopeless = sqlx::query_scalar!(
        r#"update webhooks set failures = failures + 1, failing_since = coalesce(failing_since, now()),
                  rests_until = greatest(rests_until, now() + make_interval(secs => greatest($4::float8,
                      case when failures + 1 >= $2 then least(2 ^ least(failures + 1 - $2, 16), $3) else 0 end)))
            where id = $1
        returning failures >= $5 and failing_since < now() - make_interval(secs => $6) as "hopeless!""#,
        webhook,
        PATIENCE,
        LONGEST_REST.as_secs_f64(),
        asked.unwrap_or_default().as_secs_f64(),
        often,
        long.as_secs_f64(),
    );
    let hopeless = hopeless.fetch_optional(&mut *db).await?.unwrap_or_default();
    let why = match end {
        End::Gone => GONE,
        _ if hopeless => HOPELESS_SAID,
        _ => return Ok(()),
    };
    if give_up(&mut *db, webhook, Some(why)).await? {
        announce(db, webhook, id).await?;
    }
    Ok(())
}

/// Tells whoever made the endpoint that it is disabled; the owners, where that was a partner or is nobody here any more.
async fn announce(db: &mut PgConnection, webhook: Uuid, id: impl Fn() -> Uuid) -> Result<()> {
    let made_by = sqlx::query_scalar!("select made_by from webhooks where id = $1", webhook);
    let maker = match made_by.fetch_one(&mut *db).await? {
        Some(maker) => found(staff::for_mail(&mut *db, maker).await)?.map(|to| (maker, to.email)),
        None => None,
    };
    let told = match maker {
        Some(maker) => vec![maker],
        None => {
            let owners = staff::owners(&mut *db).await?;
            owners.into_iter().map(|owner| (owner.id, owner.email)).collect()
        }
    };
    for (staff, email) in told {
        let new = outbox::New {
            id: id(),
            job: &Job::Mail(Mail::WebhookDisabled { webhook, staff }),
            cause: format!("webhook:{webhook}"),
            recipient: Some(&email),
            once: None,
            not_before: None,
        };
        outbox::put(&mut *db, &new).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_for_more_than_three_days_ever_more_seldom_and_then_no_more() {
        for chance in [0, 255] {
            let pauses: Vec<_> = (1..20).map_while(|tries| pause_after(tries, chance)).collect();
            assert_eq!(pauses.len(), PAUSES.len());
            assert!(pauses.is_sorted());
            let all: Duration = pauses.iter().sum();
            assert!(
                all > Duration::from_secs(3 * 24 * 3600)
                    && all < Duration::from_secs(4 * 24 * 3600)
            );
        }
        assert!(pause_after(1, 255) > pause_after(1, 0));
        assert_eq!(pause_after(0, 0), None);
    }
}
