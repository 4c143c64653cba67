//! Having kept pages rendered again.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::revalidation::{self, By};
use crate::services::sessions::Staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{Flash, FormState, View, paths};

/// `/admin/cache/drop`
pub struct Drop;

impl Gate for Drop {
    const PATH: &'static str = "/admin/cache/drop";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Drop {
    type At = ();
    type Form = revalidation::Drop;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<revalidation::Drop>,
    ) -> Result<Recorded<Done>> {
        let asked = form.alone()?;
        visit
            .record(who, async |tx| {
                revalidation::revalidate(tx, &By::Staff(who), &asked).await?;
                let line = Act::PagesDropped.to("pages").with("tag", form.tag.as_str());
                Ok((line, paths::admin_cache()))
            })
            .await
            .map(|done| done.saying(Flash::PagesDropped))
    }

    async fn page(
        _: &mut PgConnection,
        _: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        Ok(templates::admin::cache::refused(state))
    }
}
