//! What owners do about who runs the site.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::limit::Limit;
use crate::http::page::blank_like;
use crate::http::record::Recorded;
use crate::pages::admin::staff::{all, one};
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::invites::{self, NewInvite};
use crate::services::recent::Recent;
use crate::services::roster::{self, By, NewRole};
use crate::services::sessions::Owner;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};
use uuid::Uuid;

/// `/admin/invites`
pub struct Invite;

impl Gate for Invite {
    const PATH: &'static str = "/admin/invites";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Invite {
    type At = ();
    type Form = NewInvite;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        (): &(),
        form: Valid<NewInvite>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                let role = invites::send(tx, who, id, &form).await?;
                let line = Act::StaffInvited.on("invite", id).with("role", role.as_str());
                Ok((line, paths::admin_staff()))
            })
            .await
            .map(|done| done.saying(Flash::StaffInvited))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        all(db, who, None, state, &blank_like(state)).await
    }
}

/// `/admin/invites/{id}/again`
pub struct InviteAgain;

impl Gate for InviteAgain {
    const PATH: &'static str = "/admin/invites/{id}/again";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for InviteAgain {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        let id = visit.app.clock.id();
        visit
            .record(who, async |tx| {
                let role = invites::send_again(tx, who, id, *at).await?;
                let line = Act::StaffInvited.on("invite", id).with("role", role.as_str());
                Ok((line.with("again", at.to_string()), paths::admin_staff()))
            })
            .await
            .map(|done| done.saying(Flash::StaffInvited))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        _: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        all(db, who, None, &blank_like(state), state).await
    }
}

/// `/admin/invites/{id}/end`
pub struct TakeBack;

impl Gate for TakeBack {
    const PATH: &'static str = "/admin/invites/{id}/end";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for TakeBack {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                invites::take_back(tx, who, *at).await?;
                Ok((Act::InviteTakenBack.on("invite", at), paths::admin_staff()))
            })
            .await
            .map(|done| done.saying(Flash::InviteTakenBack))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        _: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        all(db, who, None, &blank_like(state), state).await
    }
}

/// `/admin/staff/{id}/role`
pub struct SetRole;

impl Gate for SetRole {
    const PATH: &'static str = "/admin/staff/{id}/role";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for SetRole {
    type At = Uuid;
    type Form = NewRole;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        form: Valid<NewRole>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                let role = form.role();
                let before = roster::set_role(tx, By::Owner(who), *at, role).await?;
                let line = Act::RoleChanged.on("staff", at).with("from", before.as_str());
                Ok((line.with("to", role.as_str()), paths::admin_staff_one(*at)))
            })
            .await
            .map(|done| done.saying(Flash::RoleChanged))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        one(db, who, *at, state, &blank_like(state)).await
    }
}

/// `/admin/staff/{id}/deactivate`
pub struct Deactivate;

impl Gate for Deactivate {
    const PATH: &'static str = "/admin/staff/{id}/deactivate";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Deactivate {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                roster::deactivate(tx, By::Owner(who), *at).await?;
                Ok((Act::StaffDeactivated.on("staff", at), paths::admin_staff_one(*at)))
            })
            .await
            .map(|done| done.saying(Flash::StaffDeactivated))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        one(db, who, *at, &blank_like(state), state).await
    }
}

/// `/admin/staff/{id}/activate`
pub struct Activate;

impl Gate for Activate {
    const PATH: &'static str = "/admin/staff/{id}/activate";
    const LIMIT: Limit = Limit::per_minute(30);
    type Auth = Recently<policies::Owner>;
}

impl Action for Activate {
    type At = Uuid;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Recent<Owner>,
        at: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                roster::activate(tx, By::Owner(who), *at).await?;
                Ok((Act::StaffActivated.on("staff", at), paths::admin_staff_one(*at)))
            })
            .await
            .map(|done| done.saying(Flash::StaffActivated))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Recent<Owner>,
        at: &Uuid,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        one(db, who, *at, &blank_like(state), state).await
    }
}
