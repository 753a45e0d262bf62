//! The graph told as trees: root cause first.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use fixedbitset::FixedBitSet;

use super::node::{self, Edge, EdgeKind, Id, Kind, Node, Wants};
use super::tree::Tree;
use super::{Condensed, Graph, Holder, Mode, Names, Queue, Wait, Waiter};
use crate::domain::untrusted::Untrusted;

/// Every waiter once and every blocker, as a flat list in display order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forest {
    /// The nodes: each root followed by what hangs under it.
    pub nodes: Vec<Node>,
    /// All distinct waiting sessions, members of cycles included.
    pub blocked: usize,
    /// True if something in it could not be asked of the server: some edges may be wrong.
    pub partial: bool,
    /// The components that each one waits for: what is left of the condensed graph, since a
    /// forest is kept for as long as it is shown.
    blockers: Vec<FixedBitSet>,
    ids: Vec<Id>,
}

/// What a forest needs to know beside the graph.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The gids of prepared transactions.
    pub gids: &'a HashMap<u32, Untrusted>,
    /// The names of relations.
    pub names: &'a Names,
    /// The server's time of the reading.
    pub now: DateTime<Utc>,
}

impl Forest {
    /// Tells `graph` as a forest.
    #[must_use]
    pub fn new(graph: &Graph, telling: Telling<'_>) -> Self {
        let condensed = Condensed::new(graph);
        let tree = Tree::new(graph, &condensed, telling.now);
        let ids = ids(graph, &condensed, telling.gids);
        let teller = Teller { graph, condensed: &condensed, tree: &tree, ids: &ids, telling };
        let nodes = tree.order.iter().map(|at| teller.node(*at)).collect();
        let blockers = condensed.blockers;
        Self { nodes, blocked: graph.blocked(), partial: false, blockers, ids }
    }

    /// Returns the node named `id`.
    #[must_use]
    pub fn node(&self, id: &Id) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// Returns the node that holds the session `pid`: its own or its cycle's.
    #[must_use]
    pub fn node_of(&self, pid: i32) -> Option<&Node> {
        self.nodes.iter().find(|node| node.pid() == Some(pid) || node.members.contains(&pid))
    }

    /// Returns the root of the tree in which `node` stands: itself if it is one.
    #[must_use]
    pub fn root_of<'a>(&'a self, node: &'a Node) -> &'a Node {
        let mut at = node;
        while let Some(parent) = at.parent.as_ref().and_then(|id| self.node(id)) {
            at = parent;
        }
        at
    }

    /// Returns the nodes without a parent, in display order.
    pub fn roots(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.parent.is_none())
    }

    /// Returns the other blockers of `node`, which it does not hang under, by pid. Made
    /// on demand: a queue of 800 has 320,400 of them.
    #[must_use]
    pub fn also_behind(&self, node: &Node) -> Vec<&Id> {
        let blockers = self.blockers.get(node.component);
        let ids = blockers.into_iter().flat_map(|row| row.ones()).map(|at| &self.ids[at]);
        let mut ids: Vec<&Id> = ids.filter(|id| Some(*id) != node.parent.as_ref()).collect();
        ids.sort_unstable();
        ids
    }
}

/// Returns the name of each component.
fn ids(graph: &Graph, condensed: &Condensed, gids: &HashMap<u32, Untrusted>) -> Vec<Id> {
    let holder = |vertex: usize| graph.vertices()[vertex];
    let name = |members: &Vec<usize>| match (holder(members[0]), members.len()) {
        (Holder::Session(pid), 1) => Id::Session(pid),
        (Holder::Session(pid), _) => Id::Cycle(pid),
        (Holder::Prepared(xid), _) => {
            let unlisted = || Untrusted::new(format!("transaction {xid}"));
            Id::Prepared(gids.get(&xid).cloned().unwrap_or_else(unlisted))
        }
    };
    condensed.members.iter().map(name).collect()
}

/// Makes the nodes.
struct Teller<'a> {
    graph: &'a Graph,
    condensed: &'a Condensed,
    tree: &'a Tree,
    ids: &'a [Id],
    telling: Telling<'a>,
}

impl Teller<'_> {
    fn node(&self, at: usize) -> Node {
        Node {
            id: self.ids[at].clone(),
            kind: self.kind(at),
            members: self.pids_of_cycle(at),
            parent: self.tree.parent[at].map(|parent| self.ids[parent].clone()),
            depth: self.tree.depth[at],
            queue_position: self.queue_position(at),
            edge: self.tree.parent[at].and_then(|parent| self.edge(at, parent)),
            wants: self.wants(at),
            waiting_since: self.tree.since[at],
            victims: self.condensed.sessions(&self.condensed.reach[at]),
            below: self.tree.below[at],
            frees: self.tree.frees[at],
            confirmed: !self.condensed.is_cycle(at) || self.is_confirmed(at),
            component: at,
        }
    }

    fn kind(&self, at: usize) -> Kind {
        match self.condensed.members[at][..] {
            [vertex] => node::kind(self.graph.vertices()[vertex]),
            _ => Kind::Cycle,
        }
    }

    fn pids_of_cycle(&self, at: usize) -> Vec<i32> {
        let members = self.condensed.members[at].iter().filter(|_| self.condensed.is_cycle(at));
        members.filter_map(|vertex| self.graph.vertices()[*vertex].pid()).collect()
    }

    /// A cycle stands if its members are still a cycle by the server's answers, which
    /// were taken later, and each of them was asked.
    fn is_confirmed(&self, at: usize) -> bool {
        let members = &self.condensed.members[at];
        let step = |from: usize| {
            let answer = self.graph.answer(from);
            members.iter().copied().filter(move |to| answer.is_some_and(|a| a.contains(*to)))
        };
        let back = |to: usize| {
            let asked =
                move |from: &usize| self.graph.answer(*from).is_some_and(|a| a.contains(to));
            members.iter().copied().filter(asked)
        };
        reaches_all(members, step) && reaches_all(members, back)
    }

    /// Returns the single wait of a node that is no cycle; of a parallel group, the longest.
    fn wait(&self, at: usize) -> Option<(&Queue, &Waiter, Wait)> {
        let [vertex] = self.condensed.members[at][..] else { return None };
        self.graph.waits_of(vertex).min_by_key(|(_, w, _)| (w.since.is_none(), w.since, w.pid))
    }

    fn wants(&self, at: usize) -> Option<Wants> {
        let (queue, waiter, _) = self.wait(at)?;
        let object = self.telling.names.describe_wait(&queue.object, waiter.pid);
        Some(Wants { mode: waiter.mode, object })
    }

    fn queue_position(&self, at: usize) -> Option<usize> {
        let (_, waiter, wait) = self.wait(at)?;
        waiter.since.map(|_| wait.place + 1)
    }

    /// Returns the strongest reason for which `parent` is in the way of `at`.
    fn edge(&self, at: usize, parent: usize) -> Option<Edge> {
        let hard = self.condensed.hard[at].contains(parent);
        let kind = if hard { EdgeKind::Hard } else { EdgeKind::Soft };
        let waits =
            self.condensed.members[at].iter().flat_map(|member| self.graph.waits_of(*member));
        let reasons = waits.flat_map(|(queue, waiter, wait)| {
            let blockers = self.condensed.members[parent].iter();
            blockers.filter_map(move |b| {
                let mode = if hard {
                    queue.held_against(*b, waiter)
                } else {
                    self.asked_against(*b, waiter, wait)
                };
                Some((mode?, &queue.object, waiter.pid))
            })
        });
        let (held, object, pid) = reasons.max_by_key(|(held, ..)| *held)?;
        Some(Edge { kind, held, object: self.telling.names.describe_wait(object, pid) })
    }

    /// Returns the strongest mode by which `blocker` stands in the same queue in the way
    /// of `waiter`.
    fn asked_against(&self, blocker: usize, waiter: &Waiter, wait: Wait) -> Option<Mode> {
        let beside = self.graph.waits_of(blocker).filter(|(.., other)| other.queue == wait.queue);
        let modes = beside.map(|(_, other, _)| other.mode);
        modes.filter(|mode| mode.conflicts(waiter.mode)).max()
    }
}

/// Returns true if from the first of `members` all others are reached by `step`.
fn reaches_all<I: Iterator<Item = usize>>(members: &[usize], step: impl Fn(usize) -> I) -> bool {
    let mut reached = vec![members[0]];
    let mut next = 0;
    while next < reached.len() {
        let further: Vec<usize> = step(reached[next]).filter(|to| !reached.contains(to)).collect();
        for to in further {
            if !reached.contains(&to) {
                reached.push(to);
            }
        }
        next += 1;
    }
    reached.len() == members.len()
}
