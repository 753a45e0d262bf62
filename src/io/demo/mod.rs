//! The demo: a small shop of money with data, load, a session that really
//! blocks, and pending migrations, on a throwaway server.

pub mod backups;
pub mod load;
mod project;
mod shop;

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

pub use project::Project;
pub use shop::{APPLIED, populate};

use super::cluster;
use super::postgres::query_error;

/// The shop's database.
pub const DATABASE: &str = "shop";
/// The role that owns the tables and that the console uses: it has `pg_monitor` and
/// `pg_signal_backend` and may create databases.
pub const DEPLOYER: &str = "deployer";

/// Why the demo could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The database refused the demo's schema or data.
    #[error("the demo's database could not be filled: {}", query_error(.0))]
    Database(#[from] sqlx::Error),
    /// A migration of the demo failed.
    #[error("the demo's migrations could not be applied: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The project's files could not be written.
    #[error("could not write {path}: {source}", path = .path.display())]
    Project {
        /// Which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A load process did not get ready.
    #[error("the demo's load `{name}` did not start: {reason}")]
    Load {
        /// Which one.
        name: &'static str,
        /// What it said.
        reason: String,
    },
}

/// Returns how `role` connects to `database` of the server in `directory`; its name
/// is shown as the application too.
#[must_use]
pub fn options(directory: &Path, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(directory)
        .port(cluster::PORT)
        .username(role)
        .database(database)
        .application_name(role)
}
