//! The operator's door: the same services, from the shell.
//!
//! `--json` prints one JSON document on stdout; messages go to stderr. Exit 0: done; 1: refused, with the reasons by
//! field; 2: wrong usage.

mod app;
mod cache;
mod completions;
mod database;
mod doctor;
mod export;
mod inbox;
mod key;
mod lead;
mod output;
mod payments;
mod person;
mod plan;
mod post;
mod product;
mod record;
mod run;
mod serve;
mod subscriber;
mod user;
mod webhook;
mod worker;

use crate::config::Config;
use clap::{CommandFactory, Parser, Subcommand};
use output::{Output, Refused};
use std::process::ExitCode;

/// The public side of a small business in one binary over Postgres.
#[derive(Debug, Parser)]
#[command(name = "frontdesk", version)]
struct Cli {
    /// Print one JSON document on stdout.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the site (this is also what happens without a command).
    Serve,
    /// Do what waits in the outbox, without serving.
    Worker(worker::Worker),
    /// Bring the database up to date.
    Migrate,
    /// Print every route with its proof and limits.
    Routes,
    /// Look at configuration and database, and say what is missing.
    Doctor(doctor::Doctor),
    /// Leads: people who wrote to the business.
    #[command(subcommand)]
    Lead(lead::Command),
    /// Posts.
    #[command(subcommand)]
    Post(post::Command),
    /// Subscribers of the newsletter.
    #[command(subcommand)]
    Subscriber(subscriber::Command),
    /// What other programs have told us.
    #[command(subcommand)]
    Inbox(inbox::Command),
    /// API keys of partners' programs.
    #[command(subcommand)]
    Key(key::Command),
    /// Who is told of what happens.
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Members' apps, which act for them by tokens.
    #[command(subcommand)]
    App(app::Command),
    /// Accounts.
    #[command(subcommand)]
    User(user::Command),
    /// Kept pages.
    #[command(subcommand)]
    Cache(cache::Command),
    /// Run a task that comes round again.
    Run(run::Run),
    /// What members can be.
    #[command(subcommand)]
    Plan(plan::Command),
    /// What there is to buy.
    #[command(subcommand)]
    Product(product::Command),
    /// Payments: Stripe, and the ledger.
    #[command(subcommand)]
    Stripe(payments::Command),
    /// What is kept about one person.
    #[command(subcommand)]
    Person(person::Command),
    /// Take everything along, as tables and texts.
    Export(export::Export),
    /// Print what a shell needs to complete these commands.
    Completions(completions::Completions),
}

/// The commands there are.
pub fn commands() -> clap::Command {
    Cli::command()
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.json };
    match carry_out(cli.command.unwrap_or(Command::Serve), &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refused) => {
            output.refuse(&refused);
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command, output: &Output) -> Result<(), Refused> {
    match command {
        Command::Routes => return routes(output),
        Command::Completions(completions) => return completions.print(commands(), output),
        _ => {}
    }
    let config = Config::from_environment().map_err(Refused::Configuration)?;
    match command {
        Command::Serve => serve::serve(config),
        Command::Worker(worker) => worker.run(config, output),
        Command::Doctor(doctor) => doctor.examine(config, output),
        Command::Migrate => {
            database::with(config, async |_| output.done("The database is up to date."))
        }
        Command::Lead(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Post(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Subscriber(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Inbox(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Key(command) => database::with(config, async |app| command.run(app, output).await),
        Command::Webhook(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::App(command) => database::with(config, async |app| command.run(app, output).await),
        Command::Cache(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::User(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Run(run) => database::with(config, async |app| run.run(app, output).await),
        Command::Person(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Plan(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Product(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Stripe(command) => {
            database::with(config, async |app| command.run(app, output).await)
        }
        Command::Export(export) => {
            database::with(config, async |app| export.run(app, output).await)
        }
        Command::Routes | Command::Completions(_) => Ok(()),
    }
}

fn routes(output: &Output) -> Result<(), Refused> {
    let table = crate::routes::table();
    output.print(&table, || {
        let line = |route: &crate::routes::Entry| {
            let limit = route.limit.as_deref().unwrap_or("-");
            let body = route.body.map_or("-".to_owned(), |body| format!("{} KiB", body / 1024));
            let cached = if route.cached { "cached" } else { "-" };
            let crate::routes::Entry { method, path, proof, .. } = route;
            format!("{method:<5} {path:<28} {proof:<30} {limit:<16} {body:<9} {cached}\n")
        };
        table.iter().map(line).collect()
    })
}
