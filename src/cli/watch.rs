//! `__watch`: removes a throwaway server when its owner is gone.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::io::cluster::{self, Record};

/// What to watch.
#[derive(Args, Debug)]
pub struct Options {
    /// The directory of the server.
    directory: PathBuf,
}

/// Waits until standard input closes, then removes the server, unless a journal
/// has an open intent on it: then it stays for `resume`.
pub fn run(options: &Options) -> ExitCode {
    let state = Record::read(&options.directory).and_then(|record| record.state);
    let has_open_intent = |system_identifier: &str| {
        state.as_ref().is_some_and(|state| cluster::has_open_intent(state, system_identifier))
    };
    match cluster::watch(&options.directory, &has_open_intent) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
