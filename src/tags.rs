//! What pages depend on.
//!
//! A service that reads returns [`Read`]: the value cannot be taken out without its tags going somewhere, so a cached
//! page cannot forget a dependency. A service that writes says nothing: triggers (`migrations/`) put the tags into the
//! writing transaction.

use crate::error::{Absence, Found};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use uuid::Uuid;

/// Something that pages show and that may change. Not a post's topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Which posts are published, and what lists show of them.
    Posts,
    /// Anything about one post.
    Post(Uuid),
    /// Which post lives, or lived, at this slug.
    Slug(String),
    /// Any topic.
    Topics,
    /// One topic, by slug, and what its list shows.
    Topic(String),
    /// The text of a fixed page, by name.
    Page(String),
    /// Which issues of the newsletter there are to read, and what lists show of them.
    Issues,
    /// Which issue lives at this slug, and what it says.
    Issue(String),
    /// What the owner has decided, by the name of the setting.
    Setting(String),
    /// Any plan, or what it costs.
    Plans,
    /// Which products there are, and what lists show of them.
    Products,
    /// What is at this slug of the shop.
    Product(String),
    /// The page at this address, whatever it shows. Every page depends on its own.
    Path(String),
}

/// What a trigger writes when everything is to be rendered again.
pub const EVERYTHING: &str = "*";

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Posts => f.write_str("posts"),
            Self::Post(id) => write!(f, "post:{id}"),
            Self::Slug(slug) => write!(f, "slug:{slug}"),
            Self::Topics => f.write_str("topics"),
            Self::Topic(slug) => write!(f, "topic:{slug}"),
            Self::Page(name) => write!(f, "page:{name}"),
            Self::Issues => f.write_str("issues"),
            Self::Issue(slug) => write!(f, "issue:{slug}"),
            Self::Setting(name) => write!(f, "setting:{name}"),
            Self::Plans => f.write_str("plans"),
            Self::Products => f.write_str("products"),
            Self::Product(slug) => write!(f, "product:{slug}"),
            Self::Path(path) => write!(f, "path:{path}"),
        }
    }
}

impl FromStr for Tag {
    type Err = UnknownTag;

    fn from_str(wire: &str) -> Result<Self, UnknownTag> {
        match wire.split_once(':') {
            None if wire == "posts" => Ok(Self::Posts),
            None if wire == "topics" => Ok(Self::Topics),
            None if wire == "issues" => Ok(Self::Issues),
            Some(("post", id)) => id.parse().map(Self::Post).map_err(|_| UnknownTag),
            Some(("slug", slug)) => Ok(Self::Slug(slug.to_owned())),
            Some(("topic", slug)) => Ok(Self::Topic(slug.to_owned())),
            Some(("page", name)) => Ok(Self::Page(name.to_owned())),
            Some(("issue", slug)) => Ok(Self::Issue(slug.to_owned())),
            Some(("setting", name)) => Ok(Self::Setting(name.to_owned())),
            None if wire == "plans" => Ok(Self::Plans),
            None if wire == "products" => Ok(Self::Products),
            Some(("product", slug)) => Ok(Self::Product(slug.to_owned())),
            Some(("path", path)) => Ok(Self::Path(path.to_owned())),
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
    true_for: Option<Duration>,
}

impl<T> Read<T> {
    /// `value`, which may be different once one of `tags` has changed.
    pub fn new(value: T, tags: impl Into<Vec<Tag>>) -> Self {
        Self { value, tags: tags.into(), true_for: None }
    }

    /// It will be different after so long, without anyone writing anything.
    pub fn true_for(self, time: Option<Duration>) -> Self {
        Self { true_for: time, ..self }
    }

    /// The value, for callers that keep nothing.
    pub fn untracked(self) -> T {
        self.value
    }
}

/// What a page has read so far.
#[derive(Debug, Default)]
pub struct Dependencies {
    /// The tags of it all.
    pub tags: Vec<Tag>,
    /// For how long all of it stays true by itself.
    pub true_for: Option<Duration>,
    /// What was looked for and is not there.
    pub absence: Option<Absence>,
}

impl Dependencies {
    /// The value; what it depends on is noted.
    pub fn track<T>(&mut self, read: Read<T>) -> T {
        for tag in read.tags {
            if !self.tags.contains(&tag) {
                self.tags.push(tag);
            }
        }
        self.true_for = self.true_for.into_iter().chain(read.true_for).min();
        read.value
    }

    /// What was looked for. That it is not there depends on its tags as much as if it were.
    ///
    /// # Errors
    /// The absence.
    pub fn find<T>(&mut self, read: Read<Found<T>>) -> Found<T> {
        let found = self.track(read);
        self.absence = found.as_ref().err().cloned();
        found
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
            Tag::Slug("a-post".into()),
            Tag::Topics,
            Tag::Topic("a:b".into()),
            Tag::Page("home".into()),
            Tag::Issues,
            Tag::Issue("spring".into()),
            Tag::Setting("free-posts".into()),
            Tag::Plans,
            Tag::Products,
            Tag::Product("a-print".into()),
            Tag::Path("/posts?page=2".into()),
        ] {
            assert_eq!(tag.to_string().parse(), Ok(tag));
        }
        assert_eq!("post:no-id".parse::<Tag>(), Err(UnknownTag));
        assert_eq!(EVERYTHING.parse::<Tag>(), Err(UnknownTag));
    }
}
