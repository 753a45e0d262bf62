//! The wait-for graph with each cycle condensed to one component.

use fixedbitset::FixedBitSet;

use super::Graph;
use super::bits::{next_without, put};
use super::search::Search;

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
    /// Direct waiters of one, enough to lead to all that it reaches.
    pub nearest: Vec<Vec<usize>>,
    cycles: Vec<usize>,
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
        let cycles = (0..members.len()).filter(|at| members[*at].len() > 1).collect();
        let mut condensed = Self { members, component, cycles, ..Self::default() };
        condensed.hard = condensed.edges(|vertex| graph.hard(vertex));
        condensed.blockers = condensed.edges(|vertex| graph.soft(vertex));
        for (all, hard) in condensed.blockers.iter_mut().zip(&condensed.hard) {
            all.union_with(hard);
        }
        condensed.waiters = transpose(&condensed.blockers);
        (condensed.reach, condensed.nearest) = reach(&condensed.waiters);
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
        let mut edges = vec![FixedBitSet::new(); size];
        for (at, members) in self.members.iter().enumerate() {
            let blockers = members.iter().flat_map(|member| of(*member).ones());
            for blocker in blockers.map(|blocker| self.component[blocker]).filter(|b| *b != at) {
                put(&mut edges[at], blocker, size);
            }
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
        let cycles = self.cycles.iter().filter(|cycle| set.contains(**cycle));
        set.count_ones(..) + cycles.map(|cycle| self.members[*cycle].len() - 1).sum::<usize>()
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

fn transpose(rows: &[FixedBitSet]) -> Vec<FixedBitSet> {
    let mut columns = vec![FixedBitSet::new(); rows.len()];
    for (at, row) in rows.iter().enumerate() {
        row.ones().for_each(|other| put(&mut columns[other], at, rows.len()));
    }
    columns
}

/// Returns everybody behind each component, and the waiters that lead there. Waiters come
/// after their blockers, so the nearest waiter is added first and brings most of the
/// others, which are then skipped.
fn reach(waiters: &[FixedBitSet]) -> (Vec<FixedBitSet>, Vec<Vec<usize>>) {
    let mut reach = vec![FixedBitSet::new(); waiters.len()];
    let mut nearest = vec![Vec::new(); waiters.len()];
    for at in (0..waiters.len()).rev() {
        let mut behind = FixedBitSet::with_capacity(waiters[at].len());
        let mut from = 0;
        while let Some(waiter) = next_without(&waiters[at], &behind, from) {
            behind.insert(waiter);
            if !nearest[waiter].is_empty() {
                behind.union_with(&reach[waiter]);
            }
            nearest[at].push(waiter);
            from = waiter;
        }
        reach[at] = behind;
    }
    (reach, nearest)
}
