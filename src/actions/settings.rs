//! What the owner decides about the site.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::pages::admin::settings::{Refused, preview, unseen};
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::sessions::Owner;
use crate::services::settings::{self, NewAutoreply, NewFreePosts};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, format, paths};

/// `/admin/settings`
pub struct Decide;

impl Gate for Decide {
    const PATH: &'static str = "/admin/settings";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Owner;
}

impl Action for Decide {
    type At = ();
    type Form = NewAutoreply;
    const BODY: usize = 64 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Owner,
        (): &(),
        form: Valid<NewAutoreply>,
    ) -> Result<Recorded<Done>> {
        let to = paths::admin_settings();
        if form.preview {
            let state = typed(&form).with_submission(visit.app.clock.id().to_string());
            let work = async |db: &mut PgConnection| {
                preview(db, who, visit.app, Some(form.words()), &state).await
            };
            let view = visit.app.read(work).await?;
            return Ok(Recorded::nothing(view));
        }
        visit
            .record(who, async |tx| {
                settings::set_autoreply(tx, who, &form).await?;
                Ok((Act::SettingsChanged.to("settings").with("autoreply", form.autoreply), to))
            })
            .await
            .map(|done| done.saying(Flash::SettingsSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Owner,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        unseen(db, who, Refused::Autoreply, state).await
    }
}

/// `/admin/settings/free-posts`
pub struct DecideFreePosts;

impl Gate for DecideFreePosts {
    const PATH: &'static str = "/admin/settings/free-posts";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Owner;
}

impl Action for DecideFreePosts {
    type At = ();
    type Form = NewFreePosts;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Owner,
        (): &(),
        form: Valid<NewFreePosts>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                settings::set_free_posts(tx, who, &form).await?;
                let line = Act::SettingsChanged.to("settings").with("free-posts", form.free_posts);
                Ok((line, paths::admin_settings()))
            })
            .await
            .map(|done| done.saying(Flash::SettingsSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Owner,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        unseen(db, who, Refused::FreePosts, state).await
    }
}

/// The form as it was sent, to be sent again.
fn typed(form: &NewAutoreply) -> FormState {
    let mut pairs = vec![("text".to_owned(), form.text.clone())];
    pairs.extend(form.autoreply.then(|| ("autoreply".to_owned(), "on".to_owned())));
    pairs.extend(form.version.map(|version| ("version".to_owned(), format::exact(version))));
    FormState::new(pairs, Default::default())
}
