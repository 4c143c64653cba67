//! What people do about who they are elsewhere: say where they get mail, take a way to sign in away.

use super::sign_up::mail_link;
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::mail::AccountEvent;
use crate::pages::identities as pages;
use crate::policies::{self, ArrivedFromProvider, Recently, Welcomed};
use crate::services::account_notices::tell;
use crate::services::audit::Act;
use crate::services::identities::{self, Doors};
use crate::services::input::{self, Valid};
use crate::services::links::Intent;
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use validator::Validate;

/// `/sign-in/address`
pub struct GiveAddress;

/// What is typed.
#[derive(Deserialize, Validate)]
pub struct Given {
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(min = 2, max = 100, message = "Enter a name of 2 to 100 characters."),
        custom(function = "input::one_line")
    )]
    name: String,
    #[serde(default, deserialize_with = "input::line")]
    #[validate(custom(function = "input::email"))]
    email: String,
}

impl Gate for GiveAddress {
    const PATH: &'static str = "/sign-in/address";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = ArrivedFromProvider;
}

impl Action for GiveAddress {
    type At = ();
    type Form = Given;
    const BODY: usize = 16 * 1024;

    /// The answer is the same whether or not there is an account: as for anyone who signs up.
    async fn run(visit: &Visit<'_>, who: &Welcomed, (): &(), form: Valid<Given>) -> Result<Done> {
        let (name, identity) = (form.name.clone(), Some(who.arrival.identity()));
        let next = String::new();
        let intent = Intent::SignUp { name, password_hash: None, browser: None, identity, next };
        mail_link(visit, &form.email, intent, paths::account_identities()).await
    }

    async fn page(
        _: &mut PgConnection,
        who: &Welcomed,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let name = who.arrival.name().unwrap_or_default();
        let email = who.arrival.email().unwrap_or_default();
        Ok(templates::identities::address(&who.provider, name, email, state))
    }
}

/// `/account/identities/remove`
pub struct Remove;

/// Which one.
#[derive(Deserialize, Validate)]
pub struct Which {
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    subject: String,
}

impl Gate for Remove {
    const PATH: &'static str = "/account/identities/remove";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Recently<policies::Member>;
}

impl Action for Remove {
    type At = ();
    type Form = Which;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Member>,
        (): &(),
        form: Valid<Which>,
    ) -> Result<Done> {
        if form.issuer.is_empty() {
            return Err(Error::field("", "Say which one."));
        }
        let app = visit.app;
        let (id, issuers) = (app.clock.id(), app.identity.issuers());
        let doors = Doors { mail: app.postman.is_on_duty(), issuers: &issuers };
        let done = visit.once(async |tx| {
            identities::unlink(&mut *tx, who, &form.issuer, &form.subject, doors).await?;
            visit.note(&mut *tx, who.id(), Act::IdentityRemoved.on("staff", who.id())).await?;
            tell(tx, id, who.id(), AccountEvent::IdentityRemoved, None).await?;
            Ok(paths::account_identities())
        });
        Ok(done.await?.saying(Flash::IdentityRemoved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Member>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let doors = Doors { mail: false, issuers: &[] };
        pages::view(db, who, &[], doors, state).await
    }

    fn complete(app: &App, _: &FormState, view: View) -> View {
        pages::with_ways(app, view)
    }
}
