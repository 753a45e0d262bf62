//! The command line: one thin file per command.

pub mod act;
pub mod args;
mod internal;
pub mod journal;
#[cfg(feature = "failpoints")]
pub mod perform;

use std::process::ExitCode;

/// Runs the command line and returns the exit code of `CLI.md`'s table.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    internal::run(&args).unwrap_or(ExitCode::SUCCESS)
}
