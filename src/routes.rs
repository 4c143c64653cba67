//! Every URL the application answers, by type. `frontdesk routes` prints the table.

use crate::actions::issues::Pressed;
use crate::app::App;
use crate::error::Result;
use crate::http::action::{self, Action};
use crate::http::callback::{self, Callback};
use crate::http::cors;
use crate::http::download::{self, Download};
use crate::http::endpoint::{self, Endpoint};
use crate::http::errors;
use crate::http::form;
use crate::http::framed::{self, Framed};
use crate::http::hook::{self, Hook};
use crate::http::limit::Limit;
use crate::http::openapi::Operation;
use crate::http::page::{self, CachedPage, Empty, LivePage};
use crate::policies::{self, Anyone, Policy};
use crate::{actions, api, pages};
use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, Route, guard};
use serde::Serialize;

/// Mounts everything.
pub fn all(routes: &mut Routes<'_>) {
    routes.cached::<pages::home::Show>();
    routes.cached::<pages::posts::Index>();
    routes.cached::<pages::posts::Show>();
    routes.action::<actions::reading::Open>();
    routes.cached::<pages::topics::Show>();
    routes.cached::<pages::callers::Show>();
    routes.cached_form::<actions::contact::Send>();
    routes.cached::<pages::contact::Thanks>();
    routes.cached_form::<actions::newsletter::Subscribe>();
    routes.cached::<pages::newsletter::Thanks>();
    routes.cached::<pages::newsletter::Index>();
    routes.cached::<pages::newsletter::Show>();
    routes.cached::<pages::membership::Index>();
    routes.action::<actions::membership::Begin>();
    routes.live::<pages::membership::Thanks>();
    routes.cached::<pages::shop::Index>();
    routes.cached::<pages::shop::Show>();
    routes.action::<actions::shop::Add>();
    routes.live::<pages::shop::Cart>();
    routes.action::<actions::shop::Change>();
    routes.action::<actions::shop::Checkout>();
    routes.live::<pages::orders::Show>();
    routes.action::<actions::orders::Cancel>();
    routes.form::<actions::newsletter::Confirm>();
    routes.form::<actions::newsletter::Choose>();
    routes.form::<actions::newsletter::Unsubscribe>();
    routes.form::<actions::sign_in::SignIn>();
    routes.form::<actions::sign_in_code::EnterCode>();
    routes.action::<actions::sign_in_passkey::Begin>();
    routes.form::<actions::sign_in_passkey::SignIn>();
    routes.form::<actions::sign_in::AskForLink>();
    routes.form::<actions::sign_in::UseLink>();
    routes.form::<actions::sign_in::ForgotPassword>();
    routes.form::<actions::sign_in::ResetPassword>();
    routes.form::<actions::sign_up::SignUp>();
    routes.form::<actions::sign_up::Confirm>();
    routes.cached::<pages::account::CheckYourMail>();
    routes.action::<actions::sign_in::SignOut>();
    routes.form::<actions::invited::Join>();
    routes.form::<actions::confirm_identity::Confirm>();
    routes.action::<actions::confirm_identity::ByMail>();
    routes.action::<api::oauth::Start>();
    routes.callback::<api::oauth::Back>();
    routes.form::<actions::identities::GiveAddress>();

    routes.live::<pages::account::Show>();
    routes.live::<pages::membership::Own>();
    routes.live::<pages::orders::Own>();
    routes.action::<actions::membership::Portal>();
    routes.action::<actions::membership::Cancel>();
    routes.action::<actions::membership::Resume>();
    routes.live::<pages::identities::Index>();
    routes.action::<actions::identities::Remove>();
    routes.form::<actions::account::EditProfile>();
    routes.form::<actions::account::ChangePassword>();
    routes.action::<actions::account::EndSessions>();
    routes.action::<actions::account::EndSession>();
    routes.form::<actions::email_changes::ChangeEmail>();
    routes.form::<actions::email_changes::Agree>();
    routes.form::<actions::alarms::NotMe>();
    routes.live::<pages::own_data::Show>();
    routes.download::<pages::own_data::AsJson>();
    routes.download::<pages::own_data::AsTable>();
    routes.form::<actions::closing::DeleteAccount>();
    routes.form::<actions::authorize::Authorize>();
    routes.live::<pages::two_factor::Show>();
    routes.action::<actions::two_factor::Begin>();
    routes.form::<actions::two_factor::SetUp>();
    routes.form::<actions::two_factor::TurnOff>();
    routes.live::<pages::two_factor::Codes>();
    routes.action::<actions::two_factor::KeptCodes>();
    routes.download::<pages::two_factor::CodesFile>();
    routes.form::<actions::two_factor::NewCodes>();
    routes.live::<pages::passkeys::Index>();
    routes.action::<actions::passkeys::Begin>();
    routes.form::<actions::passkeys::Add>();
    routes.form::<actions::passkeys::Rename>();
    routes.action::<actions::passkeys::Remove>();

    routes.live::<pages::admin::Dashboard>();
    routes.live::<pages::admin::leads::Index>();
    routes.live::<pages::admin::leads::Show>();
    routes.action::<actions::leads::SetStatus>();
    routes.action::<actions::leads::AddNote>();
    routes.live::<pages::admin::posts::Index>();
    routes.form::<actions::posts::Write>();
    routes.form::<actions::posts::Edit>();
    routes.live::<pages::admin::products::Index>();
    routes.form::<actions::products::Add>();
    routes.form::<actions::products::Edit>();
    routes.live::<pages::admin::orders::Index>();
    routes.live::<pages::admin::orders::Show>();
    routes.action::<actions::orders::Refund>();
    routes.action::<actions::orders::ResendReceipt>();
    routes.live::<pages::admin::issues::Index>();
    routes.form::<actions::issues::Write>();
    routes.form::<actions::issues::Edit>();
    routes.live::<pages::admin::issues::Preview>();
    routes.framed::<pages::admin::issues::Letter>();
    routes.action::<Pressed<actions::issues::Test>>();
    routes.action::<Pressed<actions::issues::Send>>();
    routes.action::<Pressed<actions::issues::Recall>>();
    routes.action::<Pressed<actions::issues::Pause>>();
    routes.action::<Pressed<actions::issues::Resume>>();
    routes.live::<pages::admin::subscribers::Index>();
    routes.download::<pages::admin::subscribers::Export>();
    routes.form::<actions::subscribers::Add>();
    routes.form::<actions::subscribers::Import>();
    routes.live::<pages::admin::imports::Show>();
    routes.live::<pages::admin::subscribers::Show>();
    routes.action::<actions::subscribers::End>();
    routes.live::<pages::admin::outbox::Index>();
    routes.form::<actions::outbox::RetryDead>();
    routes.live::<pages::admin::outbox::Show>();
    routes.action::<actions::outbox::Retry>();
    routes.form::<actions::outbox::Test>();
    routes.live::<pages::admin::inbox::Index>();
    routes.form::<actions::inbox::ReplayDead>();
    routes.live::<pages::admin::inbox::Show>();
    routes.action::<actions::inbox::Replay>();
    routes.form::<actions::notices::Choose>();
    routes.live::<pages::admin::settings::Show>();
    routes.action::<actions::settings::Decide>();
    routes.action::<actions::settings::DecideFreePosts>();
    routes.live::<pages::admin::ledger::Index>();
    routes.download::<pages::admin::ledger::Export>();
    routes.live::<pages::admin::cache::Index>();
    routes.live::<pages::admin::cache::Show>();
    routes.form::<actions::cache::Drop>();
    routes.live::<pages::admin::runs::Index>();
    routes.action::<actions::runs::RunNow>();
    routes.live::<pages::admin::routes::Index>();
    routes.live::<pages::admin::people::Index>();
    routes.download::<pages::admin::people::Export>();
    routes.action::<actions::people::Erase>();
    routes.live::<pages::admin::staff::Index>();
    routes.action::<actions::staff::Invite>();
    routes.action::<actions::staff::InviteAgain>();
    routes.action::<actions::staff::TakeBack>();
    routes.live::<pages::admin::staff::Show>();
    routes.action::<actions::staff::SetRole>();
    routes.action::<actions::staff::Deactivate>();
    routes.action::<actions::staff::Activate>();
    routes.live::<pages::admin::keys::Index>();
    routes.form::<actions::keys::Make>();
    routes.live::<pages::admin::keys::Show>();
    routes.action::<actions::keys::Rotate>();
    routes.action::<actions::keys::Revoke>();
    routes.live::<pages::admin::webhooks::Index>();
    routes.form::<actions::webhooks::Make>();
    routes.live::<pages::admin::webhooks::Delivery>();
    routes.live::<pages::admin::webhooks::Show>();
    routes.form::<actions::webhooks::Edit>();
    routes.action::<actions::webhooks::Rotate>();
    routes.action::<actions::webhooks::Remove>();
    routes.action::<actions::webhooks::Pressed<actions::webhooks::Pause>>();
    routes.action::<actions::webhooks::Pressed<actions::webhooks::Enable>>();
    routes.action::<actions::webhooks::Pressed<actions::webhooks::Disable>>();
    routes.action::<actions::webhooks::Pressed<actions::webhooks::Ping>>();
    routes.action::<actions::webhooks::Replay>();
    routes.live::<pages::admin::audit::Index>();
    routes.download::<pages::admin::audit::Export>();

    routes.plain_form::<actions::embed::Send>();
    routes.endpoint::<api::contact::Send>();
    routes.endpoint::<api::v1::leads::Index>();
    routes.endpoint::<api::v1::leads::Create>();
    routes.endpoint::<api::v1::leads::Show>();
    routes.endpoint::<api::v1::leads::Edit>();
    routes.endpoint::<api::v1::posts::Index>();
    routes.endpoint::<api::v1::posts::Create>();
    routes.endpoint::<api::v1::posts::Show>();
    routes.endpoint::<api::v1::posts::Edit>();
    routes.endpoint::<api::v1::posts::Source>();
    routes.endpoint::<api::v1::subscribers::Index>();
    routes.endpoint::<api::v1::subscribers::Create>();
    routes.endpoint::<api::v1::subscribers::Show>();
    routes.endpoint::<api::v1::subscribers::Edit>();
    routes.endpoint::<api::v1::orders::Index>();
    routes.endpoint::<api::v1::orders::Show>();
    routes.endpoint::<api::v1::revalidate::Create>();
    routes.endpoint::<api::v1::events::Index>();
    routes.endpoint::<api::v1::webhooks::Index>();
    routes.endpoint::<api::v1::webhooks::Create>();
    routes.endpoint::<api::v1::webhooks::Delivered>();
    routes.endpoint::<api::v1::webhooks::Show>();
    routes.endpoint::<api::v1::webhooks::Edit>();
    routes.endpoint::<api::v1::webhooks::Remove>();
    routes.endpoint::<api::v1::webhooks::Rotate>();
    routes.endpoint::<api::v1::webhooks::Ping>();
    routes.endpoint::<api::v1::webhooks::Replay>();
    routes.endpoint::<api::v1::webhooks::Deliveries>();
    routes.endpoint::<api::v1::tokens::Create>();
    routes.endpoint::<api::v1::tokens::Revoke>();
    routes.endpoint::<api::v1::me::Show>();
    routes.endpoint::<api::v1::me::Edit>();
    routes.endpoint::<api::cron::Run>();
    routes.endpoint::<api::cron::RunByGet>();
    routes.hook::<api::webhooks::Take<policies::GitHub>>();
    routes.hook::<api::webhooks::Take<policies::Resend>>();
    routes.hook::<api::webhooks::Take<policies::Stripe>>();
    // After those that have a door of their own.
    routes.hook::<api::webhooks::Take<policies::Named>>();

    routes.plain("/api/v1/openapi.json", api::v1::openapi::show);
    routes.cached::<pages::api_docs::Show>();
    routes.plain("/healthz", api::health::alive);
    routes.plain("/readyz", api::health::ready);
    routes.plain("/static/{hash}/{name}", pages::assets::show);
    routes.plain("/favicon.ico", pages::assets::favicon);
    // Last, as it takes whatever ends like this.
    routes.plain("/{key}.txt", pages::indexnow::key);
}

/// Has the pages kept that must be there even where the database goes away before anyone has asked for them: whoever
/// wants to write to the business can.
///
/// # Errors
/// Those of the pages.
pub async fn warm(app: &App) -> Result<()> {
    page::warm::<pages::home::Show>(app, (), ()).await?;
    page::warm::<Empty<actions::contact::Send>>(app, (), ()).await?;
    page::warm::<pages::contact::Thanks>(app, (), ()).await
}

/// A line of the table of routes.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The method; HEAD goes wherever GET goes.
    pub method: &'static str,
    /// The path, with `{name}` for each part that varies.
    pub path: &'static str,
    /// The proof asked for.
    pub proof: &'static str,
    /// How often one caller may come; none where it costs nothing.
    pub limit: Option<String>,
    /// The largest body, in bytes; none where none is read.
    pub body: Option<usize>,
    /// Whether the answer is kept.
    pub cached: bool,
}

/// Gathers routes by path, so that each path knows all of its methods.
pub struct Routes<'a> {
    config: Option<&'a mut ServiceConfig>,
    table: Vec<Entry>,
    operations: Vec<Operation>,
    paths: Vec<(&'static str, Vec<(Method, Route)>)>,
}

impl<'a> Routes<'a> {
    /// Nothing mounted yet; dropping this mounts what was gathered.
    pub fn new(config: &'a mut ServiceConfig) -> Self {
        Self::mounted_on(Some(config))
    }

    fn mounted_on(config: Option<&'a mut ServiceConfig>) -> Self {
        Self { config, table: Vec::new(), operations: Vec::new(), paths: Vec::new() }
    }

    fn cached<P: CachedPage>(&mut self) {
        self.list::<P::Auth>(Method::GET, P::PATH, Some(P::LIMIT), None, true);
        self.get(P::PATH, || web::to(page::cached::<P>));
    }

    fn live<P: LivePage>(&mut self) {
        self.list::<P::Auth>(Method::GET, P::PATH, Some(P::LIMIT), None, false);
        self.get(P::PATH, || web::to(page::live::<P>));
    }

    /// A file.
    fn download<D: Download>(&mut self) {
        self.list::<D::Auth>(Method::GET, D::PATH, Some(D::LIMIT), None, false);
        self.get(D::PATH, || web::to(download::give::<D>));
    }

    /// A document in a frame of a page.
    fn framed<F: Framed>(&mut self) {
        self.list::<F::Auth>(Method::GET, F::PATH, Some(F::LIMIT), None, false);
        self.get(F::PATH, || web::to(framed::show::<F>));
    }

    /// A form with a page of its own.
    fn form<A: Action>(&mut self) {
        self.list::<A::Auth>(Method::GET, A::PATH, Some(A::LIMIT), None, false);
        self.get(A::PATH, || web::to(action::show::<A>));
        self.action::<A>();
    }

    /// A form whose empty page is the same for everyone.
    fn cached_form<A: Action<Auth = Anyone, At = ()>>(&mut self) {
        self.cached::<Empty<A>>();
        self.action::<A>();
    }

    /// A form that stands on another page.
    fn action<A: Action>(&mut self) {
        self.list::<A::Auth>(Method::POST, A::PATH, Some(A::LIMIT), Some(A::BODY), false);
        self.add(A::PATH, Method::POST, web::to(action::submit::<A>));
    }

    /// A form at an address where programs send JSON. Mounted before them.
    fn plain_form<A: Action>(&mut self) {
        self.list::<A::Auth>(Method::POST, A::PATH, Some(A::LIMIT), Some(A::BODY), false);
        let is_form = guard::fn_guard(|at| form::is_form(at.head().headers()));
        self.add(A::PATH, Method::POST, web::to(action::submit::<A>).guard(is_form));
    }

    /// A door for events of other programs.
    fn hook<H: Hook>(&mut self) {
        self.list::<H::Auth>(Method::POST, H::PATH, Some(H::LIMIT), Some(hook::BODY), false);
        self.add(H::PATH, Method::POST, web::to(hook::take::<H>));
    }

    /// Where somebody comes back to.
    fn callback<C: Callback>(&mut self) {
        self.list::<C::Auth>(Method::GET, C::PATH, Some(C::LIMIT), None, false);
        self.get(C::PATH, || web::to(callback::back::<C>));
    }

    fn endpoint<E: Endpoint>(&mut self) {
        if E::PATH.starts_with("/api/v1/") {
            self.operations.push(Operation::of::<E>());
        }
        let body = (E::METHOD != Method::GET).then_some(E::BODY);
        self.list::<E::Auth>(E::METHOD, E::PATH, Some(E::LIMIT), body, false);
        let members = endpoint::members::<E>();
        let serve = move |request: HttpRequest, payload: web::Payload| {
            endpoint::call::<E>(request, payload, members.clone())
        };
        if E::METHOD == Method::GET {
            self.get(E::PATH, || web::to(serve.clone()));
        } else {
            self.add(E::PATH, E::METHOD, web::to(serve));
        }
        if E::Auth::CORS {
            // Without an origin nobody asks on behalf of a script, only which methods there are.
            let asks = guard::fn_guard(|at| at.head().headers().contains_key(ORIGIN));
            self.add(E::PATH, Method::OPTIONS, web::to(cors::preflight).guard(asks));
        }
        if E::SCRIPTS {
            // Each method of an address is asked for by its name, and may be another matter.
            let asks = guard::fn_guard(|at| {
                let headers = &at.head().headers;
                let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
                headers.contains_key(ORIGIN)
                    && method.is_some_and(|method| method == E::METHOD.as_str())
            });
            self.add(E::PATH, Method::OPTIONS, web::to(cors::preflight_of::<E>).guard(asks));
        }
    }

    /// Files and health: nothing to prove, nothing to count.
    fn plain<F, O>(&mut self, path: &'static str, handler: F)
    where
        F: Fn(HttpRequest) -> O + Copy + 'static,
        O: Future<Output = actix_web::HttpResponse> + 'static,
    {
        self.list::<Anyone>(Method::GET, path, None, None, false);
        self.get(path, || web::to(handler));
    }

    fn get(&mut self, path: &'static str, route: impl Fn() -> Route) {
        self.add(path, Method::GET, route());
        self.add(path, Method::HEAD, route());
    }

    fn add(&mut self, path: &'static str, method: Method, route: Route) {
        let route = (method.clone(), route.method(method));
        match self.paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, routes)) => routes.push(route),
            None => self.paths.push((path, vec![route])),
        }
    }

    fn list<A: Policy>(
        &mut self,
        method: Method,
        path: &'static str,
        limit: Option<Limit>,
        body: Option<usize>,
        cached: bool,
    ) {
        let method = match method {
            Method::GET => "GET",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            _ => "POST",
        };
        let limit = limit.map(|limit| limit.to_string());
        self.table.push(Entry { method, path, proof: A::NAME, limit, body, cached });
    }
}

impl Drop for Routes<'_> {
    fn drop(&mut self) {
        let Some(config) = self.config.take() else { return };
        for (path, routes) in self.paths.drain(..) {
            let mut allow: Vec<&str> = Vec::new();
            for (method, _) in &routes {
                if !allow.contains(&method.as_str()) {
                    allow.push(method.as_str());
                }
            }
            let allow = allow.join(", ");
            let mut resource = web::resource(path);
            for (_, route) in routes {
                resource = resource.route(route);
            }
            config.service(resource.default_service(web::to(move |request: HttpRequest| {
                let answer = match *request.method() {
                    Method::OPTIONS => errors::options(&allow),
                    _ => errors::method_not_allowed(&request, &allow),
                };
                std::future::ready(answer)
            })));
        }
    }
}

/// The table, without a server.
pub fn table() -> Vec<Entry> {
    let mut routes = Routes::mounted_on(None);
    all(&mut routes);
    std::mem::take(&mut routes.table)
}

/// The operations of the API, for its description.
pub fn operations() -> Vec<Operation> {
    let mut routes = Routes::mounted_on(None);
    all(&mut routes);
    std::mem::take(&mut routes.operations)
}
