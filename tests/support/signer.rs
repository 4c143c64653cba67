//! Senders of webhooks, who sign by a library that is not ours (`tests/signer/sign.js`).

use super::{Answer, Person};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// What Resend signs with, and the one of before.
pub const RESEND: (&str, &str) =
    ("RESEND_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
/// What GitHub signs with, and what it did before.
pub const GITHUB: (&str, &str) = ("GITHUB_WEBHOOK_SECRET", "a secret of GitHub, the one before");
/// What Stripe signs with.
pub const STRIPE: (&str, &str) = ("STRIPE_WEBHOOK_SECRET", super::stripe::SECRET);
/// A sender called `partner`, with two secrets.
pub const PARTNER: [(&str, &str); 2] = [
    ("WEBHOOK_PARTNER_KIND", "standard"),
    (
        "WEBHOOK_PARTNER_SECRET",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD, whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xk",
    ),
];
/// The first of them.
pub const PARTNERS_KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Where they are, with what they need.
pub static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signer");
    // Another version of this folder may have left others.
    if !folder.join("node_modules/stripe/package.json").exists() {
        let npm = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--prefer-offline", "--loglevel=error"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status();
        assert!(npm.expect("npm is needed for these tests").success(), "npm ci in {folder:?}");
    }
    folder
});

/// The signatures that these orders ask for.
pub fn sign(orders: &[Value]) -> Vec<String> {
    let mut child = Command::new("node")
        .arg("sign.js")
        .current_dir(&*FOLDER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed for these tests");
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = orders.iter().map(|order| format!("{order}\n")).collect();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let signatures: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    writing.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(signatures.len(), orders.len());
    signatures
}

/// What is to be signed by Standard Webhooks.
pub fn standard(key: &str, id: &str, at: i64, body: &[u8]) -> Value {
    json!({ "standard": key, "id": id, "at": at, "body": BASE64_STANDARD.encode(body) })
}

/// What is to be signed by a header of the sender's own.
pub fn hmac(key: &str, encoding: &str, body: &[u8]) -> Value {
    json!({ "hmac": key, "as": encoding, "body": BASE64_STANDARD.encode(body) })
}

/// What is to be signed as Stripe does.
pub fn stripe(key: &str, at: i64, body: &[u8]) -> Value {
    json!({ "stripe": key, "at": at, "body": BASE64_STANDARD.encode(body) })
}

/// A request as it is sent to us.
#[derive(Clone)]
pub struct Delivery {
    /// Where.
    pub path: String,
    /// Its headers.
    pub head: Vec<(String, Vec<u8>)>,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Delivery {
    /// One with these headers.
    pub fn new(source: &str, head: &[(&str, &str)], body: &[u8]) -> Self {
        let head = head.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Self { path: format!("/api/webhooks/{source}"), head: head.collect(), body: body.to_vec() }
    }

    /// An event of GitHub.
    pub fn of_github(kind: &str, id: &str, body: &Value) -> Self {
        let body = body.to_string();
        let key = GITHUB.1.split(',').next().unwrap();
        let signature = format!("sha256={}", sign(&[hmac(key, "hex", body.as_bytes())])[0]);
        let head = [
            ("x-hub-signature-256", signature.as_str()),
            ("x-github-delivery", id),
            ("x-github-event", kind),
        ];
        Self::new("github", &head, body.as_bytes())
    }

    /// An event by Standard Webhooks, of now.
    pub fn of_standard(source: &str, key: &str, id: &str, at: i64, body: &Value) -> Self {
        let body = body.to_string();
        let signature = sign(&[standard(key, id, at, body.as_bytes())]).remove(0);
        let (prefix, at) = (if source == "resend" { "svix" } else { "webhook" }, at.to_string());
        let names = ["id", "timestamp", "signature"].map(|part| format!("{prefix}-{part}"));
        let head = [(&*names[0], id), (&*names[1], &at), (&*names[2], &signature)];
        Self::new(source, &head, body.as_bytes())
    }

    /// Sends it; none where nobody answers.
    pub async fn try_send(&self, person: &Person<'_>) -> Option<Answer> {
        let mut request = person.request(Method::POST, &self.path).body(self.body.clone());
        for (name, value) in &self.head {
            let name: HeaderName = name.parse().unwrap();
            request = request.header(name, HeaderValue::from_bytes(value).unwrap());
        }
        person.try_send(request).await.ok()
    }

    /// Sends it.
    pub async fn send(&self, person: &Person<'_>) -> Answer {
        self.try_send(person).await.unwrap()
    }
}
