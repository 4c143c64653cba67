//! Version 1 of the API for partners' programs, and for members' apps.

pub mod events;
pub mod leads;
pub mod me;
pub mod openapi;
pub mod orders;
pub mod posts;
pub mod revalidate;
pub mod subscribers;
pub mod tokens;
pub mod webhooks;
