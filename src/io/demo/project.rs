//! The demo's project as a developer would have it: migrations and a lockkeeper.toml.

use std::fs;
use std::path::{Path, PathBuf};

use super::{DATABASE, Error};
use crate::io::paths::create_private;

macro_rules! both_ways {
    ($($name:literal),+ $(,)?) => {
        &[$(
            (
                concat!($name, ".up.sql"),
                include_str!(concat!("../../../assets/demo/migrations/", $name, ".up.sql")),
            ),
            (
                concat!($name, ".down.sql"),
                include_str!(concat!("../../../assets/demo/migrations/", $name, ".down.sql")),
            ),
        )+]
    };
}

const MIGRATIONS: &[(&str, &str)] = both_ways!(
    "0001_create_users_and_categories",
    "0002_create_expenses_and_incomes",
    "0003_add_foreign_keys",
    "0004_create_audit",
    "0005_add_note",
    "0006_widen_amount",
    "0007_index_spent_on",
    "0008_backfill_status",
    "0009_require_status",
    "0010_drop_legacy_reference",
);

/// The demo's project directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    directory: PathBuf,
}

impl Project {
    /// Writes the project into `directory`, for a console that connects by `dsn`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(directory: PathBuf, dsn: &str) -> Result<Self, Error> {
        let project = Self { directory };
        create_private(&project.migrations())
            .map_err(|source| Error::Project { path: project.migrations(), source })?;
        for (name, text) in MIGRATIONS {
            write(&project.migrations().join(name), text)?;
        }
        write(&project.config(), &configuration(dsn))?;
        Ok(project)
    }

    /// Returns the project that was written into `directory` earlier.
    #[must_use]
    pub fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Returns the directory of the project.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the directory of the migrations.
    #[must_use]
    pub fn migrations(&self) -> PathBuf {
        self.directory.join("migrations")
    }

    /// Returns the directory of the backups.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.directory.join("backups")
    }

    /// Returns the path of the configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.join("lockkeeper.toml")
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Project { path: path.to_owned(), source })
}

fn configuration(dsn: &str) -> String {
    include_str!("../../../assets/demo/lockkeeper.toml")
        .replace("{database}", DATABASE)
        .replace("{dsn}", dsn)
}
