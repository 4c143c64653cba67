//! What is measured: Frontdesk over a Postgres of its own, with the demo site and ten thousand posts more.

use crate::site::{Site, header};
use anyhow::{Context, Result, ensure};
use private_postgres::{Cluster, Durability};
use sqlx::{Connection, PgConnection};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How many posts there are beside the demo site's.
pub const POSTS: usize = 10_000;
/// One of them.
pub const PAGE: &str = "/posts/note-5000";
/// The same text, for members alone.
pub const FOR_MEMBERS: &str = "/posts/for-members";

const PASSWORD: &str = "correct horse battery";
/// Each is as long as two of the demo site's, which makes a page of 10 to 25 kB; all are in one topic and know their
/// neighbours, so every page depends on the list of all posts.
const FILL: &str = "
    insert into topics (slug, name) values ('notes', 'Notes');
    with demo as (select body, summary, row_number() over (order by id) - 1 as at, count(*) over () as total from posts)
    insert into posts (id, slug, title, summary, body, topic, status, published_at)
    select gen_random_uuid(), 'note-' || n, 'Note ' || n, one.summary, one.body || E'\\n\\n' || other.body, 'notes',
           'published', now() - n * interval '1 minute'
      from generate_series(1, 10000) n
      join demo one on one.at = n % one.total join demo other on other.at = n / one.total % other.total;
    insert into posts (id, slug, title, summary, body, topic, status, published_at, audience)
    select gen_random_uuid(), 'for-members', title, summary, body, topic, status, published_at, 'members'
      from posts where slug = 'note-5000';
    analyze";

/// The database, and where everything else of this run lies.
pub struct World {
    // Before the folder is removed.
    cluster: Option<Cluster>,
    /// Its address.
    pub database: String,
    /// For files.
    pub folder: PathBuf,
}

impl World {
    /// Makes it. To be called on the main thread: the database ends with the thread that started it.
    ///
    /// # Errors
    /// Where Postgres or Frontdesk does not start.
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("frontdesk-bench-{}", std::process::id()));
        let cluster = Cluster::start(&folder.join("postgres"), Durability::Durable)?;
        let world = Self { database: cluster.url("postgres"), cluster: Some(cluster), folder };
        drop(world.frontdesk()?); // the first start makes the tables
        actix_web::rt::System::new().block_on(async {
            let mut database = PgConnection::connect(&world.database).await?;
            sqlx::raw_sql(FILL).execute(&mut database).await?;
            database.close().await
        })?;
        Ok(world)
    }

    /// The release build beside this program, just started, with room for every page. The measurements are its proxy, so
    /// that they can come as many callers and no limit stands in their way.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn frontdesk(&self) -> Result<Site> {
        self.frontdesk_with(&[])
    }

    /// The same, with these variables set.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn frontdesk_with(&self, settings: &[(&str, &str)]) -> Result<Site> {
        let mut command = self.command()?;
        command
            .envs(settings.iter().copied())
            .env("LISTEN", "127.0.0.1:0")
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .env("OWNER_PASSWORD", PASSWORD)
            .env("CACHE_MAX_BYTES", "1000000000")
            .stdout(Stdio::from(File::create("/dev/null")?))
            .stderr(Stdio::piped());
        Site::start(&mut command, b"").context("could not start frontdesk")
    }

    /// A new API key with this scope.
    ///
    /// # Errors
    /// Where none is made.
    pub fn key(&self, scope: &str) -> Result<String> {
        let mut command = self.command()?;
        command.args(["key", "create", "--name", "Bench", "--scope", scope, "--json"]);
        let made = String::from_utf8(command.output()?.stdout)?;
        let key = made.split_once("\"key\":\"").and_then(|(_, rest)| rest.split_once('"'));
        Ok(key.context("no key was made")?.0.to_owned())
    }

    /// The release build beside this program, over this database.
    fn command(&self) -> Result<Command> {
        let program = std::env::current_exe()?.with_file_name("frontdesk");
        ensure!(program.exists(), "{} is missing: cargo build --release", program.display());
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("DATABASE_URL", &self.database)
            .env("DATA_DIR", self.folder.join("data"))
            .current_dir(&self.folder);
        Ok(command)
    }

    /// Signs the owner in; the value of the header `Cookie`.
    ///
    /// # Errors
    /// Where that is refused.
    pub fn sign_in(&self, site: &Site) -> Result<String> {
        Ok(self.sign_in_with(site, "")?.session)
    }

    /// The same on a device that carries this cookie, or none.
    ///
    /// # Errors
    /// Where that is refused.
    pub fn sign_in_with(&self, site: &Site, device: &str) -> Result<Cookies> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("email", "owner@example.com").append_pair("password", PASSWORD);
        let headers = format!(
            "origin: http://{}\r\ncontent-type: application/x-www-form-urlencoded\r\ncookie: {device}\r\n",
            site.authority
        );
        let (head, _) = site.ask("POST /sign-in", &headers, &form.finish())?;
        let named = |name: &str| {
            let set = head.lines().filter_map(|line| header(line, "set-cookie"));
            let mut pairs = set.filter_map(|it| it.split(';').next());
            let found = pairs.find(|pair| pair.starts_with(name)).map(str::to_owned);
            found.with_context(|| format!("no {name} was begun:\n{head}"))
        };
        Ok(Cookies { session: named("sid=")?, device: named("device=")? })
    }
}

/// What a browser keeps of a sign-in, as pairs for the header `Cookie`.
pub struct Cookies {
    /// The session.
    pub session: String,
    /// That somebody has signed in there.
    pub device: String,
}

impl Drop for World {
    fn drop(&mut self) {
        self.cluster = None;
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
