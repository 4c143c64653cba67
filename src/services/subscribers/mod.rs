//! Subscribers: who gets mail from us, and on whose word.
//!
//! Nobody is written to who has not said so twice: in a form, and from the mailbox itself. Links in mails are derived,
//! never stored: whoever holds one was sent it. Whoever asks, the answer is the same, so that nobody learns who is here.

mod choice;
mod export;
mod follow;
mod import;
mod imports;
mod join;
mod leave;
mod partner;
mod staff;

pub use choice::{Choices, DIGESTS, Stored, TopicChoice, choices, choose};
pub use export::{COLUMNS, export};
pub use follow::{follow, is_subscribed};
pub use import::{Import, import};
pub use imports::{Brought, Imported, LeftOut, Line, Outcome, imported, imports};
pub use join::{Ask, From, ask, confirm};
pub use leave::{Reason, bounced, complained, leave};
pub use partner::{
    Ended, NewSubscriber, Subscriber, Which, ask_for, end_for, for_program, held_for, listed_for,
    told,
};
pub use staff::{Filter, Listed, NewEnd, Shown, by_email, by_id, count_confirmed, end, list};

use crate::digest;
use crate::error::{Error, Result};
use crate::policies::Operator;
use crate::services::secrets::{Purpose, Secrets};
use crate::services::sessions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::marker::PhantomData;
use time::OffsetDateTime;
use uuid::Uuid;

/// How far someone has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, JsonSchema)]
#[schemars(rename = "SubscriberStatus")]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Status {
    /// They asked, and have not confirmed it from their mailbox.
    Pending,
    /// They get mail.
    Confirmed,
    /// They want no more of it.
    Unsubscribed,
    /// There is no such mailbox.
    Bounced,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Confirmed, Self::Unsubscribed, Self::Bounced];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Unsubscribed => "unsubscribed",
            Self::Bounced => "bounced",
        }
    }
}

/// Who keeps the list, and their proof.
#[derive(Debug)]
pub enum Keeper<'a> {
    /// Staff, in the browser.
    Staff(&'a sessions::Staff),
    /// The operator.
    Operator(&'a Operator),
}

impl Keeper<'_> {
    /// Which member of staff; none: the operator.
    fn staff(&self) -> Option<Uuid> {
        match self {
            Self::Staff(staff) => Some(staff.id()),
            Self::Operator(_) => None,
        }
    }
}

/// What a link in a mail is good for.
pub trait Kind: 'static {
    /// What its signature is about.
    const LABEL: &'static [u8];
}

/// To say "yes, that was me".
#[derive(Debug)]
pub struct Confirming;

impl Kind for Confirming {
    const LABEL: &'static [u8] = b"confirm";
}

/// To choose what one gets, and to leave.
#[derive(Debug)]
pub struct Managing;

impl Kind for Managing {
    const LABEL: &'static [u8] = b"manage";
}

/// Whoever holds a link that was mailed to a subscriber, or to a buyer. Only [`Holder::of`] makes one from outside, so holding one is the
/// proof.
#[derive(Debug)]
pub struct Holder<K> {
    id: Uuid,
    kind: PhantomData<K>,
}

/// How much of a signature stands in a link: 128 bits.
const SIGNATURE: usize = 16;

impl<K: Kind> Holder<K> {
    /// Reads what stands in a link; none where we have not written it.
    pub fn of(secrets: &Secrets, token: &str) -> Option<Self> {
        let bytes = digest::unhex(token).filter(|bytes| bytes.len() == 16 + SIGNATURE)?;
        let (id, signature) = bytes.split_at(16);
        let good = secrets.verify_start(Purpose::Subscriber, &[K::LABEL, id], signature);
        let id = Uuid::from_slice(id).ok().filter(|_| good)?;
        Some(Self { id, kind: PhantomData })
    }

    /// What it is about.
    pub(in crate::services) fn id(&self) -> Uuid {
        self.id
    }

    /// What stands in the link that is mailed to the subscriber `id`, or about the order of this id.
    pub fn token(secrets: &Secrets, id: Uuid) -> String {
        let signature = secrets.sign(Purpose::Subscriber, &[K::LABEL, id.as_bytes()]);
        digest::hex(id.as_bytes()) + &digest::hex(&signature[..SIGNATURE])
    }
}

/// A subscriber, for a mail to them.
#[derive(Debug)]
pub struct ForMail {
    /// Which.
    pub id: Uuid,
    /// Where.
    pub email: String,
    /// How far they have come.
    pub status: Status,
    /// Whether a confirmation is awaited from them.
    pub awaited: bool,
}

/// The subscriber `id`, for a mail to them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn for_mail(db: &mut PgConnection, id: Uuid) -> Result<ForMail> {
    sqlx::query_as!(
        ForMail,
        r#"select id, email, status as "status: Status", awaited from subscribers where id = $1"#,
        id,
    )
    .fetch_optional(db)
    .await?
    .ok_or(Error::NotFound)
}

/// How things stand with whoever holds a link.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn held<K: Kind>(db: &mut PgConnection, by: &Holder<K>) -> Result<ForMail> {
    for_mail(db, by.id).await
}

/// Forgets up to a thousand people who asked a month ago and never confirmed: nobody has agreed to our keeping that.
///
/// # Errors
/// As any statement.
pub async fn forget_unconfirmed(db: &mut PgConnection, now: OffsetDateTime) -> Result<u64> {
    let forgotten = sqlx::query!(
        "delete from subscribers where id in (select id from subscribers where status = 'pending'
            and coalesce(asked_at, created_at) < $1::timestamptz - interval '30 days' order by id limit 1000)",
        now,
    );
    Ok(forgotten.execute(db).await?.rows_affected())
}

/// Writes down which topics somebody wants to hear of; none are all of them. Names of no topic are passed over.
async fn set_topics(db: &mut PgConnection, id: Uuid, topics: &[String]) -> Result<()> {
    sqlx::query!("delete from subscriber_topics where subscriber_id = $1", id)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "with kept as (insert into subscriber_topics (subscriber_id, topic)
             select $1, slug from topics where slug = any($2) returning topic)
         update subscribers set all_topics = not exists (select from kept) where id = $1",
        id,
        topics,
    )
    .execute(db)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_link_is_good_for_one_person_and_one_thing() {
        let clock = Clock::default();
        let (ours, others) = (Secrets::generate(&clock), Secrets::generate(&clock));
        let id = clock.id();
        let token = Holder::<Managing>::token(&ours, id);
        assert_eq!(Holder::<Managing>::of(&ours, &token).map(|holder| holder.id), Some(id));
        assert!(Holder::<Confirming>::of(&ours, &token).is_none());
        assert!(Holder::<Managing>::of(&others, &token).is_none());
        let of_another = Holder::<Managing>::token(&ours, clock.id());
        let mixed = format!("{}{}", &of_another[..32], &token[32..]);
        for wrong in [&mixed, &token[..62], &format!("{token}00"), "", "é"] {
            assert!(Holder::<Managing>::of(&ours, wrong).is_none(), "{wrong}");
        }
    }
}
