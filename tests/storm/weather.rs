//! What goes down, and when: instances, one or two at a time, and Postgres, each with `kill -9`. The times and the choices
//! come from the seed.

use super::clients::Site;
use super::history::At;
use crate::support::{ADA, Chance, OwnServer, Process, free_address};
use frontdesk::clock::Clock;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::Path;
use std::time::Duration;

/// How many processes share the database.
const INSTANCES: usize = 3;
/// A plain-http origin may only be this machine itself. None of the instances listens there.
const NAME: &str = "http://localhost";

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// An instance is gone for a while.
    Instance,
    /// Two are.
    TwoInstances,
    /// Postgres is started again as soon as it is gone.
    Postgres,
    /// Postgres is away for a while, long enough for readers to notice.
    PostgresForAWhile,
    /// Both at the same time.
    InstanceAndPostgres,
    /// Postgres is there and says nothing about changes: someone holds a lock.
    Lock,
}

/// Each of these happens before any of them happens again.
const EVENTS: [Event; 7] = [
    Event::Instance,
    Event::PostgresForAWhile,
    Event::TwoInstances,
    Event::Postgres,
    Event::Instance,
    Event::InstanceAndPostgres,
    Event::Lock,
];

/// What happened.
#[derive(Debug, Default)]
pub struct Log {
    /// Instances that were killed; each was started again.
    pub kills: usize,
    /// The same for Postgres.
    pub crashes: usize,
}

struct Instance {
    environment: Vec<(&'static str, String)>,
    process: Option<Process>,
}

impl Instance {
    fn start(&mut self) {
        let given = self.environment.iter().map(|(name, value)| (*name, value.as_str()));
        self.process = Some(Process::serve(&given.collect::<Vec<_>>()));
    }

    fn is_open(&mut self) {
        self.process.as_mut().unwrap().wait_for(" is open at ");
    }

    fn kill(&mut self) {
        let process = self.process.take().unwrap();
        process.signal("KILL");
        process.end();
    }
}

/// Everything that can go down.
pub struct Weather {
    /// Where it all is.
    pub site: Site,
    instances: Vec<Instance>,
    // Last: the database ends after those who use it.
    server: OwnServer,
}

impl Weather {
    /// Calm: Postgres and all instances are up.
    pub fn calm() -> Self {
        let mut server = OwnServer::new();
        let database = server.start();
        let addresses: Vec<String> = (0..INSTANCES).map(|_| free_address()).collect();
        let instance = |(number, address): (usize, &String)| {
            let data = server.data().join(number.to_string());
            Instance { environment: environment(address, &database, &data), process: None }
        };
        let instances = addresses.iter().enumerate().map(instance).collect();
        let addresses = addresses.iter().map(|address| format!("http://{address}")).collect();
        let site = Site { name: NAME.to_owned(), addresses, database };
        let mut weather = Self { site, instances, server };
        weather.start(&[0, 1, 2]);
        weather
    }

    fn start(&mut self, which: &[usize]) {
        which.iter().for_each(|number| self.instances[*number].start());
        which.iter().for_each(|number| self.instances[*number].is_open());
    }

    /// Storms for so long, and until everything has happened at least once. It is calm again when this returns.
    pub fn storm(&mut self, clock: &Clock, length: Duration, mut chance: Chance) -> Log {
        let mut log = Log::default();
        let (began, mut bag, mut happened) = (clock.moment(), Vec::from(EVENTS), 0);
        while clock.moment().since(began) < length || happened < EVENTS.len() {
            happened += 1;
            pause(&mut chance, 500, 2500);
            if bag.is_empty() {
                bag.extend(EVENTS);
            }
            let event = bag.swap_remove(chance.below(bag.len() as u64) as usize);
            let first = chance.below(INSTANCES as u64) as usize;
            let both = [first, (first + 1) % INSTANCES];
            let killed = match event {
                Event::Postgres | Event::PostgresForAWhile | Event::Lock => &both[..0],
                Event::Instance | Event::InstanceAndPostgres => &both[..1],
                Event::TwoInstances => &both[..],
            };
            println!("{}: {event:?} {killed:?}", At(clock.moment()));
            log.crashes += usize::from(self.happen(event, killed, &mut chance));
            log.kills += killed.len();
            println!("{}: over", At(clock.moment()));
        }
        pause(&mut chance, 500, 1000);
        log
    }

    /// Whether Postgres went down.
    fn happen(&mut self, event: Event, killed: &[usize], chance: &mut Chance) -> bool {
        killed.iter().for_each(|number| self.instances[*number].kill());
        if matches!(event, Event::Lock) {
            hold_lock(&self.site.database, 500 + chance.below(800));
        }
        let crashes = match event {
            Event::Instance | Event::TwoInstances | Event::Lock => false,
            Event::Postgres | Event::PostgresForAWhile | Event::InstanceAndPostgres => true,
        };
        if crashes {
            pause(chance, 0, 20);
            self.server.crash();
        }
        match event {
            Event::Postgres | Event::Lock => {}
            Event::PostgresForAWhile => pause(chance, 700, 1500),
            _ => pause(chance, 0, 600),
        }
        if crashes {
            self.server.start();
        }
        self.start(killed);
        crashes
    }
}

fn pause(chance: &mut Chance, least: u64, most: u64) {
    std::thread::sleep(Duration::from_millis(least + chance.below(most - least)));
}

/// For so many milliseconds, nobody learns of a change, and nobody commits one.
fn hold_lock(database: &str, ms: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(database).await.unwrap();
        let hold = format!(
            "begin; lock table cache_inval in access exclusive mode; select pg_sleep({ms} / 1000.0); commit"
        );
        sqlx::raw_sql(AssertSqlSafe(hold)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

fn environment(address: &str, database: &str, data: &Path) -> Vec<(&'static str, String)> {
    vec![
        ("LISTEN", address.to_owned()),
        ("DATABASE_URL", database.to_owned()),
        ("DATA_DIR", data.to_str().unwrap().to_owned()),
        ("PUBLIC_ORIGINS", NAME.to_owned()),
        ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ("OWNER_EMAIL", ADA.0.to_owned()),
        ("OWNER_PASSWORD", ADA.1.to_owned()),
        ("DEMO_CONTENT", "off".to_owned()),
        ("SCHEDULER", "off".to_owned()), // its connections are more than three instances have in reserve
    ]
}
