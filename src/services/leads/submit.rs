//! How leads are accepted: one, or as many as arrive together, by the same few statements.
//!
//! The same submission within a day is the same lead, whether its twin is older or stands beside it. Nothing that looks like spam
//! is refused here: it is kept as spam.

use super::{Campaign, Lead, NewLead, Sender, Source, Status, by_ids};
use crate::digest;
use crate::error::{Error, Result};
use crate::jobs::Job;
use crate::services::input::Valid;
use crate::services::outbox;
use crate::services::spam::{self, Signals, Verdict};
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// A lead at the door.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The id it gets if it is new.
    pub id: Uuid,
    /// When it came.
    pub at: OffsetDateTime,
}

/// A lead that was handed in, by whom, and all that decides what becomes of it.
#[derive(Debug, Clone)]
pub struct HandedIn {
    arrival: Arrival,
    source: Source,
    key: Option<Uuid>,
    is_test: bool,
    /// Whether anyone at all could be behind it.
    is_public: bool,
    /// Whether the words it names were ours to show.
    was_asked: bool,
    new: Valid<NewLead>,
    fingerprint: [u8; 32],
}

impl HandedIn {
    /// By `from`, who has proven to be that.
    pub fn new(arrival: Arrival, from: &Sender<'_>, new: Valid<NewLead>) -> Self {
        Self {
            arrival,
            source: from.source(),
            key: from.key(),
            is_test: from.is_test(),
            is_public: from.is_public(),
            was_asked: from.was_asked(),
            fingerprint: fingerprint(from, &new),
            new,
        }
    }

    /// Transactions with the same fingerprint wait for each other here; others hardly ever meet.
    fn lock(&self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.fingerprint;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// What makes two submissions the same: who hands them in, and every word a reader would see.
fn fingerprint(from: &Sender<'_>, new: &NewLead) -> [u8; 32] {
    let email = new.email.to_lowercase();
    let key = from.key().unwrap_or_default();
    digest::of_parts([
        from.source().as_str().as_bytes(),
        key.as_bytes(),
        new.name.as_bytes(),
        email.as_bytes(),
        new.company.as_deref().unwrap_or_default().as_bytes(),
        new.phone.as_deref().unwrap_or_default().as_bytes(),
        new.message.as_bytes(),
    ])
}

/// Accepts a lead. The same submission within 24 hours is the same lead: it is returned, and nothing is added. So is one
/// with the same id, which arrives again when nobody could tell whether it had been stored.
///
/// # Errors
/// As any statement: then nothing was accepted.
pub async fn submit(db: &mut PgConnection, handed: HandedIn) -> Result<Lead> {
    let leads = submit_all(db, &[handed]).await?;
    leads.into_iter().next().ok_or(Error::NotFound)
}

/// The same for several, each as if it had come after those before it: one lead each, in their order.
///
/// # Errors
/// As any statement: then none was accepted.
pub async fn submit_all(db: &mut PgConnection, all: &[HandedIn]) -> Result<Vec<Lead>> {
    lock(&mut *db, all).await?;
    let known = known(&mut *db, all).await?;
    let (ids, rows) = sort_out(all, &known);
    announce(&mut *db, &rows).await?;
    let mut leads = insert(&mut *db, &rows).await?;
    if leads.len() < ids.len() {
        let here = |id: &&Uuid| !leads.contains_key(id);
        let twins: Vec<Uuid> = ids.iter().filter(here).copied().collect();
        leads.extend(by_ids(db, &twins).await?.into_iter().map(|lead| (lead.id, lead)));
    }
    ids.iter().map(|id| leads.get(id).cloned().ok_or(Error::NotFound)).collect()
}

/// In a statement of its own: what a twin commits while we wait here must be visible to the next one. In one order, so that
/// nobody waits in a circle.
async fn lock(db: &mut PgConnection, all: &[HandedIn]) -> Result<()> {
    let mut locks: Vec<i64> = all.iter().map(HandedIn::lock).collect();
    locks.sort_unstable();
    locks.dedup();
    sqlx::query!("select pg_advisory_xact_lock(lock) from unnest($1::bigint[]) as lock", &locks)
        .execute(db)
        .await?;
    Ok(())
}

/// What the database knows of a submission.
struct Known {
    /// The lead it is.
    twin: Option<Uuid>,
    /// Other leads from the same address within the hour.
    by_sender: i64,
    /// Other leads with the same message within the hour.
    by_text: i64,
}

async fn known(db: &mut PgConnection, all: &[HandedIn]) -> Result<Vec<Known>> {
    let ids: Vec<Uuid> = all.iter().map(|one| one.arrival.id).collect();
    let times: Vec<OffsetDateTime> = all.iter().map(|one| one.arrival.at).collect();
    let prints: Vec<&[u8]> = all.iter().map(|one| one.fingerprint.as_slice()).collect();
    let public: Vec<bool> = all.iter().map(|one| one.is_public).collect();
    let emails: Vec<&str> = all.iter().map(|one| one.new.email.as_str()).collect();
    let messages: Vec<&str> = all.iter().map(|one| one.new.message.as_str()).collect();
    let found = sqlx::query_as!(
        Known,
        r#"select coalesce((select id from leads where id = asked.id),
                           (select id from leads where fingerprint = print and created_at > at - interval '24 hours'
                             order by created_at desc limit 1)) as twin,
                  case when public then (select count(*) from leads where lower(email) = lower(asked.email)
                      and not test and created_at > at - interval '1 hour') else 0 end as "by_sender!",
                  case when public then (select count(*) from leads where md5(message) = md5(asked.message)
                      and not test and created_at > at - interval '1 hour') else 0 end as "by_text!"
             from unnest($1::uuid[], $2::timestamptz[], $3::bytea[], $4::bool[], $5::text[], $6::text[]) with ordinality
               as asked (id, at, print, public, email, message, place) order by place"#,
        &ids,
        &times,
        &prints as &[&[u8]],
        &public,
        &emails as &[&str],
        &messages as &[&str],
    );
    Ok(found.fetch_all(db).await?)
}

/// Which lead each of them is, and the rows of those that are new.
fn sort_out<'a>(all: &'a [HandedIn], known: &[Known]) -> (Vec<Uuid>, Vec<Row<'a>>) {
    let (mut ids, mut rows) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
    let mut prints: HashMap<&[u8; 32], Uuid> = HashMap::new();
    let mut senders: HashMap<String, i64> = HashMap::new();
    let mut texts: HashMap<&str, i64> = HashMap::new();
    for (one, known) in all.iter().zip(known) {
        let twin = known.twin.or_else(|| prints.get(&one.fingerprint).copied());
        let id = twin.unwrap_or(one.arrival.id);
        prints.insert(&one.fingerprint, id);
        ids.push(id);
        if twin.is_some() {
            continue;
        }
        let by_sender = senders.entry(one.new.email.to_lowercase()).or_default();
        let by_text = texts.entry(&one.new.message).or_default();
        rows.push(Row::new(
            one,
            &judge(one, known.by_sender + *by_sender, known.by_text + *by_text),
        ));
        if !one.is_test {
            *by_sender += 1;
            *by_text += 1;
        }
    }
    (ids, rows)
}

fn judge(one: &HandedIn, by_sender: i64, by_text: i64) -> Verdict {
    let new = &one.new;
    match one.is_public {
        true => spam::judge(&Signals {
            trap: &new.website,
            lines: [&new.name, new.company.as_deref().unwrap_or_default()],
            message: &new.message,
            elapsed_ms: new.elapsed_ms,
            by_sender,
            by_text,
        }),
        false => Verdict::default(),
    }
}

/// A row of `leads`, by the names of its columns.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    name: &'a str,
    email: &'a str,
    company: Option<&'a str>,
    phone: Option<&'a str>,
    message: &'a str,
    status: Status,
    source: Source,
    api_key_id: Option<Uuid>,
    /// In hexadecimal digits.
    fingerprint: String,
    spam_score: i32,
    spam_reasons: Vec<String>,
    #[serde(flatten)]
    campaign: &'a Campaign,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    test: bool,
    /// The words they were shown.
    consent: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn new(one: &'a HandedIn, verdict: &Verdict) -> Self {
        let new = &one.new;
        Self {
            id: one.arrival.id,
            name: &new.name,
            email: &new.email,
            company: new.company.as_deref(),
            phone: new.phone.as_deref(),
            message: &new.message,
            status: if verdict.is_spam() { Status::Spam } else { Status::New },
            source: one.source,
            api_key_id: one.key,
            fingerprint: digest::hex(&one.fingerprint),
            spam_score: verdict.score,
            spam_reasons: verdict.reasons.clone(),
            campaign: &new.campaign,
            created_at: one.arrival.at,
            test: one.is_test,
            consent: new.consent.as_deref().filter(|_| one.was_asked),
        }
    }
}

/// Has whoever is to know told. Of a lead that is for tests nobody is.
async fn announce(db: &mut PgConnection, rows: &[Row<'_>]) -> Result<()> {
    let real = rows.iter().filter(|row| !row.test).map(|row| row.id);
    let jobs: Vec<(Uuid, Job)> = real.map(|lead| (lead, Job::LeadArrived { lead })).collect();
    let new = jobs.iter().map(|(lead, job)| outbox::New {
        id: *lead, // one for each lead, so the same id will do
        job,
        cause: format!("lead:{lead}"),
        recipient: None,
        once: None,
        not_before: None,
    });
    let new: Vec<outbox::New<'_>> = new.collect();
    outbox::put_all(db, &new).await
}

async fn insert(db: &mut PgConnection, rows: &[Row<'_>]) -> Result<HashMap<Uuid, Lead>> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = serde_json::to_string(rows).map_err(|error| Error::Internal(error.into()))?;
    let leads = sqlx::query_as!(
        Lead,
        r#"insert into leads (id, name, email, company, phone, message, status, source, api_key_id, fingerprint,
               spam_score, spam_reasons, utm_source, utm_medium, utm_campaign, utm_term, utm_content, referrer,
               landing_page, created_at, test, consent, consent_at)
           select id, name, email, company, phone, message, status, source, api_key_id, decode(fingerprint, 'hex'),
               spam_score, spam_reasons, utm_source, utm_medium, utm_campaign, utm_term, utm_content, referrer,
               landing_page, created_at, test, version, case when version is not null then created_at end
             from json_to_recordset($1::text::json) as new (id uuid, name text, email text, company text, phone text,
               message text, status text, source text, api_key_id uuid, fingerprint text, spam_score integer,
               spam_reasons text[], utm_source text, utm_medium text, utm_campaign text, utm_term text, utm_content text,
               referrer text, landing_page text, created_at timestamptz, test boolean, consent text)
             left join consents on version = new.consent and form = 'contact'
           returning id, name, email, company, phone, message, source as "source: Source",
               status as "status: Status", created_at"#,
        rows,
    );
    Ok(leads.fetch_all(db).await?.into_iter().map(|lead| (lead.id, lead)).collect())
}
