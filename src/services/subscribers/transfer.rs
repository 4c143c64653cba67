//! Subscribers brought over from elsewhere, and taken along.
//!
//! Whoever is here already stays as they are: nobody who has left comes back by a file.

use super::{Keeper, Status, choice::DIGESTS};
use crate::error::{Error, FieldErrors, Result};
use crate::services::csv;
use crate::services::input::{self, Valid};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::collections::BTreeSet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;
use validator::Validate;

/// How many can be brought over at once.
pub const MOST: usize = 5000;
/// How many lines are told of.
const MOST_TOLD: usize = 10;

/// People to bring over, and on whose word.
#[derive(Debug, Deserialize, Validate)]
pub struct Import {
    /// One person a line: address, topics, digest, time zone; a first line may name the columns.
    #[serde(default, deserialize_with = "input::block")]
    pub csv: String,
    /// Where and when these people agreed.
    #[serde(default, deserialize_with = "input::line")]
    #[validate(
        length(
            min = 10,
            max = 500,
            message = "Say in 10 to 500 characters where and when these people agreed to get mail."
        ),
        custom(function = "input::one_line")
    )]
    pub consent: String,
}

/// What has become of them.
#[derive(Debug, Serialize)]
pub struct Imported {
    /// They get mail from now on.
    pub added: u64,
    /// They were here already, subscribed or not, and stay as they are.
    pub known: u64,
}

/// One person.
struct Person {
    email: String,
    topics: Vec<String>,
    digest: String,
    time_zone: String,
}

/// Brings people over as confirmed subscribers. `id` makes ids.
///
/// # Errors
/// [`Error::Invalid`] with what is wrong, by line. Then nobody was brought over.
pub async fn import(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    id: impl Fn() -> Uuid,
    now: OffsetDateTime,
    new: &Valid<Import>,
) -> Result<Imported> {
    let people = people(db, &new.csv).await?;
    let ids: Vec<Uuid> = people.iter().map(|_| id()).collect();
    let column = |of: fn(&Person) -> &String| people.iter().map(of).cloned().collect::<Vec<_>>();
    let added = sqlx::query_scalar!(
        "insert into subscribers (id, email, status, digest, time_zone, source, consent, consent_at, confirmed_at, digest_from)
         select id, email, 'confirmed', digest, time_zone, 'import', $5, $6, $6, $6
           from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as given (id, email, digest, time_zone)
          where not exists (select from suppressions where suppressions.email = lower(given.email)
                               and purpose in ('all', 'newsletter'))
         on conflict do nothing returning id",
        &ids,
        &column(|person| &person.email),
        &column(|person| &person.digest),
        &column(|person| &person.time_zone),
        new.consent,
        now,
    )
    .fetch_all(&mut *db)
    .await?;
    let added: BTreeSet<Uuid> = added.into_iter().collect();
    let chosen: Vec<(Uuid, &String)> = people
        .iter()
        .zip(&ids)
        .filter(|(_, id)| added.contains(id))
        .flat_map(|(person, id)| person.topics.iter().map(|topic| (*id, topic)))
        .collect();
    let (of, topics): (Vec<Uuid>, Vec<String>) =
        chosen.into_iter().map(|(id, topic)| (id, topic.clone())).unzip();
    sqlx::query!(
        "with kept as (insert into subscriber_topics (subscriber_id, topic)
             select * from unnest($1::uuid[], $2::text[]) on conflict do nothing returning subscriber_id)
         update subscribers set all_topics = false where id in (select subscriber_id from kept)",
        &of,
        &topics,
    )
    .execute(db)
    .await?;
    let added = added.len() as u64;
    Ok(Imported { added, known: people.len() as u64 - added })
}

/// Reads the file; what is wrong with it is said by line.
async fn people(db: &mut PgConnection, text: &str) -> Result<Vec<Person>> {
    let (topics, zones) = known_names(db).await?;
    let mut rows = csv::rows(text);
    let columns = match rows.first() {
        Some((_, first)) if first.iter().any(|name| name.eq_ignore_ascii_case("email")) => {
            rows.remove(0).1.iter().map(|name| name.to_lowercase()).collect()
        }
        _ => ["email", "topics", "digest", "time_zone"].map(str::to_owned).to_vec(),
    };
    if rows.is_empty() || rows.len() > MOST {
        let message = format!("Give 1 to {MOST} people, one a line.");
        return Err(Error::field("csv", message));
    }
    let (mut people, mut wrong) = (Vec::new(), Vec::new());
    for (at, row) in &rows {
        match person(&columns, row, &topics, &zones) {
            Ok(person) => people.push(person),
            Err(message) => wrong.push(format!("Line {at}: {message}")),
        }
    }
    if wrong.is_empty() {
        return Ok(people);
    }
    let more = wrong.len().saturating_sub(MOST_TOLD);
    wrong.truncate(MOST_TOLD);
    wrong.extend((more > 0).then(|| format!("{more} more lines are wrong.")));
    Err(Error::Invalid(FieldErrors::from([("csv".to_owned(), wrong)])))
}

async fn known_names(db: &mut PgConnection) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let topics = sqlx::query_scalar!("select slug from topics").fetch_all(&mut *db).await?;
    let zones = sqlx::query_scalar!(r#"select name as "name!" from pg_timezone_names"#);
    let zones = zones.fetch_all(db).await?;
    Ok((topics.into_iter().collect(), zones.into_iter().collect()))
}

fn person(
    columns: &[String],
    row: &[String],
    topics: &BTreeSet<String>,
    zones: &BTreeSet<String>,
) -> Result<Person, String> {
    let cell = |name: &str| {
        let place = columns.iter().position(|column| column == name);
        place.and_then(|place| row.get(place)).map_or("", String::as_str)
    };
    let or = |text: &str, default: &str| {
        if text.is_empty() { default.to_owned() } else { text.to_owned() }
    };
    let email = cell("email").to_owned();
    if input::email(&email).is_err() || input::one_line(&email).is_err() {
        return Err("this is not an email address.".into());
    }
    if !matches!(cell("status"), "" | "confirmed") {
        return Err("only people who have confirmed can be brought over.".into());
    }
    let wanted = cell("topics").split([' ', ',', ';']).filter(|topic| !topic.is_empty());
    let wanted: Vec<String> = wanted.map(str::to_owned).collect();
    if let Some(unknown) = wanted.iter().find(|topic| !topics.contains(*topic)) {
        return Err(format!("there is no topic {unknown}."));
    }
    let digest = or(cell("digest"), "none");
    if !DIGESTS.contains(&digest.as_str()) {
        return Err("the digest is none, daily or weekly.".into());
    }
    let time_zone = or(cell("time_zone"), "UTC");
    if !zones.contains(&time_zone) {
        return Err(format!("there is no time zone {time_zone}."));
    }
    Ok(Person { email, topics: wanted, digest, time_zone })
}

/// A part of the list, as text to take along.
#[derive(Debug)]
pub struct Exported {
    /// Lines of a table.
    pub csv: String,
    /// Where to go on; none at the end.
    pub after: Option<Uuid>,
}

/// Up to `limit` subscribers after `after`, the first to come first. With the names of the columns at the very beginning.
///
/// # Errors
/// As any statement.
pub async fn export(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Exported> {
    const COLUMNS: [&str; 10] = [
        "email",
        "status",
        "topics",
        "digest",
        "time_zone",
        "source",
        "consent",
        "consent_at",
        "confirmed_at",
        "ended_at",
    ];
    let rows = sqlx::query!(
        r#"select id, email, status as "status: Status", digest, time_zone, source, consent, consent_at, confirmed_at, ended_at,
                  coalesce((select string_agg(topic, ' ' order by topic) from subscriber_topics where subscriber_id = id), '')
                      as "topics!"
             from subscribers where $1::uuid is null or id > $1 order by id limit $2"#,
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    let at = |time: Option<OffsetDateTime>| {
        time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
    };
    let mut csv = if after.is_none() { csv::line(COLUMNS) } else { String::new() };
    for row in &rows {
        csv += &csv::line([
            row.email.as_str(),
            row.status.as_str(),
            &row.topics,
            &row.digest,
            &row.time_zone,
            &row.source,
            &row.consent,
            &at(Some(row.consent_at)),
            &at(row.confirmed_at),
            &at(row.ended_at),
        ]);
    }
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    Ok(Exported { csv, after: rows.last().map(|row| row.id).filter(|_| full) })
}
