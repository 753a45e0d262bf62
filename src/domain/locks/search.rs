//! Who waits for each other in a circle.

use fixedbitset::FixedBitSet;

use super::Graph;
use super::bits::common;

/// Tarjan's search for strongly connected components, without recursion: a queue may
/// be thousands deep. On rows of bits it looks only at what is not yet visited.
pub(super) struct Search<'a> {
    graph: &'a Graph,
    unvisited: FixedBitSet,
    open: FixedBitSet,
    low: Vec<usize>,
    entered: Vec<usize>,
    stack: Vec<usize>,
    clock: usize,
    found: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    pub fn new(graph: &'a Graph) -> Self {
        let size = graph.vertices().len();
        let mut unvisited = FixedBitSet::with_capacity(size);
        unvisited.insert_range(..);
        Self {
            graph,
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
    pub fn components(mut self) -> Vec<Vec<usize>> {
        for start in 0..self.low.len() {
            if self.unvisited.contains(start) {
                self.walk(start);
            }
        }
        self.found
    }

    fn walk(&mut self, start: usize) {
        let mut path = vec![start];
        self.enter(start);
        while let Some(&vertex) = path.last() {
            let next = self.blockers(vertex, &self.unvisited).next();
            if let Some(next) = next {
                self.enter(next);
                path.push(next);
            } else {
                self.leave(vertex);
                path.pop();
            }
        }
    }

    /// Returns those of `among` whom `vertex` waits for.
    fn blockers<'s>(
        &'s self,
        vertex: usize,
        among: &'s FixedBitSet,
    ) -> impl Iterator<Item = usize> + 's {
        let hard = common(self.graph.hard(vertex), among);
        hard.chain(common(self.graph.soft(vertex), among))
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
        let open = self.blockers(vertex, &self.open);
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
