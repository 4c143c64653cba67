//! Addresses of other servers, by who wrote them.

use super::Guard;
use std::net::IpAddr;
use std::str::FromStr;
use url::{Host, Url};

/// The longest address that anyone means.
const LONGEST: usize = 2000;

/// An address that somebody typed: a partner, a member of staff. What it leads to is looked at each time it is used; what
/// can be told from the address itself is told when it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign(Url);

/// An address that the operator wrote into the configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct Configured(Url);

/// What is said of an address that will not do.
pub type Unfit = &'static str;

impl Foreign {
    /// Reads what was typed; what can be told from the address itself is judged by `guard`.
    ///
    /// # Errors
    /// A sentence for whoever typed it.
    pub(super) fn parse(text: &str, guard: &Guard) -> Result<Self, Unfit> {
        if text.len() > LONGEST {
            return Err("Use an address of at most 2,000 characters.");
        }
        let url =
            Url::parse(text.trim()).map_err(|_| "Use an address like https://example.com/hook.")?;
        if url.scheme() != "https" {
            return Err("Use an address that begins with https://.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("Leave name and password out of the address.");
        }
        // Names are looked up when it is used; an address in digits would not be.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            _ => None,
        };
        if literal.is_some_and(|address| !guard.admits(address)) {
            return Err("Use an address on the Internet.");
        }
        Ok(Self(url))
    }

    /// As it is kept: with its name as machines write it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Configured {
    /// The address of `path`, with a query or without, below this one, where there can be one.
    pub fn below(&self, path: &str) -> Option<Self> {
        format!("{}/{path}", self.0.as_str().trim_end_matches('/')).parse().ok()
    }

    /// Its origin, as browsers and policies write it.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl FromStr for Configured {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let url = Url::parse(text).map_err(drop)?;
        if matches!(url.scheme(), "https" | "http") { Ok(Self(url)) } else { Err(()) }
    }
}

/// Where something can be sent.
pub trait Somewhere {
    /// The address.
    fn url(&self) -> &Url;
    /// Whether whoever wrote it may have us speak to anyone.
    fn is_trusted(&self) -> bool;
}

impl Somewhere for Foreign {
    fn url(&self) -> &Url {
        &self.0
    }

    fn is_trusted(&self) -> bool {
        false
    }
}

impl Somewhere for Configured {
    fn url(&self) -> &Url {
        &self.0
    }

    fn is_trusted(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_leads_to_the_internet_by_https_or_is_no_address() {
        for good in [
            "https://example.com",
            " https://example.com:8443/hook?key=1 ",
            "https://xn--bcher-kva.example/",
            "https://bücher.example/",
            "https://8.8.8.8/hook",
            "https://[2606:4700:4700::1111]/",
            "HTTPS://EXAMPLE.COM/",
        ] {
            assert!(Foreign::parse(good, &Guard::default()).is_ok(), "{good}");
        }
        for (wrong, said) in [
            ("", "like https://"),
            ("example.com/hook", "like https://"),
            ("https://", "like https://"),
            ("https://1.2.3.4.5/", "like https://"),
            ("http://example.com/hook", "begins with https://"),
            ("ftp://example.com/hook", "begins with https://"),
            ("file:///etc/passwd", "begins with https://"),
            ("https://ann@example.com/", "name and password"),
            ("https://:secret@example.com/", "name and password"),
            ("https://127.0.0.1/", "on the Internet"),
            ("https://127.1/", "on the Internet"),
            ("https://2130706433/", "on the Internet"),
            ("https://0x7f000001/", "on the Internet"),
            ("https://0177.0.0.1/", "on the Internet"),
            ("https://127.0.0.1./", "on the Internet"),
            ("https://１２７.0.0.1/", "on the Internet"),
            ("https://%31%32%37.0.0.1/", "on the Internet"),
            ("https://169.254.169.254/latest/meta-data/", "on the Internet"),
            ("https://[::1]/", "on the Internet"),
            ("https://[::]/", "on the Internet"),
            ("https://[::ffff:10.0.0.1]/", "on the Internet"),
            ("https://[64:ff9b::7f00:1]/", "on the Internet"),
            ("https://[fe80::1]/", "on the Internet"),
        ] {
            let refused = Foreign::parse(wrong, &Guard::default()).err().unwrap_or_default();
            assert!(refused.contains(said), "{wrong}: {refused:?}");
        }
        let long = format!("https://example.com/{}", "x".repeat(2000));
        assert!(Foreign::parse(&long, &Guard::default()).is_err());
    }

    #[test]
    fn the_operator_may_let_people_name_a_network_of_their_own() {
        let guard = Guard::new(&["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()]);
        for good in ["https://10.1.2.3/hook", "https://[::1]:8443/", "https://8.8.8.8/"] {
            assert!(Foreign::parse(good, &guard).is_ok(), "{good}");
        }
        for wrong in ["https://10.2.0.1/", "https://127.0.0.1/", "http://10.1.2.3/"] {
            assert!(Foreign::parse(wrong, &guard).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_operator_may_name_any_server() {
        for good in [
            "https://example.com/x",
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://ann:secret@intern/",
        ] {
            assert!(good.parse::<Configured>().is_ok(), "{good}");
        }
        for wrong in ["", "example.com", "ftp://example.com/", "localhost:8080"] {
            assert!(wrong.parse::<Configured>().is_err(), "{wrong}");
        }
    }
}
