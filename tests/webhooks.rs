//! Webhooks at the door: what is let in, what is not, and that whatever was answered 200 is there once.

use super::support::signer::{
    Delivery, GITHUB, PARTNER, PARTNERS_KEY, RESEND, hmac, sign, standard,
};
use super::support::{TestApp, with_app, with_settings};
use reqwest::Method;
use serde_json::{Value, json};

const OLD_KEY: &str = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xk";
const SHOP: [(&str, &str); 6] = [
    ("WEBHOOK_SHOP_KIND", "hmac"),
    ("WEBHOOK_SHOP_SECRET", "what the shop knows"),
    ("WEBHOOK_SHOP_HEADER", "X-Shop-Hmac"),
    ("WEBHOOK_SHOP_PREFIX", "v1:"),
    ("WEBHOOK_SHOP_ENCODING", "base64"),
    ("WEBHOOK_SHOP_ID_HEADER", "X-Shop-Id"),
];
const BODY: &[u8] = br#"{"type":"invoice.paid","data":{"id":7}}"#;

/// Senders of all kinds.
fn with_senders(test: impl AsyncFnOnce(&TestApp)) {
    let settings = [&[GITHUB, RESEND][..], &PARTNER, &SHOP].concat();
    with_settings(&settings, test);
}

/// A delivery, and what is to become of it.
struct Case {
    name: String,
    delivery: Delivery,
    status: u16,
}

/// Deliveries to be judged, built from signatures that a library has made.
#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(&mut self, name: &str, status: u16, delivery: Delivery) {
        self.0.push(Case { name: name.to_owned(), delivery, status });
    }

    /// The same, with a change made to a good one.
    fn but(
        &mut self,
        name: &str,
        status: u16,
        good: &Delivery,
        change: impl FnOnce(&mut Delivery),
    ) {
        let mut delivery = good.clone();
        change(&mut delivery);
        self.add(name, status, delivery);
    }

    /// With another value in one header.
    fn with(&mut self, name: &str, status: u16, good: &Delivery, header: &str, value: &[u8]) {
        self.but(name, status, good, |delivery| set(delivery, header, value));
    }
}

fn set(delivery: &mut Delivery, header: &str, value: &[u8]) {
    let found = delivery.head.iter_mut().find(|(name, _)| name == header).unwrap();
    found.1 = value.to_vec();
}

fn said(delivery: &Delivery, header: &str) -> String {
    let found = delivery.head.iter().find(|(name, _)| name == header).unwrap();
    String::from_utf8(found.1.clone()).unwrap()
}

fn of_partner(id: &str, at: &str, signature: &str, body: &[u8]) -> Delivery {
    let head = [("webhook-id", id), ("webhook-timestamp", at), ("webhook-signature", signature)];
    Delivery::new("partner", &head, body)
}

/// By Standard Webhooks: what is good, each with an id of its own.
fn good_standard(cases: &mut Cases, now: i64) {
    let large = vec![b' '; 512 * 1024];
    let deep = "[".repeat(10_000).into_bytes();
    let wanted: [(&str, &str, i64, &[u8]); 11] = [
        ("as it should be", PARTNERS_KEY, 0, BODY),
        ("by the secret of before", OLD_KEY, 0, BODY),
        ("almost too old", PARTNERS_KEY, -290, BODY),
        ("almost too early", PARTNERS_KEY, 290, BODY),
        ("nothing in it", PARTNERS_KEY, 0, b""),
        ("no text", PARTNERS_KEY, 0, b"\xff\xfe\x00\x80{}"),
        ("a NUL in it", PARTNERS_KEY, 0, b"{\"type\":\"a\\u0000b\"}\0"),
        ("no JSON", PARTNERS_KEY, 0, b"type=a&b"),
        ("as large as may be", PARTNERS_KEY, 0, &large),
        ("deeper than anyone reads", PARTNERS_KEY, 0, &deep),
        ("of a known type with nothing in it", PARTNERS_KEY, 0, br#"{"type":"revalidate"}"#),
    ];
    let id = |number: usize| format!("msg_good{number}");
    let orders: Vec<Value> = wanted
        .iter()
        .enumerate()
        .map(|(number, (_, key, off, body))| standard(key, &id(number), now + off, body))
        .collect();
    for (number, signature) in sign(&orders).into_iter().enumerate() {
        let (name, _, off, body) = wanted[number];
        let delivery = of_partner(&id(number), &(now + off).to_string(), &signature, body);
        cases.add(name, 200, delivery);
    }
    // Several signatures, of versions and keys that we do not know, and one that is right.
    let right = |id: &str| sign(&[standard(PARTNERS_KEY, id, now, BODY)]).remove(0);
    let junk = format!("v1,{}=", "A".repeat(43));
    for (id, list) in [
        ("msg_last", format!("v0,x v2,y v1a,z {junk} {}", right("msg_last"))),
        ("msg_first", format!("{} {junk} v2,", right("msg_first"))),
        ("msg_spaced", format!("  {junk}   {}  ", right("msg_spaced"))),
    ] {
        cases.add(id, 200, of_partner(id, &now.to_string(), list.trim(), BODY));
    }
    let svix = right("msg_svix");
    let at = now.to_string();
    let head = [("svix-id", "msg_svix"), ("svix-timestamp", &*at), ("svix-signature", &*svix)];
    cases.add("by the names of Svix", 200, Delivery::new("partner", &head, BODY));
}

/// By Standard Webhooks: what is not.
fn bad_standard(cases: &mut Cases, now: i64) {
    let id = "msg_bad";
    let foreign = "whsec_Zm9yZWlnbmZvcmVpZ25mb3JlaWdu";
    let signatures = sign(&[
        standard(PARTNERS_KEY, id, now, BODY),
        standard(foreign, id, now, BODY),
        standard(PARTNERS_KEY, id, now - 400, BODY),
        standard(PARTNERS_KEY, id, now + 400, BODY),
        hmac(
            PARTNERS_KEY,
            "base64",
            format!("{id}.{now}.{}", String::from_utf8_lossy(BODY)).as_bytes(),
        ),
        hmac("", "base64", format!("{id}.{now}.{}", String::from_utf8_lossy(BODY)).as_bytes()),
    ]);
    let at = now.to_string();
    let good = of_partner(id, &at, &signatures[0], BODY);
    let right = signatures[0].strip_prefix("v1,").unwrap().to_owned();
    for (name, signature) in [
        ("by a foreign secret", signatures[1].clone()),
        ("by the secret as it is written", format!("v1,{}", signatures[4])),
        ("by no secret", format!("v1,{}", signatures[5])),
        ("as another version", format!("v2,{right}")),
        ("as an older version", format!("v0,{right}")),
        ("as that of another kind of key", format!("v1a,{right}")),
        ("in capitals", format!("V1,{right}")),
        ("without a version", right.clone()),
        ("with a version alone", "v1,".to_owned()),
        ("with an empty list", "v1".to_owned()),
        ("with commas alone", ",,,,".to_owned()),
        ("cut short", format!("v1,{}", &right[..40])),
        ("without padding", format!("v1,{}", right.trim_end_matches('='))),
        ("with more behind", format!("v1,{right}AAAA")),
        ("in other letters", format!("v1,{}", right.to_lowercase())),
        ("in hexadecimal digits", format!("v1,{}", "0".repeat(64))),
        ("joined by commas", format!("v1,x,v1,{right}")),
        ("among too many", format!("{}v1,{right}", "v1,x ".repeat(16))),
        ("among a thousand", format!("{}v1,{right}", "v2,x ".repeat(1000))),
    ] {
        cases.with(name, 401, &good, "webhook-signature", signature.as_bytes());
    }
    for (name, at) in [
        ("at another time", (now + 1).to_string()),
        ("at no time", String::new()),
        ("at a time in words", "now".to_owned()),
        ("at a time with a sign", format!("+{now}")),
        ("before all time", format!("-{now}")),
        ("at a time with a fraction", format!("{now}.0")),
        ("at a time in milliseconds", format!("{now}000")),
        ("at a time that no number holds", "9".repeat(40)),
        ("at a time in sixteens", format!("0x{now:x}")),
    ] {
        cases.with(name, 401, &good, "webhook-timestamp", at.as_bytes());
    }
    let (old, early) = ((now - 400).to_string(), (now + 400).to_string());
    cases.add("too old", 401, of_partner(id, &old, &signatures[2], BODY));
    cases.add("too early", 401, of_partner(id, &early, &signatures[3], BODY));
    cases.with("under another id", 401, &good, "webhook-id", b"msg_other");
    cases.with("under no id", 401, &good, "webhook-id", b"");
    cases.with("under a long id", 401, &good, "webhook-id", "m".repeat(300).as_bytes());
    cases.with("under an id with a space", 401, &good, "webhook-id", b"msg bad");
    cases.with("under an id that is no text", 401, &good, "webhook-id", b"msg_\xe9");
    cases.with("signed in no text", 401, &good, "webhook-signature", b"v1,\xff\xfe");
    for header in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let twice = format!("{header} twice");
        cases.but(&twice, 401, &good, |delivery| {
            delivery.head.push((header.to_owned(), said(delivery, header).into_bytes()));
        });
        let without = format!("without {header}");
        cases.but(&without, 401, &good, |delivery| {
            delivery.head.retain(|(name, _)| name != header);
        });
    }
    cases.but("its signature under another name", 401, &good, |delivery| {
        delivery.head[2].0 = "svix-signature".to_owned();
    });
    cases.but("a byte changed", 401, &good, |delivery| delivery.body[3] ^= 1);
    cases.but("a byte less", 401, &good, |delivery| delivery.body.truncate(BODY.len() - 1));
    cases.but("a line end more", 401, &good, |delivery| delivery.body.push(b'\n'));
    cases.but("another body", 401, &good, |delivery| delivery.body = b"{}".to_vec());
    cases.but("nothing left of it", 401, &good, |delivery| delivery.body.clear());
    cases.but("to another sender's address", 401, &good, |delivery| {
        delivery.path = "/api/webhooks/resend".to_owned();
    });
    cases.but("to a sender whom nobody knows", 503, &good, |delivery| {
        delivery.path = "/api/webhooks/nobody".to_owned();
    });
    cases.but("larger than may be", 413, &good, |delivery| {
        delivery.body = vec![b' '; 512 * 1024 + 1]
    });
    cases.but("compressed", 415, &good, |delivery| {
        delivery.head.push(("content-encoding".to_owned(), b"gzip".to_vec()));
    });
    cases.with(
        "with a huge header",
        431,
        &good,
        "webhook-signature",
        "v1,A ".repeat(4000).as_bytes(),
    );
}

/// By a header of the sender's own: GitHub, and one that is configured.
fn by_header(cases: &mut Cases) {
    let key = GITHUB.1.split(',').next().unwrap();
    let signatures = sign(&[
        hmac(key, "hex", BODY),
        hmac("the one before", "hex", BODY),
        hmac("nobody's", "hex", BODY),
        hmac(SHOP[1].1, "base64", BODY),
        hmac(SHOP[1].1, "hex", BODY),
    ]);
    let signed = |signature: &str, id: &str| {
        let head = [
            ("x-hub-signature-256", signature),
            ("x-github-delivery", id),
            ("x-github-event", "star"),
        ];
        Delivery::new("github", &head, BODY)
    };
    let name = "x-hub-signature-256";
    let (right, old) = (format!("sha256={}", signatures[0]), format!("sha256={}", signatures[1]));
    cases.add("GitHub", 200, signed(&right, "delivery-1"));
    cases.add("GitHub, by the secret of before", 200, signed(&old, "delivery-2"));
    let good = signed(&right, "delivery-3");
    for (what, value) in [
        ("GitHub, by a foreign secret", format!("sha256={}", signatures[2])),
        ("GitHub, without a prefix", signatures[0].clone()),
        ("GitHub, by another hash", format!("sha1={}", signatures[0])),
        ("GitHub, cut short", right[..60].to_owned()),
        ("GitHub, with more behind", format!("{right}00")),
        ("GitHub, with nothing", "sha256=".to_owned()),
        ("GitHub, with two in one", format!("{right}, {right}")),
    ] {
        cases.with(what, 401, &good, name, value.as_bytes());
    }
    cases.but("GitHub, a byte changed", 401, &good, |delivery| delivery.body[0] = b'[');
    cases.but("GitHub, without an id", 401, &good, |delivery| {
        delivery.head.retain(|(name, _)| name != "x-github-delivery");
    });
    cases.but("GitHub, signed twice", 401, &good, |delivery| {
        delivery.head.push((name.to_owned(), right.clone().into_bytes()));
    });
    cases.but("GitHub, by the old hash alone", 401, &good, |delivery| {
        delivery.head[0].0 = "x-hub-signature".to_owned();
    });
    let in_shop = format!("v1:{}", signatures[3]);
    let head = [("x-shop-hmac", in_shop.as_str()), ("x-shop-id", "order-1")];
    let good = Delivery::new("shop", &head, BODY);
    cases.add("the shop", 200, good.clone());
    cases.with(
        "the shop, in digits",
        401,
        &good,
        "x-shop-hmac",
        format!("v1:{}", signatures[4]).as_bytes(),
    );
    cases.with(
        "the shop, with another prefix",
        401,
        &good,
        "x-shop-hmac",
        signatures[3].as_bytes(),
    );
    cases.with("the shop, without an id", 401, &good, "x-shop-id", b"");
}

#[test]
fn every_delivery_is_judged_right_and_only_what_is_good_is_kept() {
    with_senders(async |app| {
        let now = app.state.clock.now().unix_timestamp();
        let mut cases = Cases::default();
        good_standard(&mut cases, now);
        bad_standard(&mut cases, now);
        by_header(&mut cases);
        let refused = cases.0.iter().filter(|case| case.status != 200).count();
        assert!(refused >= 60, "{refused}");
        let (eve, mut good) = (app.eve(), 0);
        for Case { name, delivery, status } in &cases.0 {
            let answer = delivery.send(&eve).await;
            let expected = answer.status == *status
                || (*status == 431 && (400..500).contains(&answer.status) && answer.status != 401);
            assert!(expected, "{name}: {} {}", answer.status, answer.body);
            match status {
                200 => {
                    good += 1;
                    assert_eq!(
                        answer.json(),
                        json!({ "stored": true, "duplicate": false }),
                        "{name}"
                    );
                    // What came is there as it came.
                    let sizes = "select octet_length(payload) from inbox order by id desc limit 1";
                    assert_eq!(app.ask(sizes).await, [delivery.body.len().to_string()], "{name}");
                }
                431 => {}
                status => drop(answer.is_problem(*status)),
            }
            assert_eq!(app.ask("select count(*) from inbox").await, [good.to_string()], "{name}");
        }
        // Each once more: known by its id, whatever it is.
        for case in cases.0.iter().filter(|case| case.status == 200) {
            let again = case.delivery.send(&eve).await;
            assert_eq!(again.json()["duplicate"], true, "{}", case.name);
        }
        assert_eq!(app.ask("select count(*) from inbox").await, [good.to_string()]);
        let states = "select concat_ws(' ', state, count(*)) from inbox group by state order by 1";
        assert_eq!(
            app.ask(states).await,
            [format!("ignored {}", good - 1), "waiting 1".to_owned()]
        );
        // What proved them is not kept.
        for secret in ["v1,", "sha256=", "whsec_", "a secret of GitHub"] {
            assert_eq!(app.tables_with(secret).await, [""; 0], "{secret}");
        }
        println!("{} deliveries judged right: {good} taken, {refused} refused", cases.0.len());
    });
}

#[test]
fn a_door_for_a_sender_who_is_not_set_up_is_off() {
    with_app(async |app| {
        for (source, why) in [
            ("github", "This is off: GITHUB_WEBHOOK_SECRET is not set."),
            ("resend", "This is off: RESEND_WEBHOOK_SECRET is not set."),
            (
                "cms",
                "This is off: WEBHOOK_{NAME}_KIND and WEBHOOK_{NAME}_SECRET are not set for a sender of this name.",
            ),
        ] {
            let answer = Delivery::new(source, &[], BODY).send(&app.eve()).await;
            assert_eq!(answer.is_problem(503)["detail"], why);
            let path = format!("/api/webhooks/{source}");
            let asked = app.eve().send(app.eve().request(Method::GET, &path)).await;
            asked.is_problem(405);
            assert_eq!(asked.header("allow"), "POST");
        }
        let doctor = app.cli(&["doctor"], "");
        assert!(doctor.out.contains("WEBHOOK_…): off"), "{}", doctor.out);
    });
}
