//! When a member of staff is told of what.

use super::page;
use crate::{FormState, View, form, paths};
use maud::html;

/// What someone has chosen.
pub struct Notices<'a> {
    /// Whether they are told of each lead.
    pub leads: bool,
    /// Whether they get a digest of leads each day.
    pub digest: bool,
    /// The hour at which quiet begins.
    pub quiet_from: i16,
    /// The hour at which it ends.
    pub quiet_until: i16,
    /// An IANA time zone.
    pub time_zone: &'a str,
}

/// The form.
pub fn edit(stored: &Notices<'_>, state: &FormState) -> View {
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
    let (from, until) = (stored.quiet_from.to_string(), stored.quiet_until.to_string());
    let main = html! {
        header.page-head {
            h1 { "Notices" }
            p { "What you are told by mail, and when. This is about you alone." }
        }
        div.panel.narrow {
            (form::Form::new(state).action(paths::admin_notices()).button("Save", "Saving…").show(html! {
                (form::checkbox(state, "notify_leads", "Tell me of each new lead", stored.leads))
                (form::checkbox(state, "digest_leads", "Send me what came in since yesterday, each morning at seven", stored.digest))
                div.pair {
                    (form::select(state, "quiet_from", "Quiet from", hours.iter().copied()).stored(&from))
                    (form::select(state, "quiet_until", "until", hours.iter().copied()).stored(&until))
                }
                (form::text(state, "time_zone", "Time zone").stored(stored.time_zone).hint("Such as Europe/Berlin. What comes in quiet hours is told when they end; the same hour twice means never quiet."))
            }))
        }
    };
    page(&form::title(state, "Notices"), &paths::admin_notices(), main)
}
