//! The map of the doors: who may call, by which, with what proof, and what comes back.

use crate::{View, paths};
use maud::{Markup, html};

/// One kind of caller.
pub struct Row<'a> {
    /// Who calls.
    pub caller: &'a str,
    /// By which door: a path or a command.
    pub door: &'a str,
    /// What proves that they may.
    pub proof: &'a str,
    /// What they get.
    pub answer: &'a str,
    /// Where the door can be seen, if a browser can open it.
    pub href: Option<&'a str>,
}

/// The table of callers.
pub fn page(rows: &[Row<'_>]) -> View {
    let main = html! {
        header.page-head {
            h1 { "Who is calling?" }
            p.lede {
                "Whoever calls decides the door. Behind it the work is done once, by the same service, "
                "so every caller gets the same rules."
            }
        }
        table.stacked {
            thead { tr { th scope="col" { "Caller" } th scope="col" { "Door" } th scope="col" { "Proof" } th scope="col" { "Answer" } } }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { (row.caller) }
                        td data-label="Door" {
                            @match row.href {
                                Some(href) => a href=(href) { (door(row.door)) },
                                None => (door(row.door)),
                            }
                        }
                        td data-label="Proof" { (row.proof) }
                        td data-label="Answer" { (row.answer) }
                    }
                }
            }
        }
        p {
            "The other way round, this site calls whoever has asked to be told: what happens here is sent to them by webhook, signed "
            "(Standard Webhooks), in order, and again for three days where it does not arrive. It is what "
            code { "/api/v1/events" } " says, without asking."
        }
    };
    View::new("Who is calling?", main)
        .describe("Every door of this site: who may use it, with what proof, and what comes back.")
        .canonical(paths::callers())
}

/// A path or a command in the letters of machines, anything else in those of people.
fn door(door: &str) -> Markup {
    let typed = door.starts_with('/') || door.starts_with("frontdesk");
    html! { @if typed { code { (door) } } @else { (door) } }
}
