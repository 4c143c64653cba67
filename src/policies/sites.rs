//! Whoever comes from another site that is known here.

use super::{Knock, Policy};
use crate::app::App;
use crate::error::{Error, Result};
use actix_web::http::header::ORIGIN;

/// A page of a site in `CORS_ORIGINS`, or a program, which has no origin.
pub struct KnownSite;

impl Policy for KnownSite {
    const NAME: &'static str = "a known site, or a program";
    const AMBIENT: bool = false;
    const CORS: bool = true;
    type Grant = ();
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<()> {
        let mut origins = knock.request.headers().get_all(ORIGIN);
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if known_site(knock.app, origin.as_bytes()) => Ok(()),
            _ => Err(Error::Forbidden("This site is not among those that may send this form.")),
        }
    }
}

/// A form on a site in `CORS_ORIGINS`, or on the page with which we answered one that was not right.
pub struct KnownForm;

impl Policy for KnownForm {
    const NAME: &'static str = "a form of a known site";
    const AMBIENT: bool = false;
    const LOOKS_AT_ORIGIN: bool = true;
    type Grant = ();
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<()> {
        let origin = knock.request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
        let ours = |origin| knock.app.config.public_origins.iter().any(|known| known.is(origin));
        if origin.is_some_and(ours) { Ok(()) } else { KnownSite::admit(knock).await }
    }
}

/// Whether `CORS_ORIGINS` holds this `Origin`.
pub fn known_site(app: &App, origin: &[u8]) -> bool {
    let Ok(origin) = std::str::from_utf8(origin) else { return false };
    app.config.cors_origins.iter().any(|known| known.is(origin))
}
