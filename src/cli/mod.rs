//! The command line: one thin file per command.

use std::process::ExitCode;

/// Runs the command line and returns the exit code of `CLI.md`'s table.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
