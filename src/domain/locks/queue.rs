//! The wait queue of one object, rebuilt in PostgreSQL's order.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use fixedbitset::FixedBitSet;

use super::{Answers, Mode, Modes, Object};

/// One waiter of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Its vertex in the graph.
    pub vertex: usize,
    /// Its own pid, which a parallel worker does not share with its vertex.
    pub pid: i32,
    /// The mode it asks for.
    pub mode: Mode,
    /// When its wait began, if known.
    pub since: Option<DateTime<Utc>>,
}

/// Who holds an object and who waits for it, in the order in which it will be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// What is waited for.
    pub object: Object,
    /// The modes held, by vertex.
    pub held: BTreeMap<usize, Modes>,
    /// The waiters, first in the queue first.
    pub waiters: Vec<Waiter>,
}

/// Whom one waiter waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blockers {
    /// Vertices that hold a conflicting mode.
    pub hard: FixedBitSet,
    /// Other vertices that asked earlier for a conflicting mode.
    pub soft: FixedBitSet,
}

impl Queue {
    /// Rebuilds the queue from its waiters in any order.
    ///
    /// A waiter goes to the end, unless it holds what an earlier waiter must wait
    /// for: then it goes right before the first such one (`ProcSleep` in
    /// `storage/lmgr/proc.c`, PostgreSQL 13 to 18). Without a start of its wait a
    /// waiter counts as the latest: the server sets it just after queueing.
    #[must_use]
    pub fn rebuild(
        object: Object,
        held: BTreeMap<usize, Modes>,
        mut arrivals: Vec<Waiter>,
    ) -> Self {
        arrivals.sort_by_key(|w| (w.since.is_none(), w.since, w.pid));
        let mut queue = Self { object, held, waiters: Vec::with_capacity(arrivals.len()) };
        for waiter in arrivals {
            let place = queue.place(&waiter);
            queue.waiters.insert(place, waiter);
        }
        queue
    }

    fn place(&self, waiter: &Waiter) -> usize {
        let own = self.held.get(&waiter.vertex).copied().unwrap_or_default();
        let must_wait_for_it = |w: &Waiter| w.vertex != waiter.vertex && own.conflict_with(w.mode);
        let jumped = (!own.is_empty()).then(|| self.waiters.iter().position(must_wait_for_it));
        jumped.flatten().unwrap_or(self.waiters.len())
    }

    /// Returns each waiter's blockers, in the order of the queue, one after the other: those of
    /// a long queue are much to keep.
    ///
    /// Where the server itself has answered for a waiter, its answer decides who is
    /// ahead of it. `size` is the number of vertices of the graph.
    pub fn blockers(&self, size: usize, answers: &Answers) -> impl Iterator<Item = Blockers> {
        let holders = self.holders(size);
        let mut ahead = vec![FixedBitSet::with_capacity(size); Mode::ALL.len()];
        self.waiters.iter().map(move |waiter| {
            let soft = match answers.of(waiter.vertex) {
                Some(answer) => self.asked_by(answer, waiter.mode, size),
                None => union(&ahead, waiter.mode, size),
            };
            ahead[waiter.mode as usize].insert(waiter.vertex);
            Blockers::of(waiter.vertex, union(&holders, waiter.mode, size), soft)
        })
    }

    /// Returns the vertices that hold each mode.
    fn holders(&self, size: usize) -> Vec<FixedBitSet> {
        let mut holders = vec![FixedBitSet::with_capacity(size); Mode::ALL.len()];
        for (vertex, modes) in &self.held {
            modes.iter().for_each(|mode| holders[mode as usize].insert(*vertex));
        }
        holders
    }

    /// Returns the waiters among `answer` whose request conflicts with `mode`.
    fn asked_by(&self, answer: &FixedBitSet, mode: Mode, size: usize) -> FixedBitSet {
        let mut asked = FixedBitSet::with_capacity(size);
        let conflicting = self.waiters.iter().filter(|w| w.mode.conflicts(mode));
        conflicting.filter(|w| answer.contains(w.vertex)).for_each(|w| asked.insert(w.vertex));
        asked
    }

    /// Returns true if the order of the queue decides whom `waiter` waits for, and
    /// the order is not known.
    #[must_use]
    pub fn is_doubtful(&self, waiter: &Waiter) -> bool {
        let rival = |w: &Waiter| w.vertex != waiter.vertex && w.mode.conflicts(waiter.mode);
        waiter.since.is_none() && self.waiters.iter().any(rival)
    }

    /// Returns the strongest mode that `blocker` holds in the way of `waiter`.
    #[must_use]
    pub fn held_against(&self, blocker: usize, waiter: &Waiter) -> Option<Mode> {
        self.held.get(&blocker)?.strongest_against(waiter.mode)
    }
}

impl Blockers {
    /// Takes the waiter's own group out, and what is hard out of what is soft.
    fn of(own: usize, mut hard: FixedBitSet, mut soft: FixedBitSet) -> Self {
        hard.set(own, false);
        soft.set(own, false);
        soft.difference_with(&hard);
        Self { hard, soft }
    }
}

/// Returns everybody who holds, or asks for, a mode that conflicts with `mode`.
fn union(by_mode: &[FixedBitSet], mode: Mode, size: usize) -> FixedBitSet {
    let mut all = FixedBitSet::with_capacity(size);
    mode.conflicting().iter().for_each(|other| all.union_with(&by_mode[other as usize]));
    all
}
