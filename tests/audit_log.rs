//! The log of what was done by those who run the site: never changed, and read by owners alone.

use super::sign_in::sign_in;
use super::support::{Answer, Person, TestApp, with_app};
use frontdesk::services::audit::ACTS;
use sqlx::Connection;
use std::collections::BTreeSet;

/// What Postgres says of a statement it refuses.
async fn refused(app: &TestApp, sql: &'static str) -> String {
    let mut connection = sqlx::PgConnection::connect(&app.database_url).await.unwrap();
    let refused = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap_err();
    refused.to_string()
}

#[test]
fn a_line_is_written_once_and_for_good() {
    with_app(async |app| {
        let before = app.ask("select audit::text from audit").await;
        assert_eq!(before.len(), 1);
        for sql in [
            "update audit set name = 'Nobody'",
            "delete from audit",
            "truncate audit",
            "truncate audit cascade",
            "update audit set name = 'Nobody' where false",
            "with gone as (delete from audit returning 1) select * from gone",
        ] {
            let said = refused(app, sql).await;
            assert!(said.contains("the audit log is only added to"), "{sql}: {said}");
        }
        assert_eq!(app.ask("select audit::text from audit").await, before);
    });
}

/// The acts on a page of the log, in its order.
fn shown(answer: &Answer) -> Vec<String> {
    answer.is_page(200);
    let cells = answer.body.split(r#"<td data-label="What">"#).skip(1);
    cells.map(|cell| cell.split('<').next().unwrap().to_owned()).collect()
}

fn older(answer: &Answer) -> Option<String> {
    let (before, _) = answer.body.split_once(r#"">Older</a>"#)?;
    let href = before.rsplit_once(r#"href=""#)?.1;
    Some(href.replace("&amp;", "&"))
}

/// Asks for the log as it is from a path on, page by page.
async fn all(ada: &Person<'_>, path: &str) -> Vec<String> {
    let (mut found, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let page = ada.get(&path).await;
        found.extend(shown(&page));
        next = older(&page);
    }
    found
}

#[test]
fn owners_read_it_newest_first_page_by_page_and_others_do_not() {
    with_app(async |app| {
        let bea = ["user", "add", "--email", "bea@example.com", "--name", "Bea", "--json"];
        let password = app.cli(&bea, "").json()["password"].as_str().unwrap().to_owned();
        let (ada, bea) = (app.ada().await, app.eve());
        sign_in(&bea, "bea@example.com", &password).await;
        for path in ["/admin/audit", "/admin/audit.csv", "/admin/staff"] {
            bea.get(path).await.is_page(403);
        }
        // Many of one moment: the pages neither repeat nor leave out any.
        app.psql(
            "insert into audit (id, at, name, door, network, act, object)
             select gen_random_uuid(), '2026-01-01Z', 'Old', 'shell', '', 'act-' || n, 'lead:' || n % 3
               from generate_series(1, 230) n",
        )
        .await;
        let found = all(&ada, "/admin/audit").await;
        assert_eq!(found[..4], ["Signed in", "Signed in", "Staff added", "Staff added"]);
        let distinct: BTreeSet<&String> = found[4..].iter().collect();
        assert_eq!((found.len(), distinct.len()), (234, 230));

        let bea = app.ask("select id from accounts where name = 'Bea'").await.remove(0);
        for (query, expected) in [
            (format!("who={bea}"), &["Signed in", "Staff added"][..]), // what she did, and what was done to her
            ("who=operator&act=staff-added".to_owned(), &["Staff added", "Staff added"]),
            (format!("object=staff:{bea}&q=SHELL"), &[]),
            ("act=signed-in&q=127.0".to_owned(), &["Signed in", "Signed in"]),
            ("until=2026-01-01&q=act-17".to_owned(), &["act-17"]),
            (
                "from=2026-01-01&until=2026-01-01&object=lead:1&q=act-11".to_owned(),
                &["act-112", "act-115", "act-118"],
            ),
            ("until=2025-12-31".to_owned(), &[]),
            ("q=100%25".to_owned(), &[]),
        ] {
            let mut found = all(&ada, &format!("/admin/audit?{query}")).await;
            found.retain(|act| query.contains("q=act-17") || !act.starts_with("act-17"));
            found.sort();
            if query.contains("q=act-17") {
                found.truncate(1); // and act-170 to act-179
            }
            assert_eq!(found, expected, "{query}");
        }
        for nonsense in
            ["who=x&from=x&until=0000-00-00&before=x&act=", "from=9999-12-31", "until=-1"]
        {
            assert_eq!(
                ada.get(&format!("/admin/audit?{nonsense}")).await.status,
                200,
                "{nonsense}"
            );
        }
    });
}

#[test]
fn it_is_taken_along_as_it_is_filtered_and_no_cell_is_a_formula() {
    with_app(async |app| {
        app.psql(
            "insert into audit (id, at, name, door, network, act, object, details)
             values (gen_random_uuid(), '2026-01-01 09:00Z', '=cmd|x', 'web', '10.0.0.1', 'role-changed', 'staff:1',
                     '{\"to\": \"owner\"}')",
        )
        .await;
        let ada = app.ada().await;
        let page = ada.get("/admin/audit?act=role-changed&from=2026-01-01").await;
        assert!(
            page.body.contains(r#"href="/admin/audit.csv?act=role-changed&amp;from=2026-01-01""#)
        );
        assert!(page.body.contains("=cmd|x") && page.body.contains("to: owner"), "{}", page.body);
        let file = ada.get("/admin/audit.csv?act=role-changed&from=2026-01-01").await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(
            file.body,
            "\"at\",\"who\",\"staff_id\",\"door\",\"network\",\"act\",\"object\",\"details\"\r\n\
             \"2026-01-01T09:00:00Z\",\"'=cmd|x\",\"\",\"web\",\"10.0.0.1\",\"role-changed\",\"staff:1\",\"{\"\"to\"\":\"\"owner\"\"}\"\r\n"
        );
        let all = ada.get("/admin/audit.csv").await;
        assert!(all.body.lines().count() >= 4 && all.body.contains("\"audit-exported\""));
        app.psql(
            "insert into audit (id, name, door, network, act, object)
             select gen_random_uuid(), 'Many', 'shell', '', 'many', 'x' from generate_series(1, 50001)",
        )
        .await;
        let refused = ada.get("/admin/audit.csv").await;
        refused.is_page(400);
        assert!(refused.body.contains("Choose a shorter time"), "{}", refused.body);
    });
}

#[test]
fn whatever_is_asked_for_has_its_index() {
    with_app(async |app| {
        app.psql(
            "insert into audit (id, at, staff_id, name, door, network, act, object)
             select gen_random_uuid(), timestamptz '2026-01-01Z' + n * interval '1 minute',
                    ('00000000-0000-0000-0000-' || lpad((n % 500)::text, 12, '0'))::uuid, 'Old', 'shell', '',
                    'act-' || n % 500, 'lead:' || n from generate_series(1, 30000) n;
             analyze audit",
        )
        .await;
        for filter in [
            "true",
            "act = 'act-7'",
            "staff_id = '00000000-0000-0000-0000-000000000007' or object = 'staff:00000000-0000-0000-0000-000000000007'",
            "object = 'lead:7'",
            "at >= '2026-01-03Z' and at < '2026-01-04Z'",
            "haystack ilike '%lead:29999%'",
            "(at, id) < (select at, id from audit where id = (select id from audit limit 1))",
        ] {
            let sql = format!(
                "explain select id from audit where {filter} order by at desc, id desc limit 101"
            );
            let mut connection = sqlx::PgConnection::connect(&app.database_url).await.unwrap();
            let sql = sqlx::AssertSqlSafe(sql);
            let plan: Vec<String> =
                sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
            let plan = plan.join("\n");
            let scans = plan
                .lines()
                .filter(|line| line.contains("Seq Scan on audit") && !line.contains("audit_1"));
            assert_eq!(scans.count(), 0, "{filter}: {plan}");
        }
    });
}

#[test]
fn an_act_is_in_the_list_by_its_words() {
    with_app(async |app| {
        let page = app.ada().await.get("/admin/audit").await;
        for (_, name, words) in ACTS {
            assert!(
                page.body.contains(&format!(r#"<option value="{name}">{words}</option>"#)),
                "{name}"
            );
        }
    });
}
