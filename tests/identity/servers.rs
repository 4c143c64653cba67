//! Servers that answer badly, say what cannot be, or have keys that are none: they cost nobody anything.

use super::hostile::{
    AWAY, UNTRUSTED, leads_nowhere, lie, seen, somebody, the_truth_leads_in, with_liar,
};
use super::*;
use serde_json::Value;

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
