//! One rendering at a time per page; everyone else who wants it waits.
//!
//! Nobody is handed a rendering: who has waited looks at the cache again and judges what lies there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// The renderings under way, by page.
#[derive(Debug, Default)]
pub struct Flights(Mutex<HashMap<String, Arc<Semaphore>>>);

/// What someone who wants a page is to do.
pub enum Place<'a> {
    /// Render it. The others wait until this is dropped, whatever becomes of the rendering.
    Pilot(Landing<'a>),
    /// Wait.
    Passenger(Flight),
}

/// Held by the one who renders.
pub struct Landing<'a> {
    flights: &'a Flights,
    key: String,
    signal: Arc<Semaphore>,
}

/// A rendering someone else is doing.
pub struct Flight(Arc<Semaphore>);

impl Flights {
    /// Joins the flight for `key`, or starts it.
    pub fn board(&self, key: &str) -> Place<'_> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = flights.get(key) {
            return Place::Passenger(Flight(Arc::clone(signal)));
        }
        let signal = Arc::new(Semaphore::new(0));
        flights.insert(key.to_owned(), Arc::clone(&signal));
        Place::Pilot(Landing { flights: self, key: key.to_owned(), signal })
    }
}

impl Flight {
    /// Returns when the rendering has ended. The signal is a semaphore without permits: closing it wakes everyone,
    /// also those who come to wait after it was closed.
    pub async fn landed(self) {
        let closed = self.0.acquire().await;
        debug_assert!(closed.is_err(), "no permit is ever given");
    }
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.signal.close();
    }
}
