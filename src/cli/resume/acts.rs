//! Acts of which nobody recorded what became of them.

use color_eyre::eyre::{Result, eyre};

use crate::cli::lines::Lines;
use crate::cli::{confirm, prompt, say};
use crate::domain::journal::Open;
use crate::domain::outcome::{Ending, Outcome};
use crate::domain::resolve::Resolution;
use crate::io::driver::Interrupted;

/// Whether it is known of all acts what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is, and it is recorded.
    All,
    /// Of one at least it is not.
    NotAll,
}

/// Finds out what became of every open act: by evidence, and where that does not tell, by
/// the verdict of whoever types `lines`.
///
/// # Errors
/// When what was found cannot be recorded.
pub async fn settle(run: &Interrupted, mut lines: Option<&mut Lines>) -> Result<Settled> {
    let mut settled = Settled::All;
    for open in run.open().map_err(|why| eyre!(why))? {
        say(&format!("without an outcome: {}", name(&open)));
        if !one(run, &open, lines.as_deref_mut()).await? {
            settled = Settled::NotAll;
        }
    }
    Ok(settled)
}

async fn one(run: &Interrupted, open: &Open, lines: Option<&mut Lines>) -> Result<bool> {
    let mut resolution = run.resolve(open, None).await;
    if let Resolution::StillRunning { why } = &resolution {
        say(&format!("it is STILL RUNNING: {why}"));
        if lines.is_none() {
            return Ok(false);
        }
        say("following it to its end; leaving this ends nothing");
        run.follow(open, |line| say(&line.visible())).await;
        resolution = run.resolve(open, None).await;
    }
    match (resolution.outcome(), resolution, lines) {
        (Some(outcome), ..) => record(run, open, &outcome, false),
        (None, Resolution::Unknown { why }, Some(lines)) => {
            say(&format!("UNKNOWN: {why}"));
            match verdict(run, open, lines).await {
                Some(outcome) => record(run, open, &outcome, true),
                None => Ok(false),
            }
        }
        (None, Resolution::Unknown { why }, None) => {
            say(&format!("UNKNOWN: {why}"));
            Ok(false)
        }
        _ => Ok(false),
    }
}

fn record(run: &Interrupted, open: &Open, outcome: &Outcome, by_person: bool) -> Result<bool> {
    let message = outcome.message.one_line();
    let message = if message.is_empty() { message } else { format!(". {message}") };
    say(&format!("what became of it: {}{message}", outcome.ending.word()));
    run.record(open, outcome, by_person).map_err(|why| eyre!(why))?;
    Ok(true)
}

/// Asks the person, who is shown all that is known.
async fn verdict(run: &Interrupted, open: &Open, lines: &mut Lines) -> Option<Outcome> {
    if let Some(plan) = &open.plan {
        say(&confirm::lines(plan).join("\n"));
        if let Some(revision) = run.revision().await {
            let before = listed(&plan.revision_before);
            say(&format!(
                "the database was at {before} before it, and is at {} now",
                listed(&revision)
            ));
        }
    }
    let words: Vec<&str> = VERDICTS.iter().map(|(word, _)| *word).collect();
    lines.discard();
    loop {
        prompt(&format!(
            "Look at the database. What is true of it? Type one of: {}. An empty line leaves it unknown: ",
            words.join(", ")
        ));
        let text = lines.next().await?.text;
        if text.is_empty() {
            return None;
        }
        if let Some((_, ending)) = VERDICTS.iter().find(|(word, _)| *word == text) {
            return run.resolve(open, Some(*ending)).await.outcome();
        }
        say("that is none of them");
    }
}

/// What a person can say of an act.
const VERDICTS: [(&str, Ending); 5] = [
    ("done", Ending::Done),
    ("not run", Ending::NotRun),
    ("rolled back", Ending::RolledBack),
    ("part of it stays", Ending::Partial),
    ("failed", Ending::Failed),
];

fn name(open: &Open) -> String {
    let title = open.plan.as_ref().map_or("an act", |plan| plan.preview.title.as_str());
    let step = open.step.as_ref().map(|step| format!(" of step {step}")).unwrap_or_default();
    let attempt =
        if open.attempt > 1 { format!(", attempt {}", open.attempt) } else { String::new() };
    format!("{title}{step}{attempt}, begun at {}", open.at.format("%Y-%m-%d %H:%M:%SZ"))
}

fn listed(revisions: &[String]) -> String {
    if revisions.is_empty() { "nothing applied".to_owned() } else { revisions.join(", ") }
}
