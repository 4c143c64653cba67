//! What people do with the newsletter: ask for it, say that it was they, choose, leave.
//!
//! A GET changes nothing: programs that look at every link in a mail subscribe nobody and unsubscribe nobody.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::endpoint::Nothing;
use crate::http::form::{self, Pairs};
use crate::http::limit::Limit;
use crate::pages::newsletter::ON_FIRST_PAGE;
use crate::policies::{Anyone, MailedLink, OneClick};
use crate::services::input::{self, Valid};
use crate::services::subscribers::{
    self, Ask, Choices, Confirming, From, Holder, Managing, Status,
};
use crate::services::{archive, posts};
use crate::tags::Dependencies;
use actix_web::HttpRequest;
use serde::Deserialize;
use sqlx::PgConnection;
use templates::posts::Topic;
use templates::{Flash, FormState, View, newsletter, paths};
use validator::Validate;

/// `/newsletter`
pub struct Subscribe;

impl Gate for Subscribe {
    const PATH: &'static str = "/newsletter";
    const LIMIT: Limit = Limit::per_minute(20);
    type Auth = Anyone;
}

impl Action for Subscribe {
    type At = ();
    type Form = Ask;
    const BODY: usize = 16 * 1024;

    /// The answer is the same whether or not the address is known here, or gets a mail.
    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<Ask>) -> Result<Done> {
        let arrival = (visit.app.clock.id(), visit.app.clock.now());
        visit
            .once(async |tx| {
                subscribers::ask(tx, arrival, &From::Visitor, &form).await?;
                Ok(paths::newsletter_thanks())
            })
            .await
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View> {
        let topics = seen.track(posts::topics(db).await?);
        let issues = seen.find(archive::sent(db, 1, ON_FIRST_PAGE).await?)?;
        let topics: Vec<Topic<'_>> = topics.iter().map(Into::into).collect();
        let issues: Vec<_> = issues.lines.iter().map(Into::into).collect();
        Ok(newsletter::page(&topics, &issues, state))
    }

    fn supplement(_: &HttpRequest, pairs: &mut Pairs) {
        form::join(pairs, "topics");
    }
}

/// `/newsletter/confirm/{token}`
pub struct Confirm;

impl Gate for Confirm {
    const PATH: &'static str = "/newsletter/confirm/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = MailedLink<Confirming>;
}

impl Action for Confirm {
    type At = String;
    type Form = Nothing;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Holder<Confirming>,
        _: &String,
        _: Valid<Nothing>,
    ) -> Result<Done> {
        let now = visit.app.clock.now();
        visit
            .once(async |tx| {
                let id = subscribers::confirm(tx, who, now).await?;
                let token = Holder::<Managing>::token(&visit.app.secrets, id);
                Ok(paths::newsletter_preferences(&token))
            })
            .await
            .map(|done| done.saying(Flash::SubscriptionConfirmed))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Holder<Confirming>,
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let held = subscribers::held(db, who).await?;
        Ok(newsletter::confirm(&held.email, token, held.status == Status::Confirmed, state))
    }
}

/// `/newsletter/preferences/{token}`
pub struct Choose;

impl Gate for Choose {
    const PATH: &'static str = "/newsletter/preferences/{token}";
    const LIMIT: Limit = Limit::per_minute(60);
    type Auth = MailedLink<Managing>;
}

impl Action for Choose {
    type At = String;
    type Form = Choices;
    const BODY: usize = 64 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Holder<Managing>,
        token: &String,
        form: Valid<Choices>,
    ) -> Result<Done> {
        let now = visit.app.clock.now();
        visit
            .once(async |tx| {
                subscribers::choose(tx, who, &form, now).await?;
                Ok(paths::newsletter_preferences(token))
            })
            .await
            .map(|done| done.saying(Flash::ChoicesSaved))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Holder<Managing>,
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let stored = subscribers::choices(db, who).await?;
        let shown = newsletter::Choices {
            email: &stored.email,
            is_subscribed: stored.status == Status::Confirmed,
            topics: stored
                .topics
                .iter()
                .map(|topic| (topic.slug.as_str(), topic.name.as_str(), topic.chosen))
                .collect(),
            digest: &stored.digest,
            time_zone: &stored.time_zone,
        };
        let leave = paths::newsletter_unsubscribe(token);
        Ok(newsletter::preferences(&shown, token, &leave, state))
    }

    fn supplement(_: &HttpRequest, pairs: &mut Pairs) {
        form::join(pairs, "topics");
    }
}

/// `/newsletter/unsubscribe/{token}`
pub struct Unsubscribe;

/// What a mail program sends (RFC 8058), or the form on the page.
#[derive(Debug, Deserialize, Validate)]
pub struct Leaving {
    /// `One-Click`, from a mail program.
    #[serde(rename = "List-Unsubscribe", default, deserialize_with = "input::line")]
    one_click: String,
}

impl Gate for Unsubscribe {
    const PATH: &'static str = "/newsletter/unsubscribe/{token}";
    // Large providers do it for all their people from a few addresses.
    const LIMIT: Limit = Limit::per_minute(1200);
    type Auth = OneClick;
}

impl Action for Unsubscribe {
    type At = String;
    type Form = Leaving;
    const BODY: usize = 16 * 1024;

    async fn run(
        visit: &Visit<'_>,
        who: &Holder<Managing>,
        token: &String,
        form: Valid<Leaving>,
    ) -> Result<Done> {
        let now = visit.app.clock.now();
        let done = visit
            .once(async |tx| {
                subscribers::leave(tx, who, now).await?;
                Ok(paths::newsletter_unsubscribe(token))
            })
            .await?;
        if form.one_click.is_empty() {
            return Ok(done);
        }
        let held = visit.app.read(async |db| subscribers::held(db, who).await).await?;
        // A mail program is not to be led elsewhere.
        Ok(done.here(newsletter::unsubscribe(&held.email, token, false, &FormState::default())))
    }

    async fn page(
        db: &mut PgConnection,
        who: &Holder<Managing>,
        token: &String,
        state: &FormState,
        _: &mut Dependencies,
    ) -> Result<View> {
        let held = subscribers::held(db, who).await?;
        let is_subscribed = held.status == Status::Confirmed || held.awaited;
        Ok(newsletter::unsubscribe(&held.email, token, is_subscribed, state))
    }
}
