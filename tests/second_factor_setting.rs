//! A second factor that the site asks of those who run it, and the ways to be rid of one.

use super::accounts::{BOB, sign_up};
use super::newsletter::mails_to;
use super::second_factor::{turn_on, type_code};
use super::sign_in::{cookie, is_sent_to_sign_in, sign_in};
use super::support::{ADA, Person, TestApp, with_app, with_settings};
use frontdesk::routes;
use reqwest::Method;

const ED: &str = "ed@example.com";

/// An editor, signed in.
async fn editor(app: &TestApp) -> Person<'_> {
    let add = ["user", "add", "--email", ED, "--name", "Ed", "--json"];
    let password = app.cli(&add, "").json()["password"].as_str().unwrap().to_owned();
    let ed = app.eve();
    assert_eq!(sign_in(&ed, ED, &password).await.status, 303);
    ed
}

/// Asserts that every page of the desk leads to where a second factor is set up.
async fn reaches_nothing(person: &Person<'_>) {
    let desk = routes::table().into_iter().filter(|route| route.path.starts_with("/admin"));
    let mut pages = 0;
    for route in desk {
        let path = route.path.replace("{id}", "01890000-0000-7000-8000-000000000000");
        let path = path.replace("{email}", "ann%40example.test").replace("{task}", "cleanup");
        if route.method == "GET" {
            let answer = person.get(&path).await;
            let seen = (answer.status, answer.location.as_str(), answer.body.as_str());
            assert_eq!(seen, (303, "/account/two-factor", ""), "{path}");
            pages += 1;
        } else {
            let answer = person.post(&path, &[("note", "Typed already.")]).await;
            answer.is_page(403);
            assert!(answer.body.contains(r#"value="Typed already.""#), "nothing typed is lost");
            assert!(answer.body.contains("A second factor is needed"), "{path}");
        }
    }
    assert!(pages > 15, "{pages}");
}

#[test]
fn owners_who_must_have_one_reach_nothing_before() {
    with_settings(&[("REQUIRE_TWO_FACTOR", "owners")], async |app| {
        let ada = app.eve();
        let form = [("email", ADA.0), ("password", ADA.1), ("next", "/admin/leads")];
        let answer = ada.post("/sign-in", &form).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/account/two-factor"));
        let planted = cookie(&answer, "sid").unwrap().0;
        assert!(ada.get("/account/two-factor").await.body.contains("asks a second factor of you"));
        reaches_nothing(&ada).await;
        assert_eq!(ada.get("/account").await.status, 200, "her own account is hers");
        assert_eq!(editor(app).await.get("/admin").await.status, 200, "an editor need not");

        let (phone, _) = turn_on(app, &ada).await;
        assert_eq!(ada.get("/admin").await.status, 200);
        assert!(!ada.get("/account/two-factor").await.body.contains("asks a second factor of you"));
        let eve = app.eve();
        let request = eve.request(Method::GET, "/admin").header("cookie", format!("sid={planted}"));
        is_sent_to_sign_in(&eve.send(request).await);

        let off = [("current_password", ADA.1)];
        let answer = ada.post("/account/two-factor/off", &off).await;
        assert!(answer.status == 422 && answer.body.contains("asks a second factor of you"));
        let again = app.eve();
        assert_eq!(again.post("/sign-in", &form).await.location, "/sign-in/code");
        assert_eq!(type_code(&again, &phone.next(app)).await.location, "/admin/leads");
        assert_eq!(again.get("/admin/leads").await.status, 200);
    });
}

#[test]
fn editors_too_where_all_staff_must_and_members_never() {
    with_settings(&[("REQUIRE_TWO_FACTOR", "staff")], async |app| {
        reaches_nothing(&editor(app).await).await;
        let bob = sign_up(app, BOB.0, BOB.1).await;
        assert_eq!(bob.get("/account").await.status, 200);
        bob.get("/admin").await.is_page(403);
        assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.location, "/account");
    });
}

#[test]
fn a_session_from_before_the_setting_is_not_good_enough() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(ada.get("/admin").await.status, 200);
        let strict = app.instance_with(&[("REQUIRE_TWO_FACTOR", "owners")]).await;
        assert_eq!(ada.at(&strict).get("/admin").await.location, "/account/two-factor");
        strict.close().await;
    });
}

#[test]
fn a_sign_in_that_meets_one_being_turned_on_is_asked_for_a_code() {
    with_app(async |app| {
        sign_up(app, BOB.0, BOB.1).await;
        // As an instance turns it on that is stopped, for a second, before it is done.
        let turning_on = app.psql(
            "begin;
             select from accounts where email like 'bob@%' for update;
             insert into second_factors (account_id, sealed, last_step) select id, '', 0 from accounts where email like 'bob@%';
             select pg_sleep(1);
             commit",
        );
        let browser = app.eve();
        let signing_in = async {
            app.comes_to("select count(*) from pg_stat_activity where query like '%pg_sleep(1)%' and wait_event = 'PgSleep'", "1").await;
            sign_in(&browser, BOB.0, BOB.1).await
        };
        let ((), answer) = futures_util::join!(turning_on, signing_in);
        assert_eq!(answer.location, "/sign-in/code", "{}", answer.body);
    });
}

#[test]
fn it_is_turned_off_by_a_password_or_a_code_and_its_owner_is_told() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        let (phone, codes) = turn_on(app, &bob).await;
        let used = phone.shows(app, 0);
        for wrong in
            [("current_password", "wrong"), ("code", "000000"), ("code", &used), ("code", "")]
        {
            let answer = bob.post("/account/two-factor/off", &[wrong]).await;
            assert!(answer.status == 422 && answer.body.contains(&format!("{}-error", wrong.0)));
            assert!(!answer.body.contains(r#"value="wrong""#));
        }
        let mut old = String::new();
        for name in ["current_password", "code"] {
            let proof = if name == "code" { old.clone() } else { BOB.1.to_owned() };
            assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.location, "/sign-in/code");
            let answer = bob.post("/account/two-factor/off", &[(name, proof.as_str())]).await;
            assert_eq!(answer.location, "/account/two-factor", "{}", answer.body);
            let mail = mails_to(app, BOB.0).await.remove(0).mail;
            assert_eq!(mail.subject, "Your second factor was turned off · Frontdesk");
            assert_eq!(sign_in(&app.eve(), BOB.0, BOB.1).await.location, "/account");
            assert_eq!(app.ask("select count(*) from recovery_codes").await, ["0"]);
            // On again it has codes of its own; those of the time before are nothing any more.
            let (_, fresh) = turn_on(app, &bob).await;
            let half = app.eve();
            sign_in(&half, BOB.0, BOB.1).await;
            assert_eq!(type_code(&half, &codes[6]).await.status, 422);
            old.clone_from(&fresh[0]);
        }
    });
}

#[test]
fn the_operator_takes_all_of_it_away_from_somebody_who_has_lost_everything() {
    with_app(async |app| {
        let bob = sign_up(app, BOB.0, BOB.1).await;
        turn_on(app, &bob).await;
        app.psql(
            "insert into passkeys (id, account_id, credential_id, credential, name)
             select gen_random_uuid(), account_id, '\\x01', '{}', 'Lost' from second_factors",
        )
        .await;
        let half = app.eve();
        sign_in(&half, BOB.0, BOB.1).await;
        let reset = ["user", "reset-factors", "--email", "BOB@example.test", "--json"];
        let shown = app.cli(&reset, "").json();
        assert_eq!(shown, serde_json::json!({ "second_factor": true, "passkeys": 1 }));
        is_sent_to_sign_in(&bob.get("/account").await);
        assert_eq!(half.get("/sign-in/code").await.location, "/sign-in?next=%2Fsign-in%2Fcode");
        let mail = mails_to(app, BOB.0).await.remove(0).mail.subject;
        assert_eq!(mail, "Your second factor and your passkeys were taken away · Frontdesk");
        assert_eq!(sign_in(&bob, BOB.0, BOB.1).await.location, "/account");
        let again = app.cli(&reset, "");
        assert_eq!(again.json(), serde_json::json!({ "second_factor": false, "passkeys": 0 }));
        let nobody = app.cli(&["user", "reset-factors", "--email", "nobody@example.test"], "");
        assert_eq!((nobody.code, nobody.out.as_str()), (1, ""));
        assert!(nobody.err.contains("email: There is no account"), "{}", nobody.err);
    });
}
