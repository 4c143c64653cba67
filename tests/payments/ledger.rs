//! The ledger: what the database refuses, and what is handed out.

use super::super::mail::work;
use super::{becomes_a_member, bob, cli, with_stripe};
use sqlx::{Connection, Executor, PgConnection};

#[test]
fn a_booking_balances_is_made_once_and_stays() {
    with_stripe(async |app, _| {
        let mut db = PgConnection::connect(&app.database_url).await.unwrap();
        let booking = |object: &str, rows: &str| {
            format!(
                "begin; insert into ledger (id, kind, object, currency, about) values
                   ('018f0000-0000-7000-8000-00000000000{object}', 'charge', '{object}', 'eur', 'order:1');
                 insert into ledger_entries (ledger_id, account, debit, credit)
                   select '018f0000-0000-7000-8000-00000000000{object}', * from (values {rows}) x; commit"
            )
        };
        let good = booking("1", "('stripe', 900, 0), ('shop', 0, 900)");
        for (wrong, constraint) in [
            (booking("2", "('stripe', 900, 0), ('shop', 0, 899)"), "ledger_balanced"),
            (booking("3", "('stripe', 900, 0)"), "ledger_balanced"),
            (booking("4", "('stripe', 900, 900)"), "ledger_entries_check"),
            (
                booking("5", "('stripe', 900, 0), ('nowhere', 0, 900)"),
                "ledger_entries_account_check",
            ),
        ] {
            let refused = db.execute(sqlx::AssertSqlSafe(wrong)).await.unwrap_err();
            let found = refused.as_database_error().unwrap().constraint().map(str::to_owned);
            assert_eq!(found.as_deref(), Some(constraint));
            db.execute("rollback").await.unwrap();
        }
        db.execute(sqlx::AssertSqlSafe(good)).await.unwrap();
        for wrong in [
            "update ledger_entries set debit = 1 where debit > 0",
            "delete from ledger",
            "truncate ledger_entries",
            "insert into ledger_entries (ledger_id, account, debit, credit) select id, 'refunds', 5, 0 from ledger",
        ] {
            assert!(db.execute(wrong).await.is_err(), "{wrong}");
        }
        db.close().await.unwrap();
        assert_eq!(app.ask("select count(*) from ledger_entries").await, ["2"]);
    });
}

#[test]
fn charges_refunds_and_disputes_are_entered_and_taken_along_as_a_table() {
    with_stripe(async |app, stripe| {
        let bob = bob(app).await;
        becomes_a_member(app, stripe, &bob).await;
        let payment = stripe.all("payment_intent")[0]["id"].as_str().unwrap().to_owned();
        // A part of it goes back, by hand at Stripe; later a bank takes the whole, and gives it again.
        {
            let mut world = stripe.world();
            let form = [("payment_intent", payment.as_str()), ("amount", "300")];
            let form = form.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            assert!(world.refund_by_hand(&form));
            let dispute = world.dispute(&payment);
            world.win(&dispute);
        }
        for _ in 0..2 {
            stripe.deliver(&app.eve()).await;
            work(app).await;
        }
        let sums = "select concat_ws(' ', account, sum(debit), sum(credit)) from ledger_entries group by account order by account";
        assert_eq!(
            app.ask(sums).await,
            ["disputes 900 900", "membership 0 900", "refunds 300 0", "stripe 1800 1200"]
        );
        let told = "select count(*) from outbox where job ->> 'mail' = 'disputed'";
        assert_eq!(app.ask(told).await, ["1"]);
        let table = cli(app, stripe, &["stripe", "ledger"]).out;
        assert_eq!(table.lines().count(), 9, "{table}");
        assert!(table.contains("\"refund\",\"re_"), "{table}");
        let ada = app.ada().await;
        let file = ada.get("/admin/ledger.csv").await;
        assert_eq!((file.status, file.body), (200, table));
        let balances = cli(app, stripe, &["stripe", "balances", "--json"]).json();
        let sum = |side: &str| {
            balances.as_array().unwrap().iter().map(|one| one[side].as_i64().unwrap()).sum::<i64>()
        };
        assert_eq!(sum("debit"), sum("credit"));
    });
}

/// What stands in the table of bookings, row by row: what, for what, and both sides.
fn bookings(page: &str) -> Vec<String> {
    let table = page.split("Bookings</h2>").nth(1).unwrap();
    let rows = table.split("<tr>").skip(2).map(|row| row.split("</tr>").next().unwrap());
    let words = |row: &str| {
        let parts = row.split('<').map(|part| part.split('>').nth(1).unwrap_or_default().trim());
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    rows.map(words).collect()
}

#[test]
fn owners_see_what_was_entered_for_what_and_how_the_accounts_stand() {
    with_stripe(async |app, stripe| {
        let (ada, bob) = (app.ada().await, bob(app).await);
        let empty = ada.get("/admin/ledger").await;
        empty.is_page(200);
        assert!(empty.body.contains("Nothing was paid yet."), "{}", empty.body);
        becomes_a_member(app, stripe, &bob).await;
        stripe.deliver(&app.eve()).await;
        work(app).await;
        app.psql(
            "insert into orders (id, status, amount, currency, payment)
               values ('018f0000-0000-7000-8003-000000000001', 'paid', 2500, 'eur', 'pi_of_order');
             insert into ledger (id, kind, object, currency, about, at) values
               ('018f0000-0000-7000-8000-000000000001', 'charge', 'cs_1', 'eur', 'order:018f0000-0000-7000-8003-000000000001', now() + interval '1 second'),
               ('018f0000-0000-7000-8000-000000000002', 'refund', 're_1', 'eur', 'payment:pi_of_order', now() + interval '2 seconds'),
               ('018f0000-0000-7000-8000-000000000003', 'refund', 're_2', 'usd', 'payment:pi_elsewhere', now() + interval '3 seconds'),
               ('018f0000-0000-7000-8000-000000000004', 'charge', 'in_2', 'eur', 'order:none', now() + interval '4 seconds');
             insert into ledger_entries (ledger_id, account, debit, credit) values
               ('018f0000-0000-7000-8000-000000000001', 'stripe', 2500, 0), ('018f0000-0000-7000-8000-000000000001', 'shop', 0, 2500),
               ('018f0000-0000-7000-8000-000000000002', 'refunds', 500, 0), ('018f0000-0000-7000-8000-000000000002', 'stripe', 0, 500),
               ('018f0000-0000-7000-8000-000000000003', 'refunds', 7, 0), ('018f0000-0000-7000-8000-000000000003', 'stripe', 0, 7),
               ('018f0000-0000-7000-8000-000000000004', 'stripe', 1, 0), ('018f0000-0000-7000-8000-000000000004', 'shop', 0, 1)",
        )
        .await;
        let page = ada.get("/admin/ledger").await.body;
        let said = bookings(&page);
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(
            said[0].starts_with("charge in_2 order:none EUR 0.01 stripe EUR 0.01 shop"),
            "{said:?}"
        );
        assert!(
            said[1]
                .starts_with("refund re_2 payment:pi_elsewhere USD 0.07 refunds USD 0.07 stripe")
        );
        for (row, sides) in
            [(2, "EUR 5.00 refunds EUR 5.00 stripe"), (3, "EUR 25.00 stripe EUR 25.00 shop")]
        {
            assert!(said[row].contains("Order ") && said[row].contains(sides), "{said:?}");
        }
        assert!(said[4].contains(" Bob EUR 9.00 stripe EUR 9.00 membership"), "{said:?}");
        let order = "href=\"/admin/orders/018f0000-0000-7000-8003-000000000001\"";
        assert_eq!(page.matches(order).count(), 2, "{page}");
        assert!(page.contains("href=\"/admin/people?email=bob%40example.test\""));
        assert!(page.contains("href=\"/admin/ledger.csv\""));
        assert!(page.contains("Both sides come to the same"), "{page}");
        let accounts = page.split("How the accounts stand").nth(1).unwrap();
        for sum in ["EUR 29.01", "EUR 34.01", "EUR -25.01", "USD -0.07"] {
            assert!(accounts.contains(sum), "{sum}: {accounts}");
        }
        // It is linked where money is spoken of, for owners; and nobody else sees it.
        for place in ["/admin", "/admin/orders"] {
            assert!(ada.get(place).await.body.contains("href=\"/admin/ledger\""), "{place}");
        }
        assert_eq!(bob.get("/admin/ledger").await.status, 403);
        // Whose account is gone is named no more; the booking stays.
        app.psql("delete from accounts where email = 'bob@example.test'").await;
        let said = bookings(&ada.get("/admin/ledger").await.body);
        assert!(said.len() == 5 && said[4].contains(" subscription:sub_"), "{said:?}");
    });
}

#[test]
fn the_ledger_is_read_page_by_page_the_last_booking_first() {
    with_stripe(async |app, _| {
        app.psql(
            "with made as (insert into ledger (id, kind, object, currency, about, at)
               select gen_random_uuid(), 'charge', 'n-' || n, 'eur', 'x', timestamptz '2026-01-01Z' + n / 2 * interval '1 minute'
                 from generate_series(1, 120) n returning id)
             insert into ledger_entries (ledger_id, account, debit, credit)
               select id, 'stripe', 1, 0 from made union all select id, 'shop', 0, 1 from made",
        )
        .await;
        let ada = app.ada().await;
        let (mut path, mut seen) = ("/admin/ledger".to_owned(), Vec::new());
        for expected in [50, 50, 20] {
            let page = ada.get(&path).await.body;
            let said = bookings(&page);
            assert_eq!(said.len(), expected);
            assert_eq!(page.contains("How the accounts stand"), seen.is_empty());
            seen.extend(said.into_iter().map(|row| row.split(' ').nth(1).unwrap().to_owned()));
            let older = page.split("rel=\"next\" href=\"").nth(1);
            path =
                older.map_or_else(String::new, |rest| rest.split('"').next().unwrap().to_owned());
        }
        assert_eq!(path, "", "that was all");
        let all = app.ask("select object from ledger order by at desc, id desc").await;
        assert_eq!(seen, all);
        ada.get("/admin/ledger?before=nonsense").await.is_page(200);
    });
}
