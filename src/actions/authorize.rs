//! Where an app sends its member to be asked whether it may act for them (RFC 6749 §4.1, RFC 8252): a page in the member's own
//! browser, where they are signed in or sign in now, so that no app sees a password. Always asked: an app can keep no secret,
//! so nobody can tell whether it is the one it says it is.
//!
//! An app that is not known, or names an address that was not registered for it, is told so here and sent nowhere. So is one whose
//! request makes no sense: only a person who has pressed a button is led to it.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::{self, Valid};
use crate::services::sessions::Member;
use crate::services::{apps, tokens};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::authorize::{nobody, page};
use templates::{FormState, View};
use url::Url;
use uuid::Uuid;
use validator::Validate;

/// `/oauth/authorize`
pub struct Authorize;

/// What the app asks for, and what its member says.
#[derive(Debug, Default, Deserialize, Validate)]
pub struct Asked {
    #[serde(default, deserialize_with = "input::line")]
    response_type: String,
    #[serde(default, deserialize_with = "input::line")]
    client_id: String,
    #[serde(default, deserialize_with = "input::line")]
    redirect_uri: String,
    #[serde(default, deserialize_with = "input::line")]
    code_challenge: String,
    #[serde(default, deserialize_with = "input::line")]
    code_challenge_method: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    answer: String,
}

impl Gate for Authorize {
    const PATH: &'static str = "/oauth/authorize";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Member;
}

impl Action for Authorize {
    type At = ();
    type Form = Asked;
    const BODY: usize = 16 * 1024;
    const PREFILLED: &'static [&'static str] = &[
        "response_type",
        "client_id",
        "redirect_uri",
        "code_challenge",
        "code_challenge_method",
        "state",
    ];
    const ASKED_AGAIN: bool = true;

    async fn run(visit: &Visit<'_>, who: &Member, (): &(), form: Valid<Asked>) -> Result<Done> {
        let app = visit.app;
        let fresh = (app.clock.id(), app.clock.random());
        // Not `once`, which keeps where a form has led: the code is kept as a hash alone.
        let answered = app.write(async |tx| {
            let known = known(&mut *tx, &form).await?;
            if form.answer != "yes" {
                return Ok(led_back(app, &form, &[("error", "access_denied")]));
            }
            let half = (form.redirect_uri.as_str(), form.code_challenge.as_str());
            let code = tokens::issue(&mut *tx, who, &known, half, fresh).await?;
            visit.note(tx, who.id(), Act::AppAllowed.on("app", known.id)).await?;
            Ok(led_back(app, &form, &[("code", &code.reveal())]))
        });
        Ok(Done::at(answered.await?))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        if state.pairs().is_empty() {
            return Ok(nobody());
        }
        let asked = read(state)?;
        let known = known(db, &asked).await?;
        Ok(page(&known.name, who.name(), state).leads_to(place(&asked.redirect_uri)))
    }
}

/// What stands in the address, each name once.
fn read(state: &FormState) -> Result<Asked> {
    let twice = |name: &str| state.pairs().iter().filter(|(given, _)| given == name).count() > 1;
    if let Some((name, _)) = state.pairs().iter().find(|(name, _)| twice(name)) {
        return Err(Error::Malformed(format!("The app says {name} twice.")));
    }
    let typed = |name: &str| state.typed(name).unwrap_or_default().trim().to_owned();
    Ok(Asked {
        response_type: typed("response_type"),
        client_id: typed("client_id"),
        redirect_uri: typed("redirect_uri"),
        code_challenge: typed("code_challenge"),
        code_challenge_method: typed("code_challenge_method"),
        ..Asked::default()
    })
}

/// The app that asks, where it asks for what it may have.
async fn known(db: &mut PgConnection, asked: &Asked) -> Result<apps::App> {
    let refused = |why: &str| Err(Error::Malformed(why.to_owned()));
    let known = match Uuid::try_parse(&asked.client_id) {
        Ok(id) => apps::by_id(db, id).await?,
        Err(_) => None,
    };
    let Some(known) = known else {
        return refused(
            "The app that has sent you here is not known to this site, or not any more.",
        );
    };
    if !known.may_be_sent_to(&asked.redirect_uri) {
        return refused("The app wants the answer sent to an address that is not its own.");
    }
    if asked.response_type != "code" {
        return refused(
            "The app asks in a way that is not offered here: response_type has to be code.",
        );
    }
    if asked.code_challenge_method != "S256" || !is_challenge(&asked.code_challenge) {
        return refused(
            "The app asks without PKCE: it has to send a code_challenge, with the method S256.",
        );
    }
    Ok(known)
}

/// SHA-256 as base64url has 43 characters.
fn is_challenge(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.len() == 43 && text.bytes().all(known)
}

/// The app's address with the answer, with what the app wanted to be told again, and with who answers (RFC 9207).
fn led_back(app: &App, asked: &Asked, answer: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(answer);
    if !asked.state.is_empty() {
        query.append_pair("state", &asked.state);
    }
    query.append_pair("iss", &app.config.canonical_origin().to_string());
    let joint = if asked.redirect_uri.contains('?') { '&' } else { '?' };
    format!("{}{joint}{}", asked.redirect_uri, query.finish())
}

/// What a content security policy calls the place that an address leads to.
fn place(redirect_uri: &str) -> String {
    match Url::parse(redirect_uri) {
        // It has no word for an address of IPv6.
        Ok(url) if matches!(url.host(), Some(url::Host::Ipv6(_))) => "http:".to_owned(),
        Ok(url) if matches!(url.scheme(), "https" | "http") => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_lead_to_the_app_and_to_nothing_else() {
        for (address, expected) in [
            ("https://app.example.com/in?x=y", "https://app.example.com"),
            ("http://127.0.0.1:4711/in", "http://127.0.0.1:4711"),
            ("http://[::1]:4711/in", "http:"),
            ("com.example.app:/in", "com.example.app:"),
        ] {
            assert_eq!(place(address), expected);
        }
    }

    #[test]
    fn a_challenge_is_a_hash_in_base64url() {
        assert!(is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        for wrong in ["", "short", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", &"a".repeat(44)] {
            assert!(!is_challenge(wrong), "{wrong}");
        }
    }
}
