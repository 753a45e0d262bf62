//! Why a journal could not be read or written, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// A journal that cannot be read or written. No journal, no act.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No space is left for it.
    #[error("the disk is full: {path} cannot be written; free some space there, then try again")]
    Full {
        /// What was written.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error(
        "no permission to {doing} {path}; use the account that owns it, or another XDG_STATE_HOME"
    )]
    Permission {
        /// What was tried: `read`, `write`, `create`.
        doing: &'static str,
        /// What it was tried on.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{path} is in format {version}, newer than this lockkeeper knows: use the newer one")]
    Newer {
        /// The journal.
        path: PathBuf,
        /// The format's version.
        version: u32,
    },
    /// Its records do not follow one another.
    #[error(
        "{path} was edited or damaged: {fault}; nothing is added to it; \
         `lockkeeper journal show` prints what is sound, a new run goes on"
    )]
    Broken {
        /// The journal.
        path: PathBuf,
        /// The first fault.
        fault: String,
    },
    /// A sync failed once; what is on the disk is not known since.
    #[error(
        "{path} could not be brought to the disk ({why}), so nothing is recorded or started \
         any more; check the disk, then `lockkeeper resume`"
    )]
    Poisoned {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Another session holds its lock and does not let go.
    #[error(
        "{path} is held by another lockkeeper that does not answer; see who uses it, then try again"
    )]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// There is no such run.
    #[error("there is no run {run} in {runs}; `lockkeeper journal list` shows all")]
    NoRun {
        /// What was asked for.
        run: String,
        /// Where it was looked for.
        runs: PathBuf,
    },
    /// The beginning of a run's name fits several.
    #[error("{run} is the beginning of {count} runs; give more of it")]
    Ambiguous {
        /// What was asked for.
        run: String,
        /// How many it fits.
        count: usize,
    },
    /// Anything else that the system refuses.
    #[error("cannot {doing} {path}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// Returns the error for what the system said when it was asked for `doing`.
    pub(super) fn of(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&source) {
            Self::Full { path }
        } else if source.kind() == io::ErrorKind::PermissionDenied {
            Self::Permission { doing, path }
        } else {
            Self::System { doing, path, source }
        }
    }

    /// Returns true if there was no space.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

/// Returns true for a full disk, a spent quota and a file at its size limit.
fn is_full(error: &io::Error) -> bool {
    let full = [Errno::NOSPC, Errno::DQUOT, Errno::FBIG];
    error.raw_os_error().is_some_and(|code| full.iter().any(|e| e.raw_os_error() == code))
}
