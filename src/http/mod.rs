//! The machinery every door shares, without a feature in it: the gate, forms, pages, endpoints, errors.
//!
//! The order at every door: limit → policy → size → parse → validate → run. Whatever can be refused without reading on
//! is refused first.

pub mod access_log;
pub mod action;
pub mod body;
pub mod call;
pub mod callback;
pub mod client;
pub mod cors;
pub mod cursor;
pub mod download;
pub mod endpoint;
pub mod errors;
pub mod form;
pub mod framed;
pub mod front;
pub mod headers;
pub mod held;
pub mod hook;
pub mod key_limits;
pub mod limit;
pub mod lobby;
pub mod openapi;
pub mod origin;
pub mod page;
pub mod personal;
pub mod precondition;
pub mod prepared;
pub mod problem;
pub mod record;
pub mod reply;
pub mod retirement;
pub mod server;
pub mod session;
pub mod standing;

use crate::app::App;
use crate::error::{Error, Result};
use crate::policies::{Knock, Policy};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, web};
use limit::Limit;
use serde::de::DeserializeOwned;

/// What every route must say before it may be mounted. Nothing has a default.
pub trait Gate: Sized + 'static {
    /// Where, with `{name}` for each part that varies.
    const PATH: &'static str;
    /// How often one caller may come.
    const LIMIT: Limit;
    /// Who may come in.
    type Auth: Policy;
}

/// The proof a gate's policy hands on.
pub type Grant<G> = <<G as Gate>::Auth as Policy>::Grant;

/// What a gate answers with.
pub type Outcome<G, T> = <<G as Gate>::Auth as Policy>::Outcome<T>;

/// Counts the request, and says how many more may follow at once.
fn count<G: Gate>(app: &App, request: &HttpRequest) -> Result<u32> {
    app.limits.count::<G>(client::network(client::address(&app.config, request)))
}

/// The same for a request that may change something, which is counted everywhere where the door's limit says so.
async fn count_in_all<G: Gate>(app: &Data<App>, request: &HttpRequest) -> Result<u32> {
    limit::count_in_all::<G>(app, client::network(client::address(&app.config, request))).await
}

/// Asks the policy.
async fn admit<G: Gate>(app: &App, request: &HttpRequest) -> Result<Grant<G>> {
    G::Auth::admit(&Knock { app, request }).await
}

/// The parts of the path that vary. What cannot be one of ours leads nowhere.
async fn at<T: DeserializeOwned + 'static>(request: &HttpRequest) -> Result<T> {
    let at = web::Path::<T>::from_request(request, &mut Payload::None).await;
    at.map(web::Path::into_inner).map_err(|_| Error::NotFound)
}

/// The query, decoded into `T`.
pub(crate) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T> {
    serde_urlencoded::from_str(request.query_string())
        .map_err(|error| Error::Malformed(format!("The query cannot be read: {error}.")))
}
