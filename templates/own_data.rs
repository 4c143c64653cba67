//! What is kept about a member, to take along.

use crate::{View, paths};
use maud::html;

/// The way to the files.
pub fn page() -> View {
    let main = html! {
        header.page-head {
            h1 { "Your data" }
            p { "Everything that we keep about you and your address: your account and where you are signed in, messages, mail, the newsletter." }
        }
        div.panel.small {
            p.actions {
                a.button href=(paths::account_export_json()) download { "As a document (JSON)" }
                a.button href=(paths::account_export_csv()) download { "As a table (CSV)" }
            }
            p { "They are to be had for ten minutes after you have proven who you are." }
        }
    };
    View::new("Your data", main).noindex()
}
