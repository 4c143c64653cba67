//! What members can be, and what they are.

use crate::{FormState, View, form, format, paths};
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A plan.
pub struct Plan<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// So many days are free at first.
    pub trial_days: i32,
    /// What is taken off the first payment, in per cent.
    pub off: Option<i32>,
    /// What it costs.
    pub prices: Vec<Price<'a>>,
}

/// What it costs.
pub struct Price<'a> {
    /// Which.
    pub id: Uuid,
    /// `monthly` or `yearly`.
    pub period: &'a str,
    /// In smallest units.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// Whether it can be bought.
    pub is_ready: bool,
}

fn every(period: &str) -> &'static str {
    if period == "yearly" { "a year" } else { "a month" }
}

/// What members can be.
pub fn page(plans: &[Plan<'_>], state: &FormState) -> View {
    let head = html! {
        header.page-head {
            h1 { "Membership" }
            p.lede { "What is for members is open to you, and you keep this place going." }
        }
    };
    let silent = state.silent();
    let main = html! {
        (head)
        (form::summary(state))
        @if let Some(wrong) = state.errors("price").first() { p.error #price-error { (wrong) } }
        @if plans.is_empty() { p.empty { "There is nothing to choose from yet." } }
        ul.cards #price {
            @for plan in plans {
                li.card {
                    h2 dir="auto" { (plan.name) }
                    @if !plan.text.is_empty() { p dir="auto" { (plan.text) } }
                    @if plan.trial_days > 0 || plan.off.is_some() { (at_first(plan)) }
                    @for price in &plan.prices { (offer(price, &silent)) }
                }
            }
        }
        p.meta {
            span { "You pay at Stripe, and can end it at any time." }
            a href=(paths::account_membership()) { "Your membership" }
        }
    };
    let off = html! {
        (head)
        p.empty { "Nobody can become a member here at the moment: payments are off." }
    };
    View::new(form::title(state, "Membership"), main)
        .describe("What members can be, and what it costs.")
        .canonical(paths::membership())
        .otherwise(off)
}

/// What is different at first.
fn at_first(plan: &Plan<'_>) -> Markup {
    let days = plan.trial_days.unsigned_abs() as usize;
    html! {
        p.meta {
            @if days > 0 { span { (format::plural(days, "day is", "days are")) " free of charge at first, for new members" } }
            @if let Some(off) = plan.off { span { (off) " % off the first payment" } }
        }
    }
}

fn offer(price: &Price<'_>, state: &FormState) -> Markup {
    let money = format::money(price.amount, price.currency);
    let label = format!("{money} {}", every(price.period));
    if !price.is_ready {
        return html! { p { (label) ": soon" } };
    }
    // Its answer leads to another site, which a script could not follow.
    let form = form::Form::new(state).action(paths::membership()).native(true);
    form.button(&label, "One moment…").show(html! {
        input type="hidden" name="price" value=(price.id);
    })
}

/// A membership, as its owner sees it.
pub struct Held<'a> {
    /// What the plan is called.
    pub plan: &'a str,
    /// How it stands, in a sentence or two.
    pub words: String,
    /// What is paid: `EUR 9.00 a month`.
    pub price: Option<String>,
    /// Whether it ends with what is paid for.
    pub ends: bool,
    /// Something that its owner has to see to.
    pub alarm: Option<String>,
}

/// `EUR 9.00 a month`
pub fn price(amount: i64, currency: &str, period: &str) -> String {
    format!("{} {}", format::money(amount, currency), every(period))
}

/// Their membership.
pub fn own(held: Option<&Held<'_>>, words: &str, has_paid: bool, state: &FormState) -> View {
    let silent = state.silent();
    let main = html! {
        header.page-head { h1 { "Your membership" } p.lede { (words) } }
        (form::summary(state))
        @if let Some(held) = held {
            @if let Some(alarm) = &held.alarm { p.error-summary role="alert" #membership-error { (alarm) } }
            section.panel.narrow {
                h2 dir="auto" { (held.plan) }
                p { (held.words) }
                @if let Some(price) = &held.price { p.meta { span { (price) } } }
                @if held.ends {
                    (form::Form::new(&silent).action(paths::account_membership_resume()).button("Let it go on", "One moment…").show(html! {}))
                } @else {
                    (form::Form::new(&silent).action(paths::account_membership_cancel()).button("End it", "One moment…").show(html! {}))
                }
            }
        } @else {
            p.actions { a.button href=(paths::membership()) { "See what membership is" } }
        }
        @if has_paid {
            section.panel.narrow {
                h2 { "Payments" }
                p { "Cards, invoices and receipts are at Stripe." }
                (form::Form::new(&silent).action(paths::account_membership_portal()).native(true).button("Look after payments", "One moment…").show(html! {}))
            }
        }
    };
    View::new(form::title(state, "Your membership"), main).canonical(paths::account_membership())
}

/// What whoever comes back from paying is told.
pub enum Outcome {
    /// They are a member.
    Begun,
    /// Stripe has not said so yet.
    Awaited,
    /// Nothing has come of it.
    None,
}

/// What whoever comes back from paying sees. `until` says how far what they have goes, and whether that is free of charge.
pub fn thanks(outcome: &Outcome, until: Option<(OffsetDateTime, bool)>) -> View {
    let (title, words) = match outcome {
        Outcome::Begun => {
            ("Welcome! You are a member", "What is for members is open to you from now on.")
        }
        Outcome::Awaited => (
            "Thank you. We wait for your payment",
            "It has not been confirmed yet. As soon as it is, you are a member, and get a mail.",
        ),
        Outcome::None => ("Nothing was paid", "You are no member, and nothing was taken."),
    };
    let main = html! {
        header.page-head {
            h1 { (title) }
            p.lede { (words) }
            @if let Some((until, is_free)) = until {
                p.meta { span { @if is_free { "Free of charge" } @else { "Paid" } " until " (format::day(until)) } }
            }
            p.actions {
                @if matches!(outcome, Outcome::None) {
                    a.button href=(paths::membership()) { "See what membership is" }
                } @else {
                    a.button href=(paths::posts()) { "Read on" }
                }
                a.quiet href=(paths::account_membership()) { "Your membership" }
            }
        }
    };
    View::new(title, main)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans() -> Vec<Plan<'static>> {
        let price = Price {
            id: Uuid::nil(),
            period: "monthly",
            amount: 900,
            currency: "eur",
            is_ready: true,
        };
        let soon = Price {
            id: Uuid::from_u128(1),
            period: "yearly",
            amount: 9000,
            is_ready: false,
            ..price
        };
        vec![Plan {
            name: "Friend <3",
            text: "All of it.",
            trial_days: 14,
            off: Some(50),
            prices: vec![Price { id: Uuid::nil(), ..price }, soon],
        }]
    }

    #[test]
    fn what_can_be_bought_has_a_button_that_says_what_it_costs() {
        let html = page(&plans(), &FormState::default()).main.into_string();
        assert!(
            html.contains(">EUR 9.00 a month</button>") && html.contains("Friend &lt;3"),
            "{html}"
        );
        assert!(html.contains("EUR 90.00 a year: soon") && html.contains("data-native"), "{html}");
        assert_eq!(html.matches("<form").count(), 1);
    }

    #[test]
    fn what_is_wrong_with_a_choice_is_said_once() {
        let price = |id| Price {
            id: Uuid::from_u128(id),
            period: "monthly",
            amount: 900,
            currency: "eur",
            is_ready: true,
        };
        let plan = |id| Plan {
            name: "Friend",
            text: "",
            trial_days: 0,
            off: None,
            prices: vec![price(id)],
        };
        let errors = [("price".to_owned(), vec!["Choose one.".to_owned()])].into();
        let html =
            page(&[plan(1), plan(2)], &FormState::new(Vec::new(), errors)).main.into_string();
        for once in ["id=\"error-summary\"", "id=\"price\"", "id=\"price-error\""] {
            assert_eq!(html.matches(once).count(), 1, "{once}: {html}");
        }
    }

    #[test]
    fn where_payments_are_off_it_says_so_and_has_no_form() {
        let off = page(&plans(), &FormState::default()).is_on(vec![]);
        let html = off.main.into_string();
        assert!(html.contains("payments are off") && !html.contains("<form"), "{html}");
        let on =
            page(&plans(), &FormState::default()).is_on(vec!["https://checkout.stripe.com".into()]);
        assert!(on.main.into_string().contains("<form") && on.leads_to.len() == 1);
    }

    #[test]
    fn money_is_written_as_its_currency_counts() {
        assert_eq!(format::money(123_456, "eur"), "EUR 1234.56");
        assert_eq!(format::money(5, "usd"), "USD 0.05");
        assert_eq!(format::money(-250, "eur"), "EUR -2.50");
        assert_eq!(format::money(900, "jpy"), "JPY 900");
    }
}
