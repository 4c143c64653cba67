//! Where a sender is thanked. The form itself is in `actions`.

use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::CachedPage;
use crate::policies::Anyone;
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::{View, paths};

/// `/contact/thanks`
pub struct Thanks;

impl Gate for Thanks {
    const PATH: &'static str = "/contact/thanks";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Thanks {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::thanks()
    }

    async fn view(_: &mut PgConnection, (): &(), (): &(), _: &mut Dependencies) -> Result<View> {
        Ok(templates::contact::thanks())
    }
}
