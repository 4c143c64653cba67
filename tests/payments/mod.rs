//! Payments, against a server that speaks as Stripe does.

mod door;
mod kills;
mod ledger;
mod membership;
mod metered;
mod orders;
mod plans;
mod reconciling;
mod second_thoughts;
mod steps;
mod storm;

use super::accounts::{BOB, sign_up};
use super::posts::{but, save, written};
use super::support::stripe::Stripe;
use super::support::{Answer, Person, Shell, TestApp, with_settings};

/// Runs a test against a site that takes payments, with one plan: EUR 9.00 a month, 90.00 a year.
pub fn with_stripe(test: impl AsyncFnOnce(&TestApp, &Stripe)) {
    let stripe = Stripe::start();
    with_settings(&stripe.settings(), async |app| {
        let plan = ["plan", "add", "--slug", "friend", "--name", "Friend", "--text", "All of it."];
        let prices = ["--monthly", "900", "--yearly", "9000"];
        assert_eq!(cli(app, &stripe, &[&plan[..], &prices].concat()).code, 0);
        assert_eq!(cli(app, &stripe, &["stripe", "sync"]).out, "Told of 3.\n");
        test(app, &stripe).await;
    });
}

/// Runs the program on a shell of its own.
pub fn cli(app: &TestApp, stripe: &Stripe, arguments: &[&str]) -> Shell {
    let database = [("DATABASE_URL", app.database_url.as_str())];
    Shell::run(arguments, "", &[&database[..], &stripe.settings()].concat())
}

/// Bob, with an account and no membership.
pub async fn bob(app: &TestApp) -> Person<'_> {
    sign_up(app, BOB.0, BOB.1).await
}

/// The price of the plan that is paid in this period.
pub async fn price(app: &TestApp, period: &str) -> String {
    let sql = format!("select id from plan_prices where active and period = '{period}'");
    app.ask(&sql).await.remove(0)
}

/// Chooses a plan.
pub async fn choose(app: &TestApp, who: &Person<'_>, period: &str) -> Answer {
    who.post("/membership", &[("price", &price(app, period).await)]).await
}

/// Chooses the plan by the month, pays for it, and comes back; no event has been delivered.
pub async fn becomes_a_member(app: &TestApp, stripe: &Stripe, who: &Person<'_>) -> Answer {
    let answer = choose(app, who, "monthly").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let session = stripe.last_session();
    assert_eq!(answer.location, format!("{}/pay/{session}", stripe.origin));
    stripe.world().pay(&session);
    who.get(&format!("/membership/thanks?session_id={session}")).await
}

/// What only those who pay may read.
pub const SECRET_WORD: &str = "marzipanfjord";

/// Has Ada publish a post for those who pay, at `/posts/for-friends`.
pub async fn publish_for_friends(app: &TestApp) {
    let text = format!("It began well.\n\nAnd then: {SECRET_WORD}.");
    let fields = but(written("For friends", &text, "published"), "audience", "paid");
    save(&app.ada().await, "/admin/posts/new", &fields).await;
}

/// Whether somebody may read it.
pub async fn reads(who: &Person<'_>) -> bool {
    let page = who.get("/posts/for-friends").await;
    assert_eq!(page.status, 200);
    page.body.contains(SECRET_WORD)
}

/// The mirror as Stripe would say it: id, status and whether it ends, of each subscription.
pub async fn mirrored(app: &TestApp) -> Vec<String> {
    app.ask(
        "select concat_ws(' ', id, status, cancel_at_period_end) from subscriptions order by id",
    )
    .await
}

/// The same, as it is there.
pub fn at_stripe(stripe: &Stripe) -> Vec<String> {
    let words = |one: &serde_json::Value| {
        let ends = if one["cancel_at_period_end"] == true { "t" } else { "f" };
        format!("{} {} {ends}", one["id"].as_str().unwrap(), one["status"].as_str().unwrap())
    };
    let mut all: Vec<String> = stripe.all("subscription").iter().map(words).collect();
    all.sort();
    all
}
