//! What is kept about a member, as files.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::policies;
use crate::services::people::{self, Export};
use crate::services::sessions::Member;

/// `/account/export.json`
pub struct AsJson;

impl Gate for AsJson {
    const PATH: &'static str = "/account/export.json";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = policies::Member;
}

impl Download for AsJson {
    type At = ();

    async fn file(app: &App, who: &Member, (): &()) -> Result<File> {
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
    type Auth = policies::Member;
}

impl Download for AsTable {
    type At = ();

    async fn file(app: &App, who: &Member, (): &()) -> Result<File> {
        let text = export(app, who).await?.table();
        Ok(File { name: "my-data.csv", kind: "text/csv; charset=utf-8", text })
    }
}

/// For whoever has proven a moment ago who they are. Everyone else does so, and comes back here.
async fn export(app: &App, who: &Member) -> Result<Export> {
    if !who.is_recent() {
        return Err(Error::Unproven("Sign in once more first."));
    }
    let now = app.clock.now();
    app.read(async |db| people::export_own(db, who, now).await).await
}
