//! Where most requests end: a kept page that is known to be true is answered before routing, without a task, a query or
//! an allocation for the request. Everything else goes on to the application.
//!
//! Only requests that `front` would let pass are answered here. A cached page cannot see who is asking, and neither does
//! this: of the headers it reads `Host` and what decides the encoding, and hands on whoever has a session or a write to see.

use super::access_log::{self, Line};
use super::front::{self, RequestId};
use super::session;
use crate::app::App;
use crate::cache::Outcome;
use crate::cache::coherence::Confirmed;
use actix_http::header::{CONTENT_ENCODING, COOKIE, HOST};
use actix_http::{Method, Request, Response};
use actix_service::{Service, ServiceFactory};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::web::Data;
use futures_util::future::{Either, LocalBoxFuture, MapOk, Ready, TryFutureExt, ready};
use std::task::{Context, Poll};

/// Makes a lobby in front of what `rooms` makes.
pub struct LobbyFactory<F> {
    /// What is answered from.
    pub app: Data<App>,
    /// The application behind it.
    pub rooms: F,
}

impl<F> ServiceFactory<Request> for LobbyFactory<F>
where
    F: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<BoxBody>,
            Error = Error,
        >,
    F::Future: 'static,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Config = AppConfig;
    type Service = Lobby<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let app = Data::clone(&self.app);
        let rooms = self.rooms.new_service(config);
        Box::pin(async move { Ok(Lobby { app, rooms: rooms.await? }) })
    }
}

/// The lobby of one thread.
pub struct Lobby<S> {
    app: Data<App>,
    rooms: S,
}

type Inside = fn(ServiceResponse<BoxBody>) -> Response<BoxBody>;

impl<S> Service<Request> for Lobby<S>
where
    S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error>,
{
    type Response = Response<BoxBody>;
    type Error = Error;
    type Future = Either<Ready<Result<Self::Response, Error>>, MapOk<S::Future, Inside>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.rooms.poll_ready(context)
    }

    fn call(&self, request: Request) -> Self::Future {
        match at_once(&self.app, &request) {
            Some(answer) => Either::Left(ready(Ok(answer))),
            None => Either::Right(self.rooms.call(request).map_ok(Response::from as Inside)),
        }
    }
}

/// The answer, where a kept page is one.
fn at_once(app: &Data<App>, request: &Request) -> Option<Response<BoxBody>> {
    let head = request.head();
    let method @ (&Method::GET | &Method::HEAD) = &head.method else { return None };
    let began = app.clock.moment();
    let address = head.uri.path_and_query()?.as_str();
    let (entry, confirmed) = app.cache.at_once(began, address)?;
    let Ok(page) = &entry.page else { return None };
    let headers = &head.headers;
    let host = headers.get(HOST)?.to_str().ok()?;
    app.config.origin_of_host(host)?;
    let unusual = head.uri.authority().is_some()
        || headers.contains_key(session::CONSISTENCY_TOKEN)
        || headers.contains_key(CONTENT_ENCODING)
        || headers.get_all(COOKIE).any(|cookies| session::may_matter(cookies.as_bytes()))
        || front::is_crowded(app, request.conn_data())
        || front::is_head_too_long(headers);
    if unusual {
        return None;
    }
    if confirmed == Confirmed::PollDue {
        let app = Data::clone(app);
        actix_web::rt::spawn(async move { app.refresh().await });
    }
    let response = page.prepared.answer(headers, Some(Outcome::Hit.as_str()));
    access_log::write(&Line {
        id: RequestId::next(app.seed),
        at: app.clock.now(),
        method: method.as_str(),
        route: entry.route(),
        status: response.status().as_u16(),
        cache: Outcome::Hit.as_str(),
        took: app.clock.moment().since(began),
    });
    Some(response)
}
