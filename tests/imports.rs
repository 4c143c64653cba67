//! Lists of subscribers that are brought over, and what staff are told of each line.

use super::newsletter::subscribe;
use super::support::{Answer, Person, with_app};

const FAIR: &str = "Sign-up sheet at the fair, May 2026";

async fn import(ada: &Person<'_>, csv: &str) -> Answer {
    ada.post("/admin/subscribers/import", &[("csv", csv), ("consent", FAIR)]).await
}

/// The cells of the table on a page, row by row, as they read.
fn rows(page: &str) -> Vec<String> {
    let text = |html: &str| {
        let parts = html.split('<').filter_map(|part| part.split_once('>').or(Some(("", part))));
        let words: String = parts.map(|(_, text)| format!("{text} ")).collect();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let body = page.split_once("<tbody>").map_or("", |(_, rest)| rest);
    let body = body.split("</tbody>").next().unwrap();
    body.split("<tr>").skip(1).map(text).collect()
}

#[test]
fn after_a_list_staff_read_how_many_were_added_skipped_and_refused_and_by_which_lines_why() {
    with_app(async |app| {
        let (ada, eve) = (app.ada().await, app.eve());
        subscribe(app, &eve, "here@example.test", &[]).await;
        let left = subscribe(app, &eve, "left@example.test", &[]).await;
        eve.post(&left.replace("preferences", "unsubscribe"), &[]).await;
        eve.post("/newsletter", &[("email", "asked@example.test")]).await;
        app.psql(
            "insert into suppressions (email, purpose, reason) values ('gone@example.test', 'newsletter', 'bounced'),
                 ('cross@example.test', 'all', 'complained'), ('never@example.test', 'all', 'by hand'),
                 ('ann@example.test', 'digest', 'bounced')",
        )
        .await;
        let csv = "\n\nemail,digest\nann@example.test,daily\nHERE@example.test\n\nleft@example.test\nbob@example.test\n\
                   asked@example.test\nAnn@example.test\ngone@example.test\ncross@example.test\nnever@example.test\n";
        let answer = import(&ada, csv).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let page = ada.get(&answer.location).await;
        page.is_page(200);
        for count in [
            "<strong>2</strong><span>added",
            "<strong>3</strong><span>skipped",
            "<strong>4</strong><span>refused",
        ] {
            assert!(page.body.contains(count), "{count}: {}", page.body);
        }
        assert!(page.body.contains(FAIR) && page.body.contains("by <bdi>Owner</bdi>"));
        let expected = [
            "Line 5 here@example.test skipped They are subscribed already.",
            "Line 7 left@example.test refused They have left.",
            "Line 9 asked@example.test skipped They were asked, and have not confirmed it yet.",
            "Line 10 ann@example.test skipped The same address is on line 4.",
            "Line 11 Not on the list refused Mail to this address came back.",
            "Line 12 Not on the list refused They have complained of our mail.",
            "Line 13 Not on the list refused No mail may go to this address.",
        ];
        assert_eq!(rows(&page.body), expected);
        assert!(ada.get("/admin/subscribers/import").await.body.contains(&answer.location));

        // It can be read again, and says no more of whoever was erased since.
        let erase = [("email", "here@example.test"), ("confirmation", "here@example.test")];
        assert_eq!(ada.post("/admin/people/erase", &erase).await.status, 303);
        assert_eq!(app.tables_with("here@example.test").await, [""; 0]);
        let page = ada.get(&answer.location).await.body;
        assert_eq!(rows(&page)[0], "Line 5 Not on the list skipped They are subscribed already.");
        assert_eq!(
            app.tables_with("gone@example.test").await,
            ["suppressions"],
            "told by number alone"
        );
        eve.get(&answer.location).await;
        let nothing = "/admin/subscribers/imports/01890000-0000-7000-8000-000000000000";
        assert_eq!(ada.get(nothing).await.status, 404);
        assert!(eve.get(&answer.location).await.location.starts_with("/sign-in"));
    });
}

#[test]
fn a_list_with_a_line_that_cannot_be_used_comes_back_as_it_was_typed() {
    with_app(async |app| {
        let ada = app.ada().await;
        let csv = "\nann@example.test\n\n  nowhere \nbob@example.test,knitting";
        let refused = import(&ada, csv).await;
        refused.is_page(422);
        for said in [
            "Nobody was brought over, as 2 of 3 lines cannot be used.",
            "Line 4: this is not an email address.",
            "Line 5: there is no topic knitting.",
        ] {
            assert!(refused.body.contains(said), "{said}: {}", refused.body);
        }
        // A browser drops the first line break of a text; one more keeps the one that was typed.
        let typed = format!(">\n{csv}</textarea>");
        assert!(refused.body.contains(&typed) && refused.body.contains(FAIR), "{}", refused.body);
        let counts =
            "select (select count(*) from subscribers) || ' ' || (select count(*) from imports)";
        assert_eq!(app.ask(counts).await, ["0 0"]);
        assert!(
            refused.body.contains("<form method=\"post\" action=\"/admin/subscribers/import\"")
        );
        let put_right = csv.replace("  nowhere ", "nowhere@example.test").replace(",knitting", "");
        assert_eq!(import(&ada, &put_right).await.status, 303);
        assert_eq!(app.ask(counts).await, ["3 1"]);
    });
}

#[test]
fn of_a_long_list_the_first_lines_are_told_and_the_others_counted() {
    with_app(async |app| {
        let ada = app.ada().await;
        let csv: String = (0..80).map(|n| format!("r{n}@example.test\n")).collect();
        assert_eq!(import(&ada, &csv).await.status, 303);
        let again = import(&ada, &csv).await;
        let page = ada.get(&again.location).await.body;
        let rows = rows(&page);
        assert_eq!(
            (rows.len(), rows[49].as_str()),
            (50, "Line 50 r49@example.test skipped They are subscribed already.")
        );
        assert!(
            page.contains("<strong>80</strong><span>skipped") && page.contains("And 30 more."),
            "{page}"
        );
    });
}

#[test]
fn the_same_form_sent_twice_brings_over_once_and_leads_to_the_same_page() {
    with_app(async |app| {
        let ada = app.ada().await;
        let form = [
            ("csv", "ann@example.test"),
            ("consent", FAIR),
            ("submission", "01890000-0000-7000-8000-000000000001"),
        ];
        let first = ada.post("/admin/subscribers/import", &form).await;
        let second = ada.post("/admin/subscribers/import", &form).await;
        assert_eq!((second.status, second.location), (303, first.location));
        assert_eq!(app.ask("select added || ' ' || skipped from imports").await, ["1 0"]);
    });
}

#[test]
fn the_operator_is_told_the_same_on_the_shell() {
    with_app(async |app| {
        let import = ["subscriber", "import", "--consent", FAIR];
        let list = "\u{feff}email\nann@example.test\nann@example.test\n";
        let said = app.cli(&import, list);
        assert_eq!(
            said.out, "1 added, 1 skipped, 0 refused\nLine 3: The same address is on line 2.\n",
            "{}",
            said.err
        );
        let refused = app.cli(&import, "nowhere\n");
        assert_eq!(refused.code, 1);
        assert!(
            refused.err.contains("Nobody was brought over, as 1 of 1 lines"),
            "{}",
            refused.err
        );
        let page = app.ada().await.get("/admin/subscribers/import").await.body;
        assert!(page.contains("the operator"), "{page}");
    });
}
