//! For whoever watches over the process.

use crate::error::Error;
use crate::http::errors::{Face, door, shared};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

/// `/healthz`: this process answers.
pub async fn alive(request: HttpRequest) -> HttpResponse {
    let alive = async { Ok(HttpResponse::Ok().json(json!({ "status": "ok" }))) };
    door(Face::Problem, "/healthz", &request, alive).await
}

/// `/readyz`: the database answers, and its schema is the one this program was built with.
pub async fn ready(request: HttpRequest) -> HttpResponse {
    let ready = async {
        if shared(&request).is_migrated().await? {
            Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
        } else {
            Err(Error::unavailable("the schema is older than this program"))
        }
    };
    door(Face::Problem, "/readyz", &request, ready).await
}
