//! The lock forest of real servers: where other tools lie, and against `pg_blocking_pids`.

mod random;

use lockkeeper::domain::locks::{EdgeKind, Id, Kind, Mode};
use lockkeeper::domain::snapshot::Snapshot;
use lockkeeper::domain::verdict::{Level, verdict};

use crate::support::scene::{Scene, agree, tells_waits};

const TABLE: &str =
    "create table t (id int primary key, v int); insert into t values (1, 1), (2, 2)";

/// Looks, and holds our edges against the server's.
async fn look(scene: &mut Scene) -> Snapshot {
    let mut monitor = scene.monitor().await;
    let (snapshot, truth) = scene.look(&mut monitor).await;
    agree(&snapshot, &truth, "in this scene");
    snapshot
}

fn id(pid: i32) -> Id {
    Id::Session(pid)
}

#[tokio::test]
async fn a_reader_beside_the_real_blocker_is_not_blamed() {
    let mut scene = Scene::new("innocent", TABLE).await;
    let reader = scene.holder("reader", "select * from t").await;
    let writer = scene.holder("writer", "update t set v = 3 where id = 1").await;
    let index = scene.waiter("index", "create index on t (v)").await;
    let snapshot = look(&mut scene).await;
    let node = snapshot.forest.node(&id(index.pid)).expect("the waiter is shown");
    assert_eq!(node.parent, Some(id(writer.pid)));
    assert!(snapshot.forest.node(&id(reader.pid)).is_none());
    let edge = node.edge.as_ref().expect("it has a parent");
    assert_eq!((edge.kind, edge.held), (EdgeKind::Hard, Mode::RowExclusive));
    assert_eq!(edge.object, Some("public.t".into()));
    scene.end().await;
}

#[tokio::test]
async fn the_idle_holder_of_an_advisory_lock_is_shown() {
    let mut scene = Scene::new("advisory", "").await;
    let mut runner = scene.session("migration runner").await;
    runner.run("select pg_advisory_lock(4242)").await;
    let second = scene.waiter("second runner", "select pg_advisory_lock(4242)").await;
    let snapshot = look(&mut scene).await;
    let node = snapshot.forest.node(&id(second.pid)).expect("the waiter is shown");
    assert_eq!(node.parent, Some(id(runner.pid)));
    let wants = node.wants.as_ref().expect("it waits");
    assert_eq!(wants.object, Some("advisory lock 4242".into()));
    assert!(verdict(&snapshot).level >= Level::Warn);
    scene.end().await;
}

#[tokio::test]
async fn the_queued_alter_that_holds_the_queue_is_in_the_tree() {
    let mut scene = Scene::new("queue", TABLE).await;
    let reader = scene.holder("reporting", "select * from t").await;
    let alter = scene.waiter("lockkeeper/migrate", "alter table t add x int").await;
    let web = scene.waiter("web", "select * from t").await;
    let snapshot = look(&mut scene).await;
    let node = |pid| snapshot.forest.node(&id(pid)).expect("it is shown");
    assert_eq!(node(web.pid).parent, Some(id(alter.pid)));
    assert_eq!(node(web.pid).edge.as_ref().map(|edge| edge.kind), Some(EdgeKind::Soft));
    assert_eq!(node(web.pid).queue_position, tells_waits(&snapshot).then_some(2));
    assert_eq!(node(alter.pid).parent, Some(id(reader.pid)));
    assert_eq!(node(reader.pid).victims, 2);
    assert!(snapshot.backend(alter.pid).expect("it is a backend").ours);
    scene.end().await;
}

#[tokio::test]
async fn a_prepared_transaction_is_shown_by_its_gid() {
    let mut scene = Scene::new("prepared", TABLE).await;
    let gid = format!("{} 'x", scene.database.name);
    let quoted = gid.replace('\'', "''");
    let sql = "update t set v = 9 where id = 1; savepoint a; update t set v = 9 where id = 2";
    let mut session = scene.holder("two-phase", sql).await;
    session.run(&format!("prepare transaction '{quoted}'")).await;
    let table = scene.waiter("alter", "alter table t add x int").await;
    let snapshot = look(&mut scene).await;
    let root = snapshot.forest.node(&Id::Prepared(gid.as_str().into())).expect("it is shown");
    assert_eq!((root.kind, root.victims), (Kind::Prepared, 1));
    assert_eq!(snapshot.blocking_gids(table.pid), [&gid.as_str().into()]);
    assert!(snapshot.blocking_pids(table.pid).is_empty());
    session.run(&format!("rollback prepared '{quoted}'")).await;
    scene.end().await;
}

#[tokio::test]
async fn a_row_of_a_prepared_transaction_blocks_its_next_writer() {
    let mut scene = Scene::new("prepared_row", TABLE).await;
    let gid = scene.database.name.clone();
    let mut session = scene.holder("two-phase", "update t set v = 9 where id = 1").await;
    session.run(&format!("prepare transaction '{gid}'")).await;
    let writer = scene.waiter("writer", "update t set v = 10 where id = 1").await;
    let snapshot = look(&mut scene).await;
    let node = snapshot.forest.node(&id(writer.pid)).expect("the waiter is shown");
    assert_eq!(node.parent, Some(Id::Prepared(gid.as_str().into())));
    let object = node.wants.as_ref().and_then(|wants| wants.object.clone()).expect("it waits");
    assert!(object.raw().ends_with("(public.t row (0,1))"), "{object:?}");
    session.run(&format!("rollback prepared '{gid}'")).await;
    scene.end().await;
}

#[tokio::test]
async fn a_cycle_is_one_confirmed_root() {
    let mut scene = Scene::new("cycle", TABLE).await;
    let first = scene.holder("first", "update t set v = 3 where id = 1").await;
    let second = scene.holder("second", "update t set v = 3 where id = 2").await;
    let mut pids = [first.pid, second.pid];
    pids.sort_unstable();
    let _first = scene.waits(first, "update t set v = 4 where id = 2").await;
    let _second = scene.waits(second, "update t set v = 4 where id = 1").await;
    let victim = scene.waiter("third", "update t set v = 5 where id = 1").await;
    let snapshot = look(&mut scene).await;
    let node = snapshot.forest.node(&Id::Cycle(pids[0])).expect("the cycle is shown");
    assert_eq!((&node.members[..], node.confirmed, node.victims), (&pids[..], true, 1));
    assert_eq!(node.parent, None);
    let victim = snapshot.forest.node(&id(victim.pid)).expect("its victim is shown");
    assert_eq!(victim.parent, Some(node.id.clone()));
    assert!(pids.iter().all(|pid| snapshot.forest.node(&id(*pid)).is_none()));
    scene.end().await;
}

#[tokio::test]
async fn a_waiter_that_holds_a_lock_jumps_the_queue_and_is_no_deadlock() {
    let mut scene = Scene::new("jump", TABLE).await;
    let writer = scene.holder("writer", "update t set v = 3 where id = 1").await;
    let reader = scene.holder("reader", "select * from t").await;
    let alter = scene.waiter("alter", "alter table t add x int").await;
    let index = scene.waits(reader, "create index on t (v)").await;
    let snapshot = look(&mut scene).await;
    assert!(snapshot.forest.nodes.iter().all(|node| node.kind != Kind::Cycle));
    assert_eq!(snapshot.blocking_pids(index.pid), [writer.pid]);
    let place = |pid| snapshot.forest.node(&id(pid)).and_then(|node| node.queue_position);
    if tells_waits(&snapshot) {
        assert_eq!((place(index.pid), place(alter.pid)), (Some(1), Some(2)));
    }
    scene.end().await;
}

#[tokio::test]
async fn waiters_on_a_hot_row_queue_behind_its_first_waiter() {
    let mut scene = Scene::new("hot_row", TABLE).await;
    let holder = scene.holder("holder", "update t set v = 0 where id = 1").await;
    let mut pids = Vec::new();
    let mut waiters = Vec::new();
    for _ in 0..30 {
        let waiter = scene.waiter("web", "update t set v = 1 where id = 1").await;
        pids.push(waiter.pid);
        waiters.push(waiter);
    }
    let snapshot = look(&mut scene).await;
    let node = snapshot.forest.node(&id(holder.pid)).expect("the holder is shown");
    assert_eq!((node.victims, node.frees, node.parent.as_ref()), (30, 1, None));
    let second = snapshot.forest.node(&id(pids[1])).expect("the second waiter is shown");
    let object = second.wants.as_ref().and_then(|wants| wants.object.clone());
    assert_eq!(object, Some("public.t row (0,1)".into()));
    scene.end().await;
}

#[tokio::test]
async fn what_lies_in_another_database_has_edges_but_no_name() {
    let mut scene = Scene::new("elsewhere", TABLE).await;
    let holder = scene.holder("holder", "lock table t").await;
    let waiter = scene.waiter("waiter", "select * from t").await;
    let other = Scene::new("looking", "").await;
    let mut monitor = other.monitor().await;
    let (snapshot, truth) = scene.look(&mut monitor).await;
    agree(&snapshot, &truth, "in this scene");
    assert_eq!(snapshot.blocking_pids(waiter.pid), [holder.pid]);
    let node = snapshot.forest.node(&id(waiter.pid)).expect("the waiter is shown");
    assert_eq!(node.wants.as_ref().map(|wants| &wants.object), Some(&None));
    scene.end().await;
}
