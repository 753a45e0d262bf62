//! From one revision to another, one confirmed migration at a time.

use crate::domain::graph::{Graph, State};
use crate::domain::plan::Direction;
use crate::session::effect::Goal;
use crate::tools::Intent;

/// What comes next on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This migration.
    Step(Intent),
    /// The goal is reached, and why that is known.
    Done(String),
    /// There is no way from here.
    Impossible(String),
}

/// Returns the next migration towards `goal`, from what the database has now.
///
/// It looks at the graph anew each time: what happened meanwhile decides, not a list that
/// was made before.
#[must_use]
pub fn next(direction: Direction, goal: &Goal, graph: &Graph) -> Next {
    match direction {
        Direction::Up => up(goal, graph),
        Direction::Down => down(goal, graph),
    }
}

fn up(goal: &Goal, graph: &Graph) -> Next {
    if let Goal::Revision(id) = goal {
        match graph.find(id).map(|node| node.state) {
            None => return Next::Impossible(format!("there is no migration {id}")),
            Some(State::Pending) => {}
            Some(State::Dirty) => return Next::Impossible(dirty(id)),
            Some(State::Applied | State::Orphan) => return Next::Done(format!("{id} is applied")),
        }
    }
    match graph.pending().next() {
        Some(node) => Next::Step(Intent::Up(node.id.clone())),
        None => Next::Done("nothing is pending".to_owned()),
    }
}

fn down(goal: &Goal, graph: &Graph) -> Next {
    let last = graph.applied().next_back();
    if let Goal::Revision(id) = goal {
        match graph.find(id).map(|node| node.state) {
            None | Some(State::Pending) => {
                return Next::Impossible(format!(
                    "the database does not have {id}: it cannot go back to it"
                ));
            }
            Some(State::Dirty) => return Next::Impossible(dirty(id)),
            Some(_) if last.is_some_and(|node| node.id == *id) => {
                return Next::Done(format!("the database is at {id}"));
            }
            Some(_) => {}
        }
    }
    match last {
        Some(node) => Next::Step(Intent::Down(node.id.clone())),
        None => Next::Done("nothing is applied".to_owned()),
    }
}

fn dirty(id: &str) -> String {
    format!(
        "{id} began and did not end: look at what it did, and mend it, before anything else runs"
    )
}
