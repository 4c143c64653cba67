//! The start page: who we are, what we wrote last, how to reach us.

use crate::{View, format, markdown, paths, posts};
use maud::html;
use posts::{Card, Topic};

/// What the start page shows.
pub struct Home<'a> {
    /// The sentence at the top.
    pub title: &'a str,
    /// The text below it, in Markdown.
    pub body: &'a str,
    /// The newest posts.
    pub latest: Vec<Card<'a>>,
    /// What the posts are about.
    pub topics: Vec<Topic<'a>>,
}

/// The start page.
pub fn page(home: &Home<'_>) -> View {
    let main = html! {
        section.hero {
            h1 dir="auto" { (home.title) }
            div.prose dir="auto" { (markdown::render(home.body)) }
            p.actions {
                a.button href=(paths::contact()) { "Tell us about your project" }
                a.quiet href=(paths::posts()) { "Read our posts" }
            }
        }
        @if !home.latest.is_empty() {
            section aria-labelledby="latest" {
                div.section-head {
                    h2 #latest { "Latest posts" }
                    a href=(paths::posts()) { "All posts" }
                }
                (posts::cards(&home.latest, posts::Heading::H3))
            }
        }
        @if !home.topics.is_empty() {
            section aria-labelledby="topics" {
                h2 #topics { "Topics" }
                (posts::topic_links(&home.topics))
            }
        }
    };
    View::new(home.title, main).describe(&format::excerpt(home.body, 160)).canonical(paths::home())
}
