//! Orders, for programs that see to what was bought. Of what happens to them the events tell.

use crate::error::Result;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::{Page, Reply};
use crate::http::{Gate, cursor};
use crate::policies::ApiKey;
use crate::services::input::{self, Valid};
use crate::services::keys::{OrdersRead, Partner};
use crate::services::orders::{self, Ordered, Status, Which};
use actix_web::http::Method;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;
use validator::Validate;

/// `GET /api/v1/orders`
pub struct Index;

/// Which of them, and where in the list.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
pub struct Query {
    /// Only those that stand so.
    status: Option<Status>,
    /// Only those of whoever has this address.
    #[serde(default, deserialize_with = "input::optional_line")]
    email: Option<String>,
    /// The `next` of the part before.
    after: Option<Uuid>,
    /// How many at a time; 20 where it is not said.
    #[serde(default = "cursor::usual")]
    #[validate(range(min = 1, max = 100, message = "Ask for 1 to 100 at a time."))]
    limit: u16,
}

impl Gate for Index {
    const PATH: &'static str = "/api/v1/orders";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<OrdersRead>;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "List orders, the last placed first.";
    const BODY: usize = 0;
    type At = ();
    type Input = Query;
    type Output = Page<Ordered>;

    async fn run(
        call: &Call<'_>,
        who: &Partner<OrdersRead>,
        (): &(),
        asked: Valid<Query>,
    ) -> Result<Reply<Page<Ordered>>> {
        let (email, size) = (asked.email.as_deref(), usize::from(asked.limit));
        let which = Which { status: asked.status, email, after: asked.after };
        let most = cursor::ask(size);
        let found = call.read(async |db| orders::listed(db, who, &which, most).await).await?;
        Ok(Reply::part(found, size, |order| order.id))
    }
}

/// `GET /api/v1/orders/{id}`
pub struct Show;

impl Gate for Show {
    const PATH: &'static str = "/api/v1/orders/{id}";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<OrdersRead>;
}

impl Endpoint for Show {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Look up an order.";
    const BODY: usize = 0;
    type At = Uuid;
    type Input = Nothing;
    type Output = Ordered;

    async fn run(
        call: &Call<'_>,
        who: &Partner<OrdersRead>,
        id: &Uuid,
        _: Valid<Nothing>,
    ) -> Result<Reply<Ordered>> {
        call.read(async |db| orders::for_program(db, who, *id).await).await.map(Reply::ok)
    }
}
