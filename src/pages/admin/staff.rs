//! Who runs the site, for owners.

use super::{Context, Ignored};
use crate::error::Result;
use crate::http::limit::Limit;
use crate::http::page::{LivePage, blank_like};
use crate::http::{Gate, cursor};
use crate::policies;
use crate::services::invites::{self, Pending};
use crate::services::roster::{self, Listed, Reader};
use crate::services::sessions::Owner;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::staff::{Invite, One, index, show};
use templates::{FormState, View};
use uuid::Uuid;

const PER_PAGE: usize = 50;

/// `/admin/staff`
pub struct Index;

/// Where to go on.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/staff";
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
        Context { blank, .. }: &Context<'_>,
    ) -> Result<View> {
        all(db, who, query.before.parse().ok(), blank, &blank_like(blank)).await
    }
}

/// The page of all, with the form that invites somebody and the small ones beside each invitation.
///
/// # Errors
/// As any statement.
pub async fn all(
    db: &mut PgConnection,
    who: &Owner,
    before: Option<Uuid>,
    form: &FormState,
    button: &FormState,
) -> Result<View> {
    let found = roster::list(&mut *db, Reader::Owner(who), before, cursor::ask(PER_PAGE)).await?;
    let (found, older) = cursor::cut(found, PER_PAGE, |one| one.id);
    let staff: Vec<One<'_>> = found.iter().map(Into::into).collect();
    let pending = invites::pending(db, who).await?;
    let pending: Vec<Invite<'_>> = pending.iter().map(Into::into).collect();
    Ok(index(&staff, &pending, (older, before.is_none()), form, button))
}

impl<'a> From<&'a Listed> for One<'a> {
    fn from(one: &'a Listed) -> Self {
        Self {
            id: one.id,
            name: &one.name,
            email: &one.email,
            role: one.role.as_str(),
            active: one.active,
            since: one.since,
            seen_at: one.seen_at,
        }
    }
}

impl<'a> From<&'a Pending> for Invite<'a> {
    fn from(invite: &'a Pending) -> Self {
        Self {
            id: invite.id,
            email: &invite.email,
            role: &invite.role,
            by: invite.by.as_deref(),
            sent_at: invite.sent_at,
            expires_at: invite.expires_at,
            is_over: invite.is_over,
        }
    }
}

/// `/admin/staff/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/admin/staff/{id}";
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

/// The page of one of us, with the forms about them.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn one(
    db: &mut PgConnection,
    who: &Owner,
    id: Uuid,
    role: &FormState,
    button: &FormState,
) -> Result<View> {
    let found = roster::by_id(db, who, id).await?;
    Ok(show(&(&found).into(), role, button))
}
