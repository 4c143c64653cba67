//! Those who are out in the storm: twenty who write, by three doors, and a hundred who read.
//!
//! All of them run on one thread and know nothing but addresses. A round robin sends each request to the next instance,
//! and on to the one after it where nobody answers the door.

use super::history::{History, Read, Shown, mark, shown};
use crate::proofs::address;
use crate::support::{ADA, Answer, Chance, Person};
use frontdesk::clock::{Clock, Moment};
use futures_util::future::{join, join_all};
use reqwest::{Method, RequestBuilder};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

/// Those who change a post of theirs in the editor.
pub const EDITORS: Range<usize> = 0..12;
/// Those who do it in psql.
pub const OPERATORS: Range<usize> = 12..16;
/// Programs: they add posts to a topic of theirs, for the API changes none.
pub const PROGRAMS: Range<usize> = 16..20;

/// One site at several addresses.
#[derive(Clone)]
pub struct Site {
    /// The origin that visitors know.
    pub name: String,
    /// Where its instances listen.
    pub addresses: Vec<String>,
    /// Where its database is.
    pub database: String,
}

/// What was answered beside pages.
#[derive(Debug, Default)]
pub struct Counts {
    /// Nobody answered the door.
    pub refused: usize,
    /// 503.
    pub unavailable: usize,
    /// A connection that ended before the answer.
    pub cut: usize,
    /// Writes in psql that did not come to their end.
    pub failed: usize,
    /// What should never be answered.
    pub strange: Vec<String>,
}

/// The clients, and what they remember.
pub struct Clients<'a> {
    pub(super) site: &'a Site,
    pub(super) clock: &'a Clock,
    seed: u64,
    pub(super) over: &'a dyn Fn() -> bool,
    /// What they saw.
    pub history: RefCell<History>,
    /// What else they met.
    pub counts: RefCell<Counts>,
    turn: Cell<usize>,
    callers: Cell<usize>,
}

/// A browser or a program, and the last write it was told of.
pub(super) struct Holder<'a> {
    pub writer: usize,
    pub person: Person<'a>,
    pub number: Cell<u32>,
    /// Programs carry the token themselves; for browsers the cookie jar does.
    pub token: RefCell<Option<String>>,
}

impl Holder<'_> {
    /// The write it was told of last.
    fn holds(&self) -> Option<(usize, u32)> {
        Some((self.writer, self.number.get())).filter(|(_, number)| *number > 0)
    }

    /// Adds the token, where no cookie jar does.
    fn carry(&self, request: RequestBuilder) -> RequestBuilder {
        match self.token.borrow().as_deref() {
            Some(token) => request.header("consistency-token", token),
            None => request,
        }
    }

    /// Where the numbers of this writer stand.
    pub fn place(&self) -> String {
        let part = if PROGRAMS.contains(&self.writer) { "topics" } else { "posts" };
        format!("/{part}/w{:02}", self.writer)
    }
}

/// A post's id, by its writer.
pub(super) fn id(writer: usize) -> String {
    format!("00000000-0000-7000-8000-{writer:012}")
}

/// What there is before anyone comes: a post for each writer but the programs, which get a topic.
pub fn ground() -> String {
    let topics = (0..4).map(|n| format!("t{n}")).chain(PROGRAMS.map(|writer| format!("w{writer}")));
    let topics: Vec<String> = topics.map(|slug| format!("('{slug}', upper('{slug}'))")).collect();
    let posts = (EDITORS.start..OPERATORS.end).map(|writer| {
        let (id, mark) = (id(writer), mark(writer, 0));
        let at = format!("timestamptz '2026-01-31 12:00Z' - {writer} * interval '1 hour'");
        let topic = writer % 4;
        format!(
            "('{id}', 'w{writer:02}', '{mark}', '{mark}', '{mark}', 't{topic}', 'published', {at})"
        )
    });
    format!(
        "insert into topics (slug, name) values {};
         insert into posts (id, slug, title, summary, body, topic, status, published_at) values {}",
        topics.join(", "),
        posts.collect::<Vec<_>>().join(", ")
    )
}

/// Every page on which numbers stand.
pub(super) fn pages() -> Vec<String> {
    let lists = ["/", "/posts", "/posts?page=2"].map(str::to_owned).into_iter();
    let topics = (0..4).map(|n| format!("/topics/t{n}"));
    let own = PROGRAMS.map(|writer| format!("/topics/w{writer}"));
    let posts = (EDITORS.start..OPERATORS.end).map(|writer| format!("/posts/w{writer:02}"));
    lists.chain(topics).chain(own).chain(posts).collect()
}

/// A request that was answered.
pub(super) struct Visit {
    pub at: usize,
    pub sent: Moment,
    pub answer: Answer,
}

type Build<'b> = &'b dyn Fn(&Person<'_>) -> RequestBuilder;

/// What a browser keeps of each page: its validator, and what it shows.
type Kept = HashMap<String, (String, Vec<Shown>)>;

/// Milliseconds between two pages of one reader, at most.
const READING: u64 = 380;

impl<'a> Clients<'a> {
    /// Clients who come until it is `over`. What they choose derives from `seed`.
    pub fn new(site: &'a Site, clock: &'a Clock, seed: u64, over: &'a dyn Fn() -> bool) -> Self {
        Self {
            site,
            clock,
            seed,
            over,
            history: RefCell::new(History::new(PROGRAMS.end, PROGRAMS.start)),
            counts: RefCell::default(),
            turn: Cell::default(),
            callers: Cell::default(),
        }
    }

    /// Has those who write sign in.
    pub(super) async fn arrive(&self) -> Vec<Holder<'a>> {
        let mut holders = Vec::new();
        for writer in 0..PROGRAMS.end {
            holders.push(self.holder(writer).await); // passwords are checked one at a time anyway
        }
        holders
    }

    /// Lets all of them come: the writers, and so many readers, of whom more than half are strangers. When it is over,
    /// looks at every page on every instance once more.
    pub(super) async fn come(&self, holders: &[Holder<'a>], key: &str, readers: usize) {
        let writers = join_all(holders.iter().map(|holder| self.write_on(holder, key)));
        // Tabs of the editors' browsers and threads of the programs, who share what they hold; the others hold nothing.
        let sharing = holders.iter().filter(|holder| !OPERATORS.contains(&holder.writer)).cycle();
        let sharing: Vec<&Holder<'_>> = sharing.take(readers * 2 / 5).collect();
        let all = (0..readers).map(|reader| self.read_on(reader, sharing.get(reader).copied()));
        join(writers, join_all(all)).await;
        self.look_once_more().await;
    }

    /// Each page on each instance, until it is answered as if nothing had happened.
    async fn look_once_more(&self) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let stranger = self.stranger();
        for path in pages() {
            for at in 0..self.site.addresses.len() {
                let mut patience = 100;
                while !self.read(Some(at), &stranger, None, &path).await {
                    patience -= 1;
                    assert!(patience > 0, "{path} at instance {at} does not recover");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// The choices of one of them.
    pub(super) fn chance(&self, of: usize) -> Chance {
        Chance(self.seed ^ (of as u64) << 32)
    }

    fn stranger(&self) -> Person<'a> {
        Person::visiting(&self.site.addresses[0]).asking_for(&self.site.name)
    }

    async fn holder(&self, writer: usize) -> Holder<'a> {
        let person = self.stranger().coming_from(&address(self.next_caller()));
        if EDITORS.contains(&writer) {
            let password = [("email", ADA.0), ("password", ADA.1)];
            let mut answer = person.post("/sign-in", &password).await;
            for _ in 0..20 {
                if answer.status == 503 {
                    answer = person.post("/sign-in", &password).await; // a busy machine
                }
            }
            assert_eq!(answer.status, 303, "{}", answer.body);
        }
        Holder { writer, person, number: Cell::new(0), token: RefCell::default() }
    }

    fn next_caller(&self) -> usize {
        self.callers.replace(self.callers.get() + 1)
    }

    // ---- The round robin ----

    /// Asks one instance.
    async fn ask(
        &self,
        at: usize,
        person: &Person<'_>,
        build: Build<'_>,
    ) -> reqwest::Result<Visit> {
        let from = address(self.next_caller());
        let person = person.at_origin(&self.site.addresses[at]).coming_from(&from);
        let request = build(&person);
        let sent = self.clock.moment();
        let answer = person.try_send(request).await?;
        Ok(Visit { at, sent, answer })
    }

    /// Asks the next instance that is there.
    pub(super) async fn ask_next(
        &self,
        person: &Person<'_>,
        build: Build<'_>,
    ) -> reqwest::Result<Visit> {
        let instances = self.site.addresses.len();
        for _ in 1..instances {
            match self.ask(self.next_turn(), person, build).await {
                Err(error) if error.is_connect() => self.counts.borrow_mut().refused += 1,
                asked => return asked,
            }
        }
        self.ask(self.next_turn(), person, build).await
    }

    fn next_turn(&self) -> usize {
        self.turn.replace((self.turn.get() + 1) % self.site.addresses.len())
    }

    /// The visit, if that is how it ended; counts it, if not.
    pub(super) fn succeeded(&self, visit: reqwest::Result<Visit>, status: u16) -> Option<Visit> {
        match visit {
            Ok(visit) if visit.answer.status == status => return Some(visit),
            Ok(visit) if visit.answer.status == 503 => self.counts.borrow_mut().unavailable += 1,
            Ok(visit) => self.note_strange(visit.at, &visit.answer),
            Err(error) if error.is_connect() => self.counts.borrow_mut().refused += 1,
            Err(_) => self.counts.borrow_mut().cut += 1,
        }
        None
    }

    // ---- Readers ----

    async fn read_on(&self, reader: usize, sharing: Option<&Holder<'a>>) {
        let mut chance = self.chance(1000 + reader);
        let pages = pages();
        let stranger = self.stranger();
        let mut kept = HashMap::new();
        while !(self.over)() {
            let most = if chance.below(3) == 0 { 2 } else { pages.len() as u64 };
            let path = &pages[chance.below(most) as usize];
            match sharing {
                Some(holder) => self.read(None, &holder.person, Some(holder), path).await,
                // Every other stranger's browser keeps pages and asks whether they are still true.
                None if reader.is_multiple_of(2) => {
                    self.read_again(&stranger, path, &mut kept).await
                }
                None => self.read(None, &stranger, None, path).await,
            };
            tokio::time::sleep(Duration::from_millis(20 + chance.below(READING))).await;
        }
    }

    /// Reads a page, of the instance `at` or of the next. Whether it was answered as at any time.
    async fn read(
        &self,
        at: Option<usize>,
        person: &Person<'_>,
        holder: Option<&Holder<'_>>,
        path: &str,
    ) -> bool {
        let held = holder.and_then(Holder::holds); // the jar may hold a later one already, never an earlier
        let build = |person: &Person<'_>| {
            let request = person.request(Method::GET, path);
            match holder {
                Some(holder) => holder.carry(request),
                None => request,
            }
        };
        let visit = match at {
            Some(at) => self.ask(at, person, &build).await,
            None => self.ask_next(person, &build).await,
        };
        let Some(visit) = self.succeeded(visit, 200) else { return false };
        self.note(&visit, path, held, shown(&visit.answer.body))
    }

    /// Has a writer look at a page on every instance that is there.
    pub(super) async fn look_everywhere(&self, holder: &Holder<'_>, path: &str) {
        for at in 0..self.site.addresses.len() {
            self.read(Some(at), &holder.person, Some(holder), path).await;
        }
    }

    /// As a browser that keeps the page: where nothing has changed, the answer is that, and means what the page showed.
    async fn read_again(&self, person: &Person<'_>, path: &str, kept: &mut Kept) -> bool {
        let known = kept.get(path).map_or(String::new(), |(etag, _)| etag.clone());
        let build =
            |person: &Person<'_>| person.request(Method::GET, path).header("if-none-match", &known);
        match self.ask_next(person, &build).await {
            Ok(visit) if visit.answer.status == 304 => {
                self.note(&visit, path, None, kept[path].1.clone())
            }
            visit => {
                let Some(visit) = self.succeeded(visit, 200) else { return false };
                let (etag, shown) = (visit.answer.header("etag"), shown(&visit.answer.body));
                kept.insert(path.to_owned(), (etag.to_owned(), shown.clone()));
                self.note(&visit, path, None, shown)
            }
        }
    }

    fn note(
        &self,
        visit: &Visit,
        path: &str,
        held: Option<(usize, u32)>,
        shown: Vec<Shown>,
    ) -> bool {
        let read = Read {
            sent: visit.sent,
            received: self.clock.moment(),
            at: visit.at,
            path: path.to_owned(),
            status: visit.answer.header("cache-status").to_owned(),
            held,
            shown,
        };
        let as_ever = !read.is_degraded();
        // A program begins with an empty topic; and what an instance kept at its start may be from before the posts.
        if read.shown.is_empty() && as_ever && !path.starts_with("/topics/w") {
            self.note_strange(visit.at, &visit.answer);
        }
        self.history.borrow_mut().reads.push(read);
        as_ever
    }

    fn note_strange(&self, at: usize, answer: &Answer) {
        let start: String = answer.body.chars().take(2000).collect();
        let told = format!("instance {at} answered {}: {start}", answer.status);
        self.counts.borrow_mut().strange.push(told);
    }
}
