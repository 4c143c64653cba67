//! `frontdesk worker`: what waits in the outbox, done by a process of its own.

use super::database;
use super::output::{Output, Refused};
use super::serve::log_to_stderr;
use crate::config::Config;
use crate::jobs;
use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How to work.
#[derive(Debug, Args)]
pub struct Worker {
    /// Do what is due now, and end.
    #[arg(long)]
    once: bool,
}

impl Worker {
    /// Works until it is told to stop, or until nothing is due.
    ///
    /// # Errors
    /// Where there is no database.
    pub fn run(self, config: Config, output: &Output) -> Result<(), Refused> {
        log_to_stderr();
        database::with(config, async |app| {
            if self.once {
                let done = jobs::work_off(app).await?;
                return output
                    .print(&serde_json::json!({ "done": done }), || format!("{done} done\n"));
            }
            let mut terminate =
                signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
            let mut interrupt =
                signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
            let (stop, stopping) = watch::channel(false);
            eprintln!("Working on what waits in the outbox.");
            let told = async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                stop.send_replace(true);
            };
            tokio::join!(jobs::work(app, stopping), told);
            Ok(())
        })
    }
}
