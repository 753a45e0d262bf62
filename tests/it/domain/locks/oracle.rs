//! The definition of the lock forest, written a second time: slow, by sets of pairs and
//! transitive closure, sharing nothing with the code but its input types.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper::domain::locks::{Holder, Row};

pub type Vertex = Holder;

/// Which modes exclude which, as the documentation lists them by command.
fn excludes(a: &str, b: &str) -> bool {
    let list: &[&str] = match a {
        "AccessShareLock" => &["AccessExclusive"],
        "RowShareLock" => &["Exclusive", "AccessExclusive"],
        "RowExclusiveLock" => &["Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"],
        "ShareUpdateExclusiveLock" => {
            &["ShareUpdateExclusive", "Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"]
        }
        "ShareLock" => &[
            "RowExclusive",
            "ShareUpdateExclusive",
            "ShareRowExclusive",
            "Exclusive",
            "AccessExclusive",
        ],
        "ShareRowExclusiveLock" => &[
            "RowExclusive",
            "ShareUpdateExclusive",
            "Share",
            "ShareRowExclusive",
            "Exclusive",
            "AccessExclusive",
        ],
        "ExclusiveLock" => &[
            "RowShare",
            "RowExclusive",
            "ShareUpdateExclusive",
            "Share",
            "ShareRowExclusive",
            "Exclusive",
            "AccessExclusive",
        ],
        _ => return true,
    };
    list.iter().any(|name| format!("{name}Lock") == b)
}

fn clash(a: &Row, b: &Row) -> bool {
    excludes(a.mode.name(), b.mode.name())
}

/// What the definition says of a set of rows.
#[derive(Debug, Default)]
pub struct Truth {
    /// Waiter, blocker, and whether it is hard.
    pub edges: BTreeMap<(Vertex, Vertex), bool>,
    /// The vertices that wait.
    pub waiting: BTreeSet<Vertex>,
    /// The members of each node.
    pub nodes: BTreeSet<BTreeSet<Vertex>>,
    reaches: BTreeSet<(Vertex, Vertex)>,
}

impl Truth {
    pub fn of(rows: &[Row], leader: &BTreeMap<i32, i32>) -> Self {
        let vertex = |row: &Row| match row.holder {
            Holder::Session(pid) => Holder::Session(*leader.get(&pid).unwrap_or(&pid)),
            prepared @ Holder::Prepared(_) => prepared,
        };
        let mut truth = Self::default();
        let waiting: Vec<&Row> = rows.iter().filter(|row| !row.granted).collect();
        truth.waiting = waiting.iter().map(|row| vertex(row)).collect();
        for wait in &waiting {
            for held in rows.iter().filter(|row| row.granted && row.object == wait.object) {
                if vertex(held) != vertex(wait) && clash(held, wait) {
                    truth.edges.insert((vertex(wait), vertex(held)), true);
                }
            }
            let queue = queue(rows, wait, &vertex);
            for ahead in queue.iter().take_while(|row| **row != *wait) {
                if vertex(ahead) != vertex(wait) && clash(ahead, wait) {
                    truth.edges.entry((vertex(wait), vertex(ahead))).or_insert(false);
                }
            }
        }
        truth.close();
        truth.condense();
        truth
    }

    fn close(&mut self) {
        self.reaches = self.edges.keys().copied().collect();
        loop {
            let pairs: Vec<_> = self.reaches.iter().copied().collect();
            let further = pairs.iter().flat_map(|(a, b)| {
                pairs.iter().filter(move |(c, _)| b == c).map(move |(_, d)| (*a, *d))
            });
            let before = self.reaches.len();
            let further: Vec<_> = further.collect();
            self.reaches.extend(further);
            if self.reaches.len() == before {
                return;
            }
        }
    }

    fn condense(&mut self) {
        let ends = self.edges.keys().flat_map(|(a, b)| [*a, *b]);
        let all: BTreeSet<Vertex> = ends.chain(self.waiting.iter().copied()).collect();
        let together = |a: Vertex, b: Vertex| {
            a == b || (self.reaches.contains(&(a, b)) && self.reaches.contains(&(b, a)))
        };
        self.nodes = all
            .iter()
            .map(|a| all.iter().copied().filter(|b| together(*a, *b)).collect())
            .collect();
    }

    /// Returns the nodes that `node` waits for, with whether one is hard.
    pub fn blockers(&self, node: &BTreeSet<Vertex>) -> BTreeMap<BTreeSet<Vertex>, bool> {
        let mut found = BTreeMap::new();
        for ((waiter, blocker), hard) in &self.edges {
            if node.contains(waiter) && !node.contains(blocker) {
                let of = self.nodes.iter().find(|node| node.contains(blocker));
                let of = of.expect("a blocker has a node").clone();
                *found.entry(of).or_insert(false) |= *hard;
            }
        }
        found
    }

    pub fn parent(&self, node: &BTreeSet<Vertex>) -> Option<BTreeSet<Vertex>> {
        let blockers = self.blockers(node);
        let hard = blockers.values().any(|hard| *hard);
        let among = blockers.into_iter().filter(|(_, is)| *is == hard).map(|(node, _)| node);
        let mut among: Vec<_> = among.collect();
        among.sort_by_key(|node| (std::cmp::Reverse(self.depth(node)), lowest_pid(node)));
        among.into_iter().next()
    }

    pub fn depth(&self, node: &BTreeSet<Vertex>) -> usize {
        self.parent(node).map_or(0, |parent| self.depth(&parent) + 1)
    }

    pub fn victims(&self, node: &BTreeSet<Vertex>) -> usize {
        let behind = |w: &&Vertex| node.iter().any(|n| self.reaches.contains(&(**w, *n)));
        self.waiting.iter().filter(|w| !node.contains(w)).filter(behind).count()
    }

    pub fn below(&self, node: &BTreeSet<Vertex>) -> usize {
        let under = |other: &&BTreeSet<Vertex>| {
            let mut at = (*other).clone();
            while let Some(parent) = self.parent(&at) {
                if parent == *node {
                    return true;
                }
                at = parent;
            }
            false
        };
        self.nodes.iter().filter(under).map(BTreeSet::len).sum()
    }

    pub fn frees(&self, node: &BTreeSet<Vertex>) -> usize {
        let freed = |w: &&Vertex| {
            let mut blockers =
                self.edges.keys().filter(|(a, _)| a == *w).map(|(_, b)| b).peekable();
            blockers.peek().is_some() && blockers.all(|b| node.contains(b))
        };
        self.waiting.iter().filter(|w| !node.contains(w)).filter(freed).count()
    }
}

fn lowest_pid(node: &BTreeSet<Vertex>) -> (i32, Vertex) {
    let lowest = node.iter().min().expect("a node has members");
    (lowest.pid().unwrap_or(0), *lowest)
}

/// Returns the queue in which `wait` stands, as `ProcSleep` would have built it.
fn queue<'a>(rows: &'a [Row], wait: &Row, vertex: &impl Fn(&Row) -> Vertex) -> Vec<&'a Row> {
    let mut arrivals: Vec<&Row> =
        rows.iter().filter(|row| !row.granted && row.object == wait.object).collect();
    arrivals.sort_by_key(|row| row.waitstart);
    let mut queue: Vec<&Row> = Vec::new();
    for new in arrivals {
        let own =
            |row: &&Row| row.granted && row.object == wait.object && vertex(row) == vertex(new);
        let held: Vec<&Row> = rows.iter().filter(own).collect();
        let before = queue.iter().position(|queued| {
            vertex(queued) != vertex(new) && held.iter().any(|held| clash(held, queued))
        });
        queue.insert(before.unwrap_or(queue.len()), new);
    }
    queue
}
