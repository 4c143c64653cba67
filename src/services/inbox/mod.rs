//! What other programs tell us by webhooks: kept as it came before the sender is answered, and acted upon afterwards, once.
//!
//! Whoever delivers twice is told the same twice; the row is there once. Acting locks the row, and what it changes and that it
//! is done are one transaction, so a worker may die wherever it likes. Two events that tell of the same thing have one
//! effect: each is noted by what it is about and its kind.

mod acting;
mod mail;
mod signature;
mod staff;

pub use acting::{Looked, Surroundings, Told, act};
pub use mail::{Heard, heard_of};
pub use signature::{Claim, Encoding, Scheme, Sender, Shape, standard_key, standard_signatures};
pub use staff::{
    Effect, Filter, Keeper, Listed, OfSource, Reader, Replayed, Shown, by_id, count, list, replay,
    replay_dead,
};

use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::services::outbox::{self, New};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// How much of a type is kept.
const LONGEST_TYPE: usize = 100;

/// An event that was proven to be from whom it says. Only [`Claim::prove`] makes one.
#[derive(Debug)]
pub struct Delivery {
    source: String,
    event_id: String,
    kind: String,
    body: Bytes,
}

impl Delivery {
    fn proven(source: String, event_id: String, kind: Option<String>, body: Bytes) -> Self {
        let kind = kind.or_else(|| kind_in(&body)).unwrap_or_default();
        let kind = kind.chars().filter(|c| !c.is_control()).take(LONGEST_TYPE).collect();
        Self { source, event_id, kind, body }
    }
}

/// The type that an event says it has.
fn kind_in(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(rename = "type")]
        kind: Option<String>,
        event: Option<String>,
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    envelope.kind.or(envelope.event)
}

/// A delivery that is to be kept, under ids that were taken for it, so that it is there once however often that is tried.
#[derive(Debug)]
pub struct Arrived {
    /// Of the row.
    pub id: Uuid,
    /// Of the job that acts upon it.
    pub job: Uuid,
    /// What was proven.
    pub delivery: Delivery,
}

/// Keeps deliveries, each with a job that acts upon it where there is anything to do, and says of each, in their order, whether it is
/// new here. One statement, as senders come in bursts: it is a transaction by itself.
///
/// # Errors
/// As any statement: then all the senders have to be told to come again.
pub async fn keep(db: &mut PgConnection, all: &[Arrived]) -> Result<Vec<bool>> {
    let work = |arrived: &Arrived| serde_json::to_value(Job::Inbox { event: arrived.id });
    let work = all.iter().map(work).collect::<Result<Vec<Value>, _>>();
    let work = work.map_err(|error| Error::Internal(error.into()))?;
    let unneeded = |Delivery { source, kind, .. }: &Delivery| acting::needs_nothing(source, kind);
    let of = |part: fn(&Delivery) -> &str| -> Vec<&str> {
        all.iter().map(|one| part(&one.delivery)).collect()
    };
    let example = Job::Inbox { event: Uuid::nil() };
    // In one order for everyone, so that no two statements wait for each other.
    let kept = sqlx::query_scalar!(
        r#"with given as (
               select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::jsonb[])
                   with ordinality as given (id, job, source, event_id, type, payload, remark, work, place)),
             kept as (
               insert into inbox (id, source, event_id, type, payload, state, remark, job, ended_at)
               select id, source, event_id, type, payload, case when remark is null then 'waiting' else 'ignored' end, remark,
                      case when remark is null then job end, case when remark is not null then now() end
                 from given order by source, event_id
                   on conflict on constraint inbox_event_key do nothing returning id, job),
             due as (
               insert into outbox (id, kind, job, cause, priority)
               select kept.job, $9, work, 'inbox:' || kept.id, $10 from kept join given using (id) where kept.job is not null)
           select exists (select from kept where kept.id = given.id) as "is_new!" from given order by place"#,
        &all.iter().map(|one| one.id).collect::<Vec<Uuid>>(),
        &all.iter().map(|one| one.job).collect::<Vec<Uuid>>(),
        of(|delivery| &delivery.source) as _,
        of(|delivery| &delivery.event_id) as _,
        of(|delivery| &delivery.kind) as _,
        all.iter().map(|one| &one.delivery.body[..]).collect::<Vec<&[u8]>>() as _,
        all.iter().map(|one| unneeded(&one.delivery)).collect::<Vec<Option<&str>>>() as _,
        &work,
        example.kind(),
        example.priority(),
    );
    Ok(kept.fetch_all(db).await?)
}

async fn put_job(db: &mut PgConnection, event: Uuid, job: Uuid) -> Result<()> {
    let new = New {
        id: job,
        job: &Job::Inbox { event },
        cause: format!("inbox:{event}"),
        recipient: None,
        once: None,
        not_before: None,
    };
    outbox::put(db, &new).await
}

/// What an event says: a document, or a form that has one in its field `payload`, as GitHub may be asked to send it.
fn document(body: &[u8]) -> Option<Value> {
    let in_a_form = || {
        let mut fields = form_urlencoded::parse(body);
        let (_, document) = fields.find(|(name, _)| name == "payload")?;
        serde_json::from_str(&document).ok()
    };
    serde_json::from_slice(body).ok().or_else(in_a_form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_the_body_and_holds_nothing_strange() {
        let of = |body: &'static str| {
            Delivery::proven(
                String::new(),
                String::new(),
                None,
                Bytes::from_static(body.as_bytes()),
            )
            .kind
        };
        assert_eq!(of(r#"{"data": {"type": "b"}, "type": "a"}"#), "a");
        assert_eq!(of(r#"{"event": "a"}"#), "a");
        assert_eq!(of("{\"type\": \"a\\u0000\\nb\"}"), "ab");
        for none in ["", "[]", "{}", r#"{"type": 7}"#, "type", "["] {
            assert_eq!(kind_in(none.as_bytes()), None, "{none}");
        }
        assert_eq!(document(b"payload=%7B%22a%22%3A1%7D&b=2"), Some(serde_json::json!({ "a": 1 })));
        assert_eq!(document(b"\xff\xfe"), None);
    }
}
