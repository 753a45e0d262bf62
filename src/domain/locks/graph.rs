//! Who waits for whom: the edges of `pg_blocking_pids`, from one reading of `pg_locks`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use fixedbitset::FixedBitSet;

use super::answers::{Answers, Reported};
use super::queue::{Blockers, Queue, Waiter};
use super::{Condensed, Groups, Holder, Modes, Object, Row};

/// Where a vertex waits: an object's queue, and its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Index into [`Graph::queues`].
    pub queue: usize,
    /// Index into the queue's waiters.
    pub place: usize,
}

/// The wait-for graph. Its vertices are lock groups and prepared transactions that
/// hold or want an object that somebody waits for.
///
/// Edges are kept as one row of bits per vertex: 800 waiters for ACCESS EXCLUSIVE
/// have 320,400 edges, which nobody wants as values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    vertices: Vec<Holder>,
    index: HashMap<Holder, usize>,
    queues: Vec<Queue>,
    waits: Vec<Vec<Wait>>,
    hard: Vec<FixedBitSet>,
    soft: Vec<FixedBitSet>,
    answers: Answers,
}

impl Graph {
    /// Builds the graph from the rows of `pg_locks`. `reported` holds what
    /// `pg_blocking_pids` said for some waiters, and may be empty.
    ///
    /// The rules are those of `pg_blocking_pids` (`utils/adt/lockfuncs.c`): a waiter
    /// is blocked by every other group that holds a mode conflicting with the one it
    /// wants (hard), and by every other group ahead of it that wants one (soft).
    #[must_use]
    pub fn new(rows: &[Row], groups: &Groups, reported: &Reported) -> Self {
        let contended = contended(rows);
        let mut graph = Self::with_vertices(contended.values().flatten().copied(), groups);
        graph.answers = Answers::new(reported, &graph.index);
        for (object, rows) in contended {
            let queue = graph.queue(object, &rows, groups);
            graph.add(queue);
        }
        graph
    }

    fn with_vertices<'a>(rows: impl Iterator<Item = &'a Row>, groups: &Groups) -> Self {
        let vertices: BTreeSet<Holder> = rows.map(|row| groups.vertex(row.holder)).collect();
        let vertices: Vec<Holder> = vertices.into_iter().collect();
        let size = vertices.len();
        Self {
            index: vertices.iter().enumerate().map(|(at, holder)| (*holder, at)).collect(),
            vertices,
            waits: vec![Vec::new(); size],
            hard: vec![FixedBitSet::new(); size],
            soft: vec![FixedBitSet::new(); size],
            ..Self::default()
        }
    }

    fn queue(&self, object: &Object, rows: &[&Row], groups: &Groups) -> Queue {
        let mut held: BTreeMap<usize, Modes> = BTreeMap::new();
        let mut waiters = Vec::new();
        for row in rows {
            let vertex = self.index[&groups.vertex(row.holder)];
            if row.granted {
                held.entry(vertex).or_default().insert(row.mode);
            } else if let Some(pid) = row.holder.pid() {
                waiters.push(Waiter { vertex, pid, mode: row.mode, since: row.waitstart });
            }
        }
        Queue::rebuild(object.clone(), held, waiters)
    }

    fn add(&mut self, queue: Queue) {
        let blockers = queue.blockers(self.vertices.len(), &self.answers);
        for (place, (waiter, Blockers { hard, soft })) in
            queue.waiters.iter().zip(blockers).enumerate()
        {
            self.waits[waiter.vertex].push(Wait { queue: self.queues.len(), place });
            add(&mut self.hard[waiter.vertex], hard);
            add(&mut self.soft[waiter.vertex], soft);
            let hard = &self.hard[waiter.vertex];
            self.soft[waiter.vertex].difference_with(hard);
        }
        self.queues.push(queue);
    }

    /// Returns the vertices; the others of this type's numbers are indexes into them.
    #[must_use]
    pub fn vertices(&self) -> &[Holder] {
        &self.vertices
    }

    /// Returns the number of a vertex, by leader's pid or transaction id.
    #[must_use]
    pub fn vertex(&self, holder: Holder) -> Option<usize> {
        self.index.get(&holder).copied()
    }

    /// Returns the queues of every object that somebody waits for.
    #[must_use]
    pub fn queues(&self) -> &[Queue] {
        &self.queues
    }

    /// Returns the vertices that hold what `vertex` wants.
    #[must_use]
    pub fn hard(&self, vertex: usize) -> &FixedBitSet {
        &self.hard[vertex]
    }

    /// Returns the further vertices that only asked for it earlier.
    #[must_use]
    pub fn soft(&self, vertex: usize) -> &FixedBitSet {
        &self.soft[vertex]
    }

    /// Returns everybody whom `vertex` waits for.
    #[must_use]
    pub fn blockers(&self, vertex: usize) -> FixedBitSet {
        let mut all = self.hard[vertex].clone();
        all.union_with(&self.soft[vertex]);
        all
    }

    /// Returns everybody whom a lock group or prepared transaction waits for.
    pub fn blocked_by(&self, holder: Holder) -> impl Iterator<Item = Holder> {
        let bits = self.vertex(holder).map(|vertex| self.blockers(vertex));
        let ones: Vec<usize> = bits.iter().flat_map(FixedBitSet::ones).collect();
        ones.into_iter().map(|vertex| self.vertices[vertex])
    }

    /// Returns true if some member of `vertex` waits.
    #[must_use]
    pub fn waits(&self, vertex: usize) -> bool {
        !self.waits[vertex].is_empty()
    }

    /// Returns how many distinct groups wait.
    #[must_use]
    pub fn blocked(&self) -> usize {
        self.waits.iter().filter(|waits| !waits.is_empty()).count()
    }

    /// Returns the waits of `vertex`: one, or several for a parallel group.
    pub fn waits_of(&self, vertex: usize) -> impl Iterator<Item = (&Queue, &Waiter, Wait)> {
        self.waits[vertex].iter().map(|wait| {
            let queue = &self.queues[wait.queue];
            (queue, &queue.waiters[wait.place], *wait)
        })
    }

    /// Returns when the longest wait of `vertex` began.
    #[must_use]
    pub fn waiting_since(&self, vertex: usize) -> Option<DateTime<Utc>> {
        self.waits_of(vertex).filter_map(|(_, waiter, _)| waiter.since).min()
    }

    /// Returns what the server answered for `vertex`, if it was asked.
    #[must_use]
    pub fn answer(&self, vertex: usize) -> Option<&FixedBitSet> {
        self.answers.of(vertex)
    }

    /// Returns the groups of vertices that wait for each other in a circle.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        Condensed::cycles_of(self)
    }

    /// Returns the vertices whose blockers depend on an order that `pg_locks` does not
    /// show: on PostgreSQL 13 every one with a rival, later those that just began.
    #[must_use]
    pub fn doubtful(&self) -> Vec<usize> {
        let doubt = |v: &usize| self.waits_of(*v).any(|(q, waiter, _)| q.is_doubtful(waiter));
        (0..self.vertices.len()).filter(doubt).collect()
    }
}

/// Adds a set to one that takes no memory while it is empty.
fn add(all: &mut FixedBitSet, more: FixedBitSet) {
    match (more.is_clear(), all.is_clear()) {
        (true, _) => {}
        (false, true) => *all = more,
        (false, false) => all.union_with(&more),
    }
}

/// Returns the rows of each object that somebody waits for, in a fixed order.
fn contended(rows: &[Row]) -> BTreeMap<&Object, Vec<&Row>> {
    let waited = rows.iter().filter(|row| !row.granted);
    let mut by_object: HashMap<&Object, Vec<&Row>> =
        waited.map(|row| (&row.object, Vec::new())).collect();
    for row in rows {
        if let Some(rows) = by_object.get_mut(&row.object) {
            rows.push(row);
        }
    }
    by_object.into_iter().collect()
}
