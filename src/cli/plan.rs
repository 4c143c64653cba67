//! `frontdesk plan …`

use super::output::{Output, Refused};
use super::record::record;
use crate::app::App;
use crate::policies::Operator;
use crate::services::audit::Act;
use crate::services::input::Valid;
use crate::services::memberships;
use crate::services::plans::{self, Coupon, NewPlan, Period, Plan};
use clap::{Args, Subcommand};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What can be done with plans.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a plan. Amounts are in the smallest units of the currency: 900 is EUR 9.00.
    Add(Add),
    /// Give a plan another price. Whoever pays the old one goes on with that.
    Price {
        /// The plan.
        slug: String,
        /// How often it is paid.
        #[arg(long, value_enum)]
        period: Period,
        /// How much.
        #[arg(long)]
        amount: i64,
        /// Of what.
        #[arg(long, default_value = "eur")]
        currency: String,
    },
    /// Have a plan be had no more. Whoever has it keeps it.
    Retire {
        /// The plan.
        slug: String,
    },
    /// Have it be had again.
    Offer {
        /// The plan.
        slug: String,
    },
    /// List the plans that can be had.
    List,
    /// Give somebody what others pay for.
    Grant {
        /// Who.
        #[arg(long)]
        email: String,
        /// Until when, as in 2027-01-31T00:00:00Z; without it, for good.
        #[arg(long, value_parser = moment)]
        until: Option<OffsetDateTime>,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Take back whatever somebody was given.
    Revoke {
        /// From whom.
        #[arg(long)]
        email: String,
    },
}

/// A plan to be made.
#[derive(Debug, Args)]
pub struct Add {
    /// What commands call it.
    #[arg(long)]
    slug: String,
    /// What it is called.
    #[arg(long)]
    name: String,
    /// What is in it.
    #[arg(long, default_value = "")]
    text: String,
    /// What a month costs.
    #[arg(long)]
    monthly: Option<i64>,
    /// What a year costs.
    #[arg(long)]
    yearly: Option<i64>,
    /// Of what.
    #[arg(long, default_value = "eur")]
    currency: String,
    /// So many days are free at first.
    #[arg(long, default_value_t = 0)]
    trial_days: i32,
    /// So much off the first payment, in per cent.
    #[arg(long, requires = "coupon_until")]
    coupon_percent: Option<i32>,
    /// From when; without it, from now.
    #[arg(long, value_parser = moment)]
    coupon_from: Option<OffsetDateTime>,
    /// Until when, as in 2027-01-31T00:00:00Z.
    #[arg(long, value_parser = moment, requires = "coupon_percent")]
    coupon_until: Option<OffsetDateTime>,
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| error.to_string())
}

impl Add {
    fn new_plan(self, now: OffsetDateTime) -> NewPlan {
        let coupon = self.coupon_percent.zip(self.coupon_until).map(|(percent, until)| Coupon {
            percent,
            from: self.coupon_from.unwrap_or(now),
            until,
        });
        NewPlan {
            slug: self.slug,
            name: self.name.trim().to_owned(),
            text: self.text.trim().to_owned(),
            monthly: self.monthly,
            yearly: self.yearly,
            currency: self.currency,
            trial_days: self.trial_days,
            coupon,
        }
    }
}

/// What is left to do once a plan has changed.
const THEN: &str = "Tell Stripe of it: frontdesk stripe sync";

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What the service says.
    pub async fn run(self, app: &App, output: &Output) -> Result<(), Refused> {
        let operator = Operator::at_the_shell();
        match self {
            Self::Add(add) => {
                let new = Valid::check(add.new_plan(app.clock.now()))?;
                let id = record(app, &operator, async |tx| {
                    let id = plans::add(tx, &operator, || app.clock.id(), &new).await?;
                    Ok((id, Act::PlanAdded.on("plan", id).with("slug", new.slug.as_str())))
                });
                let shown = json!({ "id": id.await?, "slug": new.slug });
                output.print(&shown, || format!("{THEN}\n"))
            }
            Self::Price { slug, period, amount, currency } => {
                record(app, &operator, async |tx| {
                    let price = (period, amount, currency.as_str());
                    let at = (|| app.clock.id(), app.clock.now());
                    let plan = plans::set_price(tx, &operator, at, &slug, price).await?;
                    let line = Act::PlanChanged.on("plan", plan).with("period", period.as_str());
                    Ok(((), line.with("amount", amount)))
                })
                .await?;
                output.done(THEN)
            }
            Self::Retire { slug } => offer(app, output, &operator, &slug, false).await,
            Self::Offer { slug } => offer(app, output, &operator, &slug, true).await,
            Self::List => {
                let found = app.read(async |db| plans::all(db).await).await?.untracked();
                output.print(&found, || found.iter().map(line).collect())
            }
            Self::Grant { email, until, reason } => {
                let (id, now) = (app.clock.id(), app.clock.now());
                record(app, &operator, async |tx| {
                    let whose =
                        memberships::grant(tx, &operator, id, &email, (until, &reason), now)
                            .await?;
                    Ok(((), Act::MembershipGiven.on("account", whose)))
                })
                .await?;
                output.done("What is for paying members is open to them.")
            }
            Self::Revoke { email } => {
                record(app, &operator, async |tx| {
                    let taken = memberships::take_back(tx, &operator, &email).await?;
                    Ok(((), Act::MembershipTakenBack.to("grants").with("count", taken)))
                })
                .await?;
                output.done("What was given is taken back.")
            }
        }
    }
}

async fn offer(
    app: &App,
    output: &Output,
    operator: &Operator,
    slug: &str,
    active: bool,
) -> Result<(), Refused> {
    record(app, operator, async |tx| {
        let at = (|| app.clock.id(), app.clock.now());
        let plan = plans::offer(tx, operator, at, slug, active).await?;
        Ok(((), Act::PlanChanged.on("plan", plan).with("offered", active)))
    })
    .await?;
    output.done(if active { "It can be had." } else { "It can be had no more." })
}

fn line(plan: &Plan) -> String {
    let price = |price: &plans::Price| {
        let money = templates::format::money(price.amount, &price.currency);
        let ready = if price.is_ready { "" } else { " (Stripe does not know it yet)" };
        format!("{money} {}{ready}", price.period.as_str())
    };
    let prices = plan.prices.iter().map(price).collect::<Vec<_>>().join(", ");
    format!("{:<16}  {}  {prices}\n", plan.slug, plan.name)
}
