//! What the hidden children of this program have in common: how they are run, what they
//! print, why they did not do what they were started for, and the exit code that says so.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::postgres::connect::watch_client;
use super::postgres::{connect_error, is_lost, query_error};
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
    /// It was sent somewhere, and nobody has heard what became of it: exit code 3.
    #[error("{0}")]
    Unheard(String),
}

/// The exit code of [`Failed::NotRun`].
pub(super) const NOT_RUN: u8 = 2;
/// The exit code of [`Failed::Unheard`].
pub(super) const UNHEARD: u8 = 3;

/// How long connecting may take.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

impl Failed {
    /// Returns why a COMMIT did not succeed: refused by the server, or without an answer.
    pub(super) fn commit(
        error: sqlx::Error,
        what: &str,
        refused: impl FnOnce(sqlx::Error) -> Self,
    ) -> Self {
        let why = query_error(&error);
        match is_lost(&error) {
            true => Self::Unheard(format!("whether {what} cannot be told: {why}")),
            false => refused(error),
        }
    }

    /// Returns the same with what is to be told beside it.
    pub(super) fn and(self, more: &str) -> Self {
        match self {
            Self::NotRun(why) => Self::NotRun(why + more),
            Self::Running(why) => Self::Running(why + more),
            Self::Unheard(why) => Self::Unheard(why + more),
        }
    }

    fn code(&self) -> ExitCode {
        match self {
            Self::NotRun(_) => ExitCode::from(NOT_RUN),
            Self::Running(_) => ExitCode::from(1),
            Self::Unheard(_) => ExitCode::from(UNHEARD),
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

/// Runs a child's work on its job, and returns the exit code: what it did is printed.
pub(super) fn run<J>(
    job: Result<J, String>,
    work: impl AsyncFnOnce(&J) -> Result<String, Failed>,
) -> ExitCode {
    let done = job.map_err(Failed::NotRun).and_then(|job| {
        let runtime = runtime()?;
        let done = runtime.block_on(work(&job));
        // A thread may still read a file that nobody wants any more.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(said) => {
            say(&said);
            ExitCode::SUCCESS
        }
        Err(failed) => failed.end(),
    }
}

/// Returns the runtime of a child: it does one thing.
pub(super) fn runtime() -> Result<Runtime, Failed> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failed::NotRun(format!("no runtime: {error}")))
}

/// Opens a child's connection; the server ends what runs on it soon after the child is gone.
pub(super) async fn connect(options: PgConnectOptions) -> Result<PgConnection, String> {
    let opened = timeout(CONNECT, options.disable_statement_logging().connect()).await;
    let opened = opened.map_err(|_| format!("no connection within {} s", CONNECT.as_secs()))?;
    let mut connection =
        opened.map_err(|error| format!("cannot connect: {}", connect_error(&error)))?;
    watch_client(&mut connection).await;
    Ok(connection)
}

/// Prints a line; a reader that went away is no reason to stop.
pub(super) fn say(line: &str) {
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
