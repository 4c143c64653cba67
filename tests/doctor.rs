//! What the doctor says about mail: whether the server lets us in, and what the domain name system says; and about webhooks: where
//! they may go to, and where they do not arrive.

use super::support::{Mode, Shell, Smtp, TestApp, with_app};
use serde_json::json;
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

/// A name server that knows these text records and no others (RFC 1035). It ends with the process.
fn name_server(records: &[(&str, &[&str])]) -> SocketAddr {
    let known: HashMap<String, Vec<String>> = records
        .iter()
        .map(|(name, texts)| {
            ((*name).to_owned(), texts.iter().map(|text| (*text).to_owned()).collect())
        })
        .collect();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let answer = answer(&packet[..length], &known);
            let _ = socket.send_to(&answer, from);
        }
    });
    address
}

fn answer(question: &[u8], known: &HashMap<String, Vec<String>>) -> Vec<u8> {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
        at = end;
    }
    let texts = known.get(&labels.join(".")).cloned();
    let count = u8::try_from(texts.as_ref().map_or(0, Vec::len)).unwrap();
    let code = if texts.is_some() { 0 } else { 3 };
    // The same id; an answer, as asked; one question, so many answers.
    let mut answer = [&question[..2], &[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]].concat();
    answer.extend_from_slice(&question[12..at + 5]);
    for text in texts.into_iter().flatten() {
        // A record is made of pieces of at most 255 bytes.
        let pieces: Vec<u8> = text
            .as_bytes()
            .chunks(40)
            .flat_map(|piece| [&[u8::try_from(piece.len()).unwrap()], piece].concat())
            .collect();
        answer.extend_from_slice(&[0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        answer.extend_from_slice(&u16::try_from(pieces.len()).unwrap().to_be_bytes());
        answer.extend_from_slice(&pieces);
    }
    answer
}

/// The finding about `what`: whether it is well, and the detail.
fn finding(shell: &Shell, what: &str) -> (bool, String) {
    let findings = shell.json();
    let found = findings.as_array().unwrap().iter().find(|finding| finding["what"] == what);
    let found = found.unwrap_or_else(|| panic!("nothing about {what}: {findings}"));
    (found["ok"] == true, found["detail"].as_str().unwrap().to_owned())
}

fn doctor(app: &TestApp, arguments: &[&str], settings: &[(&str, &str)]) -> Shell {
    let environment = [settings, &[("DATABASE_URL", &app.database_url)]].concat();
    Shell::run(&[&["doctor", "--json"], arguments].concat(), "", &environment)
}

const MAIL: &str = "mail (SMTP_URL)";

#[test]
fn the_doctor_knocks_at_the_mail_server() {
    with_app(async |app| {
        let off = doctor(app, &[], &[]);
        assert_eq!((off.code, finding(&off, MAIL).0), (0, true));
        let smtp = Smtp::start(Mode::StartTls);
        let in_order = doctor(app, &[], &smtp.settings());
        let (ok, detail) = finding(&in_order, MAIL);
        assert!(in_order.code == 0 && ok && detail.contains("desk@site.example"), "{detail}");

        smtp.set(json!({ "refuseAuth": true }));
        let refused = doctor(app, &[], &smtp.settings());
        let (ok, detail) = finding(&refused, MAIL);
        assert!(refused.code == 1 && !ok && detail.contains("535"), "{detail}");
        assert!(
            !refused.out.contains("p@ss") && !refused.err.contains("p%40ss"),
            "{}",
            refused.err
        );

        let smtps = Smtp::start(Mode::Smtps);
        let [url, _, from] = smtps.settings();
        let strangers = doctor(app, &[], &[url, from]);
        let (ok, detail) = finding(&strangers, MAIL);
        assert!(strangers.code == 1 && !ok && detail.contains("certificate"), "{detail}");
        for wrong in ["http://mail.example", "smtp://", "nonsense", "smtp://a:%ff@b.example"] {
            let wrong = doctor(app, &[], &[("SMTP_URL", wrong)]);
            let (ok, detail) = finding(&wrong, MAIL);
            assert!(wrong.code == 1 && !ok && detail.contains("SMTP_URL"), "{detail}");
            assert!(finding(&wrong, "database").0, "the database is not to blame");
            assert!(wrong.err.contains(MAIL), "{}", wrong.err);
        }
        let no_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let no_pem = doctor(app, &[], &[url, ("SMTP_CA_FILE", no_pem)]);
        let (ok, detail) = finding(&no_pem, MAIL);
        assert!(no_pem.code == 1 && !ok && detail.contains("no certificate"), "{detail}");
        let nobody = doctor(app, &[], &[("SMTP_URL", "smtp://127.0.0.1:1")]);
        assert_eq!((nobody.code, finding(&nobody, MAIL).0), (1, false));
    });
}

#[test]
fn the_doctor_reads_what_the_domain_name_system_says_about_mail() {
    let long = format!("v=DKIM1; k=rsa; p={}", "MIGf".repeat(100));
    let at = name_server(&[
        ("good.example", &["some-site-verification=1", "v=spf1 include:_spf.example.net -all"]),
        ("_dmarc.good.example", &["v=DMARC1; p=quarantine; rua=mailto:a@good.example"]),
        ("s1._domainkey.good.example", &[&long]),
        ("bad.example", &["v=spf1 -all", "v=spf1 +all"]),
        ("_dmarc.bad.example", &["v=DMARC1; p=maybe"]),
        ("s1._domainkey.bad.example", &["v=DKIM1; p="]),
    ])
    .to_string();
    with_app(async |app| {
        let ask = |domain: &str, selector: &[&str]| {
            let arguments = ["--mail-domain", domain, "--resolver", &at];
            doctor(app, &[&arguments[..], selector].concat(), &[])
        };
        let selector = ["--dkim-selector", "s1"];
        let good = ask("good.example", &selector);
        assert_eq!(good.code, 0, "{}", good.out);
        assert_eq!(
            finding(&good, "SPF"),
            (true, "v=spf1 include:_spf.example.net -all".to_owned())
        );
        assert_eq!(finding(&good, "DKIM"), (true, "a key is there".to_owned()));
        assert!(finding(&good, "DMARC").1.starts_with("v=DMARC1; p=quarantine"));
        assert!(finding(&ask("good.example.", &[]), "DKIM").1.contains("not looked for"));
        for (domain, words) in [
            ("bad.example", ["2 records", "withdrawn", "p= has to be"]),
            ("none.example", ["there is no record", "there is no key", "there is no record"]),
        ] {
            let shell = ask(domain, &selector);
            assert_eq!(shell.code, 1, "{}", shell.out);
            for (what, word) in ["SPF", "DKIM", "DMARC"].into_iter().zip(words) {
                let (ok, detail) = finding(&shell, what);
                assert!(!ok && detail.contains(word), "{domain} {what}: {detail}");
            }
        }
    });
}

#[test]
fn the_doctor_says_which_networks_webhooks_may_go_to_and_where_they_do_not_arrive() {
    with_app(async |app| {
        const TOLD: &str = "webhooks out (WEBHOOKS_ALLOW)";
        let none = doctor(app, &[], &[]);
        assert_eq!(finding(&none, TOLD), (true, "they go to the Internet alone".to_owned()));
        app.psql(
            "insert into webhooks (id, name, url, types, state, remark, failing_since) values
                (gen_random_uuid(), 'Well', 'https://a.example/', '{lead.created}', 'on', null, null),
                (gen_random_uuid(), 'Ill', 'https://b.example/', '{lead.created}', 'on', null, '2026-11-20T09:00Z'),
                (gen_random_uuid(), 'Shut', 'https://c.example/', '{lead.created}', 'disabled', 'It answered 410.', null)",
        )
        .await;
        let some = doctor(app, &[], &[("WEBHOOKS_ALLOW", "10.1.0.0/16, 192.168.7.9")]);
        let (ok, detail) = finding(&some, TOLD);
        assert!(some.code == 0 && ok, "it is no fault of this site: {detail}");
        for said in [
            "also go to 10.1.0.0/16, 192.168.7.9/32",
            "nothing arrives at Ill since 2026-11-20T09:00:00Z",
            "Shut is disabled (It answered 410.)",
        ] {
            assert!(detail.contains(said), "{detail}");
        }
        assert!(!detail.contains("Well"), "{detail}");
    });
}
