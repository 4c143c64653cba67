//! Connections to the server that takes mail: opened where there is none to spare, and kept for the next mail.
//!
//! lettre speaks the protocol (RFC 5321). Over which connection, and for how long, is decided here: its own pool waits for
//! an answer without end, hangs up after each refusal, and hands a mail over in two pieces, the second of which TCP keeps
//! back until the first is acknowledged, some forty milliseconds later.

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Tls};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::{Address, Message};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How many connections are kept at most.
const MOST_SPARE: usize = 8;

/// How long the server may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For each step on the way. Mail that waits goes again when that has passed, and the worker's pause.
    pub step: Duration,
    /// To say that it has taken a mail. Whoever gives up sooner than after ten minutes sends too many twice (RFC 5321,
    /// 4.5.3.2.6).
    pub end: Duration,
    /// For so long at least, and twice as long at most, a connection is kept that nobody uses.
    pub spare: Duration,
}

impl Patience {
    /// With a server that is really there.
    pub const USUAL: Self = Self {
        step: Duration::from_secs(20),
        end: Duration::from_secs(600),
        spare: Duration::from_secs(30),
    };
}

/// Where the server is, and how it is spoken to.
pub struct Server {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether in secret.
    pub tls: Tls,
    /// Who we say we are.
    pub hello: ClientId,
    /// The name and password it knows us by.
    pub credentials: Option<Credentials>,
}

/// How far a mail had come. What a server says before it has heard whom a mail is for, it says of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// We had come and said who we are.
    Arrival,
    /// And that there is a mail from us.
    Sender,
    /// And whom it is for.
    Recipient,
    /// And what it says.
    Text,
}

/// Why a mail was not taken.
#[derive(Debug)]
pub enum Problem {
    /// It said no at this step, or the connection broke.
    Said(Step, SmtpError),
    /// It said nothing.
    Silent(Duration),
    /// It could not take such a mail; it was not asked.
    Unfit(&'static str),
}

impl Problem {
    /// Whether the server has answered, and will hear of another mail over the same connection.
    fn is_answer(&self) -> bool {
        match self {
            Self::Said(Step::Arrival | Step::Sender, _) | Self::Silent(_) => false,
            Self::Said(_, error) => error.status().is_some_and(|code| u16::from(code) != 421),
            Self::Unfit(_) => true,
        }
    }
}

/// The connections.
pub struct Lines {
    server: Server,
    patience: Patience,
    spare: Mutex<Spare>,
}

#[derive(Default)]
struct Spare {
    lines: Vec<Line>,
    /// Whether somebody looks now and then for those that nobody uses.
    is_looked_after: bool,
}

struct Line {
    connection: AsyncSmtpConnection,
    /// Whether it was there the last time somebody looked.
    is_old: bool,
}

impl Lines {
    /// None yet.
    pub fn to(server: Server, patience: Patience) -> Arc<Self> {
        Arc::new(Self { server, patience, spare: Mutex::default() })
    }

    /// Hands a mail over. Not to be broken off.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn send(self: &Arc<Self>, message: &Message) -> Result<(), Problem> {
        let text = as_sent(message)?;
        loop {
            let spare = self.spare().lines.pop().map(|line| line.connection);
            let was_spare = spare.is_some();
            let mut line = match spare {
                Some(line) => line,
                None => self.open().await?,
            };
            match self.converse(&mut line, message, &text).await {
                // It lay here for too long, or has carried enough. The next one will do.
                Err(Problem::Said(Step::Sender, _)) if was_spare => {}
                Err(problem) => {
                    let reset = async { self.step(Step::Sender, line.command(Rset)).await.is_ok() };
                    if problem.is_answer() && reset.await {
                        self.keep(line);
                    }
                    return Err(problem);
                }
                Ok(()) => {
                    self.keep(line);
                    return Ok(());
                }
            }
        }
    }

    /// Says what is to be said.
    async fn converse(
        &self,
        line: &mut AsyncSmtpConnection,
        message: &Message,
        text: &str,
    ) -> Result<(), Problem> {
        let (from, to) = (message.envelope().from().cloned(), message.envelope().to());
        let knows = |feature| line.server_info().supports_feature(feature);
        let mut needs = Vec::new();
        if !from.iter().chain(to).all(is_ascii) {
            if !knows(Extension::SmtpUtfEight) {
                let why =
                    "The address has letters beyond ASCII, and the server takes none (SMTPUTF8).";
                return Err(Problem::Unfit(why));
            }
            needs.push(MailParameter::SmtpUtfEight);
        }
        if !text.is_ascii() {
            if !knows(Extension::EightBitMime) {
                let why = "The mail has bytes beyond ASCII, and the server takes none (8BITMIME).";
                return Err(Problem::Unfit(why));
            }
            needs.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        self.step(Step::Sender, line.command(Mail::new(from, needs))).await?;
        for to in to {
            self.step(Step::Recipient, line.command(Rcpt::new(to.clone(), Vec::new()))).await?;
        }
        self.step(Step::Recipient, line.command(Data)).await?;
        self.step(Step::Text, line.command(text)).await?;
        Ok(())
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Problem> {
        let Server { host, port, tls, hello, credentials } = &self.server;
        let wrapped = match tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let (at, most) = ((host.as_str(), *port), Some(self.patience.step));
        let opening = AsyncSmtpConnection::connect_tokio1(at, most, hello, wrapped, None);
        let mut line = self.step(Step::Arrival, opening).await?;
        if let Tls::Required(parameters) = tls {
            self.step(Step::Arrival, line.starttls(parameters.clone(), hello)).await?;
        }
        if let Some(credentials) = credentials {
            self.step(Step::Arrival, line.auth(DEFAULT_MECHANISMS, credentials)).await?;
        }
        Ok(line)
    }

    async fn step<T>(
        &self,
        step: Step,
        asked: impl Future<Output = Result<T, SmtpError>>,
    ) -> Result<T, Problem> {
        let most = if step == Step::Text { self.patience.end } else { self.patience.step };
        match timeout(most, asked).await {
            Ok(said) => said.map_err(|error| Problem::Said(step, error)),
            Err(_) => Err(Problem::Silent(most)),
        }
    }

    /// Whether the server lets us in.
    ///
    /// # Errors
    /// Why not.
    pub async fn knock(&self) -> Result<(), Problem> {
        let mut line = self.open().await?;
        let _ = self.step(Step::Arrival, line.quit()).await;
        Ok(())
    }

    /// Takes leave on all connections.
    pub async fn close(&self) {
        let lines = std::mem::take(&mut self.spare().lines);
        self.hang_up(lines).await;
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(self: &Arc<Self>, connection: AsyncSmtpConnection) {
        let mut spare = self.spare();
        if spare.lines.len() >= MOST_SPARE {
            return;
        }
        spare.lines.push(Line { connection, is_old: false });
        if !std::mem::replace(&mut spare.is_looked_after, true) {
            let lines = Arc::clone(self);
            tokio::spawn(async move { lines.look_after().await });
        }
    }

    /// Gives up what nobody uses, until there is nothing left: servers count who is connected.
    async fn look_after(&self) {
        loop {
            sleep(self.patience.spare).await;
            let (old, is_over) = {
                let mut spare = self.spare();
                let seen_before = |line: &mut Line| std::mem::replace(&mut line.is_old, true);
                let old: Vec<Line> = spare.lines.extract_if(.., seen_before).collect();
                spare.is_looked_after = !spare.lines.is_empty();
                (old, spare.lines.is_empty())
            };
            self.hang_up(old).await;
            if is_over {
                return;
            }
        }
    }

    async fn hang_up(&self, lines: Vec<Line>) {
        let leave = async |mut line: Line| self.step(Step::Arrival, line.connection.quit()).await;
        futures_util::future::join_all(lines.into_iter().map(leave)).await;
    }
}

fn is_ascii(address: &Address) -> bool {
    address.user().is_ascii() && address.domain().is_ascii()
}

/// A mail as it goes over the wire, up to the dot that ends it, in one piece. A line of its own that begins with a dot gets
/// another.
fn as_sent(message: &Message) -> Result<String, Problem> {
    let text = String::from_utf8(message.formatted());
    let text = text.map_err(|_| Problem::Unfit("The mail holds bytes that are no text."))?;
    let dotted = format!("\n{text}").replace("\n.", "\n..");
    let end = if dotted.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" };
    Ok(format!("{}{end}", &dotted[1..]))
}

#[cfg(test)]
mod tests;
