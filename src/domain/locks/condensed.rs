//! The wait-for graph with each cycle condensed to one component.

use fixedbitset::FixedBitSet;

use super::Graph;

/// The components of a graph, blockers before their waiters, and what each one causes.
///
/// A component is one vertex, or the several that wait for each other in a circle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condensed {
    /// The vertices of each component, ascending.
    pub members: Vec<Vec<usize>>,
    /// The component of each vertex.
    pub component: Vec<usize>,
    /// The other components that one waits for.
    pub blockers: Vec<FixedBitSet>,
    /// Those of them that hold what it wants.
    pub hard: Vec<FixedBitSet>,
    /// The components that wait for one, directly.
    pub waiters: Vec<FixedBitSet>,
    /// The components that wait for one, directly or not.
    pub reach: Vec<FixedBitSet>,
}

impl Condensed {
    /// Condenses `graph`.
    #[must_use]
    pub fn new(graph: &Graph) -> Self {
        let members = Search::new(graph).components();
        let mut component = vec![0; graph.vertices().len()];
        for (at, vertices) in members.iter().enumerate() {
            for vertex in vertices {
                component[*vertex] = at;
            }
        }
        let mut condensed = Self { members, component, ..Self::default() };
        condensed.hard = condensed.edges(|vertex| graph.hard(vertex));
        condensed.blockers = condensed.edges(|vertex| graph.soft(vertex));
        for (all, hard) in condensed.blockers.iter_mut().zip(&condensed.hard) {
            all.union_with(hard);
        }
        condensed.waiters = transpose(&condensed.blockers);
        condensed.reach = reach(&condensed.waiters);
        condensed
    }

    /// Returns the vertices of each cycle of `graph`.
    #[must_use]
    pub fn cycles_of(graph: &Graph) -> Vec<Vec<usize>> {
        let components = Search::new(graph).components();
        components.into_iter().filter(|members| members.len() > 1).collect()
    }

    /// Returns the edges between components, from those between vertices.
    fn edges<'a>(&self, of: impl Fn(usize) -> &'a FixedBitSet) -> Vec<FixedBitSet> {
        let size = self.members.len();
        let mut edges = vec![FixedBitSet::with_capacity(size); size];
        for (at, members) in self.members.iter().enumerate() {
            for blocker in members.iter().flat_map(|member| of(*member).ones()) {
                edges[at].insert(self.component[blocker]);
            }
            edges[at].set(at, false);
        }
        edges
    }

    /// Returns true if the component's vertices wait for each other.
    #[must_use]
    pub fn is_cycle(&self, component: usize) -> bool {
        self.members[component].len() > 1
    }

    /// Returns how many sessions the components in `set` are.
    #[must_use]
    pub fn sessions(&self, set: &FixedBitSet) -> usize {
        set.ones().map(|component| self.members[component].len()).sum()
    }

    /// Returns for each component how many waiters have it as their only blocker.
    /// Members of a cycle have each other, so ending one from outside frees none.
    #[must_use]
    pub fn frees(&self) -> Vec<usize> {
        let mut frees = vec![0; self.members.len()];
        for (at, blockers) in self.blockers.iter().enumerate() {
            let mut ones = blockers.ones();
            if let (Some(only), None, false) = (ones.next(), ones.next(), self.is_cycle(at)) {
                frees[only] += 1;
            }
        }
        frees
    }
}

/// Tarjan's search for strongly connected components, without recursion: a queue may
/// be thousands deep. On rows of bits it looks only at what is not yet visited.
struct Search {
    blockers: Vec<FixedBitSet>,
    unvisited: FixedBitSet,
    open: FixedBitSet,
    low: Vec<usize>,
    entered: Vec<usize>,
    stack: Vec<usize>,
    clock: usize,
    found: Vec<Vec<usize>>,
}

impl Search {
    fn new(graph: &Graph) -> Self {
        let size = graph.vertices().len();
        let mut unvisited = FixedBitSet::with_capacity(size);
        unvisited.insert_range(..);
        Self {
            blockers: (0..size).map(|vertex| graph.blockers(vertex)).collect(),
            unvisited,
            open: FixedBitSet::with_capacity(size),
            low: vec![0; size],
            entered: vec![0; size],
            stack: Vec::new(),
            clock: 0,
            found: Vec::new(),
        }
    }

    /// Returns the components; each comes after every component that it waits for.
    fn components(mut self) -> Vec<Vec<usize>> {
        while let Some(start) = self.unvisited.ones().next() {
            self.walk(start);
        }
        self.found
    }

    fn walk(&mut self, start: usize) {
        let mut path = vec![start];
        self.enter(start);
        while let Some(&vertex) = path.last() {
            if let Some(next) = self.blockers[vertex].intersection(&self.unvisited).next() {
                self.enter(next);
                path.push(next);
            } else {
                self.leave(vertex);
                path.pop();
            }
        }
    }

    fn enter(&mut self, vertex: usize) {
        self.unvisited.set(vertex, false);
        self.open.insert(vertex);
        self.low[vertex] = self.clock;
        self.entered[vertex] = self.clock;
        self.clock += 1;
        self.stack.push(vertex);
    }

    /// Settles `vertex`: everything that it waits for has been walked or is open.
    fn leave(&mut self, vertex: usize) {
        let open = self.blockers[vertex].intersection(&self.open);
        let lowest = open.map(|blocker| self.low[blocker]).min();
        self.low[vertex] = self.low[vertex].min(lowest.unwrap_or(usize::MAX));
        if self.low[vertex] == self.entered[vertex] {
            self.close(vertex);
        }
    }

    fn close(&mut self, root: usize) {
        let at = self.stack.iter().rposition(|vertex| *vertex == root);
        let mut members = self.stack.split_off(at.expect("an open vertex is on the stack"));
        for member in &members {
            self.open.set(*member, false);
        }
        members.sort_unstable();
        self.found.push(members);
    }
}

fn transpose(rows: &[FixedBitSet]) -> Vec<FixedBitSet> {
    let mut columns = vec![FixedBitSet::with_capacity(rows.len()); rows.len()];
    for (at, row) in rows.iter().enumerate() {
        row.ones().for_each(|other| columns[other].insert(at));
    }
    columns
}

/// Returns everybody behind each component. Waiters come after their blockers, so the
/// nearest waiter is added first and brings most of the others, which are then skipped.
fn reach(waiters: &[FixedBitSet]) -> Vec<FixedBitSet> {
    let mut reach = vec![FixedBitSet::with_capacity(waiters.len()); waiters.len()];
    for at in (0..waiters.len()).rev() {
        let mut behind = FixedBitSet::with_capacity(waiters.len());
        for waiter in waiters[at].ones() {
            if !behind.put(waiter) {
                behind.union_with(&reach[waiter]);
            }
        }
        reach[at] = behind;
    }
    reach
}
