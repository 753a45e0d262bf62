//! What can go wrong with a throwaway server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::programs::Missing;

/// Why a throwaway server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// PostgreSQL's server is not installed; the caller may offer to install it.
    #[error(transparent)]
    Missing(#[from] Box<Missing>),
    /// Root found neither of the accounts.
    #[error(
        "PostgreSQL refuses to run as root, and neither an account postgres nor nobody exists; run lockkeeper as an ordinary user"
    )]
    NoAccount,
    /// A file or directory refused.
    #[error("could not {action} {path}: {source}", path = .path.display())]
    File {
        /// What was tried, as in "could not …".
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// One of PostgreSQL's programs failed.
    #[error("{program} failed ({status}): {output}")]
    Program {
        /// Which one.
        program: &'static str,
        /// Its exit status, worded.
        status: String,
        /// Its last words, and the end of the server's log.
        output: String,
    },
    /// A Unix socket's path may have about 100 bytes.
    #[error(
        "the temporary directory {path} is too long for a server's socket; set TMPDIR to a shorter one", path = .0.display()
    )]
    TooLong(PathBuf),
}

impl Error {
    pub(super) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }

    pub(super) fn program(program: &'static str, output: &Output) -> Self {
        let text = [&output.stderr[..], &output.stdout[..]].concat();
        Self::Program {
            program,
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&text).trim().to_owned(),
        }
    }
}
