//! What keys may be used for.
//!
//! A new scope is a type here and a line in [`SCOPES`], in the same step as the first route that asks for it: what no route
//! asks for is not offered.

/// What a key may be used for: one type per scope, so that a service can ask for the right one.
pub trait Scope: 'static {
    /// As it is written.
    const NAME: &'static str;
    /// What it lets a program do, in a sentence for whoever gives it.
    const WORDS: &'static str;
    /// Whether a key for tests is good for it: what it does then must be seen by nobody but staff.
    const FOR_TESTS: bool;
}

/// `leads:write`: hand in leads, and see the own ones.
#[derive(Debug)]
pub struct LeadsWrite;

impl Scope for LeadsWrite {
    const NAME: &'static str = "leads:write";
    const WORDS: &'static str = "Hand in leads, and see how far you are with those it handed in.";
    const FOR_TESTS: bool = true;
}

/// `leads:status`: say how far one is with the own leads.
#[derive(Debug)]
pub struct LeadsStatus;

impl Scope for LeadsStatus {
    const NAME: &'static str = "leads:status";
    const WORDS: &'static str = "Say how far you are with the leads it handed in.";
    const FOR_TESTS: bool = true;
}

/// `posts:write`: write posts.
#[derive(Debug)]
pub struct PostsWrite;

impl Scope for PostsWrite {
    const NAME: &'static str = "posts:write";
    const WORDS: &'static str = "Write posts, publish them, and change those it wrote.";
    const FOR_TESTS: bool = false;
}

/// `posts:read`: read what is published, whoever it is for.
#[derive(Debug)]
pub struct PostsRead;

impl Scope for PostsRead {
    const NAME: &'static str = "posts:read";
    const WORDS: &'static str = "Read what is published, also what is for members alone.";
    const FOR_TESTS: bool = true;
}

/// `subscribers:read`: see who gets the newsletter.
#[derive(Debug)]
pub struct SubscribersRead;

impl Scope for SubscribersRead {
    const NAME: &'static str = "subscribers:read";
    const WORDS: &'static str = "See who gets the newsletter.";
    const FOR_TESTS: bool = false;
}

/// `subscribers:write`: have people asked whether they want the newsletter, and take them off the list.
#[derive(Debug)]
pub struct SubscribersWrite;

impl Scope for SubscribersWrite {
    const NAME: &'static str = "subscribers:write";
    const WORDS: &'static str =
        "Have people asked whether they want the newsletter, and take them off the list.";
    const FOR_TESTS: bool = false;
}

/// `orders:read`: see what was ordered.
#[derive(Debug)]
pub struct OrdersRead;

impl Scope for OrdersRead {
    const NAME: &'static str = "orders:read";
    const WORDS: &'static str = "See what was ordered, by whom, and whether it was paid for.";
    const FOR_TESTS: bool = false;
}

/// `cache:write`: have pages rendered again.
#[derive(Debug)]
pub struct CacheWrite;

impl Scope for CacheWrite {
    const NAME: &'static str = "cache:write";
    const WORDS: &'static str = "Have pages made anew, after something changed elsewhere.";
    const FOR_TESTS: bool = false;
}

/// `events:read`: read on in what happened.
#[derive(Debug)]
pub struct EventsRead;

impl Scope for EventsRead {
    const NAME: &'static str = "events:read";
    const WORDS: &'static str = "Read what has happened, of what it may read by its other rights.";
    const FOR_TESTS: bool = true;
}

/// `webhooks:write`: say where it is to be told.
#[derive(Debug)]
pub struct WebhooksWrite;

impl Scope for WebhooksWrite {
    const NAME: &'static str = "webhooks:write";
    const WORDS: &'static str =
        "Say where it is to be told of what happens, of what it may read by its other rights.";
    const FOR_TESTS: bool = false;
}

/// A scope that can be given.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// As it is written.
    pub name: &'static str,
    /// What it lets a program do.
    pub words: &'static str,
    /// Whether a key for tests can have it.
    pub for_tests: bool,
}

const fn offered<S: Scope>() -> Offered {
    Offered { name: S::NAME, words: S::WORDS, for_tests: S::FOR_TESTS }
}

/// Every scope there is.
pub const SCOPES: [Offered; 10] = [
    offered::<LeadsWrite>(),
    offered::<LeadsStatus>(),
    offered::<PostsWrite>(),
    offered::<PostsRead>(),
    offered::<SubscribersRead>(),
    offered::<SubscribersWrite>(),
    offered::<OrdersRead>(),
    offered::<CacheWrite>(),
    offered::<EventsRead>(),
    offered::<WebhooksWrite>(),
];

/// Those that keys of this kind can have.
pub fn names(test: bool) -> Vec<&'static str> {
    SCOPES.iter().filter(|scope| scope.for_tests || !test).map(|scope| scope.name).collect()
}

/// What a key for tests that would do more is told.
pub(super) fn tests_write() -> String {
    let write = names(true).into_iter().filter_map(|name| name.strip_suffix(":write"));
    let write: Vec<&str> = write.collect();
    format!("Test keys write {} only. Send a live key for this.", write.join(" and "))
}
