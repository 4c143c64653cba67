//! Whatever comes back that this provider would not have sent to this browser: refused, and nothing is made of it.
//!
//! Each case is one lie. The provider is the same as that of the last line of each test, where it tells the truth and
//! somebody gets in: it is the lie that is refused.

use super::*;
use serde_json::Value;

/// A site that knows one that lies as `example`, and another of its kind as `other`.
fn with_liar(test: impl AsyncFnOnce(&TestApp, &Idp, &Idp)) {
    let (liar, other) = (Idp::start("hostile.js"), Idp::start("hostile.js"));
    let names = ["OIDC_OTHER_ISSUER", "OIDC_OTHER_CLIENT_ID", "OIDC_OTHER_CLIENT_SECRET"];
    let proxies = [("TRUSTED_PROXIES", "127.0.0.1")];
    let settings = [&liar.settings()[..], &other.settings_as(names), &proxies].concat();
    with_settings(&settings, async |app| test(app, &liar, &other).await);
}

/// Goes where a liar has been reached by `location`, and gives where the browser is sent back to.
async fn lie(idp: &Idp, location: &str) -> String {
    let path = location.strip_prefix(&idp.issuer).unwrap();
    let answer = Person::visiting(&idp.issuer).get(path).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location
}

/// What the liar was asked since it was told how to be.
fn seen(idp: &Idp) -> Vec<String> {
    serde_json::from_value(idp.tell(json!({ "ask": "seen" }))["seen"].take()).unwrap()
}

/// Somebody at an address of their own, so that they do not use up each other's limits.
fn somebody<'a>(app: &'a TestApp, number: usize) -> Person<'a> {
    app.eve().coming_from(&format!("198.51.100.{number}"))
}

const UNTRUSTED: (u16, &str) = (403, "not what it would send to us");
const AWAY: (u16, &str) = (502, "does not answer as it should");
const UNEXPECTED: (u16, &str) = (400, "Nobody was expected here");

/// Has the provider be like this, goes the whole way, and asserts that it leads nowhere.
async fn leads_nowhere(
    app: &TestApp,
    liar: &Idp,
    number: usize,
    what: &str,
    be: &Value,
    (status, words): (u16, &str),
) {
    let (before, eve) = (made(app).await, somebody(app, number));
    // What it says about itself is known by now, and is the truth.
    let location = leave(&eve, "example", &[]).await;
    liar.tell(json!({ "be": be }));
    let answer = come_back(&eve, app, &lie(liar, &location).await).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    is_refused(&answer, status, words);
    assert_eq!(made(app).await, before, "{what}");
    assert_eq!(eve.get("/account").await.status, 303, "{what}: somebody is signed in");
}

/// The truth, told to somebody new: they get in.
async fn the_truth_leads_in(app: &TestApp, liar: &Idp) {
    liar.tell(json!({ "be": {} }));
    let eve = somebody(app, 254);
    let location = leave(&eve, "example", &[]).await;
    is_in(&come_back(&eve, app, &lie(liar, &location).await).await, "/account");
}

#[test]
fn a_token_that_lies_is_not_believed() {
    with_liar(async |app, liar, other| {
        let foreign = other.issuer.as_str();
        let slash = format!("{}/", liar.issuer);
        let cases = [
            ("another nonce", json!({ "claims": { "nonce": "0".repeat(64) } })),
            ("no nonce", json!({ "claims": { "nonce": null } })),
            ("another issuer", json!({ "claims": { "iss": foreign } })),
            ("nearly the issuer", json!({ "claims": { "iss": slash } })),
            ("another audience", json!({ "claims": { "aud": "somebody-else" } })),
            ("an audience besides", json!({ "claims": { "aud": ["frontdesk", "somebody-else"] } })),
            ("no audience", json!({ "claims": { "aud": [] } })),
            ("another party", json!({ "claims": { "azp": "somebody-else" } })),
            ("over", json!({ "times": { "exp": -61 } })),
            ("not begun", json!({ "times": { "nbf": 90 } })),
            ("of the future", json!({ "times": { "iat": 90 } })),
            ("a subject that is empty", json!({ "claims": { "sub": "" } })),
            ("a subject of 256 letters", json!({ "claims": { "sub": "x".repeat(256) } })),
            ("a subject with a NUL", json!({ "claims": { "sub": "mal\0lory" } })),
            ("not signed", json!({ "sign": "none" })),
            ("signed with nothing", json!({ "sign": "unsigned" })),
            ("signed with the public key", json!({ "sign": "public" })),
            ("signed with our secret", json!({ "sign": "secret" })),
            ("signed with another key", json!({ "sign": "foreign" })),
            ("another text signed", json!({ "sign": "broken" })),
            ("a key nobody knows", json!({ "header": { "kid": "key-of-mine" } })),
            (
                "a key that is named by address",
                json!({ "sign": "foreign", "header":
                { "jku": format!("{foreign}/jwks"), "kid": "key-of-mine" } }),
            ),
            ("an algorithm not agreed on", json!({ "header": { "alg": "RS512" } })),
            ("an algorithm of another kind of key", json!({ "header": { "alg": "ES256" } })),
            ("a token of another kind", json!({ "header": { "typ": "at+jwt" } })),
            ("critical words nobody knows", json!({ "header": { "crit": ["b64"], "b64": false } })),
            ("another access token", json!({ "claims": { "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" } })),
        ];
        for (number, (what, be)) in cases.iter().enumerate() {
            leads_nowhere(app, liar, number, what, be, UNTRUSTED).await;
            assert_eq!(seen(liar)[..2], ["/auth", "/token"], "{what}");
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn a_token_that_cannot_be_read_is_none() {
    with_liar(async |app, liar, _| {
        let cases = [
            ("no token", json!({ "token": { "id_token": null } }), UNTRUSTED),
            ("no subject", json!({ "claims": { "sub": null } }), AWAY),
            ("a number as the subject", json!({ "claims": { "sub": 7 } }), AWAY),
            ("no end", json!({ "claims": { "exp": null } }), AWAY),
            ("nonsense", json!({ "token": { "id_token": "a.b.c" } }), AWAY),
            ("two parts", json!({ "token": { "id_token": "e30.e30" } }), AWAY),
            ("a list", json!({ "token": { "id_token": ["e30.e30.e30"] } }), AWAY),
            ("no access token", json!({ "token": { "access_token": null } }), AWAY),
            ("no kind", json!({ "token": { "token_type": null } }), AWAY),
        ];
        for (number, (what, be, refusal)) in cases.iter().enumerate() {
            leads_nowhere(app, liar, number, what, be, *refusal).await;
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn a_server_that_answers_badly_costs_nobody_anything() {
    with_liar(async |app, liar, _| {
        let at = |place: &str, way: &str| json!({ "place": { place: way } });
        let without_address = json!({ "email": null, "email_verified": null });
        let told_elsewhere = |be: Value| {
            let mut be = be;
            be["claims"] = without_address.clone();
            be
        };
        let mut cases: Vec<(&str, Value, (u16, &str))> = vec![
            ("no page", at("/token", "404"), AWAY),
            ("an error", at("/token", "500"), AWAY),
            ("a page", at("/token", "html"), AWAY),
            ("no JSON", at("/token", "text"), AWAY),
            ("nothing", at("/token", "empty"), AWAY),
            ("far too much", at("/token", "huge"), AWAY),
            ("without an end", at("/token", "endless"), AWAY),
            ("half of it", at("/token", "cut"), AWAY),
            ("elsewhere", at("/token", "redirect"), AWAY),
            ("not in time", at("/token", "slow"), AWAY),
            ("who: a page", told_elsewhere(at("/userinfo", "html")), AWAY),
            ("who: elsewhere", told_elsewhere(at("/userinfo", "redirect")), AWAY),
            ("who: an error", told_elsewhere(at("/userinfo", "500")), AWAY),
        ];
        let another = json!({ "userinfo": { "sub": "ann", "email": "ann@example.test" } });
        cases.push(("who: somebody else", told_elsewhere(another), UNTRUSTED));
        let broken = json!({ "access": "a\r\ntoken", "claims": { "at_hash": null } });
        let mut broken = broken;
        broken["claims"]["email"] = Value::Null;
        cases.push(("a token that is two lines", broken, UNTRUSTED));
        for (number, (what, be, refusal)) in cases.iter().enumerate() {
            leads_nowhere(app, liar, number, what, be, *refusal).await;
            assert!(!seen(liar).contains(&"/elsewhere".to_owned()), "{what}: it was followed");
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn what_a_provider_says_about_itself_is_not_believed_blindly() {
    with_liar(async |app, liar, other| {
        let at = |place: &str, way: &str| json!({ "place": { place: way } });
        let discovery = "/.well-known/openid-configuration";
        let says = |what: Value| json!({ "metadata": what });
        let cases = [
            ("another issuer", says(json!({ "issuer": other.issuer })), UNTRUSTED),
            ("no token endpoint", says(json!({ "token_endpoint": null })), UNTRUSTED),
            ("codes in the clear", says(json!({ "token_endpoint": "http://a.test/" })), UNTRUSTED),
            (
                "people in the clear",
                says(json!({ "authorization_endpoint": "http://a.test/" })),
                UNTRUSTED,
            ),
            (
                "a script",
                says(json!({ "authorization_endpoint": "javascript:alert(1)" })),
                UNTRUSTED,
            ),
            ("keys in the clear", says(json!({ "jwks_uri": "http://a.test/" })), AWAY),
            ("no keys", says(json!({ "jwks_uri": null })), AWAY),
            ("a page", at(discovery, "html"), AWAY),
            ("elsewhere", at(discovery, "redirect"), AWAY),
            ("far too much", at(discovery, "huge"), AWAY),
            ("an error", at(discovery, "500"), AWAY),
            ("keys: a page", at("/jwks", "html"), AWAY),
            ("keys: elsewhere", at("/jwks", "redirect"), AWAY),
        ];
        for (number, (what, be, (status, words))) in cases.iter().enumerate() {
            liar.tell(json!({ "be": be }));
            let answer = somebody(app, number).post("/api/oauth/example/start", &[]).await;
            assert_eq!(answer.status, *status, "{what}: {}", answer.body);
            is_refused(&answer, *status, words);
            assert!(!seen(liar).contains(&"/elsewhere".to_owned()), "{what}: it was followed");
            assert_eq!(cookie(&answer, "errand"), None);
            // Whoever comes next within five seconds is not kept waiting.
            app.state.clock.advance(std::time::Duration::from_secs(6));
        }
        assert_eq!(app.ask("select count(*) from identity_errands").await, ["0"]);
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn keys_that_are_none_open_nothing() {
    with_liar(async |app, liar, _| {
        for (number, (what, be)) in [
            ("no key", json!({ "keys": "none" })),
            ("two keys of one name", json!({ "keys": "two" })),
            ("two keys, and neither is named", json!({ "keys": "two", "kid": false })),
            ("a key that everyone knows", json!({ "keys": "symmetric", "sign": "public" })),
            ("a key to encrypt with", json!({ "keys": "encryption" })),
            (
                "a key for any algorithm, and one that nobody agreed on",
                json!({ "keys": "free", "sign": "sha512", "claims": { "at_hash": null } }),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            // So that it is asked anew what its keys are.
            app.state.clock.advance(std::time::Duration::from_secs(3601));
            liar.tell(json!({ "be": be }));
            let eve = somebody(app, number);
            let location = leave(&eve, "example", &[]).await;
            let times = json!({ "exp": 8 * 3600, "iat": 0 });
            let mut be = be;
            be["times"] = times;
            liar.tell(json!({ "be": be }));
            let answer = come_back(&eve, app, &lie(liar, &location).await).await;
            assert_eq!(answer.status, 403, "{what}: {}", answer.body);
            is_refused(&answer, 403, UNTRUSTED.1);
        }
        assert_eq!(made(app).await, ["1", "0", "0", "0"]);
        app.state.clock.advance(std::time::Duration::from_secs(3601));
        liar.tell(json!({ "be": { "keys": "free", "times": { "exp": 8 * 3600 } } }));
        let eve = somebody(app, 99);
        let location = leave(&eve, "example", &[]).await;
        is_in(&come_back(&eve, app, &lie(liar, &location).await).await, "/account");
    });
}

#[test]
fn whoever_makes_up_keys_has_them_fetched_once_a_minute_and_no_more() {
    with_liar(async |app, liar, _| {
        the_truth_leads_in(app, liar).await;
        app.state.clock.advance(std::time::Duration::from_secs(61));
        let be = json!({ "header": { "kid": "key-of-mine" } });
        liar.tell(json!({ "be": be }));
        for number in 0..5 {
            let eve = somebody(app, number);
            let location = leave(&eve, "example", &[]).await;
            let answer = come_back(&eve, app, &lie(liar, &location).await).await;
            is_refused(&answer, 403, UNTRUSTED.1);
        }
        let fetched = seen(liar).iter().filter(|place| *place == "/jwks").count();
        assert_eq!(fetched, 1, "{:?}", seen(liar));
    });
}

#[test]
fn an_answer_from_another_issuer_gets_no_code_out_of_us() {
    with_liar(async |app, liar, other| {
        for (number, (what, answer)) in [
            ("another issuer", json!({ "iss": other.issuer })),
            ("no issuer, where it has said that it says so", json!({ "iss": null })),
            ("an empty issuer", json!({ "iss": "" })),
            (
                "another issuer that says no",
                json!({ "iss": other.issuer, "code": null, "error": "access_denied" }),
            ),
        ]
        .iter()
        .enumerate()
        {
            leads_nowhere(app, liar, number, what, &json!({ "answer": answer }), UNTRUSTED).await;
            assert_eq!(seen(liar), ["/auth"], "{what}: the code was shown");
        }
        for (number, (what, answer, refusal)) in [
            ("no code", json!({ "code": null }), UNTRUSTED),
            ("a code it never gave", json!({ "code": "made-up" }), UNTRUSTED),
            ("an error", json!({ "code": null, "error": "server_error" }), AWAY),
            ("an error that is none", json!({ "code": null, "error": "<script>" }), AWAY),
            ("a code and an error", json!({ "error": "server_error" }), AWAY),
        ]
        .iter()
        .enumerate()
        {
            let be = json!({ "answer": answer });
            leads_nowhere(app, liar, 50 + number, what, &be, *refusal).await;
        }
        the_truth_leads_in(app, liar).await;
    });
}

#[test]
fn a_code_of_one_provider_is_never_shown_to_another() {
    with_liar(async |app, liar, other| {
        let eve = app.eve();
        the_truth_leads_in(app, liar).await;
        let before = made(app).await;
        // She leaves for one, and comes back as if from the other.
        let location = leave(&eve, "example", &[]).await;
        let back = lie(liar, &location).await;
        other.tell(json!({ "be": {} }));
        let swapped = back.replace("/example/callback", "/other/callback");
        is_refused(&come_back(&eve, app, &swapped).await, 403, UNTRUSTED.1);
        assert!(!seen(other).contains(&"/token".to_owned()));
        is_refused(&come_back(&eve, app, &back).await, 400, UNEXPECTED.1);

        // The other one sends her, with its own code and her state, to where she is expected from the first.
        let location = leave(&eve, "example", &[]).await;
        let state = parameter(&location, "state");
        let theirs = lie(other, &location.replace(&liar.issuer, &other.issuer)).await;
        assert_eq!(parameter(&theirs, "state"), state);
        liar.tell(json!({ "be": {} }));
        is_refused(&come_back(&eve, app, &theirs).await, 403, UNTRUSTED.1);
        assert!(!seen(liar).contains(&"/token".to_owned()));
        assert_eq!(made(app).await, before);
        eve.get("/api/oauth/nobody/callback").await.is_page(404);
        eve.post("/api/oauth/nobody/start", &[]).await.is_page(404);
    });
}

#[test]
fn nor_where_providers_do_not_say_who_they_are() {
    with_liar(async |app, liar, other| {
        let be = json!({ "answer": { "iss": null },
            "metadata": { "authorization_response_iss_parameter_supported": null } });
        liar.tell(json!({ "be": be }));
        other.tell(json!({ "be": be }));
        let eve = app.eve();
        for id in ["example", "other"] {
            leave(&eve, id, &[]).await; // so that it is known what they are
        }
        let back = lie(liar, &leave(&eve, "example", &[]).await).await;
        let swapped = back.replace("/example/callback", "/other/callback");
        is_refused(&come_back(&eve, app, &swapped).await, 403, UNTRUSTED.1);
        assert!(!seen(other).contains(&"/token".to_owned()), "it was shown the code");
        assert_eq!(made(app).await, ["1", "0", "0", "0"]);
        let back = lie(liar, &leave(&eve, "example", &[]).await).await;
        is_in(&come_back(&eve, app, &back).await, "/account");
    });
}

#[test]
fn an_address_that_is_none_is_not_taken_for_one() {
    with_liar(async |app, liar, _| {
        for (number, email) in
            ["", "no", "a@b", "a@b.test\r\nBcc: c@d.test", "<a@b.test>"].into_iter().enumerate()
        {
            liar.tell(json!({ "be": { "claims": { "email": email } } }));
            let eve = somebody(app, number);
            let location = leave(&eve, "example", &[]).await;
            let answer = come_back(&eve, app, &lie(liar, &location).await).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in/address"));
            let form = eve.get("/sign-in/address").await;
            assert!(form.body.contains(r#"name="email" dir="auto" value="""#), "{}", form.body);
        }
        assert_eq!(made(app).await, ["1", "0", "0", "5"]);
        for (number, verified) in [json!(null), json!(false), json!("false")].iter().enumerate() {
            liar.tell(json!({ "be": { "claims": { "email_verified": verified } } }));
            let eve = somebody(app, 50 + number);
            let location = leave(&eve, "example", &[]).await;
            let answer = come_back(&eve, app, &lie(liar, &location).await).await;
            assert_eq!(answer.location, "/sign-in/address", "{verified}");
        }
        assert_eq!(made(app).await, ["1", "0", "0", "8"]);
    });
}

#[test]
fn a_code_of_somebody_elses_is_worth_nothing_even_where_the_provider_does_not_mind() {
    with_liar(async |app, liar, _| {
        for (number, be) in [json!({}), json!({ "lenient": true })].into_iter().enumerate() {
            liar.tell(json!({ "be": be }));
            let mallory = somebody(app, 10 + number);
            let theirs = lie(liar, &leave(&mallory, "example", &[]).await).await;
            let code = parameter(&theirs, "code");
            // Mallory has the victim come back with her code, and so to her account.
            let victim = somebody(app, 20 + number);
            let own = lie(liar, &leave(&victim, "example", &[]).await).await;
            let injected = with(&own, "code", code.as_deref());
            is_refused(&come_back(&victim, app, &injected).await, 403, UNTRUSTED.1);
            assert_eq!(made(app).await, ["1", "0", "0", "0"]);
        }
        // A code that has been used, where it may be used again.
        liar.tell(json!({ "be": { "lenient": true } }));
        let ann = somebody(app, 30);
        let first = lie(liar, &leave(&ann, "example", &[]).await).await;
        is_in(&come_back(&ann, app, &first).await, "/account");
        let before = made(app).await;
        let second = lie(liar, &leave(&ann, "example", &[]).await).await;
        let used = parameter(&first, "code");
        let again = come_back(&ann, app, &with(&second, "code", used.as_deref())).await;
        is_refused(&again, 403, UNTRUSTED.1);
        assert_eq!(made(app).await, before);
    });
}

#[test]
fn a_clock_may_be_wrong_by_a_minute() {
    with_liar(async |app, liar, _| {
        for (number, times) in
            [json!({ "exp": -30 }), json!({ "iat": 30 }), json!({ "nbf": 30 })].iter().enumerate()
        {
            liar.tell(json!({ "be": { "times": times } }));
            let eve = somebody(app, number);
            let back = lie(liar, &leave(&eve, "example", &[]).await).await;
            is_in(&come_back(&eve, app, &back).await, "/account");
        }
    });
}
