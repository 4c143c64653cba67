//! Another address for an account: asked for while signed in, agreed to from both mailboxes, in whatever browser.

use super::devices;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::session;
use crate::policies::{self, Newcomer, Recently};
use crate::services::audit::Act;
use crate::services::email_changes::{self, New, Progress, Side};
use crate::services::input::Valid;
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use crate::services::{accounts, links, subscribers};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::email_changes::{Asked, Change, confirm, page};
use templates::{Flash, FormState, View, paths};

/// `/account/email`
pub struct ChangeEmail;

impl Gate for ChangeEmail {
    const PATH: &'static str = "/account/email";
    const LIMIT: Limit = Limit::per_quarter_hour(20);
    type Auth = Recently<policies::Member>;
}

impl Action for ChangeEmail {
    type At = ();
    type Form = New;
    const BODY: usize = 16 * 1024;

    /// The answer is the same whether or not somebody has an account with the new address.
    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Member>,
        (): &(),
        form: Valid<New>,
    ) -> Result<Done> {
        let done = visit.once(async |tx| {
            let at_home = |email: &str| devices::is_at_home(visit, email);
            email_changes::ask(&mut *tx, who, &form, || visit.app.clock.id(), at_home).await?;
            visit.note(tx, who.id(), Act::EmailChangeAsked.on("staff", who.id())).await?;
            Ok(paths::account())
        });
        Ok(done.await?.saying(Flash::EmailAsked))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Member>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let email = accounts::profile(&mut *db, who).await?.email;
        let waiting = email_changes::waiting(&mut *db, who).await?;
        let change = Change {
            email: &email,
            waiting: waiting.as_ref().map(|waiting| waiting.email.as_str()),
            is_subscribed: subscribers::is_subscribed(db, &email).await?,
        };
        Ok(page(&change, state))
    }
}

/// `/change-email/{token}`
pub struct Agree;

impl Gate for Agree {
    const PATH: &'static str = "/change-email/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Newcomer;
}

impl Action for Agree {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), token: &String, _: Valid<Nothing>) -> Result<Done> {
        let (app, mut progress) = (visit.app, None);
        let (_, side) = app.read(async |db| held(db, token).await).await?;
        let agreed = visit.once(async |tx| {
            let come_to = email_changes::agree(&mut *tx, token, app.clock.now()).await?;
            let whereto = match &come_to {
                Progress::Done { account, .. } => {
                    visit.note(tx, *account, Act::EmailChanged.on("staff", account)).await?;
                    paths::account()
                }
                Progress::Half => paths::home(),
            };
            progress = Some(come_to);
            Ok(whereto)
        });
        match (agreed.await, side) {
            // Only the new mailbox may know.
            (Err(Error::Invalid(_)), Side::Old) => give_up(visit, token).await,
            (done, _) => Ok(told(visit, done?, progress)),
        }
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let (waiting, side) = held(db, token).await?;
        let asked = Asked {
            email: &waiting.email,
            with_newsletter: waiting.with_newsletter,
            is_old: side == Side::Old,
        };
        Ok(confirm(&asked, token, state))
    }
}

async fn held(db: &mut PgConnection, token: &str) -> Result<(email_changes::Waiting, Side)> {
    let link = links::held(&mut *db, token).await?;
    email_changes::held(db, &link).await
}

/// How far it has come. A device that the account was used on before is one that it is used on now.
fn told(visit: &Visit<'_>, done: Done, progress: Option<Progress>) -> Done {
    match progress {
        None => done, // sent twice, and answered once
        Some(Progress::Half) => done.saying(Flash::EmailHalf),
        Some(Progress::Done { old, new, .. }) => {
            let done = done.saying(Flash::EmailChanged);
            if !devices::is_at_home(visit, &old) {
                return done;
            }
            let device = devices::remember(visit.app, &new);
            done.with(session::remember_device(&visit.app.config, visit.request, device))
        }
    }
}

/// Somebody else has made an account with the new address meanwhile. To the old mailbox it looks as if the new one had not
/// answered yet.
async fn give_up(visit: &Visit<'_>, token: &str) -> Result<Done> {
    let id = visit.app.clock.id();
    let done = visit.once(async |tx| {
        email_changes::give_up(tx, token, id).await?;
        Ok(paths::home())
    });
    Ok(done.await?.saying(Flash::EmailHalf))
}
