//! Programs that send us events. Their proof is a signature over the body, so what the head can show is a claim: the door reads
//! the body and has it proven (`http/hook.rs`). No cookie is read, and no script of another site may call.

use super::{Knock, Policy};
use crate::error::{Error, Result};
use crate::services::inbox::Claim;
use actix_web::HttpRequest;
use std::marker::PhantomData;

/// A kind of sender.
pub trait Family: 'static {
    /// As `frontdesk routes` prints it.
    const NAME: &'static str;
    /// What is missing where there is none.
    const OFF: &'static str;

    /// Which sender a request says it is from.
    fn sender(request: &HttpRequest) -> &str;
}

/// GitHub: `X-Hub-Signature-256`.
pub struct GitHub;

impl Family for GitHub {
    const NAME: &'static str = "GitHub, by its signature";
    const OFF: &'static str = "GITHUB_WEBHOOK_SECRET is not set.";

    fn sender(_: &HttpRequest) -> &str {
        "github"
    }
}

/// Resend: Standard Webhooks.
pub struct Resend;

impl Family for Resend {
    const NAME: &'static str = "Resend, by its signature";
    const OFF: &'static str = "RESEND_WEBHOOK_SECRET is not set.";

    fn sender(_: &HttpRequest) -> &str {
        "resend"
    }
}

/// Stripe: `Stripe-Signature`.
pub struct Stripe;

impl Family for Stripe {
    const NAME: &'static str = "Stripe, by its signature";
    const OFF: &'static str = "STRIPE_WEBHOOK_SECRET is not set.";

    fn sender(_: &HttpRequest) -> &str {
        "stripe"
    }
}

/// Whoever the operator has named, as they sign.
pub struct Named;

impl Family for Named {
    const NAME: &'static str = "a known sender, by its signature";
    const OFF: &'static str =
        "WEBHOOK_{NAME}_KIND and WEBHOOK_{NAME}_SECRET are not set for a sender of this name.";

    fn sender(request: &HttpRequest) -> &str {
        request.match_info().get("source").unwrap_or_default()
    }
}

/// A sender of this kind.
pub struct Signed<F>(PhantomData<F>);

impl<F: Family> Policy for Signed<F> {
    const NAME: &'static str = F::NAME;
    const AMBIENT: bool = false;
    type Grant = Claim;
    type Outcome<T> = T;

    async fn admit(knock: &Knock<'_>) -> Result<Claim> {
        let Knock { app, request } = knock;
        let name = F::sender(request);
        let sender = app.config.webhooks.iter().find(|sender| sender.name == name);
        let sender = sender.ok_or(Error::Off(F::OFF))?;
        Claim::of(sender, app.clock.now(), |name| one(request, name))
    }
}

/// What a header says. One that stands there twice says nothing: somebody on the way may have read the other.
fn one(request: &HttpRequest, name: &str) -> Result<Option<String>, ()> {
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|value| Some(value.to_owned())).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}
