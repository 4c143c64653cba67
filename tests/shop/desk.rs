//! What staff and the operator do about products and orders.

use super::super::payments::cli;
use super::super::support::{ADA, Person};
use super::{add, dawdles, hear, order, orders, pay_last, standing, stock, with_shop};

async fn version(ada: &Person<'_>, path: &str) -> String {
    let page = ada.get(path).await.body;
    page.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[test]
fn staff_write_products_and_two_of_them_do_not_write_over_each_other() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let new = [
            ("title", "Herring & <b>chips</b>"),
            ("price", "12.5"),
            ("currency", "eur"),
            ("stock", "2"),
            ("active", "on"),
        ];
        let wrong = ada.post("/admin/products/new", &new).await;
        wrong.is_page(422);
        assert!(wrong.body.contains("id=\"price-error\""));
        let new = [&new[..1], &[("price", "12.50")], &new[2..]].concat();
        assert_eq!(ada.post("/admin/products/new", &new).await.status, 303);
        assert!(eve.get("/shop").await.body.contains("Herring &amp; &lt;b&gt;chips"));
        let taken =
            ada.post("/admin/products/new", &[&[("slug", "print")][..], &new[..]].concat()).await;
        assert!(taken.status == 422 && taken.body.contains("id=\"slug-error\""));
        let id = app.ask("select id from products where slug like 'herring%'").await.remove(0);
        let path = format!("/admin/products/{id}");
        let seen = version(&ada, &path).await;
        let edit = |price: &'static str, version: &str, active: bool| {
            let mut form = vec![
                ("title", "Herring"),
                ("slug", "herring"),
                ("price", price),
                ("currency", "eur"),
                ("stock", "2"),
            ];
            form.extend(active.then_some(("active", "on")));
            let form: Vec<(String, String)> = form
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            [form, vec![("version".to_owned(), version.to_owned())]].concat()
        };
        let send = async |form: Vec<(String, String)>| {
            let form: Vec<(&str, &str)> =
                form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            ada.post(&path, &form).await
        };
        assert_eq!(send(edit("13.00", &seen, true)).await.status, 303);
        assert_eq!(eve.get("/shop/herring").await.status, 200, "the address is another at once");
        let stale = send(edit("14.00", &seen, true)).await;
        assert!(
            stale.status == 422 && stale.body.contains("Someone has saved this product"),
            "{}",
            stale.body
        );
        assert_eq!(app.ask("select amount from products where slug = 'herring'").await, ["1300"]);
        // What is sold stays sold, and what is archived is had no more.
        orders(&eve, stripe, ("herring", 2)).await;
        pay_last(stripe);
        hear(app, stripe).await;
        assert_eq!(cli(app, stripe, &["product", "stock", "herring", "1"]).code, 1);
        assert_eq!(cli(app, stripe, &["product", "stock", "herring", "5"]).code, 0);
        add(&eve, "herring", 1).await;
        let seen = version(&ada, &path).await;
        assert_eq!(send(edit("13.00", &seen, false)).await.status, 303);
        assert_eq!(eve.get("/shop/herring").await.status, 404);
        assert!(!eve.get("/shop").await.body.contains("Herring"));
        assert!(order(&eve).await.body.contains("is in the shop no more."));
        let cart = eve.get("/cart").await.body;
        assert!(
            cart.contains("It is in the shop no more.") && !cart.contains("href=\"/shop/herring\""),
            "{cart}"
        );
        let listed = cli(app, stripe, &["product", "list"]).out;
        assert!(listed.contains("herring") && listed.contains("cannot be bought"), "{listed}");
        for (command, status) in [("offer", 200), ("retire", 404)] {
            assert_eq!(cli(app, stripe, &["product", command, "herring"]).code, 0);
            super::super::cache::confirmed(app).await;
            assert_eq!(eve.get("/shop/herring").await.status, status, "{command}");
        }
    });
}

#[test]
fn money_goes_back_in_parts_and_no_more_than_came() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (session, path) = orders(&eve, stripe, ("print", 2)).await;
        let id = app.ask("select id from orders").await.remove(0);
        let desk = format!("/admin/orders/{id}");
        let refund = format!("{desk}/refund");
        assert_eq!(ada.post(&refund, &[]).await.status, 422, "nothing was paid");
        stripe.world().pay(&session);
        hear(app, stripe).await;
        for wrong in ["60.00", "0", "-1", "ten"] {
            let answer = ada.post(&refund, &[("amount", wrong)]).await;
            assert!(
                answer.status == 422 && answer.body.contains("at most EUR 50.00"),
                "{wrong}: {}",
                answer.body
            );
        }
        let form = [("amount", "20.00"), ("submission", "01890000-0000-7000-8000-000000000001")];
        for _ in 0..2 {
            assert_eq!(ada.post(&refund, &form).await.status, 303);
        }
        hear(app, stripe).await;
        assert_eq!(stripe.posts("refunds"), 1, "sent twice, done once");
        assert_eq!(app.ask("select status || ' ' || refunded from orders").await, ["paid 2000"]);
        assert_eq!(stock(app, "print").await, "2/0");
        assert!(eve.get(&path).await.body.contains("EUR 20.00 of it went back"));
        assert_eq!(ada.post(&refund, &[]).await.status, 303);
        hear(app, stripe).await;
        assert_eq!(
            app.ask("select status || ' ' || refunded from orders").await,
            ["refunded 5000"]
        );
        assert_eq!(stock(app, "print").await, "0/0", "all of it can be sold again");
        assert!(eve.get(&path).await.body.contains("Your money is on its way back"));
        let page = ada.get(&desk).await;
        page.is_page(200);
        for words in ["ann@example.test", "Refund booked", "EUR 20.00", "Placed"] {
            assert!(page.body.contains(words), "{words}: {}", page.body);
        }
        let sums = "select concat_ws(' ', account, sum(debit), sum(credit)) from ledger_entries group by account order by account";
        assert_eq!(app.ask(sums).await, ["refunds 5000 0", "shop 0 5000", "stripe 5000 5000"]);
    });
}

#[test]
fn a_refund_that_stripe_does_not_hear_is_asked_for_again() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (session, _) = orders(&eve, stripe, ("print", 1)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        let id = app.ask("select id from orders").await.remove(0);
        let refund = format!("/admin/orders/{id}/refund");
        stripe.will_fail(&[super::super::support::stripe::Fault::LoseAnswer]);
        assert_eq!(ada.post(&refund, &[]).await.status, 303);
        assert!(ada.get(&format!("/admin/orders/{id}")).await.body.contains("It is asked again"));
        assert!(ada.post(&refund, &[]).await.body.contains("is under way"));
        hear(app, stripe).await;
        assert_eq!(standing(app).await, ["refunded"]);
        assert_eq!(stripe.all("refund").len(), 1);
    });
}

#[test]
fn staff_find_orders_and_mail_receipts_again() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (session, _) = orders(&eve, stripe, ("print", 1)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        orders(&eve, stripe, ("poster", 1)).await;
        for (query, count) in [
            ("", 2),
            ("?status=paid", 1),
            ("?status=refunded", 0),
            ("?q=ANN", 2),
            ("?q=nobody", 0),
            ("?status=nonsense", 2),
        ] {
            let page = ada.get(&format!("/admin/orders{query}")).await;
            page.is_page(200);
            assert_eq!(page.body.matches("<th scope=\"row\">").count(), count, "{query}");
        }
        let id = app.ask("select id from orders where status = 'paid'").await.remove(0);
        assert_eq!(ada.post(&format!("/admin/orders/{id}/receipt"), &[]).await.status, 303);
        let mails = "select count(*) from outbox where job ->> 'mail' = 'order-receipt'";
        assert_eq!(app.ask(mails).await, ["2"]);
        let other = app.ask("select id from orders where status <> 'paid'").await.remove(0);
        assert_eq!(ada.post(&format!("/admin/orders/{other}/receipt"), &[]).await.status, 422);
    });
}

#[test]
fn an_order_of_nothing_stands_in_the_list_too() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        orders(&eve, stripe, ("print", 1)).await;
        app.psql("delete from order_lines").await;
        let list = ada.get("/admin/orders").await;
        list.is_page(200);
        let id = app.ask("select id from orders").await.remove(0);
        assert!(list.body.contains(&format!("href=\"/admin/orders/{id}\"")), "{}", list.body);
        ada.get(&format!("/admin/orders/{id}")).await.is_page(200);
    });
}

#[test]
fn nobody_is_told_that_there_are_fewer_than_others_are_paying_for() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (session, path) = orders(&eve, stripe, ("print", 2)).await;
        let fewer = cli(app, stripe, &["product", "stock", "print", "1"]);
        assert_eq!(fewer.code, 1, "{}", fewer.out);
        assert_eq!(cli(app, stripe, &["product", "stock", "print", "2"]).code, 0);
        stripe.world().pay(&session);
        assert!(eve.get(&path).await.body.contains("Thank you for your order"));
        assert_eq!(stock(app, "print").await, "2/0");
    });
}

#[test]
fn whoever_saw_another_total_is_asked_before_they_pay() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        add(&eve, "print", 1).await;
        let page = eve.get("/cart").await.body;
        assert!(page.contains("name=\"total\" value=\"2500 eur\""), "{page}");
        let buys = async |total: &str| {
            eve.post("/cart/checkout", &[&super::ANN[..], &[("total", total)]].concat()).await
        };
        app.psql("update products set amount = 2600 where slug = 'print'").await;
        let answer = buys("2500 eur").await;
        answer.is_page(422);
        assert!(answer.body.contains("What this costs has changed since you saw it"));
        assert!(answer.body.contains("value=\"2600 eur\"") && answer.body.contains("Ann Buyer"));
        assert_eq!(stock(app, "print").await, "0/0");
        assert_eq!(buys("2600 eur").await.status, 303);
        assert_eq!(stripe.get(&stripe.last_session())["amount_total"], 2600);
    });
}

#[test]
fn what_a_bank_has_taken_back_cannot_be_given_back_until_it_is_won() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (session, path) = orders(&eve, stripe, ("print", 1)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        let desk = format!("/admin/orders/{}", app.ask("select id from orders").await[0]);
        let (form, refund) = (format!("action=\"{desk}/refund\""), format!("{desk}/refund"));
        assert!(ada.get(&desk).await.body.contains(&form));
        let payment = app.ask("select payment from orders").await.remove(0);
        let dispute = stripe.world().dispute(&payment);
        hear(app, stripe).await;
        assert!(!ada.get(&desk).await.body.contains(&form));
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("Your bank has taken the payment back") && !page.contains("and yours"),
            "{page}"
        );
        let refused = ada.post(&refund, &[]).await;
        refused.is_page(422);
        for words in ["has taken this payment back", "while a bank has it"] {
            assert!(refused.body.contains(words), "{words}: {}", refused.body);
        }
        assert_eq!(stripe.posts("refunds"), 0);
        stripe.world().win(&dispute);
        hear(app, stripe).await;
        assert_eq!(ada.post(&refund, &[]).await.status, 303);
        assert_eq!(standing(app).await, ["refunded"]);
    });
}

#[test]
fn owners_are_told_of_money_that_was_promised_and_does_not_go_back() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        // Paid too late, when others have them: the money goes back by itself, which Stripe refuses here.
        let (late, path) = dawdles(app, stripe, &eve).await;
        stripe.world().pay(&late);
        let payment = stripe.get(&late)["payment_intent"].as_str().unwrap().to_owned();
        let dispute = stripe.world().dispute(&payment);
        assert!(eve.get(&path).await.body.contains("The money goes back"));
        hear(app, stripe).await;
        let told = "select recipient from outbox where job ->> 'mail' = 'refund-failed'";
        assert_eq!(app.ask(told).await, [ADA.0]);
        let id = app.ask("select id from orders where remark is not null").await.remove(0);
        let mail = app.ask("select id from outbox where job ->> 'mail' = 'refund-failed'").await;
        let shown = ada.get(&format!("/admin/outbox/{}", mail[0])).await.body;
        assert!(shown.contains("bank has taken the payment back by now"), "{shown}");
        assert!(shown.contains(&format!("/admin/orders/{id}")), "{shown}");
        stripe.world().win(&dispute);
        hear(app, stripe).await;
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("Your payment came too late") && page.contains("has not worked yet"),
            "{page}"
        );
        let desk = format!("/admin/orders/{id}");
        assert!(ada.get(&desk).await.body.contains("Stripe has refused this before: "));
        assert_eq!(ada.post(&format!("{desk}/refund"), &[]).await.status, 303);
        hear(app, stripe).await;
        assert!(!ada.get(&desk).await.body.contains("Stripe has refused this before"));
        assert!(eve.get(&path).await.body.contains("Your money is on its way back"));
        assert_eq!(app.ask(told).await.len(), 1, "once");
    });
}

#[test]
fn a_price_that_stripe_would_not_take_is_refused_where_it_is_written() {
    with_shop(async |app, stripe| {
        let ada = app.ada().await;
        for (price, currency, field) in [
            ("0.49", "eur", "price"),
            ("14.99", "czk", "price"),
            ("49", "jpy", "price"),
            ("5.00", "xxx", "currency"),
            ("5.00", "kwd", "currency"),
        ] {
            let new = [("title", "Pin"), ("price", price), ("currency", currency), ("stock", "2")];
            let refused = ada.post("/admin/products/new", &new).await;
            refused.is_page(422);
            assert!(refused.body.contains(&format!("id=\"{field}-error\"")), "{}", refused.body);
            let add = ["product", "add", "--title", "Pin", "--kind", "goods", "--stock", "2"];
            let add = [&add[..], &["--price", price, "--currency", currency]].concat();
            assert_eq!(cli(app, stripe, &add).code, 1, "{price} {currency}");
        }
        let plan = ["plan", "add", "--slug", "tiny", "--name", "Tiny", "--monthly", "49"];
        let refused = cli(app, stripe, &plan);
        assert!(refused.code == 1 && refused.err.contains("EUR 0.50"), "{}", refused.err);
        let plan = ["plan", "add", "--slug", "tiny", "--name", "Tiny", "--monthly", "50"];
        assert_eq!(cli(app, stripe, &plan).code, 0);
        let price = ["plan", "price", "tiny", "--period", "monthly", "--amount", "10"];
        assert_eq!(cli(app, stripe, &price).code, 1);
        assert_eq!(app.ask("select count(*) from products where title = 'Pin'").await, ["0"]);
    });
}

#[test]
fn an_order_that_somebody_has_changed_by_hand_is_found_beside_the_ledger() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (session, _) = orders(&eve, stripe, ("print", 1)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        let (second, _) = orders(&eve, stripe, ("poster", 1)).await;
        let clean = cli(app, stripe, &["stripe", "reconcile", "--json"]).json();
        assert_eq!(clean["doubtful"], serde_json::json!([]), "{clean}");
        let ids = app.ask("select id from orders order by id").await;
        for (nth, status, right) in [(0, "expired", "paid"), (1, "paid", "pending-payment")] {
            let set =
                |status| format!("update orders set status = '{status}' where id = '{}'", ids[nth]);
            app.psql(&set(status)).await;
            let said = cli(app, stripe, &["stripe", "reconcile"]).out;
            let words = format!("order:{} does not agree with the books.", ids[nth]);
            assert!(said.contains(&words), "{said}");
            let run = cli(app, stripe, &["run", "payments", "--json"]).json();
            assert!(run.to_string().contains("\"unlike_the_books\":1"), "{run}");
            app.psql(&set(right)).await;
        }
        for (sql, undo) in [
            ("update orders set refunded = 300", "update orders set refunded = 0"),
            ("update orders set amount = amount + 1", "update orders set amount = amount - 1"),
        ] {
            app.psql(&format!("{sql} where id = '{}'", ids[0])).await;
            let said = cli(app, stripe, &["stripe", "reconcile", "--dry-run"]).out;
            assert!(said.contains(&format!("order:{} does not agree", ids[0])), "{sql}: {said}");
            app.psql(&format!("{undo} where id = '{}'", ids[0])).await;
        }
        app.psql("update products set sold = 0 where slug = 'print'").await;
        let said = cli(app, stripe, &["stripe", "reconcile"]).out;
        assert!(said.contains("product:print does not agree with the books."), "{said}");
        app.psql("update products set sold = 1 where slug = 'print'").await;
        // What was paid for, and went back, agrees again.
        stripe.world().pay(&second);
        hear(app, stripe).await;
        assert_eq!(
            app.ada().await.post(&format!("/admin/orders/{}/refund", ids[1]), &[]).await.status,
            303
        );
        hear(app, stripe).await;
        assert_eq!(standing(app).await, ["paid", "refunded"]);
        // What Stripe says of it is taken in, is said before and after, and nothing is set free twice.
        app.psql(&format!(
            "update orders set status = 'paid', refunded = 0 where id = '{}'",
            ids[1]
        ))
        .await;
        for how in [&["stripe", "reconcile", "--dry-run"][..], &["stripe", "reconcile"]] {
            let said = cli(app, stripe, how).out;
            assert!(said.contains(" stood otherwise."), "{said}");
        }
        assert_eq!(
            (standing(app).await[1].as_str(), stock(app, "poster").await),
            ("refunded", "0/0".into())
        );
        let clean = cli(app, stripe, &["stripe", "reconcile", "--json"]).json();
        assert_eq!(clean["doubtful"], serde_json::json!([]), "{clean}");
    });
}

#[test]
fn money_that_went_back_and_came_again_is_in_the_books_and_on_every_page() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (session, path) = orders(&eve, stripe, ("print", 2)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        let desk = format!("/admin/orders/{}", app.ask("select id from orders").await[0]);
        assert_eq!(ada.post(&format!("{desk}/refund"), &[]).await.status, 303);
        hear(app, stripe).await;
        assert!(eve.get(&path).await.body.contains("EUR 50.00 went back to you"));
        let refund = stripe.all("refund")[0]["id"].as_str().unwrap().to_owned();
        stripe.world().fail_refund(&refund);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let page = eve.get(&path).await.body;
        assert!(page.contains("Your money could not be given back yet"), "{page}");
        assert_eq!(app.ask("select refunded from orders").await, ["0"]);
        let sums = "select concat_ws(' ', account, sum(debit), sum(credit)) from ledger_entries group by account order by account";
        assert_eq!(app.ask(sums).await, ["refunds 5000 5000", "shop 0 5000", "stripe 10000 5000"]);
        let told = "select recipient from outbox where job ->> 'mail' = 'refund-failed'";
        assert_eq!(app.ask(told).await, [ADA.0]);
        let mails =
            "select id from outbox where job ->> 'mail' = 'order-receipt' order by created_at";
        let mails = app.ask(mails).await;
        assert_eq!(mails.len(), 3, "it is paid, it goes back, it came again");
        let mail = ada.get(&format!("/admin/outbox/{}", mails[2])).await.body;
        assert!(mail.contains("Giving your money back has not worked yet."), "{mail}");
        assert!(ada.get(&desk).await.body.contains("Refund failed"));
        let ledger = ada.get("/admin/ledger").await.body;
        assert!(ledger.contains("refund-failed") && ledger.contains("Both sides come to the same"));
        assert_eq!(stock(app, "print").await, "0/0", "what others can have is theirs");
        let clean = cli(app, stripe, &["stripe", "reconcile", "--json"]).json();
        let nothing = serde_json::json!([]);
        assert_eq!((&clean["drifted"], &clean["doubtful"]), (&nothing, &nothing), "{clean}");
        // It is given back once more, and that is that.
        assert_eq!(ada.post(&format!("{desk}/refund"), &[]).await.status, 303);
        hear(app, stripe).await;
        let mails = app
            .ask("select id from outbox where job ->> 'mail' = 'order-receipt' order by created_at")
            .await;
        assert_eq!(mails.len(), 4, "and it went back again");
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("EUR 50.00 went back to you") && !page.contains("not worked"),
            "{page}"
        );
        let refused = ada.post(&format!("{desk}/refund"), &[]).await;
        refused.is_page(422);
        assert!(
            refused.body.contains("There is no payment that could go back"),
            "{}",
            refused.body
        );
        assert!(!ada.get(&desk).await.body.contains("Give money back"));
        // What never went back is no booking.
        let (session, _) = orders(&eve, stripe, ("poster", 1)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        assert_eq!(app.ask("select count(*) from ledger").await, ["5"]);
    });
}

#[test]
fn a_part_that_went_back_and_came_again_is_told_to_its_buyer() {
    with_shop(async |app, stripe| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (session, path) = orders(&eve, stripe, ("print", 2)).await;
        stripe.world().pay(&session);
        hear(app, stripe).await;
        let refund = format!("/admin/orders/{}/refund", app.ask("select id from orders").await[0]);
        assert_eq!(ada.post(&refund, &[("amount", "5.00")]).await.status, 303);
        let id = stripe.all("refund")[0]["id"].as_str().unwrap().to_owned();
        stripe.world().fail_refund(&id);
        hear(app, stripe).await;
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("It is paid for, and yours.") && page.contains("has not worked yet"),
            "{page}"
        );
        assert_eq!(
            (standing(app).await[0].as_str(), stock(app, "print").await),
            ("paid", "2/0".into())
        );
        // Whatever is read of it again says nothing new.
        for _ in 0..2 {
            assert_eq!(cli(app, stripe, &["stripe", "reconcile"]).code, 0);
        }
        assert_eq!(ada.post(&refund, &[("amount", "5.00")]).await.status, 303);
        assert_eq!(cli(app, stripe, &["stripe", "reconcile"]).code, 0);
        hear(app, stripe).await;
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("EUR 5.00 of it went back") && !page.contains("not worked"),
            "{page}"
        );
        assert_eq!(
            app.ask("select count(*) from outbox where job ->> 'mail' = 'refund-failed'").await,
            ["1"]
        );
    });
}

#[test]
fn what_has_happened_by_now_is_over_and_not_sold_out() {
    with_shop(async |app, _| {
        let eve = app.eve();
        add(&eve, "workshop", 1).await;
        app.psql(
            "update products set happens_at = now() - interval '1 minute' where slug = 'workshop'",
        )
        .await;
        assert!(eve.get("/cart").await.body.contains("EUR 85.00 each. It is over."));
        assert!(order(&eve).await.body.contains("“Workshop” is over."));
    });
}

#[test]
fn a_refund_that_takes_days_and_comes_to_nothing_is_told_to_whoever_waits_for_it() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        stripe.world().refunds_wait = true;
        let (late, path) = dawdles(app, stripe, &eve).await;
        stripe.world().pay(&late);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let page = eve.get(&path).await.body;
        assert!(page.contains("nothing was left. The money goes back."), "{page}");
        assert_eq!(standing(app).await[0], "paid", "it has not gone back yet");
        let refund = stripe.all("refund")[0]["id"].as_str().unwrap().to_owned();
        stripe.world().fail_refund(&refund);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let page = eve.get(&path).await.body;
        assert!(
            page.contains("nothing was left. Giving your money back has not worked yet."),
            "{page}"
        );
        let told = "select recipient from outbox where job ->> 'mail' = 'refund-failed'";
        assert_eq!(app.ask(told).await, [ADA.0]);
        assert_eq!(app.ask("select count(*) from ledger where kind like 'refund%'").await, ["0"]);
        // Some of it goes back: what is left is not forgotten.
        stripe.world().refunds_wait = false;
        let payment = app.ask("select payment from orders where stuck").await.remove(0);
        for (amount, words) in [
            ("2000", "Giving your money back has not worked yet."),
            ("5500", "EUR 75.00 went back to you."),
        ] {
            let part = [
                ("payment_intent".to_owned(), payment.clone()),
                ("amount".to_owned(), amount.to_owned()),
            ];
            assert!(stripe.world().refund_by_hand(&part.into()));
            hear(app, stripe).await;
            let page = eve.get(&path).await.body;
            assert!(page.contains(words), "{page}");
        }
        assert_eq!(app.ask("select count(*) from orders where stuck").await, ["0"]);
    });
}

#[test]
fn what_went_back_before_anyone_heard_that_it_came_has_gone_back() {
    with_shop(async |app, stripe| {
        let eve = app.eve();
        let (session, path) = orders(&eve, stripe, ("print", 2)).await;
        stripe.world().pay(&session);
        let payment = stripe.get(&session)["payment_intent"].as_str().unwrap().to_owned();
        assert!(stripe.world().refund_by_hand(&[("payment_intent".to_owned(), payment)].into()));
        // Of both, the refund alone is heard of: that there is an order is learned from its page.
        let refund = stripe.all("refund")[0]["id"].as_str().unwrap().to_owned();
        app.psql(&format!("insert into stripe_objects (id, type, state, amount, currency, parent, read, updated_at)
            values ('{refund}', 'refund', 'succeeded', 5000, 'eur', '{}', 0, now())", stripe.get(&session)["payment_intent"].as_str().unwrap())).await;
        let page = eve.get(&path).await.body;
        assert!(page.contains("EUR 50.00 went back to you"), "{page}");
        assert_eq!(
            (standing(app).await, stock(app, "print").await),
            (vec!["refunded".into()], "0/0".into())
        );
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let clean = cli(app, stripe, &["stripe", "reconcile", "--json"]).json();
        assert_eq!(clean["doubtful"], serde_json::json!([]), "{clean}");
    });
}
