//! The words of the menus.

use chrono::{DateTime, Utc};

use crate::cli::words;
use crate::domain::activity::BackendKey;
use crate::domain::age;
use crate::domain::backup::Inventory;
use crate::domain::runbook::Kind;
use crate::domain::trigger::State;
use crate::panels::walk::lines::weighed;
use crate::panels::{Scene, Wanted};
use crate::session::acting::Acting;
use crate::session::pick::Choices;
use crate::session::walk::{Answered, End, Evidence, Phase, Walk};

/// Returns the menu where no runbook is walked.
pub(super) fn main() -> Vec<String> {
    [
        "1  look: sessions, locks, migrations, journal",
        "2  cancel or end a session, by its pid",
        "3  the next migration up: shows its plan first",
        "4  the last one down: shows its plan first",
        "5  walk a runbook",
        "6  a note for the record",
        "9  a full backup: shows its plan first",
        "v  prove a backup: reads it to its end, changes nothing",
        "r  the incident report of the last run: asks what the journal cannot know",
        "n  count what the next one up and the last one down would lose, or be refused by",
        "s  save what they destroy: shows its plan first",
        "m  mend what a failure has left: shows its plan first",
        "h  rehearse what is pending on a copy: shows its plan first",
        "R  roll back: the tree of questions, evidence first",
        "P  put what a fired trigger offers aside, with a reason",
        "0  leave",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Returns what can be looked at.
pub(super) fn look() -> Vec<String> {
    [
        "1  sessions",
        "2  locks",
        "3  migrations",
        "4  journal",
        "5  one session in full",
        "6  everything in short: who answers, rates, progress, slots",
        "7  the output of the last act",
        "8  backups",
        "9  what going back would mean now",
        "0  back",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Returns the backups, each with its number, the best first.
pub(super) fn backups(inventory: &Inventory, now: DateTime<Utc>) -> Vec<String> {
    if inventory.backups.is_empty() {
        return words::backups(inventory, now);
    }
    let numbered = |(at, backup)| format!("{}{}", at + 1, words::backup(backup, now));
    inventory.backups.iter().enumerate().map(numbered).collect()
}

/// Returns what can be sent to a session.
pub(super) fn signal(backend: BackendKey) -> Vec<String> {
    vec![
        format!("pid {}", backend.pid),
        "1  cancel its statement: shows the plan first".to_owned(),
        "2  end the session: shows the plan first".to_owned(),
        "0  back".to_owned(),
    ]
}

/// Returns the question for a text.
pub(super) fn text(wanted: &Wanted) -> String {
    format!("{} (empty leaves)> ", wanted.question())
}

/// Returns what can be picked, each with its number.
pub(super) fn pick(choices: &Choices) -> Vec<String> {
    let all = choices.all.iter().enumerate();
    let mut lines: Vec<String> =
        all.map(|(at, choice)| format!("{}  {}", at + 1, choice.label)).collect();
    lines.extend(choices.missing.iter().map(|why| format!("nothing to pick: {why}; type it")));
    lines
}

/// Returns what runs and how it can be stopped.
pub(super) fn running(acting: &Acting) -> Vec<String> {
    let title = &acting.plan.preview.title;
    if acting.is_signal() {
        return vec![format!("{title}: under way")];
    }
    let retry = match acting.retry_due() {
        Some(_) => ", and waits for its next attempt",
        None => "",
    };
    let stop = match acting.stop {
        Some(_) => "it was asked to stop; 8 ends its program too",
        None => "7 cancels its statement, 8 ends its program too, 0 leaves and lets it go on",
    };
    vec![format!("{title}: attempt {} runs{retry}", acting.attempt), stop.to_owned()]
}

/// Returns the current step in words: what it is, why, and what was found.
pub(super) fn step(walk: &Walk, scene: &Scene<'_>) -> Vec<String> {
    let now = scene.facts.now;
    let (at, of) = walk.place_of_current();
    let step = walk.current();
    let clock = |since: Option<DateTime<Utc>>| {
        since.map_or_else(String::new, |since| age::clock(now - since))
    };
    let mut lines = vec![format!(
        "Step {at}/{of} of {}, section {}: {} (in the run {}, in the step {})",
        walk.book().id,
        walk.section().title,
        step.title,
        clock(walk.since()),
        clock(walk.step_since()),
    )];
    lines.extend(step.why.iter().map(|why| format!("why: {why}")));
    lines.extend(walk.people().into_iter().map(|person| format!("call: {person}")));
    lines.extend(walk.links().into_iter().map(|link| format!("link: {link}")));
    lines.extend(walk.due().map(|due| format!("DUE: to be undone: {}", due.title)));
    lines.extend(step.replaced.iter().map(|replaced| {
        format!("instead of: {} (because: {})", replaced.instead_of, replaced.because)
    }));
    match &step.kind {
        Kind::Notice { text } => lines.extend(text.lines().map(str::to_owned)),
        Kind::Manual(manual) => {
            lines.extend(manual.text.trim().lines().map(|line| format!("do: {line}")));
        }
        _ => {}
    }
    if !walk.path().is_empty() {
        lines.push(format!("path: {}", path(walk)));
    }
    lines.extend(found(walk, scene));
    lines.extend(watching(walk, now));
    lines.extend(stands(walk));
    lines
}

/// Returns what was read: for a question in the words in which the panel weighs it.
fn found(walk: &Walk, scene: &Scene<'_>) -> Vec<String> {
    if *walk.phase() == Phase::Deciding {
        let weighed = weighed(walk, scene).into_iter();
        return weighed.map(|one| format!("found: {}: {}", one.label, one.value)).collect();
    }
    let ago = |at| age::rough(scene.facts.now - at);
    let line = |one: &Evidence| {
        format!("found: {}: {} ({} ago)", one.label, one.reading.value, ago(one.reading.at))
    };
    walk.evidence().iter().map(line).collect()
}

/// Returns the answers given so far, in one line.
fn path(walk: &Walk) -> String {
    let answered = |one: &Answered| format!("{} {}", one.question, one.answer);
    walk.path().iter().map(answered).collect::<Vec<_>>().join(" ▸ ")
}

/// Returns how long the live view goes on, and how its triggers stand.
pub(super) fn watching(walk: &Walk, now: DateTime<Utc>) -> Vec<String> {
    let Some(left) = walk.watch_left(now) else { return Vec::new() };
    let mut lines = vec![format!("watching; {} more at least", age::rough(left))];
    lines.extend(walk.armed().into_iter().map(|armed| {
        let word = match armed.state {
            State::Calm => "calm",
            State::Warn => "WARNS",
            State::Fire => "FIRES",
            State::Unknown => "CANNOT TELL",
        };
        let aside = armed.aside.map(|why| format!(" (put aside: {why})")).unwrap_or_default();
        format!("trigger {word}: {}: {}{aside}", armed.says, armed.found)
    }));
    lines
}

/// Returns what waits for a second person, and how they approve it.
fn awaiting(walk: &Walk) -> Vec<String> {
    let Some(awaited) = walk.awaited() else {
        return vec!["APPROVAL: what is to be approved is being planned".to_owned()];
    };
    let what = awaited.plan.as_ref().map_or_else(
        || awaited.why.clone().unwrap_or_default(),
        |plan| format!("{}, plan {}", plan.preview.title, plan.hash().short()),
    );
    let given: Vec<String> = walk.approved().iter().map(|one| one.words()).collect();
    let mut lines = vec![format!(
        "APPROVAL: waits for {} as {}, never who runs this: {what}",
        awaited.needed, awaited.role
    )];
    if !given.is_empty() {
        lines.push(format!("approved by: {}", given.join(", ")));
    }
    lines.push(
        "lockkeeper approve, in the approver's terminal, verifies them by their login".to_owned(),
    );
    lines
}

/// Returns how a run ends, in short.
pub(super) fn ended(end: &End) -> String {
    match end {
        End::Completed => "the runbook was walked to its end".to_owned(),
        End::Abandoned { reason } => format!("abandoned: {reason}"),
        End::Escalated { question } => format!("goes to the next level: {question}"),
    }
}

fn stands(walk: &Walk) -> Vec<String> {
    let mut lines = match walk.phase() {
        Phase::CheckFailed { unknown: true, why } => vec![format!("CANNOT TELL: {why}")],
        Phase::CheckFailed { why, .. } => vec![format!("FAILED: {why}")],
        Phase::Denied { reasons, .. } => {
            let denied = reasons.iter().map(|reason| format!("DENIED: {reason}"));
            let waits = walk.awaited().map(|_| awaiting(walk));
            denied.chain(waits.into_iter().flatten()).collect()
        }
        Phase::Failed { why, .. } => vec![format!("FAILED: {why}")],
        Phase::Unproven { unknown: true, why } => vec![format!("CANNOT TELL: {why}")],
        Phase::Unproven { why, .. } => vec![format!("NOT AS IT SHOULD BE: {why}")],
        Phase::Refused(why) => vec![format!("CANNOT BE DONE: {why}")],
        Phase::Undo(why) => {
            let how = walk.ending().map(ended).unwrap_or_default();
            let mut lines = vec![format!("THE RUN ENDS when what is due is undone: {how}")];
            lines.extend(why.iter().map(|why| format!("FAILED: {why}")));
            lines
        }
        Phase::Approving => awaiting(walk),
        _ => Vec::new(),
    };
    if let (Phase::Deciding, Kind::Decide(decide)) = (walk.phase(), &walk.current().kind) {
        lines.push(format!("QUESTION: {}", decide.question));
        let label = |id: &str| decide.answers.iter().find(|answer| answer.id == id);
        let suggested = walk.suggestion().and_then(label);
        lines.extend(suggested.map(|answer| format!("the evidence speaks for: {}", answer.label)));
    }
    for scenario in walk.scenarios() {
        lines.push(format!(
            "known: {}. {}",
            scenario.title,
            scenario.text.as_deref().unwrap_or("")
        ));
    }
    lines.extend(walk.advice().map(|next| format!("next: {next}")));
    if walk.is_paused() {
        lines.push("PAUSED: nothing is started before you go on (5)".to_owned());
    }
    if walk.stops_after() {
        lines.push("it pauses when this step is over".to_owned());
    }
    lines
}
