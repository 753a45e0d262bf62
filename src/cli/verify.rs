//! `verify`: proves one backup, level by level.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use color_eyre::eyre::Result;

use super::{args, json, print, say, words};
use crate::io::store;
use crate::tools::pg_dump::Progress;

/// How often a person is told how far it is.
const TOLD: Duration = Duration::from_secs(1);

/// Prints the proof: exit 0 good, 1 bad, 2 cannot tell.
///
/// # Errors
/// When there is nothing that could be proven: no such file, no backup, or a level that
/// this version does not reach.
pub fn run(flags: &args::Verify) -> Result<ExitCode> {
    let (report, _) = store::verify(&flags.file, flags.level, Utc::now(), &mut progress())?;
    // First, so that the last line is what it comes to.
    report.notes.iter().for_each(|note| say(note));
    if flags.json {
        print(&json::document(&report));
    } else {
        print(&words::proof(&report).join("\n"));
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// Returns what tells a person, and no script, how far it is.
fn progress() -> impl FnMut(Progress) {
    let (is_watched, mut told) = (std::io::stderr().is_terminal(), Instant::now());
    move |progress| {
        if is_watched && told.elapsed() >= TOLD {
            told = Instant::now();
            say(&progress.words());
        }
    }
}
