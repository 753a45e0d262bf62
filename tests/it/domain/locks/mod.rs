//! Lock modes, queues, the graph and the forest.

mod forest;
mod mode;
mod oracle;
mod properties;
mod queue;
mod speed;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use lockkeeper::domain::locks::{
    Forest, Graph, Groups, Holder, Mode, Names, Node, Object, Reported, Row, Telling,
};
use lockkeeper::domain::untrusted::Untrusted;

pub const DATABASE: u32 = 5;

/// The moment of every reading here; waits began `n` seconds after [`at`]`(0)`.
pub fn now() -> DateTime<Utc> {
    at(100)
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a valid time")
}

pub fn table(relation: u32) -> Object {
    Object::relation(DATABASE, relation)
}

pub fn holds(pid: i32, relation: u32, mode: Mode) -> Row {
    let holder = Holder::Session(pid);
    Row { holder, object: table(relation), mode, granted: true, waitstart: None }
}

pub fn prepared(xid: u32, relation: u32, mode: Mode) -> Row {
    Row { holder: Holder::Prepared(xid), ..holds(0, relation, mode) }
}

/// A wait that began at second `since`.
pub fn wants(pid: i32, relation: u32, mode: Mode, since: i64) -> Row {
    Row { granted: false, waitstart: Some(at(since)), ..holds(pid, relation, mode) }
}

pub fn graph(rows: &[Row]) -> Graph {
    Graph::new(rows, &Groups::default(), &Reported::new())
}

pub fn forest_of(graph: &Graph) -> Forest {
    let gids = HashMap::from([(900, Untrusted::from("transfer_77"))]);
    let relations = HashMap::from([(1, Untrusted::from("public.t"))]);
    let names = Names::new(DATABASE, relations, &[]);
    Forest::new(graph, Telling { gids: &gids, names: &names, now: now() })
}

pub fn forest(rows: &[Row]) -> Forest {
    forest_of(&graph(rows))
}

/// Returns the forest as lines: depth by indentation, then id, victims, below, frees.
pub fn drawing(forest: &Forest) -> Vec<String> {
    let line = |n: &Node| {
        let indent = "  ".repeat(n.depth);
        format!("{indent}{} v{} b{} f{}", n.id, n.victims, n.below, n.frees)
    };
    forest.nodes.iter().map(line).collect()
}
