//! Where a site is, as browsers name it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// An exact web origin (RFC 6454): scheme, host, port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub(super) scheme: &'static str,
    /// Lower case; without the port where it is the scheme's own, as browsers send it.
    pub(super) authority: String,
}

impl Origin {
    /// Whether it is `https`.
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether it can only be this machine itself.
    pub fn is_loopback(&self) -> bool {
        let host =
            self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether an `Origin` header, or the origin of a URL, is this one.
    pub fn is(&self, origin: &str) -> bool {
        origin.strip_prefix(self.scheme).and_then(|rest| rest.strip_prefix("://"))
            == Some(self.authority.as_str())
    }

    /// Whether a `Host` header names this origin.
    pub fn is_host(&self, host: &str) -> bool {
        let default_port = if self.is_https() { ":443" } else { ":80" };
        self.authority.eq_ignore_ascii_case(host)
            || host
                .strip_suffix(default_port)
                .is_some_and(|host| self.authority.eq_ignore_ascii_case(host))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromStr for Origin {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let url = url::Url::parse(text).map_err(drop)?;
        let scheme = match url.scheme() {
            "https" => "https",
            "http" => "http",
            _ => return Err(()),
        };
        let exact = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let serialised = url.origin().ascii_serialization();
        let authority = serialised.split_once("://").map(|(_, rest)| rest.to_owned()).ok_or(())?;
        if exact { Ok(Self { scheme, authority }) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exact() {
        let origin: Origin = "https://Example.com:443/".parse().unwrap();
        assert!(origin.is("https://example.com"));
        assert!(!origin.is("http://example.com") && !origin.is("https://example.com.evil"));
        assert!(origin.is_host("example.com") && origin.is_host("EXAMPLE.com:443"));
        assert!(!origin.is_host("example.com:80"));
        assert!("https://example.com/path".parse::<Origin>().is_err());
        assert!("https://me@example.com".parse::<Origin>().is_err());
    }
}
