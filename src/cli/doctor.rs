//! `frontdesk doctor`: what is configured, what is off, what stands in the way.

use super::database::Database;
use super::output::{Output, Refused};
use crate::app::App;
use crate::config::Config;
use crate::jobs::tasks::Task;
use serde::Serialize;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    detail: String,
}

/// Looks at everything and prints what it finds.
///
/// # Errors
/// Where something stands in the way of serving.
pub fn examine(mut config: Config, output: &Output) -> Result<(), Refused> {
    config.settle_origins(config.listen);
    let mut findings = vec![origins(&config)];
    findings.push(optional("partners' sites (CORS_ORIGINS)", config.cors_origins.len()));
    findings.push(optional("proxies (TRUSTED_PROXIES)", config.trusted_proxies.len()));
    findings.push(cron(&config));
    findings.push(scheduler(&config));
    findings.push(retention(&config));
    let database = examine_database(config);
    let healthy = database.ok;
    findings.push(database);
    output.print(&findings, || {
        let line = |finding: &Finding| {
            format!(
                "{:<5} {}: {}\n",
                if finding.ok { "ok" } else { "FAULT" },
                finding.what,
                finding.detail
            )
        };
        findings.iter().map(line).collect()
    })?;
    if healthy {
        Ok(())
    } else {
        Err(Refused::Shown(anyhow::anyhow!("the site cannot be served like this")))
    }
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

fn scheduler(config: &Config) -> Finding {
    let off = Task::ALL.into_iter().filter_map(|task| Some((task, task.off(config)?)));
    let off: Vec<String> =
        off.map(|(task, why)| format!("; {} is off: {why}", task.name())).collect();
    let detail = if config.scheduler { "on" } else { "off; someone else has to have tasks run" };
    Finding { what: "scheduler (SCHEDULER)", ok: true, detail: detail.to_owned() + &off.concat() }
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

fn examine_database(config: Config) -> Finding {
    let what = "database";
    let which = if config.database_url.is_some() { "DATABASE_URL" } else { "private" };
    let reached = Database::borrow(&config).map_err(anyhow::Error::from).and_then(|database| {
        actix_web::rt::System::new().block_on(async {
            let app = App::open(config, &database.url).await?;
            app.close().await;
            Ok(())
        })
    });
    match reached {
        Ok(()) => Finding { what, ok: true, detail: format!("{which}, up to date") },
        Err(error) => Finding { what, ok: false, detail: format!("{which}: {error:#}") },
    }
}
