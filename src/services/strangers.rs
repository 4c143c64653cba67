//! Mail to addresses that somebody has typed and nobody has proved to be theirs.
//!
//! Anyone can type anyone's address. So a mail goes out only so often: to one mailbox, to one domain, in all. Beyond that
//! nothing is sent, and whoever typed it is told nothing of that.

use crate::error::Result;
use sqlx::PgConnection;
use time::OffsetDateTime;
use url::Host;
use uuid::Uuid;

/// To one domain in an hour, unless half the world is there.
const TO_DOMAIN: i64 = 100;
/// In all in an hour.
const TO_ALL: i64 = 1000;

/// What a mail to a stranger is for. Each purpose has a count of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To ask whether it was they who want the newsletter.
    Subscription,
    /// To say that they are subscribed already.
    SubscribedAlready,
    /// To thank for a message.
    Receipt,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Subscription | Self::SubscribedAlready => "newsletter",
            Self::Receipt => "receipt",
        }
    }

    /// How many go to one mailbox: in an hour, in a day.
    fn most(self) -> (i64, i64) {
        match self {
            Self::Subscription => (1, 5),
            Self::SubscribedAlready | Self::Receipt => (1, 1),
        }
    }
}

/// Where half the world is.
const LARGE: [&str; 24] = [
    "163.com",
    "aol.com",
    "free.fr",
    "gmail.com",
    "gmx.at",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "orange.fr",
    "outlook.com",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "t-online.de",
    "web.de",
    "yahoo.com",
    "yandex.ru",
];

/// Has whoever is about to write to the same mailbox wait until this transaction has ended. In a statement of its own: what
/// they commit meanwhile must be visible to the next one.
///
/// # Errors
/// As any statement.
pub async fn lock(db: &mut PgConnection, email: &str) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('mailbox ' || $1, 0))",
        mailbox(email).0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether another mail may go there now; where it may, it counts, with `id`. Ask with the mailbox locked ([`lock`]).
/// Requests for other mailboxes under way at this moment are not counted: there are as many of them as connections, which
/// makes no difference.
///
/// # Errors
/// As any statement.
pub async fn may_be_written_to(
    db: &mut PgConnection,
    (id, now): (Uuid, OffsetDateTime),
    email: &str,
    purpose: Purpose,
) -> Result<bool> {
    let (mailbox, domain) = mailbox(email);
    sqlx::query!(
        "delete from subscription_mails where at < $1::timestamptz - interval '1 day'",
        now
    )
    .execute(&mut *db)
    .await?;
    let sent = sqlx::query!(
        r#"select (select count(*) from subscription_mails
                    where mailbox = $1 and purpose = $4 and at > $3::timestamptz - interval '1 hour') as "in_hour!",
                  (select count(*) from subscription_mails where mailbox = $1 and purpose = $4) as "in_day!",
                  (select count(*) from subscription_mails
                    where domain = $2 and purpose = $4 and at > $3 - interval '1 hour') as "to_domain!",
                  (select count(*) from subscription_mails
                    where purpose = $4 and at > $3 - interval '1 hour') as "to_all!""#,
        mailbox,
        domain,
        now,
        purpose.as_str(),
    )
    .fetch_one(&mut *db)
    .await?;
    let crowded = sent.to_domain >= TO_DOMAIN && !LARGE.contains(&domain.as_str());
    if crowded || sent.to_all >= TO_ALL {
        let what = purpose.as_str();
        tracing::warn!(what, "more people than is likely; no mail goes to some of them");
    }
    let (in_hour, in_day) = purpose.most();
    if sent.in_hour >= in_hour || sent.in_day >= in_day || crowded || sent.to_all >= TO_ALL {
        return Ok(false);
    }
    sqlx::query!(
        "insert into subscription_mails (id, mailbox, domain, at, purpose) values ($1, $2, $3, $4, $5)",
        id,
        mailbox,
        domain,
        now,
        purpose.as_str(),
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// The mailbox and its domain: without what stands after a plus, without what some providers ignore of a name or call
/// themselves besides, and with the domain as mail is sent to it (UTS 46), as all of these would make many addresses of one
/// mailbox.
pub fn mailbox(email: &str) -> (String, String) {
    let email = email.to_lowercase();
    let (name, domain) = email.rsplit_once('@').unwrap_or((&email, ""));
    let name = name.split('+').next().unwrap_or_default();
    let domain = Host::parse(domain).map_or_else(|_| domain.to_owned(), |host| host.to_string());
    let (name, domain) = match domain.as_str() {
        "gmail.com" | "googlemail.com" => (name.replace('.', ""), "gmail.com"),
        "proton.me" | "protonmail.com" | "pm.me" => {
            (name.replace(['.', '-', '_'], ""), "proton.me")
        }
        "icloud.com" | "me.com" | "mac.com" => (name.to_owned(), "icloud.com"),
        "yandex.ru" | "yandex.com" | "ya.ru" => (name.replace('.', "-"), "yandex.ru"),
        other => (name.to_owned(), other),
    };
    (format!("{name}@{domain}"), domain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_of_one_mailbox_are_one() {
        for email in [
            "ann.li@gmail.com",
            "Annli+7@gmail.com",
            "a.n.n.l.i@GMAIL.com",
            "annli@googlemail.com",
            "annli@ｇｍａｉｌ.com",
            "annli@gmai\u{24db}.com",
            "annli@g\u{ad}mail.com",
        ] {
            assert_eq!(mailbox(email), ("annli@gmail.com".into(), "gmail.com".into()), "{email}");
        }
        for email in ["ann@bücher.example", "ann@BÜCHER.example", "ann@xn--bcher-kva.example"] {
            assert_eq!(mailbox(email).0, "ann@xn--bcher-kva.example");
        }
        assert_eq!(mailbox("a-n_n.li@pm.me").0, mailbox("annli@protonmail.com").0);
        assert_eq!(mailbox("ann.li@ya.ru").0, mailbox("ann-li@yandex.com").0);
        assert_eq!(
            mailbox("ann.li+x@example.com"),
            ("ann.li@example.com".into(), "example.com".into())
        );
    }
}
