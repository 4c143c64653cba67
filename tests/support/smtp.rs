//! A mail server that is not ours (`tests/smtp/server.js`), and what it was handed.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

/// How the server wants to be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Without TLS, by anyone.
    Plain,
    /// With TLS after a word, by those it knows.
    StartTls,
    /// With TLS from the start, by those it knows.
    Smtps,
}

/// The server. Gone when it is dropped.
pub struct Smtp {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    /// Its address, with the name and password it knows.
    pub url: String,
    /// Its certificate, in a file; empty where it has none.
    pub certificate: String,
}

/// A mail as the server's own parser has it.
pub struct Received(Value);

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp");
    if !folder.join("node_modules/.package-lock.json").exists() {
        let npm = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--prefer-offline", "--loglevel=error"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .status();
        assert!(npm.expect("npm is needed for these tests").success(), "npm ci in {folder:?}");
    }
    folder
});

impl Smtp {
    /// Starts it on a free port.
    pub fn start(mode: Mode) -> Self {
        let word = match mode {
            Mode::Plain => "plain",
            Mode::StartTls => "starttls",
            Mode::Smtps => "smtps",
        };
        let mut child = Command::new("node")
            .args(["server.js", word])
            .current_dir(&*FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed for these tests");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut stdout = BufReader::new(stdout);
        let hello = read(&mut stdout);
        let port = &hello["port"];
        let url = match mode {
            Mode::Plain => format!("smtp://127.0.0.1:{port}"),
            Mode::StartTls => format!("smtp://frontdesk:p%40ss%20word%2F%C3%BC@localhost:{port}"),
            Mode::Smtps => format!("smtps://frontdesk:p%40ss%20word%2F%C3%BC@127.0.0.1:{port}"),
        };
        let certificate = hello["cert"].as_str().map_or(String::new(), |pem| {
            let folder = super::folder_of_its_own();
            std::fs::create_dir_all(&folder).unwrap();
            let file = folder.join("certificate.pem");
            std::fs::write(&file, pem).unwrap();
            file.to_str().unwrap().to_owned()
        });
        Self { child, pipes: Mutex::new((stdin, stdout)), url, certificate }
    }

    /// What a site that sends through it has set.
    pub fn settings(&self) -> [(&str, &str); 3] {
        [
            ("SMTP_URL", &self.url),
            ("SMTP_CA_FILE", &self.certificate),
            ("MAIL_FROM", "Front Desk <desk@site.example>"),
        ]
    }

    fn tell(&self, command: &Value) -> Value {
        let (stdin, stdout) = &mut *self.pipes.lock().unwrap();
        writeln!(stdin, "{command}").unwrap();
        read(stdout)
    }

    /// Has it behave otherwise from now on; `server.js` lists how.
    pub fn set(&self, weather: Value) {
        self.tell(&json!({ "set": weather }));
    }

    /// Has it go away, or come back at the same place.
    pub fn listen(&self, is_here: bool) {
        self.tell(&json!({ "listen": is_here }));
    }

    /// Every mail it took, in order.
    pub fn mails(&self) -> Vec<Received> {
        let Value::Array(mails) = self.tell(&json!({ "ask": "mails" })) else { panic!("no list") };
        mails.into_iter().map(Received).collect()
    }

    /// How often it took each Message-ID.
    pub fn counts(&self) -> HashMap<String, u64> {
        serde_json::from_value(self.tell(&json!({ "ask": "counts" }))["counts"].take()).unwrap()
    }

    /// How many mails were handed in, taken or not.
    pub fn handed_in(&self) -> u64 {
        self.tell(&json!({ "ask": "counts" }))["handedIn"].as_u64().unwrap()
    }
}

fn read(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("the mail server is gone: {line}"))
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Received {
    /// A member, as JSON.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A member that is text.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// The one it was for.
    pub fn to(&self) -> &str {
        assert_eq!(self.at("/envelope/to").as_array().map(Vec::len), Some(1), "one each");
        self.text("/envelope/to/0")
    }

    /// The lines of its head, unfolded.
    pub fn head(&self) -> Vec<&str> {
        self.at("/head").as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
    }

    /// The names of its headers, in order.
    pub fn headers(&self) -> Vec<&str> {
        self.head().into_iter().map(|line| line.split(':').next().unwrap()).collect()
    }

    /// The value of a header as it stands there, not decoded.
    pub fn header(&self, name: &str) -> &str {
        let value =
            self.head().into_iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default()
    }
}
