//! Against servers with every bad habit.

use super::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const HASTY: Patience = Patience {
    step: Duration::from_millis(200),
    end: Duration::from_millis(400),
    spare: Duration::from_millis(100),
};

/// What a server says to a line, or to whoever has just come, and all that it has heard from them; with nothing it is
/// silent, and with `!` it hangs up.
type Answers = fn(&str, &[String]) -> &'static str;

fn usual(line: &str) -> &'static str {
    match line {
        "" => "220 here",
        "DATA" => "354 go on",
        _ => "250 well",
    }
}

/// A server, and the lines it was sent, by connection.
async fn server(answers: Answers) -> (Arc<Lines>, Arc<Mutex<Vec<Vec<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    actix_web::rt::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            hears.lock().unwrap().push(Vec::new());
            actix_web::rt::spawn(converse(stream, answers, Arc::clone(&hears)));
        }
    });
    let (host, hello) = ("127.0.0.1".to_owned(), ClientId::default());
    let server = Server { host, port, tls: Tls::None, hello, credentials: None };
    (Lines::to(server, HASTY), heard)
}

async fn converse(stream: TcpStream, answers: Answers, hears: Arc<Mutex<Vec<Vec<String>>>>) {
    let number = hears.lock().unwrap().len() - 1;
    let (read, mut write) = stream.into_split();
    let (mut lines, mut line, mut in_text) = (BufReader::new(read).lines(), String::new(), false);
    loop {
        let answer = match in_text && line != "." {
            true => "",
            false => answers(&line, &hears.lock().unwrap()[number]),
        };
        in_text = answer.starts_with("354") || (in_text && answer.is_empty());
        if answer == "!" {
            return;
        }
        if !answer.is_empty() {
            write.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        let Ok(Some(next)) = lines.next_line().await else { return };
        hears.lock().unwrap()[number].push(next.clone());
        line = next;
    }
}

/// Whether this begins another mail on the same connection.
fn is_second(line: &str, heard: &[String]) -> bool {
    line.starts_with("MAIL") && heard.iter().filter(|line| line.starts_with("MAIL")).count() == 2
}

fn mail(text: &str) -> Message {
    let (from, to) = ("desk@site.example".parse(), "ann@example.test".parse());
    let mail = Message::builder().from(from.unwrap()).to(to.unwrap());
    mail.subject("Hello").body(text.to_owned()).unwrap()
}

fn on_runtime(test: impl Future<Output = ()>) {
    actix_web::rt::System::new().block_on(test);
}

#[test]
fn nobody_who_says_nothing_is_waited_for_without_end() {
    let silent: [Answers; 5] = [
        |_, _| "",
        |line, _| if line.starts_with("EHLO") { "" } else { usual(line) },
        |line, _| if line.starts_with("MAIL") { "" } else { usual(line) },
        |line, _| if line.starts_with("RCPT") { "" } else { usual(line) },
        |line, _| if line == "." { "" } else { usual(line) },
    ];
    on_runtime(async {
        for answers in silent {
            let (lines, _) = server(answers).await;
            let sent = lines.send(&mail("Hello.")).await;
            assert!(matches!(sent, Err(Problem::Silent(_))), "{sent:?}");
            assert_eq!(lines.spare().lines.len(), 0, "what it says later is no answer to another");
        }
    });
}

#[test]
fn a_connection_serves_many_mails_refused_ones_among_them() {
    on_runtime(async {
        let (lines, heard) = server(|line, _| match line {
            "." => "554 not wanted",
            line => usual(line),
        })
        .await;
        for _ in 0..3 {
            let sent = lines.send(&mail("Hello.")).await;
            assert!(sent.is_err_and(|problem| problem.is_answer()));
        }
        let heard = heard.lock().unwrap().clone();
        let begun = heard.iter().flatten().filter(|line| line.starts_with("MAIL")).count();
        assert_eq!((heard.len(), begun), (1, 3));
    });
}

#[test]
fn a_connection_that_was_given_up_meanwhile_costs_no_mail() {
    on_runtime(async {
        let given_up: [Answers; 3] = [
            |line, heard| if is_second(line, heard) { "!" } else { usual(line) },
            |line, heard| if is_second(line, heard) { "421 enough" } else { usual(line) },
            |line, heard| if is_second(line, heard) { "451 enough" } else { usual(line) },
        ];
        for answers in given_up {
            let (lines, heard) = server(answers).await;
            assert!(lines.send(&mail("Hello.")).await.is_ok());
            assert!(lines.send(&mail("Hello.")).await.is_ok());
            assert_eq!(heard.lock().unwrap().len(), 2);
        }
        // One that breaks off in the middle may have taken the mail, so that is left to whoever asked.
        let (lines, _) = server(|line, _| if line == "." { "!" } else { usual(line) }).await;
        let sent = lines.send(&mail("Hello.")).await;
        assert!(matches!(sent, Err(Problem::Said(Step::Text, _))), "{sent:?}");
    });
}

#[test]
fn what_nobody_uses_is_given_back() {
    on_runtime(async {
        let (lines, heard) = server(|line, _| usual(line)).await;
        assert!(lines.send(&mail("Hello.")).await.is_ok());
        assert_eq!(lines.spare().lines.len(), 1);
        sleep(HASTY.spare * 4).await;
        assert_eq!(lines.spare().lines.len(), 0);
        assert_eq!(heard.lock().unwrap()[0].last().unwrap(), "QUIT");
        assert!(lines.send(&mail("Hello.")).await.is_ok());
        sleep(HASTY.spare * 4).await;
        assert_eq!(lines.spare().lines.len(), 0, "looked after again");
    });
}

#[test]
fn no_line_of_a_mail_ends_it() {
    on_runtime(async {
        let (lines, heard) = server(|line, _| usual(line)).await;
        let said = ".\r\n..\r\n.x\r\nRCPT TO:<eve@evil.example>\r\n.";
        assert!(lines.send(&mail(said)).await.is_ok());
        assert!(lines.send(&mail("Hello.")).await.is_ok());
        let heard = heard.lock().unwrap()[0].clone();
        let end = heard.iter().position(|line| line == ".").unwrap();
        let text = ["..", "...", "..x", "RCPT TO:<eve@evil.example>", ".."];
        assert_eq!(heard[end - 5..end], text);
        assert!(heard[end + 1].starts_with("MAIL"), "{heard:?}");
    });
}
