//! Many buyers for few seats, all at once, at a server of its own. A hundred here, a thousand where `PROOF_TRIES` is 500.

use super::super::proofs::{address, tries};
use super::super::support::{Person, Process};
use super::{ANN, add, hear, stock, with_shop};
use futures_util::stream::{self, StreamExt};
use reqwest::Method;
use std::time::Duration;
use tokio::time::sleep;

/// Orders until they are told something other than to come again. Whose connection is gone by the time they order, as it was idle
/// for long, comes again as browsers do: an order is had once.
async fn insists(buyer: &Person<'_>) -> (u16, String) {
    loop {
        let request = buyer.request(Method::POST, "/cart/checkout").form(&ANN);
        let request = request.header("origin", buyer.origin());
        let wait = match buyer.try_send(request.header("sec-fetch-site", "same-origin")).await {
            Ok(answer) if answer.status != 503 => return (answer.status, answer.body),
            Ok(answer) => answer.header("retry-after").parse().expect("when to come again"),
            Err(lost) => {
                assert!(!lost.is_timeout(), "{lost}");
                1
            }
        };
        sleep(Duration::from_secs(wait)).await;
    }
}

#[test]
fn of_many_who_want_ten_seats_at_once_ten_have_them_and_all_others_are_told() {
    with_shop(async |app, stripe| {
        let count = tries() * 2;
        let settings = [
            &[("DATABASE_URL", app.database_url.as_str()), ("TRUSTED_PROXIES", "127.0.0.1")][..],
            &stripe.settings(),
        ]
        .concat();
        let mut server = Process::serve(&settings);
        let origin = server.origin();
        let buyers: Vec<Person<'_>> = (0..count)
            .map(|number| Person::visiting(&origin).coming_from(&address(number)))
            .collect();
        stream::iter(&buyers).for_each_concurrent(8, |buyer| add(buyer, "workshop", 1)).await;
        let began = app.state.clock.moment();
        let told: Vec<(u16, String)> =
            futures_util::future::join_all(buyers.iter().map(insists)).await;
        let took = app.state.clock.moment().since(began);
        let sold = told.iter().filter(|(status, _)| *status == 303).count();
        let refused = told
            .iter()
            .filter(|(status, page)| *status == 422 && page.contains("sold out at the moment"))
            .count();
        assert_eq!((sold, refused), (10, count - 10));
        assert_eq!(stock(app, "workshop").await, "0/10");
        assert_eq!(stripe.all("checkout.session").len(), 10);
        server.signal("TERM");
        server.end();
        for session in stripe.all("checkout.session") {
            stripe.world().pay(session["id"].as_str().unwrap());
        }
        // What waits too long for somebody else, at the one row that all of it is about, is tried again, as often as it takes.
        let unheard = "select concat_ws('|', state, attempts, remark) from outbox where kind = 'inbox' and state <> 'done'";
        hear(app, stripe).await;
        while app.ask(unheard).await.iter().any(|job| job.starts_with("waiting")) {
            hear(app, stripe).await;
        }
        assert_eq!(app.ask(unheard).await, [""; 0]);
        assert_eq!(stock(app, "workshop").await, "10/0");
        assert_eq!(
            app.ask("select status || ' ' || count(*) from orders group by status").await,
            ["paid 10"]
        );
        let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
        assert_eq!(app.ask(deadlocks).await, ["0"]);
        println!("{count} buyers for 10 seats: all of them told after {took:.1?}");
    });
}
