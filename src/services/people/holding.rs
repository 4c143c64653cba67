//! Every table that holds an address: what stands there about a person, and how it is deleted (`tests/privacy.rs` looks for tables that
//! are not here). A new one gets a variant and a line in each match; the export, the erasure and their reports then have it by
//! themselves.

use crate::error::Result;
use crate::services::strangers::mailbox;
use serde_json::Value;
use sqlx::PgConnection;

/// A table that holds addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// What they wrote, with what staff noted on it.
    Leads,
    /// Mail to them. What is still to be sent is dropped; what was stays, and to whom does not.
    Outbox,
    /// What they do not want to be sent.
    Suppressions,
    /// Their subscription to the newsletter.
    Subscribers,
    /// What they were sent today, though nobody had proved to be them.
    SubscriptionMails,
    /// Their account. That of one of us is not erased here: see [`erase`].
    Accounts,
    /// What they were asked by mail.
    MailedLinks,
    /// Who they are at identity providers that know this address. What lets them in stays with their account, the address
    /// there does not.
    Identities,
    /// That they came from one today, and may have this address.
    IdentityArrivals,
    /// That an account is to have their address.
    EmailChanges,
    /// What they bought. The order stays, and whose it was does not.
    Orders,
    /// What is being asked of Stripe about them. Once it was answered nothing of it is kept.
    StripeCalls,
    /// What other programs told us in which they are named: who pushed, whose mail came back.
    Inbox,
    /// What other programs have answered to what we told them, where that names them.
    WebhookTries,
    /// What programs were answered that name them, kept for whoever asks again.
    IdempotencyKeys,
}

impl Holding {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Leads,
        Self::Outbox,
        Self::Suppressions,
        Self::Subscribers,
        Self::SubscriptionMails,
        Self::Orders,
        Self::Accounts,
        Self::MailedLinks,
        Self::Identities,
        Self::IdentityArrivals,
        Self::EmailChanges,
        Self::StripeCalls,
        Self::Inbox,
        Self::WebhookTries,
        Self::IdempotencyKeys,
    ];

    /// The table.
    pub fn table(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Outbox => "outbox",
            Self::Suppressions => "suppressions",
            Self::Subscribers => "subscribers",
            Self::SubscriptionMails => "subscription_mails",
            Self::Accounts => "accounts",
            Self::MailedLinks => "mailed_links",
            Self::Identities => "identities",
            Self::IdentityArrivals => "identity_arrivals",
            Self::EmailChanges => "email_changes",
            Self::Orders => "orders",
            Self::StripeCalls => "stripe_calls",
            Self::Inbox => "inbox",
            Self::WebhookTries => "webhook_tries",
            Self::IdempotencyKeys => "idempotency_keys",
        }
    }

    pub(super) async fn rows(self, db: &mut PgConnection, email: &str) -> Result<Vec<Value>> {
        let rows = match self {
            Self::Leads => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(leads) - 'haystack' - 'fingerprint' || jsonb_build_object('history',
                              coalesce((select jsonb_agg(to_jsonb(h) - 'lead_id' order by h.id)
                                          from lead_history h where h.lead_id = leads.id), '[]'),
                              'consent_words', (select words from consents where version = leads.consent)) as "row!"
                         from leads where lower(email) = lower($1) order by id"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::Outbox => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(outbox) - 'lease' as "row!" from outbox where recipient = lower($1) order by id"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::Suppressions => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(suppressions) as "row!" from suppressions where email = lower($1) order by at"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::Subscribers => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(subscribers) || jsonb_build_object('topics',
                              coalesce((select jsonb_agg(topic order by topic) from subscriber_topics
                                         where subscriber_id = subscribers.id), '[]'),
                              'consent_words', (select words from consents where version = subscribers.consent)) as "row!"
                         from subscribers where lower(email) = lower($1)"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::SubscriptionMails => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(subscription_mails) as "row!" from subscription_mails where mailbox = $1 order by at"#,
                    mailbox(email).0
                )
                .fetch_all(db)
                .await?
            }
            Self::Accounts => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(accounts) - 'password_hash' || jsonb_build_object(
                              'staff', (select to_jsonb(staff) - 'id' from staff where staff.id = accounts.id),
                              'second_factor_since', (select created_at from second_factors where account_id = accounts.id),
                              'passkeys', coalesce((select jsonb_agg(jsonb_build_object('name', name, 'created_at', created_at, 'used_at', used_at) order by id)
                                                      from passkeys where account_id = accounts.id), '[]'),
                              'customer_at_stripe', (select customer from stripe_customers where account_id = accounts.id),
                              'subscriptions', coalesce((select jsonb_agg(to_jsonb(subscriptions) - 'account_id' - 'read' order by created_at)
                                                      from subscriptions where account_id = accounts.id), '[]'),
                              'memberships_given', coalesce((select jsonb_agg(to_jsonb(g) - 'account_id' - 'granted_by' order by g.created_at)
                                                      from membership_grants g where account_id = accounts.id), '[]'),
                              'posts_opened', coalesce((select jsonb_agg(jsonb_build_object('title', title, 'slug', slug, 'month', month, 'opened_at', opened_at) order by opened_at)
                                                      from opened_posts join posts on posts.id = post_id where account_id = accounts.id), '[]'),
                              'sessions', coalesce((select jsonb_agg(to_jsonb(sessions) - 'token_hash' - 'account_id'
                                                                     || jsonb_build_object('app', apps.name) order by sessions.created_at)
                                                      from sessions left join apps on apps.id = app_id
                                                     where account_id = accounts.id), '[]')) as "row!"
                         from accounts where lower(email) = lower($1)"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::MailedLinks => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(mailed_links) - 'hashes' - 'shown' - 'intent'
                              || jsonb_build_object('intent', intent - 'password_hash') as "row!"
                         from mailed_links where lower(email) = lower($1) order by id"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::Orders => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(orders) - 'cart_id' - 'account_id' || jsonb_build_object('lines',
                              coalesce((select jsonb_agg(to_jsonb(lines) - 'order_id' order by position)
                                          from order_lines lines where order_id = orders.id), '[]')) as "row!"
                         from orders where lower(email) = lower($1)
                            or account_id = (select id from accounts where lower(accounts.email) = lower($1))
                        order by id"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::StripeCalls => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(stripe_calls) as "row!" from stripe_calls
                        where position(replace(lower($1), '@', '%40') in lower(body)) > 0 order by id"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            // What came is bytes, which need not be text.
            Self::Inbox => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(inbox) - 'job' || jsonb_build_object('payload', encode(payload, 'escape')) as "row!"
                         from inbox where position(encode(convert_to(lower($1), 'UTF8'), 'escape') in lower(encode(payload, 'escape'))) > 0
                        order by id"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::WebhookTries => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(webhook_tries) as "row!" from webhook_tries
                        where position(lower($1) in lower(said)) > 0 order by delivery, at"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::IdempotencyKeys => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(idempotency_keys) - 'fingerprint' || jsonb_build_object('body', encode(body, 'escape')) as "row!"
                         from idempotency_keys
                        where position(encode(convert_to(lower($1), 'UTF8'), 'escape') in lower(encode(body, 'escape'))) > 0
                        order by at"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::Identities => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(identities) as "row!" from identities
                        where lower(email) = lower($1)
                           or account_id = (select id from accounts where lower(accounts.email) = lower($1))
                        order by created_at"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::IdentityArrivals => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(identity_arrivals) - 'browser_hash' as "row!" from identity_arrivals
                        where lower(email) = lower($1) order by expires_at"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
            Self::EmailChanges => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(email_changes) - 'account_id' as "row!" from email_changes
                        where lower(email) = lower($1) or account_id = (select id from accounts where lower(email) = lower($1))"#,
                    email
                )
                .fetch_all(db)
                .await?
            }
        };
        Ok(rows)
    }

    pub(super) async fn erase(self, db: &mut PgConnection, email: &str) -> Result<u64> {
        let erased = match self {
            Self::Leads => {
                sqlx::query!("delete from leads where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
            // A mail server's answer tends to name the address.
            Self::Outbox => {
                sqlx::query!(
                    "update outbox set recipient = null,
                            remark = case when state = 'waiting' then 'Whom it was for was erased.' end,
                            ended_at = coalesce(ended_at, now()), lease = null,
                            state = case when state = 'waiting' then 'dropped' else state end
                      where recipient = lower($1)",
                    email
                )
                .execute(db)
                .await?
            }
            Self::Suppressions => {
                sqlx::query!("delete from suppressions where email = lower($1)", email)
                    .execute(db)
                    .await?
            }
            Self::Subscribers => {
                sqlx::query!("delete from subscribers where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
            Self::SubscriptionMails => {
                sqlx::query!("delete from subscription_mails where mailbox = $1", mailbox(email).0)
                    .execute(db)
                    .await?
            }
            Self::Accounts => {
                sqlx::query!("delete from accounts where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
            Self::MailedLinks => {
                sqlx::query!("delete from mailed_links where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
            // What was sold stays sold: the books say so.
            Self::Orders => {
                sqlx::query!(
                    "update orders set email = null, name = null
                      where lower(email) = lower($1) or account_id = (select id from accounts where lower(accounts.email) = lower($1))",
                    email
                )
                .execute(db)
                .await?
            }
            Self::StripeCalls => {
                sqlx::query!(
                    "update stripe_calls set body = '', state = 'refused', remark = 'Whom it named was erased.', ended_at = now()
                      where position(replace(lower($1), '@', '%40') in lower(body)) > 0",
                    email
                )
                .execute(db)
                .await?
            }
            // That it came stays, as it might come again. What was still to be done about it is not.
            Self::Inbox => {
                sqlx::query!(
                    "update inbox set payload = null, ended_at = coalesce(ended_at, now()), remark = 'Whom it named was erased.',
                            state = case when state = 'done' then state else 'ignored' end
                      where position(encode(convert_to(lower($1), 'UTF8'), 'escape') in lower(encode(payload, 'escape'))) > 0",
                    email
                )
                .execute(db)
                .await?
            }
            // What is being tried says how the last try ended, too.
            Self::WebhookTries => {
                sqlx::query!(
                    "with named as (update webhook_deliveries set remark = null where position(lower($1) in lower(remark)) > 0)
                     update webhook_tries set said = null where position(lower($1) in lower(said)) > 0",
                    email
                )
                .execute(db)
                .await?
            }
            // That it was asked for stays, so that it is not done again.
            Self::IdempotencyKeys => {
                sqlx::query!(
                    "update idempotency_keys set body = null
                      where position(encode(convert_to(lower($1), 'UTF8'), 'escape') in lower(encode(body, 'escape'))) > 0",
                    email
                )
                .execute(db)
                .await?
            }
            Self::Identities => {
                sqlx::query!("update identities set email = null where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
            Self::IdentityArrivals => {
                sqlx::query!("delete from identity_arrivals where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
            // That of their own account went with it.
            Self::EmailChanges => {
                sqlx::query!("delete from email_changes where lower(email) = lower($1)", email)
                    .execute(db)
                    .await?
            }
        };
        Ok(erased.rows_affected())
    }
}
