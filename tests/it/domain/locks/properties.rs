//! The forest against its definition, on random rows.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::locks::{
    EdgeKind, Forest, Graph, Groups, Holder, Id, Mode, Node, Reported, Row,
};
use proptest::prelude::*;

use super::oracle::{Truth, Vertex};
use super::{forest_of, holds, prepared, wants};

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(Mode::ALL.to_vec())
}

/// Rows as a server may show them, and wilder: up to 14 sessions, 3 prepared
/// transactions, 3 tables; each session waits at most once, and no two waits began at
/// the same moment.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    rows_of(14, 20)
}

/// The same of as many sessions, with up to so many locks held.
fn rows_of(sessions: i32, locks: usize) -> impl Strategy<Value = Vec<Row>> {
    let pids = 1..=sessions;
    let held = prop::collection::vec((pids.clone(), 1..4u32, mode()), 0..locks);
    let owned = prop::collection::vec((900..903u32, 1..4u32, mode()), 0..3);
    let some = 1..usize::try_from(sessions).unwrap_or_default() - 2;
    let waiting = prop::collection::btree_map(pids, (1..4u32, mode()), some);
    let order = Just((1..i64::from(sessions) * 3).collect::<Vec<_>>()).prop_shuffle();
    (held, owned, waiting, order).prop_map(|(held, owned, waiting, order)| {
        let held = held.into_iter().map(|(pid, table, mode)| holds(pid, table, mode));
        let owned = owned.into_iter().map(|(xid, table, mode)| prepared(xid, table, mode));
        let waiting = waiting.into_iter().zip(order);
        let waiting = waiting.map(|((pid, (table, mode)), since)| wants(pid, table, mode, since));
        held.chain(owned).chain(waiting).collect()
    })
}

/// Sessions 1 to 4 may be workers of 10 or 11.
fn groups() -> impl Strategy<Value = BTreeMap<i32, i32>> {
    prop::collection::btree_map(1..5, 10..12, 0..4)
}

fn edges(graph: &Graph) -> BTreeMap<(Vertex, Vertex), bool> {
    let of = |at: usize| {
        let from = graph.vertices()[at];
        let hard = graph.hard(at).ones().map(move |to| ((from, graph.vertices()[to]), true));
        let soft = graph.soft(at).ones().map(move |to| ((from, graph.vertices()[to]), false));
        hard.chain(soft)
    };
    (0..graph.vertices().len()).flat_map(of).collect()
}

fn members(node: &Node) -> BTreeSet<Vertex> {
    match &node.id {
        Id::Session(pid) => BTreeSet::from([Holder::Session(*pid)]),
        Id::Cycle(_) => node.members.iter().map(|pid| Holder::Session(*pid)).collect(),
        Id::Prepared(gid) => {
            let number = gid.raw().rsplit(' ').next().and_then(|xid| xid.parse().ok());
            BTreeSet::from([Holder::Prepared(number.unwrap_or(900))])
        }
    }
}

fn agrees(forest: &Forest, truth: &Truth) -> Result<(), TestCaseError> {
    let shown: Vec<_> = forest.nodes.iter().map(members).collect();
    prop_assert_eq!(shown.iter().cloned().collect::<BTreeSet<_>>(), truth.nodes.clone());
    prop_assert_eq!(shown.len(), truth.nodes.len(), "each once");
    prop_assert_eq!(forest.blocked, truth.waiting.len());
    for (node, set) in forest.nodes.iter().zip(&shown) {
        let parent = node.parent.as_ref().and_then(|id| forest.node(id)).map(members);
        prop_assert_eq!(&parent, &truth.parent(set), "parent of {}", node.id);
        prop_assert_eq!(node.depth, truth.depth(set), "depth of {}", node.id);
        prop_assert_eq!(node.victims, truth.victims(set), "victims of {}", node.id);
        prop_assert_eq!(node.below, truth.below(set), "below {}", node.id);
        prop_assert_eq!(node.frees, truth.frees(set), "frees of {}", node.id);
        edge_agrees(forest, node, set, truth)?;
    }
    Ok(())
}

fn edge_agrees(
    forest: &Forest,
    node: &Node,
    set: &BTreeSet<Vertex>,
    truth: &Truth,
) -> Result<(), TestCaseError> {
    let blockers = truth.blockers(set);
    let parent = truth.parent(set);
    let hard = parent.as_ref().map(|parent| blockers[parent]);
    let shown = node.edge.as_ref().map(|edge| edge.kind == EdgeKind::Hard);
    prop_assert_eq!(shown, hard, "edge of {}", node.id);
    let others = forest.also_behind(node);
    let others: BTreeSet<_> =
        others.into_iter().filter_map(|id| forest.node(id)).map(members).collect();
    let expected = blockers.into_keys().filter(|b| Some(b) != parent.as_ref()).collect();
    prop_assert_eq!(others, expected, "others of {}", node.id);
    Ok(())
}

/// A child comes after its parent, with nothing in between that is not under it.
fn is_in_display_order(forest: &Forest) -> bool {
    let mut path: Vec<&Id> = Vec::new();
    forest.nodes.iter().all(|node| {
        path.truncate(node.depth);
        let fits = path.last().copied() == node.parent.as_ref() && path.len() == node.depth;
        path.push(&node.id);
        fits
    })
}

fn is_as_defined(rows: &[Row], leaders: &BTreeMap<i32, i32>) -> Result<(), TestCaseError> {
    let truth = Truth::of(rows, leaders);
    let groups = Groups::from_pairs(leaders.clone());
    let graph = Graph::new(rows, &groups, &Reported::new());
    prop_assert_eq!(edges(&graph), truth.edges.clone());
    let forest = forest_of(&graph);
    agrees(&forest, &truth)?;
    prop_assert!(is_in_display_order(&forest));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_crowd_is_as_the_definition_has_it(rows in rows_of(36, 20)) {
        is_as_defined(&rows, &BTreeMap::new())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn edges_and_forest_are_as_the_definition_has_them(rows in rows(), leaders in groups()) {
        is_as_defined(&rows, &leaders)?;
    }

    #[test]
    fn the_order_of_the_rows_changes_nothing(rows in rows(), seed in 0..1000usize) {
        let mut turned = rows.clone();
        turned.rotate_left(seed % rows.len());
        turned.reverse();
        let graph = |rows: &[Row]| Graph::new(rows, &Groups::default(), &Reported::new());
        prop_assert_eq!(forest_of(&graph(&rows)).nodes, forest_of(&graph(&turned)).nodes);
    }

    #[test]
    fn an_honest_answer_of_the_server_changes_nothing(rows in rows()) {
        let plain = Graph::new(&rows, &Groups::default(), &Reported::new());
        let pids = plain.vertices().iter().filter_map(|vertex| vertex.pid());
        let reported: Reported = pids
            .map(|pid| {
                let blockers = plain.blocked_by(Holder::Session(pid));
                (pid, blockers.filter_map(Holder::pid).collect())
            })
            .collect();
        let asked = Graph::new(&rows, &Groups::default(), &reported);
        prop_assert_eq!(edges(&asked), edges(&plain));
        prop_assert!(forest_of(&asked).nodes.iter().all(|node| node.confirmed));
    }
}
