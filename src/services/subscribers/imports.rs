//! What became of lists of subscribers that were brought over. Of those by whom nobody was added the line is kept and, while
//! they are on the list, who they are; their addresses are in no other place.

use super::{Keeper, Status};
use crate::error::{Error, Result};
use crate::services::accounts;
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// How many are kept of those by which nobody was added.
const MOST_KEPT: usize = 50;

/// What has become of a list.
#[derive(Debug, Serialize)]
pub struct Imported {
    /// Where that is kept.
    #[serde(skip)]
    pub id: Uuid,
    /// How many get mail from now on.
    pub added: i32,
    /// How many were here already, and stay as they are.
    pub skipped: i32,
    /// How many want no mail, or cannot be reached, and stay away.
    pub refused: i32,
    /// The first lines by which nobody was added.
    pub lines: Vec<Line>,
}

/// A line by which nobody was added.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Its number.
    pub line: i32,
    /// Whether that matters.
    pub outcome: Outcome,
    /// Why, in words.
    pub why: String,
    /// Who is on the list already.
    #[serde(skip)]
    subscriber: Option<Uuid>,
}

/// Why nobody was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Outcome {
    /// They are here.
    Skipped,
    /// They stay away.
    Refused,
}

impl Outcome {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

/// Why nobody was added by each of these lines, while those in `added` were, each by a line of theirs.
///
/// # Errors
/// As any statement.
pub(super) async fn reasons(
    db: &mut PgConnection,
    left_out: &[(i32, &str)],
    added: &BTreeMap<Uuid, i32>,
) -> Result<Vec<Line>> {
    let emails: Vec<String> = left_out.iter().map(|(_, email)| (*email).to_owned()).collect();
    let known = sqlx::query!(
        r#"select subscribers.id as "id?", subscribers.status as "status?: Status",
                  (select reason from suppressions where suppressions.email = lower(given.email)
                      and purpose in ('all', 'newsletter') order by purpose limit 1) as reason
             from unnest($1::text[]) with ordinality as given (email, place)
                  left join subscribers on lower(subscribers.email) = lower(given.email)
            order by place"#,
        &emails,
    );
    let known = known.fetch_all(db).await?;
    let lines = left_out.iter().zip(known).map(|((line, _), row)| {
        let twin = row.id.and_then(|id| added.get(&id).copied());
        let (outcome, why) = why(twin, row.status, row.reason.as_deref());
        Line { line: *line, outcome, why, subscriber: row.id }
    });
    Ok(lines.collect())
}

fn why(twin: Option<i32>, status: Option<Status>, reason: Option<&str>) -> (Outcome, String) {
    let said = match (twin, reason, status) {
        (Some(line), ..) => {
            return (Outcome::Skipped, format!("The same address is on line {line}."));
        }
        (_, Some("complained"), _) => (Outcome::Refused, "They have complained of our mail."),
        (_, Some("bounced"), _) | (_, None, Some(Status::Bounced)) => {
            (Outcome::Refused, "Mail to this address came back.")
        }
        (_, Some(_), _) => (Outcome::Refused, "No mail may go to this address."),
        (_, _, Some(Status::Confirmed)) => (Outcome::Skipped, "They are subscribed already."),
        (_, _, Some(Status::Pending)) => {
            (Outcome::Skipped, "They were asked, and have not confirmed it yet.")
        }
        (_, _, Some(Status::Unsubscribed) | None) => (Outcome::Refused, "They have left."),
    };
    (said.0, said.1.to_owned())
}

/// Notes what became of a list: how many, and of the first by whom nobody was added, on which line and why.
///
/// # Errors
/// As any statement.
pub(super) async fn keep(
    db: &mut PgConnection,
    by: &Keeper<'_>,
    (id, now): (Uuid, OffsetDateTime),
    consent: &str,
    added: usize,
    mut lines: Vec<Line>,
) -> Result<Imported> {
    let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count() as i32;
    let (skipped, refused) = (count(Outcome::Skipped), count(Outcome::Refused));
    let added = added as i32;
    lines.truncate(MOST_KEPT);
    sqlx::query!(
        "insert into imports (id, at, by, consent, added, skipped, refused) values ($1, $2, $3, $4, $5, $6, $7)",
        id,
        now,
        by.staff(),
        consent,
        added,
        skipped,
        refused,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into import_lines (import_id, line, outcome, why, subscriber_id)
         select $1, * from unnest($2::int[], $3::text[], $4::text[], $5::uuid[])",
        id,
        &lines.iter().map(|line| line.line).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.outcome.as_str().to_owned()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.why.clone()).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.subscriber).collect::<Vec<_>>() as &[Option<Uuid>],
    )
    .execute(db)
    .await?;
    Ok(Imported { id, added, skipped, refused, lines })
}

/// That a list was brought over.
#[derive(Debug)]
pub struct Brought {
    /// Which.
    pub id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// By whom; none: the operator.
    pub by: Option<String>,
    /// On whose word.
    pub consent: String,
    /// How many get mail since.
    pub added: i32,
    /// How many were here already.
    pub skipped: i32,
    /// How many stay away.
    pub refused: i32,
}

/// The last lists that were brought over, at most `limit`.
///
/// # Errors
/// As any statement.
pub async fn imports(db: &mut PgConnection, _by: &Keeper<'_>, limit: i64) -> Result<Vec<Brought>> {
    Ok(sqlx::query_as!(
        Brought,
        r#"select imports.id, at, case when by is not null then coalesce(name, $2) end as "by?", consent, added, skipped, refused
             from imports left join accounts on accounts.id = imports.by order by imports.id desc limit $1"#,
        limit,
        accounts::GONE,
    )
    .fetch_all(db)
    .await?)
}

/// A line by which nobody was added, and who they are, where they are on the list.
#[derive(Debug)]
pub struct LeftOut {
    /// Its number.
    pub line: i32,
    /// Whether that matters.
    pub outcome: Outcome,
    /// Why, in words.
    pub why: String,
    /// Who.
    pub subscriber: Option<(Uuid, String)>,
}

/// What became of one list.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn imported(
    db: &mut PgConnection,
    _by: &Keeper<'_>,
    id: Uuid,
) -> Result<(Brought, Vec<LeftOut>)> {
    let brought = sqlx::query_as!(
        Brought,
        r#"select imports.id, at, case when by is not null then coalesce(name, $2) end as "by?", consent, added, skipped, refused
             from imports left join accounts on accounts.id = imports.by where imports.id = $1"#,
        id,
        accounts::GONE,
    );
    let brought = brought.fetch_optional(&mut *db).await?.ok_or(Error::NotFound)?;
    let lines = sqlx::query!(
        r#"select line, outcome as "outcome: Outcome", why, subscriber_id, email as "email?"
             from import_lines left join subscribers on subscribers.id = subscriber_id
            where import_id = $1 order by line"#,
        id,
    );
    let lines = lines.fetch_all(db).await?.into_iter().map(|row| LeftOut {
        line: row.line,
        outcome: row.outcome,
        why: row.why,
        subscriber: row.subscriber_id.zip(row.email),
    });
    Ok((brought, lines.collect()))
}
