//! Sending webhooks: what has happened, to whoever asked to be told (Standard Webhooks 1.0).
//!
//! It runs beside the worker, in the same processes, and on a queue of its own (`services/webhooks`): a receiver that is slow or
//! dead keeps neither mail nor other receivers waiting. Everything else is at least once: a worker that dies between an answer and its
//! note has it sent again, under the same `webhook-id`.

use crate::app::App;
use crate::error::{Error, Result};
use crate::outgoing::{Answer, Message, Trouble};
use crate::services::events;
use crate::services::inbox::standard_signatures;
use crate::services::webhooks::{self, Claimed, End, Noted, Parcel, Tried};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{HeaderName, HeaderValue};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How many deliveries are under way at once, to all endpoints together.
const AT_ONCE: usize = 32;
/// How often somebody who has nothing to do looks for what is due, or was written by another instance.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a write waits for others that may come with it, before anyone looks.
const BREATH: Duration = Duration::from_millis(50);
/// How soon, and for how long, it is tried again to note an end: as long as nobody else has the delivery.
const NOTE_AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// Sends what is due until `stop` says so, then finishes what is under way. What is not finished in time is sent again by whoever comes next.
pub async fn work(app: &App, mut stop: watch::Receiver<bool>) {
    let mut running = FuturesUnordered::new();
    while !*stop.borrow_and_update() {
        // What is under way goes on meanwhile: it may have the very connections to the database that this waits for.
        let found = {
            let mut found = pin!(take(app, AT_ONCE - running.len()));
            loop {
                tokio::select! {
                    found = &mut found => break found,
                    Some(()) = running.next(), if !running.is_empty() => {}
                }
            }
        };
        match found {
            Ok(found) => running.extend(found.into_iter().map(|claimed| carry_out(app, claimed))),
            Err(error) => tracing::debug!(%error, "webhooks cannot be read just now"),
        }
        let news = async {
            app.webhook_news.notified().await;
            sleep(BREATH).await;
        };
        tokio::select! {
            Some(()) = running.next(), if !running.is_empty() => {}
            () = news => {}
            () = sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
    let finish = async { while running.next().await.is_some() {} };
    let _ = timeout(super::worker::STOP_WITHIN, finish).await;
}

/// Sends everything that is due, until nothing is, and returns how much that was: for the shell and for tests.
///
/// # Errors
/// Where it cannot be read what is.
pub async fn work_off(app: &App) -> Result<usize> {
    let (mut running, mut done) = (FuturesUnordered::new(), 0);
    loop {
        let found = take(app, AT_ONCE - running.len()).await?;
        done += found.len();
        running.extend(found.into_iter().map(|claimed| carry_out(app, claimed)));
        if running.next().await.is_none() {
            return Ok(done);
        }
    }
}

/// Takes what is due, and notices posts whose time has come. While nothing is, that is one statement that reads.
async fn take(app: &App, room: usize) -> Result<Vec<Claimed>> {
    if room == 0 || !app.ask(async |db| webhooks::is_due(db).await).await? {
        return Ok(Vec::new());
    }
    let (lease, most) = (app.clock.id(), i64::try_from(room).unwrap_or(1));
    app.bookkeep(async |tx| {
        events::appear(&mut *tx).await?;
        webhooks::claim(tx, lease, most).await
    })
    .await
}

/// Sends it, once, and notes how that ended.
async fn carry_out(app: &App, claimed: Claimed) {
    let tried = match attempt(app, &claimed).await {
        Ok(tried) => tried,
        Err(error) => {
            tracing::warn!(message = %claimed.message, %error, "a webhook could not be written; it will be tried again");
            return;
        }
    };
    let (again, patience) = NOTE_AGAIN;
    let noted = timeout(patience, async {
        loop {
            let end =
                async |tx: &mut _| webhooks::end(tx, &claimed, &tried, || app.clock.id()).await;
            match app.bookkeep(end).await {
                Err(Error::Unavailable(_)) => sleep(again).await,
                noted => return noted,
            }
        }
    });
    match noted.await {
        Ok(Ok(Noted::Here)) => {}
        Ok(Ok(Noted::Lost)) => {
            tracing::info!(message = %claimed.message, "how a webhook ended is not noted: it is over with, or somebody else has it");
        }
        Ok(Err(error)) => {
            tracing::warn!(message = %claimed.message, %error, "how a webhook ended could not be noted; it will be sent again");
        }
        Err(_) => {
            tracing::warn!(message = %claimed.message, "how a webhook ended could not be noted in time; it will be sent again");
        }
    }
}

async fn attempt(app: &App, claimed: &Claimed) -> Result<Tried> {
    let (with, now) = ((&app.secrets, &app.outgoing), app.clock.now());
    let parcel = app.read(async |db| webhooks::parcel(db, with, now, claimed).await).await?;
    let Some(Parcel { to, keys, body }) = parcel else {
        let said = String::new();
        return Ok(Tried { end: End::Dropped, status: None, took: Duration::ZERO, said });
    };
    let began = app.clock.moment();
    let answer = match to {
        Ok(to) => app.outgoing.send(&to, message(app, claimed, &keys, body)).await,
        Err(trouble) => Err(trouble),
    };
    let took = app.clock.moment().since(began);
    Ok(match answer {
        Ok(answer) => {
            let said = format!("{} {}", answer.status, answer.said()).trim_end().to_owned();
            Tried { end: ended(app, &answer), status: Some(answer.status), took, said }
        }
        Err(Trouble::Failed(why) | Trouble::Refused(why)) => {
            Tried { end: End::Failed(None), status: None, took, said: why }
        }
    })
}

/// The document with what proves it: signed anew for each try.
fn message(app: &App, claimed: &Claimed, keys: &[Vec<u8>], body: Vec<u8>) -> Message {
    let (id, at) = (claimed.message.to_string(), app.clock.now().unix_timestamp());
    let signatures = standard_signatures(keys, &id, at, &body);
    let mut message = Message::of_json(body);
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", at.to_string()),
        ("webhook-signature", signatures),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            message.headers.insert(HeaderName::from_static(name), value);
        }
    }
    message
}

/// What an answer says. One that points elsewhere is not followed, and says no.
fn ended(app: &App, answer: &Answer) -> End {
    match answer.status {
        200..=299 => End::Delivered,
        410 => End::Gone,
        429 | 503 => End::Failed(answer.retry_after(app.clock.now())),
        _ => End::Failed(None),
    }
}
