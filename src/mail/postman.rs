//! Who carries mail: a server over SMTP (RFC 5321), or nobody, and then it is kept where staff can read it.
//!
//! A server that is not this machine itself is spoken to over TLS or not at all.

use super::Letter;
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;
use url::Url;
use uuid::Uuid;

/// How long the server may take for one step.
const STEP_WITHIN: Duration = Duration::from_secs(20);
/// How many connections there are at most.
const MOST_CONNECTIONS: u32 = 8;

/// The way mail goes.
pub struct Postman {
    smtp: Option<AsyncSmtpTransport<Tokio1Executor>>,
    from: Option<Mailbox>,
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
        let smtp = match &config.smtp_url {
            Some(url) => Some(transport(url, config.smtp_ca_file.as_deref())?),
            None => None,
        };
        Ok(Self { smtp, from })
    }

    /// Whether there is a server to send through.
    pub fn is_on_duty(&self) -> bool {
        self.smtp.is_some()
    }

    /// Hands a letter to the server. True where there is one and it took it.
    ///
    /// # Errors
    /// What kind of trouble there was.
    pub async fn send(&self, config: &Config, id: Uuid, letter: &Letter) -> Result<bool, Trouble> {
        let message = self.message(config, id, letter).map_err(|error| {
            Trouble::Refused(format!("It cannot be written as a mail: {error:#}"))
        })?;
        let Some(smtp) = &self.smtp else { return Ok(false) };
        smtp.send(message).await.map(|_| true).map_err(|error| trouble(&error))
    }

    /// Whether the server lets us in.
    ///
    /// # Errors
    /// Why not.
    pub async fn knock(&self) -> Result<()> {
        let Some(smtp) = &self.smtp else { return Ok(()) };
        ensure!(smtp.test_connection().await?, "the server answers and does not let us in");
        Ok(())
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
        if let Some(person) = &letter.reply_to {
            message = message.reply_to(mailbox(person)?);
        }
        if let Some(url) = &letter.unsubscribe {
            message = message.header(ListUnsubscribe(url.clone())).header(ListUnsubscribePost);
        }
        let body = MultiPart::alternative_plain_html(letter.mail.text(), letter.mail.html());
        Ok(message.multipart(body)?)
    }
}

fn transport(
    url: &str,
    ca: Option<&std::path::Path>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    let parsed = Url::parse(url).context("SMTP_URL")?;
    let host = parsed.host_str().context("SMTP_URL: a server has to be named")?;
    let mut tls = TlsParameters::builder(host.trim_matches(['[', ']']).to_owned());
    if let Some(path) = ca {
        let pem =
            std::fs::read(path).with_context(|| format!("SMTP_CA_FILE: {}", path.display()))?;
        let certificate =
            Certificate::from_pem(&pem).context("SMTP_CA_FILE: no certificate in PEM")?;
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
    let mut smtp =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.trim_matches(['[', ']']))
            .port(parsed.port().unwrap_or(port))
            .tls(tls)
            .timeout(Some(STEP_WITHIN))
            .pool_config(PoolConfig::new().max_size(MOST_CONNECTIONS));
    if !parsed.username().is_empty() {
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text).decode_utf8().map(|text| text.into_owned())
        };
        let (user, password) =
            (decode(parsed.username())?, decode(parsed.password().unwrap_or_default())?);
        smtp = smtp.credentials((user, password).into());
    }
    Ok(smtp.build())
}

/// Says whether it is this mail's fault, everyone's, or nobody's.
fn trouble(error: &SmtpError) -> Trouble {
    let said = format!("{:#}", anyhow::anyhow!(error.to_string()));
    let code = error.status().map(|code| code.to_string());
    match code.as_deref() {
        // Our own name and password, and a server that is about to close: no other mail would fare better.
        Some("421" | "454" | "530" | "534" | "535" | "538") | None => Trouble::Away(said),
        Some(code) if code.starts_with('5') && concerns_the_address(code, &said) => {
            Trouble::Unreachable(said)
        }
        Some(code) if code.starts_with('5') => Trouble::Refused(said),
        Some(_) => Trouble::Failed(said),
    }
}

/// Whether a refusal says that the mailbox is not there. A server that wants none of our mail says so of everyone's; on its
/// word nobody is taken off a list. Enhanced codes (RFC 3463) tell one from the other, where the server gives any.
fn concerns_the_address(code: &str, said: &str) -> bool {
    let mut words = said.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let enhanced = words.find(|word| word.starts_with("5.") && word.matches('.').count() == 2);
    match enhanced {
        Some(enhanced) => {
            let of_the_sender = ["5.1.7", "5.1.8"].contains(&enhanced);
            (enhanced.starts_with("5.1.") && !of_the_sender) || enhanced == "5.2.1"
        }
        None => matches!(code, "550" | "551" | "553"),
    }
}

fn mailbox(person: &super::Person) -> Result<Mailbox> {
    let address = person.email.parse::<Address>().context("an address")?;
    Ok(Mailbox::new(Some(one_line(&person.name)).filter(|name| !name.is_empty()), address))
}

/// Text that may stand in a header: what would end one is left out.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
            assert_eq!(concerns_the_address(code, said), expected, "{said}");
        }
    }
}
