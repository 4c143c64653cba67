//! The record of what was done by those who run the site: nothing they do is missing, and nothing else is there.

use super::accounts::{BOB, mailed, sign_up};
use super::doors::{A_SUBSCRIBER, AN_EVENT, AN_ORDER};
use super::sign_in::sign_in;
use super::support::{ADA, TestApp, with_app, with_settings};
use frontdesk::routes;

const ANN: &str = "ann@example.test";
const WORDS: &str = "Words that stay where they are kept.";

/// The last lines, the newest first: who, what, on what kind of thing, from where.
async fn lines(app: &TestApp, count: usize) -> Vec<String> {
    app.ask(&format!(
        "select concat_ws(' ', name, act, split_part(object, ':', 1), door, network) from audit
          order by at desc, id desc limit {count}"
    ))
    .await
}

async fn count(app: &TestApp) -> i64 {
    app.ask("select count(*) from audit").await[0].parse().unwrap()
}

/// A row of each kind that staff work on, about Ann where it is about somebody.
const ROWS: &str = "
    insert into leads (id, name, email, message, status, source, fingerprint)
        values (gen_random_uuid(), 'Ann', 'ann@example.test', 'Words that stay where they are kept.', 'new', 'cli', sha256('1'));
    insert into api_keys (id, name, prefix, hash, scopes) values (gen_random_uuid(), 'Partner', 'fd_live_aaaa', sha256('a'), '{leads:write}');
    insert into webhooks (id, name, url, types) values
        (gen_random_uuid(), 'CRM', 'https://example.com/a', '{post.published}'), (gen_random_uuid(), 'Old', 'https://example.com/b', '{post.published}'),
        (gen_random_uuid(), 'Idle', 'https://example.com/c', '{post.published}');
    insert into webhook_deliveries (webhook_id, message, object, sequence, state)
        select id, id, id, 1, 'failed' from webhooks where name = 'CRM';
    insert into topics (slug, name) values ('craft', 'Craft');
    insert into posts (id, slug, title, body, topic, status) values (gen_random_uuid(), 'a', 'A', 'a', 'craft', 'draft');
    insert into issues (id, slug, subject, body, status, scheduled_at, started_at) values
        (gen_random_uuid(), 'draft', 'd', 'd', 'draft', null, null),
        (gen_random_uuid(), 'scheduled', 's', 's', 'scheduled', '2199-01-01Z', null),
        (gen_random_uuid(), 'sending', 's', 's', 'sending', now(), now()),
        (gen_random_uuid(), 'paused', 'p', 'p', 'paused', now(), now());
    insert into outbox (id, kind, job, cause, recipient, state, ended_at)
        values (gen_random_uuid(), 'mail', '{}', 'x', 'ann@example.test', 'dead', now()),
               (gen_random_uuid(), 'announce', '{}', 'x', null, 'dead', now());
    with bea as (insert into accounts (id, email, name) values (gen_random_uuid(), 'bea@example.test', 'Bea') returning id)
    insert into staff (id, role) select id, 'editor' from bea;
    insert into mailed_links (id, email, mailbox, at_home, intent, expires_at)
        select gen_random_uuid(), name || '@example.test', name || '@example.test', false,
               jsonb_build_object('to', 'invite', 'role', 'editor', 'by', staff.id), now() + interval '1 day'
          from staff, unnest(array['cora', 'dora']) as name where role = 'owner';";

/// What can be sent to a form below /admin with success.
struct Deed {
    /// The form's address.
    route: &'static str,
    /// Which row it is about, where it is about one.
    row: &'static str,
    /// What is typed.
    form: &'static [(&'static str, &'static str)],
    /// What it is on the record: the act, and on what kind of thing.
    line: &'static str,
}

const fn deed(
    route: &'static str,
    row: &'static str,
    form: &'static [(&'static str, &'static str)],
    line: &'static str,
) -> Deed {
    Deed { route, row, form, line }
}

const POST: [(&str, &str); 3] = [("topic", "Craft"), ("body", WORDS), ("status", "draft")];

/// A deed for each form below /admin. A new one belongs here.
const DEEDS: &[Deed] = &[
    deed("/admin/leads/{id}/status", "leads", &[("status", "won")], "lead-status-set lead"),
    deed("/admin/leads/{id}/notes", "leads", &[("note", WORDS)], "lead-noted lead"),
    deed("/admin/posts/new", "", &[("title", "B"), POST[0], POST[1], POST[2]], "post-written post"),
    deed(
        "/admin/posts/{id}/edit",
        "posts where slug = 'a'",
        &[("title", "A"), ("slug", "a"), POST[0], POST[1], POST[2]],
        "post-edited post",
    ),
    deed("/admin/issues/new", "", &[("subject", "New"), ("body", WORDS)], "issue-written issue"),
    deed(
        "/admin/issues/{id}",
        "issues where slug = 'draft'",
        &[("subject", "Newer"), ("body", WORDS)],
        "issue-edited issue",
    ),
    deed("/admin/issues/{id}/test", "issues where slug = 'paused'", &[], "issue-tested issue"),
    deed(
        "/admin/issues/{id}/send",
        "issues where status = 'draft'",
        &[("send_at", "2199-01-01 09:00")],
        "issue-sent issue",
    ),
    deed(
        "/admin/issues/{id}/recall",
        "issues where slug = 'scheduled'",
        &[],
        "issue-recalled issue",
    ),
    deed("/admin/issues/{id}/pause", "issues where slug = 'sending'", &[], "issue-paused issue"),
    deed("/admin/issues/{id}/resume", "issues where slug = 'paused'", &[], "issue-resumed issue"),
    deed("/admin/subscribers/new", "", &[("email", ANN)], "subscriber-asked subscribers"),
    deed(
        "/admin/subscribers/import",
        "",
        &[("csv", "gus@example.test"), ("consent", "The sign-up sheet.")],
        "subscribers-imported import",
    ),
    deed(
        "/admin/subscribers/{id}/end",
        "subscribers",
        &[("reason", "asked")],
        "subscriber-ended subscriber",
    ),
    deed("/admin/outbox/{id}/retry", "outbox where kind = 'mail'", &[], "job-retried outbox"),
    deed("/admin/outbox/retry", "", &[("kind", "announce")], "jobs-retried outbox"),
    deed("/admin/inbox/{id}/replay", "inbox where source = 'partner'", &[], "event-replayed inbox"),
    deed("/admin/inbox/replay", "", &[("source", "other")], "dead-events-replayed inbox"),
    deed(
        "/admin/settings",
        "",
        &[("text", WORDS), ("autoreply", "on")],
        "settings-changed settings",
    ),
    deed("/admin/settings/free-posts", "", &[("free_posts", "3")], "settings-changed settings"),
    deed("/admin/test-mail", "", &[], "mail-tested outbox"),
    deed(
        "/admin/notices",
        "",
        &[("quiet_from", "22"), ("quiet_until", "7"), ("time_zone", "UTC")],
        "notices-chosen staff",
    ),
    deed(
        "/admin/keys/new",
        "",
        &[("name", "Other"), ("kind", "live"), ("scopes", "leads:write"), ("expires", "never")],
        "key-created key",
    ),
    deed(
        "/admin/keys/{id}/rotate",
        "api_keys where name = 'Partner'",
        &[("overlap", "1-hour")],
        "key-rotated key",
    ),
    deed("/admin/keys/{id}/revoke", "api_keys where name = 'Partner'", &[], "key-revoked key"),
    deed(
        "/admin/products/new",
        "",
        &[("title", "B"), ("price", "9.50"), ("currency", "eur"), ("stock", "3")],
        "product-added product",
    ),
    deed(
        "/admin/products/{id}",
        "products where slug = 'a-wall'",
        &[
            ("title", "A"),
            ("slug", "a-wall"),
            ("price", "9.50"),
            ("currency", "eur"),
            ("stock", "3"),
        ],
        "product-edited product",
    ),
    deed("/admin/orders/{id}/refund", "orders", &[("amount", "5.00")], "order-refunded order"),
    deed("/admin/orders/{id}/receipt", "orders", &[], "receipt-resent order"),
    deed(
        "/admin/webhooks/new",
        "",
        &[("name", "New"), ("url", "https://example.com/hook"), ("types", "lead.created")],
        "webhook-added webhook",
    ),
    deed(
        "/admin/webhooks/{id}/edit",
        "webhooks where name = 'CRM'",
        &[("name", "CRM"), ("url", "https://example.com/c"), ("types", "lead.created")],
        "webhook-changed webhook",
    ),
    deed(
        "/admin/webhooks/{id}/rotate",
        "webhooks where name = 'CRM'",
        &[("overlap", "1-hour")],
        "webhook-rotated webhook",
    ),
    deed(
        "/admin/webhooks/{id}/remove",
        "webhooks where name = 'Old'",
        &[],
        "webhook-removed webhook",
    ),
    deed(
        "/admin/webhooks/{id}/pause",
        "webhooks where name = 'CRM'",
        &[],
        "webhook-paused webhook",
    ),
    deed(
        "/admin/webhooks/{id}/enable",
        "webhooks where name = 'CRM'",
        &[],
        "webhook-enabled webhook",
    ),
    deed("/admin/webhooks/{id}/ping", "webhooks where name = 'CRM'", &[], "webhook-pinged webhook"),
    deed(
        "/admin/webhooks/{id}/replay",
        "webhooks where name = 'CRM'",
        &[],
        "webhook-replayed webhook",
    ),
    deed(
        "/admin/webhooks/{id}/disable",
        "webhooks where name = 'Idle'",
        &[],
        "webhook-disabled webhook",
    ),
    deed("/admin/cache/drop", "", &[("tag", "posts")], "pages-dropped pages"),
    deed("/admin/runs/{task}/now", "", &[], "task-run task"),
    deed(
        "/admin/people/erase",
        "",
        &[("email", ANN), ("confirmation", ANN)],
        "person-erased erasure",
    ),
    deed(
        "/admin/invites",
        "",
        &[("email", "eve@example.test"), ("role", "owner")],
        "staff-invited invite",
    ),
    deed(
        "/admin/invites/{id}/again",
        "mailed_links where email like 'cora%' and used_at is null",
        &[],
        "staff-invited invite",
    ),
    deed(
        "/admin/invites/{id}/end",
        "mailed_links where email like 'dora%'",
        &[],
        "invite-taken-back invite",
    ),
    deed(
        "/admin/staff/{id}/role",
        "accounts where name = 'Bea'",
        &[("role", "owner")],
        "role-changed staff",
    ),
    deed(
        "/admin/staff/{id}/deactivate",
        "accounts where name = 'Bea'",
        &[],
        "staff-deactivated staff",
    ),
    deed("/admin/staff/{id}/activate", "accounts where name = 'Bea'", &[], "staff-activated staff"),
];

impl Deed {
    fn at(route: &str) -> &'static Self {
        let known = DEEDS.iter().find(|deed| deed.route == route);
        known.unwrap_or_else(|| {
            panic!("say what can be sent to {route}, and what it is on the record")
        })
    }

    async fn path(&self, app: &TestApp) -> String {
        let path = self.route.replace("{task}", "cleanup");
        match self.row {
            "" => path,
            row => path.replace("{id}", &app.ask(&format!("select id from {row}")).await[0]),
        }
    }
}

fn forms_below_admin() -> Vec<&'static str> {
    let table = routes::table().into_iter();
    table
        .filter(|route| route.method == "POST" && route.path.starts_with("/admin"))
        .map(|route| route.path)
        .collect()
}

#[test]
fn each_form_below_admin_leaves_a_line() {
    // Nobody answers there: what is asked of Stripe is asked again later.
    let stripe = [("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_API_BASE", "http://127.0.0.1:9")];
    with_settings(&stripe, async |app| {
        let other = AN_EVENT
            .replace("'partner'", "'other'")
            .replace("from inbox", "from inbox where source = 'other'");
        app.psql(&format!("{ROWS} {A_SUBSCRIBER} {AN_EVENT} {other} {AN_ORDER}")).await;
        let ada = app.ada().await;
        let forms = forms_below_admin();
        assert!(forms.len() >= 26, "{forms:?}");
        for route in forms {
            let deed = Deed::at(route);
            let (path, form, before) = (deed.path(app).await, deed.form, count(app).await);
            let refused = ada.send(ada.request(reqwest::Method::POST, &path).form(form)).await;
            assert_eq!(
                (refused.status, count(app).await),
                (403, before),
                "{path} is not confirmed"
            );
            let id = "01890000-0000-7000-8000-000000000001";
            let form = [&[("submission", id)], form].concat();
            // A new secret is shown once, by the answer itself.
            let shown = ["new", "{id}/rotate"].iter().any(|form| {
                ["keys", "webhooks"].iter().any(|of| route == format!("/admin/{of}/{form}"))
            });
            for status in [if shown { 200 } else { 303 }, 303] {
                let answer = ada.post(&path, &form).await;
                assert_eq!(answer.status, status, "{path}: {}", answer.body);
            }
            assert_eq!(count(app).await, before + 1, "{path}: sent twice, done once");
            assert_eq!(
                lines(app, 1).await,
                [format!("Owner {} web 127.0.0.1", deed.line)],
                "{path}"
            );
        }
        let who = "select distinct staff_id = (select id from accounts where email = 'ada@example.com') from audit
                    where door = 'web'";
        assert_eq!(app.ask(who).await, ["true"]);
        // Nobody's address, nothing that was written, no secret.
        for trace in ["example.test", "example.com", WORDS, "The sign-up sheet", ADA.1, "argon2"] {
            let kept = app.tables_with(trace).await;
            assert!(!kept.contains(&"audit".to_owned()), "{trace}");
        }
        assert_eq!(
            app.tables_with("role-changed").await,
            ["audit"],
            "this is how it would be found"
        );
    });
}

#[test]
fn whatever_is_taken_along_leaves_a_line() {
    with_app(async |app| {
        app.psql(ROWS).await;
        let ada = app.ada().await;
        let table = routes::table().into_iter();
        let mut taken = Vec::new();
        for route in table.filter(|route| route.method == "GET" && route.path.starts_with("/admin"))
        {
            let path = route.path.replace("{email}", ANN);
            let before = count(app).await;
            let answer = ada.get(&path).await;
            let is_file = answer.header("content-disposition").starts_with("attachment");
            assert_eq!(count(app).await - before, i64::from(is_file), "{path}");
            if is_file {
                taken.extend(lines(app, 1).await);
            }
        }
        taken.sort();
        let expected = [
            "audit-exported audit",
            "ledger-exported ledger",
            "person-exported person",
            "subscribers-exported subscribers",
        ];
        assert_eq!(taken, expected.map(|line| format!("Owner {line} web 127.0.0.1")));
        let details = "select details from audit where act = 'person-exported'";
        assert_eq!(app.ask(details).await, [r#"{"counts": {"leads": 1, "outbox": 1}}"#]);
    });
}

#[test]
fn what_is_refused_is_not_on_the_record() {
    with_app(async |app| {
        app.psql(ROWS).await;
        let ada = app.ada().await;
        let (lead, before) = (app.ask("select id from leads").await.remove(0), count(app).await);
        let status = format!("/admin/leads/{lead}/status");
        for (path, form) in [
            (status.as_str(), ("status", "king")),
            ("/admin/leads/01890000-0000-7000-8000-000000000000/notes", ("note", "Words.")),
            ("/admin/posts/new", ("title", "")),
            ("/admin/people/erase", ("email", ADA.0)),
        ] {
            let answer = ada.post(path, &[form, ("confirmation", ADA.0)]).await;
            assert!(matches!(answer.status, 404 | 422), "{path}: {}", answer.status);
        }
        assert_eq!(count(app).await, before);
        // And what cannot be recorded is not done.
        app.psql("alter table audit add constraint nothing_more check (false) not valid").await;
        assert_eq!(ada.post(&status, &[("status", "won")]).await.status, 500);
        assert_eq!(ada.get("/admin/subscribers.csv").await.status, 500);
        assert_eq!(app.ask("select status from leads").await, ["new"]);
        let shell = app.cli(&["key", "create", "--name", "Other", "--scope", "leads:write"], "");
        assert_eq!(shell.code, 1);
        assert_eq!(app.ask("select name from api_keys").await, ["Partner"], "the one in ROWS");
    });
}

#[test]
fn what_the_operator_does_on_the_shell_leaves_a_line() {
    with_app(async |app| {
        let done = async |arguments: &[&str], stdin: &str, acts: &[&str]| {
            let before = count(app).await;
            let shell = app.cli(arguments, stdin);
            assert_eq!(shell.code, 0, "{arguments:?}: {}", shell.err);
            let added = usize::try_from(count(app).await - before).unwrap();
            assert_eq!(added, acts.len(), "{arguments:?}");
            let expected: Vec<_> =
                acts.iter().map(|act| format!("the operator {act} shell ")).collect();
            assert_eq!(lines(app, added).await, expected);
            shell
        };
        assert_eq!(
            lines(app, 1).await,
            ["the operator staff-added staff shell "],
            "the first start"
        );
        let bob = ["--email", "bob@example.com"];
        let user = |verb| [&["user", verb][..], &bob].concat();
        done(&[&user("add")[..], &["--name", "Bob"]].concat(), "", &["staff-added staff"]).await;
        done(&[&user("role")[..], &["--role", "owner"]].concat(), "", &["role-changed staff"])
            .await;
        done(&user("deactivate"), "", &["staff-deactivated staff"]).await;
        done(&user("activate"), "", &["staff-activated staff"]).await;
        let lead = ["lead", "add", "--name", "Ann", "--email", ANN, "--message", WORDS];
        done(&lead, "", &["lead-added lead"]).await;
        let lead = app.ask("select id from leads").await.remove(0);
        done(&["lead", "status", &lead, "won", "--note", WORDS], "", &["lead-status-set lead"])
            .await;
        done(&["lead", "note", &lead, "--note", "Rang."], "", &["lead-noted lead"]).await;
        // What is so already is not done, so it is not recorded.
        done(&["lead", "status", &lead, "won"], "", &[]).await;
        done(&["lead", "note", &lead, "--note", "Rang."], "", &[]).await;
        done(&["export", "leads"], "", &["leads-exported leads"]).await;
        done(&["post", "add", "--title", "A", "--topic", "B"], WORDS, &["post-written post"]).await;
        done(&["post", "publish", "a"], "", &["post-edited post"]).await;
        done(&["subscriber", "add", "--email", ANN], "", &["subscriber-asked subscribers"]).await;
        let import = ["subscriber", "import", "--consent", "Sign-up sheet at the fair"];
        done(&import, "gus@example.test", &["subscribers-imported import"]).await;
        done(&["subscriber", "bounce", "gus@example.test"], "", &["subscriber-ended subscriber"])
            .await;
        done(&["subscriber", "complain", ANN], "", &["subscriber-ended subscriber"]).await;
        done(&["subscriber", "export"], "", &["subscribers-exported subscribers"]).await;
        let key = ["key", "create", "--name", "Partner", "--scope", "leads:write", "--json"];
        let key = done(&key, "", &["key-created key"]).await.json();
        let key = key["id"].as_str().unwrap();
        done(&["key", "rotate", key, "--overlap", "now"], "", &["key-rotated key"]).await;
        done(&["key", "revoke", key], "", &["key-revoked key"]).await;
        done(&["cache", "drop", "--all"], "", &["pages-dropped pages"]).await;
        done(&["run", "cleanup"], "", &["task-run task"]).await;
        done(&["run", "cleanup"], "", &[]).await; // it was done
        done(&["person", "export", "--email", ANN], "", &["person-exported person"]).await;
        done(&["person", "erase", "--email", ANN], "", &["person-erased erasure"]).await;
        for reading in [
            &["user", "list"][..],
            &["lead", "list"],
            &["key", "list"],
            &["key", "show", key],
            &["doctor"],
        ] {
            app.cli(reading, "");
        }
        assert_eq!(lines(app, 1).await, ["the operator person-erased erasure shell "]);
        assert!(app.cli(&["user", "deactivate", "--email", ANN], "").code == 1);
        assert_eq!(lines(app, 1).await, ["the operator person-erased erasure shell "]);
        assert_eq!(app.tables_with(ANN).await, [""; 0]);
    });
}

#[test]
fn what_staff_do_with_their_account_leaves_a_line_and_what_members_do_leaves_none() {
    with_app(async |app| {
        let (ada, there) = (app.eve(), app.eve());
        let answer = sign_in(&ada, ADA.0, "not the password").await;
        assert_eq!(answer.status, 422);
        app.comes_to("select concat_ws(' ', coalesce(staff_id::text, 'nobody'), name, act, network) from audit
                       where act = 'sign-in-failed'", "nobody somebody sign-in-failed 127.0.0.1").await;
        let whose = "select object = 'staff:' || (select id from staff) from audit where act = 'sign-in-failed'";
        assert_eq!(app.ask(whose).await, ["true"]);
        sign_in(&ada, ADA.0, ADA.1).await;
        assert_eq!(lines(app, 1).await, ["Owner signed-in staff web 127.0.0.1"]);
        sign_in(&there, ADA.0, ADA.1).await;
        let profile = [("name", "Ada"), ("version", "1")];
        assert_eq!(ada.post("/account/profile", &profile).await.status, 303);
        assert_eq!(
            lines(app, 1).await,
            ["Ada profile-edited staff web 127.0.0.1"],
            "by her name, as it is now"
        );
        let session = "select id from sessions order by created_at desc limit 1";
        let session = app.ask(session).await.remove(0);
        assert_eq!(ada.post(&format!("/account/sessions/{session}/end"), &[]).await.status, 303);
        assert_eq!(lines(app, 1).await, ["Ada session-ended session web 127.0.0.1"]);
        assert_eq!(ada.post("/account/sessions/end", &[]).await.status, 303);
        assert_eq!(lines(app, 1).await, ["Ada sessions-ended staff web 127.0.0.1"]);
        let new = "another sentence altogether";
        let password = [("current_password", ADA.1), ("password", new)];
        assert_eq!(ada.post("/account/password", &password).await.status, 303);
        assert_eq!(lines(app, 1).await, ["Ada password-changed staff web 127.0.0.1"]);
        app.eve().post("/forgot-password", &[("email", ADA.0)]).await;
        let reset = mailed(app, ADA.0, "/forgot-password/").await;
        assert_eq!(app.eve().post(&reset, &[("password", ADA.1)]).await.status, 303);
        assert_eq!(lines(app, 1).await, ["Ada password-reset staff web 127.0.0.1"]);
        sign_in(&ada, ADA.0, ADA.1).await;
        sign_in(&ada, ADA.0, ADA.1).await;
        let anew = ["Ada signed-in staff web 127.0.0.1", "Ada signed-out staff web 127.0.0.1"];
        assert_eq!(lines(app, 2).await, anew, "the session before is over");
        ada.post("/sign-out", &[]).await;
        assert_eq!(lines(app, 1).await, ["Ada signed-out staff web 127.0.0.1"]);

        let before = count(app).await;
        let bob = sign_up(app, BOB.0, BOB.1).await;
        sign_in(&app.eve(), BOB.0, "not the password").await;
        sign_in(&app.eve(), "nobody@example.test", "not the password").await;
        bob.post("/account/sessions/end", &[]).await;
        bob.post("/account/profile", &[("name", "Bob B."), ("version", "1")]).await;
        bob.post("/sign-out", &[]).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(count(app).await, before, "{:?}", lines(app, 5).await);
    });
}
