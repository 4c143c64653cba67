//! Orders, for programs that see to what was bought. Of what happens to them the events tell.

use crate::error::Result;
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::{Endpoint, Nothing};
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::policies::ApiKey;
use crate::services::input::Valid;
use crate::services::keys::{OrdersRead, Partner};
use crate::services::orders::{self, Ordered};
use actix_web::http::Method;
use uuid::Uuid;

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
