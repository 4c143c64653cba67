//! GET → HTML: one file per feature. A page asks services and hands what they say to a template.

pub mod account;
pub mod admin;
pub mod api_docs;
pub mod assets;
pub mod callers;
pub mod contact;
pub mod home;
pub mod identities;
pub mod indexnow;
pub mod membership;
pub mod newsletter;
pub mod own_data;
pub mod passkeys;
pub mod posts;
pub mod topics;
pub mod two_factor;
