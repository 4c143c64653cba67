//! A document that is shown in a frame on one of our own pages: a mail, as its reader's program shows it.
//!
//! It has styles in attributes, which no page of ours may, and therefore nothing else: it runs no script, sends no form, loads
//! nothing and belongs to no origin, also where somebody opens it by itself.

use super::errors::{Face, door, shared};
use super::page::HTML;
use super::{Gate, Grant, admit, count};
use crate::app::App;
use crate::error::Result;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;

const POLICY: &str = "default-src 'none'; style-src-attr 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'; \
    base-uri 'none'; sandbox";

/// A document for a frame.
pub trait Framed: Gate {
    /// The parts of the path that vary.
    type At: DeserializeOwned + 'static;

    /// The whole of it, in HTML.
    async fn html(app: &App, who: &Grant<Self>, at: &Self::At) -> Result<String>;
}

/// Serves it.
pub async fn show<F: Framed>(request: HttpRequest) -> HttpResponse {
    let work = async {
        let app = shared(&request);
        count::<F>(app, &request)?;
        let who = admit::<F>(app, &request).await?;
        let html = F::html(app, &who, &super::at::<F::At>(&request).await?).await?;
        Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, HTML))
            .insert_header((CONTENT_SECURITY_POLICY, POLICY))
            .insert_header((X_FRAME_OPTIONS, "SAMEORIGIN"))
            .body(html))
    };
    door(Face::Page, F::PATH, &request, work).await
}
