//! Lists read part by part: one more than fits is asked for, and shows whether there are others.

use uuid::Uuid;

/// How many stand in one part where nobody says.
pub const fn usual() -> u16 {
    20
}

/// How many to ask for where `size` fit.
pub const fn ask(size: usize) -> i64 {
    size as i64 + 1
}

/// What fits of `found`, and the cursor of what comes after it, if anything does.
pub fn cut<T>(mut found: Vec<T>, size: usize, id: impl Fn(&T) -> Uuid) -> (Vec<T>, Option<Uuid>) {
    let more = found.len() > size;
    found.truncate(size);
    let cursor = found.last().filter(|_| more).map(id);
    (found, cursor)
}
