//! Programs on the devices of members, which act for them by tokens. They can keep no secret of their own (RFC 8252), so what
//! counts is where a code may be sent: exactly where the operator has said.

use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::input::{self, Valid};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use url::{Host, Url};
use uuid::Uuid;
use validator::{Validate, ValidationError};

/// An app to be registered.
#[derive(Debug, Deserialize, Validate)]
pub struct NewApp {
    /// What members know it by.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(
            min = 2,
            max = 100,
            message = "Enter a name of 2 to 100 characters: what members call the app."
        ),
        custom(function = "input::one_line")
    )]
    pub name: String,
    /// Where a code may be sent.
    #[serde(default)]
    #[validate(custom(function = "addresses"))]
    pub redirect_uris: Vec<String>,
}

fn addresses(given: &[String]) -> Result<(), ValidationError> {
    let wrong = given.iter().find_map(|address| redirect_uri(address).err());
    let message = match (given.is_empty(), wrong) {
        (true, _) => "Say where a code may be sent, once at least.",
        (false, Some(message)) => message,
        (false, None) => return Ok(()),
    };
    Err(ValidationError::new("redirect_uris").with_message(message.into()))
}

/// What may be one: `https`, this machine itself without a port, or a scheme of the app's own (RFC 8252 §7).
fn redirect_uri(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "Write each redirect URI in full.")?;
    // As it stands here it is compared and sent; what a parser would change first is not meant.
    if url.as_str() != text || text.len() > 500 || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(
            "Write each redirect URI as programs do, such as https://app.example.com/ or com.example.app:/signed-in.",
        );
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err("A redirect URI has neither a fragment nor a user.");
    }
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(Host::Ipv4(ip))) if ip.is_loopback() && url.port().is_none() => Ok(()),
        ("http", Some(Host::Ipv6(ip))) if ip.is_loopback() && url.port().is_none() => Ok(()),
        ("http" | "https", _) => Err(
            "Use https, or http://127.0.0.1/… or http://[::1]/… without a port: any will do there.",
        ),
        (scheme, _) if scheme.contains('.') => Ok(()),
        _ => Err("A scheme of the app's own is a domain turned round, such as com.example.app."),
    }
}

/// An app.
#[derive(Debug, Clone, Serialize)]
pub struct App {
    /// Its client_id.
    pub id: Uuid,
    /// What members know it by.
    pub name: String,
    /// Where a code may be sent.
    pub redirect_uris: Vec<String>,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Since when it is refused.
    #[serde(with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
}

impl App {
    /// Whether a code may be sent to `asked`: to the letter, but for the port on the device itself (RFC 8252 §7.3).
    pub fn may_be_sent_to(&self, asked: &str) -> bool {
        let same = |known: &String| {
            known == asked || Some(known.as_str()) == without_port(asked).as_deref()
        };
        self.redirect_uris.iter().any(same)
    }
}

/// An address of this machine itself without its port; none for any other.
fn without_port(asked: &str) -> Option<String> {
    let (host, rest) = ["http://127.0.0.1", "http://[::1]"]
        .into_iter()
        .find_map(|host| Some((host, asked.strip_prefix(host)?.strip_prefix(':')?)))?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, path) = rest.split_at(digits);
    port.parse::<u16>().ok().filter(|_| path.starts_with('/')).map(|_| format!("{host}{path}"))
}

/// Registers an app.
///
/// # Errors
/// As any statement.
pub async fn create(
    db: &mut PgConnection,
    _by: &Operator,
    id: Uuid,
    new: &Valid<NewApp>,
) -> Result<()> {
    sqlx::query!(
        "insert into apps (id, name, redirect_uris) values ($1, $2, $3)",
        id,
        new.name,
        &new.redirect_uris
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All apps, newest first.
///
/// # Errors
/// As any statement.
pub async fn all(db: &mut PgConnection, _by: &Operator) -> Result<Vec<App>> {
    Ok(sqlx::query_as!(
        App,
        "select id, name, redirect_uris, created_at, revoked_at from apps order by id desc"
    )
    .fetch_all(db)
    .await?)
}

/// The app with this client_id that has not been revoked.
///
/// # Errors
/// As any statement.
pub async fn by_id(db: &mut PgConnection, id: Uuid) -> Result<Option<App>> {
    Ok(sqlx::query_as!(
        App,
        "select id, name, redirect_uris, created_at, revoked_at from apps where id = $1 and revoked_at is null",
        id,
    )
    .fetch_optional(db)
    .await?)
}

/// Has the app refused from now on, and ends what it does for members, on every instance. Twice is the same.
///
/// # Errors
/// [`Error::NotFound`] where there is no such app.
pub async fn revoke(db: &mut PgConnection, _by: &Operator, id: Uuid) -> Result<()> {
    let revoked =
        sqlx::query!("update apps set revoked_at = coalesce(revoked_at, now()) where id = $1", id);
    if revoked.execute(&mut *db).await?.rows_affected() == 0 {
        return Err(Error::NotFound);
    }
    sqlx::query!("delete from app_codes where app_id = $1", id).execute(&mut *db).await?;
    sqlx::query!("delete from sessions where app_id = $1", id).execute(db).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_to_https_to_the_device_itself_and_to_the_apps_own_scheme() {
        for good in [
            "https://app.example.com/signed-in",
            "https://app.example.com/?from=desk",
            "http://127.0.0.1/",
            "http://[::1]/signed-in",
            "com.example.app:/signed-in",
            "com.example.app://signed-in",
        ] {
            assert_eq!(redirect_uri(good), Ok(()), "{good}");
        }
        for wrong in [
            "",
            "/signed-in",
            "https://app.example.com",
            "https://App.example.com/",
            "https://app.example.com/#here",
            "https://me@app.example.com/",
            "https://app.example.com/a b",
            "https://app.example.com/../x",
            "http://app.example.com/",
            "http://localhost/",
            "http://127.0.0.1:8080/",
            "javascript:alert(1)",
            "data:text/html,x",
            "app:/signed-in",
        ] {
            assert!(redirect_uri(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_a_code_goes_is_taken_to_the_letter_but_for_the_port_on_the_device() {
        let app = App {
            id: Uuid::nil(),
            name: "A".to_owned(),
            redirect_uris: ["https://a.example/in", "http://127.0.0.1/in", "http://[::1]/in?x=y"]
                .map(str::to_owned)
                .to_vec(),
            created_at: OffsetDateTime::UNIX_EPOCH,
            revoked_at: None,
        };
        for good in [
            "https://a.example/in",
            "http://127.0.0.1/in",
            "http://127.0.0.1:1/in",
            "http://127.0.0.1:65535/in",
            "http://[::1]:4711/in?x=y",
        ] {
            assert!(app.may_be_sent_to(good), "{good}");
        }
        for wrong in [
            "https://a.example/in/",
            "https://a.example/in?x=y",
            "https://a.example:443/in",
            "https://a.example.evil.example/in",
            "http://127.0.0.1:65536/in",
            "http://127.0.0.1:/in",
            "http://127.0.0.1:1@evil.example/in",
            "http://127.0.0.1:1evil.example/in",
            "http://127.0.0.1.evil.example/in",
            "http://127.0.0.1:1/other",
            "https://127.0.0.1:1/in",
            "http://localhost:1/in",
            "http://[::1]:4711/in",
        ] {
            assert!(!app.may_be_sent_to(wrong), "{wrong}");
        }
    }
}
