//! Trees: root cause first.

use lockkeeper::domain::locks::{EdgeKind, Graph, Groups, Id, Kind, Mode, Object, Reported, Row};

use super::{drawing, forest, forest_of, holds, now, prepared, table, wants};

#[test]
fn the_alter_holds_the_queue_and_the_idle_reader_is_the_root() {
    let forest = forest(&[
        holds(1, 1, Mode::AccessShare),
        wants(2, 1, Mode::AccessExclusive, 58),
        wants(3, 1, Mode::AccessShare, 60),
        wants(4, 1, Mode::AccessShare, 61),
    ]);
    let expected = ["s:1 v3 b3 f1", "  s:2 v2 b2 f2", "    s:3 v0 b0 f0", "    s:4 v0 b0 f0"];
    assert_eq!(drawing(&forest), expected);
    let alter = &forest.nodes[1];
    let edge = alter.edge.as_ref().expect("it hangs under the reader");
    assert_eq!((edge.kind, edge.held), (EdgeKind::Hard, Mode::AccessShare));
    let wants = alter.wants.as_ref().expect("it waits");
    assert_eq!((wants.mode, alter.wait_age(now())), (Mode::AccessExclusive, Some(42.0)));
    assert_eq!(wants.object, Some("public.t".into()));
    let queued = forest.nodes[2].edge.as_ref().expect("it hangs under the ALTER");
    assert_eq!((queued.kind, queued.held), (EdgeKind::Soft, Mode::AccessExclusive));
}

#[test]
fn hard_goes_before_soft_then_the_deepest_then_the_lower_pid() {
    let forest = forest(&[
        holds(9, 1, Mode::AccessShare),
        holds(8, 1, Mode::AccessShare),
        wants(5, 1, Mode::AccessExclusive, 1),
        wants(6, 1, Mode::AccessExclusive, 2),
    ]);
    let last = forest.node(&Id::Session(6)).expect("the last waiter is shown");
    assert_eq!(last.parent, Some(Id::Session(8)), "a holder, although 5 is deeper");
    assert_eq!(last.edge.as_ref().map(|edge| edge.kind), Some(EdgeKind::Hard));
    assert_eq!(last.queue_position, Some(2));
    assert_eq!(forest.also_behind(last), [&Id::Session(5), &Id::Session(9)]);
    assert_eq!(
        drawing(&forest),
        ["s:8 v2 b2 f0", "  s:5 v1 b0 f0", "  s:6 v0 b0 f0", "s:9 v2 b0 f0"],
        "a root stays even though nothing hangs visibly under it"
    );
}

#[test]
fn the_deepest_of_the_hard_blockers_is_the_parent() {
    let forest = forest(&[
        holds(1, 1, Mode::AccessShare),
        holds(2, 2, Mode::AccessExclusive),
        holds(3, 1, Mode::AccessShare),
        wants(3, 2, Mode::AccessShare, 1),
        wants(4, 1, Mode::AccessExclusive, 2),
    ]);
    let alter = forest.node(&Id::Session(4)).expect("the ALTER is shown");
    assert_eq!(alter.parent, Some(Id::Session(3)));
    assert_eq!(alter.depth, 2);
}

#[test]
fn a_prepared_transaction_is_a_root_with_its_gid() {
    let forest = forest(&[prepared(900, 1, Mode::RowExclusive), wants(3, 1, Mode::Share, 1)]);
    assert_eq!(forest.nodes[0].kind, Kind::Prepared);
    assert_eq!(forest.nodes[0].id, Id::Prepared("transfer_77".into()));
    assert_eq!(forest.nodes[1].parent, Some(forest.nodes[0].id.clone()));
}

fn deadlock() -> Vec<Row> {
    vec![
        holds(11, 1, Mode::AccessExclusive),
        holds(12, 2, Mode::AccessExclusive),
        wants(11, 2, Mode::AccessShare, 1),
        wants(12, 1, Mode::AccessShare, 2),
        wants(13, 1, Mode::AccessShare, 3),
    ]
}

fn answered(rows: &[Row], answers: &[(i32, &[i32])]) -> Graph {
    let reported: Reported =
        answers.iter().map(|(pid, pids)| (*pid, pids.iter().copied().collect())).collect();
    Graph::new(rows, &Groups::default(), &reported)
}

#[test]
fn a_cycle_is_one_node_whose_members_have_none_of_their_own() {
    let forest = forest(&deadlock());
    assert_eq!(drawing(&forest), ["c:11 v1 b1 f1", "  s:13 v0 b0 f0"]);
    assert_eq!(forest.nodes[0].members, [11, 12]);
    assert_eq!(forest.blocked, 3);
    assert_eq!(forest.node_of(12).map(|node| &node.id), Some(&Id::Cycle(11)));
}

#[test]
fn a_cycle_is_confirmed_only_by_the_server() {
    let rows = deadlock();
    let confirmed = |graph: &Graph| forest_of(graph).nodes[0].confirmed;
    assert!(!confirmed(&answered(&rows, &[])));
    assert!(!confirmed(&answered(&rows, &[(11, &[12])])), "only one side was asked");
    assert!(!confirmed(&answered(&rows, &[(11, &[12]), (12, &[])])), "it has dissolved");
    assert!(confirmed(&answered(&rows, &[(11, &[12]), (12, &[11])])));
}

#[test]
fn a_cycle_that_waits_on_somebody_outside_is_no_root() {
    let mut rows = deadlock();
    rows.push(holds(7, 2, Mode::AccessExclusive));
    let forest = forest(&rows);
    assert_eq!(drawing(&forest), ["s:7 v3 b3 f0", "  c:11 v1 b1 f1", "    s:13 v0 b0 f0"]);
}

#[test]
fn roots_are_ranked_by_victims_times_their_longest_wait() {
    let forest = forest(&[
        holds(1, 1, Mode::AccessExclusive),
        wants(2, 1, Mode::AccessShare, 98),
        wants(3, 1, Mode::AccessShare, 99),
        holds(4, 2, Mode::AccessExclusive),
        wants(5, 2, Mode::AccessShare, 90),
    ]);
    let roots: Vec<_> = forest.roots().map(|root| root.id.clone()).collect();
    assert_eq!(roots, [Id::Session(4), Id::Session(1)], "1 × 10 s before 2 × 2 s");
}

#[test]
fn an_object_of_another_database_has_no_name() {
    let elsewhere = |row: Row| Row { object: Object { database: Some(99), ..table(1) }, ..row };
    let rows = [
        elsewhere(holds(1, 1, Mode::AccessExclusive)),
        elsewhere(wants(2, 1, Mode::AccessShare, 1)),
    ];
    let forest = forest(&rows);
    let wants = forest.nodes[1].wants.as_ref().expect("it waits");
    assert_eq!((wants.mode, &wants.object), (Mode::AccessShare, &None));
    assert_eq!(forest.nodes[1].edge.as_ref().map(|edge| edge.object.clone()), Some(None));
}

#[test]
fn a_holder_that_blocks_nobody_has_no_node() {
    let forest = forest(&[
        holds(1, 1, Mode::AccessShare),
        holds(2, 1, Mode::RowExclusive),
        wants(3, 1, Mode::Share, 1),
    ]);
    assert!(forest.node(&Id::Session(1)).is_none());
    assert_eq!(forest.nodes.len(), 2);
}
