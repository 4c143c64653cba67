//! What a business takes along when it goes, or keeps beside: all leads, posts, subscribers and the record, part by part, the
//! oldest first. A row is a JSON document; a table has the same in columns.

use crate::error::Result;
use crate::policies::Operator;
use crate::services::audit::{self, Act};
use crate::services::subscribers::Keeper;
use crate::services::{csv, leads, posts, subscribers};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// What is taken along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Kind {
    /// Who wrote to the business, and what was done about it.
    Leads,
    /// What is, was and will be published.
    Posts,
    /// Who gets the newsletter, and on whose word.
    Subscribers,
    /// What was done by those who run the site.
    Audit,
}

/// A row.
#[derive(Debug)]
pub struct Row {
    /// What it says, by name.
    pub fields: Value,
    /// Where it is a post: what it is called as a file, and what stands in that.
    pub file: Option<(String, String)>,
}

/// Some rows that follow each other.
#[derive(Debug)]
pub struct Part {
    /// Which.
    pub rows: Vec<Row>,
    /// Where to go on; none at the end.
    pub after: Option<Uuid>,
}

impl Part {
    /// A part of at most `limit` rows, each with its id.
    pub fn of(rows: Vec<(Uuid, Row)>, limit: i64) -> Self {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let after = rows.last().map(|(id, _)| *id).filter(|_| full);
        Self { rows: rows.into_iter().map(|(_, row)| row).collect(), after }
    }
}

impl Row {
    /// One that is no file.
    pub fn of(fields: Value) -> Self {
        Self { fields, file: None }
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Leads, Self::Posts, Self::Subscribers, Self::Audit];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Posts => "posts",
            Self::Subscribers => "subscribers",
            Self::Audit => "audit",
        }
    }

    /// The columns of a table of these.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Leads => &leads::COLUMNS,
            Self::Posts => &posts::COLUMNS,
            Self::Subscribers => &subscribers::COLUMNS,
            Self::Audit => &audit::COLUMNS,
        }
    }

    /// What it is on the record.
    pub fn act(self) -> Act {
        match self {
            Self::Leads => Act::LeadsExported,
            Self::Posts => Act::PostsExported,
            Self::Subscribers => Act::SubscribersExported,
            Self::Audit => Act::AuditExported,
        }
    }
}

/// Up to `limit` rows after `after`.
///
/// # Errors
/// As any statement.
pub async fn part(
    db: &mut PgConnection,
    by: &Operator,
    kind: Kind,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Part> {
    match kind {
        Kind::Leads => leads::export(db, by, after, limit).await,
        Kind::Posts => posts::export(db, by, after, limit).await,
        Kind::Subscribers => subscribers::export(db, &Keeper::Operator(by), after, limit).await,
        Kind::Audit => audit::export_all(db, by, after, limit).await,
    }
}

/// A line of a table: what stands in these columns. What is no text is written as JSON has it.
pub fn line(columns: &[&str], fields: &Value) -> String {
    csv::line(columns.iter().map(|column| match &fields[*column] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }))
}
