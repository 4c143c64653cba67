//! What there is to buy, as staff write it.

use super::{badge, page, version};
use crate::{FormState, View, form, format, paths};
use form::Choice;
use maud::{Markup, html};
use time::OffsetDateTime;
use uuid::Uuid;

/// A product as it is stored.
pub struct Product<'a> {
    /// Which.
    pub id: Uuid,
    /// Its place in the address.
    pub slug: &'a str,
    /// What it is called.
    pub title: &'a str,
    /// Markdown.
    pub text: &'a str,
    /// `goods` or `ticket`.
    pub kind: &'a str,
    /// What one costs.
    pub amount: i64,
    /// Three letters.
    pub currency: &'a str,
    /// How many there are, or were.
    pub stock: i32,
    /// How many were sold.
    pub sold: i32,
    /// How many can be had.
    pub left: i64,
    /// Whether it can be bought.
    pub active: bool,
    /// When it happens.
    pub happens_at: Option<OffsetDateTime>,
    /// When it was last changed: what is saved over is what was seen.
    pub updated_at: OffsetDateTime,
}

impl Product<'_> {
    fn state(&self) -> &'static str {
        if self.active { "active" } else { "archived" }
    }

    fn standing(&self) -> String {
        let held = i64::from(self.stock) - i64::from(self.sold) - self.left;
        format!("{} sold, {held} being paid for", self.sold)
    }
}

const KINDS: [Choice<'static>; 2] = [
    Choice { value: "goods", label: "A thing", hint: "It is sent, or fetched." },
    Choice { value: "ticket", label: "A ticket", hint: "A place at something that happens." },
];

/// All of them.
pub fn index(products: &[Product<'_>]) -> View {
    let main = html! {
        header.page-head {
            h1 { "Products" }
            p.actions {
                a.button href=(paths::admin_new_product()) { "Add a product" }
                a.quiet href=(paths::admin_orders()) { "Orders" }
            }
        }
        @if products.is_empty() { p.empty { "There is nothing to buy yet." } } @else { (table(products)) }
    };
    page("Products", &paths::admin_products(), main)
}

fn table(products: &[Product<'_>]) -> Markup {
    html! {
        table.stacked {
            thead {
                tr {
                    th scope="col" { "Product" }
                    th scope="col" { "Price" }
                    th scope="col" { "Left" }
                    th scope="col" { "State" }
                    th scope="col" { "Changed" }
                }
            }
            tbody {
                @for product in products {
                    tr {
                        th scope="row" {
                            a dir="auto" href=(paths::admin_product(product.id)) { (product.title) }
                            span.sub { (product.slug) }
                        }
                        td.number data-label="Price" { (format::money(product.amount, product.currency)) }
                        td.number data-label="Left" { (product.left) " of " (product.stock) span.sub { (product.standing()) } }
                        td data-label="State" { (badge(product.state())) }
                        td data-label="Changed" { (format::moment(product.updated_at)) }
                    }
                }
            }
        }
    }
}

/// The form for a product: a new one, or what is `stored`.
pub fn edit(stored: Option<&Product<'_>>, state: &FormState) -> View {
    let (title, path) = match stored {
        Some(product) => ("Edit product", paths::admin_product(product.id)),
        None => ("New product", paths::admin_new_product()),
    };
    let main = html! {
        header.page-head {
            p.meta { a href=(paths::admin_products()) { "All products" } }
            h1 { (title) }
            @if let Some(product) = stored {
                p.meta {
                    (badge(product.state()))
                    span { (product.standing()) }
                    @if product.active { a href=(paths::product(product.slug)) { "See it in the shop" } }
                }
            }
        }
        div.panel {
            (form::Form::new(state).action(path.as_str()).button("Save product", "Saving…").show(fields(stored, state)))
        }
    };
    page(&form::title(state, title), &path, main)
}

fn fields(stored: Option<&Product<'_>>, state: &FormState) -> Markup {
    let value = |of: fn(&Product<'_>) -> String| stored.map(of).unwrap_or_default();
    let (title, slug, text) =
        (value(|p| p.title.into()), value(|p| p.slug.into()), value(|p| p.text.into()));
    let price = value(|p| format::plain_amount(p.amount, p.currency));
    let stock = value(|p| p.stock.to_string());
    let happens_at = value(|p| p.happens_at.map(format::sortable).unwrap_or_default());
    let currency = stored.map_or("eur", |product| product.currency);
    let slug_field = form::text(state, "slug", "Address").stored(&slug);
    html! {
        @if let Some(product) = stored { (version(product.updated_at, state)) }
        (form::text(state, "title", "Name").stored(&title))
        @match stored {
            Some(_) => (slug_field.hint("The last part of the URL.")),
            None => (slug_field.optional().hint("The last part of the URL. Left empty, it is made from the name.")),
        }
        (form::textarea(state, "text", "Text", 8).stored(&text).optional().hint("Markdown: ## heading, **bold**, [link](https://…), - list."))
        div.pair {
            (form::text(state, "price", "Price").stored(&price).hint("What one costs, as in 24.50."))
            (form::text(state, "currency", "Currency").stored(currency).hint("Three small letters."))
        }
        (form::text(state, "stock", "Stock").stored(&stock).hint("How many there are, those that were sold included."))
        (form::choice(state, "kind", "What it is", &KINDS).stored(stored.map_or("goods", |product| product.kind)))
        (form::text(state, "happens_at", "When it happens").stored(&happens_at).optional()
            .hint("For a ticket, in UTC: 2027-01-31 09:00. From then on it cannot be bought."))
        (form::checkbox(state, "active", "It can be bought", stored.is_none_or(|product| product.active)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_shows_what_is_stored_and_what_was_seen_of_it() {
        let stored = Product {
            id: Uuid::from_u128(7),
            slug: "a-print",
            title: "A \"print\"",
            text: "",
            kind: "ticket",
            amount: 2450,
            currency: "gbp",
            stock: 10,
            sold: 3,
            left: 5,
            active: true,
            happens_at: None,
            updated_at: OffsetDateTime::UNIX_EPOCH,
        };
        let html = edit(Some(&stored), &FormState::default()).main.into_string();
        assert!(html.contains("A &quot;print&quot;") && html.contains("value=\"24.50\""));
        assert!(
            html.contains("3 sold, 2 being paid for") && html.contains("value=\"ticket\" checked")
        );
        assert!(html.contains("name=\"version\" value=\"1970-01-01T00:00:00Z\""));
    }
}
