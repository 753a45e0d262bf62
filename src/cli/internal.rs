//! Hidden commands that lockkeeper runs itself as.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use color_eyre::eyre::Result;

use super::args::{Cli, Command};
use crate::io::{cluster, migrate};

/// Runs the hidden command that `args` (without the program's name) asks for, if it is one.
#[must_use]
pub fn run(args: &[OsString]) -> Option<ExitCode> {
    match args.first()?.to_str()? {
        "__watch" => Some(watch(&PathBuf::from(args.get(1)?))),
        "__sqlx" => Some(migrate::main(&args[1..], migrate::from_environment)),
        _ => typed(Cli::try_parse().ok()?.command?).map(shown),
    }
}

/// Runs what clap reads.
fn typed(command: Command) -> Option<Result<ExitCode>> {
    match command {
        Command::Act(args) => Some(super::act::run(&args)),
        Command::Journal(args) => Some(super::journal::run(&args)),
        #[cfg(feature = "failpoints")]
        Command::Perform(rest) => Some(super::perform::run(&rest.args)),
        _ => None,
    }
}

/// Tells why a command did not run.
fn shown(done: Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        eprintln!("lockkeeper: {error:#}");
        ExitCode::from(2)
    })
}

/// Watches the owner of the throwaway server in `directory`.
fn watch(directory: &std::path::Path) -> ExitCode {
    match cluster::watch(directory, &|_| false) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
