//! Identity providers that are not ours (`tests/oidc`): a certified one, one that lies, and as much of GitHub as is needed.

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

/// One of them. Gone when it is dropped.
pub struct Idp {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    /// Where it is, and who it says it is.
    pub issuer: String,
}

/// What we are known by there.
pub const CLIENT: (&str, &str) = ("frontdesk", "a secret: with / odd + characters");

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc");
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

impl Idp {
    /// Starts `provider.js`, `hostile.js` or `github.js` on a free port.
    pub fn start(script: &str) -> Self {
        let mut child = Command::new("node")
            .arg(script)
            .current_dir(&*FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed for these tests");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut stdout = BufReader::new(stdout);
        let issuer = read(&mut stdout)["issuer"].as_str().unwrap().to_owned();
        Self { child, pipes: Mutex::new((stdin, stdout)), issuer }
    }

    /// What a site has set to which it is known as `example`.
    pub fn settings(&self) -> [(&str, &str); 3] {
        self.settings_as([
            "OIDC_EXAMPLE_ISSUER",
            "OIDC_EXAMPLE_CLIENT_ID",
            "OIDC_EXAMPLE_CLIENT_SECRET",
        ])
    }

    /// The same, under other names.
    pub fn settings_as<'a>(&'a self, names: [&'a str; 3]) -> [(&'a str, &'a str); 3] {
        let [issuer, id, secret] = names;
        [(issuer, &self.issuer), (id, CLIENT.0), (secret, CLIENT.1)]
    }

    /// Tells it something; the scripts list what.
    pub fn tell(&self, command: Value) -> Value {
        let (stdin, stdout) = &mut *self.pipes.lock().unwrap();
        writeln!(stdin, "{command}").unwrap();
        read(stdout)
    }
}

fn read(stdout: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("the identity provider is gone: {line}"))
}

impl Drop for Idp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
