//! Which database a command works on: the one named, or the private one, started for the occasion or already running
//! under the server.

use super::output::Refused;
use crate::app::App;
use crate::config::Config;
use private_postgres::{Cluster, Durability, Error, url_of_running};
use std::path::PathBuf;

/// The name of the database in a private cluster.
const NAME: &str = "postgres";

/// A database that can be reached.
pub struct Database {
    /// Where.
    pub url: String,
    /// The cluster, where this process owns it.
    pub cluster: Option<Cluster>,
}

impl Database {
    /// The database to serve from. A private cluster must be ours.
    ///
    /// Call it on the main thread: the private server ends with the thread that started it.
    ///
    /// # Errors
    /// Where a private cluster cannot be started.
    pub fn own(config: &Config) -> Result<Self, Error> {
        if let Some(url) = &config.database_url {
            return Ok(Self { url: url.clone(), cluster: None });
        }
        let cluster = Cluster::start(&folder(config), Durability::Durable)?;
        Ok(Self { url: cluster.url(NAME), cluster: Some(cluster) })
    }

    /// The database for one command: that of a running server too.
    ///
    /// # Errors
    /// As [`Database::own`].
    pub fn borrow(config: &Config) -> Result<Self, Error> {
        match Self::own(config) {
            Err(Error::InUse { .. }) => {
                Ok(Self { url: url_of_running(&folder(config), NAME)?, cluster: None })
            }
            database => database,
        }
    }
}

fn folder(config: &Config) -> PathBuf {
    config.data_dir.join("postgres")
}

/// Runs one command on the database.
///
/// # Errors
/// Those of the command, and where there is no database.
pub fn with(
    mut config: Config,
    command: impl AsyncFnOnce(&App) -> Result<(), Refused>,
) -> Result<(), Refused> {
    config.settle_origins(config.listen);
    let database = Database::borrow(&config).map_err(anyhow::Error::from)?;
    let done = actix_web::rt::System::new().block_on(async {
        let app = App::open(config, &database.url).await?;
        let done = command(&app).await;
        app.close().await;
        done
    });
    if let Some(cluster) = database.cluster {
        cluster.stop().map_err(anyhow::Error::from)?;
    }
    done
}
