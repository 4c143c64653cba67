//! Posts and their topics.
//!
//! Every slug a post ever had keeps leading to it; another post cannot take one. What is withdrawn says so. Which pages
//! a change touches is not said here but beside the tables (`migrations/`), so that a person in psql need not know.

use crate::error::{Error, OnConstraint, Result};
use crate::policies::Operator;
use crate::services::input::{self, Valid};
use crate::services::keys::{Partner, PostsWrite};
use crate::services::sessions::Staff;
use crate::tags::{Read, Tag};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// Who may see a post.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// Staff.
    #[default]
    Draft,
    /// Everyone.
    Published,
    /// Nobody: it was withdrawn.
    Archived,
}

impl Status {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Archived => "archived",
        }
    }
}

/// Who writes posts, and their proof.
#[derive(Debug)]
pub enum Author<'a> {
    /// Staff, in the editor.
    Staff(&'a Staff),
    /// A program.
    Partner(&'a Partner<PostsWrite>),
    /// The operator.
    Operator(&'a Operator),
}

/// A post as it is written, in the fields of the editor and of the API alike.
#[derive(Debug, Clone, Deserialize, Validate)]
pub struct Draft {
    /// The heading.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 1, max = 200, message = "Enter a title of at most 200 characters."),
        custom(function = "input::one_line")
    )]
    pub title: String,
    /// Its place in the address; made from the title where none is given.
    #[serde(default, deserialize_with = "input::optional_line")]
    #[validate(custom(function = "slug_form"))]
    pub slug: Option<String>,
    /// One sentence for lists.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(max = 300, message = "Shorten the summary to at most 300 characters."),
        custom(function = "input::one_line")
    )]
    pub summary: String,
    /// The name of a topic; a new name is a new topic.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(
            min = 1,
            max = 60,
            message = "Choose a topic, or name a new one in at most 60 characters."
        ),
        custom(function = "topic_form")
    )]
    pub topic: String,
    /// Markdown.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(
        length(min = 1, max = 200_000, message = "Write a text of at most 200,000 characters."),
        custom(function = "input::many_lines")
    )]
    pub body: String,
    /// Who may see it.
    #[serde(default)]
    pub status: Status,
}

fn slug_form(slug: &str) -> Result<(), ValidationError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let words = slug.split('-').all(|word| !word.is_empty() && word.chars().all(allowed));
    if words && slug.len() <= 100 {
        return Ok(());
    }
    Err(ValidationError::new("slug").with_message(
        "Use lower-case letters, digits and single hyphens, at most 100 characters.".into(),
    ))
}

fn topic_form(topic: &str) -> Result<(), ValidationError> {
    input::one_line(topic)?;
    if slug::slugify(topic).is_empty() {
        return Err(ValidationError::new("topic")
            .with_message("Name the topic with letters or digits.".into()));
    }
    Ok(())
}

/// A topic.
#[derive(Debug, Clone, Serialize)]
pub struct Topic {
    /// Its place in the address.
    pub slug: String,
    /// What people read.
    pub name: String,
    /// A sentence about it.
    pub description: String,
}

/// A published post in a list.
#[derive(Debug)]
pub struct Card {
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
    /// Markdown.
    pub body: String,
    /// Its topic's slug.
    pub topic: String,
    /// Its topic's name.
    pub topic_name: String,
    /// When it appeared.
    pub published_at: OffsetDateTime,
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
    pub body: String,
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

/// Published posts, newest first: page `number`, counted from 1, of `size` each; of one topic or of all.
///
/// # Errors
/// [`Error::NotFound`] for a page after the last.
pub async fn published(
    db: &mut PgConnection,
    topic: Option<&Topic>,
    number: u32,
    size: u32,
) -> Result<Read<Listing>> {
    let topic = topic.map(|topic| topic.slug.as_str());
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from posts where status = 'published' and ($1::text is null or topic = $1)"#,
        topic,
    )
    .fetch_one(&mut *db)
    .await?;
    let last = u32::try_from(total).unwrap_or(u32::MAX).div_ceil(size).max(1);
    if number == 0 || number > last {
        return Err(Error::NotFound);
    }
    let cards = sqlx::query_as!(
        Card,
        "select posts.slug, title, summary, body, topic, topics.name as topic_name, published_at as \"published_at!\"
           from posts join topics on topics.slug = topic
          where status = 'published' and ($1::text is null or topic = $1)
          order by published_at desc, id desc offset $2 limit $3",
        topic,
        i64::from((number - 1) * size),
        i64::from(size),
    )
    .fetch_all(db)
    .await?;
    let list = topic.map_or(Tag::Posts, |slug| Tag::Topic(slug.to_owned()));
    Ok(Read::new(Listing { cards, last }, [list, Tag::Topics]))
}

/// The published post at `slug`, and those before and after it.
///
/// # Errors
/// [`Error::Moved`] where it has another slug now, [`Error::Gone`] where it was withdrawn, [`Error::NotFound`].
pub async fn by_slug(db: &mut PgConnection, slug: &str) -> Result<Read<Post>> {
    let row = sqlx::query!(
        r#"select posts.id, posts.slug, posts.title, summary, body, topic, topics.name as topic_name,
                  status as "status: Status", published_at, updated_at,
                  older.slug as "older_slug?", older.title as "older_title?",
                  newer.slug as "newer_slug?", newer.title as "newer_title?"
             from post_slugs join posts on posts.id = post_id join topics on topics.slug = topic
             left join lateral (select o.slug, o.title from posts o where o.status = 'published'
                 and (o.published_at, o.id) < (posts.published_at, posts.id)
                 order by o.published_at desc, o.id desc limit 1) older on true
             left join lateral (select n.slug, n.title from posts n where n.status = 'published'
                 and (n.published_at, n.id) > (posts.published_at, posts.id)
                 order by n.published_at, n.id limit 1) newer on true
            where post_slugs.slug = $1"#,
        slug,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)?;
    let published_at = match (row.status, row.published_at) {
        (Status::Published, Some(at)) => at,
        (Status::Archived, _) => return Err(Error::Gone(row.title)),
        _ => return Err(Error::NotFound),
    };
    if row.slug != slug {
        return Err(Error::Moved(templates::paths::post(&row.slug)));
    }
    let neighbour = |slug: Option<String>, title: Option<String>| {
        slug.zip(title).map(|(slug, title)| Neighbour { slug, title })
    };
    let tags = [Tag::Post(row.id), Tag::Posts, Tag::Topics];
    let post = Post {
        id: row.id,
        slug: row.slug,
        title: row.title,
        summary: row.summary,
        body: row.body,
        topic: row.topic,
        topic_name: row.topic_name,
        published_at,
        updated_at: row.updated_at,
        older: neighbour(row.older_slug, row.older_title),
        newer: neighbour(row.newer_slug, row.newer_title),
    };
    Ok(Read::new(post, tags))
}

/// Up to three other posts on the same topic, those published nearest to it first.
///
/// # Errors
/// As any statement.
pub async fn related(db: &mut PgConnection, to: &Post) -> Result<Read<Vec<Card>>> {
    let cards = sqlx::query_as!(
        Card,
        r#"select near.slug as "slug!", title as "title!", summary as "summary!", body as "body!", topic as "topic!",
                  topics.name as topic_name, published_at as "published_at!"
             from ((select * from posts where status = 'published' and topic = $1
                      and (published_at, id) < ($2, $3) order by published_at desc, id desc limit 3)
                   union all
                   (select * from posts where status = 'published' and topic = $1
                      and (published_at, id) > ($2, $3) order by published_at, id limit 3)) near
             join topics on topics.slug = topic
            order by abs(extract(epoch from published_at - $2)), near.id limit 3"#,
        to.topic,
        to.published_at,
        to.id,
    )
    .fetch_all(db)
    .await?;
    Ok(Read::new(cards, [Tag::Topic(to.topic.clone()), Tag::Topics]))
}

/// All topics that have a published post, by name.
///
/// # Errors
/// As any statement.
pub async fn topics(db: &mut PgConnection) -> Result<Read<Vec<Topic>>> {
    let topics = sqlx::query_as!(
        Topic,
        "select slug, name, description from topics
          where exists (select from posts where topic = topics.slug and status = 'published') order by name"
    );
    Ok(Read::new(topics.fetch_all(db).await?, [Tag::Topics, Tag::Posts]))
}

/// Names of all topics, for the editor.
///
/// # Errors
/// As any statement.
pub async fn topic_names(db: &mut PgConnection, _by: &Staff) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("select name from topics order by name").fetch_all(db).await?)
}

/// The topic at `slug`.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn topic(db: &mut PgConnection, slug: &str) -> Result<Read<Topic>> {
    let topic =
        sqlx::query_as!(Topic, "select slug, name, description from topics where slug = $1", slug)
            .fetch_optional(db)
            .await?
            .ok_or(Error::NotFound)?;
    Ok(Read::new(topic, [Tag::Topic(slug.to_owned())]))
}

/// A post as programs see it.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// One sentence, or empty.
    pub summary: String,
    /// Markdown.
    pub body: String,
    /// Its topic's name.
    pub topic: String,
    /// Who may see it.
    pub status: Status,
    /// When it appeared.
    #[serde(with = "time::serde::rfc3339::option")]
    pub published_at: Option<OffsetDateTime>,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

impl From<Post> for Summary {
    fn from(post: Post) -> Self {
        Self {
            id: post.id,
            slug: post.slug,
            title: post.title,
            summary: post.summary,
            body: post.body,
            topic: post.topic_name,
            status: Status::Published,
            published_at: Some(post.published_at),
            updated_at: post.updated_at,
        }
    }
}

/// Up to `limit` published posts, newest first, after the one called `after`.
///
/// # Errors
/// As any statement.
pub async fn published_after(
    db: &mut PgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Summary>> {
    Ok(sqlx::query_as!(
        Summary,
        r#"select posts.id, posts.slug, title, summary, body, topics.name as topic, status as "status: Status",
                  published_at, updated_at
             from posts join topics on topics.slug = topic
            where status = 'published' and ($1::uuid is null
                   or (published_at, id) < (select published_at, id from posts where id = $1))
            order by published_at desc, id desc limit $2"#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// A post in the staff's list.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// UUID v7.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: String,
    /// The heading.
    pub title: String,
    /// Its topic's name.
    pub topic: String,
    /// Who may see it.
    pub status: Status,
    /// When it was last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Up to `limit` posts of any status, the last made first, older than `before`.
///
/// # Errors
/// As any statement.
pub async fn list(
    db: &mut PgConnection,
    _by: &Author<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select posts.id, posts.slug, title, topics.name as topic, status as "status: Status", updated_at
             from posts join topics on topics.slug = topic
            where $1::uuid is null or posts.id < $1 order by posts.id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await?)
}

/// The post `id` as it is stored, for whoever may write it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn stored(db: &mut PgConnection, _by: &Author<'_>, id: Uuid) -> Result<Summary> {
    sqlx::query_as!(
        Summary,
        r#"select posts.id, posts.slug, title, summary, body, topics.name as topic, status as "status: Status",
                  published_at, updated_at
             from posts join topics on topics.slug = topic where posts.id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// Writes a new post, with `id`.
///
/// # Errors
/// [`Error::Invalid`] where the slug belongs to another post, or none can be made from the title.
pub async fn create(
    db: &mut PgConnection,
    _by: &Author<'_>,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<Summary> {
    let slug = slug_of(draft)?;
    let topic = settle_topic(db, &draft.topic).await?;
    sqlx::query_as!(
        Summary,
        r#"insert into posts (id, slug, title, summary, body, topic, status, published_at)
           values ($1, $2, $3, $4, $5, $6, $7, case when $7 <> 'draft' then now() end)
           returning id, slug, title, summary, body, (select name from topics where topics.slug = topic) as "topic!",
                     status as "status: Status", published_at, updated_at"#,
        id,
        slug,
        draft.title,
        draft.summary,
        draft.body,
        topic,
        draft.status as Status,
    )
    .fetch_one(db)
    .await
    .on_constraint("posts_slug_key", slug_taken)
}

/// Writes the post `id` anew. Its time of publication is that of the first time.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where the slug belongs to another post.
pub async fn update(
    db: &mut PgConnection,
    _by: &Author<'_>,
    id: Uuid,
    draft: &Valid<Draft>,
) -> Result<Summary> {
    let slug = slug_of(draft)?;
    let topic = settle_topic(db, &draft.topic).await?;
    sqlx::query_as!(
        Summary,
        r#"update posts set slug = $2, title = $3, summary = $4, body = $5, topic = $6, status = $7,
                  published_at = case when $7 = 'draft' then published_at else coalesce(published_at, now()) end
            where id = $1
           returning id, slug, title, summary, body, (select name from topics where topics.slug = topic) as "topic!",
                     status as "status: Status", published_at, updated_at"#,
        id,
        slug,
        draft.title,
        draft.summary,
        draft.body,
        topic,
        draft.status as Status,
    )
    .fetch_optional(db)
    .await
    .on_constraint("posts_slug_key", slug_taken)?
    .ok_or(Error::NotFound)
}

fn slug_taken() -> Error {
    Error::field("slug", "Another post has, or once had, this address. Choose another.")
}

fn slug_of(draft: &Draft) -> Result<String> {
    if let Some(slug) = &draft.slug {
        return Ok(slug.clone());
    }
    let mut slug = slug::slugify(&draft.title);
    slug.truncate(100);
    let slug = slug.trim_matches('-');
    if slug.is_empty() {
        return Err(Error::field("slug", "Give an address: none can be made from this title."));
    }
    Ok(slug.to_owned())
}

/// The slug of the topic called `name`, which is made where there is none.
async fn settle_topic(db: &mut PgConnection, name: &str) -> Result<String> {
    let known = sqlx::query_scalar!("select slug from topics where lower(name) = lower($1)", name);
    if let Some(slug) = known.fetch_optional(&mut *db).await? {
        return Ok(slug);
    }
    let slug = slug::slugify(name);
    sqlx::query!(
        "insert into topics (slug, name) values ($1, $2) on conflict (slug) do nothing",
        slug,
        name
    )
    .execute(db)
    .await
    .on_constraint("topics_name_key", || {
        Error::field("topic", "There is a topic of this name already, written differently.")
    })?;
    Ok(slug)
}
