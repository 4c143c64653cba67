//! Who else may vouch for people: `OIDC_{NAME}_…`, any number of names, and `GITHUB_…`.
//!
//! One of whom something is missing is off and not a mistake: `doctor` says what is missing.

use super::{Origin, Reader};
use std::collections::BTreeMap;
use url::Url;

/// An identity provider that people may sign in with.
#[derive(Clone)]
pub struct IdentityProvider {
    /// In addresses: `google`.
    pub id: String,
    /// On pages: `Google`.
    pub name: String,
    /// Who we are there.
    pub client_id: String,
    /// And our proof.
    pub client_secret: String,
    /// How it is spoken to.
    pub protocol: Protocol,
}

/// How an identity provider is spoken to.
#[derive(Clone)]
pub enum Protocol {
    /// OpenID Connect; everything else is discovered.
    OpenId {
        /// The issuer, to the letter.
        issuer: String,
    },
    /// GitHub's own, on OAuth 2.
    GitHub {
        /// Where people are sent.
        base: String,
        /// Where we ask who came.
        api_base: String,
    },
}

/// The three variables of one provider.
const PARTS: [&str; 3] = ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"];

impl Reader<'_> {
    /// The providers of whom everything is known, and a sentence for each of whom something is missing.
    pub(super) fn identity_providers(&mut self) -> (Vec<IdentityProvider>, Vec<String>) {
        let (mut providers, mut incomplete) = (Vec::new(), Vec::new());
        let found = self.open_id().into_iter().chain(self.github());
        for provider in found {
            match provider {
                Ok(provider) => providers.push(provider),
                Err(missing) => incomplete.push(missing),
            }
        }
        (providers, incomplete)
    }

    fn open_id(&mut self) -> Vec<Result<IdentityProvider, String>> {
        let mut names: BTreeMap<String, [Option<String>; 3]> = BTreeMap::new();
        for (variable, value) in self.values {
            let Some(rest) = variable.strip_prefix("OIDC_") else { continue };
            let part = PARTS.iter().position(|part| {
                rest.strip_suffix(part).is_some_and(|name| name.len() > 1 && name.ends_with('_'))
            });
            let (Some(part), false) = (part, value.trim().is_empty()) else { continue };
            let name = &rest[..rest.len() - PARTS[part].len() - 1];
            names.entry(name.to_owned()).or_default()[part] = Some(value.trim().to_owned());
        }
        names.into_iter().filter_map(|(name, parts)| self.one_open_id(&name, parts)).collect()
    }

    fn one_open_id(
        &mut self,
        name: &str,
        parts: [Option<String>; 3],
    ) -> Option<Result<IdentityProvider, String>> {
        let plain = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        if !name.split('_').all(plain) || name == "GITHUB" {
            self.mistakes.push(format!(
                "OIDC_{name}_…: name it with capital letters and digits, and not GITHUB, which has variables of its own"
            ));
            return None;
        }
        let missing = PARTS.iter().zip(&parts).find(|(_, part)| part.is_none());
        if let Some((missing, _)) = missing {
            return Some(Err(format!("OIDC_{name}_{missing} is not set")));
        }
        let [issuer, client_id, client_secret] = parts.map(Option::unwrap_or_default);
        self.address(&format!("OIDC_{name}_ISSUER"), &issuer);
        Some(Ok(IdentityProvider {
            id: name.to_lowercase().replace('_', "-"),
            name: titled(name),
            client_id,
            client_secret,
            protocol: Protocol::OpenId { issuer },
        }))
    }

    fn github(&mut self) -> Option<Result<IdentityProvider, String>> {
        let given = |reader: &Self, name| reader.text(name).map(str::to_owned);
        let (id, secret) = (given(self, "GITHUB_CLIENT_ID"), given(self, "GITHUB_CLIENT_SECRET"));
        let (client_id, client_secret) = match (id, secret) {
            (None, None) => return None,
            (Some(_), None) => return Some(Err("GITHUB_CLIENT_SECRET is not set".to_owned())),
            (None, Some(_)) => return Some(Err("GITHUB_CLIENT_ID is not set".to_owned())),
            (Some(id), Some(secret)) => (id, secret),
        };
        let base = self.base("GITHUB_BASE", "https://github.com");
        let api_base = self.base("GITHUB_API_BASE", "https://api.github.com");
        Some(Ok(IdentityProvider {
            id: "github".to_owned(),
            name: "GitHub".to_owned(),
            client_id,
            client_secret,
            protocol: Protocol::GitHub { base, api_base },
        }))
    }

    fn base(&mut self, name: &str, default: &str) -> String {
        let base = self.text(name).unwrap_or(default).trim_end_matches('/').to_owned();
        self.address(name, &base);
        base
    }

    /// Notes a mistake where this is no address for secrets to go to.
    fn address(&mut self, name: &str, value: &str) {
        if !Url::parse(value).is_ok_and(|url| is_bare(&url) && is_private(&url)) {
            self.mistakes.push(format!(
                "{name}: {value:?} is not an https:// address (http:// is for this machine itself)"
            ));
        }
    }
}

/// Whether nobody on the way can read what goes to this address: https, or this machine itself.
pub fn is_private(url: &Url) -> bool {
    let origin = url.origin().ascii_serialization().parse::<Origin>();
    origin.is_ok_and(|origin| origin.is_https() || origin.is_loopback())
}

fn is_bare(url: &Url) -> bool {
    url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// `MY_COMPANY` as "My Company".
fn titled(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_owned() + &rest.to_lowercase()
    };
    name.split('_').map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let values = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Config::from_values(&values.collect())
    }

    #[test]
    fn any_number_of_providers_has_its_own_names() {
        let config = read(&[
            ("OIDC_MY_COMPANY_ISSUER", "https://id.example.com/realms/all"),
            ("OIDC_MY_COMPANY_CLIENT_ID", "desk"),
            ("OIDC_MY_COMPANY_CLIENT_SECRET", "s"),
            ("OIDC_GOOGLE_ISSUER", "https://accounts.google.com"),
            ("OIDC_GOOGLE_CLIENT_ID", "g"),
            ("OIDC_GOOGLE_CLIENT_SECRET", " t "),
            ("OIDC_OKTA_ISSUER", "https://okta.example.com"),
            ("OIDC_OKTA_CLIENT_ID", ""),
            ("GITHUB_CLIENT_ID", "h"),
            ("GITHUB_CLIENT_SECRET", "u"),
            ("OIDC_ISSUER", "of nobody"),
        ])
        .unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let shown: Vec<_> = config.identity.iter().map(|p| (&*p.id, &*p.name)).collect();
        assert_eq!(
            shown,
            [("google", "Google"), ("my-company", "My Company"), ("github", "GitHub")]
        );
        assert_eq!(config.identity[0].client_secret, "t");
        assert_eq!(config.identity_incomplete, ["OIDC_OKTA_CLIENT_ID is not set"]);
    }

    #[test]
    fn secrets_go_to_no_address_that_others_can_read() {
        for issuer in [
            "http://id.example.com",
            "https://id.example.com?x",
            "https://me@id.example.com",
            "ftp://id.example.com",
            "id.example.com",
        ] {
            let pairs = [
                ("OIDC_X_ISSUER", issuer),
                ("OIDC_X_CLIENT_ID", "c"),
                ("OIDC_X_CLIENT_SECRET", "s"),
            ];
            assert!(read(&pairs).is_err(), "{issuer}");
        }
        let github = [
            ("GITHUB_CLIENT_ID", "h"),
            ("GITHUB_CLIENT_SECRET", "u"),
            ("GITHUB_BASE", "http://a.b"),
        ];
        assert!(read(&github).is_err());
        assert!(read(&[("OIDC_a_ISSUER", "https://id.example.com")]).is_err());
        assert!(read(&[("OIDC_GITHUB_ISSUER", "https://id.example.com")]).is_err());
    }
}
