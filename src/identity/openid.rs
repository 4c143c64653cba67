//! A provider that speaks OpenID Connect (Core 1.0, Discovery 1.0, RFC 7636, RFC 9207), by the crate `openidconnect`.

use super::known::{Known, Shelf};
use super::refusal::Refusal;
use super::web::Web;
use super::{Asked, Departure, Vouched};
use crate::clock::Clock;
use crate::outgoing::Outgoing;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod,
    CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthenticationFlow,
    AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenClaims, IdTokenFields,
    IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How far their clock may be from ours.
const SKEW: Duration = Duration::from_secs(60);

/// What a token may be signed with: with a key that only the provider has. So none of HMAC, whose key is our own secret,
/// and never nothing.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What we ask for beside `openid`.
const SCOPES: [&str; 2] = ["email", "profile"];

/// What it says about itself that the crate has no name for.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub struct MoreMetadata {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

/// What it says about itself.
pub type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The claim that the crate has no name for.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
struct MoreClaims {
    nbf: Option<f64>,
}

impl AdditionalClaims for MoreClaims {}

type Token = IdToken<
    MoreClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Claims = IdTokenClaims<MoreClaims, CoreGenderClaim>;
type Fields = IdTokenFields<
    MoreClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type OpenIdClient = Client<
    MoreClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An OpenID provider.
pub struct OpenId {
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: ClientSecret,
    web: Web,
    shelf: Shelf,
}

impl OpenId {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Where the issuer is no URL.
    pub fn new(
        outgoing: &Arc<Outgoing>,
        issuer: &str,
        client_id: &str,
        client_secret: &str,
    ) -> anyhow::Result<Self> {
        let issuer = IssuerUrl::new(issuer.to_owned())?;
        Ok(Self {
            web: Web::new(outgoing, issuer.url().scheme() == "http"),
            issuer,
            client_id: ClientId::new(client_id.to_owned()),
            client_secret: ClientSecret::new(client_secret.to_owned()),
            shelf: Shelf::default(),
        })
    }

    /// The name under which whom it knows is kept.
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Where people are sent, as an origin, if that is known.
    pub fn destination(&self) -> Option<String> {
        let url = self.shelf.last()?.metadata.authorization_endpoint().url().clone();
        Some(url.origin().ascii_serialization())
    }

    /// Has it say what it is.
    ///
    /// # Errors
    /// [`Refusal::Away`], [`Refusal::Untrusted`].
    pub async fn know(&self, clock: &Clock) -> Result<Arc<Known>, Refusal> {
        self.shelf.current(clock, &self.web, &self.issuer).await
    }

    /// Where to send somebody.
    ///
    /// # Errors
    /// As [`OpenId::know`].
    pub async fn depart(
        &self,
        clock: &Clock,
        redirect: RedirectUrl,
        state: &str,
        asked: &Asked,
    ) -> Result<Departure, Refusal> {
        let known = self.know(clock).await?;
        let client = self.client(&known, redirect);
        let (state, nonce) = (CsrfToken::new(state.to_owned()), Nonce::new(asked.nonce.clone()));
        let verifier = PkceCodeVerifier::new(asked.verifier.clone());
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let listed = known.metadata.scopes_supported();
        let scopes = SCOPES.map(|scope| Scope::new(scope.to_owned()));
        // One that lists its scopes may refuse others.
        let scopes =
            scopes.into_iter().filter(|scope| listed.is_none_or(|all| all.contains(scope)));
        let (url, _, _) = client
            .authorize_url(flow, || state, || nonce)
            .add_scopes(scopes)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(Departure(url))
    }

    /// Whether an answer comes from here, as far as the answer says (RFC 9207).
    ///
    /// # Errors
    /// [`Refusal::Untrusted`], and as [`OpenId::know`].
    pub async fn is_from_here(&self, clock: &Clock, iss: Option<&str>) -> Result<(), Refusal> {
        let known = self.know(clock).await?;
        let says_so = known.metadata.additional_metadata();
        match iss {
            Some(iss) if iss == self.issuer.as_str() => Ok(()),
            Some(_) => Err(Refusal::untrusted("the answer is another issuer's")),
            None if says_so.authorization_response_iss_parameter_supported => {
                Err(Refusal::untrusted("the answer does not say whose it is"))
            }
            None => Ok(()),
        }
    }

    /// Who somebody is who has come back with a code.
    ///
    /// # Errors
    /// [`Refusal::Untrusted`], [`Refusal::Away`].
    pub async fn vouch(
        &self,
        clock: &Clock,
        redirect: RedirectUrl,
        asked: &Asked,
        code: &str,
    ) -> Result<Vouched, Refusal> {
        let known = self.know(clock).await?;
        let client = self.client(&known, redirect);
        let tokens: Tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| Refusal::untrusted("discovery names no place for codes"))?
            .set_pkce_verifier(PkceCodeVerifier::new(asked.verifier.clone()))
            .request_async(&self.web)
            .await?;
        let token = tokens.id_token().ok_or(Refusal::untrusted("there is no token"))?;
        let nonce = Nonce::new(asked.nonce.clone());
        let judged = self.judge(clock, &known, token, &tokens, &nonce);
        let claims = match judged {
            Err(Unbelieved::UnknownKey) => {
                let newer = self.shelf.with_newer_keys(clock, &self.web, &known).await?;
                self.judge(clock, &newer, token, &tokens, &nonce)
            }
            judged => judged,
        };
        let claims = claims.map_err(Refusal::from)?;
        if claims.email().is_some() {
            return self.vouched(&claims);
        }
        self.more(&client, &tokens, claims).await
    }

    /// What the provider says besides, where its token is silent about the address.
    async fn more(
        &self,
        client: &OpenIdClient,
        tokens: &Tokens,
        claims: Claims,
    ) -> Result<Vouched, Refusal> {
        let visible = tokens.access_token().secret().bytes().all(|byte| byte.is_ascii_graphic());
        let subject = Some(claims.subject().clone());
        let request = client.user_info(tokens.access_token().clone(), subject);
        let Ok(request) = request else { return self.vouched(&claims) };
        if !visible {
            return Err(Refusal::untrusted("the access token is no token"));
        }
        let info: UserInfoClaims<MoreClaims, CoreGenderClaim> =
            request.request_async(&self.web).await?;
        let name = info.name().or(claims.name()).and_then(|name| name.get(None));
        let verified = info.email_verified() == Some(true);
        Vouched::new(
            self.issuer.as_str(),
            claims.subject(),
            info.email().map(|email| (email.as_str(), verified)),
            name.map(|name| name.as_str()),
        )
    }

    fn vouched(&self, claims: &Claims) -> Result<Vouched, Refusal> {
        let verified = claims.email_verified() == Some(true);
        let name = claims.name().and_then(|name| name.get(None));
        Vouched::new(
            self.issuer.as_str(),
            claims.subject(),
            claims.email().map(|email| (email.as_str(), verified)),
            name.map(|name| name.as_str()),
        )
    }

    fn client(&self, known: &Known, redirect: RedirectUrl) -> OpenIdClient {
        let methods = known.metadata.token_endpoint_auth_methods_supported();
        let only_in_body = methods.is_some_and(|all| {
            !all.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && all.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        let way = if only_in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        let secret = Some(self.client_secret.clone());
        Client::from_provider_metadata(known.metadata.clone(), self.client_id.clone(), secret)
            .set_redirect_uri(redirect)
            .set_auth_type(way)
    }

    /// What a token says, if it is theirs, for us, now, and in answer to what this browser asked.
    fn judge(
        &self,
        clock: &Clock,
        known: &Known,
        token: &Token,
        tokens: &Tokens,
        nonce: &Nonce,
    ) -> Result<Claims, Unbelieved> {
        let now = DateTime::from_timestamp_secs(clock.now().unix_timestamp()).unwrap_or_default();
        let verifier = self.verifier(known, now);
        let claims = token.claims(&verifier, nonce)?.clone();
        if claims.authorized_party().is_some_and(|party| *party != self.client_id) {
            return Err(Unbelieved::untrusted("the token is for another party"));
        }
        let begins = claims.additional_claims().nbf.unwrap_or(f64::MIN);
        if begins > (now + SKEW).timestamp() as f64 {
            return Err(Unbelieved::untrusted("the token's time is to come"));
        }
        if let Some(hash) = claims.access_token_hash() {
            let key = token.signing_key(&verifier).map_err(Refusal::from)?;
            let algorithm = token.signing_alg().map_err(Refusal::from)?;
            let right = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if !right.is_ok_and(|right| right == *hash) {
                return Err(Unbelieved::untrusted("the tokens do not belong together"));
            }
        }
        Ok(claims)
    }

    /// What the crate checks: issuer, audience, algorithm, signature, nonce and times. As of a public client, so that no
    /// secret of ours is ever taken for a key of theirs.
    fn verifier(
        &self,
        known: &Known,
        now: DateTime<Utc>,
    ) -> IdTokenVerifier<'static, CoreJsonWebKey> {
        IdTokenVerifier::new_public_client(
            self.client_id.clone(),
            self.issuer.clone(),
            known.metadata.jwks().clone(),
        )
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now - SKEW)
        .set_issue_time_verifier_fn(move |at| match at <= now + SKEW {
            true => Ok(()),
            false => Err("to come".to_owned()),
        })
    }
}

/// Why a token is not believed.
enum Unbelieved {
    /// It may be signed with a key that is newer than those we know.
    UnknownKey,
    /// For any other reason.
    Refused(Refusal),
}

impl Unbelieved {
    fn untrusted(cause: &str) -> Self {
        Self::Refused(Refusal::untrusted(cause))
    }
}

impl From<Refusal> for Unbelieved {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<openidconnect::ClaimsVerificationError> for Unbelieved {
    fn from(error: openidconnect::ClaimsVerificationError) -> Self {
        use openidconnect::ClaimsVerificationError::SignatureVerification;
        match error {
            SignatureVerification(SignatureVerificationError::NoMatchingKey) => Self::UnknownKey,
            error => Self::Refused(error.into()),
        }
    }
}

impl From<Unbelieved> for Refusal {
    fn from(unbelieved: Unbelieved) -> Self {
        match unbelieved {
            Unbelieved::UnknownKey => SignatureVerificationError::NoMatchingKey.into(),
            Unbelieved::Refused(refusal) => refusal,
        }
    }
}
