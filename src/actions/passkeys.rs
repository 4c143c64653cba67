//! What members do with their passkeys.

use super::sign_in_passkey::{Answer, site};
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::mail::AccountEvent;
use crate::pages::passkeys as pages;
use crate::policies::{self, Recently};
use crate::services::account_notices::tell;
use crate::services::identities::Doors;
use crate::services::input::Valid;
use crate::services::passkeys::{self, Named, OVER, Without};
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::passkeys::Wanted;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/account/passkeys`: another one
pub struct Begin;

impl Gate for Begin {
    const PATH: &'static str = "/account/passkeys";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Member>;
}

impl Action for Begin {
    type At = ();
    type Form = Named;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Member>,
        (): &(),
        form: Valid<Named>,
    ) -> Result<Done> {
        let (site, id) = (site(visit.app)?, visit.app.clock.id());
        visit
            .once(async |tx| {
                passkeys::ask_to_add(tx, site, who, id, &form.name).await?;
                Ok(paths::passkey_answer(id))
            })
            .await
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Member>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::view(db, who, state).await
    }
}

/// `/account/passkeys/new/{id}`
pub struct Add;

impl Gate for Add {
    const PATH: &'static str = "/account/passkeys/new/{id}";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = policies::Member;
}

impl Action for Add {
    type At = Uuid;
    type Form = Answer;
    const BODY: usize = 32 * 1024;

    /// The question is used up first, so an answer is looked at once, whatever it is worth.
    async fn run(visit: &Visit<'_>, who: &Member, id: &Uuid, form: Valid<Answer>) -> Result<Done> {
        let app = visit.app;
        let site = site(app)?;
        let taken = app.write(async |tx| passkeys::take(tx, *id, Some(who.id())).await);
        let asked = taken.await?.value;
        let (passkey, notice) = (app.clock.id(), app.clock.id());
        let done = visit.once(async |tx| {
            passkeys::add(&mut *tx, site, who, passkey, &asked, &form.answer).await?;
            tell(tx, notice, who.id(), AccountEvent::PasskeyAdded, None).await?;
            Ok(paths::passkeys())
        });
        Ok(done.await?.saying(Flash::PasskeyAdded))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let asked = match passkeys::asked(db, *id, Some(who.id())).await {
            Ok(asked) => Some(asked),
            Err(_) if state.has_errors() => None,
            Err(_) => return Err(OVER),
        };
        let name = asked.as_ref().map_or("", |asked| &asked.note);
        let options = asked.as_ref().map(|asked| asked.options.to_string());
        let (wanted, answer_to) = (Wanted::Made(name), paths::passkey_answer(*id));
        Ok(templates::passkeys::ask(wanted, options.as_deref(), &answer_to, state))
    }
}

/// `/account/passkeys/{id}`
pub struct Rename;

impl Gate for Rename {
    const PATH: &'static str = "/account/passkeys/{id}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Member;
}

impl Action for Rename {
    type At = Uuid;
    type Form = Named;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, who: &Member, id: &Uuid, form: Valid<Named>) -> Result<Done> {
        let done = visit.once(async |tx| {
            passkeys::rename(tx, who, *id, &form.name).await?;
            Ok(paths::passkeys())
        });
        Ok(done.await?.saying(Flash::PasskeyRenamed))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Member,
        id: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let all = passkeys::all(db, who.id()).await?;
        let this = all.iter().find(|passkey| passkey.id == *id).ok_or(Error::NotFound)?;
        Ok(templates::passkeys::rename(*id, &this.name, state))
    }
}

/// `/account/passkeys/{id}/remove`
pub struct Remove;

impl Gate for Remove {
    const PATH: &'static str = "/account/passkeys/{id}/remove";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Recently<policies::Member>;
}

impl Action for Remove {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Member>,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Done> {
        let app = visit.app;
        let issuers = app.identity.issuers();
        let without = Without {
            doors: Doors { mail: app.postman.is_on_duty(), issuers: &issuers },
            needs_two_factors: who.must_have_two(app.config.two_factors_of),
        };
        let notice = app.clock.id();
        let done = visit.once(async |tx| {
            passkeys::remove(&mut *tx, who, *id, without).await?;
            tell(tx, notice, who.id(), AccountEvent::PasskeyRemoved, None).await?;
            Ok(paths::passkeys())
        });
        Ok(done.await?.saying(Flash::PasskeyRemoved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Member>,
        _: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        pages::view(db, who, state).await
    }
}
