//! The system account that a throwaway server runs as: PostgreSQL refuses root.

use std::env;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{Error, Programs};

/// Whom the server's programs run as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The user who runs lockkeeper.
    Own,
    /// An unprivileged account, because lockkeeper runs as root.
    Other {
        /// Its user id.
        uid: u32,
        /// Its group id.
        gid: u32,
    },
}

impl Account {
    /// Returns the account for a server that this process starts: for root,
    /// `postgres` where it exists, else `nobody`.
    ///
    /// # Errors
    /// When this is root and neither account exists.
    pub fn choose() -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        ["postgres", "nobody"].into_iter().find_map(Self::named).ok_or(Error::NoAccount)
    }

    fn named(name: &str) -> Option<Self> {
        Some(Self::Other { uid: id("-u", name)?, gid: id("-g", name)? })
    }

    /// Gives `directory` to the account.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn give(self, directory: &Path) -> Result<(), Error> {
        match self {
            Self::Own => Ok(()),
            Self::Other { uid, gid } => chown(directory, Some(uid), Some(gid))
                .map_err(|source| Error::file("give away", directory, source)),
        }
    }

    /// Runs one of PostgreSQL's programs in `home` and returns what it printed.
    /// The environment holds nothing of ours: a PGDATA or PGHOST would lead it astray.
    ///
    /// # Errors
    /// When it cannot be started, or fails.
    pub fn run(
        self,
        programs: &Programs,
        program: &'static str,
        home: &Path,
        args: &[&str],
    ) -> Result<Output, Error> {
        let mut command = Command::new(programs.path(program));
        command.args(args).current_dir(home).stdin(Stdio::null());
        command.env_clear().env("HOME", home).env("LC_ALL", "C").env("TZ", "UTC");
        command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
        if let Self::Other { uid, gid } = self {
            command.gid(gid).uid(uid);
        }
        let output = command
            .output()
            .map_err(|source| Error::file("run", &programs.path(program), source))?;
        if output.status.success() { Ok(output) } else { Err(Error::program(program, &output)) }
    }
}

fn id(flag: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([flag, name]).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
