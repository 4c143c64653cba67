//! Having a task run, for schedulers outside.
//!
//! A task is done once per slot, whoever asks and how often, so many schedulers can only GET and may: it does the same.

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::jobs::tasks::{self, Outcome, Task};
use crate::policies::Scheduler;
use crate::services::input::Valid;
use crate::services::runs::By;
use actix_web::http::Method;

const PATH: &str = "/api/cron/{task}";
const LIMIT: Limit = Limit::per_minute(300);

/// `POST /api/cron/{task}`
pub struct Run;

/// `GET /api/cron/{task}`
pub struct RunByGet;

impl Gate for Run {
    const PATH: &'static str = PATH;
    const LIMIT: Limit = LIMIT;
    type Auth = Scheduler;
}

impl Gate for RunByGet {
    const PATH: &'static str = PATH;
    const LIMIT: Limit = LIMIT;
    type Auth = Scheduler;
}

impl Endpoint for Run {
    const METHOD: Method = Method::POST;
    const SUMMARY: &'static str = "Run a task.";
    const BODY: usize = 0;
    type At = String;
    type Input = Nothing;
    type Output = Outcome;

    async fn run(
        call: &Call<'_>,
        who: &Scheduler,
        task: &String,
        _: Valid<Nothing>,
    ) -> Result<Reply<Outcome>> {
        run(call, who, task).await
    }
}

impl Endpoint for RunByGet {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Run a task.";
    const BODY: usize = 0;
    type At = String;
    type Input = Nothing;
    type Output = Outcome;

    async fn run(
        call: &Call<'_>,
        who: &Scheduler,
        task: &String,
        _: Valid<Nothing>,
    ) -> Result<Reply<Outcome>> {
        run(call, who, task).await
    }
}

async fn run(app: &App, who: &Scheduler, task: &str) -> Result<Reply<Outcome>> {
    let task = Task::called(task).ok_or(Error::NotFound)?;
    Ok(Reply::done(tasks::run_now(app, By::cron(who), task).await?))
}
