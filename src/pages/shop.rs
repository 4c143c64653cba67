//! The shop, as whoever comes sees it: what there is, and what they want of it.

use crate::app::App;
use crate::error::Result;
use crate::http::Gate;
use crate::http::limit::Limit;
use crate::http::page::{CachedPage, Context, LivePage};
use crate::pages::admin::Ignored;
use crate::payments;
use crate::policies::{self, Anyone};
use crate::services::cart::{self, Shopper};
use crate::services::products::{self, Kind};
use crate::tags::Dependencies;
use sqlx::PgConnection;
use templates::shop::{Line, Offer};
use templates::{FormState, View, paths};

/// `/shop`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/shop";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Index {
    type At = ();
    type Query = ();

    fn address((): &(), (): &()) -> String {
        paths::shop()
    }

    async fn view(
        db: &mut PgConnection,
        (): &(),
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        let offers = seen.track(products::offers(db).await?);
        let offers: Vec<Offer<'_>> = offers.iter().map(Into::into).collect();
        Ok(templates::shop::index(&offers))
    }

    fn complete(app: &App, view: View) -> View {
        on_or_off(app, view)
    }
}

/// The page as it is where payments are on, or off. Its forms lead nowhere else.
pub fn on_or_off(app: &App, view: View) -> View {
    View { leads_to: Vec::new(), ..view.is_on(payments::leads_to(app)) }
}

impl<'a> From<&'a products::Offer> for Offer<'a> {
    fn from(offer: &'a products::Offer) -> Self {
        Self {
            slug: &offer.slug,
            title: &offer.title,
            text: &offer.text,
            is_ticket: offer.kind == Kind::Ticket,
            amount: offer.amount,
            currency: &offer.currency,
            left: offer.left,
            happens_at: offer.happens_at,
            is_over: offer.is_over,
        }
    }
}

/// `/shop/{slug}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/shop/{slug}";
    const LIMIT: Limit = Limit::per_minute(600);
    type Auth = Anyone;
}

impl CachedPage for Show {
    type At = String;
    type Query = ();

    fn address(slug: &String, (): &()) -> String {
        paths::product(slug)
    }

    async fn view(
        db: &mut PgConnection,
        slug: &String,
        (): &(),
        seen: &mut Dependencies,
    ) -> Result<View> {
        offer(db, slug, &FormState::default(), seen).await
    }

    fn complete(app: &App, view: View) -> View {
        on_or_off(app, view)
    }
}

/// The page of one thing, with what was wrong with its form.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound).
pub async fn offer(
    db: &mut PgConnection,
    slug: &str,
    state: &FormState,
    seen: &mut Dependencies,
) -> Result<View> {
    let offer = seen.find(products::by_slug(db, slug).await?)?;
    Ok(templates::shop::product(&(&offer).into(), state))
}

/// `/cart`
pub struct Cart;

impl Gate for Cart {
    const PATH: &'static str = "/cart";
    const LIMIT: Limit = Limit::per_minute(120);
    type Auth = policies::Shopper;
}

impl LivePage for Cart {
    type At = ();
    type Query = Ignored;

    async fn view(
        db: &mut PgConnection,
        who: &Shopper,
        (): &(),
        _: &Ignored,
        context: &Context<'_>,
    ) -> Result<View> {
        let view = contents(db, who, &context.blank).await?;
        Ok(view.is_on(payments::leads_to(context.app)))
    }
}

/// The page, with what was wrong with a form on it.
///
/// # Errors
/// As any statement.
pub async fn contents(db: &mut PgConnection, who: &Shopper, state: &FormState) -> Result<View> {
    let lines = match cart::id(&mut *db, who).await? {
        Some(cart) => cart::lines(db, cart, None).await?,
        None => Vec::new(),
    };
    let lines: Vec<Line<'_>> = lines.iter().map(Into::into).collect();
    Ok(templates::shop::cart(&lines, who.member().map(|member| member.name()), state))
}

impl<'a> From<&'a cart::Line> for Line<'a> {
    fn from(line: &'a cart::Line) -> Self {
        Self {
            slug: &line.slug,
            title: &line.title,
            amount: line.amount,
            currency: &line.currency,
            quantity: line.quantity,
            is_there: line.is_there,
            left: line.left,
            gone: line.gone(),
        }
    }
}
