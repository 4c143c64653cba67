//! Frontdesk: the public side of a small business in one binary over Postgres.
//!
//! A request passes `routes` → `http` (the gate) → one of `pages`, `actions`, `api` → `services`; the operator comes in
//! by `cli`. Only `services` speak SQL (and the cache's poll); only `App::write` commits. ARCHITECTURE.md is the map.

pub mod actions;
pub mod api;
pub mod app;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod digest;
pub mod error;
pub mod http;
pub mod identity;
pub mod intake;
pub mod jobs;
pub mod mail;
pub mod outgoing;
pub mod pages;
pub mod payments;
pub mod policies;
pub mod routes;
pub mod services;
pub mod setup;
pub mod stripe;
pub mod tags;
pub mod together;

pub use app::App;
pub use error::{Error, Result};
