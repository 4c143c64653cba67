//! Members' apps: registered by the operator, listed among the sessions, ended there and everywhere else.

use super::accounts::{BOB, mailed, sign_up};
use super::newsletter::{mails_to, work_off};
use super::second_factor::turn_on;
use super::staff::colleague;
use super::support::{ADA, Person, TestApp, with_app};
use super::tokens::{ask, by_password, by_refresh, is_refused, me, registered, tokens};
use super::tokens_by_code::{VERIFIER, bring, let_in};
use reqwest::Method;

#[test]
fn an_app_stands_among_the_sessions_and_is_ended_there() {
    with_app(async |app| {
        let (bob, phone) = (sign_up(app, BOB.0, BOB.1).await, app.eve());
        let client = registered(app, &["com.example.app:/in"]).await;
        let mut fields = by_password(BOB.0, BOB.1).to_vec();
        fields.push(("client_id", &client));
        let request = phone.request(Method::POST, "/api/v1/tokens").form(&fields);
        let answer = phone.send(request.header("user-agent", "okhttp/4.12.0")).await;
        let (access, refresh) = tokens(&answer);
        let page = bob.get("/account").await.body;
        assert!(page.contains("Oakum &lt;mobile&gt; · An Android app"), "{page}");
        // Its tokens are its own: without its name, or with another's, they are worth nothing.
        is_refused(&ask(&phone, &by_refresh(&refresh)).await, 400, "invalid_grant");
        let with =
            |client| [by_refresh(&refresh)[0], by_refresh(&refresh)[1], ("client_id", client)];
        let others = registered(app, &["com.example.other:/in"]).await;
        is_refused(&ask(&phone, &with(&others)).await, 400, "invalid_grant");
        tokens(&ask(&phone, &with(&client)).await);

        let ends = page
            .split("action=\"")
            .find(|rest| rest.starts_with("/account/sessions/") && rest.contains("/end\""));
        let path = ends.unwrap().split('"').next().unwrap();
        assert_eq!(bob.post(path, &[]).await.location, "/account");
        assert_eq!(me(&phone, &access).await.status, 401);
        is_refused(&ask(&phone, &with(&client)).await, 400, "invalid_grant");
        work_off(app).await;
        let told = mails_to(app, BOB.0).await.remove(0).mail.subject;
        assert_eq!(told, "A new device at Frontdesk");
    });
}

const BEA: (&str, &str) = ("bea@example.test", "a sentence of bea's own");
const OTHER: &str = "another sentence altogether";

/// Everything that ends the sessions of an account, one app apart.
const ENDS: [&str; 14] = [
    "another password",
    "a password by mail",
    "all other sessions ended",
    "not me",
    "a second factor",
    "factors taken away",
    "another address from the operator",
    "deactivated by an owner",
    "deactivated on the shell",
    "another role",
    "closed in the database",
    "deleted by its owner",
    "gone from the database",
    "the app revoked",
];

/// Bea, who runs the site too and has an app, is out by this.
async fn end(app: &TestApp, how: &str, bea: &Person<'_>, client: &str) {
    let id = app.ask("select id from accounts where name = 'Bea'").await.remove(0);
    let answer = match how {
        "another password" => {
            let form = [("current_password", BEA.1), ("password", OTHER)];
            bea.post("/account/password", &form).await
        }
        "a password by mail" => {
            app.eve().post("/forgot-password", &[("email", BEA.0)]).await;
            let path = mailed(app, BEA.0, "/forgot-password/").await;
            app.eve().post(&path, &[("password", OTHER)]).await
        }
        "all other sessions ended" => bea.post("/account/sessions/end", &[]).await,
        "not me" => app.eve().post(&mailed(app, BEA.0, "/not-me/").await, &[]).await,
        "a second factor" => {
            turn_on(app, bea).await;
            return;
        }
        "deactivated by an owner" => {
            app.ada().await.post(&format!("/admin/staff/{id}/deactivate"), &[]).await
        }
        "another role" => {
            let path = format!("/admin/staff/{id}/role");
            app.ada().await.post(&path, &[("role", "editor")]).await
        }
        "deleted by its owner" => bea.post("/account/delete", &[("confirmation", BEA.0)]).await,
        "closed in the database" => {
            return app.psql("update accounts set active = false where name = 'Bea'").await;
        }
        "gone from the database" => {
            return app.psql("delete from accounts where name = 'Bea'").await;
        }
        shell => {
            let words: Vec<&str> = match shell {
                "factors taken away" => vec!["user", "reset-factors", "--email", BEA.0],
                "deactivated on the shell" => vec!["user", "deactivate", "--email", BEA.0],
                "the app revoked" => vec!["app", "revoke", client],
                _ => vec!["user", "email", "--email", BEA.0, "--to", "beatrix@example.test"],
            };
            assert_eq!(app.cli(&words, "").code, 0, "{shell}");
            return;
        }
    };
    assert_eq!(answer.status, 303, "{how}: {}", answer.body);
}

#[test]
fn whatever_ends_the_sessions_of_an_account_ends_its_apps_on_every_instance_at_once() {
    for how in ENDS {
        with_app(async |app| {
            let bea = colleague(app, BEA.0, "owner").await;
            let hash = app.state.passwords.hash(&app.state.clock, BEA.1).await.unwrap();
            app.psql(&format!("update accounts set password_hash = '{hash}' where name = 'Bea'"))
                .await;
            let (other, phone) = (app.second_instance().await, app.eve());
            let (client, by_code, unused) = let_in(app, &bea).await;
            let mut fields = by_password(BEA.0, BEA.1).to_vec();
            fields.push(("client_id", &client));
            let families = [by_code, tokens(&ask(&phone, &fields).await)];
            for (access, _) in &families {
                assert_eq!(me(&phone.at(&other), access).await.status, 200, "{how}");
            }
            end(app, how, &bea, &client).await;
            for (access, refresh) in &families {
                assert_eq!(me(&phone.at(&other), access).await.status, 401, "{how}");
                assert_eq!(me(&phone, access).await.status, 401, "{how}");
                let mut again = by_refresh(refresh).to_vec();
                again.push(("client_id", &client));
                assert_eq!(ask(&phone.at(&other), &again).await.status, 400, "{how}");
            }
            let late = bring(&phone.at(&other), &client, &unused, VERIFIER).await;
            assert_eq!(late.status, 400, "{how}: {}", late.body);
        });
    }
}

#[test]
fn an_app_gives_its_tokens_back() {
    with_app(async |app| {
        let phone = app.eve();
        let revoke = async |fields: &[(&str, &str)]| {
            phone.send(phone.request(Method::POST, "/api/v1/tokens/revoke").form(fields)).await
        };
        for which in 0..2 {
            let (access, refresh) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
            let token = if which == 0 { &access } else { &refresh };
            let others = registered(app, &["com.example.other:/in"]).await;
            let not_theirs = revoke(&[("token", token), ("client_id", &others)]).await;
            is_refused(&not_theirs, 400, "invalid_client");
            assert_eq!(me(&phone, &access).await.status, 200);
            let done = revoke(&[("token", token), ("token_type_hint", "refresh_token")]).await;
            assert_eq!((done.status, done.body.as_str()), (200, "{}"));
            assert_eq!(me(&phone, &access).await.status, 401);
            is_refused(&ask(&phone, &by_refresh(&refresh)).await, 400, "invalid_grant");
            assert_eq!(revoke(&[("token", token)]).await.status, 200, "twice is once");
        }
        for nonsense in ["x", "fd_rt_", "fd_live_x"] {
            assert_eq!(revoke(&[("token", nonsense)]).await.status, 200);
        }
        is_refused(&revoke(&[]).await, 400, "invalid_request");
    });
}

#[test]
fn the_operator_registers_apps_and_sees_them() {
    with_app(async |app| {
        let client = registered(app, &["com.example.app:/in", "http://127.0.0.1/in"]).await;
        let listed = app.cli(&["app", "list", "--json"], "").json();
        assert_eq!(listed[0]["id"], client);
        assert_eq!(listed[0]["redirect_uris"][1], "http://127.0.0.1/in");
        assert!(app.cli(&["app", "list"], "").out.contains("Oakum <mobile>"));
        for wrong in ["http://app.example.com/", "javascript:alert(1)", "http://localhost/", ""] {
            let refused = app.cli(&["app", "add", "--name", "X app", "--redirect-uri", wrong], "");
            assert_eq!(refused.code, 1, "{wrong}");
            assert!(refused.err.contains("redirect_uris: "), "{}", refused.err);
        }
        assert_eq!(app.cli(&["app", "revoke", &client], "").code, 0);
        assert_eq!(app.cli(&["app", "revoke", &client], "").code, 0);
        let nobodys = "01890000-0000-7000-8000-000000000000";
        assert_eq!(app.cli(&["app", "revoke", nobodys], "").code, 1);
    });
}
