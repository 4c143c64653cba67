//! Posts as everyone sees them: published, and their time has come.
//!
//! A text that is not for everyone comes out of here in two ways alone: to a reader it is for, and to whoever puts it behind
//! a gate ([`Post::to_be_gated`]).
//!
//! A post whose time is still to come changes these reads when it comes, with nobody writing anything. So each of them
//! says for how long it will stay true.

use super::{Audience, Reader, Status, Topic, audience};
use crate::error::{Absence, Found, Result};
use crate::services::events::Entitled;
use crate::services::input::Timestamp;
use crate::tags::{Read, Tag};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use std::time::Duration;
use templates::markdown;
use time::OffsetDateTime;
use uuid::Uuid;

/// A published post in a list.
#[derive(Debug)]
pub struct Card {
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
    /// How many words its text has.
    pub words: usize,
    /// Whom that is for.
    pub audience: Audience,
    /// Its topic's slug.
    pub topic: String,
    /// Its topic's name.
    pub topic_name: String,
    /// When it appeared.
    pub published_at: OffsetDateTime,
}

struct CardRow {
    slug: String,
    title: String,
    summary: String,
    body: String,
    audience: Audience,
    topic: String,
    topic_name: String,
    published_at: OffsetDateTime,
}

impl From<CardRow> for Card {
    fn from(row: CardRow) -> Self {
        Self {
            words: markdown::words(&row.body),
            slug: row.slug,
            title: row.title,
            summary: row.summary,
            audience: row.audience,
            topic: row.topic,
            topic_name: row.topic_name,
            published_at: row.published_at,
        }
    }
}

/// A part of a list that is read page by page.
#[derive(Debug)]
pub struct Listing {
    /// What stands on this page.
    pub cards: Vec<Card>,
    /// How many pages there are; at least one.
    pub last: u32,
}

/// Another post to go on to.
#[derive(Debug)]
pub struct Neighbour {
    /// Its place in the address.
    pub slug: String,
    /// Its heading.
    pub title: String,
}

/// A published post.
#[derive(Debug)]
pub struct Post {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
    /// Markdown.
    body: String,
    /// Whom that is for.
    pub audience: Audience,
    /// Its topic's slug.
    pub topic: String,
    /// Its topic's name.
    pub topic_name: String,
    /// When it appeared.
    pub published_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
    /// The one published before it.
    pub older: Option<Neighbour>,
    /// The one published after it.
    pub newer: Option<Neighbour>,
}

impl Post {
    /// Its text in Markdown, where everyone may read it.
    pub fn text(&self) -> Option<&str> {
        self.audience.admits(self.id, &Reader::Stranger).then_some(self.body.as_str())
    }

    /// Its text in Markdown, for whoever shows it behind a gate, to those whom it is for.
    pub fn to_be_gated(&self) -> &str {
        &self.body
    }

    /// What those see of it whom it is not for.
    pub fn beginning(&self) -> String {
        audience::beginning(&self.summary, &self.body)
    }

    /// How many words it has.
    pub fn words(&self) -> usize {
        markdown::words(&self.body)
    }
}

/// Published posts, newest first: page `number`, counted from 1, of `size` each; of one topic or of all.
///
/// There is nothing after the last page.
///
/// # Errors
/// As any statement.
pub async fn published(
    db: &mut PgConnection,
    topic: Option<&Topic>,
    number: u32,
    size: u32,
) -> Result<Read<Found<Listing>>> {
    let topic = topic.map(|topic| topic.slug.as_str());
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from posts where status = 'published' and published_at <= now() and ($1::text is null or topic = $1)"#,
        topic,
    )
    .fetch_one(&mut *db)
    .await?;
    let last = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(size).max(1);
    let list = topic.map_or(Tag::Posts, |slug| Tag::Topic(slug.to_owned()));
    let tags = [list, Tag::Topics];
    if number == 0 || number > last {
        return Ok(Read::new(Err(Absence::NotFound), tags).true_for(upcoming(db).await?));
    }
    let cards = sqlx::query_as!(
        CardRow,
        r#"select posts.slug, title, summary, body, audience as "audience: Audience", topic, topics.name as topic_name,
                  published_at as "published_at!"
             from posts join topics on topics.slug = topic
            where status = 'published' and published_at <= now() and ($1::text is null or topic = $1)
            order by published_at desc, id desc offset $2 limit $3"#,
        topic,
        i64::from((number - 1) * size),
        i64::from(size),
    )
    .fetch_all(&mut *db)
    .await?;
    let cards = cards.into_iter().map(Card::from).collect();
    Ok(Read::new(Ok(Listing { cards, last }), tags).true_for(upcoming(db).await?))
}

/// The published post at `slug`, and those before and after it.
///
/// # Errors
/// As any statement.
pub async fn by_slug(db: &mut PgConnection, slug: &str) -> Result<Read<Found<Post>>> {
    let row = sqlx::query!(
        r#"select posts.id, posts.slug, posts.title, summary, body, audience as "audience: Audience", topic,
                  topics.name as topic_name, case when status = 'published' and published_at > now() then 'scheduled' else status end
                      as "status!: Status", published_at, updated_at, older.slug as "older_slug?", older.title as "older_title?",
                  newer.slug as "newer_slug?", newer.title as "newer_title?"
             from post_slugs join posts on posts.id = post_id join topics on topics.slug = topic
             left join lateral (select o.slug, o.title from posts o where o.status = 'published'
                 and (o.published_at, o.id) < (posts.published_at, posts.id)
                 order by o.published_at desc, o.id desc limit 1) older on true
             left join lateral (select n.slug, n.title from posts n where n.status = 'published' and n.published_at <= now()
                 and (n.published_at, n.id) > (posts.published_at, posts.id)
                 order by n.published_at, n.id limit 1) newer on true
            where post_slugs.slug = $1"#,
        slug,
    )
    .fetch_optional(&mut *db)
    .await?;
    let mut tags = vec![Tag::Slug(slug.to_owned())];
    let Some(row) = row else { return Ok(Read::new(Err(Absence::NotFound), tags)) };
    tags.push(Tag::Post(row.id));
    let until = upcoming(db).await?;
    let published_at = match (row.status, row.published_at) {
        (Status::Published, Some(at)) if row.slug == slug => Ok(at),
        (Status::Published, Some(_)) => Err(Absence::Moved(templates::paths::post(&row.slug))),
        (Status::Archived, _) => Err(Absence::Gone(row.title.clone())),
        _ => Err(Absence::NotFound),
    };
    let published_at = match published_at {
        Ok(at) => at,
        Err(absence) => return Ok(Read::new(Err(absence), tags).true_for(until)),
    };
    tags.extend([Tag::Posts, Tag::Topics]);
    let neighbour = |slug: Option<String>, title: Option<String>| {
        slug.zip(title).map(|(slug, title)| Neighbour { slug, title })
    };
    let post = Post {
        id: row.id,
        slug: row.slug,
        title: row.title,
        summary: row.summary,
        body: row.body,
        audience: row.audience,
        topic: row.topic,
        topic_name: row.topic_name,
        published_at,
        updated_at: row.updated_at,
        older: neighbour(row.older_slug, row.older_title),
        newer: neighbour(row.newer_slug, row.newer_title),
    };
    Ok(Read::new(Ok(post), tags).true_for(until))
}

/// Up to three other posts on the same topic, those published nearest to it first.
///
/// # Errors
/// As any statement.
pub async fn related(db: &mut PgConnection, to: &Post) -> Result<Read<Vec<Card>>> {
    let cards = sqlx::query_as!(
        CardRow,
        r#"select near.slug as "slug!", title as "title!", summary as "summary!", body as "body!",
                  audience as "audience!: Audience", topic as "topic!", topics.name as topic_name, published_at as "published_at!"
             from ((select * from posts where status = 'published' and topic = $1
                      and (published_at, id) < ($2, $3) order by published_at desc, id desc limit 3)
                   union all
                   (select * from posts where status = 'published' and published_at <= now() and topic = $1
                      and (published_at, id) > ($2, $3) order by published_at, id limit 3)) near
             join topics on topics.slug = topic
            order by abs(extract(epoch from published_at - $2)), near.id limit 3"#,
        to.topic,
        to.published_at,
        to.id,
    )
    .fetch_all(&mut *db)
    .await?;
    let cards: Vec<Card> = cards.into_iter().map(Card::from).collect();
    let tags = [Tag::Topic(to.topic.clone()), Tag::Topics];
    Ok(Read::new(cards, tags).true_for(upcoming(db).await?))
}

/// All topics that have a published post, by name.
///
/// # Errors
/// As any statement.
pub async fn topics(db: &mut PgConnection) -> Result<Read<Vec<Topic>>> {
    let topics = sqlx::query_as!(
        Topic,
        "select slug, name, description from topics
          where exists (select from posts where topic = topics.slug and status = 'published' and published_at <= now())
          order by name"
    );
    let topics = topics.fetch_all(&mut *db).await?;
    Ok(Read::new(topics, [Tag::Topics, Tag::Posts]).true_for(upcoming(db).await?))
}

/// The topic at `slug`.
///
/// # Errors
/// As any statement.
pub async fn topic(db: &mut PgConnection, slug: &str) -> Result<Read<Found<Topic>>> {
    let topic =
        sqlx::query_as!(Topic, "select slug, name, description from topics where slug = $1", slug)
            .fetch_optional(db)
            .await?;
    Ok(Read::new(topic.ok_or(Absence::NotFound), [Tag::Topic(slug.to_owned())]))
}

/// A published post as programs read it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Published {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
    /// Markdown; none where it is not for whoever asks.
    pub body: Option<String>,
    /// Its topic's name.
    pub topic: String,
    /// Published.
    pub status: Status,
    /// Whom its text is for.
    pub audience: Audience,
    /// When it appeared.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schemars(with = "Option<Timestamp>")]
    pub published_at: Option<OffsetDateTime>,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Timestamp")]
    pub updated_at: OffsetDateTime,
}

/// Up to `limit` published posts, of one topic or of all, newest first, after the one called `after`, as this reader may have
/// them.
///
/// # Errors
/// As any statement.
pub async fn published_after(
    db: &mut PgConnection,
    reader: &Reader<'_>,
    topic: Option<&str>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Published>> {
    // One plan cannot serve every combination of filters; have it made for the one at hand.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *db).await?;
    let found = sqlx::query_as!(
        Published,
        r#"select posts.id, posts.slug, title, summary, body as "body?", topics.name as topic, status as "status: Status",
                  audience as "audience: Audience", published_at, updated_at
             from posts join topics on topics.slug = topic
            where status = 'published' and published_at <= now() and ($1::uuid is null
                   or (published_at, id) < (select published_at, id from posts where id = $1))
              and ($3::text is null or topic = $3)
            order by published_at desc, id desc limit $2"#,
        after,
        limit,
        topic,
    )
    .fetch_all(db)
    .await?;
    Ok(found.into_iter().map(|post| post.read_by(reader)).collect())
}

/// Those of `ids` that are published, for whoever is told of them.
///
/// # Errors
/// As any statement.
pub async fn told(db: &mut PgConnection, to: &Entitled, ids: &[Uuid]) -> Result<Vec<Published>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query_as!(
        Published,
        r#"select posts.id, posts.slug, title, summary, body as "body?", topics.name as topic, status as "status: Status",
                  audience as "audience: Audience", published_at, updated_at
             from posts join topics on topics.slug = topic
            where posts.id = any($1) and status = 'published' and published_at <= now()"#,
        ids,
    );
    let found = found.fetch_all(db).await?;
    Ok(found.into_iter().map(|post| post.read_by(&Reader::Told(to))).collect())
}

impl Published {
    /// The post, as this reader may have it.
    pub fn of(post: Post, reader: &Reader<'_>) -> Self {
        let whole = Self {
            id: post.id,
            slug: post.slug,
            title: post.title,
            summary: post.summary,
            body: Some(post.body),
            topic: post.topic_name,
            status: Status::Published,
            audience: post.audience,
            published_at: Some(post.published_at),
            updated_at: post.updated_at,
        };
        whole.read_by(reader)
    }

    fn read_by(self, reader: &Reader<'_>) -> Self {
        Self { body: self.body.filter(|_| self.audience.admits(self.id, reader)), ..self }
    }
}

/// How long it takes until the next scheduled post appears.
async fn upcoming(db: &mut PgConnection) -> Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from min(published_at) - now())::float8 from posts
            where status = 'published' and published_at > now()"#
    );
    let seconds = seconds.fetch_one(db).await?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}
