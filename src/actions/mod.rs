//! Every way a person changes something: a form that GET shows and POST runs.

pub mod account;
pub mod cache;
pub mod confirm_identity;
pub mod contact;
pub mod embed;
pub mod enter;
pub mod identities;
pub mod inbox;
pub mod invited;
pub mod issues;
pub mod leads;
pub mod newsletter;
pub mod notices;
pub mod outbox;
pub mod passkeys;
pub mod people;
pub mod posts;
pub mod runs;
pub mod settings;
pub mod sign_in;
pub mod sign_in_code;
pub mod sign_in_passkey;
pub mod sign_up;
pub mod staff;
pub mod subscribers;
pub mod two_factor;
