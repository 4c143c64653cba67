//! The sending of an issue: slowly where that is wished, to a whole town, and to addresses that do not exist.

use super::issues::{count, press, state_of, written};
use super::newsletter::{readers, status_of, work_off};
use super::support::{TestApp, with_app, with_settings};
use frontdesk::jobs::worker;
use frontdesk::services::outbox::{self, Claimed, End, Noted, Wanted};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

#[test]
fn mails_go_out_as_slowly_as_the_operator_says() {
    with_settings(&[("NEWSLETTER_PER_MINUTE", "60")], async |app| {
        let ada = app.ada().await;
        readers(app, 1500).await;
        let page = written(&ada, "Slowly").await;
        press(&ada, &page, "send").await;
        for _ in 0..2 {
            let queue =
                "update outbox set due_at = now() where kind = 'queue-issue' and state = 'waiting'";
            app.psql(queue).await;
            work_off(app).await;
        }
        let spread = "select round(extract(epoch from max(due_at) - min(due_at)) / 10) from outbox where batch is not null";
        assert_eq!(app.ask("select count(*) from outbox where batch is not null").await, ["1500"]);
        assert_eq!(app.ask(spread).await, ["150"], "one a second, the second part after the first");
        press(&ada, &page, "pause").await;
        app.psql("update outbox set due_at = now() where batch is not null").await;
        press(&ada, &page, "resume").await;
        let due = app.ask("select count(*) from outbox where state = 'waiting' and due_at > now() + interval '20 minutes'").await;
        assert!(
            (290..310).contains(&due[0].parse::<i32>().unwrap()),
            "after a pause there is no rush: {due:?}"
        );
    });
}

#[test]
fn twenty_thousand_readers_are_written_down_paused_and_let_go_in_time() {
    with_settings(&[("NEWSLETTER_PER_MINUTE", "60")], async |app| {
        let ada = app.ada().await;
        readers(app, 20_000).await;
        let page = written(&ada, "To the whole town").await;
        press(&ada, &page, "send").await;
        for _ in 0..20 {
            app.psql(
                "update outbox set due_at = now() where kind = 'queue-issue' and state = 'waiting'",
            )
            .await;
            work_off(app).await;
        }
        assert_eq!(app.ask("select count(*) from outbox where batch is not null").await, ["20000"]);
        let held = async || {
            app.ask("select count(*) from outbox where held").await[0].parse::<usize>().unwrap()
        };
        let began = app.state.clock.moment();
        press(&ada, &page, "pause").await;
        assert!(held().await >= 3000, "what is due first is held at once");
        let first = app.state.clock.moment().since(began);
        work_off(app).await;
        assert_eq!(held().await, count(app, "waiting").await, "and then the others");
        press(&ada, &page, "resume").await;
        work_off(app).await;
        assert_eq!(held().await, 0);
        println!(
            "20,000 mails: the button took {first:?}, all of it {:?}",
            app.state.clock.moment().since(began)
        );
        assert_eq!(status_of(app, "reader-20000@example.test").await, "confirmed");
    });
}

/// What a mail server says to whoever comes, and to whoever says that there is a mail from them.
type Manners = (&'static str, &'static str);

const KIND: Manners = ("220 ready", "250 ok");

/// A mail server that knows everyone but those whose name begins with `gone`, and refuses those that begin with `spam`.
async fn mail_server(manners: Manners) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("smtp://{}", listener.local_addr().unwrap());
    actix_web::rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            actix_web::rt::spawn(converse(stream, manners));
        }
    });
    at
}

async fn converse(stream: tokio::net::TcpStream, (hello, from): Manners) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut answer = hello;
    let mut in_text = false;
    loop {
        if !answer.is_empty() && write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err()
        {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        let line = line.to_lowercase();
        answer = match line.as_str() {
            "." => "250 taken",
            _ if in_text => "",
            "data" => "354 go on",
            "quit" => return,
            _ if line.starts_with("mail from:") => from,
            _ if line.starts_with("rcpt to:<gone") => "550 5.1.1 no such user",
            _ if line.starts_with("rcpt to:<spam") => "550 5.7.1 your mail is not wanted here",
            _ => "250 ok",
        };
        in_text = line == "data" || (in_text && line != ".");
    }
}

#[test]
fn an_address_that_does_not_exist_gets_nothing_more_and_others_are_not_blamed() {
    with_app(async |app| {
        let server = mail_server(KIND).await;
        let sending = app.instance_with(&[("SMTP_URL", &server)]).await;
        let ada = app.ada().await;
        app.psql(
            "insert into subscribers (id, email, status, digest, source, consent, consent_at, confirmed_at)
             select gen_random_uuid(), name || '@example.test', 'confirmed', 'daily', 'import', 'the fair', now(), now()
               from unnest(array['gone', 'spam', 'here']) as name",
        )
        .await;
        let page = written(&ada, "To all").await;
        press(&ada, &page, "send").await;
        worker::work_off(&sending.state).await.unwrap();
        assert_eq!(state_of(app).await, "sent 1 2 0");
        let statuses =
            app.ask("select email || ' ' || status from subscribers order by email").await;
        assert_eq!(
            statuses,
            [
                "gone@example.test bounced",
                "here@example.test confirmed",
                "spam@example.test confirmed"
            ]
        );
        let held = app.ask("select email || ' ' || purpose || ' ' || reason from suppressions order by purpose").await;
        assert_eq!(
            held,
            ["gone@example.test digest bounced", "gone@example.test newsletter bounced"]
        );
        let page = written(&ada, "Once more").await;
        press(&ada, &page, "send").await;
        worker::work_off(&sending.state).await.unwrap();
        let again =
            app.ask("select count(*) from outbox where recipient = 'gone@example.test'").await;
        assert_eq!(again, ["1"]);
        let remark = app.ask("select remark from subscribers where status = 'bounced'").await;
        assert!(remark[0].contains("no such user"), "{remark:?}");
        sending.close().await;
    });
}

async fn taken(app: &TestApp, most: i64) -> Vec<Claimed> {
    let (lease, wanted) = (app.state.clock.id(), Wanted { most, suspects: 0, mail: true });
    app.state.bookkeep(async |tx| outbox::claim(tx, lease, wanted).await).await.unwrap()
}

#[test]
fn whether_an_issue_is_sent_is_asked_when_no_mail_of_it_waits_for_a_worker() {
    with_app(async |app| {
        let ended = async |job: &Claimed, end: End| {
            app.state.bookkeep(async |tx| outbox::end(tx, job, &end).await).await.unwrap()
        };
        let batch = app.state.clock.id();
        app.psql(&format!(
            "insert into outbox (id, kind, job, cause, batch)
             select gen_random_uuid(), 'mail', '{{}}', 'x', '{batch}' from generate_series(1, 4);
             insert into outbox (id, kind, job, cause, priority) values (gen_random_uuid(), 'mail', '{{}}', 'x', 9)"
        ))
        .await;
        let [first, second] = taken(app, 2).await.try_into().unwrap();
        assert_eq!(ended(&first, End::Done).await, Noted::Here, "two wait");
        assert_eq!(ended(&first, End::Done).await, Noted::Lost, "it has ended");
        let [third, fourth] = taken(app, 2).await.try_into().unwrap();
        assert_eq!(
            ended(&third, End::Failed("450".into())).await,
            Noted::Here,
            "it is tried again"
        );
        assert_eq!(ended(&second, End::Done).await, Noted::Here, "the third waits once more");
        app.psql("update outbox set due_at = now()").await;
        let [third] = taken(app, 1).await.try_into().unwrap();
        // Side by side: neither sees that the other has ended, and both ask.
        assert_eq!(ended(&third, End::Refused("550".into())).await, Noted::LastOf(batch));
        assert_eq!(ended(&fourth, End::Dropped("left")).await, Noted::LastOf(batch));
        let [other] = taken(app, 1).await.try_into().unwrap();
        assert_eq!(ended(&other, End::Done).await, Noted::Here, "it belongs to nothing");
    });
}

#[test]
fn a_server_that_wants_nothing_from_us_costs_nobody_their_place_on_the_list_nor_their_mail() {
    for manners in [
        ("554 your address is on a list", "250 ok"),
        ("220 ready", "550 you may not send"),
        ("220 ready", "550 5.4.5 that was enough for today"),
        ("220 ready", "451 too fast"),
    ] {
        with_app(async |app| {
            let server = mail_server(manners).await;
            let sending = app.instance_with(&[("SMTP_URL", &server)]).await;
            let ada = app.ada().await;
            readers(app, 20).await;
            let page = written(&ada, "To all").await;
            press(&ada, &page, "send").await;
            for _ in 0..3 {
                app.psql("update outbox set due_at = now()").await;
                worker::work_off(&sending.state).await.unwrap();
            }
            let left = "select distinct state || ' ' || attempts from outbox where kind = 'mail'";
            assert_eq!(app.ask(left).await, ["waiting 0"], "{manners:?}");
            let listed = "select distinct status from subscribers";
            assert_eq!(app.ask(listed).await, ["confirmed"], "{manners:?}");
            assert_eq!(app.ask("select count(*) from suppressions").await, ["0"]);
            sending.close().await;
            // With one that takes mail everything goes, as if nothing had been.
            let server = mail_server(KIND).await;
            let sending = app.instance_with(&[("SMTP_URL", &server)]).await;
            app.psql("update outbox set due_at = now() where state = 'waiting'").await;
            worker::work_off(&sending.state).await.unwrap();
            assert_eq!(state_of(app).await, "sent 20 0 0");
            sending.close().await;
        });
    }
}
