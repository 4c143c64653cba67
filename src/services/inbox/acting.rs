//! What an event leads to.
//!
//! GitHub's `push` has the folder of posts read at once. What Resend says of a mail is [`super::mail`]'s. Anyone else may have
//! pages rendered again. What Stripe says of an object is not believed: that was read anew before ([`Looked`]). What is none of these is kept and says why nothing was done.

use super::{document, mail};
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::jobs::tasks::Task;
use crate::services::input::Valid;
use crate::services::outbox::{self, New};
use crate::services::payments::{self, Because, Fresh};
use crate::services::revalidation::{self, Revalidation};
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The types by which others may have pages rendered again.
const CONTENT: [&str; 2] = ["content.changed", "revalidate"];

/// Why nothing is to be done about such an event; none where something is.
pub(super) fn needs_nothing(source: &str, kind: &str) -> Option<&'static str> {
    let known = match (source, kind) {
        ("github", "ping") => return Some("It only asks whether we are there."),
        ("github", kind) => kind == "push",
        ("stripe", kind) => payments::About::of(kind).is_some(),
        ("resend", kind) => mail::KINDS.iter().any(|(known, _)| *known == kind),
        (_, kind) => CONTENT.contains(&kind),
    };
    match (known, kind) {
        (true, _) => None,
        (false, "") => Some("It does not say of which type it is."),
        (false, _) => Some("Nothing is done about events of this type."),
    }
}

/// What acting needs beside the database.
pub struct Surroundings<'a> {
    /// The moment.
    pub now: OffsetDateTime,
    /// Makes ids.
    pub id: &'a dyn Fn() -> Uuid,
    /// The address that our mail comes from.
    pub sender: &'a str,
    /// What was read at Stripe because of the event.
    pub looked: &'a Looked,
    /// Why there is no folder to be read, where there is none.
    pub no_folder: Option<&'static str>,
}

/// What was seen where somebody looked because of an event, before acting upon it.
#[derive(Debug)]
pub enum Looked {
    /// Nobody had to look.
    NoNeed,
    /// Nobody can: this is missing.
    Off(&'static str),
    /// There is no such thing.
    Unknown,
    /// This.
    Seen(Fresh),
}

/// An event that was kept, and is locked by whoever acts upon it. Nothing comes here that was not proven.
#[derive(Debug)]
pub struct Told {
    pub(super) id: Uuid,
    source: String,
    event_id: String,
    kind: String,
    payload: Option<Vec<u8>>,
}

impl Told {
    /// Notes an effect; false where there was one of this kind on the same object.
    pub(super) async fn has(
        &self,
        db: &mut PgConnection,
        object: &str,
        kind: &str,
        detail: Option<&str>,
    ) -> Result<bool> {
        let noted = sqlx::query!(
            "insert into inbox_effects (object, kind, event, detail) values ($1, $2, $3, $4) on conflict do nothing",
            object,
            kind,
            self.id,
            detail.map(|detail| detail.chars().take(500).collect::<String>()),
        );
        Ok(noted.execute(db).await?.rows_affected() == 1)
    }

    /// Whether it is of this type.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }

    /// The event itself, where effects of several are to be told apart.
    fn object(&self) -> String {
        format!("{}:{}", self.source, self.event_id)
    }
}

/// How acting ended.
pub(super) enum End {
    /// It is done; with a word where there is more to say than its effects do.
    Done(Option<&'static str>),
    /// Nothing was to be done. Says why.
    Ignored(&'static str),
}

/// Had its effect before, by this event or another.
pub(super) const TOLD_BEFORE: &str = "Another event has said so before; nothing was done twice.";

/// Acts upon an event, unless that was done before.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Malformed`] where it never will be possible; else it may be another time.
pub async fn act(db: &mut PgConnection, event: Uuid, with: &Surroundings<'_>) -> Result<()> {
    let told = sqlx::query_as!(
        Told,
        r#"select id, source, event_id, type as kind, payload from inbox
            where id = $1 and state <> 'done' for update"#,
        event,
    );
    let Some(told) = told.fetch_optional(&mut *db).await? else { return Ok(()) };
    let end = match needs_nothing(&told.source, &told.kind) {
        Some(why) => End::Ignored(why),
        None => effects(&mut *db, &told, with).await?,
    };
    let (state, remark) = match end {
        End::Done(remark) => ("done", remark),
        End::Ignored(why) => ("ignored", Some(why)),
    };
    sqlx::query!(
        "update inbox set state = $2, remark = $3, ended_at = now(),
                attempts = coalesce((select attempts from outbox where outbox.id = inbox.job), attempts) where id = $1",
        event,
        state,
        remark,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn effects(db: &mut PgConnection, told: &Told, with: &Surroundings<'_>) -> Result<End> {
    let Some(payload) = &told.payload else {
        return Ok(End::Ignored("What it said is not kept any more."));
    };
    if told.source == "stripe" {
        return take_in(db, told, with).await;
    }
    if told.source == "github" {
        return read_folder(db, told, with).await;
    }
    let Some(said) = document(payload) else {
        return Err(Error::Malformed("What it says is no JSON.".to_owned()));
    };
    match told.source.as_str() {
        "resend" => mail::hear(db, told, &said["data"], with).await,
        _ => render_again(db, told, said).await,
    }
}

/// Takes in what Stripe says now, whatever it said when the event was sent.
async fn take_in(db: &mut PgConnection, told: &Told, with: &Surroundings<'_>) -> Result<End> {
    let fresh = match with.looked {
        Looked::Seen(fresh) => fresh,
        Looked::Off(why) => return Ok(End::Ignored(why)),
        Looked::Unknown => return Ok(End::Ignored("Stripe knows no such thing.")),
        // It was not needed when somebody looked, and is by now: another try will look.
        Looked::NoNeed => return Err(Error::unavailable("nobody has looked at Stripe yet")),
    };
    let because = Because { event: Some(told.id), now: with.now, id: with.id, repairs: false };
    let news = payments::take_in(db, fresh, &because).await?;
    Ok(End::Done(news.is_empty().then_some("All of it was known.")))
}

/// The task is due now, in a slot of its own: what is in the folder by then was not there when it last ran.
async fn read_folder(db: &mut PgConnection, told: &Told, with: &Surroundings<'_>) -> Result<End> {
    if let Some(why) = with.no_folder {
        return Ok(End::Ignored(why));
    }
    if !told.has(&mut *db, &told.object(), "task-due", Some(Task::Sync.name())).await? {
        return Ok(End::Done(Some(TOLD_BEFORE)));
    }
    let new = New {
        id: (with.id)(),
        job: &Job::TaskDue { task: Task::Sync, slot: with.now },
        cause: format!("inbox:{}", told.id),
        recipient: None,
        once: None,
        not_before: None,
    };
    outbox::put(db, &new).await?;
    Ok(End::Done(None))
}

async fn render_again(db: &mut PgConnection, told: &Told, mut said: Value) -> Result<End> {
    let asked: Revalidation = serde_json::from_value(said["data"].take()).map_err(|_| {
        Error::Malformed("Its data has to be lists of texts: tags, paths.".to_owned())
    })?;
    let asked = Valid::check(asked)?;
    let all: Vec<&str> = asked.tags.iter().chain(&asked.paths).map(String::as_str).collect();
    if !told.has(&mut *db, &told.object(), "revalidated", Some(&all.join(" "))).await? {
        return Ok(End::Done(Some(TOLD_BEFORE)));
    }
    revalidation::revalidate(db, &revalidation::By::Webhook(told), &asked).await?;
    Ok(End::Done(None))
}
