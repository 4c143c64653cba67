//! What the application does: all rules, and the only SQL. One file per feature.
//!
//! Services are called qualified, `leads::submit`; reads are named by what selects. A service that changes something on
//! someone's behalf asks for the proof of who it is as an argument.

pub mod account_notices;
pub mod accounts;
pub mod alarms;
pub mod announcements;
pub mod apps;
pub mod archive;
pub mod audit;
pub mod batches;
pub mod cleanup;
pub mod closing;
pub mod consents;
pub mod csv;
pub mod demo;
pub mod digests;
pub mod email_changes;
pub mod enrolment;
pub mod events;
pub mod factors;
pub mod front_matter;
pub mod half_sign_ins;
pub mod idempotency;
pub mod identities;
pub mod inbox;
pub mod input;
pub mod invites;
pub mod issues;
pub mod keys;
pub mod leads;
pub mod links;
pub mod outbox;
pub mod pages;
pub mod passkeys;
pub mod passwords;
pub mod people;
pub mod posts;
pub mod recent;
pub mod retention;
pub mod revalidation;
pub mod roster;
pub mod runs;
pub mod second_factors;
pub mod secrets;
pub mod sessions;
pub mod settings;
pub mod spam;
pub mod staff;
pub mod strangers;
pub mod submissions;
pub mod subscribers;
pub mod suppressions;
pub mod sync;
pub mod tokens;
pub mod webhooks;
