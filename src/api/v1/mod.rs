//! Version 1 of the API for partners' programs.

pub mod leads;
pub mod posts;
pub mod revalidate;
