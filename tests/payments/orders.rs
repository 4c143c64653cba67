//! Orders, as payments move them: in time, too late, never, and back.

use super::super::mail::work;
use super::super::support::TestApp;
use super::super::support::stripe::Stripe;
use super::with_stripe;
use serde_json::json;

/// One print in stock, and two orders that wait to be paid for; the first has it set aside, for as long as said.
async fn two_orders(app: &TestApp, stripe: &Stripe, hold: &str) -> [String; 2] {
    app.psql(&format!(
        "insert into products (id, slug, title, kind, amount, currency, stock)
           values ('018f0000-0000-7000-8004-000000000001', 'print', 'A print', 'goods', 2500, 'eur', 1);
         insert into orders (id, status, amount, currency)
           select ('018f0000-0000-7000-8003-00000000000' || n)::uuid, 'pending-payment', 2500, 'eur'
             from generate_series(1, 2) n;
         insert into order_lines select id, '018f0000-0000-7000-8004-000000000001', 'A print', 2500, 1, 1 from orders;
         insert into holds select id, '018f0000-0000-7000-8004-000000000001', 1, now() + interval '{hold}' from orders order by id limit 1;
         insert into checkouts (id, order_id, state, expires_at)
           select ('018f0000-0000-7000-8006-00000000000' || right(id::text, 1))::uuid, id, 'begun', now() + interval '1 hour' from orders"
    ))
    .await;
    [1, 2].map(|number| {
        stripe.world().sell(&format!("018f0000-0000-7000-8006-00000000000{number}"), 2500);
        stripe.last_session()
    })
}

async fn hear(app: &TestApp, stripe: &Stripe) {
    stripe.deliver(&app.eve()).await;
    work(app).await;
}

async fn orders(app: &TestApp) -> Vec<String> {
    app.ask("select concat_ws(' ', status, refunded, email) from orders order by id").await
}

const SOLD: &str = "select concat_ws(' ', sold, (select count(*) from holds)) from products";

#[test]
fn what_is_set_aside_is_for_the_one_who_pays_in_time_and_whoever_else_pays_has_it_back() {
    with_stripe(async |app, stripe| {
        let [first, second] = two_orders(app, stripe, "1 hour").await;
        stripe.world().pay(&second);
        hear(app, stripe).await;
        assert_eq!(orders(app).await, ["pending-payment 0", "paid 0 buyer@example.com"]);
        assert_eq!(app.ask(SOLD).await, ["0 1"], "the other has it");
        app.psql("update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
        hear(app, stripe).await;
        assert_eq!(orders(app).await[1], "refunded 2500 buyer@example.com");
        let said = "select count(*) from orders where remark like '%nothing was left.'";
        assert_eq!(app.ask(said).await, ["1"]);
        stripe.world().pay(&first);
        hear(app, stripe).await;
        assert_eq!(orders(app).await[0], "paid 0 buyer@example.com");
        assert_eq!(app.ask(SOLD).await, ["1 0"]);
        let sums = "select concat_ws(' ', account, sum(debit), sum(credit)) from ledger_entries group by account order by account";
        assert_eq!(app.ask(sums).await, ["refunds 2500 0", "shop 0 5000", "stripe 5000 2500"]);
        assert_eq!(stripe.posts("refunds"), 1);
    });
}

#[test]
fn a_hold_that_has_run_out_holds_nothing_and_what_is_paid_late_is_had_if_it_is_there() {
    with_stripe(async |app, stripe| {
        let [first, second] = two_orders(app, stripe, "-1 second").await;
        stripe.world().pay(&first);
        hear(app, stripe).await;
        assert_eq!(orders(app).await[0], "paid 0 buyer@example.com", "nobody else has had it");
        assert_eq!(app.ask(SOLD).await, ["1 0"]);
        stripe.world().expire(&second);
        hear(app, stripe).await;
        assert_eq!(orders(app).await[1], "expired 0");
        // All of it goes back, by hand: it can be sold again.
        let payment = stripe.get(&first)["payment_intent"].as_str().unwrap().to_owned();
        let refund = [("payment_intent".to_owned(), payment)].into();
        assert!(stripe.world().refund_by_hand(&refund));
        hear(app, stripe).await;
        assert_eq!(orders(app).await[0], "refunded 2500 buyer@example.com");
        assert_eq!(app.ask(SOLD).await, ["0 0"]);
    });
}

#[test]
fn a_payment_that_takes_days_is_waited_for_and_one_that_fails_lets_go_and_says_so() {
    with_stripe(async |app, stripe| {
        let [first, second] = two_orders(app, stripe, "1 hour").await;
        stripe.world().promise(&first);
        hear(app, stripe).await;
        assert_eq!(orders(app).await[0], "pending-payment 0 buyer@example.com");
        // The hour is long over when it arrives, or does not. Nobody else has it meanwhile.
        let days = "select extract(day from expires_at - placed_at) from holds join orders on orders.id = order_id";
        assert_eq!(app.ask(days).await, ["21"]);
        stripe.world().pay(&second);
        hear(app, stripe).await;
        assert_eq!(app.ask(SOLD).await, ["0 1"]);
        app.psql("update outbox set due_at = now() where state = 'waiting'").await;
        work(app).await;
        assert_eq!(stripe.posts("refunds"), 1, "whoever else has paid has it back");
        stripe.world().break_promise(&first);
        hear(app, stripe).await;
        assert_eq!(orders(app).await[0], "expired 0 buyer@example.com");
        assert_eq!(app.ask(SOLD).await, ["0 0"]);
        assert_eq!(stripe.get(&first)["payment_status"], json!("unpaid"));
        let mail = "select count(*) from outbox where job ->> 'mail' = 'order-receipt' and recipient = 'buyer@example.com' and cause like '%01'";
        assert_eq!(app.ask(mail).await, ["1"]);
    });
}

#[test]
fn a_payment_that_takes_days_and_arrives_has_bought_what_was_set_aside() {
    with_stripe(async |app, stripe| {
        let [first, _] = two_orders(app, stripe, "1 hour").await;
        stripe.world().promise(&first);
        hear(app, stripe).await;
        app.psql("update orders set placed_at = placed_at - interval '10 days'; update holds set expires_at = expires_at - interval '10 days'").await;
        stripe.world().keep_promise(&first);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        assert_eq!(orders(app).await[0], "paid 0 buyer@example.com");
        assert_eq!(app.ask(SOLD).await, ["1 0"]);
    });
}
