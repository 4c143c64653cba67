//! Passkeys: they let their owner in, by both factors, and nobody else, whatever is sent.

use super::accounts::{BOB, sign_up};
use super::newsletter::mails_to;
use super::second_factor::turn_on;
use super::sign_in::{is_sent_to_sign_in, sign_in};
use super::support::authenticator::{Device, PRESENT_AND_VERIFIED, Said, asked};
use super::support::{ADA, Answer, Mode, Person, Smtp, TestApp, with_app, with_settings};
use std::collections::BTreeMap;

/// The site under a name: passkeys belong to one.
fn named(app: &TestApp) -> String {
    app.origin.replace("127.0.0.1", "localhost")
}

/// Has devices asked for everything they can be asked for, by `ada`: by the route where that is, the path.
pub async fn questions(app: &TestApp, ada: &Person<'_>) -> BTreeMap<&'static str, String> {
    app.psql(&format!(
        "insert into passkeys (id, account_id, credential_id, credential, name)
         select gen_random_uuid(), id, '\\x07', '{{}}', 'Laptop' from accounts where email = '{}'",
        ADA.0
    ))
    .await;
    let passkey = app.ask("select id from passkeys where name = 'Laptop'").await.remove(0);
    let signed = ada.post("/sign-in/passkey", &[]).await.location;
    let made = ada.post("/account/passkeys", &[("name", "Phone")]).await.location;
    assert!(signed.starts_with("/sign-in/passkey/") && made.starts_with("/account/passkeys/new/"));
    let passkey = format!("/account/passkeys/{passkey}");
    BTreeMap::from([
        ("/sign-in/passkey/{id}", signed),
        ("/account/passkeys/new/{id}", made),
        ("/account/passkeys/{id}", passkey),
    ])
}

/// Begins to add a passkey, and has the device asked.
async fn ask_to_add(app: &TestApp, person: &Person<'_>, device: &mut Device) -> (String, Said) {
    let path = person.post("/account/passkeys", &[("name", "Blue key")]).await.location;
    let said = device.says(&asked(&person.get(&path).await), &named(app));
    (path, said)
}

/// Adds a passkey as anyone would.
pub async fn add(app: &TestApp, person: &Person<'_>, device: &mut Device) {
    let (path, said) = ask_to_add(app, person, device).await;
    let answer = person.post(&path, &[("answer", &device.made(&said))]).await;
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (303, "/account/passkeys"),
        "{}",
        answer.body
    );
}

/// Begins to sign in, and has the device asked.
async fn ask(app: &TestApp, person: &Person<'_>, device: &mut Device) -> (String, Said) {
    let path = person.post("/sign-in/passkey", &[("next", "/account/profile")]).await.location;
    let said = device.says(&asked(&person.get(&path).await), &named(app));
    (path, said)
}

async fn answer(person: &Person<'_>, path: &str, answer: &str) -> Answer {
    person.post(path, &[("answer", answer)]).await
}

#[test]
fn a_passkey_signs_in_by_both_factors_with_nothing_typed() {
    with_app(async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, BOB.1).await, Device::new(1));
        assert!(bob.get("/account/passkeys").await.body.contains("None yet."));
        let options = bob.post("/account/passkeys", &[("name", "Blue key")]).await.location;
        let options = asked(&bob.get(&options).await);
        let wanted = &options["authenticatorSelection"];
        assert_eq!(
            (&wanted["residentKey"], &wanted["userVerification"]),
            (&"required".into(), &"required".into())
        );
        assert_eq!(
            (&options["rp"]["id"], &options["user"]["name"]),
            (&"localhost".into(), &BOB.0.into())
        );
        add(app, &bob, &mut device).await;
        let page = bob.get("/account/passkeys").await.body;
        assert!(page.contains("Blue key") && page.contains("not used yet"), "{page}");
        assert!(bob.get("/account").await.body.contains("<dd>1 · "));
        let mail = mails_to(app, BOB.0).await.remove(0).mail;
        assert_eq!(mail.subject, "A passkey was added · Frontdesk");
        assert!(mail.text().contains("/account/passkeys"), "where it can be removed");
        turn_on(app, &bob).await;

        let browser = app.eve();
        let (path, said) = ask(app, &browser, &mut device).await;
        let entered = answer(&browser, &path, &device.signed(&said)).await;
        assert_eq!(
            (entered.status, entered.location.as_str()),
            (303, "/account/profile"),
            "{}",
            entered.body
        );
        assert_eq!(browser.get("/account").await.status, 200, "no code is asked for");
        assert!(browser.get("/account/passkeys").await.body.contains("last used"));
        let id = app.ask("select id from passkeys").await.remove(0);
        let path = format!("/account/passkeys/{id}");
        assert!(bob.get(&path).await.body.contains(r#"value="Blue key""#));
        for wrong in ["", &"x".repeat(61), "a\u{0}b"] {
            assert_eq!(bob.post(&path, &[("name", wrong)]).await.status, 422, "{wrong:?}");
        }
        bob.post(&path, &[("name", "Key <ring>")]).await;
        assert!(bob.get("/account/passkeys").await.body.contains("Key &lt;ring&gt;"));
        let ada = app.ada().await;
        for theirs in [path.clone(), format!("{path}/remove")] {
            ada.post(&theirs, &[("name", "Mine")]).await.is_page(404);
        }
        ada.get(&path).await.is_page(404);
        assert_eq!(bob.post(&format!("{path}/remove"), &[]).await.location, "/account/passkeys");
        let (path, said) = ask(app, &app.eve(), &mut device).await;
        assert_eq!(answer(&app.eve(), &path, &device.signed(&said)).await.status, 422);
    });
}

/// Ways in which an answer is not what it should be, but for the signature.
type Change = (&'static str, fn(&mut Said));

const FORGED: [Change; 12] = [
    ("another challenge", |said| {
        said.challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into()
    }),
    ("no challenge", |said| said.challenge.clear()),
    ("another site", |said| said.origin = "https://evil.example".into()),
    ("a site that sounds like ours", |said| {
        said.origin = said.origin.replace("localhost", "localhost.evil.example")
    }),
    ("below ours", |said| said.origin = said.origin.replace("localhost", "evil.localhost")),
    ("another port", |said| said.origin = "http://localhost:1".into()),
    ("another scheme", |said| said.origin = said.origin.replace("http:", "https:")),
    ("in another site's frame", |said| said.framed = true),
    ("bound to another name", |said| said.name = "evil.example".into()),
    ("nobody there", |said| said.flags = 0),
    ("somebody, but not the owner", |said| said.flags = 0b001),
    ("of another kind", |said| {
        said.kind = if said.kind == "webauthn.get" { "webauthn.create" } else { "webauthn.get" }
    }),
];

#[test]
fn no_passkey_comes_of_a_forged_answer() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, BOB.1).await, Device::new(1));
        let ada = app.ada().await;
        for (number, (what, change)) in FORGED.into_iter().enumerate() {
            let bob = bob.coming_from(&format!("198.51.100.{number}"));
            let (path, mut said) = ask_to_add(app, &bob, &mut device).await;
            let honest = device.made(&said);
            change(&mut said);
            let refused = answer(&bob, &path, &device.made(&said)).await;
            refused.is_page(422);
            assert!(!refused.body.contains("data-options"), "{what}: it is used up");
            bob.get(&path).await.is_page(410);
            answer(&bob, &path, &honest).await.is_page(410);
        }
        for garbage in ["", "{}", "null", "[]", "\0", &"[".repeat(10_000), r#"{"id": 1}"#] {
            let (path, _) = ask_to_add(app, &bob, &mut device).await;
            answer(&bob, &path, garbage).await.is_page(422);
        }
        let (path, said) = ask_to_add(app, &bob, &mut device).await;
        let made = device.made(&said);
        bob.post(&path, &[("answer", &"x".repeat(40_000))]).await.is_page(413);
        // What Bob was asked is no question to Ada, nor to whoever signs in.
        answer(&ada, &path, &made).await.is_page(410);
        let (_, id) = path.rsplit_once('/').unwrap();
        answer(&app.eve(), &format!("/sign-in/passkey/{id}"), &made).await.is_page(410);
        assert_eq!(app.ask("select count(*) from passkeys").await, ["0"]);
        assert_eq!(answer(&bob, &path, &made).await.status, 303);
        answer(&bob, &path, &made).await.is_page(410);
        // A passkey that one account has is not another's as well.
        let (path, said) = ask_to_add(app, &ada, &mut device).await;
        answer(&ada, &path, &device.made(&said)).await.is_page(422);
        let (path, said) = ask_to_add(app, &bob, &mut Device::new(2)).await;
        app.psql("update passkey_challenges set expires_at = expires_at - interval '5 minutes'")
            .await;
        answer(&bob, &path, &Device::new(2).made(&said)).await.is_page(410);
        assert_eq!(app.ask("select count(*) from passkeys").await, ["1"]);
    });
}

/// Asserts that an answer to what Eve's browser was asked lets nobody in, and that the question is used up.
async fn is_refused(what: &str, eve: &Person<'_>, path: &str, sent: &str) {
    let refused = answer(eve, path, sent).await;
    assert_eq!(refused.status, 422, "{what}: {}", refused.location);
    assert!(!refused.headers.contains_key("set-cookie"), "{what}");
    is_sent_to_sign_in(&eve.get("/account").await);
    eve.get(path).await.is_page(410);
    answer(eve, path, sent).await.is_page(410);
}

#[test]
fn nobody_is_let_in_by_a_forged_answer() {
    with_settings(&[("TRUSTED_PROXIES", "127.0.0.1")], async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, BOB.1).await, Device::new(1));
        let (ada, mut hers) = (app.ada().await, Device::new(2));
        add(app, &bob, &mut device).await;
        add(app, &ada, &mut hers).await;
        for (number, (what, change)) in FORGED.into_iter().enumerate() {
            let eve = app.eve().coming_from(&format!("198.51.100.{number}"));
            let (path, mut said) = ask(app, &eve, &mut device).await;
            change(&mut said);
            is_refused(what, &eve, &path, &device.signed(&said)).await;
        }
        let owned_by = |device: &Device, owner: &Device| device.clone().owned_by(&owner.owner);
        let forged: [(Device, Change); 6] = [
            (owned_by(&hers, &device), ("another account's, as one's own", |_| {})),
            (owned_by(&device, &hers), ("one's own, as another account's", |_| {})),
            (owned_by(&Device::new(3), &device), ("unknown", |_| {})),
            (device.clone(), ("nobody's", |said| said.owner.clear())),
            (device.clone(), ("an owner who is none", |said| said.owner = vec![7; 64])),
            (device.clone(), ("without a name", |said| said.id.clear())),
        ];
        for (number, (mut device, (what, change))) in forged.into_iter().enumerate() {
            let eve = app.eve().coming_from(&format!("198.51.101.{number}"));
            device.count = 50;
            let (path, mut said) = ask(app, &eve, &mut device).await;
            change(&mut said);
            is_refused(what, &eve, &path, &device.signed(&said)).await;
        }
        let eve = app.eve().coming_from("203.0.113.1");
        // Another key's signature under Bob's name for it, and one that was tampered with.
        let (path, said) = ask(app, &eve, &mut device).await;
        is_refused("another key", &eve, &path, &hers.signed(&said)).await;
        let (path, said) = ask(app, &eve, &mut device).await;
        let mut sent: serde_json::Value = serde_json::from_str(&device.signed(&said)).unwrap();
        sent["response"]["authenticatorData"] =
            serde_json::from_str::<serde_json::Value>(&device.signed(&Said { count: 90, ..said }))
                .unwrap()["response"]["authenticatorData"]
                .clone();
        is_refused("changed after it was signed", &eve, &path, &sent.to_string()).await;
        for garbage in ["", "{}", "null", "\0", &"[".repeat(10_000)] {
            let (path, _) = ask(app, &eve, &mut device).await;
            is_refused("garbage", &eve, &path, garbage).await;
        }
        assert_eq!(app.ask("select count(*) from passkeys where used_at is not null").await, ["0"]);
    });
}

#[test]
fn a_question_is_answered_once_wherever_and_within_five_minutes() {
    with_app(async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, BOB.1).await, Device::new(1));
        add(app, &bob, &mut device).await;
        let other = app.second_instance().await;
        let browsers = [app.eve(), app.eve(), app.eve(), app.eve()];
        let (path, said) = ask(app, &browsers[0], &mut device).await;
        let signed = device.signed(&said);
        let tries = browsers.iter().enumerate().map(async |(number, browser)| match number % 2 {
            0 => answer(browser, &path, &signed).await.status,
            _ => answer(&browser.at(&other), &path, &signed).await.status,
        });
        let mut got = futures_util::future::join_all(tries).await;
        got.sort_unstable();
        assert_eq!(got, [303, 410, 410, 410]);
        // Replayed as the answer to another question it is none.
        let (path, _) = ask(app, &app.eve(), &mut device).await;
        answer(&app.eve(), &path, &signed).await.is_page(422);
        let (path, said) = ask(app, &app.eve(), &mut device).await;
        app.psql("update passkey_challenges set expires_at = expires_at - interval '5 minutes'")
            .await;
        answer(&app.eve(), &path, &device.signed(&said)).await.is_page(410);
        assert_eq!(app.cli(&["run", "cleanup"], "").code, 0);
        assert_eq!(app.ask("select count(*) from passkey_challenges").await, ["0"]);
        let (path, said) = ask(app, &app.eve(), &mut device).await;
        app.psql("update accounts set active = false where email like 'bob@%'").await;
        answer(&app.eve(), &path, &device.signed(&said)).await.is_page(422);
        other.close().await;
    });
}

#[test]
fn a_count_that_goes_back_betrays_a_copy_and_its_owner_is_told() {
    with_app(async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, BOB.1).await, Device::new(1));
        add(app, &bob, &mut device).await;
        let mut copy = device.clone();
        for _ in 0..3 {
            let browser = app.eve();
            let (path, said) = ask(app, &browser, &mut device).await;
            assert_eq!(answer(&browser, &path, &device.signed(&said)).await.status, 303);
        }
        // A stranger who makes a count up cannot sign it, and harms nobody.
        let (path, said) = ask(app, &app.eve(), &mut copy.clone()).await;
        is_refused("unsigned", &app.eve(), &path, &Device::new(9).signed(&said)).await;
        assert_eq!(app.ask("select count(*) from passkeys where copied_at is null").await, ["1"]);

        let eve = app.eve();
        let (path, said) = ask(app, &eve, &mut copy).await;
        let refused = answer(&eve, &path, &copy.signed(&said)).await;
        refused.is_page(422);
        assert!(refused.body.contains("may have been copied"), "{}", refused.body);
        is_sent_to_sign_in(&eve.get("/account").await);
        let told = mails_to(app, BOB.0).await.remove(0).mail.subject;
        assert_eq!(told, "One of your passkeys may have been copied · Frontdesk");
        assert!(bob.get("/account/passkeys").await.body.contains("It may have been copied"));
        // Which of the two is Bob's nobody knows: neither is let in any more.
        for device in [&mut device, &mut copy] {
            let (path, said) = ask(app, &eve, device).await;
            is_refused("copied", &eve, &path, &device.signed(&said)).await;
        }
        let sent = "select count(*) from outbox where job::text like '%passkey-copied%'";
        assert_eq!(app.ask(sent).await, ["1"]);
    });
}

#[test]
fn devices_that_do_not_count_are_let_in_again_and_again() {
    with_app(async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, BOB.1).await, Device::new(1));
        let (path, said) = ask_to_add(app, &bob, &mut device).await;
        let said = Said { count: 0, ..said };
        assert_eq!(answer(&bob, &path, &device.made(&said)).await.status, 303);
        for _ in 0..3 {
            let browser = app.eve();
            let (path, said) = ask(app, &browser, &mut device).await;
            let said = Said { count: 0, flags: PRESENT_AND_VERIFIED, ..said };
            assert_eq!(answer(&browser, &path, &device.signed(&said)).await.status, 303);
        }
    });
}

async fn remove_the_only_one(app: &TestApp, bob: &Person<'_>) -> Answer {
    let id = app.ask("select passkeys.id from passkeys").await.remove(0);
    bob.post(&format!("/account/passkeys/{id}/remove"), &[]).await
}

#[test]
fn the_last_way_in_stays() {
    with_app(async |app| {
        let (bob, mut device) = (sign_up(app, BOB.0, "").await, Device::new(1));
        add(app, &bob, &mut device).await;
        let answer = remove_the_only_one(app, &bob).await;
        answer.is_page(422);
        assert!(answer.body.contains("This is your only way in."), "{}", answer.body);
        bob.post("/account/password", &[("password", BOB.1)]).await;
        assert_eq!(remove_the_only_one(app, &bob).await.status, 303);
        assert_eq!(mails_to(app, BOB.0).await[0].mail.subject, "A passkey was removed · Frontdesk");
    });
    let smtp = Smtp::start(Mode::Plain);
    with_settings(&smtp.settings(), async |app| {
        app.psql("update accounts set password_hash = null").await;
        app.eve().post("/sign-in/link", &[("email", ADA.0)]).await;
        super::newsletter::work_off(app).await;
        let mails = smtp.mails();
        let (_, link) = mails[0]
            .text("/text")
            .split_once("/sign-in/link/")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .unwrap();
        let ada = app.eve();
        let path = format!("/sign-in/link/{}", link.split_whitespace().next().unwrap());
        assert_eq!(ada.post(&path, &[]).await.location, "/admin");
        add(app, &ada, &mut Device::new(1)).await;
        assert_eq!(remove_the_only_one(app, &ada).await.status, 303, "mail is a way in");
    });
}

#[test]
fn who_must_have_two_factors_has_them_by_a_passkey_and_keeps_one() {
    with_settings(&[("REQUIRE_TWO_FACTOR", "owners")], async |app| {
        let (ada, mut device) = (app.eve(), Device::new(1));
        assert_eq!(sign_in(&ada, ADA.0, ADA.1).await.location, "/account/two-factor");
        add(app, &ada, &mut device).await;
        assert_eq!(ada.get("/admin").await.location, "/account/two-factor", "it was not shown yet");
        let browser = app.eve();
        let (path, said) = ask(app, &browser, &mut device).await;
        assert_eq!(answer(&browser, &path, &device.signed(&said)).await.status, 303);
        assert_eq!(browser.get("/admin").await.status, 200);
        let kept = remove_the_only_one(app, &browser).await;
        assert!(kept.status == 422 && kept.body.contains("asks a second factor of you"));
        turn_on(app, &browser).await;
        let off = [("current_password", ADA.1)];
        assert_eq!(browser.post("/account/two-factor/off", &off).await.status, 303, "one will do");
        assert_eq!(remove_the_only_one(app, &browser).await.status, 422);
    });
}

#[test]
fn where_the_site_has_only_a_number_there_are_none() {
    with_settings(&[("PUBLIC_ORIGINS", "https://192.0.2.1")], async |app| {
        let ada = app.eve().asking_for("https://192.0.2.1");
        assert_eq!(sign_in(&ada, ADA.0, ADA.1).await.location, "/admin");
        for (path, form) in
            [("/sign-in/passkey", &[][..]), ("/account/passkeys", &[("name", "Key")])]
        {
            let answer = ada.post(path, form).await;
            answer.is_page(503);
            assert!(answer.body.contains("bound to a name"), "{path}: {}", answer.body);
        }
        assert_eq!(ada.get("/account/passkeys").await.status, 200);
    });
}
