//! `run`: the console, or the line mode, with a runbook begun.

use std::process::ExitCode;
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};

use super::lines::Lines;
use super::{args, begin, console, plain, site};

/// Walks a runbook.
///
/// # Errors
/// When the runbook cannot be walked, and so nothing was begun.
pub fn run(args: &args::Run) -> Result<ExitCode> {
    let site = site::open(&args.console.target)?;
    let begin = begin::runbook(&site, &args.runbook, args.file.as_deref());
    let begin = begin.map_err(|why| eyre!(why))?;
    let start = console::Start { runbook: Some(Box::new(begin)), ..console::Start::default() };
    let runtime = console::runtime()?;
    let code = if console::needs_lines(args.console.plain) {
        runtime.block_on(plain::on(site, start, Lines::stdin()))
    } else {
        runtime.block_on(console::on(site, start))
    };
    // A reader of the terminal may still wait for a key.
    runtime.shutdown_timeout(Duration::from_millis(200));
    code
}
