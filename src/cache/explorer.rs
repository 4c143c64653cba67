//! Every order in which small things can happen, tried on the real state machine.
//!
//! A world has a database (transactions that begin, commit, abort; crashes after which transaction ids are used again),
//! one or two instances, and actors that each go through a few steps. The explorer lets any actor take the next step, in
//! every order, and looks at each page that is served. Worlds that are alike are gone into once. A page is the set of
//! writes it shows, so that what it must and must not show is plain.

use super::coherence::{Applying, Coherence, Judged, Kept, Mark, Mistake, Polled, Rendering};
use super::reader::{CATCH_UP, Next, Reader};
use super::snapshot::{Incarnation, Snapshot, Token};
use crate::clock::Moment;
use crate::tags::Tag;
use std::collections::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// Which writes a page shows: one bit each.
type Writes = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Running,
    Committed,
    Aborted,
}

#[derive(Debug, Clone)]
struct Transaction {
    xid: u64,
    writer: usize,
    fate: Fate,
}

/// Postgres, as far as it matters here.
#[derive(Debug, Clone)]
struct Database {
    boot: u128,
    next_xid: u64,
    transactions: Vec<Transaction>,
}

impl Database {
    fn snapshot(&self) -> Snapshot {
        let running = self.transactions.iter().filter(|t| t.fate == Fate::Running).map(|t| t.xid);
        let running: Vec<String> = running.map(|xid| xid.to_string()).collect();
        let xmin = running.first().cloned().unwrap_or_else(|| self.next_xid.to_string());
        format!("{xmin}:{}:{}", self.next_xid, running.join(",")).parse().unwrap()
    }

    fn shown(&self) -> Writes {
        let committed = self.transactions.iter().filter(|t| t.fate == Fate::Committed);
        committed.fold(0, |writes, t| writes | 1 << t.writer)
    }

    fn incarnation(&self) -> Incarnation {
        Incarnation { system: 1, boot: Uuid::from_u128(self.boot) }
    }

    /// What was running is gone, and the ids of whatever did not commit may come again.
    fn crash(&mut self) {
        let committed = |t: &Transaction| t.fate == Fate::Committed;
        self.transactions.retain(committed);
        self.next_xid = self.transactions.iter().map(|t| t.xid + 1).max().unwrap_or(FIRST_XID);
        self.boot += 1;
    }
}

const FIRST_XID: u64 = 10;

struct Entry {
    stamp: u64,
    marks: Box<[Arc<Mark>]>,
    shows: Writes,
}

impl Kept for Entry {
    fn stamp(&self) -> u64 {
        self.stamp
    }
    fn marks(&self) -> &[Arc<Mark>] {
        &self.marks
    }
}

/// One process with its cache of one page.
struct Instance {
    state: Coherence,
    kept: Option<Entry>,
    /// Someone is polling: nobody else does.
    polling: bool,
    /// How many renderings have ended, and whether one is under way.
    landed: u32,
    flying: bool,
    /// For the mistake of asking for rows above the last.
    rows_seen: usize,
}

/// What an actor is in the middle of.
#[derive(Debug)]
enum Doing {
    Nothing,
    Polled(Polled, usize),
    Applying(Applying),
    Rendering(Rendering),
    Rendered(Rendering, Writes),
    Waiting(u32),
    Done,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    /// Writes, and commits or aborts. Its write is acknowledged with the commit.
    Writer { number: usize, commits: bool },
    /// Crashes the database, once.
    Crash,
    /// Holds everyone else up for long, once.
    Pause,
    /// Reads a page on an instance, at a time when nothing known before is recent enough, or right away with the token
    /// of a writer.
    Reader { instance: usize, own: Option<usize> },
}

#[derive(Debug)]
struct Actor {
    role: Role,
    doing: Doing,
    reader: Option<Reader>,
    /// What the page must show, decided on arrival.
    owed: Writes,
}

struct World {
    database: Database,
    instances: Vec<Instance>,
    actors: Vec<Actor>,
    now: Moment,
    acknowledged: Writes,
    tokens: Vec<(usize, Token)>,
    wrong: Option<String>,
}

impl World {
    fn new(roles: Vec<Role>, instances: usize, mistake: Option<Mistake>) -> Self {
        let instance = || Instance {
            state: Coherence::mistaken(mistake),
            kept: None,
            polling: false,
            landed: 0,
            flying: false,
            rows_seen: 0,
        };
        let actor = |role| Actor { role, doing: Doing::Nothing, reader: None, owed: 0 };
        Self {
            database: Database { boot: 1, next_xid: FIRST_XID, transactions: Vec::new() },
            instances: std::iter::repeat_with(instance).take(instances).collect(),
            actors: roles.into_iter().map(actor).collect(),
            now: Moment(1_000_000),
            acknowledged: 0,
            tokens: Vec::new(),
            wrong: None,
        }
    }

    /// Lets an actor take its next step. False where it has none, or has to wait.
    fn step(&mut self, actor: usize) -> bool {
        match self.actors[actor].role {
            Role::Writer { number, commits } => self.write(actor, number, commits),
            Role::Crash => {
                let first = matches!(self.actors[actor].doing, Doing::Nothing);
                if first {
                    self.database.crash();
                    self.actors[actor].doing = Doing::Done;
                }
                first
            }
            Role::Pause => {
                let first = matches!(self.actors[actor].doing, Doing::Nothing);
                if first {
                    self.now = self.now.plus(CATCH_UP);
                    self.actors[actor].doing = Doing::Done;
                }
                first
            }
            Role::Reader { instance, own } => self.read(actor, instance, own),
        }
    }

    fn write(&mut self, actor: usize, number: usize, commits: bool) -> bool {
        let database = &mut self.database;
        match self.actors[actor].doing {
            Doing::Nothing => {
                let xid = database.next_xid;
                database.next_xid += 1;
                database.transactions.push(Transaction {
                    xid,
                    writer: number,
                    fate: Fate::Running,
                });
                self.actors[actor].doing = Doing::Waiting(0);
            }
            Doing::Waiting(_) => {
                self.actors[actor].doing = Doing::Done;
                let incarnation = database.incarnation();
                let Some(mine) = database.transactions.iter_mut().find(|t| t.writer == number)
                else {
                    return true; // lost in a crash, and nobody was told otherwise
                };
                mine.fate = if commits { Fate::Committed } else { Fate::Aborted };
                if commits {
                    self.tokens.push((number, Token { incarnation, xid: mine.xid }));
                    self.acknowledged |= 1 << number;
                }
            }
            _ => return false,
        }
        true
    }

    fn read(&mut self, actor: usize, at: usize, own: Option<usize>) -> bool {
        if self.actors[actor].reader.is_none() {
            return self.arrive(actor, own);
        }
        let doing = std::mem::replace(&mut self.actors[actor].doing, Doing::Nothing);
        let instance = &mut self.instances[at];
        let next = match doing {
            Doing::Done => return self.stay(actor, Doing::Done),
            Doing::Waiting(landed) if instance.landed == landed => {
                return self.stay(actor, Doing::Waiting(landed));
            }
            Doing::Waiting(_) => {
                self.actors[actor].reader.as_mut().unwrap().landed();
                Doing::Nothing
            }
            Doing::Polled(polled, rows) => {
                instance.rows_seen = rows;
                if instance.state.errs(Mistake::DeleteOnInvalidate) && !polled.changed.is_empty() {
                    instance.kept = None;
                }
                Doing::Applying(instance.state.begin(polled))
            }
            Doing::Applying(applying) => {
                instance.state.publish(applying);
                instance.polling = false;
                Doing::Nothing
            }
            Doing::Rendering(rendering) => Doing::Rendered(rendering, self.database.shown()),
            Doing::Rendered(rendering, shows) => {
                let Judged { stamp, marks, .. } =
                    instance.state.end_rendering(rendering, vec![Tag::Posts]);
                if instance.kept.as_ref().is_none_or(|kept| kept.stamp <= stamp) {
                    instance.kept = Some(Entry { stamp, marks, shows });
                }
                instance.flying = false;
                instance.landed += 1;
                self.serve(actor, shows);
                Doing::Done
            }
            Doing::Nothing => match self.decide(actor, at) {
                Some(doing) => doing,
                None => return self.stay(actor, Doing::Nothing),
            },
        };
        self.actors[actor].doing = next;
        true
    }

    fn stay(&mut self, actor: usize, doing: Doing) -> bool {
        self.actors[actor].doing = doing;
        false
    }

    /// Comes to the door. Without a token of its own, so long after everything else that nothing known before will do.
    fn arrive(&mut self, actor: usize, own: Option<usize>) -> bool {
        let token = match own {
            None => {
                self.now = Moment(self.now.0 + 300_000);
                self.actors[actor].owed = self.acknowledged;
                None
            }
            Some(writer) => {
                let Some((_, token)) = self.tokens.iter().find(|(number, _)| *number == writer)
                else {
                    return false; // has not been answered yet
                };
                self.now = Moment(self.now.0 + 1); // an answer and a request lie between
                self.actors[actor].owed = 1 << writer;
                Some(*token)
            }
        };
        self.actors[actor].reader = Some(Reader::new(self.now, token));
        true
    }

    fn decide(&mut self, actor: usize, at: usize) -> Option<Doing> {
        let instance = &mut self.instances[at];
        let reader = self.actors[actor].reader.as_mut().unwrap();
        match reader.next(&instance.state, instance.kept.as_ref(), self.now) {
            Next::Serve => {
                let shows = instance.kept.as_ref().map_or(0, |kept| kept.shows);
                self.serve(actor, shows);
                Some(Doing::Done)
            }
            Next::Confirm { .. } | Next::CatchUp { .. } if instance.polling => None,
            Next::Confirm { .. } | Next::CatchUp { .. } => {
                instance.polling = true;
                let (polled, rows) = poll(&self.database, instance, self.now);
                Some(Doing::Polled(polled, rows))
            }
            Next::Away => Some(Doing::Done), // and says so
            Next::Render if instance.flying => Some(Doing::Waiting(instance.landed)),
            Next::Render | Next::RenderAlone => {
                instance.flying = true;
                Some(Doing::Rendering(instance.state.begin_rendering()))
            }
        }
    }

    fn serve(&mut self, actor: usize, shows: Writes) {
        let owed = self.actors[actor].owed;
        if shows & owed != owed {
            self.wrong = Some(format!("a reader who is owed {owed:03b} was shown {shows:03b}"));
        }
        let ever = self.database.shown() | self.acknowledged;
        if shows & !ever != 0 {
            self.wrong = Some(format!(
                "a reader was shown {shows:03b}, and only {ever:03b} was ever written"
            ));
        }
    }
}

fn poll(database: &Database, instance: &Instance, now: Moment) -> (Polled, usize) {
    let seen = instance.state.seen();
    let committed = |t: &&Transaction| t.fate == Fate::Committed;
    // Rows are numbered as they are written, and are there once they are committed.
    let rows = database
        .transactions
        .iter()
        .rposition(|t| t.fate == Fate::Committed)
        .map_or(0, |at| at + 1);
    let found = if instance.state.errs(Mistake::AboveTheLast) {
        database.transactions.iter().skip(instance.rows_seen).filter(committed).count()
    } else {
        let hidden =
            |t: &&Transaction| seen.as_ref().is_some_and(|seen| !seen.snapshot.sees(t.xid));
        database.transactions.iter().filter(committed).filter(hidden).count()
    };
    let changed = std::iter::repeat_n((Tag::Posts, false), found.min(1)).collect();
    let polled = Polled {
        started: now,
        incarnation: database.incarnation(),
        snapshot: database.snapshot(),
        changed,
        everything: None,
    };
    (polled, rows.max(instance.rows_seen))
}

/// What was found in a world of these roles.
struct Found {
    states: usize,
    wrong: Option<String>,
}

fn explore(roles: &[Role], instances: usize, mistake: Option<Mistake>) -> Found {
    let mut seen = HashSet::new();
    let mut wrong = None;
    let mut paths = vec![Vec::new()];
    while let Some(path) = paths.pop() {
        let mut world = World::new(roles.to_vec(), instances, mistake);
        for actor in &path {
            world.step(*actor);
        }
        if let Some(said) = world.wrong.take() {
            wrong = Some(format!("{said} after {path:?}"));
            break;
        }
        if seen.insert(world.likeness()) {
            for actor in 0..roles.len() {
                let mut further = path.clone();
                further.push(actor);
                paths.push(further);
            }
        }
    }
    Found { states: seen.len(), wrong }
}

impl World {
    /// All that decides what can happen from here.
    fn likeness(&self) -> String {
        let instances: Vec<_> = self
            .instances
            .iter()
            .map(|instance| {
                let kept = instance
                    .kept
                    .as_ref()
                    .map(|kept| (kept.stamp, kept.shows, format!("{:?}", kept.marks)));
                (
                    format!("{:?}", instance.state),
                    kept,
                    instance.polling,
                    instance.landed,
                    instance.flying,
                    instance.rows_seen,
                )
            })
            .collect();
        format!(
            "{:?}",
            (&self.database, instances, &self.actors, self.now, self.acknowledged, &self.tokens)
        )
    }
}

const fn writer(number: usize) -> Role {
    Role::Writer { number, commits: true }
}

const fn reader(instance: usize) -> Role {
    Role::Reader { instance, own: None }
}

/// Small worlds, in which everything happens that can.
const WORLDS: [(&str, &[Role], usize); 6] = [
    (
        "a writer is sent to an instance that has no time to ask",
        &[Role::Pause, writer(0), reader(0), Role::Reader { instance: 0, own: Some(0) }],
        1,
    ),
    ("two writers, two readers", &[writer(0), writer(1), reader(0), reader(0)], 1),
    (
        "an aborting writer, a crash and reused ids",
        &[Role::Writer { number: 2, commits: false }, Role::Crash, writer(0), reader(0), reader(0)],
        1,
    ),
    ("three readers wait for each other", &[writer(0), reader(0), reader(0), reader(0)], 1),
    (
        "writers are sent to the other instance",
        &[writer(0), reader(1), Role::Reader { instance: 1, own: Some(0) }, reader(0)],
        2,
    ),
    (
        "a writer after a crash is sent to an instance that has not heard of it",
        &[Role::Crash, writer(0), reader(0), Role::Reader { instance: 0, own: Some(0) }],
        1,
    ),
];

#[test]
fn no_order_of_events_shows_a_page_that_is_too_old() {
    for (name, roles, instances) in WORLDS {
        let found = explore(roles, instances, None);
        println!("{name}: {} states", found.states);
        assert_eq!(found.wrong, None, "{name}");
    }
}

#[test]
fn every_mistake_is_found() {
    for mistake in [
        Mistake::StampAfterSnapshot,
        Mistake::PublishBeforeMarks,
        Mistake::AboveTheLast,
        Mistake::DeleteOnInvalidate,
        Mistake::NoCatchUp,
        Mistake::GiveUpUnasked,
        Mistake::TrustFlight,
        Mistake::NoIncarnation,
    ] {
        let found = WORLDS.iter().find_map(|(name, roles, instances)| {
            explore(roles, *instances, Some(mistake)).wrong.map(|wrong| format!("{name}: {wrong}"))
        });
        println!("{mistake:?}: {}", found.as_deref().unwrap_or("not found"));
        assert!(found.is_some(), "{mistake:?} goes unnoticed");
    }
}
