//! On which devices somebody has signed in, and how often each of them, and all others together, has guessed at an account.
//!
//! A device carries an id with our signature, which binds it to the address it was used with: nothing is kept of it here.

use crate::app::App;
use crate::digest;
use crate::error::Result;
use crate::http::action::Visit;
use crate::http::limit::{Counter, Limit};
use crate::http::session;
use crate::services::alarms::Alarm;
use crate::services::secrets::Purpose;
use crate::services::sessions::Device;
use actix_web::HttpRequest;
use actix_web::web::Data;
use uuid::Uuid;

/// How often an account was guessed at: from devices that never signed in to it, all together, and from each that did.
pub struct Guesses {
    strangers: Counter<String>,
    devices: Counter<String>,
}

const LIMIT: Limit = Limit::per_quarter_hour(20).everywhere();

impl Default for Guesses {
    fn default() -> Self {
        Self { strangers: Counter::new(LIMIT), devices: Counter::new(LIMIT) }
    }
}

impl Guesses {
    /// Counts a guess at the account with the address `email`, which is in small letters: here, then for all instances together.
    ///
    /// # Errors
    /// [`Error::TooMany`](crate::Error::TooMany).
    pub async fn count(&self, app: &Data<App>, request: &HttpRequest, email: &str) -> Result<()> {
        match known(app, request, email) {
            Some(device) => {
                self.devices.count(&device)?;
                LIMIT.draw(app, digest::of_parts(["device", &device])).await.map(drop)
            }
            None => self.count_stranger(app, email).await,
        }
    }

    /// The same for a program, which no account knows.
    ///
    /// # Errors
    /// [`Error::TooMany`](crate::Error::TooMany).
    pub async fn count_stranger(&self, app: &Data<App>, email: &str) -> Result<()> {
        self.strangers.count(&email.to_owned())?;
        LIMIT.draw(app, digest::of_parts(["stranger", email])).await.map(drop)
    }
}

/// What a device is to carry on which somebody has signed in as `email`.
pub fn remember(app: &App, email: &str) -> String {
    let id = app.clock.id().simple().to_string();
    let email = email.to_lowercase();
    let signature = app.secrets.sign(Purpose::Device, &[id.as_bytes(), email.as_bytes()]);
    let signature = Uuid::from_slice(&signature[..16]).unwrap_or_default();
    format!("{id}.{}", signature.simple())
}

/// Whether someone has signed in with this address on this device.
pub fn is_at_home(visit: &Visit<'_>, email: &str) -> bool {
    known(visit.app, visit.request, &email.to_lowercase()).is_some()
}

/// The id of this device, if someone signed in to this account on it.
pub fn known(app: &App, request: &HttpRequest, email: &str) -> Option<String> {
    let cookie = session::device(&app.config, request)?;
    let (id, given) = cookie.split_once('.')?;
    let given = Uuid::try_parse(given).ok()?;
    let signed = app.secrets.verify_start(
        Purpose::Device,
        &[id.as_bytes(), email.as_bytes()],
        given.as_bytes(),
    );
    signed.then(|| id.to_owned())
}

/// That somebody was let in on a device that is new, in words of ours: what it calls itself is anyone's words.
pub fn alarm(device: &Device) -> Alarm {
    let (name, network) = (templates::device::name(&device.agent), device.network.clone());
    Alarm::NewDevice { device: name, network }
}
