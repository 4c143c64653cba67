//! Servers under measurement: started here, stopped when dropped.

use anyhow::{Context, Result, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A running server.
pub struct Site {
    /// `127.0.0.1:PORT`
    pub authority: String,
    process: Child,
    /// The processes that answer.
    pub workers: Vec<u32>,
}

impl Site {
    /// Starts a server that prints its address, on `stdout` or on `stderr`.
    ///
    /// # Errors
    /// Where it ends before.
    pub fn start(command: &mut Command, stdin: &[u8]) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).spawn()?;
        process.stdin.take().context("stdin is a pipe")?.write_all(stdin)?;
        let told: Box<dyn Read + Send> = match (process.stdout.take(), process.stderr.take()) {
            (Some(stdout), _) => Box::new(stdout),
            (None, stderr) => Box::new(stderr.context("nothing to read the address from")?),
        };
        let workers = vec![process.id()];
        Ok(Self { authority: address(BufReader::new(told))?, process, workers })
    }

    /// A bare handler that answers with `page`, beside the database at `url`.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn bare(page: &[u8], url: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(command.args(["bare", url]).stdout(Stdio::piped()), page)
            .context("could not start the bare server")
    }

    /// nginx as it comes, with `page` as a file at `/page.html`, everything under `folder`; none where there is no nginx.
    /// It keeps an access log, as we do, gathered and let go as ours is here.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn nginx(page: &[u8], folder: &Path) -> Result<Option<Self>> {
        if Command::new("nginx").arg("-v").output().is_err() {
            return Ok(None);
        }
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("page.html"), page)?;
        // The port may be taken by someone else before nginx has it. Then the run has to be repeated.
        let authority = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        let config = include_str!("nginx.conf")
            .replace("FOLDER", &folder.display().to_string())
            .replace("AUTHORITY", &authority)
            .replace("WORKERS", &workers.to_string());
        std::fs::write(folder.join("nginx.conf"), config)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        let process = command.stderr(Stdio::null()).spawn()?;
        let mut site = Self { authority, process, workers: Vec::new() };
        let tries = 50;
        for _ in 0..tries {
            sleep(Duration::from_millis(100));
            let pid = site.process.id();
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            site.workers = children.split_whitespace().flat_map(str::parse).collect();
            if site.workers.len() == workers && site.fetch("/page.html").is_ok() {
                return Ok(Some(site));
            }
        }
        anyhow::bail!("nginx did not start")
    }

    /// The body at `path`.
    ///
    /// # Errors
    /// Where it is not answered with 200.
    pub fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        let (head, body) = self.ask(&format!("GET {path}"), "", "")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{path} was not answered with 200");
        Ok(body)
    }

    /// What it has in memory, in bytes.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn resident(&self) -> Result<f64> {
        let pid = self.workers.first().context("no process")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(kib.context("the kernel does not say what is resident")? * 1024.0)
    }

    /// Head and body of an answer. `headers` end in a line break each.
    ///
    /// # Errors
    /// Where there is none.
    pub fn ask(&self, what: &str, headers: &str, body: &str) -> Result<(String, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.authority)?;
        let (host, length) = (&self.authority, body.len());
        write!(
            stream,
            "{what} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|at| at == b"\r\n\r\n");
        let body = answer.split_off(head.context("an answer without a head")? + 4);
        Ok((String::from_utf8(answer)?, body))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

/// The value of a header.
pub fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
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
