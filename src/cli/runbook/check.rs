//! `runbook check`: everything that is wrong with runbooks, before anybody has to walk them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args as ClapArgs;
use color_eyre::eyre::Result;
use serde::Serialize;

use super::{Read, places, read};
use crate::cli::{args, json, print, say, site};
use crate::domain::config::Config;
use crate::domain::problem::Problem;
use crate::domain::runbook::Runbook;
use crate::domain::runbook::lint::{Around, Finding, Weight};
use crate::io::config;
use crate::io::document::Refused;
use crate::io::postgres::reader::Reader;
use crate::io::runbook::{self, Loaded};
use crate::source;

/// Flags of `runbook check`.
#[derive(ClapArgs, Debug, Clone)]
#[command(
    after_help = "Exit codes: 0 nothing has to be mended, 1 something has, 2 a file or the target cannot be read.\n\
With --dsn or --target every SQL is prepared there too, in a READ ONLY transaction; none of it is run."
)]
pub struct Args {
    /// The runbooks, or lockkeeper.toml; all that can be run from here if left out
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where the SQL is prepared too: only with --dsn or --target.
    #[command(flatten)]
    pub target: args::Target,
}

/// The document.
#[derive(Serialize)]
struct Checked {
    schema: u32,
    verdict: &'static str,
    files: Vec<Judged>,
}

/// What was found in one file.
#[derive(Serialize)]
struct Judged {
    file: String,
    /// The runbook's name; `None` of what could not be read, and of a configuration.
    id: Option<String>,
    steps: Option<usize>,
    findings: Vec<Found>,
    /// Why it cannot be told whether it is good; `None`: it can.
    unknown: Option<String>,
}

/// One thing that is wrong.
#[derive(Serialize)]
struct Found {
    rule: String,
    severity: Weight,
    line: Option<usize>,
    key: Option<String>,
    what: String,
    suggestion: Option<String>,
}

/// Checks them, and prints what was found.
///
/// # Errors
/// When the configuration is wrong, or the target is not named well.
pub fn run(args: &Args) -> Result<ExitCode> {
    let here = std::env::current_dir()?;
    let config = config::load(args.target.config.as_deref(), &here)?.config;
    let (books, sources) = (books()?, sources(&args.files)?);
    let mut files: Vec<Judged> = Vec::new();
    let mut asked: Vec<(usize, Loaded)> = Vec::new();
    for source in sources {
        let (file, loaded) = checked(&source, &config, &books);
        asked.extend(loaded.map(|loaded| (files.len(), loaded)));
        files.push(file);
    }
    if args.target.dsn.is_some() || args.target.target.is_some() {
        prepare(&args.target, &asked, &mut files)?;
    }
    let verdict = verdict(&files);
    if args.target.json {
        print(&json::document(&Checked { schema: 1, verdict, files }));
    } else {
        files.iter().for_each(tell);
    }
    Ok(ExitCode::from(match verdict {
        "pass" => 0,
        "fail" => 1,
        _ => 2,
    }))
}

fn verdict(files: &[Judged]) -> &'static str {
    let bad = |file: &Judged| file.findings.iter().any(|one| one.severity == Weight::Bad);
    if files.iter().any(bad) {
        "fail"
    } else if files.iter().any(|file| file.unknown.is_some()) {
        "unknown"
    } else {
        "pass"
    }
}

/// Something to check: a file, or a runbook by its name.
enum Source {
    File(PathBuf),
    Named(String),
}

fn sources(files: &[PathBuf]) -> Result<Vec<Source>> {
    if files.is_empty() {
        return Ok(runbook::names(&places()?).into_iter().map(Source::Named).collect());
    }
    Ok(files.iter().cloned().map(Source::File).collect())
}

/// Returns every runbook that can be called from here and can be read.
fn books() -> Result<BTreeMap<String, Runbook>> {
    let places = places()?;
    let found = runbook::names(&places).into_iter().filter_map(|name| {
        let loaded = runbook::find(&name, &places).ok()?;
        Some((name, loaded.runbook))
    });
    Ok(found.collect())
}

fn checked(
    source: &Source,
    config: &Config,
    books: &BTreeMap<String, Runbook>,
) -> (Judged, Option<Loaded>) {
    let (name, found) = match source {
        Source::File(path) => (path.display().to_string(), read(path)),
        Source::Named(name) => {
            let found = places().map_err(|error| Refused::Unreadable {
                path: PathBuf::from(name),
                error: std::io::Error::other(error.to_string()),
            });
            let found = found.and_then(|places| runbook::find(name, &places));
            (name.clone(), found.map(|loaded| Read::Runbook(Box::new(loaded))))
        }
    };
    let mut file =
        Judged { file: name, id: None, steps: None, findings: Vec::new(), unknown: None };
    match found {
        Ok(Read::Runbook(loaded)) => {
            let mut findings = loaded.runbook.lint(Around { config, books });
            findings.extend(source::runbook::sql(&loaded.runbook));
            file.findings = located(&file.file, &loaded.text, findings);
            file.id = Some(loaded.runbook.id.clone());
            file.steps = Some(loaded.runbook.steps().count());
            return (file, Some(*loaded));
        }
        Ok(Read::Configuration(_)) => {}
        Err(Refused::Wrong(problems)) => {
            file.findings =
                problems.into_iter().map(|p| found_of("file", Weight::Bad, p)).collect();
        }
        Err(refused) => file.unknown = Some(refused.to_string()),
    }
    (file, None)
}

fn located(name: &str, text: &str, findings: Vec<Finding>) -> Vec<Found> {
    let located = runbook::locate(Path::new(name), text, findings).into_iter();
    located.map(|one| found_of(one.rule, one.weight, one.problem)).collect()
}

fn found_of(rule: &str, severity: Weight, problem: Problem) -> Found {
    let Problem { line, key, what, suggestion, .. } = problem;
    Found { rule: rule.to_owned(), severity, line, key, what, suggestion }
}

/// Prepares every SQL on the target; none of it is run.
fn prepare(flags: &args::Target, asked: &[(usize, Loaded)], files: &mut [Judged]) -> Result<()> {
    let site = site::open(flags)?;
    let runtime = crate::cli::runtime()?;
    runtime.block_on(async {
        let mut reader = Reader::new(site.target.spec.clone());
        for (at, loaded) in asked {
            let file = &mut files[*at];
            match refusals(&mut reader, &loaded.runbook).await {
                Ok(findings) => {
                    file.findings.extend(located(&file.file, &loaded.text, findings));
                    file.findings.sort_by_key(|found| found.line);
                }
                Err(why) => file.unknown = Some(format!("its SQL could not be prepared: {why}")),
            }
        }
    });
    Ok(())
}

async fn refusals(reader: &mut Reader, book: &Runbook) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    for asked in book.sql() {
        for statement in source::runbook::statements(asked.sql) {
            match reader.prepares(&statement).await {
                Ok(None) => {}
                Ok(Some(refused)) => {
                    let what = format!("this server refuses it: {refused}");
                    findings.push(Finding::bad("prepare", asked.place.clone(), what));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    Ok(findings)
}

fn tell(file: &Judged) {
    for found in &file.findings {
        let line = found.line.map(|line| format!(":{line}")).unwrap_or_default();
        let key = found.key.as_ref().map(|key| format!(": `{key}`")).unwrap_or_default();
        let meant = match (&found.suggestion, found.rule.as_str()) {
            (Some(form), "known_wrong") => format!("; write instead: {form}"),
            (Some(meant), _) => format!("; did you mean `{meant}`?"),
            (None, _) => String::new(),
        };
        let text = format!("{}{line}{key}: {}{meant} [{}]", file.file, found.what, found.rule);
        match found.severity {
            Weight::Bad => print(&text),
            Weight::Note => say(&format!("note: {text}")),
        }
    }
    if let Some(why) = &file.unknown {
        say(&format!("{}: cannot tell: {why}", file.file));
    }
    let bad = file.findings.iter().filter(|one| one.severity == Weight::Bad).count();
    if bad == 0 && file.unknown.is_none() {
        let steps = file.steps.map(|steps| format!("{steps} steps, ")).unwrap_or_default();
        print(&format!("{}: {steps}nothing is wrong in it", file.file));
    }
}
