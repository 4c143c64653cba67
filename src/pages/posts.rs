//! Posts as visitors read them.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{CachedPage, PageNumber};
use crate::policies::Anyone;
use crate::services::posts::{self, Audience};
use crate::services::settings;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::posts::{Card, Link, Pages, Post, Text, Topic};
use templates::{View, Whom, format, paths};

/// How many posts stand on one page of a list.
pub const PER_PAGE: u32 = 10;

/// `/posts`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/posts";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Index {
    type At = ();
    type Query = PageNumber;

    fn address((): &(), page: &PageNumber) -> String {
        paths::posts_page(page.0)
    }

    async fn view(
        db: &mut PgConnection,
        (): &(),
        &PageNumber(number): &PageNumber,
        seen: &mut Dependencies,
    ) -> Result<View> {
        let listing = seen.find(posts::published(db, None, number, PER_PAGE).await?)?;
        let topics = seen.track(posts::topics(db).await?);
        let cards: Vec<Card<'_>> = listing.cards.iter().map(Into::into).collect();
        let topics: Vec<Topic<'_>> = topics.iter().map(Into::into).collect();
        Ok(templates::posts::index(&cards, &topics, Pages { number, last: listing.last }))
    }
}

/// `/posts/{slug}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/posts/{slug}";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Show {
    type At = String;
    type Query = ();

    fn address(slug: &String, (): &()) -> String {
        paths::post(slug)
    }

    async fn view(
        db: &mut PgConnection,
        slug: &String,
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        one(db, slug, seen).await
    }
}

/// The page of one post.
///
/// # Errors
/// What is not there.
pub async fn one(db: &mut PgConnection, slug: &str, seen: &mut Dependencies) -> Result<View> {
    let post = seen.find(posts::by_slug(db, slug).await?)?;
    let related = seen.track(posts::related(db, &post).await?);
    let free = match post.audience {
        Audience::Paid => seen.track(settings::free_posts(db).await?).posts,
        Audience::Everyone | Audience::Members => 0,
    };
    let beginning = post.beginning();
    let text = match post.text() {
        Some(body) => Text::ForEveryone(body),
        None => Text::ForSome {
            whom: post.audience.whom().unwrap_or(Whom::Paying),
            body: post.to_be_gated(),
            beginning: &beginning,
            free,
        },
    };
    Ok(templates::posts::show(&Post {
        id: post.id,
        slug: &post.slug,
        title: &post.title,
        summary: &post.summary,
        text,
        minutes: format::reading_minutes(post.words()),
        topic: Topic { slug: &post.topic, name: &post.topic_name },
        published_at: post.published_at,
        updated_at: post.updated_at,
        older: post.older.as_ref().map(Into::into),
        newer: post.newer.as_ref().map(Into::into),
        related: related.iter().map(Into::into).collect(),
    }))
}

impl<'a> From<&'a posts::Card> for Card<'a> {
    fn from(card: &'a posts::Card) -> Self {
        Self {
            slug: &card.slug,
            title: &card.title,
            summary: &card.summary,
            topic: Topic { slug: &card.topic, name: &card.topic_name },
            published_at: card.published_at,
            minutes: format::reading_minutes(card.words),
            whom: card.audience.whom(),
        }
    }
}

impl<'a> From<&'a posts::Topic> for Topic<'a> {
    fn from(topic: &'a posts::Topic) -> Self {
        Self { slug: &topic.slug, name: &topic.name }
    }
}

impl<'a> From<&'a posts::Neighbour> for Link<'a> {
    fn from(post: &'a posts::Neighbour) -> Self {
        Self { slug: &post.slug, title: &post.title }
    }
}
