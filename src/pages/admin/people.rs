//! What is kept about one person, for the owner.

use super::Context;
use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::record::{self, Recorded};
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::people::{self, By};
use crate::services::recent::Recent;
use crate::services::runs::Counts;
use crate::services::sessions::Owner;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::admin::people::{Erasure, Person, index};
use templates::{FormState, View};
use time::OffsetDateTime;

/// `/admin/people`
pub struct Index;

/// Whom to look for.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    email: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/people";
    const LIMIT: Limit = Limit::per_minute(60);
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
        person(db, who, query.email.trim(), blank).await
    }
}

/// The page about whoever has the address that was asked for, with the form that erases them.
///
/// # Errors
/// As any statement.
pub async fn person(
    db: &mut PgConnection,
    who: &Owner,
    asked: &str,
    form: &FormState,
) -> Result<View> {
    let valid = Valid::check(people::Person { email: asked.to_owned() });
    let found = match &valid {
        Ok(person) => {
            // Only counted here: the time is not shown.
            let at = OffsetDateTime::UNIX_EPOCH;
            let found = people::export(&mut *db, By::Owner(who), &person.email, at).await?;
            Some(Person { email: &person.email, counts: found.counts().into_iter().collect() })
        }
        Err(_) => None,
    };
    let erasures = people::erasures(db, who).await?.into_iter().map(Into::into);
    Ok(index(asked, found.as_ref(), &erasures.collect::<Vec<_>>(), form))
}

impl From<people::Erasure> for Erasure {
    fn from(erasure: people::Erasure) -> Self {
        let counts: Counts = serde_json::from_value(erasure.counts).unwrap_or_default();
        let by = erasure.by.unwrap_or_else(|| "the operator".to_owned());
        Self { at: erasure.at, by, counts: counts.into_iter().collect() }
    }
}

/// `/admin/people/{email}/export`
pub struct Export;

impl Gate for Export {
    const PATH: &'static str = "/admin/people/{email}/export";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = Recently<policies::Owner>;
}

impl Download for Export {
    type At = String;

    async fn file(app: &App, who: &Recent<Owner>, email: &String) -> Result<Recorded<File>> {
        let person = Valid::check(people::Person { email: email.clone() });
        let person = person.map_err(|_| Error::NotFound)?;
        let (by, at) = (By::Owner(who), app.clock.now());
        let found = app.read(async |db| people::export(db, by, &person.email, at).await).await?;
        let text = serde_json::to_string_pretty(&found);
        let text = text.map_err(|error| Error::Internal(error.into()))?;
        let file = File { name: "person.json", kind: "application/json", text };
        // How much of what, and never about whom.
        let line = Act::PersonExported.to("person").counting(&found.counts());
        record::hand_out(app, who, line, file).await
    }
}
