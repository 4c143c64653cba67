//! What is not to be used any more says so with each answer: since when (RFC 9745), until when it is there (RFC 8594), and
//! what to use instead.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, HttpDate, LINK};
use std::time::SystemTime;
use time::OffsetDateTime;

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// The end of an endpoint, as it is announced.
#[derive(Debug, Clone, Copy)]
pub struct Retirement {
    /// Since when, or from when on, it is not to be used.
    pub since: OffsetDateTime,
    /// From when on it may be gone; not known yet where there is none.
    pub gone: Option<OffsetDateTime>,
    /// The path of what takes its place.
    pub instead: Option<&'static str>,
}

impl Retirement {
    /// Says so.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let at = |moment: OffsetDateTime| HttpDate::from(SystemTime::from(moment)).to_string();
        let since = (DEPRECATION, format!("@{}", self.since.unix_timestamp()));
        let gone = self.gone.map(|gone| (SUNSET, at(gone)));
        let instead =
            self.instead.map(|path| (LINK, format!("<{path}>; rel=\"successor-version\"")));
        for (name, value) in [Some(since), gone, instead].into_iter().flatten() {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value); // a list has links of its own
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_end_is_announced_as_the_standards_say() {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, HeaderValue::from_static("</a>; rel=\"next\""));
        let mut retirement =
            Retirement { since: datetime!(2026-12-01 0:00 UTC), gone: None, instead: None };
        retirement.tell(&mut headers);
        assert_eq!(headers.get(DEPRECATION).unwrap(), "@1796083200");
        assert!(!headers.contains_key(SUNSET));
        headers.remove(DEPRECATION);
        retirement.gone = Some(datetime!(2027-06-30 23:59:59 UTC));
        retirement.instead = Some("/api/v2/leads");
        retirement.tell(&mut headers);
        assert_eq!(headers.get(SUNSET).unwrap(), "Wed, 30 Jun 2027 23:59:59 GMT");
        let links: Vec<_> = headers.get_all(LINK).collect();
        assert_eq!(links, ["</a>; rel=\"next\"", "</api/v2/leads>; rel=\"successor-version\""]);
    }
}
