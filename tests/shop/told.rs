//! What programs are told of orders.

use super::super::events::{key_for, read, told};
use super::{dawdles, hear, orders, pay_last, with_shop};
use reqwest::Method;
use serde_json::{Value, json};

#[test]
fn that_an_order_is_paid_and_that_money_goes_back_is_told_to_whoever_may_see_orders() {
    with_shop(async |app, stripe| {
        let (ada, eve, program) = (app.ada().await, app.eve(), app.eve());
        let (_, key) = key_for(app, &["events:read", "orders:read"]);
        let (_, other) = key_for(app, &["events:read", "posts:read"]);
        let add = ["webhook", "add", "--name", "Packers", "--url", "https://example.com/in"];
        assert_eq!(app.cli(&[&add[..], &["--type", "order.paid"]].concat(), "").code, 0);
        orders(&eve, stripe, ("print", 2)).await;
        assert_eq!(told(&read(app, &program, &key, "").await.json()), [""; 0]);
        pay_last(stripe);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let feed = read(app, &program, &key, "").await.json();
        assert_eq!(told(&feed), ["order.paid 1"]);
        let (event, id) = (&feed["items"][0], app.ask("select id from orders").await.remove(0));
        assert_eq!(event["object"], json!({ "type": "order", "id": id }));
        let order = &event["data"];
        let lines = json!([{ "title": "Print", "amount": 2500, "quantity": 2 }]);
        for (member, expected) in [
            ("id", json!(id)),
            ("status", json!("paid")),
            ("amount", json!(5000)),
            ("currency", json!("eur")),
            ("refunded", json!(0)),
            ("fulfillable", json!(true)),
            ("name", json!("Ann Buyer")),
            ("email", json!("ann@example.test")),
            ("lines", lines),
        ] {
            assert_eq!(order[member], expected, "{order}");
        }
        let number = order["number"].as_str().unwrap();
        assert!(ada.get("/admin/orders").await.body.contains(number), "as people call it");
        assert!(order["placed_at"].is_string() && order["paid_at"].is_string(), "{order}");

        // It is looked up by its id; and none of this is for anyone else.
        let look = async |id: &str, key: &str| {
            let request = program.request(Method::GET, &format!("/api/v1/orders/{id}"));
            program.send(request.header("x-api-key", key)).await
        };
        assert_eq!((look(&id, &key).await.status, &look(&id, &key).await.json()), (200, order));
        look(&id, &other).await.is_problem(403);
        look("018f0000-0000-7000-8000-00000000ffff", &key).await.is_problem(404);
        let list = async |query: &str, key: &str| {
            let request = program.request(Method::GET, &format!("/api/v1/orders{query}"));
            program.send(request.header("x-api-key", key)).await
        };
        assert_eq!(list("", &key).await.json(), json!({ "items": [order], "next": null }));
        for (query, count) in [
            ("?status=paid&email=ANN%40example.test", 1),
            ("?status=pending-payment", 0),
            ("?email=bob%40example.test", 0),
            (&format!("?after={id}"), 0),
        ] {
            let items = list(query, &key).await.json()["items"].as_array().unwrap().len();
            assert_eq!(items, count, "{query}");
        }
        list("?status=lost", &key).await.is_problem(422);
        list("", &other).await.is_problem(403);
        let others = read(app, &program, &other, "").await.json();
        assert_eq!(others["items"], json!([]), "{others}");
        let sent = "select type from webhook_deliveries join events on events.n = event";
        assert_eq!(app.ask(sent).await, ["order.paid"]);

        for amount in ["20.00", ""] {
            let refund = format!("/admin/orders/{id}/refund");
            assert_eq!(ada.post(&refund, &[("amount", amount)]).await.status, 303);
            hear(app, stripe).await;
        }
        let feed = read(app, &program, &key, "").await.json();
        assert_eq!(told(&feed), ["order.paid 1", "order.refunded 2", "order.refunded 3"]);
        let now = &feed["items"][0]["data"];
        assert_eq!((&now["status"], &now["refunded"]), (&json!("refunded"), &json!(5000)));
        assert_eq!(now["fulfillable"], false);
        // Who was erased is in no event, and what they bought stays.
        assert_eq!(app.cli(&["person", "erase", "--email", "ann@example.test"], "").code, 0);
        let feed = read(app, &program, &key, "").await.json();
        for event in feed["items"].as_array().unwrap() {
            let (name, email) = (&event["data"]["name"], &event["data"]["email"]);
            assert_eq!((name, email), (&Value::Null, &Value::Null), "{event}");
            assert_eq!(event["data"]["amount"], 5000);
        }
        assert_eq!(told(&feed).len(), 3);
        let (_, path) = orders(&eve, stripe, ("poster", 1)).await;
        let two = list("?limit=1", &key).await;
        let next = two.json()["next"].as_str().unwrap().to_owned();
        assert_eq!(
            list(&format!("?limit=1&after={next}"), &key).await.json()["items"][0]["id"],
            json!(id)
        );
        assert_eq!(eve.post(&format!("{path}/cancel"), &[]).await.status, 303);
        // What is not paid in time is no news, nor is what only its words have changed of.
        orders(&eve, stripe, ("poster", 1)).await;
        let session = stripe.last_session();
        stripe.world().expire(&session);
        hear(app, stripe).await;
        app.psql("update orders set remark = 'Rang them.'").await;
        assert_eq!(told(&read(app, &program, &key, "").await.json()).len(), 3);
    });
}

#[test]
fn what_was_paid_for_when_nothing_was_left_is_nothing_to_be_sent() {
    with_shop(async |app, stripe| {
        let (eve, program) = (app.eve(), app.eve());
        let (_, key) = key_for(app, &["events:read", "orders:read"]);
        let (late, _) = dawdles(app, stripe, &eve).await;
        stripe.world().pay(&late);
        for _ in 0..2 {
            hear(app, stripe).await;
        }
        let feed = read(app, &program, &key, "").await.json();
        assert_eq!(told(&feed), ["order.paid 1", "order.refunded 1"], "another's, and this one's");
        assert_ne!(feed["items"][0]["object"], feed["items"][1]["object"]);
        assert_eq!(feed["items"][1]["data"]["fulfillable"], false);
    });
}
