//! Edges: who waits for whom.

use lockkeeper::domain::locks::{Graph, Groups, Holder, Mode, Object, Reported, Row};

use super::{graph, holds, prepared, table, wants};

fn blockers(graph: &Graph, pid: i32) -> Vec<i32> {
    graph.blocked_by(Holder::Session(pid)).filter_map(Holder::pid).collect()
}

#[test]
fn a_reader_behind_a_queued_alter_waits_for_the_alter_alone() {
    let rows = [
        holds(1, 1, Mode::AccessShare),
        wants(2, 1, Mode::AccessExclusive, 1),
        wants(3, 1, Mode::AccessShare, 2),
    ];
    let graph = graph(&rows);
    assert_eq!(blockers(&graph, 2), [1]);
    assert_eq!(blockers(&graph, 3), [2]);
    let alter = graph.vertex(Holder::Session(2)).expect("the ALTER is in the graph");
    let reader = graph.vertex(Holder::Session(3)).expect("the reader is in the graph");
    assert!(graph.soft(reader).contains(alter) && graph.hard(reader).is_clear());
}

#[test]
fn an_innocent_holder_beside_the_blocker_is_not_blamed() {
    let rows = [
        holds(1, 1, Mode::AccessShare),
        holds(2, 1, Mode::RowExclusive),
        wants(3, 1, Mode::Share, 1),
    ];
    assert_eq!(blockers(&graph(&rows), 3), [2]);
}

#[test]
fn a_waiter_that_holds_what_others_wait_for_goes_before_them() {
    let rows = [
        holds(1, 1, Mode::RowExclusive),
        holds(2, 1, Mode::AccessShare),
        wants(3, 1, Mode::AccessExclusive, 1),
        wants(2, 1, Mode::Share, 2),
    ];
    let graph = graph(&rows);
    assert_eq!(blockers(&graph, 2), [1], "no false deadlock with the ALTER");
    assert_eq!(blockers(&graph, 3), [1, 2]);
    assert!(graph.cycles().is_empty());
}

#[test]
fn a_lock_group_neither_blocks_itself_nor_appears_by_its_workers() {
    let rows = [
        holds(1, 1, Mode::AccessExclusive),
        wants(10, 1, Mode::AccessShare, 1),
        wants(11, 1, Mode::AccessShare, 2),
        holds(11, 2, Mode::RowExclusive),
        wants(10, 2, Mode::AccessExclusive, 3),
        wants(20, 2, Mode::Share, 4),
    ];
    let groups = Groups::from_pairs([(11, 10)]);
    let graph = Graph::new(&rows, &groups, &Reported::new());
    assert_eq!(blockers(&graph, 10), [1]);
    assert_eq!(blockers(&graph, 20), [10]);
    assert!(graph.vertex(Holder::Session(11)).is_none());
    assert_eq!(graph.blocked(), 2);
}

#[test]
fn a_prepared_transaction_blocks_by_its_own_name() {
    let rows = [prepared(900, 1, Mode::RowExclusive), wants(3, 1, Mode::Share, 1)];
    let blockers: Vec<Holder> = graph(&rows).blocked_by(Holder::Session(3)).collect();
    assert_eq!(blockers, [Holder::Prepared(900)]);
}

#[test]
fn an_unknown_start_of_a_wait_is_doubtful_only_against_a_rival() {
    let unknown = |pid, mode| Row { waitstart: None, ..wants(pid, 1, mode, 0) };
    let alone = [holds(1, 1, Mode::AccessExclusive), unknown(2, Mode::AccessShare)];
    assert!(graph(&alone).doubtful().is_empty());
    let rivals = [
        holds(1, 1, Mode::AccessExclusive),
        unknown(2, Mode::AccessExclusive),
        unknown(3, Mode::AccessShare),
    ];
    assert_eq!(graph(&rivals).doubtful().len(), 2);
}

#[test]
fn the_servers_answer_decides_who_is_ahead() {
    let unknown = |pid, mode| Row { waitstart: None, ..wants(pid, 1, mode, 0) };
    let rows = [
        holds(1, 1, Mode::AccessShare),
        unknown(2, Mode::AccessExclusive),
        unknown(3, Mode::AccessExclusive),
    ];
    let reported = Reported::from([(2, [1, 3, 77].into()), (3, [1].into())]);
    let graph = Graph::new(&rows, &Groups::default(), &reported);
    assert_eq!(blockers(&graph, 2), [1, 3]);
    assert_eq!(blockers(&graph, 3), [1]);
}

#[test]
fn objects_are_named_as_a_person_would_look_for_them() {
    let advisory = |high, low, kind| Object {
        locktype: "advisory".to_owned(),
        classid: Some(high),
        objid: Some(low),
        objsubid: Some(kind),
        ..Object::default()
    };
    let words = |object: &Object| object.describe(None).visible();
    assert_eq!(words(&advisory(0, 4242, 1)), "advisory lock 4242");
    assert_eq!(words(&advisory(u32::MAX, u32::MAX, 1)), "advisory lock -1");
    assert_eq!(words(&advisory(7, 8, 2)), "advisory lock (7, 8)");
    assert_eq!(words(&table(12)), "relation 12");
    assert_eq!(table(12).describe(Some(&"public.t".into())).visible(), "public.t");
}
