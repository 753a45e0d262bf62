//! Why a hidden child of this program did not do what it was started for, and the exit code
//! that says so.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::domain::untrusted::Untrusted;

/// Why nothing was begun, or why what was begun failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Nothing was begun: exit code 2.
    #[error("{0}")]
    NotRun(String),
    /// It was begun and did not succeed: exit code 1.
    #[error("{0}")]
    Running(String),
}

impl Failed {
    fn code(&self) -> ExitCode {
        match self {
            Self::NotRun(_) => ExitCode::from(2),
            Self::Running(_) => ExitCode::from(1),
        }
    }

    /// Says on stderr what failed, and returns the exit code.
    pub(super) fn end(&self) -> ExitCode {
        // Who started us may be gone.
        let said = Untrusted::from(self.to_string()).visible();
        let _ = writeln!(io::stderr().lock(), "error: {said}");
        self.code()
    }
}
