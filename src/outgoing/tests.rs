//! Against servers that really listen, on this machine.

use super::*;
use crate::clock::Clock;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use time::macros::datetime;

const SHORT: Limits = Limits { whole: Duration::from_secs(1), ..LIMITS };
const LONG_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n";

/// A server that reads the head of each request and then does as it is told. It tells of every connection: what arrived
/// first. It ends with the process.
fn server(
    answer: impl Fn(&mut TcpStream) + Send + Sync + 'static,
) -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (told, tells) = channel();
    let (address, answer) = (listener.local_addr().unwrap(), Arc::new(answer));
    spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, told, answer) = (stream.unwrap(), told.clone(), Arc::clone(&answer));
            spawn(move || {
                let mut first = vec![0; 16 * 1024];
                let length = stream.read(&mut first).unwrap_or_default();
                first.truncate(length);
                let _ = told.send(first);
                answer(&mut stream);
            });
        }
    });
    (address, tells)
}

fn write(stream: &mut TcpStream, text: impl AsRef<[u8]>) {
    let _ = stream.write_all(text.as_ref());
}

async fn ask(client: &Outgoing, to: &impl Somewhere) -> Result<Answer, Trouble> {
    client.send(to, Message::json(&["hello"]).unwrap()).await
}

fn configured(address: SocketAddr) -> Configured {
    format!("http://{address}/hook").parse().unwrap()
}

/// One without any allowances, and one that may go anywhere.
fn strict(limits: Limits) -> Outgoing {
    Outgoing::with(limits, Guard::default(), None, None).unwrap()
}

fn anywhere() -> Guard {
    Guard::new(&["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()])
}

#[actix_web::test]
async fn a_message_arrives_as_it_was_written_and_the_answer_comes_back() {
    let (address, tells) = server(|stream| {
        write(
            stream,
            "HTTP/1.1 422 No\r\nretry-after: 7\r\ncontent-length: 12\r\n\r\nnot\nlike \x01so",
        );
    });
    let answer = ask(&strict(LIMITS), &configured(address)).await.unwrap();
    assert_eq!(
        (answer.status, answer.is_whole, answer.said().as_str()),
        (422, true, "not like so")
    );
    assert_eq!(answer.headers["retry-after"], "7");
    let request = String::from_utf8(tells.recv().unwrap()).unwrap().to_lowercase();
    assert!(request.starts_with("post /hook http/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/json") && request.contains("frontdesk/"));
    assert!(
        !request.contains("accept-encoding"),
        "what is packed would grow on arrival: {request}"
    );
}

#[actix_web::test]
async fn no_redirect_is_followed() {
    let (elsewhere, visits) = server(|stream| write(stream, "HTTP/1.1 200 OK\r\n\r\n"));
    for status in [301, 302, 303, 307, 308] {
        let (address, _tells) = server(move |stream| {
            let head = format!("HTTP/1.1 {status} Moved\r\nlocation: http://{elsewhere}/\r\n");
            write(stream, head + "content-length: 0\r\n\r\n");
        });
        let answer = ask(&strict(LIMITS), &configured(address)).await.unwrap();
        assert_eq!(answer.status, status);
    }
    assert!(visits.try_recv().is_err(), "somebody went where the answer pointed");
}

#[actix_web::test]
async fn of_a_long_answer_the_beginning_is_read() {
    let (address, _tells) = server(|stream| {
        write(stream, LONG_HEAD);
        write(stream, vec![b'x'; 1024 * 1024]);
    });
    let answer = ask(&strict(LIMITS), &configured(address)).await.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.is_whole), (200, 64 * 1024, false));
    // To the byte, and what is just as long is all of it.
    let (address, _tells) = server(|stream| {
        write(stream, "HTTP/1.1 200 OK\r\ncontent-length: 65536\r\n\r\n");
        write(stream, vec![b'x'; 64 * 1024]);
    });
    let answer = ask(&strict(LIMITS), &configured(address)).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_whole), (64 * 1024, true));
}

#[actix_web::test]
async fn a_slow_answer_is_cut_when_the_time_is_up_and_no_answer_is_none() {
    let (clock, client) = (Clock::default(), strict(SHORT));
    let (slow, _tells) = server(|stream| {
        write(stream, LONG_HEAD);
        for _ in 0..100 {
            write(stream, "drip");
            sleep(Duration::from_millis(100));
        }
    });
    let began = clock.moment();
    let answer = ask(&client, &configured(slow)).await.unwrap();
    assert!(answer.status == 200 && !answer.is_whole && answer.body.starts_with(b"dripdrip"));
    let (silent, _tells) = server(|_| sleep(Duration::from_secs(5)));
    let silence = ask(&client, &configured(silent)).await.unwrap_err();
    assert_eq!(silence, Trouble::Failed("The server did not answer in time.".to_owned()));
    assert!(clock.moment().since(began) < Duration::from_secs(4));

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Err(Trouble::Failed(said)) = ask(&client, &configured(nobody)).await else { panic!() };
    assert!(
        said.starts_with("The server could not be reached") && !said.contains("hook"),
        "{said}"
    );
    let (strange, _tells) = server(|stream| write(stream, "220 mail.example ESMTP\r\n"));
    let Err(Trouble::Failed(said)) = ask(&client, &configured(strange)).await else { panic!() };
    assert!(said.starts_with("The server did not answer") && !said.contains("hook"), "{said}");
}

#[actix_web::test]
async fn a_name_that_leads_to_this_machine_is_not_gone_to_for_a_stranger() {
    let (address, tells) = server(|_| {});
    let localhost = format!("https://localhost:{}/hook", address.port());
    let foreign = strict(LIMITS).foreign(&localhost).unwrap();
    let refused = ask(&strict(LIMITS), &foreign).await.unwrap_err();
    let said = "It is not sent there: its name does not lead to a public address.";
    assert_eq!(refused, Trouble::Refused(said.to_owned()));
    assert!(tells.try_recv().is_err(), "somebody connected all the same");
    // Where any address may be gone to, it is this very one, and what is said is TLS: a handshake, its version.
    let lenient = Outgoing::with(SHORT, anywhere(), None, None).unwrap();
    let Err(Trouble::Failed(_)) = ask(&lenient, &foreign).await else { panic!() };
    assert_eq!(tells.recv().unwrap()[..2], [0x16, 3]);
    // What the operator wrote is their business.
    let own: Configured = localhost.parse().unwrap();
    let Err(Trouble::Failed(_)) = ask(&strict(SHORT), &own).await else { panic!() };
    assert_eq!(tells.recv().unwrap()[..2], [0x16, 3]);
}

#[test]
fn one_address_that_will_not_do_is_enough() {
    let found = |texts: &[&str]| -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    };
    let public = found(&["8.8.8.8", "2606:4700:4700::1111"]);
    assert_eq!(judge(public.clone(), &Guard::default()).ok(), Some(public));
    for mixed in [["8.8.8.8", "10.0.0.1"], ["::1", "8.8.8.8"], ["8.8.8.8", "64:ff9b::808:808"]] {
        assert!(judge(found(&mixed), &Guard::default()).is_err(), "{mixed:?}");
    }
}

#[test]
fn how_long_to_wait_is_said_in_seconds_or_by_a_time() {
    let now = datetime!(2026-11-20 12:00 UTC);
    let wait = |text: &'static str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        Answer { status: 429, headers, body: Vec::new(), is_whole: true }.retry_after(now)
    };
    assert_eq!(wait("120"), Some(Duration::from_secs(120)));
    assert_eq!(wait("Fri, 20 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
    assert_eq!(wait("Fri, 20 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
    for wrong in ["", "soon", "-1", "1.5", "Fri, 20 Nov"] {
        assert_eq!(wait(wrong), None, "{wrong}");
    }
}

#[actix_web::test]
async fn a_name_is_judged_each_time_it_is_used() {
    let (address, tells) = server(|_| {});
    let here = Arc::new(std::sync::Mutex::new("127.0.0.1".parse::<IpAddr>().unwrap()));
    let moved = Arc::clone(&here);
    let names: Names = Arc::new(move |_| Ok(vec![*here.lock().unwrap()]));
    let guard = Guard::new(&["127.0.0.1/32".parse().unwrap()]);
    let client = Outgoing::with(SHORT, guard, None, Some(names)).unwrap();
    let to = client.foreign(&format!("https://hook.example:{}/", address.port())).unwrap();
    let Err(Trouble::Failed(_)) = ask(&client, &to).await else { panic!() };
    assert_eq!(tells.recv().unwrap()[..2], [0x16, 3], "where it may be gone to, it is");
    *moved.lock().unwrap() = "127.0.0.2".parse().unwrap();
    let Err(Trouble::Refused(_)) = ask(&client, &to).await else { panic!() };
    assert!(tells.try_recv().is_err());
}
