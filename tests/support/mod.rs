//! A running application with its own database, and people to use it as.

pub mod authenticator;
mod chance;
mod database;
mod identity;
mod mailbag;
mod own_server;
mod peer;
mod person;
mod process;
mod raw;
mod receiver;
pub mod signer;
mod smtp;
pub mod stripe;

pub use chance::Chance;
pub use database::folder_of_its_own;
pub use identity::Idp;
pub use mailbag::Mailbag;
pub use own_server::{OwnServer, with_own_server};
pub use peer::Peer;
pub use person::{Answer, Person};
pub use process::{End, Process, free_address};
pub use raw::read_answer;
pub use receiver::Receiver;
pub use smtp::{Mode, Received, Smtp};

use actix_web::dev::ServerHandle;
use actix_web::web::Data;
use database::Database;
use frontdesk::App;
use frontdesk::config::Config;
use frontdesk::http::server;
use std::collections::HashMap;
use std::net::TcpListener;

/// Ada's address and password.
pub const ADA: (&str, &str) = ("ada@example.com", "correct horse battery");

/// Runs a test against a site that has just been opened: Ada's account, no content.
pub fn with_app(test: impl AsyncFnOnce(&TestApp)) {
    with_settings(&[], test);
}

/// As [`with_app`], with variables of the environment set.
pub fn with_settings(settings: &[(&str, &str)], test: impl AsyncFnOnce(&TestApp)) {
    let database = Database::create();
    run(&database.url, settings, test);
    drop(database);
}

fn run(database_url: &str, settings: &[(&str, &str)], test: impl AsyncFnOnce(&TestApp)) {
    let settings: HashMap<String, String> =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    actix_web::rt::System::new().block_on(async {
        let app = TestApp::start(database_url, &settings, None).await;
        test(&app).await;
        app.finish().await;
    });
}

/// One instance of the site, on a port of its own.
pub struct TestApp {
    /// `http://127.0.0.1:PORT`
    pub origin: String,
    /// What serves it.
    pub state: Data<App>,
    /// Where its database is.
    pub database_url: String,
    settings: HashMap<String, String>,
    handle: ServerHandle,
}

impl TestApp {
    async fn start(
        database_url: &str,
        settings: &HashMap<String, String>,
        origin: Option<&str>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut values = HashMap::from([
            ("OWNER_EMAIL".to_owned(), ADA.0.to_owned()),
            ("OWNER_PASSWORD".to_owned(), ADA.1.to_owned()),
            ("DEMO_CONTENT".to_owned(), "off".to_owned()),
        ]);
        values.extend(origin.map(|origin| ("PUBLIC_ORIGINS".to_owned(), origin.to_owned())));
        values.extend(settings.clone());
        let mut config = Config::from_values(&values).unwrap();
        config.settle_origins(address);
        let state = Data::new(App::open(config, database_url).await.unwrap());
        frontdesk::setup::first_start(&state, |_| ()).await.unwrap();
        let server = server::build(Data::clone(&state), listener, 1).unwrap();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            origin: format!("http://{address}"),
            state,
            database_url: database_url.to_owned(),
            settings: settings.clone(),
            handle,
        }
    }

    /// Another instance on the same database, which answers to the same names.
    pub async fn second_instance(&self) -> TestApp {
        self.instance_with(&[]).await
    }

    /// As [`TestApp::second_instance`], with other variables of the environment set than the first.
    pub async fn instance_with(&self, settings: &[(&str, &str)]) -> TestApp {
        let origins: Vec<String> =
            self.state.config.public_origins.iter().map(ToString::to_string).collect();
        let mut all = self.settings.clone();
        all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self::start(&self.database_url, &all, Some(&origins.join(","))).await
    }

    /// Someone with a browser of their own and no account.
    pub fn eve(&self) -> Person<'_> {
        Person::new(self)
    }

    /// Ada, signed in.
    pub async fn ada(&self) -> Person<'_> {
        let ada = Person::new(self);
        let answer = ada.post("/sign-in", &[("email", ADA.0), ("password", ADA.1)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/admin"), "{}", answer.body);
        ada
    }

    /// Runs statements as a person in psql would: outside the application.
    pub async fn psql(&self, sql: &str) {
        use sqlx::Connection;
        let mut connection = sqlx::PgConnection::connect(&self.database_url).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// What a query says, as text: its first column, row by row.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        use sqlx::{Connection, Row};
        let mut connection = sqlx::PgConnection::connect(&self.database_url).await.unwrap();
        let sql =
            sqlx::AssertSqlSafe(format!("select answer::text from ({sql}) as asked (answer)"));
        let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows.into_iter().map(|row| row.get::<Option<String>, _>(0).unwrap_or_default()).collect()
    }

    /// Waits until a query says `wanted`, and no longer than a minute.
    pub async fn comes_to(&self, sql: &str, wanted: &str) {
        let mut said = String::new();
        for _ in 0..600 {
            said = self.ask(sql).await.join("|");
            if said == wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("{sql}: {said} instead of {wanted}");
    }

    /// The tables in whose text, or bytes, something stands.
    pub async fn tables_with(&self, text: &str) -> Vec<String> {
        self.ask(&format!(
            "select table_name from information_schema.tables
              where table_schema = 'public' and table_type = 'BASE TABLE'
                and query_to_xml(format('select t::text from %I t', table_name), true, true, '')::text
                    ~ ('{text}|' || encode('{text}', 'hex'))"
        ))
        .await
    }

    /// Makes an API key.
    pub async fn key(&self, scope: &str) -> String {
        let shown = self
            .cli(&["key", "create", "--name", "Partner", "--scope", scope, "--json"], "")
            .json();
        shown["key"].as_str().unwrap().to_owned()
    }

    /// Runs the program itself on this database, as the operator would.
    pub fn cli(&self, arguments: &[&str], stdin: &str) -> Shell {
        Shell::run(arguments, stdin, &[("DATABASE_URL", &self.database_url)])
    }

    /// Ends the test as every test ends: each page that would still be served from the cache is rendered again by an
    /// instance that has kept nothing, and compared byte for byte.
    async fn finish(self) {
        // What a person in psql has just written may be unknown for 250 ms, and no longer.
        self.state.confirm_since(self.state.clock.moment()).await.unwrap();
        let keys = self.state.cache.fresh_keys(self.state.clock.moment());
        let cold = self.second_instance().await;
        for key in keys {
            let kept = self.eve().get(&key).await;
            if kept.headers["cache-status"].as_bytes().starts_with(b"frontdesk; hit") {
                let rendered = cold.eve().asking_for(&self.origin).get(&key).await;
                assert_eq!(
                    (kept.status, kept.body),
                    (rendered.status, rendered.body),
                    "the kept page {key} is not what would be rendered now"
                );
            }
        }
        cold.close().await;
        self.close().await;
    }

    /// Stops this instance.
    pub async fn close(self) {
        self.handle.stop(false).await;
        self.state.close().await;
    }
}

/// What a command printed.
pub struct Shell {
    /// The exit code.
    pub code: i32,
    /// Stdout.
    pub out: String,
    /// Stderr.
    pub err: String,
}

impl Shell {
    /// Runs the program with nothing but these variables set.
    pub fn run(arguments: &[&str], stdin: &str, environment: &[(&str, &str)]) -> Self {
        use std::io::Write;
        use std::process::{Command, Stdio};
        let mut child = Command::new(env!("CARGO_BIN_EXE_frontdesk"))
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Whoever is refused for their arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The one JSON document on stdout.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}\n{}", self.out, self.err))
    }
}
