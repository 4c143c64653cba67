//! Every door there is, as the program itself knows them.

use super::page;
use crate::{View, paths};
use maud::html;

/// A door.
pub struct Row<'a> {
    /// GET or POST; HEAD goes wherever GET goes.
    pub method: &'a str,
    /// The path, with `{name}` for each part that varies.
    pub path: &'a str,
    /// The proof asked for.
    pub proof: &'a str,
    /// How often one caller may come.
    pub limit: Option<&'a str>,
    /// The largest body, in KiB.
    pub body_kib: Option<usize>,
    /// Whether the answer is kept.
    pub cached: bool,
}

/// The table.
pub fn index(rows: &[Row<'_>]) -> View {
    let main = html! {
        header.page-head {
            h1 { "Routes" }
            p.lede { "Every door of this program, in the order it knows them. What is not here is not there." }
            p { "Who may do what is said at each door and nowhere else: whoever lacks the proof is turned away before anything is read or done." }
        }
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Door" }
                    th scope="col" { "Proof" }
                    th scope="col" { "Limit" }
                    th scope="col" { "Size" }
                    th scope="col" { "Cache" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" { code { (row.method) " " (row.path) } }
                        td data-label="Proof" { (row.proof) }
                        td data-label="Limit" { (row.limit.unwrap_or("-")) }
                        td.number data-label="Size" { @match row.body_kib { Some(kib) => { (kib) " KiB" }, None => "-" } }
                        td data-label="Cache" { @if row.cached { "kept" } @else { "-" } }
                    }
                }
            }
        }
    };
    page("Routes", &paths::admin_routes(), main)
}
