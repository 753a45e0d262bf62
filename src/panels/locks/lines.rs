//! The forest as lines: identical waiters folded, cycles as one, trees closed on request.

use std::collections::{HashMap, HashSet};

use crate::domain::activity::filter::Filter;
use crate::domain::activity::{Backend, BackendKey};
use crate::domain::locks::{EdgeKind, Id, Mode, Node};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::panels::fold::{self, Likeness};
use crate::panels::who::Sessions;
use crate::ui::bindings::Reason;
use crate::ui::widgets::tree;

/// The name of a line, which stays the same from refresh to refresh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A node of the forest.
    Node(Id),
    /// Identical waiters.
    Group(Box<Group>),
    /// A member of a cycle.
    Member(i32),
}

/// What makes a group of waiters the same one at the next refresh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    parent: Id,
    mode: Mode,
    object: Option<Untrusted>,
    edge: Option<EdgeKind>,
    application: String,
    head: String,
}

/// What a line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Its node.
    Node,
    /// Several waiters like its node, by their places in the forest.
    Group(Vec<usize>),
    /// This member of its node, a cycle.
    Member(i32),
}

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// Its name.
    pub key: Key,
    /// Its node; the first one of a group.
    pub node: &'a Node,
    /// The node's place in the forest.
    pub at: usize,
    /// How deep it stands.
    pub depth: usize,
    /// Whether it can be unfolded.
    pub mark: tree::Node,
    /// What it stands for.
    pub what: What,
}

/// The lines as they stand now.
pub(super) struct Lines<'a> {
    /// Where they come from.
    pub snapshot: &'a Snapshot,
    /// Its backends.
    pub sessions: Sessions<'a>,
    /// The lines, in order.
    pub rows: Vec<Line<'a>>,
    /// Their names, in the same order.
    pub keys: Vec<Key>,
}

impl<'a> Lines<'a> {
    /// Returns the lines of `snapshot`; of the trees only those in which the filter's
    /// words occur. `came_for` is never hidden.
    pub fn of(
        snapshot: &'a Snapshot,
        filter: &str,
        toggled: &HashSet<Key>,
        came_for: Option<BackendKey>,
    ) -> Self {
        let sessions = Sessions::of(snapshot);
        let groups = fold::groups(&snapshot.forest, &sessions);
        let wanted = came_for.and_then(|backend| place(snapshot, backend.pid));
        let mut teller = Teller { snapshot, groups, toggled, wanted, lines: Vec::new() };
        let words = Filter::new(filter, false);
        let shows = |at: &usize| {
            sessions_of(&snapshot.forest.nodes[*at])
                .any(|pid| sessions.get(pid).is_some_and(|backend| words.shows(backend, true)))
        };
        for tree in trees(&snapshot.forest.nodes) {
            if filter.trim().is_empty() || tree.clone().any(|at| shows(&at)) {
                teller.tree(tree);
            }
        }
        let keys = teller.lines.iter().map(|line| line.key.clone()).collect();
        Self { snapshot, rows: teller.lines, sessions, keys }
    }

    /// Returns the session that a line stands for.
    ///
    /// # Errors
    /// Why there is not exactly one.
    pub fn backend(&self, line: &Line<'a>) -> Result<&'a Backend, Reason> {
        let pid = match (&line.what, &line.node.id) {
            (What::Group(members), _) => return Err(several(members.len())),
            (What::Member(pid), _) | (What::Node, Id::Session(pid)) => *pid,
            (What::Node, Id::Cycle(_)) => return Err(several(line.node.members.len())),
            (What::Node, Id::Prepared(_)) => return Err(Reason::new(PREPARED)),
        };
        self.sessions.get(pid).ok_or(Reason::new("the session has ended"))
    }

    /// Returns the session to show for a line: of several the first.
    ///
    /// # Errors
    /// Why there is none.
    pub fn session(&self, line: &Line<'a>) -> Result<&'a Backend, Reason> {
        let first = match line.what {
            What::Node => line.node.members.first().copied().or(line.node.pid()),
            What::Group(_) => line.node.pid(),
            What::Member(pid) => Some(pid),
        };
        let pid = first.ok_or(Reason::new(PREPARED))?;
        self.sessions.get(pid).ok_or(Reason::new("the session has ended"))
    }

    /// Returns the line that shows `backend` best.
    pub fn of_backend(&self, backend: BackendKey) -> Option<usize> {
        let pid = self.sessions.get(backend.pid).filter(|b| b.key() == backend)?.pid;
        let at = place(self.snapshot, pid)?;
        let member = Key::Member(pid);
        let exact = self.keys.iter().position(|key| *key == member);
        let own = |line: &Line<'_>| line.at == at && !matches!(line.what, What::Group(_));
        exact.or_else(|| self.rows.iter().position(own))
    }

    /// Returns the group that was opened only because somebody came for its member at
    /// line `at`: it stays open once the selection is in it.
    pub fn opened_for(&self, at: usize) -> Option<Key> {
        let place = self.rows[at].at;
        let holds = |line: &&Line<'_>| match &line.what {
            What::Group(members) => members.contains(&place),
            _ => false,
        };
        self.rows.iter().find(holds).map(|line| line.key.clone())
    }
}

/// Why no signal reaches a prepared transaction.
const PREPARED: &str = "it is a prepared transaction without a session: only COMMIT PREPARED or \
                        ROLLBACK PREPARED ends it";

fn several(count: usize) -> Reason {
    Reason::new(format!("it stands for {count} sessions: unfold it (e) and choose one"))
}

/// Returns the pids of a node.
fn sessions_of(node: &Node) -> impl Iterator<Item = i32> {
    node.pid().into_iter().chain(node.members.iter().copied())
}

/// Returns the place of the node that holds `pid`, or its group's leader.
fn place(snapshot: &Snapshot, pid: i32) -> Option<usize> {
    let leader = snapshot.backend(pid).and_then(|backend| backend.leader_pid).unwrap_or(pid);
    let holds = |node: &Node| sessions_of(node).any(|of| of == pid || of == leader);
    snapshot.forest.nodes.iter().position(holds)
}

/// Returns the places of each tree: a root and what hangs under it.
fn trees(nodes: &[Node]) -> Vec<std::ops::Range<usize>> {
    let roots: Vec<usize> = (0..nodes.len()).filter(|at| nodes[*at].depth == 0).collect();
    let ends = roots.iter().skip(1).copied().chain([nodes.len()]);
    roots.iter().copied().zip(ends).map(|(root, end)| root..end).collect()
}

/// Makes the lines.
struct Teller<'a, 'b> {
    snapshot: &'a Snapshot,
    groups: HashMap<usize, (Likeness<'a>, Vec<usize>)>,
    toggled: &'b HashSet<Key>,
    /// The place of the node that must not be hidden.
    wanted: Option<usize>,
    lines: Vec<Line<'a>>,
}

impl Teller<'_, '_> {
    fn tree(&mut self, places: std::ops::Range<usize>) {
        let mut folded: HashSet<usize> = HashSet::new();
        let mut closed: Option<usize> = None;
        for at in places {
            let depth = self.snapshot.forest.nodes[at].depth;
            if closed.is_some_and(|above| depth > above) {
                continue;
            }
            closed = None;
            if folded.contains(&at) {
                continue;
            }
            if let Some((likeness, members)) = self.groups.remove(&at) {
                folded.extend(&members);
                self.group(&likeness, members);
            } else if !self.node(at) {
                closed = Some(depth);
            }
        }
    }

    /// Tells one node. Returns true if what hangs under it is shown.
    fn node(&mut self, at: usize) -> bool {
        let node = &self.snapshot.forest.nodes[at];
        let key = Key::Node(node.id.clone());
        let toggled = self.toggled.contains(&key);
        let is_cycle = !node.members.is_empty();
        let has_below = self.has_below(at);
        let open = if is_cycle { toggled } else { !toggled || self.hides_wanted(at) };
        let mark = match (is_cycle || has_below, open) {
            (false, _) => tree::Node::Leaf,
            (true, true) => tree::Node::Open,
            (true, false) => tree::Node::Closed,
        };
        self.lines.push(Line { key, node, at, depth: node.depth, mark, what: What::Node });
        if is_cycle && open {
            for pid in &node.members {
                let (key, what) = (Key::Member(*pid), What::Member(*pid));
                let (depth, mark) = (node.depth + 1, tree::Node::Leaf);
                self.lines.push(Line { key, node, at, depth, mark, what });
            }
        }
        open || is_cycle
    }

    fn group(&mut self, likeness: &Likeness<'_>, members: Vec<usize>) {
        let nodes = &self.snapshot.forest.nodes;
        let node = &nodes[members[0]];
        let key = Key::Group(Box::new(Group {
            parent: nodes[likeness.parent].id.clone(),
            mode: likeness.mode,
            object: likeness.object.cloned(),
            edge: likeness.edge,
            application: likeness.application.to_owned(),
            head: likeness.head.to_owned(),
        }));
        let wanted = self.wanted.is_some_and(|at| members.contains(&at));
        let open = wanted || self.toggled.contains(&key);
        let mark = if open { tree::Node::Open } else { tree::Node::Closed };
        let (at, depth) = (members[0], node.depth);
        let inside = if open { members.clone() } else { Vec::new() };
        self.lines.push(Line { key, node, at, depth, mark, what: What::Group(members) });
        for at in inside {
            let node = &nodes[at];
            let (key, mark) = (Key::Node(node.id.clone()), tree::Node::Leaf);
            let line = Line { key, node, at, depth: depth + 1, mark, what: What::Node };
            self.lines.push(line);
        }
    }

    fn has_below(&self, at: usize) -> bool {
        let nodes = &self.snapshot.forest.nodes;
        nodes.get(at + 1).is_some_and(|next| next.depth > nodes[at].depth)
    }

    fn hides_wanted(&self, at: usize) -> bool {
        let nodes = &self.snapshot.forest.nodes;
        self.wanted.is_some_and(|wanted| {
            let below = nodes[at + 1..].iter().take_while(|node| node.depth > nodes[at].depth);
            wanted > at && wanted <= at + below.count()
        })
    }
}
