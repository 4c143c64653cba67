//! A receiver of webhooks that is not ours (`tests/signer/receiver.js`), and what reached it.

use super::signer::FOLDER;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

/// It. Gone when it is dropped.
pub struct Receiver {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    /// Where it listens.
    pub port: u64,
    certificate: String,
}

impl Receiver {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let mut child = Command::new("node")
            .arg("receiver.js")
            .current_dir(&*FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed for these tests");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut stdout = BufReader::new(stdout);
        let hello = read(&mut stdout);
        let folder = super::folder_of_its_own();
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("certificate.pem");
        std::fs::write(&file, hello["cert"].as_str().unwrap()).unwrap();
        Self {
            child,
            pipes: Mutex::new((stdin, stdout)),
            port: hello["port"].as_u64().unwrap(),
            certificate: file.to_str().unwrap().to_owned(),
        }
    }

    /// What a site has set that may send to it, at 127.0.0.1 and nowhere else on this machine.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("WEBHOOKS_ALLOW", "127.0.0.1"), ("WEBHOOKS_CA_FILE", &self.certificate)]
    }

    /// Where something at `path` is sent.
    pub fn url(&self, path: &str) -> String {
        self.url_at("127.0.0.1", path)
    }

    /// The same, by another name.
    pub fn url_at(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }

    /// How it answers at `path` from now on.
    pub fn set(&self, path: &str, how: &Value) {
        self.tell(&json!({ "set": { path: how } }));
    }

    /// What is to be signed with at `path`.
    pub fn expect(&self, path: &str, secrets: &[&str]) {
        self.tell(&json!({ "secrets": { path: secrets } }));
    }

    /// Every request at `path`, in the order in which it came.
    pub fn log(&self, path: &str) -> Vec<Value> {
        let log = self.tell(&json!({ "ask": "log" }));
        let log = log.as_array().unwrap().iter();
        log.filter(|one| one["path"] == path).cloned().collect()
    }

    /// Every request, wherever it came.
    pub fn whole_log(&self) -> Vec<Value> {
        self.tell(&json!({ "ask": "log" })).as_array().unwrap().clone()
    }

    fn tell(&self, command: &Value) -> Value {
        let (stdin, stdout) = &mut *self.pipes.lock().unwrap();
        writeln!(stdin, "{command}").unwrap();
        read(stdout)
    }
}

fn read(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("the receiver is gone: {line}"))
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
