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
            world.refund_by_hand(&form);
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
