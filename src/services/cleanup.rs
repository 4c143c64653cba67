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
    /// Other addresses for accounts that were not agreed to in time.
    EmailChanges,
    /// What apps prove themselves with, once it has run out; and refresh tokens a week after they were used: so long one that is
    /// used again gives a thief away.
    AppTokens,
    /// Codes that apps have, or have not, changed into tokens: after a day.
    AppCodes,
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
    /// Keys of programs, with what they were answered: after a week.
    IdempotencyKeys,
    /// Done jobs that reached nobody: after thirty days.
    Jobs,
    /// Runs: after ninety days.
    Runs,
    /// Leads that were handed in with a key for tests: after thirty days.
    TestLeads,
    /// Secrets of keys that newer ones have replaced: thirty days after they were good for the last time.
    OldSecrets,
    /// What events said that are over with: after thirty days. Until then, and longer, their ids are known.
    InboxPayloads,
    /// Events: after ninety days.
    Inbox,
    /// What was asked of Stripe and was answered: after ninety days.
    StripeCalls,
    /// Carts of those without an account that nobody has touched for as long as browsers keep them: after ninety days.
    Carts,
    /// What was opened of what is for those who pay: thirty days after its month was over.
    OpenedPosts,
    /// Limits that nobody has come near lately.
    SharedLimits,
    /// What was sent to webhooks, with what was answered: thirty days after it was over with.
    Deliveries,
    /// What happened here, as programs read on in it: after ninety days.
    Happenings,
    /// What webhooks were signed with, once that is not used any more.
    WebhookSecrets,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Sessions,
        Self::MailedLinks,
        Self::EmailChanges,
        Self::AppTokens,
        Self::AppCodes,
        Self::HalfSignIns,
        Self::CodeTries,
        Self::PasskeyChallenges,
        Self::Errands,
        Self::Arrivals,
        Self::Submissions,
        Self::IdempotencyKeys,
        Self::Jobs,
        Self::Runs,
        Self::TestLeads,
        Self::OldSecrets,
        Self::InboxPayloads,
        Self::Inbox,
        Self::StripeCalls,
        Self::Carts,
        Self::OpenedPosts,
        Self::SharedLimits,
        Self::Deliveries,
        Self::Happenings,
        Self::WebhookSecrets,
    ];

    /// As reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::MailedLinks => "mailed links",
            Self::EmailChanges => "email changes",
            Self::AppTokens => "app tokens",
            Self::AppCodes => "app codes",
            Self::HalfSignIns => "half sign-ins",
            Self::CodeTries => "wrong codes",
            Self::PasskeyChallenges => "passkey challenges",
            Self::Errands => "errands to identity providers",
            Self::Arrivals => "arrivals from identity providers",
            Self::Submissions => "submissions",
            Self::IdempotencyKeys => "idempotency keys",
            Self::Jobs => "jobs",
            Self::Runs => "runs",
            Self::TestLeads => "test leads",
            Self::OldSecrets => "replaced keys",
            Self::InboxPayloads => "payloads of events",
            Self::Inbox => "events",
            Self::StripeCalls => "calls to Stripe",
            Self::Carts => "carts",
            Self::OpenedPosts => "opened posts",
            Self::SharedLimits => "limits",
            Self::Deliveries => "deliveries to webhooks",
            Self::Happenings => "happenings",
            Self::WebhookSecrets => "replaced secrets of webhooks",
        }
    }
}

/// Deletes up to `most` rows and says how many; without a number it only counts all there are.
///
/// # Errors
/// As any statement.
pub async fn sweep(db: &mut PgConnection, kind: Kind, most: Option<i64>) -> Result<i64> {
    // A statement that is checked has to stand where it is asked for, so a macro says what all of them have in common.
    macro_rules! counted {
        ($sql:literal) => {
            sqlx::query_scalar!($sql, most).fetch_one(db).await?
        };
    }
    let counted = match kind {
        Kind::Sessions => counted!(
            r#"with old as (select token_hash from sessions where expires_at < now() limit $1),
                        gone as (delete from sessions using old
                                  where sessions.token_hash = old.token_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::MailedLinks => counted!(
            r#"with old as (select id from mailed_links where expires_at < now() - interval '7 days' limit $1),
                        gone as (delete from mailed_links using old
                                  where mailed_links.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::EmailChanges => counted!(
            r#"with old as (select id from email_changes where expires_at < now() limit $1),
                        gone as (delete from email_changes using old
                                  where email_changes.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::AppTokens => counted!(
            r#"with old as (select hash from app_tokens where expires_at < now() or used_at < now() - interval '7 days' limit $1),
                        gone as (delete from app_tokens using old
                                  where app_tokens.hash = old.hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::AppCodes => counted!(
            r#"with old as (select hash from app_codes where expires_at < now() - interval '1 day' limit $1),
                        gone as (delete from app_codes using old
                                  where app_codes.hash = old.hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::HalfSignIns => counted!(
            r#"with old as (select token_hash from half_sign_ins where expires_at < now() limit $1),
                        gone as (delete from half_sign_ins using old
                                  where half_sign_ins.token_hash = old.token_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Errands => counted!(
            r#"with old as (select state_hash from identity_errands where expires_at < now() limit $1),
                        gone as (delete from identity_errands using old
                                  where identity_errands.state_hash = old.state_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::CodeTries => counted!(
            r#"with old as (select id from code_tries where at < now() - interval '1 day' limit $1),
                        gone as (delete from code_tries using old
                                  where code_tries.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::PasskeyChallenges => counted!(
            r#"with old as (select id from passkey_challenges where expires_at < now() limit $1),
                        gone as (delete from passkey_challenges using old
                                  where passkey_challenges.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::IdempotencyKeys => counted!(
            r#"with old as (select caller, key from idempotency_keys where at < now() - interval '7 days' limit $1),
                        gone as (delete from idempotency_keys using old
                                  where idempotency_keys.caller = old.caller and idempotency_keys.key = old.key
                                    and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Arrivals => counted!(
            r#"with old as (select browser_hash from identity_arrivals where expires_at < now() limit $1),
                        gone as (delete from identity_arrivals using old
                                  where identity_arrivals.browser_hash = old.browser_hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::SharedLimits => counted!(
            r#"with old as (select bucket from shared_limits where full_at < now() limit $1 for update skip locked),
                        gone as (delete from shared_limits using old
                                  where shared_limits.bucket = old.bucket and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Submissions => counted!(
            r#"with old as (select id from submissions where at < now() - interval '7 days' limit $1),
                        gone as (delete from submissions using old
                                  where submissions.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Jobs => counted!(
            r#"with old as (select id from outbox where ended_at < now() - interval '30 days'
                                   and state in ('done', 'dropped') and recipient is null limit $1),
                        gone as (delete from outbox using old where outbox.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Runs => counted!(
            r#"with old as (select id from runs where ended_at < now() - interval '90 days' limit $1),
                        gone as (delete from runs using old where runs.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::TestLeads => counted!(
            r#"with old as (select id from leads where test and created_at < now() - interval '30 days' limit $1),
                        gone as (delete from leads using old where leads.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::InboxPayloads => counted!(
            r#"with old as (select id from inbox where payload is not null and state in ('done', 'ignored')
                                   and received_at < now() - interval '30 days' limit $1),
                        gone as (update inbox set payload = null from old where inbox.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::OldSecrets => counted!(
            r#"with old as (select hash from api_key_old_secrets where good_until < now() - interval '30 days' limit $1),
                        gone as (delete from api_key_old_secrets using old
                                  where api_key_old_secrets.hash = old.hash and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Inbox => counted!(
            r#"with old as (select id from inbox where state <> 'waiting' and received_at < now() - interval '90 days' limit $1),
                        gone as (delete from inbox using old where inbox.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Deliveries => counted!(
            r#"with old as (select n from webhook_deliveries where ended_at < now() - interval '30 days' limit $1),
                        gone as (delete from webhook_deliveries using old
                                  where webhook_deliveries.n = old.n and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        // Of one that is still to arrive there has to be something to tell.
        Kind::Happenings => counted!(
            r#"with old as (select n from events where at < now() - interval '90 days'
                                   and not exists (select from webhook_deliveries where event = events.n and state = 'waiting') limit $1),
                        gone as (delete from events using old where events.n = old.n and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::WebhookSecrets => counted!(
            r#"with old as (select id from webhook_secrets where good_until < now() limit $1),
                        gone as (delete from webhook_secrets using old
                                  where webhook_secrets.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::StripeCalls => counted!(
            r#"with old as (select id from stripe_calls where ended_at < now() - interval '90 days' limit $1),
                        gone as (delete from stripe_calls using old where stripe_calls.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::Carts => counted!(
            r#"with old as (select id from carts where account_id is null and updated_at < now() - interval '90 days' limit $1),
                        gone as (delete from carts using old where carts.id = old.id and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
        Kind::OpenedPosts => counted!(
            r#"with old as (select account_id, month, post_id from opened_posts
                             where month < (now() at time zone 'utc' - interval '30 days')::date - interval '1 month' limit $1),
                        gone as (delete from opened_posts opened using old
                                  where opened.account_id = old.account_id and opened.month = old.month and opened.post_id = old.post_id
                                    and $1::bigint is not null)
                   select count(*) as "count!" from old"#
        ),
    };
    Ok(counted)
}
