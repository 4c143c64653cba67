//! The site of a small studio, put into an empty database on the first start, so that there is something to look at.

use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::front_matter::Document;
use crate::services::input::Valid;
use crate::services::pages;
use crate::services::products::{self, Draft, Keeper, Kind};
use anyhow::{Context, anyhow};
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

macro_rules! files {
    ($($path:literal),* $(,)?) => { [$(include_str!($path)),*] };
}

const HOME: &str = include_str!("pages/home.md");
const CONTACT: &str = include_str!("pages/contact.md");

const TOPICS: [(&str, &str); 4] = [
    ("print", include_str!("topics/print.md")),
    ("running-a-shop", include_str!("topics/running-a-shop.md")),
    ("signs", include_str!("topics/signs.md")),
    ("websites", include_str!("topics/websites.md")),
];

const POSTS: [&str; 14] = files![
    "posts/01-how-tall-should-the-letters-be.md",
    "posts/02-prices-on-the-page.md",
    "posts/03-the-menu-that-lasted-a-winter.md",
    "posts/04-opening-hours-first.md",
    "posts/05-gilding-a-door-in-nine-hours.md",
    "posts/06-a-contact-form-is-a-promise.md",
    "posts/07-send-us-the-ugly-original.md",
    "posts/08-a-website-that-opens-on-the-ferry.md",
    "posts/09-two-winters-on-the-harbour-wall.md",
    "posts/10-say-what-you-sell.md",
    "posts/11-the-wrong-saturday.md",
    "posts/12-closing-a-shops-website.md",
    "posts/13-when-to-leave-a-sign-alone.md",
    "posts/14-how-we-say-no.md",
];

const PRODUCTS: [&str; 3] = files![
    "products/01-letters-in-a-day.md",
    "products/02-tide-table.md",
    "products/03-herring-print.md",
];

const ISSUES: [&str; 1] = files!["issues/01-what-the-winter-left-on-the-bench.md"];

/// Puts the demo site in. `id` makes ids.
///
/// # Errors
/// As any statement.
pub async fn fill(db: &mut PgConnection, by: &Operator, id: impl Fn() -> Uuid) -> Result<()> {
    for (name, text) in [("home", HOME), ("contact", CONTACT)] {
        let page = parse(text)?;
        pages::put(db, name, get(&page, "title")?, page.body).await?;
    }
    for (slug, text) in TOPICS {
        let topic = parse(text)?;
        sqlx::query!(
            "insert into topics (slug, name, description) values ($1, $2, $3)",
            slug,
            get(&topic, "name")?,
            topic.body,
        )
        .execute(&mut *db)
        .await?;
    }
    for text in POSTS {
        insert_post(db, id(), &parse(text)?).await?;
    }
    for text in ISSUES {
        insert_issue(db, id(), &parse(text)?).await?;
    }
    for text in PRODUCTS {
        let draft = Valid::check(product(&parse(text)?)?)?;
        products::add(db, &Keeper::Operator(by), id(), &draft).await?;
    }
    Ok(())
}

fn product(product: &Document<'_>) -> Result<Draft> {
    Ok(Draft {
        title: get(product, "title")?.to_owned(),
        slug: Some(get(product, "slug")?.to_owned()),
        text: product.body.to_owned(),
        kind: if product.get("kind") == Some("ticket") { Kind::Ticket } else { Kind::Goods },
        price: get(product, "price")?.to_owned(),
        currency: get(product, "currency")?.to_owned(),
        stock: get(product, "stock")?.to_owned(),
        happens_at: product.get("happens").map(str::to_owned),
        active: true,
        version: None,
    })
}

/// An issue that was sent, though to nobody, so that there is something to read.
async fn insert_issue(db: &mut PgConnection, id: Uuid, issue: &Document<'_>) -> Result<()> {
    sqlx::query!(
        "insert into issues (id, slug, subject, body, status, scheduled_at, started_at, queued_at, finished_at, created_at, updated_at)
         values ($1, $2, $3, $4, 'sent', $5, $5, $5, $5, $5, $5)",
        id,
        get(issue, "slug")?,
        get(issue, "subject")?,
        issue.body,
        moment(issue, "sent")?,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_post(db: &mut PgConnection, id: Uuid, post: &Document<'_>) -> Result<()> {
    let published = moment(post, "published")?;
    sqlx::query!(
        "insert into posts (id, slug, title, summary, body, topic, status, published_at, created_at, updated_at, audience)
         values ($1, $2, $3, $4, $5, $6, 'published', $7, $7, $7, coalesce($8, 'everyone'))",
        id,
        get(post, "slug")?,
        get(post, "title")?,
        get(post, "summary")?,
        post.body,
        get(post, "topic")?,
        published,
        post.get("audience"),
    )
    .execute(db)
    .await?;
    Ok(())
}

fn parse(text: &str) -> Result<Document<'_>> {
    Document::parse(text).ok_or_else(|| Error::Internal(anyhow!("a demo text has no head")))
}

fn get<'a>(document: &Document<'a>, key: &str) -> Result<&'a str> {
    let missing = || Error::Internal(anyhow!("a demo text has no {key}"));
    document.get(key).ok_or_else(missing)
}

fn moment(document: &Document<'_>, key: &str) -> Result<OffsetDateTime> {
    let time = OffsetDateTime::parse(get(document, key)?, &Rfc3339);
    time.context("a time in a demo text").map_err(Error::Internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_demo_post_is_complete() {
        for text in POSTS {
            let post = parse(text).unwrap();
            for key in ["slug", "title", "summary", "topic", "published"] {
                assert!(!get(&post, key).unwrap().is_empty());
            }
            assert!(TOPICS.iter().any(|(slug, _)| *slug == get(&post, "topic").unwrap()));
        }
        for text in PRODUCTS {
            assert!(Valid::check(product(&parse(text).unwrap()).unwrap()).is_ok());
        }
        for text in ISSUES {
            let issue = parse(text).unwrap();
            assert!(["slug", "subject"].iter().all(|key| !get(&issue, key).unwrap().is_empty()));
            assert!(moment(&issue, "sent").is_ok());
        }
    }
}
