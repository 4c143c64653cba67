//! `frontdesk stripe …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::payments::reconcile::{How, Report, reconcile};
use crate::payments::{self, Synced};
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::ledger;
use anyhow::anyhow;
use clap::Subcommand;
use serde_json::json;
use std::fmt::Write;

/// What can be done about payments.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell Stripe of the plans that it does not know yet, and of those that are to be had no more.
    Sync,
    /// Compare what is known here with what Stripe knows, and put it right.
    Reconcile {
        /// Only say what stands otherwise.
        #[arg(long)]
        dry_run: bool,
        /// Compare all money, and not only what moved in the last days.
        #[arg(long)]
        all: bool,
    },
    /// Print the ledger as a table (CSV).
    Ledger,
    /// Print how the accounts of the ledger stand.
    Balances,
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        match self {
            Self::Sync => {
                let synced = payments::sync_plans(app).await?;
                if synced.told > 0 {
                    let line = Act::PlansSynced.to("plans").with("told", synced.told);
                    record(app, &operator, async |_| Ok(((), line))).await?;
                }
                output.print(&synced, || what_was_told(&synced))?;
                match synced.refused.is_empty() {
                    true => Ok(()),
                    false => Err(Refused::Shown(anyhow!("Stripe has refused some of it"))),
                }
            }
            Self::Reconcile { dry_run, all } => {
                let how = How { repairs: !dry_run, everything: all };
                let report = reconcile(app, how).await?;
                if !dry_run {
                    let line = Act::PaymentsReconciled.to("payments");
                    let line = line.with("put_right", report.drifted.len());
                    let line = line.with("lost", report.lost.len());
                    record(app, &operator, async |_| Ok(((), line))).await?;
                }
                output.print(&report, || said(&report))
            }
            Self::Ledger => {
                let text = app.read(async |db| ledger::table(db).await).await?;
                let line = Act::LedgerExported.to("ledger");
                record(app, &operator, async |_| Ok(((), line))).await?;
                output.print(&json!({ "csv": text }), || text.clone())
            }
            Self::Balances => {
                let found = app.read(async |db| ledger::balances(db).await).await?;
                let line = |one: &ledger::Balance| {
                    let ledger::Balance { currency, account, debit, credit } = one;
                    format!("{currency}  {account:<12} {debit:>14} {credit:>14}\n")
                };
                output.print(&found, || found.iter().map(line).collect())
            }
        }
    }
}

fn what_was_told(synced: &Synced) -> String {
    let refused = synced.refused.iter().map(|what| format!("{what} was refused.\n"));
    format!("Told of {}.\n", synced.told) + &refused.collect::<String>()
}

fn said(report: &Report) -> String {
    let mut said = format!("{} compared.\n", report.compared);
    for (what, ids) in [
        ("never came", &report.lost),
        ("stood otherwise", &report.drifted),
        ("is unknown to Stripe", &report.unknown),
        ("does not agree with the books", &report.doubtful),
    ] {
        for id in ids {
            // A String takes whatever is written to it.
            let _ = writeln!(said, "{id} {what}.");
        }
    }
    said
}
