//! A kept page for the one who asked: its holes are filled at the last moment, by what the database says now of them. What
//! is personal in it is kept nowhere.

use super::page::{HTML, shared};
use super::prepared::CACHE_STATUS;
use super::{headers, session};
use crate::cache::{Outcome, Page};
use crate::policies;
use crate::services::entitlements::Allowance;
use crate::services::posts::{Audience, Reader};
use crate::services::sessions::Member;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use templates::{Access, Document, Gated, Visitor, Who};

/// The kept page, as this caller is to see it.
pub async fn serve(request: &HttpRequest, page: &Page, outcome: Outcome) -> HttpResponse {
    let app = shared(request);
    let asked = policies::signed_in(app, request).await;
    let gate = page.holes.gate();
    let access = asked.as_ref().map_or(Access::Unknown, |member| access(member.as_ref(), gate));
    // A page that is kept can be shown while nobody can be asked who is there; then nobody is.
    let member = asked.ok().flatten();
    policies::look_into_cart(app, request).await;
    let in_cart = session::in_cart(request).unwrap_or_default();
    let flash = session::flash(&app.config, request);
    let is_told_why = access == Access::Unknown && gate.is_some();
    if member.is_none() && flash.is_none() && in_cart == 0 && !is_told_why {
        return page.prepared.answer(request.headers(), Some(outcome.as_str())).into();
    }
    let who = member.as_ref().map(policies::who);
    let visitor = Visitor { who, flash, here: request.path(), in_cart, access };
    let text = std::str::from_utf8(page.prepared.body()).unwrap_or_default();
    let mut response =
        html(request, StatusCode::OK, page.holes.fill(text, &visitor), flash.is_some());
    response.headers_mut().insert(CACHE_STATUS, HeaderValue::from_static(outcome.as_str()));
    headers::lead_to(response.headers_mut(), page.prepared.leads_to());
    response
}

/// What they may have behind the gate of a page, where it has one.
fn access(member: Option<&Member>, gate: Option<&Gated>) -> Access {
    let Some(Gated { whom, post, .. }) = gate else { return Access::Shut };
    let (reader, audience) =
        (member.map_or(Reader::Stranger, Reader::Member), Audience::called(*whom));
    if audience.admits(*post, &reader) {
        return Access::Open;
    }
    // Whoever has an account and is left out does not pay.
    let allowance = member.and_then(Member::allowance);
    allowance.map_or(Access::Shut, |Allowance { of, left }| Access::Counted { of, left })
}

/// A page drawn for this request, for `who`, or for anyone.
pub fn draw(
    request: &HttpRequest,
    status: StatusCode,
    document: &Document,
    who: Option<Who<'_>>,
) -> HttpResponse {
    let flash = session::flash(&shared(request).config, request);
    let in_cart = session::in_cart(request).unwrap_or_default();
    let visitor = Visitor { who, flash, here: request.path(), in_cart, access: Access::Shut };
    html(request, status, document.fill(&visitor), flash.is_some())
}

fn html(request: &HttpRequest, status: StatusCode, body: String, flashed: bool) -> HttpResponse {
    let mut response = HttpResponse::build(status).body(body);
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    if flashed {
        // Said once. A cookie of ours is made of characters that headers may hold.
        let _ = response.add_cookie(&session::end_flash(&shared(request).config, request));
    }
    response
}
