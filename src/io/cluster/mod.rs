//! Throwaway servers: a private PostgreSQL from nothing, on a Unix socket that
//! nobody else reaches, without fsync, and gone when its owner is.

mod account;
pub mod clients;
mod directory;
mod error;
mod install;
mod intents;
mod programs;
mod record;
mod sweep;
mod watch;

use std::path::{Path, PathBuf};

pub use account::Account;
pub use directory::is_running;
pub use error::Error;
pub use install::{Install, Packages, is_root};
pub use intents::has_open_intent;
pub use programs::{Missing, Programs};
pub use record::{Record, registered};
pub use sweep::{Swept, sweep};
pub use watch::watch;

use crate::io::process::Identity;

/// The superuser of every throwaway server.
pub const SUPERUSER: &str = "postgres";
/// The port that names the socket's file.
pub const PORT: u16 = 5432;

/// What a throwaway server is asked to be.
#[derive(Clone, Debug, Default)]
pub struct Spec {
    /// Where it is registered for [`sweep`]; not at all when `None`.
    pub state: Option<PathBuf>,
    /// The program that runs `__watch DIRECTORY` and stops the server when this
    /// process is gone; nobody watches when `None`.
    pub watcher: Option<PathBuf>,
    /// Settings of postgresql.conf beyond our own.
    pub settings: Vec<(String, String)>,
}

/// How a server is stopped (`pg_ctl stop -m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, the server shuts down in order.
    Fast,
    /// It drops everything, as in a crash.
    Immediate,
}

impl Stop {
    fn mode(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// A running throwaway server. Dropping it stops and removes it, unless it was kept.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    state: Option<PathBuf>,
    programs: Programs,
    account: Account,
    system_identifier: Option<String>,
    watcher: Option<watch::Watcher>,
    released: bool,
}

impl Cluster {
    /// Makes a server from nothing and returns when it accepts connections.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or it cannot be made; nothing is left then.
    pub fn start(spec: &Spec) -> Result<Self, Error> {
        Self::start_with(Programs::find()?, spec)
    }

    /// Does the same with programs of a version that was chosen.
    ///
    /// # Errors
    /// When it cannot be made; nothing is left then.
    pub fn start_with(programs: Programs, spec: &Spec) -> Result<Self, Error> {
        let account = Account::choose()?;
        Self::make(spec, programs, account, directory::unused()?)
    }

    fn make(
        spec: &Spec,
        programs: Programs,
        account: Account,
        directory: PathBuf,
    ) -> Result<Self, Error> {
        let mut cluster = Self {
            directory,
            state: spec.state.clone(),
            programs,
            account,
            system_identifier: None,
            watcher: None,
            released: false,
        };
        cluster.claim(spec.watcher.as_deref())?;
        cluster.initialize(&spec.settings)?;
        cluster.record(false).write(&cluster.directory)?;
        cluster.start_server()?;
        Ok(cluster)
    }

    /// Makes sure that the server goes with this process, before there is anything of it.
    fn claim(&mut self, watcher: Option<&Path>) -> Result<(), Error> {
        self.watcher = watch::Watcher::start(watcher, &self.directory)?;
        directory::create(self.account, &self.directory)?;
        self.record(false).write(&self.directory)?;
        if let Some(state) = &self.state {
            record::register(state, &self.directory)?;
        }
        Ok(())
    }

    fn initialize(&mut self, settings: &[(String, String)]) -> Result<(), Error> {
        // Below where it runs: by its whole path it would make a directory anew that was removed
        // behind it.
        let args = ["-D", "data", "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"];
        self.account.run(&self.programs, "initdb", &self.directory, &args)?;
        directory::configure(&self.directory, settings)?;
        self.system_identifier = Some(directory::system_identifier(&self.directory)?);
        Ok(())
    }

    fn record(&self, kept: bool) -> Record {
        Record {
            owner: Identity::own(),
            system_identifier: self.system_identifier.clone(),
            programs: self.programs.directory().to_owned(),
            state: self.state.clone(),
            kept,
        }
    }

    /// Starts the server again after [`Self::stop_server`] or a crash.
    ///
    /// # Errors
    /// When it does not accept connections within 2 min.
    pub fn start_server(&self) -> Result<(), Error> {
        directory::start_server(self.account, &self.programs, &self.directory)
    }

    /// Stops the server and leaves its data.
    ///
    /// # Errors
    /// When it runs on.
    pub fn stop_server(&self, how: Stop) -> Result<(), Error> {
        directory::stop_server(self.account, &self.programs, &self.directory, how)
    }

    /// Stops the server and removes everything of it, also one that was to be kept.
    ///
    /// # Errors
    /// When it runs on, or its files cannot be removed.
    pub fn stop(mut self) -> Result<(), Error> {
        self.released = true;
        self.remove()
    }

    fn remove(&self) -> Result<(), Error> {
        directory::remove(self.account, &self.programs, &self.directory)?;
        if let Some(state) = &self.state {
            record::forget(state, &self.directory);
        }
        Ok(())
    }

    /// Makes the server outlive this value and this process, however it ends;
    /// [`sweep`] removes it once it was stopped.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn keep(&mut self) -> Result<(), Error> {
        self.record(true).write(&self.directory)?;
        self.released = true;
        Ok(())
    }

    /// Returns the directory of the socket: also the server's own directory.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.directory
    }

    /// Returns the server's programs.
    #[must_use]
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Returns the system identifier, as `pg_control_system()` shows it.
    #[must_use]
    pub fn system_identifier(&self) -> &str {
        self.system_identifier.as_deref().unwrap_or_default()
    }

    /// Returns the postmaster's pid while it runs.
    #[must_use]
    pub fn postmaster(&self) -> Option<u32> {
        directory::postmaster(&self.directory)
    }

    /// Returns a connection URI that libpq, sqlx and lockkeeper understand alike.
    /// (User and host stand in the query: many parsers refuse a user without a host.)
    #[must_use]
    pub fn dsn(&self, user: &str, database: &str) -> String {
        let host = self.directory.display();
        format!("postgresql:///{database}?host={host}&port={PORT}&user={user}")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.released {
            // Nobody is left to tell; a later sweep tries again.
            let _ = self.remove();
        }
    }
}
