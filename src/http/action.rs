//! One form, one transaction: GET shows it, POST runs it and leads away (303), or shows it again (422).

use super::errors::{self, Face, door};
use super::form::Pairs;
use super::origin::{self, Verdict};
use super::record::Answer;
use super::{
    Gate, Grant, Outcome, admit, body, count, count_in_all, form, headers, held, page, session,
};
use crate::app::{App, Written};
use crate::digest;
use crate::error::{Error, FieldErrors, Result};
use crate::policies::{self, Policy};
use crate::services::input::Valid;
use crate::services::submissions::Submission;
use crate::tags::Dependencies;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, Who, paths};
use uuid::Uuid;
use validator::Validate;

/// A way a person changes something.
pub trait Action: Gate {
    /// The parts of the path that vary.
    type At: DeserializeOwned + 'static;
    /// The fields.
    type Form: DeserializeOwned + Validate + 'static;
    /// The largest form, in bytes.
    const BODY: usize;
    /// Names that the query of the page may fill in.
    const PREFILLED: &'static [&'static str] = &[];
    /// Whether whoever has to sign in first comes to the form again with that, instead of sending what they sent: its answer
    /// leads where only its own page may.
    const ASKED_AGAIN: bool = false;

    /// Does what was asked for; what one of us does, on the record ([`Visit::record`](super::record)).
    async fn run(
        visit: &Visit<'_>,
        who: &Grant<Self>,
        at: &Self::At,
        form: Valid<Self::Form>,
    ) -> Result<Outcome<Self, Done>>;

    /// The page the form stands on: empty, or with what was typed and what was wrong.
    async fn page(
        db: &mut PgConnection,
        who: &Grant<Self>,
        at: &Self::At,
        state: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View>;

    /// Adds to the page what the configuration decides.
    fn complete(_: &App, _: &FormState, view: View) -> View {
        view
    }

    /// Other origins that sending it may lead to: whatever page holds it has to name them.
    fn leads_to(_: &App) -> Vec<String> {
        Vec::new()
    }

    /// Adds what the request itself says and the form left open.
    fn supplement(_: &HttpRequest, _: &mut Pairs) {}
}

/// A form at its door.
pub struct Visit<'a> {
    /// The application.
    pub app: &'a Data<App>,
    /// The head of the request.
    pub request: &'a HttpRequest,
    submission: Option<Submission>,
}

impl<'a> Visit<'a> {
    /// Of somebody who was led here by a link.
    pub(super) fn by_link(app: &'a Data<App>, request: &'a HttpRequest) -> Self {
        Self { app, request, submission: None }
    }

    /// Runs `work` in one transaction, once however often this form arrives; it says where to go next.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn once(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<String>,
    ) -> Result<Done> {
        self.app.write_once(self.submission, work).await.map(Done::at)
    }
}

/// What to answer when a form has succeeded. Only a write makes one, so its token cannot be forgotten.
pub struct Done {
    location: Written<String>,
    cookies: Vec<Cookie<'static>>,
    flash: Option<Flash>,
    here: Option<View>,
}

impl Done {
    /// Go on to one of our paths.
    pub fn at(location: Written<String>) -> Self {
        Self { location, cookies: Vec::new(), flash: None, here: None }
    }

    /// And be told this there.
    #[must_use]
    pub fn saying(self, flash: Flash) -> Self {
        Self { flash: Some(flash), ..self }
    }

    /// Do not go on: this is the answer (200). For programs that may not be led elsewhere, and where nothing was changed.
    #[must_use]
    pub fn here(self, view: View) -> Self {
        Self { here: Some(view), flash: None, ..self }
    }

    /// What the browser is to keep.
    pub(super) fn cookies(&self) -> &[Cookie<'static>] {
        &self.cookies
    }

    /// Where it goes on.
    pub(super) fn location(&self) -> &str {
        &self.location.value
    }

    /// And keep this.
    #[must_use]
    pub fn with(mut self, cookie: Cookie<'static>) -> Self {
        self.cookies.push(cookie);
        self
    }
}

/// The form, before anything is typed.
pub async fn show<A: Action>(request: HttpRequest) -> HttpResponse {
    let app = errors::shared(&request);
    let work = async {
        count::<A>(app, &request)?;
        let who = admit::<A>(app, &request).await?;
        let at = super::at::<A::At>(&request).await?;
        let query: Vec<(String, String)> = super::query(&request)?;
        let prefilled = query.into_iter().filter(|(name, _)| A::PREFILLED.contains(&name.as_str()));
        let state = FormState::new(prefilled.collect(), Default::default());
        let state = state.with_submission(app.clock.id().to_string());
        draw::<A>(app, &request, &who, &at, &state, StatusCode::OK).await
    };
    door(Face::Page, A::PATH, &request, work).await
}

/// The form, filled in.
pub async fn submit<A: Action>(request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let mut response = door(Face::Page, A::PATH, &request, answer::<A>(&request, payload)).await;
    headers::lead_to(response.headers_mut(), &A::leads_to(errors::shared(&request)));
    response
}

async fn answer<A: Action>(request: &HttpRequest, payload: web::Payload) -> Result<HttpResponse> {
    let app = errors::shared(request);
    let verdict = match A::Auth::LOOKS_AT_ORIGIN {
        true => Verdict::Allow,
        false => origin::judge(&app.config, request, A::Auth::AMBIENT),
    };
    let holds = verdict == Verdict::Allow && A::Auth::AMBIENT && !A::Auth::LOOKS_AT_ORIGIN;
    let may_pass = count_in_all::<A>(app, request).await.and_then(|_| match verdict {
        Verdict::Deny => Err(Error::Forbidden(
            "This form was sent from another site. Check it, then send it from here.",
        )),
        Verdict::Allow | Verdict::Confirm => Ok(()),
    });
    // Whoever is turned away with something in hand is shown it; the proof is asked before a body is read.
    let who = match may_pass {
        Ok(()) => admit::<A>(app, request).await,
        Err(error) => Err(error),
    };
    let who = match who {
        Ok(who) => who,
        Err(error @ Error::Unproven(_)) if holds && A::ASKED_AGAIN => {
            let pairs = read::<A>(request, payload, holds).await.unwrap_or_default();
            return ask_again::<A>(request, &pairs, error);
        }
        Err(error @ Error::Unproven(_)) if holds => {
            return held::ask(request, payload, A::BODY, error).await;
        }
        Err(error @ (Error::Unproven(_) | Error::NotFound)) => return Err(error),
        Err(error) => {
            let pairs = read::<A>(request, payload, holds).await?;
            return Ok(errors::resend(request, error, &pairs));
        }
    };
    let at = super::at::<A::At>(request).await?;
    let mut pairs = read::<A>(request, payload, holds).await?;
    if verdict == Verdict::Confirm && !origin::is_confirmed(app, request, &pairs) {
        let token = origin::confirmation(app, request, &pairs);
        return Ok(errors::confirm(request, &pairs, &token));
    }
    if held::is_to_be_shown(&mut pairs) {
        let state = as_typed(app, &pairs, Default::default());
        return draw::<A>(app, request, &who, &at, &state, StatusCode::OK).await;
    }
    match run::<A>(app, request, &who, &at, pairs.clone()).await {
        Ok(done) => {
            let done = held::go_on(app, request, done, &pairs);
            Ok(go_on(app, request, A::Auth::who(&who), done))
        }
        Err((Error::Invalid(fields), pairs)) => {
            let state = as_typed(app, &pairs, fields);
            draw::<A>(app, request, &who, &at, &state, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        // A session may end while its last form is looked at.
        Err((error @ Error::Unproven(_), pairs)) if A::ASKED_AGAIN => {
            ask_again::<A>(request, &pairs, error)
        }
        Err((error @ Error::Unproven(_), pairs)) if holds => {
            held::sign_in(request, &pairs, false, error)
        }
        Err((error, pairs)) => Ok(errors::resend(request, error, &pairs)),
    }
}

/// The way to sign in, and from there to the form with what its address may fill in.
///
/// # Errors
/// `unproven`, where that is nothing.
fn ask_again<A: Action>(
    request: &HttpRequest,
    pairs: &Pairs,
    unproven: Error,
) -> Result<HttpResponse> {
    let known = pairs.iter().filter(|(name, _)| A::PREFILLED.contains(&name.as_str()));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(known).finish();
    match query.as_str() {
        "" => Err(unproven),
        query => {
            Ok(errors::see_other(&paths::sign_in_then(&format!("{}?{query}", request.path()))))
        }
    }
}

/// The form as it was typed, and what is wrong with it.
fn as_typed(app: &App, pairs: &Pairs, errors: FieldErrors) -> FormState {
    let id = form::value(pairs, SUBMISSION).map(str::to_owned);
    let state = FormState::new(errors::showable(pairs), errors);
    state.with_submission(id.unwrap_or_else(|| app.clock.id().to_string()))
}

/// Reads the form. Only one that is known to come from our own pages, to where a session counts, `holds` another.
async fn read<A: Action>(
    request: &HttpRequest,
    payload: web::Payload,
    holds: bool,
) -> Result<Pairs> {
    let mut pairs = form::pairs(request, body::read(request, payload, A::BODY).await?).await?;
    if !holds {
        held::drop_held(&mut pairs);
    }
    Ok(pairs)
}

async fn run<A: Action>(
    app: &Data<App>,
    request: &HttpRequest,
    who: &Grant<A>,
    at: &A::At,
    mut pairs: Pairs,
) -> Result<Done, (Error, Pairs)> {
    A::supplement(request, &mut pairs);
    let outcome = async {
        let form = form::decode(&pairs)?;
        let visit = Visit { app, request, submission: submission(request, &pairs) };
        A::run(&visit, who, at, form).await.map(Answer::answer)
    };
    outcome.await.map_err(|error| (error, pairs))
}

async fn draw<A: Action>(
    app: &App,
    request: &HttpRequest,
    who: &Grant<A>,
    at: &A::At,
    state: &FormState,
    status: StatusCode,
) -> Result<HttpResponse> {
    let mut unused = Dependencies::default();
    let view = app.read(async |db| A::page(db, who, at, state, &mut unused).await).await?;
    let view = A::complete(app, state, view);
    policies::look_into_cart(app, request).await;
    Ok(page::draw(request, status, &view.noindex(), A::Auth::who(who)))
}

pub(super) fn go_on(
    app: &App,
    request: &HttpRequest,
    who: Option<Who<'_>>,
    done: Done,
) -> HttpResponse {
    let mut response = match &done.here {
        None => errors::see_other(&done.location.value),
        Some(view) => page::draw(request, StatusCode::OK, &view.clone().noindex(), who),
    };
    let carried =
        done.location.token.map(|token| session::carry_write(&app.config, request, &token));
    let flash = done.flash.map(|flash| session::begin_flash(&app.config, request, flash));
    for cookie in done.cookies.iter().chain(&carried).chain(&flash) {
        // A cookie of ours is made of characters that headers may hold.
        let _ = response.add_cookie(cookie);
    }
    response
}

/// The field that holds the id of one rendering of a form.
const SUBMISSION: &str = "submission";

/// What makes two arrivals the same submission: the id of the form, where it was sent, and every word in it. Someone who
/// goes back and changes a word sends something else.
fn submission(request: &HttpRequest, pairs: &Pairs) -> Option<Submission> {
    form::value(pairs, SUBMISSION).filter(|id| Uuid::try_parse(id).is_ok())?;
    let words = pairs
        .iter()
        .filter(|(name, _)| name != origin::CONFIRM)
        .flat_map(|(name, value)| [name.as_str(), value]);
    let digest = digest::of_parts([request.path()].into_iter().chain(words));
    Uuid::from_slice(&digest[..16]).ok().map(Submission)
}
