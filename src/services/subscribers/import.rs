//! Subscribers brought over from elsewhere.
//!
//! A list with a line that cannot be used is not used at all, so that it can be put right where it was typed. Whoever is here
//! already stays as they are: nobody who has left comes back by a file.

use super::imports::{self, Imported};
use super::{Keeper, choice::DIGESTS};
use crate::error::{Error, FieldErrors, Result};
use crate::services::csv;
use crate::services::input::{self, Valid};
use serde::{Deserialize, Deserializer};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;
use uuid::Uuid;
use validator::Validate;

/// How many can be brought over at once.
pub const MOST: usize = 5000;
/// How many lines are told of where some are wrong.
const MOST_TOLD: usize = 10;

/// People to bring over, and on whose word.
#[derive(Debug, Deserialize, Validate)]
pub struct Import {
    /// One person a line: address, topics, digest, time zone; a first line may name the columns.
    #[serde(default, deserialize_with = "as_typed")]
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

/// Nothing is cut off, as lines are told of by number.
fn as_typed<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    Ok(String::deserialize(input)?.replace("\r\n", "\n").replace('\r', "\n"))
}

/// One person, and on which line they stand.
struct Person {
    line: i32,
    email: String,
    topics: Vec<String>,
    digest: String,
    time_zone: String,
}

/// Brings people over as confirmed subscribers, and keeps what became of whom. `id` makes ids.
///
/// # Errors
/// [`Error::Invalid`] with what is wrong, by line. Then nobody was brought over.
pub async fn import(
    db: &mut PgConnection,
    by: &Keeper<'_>,
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
    let (here, left_out): (Vec<_>, Vec<_>) =
        people.iter().zip(ids).partition(|(_, id)| added.contains(id));
    choose_topics(db, &here).await?;
    let left_out: Vec<(i32, &str)> =
        left_out.iter().map(|(person, _)| (person.line, person.email.as_str())).collect();
    let lines_of: BTreeMap<Uuid, i32> =
        here.iter().map(|(person, id)| (*id, person.line)).collect();
    let lines = imports::reasons(db, &left_out, &lines_of).await?;
    imports::keep(db, by, (id(), now), &new.consent, here.len(), lines).await
}

async fn choose_topics(db: &mut PgConnection, here: &[(&Person, Uuid)]) -> Result<()> {
    let chosen =
        here.iter().flat_map(|(person, id)| person.topics.iter().map(|topic| (*id, topic.clone())));
    let (of, topics): (Vec<Uuid>, Vec<String>) = chosen.unzip();
    sqlx::query!(
        "with kept as (insert into subscriber_topics (subscriber_id, topic)
             select * from unnest($1::uuid[], $2::text[]) on conflict do nothing returning subscriber_id)
         update subscribers set all_topics = false where id in (select subscriber_id from kept)",
        &of,
        &topics,
    )
    .execute(db)
    .await?;
    Ok(())
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
        match person((*at, &columns), row, &topics, &zones) {
            Ok(person) => people.push(person),
            Err(message) => wrong.push(format!("Line {at}: {message}")),
        }
    }
    if wrong.is_empty() {
        return Ok(people);
    }
    let all = format!(
        "Nobody was brought over, as {} of {} lines cannot be used. Put them right or take them out, and send it again.",
        wrong.len(),
        rows.len(),
    );
    let more = wrong.len().saturating_sub(MOST_TOLD);
    wrong.truncate(MOST_TOLD);
    wrong.extend((more > 0).then(|| format!("{more} more lines are wrong.")));
    Err(Error::Invalid(FieldErrors::from([(String::new(), vec![all]), ("csv".to_owned(), wrong)])))
}

async fn known_names(db: &mut PgConnection) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let topics = sqlx::query_scalar!("select slug from topics").fetch_all(&mut *db).await?;
    let zones = sqlx::query_scalar!(r#"select name as "name!" from pg_timezone_names"#);
    let zones = zones.fetch_all(db).await?;
    Ok((topics.into_iter().collect(), zones.into_iter().collect()))
}

fn person(
    (line, columns): (usize, &[String]),
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
    let line = i32::try_from(line).unwrap_or(i32::MAX);
    Ok(Person { line, email, topics: wanted, digest, time_zone })
}
