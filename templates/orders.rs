//! Orders, as whoever has placed them sees them.

use crate::admin::{badge, pager};
use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// An order in the list.
pub struct Row<'a> {
    /// What it is called.
    pub number: String,
    /// What its address ends in.
    pub token: String,
    /// How it stands.
    pub status: &'a str,
    /// What it costs.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// What went back.
    pub refunded: i64,
    /// What was ordered, in a line.
    pub lines: &'a str,
    /// When.
    pub placed_at: OffsetDateTime,
}

/// What a member has ordered, the last placed first. `older` is where the list goes on; `is_first` says that it begins here.
pub fn index(rows: &[Row<'_>], older: Option<Uuid>, is_first: bool) -> View {
    let main = html! {
        header.page-head { h1 { "Your orders" } }
        @if rows.is_empty() {
            p.empty { "There are none." }
            p.actions { a.button href=(paths::shop()) { "See the shop" } }
        } @else {
            (table(rows))
        }
        (pager((!is_first).then(paths::account_orders), older.map(paths::account_orders_before)))
    };
    View::new("Your orders", main).canonical(paths::account_orders()).noindex()
}

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Order" }
                    th scope="col" { "Amount" }
                    th scope="col" { "Status" }
                    th scope="col" { "Placed" }
                }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            a href=(paths::order(&row.token)) { (row.number) }
                            span.sub dir="auto" { (format::shorten(row.lines, 120)) }
                        }
                        td.number data-label="Amount" {
                            (format::money(row.amount, row.currency))
                            @if row.refunded > 0 || row.status == "refunded" { span.sub { (format::money(row.refunded, row.currency)) " back" } }
                        }
                        td data-label="Status" { (badge(row.status)) }
                        td data-label="Placed" { (format::moment(row.placed_at)) }
                    }
                }
            }
        }
    }
}

/// An order, as its buyer sees it.
pub struct Order<'a> {
    /// What it is called.
    pub number: String,
    /// What its address ends in.
    pub token: &'a str,
    /// `pending-payment`, `paid`, …
    pub status: &'a str,
    /// What it costs.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// What went back.
    pub refunded: i64,
    /// Who it is for.
    pub name: Option<&'a str>,
    /// Where the receipt went.
    pub email: Option<&'a str>,
    /// What there is to say besides.
    pub remark: Option<&'a str>,
    /// What there is to say where money that was to go back did not get there.
    pub stuck: Option<&'a str>,
    /// Whether their bank has taken the payment back.
    pub is_taken_back: bool,
    /// Whether something of what was ordered is still in the cart.
    pub is_in_cart: bool,
    /// When it was placed.
    pub placed_at: OffsetDateTime,
    /// When it was paid for.
    pub paid_at: Option<OffsetDateTime>,
    /// Where it can be paid for.
    pub pay_at: Option<&'a str>,
    /// Until when.
    pub open_until: Option<OffsetDateTime>,
    /// Whether a payment is under way that takes days.
    pub is_under_way: bool,
    /// What was ordered.
    pub lines: Vec<Bought<'a>>,
}

/// Something that was ordered.
pub struct Bought<'a> {
    /// What it was called.
    pub title: &'a str,
    /// What one cost.
    pub amount: i64,
    /// How many.
    pub quantity: i32,
    /// When it happens.
    pub happens_at: Option<OffsetDateTime>,
}

/// An order, for whoever has its link.
pub fn show(order: &Order<'_>, state: &FormState) -> View {
    let (title, words) = standing(order);
    let is_waiting = ["open", "pending-payment"].contains(&order.status) && !order.is_under_way;
    let main = html! {
        header.page-head {
            p.meta { span { "Order " (order.number) } span { (format::moment(order.placed_at)) } }
            h1 { (title) }
            p.lede { (words) }
            @if let Some(place) = order.pay_at { p.actions { a.button rel="nofollow" href=(place) { "Go on to the payment" } } }
        }
        (bought(order))
        (about(order))
        @if is_waiting { (let_go(order, state)) } @else { (onward(order)) }
    };
    View::new(form::title(state, title), main).noindex()
}

/// What has become of it, in a heading and a sentence.
fn standing(order: &Order<'_>) -> (&'static str, Markup) {
    let back = format::money(order.refunded, order.currency);
    let stuck = html! { @if let Some(words) = order.stuck { " " (words) } };
    let in_cart = html! { @if order.is_in_cart { " What you chose is still in your cart." } };
    match (order.status, order.remark) {
        ("refunded", _) if order.refunded < order.amount => (
            "Your money could not be given back yet",
            html! { @if order.refunded > 0 { (back) " of it went back to you." } (stuck) },
        ),
        ("refunded", remark) => (
            "Your money is on its way back",
            html! { @if let Some(remark) = remark { (remark) " " } (back) " went back to you." },
        ),
        ("paid", _) if order.is_taken_back => (
            "Your bank has taken the payment back",
            html! { "So this is not paid for at the moment. Ask us about it, if you did not want that." },
        ),
        ("paid", Some(remark)) => (
            "Your payment came too late",
            html! { (remark) @if order.stuck.is_some() { (stuck) } @else { " The money goes back." } },
        ),
        ("paid", None) => (
            "Thank you for your order",
            html! {
                @if order.refunded > 0 { "It is paid for, and " (back) " of it went back to you." } @else {
                    "It is paid for, and yours."
                    @if let Some(email) = order.email { " Your receipt goes to " bdi { (email) } "." }
                }
                (stuck)
            },
        ),
        ("cancelled", _) => ("This order is let go", html! { "Nothing was taken." (in_cart) }),
        ("expired", Some(remark)) => ("Your payment did not arrive", html! { (remark) }),
        ("expired", None) => (
            "This order has run out",
            html! { "It was not paid for in time, so nothing was taken." (in_cart) },
        ),
        _ if order.is_under_way => (
            "Your payment is under way",
            html! { "That can take some days. You get a mail once it has arrived." },
        ),
        _ => (
            "This order waits for your payment",
            match order.open_until {
                Some(until) => {
                    html! { "What you chose is set aside for you until " (format::moment(until)) "." }
                }
                None => html! { "Look again in a moment." },
            },
        ),
    }
}

/// Whom it is for, and when it was paid for.
fn about(order: &Order<'_>) -> Markup {
    html! {
        @if order.name.or(order.email).is_some() {
            dl.details {
                dt { "For" }
                @if let Some(name) = order.name { dd dir="auto" { (name) } }
                @if let Some(email) = order.email { dd dir="auto" { (email) } }
                @if let Some(at) = order.paid_at { dt { "Paid for" } dd { (format::moment(at)) } }
            }
        }
    }
}

/// The button for whoever does not want it any more.
fn let_go(order: &Order<'_>, state: &FormState) -> Markup {
    let form = form::Form::new(state).action(paths::order_cancel(order.token));
    html! {
        section.panel.narrow {
            h2 { "You do not want it any more?" }
            p { "Nothing is taken then, and what was set aside for you is free for others." }
            (form.button("Let go of this order", "One moment…").show(html! {}))
        }
    }
}

/// Where to go from here.
fn onward(order: &Order<'_>) -> Markup {
    html! {
        p.actions {
            @if ["expired", "cancelled"].contains(&order.status) && order.is_in_cart {
                a.button href=(paths::cart()) { "See your cart" }
            }
            a.quiet href=(paths::shop()) { "See the shop" }
            a.quiet href=(paths::contact()) { "Ask us about it" }
        }
    }
}

/// What was ordered, and what it costs.
pub(crate) fn bought(order: &Order<'_>) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "How many" }
                    th scope="col" { "Each" }
                    th scope="col" { "Together" }
                }
            }
            tbody {
                @for line in &order.lines {
                    tr {
                        th scope="row" {
                            span dir="auto" { (line.title) }
                            @if let Some(at) = line.happens_at { span.sub { (format::moment(at)) } }
                        }
                        td.number data-label="How many" { (line.quantity) }
                        td.number data-label="Each" { (format::money(line.amount, order.currency)) }
                        td.number data-label="Together" { (format::money(line.amount * i64::from(line.quantity), order.currency)) }
                    }
                }
                tr {
                    th scope="row" colspan="3" { "In all" }
                    td.number data-label="Together" { strong { (format::money(order.amount, order.currency)) } }
                }
                @if order.refunded > 0 {
                    tr {
                        th scope="row" colspan="3" { "Went back" }
                        td.number data-label="Together" { (format::money(-order.refunded, order.currency)) }
                    }
                }
            }
        }
    }
}
