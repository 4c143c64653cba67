//! The door for Stripe's events: which signatures are good, and that no secret is replaced at the cost of an event.

use super::super::support::signer::{Delivery, sign, stripe as order};
use super::super::support::stripe::SECRET;
use super::super::support::{Person, TestApp, with_settings};
use serde_json::Value;
use std::cell::Cell;

const OLD: &str = "whsec_the_secret_of_before_that_is_long_too";
const BODY: &[u8] =
    br#"{"id":"evt_1","object":"event","type":"price.created","data":{"object":{"id":"price_1"}}}"#;

fn of_stripe(header: &[u8], body: &[u8]) -> Delivery {
    let mut delivery = Delivery::new("stripe", &[("stripe-signature", "")], body);
    delivery.head[0].1 = header.to_vec();
    delivery
}

/// A name, what is to be answered, and what is sent.
type Case = (String, u16, Delivery);

/// What is good, each an event of its own.
fn good(now: i64) -> Vec<Case> {
    let body = |number: usize| {
        let text = String::from_utf8(BODY.to_vec()).unwrap();
        text.replace("evt_1", &format!("evt_good{number}")).into_bytes()
    };
    let wanted: [(&str, &str, i64); 6] = [
        ("as it should be", SECRET, 0),
        ("by the secret of before", OLD, 0),
        ("almost too old", SECRET, -290),
        ("almost too early", SECRET, 290),
        ("a minute old", SECRET, -60),
        ("a minute early", SECRET, 60),
    ];
    let orders: Vec<Value> = (wanted.iter().enumerate())
        .map(|(number, (_, key, off))| order(key, now + off, &body(number)))
        .collect();
    let mut cases: Vec<Case> = Vec::new();
    for (number, header) in sign(&orders).into_iter().enumerate() {
        let delivery = of_stripe(header.as_bytes(), &body(number));
        cases.push((wanted[number].0.to_owned(), 200, delivery));
    }
    // One that is right among others, wherever it stands.
    let junk = format!("v1={}", "a".repeat(64));
    type Dressing = (&'static str, fn(&str, &str) -> String);
    let dressings: [Dressing; 9] = [
        ("after another", |right, junk| right.replacen(",v1", &format!(",{junk},v1"), 1)),
        ("before another", |right, junk| format!("{right},{junk}")),
        ("the last of eight", |right, junk| {
            right.replacen(",v1", &format!(",{},v1", [junk; 7].join(",")), 1)
        }),
        ("the first of eight", |right, junk| format!("{right},{}", [junk; 7].join(","))),
        ("with one of an old version", |right, _| format!("{right},v0=abc")),
        ("with what nobody knows", |right, _| format!("x=y,{right},v9=1")),
        ("with its time last", |right, _| {
            let (time, rest) = right.split_once(',').unwrap();
            format!("{rest},{time}")
        }),
        ("with spaces between", |right, _| right.replace(',', ", ")),
        ("beside one that is cut short", |right, _| format!("{right},v1=abcd")),
    ];
    for (number, (name, dress)) in dressings.into_iter().enumerate() {
        let body = body(100 + number);
        let right = sign(&[order(SECRET, now, &body)]).remove(0);
        cases.push((name.to_owned(), 200, of_stripe(dress(&right, &junk).as_bytes(), &body)));
    }
    cases
}

/// What is not.
fn bad(now: i64) -> Vec<Case> {
    let orders = [
        order(SECRET, now, BODY),
        order("whsec_a_secret_of_somebody_else", now, BODY),
        order(SECRET, now - 400, BODY),
        order(SECRET, now + 400, BODY),
        order(&SECRET["whsec_".len()..], now, BODY),
        order(SECRET, now, b"{}"),
    ];
    let [right, foreign, old, early, bare, other]: [String; 6] = sign(&orders).try_into().unwrap();
    let (time, signature) = right.split_once(",v1=").unwrap();
    let junk = format!("v1={}", "a".repeat(64));
    let mut cases: Vec<Case> = Vec::new();
    let mut refuse = |name: &str, header: &str| {
        cases.push((name.to_owned(), 401, of_stripe(header.as_bytes(), BODY)));
    };
    refuse("by a foreign secret", &foreign);
    refuse("too old", &old);
    refuse("too early", &early);
    refuse("by the secret without its prefix", &bare);
    refuse("of another body", &other);
    refuse("with nothing", "");
    refuse("with commas alone", ",,,");
    refuse("with a time alone", time);
    refuse("without a time", &format!("v1={signature}"));
    refuse("with two times", &format!("{time},{right}"));
    refuse("with the same time twice", &format!("{right},{time}"));
    refuse("with an empty time", &format!("t=,v1={signature}"));
    refuse("at another time", &format!("t={},v1={signature}", now + 1));
    refuse("at a time with a sign", &format!("t=+{now},v1={signature}"));
    refuse("before all time", &format!("t=-{now},v1={signature}"));
    refuse("at a time with a fraction", &format!("t={now}.0,v1={signature}"));
    refuse("at a time in milliseconds", &format!("t={now}000,v1={signature}"));
    refuse("at a time that no number holds", &format!("t={},v1={signature}", "9".repeat(40)));
    refuse("at a time in words", &format!("t=now,v1={signature}"));
    refuse("as an older version", &format!("{time},v0={signature}"));
    refuse("as a later version", &format!("{time},v2={signature}"));
    refuse("in a capital", &format!("{time},V1={signature}"));
    refuse("cut short", &format!("{time},v1={}", &signature[..62]));
    refuse("with more behind", &format!("{time},v1={signature}00"));
    refuse("with an odd digit", &format!("{time},v1={}g", &signature[..63]));
    refuse("with an empty signature", &format!("{time},v1="));
    refuse("the ninth of nine", &format!("{time},{},v1={signature}", [&*junk; 8].join(",")));
    refuse("the first of nine", &format!("{right},{}", [&*junk; 8].join(",")));
    refuse("among a thousand", &format!("{time},{},v1={signature}", ["v1=aa"; 200].join(",")));
    refuse("with something that is no pair", &format!("{right},nonsense"));
    refuse("joined by semicolons", &right.replace(',', ";"));
    refuse("of nobody", &format!("{time},{junk}"));
    refuse("in base 64", &format!("{time},v1=K1rX2vGJvIYZv6Yf0n4oQm3n0w2Jp8s5k7t9u1v3x5y="));
    cases.push(("in no text".to_owned(), 401, of_stripe(b"t=1,v1=\xff\xfe", BODY)));
    let mut but = |name: &str, status: u16, change: fn(&mut Delivery)| {
        let mut delivery = of_stripe(right.as_bytes(), BODY);
        change(&mut delivery);
        cases.push((name.to_owned(), status, delivery));
    };
    but("without the header", 401, |delivery| delivery.head.clear());
    but("with the header twice", 401, |delivery| delivery.head.push(delivery.head[0].clone()));
    but("a byte changed", 401, |delivery| delivery.body[3] ^= 1);
    but("a byte less", 401, |delivery| delivery.body.truncate(BODY.len() - 1));
    but("a line end more", 401, |delivery| delivery.body.push(b'\n'));
    but("nothing left of it", 401, |delivery| delivery.body.clear());
    but("larger than may be", 413, |delivery| delivery.body = vec![b' '; 512 * 1024 + 1]);
    but("compressed", 415, |delivery| {
        delivery.head.push(("content-encoding".to_owned(), b"gzip".to_vec()));
    });
    but("to another sender's address", 503, |delivery| {
        delivery.path = "/api/webhooks/github".to_owned();
    });
    but("under another name", 401, |delivery| delivery.head[0].0 = "webhook-signature".to_owned());
    cases
}

#[test]
fn sixty_signatures_by_stripes_own_library_are_judged_right() {
    let both = format!("{SECRET}, {OLD}");
    with_settings(&[("STRIPE_WEBHOOK_SECRET", &both)], async |app| {
        let now = app.state.clock.now().unix_timestamp();
        let (good, bad) = (good(now), bad(now));
        assert!(good.len() + bad.len() >= 58, "{}", good.len() + bad.len());
        let eve = app.eve();
        let taken = good.len();
        for (name, status, delivery) in good.into_iter().chain(bad) {
            let answer = delivery.send(&eve).await;
            assert_eq!(answer.status, status, "{name}: {}", answer.body);
        }
        let kept = "select count(distinct event_id), count(*) from inbox";
        let kept = app.ask(&format!("select concat_ws(' ', a, b) from ({kept}) as x (a, b)")).await;
        assert_eq!(kept, [format!("{taken} {taken}")]);
        let kinds = "select distinct concat_ws(' ', source, type, state) from inbox";
        assert_eq!(app.ask(kinds).await, ["stripe price.created ignored"]);
        // The same event again, signed anew, is the same event; one that names itself otherwise is another.
        for (body, duplicate) in
            [(BODY.to_vec(), false), (BODY.to_vec(), true), (b"no JSON".to_vec(), false)]
        {
            let header = sign(&[order(SECRET, now, &body)]).remove(0);
            let answer = of_stripe(header.as_bytes(), &body).send(&eve).await;
            assert_eq!((answer.status, &answer.json()["duplicate"]), (200, &duplicate.into()));
        }
    });
}

#[test]
fn while_a_secret_is_replaced_under_load_no_event_is_refused() {
    with_settings(
        &[("STRIPE_WEBHOOK_SECRET", OLD), ("TRUSTED_PROXIES", "127.0.0.1")],
        async |app| {
            let both = format!("{SECRET},{OLD}");
            let second = app.instance_with(&[("STRIPE_WEBHOOK_SECRET", &both)]).await;
            let third = app.instance_with(&[("STRIPE_WEBHOOK_SECRET", SECRET)]).await;
            // First the old one alone, then both, while Stripe changes over, then the new one alone.
            let phases: [(&TestApp, &[&str]); 3] =
                [(app, &[OLD]), (&second, &[OLD, SECRET]), (&third, &[SECRET])];
            let (sent, now) = (Cell::new(0), app.state.clock.now().unix_timestamp());
            for (phase, (instance, secrets)) in phases.into_iter().enumerate() {
                let person = Person::visiting(&instance.origin).asking_for(&app.origin);
                let load = (0..60).map(|number| {
                    let (person, sent) = (person.clone(), &sent);
                    async move {
                        let text = String::from_utf8(BODY.to_vec()).unwrap();
                        let body = text.replace("evt_1", &format!("evt_{phase}_{number}"));
                        let secret = secrets[number % secrets.len()];
                        let header =
                            super::super::support::stripe::signature(secret, now, body.as_bytes());
                        let delivery = of_stripe(header.as_bytes(), body.as_bytes());
                        assert_eq!(delivery.send(&person).await.status, 200, "{phase} {number}");
                        sent.set(sent.get() + 1);
                    }
                });
                futures_util::future::join_all(load).await;
            }
            assert_eq!(sent.get(), 180);
            assert_eq!(app.ask("select count(*) from inbox").await, ["180"]);
            second.close().await;
            third.close().await;
        },
    );
}
