//! Servers under measurement: started here, stopped when dropped.

use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running server.
pub struct Site {
    /// `127.0.0.1:PORT`
    pub authority: String,
    process: Child,
    folder: Option<PathBuf>,
}

impl Site {
    /// The release build beside this program, with the demo site in a Postgres of its own.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn frontdesk() -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("frontdesk");
        ensure!(program.exists(), "{} is missing: cargo build --release", program.display());
        let folder = std::env::temp_dir().join(format!("frontdesk-bench-{}", std::process::id()));
        let mut process = Command::new(program)
            .env_clear()
            .env("DATA_DIR", &folder)
            .env("LISTEN", "127.0.0.1:0")
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::from(File::create("/dev/null")?))
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start frontdesk")?;
        let told = process.stderr.take().context("stderr is a pipe")?;
        let authority = address(BufReader::new(told))?;
        Ok(Self { authority, process, folder: Some(folder) })
    }

    /// A bare handler that answers with `page`.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn bare(page: &[u8]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("bare")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start the bare server")?;
        process.stdin.take().context("stdin is a pipe")?.write_all(page)?;
        let told = process.stdout.take().context("stdout is a pipe")?;
        Ok(Self { authority: address(BufReader::new(told))?, process, folder: None })
    }

    /// The body at `path`.
    ///
    /// # Errors
    /// Where it is not answered with 200.
    pub fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.authority)?;
        let host = &self.authority;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        ensure!(answer.starts_with(b"HTTP/1.1 200"), "{path} was not answered with 200");
        let head = answer
            .windows(4)
            .position(|at| at == b"\r\n\r\n")
            .context("an answer without a head")?;
        Ok(answer.split_off(head + 4))
    }

    /// Which process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Politely, so that a private Postgres goes with it.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The first address a server prints. What it prints later is read and let go.
fn address(mut told: impl BufRead + Send + 'static) -> Result<String> {
    let mut line = String::new();
    let authority = loop {
        line.clear();
        ensure!(told.read_line(&mut line)? > 0, "the server ended before it was ready");
        if let Some((_, rest)) = line.split_once("http://") {
            break rest.split_whitespace().next().unwrap_or_default().to_owned();
        }
    };
    std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
    Ok(authority)
}
