//! `verify`: proves one backup, level by level.

use std::process::ExitCode;

use chrono::Utc;
use color_eyre::eyre::Result;

use super::{args, json, print, say, words};
use crate::io::store;

/// Prints the proof: exit 0 good, 1 bad, 2 cannot tell.
///
/// # Errors
/// When there is nothing that could be proven: no such file, no backup, or a level that
/// this version does not reach.
pub fn run(flags: &args::Verify) -> Result<ExitCode> {
    let (report, _) = store::verify(&flags.file, flags.level, Utc::now())?;
    if flags.json {
        print(&json::document(&report));
    } else {
        print(&words::proof(&report).join("\n"));
    }
    report.notes.iter().for_each(|note| say(note));
    Ok(ExitCode::from(report.exit_code()))
}
