//! `journal list`, `show` and `verify`: what was recorded, and whether it fits together.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use color_eyre::eyre::Result;
use serde_json::{Value, json};

use super::args::Journal;
use super::runs;
use crate::domain::journal::{Kind, Open, Reading, Record};
use crate::domain::outcome::Outcome;
use crate::domain::plan::Plan;
use crate::domain::untrusted::Untrusted;
use crate::io::journal::{self, Run};
use crate::io::paths::Paths;

/// How much of a record's data one line shows.
const SHOWN: usize = 160;

/// Runs `journal …` on this user's runs.
///
/// # Errors
/// When there is no such run, or it cannot be read.
pub fn run(args: &Journal) -> Result<ExitCode> {
    let runs = Paths::of_user()?.runs();
    let (text, code) = match args {
        Journal::List { json } => list(&runs, *json)?,
        Journal::Show { run, json } => show(&runs, run.as_deref(), *json)?,
        Journal::Verify { run, json } => verify(&runs, run.as_deref(), *json)?,
    };
    // A reader that went away, as `head` does, is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(code)
}

type Printed = (String, ExitCode);

fn list(runs: &Path, json: bool) -> Result<Printed> {
    let mut found = journal::list(runs)?;
    found.reverse();
    let text = if json {
        let all: Vec<_> = found.iter().map(listed).collect();
        document(json!({ "runs": all }))
    } else if found.is_empty() {
        format!("no runs in {}\n", runs.display())
    } else {
        found.iter().map(line_of_run).collect()
    };
    Ok((text, ExitCode::SUCCESS))
}

fn listed(run: &Run) -> Value {
    let reading = run.reading.as_ref().ok();
    let opened = reading.and_then(|reading| reading.records.first());
    json!({
        "run": run.id,
        "file": run.file,
        "opened_at": opened.map(|record| record.at),
        "operator": opened.map(|record| &record.operator),
        "records": reading.map(|reading| reading.records.len()),
        "closed": reading.map(Reading::closed),
        "rehearsal": reading.map(|reading| reading.rehearsal().is_some()),
        "intact": reading.map(|reading| reading.intact),
        "unknown": reading.map(|reading| unknown(&reading.open())),
        "error": run.reading.as_ref().err().map(ToString::to_string),
    })
}

fn line_of_run(run: &Run) -> String {
    let id = Untrusted::new(&run.id).one_line();
    match &run.reading {
        Ok(reading) => format!("{id}  {}\n", state(reading)),
        Err(error) => format!("{id}  {error}\n"),
    }
}

/// Returns a run's state in words.
fn state(reading: &Reading) -> String {
    let records = reading.records.len();
    let closed = if reading.closed() { "closed" } else { "not closed" };
    let mut words = vec![format!("{records} records"), closed.to_owned()];
    let open = reading.open().len();
    if reading.rehearsal().is_some() {
        words.insert(0, "REHEARSAL".to_owned());
    } else if open > 0 {
        words.push(format!("{open} UNKNOWN: lockkeeper resume"));
    }
    words.extend(reading.fault.as_ref().map(|fault| format!("NOT INTACT: {fault}")));
    words.join(", ")
}

fn show(runs: &Path, run: Option<&str>, json: bool) -> Result<Printed> {
    let file = runs::newest(runs, run)?;
    let reading = journal::read(&file)?;
    let text = if json {
        document(json!({ "file": file, "intact": reading.intact, "records": reading.records }))
    } else {
        reading.records.iter().map(line_of_record).collect::<String>() + &fault(&reading)
    };
    Ok((text, ExitCode::SUCCESS))
}

pub(super) fn line_of_record(record: &Record) -> String {
    let kind = serde_json::to_value(record.kind).unwrap_or_default();
    let place = [record.step.clone(), record.act.as_ref().map(|act| act_of(act, record.attempt))];
    let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let at = record.at.format("%Y-%m-%d %H:%M:%SZ");
    let line = format!(
        "{:>4}  {at}  {:<9}  {place}  {}",
        record.seq,
        kind.as_str().unwrap_or("?"),
        gist(record)
    );
    Untrusted::new(line.trim_end()).visible().replace('\n', " ") + "\n"
}

fn act_of(act: &str, attempt: Option<u32>) -> String {
    match attempt {
        Some(attempt) if attempt > 1 => format!("act {act}, attempt {attempt}"),
        _ => format!("act {act}"),
    }
}

/// Returns what a record says, on one line.
fn gist(record: &Record) -> String {
    let text = match record.kind {
        Kind::Intent => record.plan().map(intent),
        Kind::Outcome | Kind::Resolved => outcome(&record.data),
        _ => None,
    };
    let text = text.unwrap_or_else(|| match &record.data {
        Value::Null => String::new(),
        data => data.to_string(),
    });
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}

fn intent(plan: Plan) -> String {
    let line = plan.command.map(|command| format!(": {}", command.line())).unwrap_or_default();
    format!("{}{line}", plan.preview.title)
}

fn outcome(data: &Value) -> Option<String> {
    let outcome: Outcome = serde_json::from_value(data.clone()).ok()?;
    Some(format!("{}: {}", outcome.ending.word(), outcome.message.one_line()))
}

fn verify(runs: &Path, run: Option<&str>, json: bool) -> Result<Printed> {
    let file = runs::newest(runs, run)?;
    let reading = journal::read(&file)?;
    let text = if json { verdict(&file, &reading) } else { words(&file, &reading) };
    Ok((text, ExitCode::from(u8::from(!reading.intact))))
}

fn verdict(file: &Path, reading: &Reading) -> String {
    document(json!({
        "file": file,
        "records": reading.records.len(),
        "intact": reading.intact,
        "torn_tail": reading.torn_tail,
        "unknown": unknown(&reading.open()),
        "fault": reading.fault,
        "head": reading.records.last().map(|_| &reading.head),
    }))
}

fn unknown(open: &[Open]) -> Vec<Value> {
    let one = |open: &Open| json!({ "step": open.step, "intent_at": open.at, "act": open.act, "attempt": open.attempt });
    open.iter().map(one).collect()
}

fn words(file: &Path, reading: &Reading) -> String {
    let mut text = format!("{}: {}\n", file.display(), state(reading));
    if reading.torn_tail {
        text += "the last line was not finished; it is cut off when the run goes on\n";
    }
    for open in reading.open() {
        let step = open.step.as_deref().unwrap_or("-");
        let line = format!("UNKNOWN: step {step}, act {}, intent at {}", open.act, open.at);
        text += &(Untrusted::new(line).one_line() + "\n");
    }
    text + &anchor(reading)
}

/// Returns the hash that makes the chain tamper-evident.
fn anchor(reading: &Reading) -> String {
    if !reading.intact {
        return String::new();
    }
    format!(
        "the records follow one another; the last one's hash is {}\n\
         (keep it elsewhere: a cut-off end does not show in the file itself)\n",
        reading.head
    )
}

fn fault(reading: &Reading) -> String {
    reading.fault.as_ref().map(|fault| format!("NOT INTACT: {fault}\n")).unwrap_or_default()
}

fn document(mut body: Value) -> String {
    let mut whole = json!({ "schema": 1 });
    if let (Some(whole), Some(body)) = (whole.as_object_mut(), body.as_object_mut()) {
        whole.append(body);
    }
    super::json::document(&whole) + "\n"
}
