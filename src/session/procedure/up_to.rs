//! From one revision to another, one confirmed migration at a time.

use crate::domain::graph::{Graph, Node, State};
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
/// was made before. Up to a revision runs only what that one needs; down to it undoes only
/// what follows it: other branches stay.
#[must_use]
pub fn next(direction: Direction, goal: &Goal, graph: &Graph) -> Next {
    let is = |id: &str, state: State| graph.find(id).is_some_and(|node| node.state == state);
    match (direction, goal) {
        (Direction::Up, Goal::Revision(word)) => {
            up_to(word, graph).unwrap_or_else(Next::Impossible)
        }
        (Direction::Down, Goal::Revision(word)) => {
            down_to(word, graph).unwrap_or_else(Next::Impossible)
        }
        (Direction::Up, Goal::Only(id)) if is(id, State::Pending) => {
            Next::Step(Intent::Up(id.clone()))
        }
        (Direction::Down, Goal::Only(id)) if is(id, State::Applied) => {
            Next::Step(Intent::Down(id.clone()))
        }
        // Where it is not that one's turn any more, what would be next tells why.
        (Direction::Up, Goal::One | Goal::End | Goal::Only(_)) => match graph.pending().next() {
            Some(node) => Next::Step(Intent::Up(node.id.clone())),
            None => Next::Done("nothing is pending".to_owned()),
        },
        (Direction::Down, Goal::One | Goal::End | Goal::Only(_)) => {
            match graph.applied().next_back() {
                Some(node) => Next::Step(Intent::Down(node.id.clone())),
                None => Next::Done("nothing is applied".to_owned()),
            }
        }
    }
}

fn up_to(word: &str, graph: &Graph) -> Result<Next, String> {
    let Node { id, state, .. } = graph.resolve(word)?;
    match state {
        State::Pending => {}
        State::Dirty => return Err(dirty(id)),
        State::Applied | State::Orphan => return Ok(Next::Done(format!("{id} is applied"))),
    }
    let needed = graph.ancestors(id);
    // The goal itself is pending and needed.
    let next = graph.pending().find(|node| needed.contains(&node.id));
    Ok(Next::Step(Intent::Up(next.map_or(id, |node| &node.id).clone())))
}

fn down_to(word: &str, graph: &Graph) -> Result<Next, String> {
    let Node { id, state, .. } = graph.resolve(word)?;
    match state {
        State::Pending => {
            return Err(format!("the database does not have {id}: it cannot go back to it"));
        }
        State::Dirty => return Err(dirty(id)),
        State::Applied | State::Orphan => {}
    }
    let later = graph.descendants(id);
    let last = graph.applied().rev().find(|node| node.id != *id && later.contains(&node.id));
    Ok(match last {
        Some(node) => Next::Step(Intent::Down(node.id.clone())),
        None => Next::Done(format!("the database is at {id}")),
    })
}

fn dirty(id: &str) -> String {
    format!(
        "{id} began and did not end: look at what it did, and mend it, before anything else runs"
    )
}
