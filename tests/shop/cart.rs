//! Carts, and the pages beside them.

use super::super::accounts::{BOB, sign_up};
use super::super::sign_in::sign_in;
use super::super::support::{Person, with_app};
use super::{add, order, orders, with_shop};
use futures_util::future::join_all;
use std::time::Duration;

const QUANTITIES: &str = "select slug || ' ' || quantity from cart_lines join products on products.id = product_id order by slug, quantity";

#[test]
fn a_cart_needs_no_account_and_every_add_counts() {
    with_shop(async |app, _| {
        let eve = app.eve();
        let page = eve.get("/shop").await;
        page.is_page(200);
        assert!(page.body.contains("href=\"/shop/print\"") && page.body.contains("3 pieces left"));
        assert!(eve.get("/cart").await.body.contains("There is nothing in it yet"));
        add(&eve, "poster", 1).await;
        join_all((0..20).map(|_| add(&eve, "poster", 2))).await;
        assert_eq!(app.ask(QUANTITIES).await, ["poster 41"]);
        assert_eq!(app.ask("select count(*) from carts").await, ["1"]);
        // No more than it holds, and whoever wants more is told so: nothing is taken away without a word.
        let more = || eve.post("/shop/poster/add", &[("quantity", "40")]);
        let answers = join_all((0..4).map(|_| more())).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1);
        let refused = answers.iter().find(|answer| answer.status != 303).unwrap();
        refused.is_page(422);
        assert!(refused.body.contains("A cart holds 99 of one thing"), "{}", refused.body);
        assert!(refused.body.contains("value=\"40\""), "{}", refused.body);
        assert_eq!(app.ask(QUANTITIES).await, ["poster 81"]);
        // What the browser keeps stands nowhere else, and another browser has another cart.
        let kept = app.ask("select encode(token_hash, 'hex') from carts").await.remove(0);
        assert_eq!(kept.len(), 64);
        assert!(app.eve().get("/cart").await.body.contains("There is nothing in it yet"));
        for (slug, quantity, status) in
            [("poster", "0", 422), ("poster", "many", 422), ("nothing", "1", 404)]
        {
            let path = format!("/shop/{slug}/add");
            assert_eq!(eve.post(&path, &[("quantity", quantity)]).await.status, status, "{slug}");
        }
    });
}

#[test]
fn how_much_is_in_the_cart_stands_above_every_page_for_its_owner_alone() {
    with_shop(async |app, stripe| {
        let (eve, bob) = (app.eve(), sign_up(app, BOB.0, BOB.1).await);
        let pages = ["/", "/posts", "/shop", "/shop/print", "/cart"];
        let shown = async |who: &Person<'_>, count: u32| {
            for path in pages {
                let page = who.get(path).await.body;
                let said =
                    page.split_once(">Cart (").map(|(_, rest)| rest.split_once(')').unwrap().0);
                assert_eq!(said.unwrap_or("0"), count.to_string(), "{path}: {page}");
            }
        };
        shown(&eve, 0).await;
        add(&eve, "print", 1).await;
        add(&eve, "poster", 2).await;
        shown(&eve, 3).await;
        assert_eq!(eve.get("/shop").await.header("cache-control"), "no-store");
        shown(&app.eve(), 0).await;
        let refused = eve.post("/cart", &[("quantity-print", "lots")]).await;
        for page in [refused, eve.get("/sign-in").await] {
            assert!(page.body.contains(">Cart (3)</a>"), "{}", page.body);
        }

        // Of an account it is the same on every device.
        add(&bob, "poster", 4).await;
        shown(&bob, 4).await;
        sign_in(&eve, BOB.0, BOB.1).await;
        shown(&eve, 7).await;
        assert_eq!(order(&bob).await.status, 303);
        super::pay_last(stripe);
        super::hear(app, stripe).await;
        shown(&bob, 0).await;
    });
}

#[test]
fn what_is_in_a_cart_can_be_changed_and_taken_out() {
    with_shop(async |app, _| {
        let eve = app.eve();
        add(&eve, "print", 1).await;
        add(&eve, "poster", 2).await;
        let both = [("quantity-print", "2"), ("quantity-poster", "3")];
        assert_eq!(eve.post("/cart", &both).await.status, 303);
        assert_eq!(app.ask(QUANTITIES).await, ["poster 3", "print 2"]);
        let page = eve.get("/cart").await.body;
        assert!(page.contains("EUR 78.50") && page.contains("action=\"/cart/checkout\""), "{page}");
        let wrong =
            eve.post("/cart", &[("quantity-print", "lots"), ("quantity-poster", "4")]).await;
        wrong.is_page(422);
        assert!(
            wrong.body.contains("id=\"quantity-print-error\"")
                && wrong.body.contains("value=\"lots\"")
        );
        assert_eq!(app.ask(QUANTITIES).await, ["poster 3", "print 2"]);
        // A button takes one out, whatever was typed meanwhile.
        let removed = eve.post("/cart", &[("quantity-print", "lots"), ("remove", "print")]).await;
        assert_eq!(removed.status, 303);
        assert_eq!(eve.post("/cart", &[("quantity-poster", "0")]).await.status, 303);
        assert!(eve.get("/cart").await.body.contains("There is nothing in it yet"));
    });
}

#[test]
fn whoever_signs_in_takes_their_cart_along() {
    with_shop(async |app, stripe| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        add(&bob, "print", 1).await;
        let there = app.eve();
        let (session, _) = orders(&there, stripe, ("print", 1)).await;
        add(&there, "poster", 2).await;
        sign_in(&there, BOB.0, BOB.1).await;
        assert_eq!(app.ask(QUANTITIES).await, ["poster 2", "print 2"]);
        assert_eq!(app.ask("select count(*) from carts").await, ["1"]);
        assert!(
            bob.get("/cart").await.body.contains("value=\"2\""),
            "it is the same on every device"
        );
        // What was ordered before goes out of the cart of the account when it is paid for.
        stripe.world().pay(&session);
        super::hear(app, stripe).await;
        assert_eq!(app.ask(QUANTITIES).await, ["poster 2", "print 1"]);
        // And whoever leaves leaves it there.
        there.post("/sign-out", &[]).await;
        assert!(there.get("/cart").await.body.contains("There is nothing in it yet"));
    });
}

#[test]
fn what_is_left_is_shown_at_once_and_again_once_nobody_has_paid_for_it() {
    with_shop(async |app, stripe| {
        let (eve, reader) = (app.eve(), app.eve());
        let left = async |words: &str| {
            let pages = [reader.get("/shop").await, reader.get("/shop/print").await];
            pages.iter().all(|page| page.body.contains(words))
        };
        assert!(left("3 pieces left").await);
        orders(&eve, stripe, ("print", 2)).await;
        assert!(left("1 piece left").await, "what is set aside is not left");
        app.psql("update products set stock = 2 where slug = 'print'").await;
        super::super::cache::confirmed(app).await;
        assert!(left("Sold out").await);
        assert!(!reader.get("/shop/print").await.body.contains("/shop/print/add"));
        // Nobody writes anything when it runs out.
        app.psql("update holds set expires_at = now() + interval '1 second'").await;
        super::super::cache::confirmed(app).await;
        assert!(left("Sold out").await);
        let mut tries = 0;
        while !left("2 pieces left").await {
            tokio::time::sleep(Duration::from_millis(50)).await;
            tries += 1;
            assert!(tries < 200);
        }
        // A workshop that is over can be had no more.
        app.psql(
            "update products set happens_at = now() - interval '1 minute' where slug = 'workshop'",
        )
        .await;
        super::super::cache::confirmed(app).await;
        assert!(reader.get("/shop").await.body.contains("Over"));
        assert_eq!(eve.post("/shop/workshop/add", &[]).await.status, 422);
    });
}

#[test]
fn without_keys_the_shop_says_that_payments_are_off() {
    with_app(async |app| {
        app.psql(super::super::doors::AN_ORDER).await;
        let eve = app.eve();
        for path in ["/shop", "/shop/a-wall"] {
            let page = eve.get(path).await;
            page.is_page(200);
            assert!(
                page.body.contains("payments are off") && page.body.contains("A wall"),
                "{path}"
            );
            assert!(!page.body.contains("/add\""), "{path}");
        }
        eve.get("/cart").await.is_page(200);
        assert_eq!(eve.post("/shop/a-wall/add", &[]).await.status, 503);
        assert_eq!(eve.post("/cart/checkout", &super::ANN).await.status, 503);
    });
}
