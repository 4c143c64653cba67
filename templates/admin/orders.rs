//! Orders, as staff see them.

use super::leads::or_any;
use super::{badge, page, pager};
use crate::orders::{self, Order};
use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// An order in the list.
pub struct Row<'a> {
    /// Which.
    pub id: Uuid,
    /// What it is called.
    pub number: String,
    /// How it stands.
    pub status: &'a str,
    /// What it costs.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// What went back.
    pub refunded: i64,
    /// Whose it is.
    pub name: Option<&'a str>,
    /// Where mail reaches them.
    pub email: Option<&'a str>,
    /// What was ordered, in a line.
    pub lines: &'a str,
    /// When.
    pub placed_at: OffsetDateTime,
}

/// What the list is asked for.
pub struct Filter<'a> {
    /// How they stand.
    pub status: Option<&'a str>,
    /// What stands in name or address.
    pub q: &'a str,
    /// How orders can stand.
    pub statuses: &'a [&'a str],
}

/// The list, the last placed first; owners are shown the way to the ledger, too.
pub fn index(
    rows: &[Row<'_>],
    filter: &Filter<'_>,
    (older, first): (Option<Uuid>, bool),
    is_owner: bool,
) -> View {
    let asked = [("status", filter.status.unwrap_or_default()), ("q", filter.q)];
    let older = older.map(|id| {
        let id = id.to_string();
        paths::admin_orders_where(&[asked[0], asked[1], ("before", &id)])
    });
    let main = html! {
        header.page-head {
            h1 { "Orders" }
            p.actions {
                a.quiet href=(paths::admin_products()) { "Products" }
                @if is_owner { a.quiet href=(paths::admin_ledger()) { "Ledger" } }
            }
        }
        (filter_form(filter))
        @if rows.is_empty() { p.empty { "There are none." } } @else { (table(rows)) }
        (pager((!first).then(|| paths::admin_orders_where(&asked)), older))
    };
    page("Orders", &paths::admin_orders(), main)
}

fn filter_form(filter: &Filter<'_>) -> Markup {
    let typed = FormState::default();
    html! {
        form.filter method="get" action=(paths::admin_orders()) role="search" {
            (form::search(&typed, "q", "Name or address").optional().stored(filter.q))
            (form::select(&typed, "status", "Status", or_any("Any status", filter.statuses)).stored(filter.status.unwrap_or_default()))
            p.actions { button type="submit" { "Show" } }
        }
    }
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Order" }
                    th scope="col" { "Buyer" }
                    th scope="col" { "Amount" }
                    th scope="col" { "Status" }
                    th scope="col" { "Placed" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href=(paths::admin_order(row.id)) { (row.number) }
                            span.sub dir="auto" { (format::shorten(row.lines, 120)) }
                        }
                        td.wide data-label="Buyer" {
                            span dir="auto" { (row.name.unwrap_or("Erased")) }
                            @if let Some(email) = row.email { span.sub dir="auto" { (email) } }
                        }
                        td.number data-label="Amount" {
                            (format::money(row.amount, row.currency))
                            @if row.refunded > 0 { span.sub { (format::money(row.refunded, row.currency)) " back" } }
                        }
                        td data-label="Status" { (badge(row.status)) }
                        td data-label="Placed" { (format::moment(row.placed_at)) }
                    }
                }
            }
        }
    }
}

/// What staff see of an order besides.
pub struct Besides<'a> {
    /// Which.
    pub id: Uuid,
    /// What Stripe calls the payment.
    pub payment: Option<&'a str>,
    /// Why Stripe has refused to give money back, where that is the last that was asked of it.
    pub refused: Option<&'a str>,
    /// What money went where: of which kind, how it stands, how much, what Stripe calls it.
    pub money: Vec<(&'a str, &'a str, i64, &'a str)>,
    /// What has happened: when, what, and what of it.
    pub events: Vec<(OffsetDateTime, &'a str, Option<&'a str>)>,
}

/// One order.
pub fn show(order: &Order<'_>, besides: &Besides<'_>, state: &FormState) -> View {
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_orders()) { "All orders" } }
            h1 { "Order " (order.number) }
            p.meta { (badge(order.status)) span { (format::moment(order.placed_at)) } }
            @if let Some(remark) = order.remark { p.lede { "Its buyer is told: “" (remark) "”" } }
        }
        div.columns {
            div {
                (orders::bought(order))
                (timeline(besides))
            }
            div {
                (buyer(order, besides))
                (money(order, besides))
                (refund(order, besides, state))
                @if order.paid_at.is_some() && order.email.is_some() { (receipt(besides, state)) }
            }
        }
    };
    page(
        &form::title(state, &format!("Order {}", order.number)),
        &paths::admin_order(besides.id),
        main,
    )
}

fn buyer(order: &Order<'_>, besides: &Besides<'_>) -> Markup {
    html! {
        section {
            h2 { "Buyer" }
            dl.details {
                dt { "Name" } dd dir="auto" { (order.name.unwrap_or("Erased")) }
                @if let Some(email) = order.email { dt { "Email" } dd dir="auto" { a href={ "mailto:" (email) } { (email) } } }
                @if let Some(at) = order.paid_at { dt { "Paid" } dd { (format::moment(at)) } }
                @if let Some(payment) = besides.payment { dt { "Payment at Stripe" } dd { code { (payment) } } }
            }
        }
    }
}

fn money(order: &Order<'_>, besides: &Besides<'_>) -> Markup {
    html! {
        @if !besides.money.is_empty() {
            section {
                h2 { "Money" }
                dl.details {
                    @for (kind, state, amount, id) in &besides.money {
                        dt { (kind) ", " (state) }
                        dd { (format::money(*amount, order.currency)) " " code { (id) } }
                    }
                }
            }
        }
    }
}

fn refund(order: &Order<'_>, besides: &Besides<'_>, state: &FormState) -> Markup {
    if order.paid_at.is_none() || order.refunded >= order.amount {
        return form::summary(state);
    }
    if order.is_taken_back {
        return html! {
            section.panel {
                h2 { "Disputed" }
                (form::summary(state))
                p { "The buyer’s bank has taken this payment back, so nothing of it can be given. Stripe’s dashboard has the dispute." }
            }
        };
    }
    let left = format::money(order.amount - order.refunded, order.currency);
    let hint = format!("{left} at most; left empty, all of that goes back.");
    html! {
        section.panel {
            h2 { "Give money back" }
            @if let Some(why) = besides.refused { p.error { "Stripe has refused this before: " (why) } }
            (form::Form::new(state).action(paths::admin_order_refund(besides.id)).button("Give it back", "One moment…").show(html! {
                (form::text(state, "amount", "Amount").optional().hint(&hint))
            }))
        }
    }
}

fn receipt(besides: &Besides<'_>, state: &FormState) -> Markup {
    let silent = state.silent();
    let form = form::Form::new(&silent).action(paths::admin_order_receipt(besides.id));
    html! {
        section {
            h2 { "Receipt" }
            (form.button("Mail the receipt again", "One moment…").show(html! {}))
        }
    }
}

/// What has happened, in words.
fn said(what: &str) -> String {
    match what {
        "checkout" => "Checkout at Stripe".to_owned(),
        "refund-asked" => "Refund asked for".to_owned(),
        "booked-refund" => "Refund booked".to_owned(),
        "booked-refund-failed" => "Failed refund booked".to_owned(),
        "booked-dispute" => "Dispute booked".to_owned(),
        "booked-dispute-won" => "Won dispute booked".to_owned(),
        other => {
            let mut words = other.replace('-', " ");
            if let Some(first) = words.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            words
        }
    }
}

/// What there is to say of it: `2000 eur` as money is written, how a call at Stripe stands in words, and anything else as it is.
fn of_it(what: &str, detail: &str) -> String {
    match (what, detail) {
        ("refund-asked", "frozen") => return "Stripe has not answered yet".to_owned(),
        ("refund-asked", "answered") => return "Stripe has taken it".to_owned(),
        _ => {}
    }
    let amount = detail
        .split_once(' ')
        .and_then(|(amount, currency)| Some((amount.parse().ok()?, currency)));
    amount.map_or_else(|| detail.to_owned(), |(amount, currency)| format::money(amount, currency))
}

fn timeline(besides: &Besides<'_>) -> Markup {
    html! {
        section {
            h2 { "What has happened" }
            ol.history {
                @for (at, what, detail) in &besides.events {
                    li {
                        p { bdi { (said(what)) } @if let Some(detail) = detail { " " (of_it(what, detail)) } }
                        p.meta { span { (format::moment(*at)) } }
                    }
                }
            }
        }
    }
}
