//! The application as its callers see it: through HTTP or the shell, against a real Postgres, one fresh database each.
//!
//! Ada owns the site, Eve is nobody. Each test is a sentence. One binary, so that everything links once.

mod support;

mod accounts;
mod audit;
mod audit_log;
mod cache;
mod coherence;
mod confirm_identity;
mod consent;
mod contact;
mod cron;
mod dead;
mod digest;
mod doctor;
mod doors;
mod embed;
mod front;
mod house;
mod identity;
mod imports;
mod indexnow;
mod invites;
mod issue_editor;
mod issues;
mod kept_pages;
mod links;
mod mail;
mod mail_bombs;
mod mail_proofs;
mod newsletter;
mod notices;
mod operator;
mod origin;
mod outage;
mod outbox;
mod partner;
mod personal;
mod post_lists;
mod posts;
mod privacy;
mod proofs;
mod revalidation;
mod runs;
mod scheduled;
mod sending;
mod serving;
mod settings;
mod sign_in;
mod spam;
mod staff;
mod staff_leads;
mod storm;
mod subscribers;
mod sync;
