//! Places in a page that are filled for each visitor, so that the rest of it can be kept for everyone.
//!
//! Whoever draws a page marks a hole and cannot know who will read it. When the page is served, [`Visitor`] says who it
//! is, and what a hole holds goes to them alone. For everyone else a hole is empty: that is the page that is kept.
//! A mark is a comment, which neither text nor Markdown can contain, so nobody can write one into a page.
//!
//! One hole is a gate: behind it lies a text that is not for everyone, the same for all those it is for. It is kept with the
//! holes and never in the page's text, so whatever is made of that, and its validator, hold nothing of it.

use crate::{Flash, layout, paths, posts};
use maud::{Markup, PreEscaped, html};
use std::borrow::Cow;
use std::ops::Range;
use uuid::Uuid;

/// Something that differs from one visitor to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hole {
    /// The bar that whoever is signed in sees above the page.
    Desk,
    /// The way to their cart, where something is in it.
    Cart,
    /// What has just been done.
    Flash,
    /// The way to the editor of this post.
    EditPost(Uuid),
    /// The text that the page has [`Gated`].
    Gate,
}

/// Whom a text is for that is not for everyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Whoever has an account.
    Members,
    /// Whoever pays.
    Paying,
}

impl Whom {
    /// As lists say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Members => "For members",
            Self::Paying => "For paying members",
        }
    }
}

/// What a gate shows, to whom.
#[derive(Debug, Clone)]
pub struct Gated {
    /// Whom what lies behind it is for.
    pub whom: Whom,
    /// Which post that is of.
    pub post: Uuid,
    /// Its place in the URL.
    pub slug: String,
    /// What everyone sees of it.
    pub beginning: Markup,
    /// To those whom the text is for.
    pub open: Markup,
    /// To everyone else: its beginning, and the way in. This is part of the page that is kept.
    pub shut: Markup,
    /// To whoever may be either, while nobody can be asked.
    pub unknown: Markup,
}

impl Gated {
    fn shown(&self, access: Access) -> Cow<'_, str> {
        match access {
            Access::Open => Cow::Borrowed(&self.open.0),
            Access::Shut => Cow::Borrowed(&self.shut.0),
            Access::Unknown => Cow::Borrowed(&self.unknown.0),
            Access::Counted { of, left } => Cow::Owned(posts::counted(self, of, left).0),
        }
    }
}

/// What a visitor may have of what lies behind a gate, as the database says now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// What everyone has.
    #[default]
    Shut,
    /// It is for them.
    Open,
    /// It is not, and they may open some of its kind.
    Counted {
        /// How many a month.
        of: u32,
        /// How many of them are left.
        left: u32,
    },
    /// They say they are somebody, and nobody can be asked.
    Unknown,
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
    /// How many things are in their cart.
    pub in_cart: i64,
    /// What they may have of a text that is not for everyone.
    pub access: Access,
}

const OPEN: &str = "<!--hole:";
const CLOSE: &str = "-->";

impl Hole {
    /// Marks the place.
    pub fn mark(&self) -> Markup {
        let name = match self {
            Self::Desk => "desk".to_owned(),
            Self::Cart => "cart".to_owned(),
            Self::Flash => "flash".to_owned(),
            Self::EditPost(id) => format!("edit-post:{id}"),
            Self::Gate => "gate".to_owned(),
        };
        PreEscaped(format!("{OPEN}{name}{CLOSE}"))
    }

    fn read(name: &str) -> Option<Self> {
        match name.split_once(':') {
            None if name == "desk" => Some(Self::Desk),
            None if name == "cart" => Some(Self::Cart),
            None if name == "flash" => Some(Self::Flash),
            None if name == "gate" => Some(Self::Gate),
            Some(("edit-post", id)) => id.parse().ok().map(Self::EditPost),
            _ => None,
        }
    }

    /// What is in it for this visitor.
    fn fill(&self, visitor: &Visitor<'_>) -> Markup {
        match (self, visitor) {
            (Self::Desk, Visitor { who: Some(who), here, .. }) => layout::desk(who, here),
            (Self::Cart, Visitor { in_cart: many @ 1.., here, .. }) => layout::cart(*many, here),
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

/// Writes what is in a hole for this visitor.
fn put(hole: &Hole, gated: Option<&Gated>, visitor: &Visitor<'_>, out: &mut String) {
    match (hole, gated) {
        (Hole::Gate, Some(gated)) => out.push_str(&gated.shown(visitor.access)),
        _ => out.push_str(&hole.fill(visitor).0),
    }
}

/// A document for nobody in particular, and where its holes are.
#[derive(Debug, Clone)]
pub struct Document {
    /// Where its forms may lead beside this site.
    pub leads_to: Vec<String>,
    /// With every hole as it is for an unknown visitor: empty, or a gate that is shut.
    pub text: String,
    /// Where it differs from one visitor to the next.
    pub holes: Holes,
}

impl Document {
    /// Takes the marks out of a page.
    pub fn new(marked: &str, gated: Option<&Gated>) -> Self {
        let (mut text, mut places) = (String::with_capacity(marked.len()), Vec::new());
        let mut rest = marked;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let (name, after) = after.split_once(CLOSE).unwrap_or((after, ""));
            text.push_str(before);
            if let Some(hole) = Hole::read(name) {
                let start = text.len();
                put(&hole, gated, &Visitor::default(), &mut text);
                places.push((start..text.len(), hole));
            }
            rest = after;
        }
        text.push_str(rest);
        let gated = gated.filter(|_| places.iter().any(|(_, hole)| *hole == Hole::Gate));
        let holes = Holes { places: places.into(), gated: gated.cloned() };
        Self { leads_to: Vec::new(), text, holes }
    }

    /// The document for this visitor.
    pub fn fill(&self, visitor: &Visitor<'_>) -> String {
        self.holes.fill(&self.text, visitor)
    }
}

/// Where the holes of a kept document are, and what lies behind its gate.
#[derive(Debug, Clone)]
pub struct Holes {
    places: Box<[(Range<usize>, Hole)]>,
    gated: Option<Gated>,
}

impl Holes {
    /// The document for this visitor, from the `text` that is kept for everyone.
    pub fn fill(&self, text: &str, visitor: &Visitor<'_>) -> String {
        let mut filled = String::with_capacity(text.len() + self.bytes() + 1024);
        let mut at = 0;
        for (range, hole) in &self.places {
            filled.push_str(text.get(at..range.start).unwrap_or_default());
            put(hole, self.gated.as_ref(), visitor, &mut filled);
            at = range.end;
        }
        filled.push_str(text.get(at..).unwrap_or_default());
        filled
    }

    /// What of it is not for everyone.
    pub fn gate(&self) -> Option<&Gated> {
        self.gated.as_ref()
    }

    /// What lies behind the gate takes so many bytes.
    pub fn bytes(&self) -> usize {
        let all = self
            .gated
            .iter()
            .flat_map(|gated| [&gated.open, &gated.shut, &gated.unknown, &gated.beginning]);
        all.map(|markup| markup.0.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Visitor<'_> = Visitor {
        who: Some(Who { name: "Ada <3", is_staff: true }),
        flash: None,
        here: "/",
        in_cart: 3,
        access: Access::Open,
    };

    fn page() -> Document {
        let id = Uuid::nil();
        let marked = html! {
            header { (Hole::Desk.mark()) (Hole::Cart.mark()) }
            main { (Hole::Flash.mark()) h1 { "Title <!--hole:desk-->" } (Hole::EditPost(id).mark()) }
        };
        Document::new(&marked.into_string(), None)
    }

    #[test]
    fn what_a_hole_holds_goes_to_the_one_it_is_for() {
        let page = page();
        let filled = page.fill(&ADA);
        assert!(
            filled.contains("Ada &lt;3")
                && filled.contains("/edit")
                && !filled.contains("<!--")
                && filled.contains(">Cart (3)</a>")
        );
        assert!(
            !page.text.contains("Ada")
                && !page.text.contains("sign-out")
                && !page.text.contains("/edit")
                && !page.text.contains("Cart")
        );
        assert_eq!(page.fill(&Visitor::default()), page.text);
    }

    #[test]
    fn nobody_can_write_a_hole_into_a_page() {
        assert_eq!(page().holes.places.len(), 4);
        let forged = crate::markdown::render("<!--hole:desk-->\n\n`<!--hole:gate-->`").0;
        assert!(Document::new(&forged, None).holes.places.is_empty());
    }

    #[test]
    fn what_lies_behind_a_gate_is_not_in_the_page_that_is_kept() {
        let gated = Gated {
            whom: Whom::Members,
            post: Uuid::nil(),
            slug: "a".to_owned(),
            beginning: html! {},
            open: html! { "All of it." },
            shut: html! { "The beginning." },
            unknown: html! { "Who are you?" },
        };
        let marked = html! { main { (Hole::Gate.mark()) } }.into_string();
        let page = Document::new(&marked, Some(&gated));
        assert_eq!(page.text, "<main>The beginning.</main>");
        let seen = |access| page.fill(&Visitor { access, ..Visitor::default() });
        assert_eq!(seen(Access::Shut), page.text);
        assert_eq!(seen(Access::Open), "<main>All of it.</main>");
        assert_eq!(seen(Access::Unknown), "<main>Who are you?</main>");
        assert_eq!(page.holes.gate().map(|gated| gated.whom), Some(Whom::Members));
        assert!(Document::new("x", Some(&gated)).holes.gate().is_none());
    }
}
