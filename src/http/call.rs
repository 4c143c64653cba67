//! One call of a program, and its `Idempotency-Key`: however often it arrives, it has one effect and one answer (IETF draft
//! "The Idempotency-Key HTTP Header Field").

use super::client;
use super::precondition::Precondition;
use super::reply::Reply;
use crate::app::App;
use crate::digest;
use crate::error::{Error, Result};
use crate::services::idempotency::{self, Keyed};
use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::Data;
use serde::Serialize;
use sqlx::PgConnection;
use std::ops::Deref;
use uuid::Uuid;

/// The header that carries the key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A call at its door. It is the application, with one way to write that has one effect however often the call arrives.
pub struct Call<'a> {
    app: &'a Data<App>,
    request: &'a HttpRequest,
    keyed: Option<Keyed>,
}

impl Deref for Call<'_> {
    type Target = App;

    fn deref(&self) -> &App {
        self.app
    }
}

impl<'a> Call<'a> {
    /// A call of `caller`, with this key and this body. Whoever is nobody in particular has no keys.
    pub(super) fn new(
        app: &'a Data<App>,
        request: &'a HttpRequest,
        caller: Option<Uuid>,
        key: Option<String>,
        body: &[u8],
    ) -> Self {
        let keyed = caller.zip(key).map(|(caller, key)| {
            let path = request.uri().path_and_query().map_or("", |path| path.as_str());
            let asked = [request.method().as_str().as_bytes(), path.as_bytes(), body];
            Keyed { caller, key, fingerprint: digest::of_parts(asked) }
        });
        Self { app, request, keyed }
    }

    /// Which version of a thing it is to change.
    ///
    /// # Errors
    /// [`Error::Unconditional`] where it does not say.
    pub fn precondition(&self) -> Result<Precondition> {
        Precondition::of(self.request)
    }

    /// The network it comes from, for the record.
    pub fn network(&self) -> String {
        client::network(client::address(&self.app.config, self.request)).to_string()
    }

    /// The application, for what goes on beside this call.
    pub fn app(&self) -> &'a Data<App> {
        self.app
    }

    /// Whether it has a key of its own.
    pub fn is_keyed(&self) -> bool {
        self.keyed.is_some()
    }

    /// Runs `work` in one transaction. With a key, once: then the answer is that of the first time.
    ///
    /// # Errors
    /// Those of `work`: then nothing was changed, and the key is free again. [`Error::Running`], [`Error::KeyReused`].
    pub async fn write<T: Serialize>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<Reply<T>>,
    ) -> Result<Reply<T>> {
        let Some(keyed) = &self.keyed else {
            let written = self.app.write(work).await?;
            return Ok(written.value.knowing(written.token));
        };
        let written = self.app.write(async |tx| {
            if let Some((stored, xid)) = idempotency::claim(&mut *tx, keyed).await? {
                return Ok((Reply::stored(stored)?, Some(xid)));
            }
            let reply = work(&mut *tx).await?.fixed()?;
            idempotency::answer(tx, keyed, &reply.to_store()?).await?;
            Ok((reply, None))
        });
        let written = written.await?;
        let (reply, before) = written.value;
        Ok(reply.knowing(written.token.or_else(|| self.app.cache.token(before?))))
    }
}

/// The key a request carries: a string of 1 to 255 characters (RFC 8941 §3.3.3).
///
/// # Errors
/// [`Error::Malformed`] for anything else.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY);
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|_| given.next().is_none());
    match text.and_then(string).filter(|key| (1..=255).contains(&key.len())) {
        Some(key) => Ok(Some(key)),
        None => Err(Error::Malformed(
            "Idempotency-Key has to be one string of 1 to 255 characters in double quotes, such as \"8e03978e-40d5\"."
                .to_owned(),
        )),
    }
}

/// What a string of a structured field says.
fn string(text: &str) -> Option<String> {
    let inner = text.trim_matches([' ', '\t']).strip_prefix('"')?.strip_suffix('"')?;
    let mut characters = inner.chars();
    let mut said = String::with_capacity(inner.len());
    while let Some(character) = characters.next() {
        match character {
            '\\' => said.push(characters.next().filter(|next| ['"', '\\'].contains(next))?),
            '"' => return None,
            ' '..='~' => said.push(character),
            _ => return None,
        }
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn read(values: &[&str]) -> Result<Option<String>> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        key(&headers)
    }

    #[test]
    fn a_key_is_a_string_in_quotes() {
        assert_eq!(read(&[]).unwrap(), None);
        for (sent, said) in
            [("\"a\"", "a"), (" \"8e-40 d5\" ", "8e-40 d5"), (r#""a\"b\\c""#, r#"a"b\c"#)]
        {
            assert_eq!(read(&[sent]).unwrap().as_deref(), Some(said));
        }
        let long = format!("\"{}\"", "x".repeat(255));
        assert_eq!(read(&[&long]).unwrap().map(|key| key.len()), Some(255));
    }

    #[test]
    fn whatever_is_none_is_refused() {
        let long = format!("\"{}\"", "x".repeat(256));
        for wrong in [
            "",
            "a",
            "\"",
            "\"\"",
            "\"a",
            "a\"",
            "\"a\"b\"",
            r#""a\"#,
            r#""a\n""#,
            "\"é\"",
            "\"\t\"",
            "\"a\";b=1",
            "\"a\", \"b\"",
            &long,
        ] {
            assert!(matches!(read(&[wrong]), Err(Error::Malformed(_))), "{wrong:?}");
        }
        assert!(matches!(read(&["\"a\"", "\"a\""]), Err(Error::Malformed(_))), "two of them");
    }
}
