//! One person's rows, handed out or deleted; and how long rows about people are kept.

use super::contact::ANN;
use super::support::{ADA, Person, Shell, TestApp, with_app, with_settings};
use frontdesk::jobs::worker;
use frontdesk::services::people::Holding;
use reqwest::Method;
use serde_json::{Value, json};

const EMAIL: &str = "ann@example.test";

/// Ann has written twice, once in capitals; staff have noted something, mail has gone to her, and some waits. Bob is in the
/// same tables.
async fn ann_and_bob(app: &TestApp) {
    assert_eq!(app.eve().post("/contact", &ANN).await.status, 303);
    for (name, email) in [("Ann", "Ann@Example.test"), ("Bob", "bob@example.test")] {
        let lead =
            ["lead", "add", "--name", name, "--email", email, "--message", "Letters on a wall."];
        assert_eq!(app.cli(&lead, "").code, 0);
    }
    worker::work_off(&app.state).await.unwrap();
    app.psql(
        "insert into lead_history (id, lead_id, staff_id, note)
             select gen_random_uuid(), leads.id, staff.id, 'Rang ' || leads.email from leads, staff;
         insert into suppressions (email, purpose, reason) values
             ('ann@example.test', 'all', 'bounced'), ('bob@example.test', 'all', 'bounced');
         insert into outbox (id, kind, job, cause, recipient, state, remark) values
             (gen_random_uuid(), 'mail', '{}', 'x', 'ann@example.test', 'waiting', '550 no ann@example.test here'),
             (gen_random_uuid(), 'mail', '{}', 'x', 'bob@example.test', 'waiting', null)",
    )
    .await;
}

async fn counts(ada: &Person<'_>, email: &str) -> Value {
    let export = ada.get(&format!("/admin/people/{email}/export")).await;
    assert_eq!(export.status, 200, "{}", export.body);
    let tables = export.json()["tables"].clone();
    let count = |(table, rows): (&String, &Value)| (table.clone(), rows.as_array().unwrap().len());
    json!(
        tables.as_object().unwrap().iter().map(count).collect::<std::collections::BTreeMap<_, _>>()
    )
}

#[test]
fn everything_about_a_person_is_handed_out_as_one_document() {
    with_app(async |app| {
        ann_and_bob(app).await;
        let ada = app.ada().await;
        let page = ada.get("/admin/people?email=ANN@example.test").await;
        page.is_page(200);
        assert!(page.body.contains("<strong>2</strong><span>leads</span>"), "{}", page.body);
        let file = ada.get("/admin/people/ann@example.test/export").await;
        assert_eq!(
            (file.header("content-type"), file.header("content-disposition")),
            ("application/json", "attachment; filename=\"person.json\"")
        );
        let document = file.json();
        let leads = document["tables"]["leads"].as_array().unwrap();
        assert_eq!(leads.len(), 2);
        assert!(
            leads
                .iter()
                .all(|lead| lead["history"][0]["note"].as_str().unwrap().starts_with("Rang "))
        );
        assert_eq!(
            counts(&ada, EMAIL).await,
            json!({ "leads": 2, "outbox": 2, "suppressions": 1, "subscribers": 0, "subscription_mails": 1, "accounts": 0, "orders": 0, "stripe_calls": 0, "mailed_links": 0, "email_changes": 0, "identities": 0, "identity_arrivals": 0, "inbox": 0, "webhook_tries": 0, "idempotency_keys": 0 })
        );
        assert!(!file.body.contains("bob@example.test"));
        let own = ada.get(&format!("/admin/people/{}/export", ADA.0)).await;
        assert_eq!(own.json()["tables"]["accounts"][0]["name"], "Owner");
        assert!(!own.body.contains("argon2"));
        let shell = app.cli(&["person", "export", "--email", EMAIL, "--json"], "").json();
        assert_eq!(shell["tables"], document["tables"]);
        assert_eq!(ada.get("/admin/people/nonsense/export").await.status, 404);
    });
}

#[test]
fn whoever_is_erased_leaves_no_trace_and_nobody_else_loses_anything() {
    with_app(async |app| {
        ann_and_bob(app).await;
        let ada = app.ada().await;
        let bob = counts(&ada, "bob@example.test").await;
        let wrong = ada
            .post("/admin/people/erase", &[("email", EMAIL), ("confirmation", "bob@example.test")])
            .await;
        wrong.is_page(422);
        assert!(wrong.body.contains(r#"id="confirmation-error""#), "{}", wrong.body);
        assert_eq!(counts(&ada, EMAIL).await["leads"], 2);

        let form = [
            ("email", EMAIL),
            ("confirmation", "ANN@example.test"),
            ("submission", "01890000-0000-7000-8000-000000000001"),
        ];
        for _ in 0..2 {
            let erased = ada.post("/admin/people/erase", &form).await;
            assert_eq!((erased.status, erased.location.as_str()), (303, "/admin/people"));
        }
        let page = ada.get("/admin/people").await;
        assert!(page.body.contains("They are erased."));
        assert!(page.body.contains("leads 2, "), "{}", page.body);
        assert_eq!(app.ask("select count(*) from erasures").await, ["1"]);
        for trace in [EMAIL, "Ann@Example.test", "Ann Li"] {
            assert_eq!(app.tables_with(trace).await, [""; 0], "{trace}");
        }
        assert_eq!(counts(&ada, "bob@example.test").await, bob);
        let mail =
            app.ask("select state from outbox where cause = 'x' order by recipient nulls first");
        assert_eq!(mail.await, ["dropped", "waiting"]);
        worker::work_off(&app.state).await.unwrap(); // what was still to be told about her
        assert_eq!(app.tables_with(EMAIL).await, [""; 0]);
    });
}

#[test]
fn whoever_is_erased_is_in_no_answer_that_a_program_asks_for_again() {
    with_app(async |app| {
        let (ada, eve, key) = (app.ada().await, app.eve(), app.key("leads:write").await);
        let send = async |email: &str| {
            let lead = json!({ "name": "Ann Li", "email": email, "message": "Letters on a wall." });
            let request = eve.request(Method::POST, "/api/v1/leads").json(&lead);
            let own = if email == "bob@example.test" { "\"bob\"" } else { "\"ann\"" };
            eve.send(request.header("x-api-key", &key).header("idempotency-key", own)).await
        };
        let bob = send("bob@example.test").await;
        assert_eq!((send("Ann@example.test").await.status, bob.status), (201, 201));
        assert_eq!(counts(&ada, EMAIL).await["idempotency_keys"], 1);
        assert_eq!(app.cli(&["person", "erase", "--email", EMAIL], "").code, 0);
        assert_eq!(counts(&ada, EMAIL).await["idempotency_keys"], 0);
        // It is not told, nor is it done again; and nobody else's answer is another one.
        send("Ann@example.test").await.is_problem(410);
        assert_eq!(app.ask("select email from leads").await, ["bob@example.test"]);
        assert_eq!(send("bob@example.test").await.body, bob.body);
    });
}

#[test]
fn the_shell_erases_too_and_says_how_much() {
    with_app(async |app| {
        ann_and_bob(app).await;
        let erase = ["person", "erase", "--email", EMAIL, "--json"];
        let erased = app.cli(&erase, "").json();
        assert_eq!(
            erased,
            json!({ "erased": { "leads": 2, "outbox": 2, "suppressions": 1, "subscribers": 0, "subscription_mails": 1, "accounts": 0, "orders": 0, "stripe_calls": 0, "mailed_links": 0, "email_changes": 0, "identities": 0, "identity_arrivals": 0, "inbox": 0, "webhook_tries": 0, "idempotency_keys": 0 } })
        );
        assert_eq!(app.tables_with(EMAIL).await, [""; 0]);
        let again = app.cli(&erase, "").json();
        assert_eq!(
            again,
            json!({ "erased": { "leads": 0, "outbox": 0, "suppressions": 0, "subscribers": 0, "subscription_mails": 0, "accounts": 0, "orders": 0, "stripe_calls": 0, "mailed_links": 0, "email_changes": 0, "identities": 0, "identity_arrivals": 0, "inbox": 0, "webhook_tries": 0, "idempotency_keys": 0 } })
        );
        for wrong in ["nonsense", ADA.0] {
            let shell = app.cli(&["person", "erase", "--email", wrong], "");
            assert!(
                shell.code == 1 && shell.err.starts_with("frontdesk: email: "),
                "{}",
                shell.err
            );
        }
        assert_eq!(app.ask("select count(*) from staff").await, ["1"]);
    });
}

#[test]
fn an_editor_looks_up_and_erases_nobody() {
    with_app(async |app| {
        ann_and_bob(app).await;
        let added = app
            .cli(&["user", "add", "--email", "bea@example.com", "--name", "Bea", "--json"], "")
            .json();
        let bea = app.eve();
        let sign_in =
            [("email", "bea@example.com"), ("password", added["password"].as_str().unwrap())];
        assert_eq!(bea.post("/sign-in", &sign_in).await.status, 303);
        for path in
            ["/admin/people?email=ann@example.test", "/admin/people/ann@example.test/export"]
        {
            bea.get(path).await.is_page(403);
        }
        let form = [("email", EMAIL), ("confirmation", EMAIL)];
        bea.post("/admin/people/erase", &form).await.is_page(403);
        assert_eq!(app.ask("select count(*) from leads").await, ["3"]);
    });
}

#[test]
fn every_table_that_holds_an_address_is_covered() {
    with_app(async |app| {
        let with_addresses = app
            .ask(
                "select distinct table_name::text from information_schema.columns join pg_tables on tablename = table_name
                  where table_schema = 'public' and column_name ~ 'e?mail|recipient|address' order by 1",
            )
            .await;
        // What other programs say, answer or are answered is bytes, and what is asked of Stripe a form: in no column of that name.
        let unnamed =
            [Holding::Inbox, Holding::StripeCalls, Holding::WebhookTries, Holding::IdempotencyKeys];
        let named = Holding::ALL.into_iter().filter(|holding| !unnamed.contains(holding));
        let mut covered: Vec<_> = named.map(Holding::table).collect();
        covered.sort_unstable();
        assert_eq!(with_addresses, covered, "services/people.rs has to know of each of them");
    });
}

/// Runs retention in a slot of its own.
async fn retention(app: &TestApp, more: &[&str]) -> Value {
    app.psql("delete from runs").await;
    let settings = [("DATABASE_URL", app.database_url.as_str()), ("RETENTION_LEADS_DAYS", "100")];
    let shell = Shell::run(&[&["run", "retention", "--json"], more].concat(), "", &settings);
    assert_eq!(shell.code, 0, "{}", shell.err);
    let done = shell.json()["output"].clone();
    let done = done.as_object().unwrap().iter().filter(|(_, count)| **count != 0);
    Value::Object(done.map(|(what, count)| (what.clone(), count.clone())).collect())
}

#[test]
fn what_is_too_old_is_announced_and_goes_a_day_later() {
    with_settings(&[("RETENTION_LEADS_DAYS", "100")], async |app| {
        ann_and_bob(app).await;
        app.psql(
            "update leads set created_at = now() - interval '101 days' where email ilike '%ann%';
             update lead_history set at = now() - interval '101 days';
             update outbox set state = 'done', ended_at = now() - interval '91 days' where recipient is not null;
             update outbox set ended_at = now() - interval '89 days' where recipient = 'bob@example.test'",
        )
        .await;
        let old = app
            .ask("select count(*) from outbox where ended_at < now() - interval '90 days'")
            .await;
        let old: i64 = old[0].parse().unwrap();
        assert!(old >= 2);
        let before = app.ask("select leads::text from leads order by id").await;
        let announced = json!({ "leads_to_go": 2, "outbox_to_go": old });
        assert_eq!(retention(app, &["--dry-run"]).await, announced);
        assert_eq!(app.ask("select leads::text from leads order by id").await, before, "only said");
        assert_eq!(app.ask("select count(*) from outbox where goes_at is not null").await, ["0"]);

        assert_eq!(retention(app, &[]).await, announced);
        let mail = "select count(*) from outbox where job->>'mail' = 'retention-notice'";
        assert_eq!(app.ask(mail).await, ["1"], "Ada is told");
        assert_eq!(retention(app, &[]).await, json!({}), "nothing goes before its time");
        assert_eq!(app.ask(mail).await, ["1"]);
        let ada = app.ada().await;
        let id = app.ask("select id from outbox where job->>'mail' = 'retention-notice'").await;
        let letter = ada.get(&format!("/admin/outbox/{}", id[0])).await.body;
        assert!(letter.contains("2 leads have been left alone for more than 100 days"), "{letter}");

        app.psql(
            "update leads set goes_at = goes_at - interval '1 day';
             update outbox set goes_at = goes_at - interval '1 day'",
        )
        .await;
        assert_eq!(
            retention(app, &["--dry-run"]).await,
            json!({ "leads_deleted": 2, "outbox_deleted": old })
        );
        assert_eq!(retention(app, &[]).await, json!({ "leads_deleted": 2, "outbox_deleted": old }));
        assert_eq!(app.ask("select email from leads").await, ["bob@example.test"]);
        assert_eq!(
            app.ask("select count(*) from outbox where recipient = 'bob@example.test'").await,
            ["1"]
        );
    });
}

#[test]
fn a_lead_that_someone_works_with_is_spared() {
    with_settings(&[("RETENTION_LEADS_DAYS", "100")], async |app| {
        ann_and_bob(app).await;
        app.psql(
            "update leads set created_at = now() - interval '101 days';
             update lead_history set at = now() - interval '101 days'",
        )
        .await;
        // What a test key has sent goes by itself: nobody is told of it.
        app.psql("update leads set test = true").await;
        assert_eq!(retention(app, &["--dry-run"]).await, json!({}));
        app.psql("update leads set test = false").await;
        assert_eq!(retention(app, &[]).await, json!({ "leads_to_go": 3 }));
        let ada = app.ada().await;
        let bob = app.ask("select id from leads where name = 'Bob'").await.remove(0);
        let noted =
            ada.post(&format!("/admin/leads/{bob}/notes"), &[("note", "Rang again.")]).await;
        assert_eq!(noted.status, 303, "{}", noted.body);
        app.psql("update leads set goes_at = goes_at - interval '1 day'").await;
        assert_eq!(retention(app, &[]).await, json!({ "leads_spared": 1, "leads_deleted": 2 }));
        assert_eq!(app.ask("select name from leads").await, ["Bob"]);
    });
}

#[test]
fn without_a_rule_no_lead_goes() {
    with_app(async |app| {
        ann_and_bob(app).await;
        app.psql(
            "update leads set created_at = now() - interval '9 years';
             update lead_history set at = now() - interval '9 years'",
        )
        .await;
        let shell = app.cli(&["run", "retention", "--json"], "");
        assert_eq!(shell.json()["output"]["leads_to_go"], 0);
        app.psql("update leads set goes_at = now(); delete from runs").await; // the rule was there, and is not any more
        let shell = app.cli(&["run", "retention", "--json"], "");
        assert_eq!(shell.json()["output"]["leads_spared"], 3);
        assert_eq!(app.ask("select count(*) from leads where goes_at is null").await, ["3"]);
    });
}
