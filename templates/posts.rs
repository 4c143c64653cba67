//! The posts as visitors read them: the list, one post, one topic.

use crate::{FormState, Gated, Hole, View, Whom, form, format, markdown, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a post is about.
pub struct Topic<'a> {
    /// Its place in the URL.
    pub slug: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// A post in a list.
pub struct Card<'a> {
    /// Its place in the URL.
    pub slug: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What it says, in a sentence or two.
    pub summary: &'a str,
    /// What it is about.
    pub topic: Topic<'a>,
    /// When it was published.
    pub published_at: OffsetDateTime,
    /// How long it takes to read.
    pub minutes: usize,
    /// Whom its text is for, where it is not for everyone.
    pub whom: Option<Whom>,
}

/// A post to go on to.
pub struct Link<'a> {
    /// Its place in the URL.
    pub slug: &'a str,
    /// Its title.
    pub title: &'a str,
}

/// The text of a post, in Markdown.
#[derive(Clone, Copy)]
pub enum Text<'a> {
    /// For everyone.
    ForEveryone(&'a str),
    /// For some alone.
    ForSome {
        /// Whom.
        whom: Whom,
        /// All of it.
        body: &'a str,
        /// What everyone else sees of it, as plain text: the summary, if there is one; or nothing.
        beginning: &'a str,
        /// How many like it whoever has an account may open a month though it is not for them.
        free: u32,
    },
}

impl Text<'_> {
    /// Whom it is for, where that is not everyone.
    fn whom(&self) -> Option<Whom> {
        match self {
            Self::ForEveryone(_) => None,
            Self::ForSome { whom, .. } => Some(*whom),
        }
    }
}

/// A post with everything its page shows.
pub struct Post<'a> {
    /// Which post.
    pub id: Uuid,
    /// Its place in the URL.
    pub slug: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What it says, in a sentence or two.
    pub summary: &'a str,
    /// What it says at length.
    pub text: Text<'a>,
    /// How long that takes to read.
    pub minutes: usize,
    /// What it is about.
    pub topic: Topic<'a>,
    /// When it was published.
    pub published_at: OffsetDateTime,
    /// When it was last changed; shown if that was on a later day.
    pub updated_at: OffsetDateTime,
    /// The post published before it.
    pub older: Option<Link<'a>>,
    /// The post published after it.
    pub newer: Option<Link<'a>>,
    /// Others that go with it.
    pub related: Vec<Card<'a>>,
}

/// Where in a list of pages we are.
#[derive(Clone, Copy)]
pub struct Pages {
    /// This page, from 1.
    pub number: u32,
    /// The last page there is.
    pub last: u32,
}

/// All posts, newest first, one page of them.
pub fn index(cards: &[Card<'_>], topics: &[Topic<'_>], pages: Pages) -> View {
    let main = html! {
        header.page-head {
            h1 { "Posts" }
            p.lede { "Notes from our work: what we make, how, and what we learned on the way." }
        }
        @if !topics.is_empty() { (topic_links(topics)) }
        (cards_or_none(cards, "There are no posts yet."))
        (pager(pages, paths::posts_page, POSTS))
    };
    View::new(numbered("Posts", pages), main)
        .describe("Notes from our work, newest first.")
        .canonical(paths::posts_page(pages.number))
}

/// One post.
pub fn show(post: &Post<'_>) -> View {
    let main = html! {
        article.post {
            header.page-head {
                (byline(&post.topic, post.published_at, post.minutes, post.text.whom()))
                h1 dir="auto" { (post.title) }
                (Hole::EditPost(post.id).mark())
                @if !post.summary.is_empty() { p.lede dir="auto" { (post.summary) } }
                @if post.updated_at.date() > post.published_at.date() {
                    p.meta { span { "Updated " (format::day(post.updated_at)) } }
                }
            }
            @match post.text {
                Text::ForEveryone(body) => (prose(body)),
                Text::ForSome { .. } => (Hole::Gate.mark()),
            }
        }
        (neighbours(post.older.as_ref(), post.newer.as_ref()))
        @if !post.related.is_empty() {
            section aria-labelledby="related" {
                h2 #related { "Related posts" }
                (cards(&post.related, Heading::H3))
            }
        }
    };
    let view = View::new(post.title, main).describe(&about(post)).canonical(paths::post(post.slug));
    match post.text {
        Text::ForEveryone(_) => view,
        Text::ForSome { whom, body, beginning, free } => {
            // A summary stands at the head of the page already.
            let beginning = if post.summary.is_empty() { beginning } else { "" };
            view.gated(gate(post, whom, (body, beginning), free))
        }
    }
}

fn prose(body: &str) -> Markup {
    html! { div.prose dir="auto" { (markdown::render(body)) } }
}

/// All of the text for those it is for, and its beginning for all others.
fn gate(post: &Post<'_>, whom: Whom, (body, beginning): (&str, &str), free: u32) -> Gated {
    let beginning = html! {
        @if !beginning.is_empty() { div.prose dir="auto" { p { (beginning) } } }
    };
    let here = paths::post(post.slug);
    let (sign_in, sign_up) = (paths::sign_in_then(&here), paths::sign_up_then(&here));
    let shut = match whom {
        Whom::Members => html! {
            p { "Whoever has an account reads on here." }
            p.actions {
                a.button href=(sign_in) { "Sign in" }
                a.quiet href=(sign_up) { "Sign up" }
            }
        },
        Whom::Paying => html! {
            p { "Whoever has a membership reads on here." }
            @match free {
                0 => {}
                1 => p { "With an account, one such post a month is free." }
                free => p { "With an account, " (free) " such posts a month are free." }
            }
            p.actions {
                a.button href=(paths::membership()) { "See what membership is" }
                a.quiet href=(sign_in) { "Sign in" }
                @if free > 0 { a.quiet href=(sign_up) { "Sign up" } }
            }
        },
    };
    let unknown = html! {
        p { "Whether you are signed in cannot be seen at the moment: our database does not answer. Please try again shortly." }
    };
    Gated {
        whom,
        post: post.id,
        slug: post.slug.to_owned(),
        open: prose(body),
        shut: shut_gate(whom, &beginning, &shut),
        unknown: shut_gate(whom, &beginning, &unknown),
        beginning,
    }
}

/// The beginning of a text, and what there is to say to whoever is not shown more.
fn shut_gate(whom: Whom, beginning: &Markup, words: &Markup) -> Markup {
    let title = match whom {
        Whom::Members => "The whole text is for members",
        Whom::Paying => "The whole text is for paying members",
    };
    html! {
        (beginning)
        section.panel.narrow.gate aria-labelledby="gate" {
            h2 #gate { (title) }
            (words)
        }
    }
}

/// The same for whoever does not pay, and may open `of` such texts a month; so many are `left`.
pub(crate) fn counted(gated: &Gated, of: u32, left: u32) -> Markup {
    let words = html! {
        @if left > 0 {
            (form::Form::new(&FormState::default()).action(paths::open_post(&gated.slug))
                .button(&format!("Read this one: {left} of {of} left this month"), "One moment…")
                .show(html! {
                    p { "It stays open to you until the month is over. Whoever has a membership reads all of them." }
                }))
            p.actions { a.quiet href=(paths::membership()) { "See what membership is" } }
        } @else {
            p { "You have opened all that are free this month. There will be " (of) " more when the next begins." }
            p { "Whoever has a membership reads on at once." }
            p.actions { a.button href=(paths::membership()) { "See what membership is" } }
        }
    };
    shut_gate(gated.whom, &gated.beginning, &words)
}

/// The posts on one topic, one page of them.
pub fn topic(topic: &Topic<'_>, description: &str, cards: &[Card<'_>], pages: Pages) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::posts()) { "All posts" } }
            h1 dir="auto" { (topic.name) }
            @if !description.is_empty() { p.lede dir="auto" { (description) } }
        }
        (cards_or_none(cards, "There are no posts on this topic yet."))
        (pager(pages, |number| paths::topic_page(topic.slug, number), POSTS))
    };
    let view = View::new(numbered(topic.name, pages), main)
        .canonical(paths::topic_page(topic.slug, pages.number));
    view.describe(&format::shorten(description, 160))
}

/// What stands at the address of a post that was archived: it did exist, and it will not come back.
pub fn gone(title: &str) -> View {
    let main = html! {
        header.page-head {
            p.meta { "410" }
            h1 { "This post has been taken down" }
            p.lede dir="auto" { "“" (title) "” is no longer published." }
        }
        p.actions { a.button href=(paths::posts()) { "See all posts" } }
    };
    View::new("This post has been taken down", main).noindex()
}

/// How deep the titles of cards lie: below the page's title, or below a section's.
#[derive(Clone, Copy)]
pub(crate) enum Heading {
    H2,
    H3,
}

/// Posts in a list.
pub(crate) fn cards(cards: &[Card<'_>], heading: Heading) -> Markup {
    html! {
        ul.cards {
            @for card in cards {
                li {
                    article.card {
                        @let title = html! { a dir="auto" href=(paths::post(card.slug)) { (card.title) } };
                        @match heading {
                            Heading::H2 => h2 { (title) },
                            Heading::H3 => h3 { (title) },
                        }
                        @if !card.summary.is_empty() { p dir="auto" { (card.summary) } }
                        (byline(&card.topic, card.published_at, card.minutes, card.whom))
                    }
                }
            }
        }
    }
}

/// Links to topics, side by side.
pub(crate) fn topic_links(topics: &[Topic<'_>]) -> Markup {
    html! {
        ul.topics aria-label="Topics" {
            @for topic in topics { li { a dir="auto" href=(paths::topic(topic.slug)) { (topic.name) } } }
        }
    }
}

fn cards_or_none(list: &[Card<'_>], none: &str) -> Markup {
    if list.is_empty() {
        html! { p.empty { (none) } }
    } else {
        cards(list, Heading::H2)
    }
}

fn byline(
    topic: &Topic<'_>,
    published_at: OffsetDateTime,
    minutes: usize,
    whom: Option<Whom>,
) -> Markup {
    html! {
        p.meta {
            a.topic dir="auto" href=(paths::topic(topic.slug)) { (topic.name) }
            span { (format::day(published_at)) }
            span { (minutes) " min read" }
            @if let Some(whom) = whom { span { (whom.words()) } }
        }
    }
}

fn neighbours(older: Option<&Link<'_>>, newer: Option<&Link<'_>>) -> Markup {
    html! {
        @if older.is_some() || newer.is_some() {
            nav.neighbours aria-label="Older and newer posts" {
                @if let Some(link) = older {
                    a.older rel="prev" href=(paths::post(link.slug)) { span { "Older" } bdi { (link.title) } }
                }
                @if let Some(link) = newer {
                    a.newer rel="next" href=(paths::post(link.slug)) { span { "Newer" } bdi { (link.title) } }
                }
            }
        }
    }
}

const POSTS: (&str, &str) = ("Newer posts", "Older posts");

/// The way to the pages before and after, and what each is called. `to` is the path of a page.
pub(crate) fn pager(
    pages: Pages,
    to: impl Fn(u32) -> String,
    (newer, older): (&str, &str),
) -> Markup {
    html! {
        @if pages.last > 1 {
            nav.pager aria-label="Pages" {
                @if pages.number > 1 { a.newer rel="prev" href=(to(pages.number - 1)) { (newer) } }
                span { "Page " (pages.number) " of " (pages.last) }
                @if pages.number < pages.last { a.older rel="next" href=(to(pages.number + 1)) { (older) } }
            }
        }
    }
}

/// Two pages of one list need two titles.
fn numbered(title: &str, pages: Pages) -> String {
    if pages.number > 1 { format!("{title}, page {}", pages.number) } else { title.to_owned() }
}

fn about(post: &Post<'_>) -> String {
    match post.text {
        Text::ForEveryone(body) if post.summary.is_empty() => format::excerpt(body, 160),
        Text::ForSome { beginning, .. } => format::shorten(beginning, 160),
        Text::ForEveryone(_) => format::shorten(post.summary, 160),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn post() -> Post<'static> {
        Post {
            id: Uuid::nil(),
            slug: "quiet",
            title: "Quiet <tools>",
            summary: "",
            text: Text::ForEveryone("# Why\n\nBecause."),
            minutes: 1,
            topic: Topic { slug: "craft", name: "Craft" },
            published_at: datetime!(2026-11-13 09:00 UTC),
            updated_at: datetime!(2026-11-13 12:00 UTC),
            older: Some(Link { slug: "before", title: "Before" }),
            newer: None,
            related: vec![],
        }
    }

    #[test]
    fn a_post_shows_its_text_its_topic_and_its_neighbours() {
        let view = show(&post());
        let html = view.main.into_string();
        assert!(html.contains("Quiet &lt;tools&gt;</h1>") && html.contains(">Why</h2>"), "{html}");
        assert!(html.contains(r#"href="/topics/craft""#) && html.contains("1 min read"));
        assert!(
            html.contains(r#"rel="prev" href="/posts/before""#) && !html.contains(r#"rel="next""#)
        );
        assert_eq!(view.canonical.as_deref(), Some("/posts/quiet"));
        assert_eq!(view.description.as_deref(), Some("Why Because."));
    }

    #[test]
    fn what_is_for_some_stands_behind_the_gate_alone() {
        for whom in [Whom::Members, Whom::Paying] {
            let text = Text::ForSome { whom, body: "One.\n\nTwo.", beginning: "One.", free: 3 };
            let view = show(&Post { text, ..post() });
            assert_eq!(view.description.as_deref(), Some("One."));
            let gated = view.gated.expect("a gate");
            assert!(gated.open.0.contains("<p>Two.</p>"));
            let some = [counted(&gated, 3, 2), counted(&gated, 3, 0)];
            assert!(some[0].0.contains("2 of 3 left") && !some[1].0.contains("<button"));
            for everyones in some.into_iter().chain([view.main, gated.shut, gated.unknown]) {
                assert!(!everyones.into_string().contains("Two."));
            }
        }
    }

    #[test]
    fn a_change_on_the_day_of_publication_is_not_an_update() {
        assert!(!show(&post()).main.into_string().contains("Updated"));
        let later = Post { updated_at: datetime!(2026-11-14 00:00 UTC), ..post() };
        assert!(show(&later).main.into_string().contains("Updated <time"));
    }

    #[test]
    fn the_pager_leads_one_page_on_and_one_page_back() {
        let html =
            |number, last| pager(Pages { number, last }, paths::posts_page, POSTS).into_string();
        assert_eq!(html(1, 1), "");
        assert!(
            html(1, 2).contains(r#"href="/posts?page=2""#) && !html(1, 2).contains("Newer posts")
        );
        assert!(html(2, 2).contains(r#"href="/posts""#) && !html(2, 2).contains("Older posts"));
    }
}
