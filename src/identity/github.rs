//! GitHub, which speaks OAuth 2 and says by an interface of its own who came. By the crate `oauth2`.

use super::refusal::Refusal;
use super::web::Web;
use super::{Asked, Departure, Vouched};
use crate::outgoing::Outgoing;
use oauth2::basic::{BasicClient, BasicTokenResponse};
use oauth2::http::{Method, Request, StatusCode};
use oauth2::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EndpointNotSet, EndpointSet, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    Scope, TokenResponse, TokenUrl,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

type GitHubClient =
    BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// GitHub, or one of its kind in a company.
pub struct GitHub {
    base: String,
    api_base: String,
    client: GitHubClient,
    web: Web,
}

/// `GET /user`
#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

/// One of `GET /user/emails`
#[derive(Deserialize)]
struct UserEmail {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    /// # Errors
    /// Where an address is none.
    pub fn new(
        outgoing: &Arc<Outgoing>,
        base: &str,
        api_base: &str,
        id: &str,
        secret: &str,
    ) -> anyhow::Result<Self> {
        let client = BasicClient::new(ClientId::new(id.to_owned()))
            .set_client_secret(ClientSecret::new(secret.to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::new(format!("{base}/login/oauth/authorize"))?)
            .set_token_uri(TokenUrl::new(format!("{base}/login/oauth/access_token"))?);
        let plain = base.starts_with("http:") && api_base.starts_with("http:");
        let (base, api_base) = (base.to_owned(), api_base.to_owned());
        Ok(Self { base, api_base, client, web: Web::new(outgoing, plain) })
    }

    /// The name under which whom it knows is kept.
    pub fn issuer(&self) -> &str {
        &self.base
    }

    /// Where people are sent, as an origin.
    pub fn destination(&self) -> String {
        self.client.auth_uri().url().origin().ascii_serialization()
    }

    /// Where to send somebody.
    pub fn depart(&self, redirect: RedirectUrl, state: &str, asked: &Asked) -> Departure {
        let verifier = PkceCodeVerifier::new(asked.verifier.clone());
        let state = CsrfToken::new(state.to_owned());
        let client = self.client.clone().set_redirect_uri(redirect);
        let (url, _) = client
            .authorize_url(|| state)
            .add_scopes(["read:user", "user:email"].map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Departure(url)
    }

    /// Whether an answer comes from here. It did not always say (RFC 9207); where it does, its name as a server is another
    /// than that of its people.
    ///
    /// # Errors
    /// [`Refusal::Untrusted`].
    pub fn is_from_here(&self, iss: Option<&str>) -> Result<(), Refusal> {
        match iss.is_none_or(|iss| iss == format!("{}/login/oauth", self.base)) {
            true => Ok(()),
            false => Err(Refusal::untrusted("the answer is another issuer's")),
        }
    }

    /// Who somebody is who has come back with a code.
    ///
    /// # Errors
    /// [`Refusal::Untrusted`], [`Refusal::Away`].
    pub async fn vouch(
        &self,
        redirect: RedirectUrl,
        asked: &Asked,
        code: &str,
    ) -> Result<Vouched, Refusal> {
        let client = self.client.clone().set_redirect_uri(redirect);
        let tokens: BasicTokenResponse = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(asked.verifier.clone()))
            .request_async(&self.web)
            .await?;
        let token = tokens.access_token();
        let user: User = self.get("/user", token).await?.ok_or_else(unreadable)?;
        // Somebody may have been asked for less than this: then we do not know their address.
        let emails: Vec<UserEmail> = self.get("/user/emails", token).await?.unwrap_or_default();
        let primary = emails.iter().find(|email| email.primary);
        let email = primary.map(|email| (email.email.as_str(), email.verified));
        let name = user.name.as_deref().unwrap_or(&user.login);
        Vouched::new(&self.base, &user.id.to_string(), email, Some(name))
    }

    /// Asks in somebody's name; none where that may not be asked.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        token: &AccessToken,
    ) -> Result<Option<T>, Refusal> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("{}{path}", self.api_base))
            .header("authorization", format!("Bearer {}", token.secret()))
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .body(Vec::new())
            .map_err(|_| Refusal::untrusted("the access token is no token"))?;
        let answer = self.web.call(request).await?;
        match answer.status() {
            StatusCode::OK => {
                serde_json::from_slice(answer.body()).map(Some).map_err(|_| unreadable())
            }
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok(None),
            status => Err(Refusal::Away(format!("status {status} when asked who came"))),
        }
    }
}

fn unreadable() -> Refusal {
    Refusal::Away("what is known about them cannot be read".to_owned())
}
