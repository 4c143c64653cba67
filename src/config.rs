//! The environment, read once, with all mistakes reported together.
//!
//! `.env` in the working directory is read too; real variables win. Refuses to start on a value it cannot use rather
//! than guess. `.env.example` lists every variable; a test holds it against [`VARIABLES`].

mod identity;
mod origin;
mod webhooks;

pub use identity::{IdentityProvider, Protocol, is_private};
pub use origin::Origin;
pub use webhooks::{github_sender, stripe_sender};

use crate::outgoing::Configured;
use crate::services::inbox::Sender;
use crate::services::staff::TwoFactorsOf;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

/// Every variable that is read.
pub const VARIABLES: [&str; 44] = [
    "LISTEN",
    "DATA_DIR",
    "DATABASE_URL",
    "PUBLIC_ORIGINS",
    "TRUSTED_ORIGINS",
    "CORS_ORIGINS",
    "TRUSTED_PROXIES",
    "SITE_NAME",
    "OWNER_EMAIL",
    "OWNER_PASSWORD",
    "DEMO_CONTENT",
    "CACHE_MAX_BYTES",
    "SMTP_URL",
    "SMTP_CA_FILE",
    "MAIL_FROM",
    "CRON_SECRET",
    "SCHEDULER",
    "SYNC_FOLDER",
    "RETENTION_LEADS_DAYS",
    "RETENTION_OUTBOX_DAYS",
    "NEWSLETTER_PER_MINUTE",
    "INDEXNOW_URL",
    "REQUIRE_TWO_FACTOR",
    "OIDC_{NAME}_ISSUER",
    "OIDC_{NAME}_CLIENT_ID",
    "OIDC_{NAME}_CLIENT_SECRET",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
    "GITHUB_BASE",
    "GITHUB_API_BASE",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_BASE",
    "GITHUB_WEBHOOK_SECRET",
    "RESEND_WEBHOOK_SECRET",
    "WEBHOOK_{NAME}_KIND",
    "WEBHOOK_{NAME}_SECRET",
    "WEBHOOK_{NAME}_HEADER",
    "WEBHOOK_{NAME}_PREFIX",
    "WEBHOOK_{NAME}_ENCODING",
    "WEBHOOK_{NAME}_ID_HEADER",
    "WEBHOOK_{NAME}_TYPE_HEADER",
    "WEBHOOKS_ALLOW",
    "WEBHOOKS_CA_FILE",
];

/// What the operator decided.
#[derive(Clone)]
pub struct Config {
    /// Where to accept connections.
    pub listen: SocketAddr,
    /// Folder for the private Postgres and everything else kept beside the database.
    pub data_dir: PathBuf,
    /// A Postgres to use; without it a private one runs under `data_dir`.
    pub database_url: Option<String>,
    /// The site's own origins, the canonical one first; empty: the loopback origins of `listen`.
    pub public_origins: Vec<Origin>,
    /// Other origins whose forms may post here with the visitor's cookies.
    pub trusted_origins: Vec<Origin>,
    /// Other sites whose scripts and forms may use `/api/contact`.
    pub cors_origins: Vec<Origin>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What the site calls itself.
    pub site_name: String,
    /// Sign-in address of the owner account made on the first start.
    pub owner_email: String,
    /// Its password; generated and printed once if not given.
    pub owner_password: Option<String>,
    /// Whether an empty database gets the demo site.
    pub demo_content: bool,
    /// Memory for cached pages, in bytes.
    pub cache_max_bytes: u64,
    /// The server mail is handed to: `smtp://` (STARTTLS) or `smtps://`; without it mail stays in the outbox.
    pub smtp_url: Option<String>,
    /// The authority that signed that server's certificate, in PEM, where it is not a public one.
    pub smtp_ca_file: Option<PathBuf>,
    /// Whom mail comes from, as `Name <address>`.
    pub mail_from: Option<String>,
    /// What schedulers outside prove themselves with; without any, none may come.
    pub cron_secrets: Vec<String>,
    /// Whether tasks are run by this program when they are due.
    pub scheduler: bool,
    /// A folder of Markdown files that become posts.
    pub sync_folder: Option<PathBuf>,
    /// After so many days without anything done to it a lead goes; none: never.
    pub retention_leads_days: Option<i32>,
    /// After so many days a row of the outbox that is over with goes; none: never.
    pub retention_outbox_days: Option<i32>,
    /// How many mails of an issue may go out in a minute; any number where nothing is said.
    pub newsletter_per_minute: Option<NonZeroU32>,
    /// Where search engines are told which pages are new, changed or gone (IndexNow); without it they find out themselves.
    pub indexnow_url: Option<Configured>,
    /// Of whom a second factor is asked.
    pub two_factors_of: TwoFactorsOf,
    /// Who else may vouch for people.
    pub identity: Vec<IdentityProvider>,
    /// What is missing for others to do so, a sentence each.
    pub identity_incomplete: Vec<String>,
    /// The key that Stripe knows us by; without it payments are off.
    pub stripe_key: Option<String>,
    /// Where Stripe is, where that is not Stripe itself.
    pub stripe_base: Option<Configured>,
    /// Who sends us events, and how they sign them.
    pub webhooks: Vec<Arc<Sender>>,
    /// What is missing for others to do so, a sentence each.
    pub webhooks_incomplete: Vec<String>,
    /// Networks that webhooks may be sent to besides the Internet.
    pub webhooks_allow: Vec<IpNet>,
    /// The authority that signed the certificates of their receivers, in PEM, where it is not a public one.
    pub webhooks_ca_file: Option<PathBuf>,
}

impl Config {
    /// Reads the process's environment and `.env`.
    ///
    /// # Errors
    /// Every mistake found, a sentence each.
    pub fn from_environment() -> Result<Self, Vec<String>> {
        let mut values = HashMap::new();
        if PathBuf::from(".env").exists() {
            let lines = dotenvy::from_path_iter(".env").map_err(|e| vec![format!(".env: {e}")])?;
            for line in lines {
                let (name, value) = line.map_err(|e| vec![format!(".env: {e}")])?;
                values.insert(name, value);
            }
        }
        values.extend(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
        Self::from_values(&values)
    }

    /// Reads `values`, by variable name. An empty value counts as not given.
    ///
    /// # Errors
    /// Every mistake found, a sentence each.
    pub fn from_values(values: &HashMap<String, String>) -> Result<Self, Vec<String>> {
        let mut from = Reader { values, mistakes: Vec::new() };
        let (identity, identity_incomplete) = from.identity_providers();
        let mut config = Self {
            listen: from
                .one("LISTEN", "an address and port")
                .unwrap_or(([127, 0, 0, 1], 8080).into()),
            data_dir: from.text("DATA_DIR").unwrap_or("./data").into(),
            database_url: from.text("DATABASE_URL").map(str::to_owned),
            public_origins: from.list("PUBLIC_ORIGINS", "an origin such as https://example.com"),
            trusted_origins: from.list("TRUSTED_ORIGINS", "an origin such as https://example.com"),
            cors_origins: from.list("CORS_ORIGINS", "an origin such as https://example.com"),
            trusted_proxies: from.networks("TRUSTED_PROXIES"),
            site_name: String::new(),
            owner_email: from.text("OWNER_EMAIL").unwrap_or("owner@example.com").to_owned(),
            owner_password: from.text("OWNER_PASSWORD").map(str::to_owned),
            demo_content: from.switch("DEMO_CONTENT", true),
            cache_max_bytes: from
                .one("CACHE_MAX_BYTES", "a number of bytes")
                .unwrap_or(64 * 1024 * 1024),
            smtp_url: from.text("SMTP_URL").map(str::to_owned),
            smtp_ca_file: from.text("SMTP_CA_FILE").map(Into::into),
            mail_from: from.text("MAIL_FROM").map(str::to_owned),
            cron_secrets: from.list("CRON_SECRET", "a secret"),
            scheduler: from.switch("SCHEDULER", true),
            sync_folder: from.text("SYNC_FOLDER").map(Into::into),
            retention_leads_days: from.days("RETENTION_LEADS_DAYS", None),
            retention_outbox_days: from.days("RETENTION_OUTBOX_DAYS", Some(90)),
            newsletter_per_minute: from
                .one("NEWSLETTER_PER_MINUTE", "a number of mails, at least one"),
            indexnow_url: from
                .one("INDEXNOW_URL", "a URL such as https://api.indexnow.org/indexnow"),
            two_factors_of: from
                .one("REQUIRE_TWO_FACTOR", "off, owners or staff")
                .unwrap_or_default(),
            identity,
            identity_incomplete,
            stripe_key: from.text("STRIPE_SECRET_KEY").map(str::to_owned),
            stripe_base: from.one("STRIPE_API_BASE", "a URL such as https://api.stripe.com"),
            webhooks: Vec::new(),
            webhooks_incomplete: Vec::new(),
            webhooks_allow: from.networks("WEBHOOKS_ALLOW"),
            webhooks_ca_file: from.text("WEBHOOKS_CA_FILE").map(Into::into),
        };
        let senders = [
            from.text("GITHUB_WEBHOOK_SECRET"),
            from.text("RESEND_WEBHOOK_SECRET"),
            from.text("STRIPE_WEBHOOK_SECRET"),
        ];
        (config.webhooks, config.webhooks_incomplete) =
            webhooks::read(values, senders, &mut from.mistakes);
        let unnamed = if config.demo_content { DEMO_SITE_NAME } else { "Frontdesk" };
        config.site_name = from.text("SITE_NAME").unwrap_or(unnamed).to_owned();
        for origin in &config.public_origins {
            if !origin.is_https() && !origin.is_loopback() {
                from.mistakes.push(format!(
                    "PUBLIC_ORIGINS: {origin} is plain http, which is only for this machine itself; use https"
                ));
            }
        }
        if config.stripe_key.as_ref().is_some_and(|key| !crate::stripe::is_secret_key(key)) {
            from.mistakes.push("STRIPE_SECRET_KEY: this is no secret key, sk_… or rk_…".to_owned());
        }
        let is_postgres =
            |url: &String| url.starts_with("postgres://") || url.starts_with("postgresql://");
        if config.database_url.as_ref().is_some_and(|url| !is_postgres(url)) {
            from.mistakes
                .push("DATABASE_URL: this is not the URL of a Postgres, postgres://…".to_owned());
        }
        if config.owner_password.as_ref().is_some_and(|given| given.chars().count() < 12) {
            from.mistakes.push("OWNER_PASSWORD: use at least 12 characters".to_owned());
        }
        if from.mistakes.is_empty() { Ok(config) } else { Err(from.mistakes) }
    }

    /// Takes the loopback origins of the port actually bound where no origin was configured.
    pub fn settle_origins(&mut self, bound: SocketAddr) {
        if self.public_origins.is_empty() {
            self.public_origins = ["127.0.0.1", "localhost", "[::1]"]
                .map(|host| Origin {
                    scheme: "http",
                    authority: format!("{host}:{}", bound.port()),
                })
                .into();
        }
    }

    /// The origin that answers to a `Host` header, if it is one of ours.
    pub fn origin_of_host(&self, host: &str) -> Option<&Origin> {
        self.public_origins.iter().find(|origin| origin.is_host(host))
    }

    /// How far apart the mails of an issue go out.
    pub fn newsletter_apart(&self) -> Option<Duration> {
        self.newsletter_per_minute.map(|count| Duration::from_secs(60) / count.get())
    }

    /// The origin that links to this site carry.
    ///
    /// # Panics
    /// Before [`Config::settle_origins`].
    pub fn canonical_origin(&self) -> &Origin {
        self.public_origins.first().expect("origins are settled before anything is served")
    }
}

/// The name of the studio whose demo content an empty database gets.
const DEMO_SITE_NAME: &str = "Oakum & Rule";

struct Reader<'a> {
    values: &'a HashMap<String, String>,
    mistakes: Vec<String>,
}

impl<'a> Reader<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        debug_assert!(VARIABLES.contains(&name), "{name} is not listed");
        self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    fn one<T: FromStr>(&mut self, name: &str, wanted: &str) -> Option<T> {
        let value = self.text(name)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.mistakes.push(format!("{name}: {value:?} is not {wanted}"));
        }
        parsed
    }

    fn list<T: FromStr>(&mut self, name: &str, wanted: &str) -> Vec<T> {
        let mut list = Vec::new();
        let items = self.text(name).unwrap_or_default().split(',');
        for item in items.map(str::trim).filter(|item| !item.is_empty()) {
            match item.parse() {
                Ok(value) => list.push(value),
                Err(_) => self.mistakes.push(format!("{name}: {item:?} is not {wanted}")),
            }
        }
        list
    }

    /// A list of networks, where a plain address is the network of itself.
    fn networks(&mut self, name: &str) -> Vec<IpNet> {
        struct Network(IpNet);
        impl FromStr for Network {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                let net = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
                net.map(Self).map_err(drop)
            }
        }
        let wanted = "an address or a network such as 10.0.0.0/8";
        self.list::<Network>(name, wanted).into_iter().map(|network| network.0).collect()
    }

    /// A number of days, or `off`.
    fn days(&mut self, name: &str, default: Option<i32>) -> Option<i32> {
        match self.text(name) {
            None => default,
            Some("off") => None,
            Some(given) => {
                let days = given.parse().ok().filter(|days| (1..=36_500).contains(days));
                if days.is_none() {
                    self.mistakes
                        .push(format!("{name}: {given:?} is neither a number of days nor off"));
                }
                days
            }
        }
    }

    fn switch(&mut self, name: &str, default: bool) -> bool {
        match self.text(name) {
            None => default,
            Some("on") => true,
            Some("off") => false,
            Some(other) => {
                self.mistakes.push(format!("{name}: {other:?} is neither on nor off"));
                default
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let values = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Config::from_values(&values.collect())
    }

    #[test]
    fn nothing_set_is_a_working_configuration() {
        let mut config = read(&[]).unwrap();
        config.settle_origins(config.listen);
        assert_eq!(config.canonical_origin().to_string(), "http://127.0.0.1:8080");
        assert!(config.origin_of_host("localhost:8080").is_some());
        assert!(config.origin_of_host("localhost:8081").is_none());
        assert!(config.origin_of_host("evil.example").is_none());
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let mistakes = read(&[
            ("LISTEN", "here"),
            ("PUBLIC_ORIGINS", "http://example.com, nonsense"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/99"),
            ("DEMO_CONTENT", "maybe"),
            ("OWNER_PASSWORD", "short"),
            ("RETENTION_LEADS_DAYS", "0"),
            ("INDEXNOW_URL", "api.indexnow.org"),
            ("REQUIRE_TWO_FACTOR", "everyone"),
        ])
        .err()
        .unwrap();
        assert_eq!(mistakes.len(), 9, "{mistakes:#?}");
    }
}
