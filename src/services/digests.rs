//! Digests: what is new, in one mail a day or a week, to those who want it so.
//!
//! A digest tells of everything between the last one and seven in the morning, where its reader is: of today, or of this
//! week's Monday. Up to when somebody has been told stands beside them and moves on in the transaction that writes the
//! mail down, so whatever crashes, and however often anyone looks, nobody is told twice or skipped. Where nothing is new
//! there is no mail.

use crate::error::Result;
use crate::jobs::Job;
use crate::mail::{Mail, Person};
use crate::services::batches::{self, Batch};
use crate::services::leads::Status;
use crate::services::outbox::New;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// How many people are looked at in one transaction.
const AT_ONCE: i64 = 500;

/// What a digest is about: what has happened after `since`, until `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Not this moment itself.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// This one too.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
}

/// How far a round has come.
#[derive(Debug, Default)]
pub struct Round {
    /// How many mails were written down.
    pub queued: usize,
    /// Whether there may be others to look at.
    pub more: bool,
}

/// Somebody whose time has come.
struct Due {
    id: Uuid,
    email: String,
    since: OffsetDateTime,
    until: OffsetDateTime,
    has_news: bool,
}

/// Writes digests of posts down for the next subscribers whose time has come. `id` makes ids.
///
/// # Errors
/// As any statement.
pub async fn of_posts(
    db: &mut PgConnection,
    id: impl Fn() -> Uuid,
    now: OffsetDateTime,
) -> Result<Round> {
    let due = sqlx::query_as!(
        Due,
        r#"with due as (
               select subscribers.id, digest_from as since, boundary from subscribers,
                      lateral (select ($1::timestamptz at time zone time_zone) - interval '7 hours' as here) local,
                      lateral (select (date_trunc(case digest when 'daily' then 'day' else 'week' end, here)
                                       + interval '7 hours') at time zone time_zone as boundary) period
                where status = 'confirmed' and digest <> 'none' and digest_from < boundary
                order by subscribers.id limit $2 for update of subscribers skip locked)
           update subscribers set digest_from = boundary from due where subscribers.id = due.id
           returning subscribers.id, email, since as "since!", boundary as "until!",
                     exists (select from posts where posts.status = 'published' and published_at > since
                                and published_at <= boundary
                                and (all_topics or topic in (select subscriber_topics.topic from subscriber_topics
                                                              where subscriber_id = subscribers.id))) as "has_news!""#,
        now,
        AT_ONCE,
    )
    .fetch_all(&mut *db)
    .await?;
    let mail = |due: &Due| Mail::Digest { subscriber: due.id, window: due.window() };
    put(db, id, &due, "digest", mail).await
}

/// Writes digests of leads down for the staff who want them and whose time has come: seven in the morning or, where that is
/// quiet for them, when it is not any more.
///
/// # Errors
/// As any statement.
pub async fn of_leads(
    db: &mut PgConnection,
    id: impl Fn() -> Uuid,
    now: OffsetDateTime,
) -> Result<Round> {
    // The last such moment: that of a morning some days ago, as quiet hours may last for two days where the clock is changed.
    let due = sqlx::query_as!(
        Due,
        r#"with due as (
               select staff.id, email, digest_from as since, boundary from staff join accounts using (id),
                      lateral (select max(told) as boundary from generate_series(0, 3) as days_ago,
                          lateral (select (date_trunc('day', $1::timestamptz at time zone time_zone)
                                           - make_interval(days => days_ago) + interval '7 hours') at time zone time_zone as seven) morning,
                          lateral (select coalesce(quiet_ends(seven, time_zone, quiet_from, quiet_until), seven) as told) quiet
                        where told <= $1) period
                where active and digest_leads and digest_from < boundary
                order by staff.id limit $2 for update of staff skip locked)
           update staff set digest_from = boundary from due where staff.id = due.id
           returning staff.id, due.email, since as "since!", boundary as "until!",
                     exists (select from leads where leads.status <> 'spam' and not leads.test and leads.created_at > since
                                and leads.created_at <= boundary) as "has_news!""#,
        now,
        AT_ONCE,
    )
    .fetch_all(&mut *db)
    .await?;
    let mail = |due: &Due| Mail::LeadDigest { staff: due.id, window: due.window() };
    put(db, id, &due, "staff-digest", mail).await
}

impl Due {
    fn window(&self) -> Window {
        Window { since: self.since, until: self.until }
    }
}

async fn put(
    db: &mut PgConnection,
    id: impl Fn() -> Uuid,
    due: &[Due],
    effect: &str,
    mail: impl Fn(&Due) -> Mail,
) -> Result<Round> {
    let with_news: Vec<&Due> = due.iter().filter(|due| due.has_news).collect();
    let jobs: Vec<Job> = with_news.iter().map(|due| Job::Mail(mail(due))).collect();
    let rows = with_news.iter().zip(&jobs).map(|(due, job)| New {
        id: id(),
        job,
        cause: effect.to_owned(),
        recipient: Some(&due.email),
        once: Some(format!("{effect}:{}:{}", due.id, due.until.unix_timestamp())),
        not_before: None,
    });
    batches::put(db, &Batch::default(), &rows.collect::<Vec<_>>()).await?;
    let more = i64::try_from(due.len()).is_ok_and(|count| count == AT_ONCE);
    Ok(Round { queued: with_news.len(), more })
}

/// A post in a digest.
#[derive(Debug)]
pub struct Post {
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
}

/// What a digest tells a subscriber, the newest first; nothing where they do not want it any more.
///
/// # Errors
/// As any statement.
pub async fn posts(db: &mut PgConnection, reader: Uuid, window: &Window) -> Result<Vec<Post>> {
    Ok(sqlx::query_as!(
        Post,
        "select posts.slug, title, summary from posts, subscribers
          where subscribers.id = $1 and subscribers.status = 'confirmed' and digest <> 'none'
            and posts.status = 'published' and published_at > $2 and published_at <= $3
            and (all_topics or topic in (select subscriber_topics.topic from subscriber_topics where subscriber_id = $1))
          order by published_at desc, posts.id desc limit 100",
        reader,
        window.since,
        window.until,
    )
    .fetch_all(db)
    .await?)
}

/// A lead in a digest.
#[derive(Debug)]
pub struct Lead {
    /// Who writes.
    pub name: String,
    /// For whom.
    pub company: Option<String>,
    /// The beginning of what they want.
    pub message: String,
    /// How far staff have come.
    pub status: Status,
}

/// What a digest tells a member of staff, and whom; none where they do not want it any more.
///
/// # Errors
/// As any statement.
pub async fn leads(
    db: &mut PgConnection,
    staff: Uuid,
    window: &Window,
) -> Result<Option<(Person, Vec<Lead>)>> {
    let to = sqlx::query_as!(
        Person,
        "select name, email from staff join accounts using (id) where id = $1 and active and digest_leads",
        staff,
    );
    let Some(to) = to.fetch_optional(&mut *db).await? else { return Ok(None) };
    let leads = sqlx::query_as!(
        Lead,
        r#"select name, company, left(message, 200) as "message!", status as "status: Status" from leads
            where status <> 'spam' and not test and created_at > $1 and created_at <= $2 order by id desc limit 100"#,
        window.since,
        window.until,
    );
    let leads = leads.fetch_all(db).await?;
    Ok((!leads.is_empty()).then_some((to, leads)))
}
