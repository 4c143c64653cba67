//! The files of `static/`, under their content hash: what is at such an address never changes.

use crate::error::Error;
use crate::http::errors::{Face, door};
use crate::http::prepared::Prepared;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use std::sync::LazyLock;
use templates::assets::{self, Asset};

/// `/static/{hash}/{name}`
pub async fn show(request: HttpRequest) -> HttpResponse {
    let found = files().iter().find(|(asset, _)| asset.url() == request.path());
    let found = found.map(|(_, file)| file.answer(request.headers(), None).into());
    door(Face::Page, "/static/{hash}/{name}", &request, async { found.ok_or(Error::NotFound) })
        .await
}

/// `/favicon.ico`, which browsers ask for whatever the page says.
pub async fn favicon(request: HttpRequest) -> HttpResponse {
    static ICON: LazyLock<Prepared> =
        LazyLock::new(|| file(&assets::TOUCH_ICON, "public, max-age=86400"));
    let icon = ICON.answer(request.headers(), None).into();
    door(Face::Page, "/favicon.ico", &request, async { Ok(icon) }).await
}

fn files() -> &'static [(&'static Asset, Prepared)] {
    static FILES: LazyLock<Vec<(&Asset, Prepared)>> = LazyLock::new(|| {
        let immutable =
            |asset: &&'static Asset| (*asset, file(asset, "public, max-age=31536000, immutable"));
        assets::all().iter().map(immutable).collect()
    });
    &FILES
}

fn file(asset: &'static Asset, caching: &'static str) -> Prepared {
    Prepared::new(asset.content_type, caching, Bytes::from_static(asset.bytes))
}
