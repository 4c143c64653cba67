//! The ledger, for owners to look at and to take along.

use super::Context;
use crate::app::App;
use crate::error::Result;
use crate::http::download::{Download, File};
use crate::http::limit::Limit;
use crate::http::page::LivePage;
use crate::http::record::{self, Recorded};
use crate::http::{Gate, cursor};
use crate::policies::{self, Recently};
use crate::services::audit::Act;
use crate::services::ledger::{self, Booking};
use crate::services::orders;
use crate::services::recent::Recent;
use crate::services::sessions::Owner;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::View;
use templates::admin::ledger::{About, Account, Row, Sum, index};

const PER_PAGE: usize = 50;

/// `/admin/ledger`
pub struct Index;

/// Where in the list. What makes no sense is its beginning.
#[derive(Debug, Deserialize)]
pub struct Query {
    #[serde(default)]
    before: String,
}

impl Gate for Index {
    const PATH: &'static str = "/admin/ledger";
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
        _: &Context<'_>,
    ) -> Result<View> {
        let before = query.before.parse().ok();
        let balances = ledger::balances(&mut *db).await?;
        let found = ledger::newest(db, who, before, cursor::ask(PER_PAGE)).await?;
        let (found, older) = cursor::cut(found, PER_PAGE, |booking| booking.id);
        let rows: Vec<Row<'_>> = found.iter().map(Into::into).collect();
        let accounts: Vec<_> = balances
            .iter()
            .map(|one| Account {
                currency: &one.currency,
                name: &one.account,
                debit: one.debit,
                credit: one.credit,
            })
            .collect();
        let sums: Vec<_> = ledger::sums(&balances)
            .into_iter()
            .map(|sum| Sum {
                currency: sum.currency,
                debit: sum.debit,
                credit: sum.credit,
                is_even: sum.is_even(),
            })
            .collect();
        Ok(index(&rows, &accounts, &sums, (older, before.is_none())))
    }
}

impl<'a> From<&'a Booking> for Row<'a> {
    fn from(booking: &'a Booking) -> Self {
        let about = match (booking.order, &booking.member) {
            (Some(id), _) => About::Order { id, number: orders::number(id) },
            (None, Some(member)) => About::Member { name: &member.name, email: &member.email },
            (None, None) => About::Other(&booking.about),
        };
        let entries = booking.entries.iter();
        Self {
            at: booking.at,
            kind: &booking.kind,
            object: &booking.object,
            about,
            currency: &booking.currency,
            entries: entries.map(|one| (one.account.as_str(), one.debit, one.credit)).collect(),
        }
    }
}

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
