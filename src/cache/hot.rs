//! Pages that many ask for are rendered again as soon as this instance learns that they have changed, so that hardly
//! anyone has to wait for it. Within a budget: where everything changes all the time, readers come first.

use super::{PageCache, Renderer};
use crate::app::App;
use crate::clock::Moment;
use std::sync::Arc;
use std::time::Duration;

/// A page that was asked for at least so often since it was rendered is asked for often. What was known of it before
/// counts half each time, so a page that nobody asks for any more is rendered only a few times more.
const OFTEN: u32 = 2;
/// No more pages than this in one round,
const MOST: usize = 32;
/// and no longer than this,
const BUDGET: Duration = Duration::from_millis(100);
/// and then so many times as long nothing.
const REST: u32 = 3;

/// Keeps the pages that are asked for often rendered, as long as it is polled.
pub async fn keep_rendered(app: &App) {
    loop {
        app.cache.news.notified().await;
        let began = app.clock.moment();
        for renderer in app.cache.hot_and_changed(began) {
            // The next reader of a page that cannot be had finds out why.
            let _ = app.have_kept(&renderer, None).await;
            if app.clock.moment().since(began) > BUDGET {
                break;
            }
        }
        tokio::time::sleep(app.clock.moment().since(began) * REST).await;
    }
}

impl PageCache {
    /// The pages that are asked for often and have changed, those asked for most first.
    fn hot_and_changed(&self, now: Moment) -> Vec<Arc<dyn Renderer>> {
        let kept = self.pages.iter().map(|(_, entry)| entry);
        let wanted = |entry: &Arc<super::Entry>| {
            entry.hits() >= OFTEN && !self.coherence.is_fresh(&**entry, now)
        };
        let mut wanted: Vec<_> = kept.filter(wanted).collect();
        wanted.sort_by_key(|entry| std::cmp::Reverse(entry.hits()));
        wanted.truncate(MOST);
        wanted.iter().map(|entry| Arc::clone(&entry.renderer)).collect()
    }
}
