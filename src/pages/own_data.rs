//! What is kept about a member, to take along: for whoever has proven lately who they are.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::page::{Context, LivePage};
use crate::http::record;
use crate::pages::admin::Ignored;
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::people::{self, Export};
use crate::services::recent::Recent;
use crate::services::sessions::Member;
use sqlx::PgConnection;
use templates::{View, own_data};

/// `/account/export`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/account/export";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = Recently<policies::Member>;
}

impl LivePage for Show {
    type At = ();
    type Query = Ignored;

    async fn view(
        _: &mut PgConnection,
        _: &Recent<Member>,
        (): &(),
        _: &Ignored,
        _: &Context<'_>,
    ) -> Result<View> {
        Ok(own_data::page())
    }
}

/// `/account/export.json`
pub struct AsJson;

impl Gate for AsJson {
    const PATH: &'static str = "/account/export.json";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = Recently<policies::Member>;
}

impl Download for AsJson {
    type At = ();

    async fn file(app: &App, who: &Recent<Member>, (): &()) -> Result<File> {
        let text = serde_json::to_string_pretty(&export(app, who).await?);
        let text = text.map_err(|error| Error::Internal(error.into()))?;
        Ok(File { name: "my-data.json", kind: "application/json", text })
    }
}

/// `/account/export.csv`
pub struct AsTable;

impl Gate for AsTable {
    const PATH: &'static str = "/account/export.csv";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = Recently<policies::Member>;
}

impl Download for AsTable {
    type At = ();

    async fn file(app: &App, who: &Recent<Member>, (): &()) -> Result<File> {
        let text = export(app, who).await?.table();
        Ok(File { name: "my-data.csv", kind: "text/csv; charset=utf-8", text })
    }
}

async fn export(app: &App, who: &Recent<Member>) -> Result<Export> {
    let now = app.clock.now();
    let export = app.read(async |db| people::export_own(db, who, now).await).await?;
    record::note(app, who, Act::OwnDataExported.on("staff", who.id())).await?;
    Ok(export)
}
