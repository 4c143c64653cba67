//! The application as its callers see it: through HTTP or the shell, against a real Postgres, one fresh database each.
//!
//! Ada owns the site, Eve is nobody. Each test is a sentence. One binary, so that everything links once.

mod support;

mod contact;
