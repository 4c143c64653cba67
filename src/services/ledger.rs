//! Money, by double entry. What was entered stays; the database refuses a booking that does not balance, and each is made once.

use crate::error::Result;
use crate::services::csv;
use crate::services::sessions::Owner;
use serde::Serialize;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What a booking is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody has paid for membership.
    Membership,
    /// Somebody has paid for an order.
    Order,
    /// Something was paid from what we owed its payer.
    Credit,
    /// Money went back.
    Refund,
    /// It came again, as nobody could take it there.
    RefundFailed,
    /// A bank took money back.
    Dispute,
    /// And gave it to us again.
    DisputeWon,
}

impl Kind {
    /// As effects name it.
    pub fn effect(self) -> &'static str {
        match self {
            Self::Membership | Self::Order => "booked",
            Self::Credit => "booked-credit",
            Self::Refund => "booked-refund",
            Self::RefundFailed => "booked-refund-failed",
            Self::Dispute => "booked-dispute",
            Self::DisputeWon => "booked-dispute-won",
        }
    }

    /// As it is kept, with the accounts that it is owed by and to.
    fn terms(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Membership => ("charge", "stripe", "membership"),
            Self::Order => ("charge", "stripe", "shop"),
            Self::Credit => ("credit", "credits", "membership"),
            Self::Refund => ("refund", "refunds", "stripe"),
            Self::RefundFailed => ("refund-failed", "stripe", "refunds"),
            Self::Dispute => ("dispute", "disputes", "stripe"),
            Self::DisputeWon => ("dispute-won", "stripe", "disputes"),
        }
    }
}

/// Something to be entered.
#[derive(Debug)]
pub struct New<'a> {
    /// Of what.
    pub kind: Kind,
    /// Stripe's object.
    pub object: &'a str,
    /// How much.
    pub amount: i64,
    /// Of what.
    pub currency: &'a str,
    /// What for.
    pub about: &'a str,
}

/// Enters it, unless it was before or is nothing; says whether it did. `id` is a fresh one.
///
/// # Errors
/// As any statement.
pub async fn enter(db: &mut PgConnection, id: Uuid, new: &New<'_>) -> Result<bool> {
    if new.amount <= 0 {
        return Ok(false);
    }
    let (kind, debit, credit) = new.kind.terms();
    let entered = sqlx::query!(
        "insert into ledger (id, kind, object, currency, about) values ($1, $2, $3, lower($4), $5)
             on conflict on constraint ledger_once do nothing",
        id,
        kind,
        new.object,
        new.currency,
        new.about,
    );
    if entered.execute(&mut *db).await?.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into ledger_entries (ledger_id, account, debit, credit) values ($1, $2, $4, 0), ($1, $3, 0, $4)",
        id,
        debit,
        credit,
        new.amount,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Whether something was entered for this object.
///
/// # Errors
/// As any statement.
pub async fn has(db: &mut PgConnection, kind: Kind, object: &str) -> Result<bool> {
    let has = sqlx::query_scalar!(
        r#"select exists (select from ledger where object = $1 and kind = $2) as "is!""#,
        object,
        kind.terms().0,
    );
    Ok(has.fetch_one(db).await?)
}

/// How an account stands.
#[derive(Debug, Serialize)]
pub struct Balance {
    /// Of what.
    pub currency: String,
    /// Which.
    pub account: String,
    /// What is owed to it.
    pub debit: i64,
    /// What it owes.
    pub credit: i64,
}

/// How all accounts stand. The two sides of each currency are the same, or something is wrong.
///
/// # Errors
/// As any statement.
pub async fn balances(db: &mut PgConnection) -> Result<Vec<Balance>> {
    Ok(sqlx::query_as!(
        Balance,
        r#"select currency, account, sum(debit)::bigint as "debit!", sum(credit)::bigint as "credit!"
             from ledger_entries join ledger on ledger.id = ledger_id group by currency, account order by currency, account"#
    )
    .fetch_all(db)
    .await?)
}

/// What the two sides of a currency come to.
#[derive(Debug)]
pub struct Sum<'a> {
    /// Of what.
    pub currency: &'a str,
    /// What is owed to all accounts.
    pub debit: i64,
    /// What all of them owe.
    pub credit: i64,
}

impl Sum<'_> {
    /// Whether they are the same, as they have to be.
    pub fn is_even(&self) -> bool {
        self.debit == self.credit
    }
}

/// What the accounts come to, by currency.
pub fn sums(balances: &[Balance]) -> Vec<Sum<'_>> {
    let of_one = |one: &[Balance]| {
        one.iter().fold((0, 0), |(debit, credit), balance| {
            (debit + balance.debit, credit + balance.credit)
        })
    };
    let parts = balances.chunk_by(|one, other| one.currency == other.currency);
    let sum = |part| {
        let (debit, credit) = of_one(part);
        Some(Sum { currency: &part.first()?.currency, debit, credit })
    };
    parts.filter_map(sum).collect()
}

/// What a booking says of an account.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub account: String,
    /// What is owed to it.
    pub debit: i64,
    /// What it owes.
    pub credit: i64,
}

/// Whom a payment is of.
#[derive(Debug, Clone)]
pub struct Payer {
    /// What others see.
    pub name: String,
    /// Where mail reaches them.
    pub email: String,
}

/// Something that was entered.
#[derive(Debug)]
pub struct Booking {
    /// UUID v7.
    pub id: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// charge, refund, refund-failed, credit, dispute or dispute-won.
    pub kind: String,
    /// Stripe's object.
    pub object: String,
    /// What for.
    pub about: String,
    /// Of what.
    pub currency: String,
    /// Both sides.
    pub entries: Vec<Entry>,
    /// The order that it is about.
    pub order: Option<Uuid>,
    /// Whose membership it is about.
    pub member: Option<Payer>,
}

/// Up to `limit` bookings, the last first, after the one called `before`.
///
/// # Errors
/// As any statement.
pub async fn newest(
    db: &mut PgConnection,
    _by: &Owner,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Booking>> {
    let rows = sqlx::query!(
        "select id, at, kind, object, about, currency, account, debit, credit
           from (select * from ledger where $1::uuid is null or (at, id) < (select at, id from ledger where id = $1)
                  order by at desc, id desc limit $2) part
           join ledger_entries on ledger_id = part.id order by at desc, id desc, credit, account",
        before,
        limit,
    );
    let mut bookings: Vec<Booking> = Vec::new();
    for row in rows.fetch_all(&mut *db).await? {
        let entry = Entry { account: row.account, debit: row.debit, credit: row.credit };
        match bookings.last_mut().filter(|last| last.id == row.id) {
            Some(last) => last.entries.push(entry),
            None => bookings.push(Booking {
                id: row.id,
                at: row.at,
                kind: row.kind,
                object: row.object,
                about: row.about,
                currency: row.currency,
                entries: vec![entry],
                order: None,
                member: None,
            }),
        }
    }
    resolve(db, &mut bookings).await?;
    Ok(bookings)
}

/// Looks for the orders and the members that bookings are about. What goes back is known by its payment, and that by its order.
async fn resolve(db: &mut PgConnection, bookings: &mut [Booking]) -> Result<()> {
    let about = |kind: &str| -> Vec<String> {
        let named = bookings.iter().filter_map(|booking| booking.about.split_once(':'));
        named.filter(|(of, _)| *of == kind).map(|(_, id)| id.to_owned()).collect()
    };
    let ids: Vec<Uuid> = about("order").iter().filter_map(|id| id.parse().ok()).collect();
    let (payments, subscriptions) = (about("payment"), about("subscription"));
    let orders = sqlx::query!(
        "select id, payment from orders where id = any($1) or payment = any($2)",
        &ids,
        &payments,
    );
    let orders = orders.fetch_all(&mut *db).await?;
    let members = sqlx::query!(
        "select subscriptions.id, name, email from subscriptions join accounts on accounts.id = account_id
          where subscriptions.id = any($1)",
        &subscriptions,
    );
    let members = members.fetch_all(db).await?;
    for booking in bookings {
        let (kind, id) = booking.about.split_once(':').unwrap_or_default();
        match kind {
            "order" | "payment" => {
                let found = orders.iter().find(|order| {
                    order.id.to_string() == id || order.payment.as_deref() == Some(id)
                });
                booking.order = found.map(|order| order.id);
            }
            "subscription" => {
                let found = members.iter().find(|member| member.id == id);
                booking.member = found
                    .map(|member| Payer { name: member.name.clone(), email: member.email.clone() });
            }
            _ => {}
        }
    }
    Ok(())
}

/// How many rows are handed out at a time.
const PART: i64 = 1_000;

/// All of it as a table.
///
/// # Errors
/// As any statement.
pub async fn table(db: &mut PgConnection) -> Result<String> {
    let head = ["at", "kind", "object", "about", "account", "debit", "credit", "currency"];
    let mut text = csv::line(head);
    let (mut at, mut id) = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
    loop {
        let rows = sqlx::query!(
            "select id, at, kind, object, about, currency, account, debit, credit
               from (select * from ledger where (at, id) > ($1, $2) order by at, id limit $3) part
               join ledger_entries on ledger_id = part.id order by at, id, credit",
            at,
            id,
            PART,
        );
        let rows = rows.fetch_all(&mut *db).await?;
        let Some(last) = rows.last() else { return Ok(text) };
        (at, id) = (last.at, last.id);
        for row in &rows {
            let (debit, credit) = (row.debit.to_string(), row.credit.to_string());
            let at = row.at.format(&Rfc3339).unwrap_or_default();
            text += &csv::line([
                at.as_str(),
                &row.kind,
                &row.object,
                &row.about,
                &row.account,
                &debit,
                &credit,
                &row.currency,
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_accounts_come_to_is_even_for_each_currency_or_it_is_seen() {
        let one = |currency: &str, debit, credit| Balance {
            currency: currency.to_owned(),
            account: String::new(),
            debit,
            credit,
        };
        let all = [one("eur", 900, 0), one("eur", 0, 900), one("usd", 500, 0), one("usd", 0, 499)];
        let sums = sums(&all);
        let said: Vec<_> = sums.iter().map(|sum| (sum.currency, sum.is_even())).collect();
        assert_eq!(said, [("eur", true), ("usd", false)]);
    }
}
