//! Not to write over what somebody else has changed meanwhile: whoever changes a thing says which version of it they have
//! seen (RFC 9110 §13.1.1), and it is compared in the transaction that changes it.

use super::reply;
use crate::error::{Error, Result};
use actix_web::HttpRequest;
use actix_web::http::header::{EntityTag, Header, IfMatch};
use serde::Serialize;

/// The versions that a change is about.
pub struct Precondition(IfMatch);

impl Precondition {
    /// What the request says.
    ///
    /// # Errors
    /// [`Error::Unconditional`] where that is nothing.
    pub(super) fn of(request: &HttpRequest) -> Result<Self> {
        let given = request.headers().get(IfMatch::name());
        let given = given.filter(|versions| !versions.as_bytes().trim_ascii().is_empty());
        let read = given.and_then(|_| IfMatch::parse(request).ok());
        read.map(Self).ok_or(Error::Unconditional)
    }

    /// Whether it is about what is answered as `current`, byte for byte.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn is_about<T: Serialize>(&self, current: &T) -> Result<()> {
        self.is_about_tag(&reply::tag(current)?)
    }

    /// Whether it is about this version.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn is_about_version(&self, version: i32) -> Result<()> {
        self.is_about_tag(&format!("\"{version}\""))
    }

    fn is_about_tag(&self, current: &str) -> Result<()> {
        let current: EntityTag = current.parse().map_err(|_| Error::Stale)?;
        let is_meant = match &self.0 {
            IfMatch::Any => true,
            IfMatch::Items(tags) => tags.iter().any(|tag| tag.strong_eq(&current)),
        };
        if is_meant { Ok(()) } else { Err(Error::Stale) }
    }
}
