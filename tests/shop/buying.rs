//! From a cart to an order that is paid for, or is not.

use super::super::accounts::{BOB, sign_up};
use super::super::support::stripe::Fault;
use super::{add, dawdles, hear, order, orders, pay_last, place, standing, stock, with_shop};
use futures_util::future::join_all;
use std::collections::BTreeSet;

const MAILS: &str = "select count(*) from outbox where job ->> 'mail' = 'order-receipt'";

#[test]
fn whoever_pays_has_bought_it_though_no_event_has_come_and_gets_one_receipt() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let cart = eve.get("/cart").await;
        assert!(!cart.header("content-security-policy").is_empty());
        add(&eve, "poster", 1).await;
        let nobody = eve.post("/cart/checkout", &[]).await;
        nobody.is_page(422);
        assert!(
            nobody.body.contains("id=\"name-error\"") && nobody.body.contains("id=\"email-error\"")
        );
        let leads_to = format!("form-action 'self' {}", stripe.origin);
        for page in [&nobody, &eve.get("/cart").await] {
            assert!(page.header("content-security-policy").contains(&leads_to));
        }
        assert!(
            !eve.get("/shop/poster")
                .await
                .header("content-security-policy")
                .contains(&stripe.origin)
        );

        let (session, path) = orders(&eve, stripe, ("print", 2)).await;
        assert_eq!(stripe.get(&session)["amount_total"], 5950);
        assert_eq!(stripe.get(&session)["customer_email"], "ann@example.test");
        assert_eq!(stock(app, "print").await, "0/2");
        let page = eve.get(&path).await;
        page.is_page(200);
        assert!(
            page.body.contains("waits for your payment") && page.body.contains("/pay/cs_"),
            "{}",
            page.body
        );
        assert!(
            eve.get("/cart").await.body.contains("action=\"/cart/checkout\""),
            "it is in the cart yet"
        );
        stripe.world().pay(&session);
        let page = app.eve().get(&path).await;
        assert!(page.body.contains("Thank you for your order"), "{}", page.body);
        assert!(page.body.contains("EUR 59.50") && page.body.contains("ann@example.test"));
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        assert_eq!(standing(app).await, ["paid"]);
        assert_eq!(
            (stock(app, "print").await, stock(app, "poster").await),
            ("2/0".into(), "1/0".into())
        );
        assert_eq!(app.ask(MAILS).await, ["1"]);
        assert!(eve.get("/cart").await.body.contains("There is nothing in it yet"));
        // The receipt has the link, which stands nowhere in the database.
        let mail =
            app.ask("select id from outbox where job ->> 'mail' = 'order-receipt'").await.remove(0);
        let shown = app.ada().await.get(&format!("/admin/outbox/{mail}")).await.body;
        assert!(shown.contains(&path) && shown.contains("2 × Print"), "{shown}");
        let token = path.rsplit('/').next().unwrap();
        let kept = app.tables_with(token).await;
        assert!(kept.iter().all(|table| table == "inbox" || table == "cache_inval"), "{kept:?}");
        // Only a link of ours leads anywhere.
        let changed = token.replace(&token[63..], if token.ends_with('0') { "1" } else { "0" });
        assert_eq!(eve.get(&format!("/orders/{changed}")).await.status, 404);
    });
}

#[test]
fn whoever_waits_for_a_payment_that_takes_days_can_order_the_same_again() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (session, path) = orders(&eve, stripe, ("print", 1)).await;
        stripe.world().promise(&session);
        let page = eve.get(&path).await.body;
        assert!(page.contains("Your payment is under way"), "{page}");
        assert!(eve.get("/cart").await.body.contains("There is nothing in it yet"));
        let (second, _) = orders(&eve, stripe, ("print", 1)).await;
        assert_ne!(session, second);
        assert_eq!(stock(app, "print").await, "0/2");
        // Its hold has run out and others had the last ones: it is waited for, and the cart is done with all the same.
        app.psql("update products set stock = 2 where slug = 'print'; update holds set expires_at = now() - interval '1 second'").await;
        let other = app.eve();
        let (taken, _) = orders(&other, stripe, ("print", 2)).await;
        stripe.world().pay(&taken);
        hear(app, stripe).await;
        stripe.world().promise(&second);
        hear(app, stripe).await;
        assert_eq!(standing(app).await, ["pending-payment", "pending-payment", "paid"]);
        let (third, _) = orders(&eve, stripe, ("poster", 1)).await;
        for late in [&session, &second] {
            stripe.world().keep_promise(late);
        }
        stripe.world().pay(&third);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        assert_eq!(standing(app).await, ["refunded", "refunded", "paid", "paid"]);
        assert_eq!(stock(app, "print").await, "2/0");
    });
}

#[test]
fn an_address_that_stripe_may_not_take_keeps_nobody_from_paying() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        add(&eve, "poster", 1).await;
        let umlaut = [("name", "Jörg Müller"), ("email", "joerg@müller.example")];
        assert_eq!(eve.post("/cart/checkout", &umlaut).await.status, 303);
        assert!(stripe.get(&stripe.last_session())["customer_email"].is_null());
        assert_eq!(app.ask("select email from orders").await, ["joerg@müller.example"]);
    });
}

#[test]
fn prices_are_those_of_the_moment_it_was_ordered() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (session, path) = orders(&eve, stripe, ("print", 1)).await;
        app.psql("update products set amount = 9900, title = 'Dear print' where slug = 'print'")
            .await;
        stripe.world().pay(&session);
        let page = eve.get(&path).await.body;
        assert!(page.contains("EUR 25.00") && !page.contains("Dear"), "{page}");
        assert_eq!(app.ask("select amount from orders").await, ["2500"]);
    });
}

#[test]
fn whoever_presses_twelve_times_at_once_has_one_order_and_pays_once() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        add(&eve, "print", 1).await;
        let answers = join_all((0..12).map(|_| order(&eve))).await;
        let places: BTreeSet<&str> = answers
            .iter()
            .filter(|answer| answer.status == 303)
            .map(|answer| answer.location.as_str())
            .collect();
        assert_eq!(places.len(), 1, "{places:?}");
        assert_eq!(order(&eve).await.location, *places.first().unwrap(), "later, too");
        assert_eq!(standing(app).await, ["pending-payment"]);
        assert_eq!(stripe.all("checkout.session").len(), 1);
        // Whoever wants something else can pay for that alone.
        let first = stripe.last_session();
        add(&eve, "poster", 1).await;
        let answer = order(&eve).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(stripe.get(&first)["status"], "expired");
        assert_eq!(standing(app).await, ["cancelled", "pending-payment"]);
        assert_eq!(stock(app, "print").await, "0/1");
        // What was paid for meanwhile is not ordered again.
        pay_last(stripe);
        add(&eve, "poster", 1).await;
        order(&eve).await;
        hear(app, stripe).await;
        assert_eq!(standing(app).await[..2], ["cancelled", "paid"]);
    });
}

#[test]
fn where_not_enough_is_left_it_is_said_by_line_and_nothing_is_set_aside() {
    with_shop(async |app, stripe| {
        let (eve, late) = (app.eve(), app.eve());
        orders(&eve, stripe, ("print", 2)).await;
        add(&late, "print", 2).await;
        add(&late, "poster", 1).await;
        let answer = order(&late).await;
        answer.is_page(422);
        assert!(
            answer.body.contains("there is only 1 left")
                && answer.body.contains("id=\"quantity-print-error\""),
            "{}",
            answer.body
        );
        assert!(
            answer.body.contains("value=\"ann@example.test\""),
            "nothing that was typed is lost"
        );
        assert_eq!(
            (stock(app, "print").await, stock(app, "poster").await),
            ("0/2".into(), "0/0".into())
        );
        assert_eq!(standing(app).await.len(), 1);
        // Whoever ordered first sees their own as theirs.
        assert!(!eve.get("/cart").await.body.contains("Only"));
        // Two currencies are two payments.
        app.psql("update products set currency = 'gbp' where slug = 'poster'").await;
        late.post("/cart", &[("quantity-print", "1")]).await;
        assert!(order(&late).await.body.contains("Not all of this is paid in one currency"));
    });
}

#[test]
fn an_order_can_be_let_go_of_and_one_that_runs_out_is_free_for_others() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (session, path) = orders(&eve, stripe, ("print", 3)).await;
        let gone = eve.post(&format!("{path}/cancel"), &[]).await;
        assert_eq!((gone.status, gone.location.as_str()), (303, path.as_str()), "{}", gone.body);
        assert_eq!(
            (standing(app).await, stock(app, "print").await),
            (vec!["cancelled".into()], "0/0".into())
        );
        assert_eq!(stripe.get(&session)["status"], "expired");
        assert!(eve.get(&path).await.body.contains("This order is let go"));
        // It is in the cart yet, and can be ordered anew; where Stripe does not let go of it, that is said.
        assert_eq!(order(&eve).await.status, 303);
        let session = stripe.last_session();
        stripe.will_fail(&[Fault::Refuse(400)]);
        let kept = eve.post(&format!("{}/cancel", place(stripe, &session)), &[]).await;
        kept.is_page(422);
        assert!(kept.body.contains("has not ended the payment of this order"), "{}", kept.body);
        assert_eq!(standing(app).await[1], "pending-payment");
        // Where it does not answer at all, that is said too, and it is let go of by the one who is asked again.
        stripe.will_fail(&[Fault::Refuse(500)]);
        let path = place(stripe, &session);
        assert_eq!(eve.post(&format!("{path}/cancel"), &[]).await.status, 303);
        assert!(eve.get(&path).await.body.contains("It is asked again until it does"));
        assert!(!eve.get(&path).await.body.contains("Go on to the payment"), "it ends any moment");
        hear(app, stripe).await;
        assert_eq!(standing(app).await[1], "cancelled");
        assert!(eve.get(&path).await.body.contains("What you chose is still in your cart."));
        // Whoever orders again meanwhile does not come back to what is about to end.
        assert_eq!(order(&eve).await.status, 303);
        stripe.will_fail(&[Fault::Refuse(500)]);
        let ended = stripe.last_session();
        let path = place(stripe, &ended);
        assert_eq!(eve.post(&format!("{path}/cancel"), &[]).await.status, 303);
        assert_eq!(order(&eve).await.status, 303);
        assert_eq!(stripe.get(&ended)["status"], "expired");
        let session = stripe.last_session();
        assert_ne!(session, ended);
        stripe.world().expire(&session);
        hear(app, stripe).await;
        assert_eq!(
            (standing(app).await[3].as_str(), stock(app, "print").await),
            ("expired", "0/0".into())
        );
        assert!(eve.get(&place(stripe, &session)).await.body.contains("has run out"));
        // One that was paid for is paid for, whatever is pressed then.
        assert_eq!(order(&eve).await.status, 303);
        let session = stripe.last_session();
        stripe.world().pay(&session);
        let path = place(stripe, &session);
        assert_eq!(eve.post(&format!("{path}/cancel"), &[]).await.status, 303);
        assert!(eve.get(&path).await.body.contains("Thank you for your order"));
        assert_eq!(app.ask(MAILS).await, ["1"]);
    });
}

#[test]
fn what_is_paid_too_late_is_had_if_it_is_there_and_goes_back_by_itself_if_not() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (late, path) = dawdles(app, stripe, &eve).await;
        stripe.world().pay(&late);
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("Your payment came too late") && page.contains("The money goes back"),
            "{page}"
        );
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("Your money is on its way back") && page.contains("EUR 75.00 went back"),
            "{page}"
        );
        assert_eq!(
            (standing(app).await, stock(app, "print").await),
            (vec!["refunded".into(), "paid".into()], "1/0".into())
        );
        assert_eq!(stripe.posts("refunds"), 1);
        assert_eq!(app.ask("select count(*) from outbox where cause like 'order:%' and recipient = 'ann@example.test'").await, ["3"],
            "a receipt, and two mails to the one who was late");
        // Nobody else was there: it is had.
        let slow = app.eve();
        add(&slow, "print", 2).await;
        assert_eq!(order(&slow).await.status, 303);
        app.psql("update holds set expires_at = now() - interval '1 second'").await;
        pay_last(stripe);
        hear(app, stripe).await;
        assert_eq!(stock(app, "print").await, "3/0");
        assert_eq!(standing(app).await[2], "paid");
    });
}

#[test]
fn a_member_orders_as_themselves_and_whoever_is_erased_is_in_no_order() {
    with_shop(async |app, stripe| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        add(&bob, "poster", 1).await;
        assert!(bob.get("/cart").await.body.contains("You order as"));
        let answer =
            bob.post("/cart/checkout", &[("email", "other@example.test"), ("name", "Other")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(app.ask("select email from orders where account_id is not null").await, [BOB.0]);
        pay_last(stripe);
        hear(app, stripe).await;
        let export = app.cli(&["person", "export", "--email", BOB.0], "");
        assert!(export.out.contains("Poster"), "{} {}", export.out, export.err);
        assert_eq!(app.cli(&["person", "erase", "--email", BOB.0], "").code, 0);
        assert_eq!(
            app.ask("select concat_ws(' ', status, email, name, account_id) from orders").await,
            ["paid"]
        );
        assert_eq!(app.ask("select count(*) from carts").await, ["0"]);
    });
}

#[test]
fn members_find_what_they_have_ordered_in_their_account_and_nobody_elses() {
    with_shop(async |app, stripe| {
        let (eve, bob) = (app.eve(), sign_up(app, BOB.0, BOB.1).await);
        orders(&eve, stripe, ("print", 1)).await;
        let list = bob.get("/account/orders").await;
        list.is_page(200);
        assert!(list.body.contains("There are none."), "{}", list.body);
        let (session, path) = orders(&bob, stripe, ("poster", 2)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        let list = bob.get("/account/orders").await.body;
        for words in [&format!("href=\"{path}\"")[..], "2 × Poster", "EUR 19.00", ">paid<"] {
            assert!(list.contains(words), "{words}: {list}");
        }
        assert_eq!(list.matches("<th scope=\"row\">").count(), 1, "{list}");
        bob.get(&path).await.is_page(200);
        assert!(bob.get("/account").await.body.contains("href=\"/account/orders\""));
        // Fifty at a time, the last placed first; what makes no sense is the whole list.
        app.psql(
            "insert into orders (id, account_id, status, amount, currency)
             select gen_random_uuid(), (select account_id from orders where account_id is not null), 'expired', 100, 'eur'
               from generate_series(1, 60)",
        )
        .await;
        let rows =
            async |path: &str| bob.get(path).await.body.matches("<th scope=\"row\">").count();
        let first = bob.get("/account/orders").await.body;
        let older = first.split("href=\"/account/orders?before=").nth(1).unwrap();
        let older = format!("/account/orders?before={}", older.split('"').next().unwrap());
        assert_eq!((rows("/account/orders").await, rows(&older).await), (50, 11));
        assert_eq!(rows("/account/orders?before=nonsense").await, 50);
        assert_eq!(app.eve().get("/account/orders").await.status, 303);
    });
}
