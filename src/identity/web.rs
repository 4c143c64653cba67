//! How identity providers are spoken to: by https alone, and with the limits of everything that is sent to other servers.

use crate::config::is_private;
use crate::outgoing::{Configured, Message, Outgoing, Trouble};
use futures_util::future::LocalBoxFuture;
use oauth2::http::Response;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use std::sync::Arc;
use thiserror::Error;
use url::Url;

/// A way to one identity provider, whom the operator has named: so is wherever it says that it is to be asked.
pub struct Web {
    outgoing: Arc<Outgoing>,
    plain: bool,
}

/// Why there is no answer. Holds no address and nothing that was sent.
#[derive(Debug, Error)]
pub enum Fault {
    /// Nobody answers, or not in time, or not in TLS.
    #[error("{0}")]
    Trouble(#[from] Trouble),
    /// It says more than anyone has to say, or breaks off.
    #[error("an answer that is too long, or broken off")]
    NotWhole,
    /// Others could read what goes there.
    #[error("an address without TLS")]
    NotPrivate,
    /// It is no answer at all.
    #[error("an answer that is none")]
    Unreadable,
}

impl Web {
    /// A way to a provider on this machine itself where `plain`, and else to one by https.
    pub fn new(outgoing: &Arc<Outgoing>, plain: bool) -> Self {
        Self { outgoing: Arc::clone(outgoing), plain }
    }

    /// Whether this is an address to which a visitor, or a request of ours, may go.
    pub fn may_go(&self, url: &Url) -> bool {
        url.scheme() == "https" || (self.plain && is_private(url))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        if !Url::parse(&url).is_ok_and(|url| self.may_go(&url)) {
            return Err(Fault::NotPrivate);
        }
        let to: Configured = url.parse().map_err(|()| Fault::NotPrivate)?;
        let message = Message { method: head.method, headers: head.headers, body };
        let answer = self.outgoing.send(&to, message).await?;
        if !answer.is_whole {
            return Err(Fault::NotWhole);
        }
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status.try_into().map_err(|_| Fault::Unreadable)?;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Web {
    type Error = Fault;
    type Future = LocalBoxFuture<'c, Result<HttpResponse, Fault>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
