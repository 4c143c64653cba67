//! What is known about an OpenID provider: what it says about itself, and its keys. Kept for an hour.

use super::openid::Metadata;
use super::refusal::Refusal;
use super::web::Web;
use crate::clock::{Clock, Moment};
use openidconnect::core::CoreJsonWebKeySet;
use openidconnect::{IssuerUrl, JsonWebKeySet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;

/// For so long it is believed.
const GOOD_FOR: Duration = Duration::from_secs(3600);
/// A token with a key nobody knows has the keys fetched again; anyone can make one, so not more often than this.
const KEYS_APART: Duration = Duration::from_secs(60);
/// One that does not answer is not asked again at once: whoever comes next would only wait as long.
const FAILURES_APART: Duration = Duration::from_secs(5);

/// What it said, and when.
pub struct Known {
    /// What it says about itself, with its keys.
    pub metadata: Metadata,
    at: Moment,
    keys_at: Moment,
}

/// Where that is kept. Whoever finds nothing good asks; the others wait for the answer.
#[derive(Default)]
pub struct Shelf {
    kept: RwLock<Option<Arc<Known>>>,
    asking: Mutex<Option<Moment>>, // when it was asked and did not answer
}

impl Shelf {
    /// What was last said, however long ago.
    pub fn last(&self) -> Option<Arc<Known>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it says about itself.
    ///
    /// # Errors
    /// [`Refusal::Away`], [`Refusal::Untrusted`].
    pub async fn current(
        &self,
        clock: &Clock,
        web: &Web,
        issuer: &IssuerUrl,
    ) -> Result<Arc<Known>, Refusal> {
        let good = || self.last().filter(|known| clock.moment().since(known.at) < GOOD_FOR);
        if let Some(known) = good() {
            return Ok(known);
        }
        let mut failed = self.asking.lock().await;
        if let Some(known) = good() {
            return Ok(known);
        }
        if failed.is_some_and(|at| clock.moment().since(at) < FAILURES_APART) {
            return Err(Refusal::Away("it did not answer a moment ago".to_owned()));
        }
        let at = clock.moment();
        // Before it is asked: whoever asks may give up, and then nobody notes anything.
        *failed = Some(at);
        let metadata = ask(web, issuer).await?;
        *failed = None;
        Ok(self.keep(Known { metadata, at, keys_at: at }))
    }

    /// The same with keys that were fetched after those of `seen`, where that may be done.
    ///
    /// # Errors
    /// As [`Shelf::current`], and where the keys were fetched just now.
    pub async fn with_newer_keys(
        &self,
        clock: &Clock,
        web: &Web,
        seen: &Known,
    ) -> Result<Arc<Known>, Refusal> {
        let _asking = self.asking.lock().await;
        let last = self.last().filter(|known| known.keys_at > seen.keys_at);
        if let Some(newer) = last {
            return Ok(newer);
        }
        let now = clock.moment();
        if now.since(seen.keys_at) < KEYS_APART {
            return Err(Refusal::untrusted("the token's key is not among theirs"));
        }
        // Before they are asked for: where that fails, it is not done more often either.
        let metadata = seen.metadata.clone();
        self.keep(Known { metadata: metadata.clone(), at: seen.at, keys_at: now });
        let keys: CoreJsonWebKeySet = JsonWebKeySet::fetch_async(metadata.jwks_uri(), web).await?;
        let metadata = metadata.set_jwks(keys);
        Ok(self.keep(Known { metadata, at: seen.at, keys_at: now }))
    }

    fn keep(&self, known: Known) -> Arc<Known> {
        let known = Arc::new(known);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&known));
        known
    }
}

async fn ask(web: &Web, issuer: &IssuerUrl) -> Result<Metadata, Refusal> {
    let metadata = Metadata::discover_async(issuer.clone(), web).await?;
    let token = metadata.token_endpoint().map(|url| url.url());
    let all = [Some(metadata.authorization_endpoint().url()), token];
    let private = all.iter().all(|url| url.is_some_and(|url| web.may_go(url)));
    if private {
        Ok(metadata)
    } else {
        Err(Refusal::untrusted("discovery leads to no private place"))
    }
}
