//! Money, as it was entered, and how the accounts stand.

use super::{page, pager};
use crate::{View, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// What a booking is about.
pub enum About<'a> {
    /// An order.
    Order {
        /// Which.
        id: Uuid,
        /// What it is called.
        number: String,
    },
    /// Somebody's membership.
    Member {
        /// What others see.
        name: &'a str,
        /// Where mail reaches them.
        email: &'a str,
    },
    /// What is none of ours, or whose owner is gone.
    Other(&'a str),
}

/// A booking.
pub struct Row<'a> {
    /// When.
    pub at: OffsetDateTime,
    /// What.
    pub kind: &'a str,
    /// What Stripe calls it.
    pub object: &'a str,
    /// What for.
    pub about: About<'a>,
    /// Of what.
    pub currency: &'a str,
    /// Both sides: the account, what is owed to it, what it owes.
    pub entries: Vec<(&'a str, i64, i64)>,
}

/// How an account stands.
pub struct Account<'a> {
    /// Of what.
    pub currency: &'a str,
    /// Which.
    pub name: &'a str,
    /// What is owed to it.
    pub debit: i64,
    /// What it owes.
    pub credit: i64,
}

/// What all accounts come to.
pub struct Sum<'a> {
    /// Of what.
    pub currency: &'a str,
    /// What is owed to them.
    pub debit: i64,
    /// What they owe.
    pub credit: i64,
    /// Whether that is the same.
    pub is_even: bool,
}

/// The bookings, the last first; the cursor of the next page, and whether this is the newest.
pub fn index(
    rows: &[Row<'_>],
    accounts: &[Account<'_>],
    sums: &[Sum<'_>],
    (older, first): (Option<Uuid>, bool),
) -> View {
    let main = html! {
        header.page-head {
            h1 { "Ledger" }
            p { "What was paid and what went back, by double entry. What was entered is never changed." }
            p.actions {
                a.quiet href=(paths::admin_ledger_export()) { "Take it along (CSV)" }
                a.quiet href=(paths::admin_orders()) { "Orders" }
            }
        }
        @if first && !accounts.is_empty() { (standing(accounts, sums)) }
        section {
            h2 { "Bookings" }
            @if rows.is_empty() { p.empty { "Nothing was paid yet." } } @else { (table(rows)) }
        }
        (pager((!first).then(paths::admin_ledger), older.map(paths::admin_ledger_before)))
    };
    page("Ledger", &paths::admin_ledger(), main)
}

fn standing(accounts: &[Account<'_>], sums: &[Sum<'_>]) -> Markup {
    html! {
        section {
            h2 { "How the accounts stand" }
            table.stacked {
                thead {
                    tr {
                        th scope="col" { "Account" }
                        th scope="col" { "Debit" }
                        th scope="col" { "Credit" }
                        th scope="col" { "Balance" }
                    }
                }
                tbody {
                    @for one in accounts {
                        tr {
                            th scope="row" { (one.name) }
                            (amounts(one.currency, one.debit, one.credit))
                            td.number data-label="Balance" { (format::money(one.debit - one.credit, one.currency)) }
                        }
                    }
                    @for sum in sums {
                        tr {
                            th scope="row" { "All, " (sum.currency.to_uppercase()) }
                            (amounts(sum.currency, sum.debit, sum.credit))
                            td.number data-label="Balance" { (format::money(sum.debit - sum.credit, sum.currency)) }
                        }
                    }
                }
            }
            @for sum in sums.iter().filter(|sum| !sum.is_even) {
                p.error { "The two sides are not the same in " (sum.currency.to_uppercase()) ": something is wrong." }
            }
            @if sums.iter().all(|sum| sum.is_even) { p.meta { span { "Both sides come to the same, as they have to." } } }
        }
    }
}

fn amounts(currency: &str, debit: i64, credit: i64) -> Markup {
    html! {
        td.number data-label="Debit" { (format::money(debit, currency)) }
        td.number data-label="Credit" { (format::money(credit, currency)) }
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "For" }
                    th scope="col" { "Debit" }
                    th scope="col" { "Credit" }
                    th scope="col" { "When" }
                }
            }
            tbody { @for row in rows { (line(row)) } }
        }
    }
}

fn line(row: &Row<'_>) -> Markup {
    html! {
        tr {
            th scope="row" { (row.kind) span.sub { code { (row.object) } } }
            td.wide data-label="For" {
                @match &row.about {
                    About::Order { id, number } => a href=(paths::admin_order(*id)) { "Order " (number) },
                    About::Member { name, email } => a dir="auto" href=(paths::admin_person(email)) { (name) },
                    About::Other(about) => bdi { (about) },
                }
            }
            td.number data-label="Debit" { (side(row, |entry| entry.1)) }
            td.number data-label="Credit" { (side(row, |entry| entry.2)) }
            td data-label="When" { (format::moment(row.at)) }
        }
    }
}

/// One side of a booking.
fn side(row: &Row<'_>, amount: impl Fn(&(&str, i64, i64)) -> i64) -> Markup {
    html! {
        @for entry in row.entries.iter().filter(|entry| amount(entry) > 0) {
            (format::money(amount(entry), row.currency)) span.sub { (entry.0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_that_differ_are_said_and_sides_that_do_not_too() {
        let accounts = [Account { currency: "eur", name: "stripe", debit: 900, credit: 0 }];
        let said = |debit| {
            let sum = Sum { currency: "eur", debit, credit: 900, is_even: debit == 900 };
            index(&[], &accounts, &[sum], (None, true)).main.into_string()
        };
        assert!(said(900).contains("come to the same") && !said(900).contains("wrong"));
        assert!(
            said(899).contains("not the same in EUR") && !said(899).contains("come to the same")
        );
    }
}
