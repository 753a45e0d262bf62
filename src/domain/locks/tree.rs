//! Which node hangs under which, and in what order they are shown.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use super::{Condensed, Graph};
use crate::domain::age;

/// The shape of the forest, by component of the condensed graph.
pub(super) struct Tree {
    /// The blocker under which each component hangs.
    pub parent: Vec<Option<usize>>,
    /// How many components stand above each.
    pub depth: Vec<usize>,
    /// Sessions under each.
    pub below: Vec<usize>,
    /// Waiters whose only blocker each is.
    pub frees: Vec<usize>,
    /// When the longest wait of each began.
    pub since: Vec<Option<DateTime<Utc>>>,
    /// The components that are shown, in display order.
    pub order: Vec<usize>,
}

impl Tree {
    pub fn new(graph: &Graph, condensed: &Condensed, now: DateTime<Utc>) -> Self {
        let pids = pids(graph, condensed);
        let (parent, depth) = parents(condensed, &pids);
        let since = since(graph, condensed);
        let ranks = ranks(condensed, &since, &pids, now);
        let shown = |at: &usize| {
            let waits = condensed.members[*at].iter().any(|vertex| graph.waits(*vertex));
            waits || !condensed.waiters[*at].is_clear()
        };
        let shown: Vec<usize> = (0..parent.len()).filter(shown).collect();
        Self {
            below: below(condensed, &parent),
            frees: condensed.frees(),
            order: order(shown, &parent, &ranks),
            parent,
            depth,
            since,
        }
    }
}

/// The lowest pid of a component, 0, as the server calls it, if prepared; and its lowest
/// vertex, which tells prepared transactions apart by their ids.
type Lowest = (i32, usize);

/// Returns the lowest pid of each component; members are in the order of their pids.
fn pids(graph: &Graph, condensed: &Condensed) -> Vec<Lowest> {
    let lowest = |m: &Vec<usize>| (graph.vertices()[m[0]].pid().unwrap_or(0), m[0]);
    condensed.members.iter().map(lowest).collect()
}

/// Chooses each parent: hard before soft, then the deepest, then the lower pid.
/// Blockers come before their waiters, so their depth is known.
fn parents(condensed: &Condensed, pids: &[Lowest]) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut depth = vec![0; pids.len()];
    let mut parent = vec![None; pids.len()];
    for at in 0..pids.len() {
        let hard = &condensed.hard[at];
        let among = if hard.is_clear() { &condensed.blockers[at] } else { hard };
        let best = |b: &usize| (depth[*b], Reverse(pids[*b]));
        parent[at] = among.ones().max_by_key(best);
        depth[at] = parent[at].map_or(0, |parent: usize| depth[parent] + 1);
    }
    (parent, depth)
}

fn since(graph: &Graph, condensed: &Condensed) -> Vec<Option<DateTime<Utc>>> {
    let longest = |members: &Vec<usize>| {
        members.iter().filter_map(|vertex| graph.waiting_since(*vertex)).min()
    };
    condensed.members.iter().map(longest).collect()
}

/// Returns how many sessions hang under each component; those below come later.
fn below(condensed: &Condensed, parent: &[Option<usize>]) -> Vec<usize> {
    let mut below = vec![0; parent.len()];
    for at in (0..parent.len()).rev() {
        if let Some(parent) = parent[at] {
            below[parent] += below[at] + condensed.members[at].len();
        }
    }
    below
}

/// What decides who is shown first: victims × their longest wait, then victims, then
/// the lower pid.
type Rank = (f64, usize, Reverse<Lowest>);

fn ranks(
    condensed: &Condensed,
    since: &[Option<DateTime<Utc>>],
    pids: &[Lowest],
    now: DateTime<Utc>,
) -> Vec<Rank> {
    let longest = longest_behind(condensed, since);
    let rank = |at: usize| {
        let victims = condensed.sessions(&condensed.reach[at]);
        let wait = longest[at].map_or(0.0, |since| age::seconds(since, now));
        let product = wait * f64::from(u32::try_from(victims).unwrap_or(u32::MAX));
        (product, victims, Reverse(pids[at]))
    };
    (0..pids.len()).map(rank).collect()
}

/// Returns when the longest wait behind each component began; those behind come later.
fn longest_behind(
    condensed: &Condensed,
    since: &[Option<DateTime<Utc>>],
) -> Vec<Option<DateTime<Utc>>> {
    let mut longest: Vec<Option<DateTime<Utc>>> = vec![None; since.len()];
    for at in (0..since.len()).rev() {
        let nearest = condensed.nearest[at].iter();
        longest[at] = nearest.flat_map(|waiter| [since[*waiter], longest[*waiter]]).flatten().min();
    }
    longest
}

/// Returns the shown components, each before what hangs under it, higher ranks first.
fn order(mut shown: Vec<usize>, parent: &[Option<usize>], ranks: &[Rank]) -> Vec<usize> {
    shown.sort_by(|a, b| {
        let (a, b) = (&ranks[*a], &ranks[*b]);
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2))
    });
    let mut children = vec![Vec::new(); parent.len()];
    let mut stack = Vec::new();
    for at in shown {
        parent[at].map_or(&mut stack, |parent| &mut children[parent]).push(at);
    }
    let mut order = Vec::new();
    while let Some(at) = stack.pop() {
        order.push(at);
        stack.append(&mut children[at]);
    }
    order
}
