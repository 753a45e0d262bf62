//! The one line that says how things stand.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::activity::{Age, Backend, State};
use super::age;
use super::locks::{Id, Kind, Node};
use super::snapshot::Snapshot;
use super::untrusted::Untrusted;

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
/// How much of a query names it.
const HEAD: usize = 40;

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
    let (level, what) = match node.confirmed {
        true => (Level::Alarm, "wait for each other: a deadlock"),
        false => (Level::Warn, "wait for each other: a possible deadlock, not confirmed"),
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
    let culprits = vec![snapshot.forest.root_of(node).id.clone()];
    Some(Verdict { level: level(alarming), text, culprits })
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
    let direct = describe(snapshot, parent);
    Some(match root.id == parent.id {
        true => direct,
        false => format!("{direct}, itself behind {}", describe(snapshot, root)),
    })
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
    let text = format!("{held} behind {}{}", describe(snapshot, node), clock.unwrap_or_default());
    let alarming = longest.is_some_and(|age| age >= LONG_WAIT_S);
    Verdict { level: level(alarming), text: capitalised(&text), culprits: vec![node.id.clone()] }
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

/// Returns `has waited 0:42`, or that it waits where the server gives no start (13).
fn waiting(snapshot: &Snapshot, node: &Node) -> String {
    let age = node.wait_age(snapshot.taken_at);
    age.map_or_else(|| "waits".to_owned(), |age| format!("has waited {}", clock(age)))
}

/// Returns who a node is, with its state and age.
fn describe(snapshot: &Snapshot, node: &Node) -> String {
    match &node.id {
        Id::Session(pid) => session_words(snapshot, *pid),
        Id::Prepared(gid) => prepared_words(snapshot, gid),
        Id::Cycle(_) => {
            let pids = node.members.iter().map(ToString::to_string).collect::<Vec<_>>();
            format!("the cycle of pids {}", pids.join(", "))
        }
    }
}

fn session_words(snapshot: &Snapshot, pid: i32) -> String {
    let known = snapshot.backend(pid).map(|backend| backend_words(snapshot, backend));
    known.unwrap_or_else(|| format!("pid {pid}"))
}

/// Returns `pid 3988, reporting, idle in transaction 4 min`.
fn backend_words(snapshot: &Snapshot, backend: &Backend) -> String {
    let mut words = vec![format!("pid {}", backend.pid)];
    let who = [Some(&backend.application), backend.user.as_ref()];
    words.extend(who.into_iter().flatten().find(|name| !name.is_empty()).map(short));
    words.extend(backend.ours.then(|| "ours".to_owned()));
    words.extend(state_words(snapshot, backend));
    words.join(", ")
}

fn state_words(snapshot: &Snapshot, backend: &Backend) -> Option<String> {
    let state = backend.state?;
    let age = if state == State::Active { Age::Query } else { Age::State };
    let age = backend.age_s(age, snapshot.taken_at).map(|age| format!(" {}", rough(age)));
    Some(format!("{}{}", state.word(), age.unwrap_or_default()))
}

fn prepared_words(snapshot: &Snapshot, gid: &Untrusted) -> String {
    let listed = snapshot.prepared.iter().find(|prepared| prepared.gid == *gid);
    let since = listed.and_then(|prepared| prepared.prepared);
    let age = since
        .map(|since| format!(", prepared {} ago", rough(age::seconds(since, snapshot.taken_at))));
    format!("prepared transaction {}{}", short(gid), age.unwrap_or_default())
}

/// Returns the beginning of a query: what it does, to what.
fn head(query: &Untrusted) -> String {
    if query.is_empty() { "A session".to_owned() } else { short(query) }
}

fn short(text: &Untrusted) -> String {
    let line = text.one_line();
    match line.char_indices().nth(HEAD) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

fn sessions(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 session {one}"),
        count => format!("{count} sessions {many}"),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "ages are far below 2^63 ms")]
fn delta(seconds: f64) -> TimeDelta {
    TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

fn clock(seconds: f64) -> String {
    age::clock(delta(seconds))
}

fn rough(seconds: f64) -> String {
    age::rough(delta(seconds))
}
