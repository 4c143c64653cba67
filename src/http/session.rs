//! Cookies: the session, the device, and what a writer must be able to see.
//!
//! On https they are `__Host-` cookies: Secure, for this host alone, at `/`. On a plain-http origin, which can only be
//! this machine itself, the same go without prefix and Secure, so that text browsers and curl can sign in there too.

use super::client;
use crate::cache::snapshot::Token;
use crate::config::Config;
use crate::services::identities::{ADDRESS_WITHIN, BACK_WITHIN, Ticket};
use crate::services::sessions::{self, SessionToken};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{HOST, HeaderName, USER_AGENT};
use actix_web::{HttpMessage, HttpRequest};
use templates::Flash;

/// The header in which programs are given, and send, what [`own_write`] is about.
pub const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");

const SESSION: Names = Names { secure: "__Host-sid", plain: "sid" };
const DEVICE: Names = Names { secure: "__Host-device", plain: "device" };
const FLASH: Names = Names { secure: "__Host-flash", plain: "flash" };
const ERRAND: Names = Names { secure: "__Host-errand", plain: "errand" };
const ARRIVAL: Names = Names { secure: "__Host-arrival", plain: "arrival" };
const WRITE: Names = Names { secure: "__Host-ryw", plain: "ryw" };

/// What a browser keeps for a while, besides its session.
#[derive(Debug, Clone, Copy)]
pub enum Kept {
    /// That somebody is half signed in.
    HalfWay,
    /// The second factor that is being set up, sealed.
    SettingUp,
    /// The recovery codes that are being shown, sealed.
    RecoveryCodes,
    /// That an account was asked for here.
    SigningUp,
    /// By what the cart of somebody without an account is known.
    Cart,
}

impl Kept {
    fn names(self) -> Names {
        match self {
            Self::HalfWay => Names { secure: "__Host-half", plain: "half" },
            Self::SettingUp => Names { secure: "__Host-setup", plain: "setup" },
            Self::RecoveryCodes => Names { secure: "__Host-codes", plain: "codes" },
            Self::SigningUp => Names { secure: "__Host-asked", plain: "asked" },
            Self::Cart => Names { secure: "__Host-cart", plain: "cart" },
        }
    }
}

struct Names {
    secure: &'static str,
    plain: &'static str,
}

/// Whether this request reached us under an https origin.
fn is_secure(config: &Config, request: &HttpRequest) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    config.origin_of_host(host).is_none_or(|origin| origin.is_https())
}

fn read<'a>(config: &Config, request: &'a HttpRequest, names: &Names) -> Option<Cookie<'a>> {
    all(config, request, names).next()
}

/// Whether this request came to the origin that links to this site carry.
pub fn is_canonical(config: &Config, request: &HttpRequest) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    config.origin_of_host(host) == Some(config.canonical_origin())
}

/// Every cookie of this name.
fn all<'a>(
    config: &Config,
    request: &'a HttpRequest,
    names: &Names,
) -> impl Iterator<Item = Cookie<'a>> + use<'a> {
    // Parsed here and not by actix, which would parse and keep all of them for every request.
    let name = if is_secure(config, request) { names.secure } else { names.plain };
    let headers = request.headers().get_all(actix_web::http::header::COOKIE);
    let pairs =
        headers.filter_map(|header| header.to_str().ok()).flat_map(|header| header.split(';'));
    pairs
        .filter_map(|pair| Cookie::parse(pair.trim()).ok())
        .filter(move |cookie| cookie.name() == name)
}

/// A ticket, where there is exactly one.
fn only(config: &Config, request: &HttpRequest, names: &Names) -> Option<Ticket> {
    let mut all = all(config, request, names);
    let (Some(cookie), None) = (all.next(), all.next()) else { return None };
    Ticket::parse(cookie.value())
}

fn whole(duration: std::time::Duration) -> Duration {
    Duration::seconds(duration.as_secs().cast_signed())
}

fn write(
    config: &Config,
    request: &HttpRequest,
    names: &Names,
    value: String,
    max_age: Duration,
) -> Cookie<'static> {
    let secure = is_secure(config, request);
    Cookie::build(if secure { names.secure } else { names.plain }, value)
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(SameSite::Lax)
        .max_age(max_age)
        .finish()
}

/// The session the browser claims to have.
pub fn token(config: &Config, request: &HttpRequest) -> Option<SessionToken> {
    SessionToken::parse(read(config, request, &SESSION)?.value())
}

/// Has the browser keep a session.
pub fn begin(
    config: &Config,
    request: &HttpRequest,
    token: &SessionToken,
    lifetime: std::time::Duration,
) -> Cookie<'static> {
    write(config, request, &SESSION, token.reveal(), whole(lifetime))
}

/// Whether one of these has the browser keep a session.
pub fn is_begun(config: &Config, request: &HttpRequest, cookies: &[Cookie<'_>]) -> bool {
    let name = if is_secure(config, request) { SESSION.secure } else { SESSION.plain };
    cookies.iter().any(|cookie| cookie.name() == name && !cookie.value().is_empty())
}

/// Has the browser forget its session.
pub fn end(config: &Config, request: &HttpRequest) -> Cookie<'static> {
    write(config, request, &SESSION, String::new(), Duration::ZERO)
}

/// What the browser says that it keeps.
pub fn kept(config: &Config, request: &HttpRequest, what: Kept) -> Option<String> {
    read(config, request, &what.names()).map(|cookie| cookie.value().to_owned())
}

/// Has the browser keep it.
pub fn keep(
    config: &Config,
    request: &HttpRequest,
    what: Kept,
    value: String,
    lifetime: std::time::Duration,
) -> Cookie<'static> {
    let lifetime = Duration::seconds(lifetime.as_secs().cast_signed());
    write(config, request, &what.names(), value, lifetime)
}

/// Has the browser forget it.
pub fn forget(config: &Config, request: &HttpRequest, what: Kept) -> Cookie<'static> {
    write(config, request, &what.names(), String::new(), Duration::ZERO)
}

/// What a session remembers of where it was begun.
pub fn seen_from(config: &Config, request: &HttpRequest) -> sessions::Device {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    sessions::Device {
        agent: agent.unwrap_or_default().to_owned(),
        network: client::network(client::address(config, request)).to_string(),
    }
}

/// The device cookie's value, where there is one.
pub fn device(config: &Config, request: &HttpRequest) -> Option<String> {
    read(config, request, &DEVICE).map(|cookie| cookie.value().to_owned())
}

/// Has the browser be known as a device on which someone signed in.
pub fn remember_device(config: &Config, request: &HttpRequest, value: String) -> Cookie<'static> {
    write(config, request, &DEVICE, value, Duration::days(365))
}

/// By what somebody is known who comes back from an identity provider. Two of them are an attempt at something.
pub fn errand(config: &Config, request: &HttpRequest) -> Option<Ticket> {
    only(config, request, &ERRAND)
}

/// Has the browser keep it while somebody is away.
pub fn begin_errand(config: &Config, request: &HttpRequest, ticket: &Ticket) -> Cookie<'static> {
    write(config, request, &ERRAND, ticket.reveal(), whole(BACK_WITHIN))
}

/// They are back.
pub fn end_errand(config: &Config, request: &HttpRequest) -> Cookie<'static> {
    write(config, request, &ERRAND, String::new(), Duration::ZERO)
}

/// By what somebody is known who is back and has to say where they get mail.
pub fn arrival(config: &Config, request: &HttpRequest) -> Option<Ticket> {
    only(config, request, &ARRIVAL)
}

/// Has the browser keep it until they have.
pub fn begin_arrival(config: &Config, request: &HttpRequest, ticket: &Ticket) -> Cookie<'static> {
    write(config, request, &ARRIVAL, ticket.reveal(), whole(ADDRESS_WITHIN))
}

/// The write whose effect this caller must see: a browser says so in a cookie, a program in a header.
pub fn own_write(config: &Config, request: &HttpRequest) -> Option<Token> {
    if let Some(token) = request.headers().get(CONSISTENCY_TOKEN) {
        return token.to_str().ok()?.parse().ok();
    }
    read(config, request, &WRITE)?.value().parse().ok()
}

/// How much is in the cart of whoever asks.
struct InCart(i64);

/// Notes how much that is, where it is known.
pub fn note_cart(request: &HttpRequest, count: i64) {
    request.extensions_mut().insert(InCart(count));
}

/// How much that is, where it was noted.
pub fn in_cart(request: &HttpRequest) -> Option<i64> {
    request.extensions().get::<InCart>().map(|count| count.0)
}

/// What this browser has just done and was not told yet.
pub fn flash(config: &Config, request: &HttpRequest) -> Option<Flash> {
    Flash::of_code(read(config, request, &FLASH)?.value())
}

/// Has the browser be told at its next page.
pub fn begin_flash(config: &Config, request: &HttpRequest, flash: Flash) -> Cookie<'static> {
    write(config, request, &FLASH, flash.code().to_owned(), Duration::minutes(1))
}

/// Once is enough.
pub fn end_flash(config: &Config, request: &HttpRequest) -> Cookie<'static> {
    write(config, request, &FLASH, String::new(), Duration::ZERO)
}

/// Whether a `Cookie` header may hold anything by which the answer to this caller differs from anyone's. Quick, and never
/// wrong where it says no.
pub fn may_matter(cookies: &[u8]) -> bool {
    [SESSION, FLASH, WRITE, Kept::Cart.names()].iter().any(|names| {
        let name = names.plain.as_bytes(); // which the other name ends in
        cookies.windows(name.len() + 1).any(|at| at.ends_with(b"=") && at.starts_with(name))
    })
}

/// Has the browser carry its write along for a minute; by then every instance has seen it.
pub fn carry_write(config: &Config, request: &HttpRequest, token: &Token) -> Cookie<'static> {
    write(config, request, &WRITE, token.to_string(), Duration::minutes(1))
}
