//! What `pg_blocking_pids` said, where the client alone cannot know.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fixedbitset::FixedBitSet;

use super::Holder;

/// The server's answers, by leader's pid.
pub type Reported = BTreeMap<i32, BTreeSet<i32>>;

/// The answers in terms of a graph's vertices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(HashMap<usize, FixedBitSet>);

impl Answers {
    /// Translates the answers; pids that the graph does not know are left out.
    #[must_use]
    pub fn new(reported: &Reported, index: &HashMap<Holder, usize>) -> Self {
        let vertex = |pid: &i32| index.get(&Holder::Session(*pid)).copied();
        let translate = |pids: &BTreeSet<i32>| {
            let mut bits = FixedBitSet::with_capacity(index.len());
            pids.iter().filter_map(vertex).for_each(|blocker| bits.insert(blocker));
            bits
        };
        let known = reported.iter().filter_map(|(pid, pids)| Some((vertex(pid)?, translate(pids))));
        Self(known.collect())
    }

    /// Returns the blockers that the server named for `vertex`, if it was asked.
    #[must_use]
    pub fn of(&self, vertex: usize) -> Option<&FixedBitSet> {
        self.0.get(&vertex)
    }
}
