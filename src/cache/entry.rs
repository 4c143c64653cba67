//! What is kept: pages, and that there is none.

use super::coherence::{Judged, Kept, Mark};
use crate::app::App;
use crate::clock::Moment;
use crate::error::{Absence, Found, Result};
use crate::http::prepared::Prepared;
use crate::tags::Dependencies;
use futures_util::future::LocalBoxFuture;
use quick_cache::Weighter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use templates::{Document, Holes};

/// One page, however often it is rendered.
pub trait Renderer: Send + Sync {
    /// The one address of this page. Also its key.
    fn address(&self) -> String;

    /// The route it is at, for the log.
    fn route(&self) -> &'static str;

    /// Renders it, from a snapshot of its own.
    fn render<'a>(&'a self, app: &'a App) -> LocalBoxFuture<'a, Result<Rendered>>;
}

/// A page as a renderer leaves it.
#[derive(Debug)]
pub struct Rendered {
    /// The whole document, or why there is none.
    pub document: Found<Document>,
    /// What that depends on.
    pub seen: Dependencies,
}

/// A page that can be shown.
#[derive(Debug)]
pub struct Page {
    /// The whole document, as anyone gets it.
    pub prepared: Prepared,
    /// Where it differs from one visitor to the next, and what of it is not for everyone.
    pub holes: Holes,
}

/// A page that is kept, or that there is none.
pub struct Entry {
    /// The page.
    pub page: Found<Page>,
    pub(super) renderer: Arc<dyn Renderer>,
    pub(super) judged: Judged,
    pub(super) rendered_at: Moment,
    pub(super) until: Option<Moment>,
    /// How often it was asked for: since it was rendered, and half of that before.
    hits: AtomicU32,
}

impl Entry {
    pub(super) fn new(
        rendered: Found<Document>,
        renderer: Arc<dyn Renderer>,
        judged: Judged,
        rendered_at: Moment,
        until: Option<Moment>,
    ) -> Self {
        let page = rendered.map(|document| {
            let holes = document.holes;
            // Without the room that was left for more: it is kept for long.
            let text = document.text.into_boxed_str().into_boxed_bytes().into();
            let prepared = Prepared::new("text/html; charset=utf-8", "no-cache", text);
            Page { prepared: prepared.leading_to(document.leads_to), holes }
        });
        Self { page, renderer, judged, rendered_at, until, hits: AtomicU32::new(0) }
    }

    /// The route it is at, for the log.
    pub fn route(&self) -> &'static str {
        self.renderer.route()
    }

    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> u32 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Takes over what is known of how often the page is asked for. Half of it: what nobody asks for any more is
    /// forgotten.
    pub(super) fn inherit(&self, before: &Self) {
        self.hits.store(before.hits() / 2, Ordering::Relaxed);
    }

    /// What it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match &self.page {
            Ok(page) => page.prepared.weight() + page.holes.bytes(),
            Err(Absence::Gone(text) | Absence::Moved(text)) => text.len(),
            Err(Absence::NotFound) => 0,
        }
    }
}

impl Kept for Entry {
    fn stamp(&self) -> u64 {
        self.judged.stamp
    }

    fn marks(&self) -> &[Arc<Mark>] {
        &self.judged.marks
    }

    fn until(&self) -> Option<Moment> {
        self.until
    }
}

/// How much of the space an entry takes.
#[derive(Clone)]
pub(super) struct Weight;

impl Weighter<String, Arc<Entry>> for Weight {
    fn weight(&self, key: &String, entry: &Arc<Entry>) -> u64 {
        // Beside the page: key, marks, and the cache's own bookkeeping.
        (2 * key.len() + entry.bytes() + entry.judged.marks.len() * 8 + 512) as u64
    }
}
