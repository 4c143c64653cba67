//! Subscriptions and orders live their lives at Stripe while three processes are told of it over a bad line, and killed. In the
//! end all that is known here is what is so there, and nothing has followed twice.
//!
//! `PROOF_TRIES=1000` is 500 of them and more than 10,000 events; `bin/check` makes a twentieth of that.

use super::super::proofs::{address, tries};
use super::super::support::stripe::{SECRET, Stripe};
use super::super::support::{Chance, Mailbag, Person, Process, TestApp};
use super::{at_stripe, cli, mirrored, with_stripe};
use frontdesk::services::entitlements::{self, Standing};
use futures_util::future::join_all;
use serde_json::Value;
use std::collections::BTreeMap;

/// Makes accounts that have begun to become members, and orders that wait to be paid for: what the doors leave behind.
async fn beginnings(app: &TestApp, stripe: &Stripe, count: usize) {
    app.psql(&format!(
        "insert into accounts (id, name, email) select ('018f0000-0000-7000-8001-' || lpad(n::text, 12, '0'))::uuid, 'M' || n, 'm' || n || '@example.test'
           from generate_series(1, {count}) n;
         insert into products (id, slug, title, kind, amount, currency, stock)
           values ('018f0000-0000-7000-8004-000000000001', 'print', 'A print', 'goods', 2500, 'eur', 100000);
         insert into orders (id, status, amount, currency)
           select ('018f0000-0000-7000-8003-' || lpad(n::text, 12, '0'))::uuid, 'pending-payment', 2500, 'eur'
             from generate_series(1, {count}) n;
         insert into order_lines select id, '018f0000-0000-7000-8004-000000000001', 'A print', 2500, 1, 1 from orders;
         insert into holds select id, '018f0000-0000-7000-8004-000000000001', 1, now() + interval '1 hour' from orders;
         insert into checkouts (id, account_id, price_id, state, expires_at)
           select ('018f0000-0000-7000-8005-' || right(id::text, 12))::uuid, id, (select id from plan_prices where period = 'monthly'),
                  'begun', now() + interval '1 hour' from accounts where name ~ '^M[0-9]';
         insert into checkouts (id, order_id, state, expires_at)
           select ('018f0000-0000-7000-8006-' || right(id::text, 12))::uuid, id, 'begun', now() + interval '1 hour' from orders"
    ))
    .await;
    let price =
        app.ask("select stripe_price from plan_prices where period = 'monthly'").await.remove(0);
    for number in 1..=count {
        let account = format!("018f0000-0000-7000-8001-{number:012}");
        let customer = stripe.world().enrol(
            &account,
            &format!("018f0000-0000-7000-8005-{number:012}"),
            &price,
        );
        app.psql(&format!(
            "insert into stripe_customers (account_id, customer) values ('{account}', '{customer}')"
        ))
        .await;
        stripe.world().sell(&format!("018f0000-0000-7000-8006-{number:012}"), 2500);
    }
}

/// Something happens to somebody.
fn live(stripe: &Stripe, chance: &mut Chance) {
    let mut world = stripe.world();
    let mut pick = |all: Vec<Value>| {
        let at = usize::try_from(chance.below(all.len().max(1) as u64)).unwrap();
        all.get(at).map(|one| one["id"].as_str().unwrap().to_owned())
    };
    let open: Vec<Value> = world
        .list_of("checkout.session")
        .into_iter()
        .filter(|one| one["status"] == "open")
        .collect();
    let alive: Vec<Value> = world
        .list_of("subscription")
        .into_iter()
        .filter(|one| one["status"] != "canceled")
        .collect();
    let (session, subscription) = (pick(open), pick(alive));
    match (chance.below(12), session, subscription) {
        (0..3, Some(session), _) => world.pay(&session),
        (3, Some(session), _) => drop(world.expire(&session)),
        (4..6, _, Some(subscription)) => world.renew(&subscription, true),
        (6, _, Some(subscription)) => world.renew(&subscription, false),
        (7, _, Some(subscription)) => world.recover(&subscription),
        (8, _, Some(subscription)) => world.ends(&subscription, true),
        (9, _, Some(subscription)) if chance.below(4) == 0 => world.cancel(&subscription),
        (10, ..) => world.give_back(chance.0),
        _ => world.murmur(),
    }
}

/// Brings events to whichever process; gives back those that were not taken, as Stripe brings them again.
async fn bring(stripe: &Stripe, bag: Vec<Value>, origins: &[String], from: usize) -> Vec<Value> {
    let sent = bag.into_iter().enumerate().map(|(number, event)| {
        let at = &origins[number % origins.len()];
        let person = Person::visiting(at).coming_from(&address(from + number));
        async move {
            let taken = stripe.sealed(&event, SECRET).try_send(&person).await;
            taken.is_none_or(|answer| answer.status != 200).then_some(event)
        }
    });
    join_all(sent).await.into_iter().flatten().collect()
}

#[test]
fn what_is_known_here_is_what_is_so_at_stripe_whatever_becomes_of_events_and_processes() {
    with_stripe(async |app, stripe| {
        let scale = tries();
        let mut chance = Chance(20_261_129);
        beginnings(app, stripe, scale / 4).await;
        let environment = [
            &[
                ("DATABASE_URL", app.database_url.as_str()),
                ("SCHEDULER", "off"),
                ("DEMO_CONTENT", "off"),
                ("TRUSTED_PROXIES", "127.0.0.1"),
            ][..],
            &stripe.settings(),
        ]
        .concat();
        let mut sites: Vec<Process> = (0..3).map(|_| Process::serve(&environment)).collect();
        let mut origins: Vec<String> = sites.iter_mut().map(Process::origin).collect();
        let (mut again, mut lost, mut sent, mut kills) = (Vec::new(), 0, 0, 0);
        for round in 0..scale / 5 {
            for _ in 0..40 {
                live(stripe, &mut chance);
            }
            let Mailbag { mut bag, lost: fewer } = stripe.shuffled_news(&mut chance, true);
            lost += fewer;
            bag.append(&mut again);
            // Some come late: with the next.
            let late = bag.len() / 4;
            let later = bag.split_off(bag.len() - late);
            let number = bag.len();
            let killed = usize::try_from(chance.below(3)).unwrap();
            let bringing = bring(stripe, bag, &origins, sent);
            if round % 4 == 1 {
                let killing = async {
                    tokio::time::sleep(std::time::Duration::from_millis(chance.below(60))).await;
                    sites[killed].signal("KILL");
                };
                let (back, ()) = futures_util::future::join(bringing, killing).await;
                again = back;
                sites[killed] = Process::serve(&environment);
                origins[killed] = sites[killed].origin();
                kills += 1;
            } else {
                again = bringing.await;
            }
            sent += number;
            again.extend(later);
        }
        while !again.is_empty() {
            again = bring(stripe, again, &origins, sent).await;
        }
        assert!(lost > 0 && kills > 0);
        app.psql("update outbox set due_at = least(due_at, now() + interval '10 seconds') where kind = 'inbox' and state = 'waiting'").await;
        app.comes_to("select count(*) from outbox where kind = 'inbox' and state = 'waiting'", "0")
            .await;
        let report = cli(app, stripe, &["stripe", "reconcile", "--all", "--json"]).json();
        assert_eq!(
            report["lost"].as_array().unwrap().len(),
            lost,
            "each event that was lost is found"
        );
        let clean = cli(app, stripe, &["stripe", "reconcile", "--all", "--json"]).json();
        assert_eq!(clean["drifted"].as_array().unwrap().len(), 0, "{clean}");
        app.comes_to("select count(*) from outbox where kind in ('inbox', 'stripe-call') and state = 'waiting'", "0").await;
        judge(app, stripe).await;
        let events = app.ask("select count(*) from inbox").await.remove(0);
        eprintln!("{events} events, {sent} brought, {lost} lost, {kills} processes killed");
        for site in sites {
            site.signal("KILL");
            site.end();
        }
    });
}

async fn judge(app: &TestApp, stripe: &Stripe) {
    assert_eq!(mirrored(app).await, at_stripe(stripe));
    assert_eq!(
        app.ask("select count(*) from inbox where state not in ('done', 'ignored')").await,
        ["0"]
    );
    // Who may read what, as an oracle has it that knows nothing but Stripe.
    let mut may: BTreeMap<String, bool> = BTreeMap::new();
    for one in stripe.all("subscription") {
        let account = one["metadata"]["account"].as_str().unwrap().to_owned();
        let open = ["active", "trialing", "past_due"].contains(&one["status"].as_str().unwrap());
        *may.entry(account).or_default() |= open;
    }
    assert!(may.values().any(|open| *open) && may.values().any(|open| !open));
    let known = app
        .ask("select json_build_array(id, membership_of(id)) from accounts where name ~ '^M[0-9]'")
        .await;
    for row in known {
        let (account, standing): (String, Standing) = serde_json::from_str(&row).unwrap();
        let expected = may.get(&account).copied().unwrap_or_default();
        assert_eq!(entitlements::of(&standing).is_open(), expected, "{account}");
    }
    // What has followed, has once.
    let twice = "select count(*) from (select job from outbox where cause like 'stripe:%' group by job, cause having count(*) > 1) x";
    assert_eq!(app.ask(twice).await, ["0"]);
    let mails = "select (select count(*) from outbox where cause like 'stripe:%')
                      = (select count(*) from stripe_effects where detail = 'A mail says so.')";
    assert_eq!(app.ask(mails).await, ["true"]);
    let paid = |kind: &str, member: &str, state: &str| -> i64 {
        let all = stripe.all(kind).into_iter().filter(|one| one[member] == state);
        all.map(|one| {
            one[if kind == "invoice" { "amount_paid" } else { "amount" }].as_i64().unwrap()
        })
        .sum()
    };
    let sum = async |account: &str, side: &str| -> i64 {
        let sql = format!(
            "select coalesce(sum({side}), 0) from ledger_entries where account = '{account}'"
        );
        app.ask(&sql).await[0].parse().unwrap()
    };
    assert_eq!(sum("membership", "credit").await, paid("invoice", "status", "paid"));
    assert_eq!(sum("refunds", "debit").await, paid("refund", "status", "succeeded"));
    let orders = stripe.all("checkout.session").into_iter().filter(|one| one["mode"] == "payment");
    let orders: Vec<Value> = orders.collect();
    let count = |state: &str| orders.iter().filter(|one| one["status"] == state).count();
    assert_eq!(sum("shop", "credit").await, 2500 * i64::try_from(count("complete")).unwrap());
    for (ours, theirs) in [
        ("'paid', 'refunded'", "complete"),
        ("'expired'", "expired"),
        ("'pending-payment'", "open"),
    ] {
        let sql = format!("select count(*) from orders where status in ({ours})");
        assert_eq!(app.ask(&sql).await, [count(theirs).to_string()], "{theirs}");
    }
    let stock = "select sold = (select count(*) from orders where status = 'paid') from products";
    assert_eq!(app.ask(stock).await, ["true"]);
    assert_eq!(app.ask("select count(*) from holds join orders on orders.id = order_id where status <> 'pending-payment'").await, ["0"]);
}
