//! API keys, for owners.

use super::{Context, Ignored};
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{LivePage, blank_like};
use crate::http::{Gate, cursor};
use crate::policies;
use crate::services::keys::{self, Reader};
use crate::services::sessions::Owner;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::keys::{Key, index, show};
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/keys`
pub struct Index;

/// Where to go on.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/keys";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Index {
    type At = ();
    type Query = Query;

    async fn view(
        db: &mut PgConnection,
        who: &Owner,
        (): &(),
        query: &Query,
        _: &Context<'_>,
    ) -> Result<View> {
        let before = query.before.parse().ok();
        let found = keys::list(db, Reader::Owner(who), before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |key| key.id);
        let rows: Vec<Key<'_>> = found.iter().map(Into::into).collect();
        Ok(index(&rows, older, before.is_none()))
    }
}

impl<'a> From<&'a keys::Key> for Key<'a> {
    fn from(key: &'a keys::Key) -> Self {
        Self {
            id: key.id,
            name: &key.name,
            prefix: &key.prefix,
            test: key.test,
            scopes: &key.scopes,
            state: &key.state,
            created_at: key.created_at,
            expires_at: key.expires_at,
            rotated_at: key.rotated_at,
            revoked_at: key.revoked_at,
            allowed: &key.allowed,
            origins: &key.origins,
            per_minute: key.per_minute,
            per_day: key.per_day,
            used_today: key.used_today,
            last_used: key.last_used_at.zip(key.last_used_network.as_deref()),
        }
    }
}

/// `/admin/keys/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/keys/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = policies::Owner;
}

impl LivePage for Show {
    type At = Uuid;
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Owner,
        id: &Uuid,
        _: &Ignored,
        Context { blank, .. }: &Context<'_>,
    ) -> Result<View> {
        one(db, who, *id, blank, &blank_like(blank)).await
    }
}

/// The page of one key, with the forms about it.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn one(
    db: &mut PgConnection,
    who: &Owner,
    id: Uuid,
    rotation: &FormState,
    button: &FormState,
) -> Result<View> {
    let (key, old) = keys::by_id(db, Reader::Owner(who), id).await?;
    let old: Vec<_> = old.iter().map(|old| (old.prefix.as_str(), old.good_until)).collect();
    Ok(show(&(&key).into(), &old, rotation, button))
}
