//! What stands around every page: head, header, footer.
//!
//! A page contributes a [`View`], the same for everybody, so it can be cached; what differs from
//! one visitor to the next is in [`Chrome`].

use crate::assets::Asset;
use crate::{Document, Gated, Hole, Who, assets, newsletter, paths};
use maud::{DOCTYPE, Markup, html};

/// What a page contributes; the layout supplies the rest.
#[derive(Clone, Debug)]
pub struct View {
    /// The title without the name of the site.
    pub title: String,
    /// One or two sentences for search engines and link previews.
    pub description: Option<String>,
    /// The one path this page should be known by. It also tells the navigation where we are.
    pub canonical: Option<String>,
    /// Whether search engines may list the page.
    pub index: bool,
    /// Whether it shows a document of ours in a frame. Only a page that is drawn for each request may.
    pub has_frame: bool,
    /// A script that this page needs besides the one that every page has.
    pub script: Option<&'static Asset>,
    /// What goes into `<main>`.
    pub main: Markup,
    /// What goes there instead, where what the page is about is off.
    pub otherwise: Option<Markup>,
    /// Where the forms of the page may lead beside this site, as a content security policy names it.
    pub leads_to: Vec<String>,
    /// What goes into the [gate](Hole::Gate) in it.
    pub gated: Option<Gated>,
}

impl View {
    /// A page that search engines may list.
    pub fn new(title: impl Into<String>, main: Markup) -> Self {
        Self {
            title: title.into(),
            description: None,
            canonical: None,
            index: true,
            has_frame: false,
            script: None,
            main,
            otherwise: None,
            leads_to: Vec::new(),
            gated: None,
        }
    }

    /// Says in a sentence or two what the page is about. No words say nothing.
    pub fn describe(self, description: &str) -> Self {
        Self { description: (!description.is_empty()).then(|| description.to_owned()), ..self }
    }

    /// Names the one path this page should be known by.
    pub fn canonical(self, path: impl Into<String>) -> Self {
        Self { canonical: Some(path.into()), ..self }
    }

    /// Lets the forms of the page lead to another place too, after they have been sent here.
    pub fn leads_to(self, place: String) -> Self {
        Self { leads_to: [place].into_iter().filter(|place| !place.is_empty()).collect(), ..self }
    }

    /// Lets it show a document of ours in a frame.
    pub fn with_frame(self) -> Self {
        Self { has_frame: true, ..self }
    }

    /// Has the page bring a script of its own.
    pub fn script(self, script: &'static Asset) -> Self {
        Self { script: Some(script), ..self }
    }

    /// Says what is shown instead, where what the page is about is off.
    pub fn otherwise(self, main: Markup) -> Self {
        Self { otherwise: Some(main), ..self }
    }

    /// What it is about is on, and its forms may lead to these places; or it is off, where there are none.
    pub fn is_on(self, leads_to: Vec<String>) -> Self {
        match (leads_to.is_empty(), self.otherwise.clone()) {
            (true, Some(main)) => Self { main, ..self },
            _ => Self { leads_to, ..self },
        }
    }

    /// Adds a part below, with a form in it that may lead to other origins.
    pub fn with_form(self, part: Markup, leads_to: Vec<String>) -> Self {
        Self { main: html! { (self.main) (part) }, leads_to, ..self }
    }

    /// Puts this into its gate.
    pub fn gated(self, gated: Gated) -> Self {
        Self { gated: Some(gated), ..self }
    }

    /// Keeps the page out of search engines: answers to one person, errors, the admin.
    pub fn noindex(self) -> Self {
        Self { index: false, ..self }
    }
}

/// What surrounds a page and differs from one site to the next.
pub struct Chrome<'a> {
    /// The name of the site.
    pub site: &'a str,
    /// Where the site is: `https://example.com`, without a slash at the end.
    pub origin: &'a str,
}

/// The whole page, with the marks of its [holes](crate::holes).
pub fn document(view: &View, chrome: &Chrome<'_>) -> Document {
    let here = view.canonical.as_deref().unwrap_or_default();
    let marked = html! {
        (DOCTYPE)
        html lang="en" {
            (head(view, chrome))
            body {
                a.skip href="#main" { "Skip to content" }
                header.site-header {
                    (Hole::Desk.mark())
                    (masthead(chrome.site, here))
                }
                main #main tabindex="-1" { (Hole::Flash.mark()) (view.main) }
                (footer(chrome.site, here))
                // Filled by enhance.js, for those who do not see that the page has changed.
                div #announcer.visually-hidden role="status" {}
            }
        }
    };
    let document = Document::new(&marked.into_string(), view.gated.as_ref());
    Document { leads_to: view.leads_to.clone(), ..document }
}

fn head(view: &View, chrome: &Chrome<'_>) -> Markup {
    let title = if view.title.is_empty() || view.title == chrome.site {
        chrome.site.to_owned()
    } else {
        format!("{} · {}", view.title, chrome.site)
    };
    let address = view.canonical.as_ref().map(|path| format!("{}{path}", chrome.origin));
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            title { (title) }
            meta name="color-scheme" content="light dark";
            meta name="theme-color" content="#f5f6f2" media="(prefers-color-scheme: light)";
            meta name="theme-color" content="#121715" media="(prefers-color-scheme: dark)";
            @if let Some(description) = &view.description {
                meta name="description" content=(description);
            }
            @if view.index {
                meta property="og:type" content="website";
                meta property="og:site_name" content=(chrome.site);
                meta property="og:title" content=(view.title);
                @if let Some(description) = &view.description {
                    meta property="og:description" content=(description);
                }
                @if let Some(address) = &address {
                    link rel="canonical" href=(address);
                    meta property="og:url" content=(address);
                }
            } @else {
                meta name="robots" content="noindex";
            }
            link rel="stylesheet" href=(assets::STYLE.url());
            link rel="icon" type="image/svg+xml" href=(assets::ICON.url());
            link rel="apple-touch-icon" href=(assets::TOUCH_ICON.url());
            script src=(assets::ENHANCE.url()) defer {}
            @if let Some(script) = view.script { script src=(script.url()) defer {} }
        }
    }
}

/// The bar above the masthead that whoever is signed in sees.
pub(crate) fn desk(who: &Who<'_>, here: &str) -> Markup {
    html! {
        div.desk {
            nav aria-label=(if who.is_staff { "Staff" } else { "Your account" }) {
                ul {
                    @if who.is_staff { (staff_links(here)) }
                    (nav_link(&paths::account(), "Account", here))
                }
            }
            form.sign-out method="post" action=(paths::sign_out()) {
                span.who dir="auto" { (who.name) }
                button type="submit" data-pending="Signing out…" { "Sign out" }
            }
        }
    }
}

fn staff_links(here: &str) -> Markup {
    html! {
        (nav_link(&paths::admin(), "Desk", here))
        (nav_link(&paths::admin_leads(), "Leads", here))
        (nav_link(&paths::admin_posts(), "Posts", here))
        (nav_link(&paths::admin_issues(), "Newsletter", here))
        (nav_link(&paths::admin_subscribers(), "Subscribers", here))
        (nav_link(&paths::admin_outbox(), "Outbox", here))
    }
}

fn masthead(site: &str, here: &str) -> Markup {
    html! {
        div.masthead {
            a.wordmark href=(paths::home()) {
                img src=(assets::ICON.url()) alt="" width="32" height="32";
                span dir="auto" { (site) }
            }
            nav aria-label="Main" {
                ul {
                    (nav_link(&paths::home(), "Home", here))
                    (nav_link(&paths::posts(), "Posts", here))
                    (nav_link(&paths::shop(), "Shop", here))
                    (nav_link(&paths::contact(), "Contact", here))
                    (Hole::Cart.mark())
                }
            }
        }
    }
}

/// The way to a cart that is not empty.
pub(crate) fn cart(many: i64, here: &str) -> Markup {
    nav_link(&paths::cart(), &format!("Cart ({many})"), here)
}

fn footer(site: &str, here: &str) -> Markup {
    html! {
        footer.site-footer {
            // Where the page itself has the form, one is enough.
            @if here != paths::newsletter() { (newsletter::small_form()) }
            p dir="auto" { (site) }
            nav aria-label="More" {
                ul {
                    (nav_link(&paths::posts(), "Posts", ""))
                    (nav_link(&paths::contact(), "Contact", ""))
                    (nav_link(&paths::newsletter(), "Newsletter", ""))
                    (nav_link(&paths::shop(), "Shop", ""))
                    (nav_link(&paths::cart(), "Cart", ""))
                    (nav_link(&paths::membership(), "Membership", ""))
                    (nav_link(&paths::callers(), "Who is calling?", ""))
                    (nav_link(&paths::account(), "Account", ""))
                }
            }
        }
    }
}

/// A link that knows whether it leads to the page we are on, or to the section the page is in.
fn nav_link(path: &str, label: &str, here: &str) -> Markup {
    let below = here.strip_prefix(path).is_some_and(|rest| rest.starts_with(['/', '?']));
    // Everything is below these two; they stand for their own page only.
    let own_page_only = path == paths::home() || path == paths::admin();
    let current = match below {
        _ if here == path => Some("page"),
        true if !own_page_only => Some("true"),
        _ => None,
    };
    html! { li { a href=(path) aria-current=[current] { (label) } } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Visitor, Who};

    const CHROME: Chrome<'_> = Chrome { site: "Studio & Sons", origin: "https://example.com" };

    fn page(view: View, chrome: &Chrome<'_>) -> String {
        document(&view, chrome).text
    }

    #[test]
    fn the_title_names_the_page_and_then_the_site() {
        let html = page(View::new("<Posts>", html! {}), &CHROME);
        assert!(html.contains("<title>&lt;Posts&gt; · Studio &amp; Sons</title>"));
        assert!(
            page(View::new("Studio & Sons", html! {}), &CHROME)
                .contains("<title>Studio &amp; Sons</title>")
        );
    }

    #[test]
    fn a_page_that_is_not_to_be_found_has_no_canonical_address() {
        let view = View::new("x", html! {}).canonical("/posts");
        assert!(
            page(view.clone(), &CHROME)
                .contains(r#"<link rel="canonical" href="https://example.com/posts">"#)
        );
        let hidden = page(view.noindex(), &CHROME);
        assert!(!hidden.contains("canonical") && hidden.contains("noindex"));
    }

    #[test]
    fn only_staff_see_the_desk_and_its_way_out() {
        let document = document(&View::new("x", html! {}), &CHROME);
        assert!(!document.text.contains("sign-out"));
        let visitor = Visitor {
            who: Some(Who { name: "Ada <3", is_staff: true }),
            here: "/admin/leads",
            ..Visitor::default()
        };
        let html = document.fill(&visitor);
        assert!(html.contains(r#"method="post" action="/sign-out""#) && html.contains("Ada &lt;3"));
        assert!(html.contains(r#"href="/admin/leads" aria-current="page""#));
    }

    #[test]
    fn the_navigation_says_where_we_are() {
        let link = |here| nav_link("/posts", "Posts", here).into_string();
        assert!(link("/posts").contains(r#"aria-current="page""#));
        assert!(link("/posts?page=2").contains(r#"aria-current="true""#));
        assert!(!link("/postscript").contains("aria-current"));
        assert!(!nav_link("/", "Home", "/posts").into_string().contains("aria-current"));
    }

    #[test]
    fn nothing_on_the_page_is_inline() {
        let html = page(View::new("x", html! {}), &CHROME);
        assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("data:"));
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains(" defer></script>"));
    }
}
