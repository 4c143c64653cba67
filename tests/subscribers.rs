//! The list as staff and the operator keep it: looked through, brought over, taken along, shortened.

use super::newsletter::{HOUR, link, mails_to, readers, status_of, subscribe};
use super::support::{TestApp, with_app};

const FAIR: &str = "Sign-up sheet at the fair, May 2026";

async fn count(app: &TestApp) -> String {
    app.ask("select count(*) from subscribers").await.remove(0)
}

#[test]
fn staff_look_through_the_list_by_status_address_and_cursor() {
    with_app(async |app| {
        let ada = app.ada().await;
        readers(app, 60).await;
        app.eve().post("/newsletter", &[("email", "50%_off@example.test")]).await;
        let page = ada.get("/admin/subscribers").await.body;
        assert_eq!(page.matches("@example.test</a>").count(), 50);
        let older = page.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap();
        let rest = ada.get(&older.replace("&amp;", "&")).await.body;
        assert_eq!(rest.matches("@example.test</a>").count(), 11);
        let found = async |query: &str| {
            let page = ada.get(&format!("/admin/subscribers?{query}")).await;
            assert_eq!(page.status, 200);
            page.body.matches("@example.test</a>").count()
        };
        assert_eq!(found("q=READER-5").await, 11);
        assert_eq!(
            found("q=%25_off").await,
            1,
            "what means something to the database is text here"
        );
        assert_eq!(found("q=x_off").await, 0);
        assert_eq!(found("status=pending").await, 1);
        assert_eq!(found("status=nonsense&q=off").await, 1);
        assert!(ada.get("/admin").await.body.contains("<strong>60</strong>"));
        let id = app.ask("select id from subscribers where status = 'pending'").await.remove(0);
        let one = ada.get(&format!("/admin/subscribers/{id}")).await.body;
        assert!(one.contains("50%_off@example.test") && one.contains("form-2026-11"), "{one}");
    });
}

#[test]
fn staff_and_the_operator_can_only_ask() {
    with_app(async |app| {
        let ada = app.ada().await;
        assert_eq!(
            ada.post("/admin/subscribers/new", &[("email", "ann@example.test")]).await.status,
            303
        );
        let asked = app.cli(&["subscriber", "add", "--email", "bob@example.test"], "");
        assert_eq!(asked.code, 0, "{}", asked.err);
        assert_eq!(app.cli(&["subscriber", "add", "--email", "nowhere"], "").code, 1);
        let kept = app
            .ask("select concat_ws(' ', email, status, source) from subscribers order by email")
            .await;
        assert_eq!(kept, ["ann@example.test pending staff", "bob@example.test pending cli"]);
        let letter = mails_to(app, "bob@example.test").await.remove(0);
        app.eve().post(&link(&letter, "/newsletter/confirm/"), &[]).await;
        let listed = app.cli(&["subscriber", "list", "--status", "confirmed", "--json"], "").json();
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert_eq!(listed[0]["email"], "bob@example.test");
        assert_eq!(app.cli(&["subscriber", "list", "--status", "nonsense"], "").code, 1);
    });
}

#[test]
fn people_are_brought_over_with_their_consent_and_whoever_is_here_stays_as_they_are() {
    with_app(async |app| {
        app.psql("insert into topics (slug, name) values ('craft', 'Craft'), ('print', 'Print')")
            .await;
        let (ada, eve) = (app.ada().await, app.eve());
        let left = subscribe(app, &eve, "left@example.test", &[]).await;
        eve.post(&left.replace("preferences", "unsubscribe"), &[]).await;
        eve.post("/newsletter", &[("email", "Pending@example.test")]).await;
        let csv = "Email,Topics,Digest,Time_Zone\r\nann@example.test,\"craft print\",weekly,Europe/Berlin\r\n\r\n\
                   LEFT@example.test\r\npending@example.test\r\nann@EXAMPLE.test\r\n";
        let answer =
            ada.post("/admin/subscribers/import", &[("csv", csv), ("consent", FAIR)]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let ann = app
            .ask("select concat_ws('|', status, source, consent, digest, time_zone, all_topics,
                     (select string_agg(topic, ' ' order by topic) from subscriber_topics where subscriber_id = id))
                    from subscribers where email = 'ann@example.test'")
            .await;
        assert_eq!(ann, [format!("confirmed|import|{FAIR}|weekly|Europe/Berlin|f|craft print")]);
        assert_eq!(status_of(app, "left@example.test").await, "unsubscribed");
        assert_eq!(status_of(app, "Pending@example.test").await, "pending");
        assert_eq!(count(app).await, "3");
    });
}

#[test]
fn what_is_wrong_with_a_list_is_said_by_line_and_nobody_is_brought_over() {
    with_app(async |app| {
        let ada = app.ada().await;
        let send = async |csv: &str, consent: &str| {
            ada.post("/admin/subscribers/import", &[("csv", csv), ("consent", consent)]).await
        };
        let csv = "ann@example.test\nnowhere\nbob@example.test,knitting\n\"x@example.test\",,hourly\ny@example.test,,,Mars/Olympus";
        let answer = send(csv, FAIR).await;
        answer.is_page(422);
        for said in [
            "Line 2: this is not an email address.",
            "Line 3: there is no topic knitting.",
            "Line 4: the digest is",
            "Line 5: there is no time zone Mars/Olympus.",
        ] {
            assert!(answer.body.contains(said), "{said} is missing:\n{}", answer.body);
        }
        assert!(
            !answer.body.contains("Line 1:") && answer.body.contains("bob@example.test,knitting")
        );
        let answer =
            send("email,status\nann@example.test,confirmed\nbob@example.test,unsubscribed", FAIR)
                .await;
        assert!(answer.body.contains("Line 3: only people who have confirmed"), "{}", answer.body);
        let answer = send("ann@example.test", "yes").await;
        assert!(answer.body.contains(r#"id="consent-error""#), "{}", answer.body);
        assert_eq!(send("", FAIR).await.status, 422);
        let many = "nowhere\n".repeat(30);
        assert!(send(&many, FAIR).await.body.contains("20 more lines are wrong."));
        let too_many = (0..=5000).map(|n| format!("r{n}@example.test\n")).collect::<String>();
        assert!(send(&too_many, FAIR).await.body.contains("Give 1 to 5000 people"));
        assert_eq!(count(app).await, "0");
        let most = (0..5000).map(|n| format!("r{n}@example.test\n")).collect::<String>();
        assert_eq!(send(&most, FAIR).await.status, 303);
        assert_eq!(count(app).await, "5000");
    });
}

#[test]
fn the_list_is_taken_along_and_no_cell_of_it_is_a_formula() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        for email in
            ["=1+1@example.test", "+tag@example.test", "-x@example.test", "ann@example.test"]
        {
            subscribe(app, &eve, email, &[]).await;
        }
        app.psql("update subscribers set consent = '@SUM(A1) \"quoted\", and more' where email = 'ann@example.test'").await;
        let answer = ada.get("/admin/subscribers.csv").await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "text/csv; charset=utf-8")
        );
        assert_eq!(
            answer.header("content-disposition"),
            "attachment; filename=\"subscribers.csv\""
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        let lines: Vec<&str> = answer.body.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), 5);
        for (line, begins) in
            lines.iter().zip(["\"email\",\"status\"", "\"'=1+1@", "\"'+tag@", "\"'-x@", "\"ann@"])
        {
            assert!(line.starts_with(begins), "{line}");
        }
        assert!(lines[4].contains(r#","'@SUM(A1) ""quoted"", and more","#), "{}", lines[4]);
        assert!(eve.get("/admin/subscribers.csv").await.location.starts_with("/sign-in"));
        assert_eq!(app.cli(&["subscriber", "export"], "").out, answer.body);

        // What was taken along can be brought back.
        app.psql("delete from subscribers").await;
        let imported =
            app.cli(&["subscriber", "import", "--consent", FAIR, "--json"], &answer.body);
        assert_eq!(
            imported.json(),
            serde_json::json!({ "added": 4, "skipped": 0, "refused": 0, "lines": [] }),
            "{}",
            imported.err
        );
        assert_eq!(status_of(app, "=1+1@example.test").await, "confirmed");
        // As spreadsheets write it: with a mark that nobody sees before the first letter.
        let sheet = "\u{feff}email;digest\r\nbob@example.test;daily\r\n";
        let imported = app.cli(&["subscriber", "import", "--consent", FAIR, "--json"], sheet);
        let expected = serde_json::json!({ "added": 1, "skipped": 0, "refused": 0, "lines": [] });
        assert_eq!((imported.code, imported.json()), (0, expected), "{}", imported.err);
        let refused = app.cli(&["subscriber", "import", "--consent", FAIR], "nowhere\n");
        assert_eq!(refused.code, 1);
        assert!(refused.err.contains("csv: Line 1:"), "{}", refused.err);
    });
}

#[test]
fn whoever_complains_or_cannot_be_reached_is_written_to_no_more() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        for name in ["ann", "bob", "cleo"] {
            subscribe(app, &eve, &format!("{name}@example.test"), &[]).await;
        }
        let id =
            app.ask("select id from subscribers where email = 'ann@example.test'").await.remove(0);
        let page = format!("/admin/subscribers/{id}");
        assert_eq!(ada.post(&format!("{page}/end"), &[("reason", "because")]).await.status, 422);
        let answer = ada.post(&format!("{page}/end"), &[("reason", "complained")]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, page.as_str()));
        assert_eq!(app.cli(&["subscriber", "bounce", "BOB@example.test"], "").code, 0);
        assert_eq!(app.cli(&["subscriber", "complain", "nobody@example.test"], "").code, 1);
        let kept = app
            .ask("select concat_ws(' ', email, status, remark) from subscribers order by email")
            .await;
        assert_eq!(
            kept,
            [
                "ann@example.test unsubscribed complained",
                "bob@example.test bounced bounced",
                "cleo@example.test confirmed"
            ]
        );
        let held =
            app.ask("select distinct email || ' ' || reason from suppressions order by 1").await;
        assert_eq!(held, ["ann@example.test complained", "bob@example.test bounced"]);
        // Not even by a list that somebody brings over.
        app.psql("delete from subscribers").await;
        let list = "ann@example.test\nbob@example.test\ndora@example.test\n";
        let imported = app.cli(&["subscriber", "import", "--consent", FAIR, "--json"], list).json();
        assert_eq!((&imported["added"], &imported["refused"]), (&1.into(), &2.into()));
        assert_eq!(imported["lines"][1]["why"], "Mail to this address came back.");
        // But by their own word, from their own mailbox.
        app.state.clock.advance(2 * HOUR);
        subscribe(app, &eve, "ann@example.test", &[]).await;
        assert_eq!(
            app.ask("select count(*) from suppressions where email = 'ann@example.test'").await,
            ["0"]
        );
    });
}
