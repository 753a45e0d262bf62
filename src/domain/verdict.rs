//! The one line that says how things stand.

use serde::{Deserialize, Serialize};

use super::activity::{Age, Backend, State};
use super::age;
use super::locks::{Id, Kind, Node};
use super::snapshot::Snapshot;

mod words;

use words::{backend_words, capitalised, clock, describe, head, prepared_words, sessions, waiting};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// Worth a look, or not certain.
    Warn,
    /// Somebody has to do something.
    Alarm,
}

/// How things stand, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How bad it is.
    pub level: Level,
    /// The line: what happens, to whom, because of whom; safe to show.
    pub text: String,
    /// The nodes whose end would resolve it.
    pub culprits: Vec<Id>,
}

/// A wait for a lock that lasts this long, in seconds, is an alarm.
const LONG_WAIT_S: f64 = 10.0;
/// A transaction that is idle this long, in seconds, is worth a look.
const LONG_IDLE_S: f64 = 300.0;

/// Judges a snapshot: cycles first, then what ours waits for, then whom ours blocks,
/// then the worst of the others, then what may soon be in the way.
#[must_use]
pub fn verdict(snapshot: &Snapshot) -> Verdict {
    let found = cycle(snapshot)
        .or_else(|| our_wait(snapshot))
        .or_else(|| our_victims(snapshot))
        .or_else(|| worst(snapshot))
        .or_else(|| idle(snapshot))
        .or_else(|| prepared(snapshot));
    let quiet = || Verdict {
        level: Level::Ok,
        text: "Nobody waits for a lock".to_owned(),
        culprits: Vec::new(),
    };
    doubted(found.unwrap_or_else(quiet), snapshot)
}

impl Verdict {
    /// Returns this verdict about locks beside one about something else: the worse of both,
    /// and of two that are as bad the one about locks. Whom it names stays.
    #[must_use]
    pub fn joined(self, other: Option<Self>) -> Self {
        match other.filter(|other| other.level > self.level) {
            Some(other) => Self { culprits: self.culprits, ..other },
            None => self,
        }
    }
}

/// What is not known is never ok.
fn doubted(mut verdict: Verdict, snapshot: &Snapshot) -> Verdict {
    if snapshot.forest.partial {
        verdict.level = verdict.level.max(Level::Warn);
        verdict
            .text
            .push_str("; cannot tell everything: the server was asked about some waits only");
    }
    verdict
}

fn cycle(snapshot: &Snapshot) -> Option<Verdict> {
    let node = snapshot.forest.nodes.iter().find(|node| node.kind == Kind::Cycle)?;
    let pids = node.members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (level, what) = if node.confirmed {
        (Level::Alarm, "wait for each other: a deadlock")
    } else {
        (Level::Warn, "wait for each other: a possible deadlock, not confirmed")
    };
    let text = format!("pids {pids} {what}{}", behind_it(node));
    Some(Verdict { level, text, culprits: vec![node.id.clone()] })
}

/// Returns the tail about a node's victims: `; 15 sessions queue behind it`.
fn behind_it(node: &Node) -> String {
    match node.victims {
        0 => String::new(),
        victims => format!("; {} behind it", sessions(victims, "queues", "queue")),
    }
}

fn our_wait(snapshot: &Snapshot) -> Option<Verdict> {
    let ours = snapshot.backends.iter().filter(|b| b.ours && snapshot.waits(b.pid));
    let nodes = ours.filter_map(|b| Some((b, snapshot.forest.node_of(b.pid)?)));
    let (backend, node) = nodes.max_by(|(_, a), (_, b)| by_wait(snapshot, a, b))?;
    let alarming = node.victims > 0 || waited(snapshot, node) >= LONG_WAIT_S;
    let behind = blocker(snapshot, node).map_or_else(String::new, |b| format!(" behind {b}"));
    let wants = node.wants.as_ref().map_or("a lock", |wants| wants.mode.words());
    let text = format!(
        "{} (pid {}, ours) {} for {wants}{behind}{}",
        head(&backend.query),
        backend.pid,
        waiting(snapshot, node),
        behind_us(node)
    );
    Some(Verdict { level: level(alarming), text, culprits: culprits(snapshot, node) })
}

/// Returns the roots of everybody whom `node` waits for: the one it hangs under first.
fn culprits(snapshot: &Snapshot, node: &Node) -> Vec<Id> {
    let mut roots = vec![snapshot.forest.root_of(node).id.clone()];
    let others = snapshot.forest.also_behind(node).into_iter();
    for other in others.filter_map(|id| snapshot.forest.node(id)) {
        let root = &snapshot.forest.root_of(other).id;
        if !roots.contains(root) {
            roots.push(root.clone());
        }
    }
    roots
}

/// Returns ` and 2 others`: ending the one that is named would not be enough.
fn others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => " and 1 other".to_owned(),
        count => format!(" and {count} others"),
    }
}

fn behind_us(node: &Node) -> String {
    match node.victims {
        0 => String::new(),
        victims => format!("; {} behind us", sessions(victims, "queues", "queue")),
    }
}

/// Returns who stands in front of `node`, and the root cause if that is somebody else.
fn blocker(snapshot: &Snapshot, node: &Node) -> Option<String> {
    let parent = snapshot.forest.node(node.parent.as_ref()?)?;
    let root = snapshot.forest.root_of(node);
    let others = others(snapshot.forest.also_behind(node).len());
    let direct = format!("{}{others}", describe(snapshot, parent));
    if root.id == parent.id {
        return Some(direct);
    }
    Some(format!("{direct}, itself behind {}", describe(snapshot, root)))
}

fn our_victims(snapshot: &Snapshot) -> Option<Verdict> {
    let ours = snapshot.backends.iter().filter(|b| b.ours);
    let nodes = ours.filter_map(|b| snapshot.forest.node_of(b.pid));
    let node = nodes.filter(|node| node.victims > 0).max_by_key(|node| node.victims)?;
    Some(holds_up(snapshot, node))
}

fn worst(snapshot: &Snapshot) -> Option<Verdict> {
    let node = snapshot.forest.roots().find(|node| node.victims > 0)?;
    Some(holds_up(snapshot, node))
}

fn holds_up(snapshot: &Snapshot, node: &Node) -> Verdict {
    let longest = longest_under(snapshot, node);
    let held = sessions(node.victims, "waits", "wait");
    let clock = longest.map(|age| format!(", the longest for {}", clock(age)));
    let first = snapshot.forest.nodes.iter().find(|under| under.parent.as_ref() == Some(&node.id));
    let also = first.map_or(0, |first| snapshot.forest.also_behind(first).len());
    let who = format!("{}{}", describe(snapshot, node), others(also));
    let text = format!("{held} behind {who}{}", clock.unwrap_or_default());
    let alarming = longest.is_some_and(|age| age >= LONG_WAIT_S);
    let culprits = first.map_or_else(|| vec![node.id.clone()], |first| culprits(snapshot, first));
    Verdict { level: level(alarming), text: capitalised(&text), culprits }
}

/// Returns the longest wait in the tree under `node`, in seconds.
fn longest_under(snapshot: &Snapshot, node: &Node) -> Option<f64> {
    let at = snapshot.forest.nodes.iter().position(|n| n.id == node.id)?;
    let under = snapshot.forest.nodes[at + 1..].iter().take_while(|n| n.depth > node.depth);
    under.filter_map(|n| n.wait_age(snapshot.taken_at)).max_by(f64::total_cmp)
}

fn idle(snapshot: &Snapshot) -> Option<Verdict> {
    let age = |b: &Backend| b.age_s(Age::State, snapshot.taken_at).unwrap_or_default();
    let idle =
        snapshot.backends.iter().filter(|b| b.state.is_some_and(State::is_idle_in_transaction));
    let oldest = idle.filter(|b| age(b) >= LONG_IDLE_S).max_by(|a, b| age(a).total_cmp(&age(b)))?;
    let text = format!("{}; nobody waits for a lock", backend_words(snapshot, oldest));
    Some(Verdict { level: Level::Warn, text, culprits: vec![Id::Session(oldest.pid)] })
}

fn prepared(snapshot: &Snapshot) -> Option<Verdict> {
    let since = |p: &&super::counters::Prepared| {
        p.prepared.map_or(0.0, |since| age::seconds(since, snapshot.taken_at))
    };
    let old = snapshot.prepared.iter().filter(|p| since(p) >= LONG_IDLE_S);
    let oldest = old.max_by(|a, b| since(a).total_cmp(&since(b)))?;
    let id = Id::Prepared(oldest.gid.clone());
    let text = format!("{}; nobody waits for a lock", prepared_words(snapshot, &oldest.gid));
    Some(Verdict { level: Level::Warn, text, culprits: vec![id] })
}

fn level(alarming: bool) -> Level {
    if alarming { Level::Alarm } else { Level::Warn }
}

fn waited(snapshot: &Snapshot, node: &Node) -> f64 {
    node.wait_age(snapshot.taken_at).unwrap_or_default()
}

fn by_wait(snapshot: &Snapshot, a: &Node, b: &Node) -> std::cmp::Ordering {
    waited(snapshot, a).total_cmp(&waited(snapshot, b)).then(b.id.cmp(&a.id))
}
