//! Posts as staff write them.

use super::{badge, page, pager, version};
use crate::{FormState, View, Whom, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A post in the list.
pub struct Row<'a> {
    /// Which post.
    pub id: Uuid,
    /// Its title.
    pub title: &'a str,
    /// Its place in the URL.
    pub slug: &'a str,
    /// Whether visitors see it.
    pub status: &'a str,
    /// Whom its text is for, where it is not for everyone.
    pub whom: Option<Whom>,
    /// The name of its topic.
    pub topic: &'a str,
    /// When it was last changed.
    pub updated_at: OffsetDateTime,
}

/// A post as it is stored.
pub struct Stored<'a> {
    /// Which post.
    pub id: Uuid,
    /// Its title.
    pub title: &'a str,
    /// Its place in the URL.
    pub slug: &'a str,
    /// What it says, in a sentence or two.
    pub summary: &'a str,
    /// The text, in Markdown.
    pub body: &'a str,
    /// The name of its topic.
    pub topic: &'a str,
    /// Whether visitors see it.
    pub status: &'a str,
    /// Whom its text is for.
    pub audience: &'a str,
    /// From when on they do.
    pub published_at: Option<OffsetDateTime>,
    /// When it was last changed: what is saved over is what was seen.
    pub updated_at: OffsetDateTime,
    /// The tags of the pages that change when it is published, separated by spaces.
    pub touches: &'a str,
}

const STATUSES: [Choice<'static>; 4] = [
    Choice { value: "draft", label: "Draft", hint: "Only staff see it." },
    Choice {
        value: "scheduled",
        label: "Scheduled",
        hint: "Everybody sees it, from the time below on.",
    },
    Choice { value: "published", label: "Published", hint: "Everybody sees it, from now on." },
    Choice {
        value: "archived",
        label: "Archived",
        hint: "Its address says that it has been taken down.",
    },
];

const AUDIENCES: [Choice<'static>; 3] = [
    Choice { value: "everyone", label: "Everyone", hint: "Whoever comes reads all of it." },
    Choice {
        value: "members",
        label: "Members",
        hint: "Whoever has an account reads all of it. Everyone else sees the summary or, without one, the first paragraph.",
    },
    Choice {
        value: "paid",
        label: "Paying members",
        hint: "Whoever has a membership reads all of it. Everyone else sees as much as of a post for members.",
    },
];

/// The list, newest first. `older` is the cursor of the next page; `first` is false on every page but the newest.
pub fn index(rows: &[Row<'_>], older: Option<Uuid>, first: bool) -> View {
    let main = html! {
        header.page-head {
            h1 { "Posts" }
            p.actions { a.button href=(paths::admin_new_post()) { "Write a post" } }
        }
        @if rows.is_empty() { p.empty { "No posts yet." } } @else { (table(rows)) }
        (pager((!first).then(paths::admin_posts), older.map(paths::admin_posts_before)))
    };
    page("Posts", &paths::admin_posts(), main)
}

/// The form for a post: a new one, or what is `stored`. `topics` are the names there are; a new name makes a new topic.
pub fn edit(stored: Option<&Stored<'_>>, topics: &[&str], state: &FormState) -> View {
    let (title, path) = match stored {
        Some(post) => ("Edit post", paths::admin_edit_post(post.id)),
        None => ("New post", paths::admin_new_post()),
    };
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_posts()) { "All posts" } }
            h1 { (title) }
            @if let Some(post) = stored {
                p.meta {
                    (badge(post.status))
                    @if post.status == "published" {
                        a href=(paths::post(post.slug)) { "See it on the site" }
                        a href=(paths::admin_issue_from_post(post.id)) { "Write an issue from it" }
                    }
                    a href=(paths::admin_cache_where(&[("tags", post.touches)])) { "See which kept pages publishing it touches" }
                }
            }
        }
        div.panel {
            (form::Form::new(state).action(path.as_str()).button("Save post", "Saving…").show(fields(stored, topics, state)))
        }
    };
    page(&form::title(state, title), &path, main)
}

fn fields(stored: Option<&Stored<'_>>, topics: &[&str], state: &FormState) -> Markup {
    let value = |of: fn(&Stored<'_>) -> String| stored.map(of).unwrap_or_default();
    let (post_title, slug, summary) =
        (value(|p| p.title.into()), value(|p| p.slug.into()), value(|p| p.summary.into()));
    let (topic, body) = (value(|p| p.topic.into()), value(|p| p.body.into()));
    let scheduled =
        stored.filter(|post| post.status == "scheduled").and_then(|post| post.published_at);
    let publish_at = scheduled.map(format::sortable).unwrap_or_default();
    let slug_field = form::text(state, "slug", "Address").stored(&slug);
    html! {
        @if let Some(post) = stored { (version(post.updated_at, state)) }
        (form::text(state, "title", "Title").stored(&post_title))
        @match stored {
            Some(_) => (slug_field.hint("The last part of the URL. The old address leads to the new one.")),
            None => (slug_field.optional().hint("The last part of the URL. Left empty, it is made from the title.")),
        }
        (form::textarea(state, "summary", "Summary", 2).stored(&summary).hint("One or two sentences for lists and search engines."))
        (form::text(state, "topic", "Topic").stored(&topic).suggestions(topics))
        (form::textarea(state, "body", "Text", 20).stored(&body).hint("Markdown: ## heading, **bold**, [link](https://…), - list."))
        (form::choice(state, "audience", "For whom", &AUDIENCES).stored(stored.map_or("everyone", |post| post.audience)))
        (form::choice(state, "status", "Status", &STATUSES).stored(stored.map_or("draft", |post| post.status)))
        (form::text(state, "publish_at", "Time of publication").stored(&publish_at).optional()
            .hint("For a scheduled post, in UTC: 2027-01-31 09:00."))
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Title" }
                    th scope="col" { "Topic" }
                    th scope="col" { "Status" }
                    th scope="col" { "Changed" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_edit_post(row.id)) { (row.title) }
                            span.sub { (row.slug) }
                        }
                        td data-label="Topic" dir="auto" { (row.topic) }
                        td data-label="Status" {
                            (badge(row.status))
                            @if let Some(whom) = row.whom { span.sub { (whom.words().to_lowercase()) } }
                        }
                        td data-label="Changed" { (format::moment(row.updated_at)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Stored<'_> = Stored {
        id: Uuid::from_u128(7),
        title: "Quiet \"tools\"",
        slug: "quiet",
        summary: "Why.",
        body: "\n# Body",
        topic: "Craft",
        status: "published",
        audience: "members",
        published_at: None,
        updated_at: OffsetDateTime::UNIX_EPOCH,
        touches: "posts topic:craft",
    };

    #[test]
    fn a_new_post_starts_as_a_draft_and_may_leave_its_address_open() {
        let html = edit(None, &["Craft"], &FormState::default()).main.into_string();
        assert!(
            html.contains(r#"value="draft" checked"#)
                && html.contains(r#"value="everyone" checked"#)
                && html.contains(r#"<option value="Craft">"#)
        );
        assert!(html.contains("(optional)") && html.contains(r#"action="/admin/posts/new""#));
    }

    #[test]
    fn the_form_shows_what_is_stored_until_something_is_typed() {
        let html = edit(Some(&STORED), &[], &FormState::default()).main.into_string();
        assert!(
            html.contains("Quiet &quot;tools&quot;") && html.contains(">\n\n# Body</textarea>")
        );
        assert!(
            html.contains(r#"value="published" checked"#)
                && html.contains(r#"value="members" checked"#)
                && html.contains(r#"href="/posts/quiet""#)
        );
        let typed = FormState::new(vec![("title".into(), "Loud".into())], [].into());
        assert!(edit(Some(&STORED), &[], &typed).main.into_string().contains(r#"value="Loud""#));
    }
}
