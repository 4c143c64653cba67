//! What Resend says of our mail.
//!
//! Mail goes out over SMTP, so Resend's own id of it (`data.email_id`) is never known here. Each mail carries the id of its row
//! in the outbox as its Message-ID, and that is looked for first: in `data.message_id` and in `data.headers`. Where a server
//! on the way has given the mail another, it is the one mail that was handed over to this address, in our name, within ten
//! minutes of when Resend says it took it; where there were several, nobody can tell, and nothing is done.

use super::acting::{End, Surroundings, TOLD_BEFORE, Told};
use crate::error::{Result, found};
use crate::jobs::Job;
use crate::services::sessions::Staff;
use crate::services::subscribers;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The types that tell of a mail, and what each tells.
pub(super) const KINDS: [(&str, &str); 4] = [
    ("email.delivered", "delivered"),
    ("email.delivery_delayed", "delayed"),
    ("email.bounced", "bounced"),
    ("email.complained", "complained"),
];

const UNKNOWN: &str =
    "No mail of ours has this Message-ID, and none alone fits its address and time.";
const NOT_FOR_GOOD: &str = "It came back, and not for good: nobody was taken off the list.";

/// Notes what became of a mail; who cannot be reached, or complains, is taken off the list as by a refusal or the button.
pub(super) async fn hear(
    db: &mut PgConnection,
    told: &Told,
    said: &Value,
    with: &Surroundings<'_>,
) -> Result<End> {
    let kind = KINDS.iter().find(|(kind, _)| told.is(kind)).map_or("", |(_, word)| *word);
    let Some((mail, job)) = mail_of(&mut *db, said, with.sender).await? else {
        return Ok(End::Ignored(UNKNOWN));
    };
    if !told.has(&mut *db, &format!("outbox:{mail}"), kind, None).await? {
        return Ok(End::Done(Some(TOLD_BEFORE)));
    }
    let subscriber = match &job {
        Some(Job::Mail(mail)) => mail.subscriber(),
        _ => None,
    };
    let Some(subscriber) = subscriber else { return Ok(End::Done(None)) };
    let ended = match kind {
        "bounced" if !is_for_good(said) => return Ok(End::Done(Some(NOT_FOR_GOOD))),
        "bounced" => {
            let why = said["bounce"]["message"].as_str().unwrap_or("The mail came back.");
            found(subscribers::bounced(&mut *db, subscriber, &plain(why), with.now).await)?
        }
        "complained" => found(subscribers::complained(&mut *db, subscriber, with.now).await)?,
        _ => return Ok(End::Done(None)),
    };
    if ended.is_none() {
        return Ok(End::Done(Some("Whom the mail was for is not here any more.")));
    }
    told.has(db, &format!("subscriber:{subscriber}"), kind, None).await?;
    Ok(End::Done(None))
}

/// What a header or a row may hold.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether there is no such mailbox. One that is full, or a mail that is not liked, takes nobody off a list.
fn is_for_good(said: &Value) -> bool {
    let kind = said["bounce"]["type"].as_str();
    kind.is_none_or(|kind| kind.eq_ignore_ascii_case("permanent"))
}

/// The mail that is spoken of.
async fn mail_of(
    db: &mut PgConnection,
    said: &Value,
    sender: &str,
) -> Result<Option<(Uuid, Option<Job>)>> {
    let by_id = sqlx::query!(
        "select id, job from outbox where id = any($1) and kind = 'mail' limit 1",
        &message_ids(said),
    );
    if let Some(row) = by_id.fetch_optional(&mut *db).await? {
        return Ok(Some((row.id, serde_json::from_value(row.job).ok())));
    }
    let to = said["to"].as_array().filter(|to| to.len() == 1).and_then(|to| to[0].as_str());
    let at = said["created_at"].as_str().and_then(moment);
    let (Some(to), Some(at), true) = (to, at, is_from(said, sender)) else { return Ok(None) };
    let by_time = sqlx::query!(
        "select id, job from outbox where kind = 'mail' and state = 'done' and recipient = lower($1)
            and ended_at between $2::timestamptz - interval '10 minutes' and $2::timestamptz + interval '10 minutes' limit 2",
        bare(to),
        at,
    );
    let mut rows = by_time.fetch_all(db).await?;
    let only = rows.pop().filter(|_| rows.is_empty());
    Ok(only.map(|row| (row.id, serde_json::from_value(row.job).ok())))
}

/// The ids of rows that stand in what may be a Message-ID of ours, `<id@domain>`.
fn message_ids(said: &Value) -> Vec<Uuid> {
    let headers = said["headers"].as_array().into_iter().flatten();
    let named = headers.filter(|header| {
        header["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("message-id"))
    });
    let mut texts: Vec<&str> = named.filter_map(|header| header["value"].as_str()).collect();
    texts.extend(said["message_id"].as_str());
    let id = |text: &str| text.trim().trim_start_matches('<').split('@').next()?.parse().ok();
    texts.into_iter().filter_map(id).collect()
}

/// Whether a mail came from us, and not from another program with the same account.
fn is_from(said: &Value, sender: &str) -> bool {
    said["from"].as_str().is_some_and(|from| bare(from).eq_ignore_ascii_case(sender))
}

/// The address of `Name <address>`.
fn bare(text: &str) -> &str {
    let inside = text.rsplit_once('<').map_or(text, |(_, rest)| rest);
    inside.trim_end_matches('>').trim()
}

/// A time as Resend writes it, with a `T` or a space between.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let text = text.replacen(' ', "T", 1);
    let text = if text.ends_with("+00") { format!("{text}:00") } else { text };
    OffsetDateTime::parse(&text, &Rfc3339).ok()
}

/// What was heard of a mail.
#[derive(Debug)]
pub struct Heard {
    /// delivered, delayed, bounced or complained.
    pub kind: String,
    /// When.
    pub at: OffsetDateTime,
    /// By which event.
    pub event: Uuid,
}

/// What was heard of the mail `id`, the first first.
///
/// # Errors
/// As any statement.
pub async fn heard_of(db: &mut PgConnection, _by: &Staff, id: Uuid) -> Result<Vec<Heard>> {
    Ok(sqlx::query_as!(
        Heard,
        "select kind, at, event from inbox_effects where object = $1 order by at, kind",
        format!("outbox:{id}"),
    )
    .fetch_all(db)
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_message_id_is_found_wherever_it_is_reported() {
        let id = Uuid::from_u128(7);
        let written = format!("<{id}@site.example>");
        for said in [
            json!({ "message_id": written }),
            json!({ "headers": [{ "name": "X", "value": "y" }, { "name": "Message-Id", "value": written }] }),
        ] {
            assert_eq!(message_ids(&said), [id], "{said}");
        }
        for said in
            [json!({}), json!({ "message_id": "<0100@ses>" }), json!({ "headers": { "a": 1 } })]
        {
            assert!(message_ids(&said).is_empty(), "{said}");
        }
    }

    #[test]
    fn times_and_addresses_are_read_as_they_are_written() {
        for text in [
            "2026-11-22T23:41:11.894719+00:00",
            "2026-11-22 23:41:11.894719+00",
            "2026-11-22T23:41:11.894Z",
        ] {
            assert!(moment(text).is_some(), "{text}");
        }
        let said = json!({ "from": "Front Desk <Desk@site.example>" });
        assert!(is_from(&said, "desk@site.example") && !is_from(&said, "desk@other.example"));
        assert!(
            is_for_good(&json!({})) && is_for_good(&json!({ "bounce": { "type": "Permanent" } }))
        );
        assert!(!is_for_good(&json!({ "bounce": { "type": "Transient" } })));
    }
}
