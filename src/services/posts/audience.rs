//! Whom the text of a post is for, and what everyone else sees of it.
//!
//! Its title, its summary, its topic, its times and how long it takes to read are for everyone. Of a text that is not,
//! everyone sees the *beginning*: the summary, where the writer gave one; otherwise the first paragraph, without its markup
//! and cut after 300 characters; and nothing where that paragraph is all there is.

use crate::services::events::Entitled;
use crate::services::keys::{Partner, PostsRead};
use crate::services::sessions::Member;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use templates::{Whom, format, markdown};
use uuid::Uuid;

/// Whom a text is for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Audience {
    /// Whoever comes.
    #[default]
    Everyone,
    /// Whoever has an account.
    Members,
    /// Whoever pays, or was given what others pay for.
    Paid,
}

/// Who asks for a text, and their proof.
#[derive(Debug, Clone, Copy)]
pub enum Reader<'a> {
    /// Somebody who has none.
    Stranger,
    /// Somebody with an account.
    Member(&'a Member),
    /// A program that may read whatever is published.
    Partner(&'a Partner<PostsRead>),
    /// Whoever is told of posts, as what may do so.
    Told(&'a Entitled),
}

impl Audience {
    /// Those there are.
    pub const ALL: [Self; 3] = [Self::Everyone, Self::Members, Self::Paid];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Members => "members",
            Self::Paid => "paid",
        }
    }

    /// What pages call them, where they are not everyone.
    pub fn whom(self) -> Option<Whom> {
        match self {
            Self::Everyone => None,
            Self::Members => Some(Whom::Members),
            Self::Paid => Some(Whom::Paying),
        }
    }

    /// Those whom a page calls so.
    pub fn called(whom: Whom) -> Self {
        match whom {
            Whom::Members => Self::Members,
            Whom::Paying => Self::Paid,
        }
    }

    /// Whether the text of `post`, which is for these, is for this reader: the one place that says so.
    pub fn admits(self, post: Uuid, reader: &Reader<'_>) -> bool {
        match (self, reader) {
            (Self::Everyone, _)
            | (Self::Members, Reader::Member(_))
            | (Self::Members | Self::Paid, Reader::Partner(_) | Reader::Told(_)) => true,
            (Self::Paid, Reader::Member(member)) => {
                member.is_staff() || member.entitlement().is_open() || member.has_opened(post)
            }
            (Self::Members | Self::Paid, Reader::Stranger) => false,
        }
    }

    /// What everyone sees of a text for these: all of it, or its beginning.
    pub fn for_everyone(self, post: Uuid, summary: &str, body: &str) -> String {
        match self.admits(post, &Reader::Stranger) {
            true => body.to_owned(),
            false => beginning(summary, body),
        }
    }
}

/// No beginning is longer, in characters.
const LONGEST: usize = 300;

/// What everyone sees of a text that is not for everyone.
pub fn beginning(summary: &str, body: &str) -> String {
    if !summary.is_empty() {
        return summary.to_owned();
    }
    let first = markdown::first_paragraph(body);
    first.map(|first| format::shorten(&first, LONGEST)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_the_summary_or_the_first_paragraph_and_never_all_of_it() {
        assert_eq!(beginning("In short.", "One.\n\nTwo."), "In short.");
        assert_eq!(beginning("", "# Why\n\nBecause **of** it.\n\nTwo."), "Because of it.");
        assert_eq!(beginning("", "- a list\n\nThe first[^1].\n\n[^1]: Note."), "");
        for all in ["", "One.", "# Why\n\nBecause.", "One.[^1]\n\n[^1]: A note.", "One.\n\n---"] {
            assert_eq!(beginning("", all), "", "{all}");
        }
        let long = format!("{}\n\nTwo.", "word ".repeat(100));
        assert!(beginning("", &long).chars().count() <= LONGEST);
        assert!(beginning("", &long).ends_with("word…"));
    }

    #[test]
    fn what_is_for_members_is_not_for_strangers() {
        assert!(Audience::ALL.iter().all(|audience| {
            audience.admits(Uuid::nil(), &Reader::Stranger) == (*audience == Audience::Everyone)
        }));
        let seen =
            |audience: Audience, summary, body| audience.for_everyone(Uuid::nil(), summary, body);
        assert_eq!(seen(Audience::Members, "", "One.\n\nTwo."), "One.");
        assert_eq!(seen(Audience::Everyone, "Short.", "One."), "One.");
    }
}
