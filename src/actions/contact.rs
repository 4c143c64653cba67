//! The contact form: a visitor becomes a lead.

use crate::error::Result;
use crate::http::Gate;
use crate::http::action::{Action, Done, Visit};
use crate::http::form::Pairs;
use crate::http::limit::Limit;
use crate::intake::{self, Door};
use crate::policies::Anyone;
use crate::services::input::Valid;
use crate::services::leads::NewLead;
use crate::services::pages;
use crate::tags::Dependencies;
use actix_web::HttpRequest;
use actix_web::http::header::REFERER;
use sqlx::PgConnection;
use templates::{FormState, View, paths};

/// `/contact`
pub struct Send;

impl Gate for Send {
    const PATH: &'static str = "/contact";
    const LIMIT: Limit = Limit::per_minute(20).everywhere();
    type Auth = Anyone;
}

impl Action for Send {
    type At = ();
    type Form = NewLead;
    const BODY: usize = 64 * 1024;

    async fn run(visit: &Visit<'_>, (): &(), (): &(), form: Valid<NewLead>) -> Result<Done> {
        let receipt = intake::accept(visit.app, Door::WebsiteForm, &form).await?;
        Ok(Done::at(receipt.map(|_| paths::thanks())))
    }

    async fn page(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        state: &FormState,
        seen: &mut Dependencies,
    ) -> Result<View> {
        let text = seen.track(pages::by_name(db, "contact").await?);
        Ok(templates::contact::page(&text.title, &text.body, state))
    }

    /// How the visitor came here, where no script has filled it in: the form posts to the page's own address, campaign
    /// and all, and the browser says which page the form stood on.
    fn supplement(request: &HttpRequest, pairs: &mut Pairs) {
        let query = form_urlencoded::parse(request.query_string().as_bytes());
        for (name, value) in query.filter(|(name, _)| name.starts_with("utm_")) {
            fill(pairs, &name, &value);
        }
        let referer = request.headers().get(REFERER).and_then(|referer| referer.to_str().ok());
        if let Some(page) = referer.and_then(|referer| url::Url::parse(referer).ok()) {
            fill(pairs, "landing_page", page.path());
        }
    }
}

/// Gives the field a value, unless it has one.
fn fill(pairs: &mut Pairs, name: &str, value: &str) {
    match pairs.iter_mut().find(|(known, _)| known == name) {
        Some((_, given)) if given.is_empty() => value.clone_into(given),
        Some(_) => {}
        None => pairs.push((name.to_owned(), value.to_owned())),
    }
}
