//! Places in a page that are filled for each visitor, so that the rest of it can be kept for everyone.
//!
//! Whoever draws a page marks a hole and cannot know who will read it. When the page is served, [`Visitor`] says who it
//! is, and what a hole holds goes to them alone. For everyone else a hole is empty: that is the page that is kept.
//! A mark is a comment, which neither text nor Markdown can contain, so nobody can write one into a page.

use crate::{layout, paths};
use maud::{Markup, PreEscaped, html};
use std::ops::Range;
use uuid::Uuid;

/// Something that differs from one visitor to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hole {
    /// The bar that staff see above the page.
    Desk,
    /// What has just been done.
    Flash,
    /// The way to the editor of this post.
    EditPost(Uuid),
}

/// What can be said to have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flash {
    /// A post is there for everyone.
    PostPublished,
    /// A post will be there for everyone.
    PostScheduled,
    /// A post is kept, and nobody but staff sees it.
    PostSaved,
    /// A lead has another status.
    StatusSaved,
    /// A lead has another note.
    NoteAdded,
    /// A job will be tried again.
    JobRetried,
    /// A test mail is on its way.
    TestAskedFor,
    /// What someone wants to be told of.
    NoticesSaved,
    /// Pages will be rendered again.
    PagesDropped,
    /// A task will be run.
    RunAskedFor,
    /// Nothing is kept about someone any more.
    PersonErased,
    /// A subscription is confirmed.
    SubscriptionConfirmed,
    /// What a subscriber gets is kept.
    ChoicesSaved,
    /// Somebody is asked to confirm.
    SubscriberAsked,
    /// People were brought over.
    SubscribersImported,
    /// Somebody gets no more mail.
    SubscriberEnded,
    /// An issue is kept.
    IssueSaved,
    /// An issue will be sent.
    IssueScheduled,
    /// An issue is being sent.
    IssueSending,
    /// A scheduled issue is a draft again.
    IssueRecalled,
    /// An issue is paused.
    IssuePaused,
    /// The session is over.
    SignedOut,
}

impl Flash {
    const ALL: [Self; 22] = [
        Self::PostPublished,
        Self::PostScheduled,
        Self::PostSaved,
        Self::StatusSaved,
        Self::NoteAdded,
        Self::JobRetried,
        Self::TestAskedFor,
        Self::NoticesSaved,
        Self::PagesDropped,
        Self::RunAskedFor,
        Self::PersonErased,
        Self::SubscriptionConfirmed,
        Self::ChoicesSaved,
        Self::SubscriberAsked,
        Self::SubscribersImported,
        Self::SubscriberEnded,
        Self::IssueSaved,
        Self::IssueScheduled,
        Self::IssueSending,
        Self::IssueRecalled,
        Self::IssuePaused,
        Self::SignedOut,
    ];

    /// What a cookie holds: a name and never a text, so that nobody can put words into our mouth.
    pub fn code(self) -> &'static str {
        match self {
            Self::PostPublished => "post-published",
            Self::PostScheduled => "post-scheduled",
            Self::PostSaved => "post-saved",
            Self::StatusSaved => "status-saved",
            Self::NoteAdded => "note-added",
            Self::JobRetried => "job-retried",
            Self::TestAskedFor => "test-asked-for",
            Self::NoticesSaved => "notices-saved",
            Self::PagesDropped => "pages-dropped",
            Self::RunAskedFor => "run-asked-for",
            Self::PersonErased => "person-erased",
            Self::SubscriptionConfirmed => "subscription-confirmed",
            Self::ChoicesSaved => "choices-saved",
            Self::SubscriberAsked => "subscriber-asked",
            Self::SubscribersImported => "subscribers-imported",
            Self::SubscriberEnded => "subscriber-ended",
            Self::IssueSaved => "issue-saved",
            Self::IssueScheduled => "issue-scheduled",
            Self::IssueSending => "issue-sending",
            Self::IssueRecalled => "issue-recalled",
            Self::IssuePaused => "issue-paused",
            Self::SignedOut => "signed-out",
        }
    }

    /// Reads a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flash| flash.code() == code)
    }

    fn text(self) -> &'static str {
        match self {
            Self::PostPublished => "The post is published.",
            Self::PostScheduled => "The post will appear by itself.",
            Self::PostSaved => "The post is saved.",
            Self::StatusSaved => "The status is saved.",
            Self::NoteAdded => "The note is added.",
            Self::JobRetried => "It is being tried again.",
            Self::TestAskedFor => "A test mail is on its way to you.",
            Self::NoticesSaved => "Your notices are saved.",
            Self::PagesDropped => "It will be rendered again when it is next asked for.",
            Self::RunAskedFor => "It will be run at once.",
            Self::PersonErased => "They are erased.",
            Self::SubscriptionConfirmed => "Thank you. You are subscribed.",
            Self::ChoicesSaved => "What you chose is saved.",
            Self::SubscriberAsked => "A mail is on its way to them: they have to confirm.",
            Self::SubscribersImported => "They are on the list.",
            Self::SubscriberEnded => "They get no more mail.",
            Self::IssueSaved => "The issue is saved.",
            Self::IssueScheduled => "It will be sent by itself.",
            Self::IssueSending => "It is being sent.",
            Self::IssueRecalled => "It is a draft again.",
            Self::IssuePaused => "It is paused. What was under way still arrives.",
            Self::SignedOut => "You are signed out.",
        }
    }
}

/// Who is reading.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor<'a> {
    /// The name of the member of staff who is signed in.
    pub staff: Option<&'a str>,
    /// What they have just done.
    pub flash: Option<Flash>,
    /// The path they are at.
    pub here: &'a str,
}

const OPEN: &str = "<!--hole:";
const CLOSE: &str = "-->";

impl Hole {
    /// Marks the place.
    pub fn mark(&self) -> Markup {
        let name = match self {
            Self::Desk => "desk".to_owned(),
            Self::Flash => "flash".to_owned(),
            Self::EditPost(id) => format!("edit-post:{id}"),
        };
        PreEscaped(format!("{OPEN}{name}{CLOSE}"))
    }

    fn read(name: &str) -> Option<Self> {
        match name.split_once(':') {
            None if name == "desk" => Some(Self::Desk),
            None if name == "flash" => Some(Self::Flash),
            Some(("edit-post", id)) => id.parse().ok().map(Self::EditPost),
            _ => None,
        }
    }

    /// What is in it for this visitor.
    fn fill(&self, visitor: &Visitor<'_>) -> Markup {
        match (self, visitor) {
            (Self::Desk, Visitor { staff: Some(name), here, .. }) => layout::desk(name, here),
            (Self::Flash, Visitor { flash: Some(flash), .. }) => html! {
                p.flash role="status" { (flash.text()) }
            },
            (Self::EditPost(id), Visitor { staff: Some(_), .. }) => html! {
                p.meta { a href=(paths::admin_edit_post(*id)) { "Edit this post" } }
            },
            _ => html! {},
        }
    }
}

/// A document for nobody in particular, and where its holes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// With every hole as empty as it is for an unknown visitor.
    pub text: String,
    holes: Vec<(Range<usize>, Hole)>,
}

impl Document {
    /// Takes the marks out of a page.
    pub fn new(marked: &str) -> Self {
        let (mut text, mut holes) = (String::with_capacity(marked.len()), Vec::new());
        let mut rest = marked;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let (name, after) = after.split_once(CLOSE).unwrap_or((after, ""));
            text.push_str(before);
            if let Some(hole) = Hole::read(name) {
                let start = text.len();
                text.push_str(&hole.fill(&Visitor::default()).into_string());
                holes.push((start..text.len(), hole));
            }
            rest = after;
        }
        text.push_str(rest);
        Self { text, holes }
    }

    /// Where the holes are.
    pub fn holes(&self) -> Holes {
        Holes(self.holes.clone().into())
    }

    /// The document for this visitor.
    pub fn fill(&self, visitor: &Visitor<'_>) -> String {
        Holes(self.holes.clone().into()).fill(&self.text, visitor)
    }
}

/// Where the holes of a kept document are.
#[derive(Debug, Clone)]
pub struct Holes(Box<[(Range<usize>, Hole)]>);

impl Holes {
    /// The document for this visitor, from the `text` that is kept for everyone.
    pub fn fill(&self, text: &str, visitor: &Visitor<'_>) -> String {
        let mut filled = String::with_capacity(text.len() + 1024);
        let mut at = 0;
        for (range, hole) in &self.0 {
            filled.push_str(text.get(at..range.start).unwrap_or_default());
            filled.push_str(&hole.fill(visitor).into_string());
            at = range.end;
        }
        filled.push_str(text.get(at..).unwrap_or_default());
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Visitor<'_> = Visitor { staff: Some("Ada <3"), flash: None, here: "/" };

    fn page() -> Document {
        let id = Uuid::nil();
        let marked = html! {
            header { (Hole::Desk.mark()) }
            main { (Hole::Flash.mark()) h1 { "Title <!--hole:desk-->" } (Hole::EditPost(id).mark()) }
        };
        Document::new(&marked.into_string())
    }

    #[test]
    fn what_a_hole_holds_goes_to_the_one_it_is_for() {
        let page = page();
        let filled = page.fill(&ADA);
        assert!(
            filled.contains("Ada &lt;3") && filled.contains("/edit") && !filled.contains("<!--")
        );
        assert!(
            !page.text.contains("Ada")
                && !page.text.contains("sign-out")
                && !page.text.contains("/edit")
        );
        assert_eq!(page.fill(&Visitor::default()), page.text);
    }

    #[test]
    fn nobody_can_write_a_hole_into_a_page() {
        assert_eq!(page().holes.len(), 3);
        let forged = crate::markdown::render("<!--hole:desk-->\n\n`<!--hole:desk-->`").0;
        assert!(Document::new(&forged).holes.is_empty());
    }

    #[test]
    fn a_flash_survives_its_code_and_nothing_else_is_one() {
        for flash in Flash::ALL {
            assert_eq!(Flash::of_code(flash.code()), Some(flash));
            let visitor = Visitor { flash: Some(flash), ..Visitor::default() };
            assert!(page().fill(&visitor).contains(flash.text()));
        }
        assert_eq!(Flash::of_code("<b>You won</b>"), None);
    }
}
