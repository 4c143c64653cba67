//! A provider is one way in among others: as good as they are, and no better.

use super::pages::forms_lead_to;
use super::*;
use crate::accounts::mailed;
use crate::confirm_identity::{fields, later, pairs};
use crate::passkeys;
use crate::second_factor::{turn_on, type_code};
use crate::support::authenticator::Device;

/// Ann has come by a provider, and knows no password.
async fn ann<'a>(app: &'a TestApp, idp: &Idp) -> Person<'a> {
    let ann = app.eve();
    is_in(&sign_in(&ann, app, idp, "ann").await, "/account");
    ann
}

async fn without_identity(who: &Person<'_>, issuer: &str, subject: &str) -> Answer {
    who.post("/account/identities/remove", &[("issuer", issuer), ("subject", subject)]).await
}

async fn without_passkey(who: &Person<'_>, app: &TestApp) -> Answer {
    let id = app.ask("select id from passkeys").await.remove(0);
    who.post(&format!("/account/passkeys/{id}/remove"), &[]).await
}

async fn of_another_issuer(app: &TestApp, issuer: &str) {
    app.psql(&format!("update identities set issuer = '{issuer}'")).await;
}

#[test]
fn a_passkey_may_go_while_a_provider_lets_its_owner_in_and_the_other_way_round() {
    with_provider(async |app, idp| {
        let ann = ann(app, idp).await;
        passkeys::add(app, &ann, &mut Device::new(1)).await;
        of_another_issuer(app, "https://gone.example").await;
        let kept = without_passkey(&ann, app).await;
        kept.is_page(422);
        assert!(kept.body.contains("This is your only way in."), "{}", kept.body);
        of_another_issuer(app, &idp.issuer).await;
        assert_eq!(without_passkey(&ann, app).await.status, 303);
        assert_eq!(without_identity(&ann, &idp.issuer, "ann").await.status, 403);

        passkeys::add(app, &ann, &mut Device::new(2)).await;
        assert!(ann.get("/account/identities").await.body.contains("Remove it"));
        assert_eq!(without_identity(&ann, &idp.issuer, "ann").await.status, 303);
        assert_eq!(without_passkey(&ann, app).await.status, 422);
    });
}

#[test]
fn of_two_different_ways_in_that_are_given_up_at_once_one_stays() {
    with_provider(async |app, idp| {
        for seed in 1..=5 {
            let ann = ann(app, idp).await;
            passkeys::add(app, &ann, &mut Device::new(seed)).await;
            let (one, two) = tokio::join!(
                without_identity(&ann, &idp.issuer, "ann"),
                without_passkey(&ann, app)
            );
            let mut statuses = [one.status, two.status];
            statuses.sort_unstable();
            assert!([[303, 403], [303, 422]].contains(&statuses), "{statuses:?}");
            let left = "select (select count(*) from identities) + (select count(*) from passkeys)";
            assert_eq!(app.ask(left).await, ["1"]);
            app.psql("delete from accounts where email = 'ann@example.test'").await;
        }
    });
}

#[test]
fn whom_a_provider_knows_that_is_not_configured_any_more_does_not_get_in_by_that() {
    with_provider(async |app, idp| {
        let ann = ann(app, idp).await;
        app.psql(
            "insert into identities (issuer, subject, account_id, provider)
             select 'https://gone.example', '1', account_id, 'gone' from identities",
        )
        .await;
        let page = ann.get("/account/identities").await;
        assert_eq!(page.body.matches("Your only way to sign in.").count(), 1, "{}", page.body);
        let removable = fields(&page, "/account/identities/remove");
        assert!(pairs(&removable).contains(&("issuer", "https://gone.example")), "{removable:?}");
        let kept = without_identity(&ann, &idp.issuer, "ann").await;
        kept.is_page(403);
        assert!(kept.body.contains("This is your only way to sign in."), "{}", kept.body);
        assert_eq!(without_identity(&ann, "https://gone.example", "1").await.status, 303);
        assert_eq!(app.ask("select subject from identities").await, ["ann"]);
    });
}

#[test]
fn whoever_comes_by_a_provider_alone_proves_it_once_more_by_mail() {
    with_provider(async |app, idp| {
        let ann = ann(app, idp).await;
        let other = [("issuer", "https://gone.example"), ("subject", "1")];
        app.psql(
            "insert into identities (issuer, subject, account_id, provider)
             select 'https://gone.example', '1', account_id, 'gone' from identities",
        )
        .await;
        later(app).await;
        let asked = ann.post("/account/identities/remove", &other).await;
        asked.is_page(403);
        let waiting = fields(&asked, "/confirm-identity/link");
        let waiting = ann.post("/confirm-identity/link", &pairs(&waiting)).await;
        let again = fields(&waiting, "/account/identities/remove");
        assert_eq!(pairs(&again)[..2], other);
        ann.post("/account/identities/remove", &pairs(&again)).await.is_page(403);
        let link = mailed(app, "ann@example.test", "/sign-in/link/").await;
        is_in(&ann.post(&link, &[]).await, "/account");
        let done = ann.post("/account/identities/remove", &pairs(&again)).await;
        assert_eq!(done.location, "/account/identities", "{}", done.body);

        // Where she only wants to go somewhere, the link leads on to there.
        later(app).await;
        let stopped = ann.post("/api/oauth/example/start", &[("purpose", "link")]).await;
        let page = ann.get(&stopped.location).await;
        let by_mail = fields(&page, "/confirm-identity/link");
        let sent = ann.post("/confirm-identity/link", &pairs(&by_mail)).await;
        assert_eq!(sent.location, "/check-your-mail");
        let link = mailed(app, "ann@example.test", "/sign-in/link/").await;
        is_in(&ann.post(&link, &[]).await, "/account/identities");
        let there = leave(&ann, "example", &[("purpose", "link")]).await;
        assert!(there.starts_with(&idp.issuer), "{there}");

        // And so does coming in again from where she comes.
        later(app).await;
        is_in(&sign_in(&ann, app, idp, "ann").await, "/account");
        leave(&ann, "example", &[("purpose", "link")]).await;
    });
}

#[test]
fn a_form_that_finds_nobody_signed_in_stays_open_while_its_sender_comes_by_a_provider() {
    with_provider(async |app, idp| {
        let ann = ann(app, idp).await;
        let typed = [("name", "Anne of Cleves"), ("version", "1")];
        app.psql("update sessions set expires_at = now()").await;
        let held = ann.post("/account/profile", &typed).await;
        held.is_page(403);
        let button = r#"action="/api/oauth/example/start" target="_blank" data-native"#;
        assert!(held.body.contains(button), "{}", held.body);
        assert_eq!(forms_lead_to(&held), format!("'self' {} {}", app.origin, idp.issuer));
        is_in(&sign_in(&ann, app, idp, "ann").await, "/account");
        let waiting = fields(&held, "/account/profile");
        let sent = ann.post("/account/profile", &pairs(&waiting)).await;
        assert_eq!(sent.location, "/account", "{}", sent.body);
        let named = "select name from accounts where email = 'ann@example.test'";
        assert_eq!(app.ask(named).await, ["Anne of Cleves"]);
        // Who wants to add one, and is not signed in any more, begins again: nothing was typed.
        app.psql("update sessions set expires_at = now()").await;
        let stopped = ann.post("/api/oauth/example/start", &[("purpose", "link")]).await;
        assert_eq!(stopped.location, "/sign-in?next=%2Faccount%2Fidentities");
    });
}

#[test]
fn whoever_has_a_second_factor_is_asked_for_it_wherever_they_come_from() {
    with_provider(async |app, idp| {
        let at_home = ann(app, idp).await;
        let (phone, _) = turn_on(app, &at_home).await;
        let before = made(app).await;
        let ann = app.eve();
        let location = leave(&ann, "example", &[("next", "/account/profile")]).await;
        let answer = come_back(&ann, app, &agree(idp, &location, "ann").await).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in/code"));
        assert!(cookie(&answer, "sid").is_none_or(|sid| sid.starts_with(';')), "no session yet");
        assert_eq!(ann.get("/account").await.status, 303);
        assert_eq!(made(app).await, before);
        assert_eq!(type_code(&ann, "000000").await.status, 422);
        assert_eq!(made(app).await, before);
        is_in(&type_code(&ann, &phone.next(app)).await, "/account/profile");
        assert_eq!(ann.get("/account").await.status, 200);
        assert_eq!(
            app.ask("select two_factors from sessions order by proven_at desc limit 1").await,
            ["true"]
        );
    });
}
