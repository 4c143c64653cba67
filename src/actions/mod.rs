//! Every way a person changes something: a form that GET shows and POST runs.

pub mod account;
pub mod alarms;
pub mod authorize;
pub mod cache;
pub mod closing;
pub mod contact;
pub mod devices;
pub mod email_changes;
pub mod embed;
pub mod issues;
pub mod leads;
pub mod newsletter;
pub mod notices;
pub mod outbox;
pub mod own_data;
pub mod people;
pub mod posts;
pub mod proof;
pub mod runs;
pub mod sign_in;
pub mod sign_up;
pub mod subscribers;
