//! Pages. A cached page cannot see who is asking; a live page cannot be cached.

pub use super::errors::shared;
use super::errors::{Face, door};
use super::headers::WITH_A_FRAME;
use super::prepared::CACHE_STATUS;
use super::{Gate, Grant, action::Action, admit, count, headers, personal, session};
use crate::app::App;
use crate::cache::{Rendered, Renderer};
use crate::error::{Error, Result};
use crate::policies::{self, Anyone, Policy};
use crate::tags::Dependencies;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;
use std::marker::PhantomData;
use std::sync::Arc;
use templates::{Chrome, Document, FormState, View, Who, layout};

/// What a page is.
pub const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A page that looks the same to everyone: a function of its address and the database, and nothing else.
pub trait CachedPage: Gate<Auth = Anyone> {
    /// The parts of the path that vary.
    type At: DeserializeOwned + Send + Sync + 'static;
    /// The part of the query that is looked at.
    type Query: Declared + Send + Sync + 'static;

    /// The one address of this page, whatever the request's looked like. Also its key.
    fn address(at: &Self::At, query: &Self::Query) -> String;

    /// Draws it. What it reads, `seen` has to know.
    async fn view(
        db: &mut PgConnection,
        at: &Self::At,
        query: &Self::Query,
        seen: &mut Dependencies,
    ) -> Result<View>;

    /// Adds to the page what the configuration decides, which is the same for as long as the program runs.
    fn complete(_: &App, view: View) -> View {
        view
    }
}

/// A query of a cached page: the names it declares are read, all others are as if they were not there.
pub trait Declared: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there can be no such page.
    fn read(query: &str) -> Result<Self>;
}

impl Declared for () {
    fn read(_: &str) -> Result<()> {
        Ok(())
    }
}

/// `?page=N`, counted from 1.
#[derive(Debug, Clone, Copy)]
pub struct PageNumber(pub u32);

impl Declared for PageNumber {
    fn read(query: &str) -> Result<Self> {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let Some((_, number)) = pairs.find(|(name, _)| name == "page") else { return Ok(Self(1)) };
        number.parse().ok().filter(|number| *number > 0).map(Self).ok_or(Error::NotFound)
    }
}

/// A page for whoever its policy lets in, drawn for each request.
pub trait LivePage: Gate {
    /// The parts of the path that vary.
    type At: DeserializeOwned + 'static;
    /// The query.
    type Query: DeserializeOwned + 'static;

    /// Learns what has to be known before it is drawn and is not in the database yet. No snapshot is open meanwhile.
    async fn learn(_: &App, _: &Grant<Self>, _: &Self::Query) -> Result<()> {
        Ok(())
    }

    /// Draws it.
    async fn view(
        db: &mut PgConnection,
        who: &Grant<Self>,
        at: &Self::At,
        query: &Self::Query,
        context: &Context<'_>,
    ) -> Result<View>;
}

/// What a live page has beside its snapshot of the database.
pub struct Context<'a> {
    /// The application.
    pub app: &'a App,
    /// An empty form, for pages that hold one.
    pub blank: FormState,
}

/// A form that looks the same to everyone, as a cached page.
pub struct Empty<A>(PhantomData<A>);

impl<A: Action<Auth = Anyone, At = ()>> Gate for Empty<A> {
    const PATH: &'static str = A::PATH;
    const LIMIT: super::limit::Limit = super::limit::Limit::per_minute(600);
    type Auth = Anyone;
}

impl<A: Action<Auth = Anyone, At = ()>> CachedPage for Empty<A> {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        A::PATH.to_owned()
    }

    async fn view(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        A::page(db, &(), &(), &FormState::default(), seen).await
    }
}

/// Serves a cached page.
pub async fn cached<P: CachedPage>(request: HttpRequest) -> HttpResponse {
    door(Face::Page, P::PATH, &request, find_or_render::<P>(&request)).await
}

async fn find_or_render<P: CachedPage>(request: &HttpRequest) -> Result<HttpResponse> {
    let app = shared(request);
    let at = super::at::<P::At>(request).await?;
    let query = P::Query::read(request.query_string())?;
    let token = session::own_write(&app.config, request);
    count::<P>(app, request)?;
    let (entry, outcome) = app.page(&place::<P>(at, query), token).await?;
    Ok(match &entry.page {
        Ok(page) => personal::serve(request, page, outcome).await,
        Err(absence) => {
            let mut answer = Face::Page.show(request, absence.clone().into());
            let status = HeaderValue::from_static(outcome.as_str());
            answer.headers_mut().insert(CACHE_STATUS, status);
            answer
        }
    })
}

/// Has a page kept before anyone asks for it.
///
/// # Errors
/// Those of the page.
pub async fn warm<P: CachedPage>(app: &App, at: P::At, query: P::Query) -> Result<()> {
    app.have_kept(&place::<P>(at, query), None).await.map(drop)
}

/// A cached page at one of its addresses.
struct Place<P: CachedPage> {
    at: P::At,
    query: P::Query,
}

fn place<P: CachedPage>(at: P::At, query: P::Query) -> Arc<dyn Renderer> {
    Arc::new(Place::<P> { at, query })
}

impl<P: CachedPage> Renderer for Place<P> {
    fn address(&self) -> String {
        P::address(&self.at, &self.query)
    }

    fn route(&self) -> &'static str {
        P::PATH
    }

    fn render<'a>(&'a self, app: &'a App) -> LocalBoxFuture<'a, Result<Rendered>> {
        Box::pin(async move {
            let mut seen = Dependencies::default();
            let view = app.read(async |db| P::view(db, &self.at, &self.query, &mut seen).await);
            let document = match (view.await, seen.absence.take()) {
                (Err(_), Some(absence)) => Err(absence),
                (view, _) => Ok(framed(app, &P::complete(app, view?))),
            };
            Ok(Rendered { document, seen })
        })
    }
}

/// Serves a live page.
pub async fn live<P: LivePage>(request: HttpRequest) -> HttpResponse {
    let state = shared(&request);
    let work = async {
        count::<P>(state, &request)?;
        let who = admit::<P>(state, &request).await?;
        let (at, query) =
            (super::at::<P::At>(&request).await?, super::query::<P::Query>(&request)?);
        P::learn(state, &who, &query).await?;
        let context = Context { app: state, blank: blank(state) };
        let view = state.read(async |db| P::view(db, &who, &at, &query, &context).await).await?;
        policies::look_into_cart(state, &request).await;
        Ok(draw(&request, StatusCode::OK, &view.noindex(), P::Auth::who(&who)))
    };
    door(Face::Page, P::PATH, &request, work).await
}

/// An empty form with an id of its own.
pub fn blank(app: &App) -> FormState {
    FormState::default().with_submission(app.clock.id().to_string())
}

/// A page for this request alone: `view` in the site's frame, for `who`, or for anyone.
pub fn draw(
    request: &HttpRequest,
    status: StatusCode,
    view: &View,
    who: Option<Who<'_>>,
) -> HttpResponse {
    let mut response = personal::draw(request, status, &framed(shared(request), view), who);
    if view.has_frame {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, WITH_A_FRAME);
    }
    headers::lead_to(response.headers_mut(), &view.leads_to);
    response
}

fn framed(app: &App, view: &View) -> Document {
    let origin = app.config.canonical_origin().to_string();
    layout::document(view, &Chrome { site: &app.config.site_name, origin: &origin })
}

/// An empty form that stands on the same page as `state`. What is sent counts as the same submission only where it goes
/// to the same place, so one id will do for the whole page.
pub fn blank_like(state: &FormState) -> FormState {
    FormState::default().with_submission(state.submission().unwrap_or_default())
}
