//! A post as a file: Markdown with a head that says the rest. What is written here is read here, so posts that are taken
//! along can be brought to another site.

use super::{Draft, Status, Summary};
use crate::error::{Error, Result};
use crate::services::front_matter::{Document, compose};
use crate::services::input::{self, Valid};
use serde_json::json;
use std::path::Path;
use time::format_description::well_known::Rfc3339;

/// The file called `name` as a post: by the decoder and the rules of every other door.
///
/// # Errors
/// [`Error::Invalid`] by field; `head` where there is none.
pub fn of_file(name: &str, text: &str) -> Result<Valid<Draft>> {
    let text = text.replace("\r\n", "\n");
    let Some(document) = Document::parse(&text) else {
        return Err(Error::field(
            "head",
            "Begin with a line of three hyphens, title: and topic:, and three hyphens again.",
        ));
    };
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let published = document.get("published");
    let status = if published.is_some() { "scheduled" } else { "published" };
    input::decode(json!({
        "title": document.get("title"),
        "topic": document.get("topic"),
        "slug": document.get("slug").map_or_else(|| slug::slugify(&stem), str::to_owned),
        "summary": document.get("summary"),
        "body": document.body,
        "status": document.get("status").unwrap_or(status),
        "audience": document.get("audience"),
        "publish_at": published,
    }))
}

/// A post as a file.
pub fn to_file(post: &Summary) -> String {
    // What has a time is published by it, be that past or to come.
    let (status, at) = match post.status {
        Status::Published | Status::Scheduled => ("", post.published_at),
        status @ (Status::Draft | Status::Archived) => (status.as_str(), None),
    };
    let at = at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    let head = [
        ("title", post.title.as_str()),
        ("topic", &post.topic),
        ("slug", &post.slug),
        ("summary", &post.summary),
        ("audience", post.audience.as_str()),
        ("status", status),
        ("published", &at),
    ];
    compose(&head, &post.body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::posts::Audience;
    use time::macros::datetime;
    use uuid::Uuid;

    fn post(status: Status) -> Summary {
        let at = datetime!(2026-01-31 09:00:00.123456 UTC);
        Summary {
            id: Uuid::nil(),
            slug: "a-wall".to_owned(),
            title: "A wall: what stood, and fell".to_owned(),
            summary: String::new(),
            body: "---\n\nIt stood: long.\n\n---\n\ntitle: no head".to_owned(),
            topic: "Signs".to_owned(),
            status,
            audience: Audience::Members,
            published_at: Some(at),
            updated_at: at,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for status in [Status::Draft, Status::Scheduled, Status::Published, Status::Archived] {
            let post = post(status);
            let read = of_file("other.md", &to_file(&post)).unwrap();
            assert_eq!(read.slug.as_deref(), Some("a-wall"));
            assert_eq!(
                (&read.title, &read.topic, &read.body),
                (&post.title, &post.topic, &post.body)
            );
            assert_eq!((read.summary.as_str(), read.audience), ("", Some(Audience::Members)));
            let said = read.publication().unwrap();
            match status {
                Status::Draft | Status::Archived => assert_eq!(said, (status, None)),
                _ => assert_eq!(said, (Status::Published, post.published_at)),
            }
        }
    }
}
