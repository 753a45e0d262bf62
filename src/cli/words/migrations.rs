//! The migrations: where the database is, what comes next and what that does.

use super::joined;
use crate::domain::graph::State;
use crate::domain::loss::Loss;
use crate::domain::plan::Direction;
use crate::domain::untrusted::Untrusted;
use crate::tools::status::{Entry, Status};

/// Returns the migrations, those that have run in short.
#[must_use]
pub fn migrations(status: &Status) -> Vec<String> {
    let place = if status.directory.is_empty() { "." } else { status.directory.as_str() };
    let mut lines = vec![format!("{} in {}: {}", status.tool, plain(place), at(status))];
    for entry in &status.migrations {
        lines.push(line(entry));
        if entry.state.is_none_or(|state| state == State::Pending) {
            lines.extend(dangers(entry));
        }
    }
    let problem =
        |p: &crate::domain::graph::Problem| plain(&format!("PROBLEM {}: {}", p.id, p.detail));
    lines.extend(status.problems.iter().map(problem));
    lines.push(summary(status));
    lines
}

fn at(status: &Status) -> String {
    match (status.database, status.current.as_slice()) {
        ("none", _) => "what the database has is not known".to_owned(),
        (_, []) => "nothing applied".to_owned(),
        (_, ids) => format!("the database is at {}", plain(&ids.join(", "))),
    }
}

fn line(entry: &Entry) -> String {
    let state = match entry.state {
        Some(State::Applied) => "applied",
        Some(State::Pending) => "PENDING",
        Some(State::Orphan) => "ORPHAN",
        Some(State::Dirty) => "DIRTY",
        None => "not known",
    };
    let at = entry.applied_at.map(|at| at.format("%Y-%m-%d %H:%M:%SZ").to_string());
    let down = format!("the way down is {}", entry.reversal.kind.words());
    let words = [plain(&format!("{} {}", entry.id, entry.name)), at.unwrap_or_default(), down];
    format!("  {state:<9} {}", joined(words))
}

/// Returns the rows that one way of a migration would lose, or be refused by.
#[must_use]
pub fn counts(entry: &Entry, direction: Direction) -> Vec<String> {
    let of = |what: &str, all: &[Loss]| -> Vec<String> {
        let own = all.iter().filter(|loss| loss.direction == direction);
        own.map(|loss| {
            let rows = loss.counted().unwrap_or_else(|| "not counted".to_owned());
            plain(&format!("  {what} {}: {rows}", loss.what))
        })
        .collect()
    };
    let mut lines = of("loses", &entry.losses);
    lines.extend(of("fails on", &entry.obstacles));
    if lines.is_empty() {
        lines.push("  nothing is lost by it, and no rows would refuse it".to_owned());
    }
    lines.insert(0, plain(&format!("{} {} {}", direction.word(), entry.id, entry.name)));
    lines
}

fn dangers(entry: &Entry) -> Vec<String> {
    let mut lines = Vec::new();
    for hazard in &entry.hazards {
        let lock = hazard.lock.map_or("no lock", crate::domain::locks::Mode::words);
        let relation = hazard.relation.clone().unwrap_or_default();
        lines.push(plain(&format!(
            "            line {}: {lock} {relation}: {}; blocks {}",
            hazard.line, hazard.message, hazard.blocks
        )));
    }
    let lost = entry
        .losses
        .iter()
        .map(|loss| counted(&format!("{} loses {}", loss.direction.word(), loss.what), loss));
    lines.extend(lost);
    let obstacles = entry.obstacles.iter();
    lines.extend(
        obstacles
            .map(|one| counted(&format!("{} fails on {}", one.direction.word(), one.what), one)),
    );
    lines
}

fn counted(what: &str, loss: &Loss) -> String {
    let rows = loss.counted().map(|rows| format!(" ({rows})")).unwrap_or_default();
    plain(&format!("            {what}{rows}"))
}

fn summary(status: &Status) -> String {
    let problems = match status.problems.len() {
        0 => String::new(),
        1 => "; 1 problem".to_owned(),
        n => format!("; {n} problems"),
    };
    match &status.pending {
        None => format!("what is pending cannot be told without the database{problems}"),
        Some(pending) if pending.is_empty() => format!("nothing is pending{problems}"),
        Some(pending) => {
            format!("{} pending, next {}{problems}", pending.len(), plain(&pending[0]))
        }
    }
}

/// Escapes what stands in files; leading blanks stay.
fn plain(text: &str) -> String {
    Untrusted::from(text).visible().replace('\n', " ")
}
