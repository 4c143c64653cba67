//! Doors for programs: JSON in, JSON or a problem document out. No cookie is read here, but in `oauth`, to which browsers
//! come.

pub mod contact;
pub mod cron;
pub mod health;
pub mod oauth;
pub mod v1;
pub mod webhooks;
