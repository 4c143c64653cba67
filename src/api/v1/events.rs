//! What happened, for programs that ask: what webhooks tell, to be read on in.

use crate::error::Result;
use crate::http::Gate;
use crate::http::call::Call;
use crate::http::endpoint::Endpoint;
use crate::http::limit::Limit;
use crate::http::reply::Reply;
use crate::policies::ApiKey;
use crate::services::events::{self, Asked, Feed};
use crate::services::input::Valid;
use crate::services::keys::{EventsRead, Partner};
use actix_web::http::Method;

/// `GET /api/v1/events`
pub struct Index;

impl Gate for Index {
    const PATH: &'static str = "/api/v1/events";
    const LIMIT: Limit = Limit::per_minute(300);
    type Auth = ApiKey<EventsRead>;
}

impl Endpoint for Index {
    const METHOD: Method = Method::GET;
    const SUMMARY: &'static str = "Read on in what happened, in order, of what this key may read. Keep next, and ask again with it.";
    const BODY: usize = 0;
    type At = ();
    type Input = Asked;
    type Output = Feed;

    async fn run(
        call: &Call<'_>,
        who: &Partner<EventsRead>,
        (): &(),
        asked: Valid<Asked>,
    ) -> Result<Reply<Feed>> {
        let feed = call.read(async |db| events::feed(db, who, &asked).await).await?;
        let next = feed.next.filter(|_| feed.has_more);
        Ok(Reply::ok(feed).next(next))
    }
}
