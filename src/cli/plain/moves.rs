//! The moves in a runbook, each with a number of its own that never changes.

use crate::domain::runbook::{Kind, Skip};
use crate::panels::Command;
use crate::session::effect::How;
use crate::session::walk::{CANNOT_TELL, ESCALATE, Move, Phase, Walk};

/// Returns what leaving means in a run, or in a rehearsal.
fn leave(rehearses: bool) -> String {
    let what = match rehearses {
        true => "the rehearsal ends, and its copy goes",
        false => "the run stays open, lockkeeper resume takes it up",
    };
    format!("0  leave: {what}")
}

/// What a line in the menu of a walk asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// What a key of the panel asks for, too.
    Step(Command),
    /// A move that no key makes here.
    Move(Move),
    /// Stop the running act.
    Stop(How),
    /// Look at something.
    Look,
    /// Signal a session.
    Signal,
    /// Leave; the run stays open.
    Leave,
}

/// Offers are numbered from here.
const OFFERS: usize = 12;

/// Returns what is possible on the current step, of a run or of a rehearsal, a line each.
pub(super) fn lines(walk: &Walk, rehearses: bool) -> Vec<String> {
    let mut lines = if walk.ending().is_some() { undoing(walk) } else { moves(walk) };
    lines.push(leave(rehearses));
    lines
}

fn moves(walk: &Walk) -> Vec<String> {
    let mut lines: Vec<String> =
        first(walk).map(|label| format!("1  {label}")).into_iter().collect();
    let step = walk.current();
    lines.push(match step.skip {
        Skip::Never => "2  skip this step: not here, it is required".to_owned(),
        Skip::WithReason => "2  skip this step, with a reason".to_owned(),
        Skip::Freely => "2  skip this step".to_owned(),
    });
    lines.extend(gives(walk).map(|label| format!("v  {label}")));
    match walk.phase() {
        Phase::Denied { overridable: true, .. } => {
            lines.push("3  override the gate, with a reason".to_owned());
        }
        Phase::Approving => {
            lines.push("3  go on without the approval, with a reason shown in red".to_owned());
        }
        _ => {}
    }
    lines.push("4  a note for the record".to_owned());
    lines.push(format!("5  {}", if walk.is_paused() { "go on" } else { "pause" }));
    lines.push(format!(
        "6  {}",
        if walk.stops_after() { "do not pause after this step" } else { "pause after this step" }
    ));
    lines.push("9  abandon the run, with a reason".to_owned());
    if walk.no_way_back().is_none() {
        lines.push("b  back: the question before, anew".to_owned());
    }
    lines.push("h  hand the run over to somebody".to_owned());
    lines.push("!  escalate: end the run here and hand it to a person".to_owned());
    lines.push("10 look: sessions, locks, migrations, journal".to_owned());
    lines.push("11 cancel or end a session, by its pid".to_owned());
    for (at, offer) in walk.offers().iter().enumerate() {
        let label = if offer == ESCALATE { "hand it to a person: escalate" } else { "go on at" };
        let section = if offer == ESCALATE { "" } else { offer };
        lines.push(format!("{} {label} {section}", OFFERS + at).trim_end().to_owned());
    }
    if *walk.phase() == Phase::Watching && !walk.offers().is_empty() {
        lines.push("P  put the offer aside, with a reason".to_owned());
    }
    lines.extend(answers(walk).into_iter().map(|(key, _, label)| format!("{key}  {label}")));
    lines
}

/// Returns what is possible while something is to be undone before the run ends.
fn undoing(walk: &Walk) -> Vec<String> {
    let first = walk.due().next().map_or("it", |due| due.title.as_str());
    vec![
        format!("1  undo {first}: shows the plan first"),
        format!("2  leave {first} as it is, with a reason"),
        "4  a note for the record".to_owned(),
        "10 look: sessions, locks, migrations, journal".to_owned(),
    ]
}

/// Returns what the number 1 does here.
fn first(walk: &Walk) -> Option<&'static str> {
    if walk.is_paused() {
        return None;
    }
    Some(match walk.phase() {
        Phase::Notice => "go on: it was read",
        Phase::CheckFailed { .. } | Phase::Deciding => "read again",
        Phase::Ready => "run it: shows the plan first",
        Phase::Denied { .. } => "ask the gates again",
        Phase::Failed { may_retry: true, .. } => "try again: shows the plan first",
        Phase::Unproven { .. } => "look again whether it is as it should be",
        _ => return None,
    })
}

/// Returns what the letter v gives here.
fn gives(walk: &Walk) -> Option<&'static str> {
    match walk.phase() {
        _ if walk.is_paused() => None,
        Phase::Doing => Some("it is done: say what came of it"),
        Phase::CheckFailed { .. } if walk.given().is_some() => Some("say anew what came of it"),
        Phase::Asking => Some("answer: type the value, or pick it"),
        Phase::Approving => Some("approve: the approver types their name"),
        _ => None,
    }
}

/// Returns the answers of the question: key, id and label.
fn answers(walk: &Walk) -> Vec<(char, String, String)> {
    let (Phase::Deciding, Kind::Decide(decide)) = (walk.phase(), &walk.current().kind) else {
        return Vec::new();
    };
    let mut all: Vec<_> =
        decide.answers.iter().map(|a| (a.key, a.id.clone(), a.label.clone())).collect();
    all.push(('u', CANNOT_TELL.to_owned(), "cannot tell: it goes to the next level".to_owned()));
    all
}

/// Returns what a line asks for; `None` if it is nothing of the menu. What is not possible
/// now is asked for all the same: the machine says why it is not.
#[must_use]
pub fn parse(walk: &Walk, text: &str) -> Option<Choice> {
    let text = text.trim();
    if let Some((_, id, _)) = answers(walk).into_iter().find(|(key, ..)| text == key.to_string()) {
        return Some(Choice::Step(Command::Choose(id)));
    }
    let command = match text {
        "v" => gives(walk).map(|_| Command::Give)?,
        "b" => Command::Rewind,
        "h" => Command::HandOver,
        "P" => Command::PutAside,
        "!" => Command::Escalate,
        _ => return numbered(walk, text.parse().ok()?),
    };
    Some(Choice::Step(command))
}

fn numbered(walk: &Walk, number: usize) -> Option<Choice> {
    let undoes = walk.ending().is_some();
    let command = match number {
        0 => return Some(Choice::Leave),
        1 => Command::Advance,
        // Its key is off, and nobody types a reason for what is refused.
        2 if !undoes && walk.current().skip == Skip::Never => {
            return Some(Choice::Move(Move::Skip(String::new())));
        }
        2 => Command::Skip,
        3 => Command::Override,
        4 => Command::Note,
        5 => Command::Pause,
        6 => Command::StopAfter,
        7 => return Some(Choice::Stop(How::Cancel)),
        8 => return Some(Choice::Stop(How::Kill)),
        9 => Command::Abandon,
        10 => return Some(Choice::Look),
        11 => return Some(Choice::Signal),
        number => Command::Choose(walk.offers().get(number.checked_sub(OFFERS)?)?.clone()),
    };
    Some(Choice::Step(command))
}
