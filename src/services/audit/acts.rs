//! What can be done, by name.

use serde_json::{Map, Value};
use std::fmt::Display;

/// How much of a text a line may hold.
const MOST: usize = 100;

/// Something that was done. A new one gets a line in [`ACTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// A session was begun.
    SignedIn,
    /// Somebody tried to, and could not prove who they are.
    SignInFailed,
    /// They have proven once more who they are.
    IdentityConfirmed,
    /// They could not.
    IdentityNotConfirmed,
    /// A session was ended by its owner, where it is.
    SignedOut,
    /// A session was ended from another one.
    SessionEnded,
    /// All others were.
    SessionsEnded,
    /// What others see of them.
    ProfileEdited,
    /// A password was chosen by somebody who is signed in.
    PasswordChanged,
    /// A password was chosen by somebody with a mailed link.
    PasswordReset,
    /// They may come in from an identity provider.
    IdentityAdded,
    /// They may not any more.
    IdentityRemoved,
    /// Another address is wanted for an account.
    EmailChangeAsked,
    /// The account has it.
    EmailChanged,
    /// What is kept about oneself was taken along.
    OwnDataExported,
    /// An app may act for them.
    AppAllowed,
    /// They have said that what was done to their account was not they: everybody is out.
    LockedOut,
    /// Their account is gone, as they wanted.
    AccountDeleted,
    /// Somebody is asked to run the site too.
    StaffInvited,
    /// Somebody is not asked any more.
    InviteTakenBack,
    /// Somebody who was asked does.
    InviteAccepted,
    /// An account was made for somebody who runs the site.
    StaffAdded,
    /// They may do something else.
    RoleChanged,
    /// Second factor and passkeys were taken away, for somebody who has lost them.
    FactorsReset,
    /// They may do nothing any more.
    StaffDeactivated,
    /// They may again.
    StaffActivated,
    /// What they are told of.
    NoticesChosen,
    /// A lead was taken down.
    LeadAdded,
    /// How far staff have come with one.
    LeadStatusSet,
    /// What is to be remembered of one.
    LeadNoted,
    /// A new post.
    PostWritten,
    /// A post, anew.
    PostEdited,
    /// A new issue of the newsletter.
    IssueWritten,
    /// An issue, anew.
    IssueEdited,
    /// An issue was mailed to whoever wrote it.
    IssueTested,
    /// An issue is sent, now or later.
    IssueSent,
    /// It is not to be sent later any more.
    IssueRecalled,
    /// Its mails are held.
    IssuePaused,
    /// They are let go.
    IssueResumed,
    /// Somebody is asked whether they want the newsletter.
    SubscriberAsked,
    /// People were brought over.
    SubscribersImported,
    /// Somebody gets it no more.
    SubscriberEnded,
    /// All of them were taken along.
    SubscribersExported,
    /// There is something new to buy.
    ProductAdded,
    /// What is to be bought is something else.
    ProductEdited,
    /// How many of it there are.
    StockSet,
    /// Money of an order goes back.
    OrderRefunded,
    /// Its receipt is mailed once more.
    ReceiptResent,
    /// There is another plan for members.
    PlanAdded,
    /// What it costs, or whether it can be had.
    PlanChanged,
    /// Somebody was given what others pay for.
    MembershipGiven,
    /// It was taken back.
    MembershipTakenBack,
    /// Stripe was told of the plans.
    PlansSynced,
    /// What is known here was compared with what Stripe knows.
    PaymentsReconciled,
    /// The ledger was taken along.
    LedgerExported,
    /// A job is tried again.
    JobRetried,
    /// Dead jobs are.
    JobsRetried,
    /// A mail to oneself.
    MailTested,
    /// What the site does by itself.
    SettingsChanged,
    /// Pages are rendered again.
    PagesDropped,
    /// A task is run out of turn.
    TaskRun,
    /// Everything about one person was taken along.
    PersonExported,
    /// Everything about one person is gone.
    PersonErased,
    /// An event of another program is acted upon once more.
    EventReplayed,
    /// Dead events are.
    DeadEventsReplayed,
    /// A key for a partner's program.
    KeyCreated,
    /// It has another secret.
    KeyRotated,
    /// A key is good no more.
    KeyRevoked,
    /// Somebody is told of what happens.
    WebhookAdded,
    /// They are told of something else, or elsewhere.
    WebhookChanged,
    /// What they are told is signed with another secret.
    WebhookRotated,
    /// What happens waits for them.
    WebhookPaused,
    /// They are told again.
    WebhookEnabled,
    /// They are told nothing any more.
    WebhookDisabled,
    /// They are forgotten.
    WebhookRemoved,
    /// It was looked at whether anything arrives there.
    WebhookPinged,
    /// Something is sent to them once more.
    WebhookReplayed,
    /// An app may ask members whether it may act for them.
    AppAdded,
    /// It may no more.
    AppRevoked,
    /// All leads were taken along.
    LeadsExported,
    /// All posts were.
    PostsExported,
    /// What is recorded here was taken along.
    AuditExported,
}

/// Each with its name and its words.
pub const ACTS: &[(Act, &str, &str)] = &[
    (Act::SignedIn, "signed-in", "Signed in"),
    (Act::SignInFailed, "sign-in-failed", "Sign-in failed"),
    (Act::IdentityConfirmed, "identity-confirmed", "Identity confirmed"),
    (Act::IdentityNotConfirmed, "identity-not-confirmed", "Identity not confirmed"),
    (Act::SignedOut, "signed-out", "Signed out"),
    (Act::SessionEnded, "session-ended", "Session ended"),
    (Act::SessionsEnded, "sessions-ended", "Other sessions ended"),
    (Act::ProfileEdited, "profile-edited", "Profile edited"),
    (Act::PasswordChanged, "password-changed", "Password changed"),
    (Act::PasswordReset, "password-reset", "Password reset by mail"),
    (Act::IdentityAdded, "identity-added", "Way to sign in added"),
    (Act::IdentityRemoved, "identity-removed", "Way to sign in removed"),
    (Act::EmailChangeAsked, "email-change-asked", "Another address asked for"),
    (Act::EmailChanged, "email-changed", "Address changed"),
    (Act::OwnDataExported, "own-data-exported", "Own data taken along"),
    (Act::AppAllowed, "app-allowed", "App let in"),
    (Act::LockedOut, "locked-out", "Everybody signed out by mail"),
    (Act::AccountDeleted, "account-deleted", "Account deleted"),
    (Act::StaffInvited, "staff-invited", "Staff invited"),
    (Act::InviteTakenBack, "invite-taken-back", "Invitation taken back"),
    (Act::InviteAccepted, "invite-accepted", "Invitation accepted"),
    (Act::StaffAdded, "staff-added", "Staff added"),
    (Act::RoleChanged, "role-changed", "Role changed"),
    (Act::FactorsReset, "factors-reset", "Second factors taken away"),
    (Act::StaffDeactivated, "staff-deactivated", "Staff deactivated"),
    (Act::StaffActivated, "staff-activated", "Staff activated"),
    (Act::NoticesChosen, "notices-chosen", "Notices chosen"),
    (Act::LeadAdded, "lead-added", "Lead added"),
    (Act::LeadStatusSet, "lead-status-set", "Status of a lead set"),
    (Act::LeadNoted, "lead-noted", "Note on a lead added"),
    (Act::PostWritten, "post-written", "Post written"),
    (Act::PostEdited, "post-edited", "Post edited"),
    (Act::IssueWritten, "issue-written", "Issue written"),
    (Act::IssueEdited, "issue-edited", "Issue edited"),
    (Act::IssueTested, "issue-tested", "Issue mailed as a test"),
    (Act::IssueSent, "issue-sent", "Issue sent"),
    (Act::IssueRecalled, "issue-recalled", "Issue recalled"),
    (Act::IssuePaused, "issue-paused", "Issue paused"),
    (Act::IssueResumed, "issue-resumed", "Issue resumed"),
    (Act::SubscriberAsked, "subscriber-asked", "Subscriber asked to confirm"),
    (Act::SubscribersImported, "subscribers-imported", "Subscribers brought over"),
    (Act::SubscriberEnded, "subscriber-ended", "Subscriber taken off the list"),
    (Act::SubscribersExported, "subscribers-exported", "Subscribers taken along"),
    (Act::ProductAdded, "product-added", "Product added"),
    (Act::ProductEdited, "product-edited", "Product edited"),
    (Act::StockSet, "stock-set", "Stock set"),
    (Act::OrderRefunded, "order-refunded", "Order refunded"),
    (Act::ReceiptResent, "receipt-resent", "Receipt sent again"),
    (Act::PlanAdded, "plan-added", "Plan added"),
    (Act::PlanChanged, "plan-changed", "Plan changed"),
    (Act::MembershipGiven, "membership-given", "Membership given"),
    (Act::MembershipTakenBack, "membership-taken-back", "Membership taken back"),
    (Act::PlansSynced, "plans-synced", "Stripe told of the plans"),
    (Act::PaymentsReconciled, "payments-reconciled", "Payments compared with Stripe"),
    (Act::LedgerExported, "ledger-exported", "Ledger taken along"),
    (Act::JobRetried, "job-retried", "Job tried again"),
    (Act::JobsRetried, "jobs-retried", "Dead jobs tried again"),
    (Act::MailTested, "mail-tested", "Test mail sent"),
    (Act::SettingsChanged, "settings-changed", "Settings changed"),
    (Act::PagesDropped, "pages-dropped", "Pages dropped"),
    (Act::TaskRun, "task-run", "Task run out of turn"),
    (Act::PersonExported, "person-exported", "Person handed out"),
    (Act::PersonErased, "person-erased", "Person erased"),
    (Act::EventReplayed, "event-replayed", "Event replayed"),
    (Act::DeadEventsReplayed, "dead-events-replayed", "Dead events replayed"),
    (Act::KeyCreated, "key-created", "API key made"),
    (Act::KeyRotated, "key-rotated", "API key rotated"),
    (Act::KeyRevoked, "key-revoked", "API key revoked"),
    (Act::WebhookAdded, "webhook-added", "Webhook added"),
    (Act::WebhookChanged, "webhook-changed", "Webhook changed"),
    (Act::WebhookRotated, "webhook-rotated", "Secret of a webhook replaced"),
    (Act::WebhookPaused, "webhook-paused", "Webhook paused"),
    (Act::WebhookEnabled, "webhook-enabled", "Webhook enabled"),
    (Act::WebhookDisabled, "webhook-disabled", "Webhook disabled"),
    (Act::WebhookRemoved, "webhook-removed", "Webhook removed"),
    (Act::WebhookPinged, "webhook-pinged", "Webhook tried out"),
    (Act::WebhookReplayed, "webhook-replayed", "Events sent to a webhook once more"),
    (Act::AppAdded, "app-added", "App registered"),
    (Act::AppRevoked, "app-revoked", "App revoked"),
    (Act::LeadsExported, "leads-exported", "Leads taken along"),
    (Act::PostsExported, "posts-exported", "Posts taken along"),
    (Act::AuditExported, "audit-exported", "Audit log taken along"),
];

impl Act {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        ACTS.iter().find(|(act, ..)| *act == self).map_or("unknown", |(_, name, _)| name)
    }

    /// It was done to something with an id.
    pub fn on(self, kind: &'static str, id: impl Display) -> Line {
        self.to(&format!("{kind}:{id}"))
    }

    /// It was done to what there is one of.
    pub fn to(self, object: &str) -> Line {
        let object = object.chars().take(2 * MOST).collect();
        Line { act: self, object, details: Map::new() }
    }
}

/// What people call an act of this name; one of a newer version has no words here.
pub fn words(name: &str) -> Option<&'static str> {
    ACTS.iter().find(|(_, known, _)| *known == name).map(|(.., words)| *words)
}

/// What was done, on what, and a few facts about it: what it was set to, how many. Never what somebody wrote, a stranger's
/// address or a secret.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was done.
    pub(super) act: Act,
    /// On what.
    pub(super) object: String,
    /// A few facts.
    pub(super) details: Map<String, Value>,
}

impl Line {
    /// Adds a fact. A long text is cut.
    #[must_use]
    pub fn with(mut self, name: &'static str, fact: impl Into<Value>) -> Self {
        let fact = match fact.into() {
            Value::String(text) => Value::String(text.chars().take(MOST).collect()),
            fact => fact,
        };
        self.details.insert(name.to_owned(), fact);
        self
    }

    /// Adds how many of what.
    #[must_use]
    pub fn counting<'a>(self, counts: impl IntoIterator<Item = (&'a String, &'a i64)>) -> Self {
        let counts = counts.into_iter().filter(|(_, count)| **count != 0);
        let counts: Map<String, Value> =
            counts.map(|(what, count)| (what.clone(), (*count).into())).collect();
        self.with("counts", counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_act_has_one_name_and_words() {
        let names: BTreeSet<_> = ACTS.iter().map(|(_, name, _)| name).collect();
        let said: BTreeSet<_> = ACTS.iter().map(|(.., words)| words).collect();
        assert_eq!((names.len(), said.len()), (ACTS.len(), ACTS.len()));
        // The last variant has its line too, and so has each before it.
        assert_eq!(Act::AuditExported as usize + 1, ACTS.len());
        for (act, name, said) in ACTS {
            assert_eq!((act.as_str(), words(name)), (*name, Some(*said)));
        }
    }

    #[test]
    fn a_line_holds_no_long_text() {
        let line = Act::PagesDropped.to(&"x".repeat(5000)).with("tag", "é".repeat(5000));
        assert_eq!(line.object.chars().count(), 200);
        assert_eq!(line.details["tag"].as_str().map(|tag| tag.chars().count()), Some(MOST));
    }
}
