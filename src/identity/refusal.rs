//! Why somebody who came back from an identity provider does not get in. Nothing was changed.

use super::web::Fault;
use oauth2::RequestTokenError;
use oauth2::basic::BasicErrorResponse;
use openidconnect::{
    ClaimsVerificationError, DiscoveryError, SignatureVerificationError, UserInfoError,
};
use std::fmt::{self, Display, Formatter};
use thiserror::Error;

/// Somebody who does not get in.
#[derive(Debug, Error)]
pub struct Refused {
    /// The provider, as pages call it.
    pub provider: String,
    /// The path they wanted to go on to.
    pub next: String,
    /// What stands in the way.
    #[source]
    pub why: Refusal,
}

impl Refused {
    /// In a few words.
    pub fn title(&self) -> &'static str {
        match self.why {
            Refusal::Unexpected | Refusal::SomeoneElse => "Please start again",
            Refusal::Declined => "You said no",
            Refusal::Reported(_) | Refusal::Away(_) => "That did not work",
            Refusal::Untrusted(_) => "That could not be believed",
            Refusal::AddressTaken => "You have an account already",
            Refusal::NotTheirs => "This is none of your ways in yet",
            Refusal::Closed => "This account is closed",
            Refusal::TakenElsewhere => "This belongs to another account",
        }
    }
}

/// What it means to them, and what to do.
impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { provider, why, .. } = self;
        match why {
            Refusal::Unexpected => write!(
                f,
                "Nobody was expected here: it was begun too long ago, or in another browser, or it is done already. Nothing has been changed."
            ),
            Refusal::SomeoneElse => write!(
                f,
                "You are not signed in any more as you were when you left for {provider}. Sign in, then add it again."
            ),
            Refusal::Declined => write!(
                f,
                "You did not let {provider} tell us who you are, so nothing has happened. You can sign in another way."
            ),
            Refusal::Reported(_) | Refusal::Away(_) => write!(
                f,
                "{provider} does not answer as it should. Try again shortly, or sign in another way. Nothing has been changed."
            ),
            Refusal::Untrusted(_) => write!(
                f,
                "What came from {provider} is not what it would send to us. Start again; if it happens once more, tell us the reference. Nothing has been changed."
            ),
            Refusal::AddressTaken => write!(
                f,
                "There is an account with the address that you have at {provider}. Sign in to it, then add {provider} to your ways to sign in: from then on you can come from there."
            ),
            Refusal::NotTheirs => write!(
                f,
                "You are signed in, and whoever you are at {provider} is not known here. Add it to your ways to sign in, or sign out first."
            ),
            Refusal::Closed => write!(
                f,
                "The account that you would come to has been closed. Write to us if that is a mistake."
            ),
            Refusal::TakenElsewhere => write!(
                f,
                "Whoever you are at {provider} has another account here already. Sign in with {provider} to come to it."
            ),
        }
    }
}

/// What stands in the way. The causes are for the log: they are in our own words, for what a provider says is about
/// people, and may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.cause())]
pub enum Refusal {
    /// Nobody in this browser was sent there, or too long ago, or they have been back already.
    Unexpected,
    /// They said no there.
    Declined,
    /// The provider says that it will not do it, by a code of the standard's.
    Reported(String),
    /// It does not answer, or not as agreed.
    Away(String),
    /// What came is not what this provider would have sent to us.
    Untrusted(String),
    /// The address they have there is that of an account that has not said it is theirs.
    AddressTaken,
    /// They are signed in, and this is none of their identities.
    NotTheirs,
    /// The account they would get into was closed.
    Closed,
    /// Another account has this identity.
    TakenElsewhere,
    /// They are not signed in any more as who they were when they left.
    SomeoneElse,
}

impl Refusal {
    /// For the log.
    pub fn cause(&self) -> &str {
        match self {
            Self::Unexpected => "nobody was expected",
            Self::Declined => "declined",
            Self::Reported(cause) | Self::Away(cause) | Self::Untrusted(cause) => cause,
            Self::AddressTaken => "the address is that of an account",
            Self::NotTheirs => "signed in, and not known",
            Self::Closed => "the account is closed",
            Self::TakenElsewhere => "the identity is that of another account",
            Self::SomeoneElse => "not signed in as before",
        }
    }

    pub(super) fn untrusted(cause: &str) -> Self {
        Self::Untrusted(cause.to_owned())
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Away(format!("{:#}", anyhow::Error::from(fault)))
    }
}

impl From<DiscoveryError<Fault>> for Refusal {
    fn from(error: DiscoveryError<Fault>) -> Self {
        match error {
            DiscoveryError::Request(fault) => fault.into(),
            DiscoveryError::Validation(_) => Self::untrusted("discovery names another issuer"),
            DiscoveryError::Response(status, ..) => {
                Self::Away(format!("discovery, or the keys: status {status}, or not JSON"))
            }
            _ => Self::Away("discovery, or the keys, cannot be read".to_owned()),
        }
    }
}

impl From<RequestTokenError<Fault, BasicErrorResponse>> for Refusal {
    fn from(error: RequestTokenError<Fault, BasicErrorResponse>) -> Self {
        match error {
            RequestTokenError::Request(fault) => fault.into(),
            RequestTokenError::ServerResponse(said) => Self::of_code(said.error().as_ref()),
            RequestTokenError::Parse(_, body) => Self::of_odd_answer(&body),
            RequestTokenError::Other(_) => {
                Self::Away("the answer with the token is none".to_owned())
            }
        }
    }
}

impl Refusal {
    /// What a server says that gives no token.
    fn of_code(code: &str) -> Self {
        match code {
            "invalid_grant" | "bad_verification_code" => Self::untrusted("the code is refused"),
            code => Self::Away(format!("it gives no token: {}", code_of(code))),
        }
    }

    /// GitHub refuses with 200, so what is no token may be an error.
    fn of_odd_answer(body: &[u8]) -> Self {
        match serde_json::from_slice::<BasicErrorResponse>(body) {
            Ok(said) => Self::of_code(said.error().as_ref()),
            Err(_) => Self::Away("the answer with the token cannot be read".to_owned()),
        }
    }

    /// What a provider reports to somebody who comes back.
    pub fn reported(error: &str) -> Self {
        match error {
            "access_denied" => Self::Declined,
            error => Self::Reported(code_of(error)),
        }
    }
}

/// An error's code, for the log: what is none may be anything.
fn code_of(error: &str) -> String {
    let is_code = error.len() <= 40 && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_code { error.to_owned() } else { "an error without a code".to_owned() }
}

impl From<UserInfoError<Fault>> for Refusal {
    fn from(error: UserInfoError<Fault>) -> Self {
        match error {
            UserInfoError::Request(fault) => fault.into(),
            UserInfoError::ClaimsVerification(error) => error.into(),
            _ => Self::Away("what is known about them cannot be read".to_owned()),
        }
    }
}

impl From<ClaimsVerificationError> for Refusal {
    fn from(error: ClaimsVerificationError) -> Self {
        Self::untrusted(match error {
            ClaimsVerificationError::Expired(_) => "the token's time: it is over, or to come",
            ClaimsVerificationError::InvalidAudience(_) => "the token's audience",
            ClaimsVerificationError::InvalidIssuer(_) => "the token's issuer",
            ClaimsVerificationError::InvalidNonce(_) => "the token's nonce",
            ClaimsVerificationError::InvalidSubject(_) => "the subject",
            ClaimsVerificationError::SignatureVerification(error) => return error.into(),
            _ => "the token is of a kind that is not accepted",
        })
    }
}

impl From<SignatureVerificationError> for Refusal {
    fn from(error: SignatureVerificationError) -> Self {
        Self::untrusted(match error {
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_) => "the token's algorithm",
            SignatureVerificationError::NoMatchingKey => "the token's key is not among theirs",
            SignatureVerificationError::NoSignature => "the token is not signed",
            SignatureVerificationError::AmbiguousKeyId(_) => "the token fits several keys",
            _ => "the token's signature",
        })
    }
}
