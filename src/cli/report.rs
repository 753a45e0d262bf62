//! `report`: the incident report of a run, from its journal and from what a person tells.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;
use color_eyre::eyre::{Result, WrapErr as _};
use serde_json::json as value;

use super::lines::Lines;
use super::{args, json, print, prompt, runs, say, site};
use crate::domain::journal::{Entry, Kind, Reading};
use crate::domain::report::{Ground, Output, Part, Report, markdown};
use crate::io::journal::{self, Journal, Secrets};
use crate::io::output;
use crate::io::paths::Paths;
use crate::io::site::Site;

/// Flags of `report`.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// The run, by the beginning of its name, or a journal file; the newest if left out
    pub run: Option<String>,
    /// Whose secrets are left out of what acts have printed; nothing is asked of the database.
    #[command(flatten)]
    pub target: args::Target,
    /// Write it to this file, in one step; else it is printed
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What happened, and why it was done; recorded in the run
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub reason: Option<String>,
    /// Who and what was affected; recorded in the run
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub impact: Option<String>,
    /// What caused it; recorded in the run
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub cause: Option<String>,
    /// What keeps it from happening again; recorded in the run
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prevention: Option<String>,
    /// Ask for what nobody has told yet, one question after the other
    #[arg(long)]
    pub ask: bool,
}

/// Writes the report: exit 0; 1 if the journal is damaged and the report says so.
///
/// # Errors
/// When there is no such run, or something cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let file = runs::newest(&Paths::of_user()?.runs(), args.run.as_deref())?;
    let reading = journal::read(&file)?;
    let run = runs::name(&file, &reading.records);
    let mut told = given(args);
    if args.ask {
        told.extend(asked(&reading, &told)?);
    }
    let site = site::masking(&args.target);
    let (report, unrecorded) = with(&told, &file, &run, site.as_ref())?;
    if let Some(why) = unrecorded {
        say(&format!("what was told is in this report only, it cannot be recorded: {why}"));
    }
    write(&report, args.out.as_deref(), args.target.json)?;
    Ok(ExitCode::from(u8::from(report.damage.is_some())))
}

fn given(args: &Args) -> Vec<(Part, String)> {
    let all = [
        (Part::Reason, &args.reason),
        (Part::Impact, &args.impact),
        (Part::Cause, &args.cause),
        (Part::Prevention, &args.prevention),
    ];
    let some = all.into_iter().filter_map(|(part, text)| Some((part, text.clone()?)));
    some.filter(|(_, text)| !text.trim().is_empty()).collect()
}

/// Asks a person for each part that nobody has told; an empty line leaves it blank.
fn asked(reading: &Reading, given: &[(Part, String)]) -> Result<Vec<(Part, String)>> {
    let known = crate::domain::report::told(&reading.records);
    let runtime = super::runtime()?;
    let mut lines = Lines::stdin();
    if io::stdin().is_terminal() {
        lines.discard();
    }
    let mut told = Vec::new();
    for part in Part::ALL {
        let is_told = known.of(part).is_some() || given.iter().any(|(one, _)| *one == part);
        if is_told {
            continue;
        }
        prompt(&format!("{} (empty leaves it blank)> ", part.question()));
        let Some(line) = runtime.block_on(lines.next()) else { break };
        if !line.text.trim().is_empty() {
            told.push((part, line.text));
        }
    }
    // The reader of the terminal may still wait.
    runtime.shutdown_background();
    Ok(told)
}

/// Records what was told in the run; returns why it could not be.
pub(super) fn record(file: &Path, run: &str, told: &[(Part, String)]) -> Option<String> {
    if told.is_empty() {
        return None;
    }
    let runs = file.parent().and_then(Path::parent)?;
    let append = || -> Result<(), journal::Error> {
        let journal = Journal::open(runs, run)?;
        for (part, text) in told {
            let data = value!({ "part": part, "text": text.trim() });
            journal.append(Entry::new(Kind::Report, data))?;
        }
        Ok(())
    };
    append().err().map(|error| error.to_string())
}

/// Records what was told, and returns the report with it; and why it is in the report only,
/// if it could not be recorded.
fn with(
    told: &[(Part, String)],
    file: &Path,
    run: &str,
    site: Option<&Site>,
) -> Result<(Report, Option<String>)> {
    let unrecorded = record(file, run, told);
    let mut report = gather(file, site)?;
    if unrecorded.is_some() {
        for (part, text) in told {
            report.told.tell(*part, text);
        }
    }
    Ok((report, unrecorded))
}

/// Returns the report of a journal as it is now.
///
/// # Errors
/// When it cannot be read.
pub(super) fn gather(file: &Path, site: Option<&Site>) -> Result<Report> {
    let reading = journal::read(file)?;
    let run = runs::name(file, &reading.records);
    let outputs = outputs(file, &reading, &site.map(site::secrets).unwrap_or_default());
    Ok(Report::of(Ground { run: &run, reading: &reading, outputs, now: Utc::now() }))
}

fn outputs(file: &Path, reading: &Reading, secrets: &Secrets) -> Vec<Output> {
    let Some(dir) = file.parent() else { return Vec::new() };
    let intents = reading.records.iter().filter(|record| record.kind == Kind::Intent);
    let acts = intents.filter_map(|record| Some((record.act.as_deref()?, record.attempt?)));
    acts.filter_map(|(act, attempt)| journal::excerpt(dir, act, attempt, secrets)).collect()
}

/// Records what was told and writes the report beside the project; returns where it lies.
///
/// # Errors
/// When the journal cannot be read, or the file cannot be written.
pub(super) fn of_console(site: &Site, run: &str, told: &[(Part, String)]) -> Result<String> {
    let file = journal::path(&site.paths.runs(), run);
    let (report, unrecorded) = with(told, &file, run, Some(site))?;
    let path = site.project.join(format!("report-{run}.md"));
    output::replace(&path, markdown(&report).trim_end())
        .wrap_err_with(|| format!("{} cannot be written", path.display()))?;
    Ok(match unrecorded {
        None => format!("the report is written: {}", path.display()),
        Some(why) => format!(
            "the report is written: {}; what was told is only there, it cannot be recorded: {why}",
            path.display()
        ),
    })
}

/// Writes the report into a file, or prints it.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(report: &Report, out: Option<&Path>, as_json: bool) -> Result<()> {
    let text = if as_json { json::document(report) } else { markdown(report) };
    match out {
        Some(path) => {
            output::replace(path, text.trim_end())
                .wrap_err_with(|| format!("{} cannot be written", path.display()))?;
            say(&format!("written: {}", path.display()));
        }
        None => print(text.trim_end()),
    }
    Ok(())
}
