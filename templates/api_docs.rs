//! The API, for people who write programs.

use crate::{View, paths};
use maud::{Markup, html};

/// Something a program can ask for.
pub struct Operation {
    /// A name that no other has.
    pub id: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// What it is for.
    pub summary: String,
    /// What proves that they may.
    pub proof: String,
    /// How often they may.
    pub limit: String,
    /// How to ask for it from a shell.
    pub curl: String,
    /// What is sent.
    pub sent: Vec<Field>,
    /// The status of success.
    pub status: String,
    /// What is answered.
    pub answered: Vec<Field>,
}

/// Something that is sent or answered.
pub struct Field {
    /// Its name.
    pub name: String,
    /// Where it stands: path, query, header or body.
    pub place: String,
    /// What may stand there.
    pub kind: String,
    /// What it is.
    pub about: String,
    /// Whether it has to be there.
    pub required: bool,
}

/// The whole of it.
pub fn page(about: &str, operations: &[Operation]) -> View {
    let main = html! {
        header.page-head {
            h1 { "API" }
            p.lede { "For programs of partners and apps of members. " a href=(paths::openapi()) { "OpenAPI 3.1" } " says the same to programs." }
            p { (about) }
            p { "In the examples, " code { "$SITE" } " is the address of this site, " code { "$KEY" } " an API key, and " code { "$TOKEN" } " an access token." }
        }
        section aria-label="Operations" {
            ul {
                @for one in operations { li { a href={ "#" (one.id) } { code { (one.method) " " (one.path) } } " " (one.summary) } }
            }
        }
        @for one in operations { (section(one)) }
    };
    View::new("API", main)
        .describe("Everything a program can ask this site for: leads, posts, members, with a line for the shell each.")
        .canonical(paths::api_docs())
}

fn section(one: &Operation) -> Markup {
    html! {
        section.operation aria-labelledby=(one.id) {
            div.section-head { h2 #(one.id) { code { (one.method) " " (one.path) } } }
            p { (one.summary) }
            dl.facts {
                dt { "Proof" } dd { (one.proof) }
                dt { "Limit" } dd { (one.limit) }
                dt { "Answer" } dd { (one.status) }
            }
            pre tabindex="0" { code { (one.curl) } }
            (table("What is sent", &one.sent, true))
            (table("What is answered", &one.answered, false))
        }
    }
}

fn table(caption: &str, fields: &[Field], sent: bool) -> Markup {
    html! {
        @if !fields.is_empty() {
            table.stacked {
                caption { (caption) }
                thead { tr { th scope="col" { "Name" } @if sent { th scope="col" { "Where" } } th scope="col" { "What" } th scope="col" { "About" } } }
                tbody {
                    @for field in fields {
                        tr {
                            th scope="row" { code { (field.name) } }
                            @if sent { td data-label="Where" { (field.place) @if field.required { ", required" } } }
                            td data-label="What" { (field.kind) }
                            td data-label="About" { (field.about) }
                        }
                    }
                }
            }
        }
    }
}
