//! `__load`: one of the demo's applications.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::io::demo::load::{self, Part};

/// What to load, and how long.
#[derive(Args, Debug)]
pub struct Options {
    /// `web` or `reporting`.
    #[arg(value_parser = part)]
    part: Part,
    /// The directory of the demo's server.
    directory: PathBuf,
    /// End with the server only, not when standard input closes.
    #[arg(long)]
    detached: bool,
}

fn part(name: &str) -> Result<Part, String> {
    Part::named(name).ok_or_else(|| "it is web or reporting".to_owned())
}

/// Loads the demo's server until it ends.
pub fn run(options: &Options) -> ExitCode {
    let Ok(runtime) = super::runtime() else {
        return ExitCode::FAILURE;
    };
    runtime.block_on(load::run(options.part, &options.directory, options.detached, say));
    // A thread still reads standard input; nobody waits for it.
    runtime.shutdown_background();
    ExitCode::SUCCESS
}

fn say(line: &str) {
    let mut out = io::stdout();
    // Who started us reads no more than this line, and may be gone.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
