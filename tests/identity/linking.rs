//! Who somebody is elsewhere, added to their account by whoever has just proven both, and taken away again.

use super::*;
use crate::accounts::{BOB, sign_up};
use crate::support::{Mode, Smtp};

/// Adds who `name` is at the provider to the account that `who` is signed in to.
async fn link(who: &Person<'_>, app: &TestApp, idp: &Idp, name: &str) -> Answer {
    let location = leave(who, "example", &[("purpose", "link")]).await;
    come_back(who, app, &agree(idp, &location, name).await).await
}

async fn identities(app: &TestApp) -> Vec<String> {
    let all = "select accounts.email || ' is ' || subject from identities
        join accounts on accounts.id = account_id order by 1";
    app.ask(all).await
}

#[test]
fn bob_adds_who_he_is_elsewhere_and_comes_from_there() {
    with_provider(async |app, idp| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        assert_eq!(link(&bob, app, idp, "ann").await.location, "/account/identities");
        let page = bob.get("/account/identities").await;
        page.is_page(200);
        assert!(page.body.contains("You can sign in with it from now on."), "{}", page.body);
        assert!(page.body.contains("ann@example.test"), "{}", page.body);
        assert_eq!(identities(app).await, ["bob@example.test is ann"]);
        // Once more changes nothing.
        assert_eq!(link(&bob, app, idp, "ann").await.status, 303);
        assert_eq!(identities(app).await, ["bob@example.test is ann"]);
        let elsewhere = app.eve();
        is_in(&sign_in(&elsewhere, app, idp, "ann").await, "/account");
        assert!(elsewhere.get("/account").await.body.contains(BOB.0));
        // Staff do the same, and come to their own first page.
        let ada = app.ada().await;
        assert_eq!(link(&ada, app, idp, "bob").await.location, "/account/identities");
        is_in(&sign_in(&app.eve(), app, idp, "bob").await, "/admin");
        let fields = [("issuer", idp.issuer.as_str()), ("subject", "bob")];
        assert_eq!(ada.post("/account/identities/remove", &fields).await.status, 303);
        let on_record =
            "select string_agg(act, ' ' order by id) from audit where act like 'identity%'";
        assert_eq!(
            app.ask(on_record).await,
            ["identity-added identity-removed"],
            "Ada's, and not Bob's"
        );
    });
}

#[test]
fn nothing_is_added_without_a_recent_proof_on_both_sides() {
    with_provider(async |app, idp| {
        let eve = app.eve();
        let answer = eve.post("/api/oauth/example/start", &[("purpose", "link")]).await;
        assert!(answer.location.starts_with("/sign-in"), "nobody is signed in");
        let bob = sign_up(app, BOB.0, BOB.1).await;
        app.psql("update sessions set proven_at = now() - interval '601 seconds'").await;
        let answer = bob.post("/api/oauth/example/start", &[("purpose", "link")]).await;
        assert_eq!(answer.location, "/confirm-identity?next=%2Faccount%2Fidentities");
        let proof = [("password", BOB.1), ("next", "/account/identities")];
        assert_eq!(bob.post("/confirm-identity", &proof).await.location, "/account/identities");
        assert_eq!(app.ask("select count(*) from identity_errands").await, ["0"]);

        let fields = [("email", BOB.0), ("password", BOB.1)];
        // Signed in as somebody else, or anew, or not at all, when they come back.
        for way_out in ["anew", "as Ada", "not at all"] {
            let bob = app.eve();
            bob.post("/sign-in", &fields).await;
            let location = leave(&bob, "example", &[("purpose", "link")]).await;
            let back = agree(idp, &location, "ann").await;
            match way_out {
                "anew" => drop(bob.post("/sign-in", &fields).await),
                "as Ada" => {
                    let ada = app.ada().await;
                    app.psql("update identity_errands set session_id = (select sessions.id from sessions join staff on staff.id = account_id)").await;
                    drop(ada);
                }
                _ => drop(bob.post("/sign-out", &[]).await),
            }
            let answer = come_back(&bob, app, &back).await;
            // An errand of a session that is over went with it.
            let (status, words) = match way_out {
                "as Ada" => (403, "You are not signed in any more as you were"),
                _ => (400, "Nobody was expected here"),
            };
            is_refused(&answer, status, words);
        }
        assert_eq!(identities(app).await, [""; 0]);
    });
}

#[test]
fn an_identity_of_one_account_is_not_added_to_another() {
    with_provider(async |app, idp| {
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let answer = link(&bob, app, idp, "ann").await;
        is_refused(&answer, 409, "has another account here already");
        assert_eq!(identities(app).await, ["ann@example.test is ann"]);
        assert_eq!(bob.get("/account").await.status, 200, "and Bob is still himself");
    });
}

#[test]
fn a_way_in_is_taken_away_and_never_the_last_one() {
    with_provider(async |app, idp| {
        let ann = app.eve();
        is_in(&sign_in(&ann, app, idp, "ann").await, "/account");
        let page = ann.get("/account/identities").await;
        assert!(page.body.contains("Your only way to sign in."), "{}", page.body);
        assert!(!page.body.contains("/account/identities/remove"));
        let remove = async |who: &Person<'_>, subject: &str| {
            let fields = [("issuer", idp.issuer.as_str()), ("subject", subject)];
            who.post("/account/identities/remove", &fields).await
        };
        let refused = remove(&ann, "ann").await;
        refused.is_page(403);
        assert!(refused.body.contains("Choose a password first."), "{}", refused.body);
        let bob = sign_up(app, BOB.0, BOB.1).await;
        remove(&bob, "ann").await.is_page(404);
        assert_eq!(identities(app).await, ["ann@example.test is ann"]);

        assert_eq!(link(&ann, app, idp, "cy").await.status, 303);
        let (one, two) = tokio::join!(remove(&ann, "ann"), remove(&ann, "cy"));
        assert_eq!(one.status.min(two.status), 303);
        assert_eq!(one.status.max(two.status), 403, "not both at once");
        assert_eq!(identities(app).await.len(), 1);

        let chosen = [("password", "a sentence of Ann's own")];
        assert_eq!(ann.post("/account/password", &chosen).await.status, 303);
        let left = app.ask("select subject from identities").await.remove(0);
        assert_eq!(remove(&ann, &left).await.location, "/account/identities");
        assert_eq!(identities(app).await, [""; 0]);
        let answer = sign_in(&app.eve(), app, idp, "ann").await;
        is_refused(&answer, 409, "There is an account with the address");
    });
}

#[test]
fn who_is_erased_is_known_nowhere() {
    with_provider(async |app, idp| {
        is_in(&sign_in(&app.eve(), app, idp, "ann").await, "/account");
        assert_eq!(sign_in(&app.eve(), app, idp, "cy").await.location, "/sign-in/address");
        let bob = sign_up(app, BOB.0, BOB.1).await;
        assert_eq!(link(&bob, app, idp, "bob").await.status, 303);
        let ada = app.ada().await;
        let export = ada.get("/admin/people/ann@example.test/export").await.json();
        assert_eq!(export["tables"]["identities"][0]["subject"], "ann", "{export}");
        for email in ["ann@example.test", "cy@example.test"] {
            let erased =
                ada.post("/admin/people/erase", &[("email", email), ("confirmation", email)]).await;
            assert_eq!(erased.status, 303, "{}", erased.body);
            assert_eq!(app.tables_with(email).await, [""; 0]);
        }
        assert_eq!(identities(app).await, ["bob@example.test is bob"]);
    });
}

#[test]
fn their_owner_is_told_by_mail_and_where_links_are_mailed_there_is_always_a_way_in() {
    let (idp, smtp) = (Idp::start("provider.js"), Smtp::start(Mode::Plain));
    let settings = [&idp.settings()[..], &smtp.settings()].concat();
    with_settings(&settings, async |app| {
        open(app, &idp, json!({}));
        let ann = app.eve();
        is_in(&sign_in(&ann, app, &idp, "ann").await, "/account");
        assert_eq!(link(&ann, app, &idp, "cy").await.status, 303);
        for subject in ["ann", "cy"] {
            assert!(ann.get("/account/identities").await.body.contains("Remove it"));
            let fields = [("issuer", idp.issuer.as_str()), ("subject", subject)];
            assert_eq!(ann.post("/account/identities/remove", &fields).await.status, 303);
        }
        frontdesk::jobs::worker::work_off(&app.state).await.unwrap();
        let mut told: Vec<String> =
            smtp.mails().iter().map(|mail| mail.text("/subject").to_owned()).collect();
        told.sort_unstable();
        let subjects = told.iter().map(|subject| subject.split(" · ").next().unwrap());
        let subjects: Vec<&str> = subjects.collect();
        assert_eq!(subjects.len(), 3, "{told:?}");
        assert!(
            subjects.iter().all(|subject| subject.contains("A way to sign in was ")),
            "{told:?}"
        );
        assert!(smtp.mails().iter().all(|mail| mail.to() == "ann@example.test"));
    });
}
