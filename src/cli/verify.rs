//! `verify`: proves one backup, level by level.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _};

use super::{args, json, print, say, words};
use crate::domain::verify::{Level, estimated};
use crate::io::act::this_program;
use crate::io::drill::{self, Place};
use crate::io::paths::Paths;

/// How often a person is told how far it is.
const TOLD: Duration = Duration::from_secs(1);

/// Prints the proof: exit 0 good, 1 bad, 2 cannot tell.
///
/// # Errors
/// When there is nothing that could be proven: no such file, or no backup.
pub fn run(flags: &args::Verify) -> Result<ExitCode> {
    let place = Place {
        state: Paths::of_user()?.state,
        program: this_program().wrap_err("this program's own file is not known")?,
    };
    if flags.level >= Level::L4 {
        let bytes = std::fs::metadata(&flags.file).ok().filter(std::fs::Metadata::is_file);
        let takes = estimated(flags.level, bytes.map(|file| file.len()));
        say(&format!("{} in a scratch server on this machine: {takes}", flags.level));
    }
    let mut tell = progress(flags);
    let (report, _) = drill::verify(&flags.file, flags.level, Utc::now(), &place, &mut tell)?;
    // First, so that the last line is what it comes to.
    report.notes.iter().for_each(|note| say(note));
    if flags.json {
        json::print(&report);
    } else {
        print(&words::proof(&report).join("\n"));
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// Returns what tells how far it is: a person always, a file only of a drill.
fn progress(flags: &args::Verify) -> impl FnMut(&str) {
    let is_told = std::io::stderr().is_terminal() || (flags.level >= Level::L4 && !flags.json);
    let mut told: Option<Instant> = None;
    move |text| {
        if is_told && told.is_none_or(|told| told.elapsed() >= TOLD) {
            told = Some(Instant::now());
            say(text);
        }
    }
}
