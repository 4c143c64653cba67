//! Places in a page that are filled for each visitor, so that the rest of it can be kept for everyone.
//!
//! Whoever draws a page marks a hole and cannot know who will read it. When the page is served, [`Visitor`] says who it
//! is, and what a hole holds goes to them alone. For everyone else a hole is empty: that is the page that is kept.
//! A mark is a comment, which neither text nor Markdown can contain, so nobody can write one into a page.

use crate::{Flash, layout, paths};
use maud::{Markup, PreEscaped, html};
use std::ops::Range;
use uuid::Uuid;

/// Something that differs from one visitor to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hole {
    /// The bar that whoever is signed in sees above the page.
    Desk,
    /// What has just been done.
    Flash,
    /// The way to the editor of this post.
    EditPost(Uuid),
}

/// Who is signed in.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// Their name.
    pub name: &'a str,
    /// Whether they are one of us.
    pub is_staff: bool,
}

/// Who is reading.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visitor<'a> {
    /// The one who is signed in.
    pub who: Option<Who<'a>>,
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
            (Self::Desk, Visitor { who: Some(who), here, .. }) => layout::desk(who, here),
            (Self::Flash, Visitor { flash: Some(flash), .. }) => html! {
                p.flash role="status" { (flash.text()) }
            },
            (Self::EditPost(id), Visitor { who: Some(Who { is_staff: true, .. }), .. }) => html! {
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

    const ADA: Visitor<'_> =
        Visitor { who: Some(Who { name: "Ada <3", is_staff: true }), flash: None, here: "/" };

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
}
