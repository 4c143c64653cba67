//! What pages depend on.
//!
//! A service that reads returns [`Read`]: the value cannot be taken out without its tags going somewhere, so a cached
//! page cannot forget a dependency. A service that writes says nothing: triggers (`migrations/`) put the tags into the
//! writing transaction.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Something that pages show and that may change. Not a post's topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Which posts are published, and what lists show of them.
    Posts,
    /// Anything about one post.
    Post(Uuid),
    /// Any topic.
    Topics,
    /// One topic, by slug, and what its list shows.
    Topic(String),
    /// The text of a fixed page, by name.
    Page(String),
}

/// What a trigger writes when everything is to be rendered again.
pub const EVERYTHING: &str = "*";

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Posts => f.write_str("posts"),
            Self::Post(id) => write!(f, "post:{id}"),
            Self::Topics => f.write_str("topics"),
            Self::Topic(slug) => write!(f, "topic:{slug}"),
            Self::Page(name) => write!(f, "page:{name}"),
        }
    }
}

impl FromStr for Tag {
    type Err = UnknownTag;

    fn from_str(wire: &str) -> Result<Self, UnknownTag> {
        match wire.split_once(':') {
            None if wire == "posts" => Ok(Self::Posts),
            None if wire == "topics" => Ok(Self::Topics),
            Some(("post", id)) => id.parse().map(Self::Post).map_err(|_| UnknownTag),
            Some(("topic", slug)) => Ok(Self::Topic(slug.to_owned())),
            Some(("page", name)) => Ok(Self::Page(name.to_owned())),
            _ => Err(UnknownTag),
        }
    }
}

/// A tag no page of this program depends on, such as one of a newer version sharing the database.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a tag of this program")]
pub struct UnknownTag;

/// A value read from the database and the tags it is filed under.
#[derive(Debug)]
#[must_use = "hand this to `Dependencies::track`, or say `.untracked()`"]
pub struct Read<T> {
    value: T,
    tags: Vec<Tag>,
}

impl<T> Read<T> {
    /// `value`, which may be different once one of `tags` has changed.
    pub fn new(value: T, tags: impl Into<Vec<Tag>>) -> Self {
        Self { value, tags: tags.into() }
    }

    /// The value, for callers that keep nothing.
    pub fn untracked(self) -> T {
        self.value
    }
}

/// The tags a page has read so far.
#[derive(Debug, Default)]
pub struct Dependencies(Vec<Tag>);

impl Dependencies {
    /// The value; its tags are noted.
    pub fn track<T>(&mut self, read: Read<T>) -> T {
        for tag in read.tags {
            if !self.0.contains(&tag) {
                self.0.push(tag);
            }
        }
        read.value
    }

    /// What was noted.
    pub fn into_tags(self) -> Vec<Tag> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_survives_its_wire_form() {
        for tag in [
            Tag::Posts,
            Tag::Post(Uuid::nil()),
            Tag::Topics,
            Tag::Topic("a:b".into()),
            Tag::Page("home".into()),
        ] {
            assert_eq!(tag.to_string().parse(), Ok(tag));
        }
        assert_eq!("post:no-id".parse::<Tag>(), Err(UnknownTag));
        assert_eq!(EVERYTHING.parse::<Tag>(), Err(UnknownTag));
    }
}
