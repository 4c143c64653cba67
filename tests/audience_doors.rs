//! Whom a text is for: said at every door by whoever writes, and asked at every door by whoever reads.

use super::audience::{MARKER, OPENING, two_posts};
use super::newsletter::mails_to;
use super::posts::{but, editor_of, save, written};
use super::support::{ADA, Shell, TestApp, folder_of_its_own, with_app};
use super::tokens::{ask, by_password, tokens};
use reqwest::Method;
use serde_json::{Value, json};

/// Whom each post is for, by its address.
async fn audiences(app: &TestApp) -> Vec<String> {
    app.ask("select slug || ' ' || audience from posts order by slug").await
}

#[test]
fn the_writer_says_whom_it_is_for_at_every_door() {
    let folder = folder_of_its_own();
    std::fs::create_dir_all(&folder).unwrap();
    with_app(async |app| {
        let (ada, key) = (app.ada().await, app.key("posts:write").await);
        let form = written("By form", "Text.", "published");
        save(&ada, "/admin/posts/new", &but(form.clone(), "audience", "members")).await;
        let add = ["post", "add", "--title", "By shell", "--topic", "Craft", "--publish", "--json"];
        let added = app.cli(&[&add[..], &["--audience", "members"]].concat(), "Text.").json();
        assert_eq!(added["audience"], "members");
        let post = json!({ "title": "By program", "topic": "Craft", "body": "Text.", "status": "published", "audience": "members" });
        let made = app.eve().json("/api/v1/posts", Some(&key), &post).await.json();
        assert_eq!((&made["audience"], &made["body"]), (&json!("members"), &json!("Text.")));
        let file = "---\ntitle: By file\ntopic: Craft\naudience: members\n---\nText.\n";
        std::fs::write(folder.join("by-file.md"), file).unwrap();
        let environment = [
            ("DATABASE_URL", app.database_url.as_str()),
            ("SYNC_FOLDER", folder.to_str().unwrap()),
        ];
        let sync = || Shell::run(&["run", "sync", "--json"], "", &environment);
        assert_eq!(sync().code, 0);
        let all = ["by-file members", "by-form members", "by-program members", "by-shell members"];
        assert_eq!(audiences(app).await, all);

        // Nobody opens a post by leaving something out.
        save(&ada, &editor_of(app, "by-form").await, &but(form, "title", "By form too")).await;
        std::fs::write(folder.join("by-file.md"), file.replace("audience: members\n", "")).unwrap();
        app.psql("delete from runs").await;
        assert_eq!(sync().code, 0);
        assert_eq!(audiences(app).await.len(), 4, "the address was made from the title anew");
        assert!(audiences(app).await.iter().all(|line| line.ends_with(" members")));

        for unknown in ["payers", "nobody", "Members"] {
            let form = but(written("No", "Text.", "published"), "audience", unknown);
            let refused = ada.post("/admin/posts/new", &form).await;
            assert!(
                refused.status == 422 && refused.body.contains("Use everyone, members or paid.")
            );
            let post =
                json!({ "title": "No", "topic": "Craft", "body": "Text.", "audience": unknown });
            let refused = app.eve().json("/api/v1/posts", Some(&key), &post).await;
            assert_eq!(refused.is_problem(422)["errors"][0]["pointer"], "#/audience");
            let refused = app.cli(&[&add[..], &["--audience", unknown]].concat(), "Text.");
            assert_eq!(refused.code, 1);
            assert!(refused.err.contains("Use everyone, members or paid."), "{}", refused.err);
        }
        assert_eq!(audiences(app).await.len(), 4);
    });
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn an_editor_that_was_opened_before_a_post_was_closed_does_not_open_it_again() {
    with_app(async |app| {
        let (ada, also_ada) = (app.ada().await, app.ada().await);
        let open = but(written("Opened", "One.\n\nTwo.", "published"), "audience", "everyone");
        save(&ada, "/admin/posts/new", &open).await;
        let editor = editor_of(app, "opened").await;
        let page = also_ada.get(&editor).await.body;
        let version = page.split("name=\"version\" value=\"").nth(1).unwrap();
        let version = version.split('"').next().unwrap();
        save(&ada, &editor, &but(open.clone(), "audience", "members")).await;
        let again = also_ada.post(&editor, &but(open, "version", version)).await;
        assert!(again.status == 422 && again.body.contains("Someone has saved this post"));
        assert_eq!(audiences(app).await, ["opened members"]);
        let shown = ada.get(&editor).await.body;
        assert!(shown.contains("value=\"members\" checked"), "{shown}");
        assert!(ada.get("/admin/posts").await.body.contains("for members"));
    });
}

#[test]
fn a_program_reads_what_its_scope_lets_it() {
    with_app(async |app| {
        let ada = app.ada().await;
        two_posts(app, &ada).await;
        save(&ada, "/admin/posts/new", &written("Open", "For all.", "published")).await;
        let (reading, writing) = (app.key("posts:read").await, app.key("posts:write").await);
        let ask = async |path: &str, key: Option<&str>| {
            let request = app.eve().request(Method::GET, path);
            app.eve()
                .send(key.iter().fold(request, |request, key| request.header("x-api-key", *key)))
                .await
        };
        for key in [None, Some(writing.as_str())] {
            let one = ask("/api/v1/posts/opened", key).await;
            assert_eq!((one.status, &one.json()["body"]), (200, &Value::Null));
            assert_eq!(one.json()["audience"], "members");
            let all = ask("/api/v1/posts", key).await;
            assert!(!all.body.contains(MARKER) && all.body.contains("For all."), "{}", all.body);
        }
        let all = ask("/api/v1/posts", Some(&reading)).await.json();
        assert_eq!(all["items"].as_array().unwrap().len(), 3);
        assert!(all["items"][1]["body"].as_str().unwrap().contains(MARKER), "{all}");
        assert!(ask("/api/v1/posts/opened", Some(&reading)).await.body.contains(MARKER));
        ask("/api/v1/posts/opened", Some("fd_wrong")).await.is_problem(401);
        let by_cookie = ada.get("/api/v1/posts/opened").await;
        assert_eq!(by_cookie.json()["body"], Value::Null, "no cookie is read there");
    });
}

#[test]
fn what_subscribers_are_sent_is_the_beginning() {
    with_app(async |app| {
        let ada = app.ada().await;
        two_posts(app, &ada).await;
        for slug in ["summed-up", "opened"] {
            let id =
                app.ask(&format!("select id from posts where slug = '{slug}'")).await.remove(0);
            let form = ada.get(&format!("/admin/issues/new?post={id}")).await;
            let begins = if slug == "opened" { OPENING } else { "Only in short." };
            assert_eq!(form.body.matches(begins).count(), 1, "{}", form.body);
            assert!(form.status == 200 && form.body.contains(&format!("(/posts/{slug})")));
            assert!(!form.body.contains(MARKER), "{}", form.body);
        }
        app.psql(
            "insert into subscribers (id, email, status, source, consent, consent_at, confirmed_at, digest, digest_from)
             values (gen_random_uuid(), 'ann@example.test', 'confirmed', 'import', 'the fair', now(), now(), 'daily',
                     now() - interval '2 days');
             update posts set published_at = now() - interval '25 hours'",
        )
        .await;
        assert_eq!(frontdesk::jobs::digests::queue(&app.state).await.unwrap(), 1);
        let letter = mails_to(app, "ann@example.test").await.remove(0);
        let (text, html) = (letter.mail.text(), letter.mail.html());
        assert!(text.contains("Only in short.") && text.contains("/posts/opened"), "{text}");
        assert!(!text.contains(MARKER) && !html.contains(MARKER));
    });
}

#[test]
fn a_members_app_reads_what_is_for_members() {
    with_app(async |app| {
        let ada = app.ada().await;
        two_posts(app, &ada).await;
        let phone = app.eve();
        let (access, _) = tokens(&ask(&phone, &by_password(ADA.0, ADA.1)).await);
        let read = async |path: &str, token: &str| {
            let request = phone.request(Method::GET, path);
            phone.send(request.header("authorization", format!("Bearer {token}"))).await
        };
        let of_members = "select slug from posts where audience = 'members' limit 1";
        let slug = app.ask(of_members).await.remove(0);
        let path = format!("/api/v1/posts/{slug}");
        assert!(read(&path, &access).await.body.contains(MARKER));
        assert!(read("/api/v1/posts", &access).await.body.contains(MARKER));
        assert!(!phone.get(&path).await.body.contains(MARKER));
        // A token that is over is told so, and sees no less than it asked for without a word.
        app.psql("delete from sessions").await;
        read(&path, &access).await.is_problem(401);
    });
}
