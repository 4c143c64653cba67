//! Mail: what there is to say, to whom, and who carries it.
//!
//! A mail is kept by reference and written when it is sent, from what the database says then: whoever was erased, or
//! wants no more of it, gets none. Its Message-ID is that of its row in the outbox, so a mail that goes out twice can be
//! recognised. One recipient each. Whatever people typed reaches headers only through types that encode it.

mod access;
mod accounts;
mod letters;
mod lines;
mod newsletter;
mod payments;
mod postman;
pub mod records;
mod security;
mod shop;

pub use letters::{compose, link, receipt};
pub use newsletter::issue_for_nobody;
pub use postman::{Postman, Trouble};
pub use security::AccountEvent;

use crate::services::digests::Window;
use serde::{Deserialize, Serialize};
use templates::mail as template;
use uuid::Uuid;

/// One mail to one person, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mail", rename_all = "kebab-case")]
pub enum Mail {
    /// To a member of staff: someone wrote to us.
    LeadNotice {
        /// What they wrote.
        lead: Uuid,
        /// Who is told.
        staff: Uuid,
    },
    /// To whoever wrote: we have it.
    LeadReceipt {
        /// What they wrote.
        lead: Uuid,
    },
    /// To an owner: leads go tomorrow.
    RetentionNotice {
        /// Who is told.
        staff: Uuid,
    },
    /// To an address somebody has typed: was that you?
    ConfirmSubscription {
        /// Whose it is.
        subscriber: Uuid,
    },
    /// To a subscriber whose address somebody has typed.
    SubscribedAlready {
        /// Who.
        subscriber: Uuid,
    },
    /// To a subscriber: an issue of the newsletter.
    Issue {
        /// Which.
        issue: Uuid,
        /// To whom.
        subscriber: Uuid,
    },
    /// To a member of staff who wants to see what it will look like.
    IssueTest {
        /// Which.
        issue: Uuid,
        /// Who asked.
        staff: Uuid,
    },
    /// To a subscriber: new posts.
    Digest {
        /// To whom.
        subscriber: Uuid,
        /// Of when.
        window: Window,
    },
    /// To a member of staff: new leads.
    LeadDigest {
        /// To whom.
        staff: Uuid,
        /// Of when.
        window: Window,
    },
    /// To an address somebody has typed: a link that is good once.
    Link {
        /// Which.
        link: Uuid,
    },
    /// To someone with an account: something was done to it that matters.
    AccountNotice {
        /// Whose.
        account: Uuid,
        /// What.
        event: AccountEvent,
    },
    /// To whoever made an endpoint for webhooks, or to an owner: it is told nothing any more.
    WebhookDisabled {
        /// Which.
        webhook: Uuid,
        /// Who is told.
        staff: Uuid,
    },
    /// To a member: they are one.
    MembershipBegun {
        /// By what.
        subscription: String,
    },
    /// To a member: what was free ends soon.
    TrialEnds {
        /// Of what.
        subscription: String,
    },
    /// To a member: a payment has failed.
    PaymentFailed {
        /// For what.
        subscription: String,
    },
    /// To a member: they are none any more.
    MembershipEnded {
        /// What was over.
        subscription: String,
    },
    /// To a buyer: what they have bought, or that their money goes back.
    OrderReceipt {
        /// Which.
        order: Uuid,
    },
    /// To an owner: somebody's bank has taken money back.
    Disputed {
        /// What Stripe calls it.
        dispute: String,
        /// Who is told.
        staff: Uuid,
    },
    /// To an owner: money of an order does not go back. Stripe has refused, or nobody could take it.
    RefundFailed {
        /// Whose money.
        order: Uuid,
        /// Who is told.
        staff: Uuid,
    },
    /// To a member of staff who wants to see whether mail arrives.
    Test {
        /// Who asked.
        staff: Uuid,
    },
}

/// What a mail is for. Nobody gets mail of a purpose they do not want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To our own people.
    Staff,
    /// An answer to something the person has just done.
    Answer,
    /// Issues of the newsletter.
    Newsletter,
    /// Digests of posts.
    Digest,
}

impl Purpose {
    /// As suppressions name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Answer => "answer",
            Self::Newsletter => "newsletter",
            Self::Digest => "digest",
        }
    }
}

impl Mail {
    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::LeadNotice { .. }
            | Self::RetentionNotice { .. }
            | Self::Test { .. }
            | Self::IssueTest { .. }
            | Self::WebhookDisabled { .. }
            | Self::LeadDigest { .. }
            | Self::Disputed { .. }
            | Self::RefundFailed { .. } => Purpose::Staff,
            Self::LeadReceipt { .. }
            | Self::ConfirmSubscription { .. }
            | Self::SubscribedAlready { .. }
            | Self::AccountNotice { .. }
            | Self::MembershipBegun { .. }
            | Self::TrialEnds { .. }
            | Self::PaymentFailed { .. }
            | Self::MembershipEnded { .. }
            | Self::OrderReceipt { .. }
            | Self::Link { .. } => Purpose::Answer,
            Self::Issue { .. } => Purpose::Newsletter,
            Self::Digest { .. } => Purpose::Digest,
        }
    }

    /// What is more urgent has a smaller number.
    pub fn priority(&self) -> i16 {
        match self {
            Self::Test { .. } | Self::IssueTest { .. } | Self::Link { .. } => 0,
            Self::LeadNotice { .. }
            | Self::LeadReceipt { .. }
            | Self::RetentionNotice { .. }
            | Self::ConfirmSubscription { .. }
            | Self::AccountNotice { .. }
            | Self::WebhookDisabled { .. }
            | Self::MembershipBegun { .. }
            | Self::TrialEnds { .. }
            | Self::PaymentFailed { .. }
            | Self::MembershipEnded { .. }
            | Self::OrderReceipt { .. }
            | Self::Disputed { .. }
            | Self::RefundFailed { .. }
            | Self::SubscribedAlready { .. } => 1,
            Self::Digest { .. } | Self::LeadDigest { .. } => 4,
            Self::Issue { .. } => 5,
        }
    }

    /// What staff call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LeadNotice { .. } => "Notice of a lead",
            Self::LeadReceipt { .. } => "Thanks for a message",
            Self::RetentionNotice { .. } => "Notice of leads that go",
            Self::ConfirmSubscription { .. } => "Please confirm",
            Self::SubscribedAlready { .. } => "Subscribed already",
            Self::Issue { .. } => "Newsletter",
            Self::IssueTest { .. } => "Newsletter, as a test",
            Self::Digest { .. } => "New posts",
            Self::LeadDigest { .. } => "New leads",
            Self::Link { .. } => "A link, good once",
            Self::AccountNotice { .. } => "What was done to an account",
            Self::WebhookDisabled { .. } => "A webhook was disabled",
            Self::MembershipBegun { .. } => "Membership begun",
            Self::TrialEnds { .. } => "What is free ends soon",
            Self::PaymentFailed { .. } => "A payment has failed",
            Self::MembershipEnded { .. } => "Membership over",
            Self::OrderReceipt { .. } => "Receipt",
            Self::Disputed { .. } => "Notice of a dispute",
            Self::RefundFailed { .. } => "Notice of a refund that failed",
            Self::Test { .. } => "Test",
        }
    }

    /// The subscriber who cannot be reached, where such a mail comes back.
    pub fn subscriber(&self) -> Option<Uuid> {
        match self {
            Self::Issue { subscriber, .. } | Self::Digest { subscriber, .. } => Some(*subscriber),
            _ => None,
        }
    }
}

/// Someone mail can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// A mail, ready but for the envelope.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Whom it is for.
    pub to: Person,
    /// Who gets the answer, where that is not us.
    pub reply_to: Option<Person>,
    /// Where a mail program can unsubscribe the reader by a POST (RFC 8058).
    pub unsubscribe: Option<String>,
    /// What it says.
    pub mail: template::Mail,
}
