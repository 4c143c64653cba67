//! Every page as a pure function from data to HTML: no I/O, no clock, no chance, no database.
//!
//! A function here takes what a page shows and returns a [`View`]; [`layout::document`] puts the
//! frame around it. Text from people is escaped by maud on its way out, Markdown passes
//! [`markdown::render`] and nothing else does, so there is one place to look at for each.
//!
//! The content security policy forbids everything inline. No template writes a `style` attribute, a
//! script or a `data:` address; what has a look gets a class, what moves is in `static/enhance.js`.
#![warn(missing_docs)]

pub mod account;
pub mod admin;
pub mod alarms;
pub mod api_docs;
pub mod assets;
pub mod authorize;
pub mod callers;
pub mod closing;
pub mod confirm_identity;
pub mod consent;
pub mod contact;
pub mod device;
pub mod email_changes;
pub mod errors;
pub mod flash;
pub mod form;
pub mod format;
pub mod held;
pub mod holes;
pub mod home;
pub mod identities;
pub mod invited;
pub mod layout;
pub mod mail;
pub mod markdown;
pub mod membership;
pub mod newsletter;
pub mod orders;
pub mod own_data;
pub mod passkeys;
pub mod paths;
pub mod posts;
pub mod shop;
pub mod sign_in;
pub mod sign_up;
pub mod two_factor;

pub use flash::Flash;
pub use form::FormState;
pub use holes::{Access, Document, Gated, Hole, Holes, Visitor, Who, Whom};
pub use layout::{Chrome, View};
