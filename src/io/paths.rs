//! Where things are kept: state, configuration, cache and runtime directories.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};

/// The directories of this user, by the XDG base directory specification on every system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Runs with their journals, and the register of throwaway servers: `$XDG_STATE_HOME/lockkeeper`.
    pub state: PathBuf,
    /// Themes and what was allowed: `$XDG_CONFIG_HOME/lockkeeper`.
    pub config: PathBuf,
    /// What can be made again: `$XDG_CACHE_HOME/lockkeeper`.
    pub cache: PathBuf,
    /// Sockets and locks of this login: `$XDG_RUNTIME_DIR/lockkeeper`, else below the state.
    pub runtime: PathBuf,
}

/// The system tells no home directory, so there is no place for the journal.
#[derive(Debug, thiserror::Error)]
#[error("this user has no home directory; set HOME, or XDG_STATE_HOME and its kin")]
pub struct NoHome;

impl Paths {
    /// Returns the directories of this user; creates none of them.
    ///
    /// # Errors
    /// When the user has no home directory.
    pub fn of_user() -> Result<Self, NoHome> {
        let base = Xdg::new().map_err(|_| NoHome)?;
        let state = base.state_dir().ok_or(NoHome)?.join("lockkeeper");
        Ok(Self {
            config: base.config_dir().join("lockkeeper"),
            cache: base.cache_dir().join("lockkeeper"),
            runtime: base.runtime_dir().map_or(state.join("run"), |dir| dir.join("lockkeeper")),
            state,
        })
    }

    /// Returns the directory of all runs; a run's journal is `RUN/journal.jsonl` in it.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }
}

/// Creates `path` and what is missing above it, readable by nobody else (0700),
/// and closes it to others if it was open to them.
///
/// # Errors
/// When it cannot be created, is no directory, or is owned by somebody else.
pub fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}
