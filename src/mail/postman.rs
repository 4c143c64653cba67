//! Who carries mail: a server over SMTP (RFC 5321), or nobody, and then it is kept where staff can read it.
//!
//! A server that is not this machine itself is spoken to over TLS or not at all.

use super::Letter;
use super::lines::{Lines, Patience, Problem, Server, Step};
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use url::{Host, Url};
use uuid::Uuid;

/// How long it may take to say goodbye.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// The way mail goes.
pub struct Postman {
    lines: Option<Arc<Lines>>,
    from: Option<Mailbox>,
    /// How many mails the server has given an answer to.
    answered: AtomicU64,
}

/// Why a mail did not go.
#[derive(Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server is away, or will not have us.
    Away(String),
    /// Not now.
    Failed(String),
    /// Never: the mail itself is not wanted.
    Refused(String),
    /// Never: there is no such address.
    Unreachable(String),
}

impl Postman {
    /// As the configuration says.
    ///
    /// # Errors
    /// A URL, an address or a certificate that cannot be used.
    pub fn new(config: &Config) -> Result<Self> {
        let from = config.mail_from.as_deref().map(str::parse::<Mailbox>).transpose();
        let from = from.context("MAIL_FROM: use an address, or Name <address>")?;
        let server = config.smtp_url.as_deref().map(|url| server(url, config, from.as_ref()));
        let lines = server.transpose()?.map(|server| Lines::to(server, Patience::USUAL));
        Ok(Self { lines, from, answered: AtomicU64::new(0) })
    }

    /// Whether there is a server to send through.
    pub fn is_on_duty(&self) -> bool {
        self.lines.is_some()
    }

    /// Hands a letter to the server. True where there is one and it took it.
    ///
    /// # Errors
    /// What kind of trouble there was.
    pub async fn send(&self, config: &Config, id: Uuid, letter: &Letter) -> Result<bool, Trouble> {
        let message = self.message(config, id, letter).map_err(|error| {
            Trouble::Refused(format!("It cannot be written as a mail: {error:#}"))
        })?;
        let Some(lines) = self.lines.clone() else { return Ok(false) };
        let before = self.answered.load(Ordering::Relaxed);
        // A task of its own: broken off half-way, as by a lost lease, the connection would go back to the pool with an answer
        // still to come, which the next mail would take for its own.
        let sent = tokio::spawn(async move { lines.send(&message).await }).await;
        let Ok(sent) = sent else {
            return Err(Trouble::Failed("It could not be handed over.".to_owned()));
        };
        let trouble = match sent {
            Ok(()) => None,
            Err(problem) => Some(trouble(&problem)),
        };
        match trouble {
            // Others went through meanwhile, so it is not the server that is away, it is this mail that it cannot take.
            Some(Trouble::Away(why)) if self.answered.load(Ordering::Relaxed) > before => {
                Err(Trouble::Failed(why))
            }
            Some(Trouble::Away(why)) => Err(Trouble::Away(why)),
            answer => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                answer.map_or(Ok(true), Err)
            }
        }
    }

    /// Whether the server lets us in.
    ///
    /// # Errors
    /// Why not.
    pub async fn knock(&self) -> Result<()> {
        let Some(lines) = &self.lines else { return Ok(()) };
        lines.knock().await.map_err(|problem| anyhow::anyhow!(said(&problem)))
    }

    /// Ends all connections.
    pub async fn close(&self) {
        if let Some(lines) = &self.lines {
            // Whoever does not take leave in time is left.
            let _ = timeout(LEAVE_WITHIN, lines.close()).await;
        }
    }

    /// Who mail comes from.
    ///
    /// # Errors
    /// Where the site's own name cannot be part of an address.
    pub fn sender(&self, config: &Config) -> Result<Mailbox> {
        match &self.from {
            Some(from) => Ok(from.clone()),
            None => {
                let host = Url::parse(&config.canonical_origin().to_string())?;
                let host = host.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
                let host = if host.contains(':') { "localhost".to_owned() } else { host };
                let address = Address::new("frontdesk", host)?;
                Ok(Mailbox::new(Some(one_line(&config.site_name)), address))
            }
        }
    }

    /// The mail as it goes over the wire.
    ///
    /// # Errors
    /// Where an address is none.
    pub fn message(&self, config: &Config, id: Uuid, letter: &Letter) -> Result<Message> {
        let from = self.sender(config)?;
        let id = format!("<{id}@{}>", from.email.domain());
        let mut message = Message::builder()
            .from(from)
            .to(mailbox(&letter.to)?)
            .subject(one_line(&letter.mail.subject))
            .message_id(Some(id))
            .header(AutoSubmitted);
        // Forms take addresses as browsers do, and some of those are none by the rules of mail. That must not keep the mail.
        if let Some(Ok(person)) = letter.reply_to.as_ref().map(mailbox) {
            message = message.reply_to(person);
        }
        if let Some(url) = &letter.unsubscribe {
            message = message.header(ListUnsubscribe(url.clone())).header(ListUnsubscribePost);
        }
        let body = MultiPart::alternative_plain_html(
            lines(&letter.mail.text()),
            lines(&letter.mail.html()),
        );
        Ok(message.multipart(body)?)
    }
}

/// What `SMTP_URL` says.
fn server(url: &str, config: &Config, from: Option<&Mailbox>) -> Result<Server> {
    let ca = config.smtp_ca_file.as_deref();
    let parsed = Url::parse(url).context("SMTP_URL")?;
    let host = parsed.host_str().context("SMTP_URL: a server has to be named")?;
    let mut tls = TlsParameters::builder(host.trim_matches(['[', ']']).to_owned());
    if let Some(path) = ca {
        let pem =
            std::fs::read(path).with_context(|| format!("SMTP_CA_FILE: {}", path.display()))?;
        let begins = b"-----BEGIN CERTIFICATE-----";
        let is_pem = pem.windows(begins.len()).any(|at| at == begins);
        ensure!(is_pem, "SMTP_CA_FILE: {}: no certificate in PEM", path.display());
        let certificate = Certificate::from_pem(&pem).context("SMTP_CA_FILE")?;
        tls = tls.add_root_certificate(certificate);
    }
    let tls = tls.build().context("SMTP_CA_FILE")?;
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let (tls, port) = match parsed.scheme() {
        "smtps" => (Tls::Wrapper(tls), 465),
        "smtp" if is_here && ca.is_none() => (Tls::None, 25),
        "smtp" => (Tls::Required(tls), 587),
        _ => anyhow::bail!("SMTP_URL: use smtp:// (STARTTLS) or smtps://"),
    };
    // Who we are, to a server that asks. Without a name of our own we are this machine.
    let own = config.public_origins.first().and_then(|origin| Url::parse(&origin.to_string()).ok());
    let own = own.as_ref().and_then(Url::domain).filter(|name| name.contains('.'));
    let name = from.map(|from| from.email.domain()).or(own);
    let decode = |text: &str| {
        let text = percent_encoding::percent_decode_str(text).decode_utf8();
        text.map(|text| text.into_owned()).context("SMTP_URL: the name and password are no text")
    };
    let credentials = match parsed.username() {
        "" => None,
        user => Some((decode(user)?, decode(parsed.password().unwrap_or_default())?).into()),
    };
    Ok(Server {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: parsed.port().unwrap_or(port),
        tls,
        hello: name.map_or_else(ClientId::default, |name| ClientId::Domain(name.to_owned())),
        credentials,
    })
}

fn said(problem: &Problem) -> String {
    match problem {
        Problem::Said(_, error) => format!("{:#}", anyhow::anyhow!(error.to_string())),
        Problem::Silent(most) => format!("The server did not answer within {most:?}."),
        Problem::Unfit(why) => (*why).to_owned(),
    }
}

/// Says whether it is this mail's fault, everyone's, or nobody's.
fn trouble(problem: &Problem) -> Trouble {
    let said = said(problem);
    let (step, code) = match problem {
        Problem::Unfit(_) => return Trouble::Refused(said),
        Problem::Silent(_) => return Trouble::Away(said),
        Problem::Said(step, error) => (*step, error.status().map(|code| code.to_string())),
    };
    match (step, code.as_deref()) {
        // Who we are, what we may, and a server that is about to close: no other mail would fare better.
        (Step::Arrival | Step::Sender, _)
        | (_, None | Some("421" | "454" | "530" | "534" | "535" | "538")) => Trouble::Away(said),
        (_, Some(code)) if code.starts_with('5') && concerns_the_address(step, code, &said) => {
            Trouble::Unreachable(said)
        }
        (_, Some(code)) if code.starts_with('5') => Trouble::Refused(said),
        (_, Some(_)) => Trouble::Failed(said),
    }
}

/// Whether a refusal says that the mailbox is not there. A server that wants none of our mail says so of everyone's; on its
/// word nobody is taken off a list. Enhanced codes (RFC 3463) tell one from the other; where the server gives none, it was
/// to be said of the recipient at least, not of the mail.
fn concerns_the_address(step: Step, code: &str, said: &str) -> bool {
    let mut words = said.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let enhanced = words.find(|word| word.starts_with("5.") && word.matches('.').count() == 2);
    match enhanced {
        Some(enhanced) => {
            let of_the_sender = ["5.1.7", "5.1.8"].contains(&enhanced);
            (enhanced.starts_with("5.1.") && !of_the_sender) || enhanced == "5.2.1"
        }
        None => step == Step::Recipient && matches!(code, "550" | "551" | "553"),
    }
}

fn mailbox(person: &super::Person) -> Result<Mailbox> {
    let (user, domain) = person.email.rsplit_once('@').context("an address")?;
    // Names beyond ASCII go as the domain name system has them, which every server understands.
    let domain = Host::parse(domain).context("an address")?.to_string();
    let address = Address::new(user, domain).context("an address")?;
    Ok(Mailbox::new(Some(one_line(&person.name)).filter(|name| !name.is_empty()), address))
}

/// Text whose line ends are of one kind: servers differ in what the others mean, down to where a mail ends.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "")
}

/// What of a text stands in a header at most: one word of a thousand letters cannot be folded into lines.
const MOST_IN_HEADER: usize = 250;

/// Text that may stand in a header: what would end one is left out, and what would turn around the text beside it.
fn one_line(text: &str) -> String {
    let turns = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = text.chars().filter(|c| !turns(*c));
    let text: String = text.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MOST_IN_HEADER) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// RFC 3834: what answers by itself says so, and is not answered by others that do.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// RFC 2369: where the reader can unsubscribe.
#[derive(Debug, Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.trim_matches(['<', '>']).to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), format!("<{}>", self.0))
    }
}

/// RFC 8058: by a POST, without asking back.
#[derive(Debug, Clone)]
struct ListUnsubscribePost;

impl Header for ListUnsubscribePost {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe-Post")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "List-Unsubscribe=One-Click".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_of_the_mailbox_counts_against_it() {
        for (code, said, expected) in [
            ("550", "permanent error (550): 5.1.1 <a@b.example>: no such user", true),
            ("550", "permanent error (550): no such user", true),
            ("550", "permanent error (550): 5.2.1 disabled", true),
            ("550", "permanent error (550): 5.7.1 listed as a source of spam", false),
            ("553", "permanent error (553): 5.1.8 sender rejected", false),
            ("552", "permanent error (552): mailbox full", false),
            ("554", "permanent error (554): no", false),
            ("554", "permanent error (554): 5.1.1 from 10.0.0.1", true),
        ] {
            assert_eq!(concerns_the_address(Step::Recipient, code, said), expected, "{said}");
        }
        for (said, expected) in [
            ("permanent error (550): this looks like spam", false),
            ("permanent error (550): 5.1.1 <a@b.example>: no such user", true),
        ] {
            assert_eq!(concerns_the_address(Step::Text, "550", said), expected, "{said}");
        }
    }
}
