//! `__act JOBDIR`: lockkeeper as the process of a job.

use std::process::ExitCode;

use color_eyre::eyre::{Result, WrapErr as _};

use super::args::Job;
use crate::io::act;

/// Runs the job; its console reads the result from the job's files.
///
/// # Errors
/// When nothing was started, or the end of the program could not be written down; what
/// is printed goes to the job's `act.log`.
pub fn run(args: &Job) -> Result<ExitCode> {
    let runtime = super::runtime()?;
    let done = runtime.block_on(act::run(&args.dir));
    done.wrap_err_with(|| format!("the job in {}", args.dir.display()))?;
    Ok(ExitCode::SUCCESS)
}
