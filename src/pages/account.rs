//! What members see of their own, and where whoever waits for a mail is sent.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{CachedPage, Context, LivePage};
use crate::pages::admin::Ignored;
use crate::pages::membership;
use crate::policies;
use crate::services::sessions::Member;
use crate::services::{accounts, email_changes, memberships, passkeys, second_factors, sessions};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::account::{Account, Session};
use templates::{FormState, View, paths};

/// `/account`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/account";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Member;
}

impl LivePage for Show {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        view(db, who, &context.blank).await
    }
}

/// The page, with what was wrong with a form on it.
///
/// # Errors
/// As any statement.
pub async fn view(db: &mut PgConnection, who: &Member, state: &FormState) -> Result<View> {
    let profile = accounts::profile(&mut *db, who).await?;
    let waiting = email_changes::waiting(&mut *db, who).await?;
    let has_one = memberships::of(&mut *db, who).await?.is_some();
    let sessions = sessions::all(&mut *db, who).await?;
    let sessions: Vec<_> = sessions
        .iter()
        .map(|session| Session {
            id: session.id,
            device: &session.device,
            by_token: session.by_token,
            app: session.app.as_deref(),
            network: &session.network,
            created_at: session.created_at,
            seen_at: session.seen_at,
            is_this: session.id == who.session(),
        })
        .collect();
    let account = Account {
        name: &profile.name,
        email: &profile.email,
        waiting: waiting.as_ref().map(|waiting| waiting.email.as_str()),
        has_password: profile.has_password,
        has_second_factor: second_factors::is_on(&mut *db, who.id()).await?,
        membership: membership::words(who.entitlement(), has_one),
        passkeys: passkeys::all(db, who.id()).await?.len(),
        sessions: &sessions,
    };
    Ok(templates::account::page(&account, state))
}

/// `/check-your-mail`
pub struct CheckYourMail;

impl Gate for CheckYourMail {
    const PATH: &'static str = "/check-your-mail";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = policies::Anyone;
}

impl CachedPage for CheckYourMail {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::check_your_mail()
    }

    async fn view(_: &mut PgConnection, (): &(), (): &(), _: &mut Dependencies) -> Result<View> {
        Ok(templates::sign_in::check_your_mail())
    }
}
