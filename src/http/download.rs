//! A file for whoever its policy lets in, made for each request and kept by nobody on the way.

use super::errors::{Face, door, shared};
use super::record::Answer;
use super::{Gate, Grant, Outcome, admit, count};
use crate::app::App;
use crate::error::Result;
use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_TYPE, ContentDisposition, DispositionParam, DispositionType,
};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;

/// A file.
pub struct File {
    /// What it is called where it is saved.
    pub name: &'static str,
    /// Its media type.
    pub kind: &'static str,
    /// What it holds.
    pub text: String,
}

/// A way to a file.
pub trait Download: Gate {
    /// The parts of the path that vary.
    type At: DeserializeOwned + 'static;

    /// Makes it; what one of us takes along, on the record ([`record::hand_out`](super::record::hand_out)).
    async fn file(app: &App, who: &Grant<Self>, at: &Self::At) -> Result<Outcome<Self, File>>;

    /// The same, for those that look at the query.
    async fn asked_for(
        app: &App,
        who: &Grant<Self>,
        at: &Self::At,
        _query: &str,
    ) -> Result<Outcome<Self, File>> {
        Self::file(app, who, at).await
    }
}

/// Serves a file.
pub async fn give<D: Download>(request: HttpRequest) -> HttpResponse {
    let work = async {
        let app = shared(&request);
        count::<D>(app, &request)?;
        let who = admit::<D>(app, &request).await?;
        let at = super::at::<D::At>(&request).await?;
        let file = D::asked_for(app, &who, &at, request.query_string()).await?.answer();
        let saved = ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(file.name.to_owned())],
        };
        Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, file.kind))
            .insert_header((CONTENT_DISPOSITION, saved))
            .body(file.text))
    };
    door(Face::Page, D::PATH, &request, work).await
}
