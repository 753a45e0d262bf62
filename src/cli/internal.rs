//! Hidden commands that lockkeeper runs itself as.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::io::{cluster, migrate};

/// Runs the hidden command that `args` (without the program's name) asks for, if it is one.
#[must_use]
pub fn run(args: &[OsString]) -> Option<ExitCode> {
    match args.first()?.to_str()? {
        "__watch" => Some(watch(&PathBuf::from(args.get(1)?))),
        "__sqlx" => Some(migrate::main(&args[1..], migrate::from_environment)),
        _ => None,
    }
}

/// Watches the owner of the throwaway server in `directory`.
fn watch(directory: &std::path::Path) -> ExitCode {
    match cluster::watch(directory, &|_| false) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
