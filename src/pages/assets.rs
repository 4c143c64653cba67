//! The files of `static/`, under their content hash: what is at such an address never changes.

use crate::error::Error;
use crate::http::errors::{Face, door};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use templates::assets::{self, Asset};

/// `/static/{hash}/{name}`
pub async fn show(request: HttpRequest) -> HttpResponse {
    let found = assets::all().iter().find(|asset| asset.url() == request.path());
    let found = found.map(|asset| file(asset, "public, max-age=31536000, immutable"));
    door(Face::Page, "/static/{hash}/{name}", &request, async { found.ok_or(Error::NotFound) })
        .await
}

/// `/favicon.ico`, which browsers ask for whatever the page says.
pub async fn favicon(request: HttpRequest) -> HttpResponse {
    let icon = file(&assets::TOUCH_ICON, "public, max-age=86400");
    door(Face::Page, "/favicon.ico", &request, async { Ok(icon) }).await
}

fn file(asset: &Asset, caching: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, caching))
        .body(asset.bytes)
}
