//! `frontdesk doctor`: what is configured, what is off, what stands in the way.

use super::database::Database;
use super::output::{Output, Refused};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::identity::Providers;
use crate::jobs::tasks::Task;
use crate::mail::{Postman, records};
use crate::outgoing::Outgoing;
use crate::policies::Operator;
use crate::services::inbox::Sender;
use crate::services::passkeys::Site;
use crate::services::staff::TwoFactorsOf;
use crate::services::webhooks::{self, Endpoint, Keeper};
use crate::stripe::objects::List;
use crate::stripe::{Stripe, asking};
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use time::format_description::well_known::Rfc3339;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    detail: String,
}

/// What to look at besides.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Also look at what the domain name system says about mail from here.
    #[arg(long, value_name = "DOMAIN")]
    mail_domain: Option<String>,
    /// The name of the key that mail is signed with, as your mail server has it.
    #[arg(long, value_name = "NAME", requires = "mail_domain")]
    dkim_selector: Option<String>,
    /// Ask this name server instead of the system's.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "mail_domain")]
    resolver: Option<SocketAddr>,
}

impl Doctor {
    /// Looks at everything and prints what it finds.
    ///
    /// # Errors
    /// Where something stands in the way.
    pub fn examine(self, mut config: Config, output: &Output) -> Result<(), Refused> {
        config.settle_origins(config.listen);
        let mut findings = vec![origins(&config)];
        findings.push(optional("partners' sites (CORS_ORIGINS)", config.cors_origins.len()));
        findings.push(optional("proxies (TRUSTED_PROXIES)", config.trusted_proxies.len()));
        findings.extend([cron(&config), scheduler(&config), search_engines(&config)]);
        findings.push(webhooks(&config));
        findings.push(retention(&config));
        findings.extend([two_factors(&config), passkeys(&config)]);
        let runtime = actix_web::rt::System::new();
        findings.push(runtime.block_on(mail(&config)));
        findings.push(runtime.block_on(identity(&config)));
        findings.push(runtime.block_on(payments(&config)));
        findings.extend(runtime.block_on(self.mail_records()));
        drop(runtime);
        findings.extend(examine_database(config));
        output.print(&findings, || findings.iter().map(Finding::line).collect())?;
        let faults = findings.iter().filter(|finding| !finding.ok).map(|finding| finding.what);
        match faults.collect::<Vec<_>>().join(", ").as_str() {
            "" => Ok(()),
            what => Err(Refused::Shown(anyhow::anyhow!("something is wrong with this: {what}"))),
        }
    }

    async fn mail_records(&self) -> Vec<Finding> {
        let Some(domain) = &self.mail_domain else { return Vec::new() };
        let selector = self.dkim_selector.as_deref();
        let wanted = records::Wanted { domain, selector, resolver: self.resolver };
        match records::examine(&wanted).await {
            Ok(found) => found.into_iter().map(|(what, said)| Finding::new(what, said)).collect(),
            Err(error) => vec![Finding::new("SPF, DKIM and DMARC", Err(error))],
        }
    }
}

impl Finding {
    fn new(what: &'static str, said: anyhow::Result<String>) -> Self {
        let ok = said.is_ok();
        Self { what, ok, detail: said.unwrap_or_else(|error| format!("{error:#}")) }
    }

    fn line(&self) -> String {
        let Self { what, ok, detail } = self;
        format!("{:<5} {what}: {detail}\n", if *ok { "ok" } else { "FAULT" })
    }
}

/// Whether the mail server lets us in.
async fn mail(config: &Config) -> Finding {
    let knock = async {
        let postman = Postman::new(config)?;
        let from = postman.sender(config)?;
        postman.knock().await?;
        Ok(match postman.is_on_duty() {
            true => format!("the server lets us in; mail comes from {from}"),
            false => "off; mail stays in the outbox, where it can be read".to_owned(),
        })
    };
    Finding::new("mail (SMTP_URL)", knock.await)
}

/// Whether those who vouch for people say what they are.
async fn identity(config: &Config) -> Finding {
    let what = "identity providers (OIDC_…, GITHUB_…)";
    let providers = match Providers::new(config) {
        Ok(providers) => providers,
        Err(error) => return Finding::new(what, Err(error)),
    };
    let mut said = config.identity_incomplete.clone();
    let mut ok = said.is_empty();
    let clock = Clock::default();
    for provider in providers.all() {
        let known = provider.know(&clock).await;
        ok &= known.is_ok();
        said.push(match &known {
            Ok(()) => format!("{} is here", provider.name()),
            Err(refusal) => format!("{}: {}", provider.name(), refusal.cause()),
        });
    }
    let detail = if said.is_empty() { "off".to_owned() } else { said.join("; ") };
    Finding { what, ok, detail }
}

fn origins(config: &Config) -> Finding {
    let list: Vec<String> = config.public_origins.iter().map(ToString::to_string).collect();
    let detail = match config.canonical_origin().is_loopback() {
        true => format!("{} (this machine alone; set PUBLIC_ORIGINS for others)", list.join(", ")),
        false => list.join(", "),
    };
    Finding { what: "public origins", ok: true, detail }
}

fn optional(what: &'static str, count: usize) -> Finding {
    let detail = if count == 0 { "off".to_owned() } else { format!("{count} listed") };
    Finding { what, ok: true, detail }
}

fn cron(config: &Config) -> Finding {
    let short = config.cron_secrets.iter().any(|secret| secret.chars().count() < 16);
    let detail = match config.cron_secrets.len() {
        0 => "off".to_owned(),
        _ if short => "on, with a secret of less than 16 characters; use a longer one".to_owned(),
        1 => "on".to_owned(),
        many => format!(
            "on, with {many} secrets; take the old ones away when they are not used any more"
        ),
    };
    Finding { what: "schedulers outside (CRON_SECRET)", ok: true, detail }
}

/// Who may tell us something. What is short can be guessed.
fn webhooks(config: &Config) -> Finding {
    let sender = |sender: &Arc<Sender>| {
        let several = match sender.keys.len() {
            1 => String::new(),
            many => format!(
                " with {many} secrets, take the old ones away when they are not used any more"
            ),
        };
        let short = sender.keys.iter().any(|key| key.len() < 16);
        let short = if short { ", one of less than 16 bytes: use a longer one" } else { "" };
        format!("{}{several}{short}", sender.name)
    };
    let on = config.webhooks.iter().map(sender);
    let off = config.webhooks_incomplete.iter().map(|missing| format!("off, as {missing}"));
    let detail = match on.chain(off).collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => "off".to_owned(),
        all => all,
    };
    let what = "webhooks in (GITHUB_WEBHOOK_SECRET, RESEND_WEBHOOK_SECRET, STRIPE_WEBHOOK_SECRET, WEBHOOK_…)";
    Finding { what, ok: true, detail }
}

/// Whether payments can be taken. What is missing is said, and whether the key is good is asked.
async fn payments(config: &Config) -> Finding {
    let what = "payments (STRIPE_…)";
    let hears = config.webhooks.iter().any(|sender| sender.name == "stripe");
    let asked = async {
        let Some(stripe) = Stripe::of(config)? else {
            anyhow::ensure!(
                !hears,
                "STRIPE_SECRET_KEY is not set, though STRIPE_WEBHOOK_SECRET is"
            );
            return Ok("off; STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are not set".to_owned());
        };
        let outgoing = Outgoing::new(config)?;
        let _: List<Value> = stripe.read(&outgoing, &asking::subscriptions(None)).await?;
        anyhow::ensure!(hears, "STRIPE_WEBHOOK_SECRET is not set, so nothing is heard from Stripe");
        let mode = if stripe.is_test() { "test mode" } else { "live: real money moves" };
        Ok(format!("Stripe takes the key ({mode}); its events go to /api/webhooks/stripe"))
    };
    Finding::new(what, asked.await)
}

fn scheduler(config: &Config) -> Finding {
    let off = Task::ALL.into_iter().filter_map(|task| Some((task, task.off(config)?)));
    let off: Vec<String> =
        off.map(|(task, why)| format!("; {} is off: {why}", task.name())).collect();
    let detail = if config.scheduler { "on" } else { "off; someone else has to have tasks run" };
    Finding { what: "scheduler (SCHEDULER)", ok: true, detail: detail.to_owned() + &off.concat() }
}

fn search_engines(config: &Config) -> Finding {
    let said = match (&config.indexnow_url, config.canonical_origin().is_loopback()) {
        (None, _) => Ok("off; they find out by themselves what is new".to_owned()),
        (Some(_), false) => Ok("on; they are told once an hour what is new".to_owned()),
        (Some(_), true) => Err(anyhow::anyhow!(
            "they are told of addresses that only this machine knows; set PUBLIC_ORIGINS"
        )),
    };
    Finding::new("search engines (INDEXNOW_URL)", said)
}

fn retention(config: &Config) -> Finding {
    let kept = |what: &str, days: Option<i32>| match days {
        Some(days) => format!("{what} for {days} days"),
        None => format!("{what} for ever"),
    };
    let leads = kept("leads are kept", config.retention_leads_days);
    let detail = format!("{leads}, {}", kept("the outbox", config.retention_outbox_days));
    Finding { what: "retention (RETENTION_…_DAYS)", ok: true, detail }
}

fn two_factors(config: &Config) -> Finding {
    let detail = match config.two_factors_of {
        TwoFactorsOf::Nobody => "asked of nobody; everyone may have one",
        TwoFactorsOf::Owners => "asked of owners",
        TwoFactorsOf::Staff => "asked of owners and editors",
    };
    Finding { what: "second factor (REQUIRE_TWO_FACTOR)", ok: true, detail: detail.to_owned() }
}

fn passkeys(config: &Config) -> Finding {
    let detail = match Site::of(config) {
        Some(site) => format!("on, bound to {}", site.name()),
        None => "off; they need a name, and PUBLIC_ORIGINS has only numbers".to_owned(),
    };
    Finding { what: "passkeys (PUBLIC_ORIGINS)", ok: true, detail }
}

/// What is wrong with mail was said of mail; the database is not to blame for it.
fn examine_database(mut config: Config) -> [Finding; 2] {
    (config.smtp_url, config.mail_from) = (None, None);
    let which = if config.database_url.is_some() { "DATABASE_URL" } else { "private" };
    let networks: Vec<String> = config.webhooks_allow.iter().map(ToString::to_string).collect();
    let reached = Database::borrow(&config).map_err(anyhow::Error::from).and_then(|database| {
        actix_web::rt::System::new().block_on(async {
            let app = App::open(config, &database.url).await?;
            let operator = Operator::at_the_shell();
            let keeper = Keeper::Operator(&operator);
            let found = app.read(async |db| webhooks::list(db, keeper, None, MOST).await).await;
            app.close().await;
            Ok(found?)
        })
    });
    let told = told(&networks, reached.as_deref().unwrap_or_default());
    let said = reached.map(|_| format!("{which}, up to date"));
    [Finding::new("database", said.map_err(|error| error.context(which))), told]
}

/// How many endpoints are looked at.
const MOST: i64 = 1000;

/// Where webhooks may go to, and where they do not arrive. That is no fault of this site.
fn told(networks: &[String], endpoints: &[Endpoint]) -> Finding {
    let trouble = endpoints.iter().filter_map(|endpoint| {
        // A terminal obeys what it is shown.
        let name = endpoint.name.replace(char::is_control, "\u{fffd}");
        match (endpoint.state.as_str(), endpoint.failing_since) {
            ("disabled", _) => {
                let why = endpoint.remark.as_ref().map(|why| format!(" ({why})"));
                Some(format!("{name} is disabled{}", why.unwrap_or_default()))
            }
            (_, Some(since)) => {
                let since = since.format(&Rfc3339).unwrap_or_default();
                Some(format!("nothing arrives at {name} since {since}"))
            }
            _ => None,
        }
    });
    let open = match networks {
        [] => "they go to the Internet alone".to_owned(),
        networks => format!("they may also go to {}", networks.join(", ")),
    };
    let detail = std::iter::once(open).chain(trouble).collect::<Vec<_>>().join("; ");
    Finding { what: "webhooks out (WEBHOOKS_ALLOW)", ok: true, detail }
}
