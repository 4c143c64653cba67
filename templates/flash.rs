//! What can be said to somebody who has just done something.

/// What was done. A cookie carries its code to the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flash {
    /// A post is there for everyone.
    PostPublished,
    /// A post will be there for everyone.
    PostScheduled,
    /// A post is kept, and nobody but staff sees it.
    PostSaved,
    /// A lead has another status.
    StatusSaved,
    /// A lead has another note.
    NoteAdded,
    /// A webhook is as it was typed.
    WebhookSaved,
    /// What happens waits for it.
    WebhookPaused,
    /// It is told again.
    WebhookEnabled,
    /// It is told nothing any more.
    WebhookDisabled,
    /// It is forgotten.
    WebhookRemoved,
    /// Something is on its way there.
    WebhookPinged,
    /// Something is sent there once more.
    WebhookReplayed,
    /// Its secret was shown before.
    WebhookShownBefore,
    /// An event of another program is acted upon once more.
    EventReplayed,
    /// It was done before.
    EventDoneBefore,
    /// Dead events are acted upon once more.
    DeadEventsReplayed,
    /// A job will be tried again.
    JobRetried,
    /// Dead jobs will be tried again.
    DeadRetried,
    /// A test mail is on its way.
    TestAskedFor,
    /// What someone wants to be told of.
    NoticesSaved,
    /// What the owner has decided.
    SettingsSaved,
    /// Pages will be rendered again.
    PagesDropped,
    /// A task will be run.
    RunAskedFor,
    /// Nothing is kept about someone any more.
    PersonErased,
    /// A subscription is confirmed.
    SubscriptionConfirmed,
    /// What a subscriber gets is kept.
    ChoicesSaved,
    /// Somebody is asked to confirm.
    SubscriberAsked,
    /// People were brought over.
    SubscribersImported,
    /// Somebody gets no more mail.
    SubscriberEnded,
    /// An issue is kept.
    IssueSaved,
    /// An issue will be sent.
    IssueScheduled,
    /// An issue is being sent.
    IssueSending,
    /// A scheduled issue is a draft again.
    IssueRecalled,
    /// A key opens nothing any more.
    KeyRevoked,
    /// A key was made or rotated by the same form before, and its secret was shown then.
    KeyShownBefore,
    /// An issue is paused.
    IssuePaused,
    /// Somebody is asked to run the site too.
    StaffInvited,
    /// They are not asked any more.
    InviteTakenBack,
    /// Somebody who was asked is one of us.
    StaffJoined,
    /// Somebody may do something else from now on.
    RoleChanged,
    /// Somebody's account is closed.
    StaffDeactivated,
    /// It is open again.
    StaffActivated,
    /// Somebody has proven once more who they are.
    IdentityConfirmed,
    /// The session is over.
    SignedOut,
    /// An account is made, and its owner is here.
    AccountMade,
    /// An account is made; the password typed for it elsewhere is not kept.
    AccountMadeWithoutPassword,
    /// An account is changed.
    AccountSaved,
    /// Another password is chosen.
    PasswordChanged,
    /// A session is over, on another device perhaps.
    SessionEnded,
    /// Two mailboxes are asked for another address.
    EmailAsked,
    /// One of them agrees.
    EmailHalf,
    /// The account has it.
    EmailChanged,
    /// Everybody is out.
    LockedOut,
    /// Something is in the cart.
    InTheCart,
    /// The cart is as wanted.
    CartChanged,
    /// A product is kept.
    ProductSaved,
    /// Money goes back.
    OrderRefunded,
    /// It is asked for that money goes back.
    RefundAsked,
    /// A receipt is mailed once more.
    ReceiptResent,
    /// A membership ends with what is paid for.
    MembershipEnds,
    /// It does not.
    MembershipGoesOn,
    /// One of both is asked for.
    MembershipAsked,
    /// An order is let go once Stripe answers.
    OrderEndsSoon,
    /// The account is gone.
    AccountClosed,
    /// A second factor is asked for.
    SecondFactorOn,
    /// None is asked for any more.
    SecondFactorOff,
    /// Recovery codes were made anew.
    RecoveryCodesMade,
    /// Somebody got in by a recovery code.
    RecoveryCodeUsed,
    /// There is another passkey.
    PasskeyAdded,
    /// A passkey is called something else.
    PasskeyRenamed,
    /// There is a passkey less.
    PasskeyRemoved,
    /// There is another way to sign in.
    IdentityAdded,
    /// There is one less.
    IdentityRemoved,
}

/// Each with its code and its words.
const SAID: &[(Flash, &str, &str)] = &[
    (Flash::PostPublished, "post-published", "The post is published."),
    (Flash::PostScheduled, "post-scheduled", "The post will appear by itself."),
    (Flash::PostSaved, "post-saved", "The post is saved."),
    (Flash::StatusSaved, "status-saved", "The status is saved."),
    (Flash::NoteAdded, "note-added", "The note is added."),
    (Flash::WebhookSaved, "webhook-saved", "The webhook is saved."),
    (Flash::WebhookPaused, "webhook-paused", "What happens waits until you have it told again."),
    (Flash::WebhookEnabled, "webhook-enabled", "It is told again."),
    (Flash::WebhookDisabled, "webhook-disabled", "It is told nothing any more."),
    (Flash::WebhookRemoved, "webhook-removed", "The webhook is removed."),
    (Flash::WebhookPinged, "webhook-pinged", "A ping is on its way."),
    (Flash::WebhookReplayed, "webhook-replayed", "It is sent once more."),
    (
        Flash::WebhookShownBefore,
        "webhook-shown-before",
        "This form was sent before, and the secret was shown then. If you have not kept it, have it replaced.",
    ),
    (Flash::EventReplayed, "event-replayed", "It is acted upon once more."),
    (
        Flash::EventDoneBefore,
        "event-done-before",
        "It was done before, and nothing was done twice.",
    ),
    (Flash::DeadEventsReplayed, "dead-events-replayed", "They are acted upon once more."),
    (Flash::JobRetried, "job-retried", "It is being tried again."),
    (Flash::DeadRetried, "dead-retried", "They are being tried again."),
    (Flash::TestAskedFor, "test-asked-for", "A test mail is on its way to you."),
    (Flash::NoticesSaved, "notices-saved", "Your notices are saved."),
    (Flash::SettingsSaved, "settings-saved", "The settings are saved."),
    (Flash::PagesDropped, "pages-dropped", "It will be rendered again when it is next asked for."),
    (Flash::RunAskedFor, "run-asked-for", "It will be run at once."),
    (Flash::PersonErased, "person-erased", "They are erased."),
    (Flash::SubscriptionConfirmed, "subscription-confirmed", "Thank you. You are subscribed."),
    (Flash::ChoicesSaved, "choices-saved", "What you chose is saved."),
    (
        Flash::SubscriberAsked,
        "subscriber-asked",
        "A mail is on its way to them: they have to confirm.",
    ),
    (Flash::SubscribersImported, "subscribers-imported", "The list has been read."),
    (Flash::SubscriberEnded, "subscriber-ended", "They get no more mail."),
    (Flash::IssueSaved, "issue-saved", "The issue is saved."),
    (Flash::IssueScheduled, "issue-scheduled", "It will be sent by itself."),
    (Flash::IssueSending, "issue-sending", "It is being sent."),
    (Flash::IssueRecalled, "issue-recalled", "It is a draft again."),
    (Flash::IssuePaused, "issue-paused", "It is paused. What was under way still arrives."),
    (Flash::StaffInvited, "staff-invited", "A mail is on its way to them."),
    (Flash::InviteTakenBack, "invite-taken-back", "The invitation is taken back."),
    (Flash::StaffJoined, "staff-joined", "Welcome. You run this site now, with the others."),
    (Flash::RoleChanged, "role-changed", "Their role is saved."),
    (
        Flash::StaffDeactivated,
        "staff-deactivated",
        "Their account is closed, and they are signed out everywhere.",
    ),
    (Flash::StaffActivated, "staff-activated", "They may sign in again."),
    (Flash::IdentityConfirmed, "identity-confirmed", "Thank you. It is you."),
    (Flash::SignedOut, "signed-out", "You are signed out."),
    (Flash::AccountMade, "account-made", "Welcome. Your account is ready."),
    (
        Flash::AccountMadeWithoutPassword,
        "account-made-without-password",
        "Your account is made. A password that was typed in another browser does not count: choose one under Password, if you want one.",
    ),
    (Flash::AccountSaved, "account-saved", "Your account is saved."),
    (
        Flash::PasswordChanged,
        "password-changed",
        "Your password is changed. Every other session is over.",
    ),
    (Flash::SessionEnded, "session-ended", "That session is over."),
    (
        Flash::EmailAsked,
        "email-asked",
        "Two mails are on their way, to the old address and to the new one. Follow the link in each.",
    ),
    (
        Flash::EmailHalf,
        "email-half",
        "That is noted. Once the link in the other mail is followed too, the address is changed.",
    ),
    (Flash::EmailChanged, "email-changed", "Your account has its new address."),
    (
        Flash::LockedOut,
        "locked-out",
        "Everybody is signed out, and the password is none any more. Choose another one now.",
    ),
    (Flash::InTheCart, "in-the-cart", "It is in your cart."),
    (Flash::CartChanged, "cart-changed", "Your cart is changed."),
    (Flash::ProductSaved, "product-saved", "The product is saved."),
    (Flash::OrderRefunded, "order-refunded", "The money goes back to them."),
    (
        Flash::RefundAsked,
        "refund-asked",
        "Stripe does not answer. It is asked again until it does, and then the money goes back.",
    ),
    (Flash::ReceiptResent, "receipt-resent", "The receipt is on its way to them."),
    (
        Flash::MembershipEnds,
        "membership-ends",
        "Your membership ends with the time that it has left. Nothing more is taken.",
    ),
    (Flash::MembershipGoesOn, "membership-goes-on", "Your membership goes on."),
    (
        Flash::MembershipAsked,
        "membership-asked",
        "Stripe does not answer. It is asked again until it does, and then it is as you want it.",
    ),
    (
        Flash::OrderEndsSoon,
        "order-ends-soon",
        "Stripe does not answer. It is asked again until it does, and then this order is let go.",
    ),
    (Flash::AccountClosed, "account-closed", "Your account is deleted. All the best!"),
    (
        Flash::SecondFactorOn,
        "second-factor-on",
        "Your second factor is on. Every other session is over.",
    ),
    (Flash::SecondFactorOff, "second-factor-off", "Your second factor is off."),
    (Flash::RecoveryCodesMade, "recovery-codes-made", "These are your new recovery codes."),
    (
        Flash::RecoveryCodeUsed,
        "recovery-code-used",
        "You are in, and there is one recovery code less.",
    ),
    (Flash::KeyRevoked, "key-revoked", "The key opens nothing any more."),
    (
        Flash::KeyShownBefore,
        "key-shown-before",
        "This form was sent before, and the key was shown then. If you have not kept it, have it replaced.",
    ),
    (Flash::PasskeyAdded, "passkey-added", "Your passkey is ready. Next time, sign in with it."),
    (Flash::PasskeyRenamed, "passkey-renamed", "The passkey is renamed."),
    (Flash::PasskeyRemoved, "passkey-removed", "The passkey is removed."),
    (Flash::IdentityAdded, "identity-added", "You can sign in with it from now on."),
    (Flash::IdentityRemoved, "identity-removed", "You cannot sign in with it any more."),
];

impl Flash {
    /// What a cookie holds: a name and never a text, so that nobody can put words into our mouth.
    pub fn code(self) -> &'static str {
        self.said().1
    }

    /// Reads a code.
    pub fn of_code(code: &str) -> Option<Self> {
        SAID.iter().find(|said| said.1 == code).map(|said| said.0)
    }

    /// What people read.
    pub fn text(self) -> &'static str {
        self.said().2
    }

    fn said(self) -> (Self, &'static str, &'static str) {
        SAID.iter().copied().find(|said| said.0 == self).unwrap_or((self, "done", "Done."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flash_survives_its_code_and_nothing_else_is_one() {
        let words: std::collections::BTreeSet<_> = SAID.iter().map(|said| said.2).collect();
        assert_eq!(words.len(), SAID.len());
        for (flash, code, text) in SAID.iter().copied() {
            assert_eq!(
                (Flash::of_code(code), flash.code(), flash.text()),
                (Some(flash), code, text)
            );
        }
        // The last variant has its line too, and so has each before it.
        assert_eq!(Flash::IdentityRemoved as usize + 1, SAID.len());
        assert_eq!(Flash::of_code("<b>You won</b>"), None);
    }
}
