//! What devices have answered: the passkey they have made, or a signature of one that they had.

use super::{Asked, Site, kept, read};
use crate::error::{Error, OnConstraint, Result};
use crate::services::sessions::Member;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, WebauthnError,
};

/// The refusal of an answer that cannot be read.
const NO_ANSWER: &str = "Your browser sent no answer. Begin again.";
/// The refusal of a signature.
const REFUSED: &str = "This passkey is none of this site's, or was removed from it. Begin again, with another one, or sign in another way.";

/// Keeps the passkey that a device has made.
///
/// # Errors
/// [`Error::Invalid`] where the answer is none to what was asked.
pub async fn add(
    db: &mut PgConnection,
    site: &Site,
    who: &Member,
    id: Uuid,
    asked: &Asked,
    answer: &str,
) -> Result<()> {
    let state: PasskeyRegistration = read(&asked.state)?;
    let answer: RegisterPublicKeyCredential = answered(answer)?;
    let made = site.webauthn.finish_passkey_registration(&answer, &state);
    let made = made
        .map_err(|_| Error::field("", "This is not what the device was asked for. Begin again."))?;
    let credential_id: &[u8] = made.cred_id();
    sqlx::query!(
        "insert into passkeys (id, account_id, credential_id, credential, name) values ($1, $2, $3, $4, $5)",
        id,
        who.id(),
        credential_id,
        kept(&made)?,
        asked.note,
    )
    .execute(db)
    .await
    .on_constraint("passkeys_credential_id_key", || {
        Error::field("", "There is a passkey like this already.")
    })?;
    Ok(())
}

/// A passkey that says it is one of ours. Nothing is proven yet.
pub struct Claim {
    /// Which.
    pub id: Uuid,
    /// Whose.
    pub account: Uuid,
    /// Their address.
    pub email: String,
    credential: Value,
    answer: PublicKeyCredential,
}

/// Whose passkey it claims to be that has answered.
///
/// # Errors
/// [`Error::Invalid`] where it is nobody's, or may have been copied.
pub async fn claimed(db: &mut PgConnection, site: &Site, answer: &str) -> Result<Claim> {
    let answer: PublicKeyCredential = answered(answer)?;
    let refused = || Error::field("", REFUSED);
    let (account, credential_id) =
        site.webauthn.identify_discoverable_authentication(&answer).map_err(|_| refused())?;
    let found = sqlx::query!(
        "select passkeys.id, email, credential, copied_at from passkeys join accounts on accounts.id = account_id
          where account_id = $1 and credential_id = $2 and active",
        account,
        credential_id,
    );
    let found = found.fetch_optional(db).await?.ok_or_else(refused)?;
    if found.copied_at.is_some() {
        let message = "This passkey may have been copied, and lets nobody in any more. Sign in another way, then remove it.";
        return Err(Error::field("", message));
    }
    Ok(Claim { id: found.id, account, email: found.email, credential: found.credential, answer })
}

/// What became of a claim.
pub enum Judged {
    /// It is true.
    Proven(Box<Proven>),
    /// The signature is right, and its count is that of an earlier one: there are two of this passkey.
    Copied,
}

/// A passkey that has proven to be there, with its owner.
pub struct Proven {
    claim: Claim,
    credential: Value,
}

impl Proven {
    /// What was claimed.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }
}

/// Holds an answer against what was asked: the challenge, our name, one of our origins, the signature, its count.
///
/// # Errors
/// [`Error::Invalid`].
pub fn judge(site: &Site, asked: &Asked, claim: Claim) -> Result<Judged> {
    let state: DiscoverableAuthentication = read(&asked.state)?;
    let mut passkey: Passkey = read(&claim.credential)?;
    if is_framed(&claim.answer) {
        return Err(Error::field("", REFUSED));
    }
    match site.webauthn.finish_discoverable_authentication_v2(&claim.answer, state, &passkey) {
        Ok(result) => {
            passkey.update_credential(&result);
            Ok(Judged::Proven(Box::new(Proven { credential: kept(&passkey)?, claim })))
        }
        Err(WebauthnError::CredentialPossibleCompromise) => Ok(Judged::Copied),
        Err(_) => Err(Error::field("", REFUSED)),
    }
}

/// Whether the device was asked from a frame in a page of another site, as ours never are. The crate looks at that only
/// where a passkey is made.
fn is_framed(answer: &PublicKeyCredential) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        cross_origin: Option<bool>,
    }
    let asked = serde_json::from_slice::<Asked>(&answer.response.client_data_json);
    asked.is_ok_and(|asked| asked.cross_origin == Some(true))
}

/// Notes that a passkey has let somebody in, with the new count of its signatures.
///
/// # Errors
/// [`Error::Invalid`] where it has done something else since it was looked at.
pub async fn used(db: &mut PgConnection, proven: &Proven) -> Result<()> {
    let noted = sqlx::query!(
        "update passkeys set credential = $3, used_at = now()
          where id = $1 and credential = $2 and copied_at is null",
        proven.claim.id,
        proven.claim.credential,
        proven.credential,
    );
    match noted.execute(db).await?.rows_affected() {
        0 => Err(Error::field("", "This passkey was used elsewhere at this moment. Begin again.")),
        _ => Ok(()),
    }
}

/// Notes that there are two of a passkey: it lets nobody in any more.
///
/// # Errors
/// As any statement.
pub async fn copied(db: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!("update passkeys set copied_at = now() where id = $1 and copied_at is null", id)
        .execute(db)
        .await?;
    Ok(())
}

fn answered<T: DeserializeOwned>(answer: &str) -> Result<T> {
    serde_json::from_str(answer).map_err(|_| Error::field("", NO_ANSWER))
}
