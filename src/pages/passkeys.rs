//! The passkeys of a member.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::pages::admin::Ignored;
use crate::policies;
use crate::services::passkeys;
use crate::services::sessions::Member;
use sqlx::PgConnection;
use templates::passkeys::Passkey;
use templates::{FormState, View};

/// `/account/passkeys`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/account/passkeys";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Member;
}

impl LivePage for Index {
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
    let all = passkeys::all(db, who.id()).await?;
    let all: Vec<_> = all
        .iter()
        .map(|passkey| Passkey {
            id: passkey.id,
            name: &passkey.name,
            created_at: passkey.created_at,
            used_at: passkey.used_at,
            copied_at: passkey.copied_at,
        })
        .collect();
    Ok(templates::passkeys::page(&all, who.is_recent(), state))
}
