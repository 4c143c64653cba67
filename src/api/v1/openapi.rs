//! The description of the API, as programs read it. A test holds it against what is mounted (`tests/openapi.rs`).

use crate::http::errors::{Face, door};
use crate::http::prepared::Prepared;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use std::sync::LazyLock;

/// The description.
pub const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// `/api/v1/openapi.json`
pub async fn show(request: HttpRequest) -> HttpResponse {
    static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
        Prepared::new(
            "application/json",
            "public, no-cache",
            Bytes::from_static(DOCUMENT.as_bytes()),
        )
    });
    let answer = PREPARED.answer(request.headers(), None).into();
    door(Face::Problem, "/api/v1/openapi.json", &request, async { Ok(answer) }).await
}
