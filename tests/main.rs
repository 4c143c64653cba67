//! The application as its callers see it: through HTTP or the shell, against a real Postgres, one fresh database each.
//!
//! Ada owns the site, Eve is nobody. Each test is a sentence. One binary, so that everything links once.

mod support;

mod account_alarms;
mod account_data;
mod account_email;
mod accounts;
mod apps;
mod cache;
mod coherence;
mod contact;
mod cron;
mod digest;
mod doctor;
mod doors;
mod embed;
mod front;
mod house;
mod issues;
mod kept_pages;
mod links;
mod mail;
mod mail_bombs;
mod mail_proofs;
mod me;
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
mod sign_in;
mod spam;
mod staff_leads;
mod storm;
mod subscribers;
mod sync;
mod tokens;
mod tokens_by_code;
