//! Membership: what there is to choose from, and what somebody has.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{CachedPage, Context, LivePage};
use crate::pages::admin::Ignored;
use crate::payments::{self, checkout};
use crate::policies::{self, Anyone};
use crate::services::entitlements::Entitlement;
use crate::services::sessions::Member;
use crate::services::{memberships, plans};
use crate::tags::Dependencies;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::membership::{Held, Outcome, Plan, Price};
use templates::{FormState, View, format, paths};

/// `/membership`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/membership";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Index {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::membership()
    }

    async fn view(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        offers(db, &FormState::default(), seen).await
    }

    fn complete(app: &App, view: View) -> View {
        view.is_on(payments::leads_to(app))
    }
}

/// The page, with what was wrong with what somebody chose.
///
/// # Errors
/// As any statement.
pub async fn offers(
    db: &mut PgConnection,
    state: &FormState,
    seen: &mut Dependencies,
) -> Result<View> {
    let plans = seen.track(plans::all(db).await?);
    let plans: Vec<Plan<'_>> = plans.iter().map(Into::into).collect();
    Ok(templates::membership::page(&plans, state))
}

impl<'a> From<&'a plans::Plan> for Plan<'a> {
    fn from(plan: &'a plans::Plan) -> Self {
        Self {
            name: &plan.name,
            text: &plan.text,
            trial_days: plan.trial_days,
            off: plan.off,
            prices: plan.prices.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a plans::Price> for Price<'a> {
    fn from(price: &'a plans::Price) -> Self {
        Self {
            id: price.id,
            period: price.period.as_str(),
            amount: price.amount,
            currency: &price.currency,
            is_ready: price.is_ready,
        }
    }
}

/// `/membership/thanks`
pub struct Thanks;

/// What Stripe adds to the address.
#[derive(Deserialize)]
pub struct Back {
    #[serde(default)]
    session_id: String,
}

impl Gate for Thanks {
    const PATH: &'static str = "/membership/thanks";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = policies::Member;
}

impl LivePage for Thanks {
    type At = ();
    type Query = Back;

    async fn learn(app: &App, who: &Member, back: &Back) -> Result<()> {
        match back.session_id.as_str() {
            "" => Ok(()),
            session => checkout::come_back(app, who, session).await,
        }
    }

    async fn view(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        back: &Back,
        _: &Context<'_>,
    ) -> Result<View> {
        let held = memberships::of(&mut *db, who).await?;
        let outcome = match &held {
            Some(held) if ["active", "trialing"].contains(&held.status.as_str()) => Outcome::Begun,
            Some(_) => Outcome::Awaited,
            // Whoever did not come from the till has not paid there.
            None if back.session_id.is_empty() => Outcome::None,
            None if memberships::is_awaited(db, who).await? => Outcome::Awaited,
            None => Outcome::None,
        };
        let until = held
            .and_then(|held| Some((held.current_period_end?, held.status == "trialing")))
            .filter(|_| matches!(outcome, Outcome::Begun));
        Ok(templates::membership::thanks(&outcome, until))
    }
}

/// `/account/membership`
pub struct Own;

impl Gate for Own {
    const PATH: &'static str = "/account/membership";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Member;
}

impl LivePage for Own {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Member,
        (): &(),
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        Ok(View {
            leads_to: payments::leads_to(context.app),
            ..own(db, who, &context.blank).await?
        })
    }
}

/// The page, with what was wrong with a form on it.
///
/// # Errors
/// As any statement.
pub async fn own(db: &mut PgConnection, who: &Member, state: &FormState) -> Result<View> {
    let held = memberships::of(&mut *db, who).await?;
    let has_paid = memberships::customer(db, who).await?.is_some();
    let shown = held.as_ref().map(|held| Held {
        plan: held.plan.as_deref().unwrap_or("Membership"),
        words: how_it_stands(held),
        price: match (held.amount, &held.currency, &held.period) {
            (Some(amount), Some(currency), Some(period)) => {
                Some(templates::membership::price(amount, currency, period))
            }
            _ => None,
        },
        ends: held.ends,
        alarm: alarm(held, who.entitlement()),
    });
    let words = words(who.entitlement(), held.is_some());
    Ok(templates::membership::own(shown.as_ref(), words, has_paid, state))
}

fn how_it_stands(held: &memberships::Held) -> String {
    let until = held.current_period_end.map(format::date).unwrap_or_default();
    match held.status.as_str() {
        "trialing" if held.ends => format!("Free of charge until {until}, when it ends."),
        "trialing" => format!("Free of charge until {until}; it is paid from then on."),
        "active" if held.ends => format!("Paid until {until}, when it ends."),
        "active" => format!("Paid until {until}; it is renewed then."),
        "past_due" | "unpaid" if held.ends => {
            "The last payment did not go through, and it ends with the time that it has left."
                .to_owned()
        }
        "past_due" | "unpaid" => "The last payment did not go through.".to_owned(),
        "incomplete" => "The first payment is not complete.".to_owned(),
        _ => "It rests.".to_owned(),
    }
}

/// What somebody has to see to.
fn alarm(held: &memberships::Held, entitlement: Entitlement) -> Option<String> {
    match (held.status.as_str(), entitlement) {
        ("past_due", Entitlement::Grace(until)) => Some(format!(
            "Your last payment has failed. All of it stays open to you until {}: look after your payments before.",
            format::date(until)
        )),
        ("past_due" | "unpaid", _) => Some(
            "Your last payment has failed, and what is for members is closed to you. Look after your payments to open it again.".to_owned(),
        ),
        _ => None,
    }
}

/// What somebody has, in a sentence. `has_one` says whether there is a membership that is not over.
pub fn words(entitlement: Entitlement, has_one: bool) -> &'static str {
    match entitlement {
        Entitlement::None if has_one => "What is for members is closed to you at the moment.",
        Entitlement::None => "You have none.",
        Entitlement::Paid => "What is for members is open to you.",
        Entitlement::Ending(_) => "What is for members is open to you, for a while yet.",
        Entitlement::Grace(_) => {
            "A payment has failed. What is for members is open to you for a few days yet."
        }
    }
}
