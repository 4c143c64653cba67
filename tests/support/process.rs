//! The program as a process of its own, as the operator starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// No start and no end takes longer, or something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a server can listen again and again: below the ports that systems hand out to clients, or one of the clients
/// might be given it while the server is away. Nobody in this process is told the same twice.
pub fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(16) + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.0.0.1:{}", 20_000 + number % 12_000);
        if TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// A server that was started on a shell. Killed when it is dropped.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    /// What it has said on stderr so far.
    pub said: String,
    log: Option<JoinHandle<String>>,
}

/// How a process ended.
pub struct End {
    /// The exit code.
    pub code: i32,
    /// Everything on stdout.
    pub out: String,
    /// Everything on stderr.
    pub err: String,
}

impl Process {
    /// Starts `frontdesk serve` on a free port, with these variables of its own set and no others.
    pub fn serve(environment: &[(&str, &str)]) -> Self {
        Self::run(&[], environment)
    }

    /// Starts any command of the program, with these variables set and no others.
    pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_frontdesk"));
        for name in frontdesk::config::VARIABLES {
            command.env_remove(name);
        }
        let mut child = command
            .args(arguments)
            .current_dir(std::env::temp_dir()) // where no .env is
            .env("LISTEN", "127.0.0.1:0")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (line, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stderr)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|said| line.send(said))
        });
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stdout.read_to_string(&mut log).unwrap();
            log
        });
        Self { child, lines, said: String::new(), log: Some(log) }
    }

    /// Waits until it has said something with these words in it, and gives the line.
    pub fn wait_for(&mut self, words: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("{words:?} was never said:\n{}", self.said);
            };
            self.said += &format!("{line}\n");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Waits until it is open, and says where.
    pub fn origin(&mut self) -> String {
        let line = self.wait_for(" is open at ");
        line.rsplit(' ').next().unwrap().to_owned()
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as Ctrl-C or `kill` does.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until it has ended.
    pub fn end(mut self) -> End {
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.said += &format!("{line}\n");
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let out = self.log.take().unwrap().join().unwrap();
        End { code, out, err: std::mem::take(&mut self.said) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
