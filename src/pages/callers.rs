//! The table of callers: who is calling, by which door, with what proof.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::CachedPage;
use crate::policies::Anyone;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::callers::{Row, page};
use templates::{View, paths};

/// `/callers`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/callers";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

/// Only doors that are open; the README has the same table.
const ROWS: [Row<'static>; 12] = [
    Row {
        caller: "A person with any browser, JavaScript or not",
        door: "A form at the page’s own URL",
        proof: "Same origin; a session where one is needed",
        answer: "303, or 422 and the form again",
        href: Some("/contact"),
    },
    Row {
        caller: "A visitor, a crawler",
        door: "A page",
        proof: "None",
        answer: "Cached HTML with an ETag, or 304",
        href: Some("/posts"),
    },
    Row {
        caller: "A member of staff",
        door: "/admin",
        proof: "A session",
        answer: "Live pages, and forms as above",
        href: Some("/admin"),
    },
    Row {
        caller: "A member",
        door: "/account",
        proof: "A session",
        answer: "Live pages, and forms as above",
        href: Some("/account"),
    },
    Row {
        caller: "A partner’s program",
        door: "/api/v1/*",
        proof: "An API key with the scope",
        answer: "JSON, or a problem document",
        href: Some("/api/docs"),
    },
    Row {
        caller: "A partner’s program that wants to know what has happened",
        door: "/api/v1/events",
        proof: "An API key with the scope",
        answer: "What has happened since it last asked, as far as its key may read it",
        href: Some("/api/docs#events_index"),
    },
    Row {
        caller: "An identity provider",
        door: "/api/oauth/*",
        proof: "State, PKCE, nonce and issuer",
        answer: "303, or a page that says why not",
        href: Some("/sign-in"),
    },
    Row {
        caller: "A member’s app",
        door: "/api/v1/me",
        proof: "An access token: Authorization: Bearer",
        answer: "JSON, or a problem document",
        href: None,
    },
    Row {
        caller: "Another site’s form",
        door: "/api/contact",
        proof: "Its origin is on the list",
        answer: "JSON, or 303 for a plain form",
        href: None,
    },
    Row {
        caller: "Stripe, GitHub, Resend, any Standard Webhooks sender",
        door: "/api/webhooks/{source}",
        proof: "That sender’s signature over the body",
        answer: "200 once it is stored",
        href: None,
    },
    Row {
        caller: "A scheduler",
        door: "/api/cron/{task}",
        proof: "A secret: Authorization: Bearer",
        answer: "JSON: what was done, once per slot",
        href: None,
    },
    Row {
        caller: "The operator",
        door: "frontdesk on the shell",
        proof: "The shell",
        answer: "Text, or one JSON document",
        href: None,
    },
];

impl CachedPage for Show {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::callers()
    }

    async fn view(_: &mut PgConnection, (): &(), (): &(), _: &mut Dependencies) -> Result<View> {
        Ok(page(&ROWS))
    }
}
