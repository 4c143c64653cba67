//! The key by which search engines know that whoever tells them of pages has something to say here.

use crate::error::Error;
use crate::http::errors::{Face, door, shared};
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse};
use templates::paths;

/// `/{key}.txt`: nothing, but for the key of this site.
pub async fn key(request: HttpRequest) -> HttpResponse {
    let key = shared(&request).secrets.indexnow();
    let found = request.path() == paths::indexnow_key(&key);
    let answer = async {
        if !found {
            return Err(Error::NotFound);
        }
        Ok(HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(key))
    };
    door(Face::Page, "/{key}.txt", &request, answer).await
}
