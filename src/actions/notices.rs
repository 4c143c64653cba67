//! What a member of staff is told of.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::limit::Limit;
use crate::http::record::Recorded;
use crate::policies;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::sessions::Staff;
use crate::services::staff;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::admin::notices::{Notices, edit};
use templates::{Flash, FormState, View, paths};

/// `/admin/notices`
pub struct Choose;

impl Gate for Choose {
    const PATH: &'static str = "/admin/notices";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Staff;
}

impl Action for Choose {
    type At = ();
    type Form = staff::Notices;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Staff,
        (): &(),
        form: Valid<staff::Notices>,
    ) -> Result<Recorded<Done>> {
        visit
            .record(who, async |tx| {
                staff::set_notices(tx, who, &form).await?;
                Ok((Act::NoticesChosen.on("staff", who.id()), paths::admin_notices()))
            })
            .await
            .map(|done| done.saying(Flash::NoticesSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Staff,
        (): &(),
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let stored = staff::notices(db, who).await?;
        let stored = Notices {
            leads: stored.notify_leads,
            digest: stored.digest_leads,
            quiet_from: stored.quiet_from,
            quiet_until: stored.quiet_until,
            time_zone: &stored.time_zone,
        };
        Ok(edit(&stored, state))
    }
}
