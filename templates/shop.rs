//! The shop: what there is, and what somebody wants of it.

use crate::{FormState, View, form, format, markdown, paths};
use maud::{Markup, html};
use time::OffsetDateTime;

/// Something that can be bought.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    /// Its place in the address.
    pub slug: &'a str,
    /// What it is called.
    pub title: &'a str,
    /// What it is, in Markdown.
    pub text: &'a str,
    /// Whether it is a place at something.
    pub is_ticket: bool,
    /// What one costs.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// How many can be had.
    pub left: i64,
    /// When it happens.
    pub happens_at: Option<OffsetDateTime>,
    /// Whether it has.
    pub is_over: bool,
}

/// How many can be had, in words: only where it matters.
fn stock(offer: &Offer<'_>) -> Option<String> {
    let (one, many) = if offer.is_ticket { ("seat", "seats") } else { ("piece", "pieces") };
    match offer.left {
        _ if offer.is_over => Some("Over".to_owned()),
        0 => Some("Sold out".to_owned()),
        left @ 1..=20 => {
            Some(format!("{} left", format::plural(left.unsigned_abs() as usize, one, many)))
        }
        _ => None,
    }
}

fn facts(offer: &Offer<'_>) -> Markup {
    html! {
        p.meta {
            span.price { (format::money(offer.amount, offer.currency)) }
            @if let Some(at) = offer.happens_at { span { (format::moment(at)) } }
            @if let Some(words) = stock(offer) { span { (words) } }
        }
    }
}

const OFF: &str = "Nothing can be bought here at the moment: payments are off.";

/// Everything there is.
pub fn index(offers: &[Offer<'_>]) -> View {
    let page = |is_on: bool| {
        html! {
            header.page-head {
                h1 { "Shop" }
                @if is_on {
                    p.lede { "What you can take home from here. You pay at Stripe, and need no account." }
                    p.actions { a.quiet href=(paths::cart()) { "Your cart" } }
                } @else {
                    p.lede { (OFF) }
                }
            }
            @if offers.is_empty() { p.empty { "There is nothing to buy yet." } } @else {
                ul.cards {
                    @for offer in offers {
                        li {
                            article.card {
                                h2 { a dir="auto" href=(paths::product(offer.slug)) { (offer.title) } }
                                @if !offer.text.is_empty() { p dir="auto" { (format::excerpt(offer.text, 160)) } }
                                (facts(offer))
                            }
                        }
                    }
                }
            }
        }
    };
    View::new("Shop", page(true))
        .describe("What can be bought here.")
        .canonical(paths::shop())
        .otherwise(page(false))
}

/// One thing, with the form that puts it into the cart.
pub fn product(offer: &Offer<'_>, state: &FormState) -> View {
    let main = |buy: Markup| {
        html! {
            article.post itemscope itemtype="https://schema.org/Product" {
                header.page-head {
                    p.meta { a href=(paths::shop()) { "The whole shop" } }
                    h1 dir="auto" itemprop="name" { (offer.title) }
                    (facts(offer))
                    (for_programs(offer))
                }
                @if !offer.text.is_empty() {
                    div.prose dir="auto" itemprop="description" { (markdown::render(offer.text)) }
                }
                (buy)
            }
        }
    };
    let view = View::new(form::title(state, offer.title), main(buy(offer, state)));
    view.describe(&format::excerpt(offer.text, 160))
        .canonical(paths::product(offer.slug))
        .otherwise(main(html! { p.empty { (OFF) } }))
}

/// The price, as search engines read it.
fn for_programs(offer: &Offer<'_>) -> Markup {
    let there = if offer.left > 0 { "InStock" } else { "SoldOut" };
    html! {
        div itemprop="offers" itemscope itemtype="https://schema.org/Offer" hidden {
            meta itemprop="price" content=(format::plain_amount(offer.amount, offer.currency));
            meta itemprop="priceCurrency" content=(offer.currency.to_uppercase());
            link itemprop="availability" href={ "https://schema.org/" (there) };
        }
    }
}

fn buy(offer: &Offer<'_>, state: &FormState) -> Markup {
    if offer.left == 0 {
        let words = match offer.is_over {
            true => "This is over.",
            false => {
                "All of them are sold, or being paid for. What is not paid for can be had again within the hour."
            }
        };
        return html! { p.empty { (words) } (form::summary(state)) };
    }
    let form = form::Form::new(state).action(paths::product_add(offer.slug));
    let also = html! { a.quiet href=(paths::cart()) { "Your cart" } };
    html! {
        div.panel.small {
            (form.button("Put it into the cart", "One moment…").also(also).show(html! {
                (form::text(state, "quantity", "How many").stored("1"))
            }))
        }
    }
}

/// Something in a cart.
pub struct Line<'a> {
    /// Its place in the address.
    pub slug: &'a str,
    /// What it is called.
    pub title: &'a str,
    /// What one costs.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// How many are wanted.
    pub quantity: i32,
    /// Whether it is still in the shop.
    pub is_there: bool,
    /// How many can be had.
    pub left: i64,
    /// Why none can, where that is so: `is over`.
    pub gone: Option<&'a str>,
}

/// The field that says how many there are to be of what is at `slug`.
pub fn quantity_of(slug: &str) -> String {
    format!("quantity-{slug}")
}

/// What is in the cart. `name` is what whoever has signed in is called: anyone else says who they are.
pub fn cart(lines: &[Line<'_>], name: Option<&str>, state: &FormState) -> View {
    let page = |is_on: bool| {
        html! {
            header.page-head {
                h1 { "Your cart" }
                @if lines.is_empty() { p.lede { "There is nothing in it yet." } }
            }
            @if lines.is_empty() {
                (form::summary(state))
                p.actions { a.button href=(paths::shop()) { "See the shop" } }
            } @else {
                (form::summary(state))
                div.columns {
                    div { (contents(lines, state)) }
                    @if is_on { (order_form(lines, name, state)) } @else { p.empty { (OFF) } }
                }
            }
        }
    };
    View::new(form::title(state, "Your cart"), page(true))
        .canonical(paths::cart())
        .noindex()
        .otherwise(page(false))
}

fn contents(lines: &[Line<'_>], state: &FormState) -> Markup {
    let silent = state.silent();
    let form = form::Form::new(&silent).action(paths::cart());
    let also = html! { a.quiet href=(paths::shop()) { "Look further" } };
    form.button("Update the cart", "One moment…").also(also).show(html! {
        ul.cards.cart {
            @for line in lines { li { (item(line, state)) } }
        }
    })
}

fn item(line: &Line<'_>, state: &FormState) -> Markup {
    let name = quantity_of(line.slug);
    let stored = line.quantity.to_string();
    let each = format::money(line.amount, line.currency);
    let hint = match (line.gone, line.left) {
        (Some(why), _) => format!("{each} each. It {why}."),
        (None, left) if left < i64::from(line.quantity) => {
            format!("{each} each. Only {left} left.")
        }
        _ => format!("{each} each"),
    };
    let sum = format::money(line.amount * i64::from(line.quantity), line.currency);
    html! {
        (form::text(state, &name, line.title).stored(&stored).hint(&hint))
        p.meta {
            span.price { (sum) }
            @if line.is_there { a href=(paths::product(line.slug)) aria-label={ "See “" (line.title) "”" } { "See it" } }
            button.quiet type="submit" name="remove" value=(line.slug) aria-label={ "Remove “" (line.title) "”" } { "Remove" }
        }
    }
}

fn order_form(lines: &[Line<'_>], name: Option<&str>, state: &FormState) -> Markup {
    let silent = state.silent();
    // Its answer leads to another site, which a script could not follow.
    let form = form::Form::new(&silent).action(paths::cart_checkout()).native(true);
    let mut sums: Vec<(&str, i64)> = Vec::new();
    for line in lines {
        let amount = line.amount * i64::from(line.quantity);
        match sums.iter_mut().find(|(currency, _)| *currency == line.currency) {
            Some((_, sum)) => *sum += amount,
            None => sums.push((line.currency, amount)),
        }
    }
    html! {
        div.panel.small {
            h2 { "Order" }
            @for (currency, sum) in &sums { p { "In all " strong { (format::money(*sum, currency)) } } }
            (form.button("Order and pay", "One moment…").show(html! {
                @if let [(currency, sum)] = sums[..] {
                    input type="hidden" name="total" value={ (sum) " " (currency) };
                }
                @match name {
                    Some(name) => p.hint { "You order as " bdi { (name) } "." },
                    None => {
                        (form::text(state, "name", "Name").autocomplete("name"))
                        (form::email(state, "email", "Email").hint("Your receipt goes there, and whatever else there is to say of your order."))
                    }
                }
                p.hint { "You pay at Stripe. What you order is set aside for you for 40 minutes." }
            }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Offer<'_> = Offer {
        slug: "a-print",
        title: "A <print>",
        text: "Two **colours**.",
        is_ticket: false,
        amount: 2500,
        currency: "eur",
        left: 3,
        happens_at: None,
        is_over: false,
    };

    #[test]
    fn how_many_are_left_is_said_where_it_matters() {
        let words = |left, is_ticket, is_over| stock(&Offer { left, is_ticket, is_over, ..OFFER });
        assert_eq!(words(3, true, false).as_deref(), Some("3 seats left"));
        assert_eq!(words(1, false, false).as_deref(), Some("1 piece left"));
        assert_eq!(words(0, false, false).as_deref(), Some("Sold out"));
        assert_eq!(words(0, true, true).as_deref(), Some("Over"));
        assert_eq!(words(500, false, false), None);
    }

    #[test]
    fn what_is_sold_out_has_no_form_and_where_payments_are_off_nothing_has() {
        let page = product(&OFFER, &FormState::default());
        assert!(
            page.main.0.contains("action=\"/shop/a-print/add\"")
                && page.main.0.contains("A &lt;print&gt;")
        );
        assert!(!page.otherwise.unwrap().0.contains("<form"));
        let gone = product(&Offer { left: 0, ..OFFER }, &FormState::default());
        assert!(!gone.main.0.contains("<form") && gone.main.0.contains("schema.org/SoldOut"));
    }

    #[test]
    fn what_is_wrong_with_a_cart_is_said_once_and_at_its_line() {
        let line = Line {
            slug: "a-print",
            title: "A print",
            amount: 2500,
            currency: "eur",
            quantity: 5,
            is_there: true,
            gone: None,
            left: 3,
        };
        let errors = [(quantity_of("a-print"), vec!["Only 3 left.".to_owned()])].into();
        let typed = vec![("email".to_owned(), "ann@example.com".to_owned())];
        let page = cart(&[line], None, &FormState::new(typed, errors)).main.0;
        assert_eq!(page.matches("id=\"error-summary\"").count(), 1);
        assert!(
            page.contains("id=\"quantity-a-print-error\"")
                && page.contains("value=\"ann@example.com\"")
        );
        assert!(page.contains("EUR 125.00"));
    }
}
