//! The whole way, by a provider that is certified and not ours (npm `oidc-provider`).

use super::*;
use crate::accounts::mailed;
use crate::support::ADA;
use std::time::Duration;

#[test]
fn ann_comes_by_a_provider_and_has_an_account_from_then_on() {
    with_provider(async |app, idp| {
        let ann = app.eve();
        let there = leave(&ann, "example", &[]).await;
        assert!(there.starts_with(&format!("{}/auth?", idp.issuer)), "{there}");
        let here = format!("{}/api/oauth/example/callback", app.origin);
        for (name, wanted) in [
            ("client_id", "frontdesk"),
            ("response_type", "code"),
            ("redirect_uri", here.as_str()),
            ("scope", "openid email profile"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(parameter(&there, name).as_deref(), Some(wanted), "{there}");
        }
        for (name, length) in [("state", 64), ("nonce", 64), ("code_challenge", 43)] {
            assert_eq!(parameter(&there, name).unwrap().len(), length, "{there}");
        }
        let back = agree(idp, &there, "ann").await;
        assert_eq!(parameter(&back, "iss").as_deref(), Some(idp.issuer.as_str()));
        let answer = come_back(&ann, app, &back).await;
        is_in(&answer, "/account");
        assert!(cookie(&answer, "errand").unwrap().contains("Max-Age=0"));
        assert!(ann.get("/account").await.body.contains("Ann of Cleves"));
        let identity =
            "select issuer || ' ' || subject || ' ' || identities.email || ' ' || accounts.email
            from identities join accounts on accounts.id = account_id";
        let known = format!("{} ann ann@example.test ann@example.test", idp.issuer);
        assert_eq!(app.ask(identity).await, [known.as_str()]);
        assert_eq!(app.ask("select count(*) from identity_errands").await, ["0"]);

        let elsewhere = app.eve();
        is_in(&sign_in(&elsewhere, app, idp, "ann").await, "/account");
        is_in(&sign_in(&app.eve(), app, idp, "bob").await, "/account");
        assert_eq!(made(app).await, ["3", "2", "3", "0"], "Ada, Ann and Bob; Ann twice");
        let named = "select name from accounts where lower(email) = 'bob@example.test'";
        assert_eq!(app.ask(named).await, ["Bob"], "called as his mailbox");
    });
}

#[test]
fn every_algorithm_and_every_way_of_telling_an_address_will_do() {
    for (algorithm, in_token) in
        [("RS256", true), ("PS256", false), ("ES256", true), ("EdDSA", false)]
    {
        with_provider(async |app, idp| {
            open(app, idp, json!({ "algorithm": algorithm, "conform": !in_token }));
            is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
            let told = app.ask("select email from identities").await;
            assert_eq!(told, ["ann@example.test"], "{algorithm}");
        });
    }
}

#[test]
fn a_provider_that_takes_its_secret_in_the_body_is_given_it_there() {
    with_provider(async |app, idp| {
        open(app, idp, json!({ "method": "client_secret_post" }));
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
    });
}

#[test]
fn whoever_says_no_there_is_told_so_here_and_nothing_has_happened() {
    with_provider(async |app, idp| {
        let before = made(app).await;
        let ann = app.eve();
        let location = leave(&ann, "example", &[("next", "/posts")]).await;
        let there = Person::visiting(&idp.issuer);
        let first = there.get(location.strip_prefix(&idp.issuer).unwrap()).await;
        let aborted = there.get(&format!("{}/abort", first.location)).await;
        let on = there.get(aborted.location.strip_prefix(&idp.issuer).unwrap()).await;
        assert_eq!(parameter(&on.location, "error").as_deref(), Some("access_denied"));
        let answer = come_back(&ann, app, &on.location).await;
        is_refused(&answer, 403, "You did not let Example tell us who you are");
        assert!(answer.body.contains("/sign-in?next=%2Fposts"), "{}", answer.body);
        assert_eq!(made(app).await, before);
        is_refused(&come_back(&ann, app, &on.location).await, 400, "Nobody was expected here");
    });
}

#[test]
fn new_keys_are_fetched_when_they_are_used_and_not_more_often_than_once_a_minute() {
    with_provider(async |app, idp| {
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        idp.tell(json!({ "rotate": true }));
        let at_once = sign_in(&app.eve(), app, idp, "ann").await;
        is_refused(&at_once, 403, "not what it would send");
        app.state.clock.advance(Duration::from_secs(60));
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        idp.tell(json!({ "rotate": true }));
        is_refused(&sign_in(&app.eve(), app, idp, "ann").await, 403, "not what it would send");
        app.state.clock.advance(Duration::from_secs(60));
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
    });
}

#[test]
fn a_person_is_who_the_issuer_says_and_not_their_address() {
    with_provider(async |app, idp| {
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        // Ann has another address there now, and Zoe has Ann's old one.
        idp.tell(json!({ "people": {
            "ann": { "email": "ann@other.test", "email_verified": true },
            "zoe": { "email": "ANN@example.test", "email_verified": true },
            "eve": { "email": ADA.0, "email_verified": true },
        }}));
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        let of_ann = "select accounts.email || ' ' || identities.email from identities
            join accounts on accounts.id = account_id";
        assert_eq!(app.ask(of_ann).await, ["ann@example.test ann@other.test"]);
        let before = made(app).await;
        for name in ["zoe", "eve"] {
            let answer = sign_in(&app.eve(), app, idp, name).await;
            is_refused(&answer, 409, "There is an account with the address that you have");
            assert!(answer.body.contains("/sign-in?next=%2Faccount%2Fidentities"));
        }
        assert_eq!(made(app).await, before);
    });
}

#[test]
fn an_account_that_was_closed_is_not_opened_from_elsewhere() {
    with_provider(async |app, idp| {
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        app.psql("update accounts set active = false where email = 'ann@example.test'").await;
        let before = made(app).await;
        is_refused(&sign_in(&app.eve(), app, idp, "ann").await, 403, "has been closed");
        assert_eq!(made(app).await, before);
    });
}

#[test]
fn whoever_comes_back_goes_on_to_where_they_wanted_to_go_and_nowhere_else() {
    with_provider(async |app, idp| {
        for (next, path) in [
            ("/posts?page=2", "/posts?page=2"),
            ("https://evil.example/", "/account"),
            ("//evil.example", "/account"),
            ("/\\evil.example", "/account"),
        ] {
            let ann = app.eve();
            let location = leave(&ann, "example", &[("next", next)]).await;
            let back = agree(idp, &location, "ann").await;
            is_in(&come_back(&ann, app, &back).await, path);
        }
    });
}

/// Uses the link that was mailed to this address last, in the browser of `who`.
async fn use_link(who: &Person<'_>, app: &TestApp, email: &str) -> Answer {
    let path = mailed(app, email, "/sign-up/").await;
    let page = who.get(&path).await;
    page.is_page(200);
    who.post(&path, &[]).await
}

#[test]
fn an_address_that_the_provider_does_not_vouch_for_is_confirmed_by_mail_first() {
    with_provider(async |app, idp| {
        for (name, filled, email) in [
            ("cy", r#"value="cy@example.test""#, "cy@example.test"),
            ("dee", r#"value="Dee""#, "dee@example.test"),
        ] {
            let who = app.eve();
            let before = made(app).await;
            let answer = sign_in(&who, app, idp, name).await;
            assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in/address"));
            assert_eq!(cookie(&answer, "sid"), None);
            let form = who.get("/sign-in/address").await;
            form.is_page(200);
            assert!(form.body.contains(filled), "{}", form.body);
            who.post("/sign-in/address", &[("name", "x"), ("email", "no")]).await.is_page(422);
            let asked = who.post("/sign-in/address", &[("name", name), ("email", email)]).await;
            assert_eq!((asked.status, asked.location.as_str()), (303, "/check-your-mail"));
            assert_eq!(made(app).await[..3], before[..3], "nothing before the mailbox says yes");
            is_refused(&app.eve().get("/sign-in/address").await, 400, "Nobody was expected here");
            is_in(&use_link(&who, app, email).await, "/account");
            is_in(&sign_in(&app.eve(), app, idp, name).await, "/account");
        }
        assert_eq!(app.ask("select count(*) from identities").await, ["2"]);
    });
}

#[test]
fn a_stranger_whose_address_is_given_lets_nobody_in_by_saying_yes() {
    with_provider(async |app, idp| {
        let eve = app.eve();
        assert_eq!(sign_in(&eve, app, idp, "dee").await.location, "/sign-in/address");
        let fields = [("name", "Dee"), ("email", "victim@example.test")];
        assert_eq!(eve.post("/sign-in/address", &fields).await.status, 303);
        is_in(&use_link(&app.eve(), app, "victim@example.test").await, "/account");
        assert_eq!(app.ask("select count(*) from identities").await, ["0"]);
        assert_eq!(sign_in(&app.eve(), app, idp, "dee").await.location, "/sign-in/address");
        // Somebody who has an account is told so by mail, and nothing is added to it.
        let taken = [("name", "Dee"), ("email", ADA.0)];
        assert_eq!(eve.post("/sign-in/address", &taken).await.location, "/check-your-mail");
        let intent = "select intent->>'to' from mailed_links order by created_at desc limit 1";
        assert_eq!(app.ask(intent).await, ["sign-in"]);
    });
}

#[test]
fn somebody_who_is_signed_in_gets_no_second_account_by_mistake() {
    with_provider(async |app, idp| {
        let ada = app.ada().await;
        let before = made(app).await;
        for name in ["ann", "dee"] {
            let answer = sign_in(&ada, app, idp, name).await;
            is_refused(&answer, 409, "You are signed in, and whoever you are at Example");
        }
        assert_eq!(made(app).await, before);
        assert_eq!(ada.get("/admin").await.status, 200, "still there");
    });
}
