//! `frontdesk serve`: from the first start to the last request.

use super::database::Database;
use super::output::Refused;
use crate::app::App;
use crate::cache::hot;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::http::{access_log, server};
use crate::intake;
use crate::jobs::{self, scheduler, worker};
use crate::routes;
use crate::setup::{self, Owner};
use actix_web::web::Data;
use anyhow::Context;
use std::net::TcpListener;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// How long connections to the database may take to be given back at the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How long the database may be too busy for the first pages, and when to try again.
const WARM_WITHIN: Duration = Duration::from_secs(10);
const WARM_AGAIN: Duration = Duration::from_millis(100);

/// Serves until it is told to stop, then finishes what is under way.
///
/// # Errors
/// Where the address is taken or the database cannot be had.
pub fn serve(mut config: Config) -> Result<(), Refused> {
    log_to_stderr();
    // First, so that a second server by mistake says so at once.
    let listener = TcpListener::bind(config.listen)
        .with_context(|| format!("could not listen on {}", config.listen))?;
    config.settle_origins(listener.local_addr().context("a bound listener has an address")?);
    let database = Database::own(&config).map_err(anyhow::Error::from)?;
    let (lost, database_lost) = mpsc::unbounded_channel();
    if let Some(cluster) = &database.cluster {
        cluster.on_unexpected_end(move |error| {
            let _ = lost.send(error.to_string());
        });
    }
    let served =
        actix_web::rt::System::new().block_on(run(config, &database.url, listener, database_lost));
    if let Some(cluster) = database.cluster {
        cluster.stop().map_err(anyhow::Error::from)?;
    }
    served
}

async fn run(
    config: Config,
    url: &str,
    listener: TcpListener,
    mut database_lost: mpsc::UnboundedReceiver<String>,
) -> Result<(), Refused> {
    let app = Data::new(App::open(config, url).await?);
    setup::first_start(&app, introduce).await?;
    warm(&app).await?;
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    let server = server::build(Data::clone(&app), listener, workers)
        .context("could not start the server")?;
    // Before anyone is told that the site is open, and may tell it to stop.
    let mut terminate = signal(SignalKind::terminate()).context("could not listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen for SIGINT")?;
    greet(&app);
    let draining = Data::clone(&app);
    actix_web::rt::spawn(async move { intake::keep_draining(&draining).await });
    let (stop_working, stopping) = watch::channel(false);
    let working = Data::clone(&app);
    let worker = actix_web::rt::spawn(async move { jobs::work(&working, stopping).await });
    schedule(&app, stop_working.subscribe());
    let knowing = Data::clone(&app);
    actix_web::rt::spawn(async move { knowing.identity.keep_known(&knowing.clock).await });
    let rendering = Data::clone(&app);
    actix_web::rt::spawn(async move { hot::keep_rendered(&rendering).await });
    let handle = server.handle();
    let mut running = actix_web::rt::spawn(server);
    let lost = tokio::select! {
        ended = &mut running => return Err(anyhow::anyhow!("the server ended by itself: {ended:?}").into()),
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        Some(error) = database_lost.recv() => Some(error),
    };
    eprintln!("Finishing what is under way …");
    stop_working.send_replace(true);
    tokio::select! {
        () = handle.stop(true) => {}
        () = tokio::time::sleep(server::STOP_WITHIN) => {} // whatever a thread is still busy with
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    let _ = tokio::time::timeout(worker::STOP_WITHIN, worker).await;
    let _ = tokio::time::timeout(CLOSE_WITHIN, app.close()).await;
    access_log::finish();
    match lost {
        None => Ok(()),
        Some(error) => Err(anyhow::anyhow!("the private Postgres is gone: {error}").into()),
    }
}

/// Has tasks run when they are due, unless someone else sees to that.
fn schedule(app: &Data<App>, stopping: watch::Receiver<bool>) {
    if app.config.scheduler {
        let app = Data::clone(app);
        actix_web::rt::spawn(async move { scheduler::keep_time(&app, stopping).await });
    }
}

/// Has the first pages kept. Tried again while the database is busy, as it is after a restart of its own, with everyone
/// back at once: no reader waits for this, so a quarter of a second is no reason to give up.
async fn warm(app: &App) -> Result<()> {
    let began = app.clock.moment();
    loop {
        match routes::warm(app).await {
            Err(Error::Unavailable(_)) if app.clock.moment().since(began) < WARM_WITHIN => {
                tokio::time::sleep(WARM_AGAIN).await;
            }
            done => return done,
        }
    }
}

/// What happens, as JSON lines; what happens per request is `access_log`'s.
pub fn log_to_stderr() {
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
    let chatty = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("actix_server", LevelFilter::WARN)
        .with_target("sqlx::postgres::notice", LevelFilter::WARN)
        // It calls an error what strangers may send as often as they like.
        .with_target("webauthn_rs", LevelFilter::OFF);
    tracing_subscriber::registry().with(lines.with_filter(chatty)).init();
    access_log::switch_on();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        tracing::error!(
            at,
            "a panic; whoever was waiting for it is told that something went wrong"
        );
    }));
}

/// Says where the site is.
fn greet(app: &App) {
    let origin = app.config.canonical_origin();
    eprintln!(
        "\n  {} is open at {origin}\n  Staff sign in at {origin}/admin\n",
        app.config.site_name
    );
}

/// Says, once, how the owner signs in. Said before the account is kept: a password that leads nowhere yet is no harm, one
/// that nobody was told is.
fn introduce(owner: &Owner) {
    match owner {
        Owner { email, password: Some(password) } => {
            eprintln!("\n  The owner of this site:");
            eprintln!("    email     {email}\n    password  {password}");
            eprintln!("  This password is shown once. Keep it now.");
        }
        Owner { email, password: None } => {
            eprintln!("\n  The owner of this site: {email}, with the password from OWNER_PASSWORD");
        }
    }
}
