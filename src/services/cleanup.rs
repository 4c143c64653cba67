//! What nobody needs any more and nobody would miss: what has run out, and what only the machinery wrote for itself.
//!
//! Rows that are about people go by `retention`, with notice.

use crate::error::Result;
use sqlx::PgConnection;

/// What is swept away. A table whose rows run out gets a line in each match below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Sessions that have run out.
    Sessions,
    /// Links that were mailed: a week after they ran out.
    MailedLinks,
    /// Sign-ins that nobody went on with.
    HalfSignIns,
    /// Wrong codes that do not count any more: after a day.
    CodeTries,
    /// What no device has answered.
    PasskeyChallenges,
    /// Those who never came back from an identity provider.
    Errands,
    /// Those who did, and never said where they get mail.
    Arrivals,
    /// Ids of forms that nobody will send again: after a week.
    Submissions,
    /// Done jobs that reached nobody: after thirty days.
    Jobs,
    /// Runs: after ninety days.
    Runs,
    /// What events said that are over with: after thirty days. Until then, and longer, their ids are known.
    InboxPayloads,
    /// Events: after ninety days.
    Inbox,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Sessions,
        Self::MailedLinks,
        Self::HalfSignIns,
        Self::CodeTries,
        Self::PasskeyChallenges,
        Self::Errands,
        Self::Arrivals,
        Self::Submissions,
        Self::Jobs,
        Self::Runs,
        Self::InboxPayloads,
        Self::Inbox,
    ];

    /// As reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::MailedLinks => "mailed links",
            Self::HalfSignIns => "half sign-ins",
            Self::CodeTries => "wrong codes",
            Self::PasskeyChallenges => "passkey challenges",
            Self::Errands => "errands to identity providers",
            Self::Arrivals => "arrivals from identity providers",
            Self::Submissions => "submissions",
            Self::Jobs => "jobs",
            Self::Runs => "runs",
            Self::InboxPayloads => "payloads of events",
            Self::Inbox => "events",
        }
    }
}

/// Deletes up to `most` rows and says how many; without a number it only counts all there are.
///
/// # Errors
/// As any statement.
pub async fn sweep(db: &mut PgConnection, kind: Kind, most: Option<i64>) -> Result<i64> {
    let counted = match kind {
        Kind::Sessions => {
            sqlx::query_scalar!(
                r#"with old as (select token_hash from sessions where expires_at < now() limit $1),
                        gone as (delete from sessions using old
                                  where sessions.token_hash = old.token_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::MailedLinks => {
            sqlx::query_scalar!(
                r#"with old as (select id from mailed_links where expires_at < now() - interval '7 days' limit $1),
                        gone as (delete from mailed_links using old
                                  where mailed_links.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::HalfSignIns => {
            sqlx::query_scalar!(
                r#"with old as (select token_hash from half_sign_ins where expires_at < now() limit $1),
                        gone as (delete from half_sign_ins using old
                                  where half_sign_ins.token_hash = old.token_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::Errands => {
            sqlx::query_scalar!(
                r#"with old as (select state_hash from identity_errands where expires_at < now() limit $1),
                        gone as (delete from identity_errands using old
                                  where identity_errands.state_hash = old.state_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::CodeTries => {
            sqlx::query_scalar!(
                r#"with old as (select id from code_tries where at < now() - interval '1 day' limit $1),
                        gone as (delete from code_tries using old
                                  where code_tries.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::PasskeyChallenges => {
            sqlx::query_scalar!(
                r#"with old as (select id from passkey_challenges where expires_at < now() limit $1),
                        gone as (delete from passkey_challenges using old
                                  where passkey_challenges.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::Arrivals => {
            sqlx::query_scalar!(
                r#"with old as (select browser_hash from identity_arrivals where expires_at < now() limit $1),
                        gone as (delete from identity_arrivals using old
                                  where identity_arrivals.browser_hash = old.browser_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::Submissions => {
            sqlx::query_scalar!(
                r#"with old as (select id from submissions where at < now() - interval '7 days' limit $1),
                        gone as (delete from submissions using old
                                  where submissions.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::Jobs => {
            sqlx::query_scalar!(
                r#"with old as (select id from outbox where ended_at < now() - interval '30 days'
                                   and state in ('done', 'dropped') and recipient is null limit $1),
                        gone as (delete from outbox using old where outbox.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::Runs => {
            sqlx::query_scalar!(
                r#"with old as (select id from runs where ended_at < now() - interval '90 days' limit $1),
                        gone as (delete from runs using old where runs.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::InboxPayloads => {
            sqlx::query_scalar!(
                r#"with old as (select id from inbox where payload is not null and state in ('done', 'ignored')
                                   and received_at < now() - interval '30 days' limit $1),
                        gone as (update inbox set payload = null from old where inbox.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
        Kind::Inbox => {
            sqlx::query_scalar!(
                r#"with old as (select id from inbox where state <> 'waiting' and received_at < now() - interval '90 days' limit $1),
                        gone as (delete from inbox using old where inbox.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#,
                most,
            )
            .fetch_one(db)
            .await?
        }
    };
    Ok(counted)
}
