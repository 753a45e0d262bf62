//! The hidden child of a restore's acts, and what their plans stand on.
//!
//! What it does goes to stdout line by line, what went wrong last to stderr. Exit codes: 0
//! done, 1 failed while running, 2 nothing was begun, 3 nobody heard whether it was done.
//! Killed at any moment it leaves the live database or the new one under the name, never none
//! and never a half of one: both renames are one transaction, and until then nothing of the
//! live database is touched.

mod around;
mod check;
mod drop;
mod encoding;
mod job;
mod load;
mod look;
mod pooler;
mod prove;
mod scan;
mod script;
mod server;
mod settle;
mod statement;
mod swap;

use std::ffi::OsString;
use std::process::ExitCode;

use super::child::{self, Failed, say};
use crate::domain::restore::Act;

pub use job::{Job, Load};
pub use look::{Look, look, look_within, preflight, world};
pub(in crate::io) use pooler::left_paused;
pub(in crate::io) use script::{May, feed};

/// Runs the child's command line; the server, and its maintenance database, are in the
/// environment, as libpq reads them.
#[must_use]
pub fn main(args: &[OsString]) -> ExitCode {
    child::run(Job::parse(args), async |job| run(job).await)
}

/// Does one act, and returns in words what is so now.
///
/// # Errors
/// [`Failed::NotRun`] if nothing was changed; [`Failed::Running`] if something was.
pub async fn run(job: &Job) -> Result<String, Failed> {
    match job.act {
        Act::Load => load::run(job).await,
        Act::Settle => settle::run(job).await,
        Act::Swap | Act::Undo => swap::run(job).await,
        Act::Drop => drop::run(job).await,
    }
}
