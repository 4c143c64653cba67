//! A form that finds nobody signed in is not lost: whoever sent it signs in, and sends it then. Nor is one that asks its
//! sender to prove once more who they are.
//!
//! Nobody is trusted with it meanwhile. The answer is the page to sign in, and that page holds what was typed, in fields of
//! its own forms, as nothing else would survive the way: it is written down nowhere, and goes back to the browser it came
//! from. What comes of it after the sign-in is a page with one button, and until that is pressed nothing is done. What
//! is not known to come from our own pages is never held, so no other site can put a form into anyone's hands here.
//! Passwords and files are not held; the page says so.

use super::action::Done;
use super::errors::{self, Face};
use super::form::{self, Pairs};
use super::{body, session};
use crate::App;
use crate::actions::enter::own_path;
use crate::error::{Error, Result};
use crate::pages::identities::with_ways_in;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use templates::held::{self, FILES, HELD, TO};
use templates::{FormState, View, paths};

/// No form that is longer, as browsers send it, is carried along by another.
const MOST: usize = 1024 * 1024;
/// Nor is one with more fields. No form of ours has nearly as many.
const MOST_FIELDS: usize = 200;
/// The largest form that carries another.
pub const BODY: usize = MOST + 64 * 1024;

/// Where whoever sent a form proves who they are, and sends it then.
struct Way {
    page: fn(&App, &FormState) -> View,
    path: fn() -> String,
}

/// For those who are not signed in.
const SIGN_IN: Way = Way {
    page: |app, state| with_ways_in(app, state, templates::sign_in::page(state)),
    path: paths::sign_in,
};
/// For those who are, and to whom that happened a while ago.
const CONFIRM: Way = Way {
    page: |_, state| templates::confirm_identity::page(state),
    path: paths::confirm_identity,
};

/// The answer to a form, of at most `limit` bytes, that finds nobody signed in: the page to do so, with what was typed. Where
/// nothing was, or nothing that can be read, only that page.
///
/// # Errors
/// [`Error::TooLarge`]; `unproven`, where there is nothing to hold.
pub async fn ask(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
    unproven: Error,
) -> Result<HttpResponse> {
    let typed = match body::read(request, payload, limit).await {
        Ok(body) => form::typed(request, body).await,
        Err(Error::TooLarge { limit_kib }) => return Err(Error::TooLarge { limit_kib }),
        Err(error) => Err(error),
    };
    let Ok((pairs, files)) = typed else { return Err(unproven) };
    sign_in(request, &pairs, files, unproven)
}

/// The same answer, once it is known what was typed, and whether there were `files`.
///
/// # Errors
/// `unproven`, where there is nothing to hold.
pub fn sign_in(
    request: &HttpRequest,
    pairs: &Pairs,
    files: bool,
    unproven: Error,
) -> Result<HttpResponse> {
    let is_empty = |(name, value): &(String, String)| name == "submission" || value.is_empty();
    let nothing = pairs.len() > MOST_FIELDS || (pairs.iter().all(is_empty) && !files);
    // A step of a sign-in that has come to nothing is begun anew.
    if nothing || own_path(errors::here(request)).is_none() {
        return Err(unproven);
    }
    Ok(hold(request, pairs, files, &SIGN_IN))
}

/// The answer to a form of somebody who is to prove once more who they are: the page to do so, with what was typed.
pub fn confirm(request: &HttpRequest, pairs: &Pairs) -> HttpResponse {
    hold(request, pairs, false, &CONFIRM)
}

fn hold(request: &HttpRequest, pairs: &Pairs, files: bool, way: &Way) -> HttpResponse {
    let held = packed(errors::here(request), pairs, files);
    let view = if encoded(&held) <= MOST {
        (way.page)(errors::shared(request), &FormState::new(held, Default::default()))
    } else {
        held::elsewhere(&(way.path)(), errors::here(request), &errors::showable(pairs))
    };
    errors::html(request, StatusCode::FORBIDDEN, &view)
}

/// What the form by which somebody proves who they are carries along: a form sent to `to`, or what that carried itself.
fn packed(to: &str, pairs: &Pairs, files: bool) -> Pairs {
    if form::value(pairs, TO).is_some() {
        return pairs.iter().filter(|(name, _)| held::is_held(name)).cloned().collect();
    }
    let mut held = vec![(TO.to_owned(), to.to_owned())];
    held.extend(files.then(|| (FILES.to_owned(), "on".to_owned())));
    let typed = errors::showable(pairs).into_iter();
    held.extend(typed.map(|(name, value)| (format!("{HELD}{name}"), value)));
    held
}

/// How many bytes browsers send for it, or a little more.
fn encoded(pairs: &Pairs) -> usize {
    let bytes =
        |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).map(str::len).sum::<usize>();
    pairs.iter().map(|(name, value)| bytes(name) + bytes(&value.replace('\n', "\r\n")) + 16).sum()
}

/// Leaves out what is held, and what is asked for about it.
pub fn drop_held(pairs: &mut Pairs) {
    pairs.retain(|(name, _)| !held::is_held(name));
}

/// What a way in is answered with: where it carried a form along, that form again, to be sent now or, where the sign-in goes
/// on elsewhere, once it has come to its end.
pub fn go_on(app: &App, request: &HttpRequest, done: Done, pairs: &Pairs) -> Done {
    let to = form::value(pairs, TO).and_then(own_path);
    let Some(to) = to.filter(|to| Face::of_path(to) == Face::Page) else { return done };
    let held = pairs
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(HELD)?.to_owned(), value.clone())));
    let held: Pairs = held.collect();
    let files = form::value(pairs, FILES).is_some();
    let view = match session::is_begun(&app.config, request, done.cookies()) {
        true => held::again(&to, &held, files),
        false => held::elsewhere(done.location(), &to, &held),
    };
    done.here(view)
}

/// Whether the form itself is asked for, with this in it, and nothing else.
pub fn is_to_be_shown(pairs: &mut Pairs) -> bool {
    let before = pairs.len();
    pairs.retain(|(name, _)| name != held::SHOW);
    pairs.len() < before
}
