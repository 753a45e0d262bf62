//! The verdict on a round trip, from nothing but what was observed.

use super::{Rows, Shape, Verdict};
use crate::domain::untrusted::Untrusted;

/// What there was to see at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The schema, but for the tool's own tables.
    pub shape: Shape,
    /// The rows, but for those of the tool's own tables.
    pub rows: Rows,
    /// Where the tool's table says that the database is.
    pub revision: Vec<String>,
}

/// How a run of the tool ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With exit code 0.
    Well,
    /// With another one.
    Failed {
        /// The server refused because of rows: a value does not fit, a constraint is violated.
        on_data: bool,
    },
    /// Nothing can be told from it: it hung, it could not be started.
    CannotTell(String),
}

/// One run of the tool, and what there was to see after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How it ended.
    pub ended: Ended,
    /// What it said last, where it failed.
    pub said: Untrusted,
    /// The seconds that it took, with the start of its program.
    pub took_s: f64,
    /// Where the tool was to lead.
    pub expected: Vec<String>,
    /// What there was to see after it.
    pub after: Look,
}

/// The way down.
#[derive(Clone, Debug, PartialEq)]
pub enum Down {
    /// There is none, and why.
    Missing(String),
    /// It was run.
    Ran(Step),
}

/// What became of rows that were written after the way up, when it was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The way down that they saw.
    pub down: Step,
    /// What of them is gone, in words.
    pub vanished: Vec<Untrusted>,
    /// The tables into which no row could be written, and why.
    pub unwritten: Vec<(String, String)>,
}

/// A round trip, as far as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Trip {
    /// What there was to see before.
    pub before: Look,
    /// The way up.
    pub up: Step,
    /// The way down.
    pub down: Option<Down>,
    /// The way up once more.
    pub again: Option<Step>,
    /// The way down over rows that were written in between; `Err`: why nobody tried.
    pub written: Option<Result<Written, String>>,
}

/// The verdict, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict; `None`: it cannot be told.
    pub verdict: Option<Verdict>,
    /// Why, in words.
    pub why: Untrusted,
}

impl Judgement {
    /// Returns a verdict with its reason.
    pub fn new(verdict: Verdict, why: impl Into<String>) -> Self {
        Self { verdict: Some(verdict), why: Untrusted::new(why.into()) }
    }

    /// Returns that nothing can be told, and why.
    pub fn cannot_tell(why: impl Into<String>) -> Self {
        Self { verdict: None, why: Untrusted::new(why.into()) }
    }
}

/// Judges a round trip: the first rule that holds decides, the worst of them first.
#[must_use]
pub fn judge(trip: &Trip) -> Judgement {
    went_up(trip)
        .or_else(|| went_down(trip))
        .or_else(|| came_back(trip))
        .or_else(|| lost(trip))
        .or_else(|| went_up_again(trip))
        .unwrap_or_else(|| proven(trip))
}

/// A step that failed: whether it left something, and whose fault it was.
fn failed(what: &str, step: &Step, from: &Look, otherwise: Verdict) -> Option<Judgement> {
    match &step.ended {
        Ended::Well if step.after.revision == step.expected => None,
        Ended::Well => Some(Judgement::cannot_tell(format!(
            "{what} ended with exit code 0, but its table does not say that it ran: the database is at {}, expected is {}",
            at(&step.after.revision),
            at(&step.expected)
        ))),
        Ended::CannotTell(why) => Some(Judgement::cannot_tell(format!("{what}: {why}"))),
        Ended::Failed { on_data } => {
            let said = step.said.raw();
            let is_same = step.after.shape.is_same(&from.shape)
                && step.after.rows == from.rows
                && step.after.revision == from.revision;
            Some(match (is_same, on_data) {
                (false, _) => Judgement::new(
                    Verdict::Partial,
                    format!("{what} fails, and what it did until then stays: {said}"),
                ),
                (true, true) => {
                    Judgement::new(Verdict::Blocked, format!("{what} fails on rows: {said}"))
                }
                (true, false) => Judgement::new(otherwise, format!("{what} fails: {said}")),
            })
        }
    }
}

fn went_up(trip: &Trip) -> Option<Judgement> {
    failed("the way up", &trip.up, &trip.before, Verdict::Blocked)
}

fn went_down(trip: &Trip) -> Option<Judgement> {
    match trip.down.as_ref() {
        None => Some(Judgement::cannot_tell("the way down was not tried")),
        Some(Down::Missing(why)) => Some(Judgement::new(Verdict::Irreversible, why.clone())),
        Some(Down::Ran(down)) => {
            failed("the way down", down, &trip.up.after, Verdict::Irreversible)
        }
    }
}

/// Down ran and says so; whether the schema is what it was.
fn came_back(trip: &Trip) -> Option<Judgement> {
    let after = &ran(trip)?.after;
    if after.shape.is_same(&trip.before.shape) {
        return None;
    }
    let changes = trip.before.shape.changes(&after.shape);
    Some(Judgement::new(
        Verdict::FalseDown,
        format!("the way down says that it worked, but: {}", listed(&changes)),
    ))
}

fn lost(trip: &Trip) -> Option<Judgement> {
    let gone = trip.before.rows.lost(&ran(trip)?.after.rows);
    if !gone.is_empty() {
        return Some(Judgement::new(
            Verdict::Lossy,
            format!("rows are not what they were: {}", listed(&gone)),
        ));
    }
    let written = trip.written.as_ref()?.as_ref().ok()?;
    let over_rows = "the way down, over rows that were written since,";
    failed(over_rows, &written.down, &trip.up.after, Verdict::Irreversible)
        // They were written by us, so that something stays of them is no half of a migration.
        .map(|judged| match (judged.verdict, &written.down.ended) {
            (Some(_), Ended::Failed { on_data: true }) => {
                let said = written.down.said.raw();
                Judgement::new(Verdict::Blocked, format!("{over_rows} fails on them: {said}"))
            }
            _ => judged,
        })
        .or_else(|| {
            let vanished = &written.vanished;
            (!vanished.is_empty()).then(|| {
                let gone = format!("what is written after it is lost: {}", listed(vanished));
                Judgement::new(Verdict::Lossy, gone)
            })
        })
}

fn went_up_again(trip: &Trip) -> Option<Judgement> {
    let Some(again) = &trip.again else {
        return Some(Judgement::cannot_tell("going up again was not tried"));
    };
    let up = &trip.up.after;
    failed("going up again", again, &ran(trip)?.after, Verdict::Blocked).or_else(|| {
        if again.after.shape.is_same(&up.shape) {
            return None;
        }
        let changes = up.shape.changes(&again.after.shape);
        Some(Judgement::cannot_tell(format!(
            "going up again leads elsewhere than the first time: {}",
            listed(&changes)
        )))
    })
}

fn proven(trip: &Trip) -> Judgement {
    let written = match &trip.written {
        None => return Judgement::cannot_tell("no rows were written after it"),
        Some(Err(why)) => return Judgement::cannot_tell(why.clone()),
        Some(Ok(written)) => written,
    };
    let touched = trip.before.shape.touched(&trip.up.after.shape);
    let unproven = written.unwritten.iter().find(|(table, _)| touched.contains(table));
    match unproven {
        Some((table, why)) => Judgement::cannot_tell(format!(
            "it changes {table}, into which no row could be written to see whether it stays: {why}"
        )),
        None => Judgement::new(
            Verdict::Reversible,
            "down leads back to the same schema and rows, and takes nothing that was written",
        ),
    }
}

fn ran(trip: &Trip) -> Option<&Step> {
    match trip.down.as_ref()? {
        Down::Ran(step) => Some(step),
        Down::Missing(_) => None,
    }
}

fn at(revision: &[String]) -> String {
    if revision.is_empty() { "no migration".to_owned() } else { revision.join(", ") }
}

/// So many lines stand in a reason; the document has them all.
const FEW: usize = 3;

fn listed(lines: &[Untrusted]) -> String {
    let few: Vec<&str> = lines.iter().take(FEW).map(Untrusted::raw).collect();
    let more = lines.len().saturating_sub(FEW);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", few.join("; "))
}
