//! Telling search engines of addresses: one message (<https://www.indexnow.org/documentation>).

use crate::app::App;
use crate::outgoing::{Answer, Message, Trouble};
use crate::services::announcements;
use crate::services::outbox::End;
use serde::Serialize;
use std::time::Duration;
use url::Url;
use uuid::Uuid;

/// No server has us wait for longer: its clock may be wrong.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Announcement {
    host: String,
    key: String,
    key_location: String,
    url_list: Vec<String>,
}

/// Tells of whatever is the job's to tell of by now.
pub async fn tell(app: &App, job: Uuid) -> End {
    let Some(to) = &app.config.indexnow_url else {
        return End::Dropped("INDEXNOW_URL is not set any more.");
    };
    let paths = match app.ask(async |db| announcements::of_job(db, job).await).await {
        Ok(paths) if paths.is_empty() => {
            return End::Dropped("All of it has changed since, and is told of by a later job.");
        }
        Ok(paths) => paths,
        Err(error) => return End::Failed(error.with_cause()),
    };
    let message = match Message::json(&announcement(app, &paths)) {
        Ok(message) => message,
        Err(error) => return End::Refused(format!("It cannot be written: {error}.")),
    };
    match app.outgoing.send(to, message).await {
        Ok(answer) => end(app, &answer),
        Err(Trouble::Failed(why)) => End::Failed(why),
        Err(Trouble::Refused(why)) => End::Refused(why),
    }
}

fn announcement(app: &App, paths: &[String]) -> Announcement {
    let (origin, key) = (app.config.canonical_origin().to_string(), app.secrets.indexnow());
    let host = Url::parse(&origin).ok().and_then(|url| url.host_str().map(str::to_owned));
    Announcement {
        host: host.unwrap_or_default(),
        key_location: format!("{origin}{}", templates::paths::indexnow_key(&key)),
        key,
        url_list: paths.iter().map(|path| format!("{origin}{path}")).collect(),
    }
}

fn end(app: &App, answer: &Answer) -> End {
    let why = format!("{} {}", answer.status, answer.said()).trim_end().to_owned();
    match (answer.status, answer.retry_after(app.clock.now())) {
        (200..=299, _) => End::Done,
        (429, Some(wait)) => End::Later(wait.min(LONGEST_WAIT), why),
        (408 | 429 | 500..=599, _) => End::Failed(why),
        _ => End::Refused(why),
    }
}
