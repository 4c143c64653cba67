//! The program as the operator runs it: the first start, the second, a clean end, and the shell beside it.

use super::contact::ANN;
use super::support::{ADA, End, Person, Process, Shell, folder_of_its_own, with_app};
use frontdesk::clock::Clock;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// Every process that works in the folder: a Postgres and all its helpers do.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let at_work = processes.filter(|process| {
        std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
    });
    at_work.map(|process| process.display().to_string()).collect()
}

/// What stands after `label` in what was said on the first start.
fn shown(said: &str, label: &str) -> String {
    let line = said.lines().map(str::trim).find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label}:\n{said}")).trim().to_owned()
}

fn on<F: Future>(work: F) -> F::Output {
    actix_web::rt::System::new().block_on(work)
}

#[test]
fn one_command_opens_a_site_that_is_there_again_the_next_time() {
    let folder = folder_of_its_own();
    let environment = [("DATA_DIR", folder.to_str().unwrap())];
    let shell = |arguments: &[&str]| Shell::run(arguments, "", &environment);

    let mut server = Process::serve(&environment);
    server.wait_for("This password is shown once.");
    let origin = server.origin();
    let (email, password) = (shown(&server.said, "email"), shown(&server.said, "password"));
    on(async {
        let owner = Person::visiting(&origin);
        let answer = owner.post("/sign-in", &[("email", &email), ("password", &password)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/admin"), "{}", answer.body);
        assert_eq!(owner.get("/").await.status, 200);
        // The shell finds the database that the server runs.
        let add = ["lead", "add", "--name", "Ann Li", "--email", "ann@example.test", "--message"];
        let added = shell(&[&add[..], &["Could you paint our boat?", "--json"]].concat());
        assert_eq!((added.code, added.err.as_str()), (0, ""), "{}", added.out);
        let id = added.json()["id"].as_str().unwrap().to_owned();
        let page = owner.get(&format!("/admin/leads/{id}")).await;
        assert!(page.status == 200 && page.body.contains("<dd>cli</dd>"), "{}", page.body);
    });
    let posts = shell(&["post", "list", "--json"]).json().as_array().unwrap().len();
    assert!(posts >= 12, "a site to look at, with {posts} posts");

    let second = Process::serve(&environment).end();
    assert_eq!((second.code, second.err.lines().count()), (1, 1), "{}", second.err);
    assert!(second.err.contains("is in use by process"), "{}", second.err);
    assert!(second.err.contains(&server.pid().to_string()), "{}", second.err);

    let end = answers_what_is_under_way_and_ends(server, &origin);
    assert_eq!(processes_in(&folder), [""; 0]);
    assert!(!end.out.contains("Ann") && !end.err.contains("Ann"), "{}\n{}", end.out, end.err);
    assert!(!end.out.contains(&password), "{}", end.out);

    // No server, and the shell still finds everything; then again a server.
    let leads = shell(&["lead", "list", "--json"]).json();
    let sources: Vec<_> = leads.as_array().unwrap().iter().map(|lead| &lead["source"]).collect();
    assert_eq!(sources, ["website-form", "cli"]);
    assert_eq!(processes_in(&folder), [""; 0]);
    let mut server = Process::serve(&environment);
    let origin = server.origin();
    on(async {
        let owner = Person::visiting(&origin);
        let answer = owner.post("/sign-in", &[("email", &email), ("password", &password)]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    });
    assert_eq!(shell(&["post", "list", "--json"]).json().as_array().unwrap().len(), posts);
    server.signal("INT");
    let end = server.end();
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(!end.err.contains("password"), "{}", end.err);
    assert_eq!(processes_in(&folder), [""; 0]);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Has a form half sent when the server is told to stop: it is taken all the same, and then the server ends.
fn answers_what_is_under_way_and_ends(mut server: Process, origin: &str) -> End {
    let host = origin.strip_prefix("http://").unwrap();
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(ANN).finish();
    let (first, rest) = form.split_at(form.len() / 2);
    let mut slow = TcpStream::connect(host).unwrap();
    write!(
        slow,
        "POST /contact HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\r\n",
        form.len()
    )
    .unwrap();
    // That the server asks for the rest shows that it is at it.
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    slow.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    slow.write_all(first.as_bytes()).unwrap();
    let clock = Clock::default();
    let began = clock.moment();
    server.signal("TERM");
    server.wait_for("Finishing what is under way");
    slow.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    assert!(answer.contains("\r\nlocation: /contact/thanks\r\n"), "{answer}");
    let end = server.end();
    assert_eq!(end.code, 0, "{}", end.err);
    assert!(clock.moment().since(began) < Duration::from_secs(20));
    end
}

#[test]
fn each_request_is_one_line_without_anything_personal() {
    with_app(async |app| {
        let folder = folder_of_its_own();
        let data = ("DATA_DIR", folder.to_str().unwrap());
        let mut server = Process::serve(&[("DATABASE_URL", &app.database_url), data]);
        let origin = server.origin();
        let eve = Person::visiting(&origin);
        eve.get("/contact?utm_source=secretive").await;
        eve.get("/contact").await;
        eve.post("/contact", &ANN).await;
        eve.get("/nowhere/secretive").await;
        eve.post("/sign-in", &[("email", ADA.0), ("password", "secretive")]).await;
        drop(eve);
        server.signal("TERM");
        let end = server.end();
        assert_eq!(end.code, 0, "{}", end.err);
        let lines: Vec<serde_json::Value> =
            end.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let mut seen: Vec<_> = lines
            .iter()
            .map(|line| {
                format!("{} {} {}", line["method"], line["route"], line["status"]).replace('"', "")
            })
            .collect();
        seen.sort();
        assert_eq!(
            seen,
            [
                "GET - 404",
                "GET /contact 200",
                "GET /contact 200",
                "POST /contact 303",
                "POST /sign-in 422"
            ]
        );
        let mut ids: Vec<_> = lines.iter().map(|line| line["request"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5);
        for line in &lines {
            assert!(line["micros"].as_u64().is_some_and(|micros| micros > 0), "{line}");
            assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
        }
        assert!(lines.iter().any(|line| line["cache"] == "frontdesk; hit"), "{}", end.out);
        for personal in ["secretive", "Ann", "example.test", ADA.0, "127.0.0.1"] {
            assert!(!end.out.contains(personal), "{personal}: {}", end.out);
        }
    });
}

#[test]
fn a_database_that_is_named_is_used_and_none_is_started() {
    with_app(async |app| {
        let folder = folder_of_its_own();
        let chosen = "a password of the owner's";
        app.psql("truncate accounts cascade").await; // as if nobody had ever run it
        let mut server = Process::serve(&[
            ("DATABASE_URL", &app.database_url),
            ("DATA_DIR", folder.to_str().unwrap()),
            ("OWNER_EMAIL", "olga@example.test"),
            ("OWNER_PASSWORD", chosen),
            ("DEMO_CONTENT", "off"),
        ]);
        let origin = server.origin();
        let answer = app
            .eve()
            .post("/sign-in", &[("email", "olga@example.test"), ("password", chosen)])
            .await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let eve = Person::visiting(&origin);
        assert_eq!(eve.post("/contact", &ANN).await.status, 303);
        assert_eq!(app.ask("select count(*) from leads").await, ["1"]);
        assert!(!folder.join("postgres").exists());
        drop(eve);
        server.signal("TERM");
        let end = server.end();
        assert_eq!(end.code, 0, "{}", end.err);
        assert!(end.err.contains("olga@example.test") && !end.err.contains(chosen), "{}", end.err);
        assert_eq!(app.ask("select count(*) from posts").await, ["0"]);
    });
}

#[test]
fn an_address_that_is_taken_is_said_before_anything_is_started() {
    let folder = folder_of_its_own();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let environment = [("DATA_DIR", folder.to_str().unwrap()), ("LISTEN", address.as_str())];
    let end = Process::serve(&environment).end();
    assert_eq!((end.code, end.err.lines().count()), (1, 1), "{}", end.err);
    assert!(
        end.err.starts_with(&format!("frontdesk: could not listen on {address}")),
        "{}",
        end.err
    );
    assert!(!folder.exists());
}
