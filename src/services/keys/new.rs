//! A key that is to be made: what it may do, until when, from where and how often.

use super::secret::Kind;
use super::{SCOPES, names};
use crate::config::Origin;
use crate::error::{Error, Result};
use crate::services::input;
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer};
use std::net::IpAddr;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, Time};
use validator::{Validate, ValidationError};

/// How many networks a key may be bound to.
const MOST_NETWORKS: usize = 50;
/// How many sites it may name.
const MOST_ORIGINS: usize = 20;

/// How long a key can be good, in days: a name, what is shown, and how many. `date` is on a day of its own.
pub const EXPIRIES: [(&str, &str, Option<i64>); 5] = [
    ("never", "For ever, until you revoke it", None),
    ("30-days", "30 days", Some(30)),
    ("90-days", "90 days", Some(90)),
    ("1-year", "A year", Some(365)),
    ("date", "Until the end of the day below", None),
];

/// A key to be made.
#[derive(Debug, Deserialize, Validate)]
pub struct NewKey {
    /// Who it is for.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(
            min = 2,
            max = 100,
            message = "Enter a name of 2 to 100 characters: whose key it is."
        ),
        custom(function = "input::one_line")
    )]
    pub name: String,
    /// `live` or `test`.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_kind"))]
    pub kind: String,
    /// What it may do.
    #[serde(default, deserialize_with = "input::list")]
    #[validate(custom(function = "known_scopes"))]
    pub scopes: Vec<String>,
    /// The name of one of [`EXPIRIES`].
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "known_expiry"))]
    pub expires: String,
    /// Where that is `date`, which.
    #[serde(default, deserialize_with = "input::line")]
    pub expires_on: String,
    /// Where it may come from: addresses and networks, one a line; nothing is anywhere.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(custom(function = "known_networks"))]
    pub allowed: String,
    /// The sites whose scripts may send it, by their origins, one a line; nothing is none.
    #[serde(default, deserialize_with = "input::block")]
    #[validate(custom(function = "known_origins"))]
    pub origins: String,
    /// How many requests a minute.
    #[serde(default, deserialize_with = "optional_number")]
    #[validate(range(
        min = 1,
        max = 60_000,
        message = "Enter a whole number from 1 to 60,000, or leave this empty."
    ))]
    pub per_minute: Option<i32>,
    /// How many a day.
    #[serde(default, deserialize_with = "optional_number")]
    #[validate(range(
        min = 1,
        max = 100_000_000,
        message = "Enter a whole number from 1 to 100,000,000, or leave this empty."
    ))]
    pub per_day: Option<i32>,
}

/// Decodes a whole number that forms send as text; none for no text. What is no number is out of every range.
fn optional_number<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i32>, D::Error> {
    Ok(input::optional_line(input)?.map(|text| text.parse().unwrap_or(-1)))
}

fn wrong(code: &'static str, message: impl Into<String>) -> ValidationError {
    ValidationError::new(code).with_message(message.into().into())
}

fn known_kind(kind: &str) -> Result<(), ValidationError> {
    match Kind::ALL.iter().any(|known| known.as_str() == kind) {
        true => Ok(()),
        false => Err(wrong("kind", "Choose live or test.")),
    }
}

fn known_scopes(scopes: &[String]) -> Result<(), ValidationError> {
    let known = |scope: &String| SCOPES.iter().any(|known| known.name == scope);
    if scopes.iter().all(known) && !scopes.is_empty() {
        return Ok(());
    }
    Err(wrong("scopes", format!("Choose from: {}.", names(false).join(", "))))
}

fn known_expiry(expires: &str) -> Result<(), ValidationError> {
    match EXPIRIES.iter().any(|(name, ..)| *name == expires) {
        true => Ok(()),
        false => {
            let names = EXPIRIES.map(|(name, ..)| name).join(", ");
            Err(wrong("expires", format!("Choose until when it is good: {names}.")))
        }
    }
}

fn known_networks(allowed: &str) -> Result<(), ValidationError> {
    let all: Vec<&str> = listed(allowed).collect();
    if all.len() > MOST_NETWORKS {
        return Err(wrong("allowed", format!("Give at most {MOST_NETWORKS} networks.")));
    }
    match all.into_iter().find(|text| network(text).is_none()) {
        None => Ok(()),
        Some(text) => {
            let text: String = text.chars().take(60).collect();
            let example = "such as 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32";
            Err(wrong("allowed", format!("“{text}” is no address and no network {example}.")))
        }
    }
}

fn known_origins(origins: &str) -> Result<(), ValidationError> {
    if listed(origins).count() > MOST_ORIGINS {
        return Err(wrong("origins", format!("Name at most {MOST_ORIGINS} sites.")));
    }
    match listed(origins).find(|text| text.parse::<Origin>().is_err()) {
        None => Ok(()),
        Some(text) => {
            let text: String = text.chars().take(60).collect();
            Err(wrong("origins", format!("“{text}” is no origin such as https://shop.example.")))
        }
    }
}

fn listed(allowed: &str) -> impl Iterator<Item = &str> {
    allowed.split(|c: char| c == ',' || c.is_whitespace()).filter(|text| !text.is_empty())
}

/// An address or a network. What IPv6 says of IPv4 is IPv4, as it is where callers' addresses are read.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    if let IpNet::V6(v6) = network
        && let (Some(v4), 96..) = (v6.addr().to_ipv4_mapped(), v6.prefix_len())
    {
        return Ipv4Net::new(v4, v6.prefix_len() - 96).ok().map(|v4| IpNet::V4(v4.trunc()));
    }
    Some(network.trunc())
}

const DAY: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]");

impl NewKey {
    /// What it is for.
    pub fn kind(&self) -> Kind {
        Kind::of(self.kind == Kind::Test.as_str())
    }

    /// What it may do, each once.
    ///
    /// # Errors
    /// [`Error::Invalid`] where keys of its kind cannot do all of that.
    pub(super) fn possible_scopes(&self) -> Result<Vec<String>> {
        let possible = names(self.kind() == Kind::Test);
        if !self.scopes.iter().all(|scope| possible.contains(&scope.as_str())) {
            let message = format!("A test key can have: {}.", possible.join(", "));
            return Err(Error::field("scopes", message));
        }
        let mut scopes = self.scopes.clone();
        scopes.sort();
        scopes.dedup();
        Ok(scopes)
    }

    /// The networks it may come from, as the database writes them.
    pub(super) fn networks(&self) -> Vec<String> {
        let mut all: Vec<IpNet> = listed(&self.allowed).filter_map(network).collect();
        all.sort();
        all.dedup();
        all.iter().map(ToString::to_string).collect()
    }

    /// The sites it names, as browsers write their origins.
    pub(super) fn sites(&self) -> Vec<String> {
        let read = |text: &str| text.parse::<Origin>().ok().map(|origin| origin.to_string());
        let mut all: Vec<String> = listed(&self.origins).filter_map(read).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Until when it is good.
    ///
    /// # Errors
    /// [`Error::Invalid`] where that is no day to come.
    pub(super) fn expires_at(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
        if self.expires != "date" {
            let days = EXPIRIES.iter().find(|(name, ..)| *name == self.expires);
            return Ok(days.and_then(|(.., days)| *days).map(|days| now + Duration::days(days)));
        }
        let day = Date::parse(&self.expires_on, DAY).ok().and_then(Date::next_day);
        let end = day.map(|day| day.with_time(Time::MIDNIGHT).assume_utc());
        match end.filter(|end| *end > now && end.year() <= 9999) {
            Some(end) => Ok(Some(end)),
            None => Err(Error::field(
                "expires_on",
                "Enter a day that is not over yet, as in 2027-01-31 (UTC).",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn allowing(allowed: &str) -> NewKey {
        let fields = serde_json::json!({
            "name": "Partner", "kind": "live", "scopes": "leads:write", "expires": "never", "allowed": allowed
        });
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn networks_are_written_in_one_way() {
        let new = allowing(
            "203.0.113.7\r\n203.0.113.99/24, 2001:DB8::1/32 ::ffff:192.0.2.1 203.0.113.7/32",
        );
        assert!(new.validate().is_ok());
        let expected = ["192.0.2.1/32", "203.0.113.0/24", "203.0.113.7/32", "2001:db8::/32"];
        assert_eq!(new.networks(), expected);
        for wrong in
            ["203.0.113", "203.0.113.0/33", "example.com", "2001:db8::/129", "10.0.0.0/8 x"]
        {
            assert!(allowing(wrong).validate().is_err(), "{wrong}");
        }
        assert!(allowing(&"10.0.0.1 ".repeat(51)).validate().is_err());
    }

    #[test]
    fn sites_are_written_as_browsers_write_them() {
        let naming = |origins: &str| NewKey { origins: origins.into(), ..allowing("") };
        let new = naming("https://Shop.example:443/\nhttp://localhost:3000, https://shop.example");
        assert!(new.validate().is_ok());
        assert_eq!(new.sites(), ["http://localhost:3000", "https://shop.example"]);
        for wrong in ["shop.example", "null", "*", "https://shop.example/form", "ftp://a.example"] {
            assert!(naming(wrong).validate().is_err(), "{wrong}");
        }
        assert!(naming(&"https://a.example ".repeat(21)).validate().is_err());
    }

    #[test]
    fn a_key_is_good_to_the_end_of_its_last_day() {
        let now = datetime!(2026-11-20 12:00 UTC);
        let until = |expires: &str, on: &str| {
            let new = NewKey { expires: expires.into(), expires_on: on.into(), ..allowing("") };
            assert!(new.validate().is_ok(), "{expires}");
            new.expires_at(now)
        };
        assert_eq!(until("never", "").unwrap(), None);
        assert_eq!(until("30-days", "nonsense").unwrap(), Some(datetime!(2026-12-20 12:00 UTC)));
        assert_eq!(until("1-year", "").unwrap(), Some(datetime!(2027-11-20 12:00 UTC)));
        assert_eq!(until("date", "2026-11-20").unwrap(), Some(datetime!(2026-11-21 0:00 UTC)));
        for no in ["", "2026-11-19", "tomorrow", "9999-12-31", "2026-13-01"] {
            assert!(until("date", no).is_err(), "{no}");
        }
    }
}
