//! `verify`: proves one backup, level by level.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _, eyre};

use super::{args, json, print, say, site, words};
use crate::domain::untrusted::Untrusted;
use crate::domain::verify::{Level, Report, estimated};
use crate::io::act::this_program;
use crate::io::allowed::Allowed;
use crate::io::drill::{self, Place};
use crate::io::paths::Paths;
use crate::io::site::know_version_table;
use crate::io::store::{outside, own};

/// How often a person is told how far it is.
const TOLD: Duration = Duration::from_secs(1);

/// Prints the proof: exit 0 good, 1 bad, 2 cannot tell.
///
/// # Errors
/// When there is nothing that could be proven: no such file, or no backup.
pub fn run(flags: &args::Verify) -> Result<ExitCode> {
    if let Some(location) = flags.file.to_str().filter(|text| own::is_theirs(text)) {
        return elsewhere(flags, location);
    }
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
    // Which table of it holds its revision; without a project the usual ones do.
    if let Ok((loaded, project)) = site::project(None, None) {
        know_version_table(&loaded.config, &project);
    }
    let (mut report, found) =
        drill::verify(&flags.file, flags.level, Utc::now(), &place, &mut tell)?;
    report.notes.extend(found.revisions.as_deref().map(inside));
    Ok(told(flags, &report))
}

/// Returns what is said of the revision that the backup's own version table names.
fn inside(revisions: &[String]) -> String {
    match revisions {
        [] => "its version table names no revision".to_owned(),
        _ => format!(
            "the revision inside is {}",
            Untrusted::from(revisions.join(", ").as_str()).one_line()
        ),
    }
}

fn told(flags: &args::Verify, report: &Report) -> ExitCode {
    // First, so that the last line is what it comes to.
    report.notes.iter().for_each(|note| say(note));
    if flags.json {
        json::print(report);
    } else {
        print(&words::proof(report).join("\n"));
    }
    ExitCode::from(report.exit_code())
}

/// Lets the program prove it that keeps it, as the configuration names that.
fn elsewhere(flags: &args::Verify, location: &str) -> Result<ExitCode> {
    let (loaded, project) = site::project(None, None)?;
    let state = Paths::of_user()?.state;
    let allowed = Allowed::in_state(&state);
    let runtime = super::runtime().wrap_err("no runtime")?;
    let place = own::Place { loaded: &loaded, cwd: &project, allowed: &allowed, state: &state };
    say("its own program reads all of it: that takes as long as it is large");
    let report = runtime.block_on(async {
        let known = outside::ask(&loaded, &project, &allowed, outside::LIMIT).await;
        let known = known.backups.iter().find(|backup| backup.location == location);
        own::verify(place, location, flags.level, known, Utc::now()).await
    });
    Ok(told(flags, &report.map_err(|why| eyre!(why))?))
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
