//! Those whom an identity provider sends.

use super::{Knock, Policy};
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::{self, session};
use crate::identity::{Answer, Refusal, Refused};
use crate::services::identities::{self, Arrival, Errand, Ticket};

/// Somebody who is back from a provider, in the browser in which they left, with what they were given to bring back. It is
/// taken from them: the same request again is nobody's.
pub struct BackFromProvider;

/// The proof: what they had set out for, and what they bring.
pub struct Returned {
    /// What they had set out for.
    pub errand: Errand,
    /// What they bring, which is still to be believed.
    pub answer: Answer,
}

impl Policy for BackFromProvider {
    const NAME: &'static str = "back from an identity provider";
    const AMBIENT: bool = true;
    type Grant = Returned;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Returned> {
        let Knock { app, request } = knock;
        let id = request.match_info().get("provider").unwrap_or_default();
        let provider = app.identity.called(id).ok_or(Error::NotFound)?;
        let refused = |why| refused(provider.name(), why);
        let answer = http::query::<Answer>(request).ok();
        let state = answer.as_ref().and_then(|answer| Ticket::parse(answer.state.as_deref()?));
        let browser = session::errand(&app.config, request);
        let (Some(answer), Some(state), Some(browser)) = (answer, state, browser) else {
            return Err(refused(Refusal::Unexpected));
        };
        let taken = app.write(async |tx| identities::take(tx, &state, &browser).await).await?;
        let errand = taken.value.ok_or_else(|| refused(Refusal::Unexpected))?;
        // A code of one provider must never be shown to another.
        if errand.provider() != id {
            return Err(refused(Refusal::Untrusted("they had left for another one".to_owned())));
        }
        Ok(Returned { errand, answer })
    }
}

/// Somebody whom a provider has vouched for in this browser, and who has yet to say where they get mail.
pub struct ArrivedFromProvider;

/// The proof.
pub struct Welcomed {
    /// Who they are there.
    pub arrival: Arrival,
    /// The provider, as pages call it.
    pub provider: String,
}

impl Policy for ArrivedFromProvider {
    const NAME: &'static str = "known to an identity provider";
    const AMBIENT: bool = true;
    type Grant = Welcomed;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Welcomed> {
        let Knock { app, request } = knock;
        let browser = session::arrival(&app.config, request).ok_or_else(nobody)?;
        let arrival = app.ask(async |db| identities::arrival(db, &browser).await).await?;
        let arrival = arrival.ok_or_else(nobody)?;
        let provider = app.identity.called(arrival.provider()).ok_or_else(nobody)?;
        Ok(Welcomed { arrival, provider: provider.name().to_owned() })
    }
}

fn nobody() -> Error {
    refused("", Refusal::Unexpected)
}

fn refused(provider: &str, why: Refusal) -> Error {
    let (provider, next) = (provider.to_owned(), String::new());
    Error::Refused(Box::new(Refused { provider, next, why }))
}

/// The origins that a form may lead to which sends somebody to a provider: theirs, and our own first one, from which
/// people have to leave.
pub fn led_to(app: &App) -> Vec<String> {
    let mut origins = app.identity.origins();
    if !app.identity.all().is_empty() {
        origins.insert(0, app.config.canonical_origin().to_string());
    }
    origins
}
