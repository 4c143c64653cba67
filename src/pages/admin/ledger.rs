//! The ledger, for owners to take along.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::record::{self, Recorded};
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::ledger;
use crate::services::recent::Recent;
use crate::services::sessions::Owner;

/// `/admin/ledger.csv`
pub struct Export;

impl Gate for Export {
    const PATH: &'static str = "/admin/ledger.csv";
    const LIMIT: Limit = Limit::per_minute(10);
    type Auth = Recently<policies::Owner>;
}

impl Download for Export {
    type At = ();

    async fn file(app: &App, who: &Recent<Owner>, (): &()) -> Result<Recorded<File>> {
        let text = app.read(async |db| ledger::table(db).await).await?;
        let file = File { name: "ledger.csv", kind: "text/csv; charset=utf-8", text };
        record::hand_out(app, who, Act::LedgerExported.to("ledger"), file).await
    }
}
