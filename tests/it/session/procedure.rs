//! From one revision to another: always the next one, from what the database has now.

use lockkeeper::domain::graph::{Graph, Node, State};
use lockkeeper::domain::plan::Direction;
use lockkeeper::session::effect::Goal;
use lockkeeper::session::procedure::up_to::{Next, next};
use lockkeeper::tools::Intent;
use proptest::prelude::*;

fn graph(states: &[State]) -> Graph {
    let node = |(at, state): (usize, &State)| Node {
        id: (at + 1).to_string(),
        name: String::new(),
        file: None,
        parents: if at == 0 { Vec::new() } else { vec![at.to_string()] },
        state: *state,
        applied_at: None,
    };
    Graph { nodes: states.iter().enumerate().map(node).collect() }
}

fn revision(id: &str) -> Goal {
    Goal::Revision(id.into())
}

#[test]
fn up_takes_the_first_that_is_pending_and_ends_when_none_is() {
    let half = graph(&[State::Applied, State::Pending, State::Pending]);
    assert_eq!(next(Direction::Up, &Goal::End, &half), Next::Step(Intent::Up("2".into())));
    assert_eq!(next(Direction::Up, &revision("3"), &half), Next::Step(Intent::Up("2".into())));
    assert!(matches!(next(Direction::Up, &revision("1"), &half), Next::Done(_)));
    assert!(matches!(next(Direction::Up, &revision("9"), &half), Next::Impossible(_)));
    assert!(matches!(next(Direction::Up, &Goal::One, &graph(&[State::Applied])), Next::Done(_)));
}

#[test]
fn down_takes_the_last_that_is_applied_and_ends_at_its_goal() {
    let half = graph(&[State::Applied, State::Applied, State::Pending]);
    assert_eq!(next(Direction::Down, &Goal::One, &half), Next::Step(Intent::Down("2".into())));
    assert_eq!(next(Direction::Down, &revision("1"), &half), Next::Step(Intent::Down("2".into())));
    assert!(matches!(next(Direction::Down, &revision("2"), &half), Next::Done(_)));
    assert!(matches!(next(Direction::Down, &revision("3"), &half), Next::Impossible(_)));
    assert!(matches!(next(Direction::Down, &Goal::End, &graph(&[State::Pending])), Next::Done(_)));
}

#[test]
fn a_migration_that_did_not_end_is_no_goal_that_was_reached() {
    let dirty = graph(&[State::Applied, State::Dirty]);
    for direction in [Direction::Up, Direction::Down] {
        assert!(matches!(next(direction, &revision("2"), &dirty), Next::Impossible(_)));
    }
}

/// Runs the procedure on a database that does as it is told; returns what ran.
fn run(direction: Direction, goal: &Goal, mut states: Vec<State>) -> Vec<Intent> {
    let mut ran = Vec::new();
    while let Next::Step(intent) = next(direction, goal, &graph(&states)) {
        let at: usize = intent.migration().parse().expect("ids are numbers here");
        let up = matches!(intent, Intent::Up(_));
        states[at - 1] = if up { State::Applied } else { State::Pending };
        ran.push(intent);
        assert!(ran.len() <= states.len(), "it does not end: {ran:?}");
    }
    ran
}

proptest! {
    #[test]
    fn a_procedure_ends_and_never_goes_past_its_goal(applied in 0usize..8, count in 1usize..8, goal in 1usize..8) {
        let states: Vec<State> = (0..count)
            .map(|at| if at < applied { State::Applied } else { State::Pending })
            .collect();
        let up = run(Direction::Up, &revision(&goal.to_string()), states.clone());
        let expected = if goal <= count { goal.saturating_sub(applied.min(count)) } else { 0 };
        prop_assert_eq!(up.len(), expected);
        let down = run(Direction::Down, &revision(&goal.to_string()), states.clone());
        let has = applied.min(count);
        prop_assert_eq!(down.len(), has.saturating_sub(goal));
        prop_assert_eq!(run(Direction::Up, &Goal::End, states.clone()).len(), count - has);
        prop_assert_eq!(run(Direction::Down, &Goal::End, states).len(), has);
    }
}
