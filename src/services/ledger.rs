//! Money, by double entry. What was entered stays; the database refuses a booking that does not balance, and each is made once.

use crate::error::Result;
use crate::services::csv;
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
