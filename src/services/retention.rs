//! How long rows about people are kept. What is too old is marked first and goes a day later, so that whoever is told of it
//! can still see to it; what is not too old any more, because someone worked with it or the rule was changed, is spared.

use crate::error::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;

/// What is kept for so long and no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Leads with what staff noted on them; the age counts from when something was last done with one.
    Leads,
    /// Rows of the outbox that are over with.
    Outbox,
}

/// A step of the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Taken back.
    Spare,
    /// It goes, a day after it was marked.
    Delete,
    /// It will go.
    Mark,
}

/// Takes `step` with up to `most` rows of `kind` that were left alone for `days`, and says how many; without a number it
/// only counts all there are. Without `days` they are kept for ever.
///
/// # Errors
/// As any statement.
pub async fn sweep(
    db: &mut PgConnection,
    kind: Kind,
    step: Step,
    days: Option<i32>,
    most: Option<i64>,
) -> Result<i64> {
    match (kind, step) {
        (Kind::Leads, Step::Spare) => spare_leads(db, days, most).await,
        (Kind::Leads, Step::Delete) => delete_leads(db, days, most).await,
        (Kind::Leads, Step::Mark) => mark_leads(db, days, most).await,
        (Kind::Outbox, Step::Spare) => spare_outbox(db, days, most).await,
        (Kind::Outbox, Step::Delete) => delete_outbox(db, days, most).await,
        (Kind::Outbox, Step::Mark) => mark_outbox(db, days, most).await,
    }
}

// What is old and left alone is said once for each kind: by `leads_left_alone` (`migrations/0036`) and `outbox_left_alone` (`0014`).

async fn spare_leads(db: &mut PgConnection, days: Option<i32>, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with found as (select id from leads where goes_at is not null
                and not exists (select from leads_left_alone($1) as old where old.id = leads.id) limit $2),
                spared as (update leads set goes_at = null from found
                            where leads.id = found.id and $2::bigint is not null)
           select count(*) as "count!" from found"#,
        days,
        most,
    )
    .fetch_one(db)
    .await?)
}

async fn delete_leads(db: &mut PgConnection, days: Option<i32>, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with found as (select id from leads_left_alone($1) where goes_at <= now() limit $2),
                gone as (delete from leads using found where leads.id = found.id and $2::bigint is not null)
           select count(*) as "count!" from found"#,
        days,
        most,
    )
    .fetch_one(db)
    .await?)
}

async fn mark_leads(db: &mut PgConnection, days: Option<i32>, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with found as (select id from leads_left_alone($1) where goes_at is null limit $2),
                marked as (update leads set goes_at = now() + interval '24 hours' from found
                            where leads.id = found.id and $2::bigint is not null)
           select count(*) as "count!" from found"#,
        days,
        most,
    )
    .fetch_one(db)
    .await?)
}

async fn spare_outbox(db: &mut PgConnection, days: Option<i32>, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with found as (select id from outbox where goes_at is not null
                and not exists (select from outbox_left_alone($1) as old where old.id = outbox.id) limit $2),
                spared as (update outbox set goes_at = null from found
                            where outbox.id = found.id and $2::bigint is not null)
           select count(*) as "count!" from found"#,
        days,
        most,
    )
    .fetch_one(db)
    .await?)
}

async fn delete_outbox(db: &mut PgConnection, days: Option<i32>, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with found as (select id from outbox_left_alone($1) where goes_at <= now() limit $2),
                gone as (delete from outbox using found where outbox.id = found.id and $2::bigint is not null)
           select count(*) as "count!" from found"#,
        days,
        most,
    )
    .fetch_one(db)
    .await?)
}

async fn mark_outbox(db: &mut PgConnection, days: Option<i32>, most: Option<i64>) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"with found as (select id from outbox_left_alone($1) where goes_at is null limit $2),
                marked as (update outbox set goes_at = now() + interval '24 hours' from found
                            where outbox.id = found.id and $2::bigint is not null)
           select count(*) as "count!" from found"#,
        days,
        most,
    )
    .fetch_one(db)
    .await?)
}

/// What goes, and when the first of it does.
#[derive(Debug)]
pub struct Going {
    /// How many leads.
    pub leads: i64,
    /// How many rows of the outbox.
    pub outbox: i64,
    /// When.
    pub at: Option<OffsetDateTime>,
}

/// What is marked.
///
/// # Errors
/// As any statement.
pub async fn going(db: &mut PgConnection) -> Result<Going> {
    Ok(sqlx::query_as!(
        Going,
        r#"select (select count(*) from leads where goes_at is not null) as "leads!",
                  (select count(*) from outbox where goes_at is not null) as "outbox!",
                  (select min(goes_at) from leads where goes_at is not null) as at"#
    )
    .fetch_one(db)
    .await?)
}
