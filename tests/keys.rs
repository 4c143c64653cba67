//! API keys as owners see to them.

use super::keys_at_the_door::made;
use super::partner::send_with;
use super::support::{Answer, Person, TestApp, with_app};

const ID: &str = "01890000-0000-7000-8000-0000000000";

/// What is typed to make a key for leads.
const NEW: [(&str, &str); 4] =
    [("name", "Order form"), ("kind", "live"), ("scopes", "leads:write"), ("expires", "never")];

/// The secret on a page, which is the one place where there is one.
fn secret_on(answer: &Answer) -> String {
    answer.is_page(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let (_, rest) = answer.body.split_once(r#"<code class="api-key" id="secret">"#).unwrap();
    rest.split_once("</code>").unwrap().0.to_owned()
}

async fn id_of(app: &TestApp, name: &str) -> String {
    app.ask(&format!("select id from api_keys where name = '{name}'")).await.remove(0)
}

/// Sends a form under an id of its own.
async fn post(ada: &Person<'_>, path: &str, number: u32, form: &[(&str, &str)]) -> Answer {
    let id = format!("{ID}{number:02}");
    ada.post(path, &[&[("submission", id.as_str())], form].concat()).await
}

#[test]
fn an_owner_makes_a_key_and_is_shown_it_once() {
    with_app(async |app| {
        let ada = app.ada().await;
        let form =
            [&NEW[..], &[("scopes", "posts:read"), ("allowed", "127.0.0.0/8"), ("per_day", "7")]]
                .concat();
        let key = secret_on(&post(&ada, "/admin/keys/new", 1, &form).await);
        assert!(key.starts_with("fd_live_") && key.len() == 44, "{key}");
        assert_eq!(send_with(&app.eve(), &key).await.status, 201);
        // The same form again makes no other and shows nothing: whoever has lost the answer has it replaced.
        let again = post(&ada, "/admin/keys/new", 1, &form).await;
        let at = format!("/admin/keys/{}", id_of(app, "Order form").await);
        assert_eq!((again.status, again.location.as_str()), (303, at.as_str()));
        let page = ada.get(&at).await;
        assert!(page.body.contains("shown then") && !page.body.contains(&key), "{}", page.body);
        for said in ["posts:read", "127.0.0.0/8", "1 of 7 today", &key[..12]] {
            assert!(page.body.contains(said), "{said}: {}", page.body);
        }
        assert_eq!(app.ask("select count(*) from api_keys").await, ["1"]);
        let list = ada.get("/admin/keys").await.body;
        assert!(list.contains(&at) && list.contains("good") && !list.contains(&key), "{list}");
        assert_eq!(app.tables_with(&key).await, [""; 0]);
    });
}

#[test]
fn a_key_that_would_be_wrong_is_not_made_and_what_was_typed_stays() {
    with_app(async |app| {
        let ada = app.ada().await;
        for (field, wrong) in [
            ("name", "x"),
            ("kind", "best"),
            ("scopes", "everything"),
            ("expires", "soon"),
            ("expires_on", "2020-01-01"),
            ("allowed", "example.com"),
            ("per_minute", "0"),
            ("per_minute", "many"),
            ("per_day", "-1"),
        ] {
            let mut form: Vec<_> = NEW.into_iter().filter(|(name, _)| *name != field).collect();
            form.push((field, wrong));
            if field == "expires_on" {
                form.retain(|(name, _)| *name != "expires");
                form.push(("expires", "date"));
            }
            let answer = ada.post("/admin/keys/new", &form).await;
            answer.is_page(422);
            assert!(
                answer.body.contains(&format!(r#"id="{field}-error""#)),
                "{field}: {}",
                answer.body
            );
            assert!(field == "name" || answer.body.contains("Order form"), "{field}");
        }
        let test =
            [("name", "T"), ("kind", "test"), ("scopes", "posts:write"), ("expires", "never")];
        let test = [&[("name", "Tests")], &test[1..]].concat();
        let answer = ada.post("/admin/keys/new", &test).await;
        answer.is_page(422);
        assert!(
            answer.body.contains(
                "A test key can have: leads:write, leads:status, posts:read, events:read."
            ),
            "{}",
            answer.body
        );
        assert_eq!(app.ask("select count(*) from api_keys").await, ["0"]);
    });
}

#[test]
fn an_owner_replaces_a_secret_and_revokes_a_key() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        let (id, first) = made(app, &[]);
        let (rotate, revoke) =
            (format!("/admin/keys/{id}/rotate"), format!("/admin/keys/{id}/revoke"));
        post(&ada, &rotate, 1, &[("overlap", "a while")]).await.is_page(422);
        let second = secret_on(&post(&ada, &rotate, 2, &[("overlap", "24-hours")]).await);
        for key in [&first, &second] {
            assert_eq!(send_with(&eve, key).await.status, 201);
        }
        let page = ada.get(&format!("/admin/keys/{id}")).await.body;
        assert!(page.contains(&first[..12]) && page.contains("is good until"), "{page}");
        assert_eq!(post(&ada, &rotate, 2, &[("overlap", "24-hours")]).await.status, 303);
        assert_eq!(send_with(&eve, &second).await.status, 201, "nothing was replaced again");
        let third = secret_on(&post(&ada, &rotate, 3, &[("overlap", "now")]).await);
        assert_eq!(send_with(&eve, &second).await.status, 401);
        assert_eq!(send_with(&eve, &third).await.status, 201);
        assert_eq!(post(&ada, &revoke, 4, &[]).await.status, 303);
        assert_eq!(send_with(&eve, &third).await.status, 401);
        let page = ada.get(&format!("/admin/keys/{id}")).await.body;
        assert!(page.contains("revoked") && !page.contains(&rotate), "{page}");
        post(&ada, &rotate, 5, &[("overlap", "now")]).await.is_page(422);
        let acts = "select act || ' ' || object || ' ' || details::text from audit where object like 'key:%' order by at, id";
        let line = |act: &str, details: &str| format!("{act} key:{id} {details}");
        assert_eq!(
            app.ask(acts).await,
            [
                line("key-created", r#"{"kind": "live", "scopes": "leads:write"}"#),
                line("key-rotated", r#"{"overlap": "24-hours"}"#),
                line("key-rotated", r#"{"overlap": "now"}"#),
                line("key-revoked", "{}"),
            ]
        );
    });
}

#[test]
fn keys_are_for_owners_who_have_proven_lately_who_they_are() {
    with_app(async |app| {
        let ada = app.ada().await;
        let (id, key) = made(app, &[]);
        app.psql("update sessions set proven_at = now() - interval '1 hour'").await;
        assert_eq!(ada.get("/admin/keys").await.status, 200, "looking is another matter");
        assert_eq!(ada.get(&format!("/admin/keys/{id}")).await.status, 200);
        assert!(ada.get("/admin/keys/new").await.location.starts_with("/confirm-identity"));
        for path in [
            "/admin/keys/new",
            &format!("/admin/keys/{id}/rotate"),
            &format!("/admin/keys/{id}/revoke"),
        ] {
            let answer = ada.post(path, &[&NEW[..], &[("overlap", "now")]].concat()).await;
            answer.is_page(403);
        }
        assert_eq!(send_with(&app.eve(), &key).await.status, 201);
        assert_eq!(app.ask("select count(*) from api_keys").await, ["1"]);
        app.psql(
            "update sessions set proven_at = now(); update staff set role = 'editor' where false",
        )
        .await;
        app.psql("alter table staff disable trigger all; update staff set role = 'editor'; alter table staff enable trigger all").await;
        for path in ["/admin/keys", "/admin/keys/new", &format!("/admin/keys/{id}")] {
            assert_eq!(ada.get(path).await.status, 403, "{path}");
        }
    });
}

#[test]
fn the_list_of_keys_goes_on() {
    with_app(async |app| {
        let ada = app.ada().await;
        app.psql(
            "insert into api_keys (id, name, prefix, hash, scopes)
             select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Key ' || n, 'fd_live_aaaa',
                    sha256(n::text::bytea), '{leads:write}' from generate_series(1, 60) as n",
        )
        .await;
        let first = ada.get("/admin/keys").await.body;
        assert!(
            first.contains(">Key 60<") && first.contains(">Key 11<") && !first.contains(">Key 10<")
        );
        let (_, older) = first.split_once(r#"href="/admin/keys?before="#).unwrap();
        let older = format!("/admin/keys?before={}", older.split('"').next().unwrap());
        let second = ada.get(&older).await.body;
        assert!(
            second.contains(">Key 10<")
                && second.contains(">Key 1<")
                && !second.contains(">Key 11<")
        );
    });
}
