//! The shop: carts, orders, what is left, and what becomes of it all when it is paid for or not.

mod buying;
mod cart;
mod desk;
mod rush;
mod told;

use super::mail::work;
use super::payments::cli;
use super::support::stripe::Stripe;
use super::support::{Answer, Person, TestApp, with_settings};

/// Runs a test against a site that takes payments, with a workshop of ten seats, three prints and a poster.
pub fn with_shop(test: impl AsyncFnOnce(&TestApp, &Stripe)) {
    let stripe = Stripe::start();
    let settings = [&stripe.settings()[..], &[("TRUSTED_PROXIES", "127.0.0.1")]].concat();
    with_settings(&settings, async |app| {
        for (title, kind, price, stock) in [
            ("Workshop", "ticket", "85.00", "10"),
            ("Print", "goods", "25.00", "3"),
            ("Poster", "goods", "9.50", "100"),
        ] {
            let add = ["product", "add", "--title", title, "--kind", kind, "--price", price];
            assert_eq!(cli(app, &stripe, &[&add[..], &["--stock", stock]].concat()).code, 0);
        }
        super::cache::confirmed(app).await;
        test(app, &stripe).await;
    });
}

/// Puts so many of something into their cart.
pub async fn add(who: &Person<'_>, slug: &str, quantity: u32) {
    let quantity = quantity.to_string();
    let answer = who.post(&format!("/shop/{slug}/add"), &[("quantity", &quantity)]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/cart"), "{}", answer.body);
}

/// Who buys without an account.
pub const ANN: [(&str, &str); 2] = [("name", "Ann Buyer"), ("email", "ann@example.test")];

/// Orders what is in their cart.
pub async fn order(who: &Person<'_>) -> Answer {
    who.post("/cart/checkout", &ANN).await
}

/// Orders so many of something, and gives the session in which it is paid for, and the path of the order.
pub async fn orders(
    who: &Person<'_>,
    stripe: &Stripe,
    (slug, quantity): (&str, u32),
) -> (String, String) {
    add(who, slug, quantity).await;
    let answer = order(who).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let session = answer.location.rsplit('/').next().unwrap().to_owned();
    let path = place(stripe, &session);
    (session, path)
}

/// Has somebody order all prints and dawdle: their time runs out, as if the clock had gone on, and somebody else buys one. Gives what
/// [`orders`] does.
pub async fn dawdles(app: &TestApp, stripe: &Stripe, who: &Person<'_>) -> (String, String) {
    let ordered = orders(who, stripe, ("print", 3)).await;
    app.psql("update holds set expires_at = now() - interval '1 second'").await;
    let (session, _) = orders(&app.eve(), stripe, ("print", 1)).await;
    stripe.world().pay(&session);
    hear(app, stripe).await;
    ordered
}

/// Whoever has ordered last pays.
pub fn pay_last(stripe: &Stripe) {
    let session = stripe.last_session();
    stripe.world().pay(&session);
}

/// Where the buyer is sent who has paid.
pub fn place(stripe: &Stripe, session: &str) -> String {
    let url = stripe.get(session)["success_url"].as_str().unwrap().to_owned();
    url[url.find("/orders/").unwrap()..].to_owned()
}

/// Brings all events, and has done what follows from them.
pub async fn hear(app: &TestApp, stripe: &Stripe) {
    stripe.deliver(&app.eve()).await;
    app.psql("update outbox set due_at = now() where state = 'waiting'").await;
    work(app).await;
}

/// How all orders stand, the first placed first.
pub async fn standing(app: &TestApp) -> Vec<String> {
    app.ask("select status from orders order by id").await
}

/// What was sold and what is set aside of a product: `sold/held`.
pub async fn stock(app: &TestApp, slug: &str) -> String {
    let sql = format!(
        "select sold || '/' || (select coalesce(sum(quantity), 0) from holds where product_id = products.id) from products where slug = '{slug}'"
    );
    app.ask(&sql).await.remove(0)
}
