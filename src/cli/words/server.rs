//! The server at one moment: verdict, locks, sessions.

use super::{clock, cut, joined};
use crate::domain::activity::{Age, Backend, State};
use crate::domain::age;
use crate::domain::counters::Surroundings;
use crate::domain::identity::Identity;
use crate::domain::locks::{EdgeKind, Id, Kind, Node};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::domain::verdict::{Level, Verdict};
use crate::session::facts::Facts;

/// How much of a query a line shows.
const QUERY: usize = 100;

/// Returns which server it is.
#[must_use]
pub fn head(server: &Identity, place: &str) -> String {
    let role = if server.primary { "primary" } else { "REPLICA" };
    let name = |text: &str| Untrusted::from(text).one_line();
    format!(
        "{} {} @ {}:{} as {} · {role} · PostgreSQL {} · system {}",
        place,
        name(&server.database),
        name(&server.host),
        server.port,
        name(&server.role),
        name(&server.version),
        server.system_identifier,
    )
}

/// Returns the verdict with its level as a word.
#[must_use]
pub fn verdict(verdict: &Verdict) -> String {
    let level = match verdict.level {
        Level::Ok => "OK",
        Level::Warn => "WARNING",
        Level::Alarm => "ALARM",
    };
    format!("{level}: {}", verdict.text)
}

/// Returns how things stand; of a refresh that should have been replaced, how they stood.
#[must_use]
pub fn stands(facts: &Facts) -> Option<String> {
    let said = verdict(facts.verdict.as_ref()?);
    Some(match facts.stale() {
        None => said,
        Some(age) => {
            format!("STALE: {} ago {said}; how things stand now cannot be told", age::clock(age))
        }
    })
}

/// Returns the lock forest, root cause first.
#[must_use]
pub fn locks(snapshot: &Snapshot) -> Vec<String> {
    let forest = &snapshot.forest;
    if forest.nodes.is_empty() {
        return vec!["nobody waits for a lock".to_owned()];
    }
    let mut lines = vec![format!("{} waiting", forest.blocked)];
    if forest.partial {
        lines.push("not everything could be asked: some of this may be wrong".to_owned());
    }
    lines.extend(forest.nodes.iter().map(|node| line_of_node(node, snapshot)));
    lines
}

fn line_of_node(node: &Node, snapshot: &Snapshot) -> String {
    let behind = match node.victims {
        0 => String::new(),
        victims => format!("{victims} wait behind it, {} would go on at once", node.frees),
    };
    let words = joined([who(node, snapshot), wait(node, snapshot), why(node), behind]);
    format!("{}{words}", "  ".repeat(node.depth + 1))
}

fn who(node: &Node, snapshot: &Snapshot) -> String {
    match (&node.id, node.kind) {
        (_, Kind::Cycle) => {
            let pids: Vec<String> = node.members.iter().map(ToString::to_string).collect();
            let sure = if node.confirmed { "deadlock" } else { "possible deadlock" };
            format!("{sure} of pids {}", pids.join(", "))
        }
        (Id::Session(pid), _) => match snapshot.backend(*pid) {
            Some(backend) => name(backend, snapshot),
            None => format!("pid {pid}"),
        },
        (id, _) => format!("prepared transaction {id}"),
    }
}

fn wait(node: &Node, snapshot: &Snapshot) -> String {
    let Some(wants) = &node.wants else { return String::new() };
    let on = wants.object.as_ref().map(|object| format!(" on {}", object.one_line()));
    let since = node.wait_age(snapshot.taken_at).map(|age| format!(" for {}", clock(age)));
    format!(
        "waits{} for {}{}",
        since.unwrap_or_default(),
        wants.mode.words(),
        on.unwrap_or_default()
    )
}

fn why(node: &Node) -> String {
    let Some(edge) = &node.edge else { return String::new() };
    let held = edge.held.words();
    match edge.kind {
        EdgeKind::Hard => format!("the one above holds {held}"),
        EdgeKind::Soft => format!("the one above asked earlier for {held}"),
    }
}

fn name(backend: &Backend, snapshot: &Snapshot) -> String {
    let state = backend.state.map(|state| {
        let age = if state == State::Active { Age::Query } else { Age::State };
        let age = backend.age_s(age, snapshot.taken_at).map(|age| format!(" {}", clock(age)));
        format!("{}{}", state.word(), age.unwrap_or_default())
    });
    joined([
        format!("pid {}", backend.pid),
        if backend.ours { "ours".to_owned() } else { String::new() },
        backend.application.one_line(),
        backend.user.as_ref().map(Untrusted::one_line).unwrap_or_default(),
        state.unwrap_or_else(|| backend.backend_type.clone()),
    ])
}

/// Returns the sessions that do something, a line each; the idle ones are counted.
#[must_use]
pub fn sessions(snapshot: &Snapshot) -> Vec<String> {
    let (idle, busy): (Vec<_>, Vec<_>) =
        snapshot.backends.iter().partition(|b| b.state.is_none() || b.state == Some(State::Idle));
    let idle = idle.iter().filter(|b| b.state == Some(State::Idle)).count();
    let mut lines: Vec<String> = busy.iter().map(|b| session(b, snapshot)).collect();
    lines.push(format!("{} sessions do something, {idle} more are idle", busy.len()));
    lines
}

/// Returns one session on one line.
#[must_use]
pub fn session(backend: &Backend, snapshot: &Snapshot) -> String {
    let transaction = backend.age_s(Age::Transaction, snapshot.taken_at);
    let behind: Vec<String> =
        snapshot.blocking_pids(backend.pid).iter().map(ToString::to_string).collect();
    joined([
        name(backend, snapshot),
        backend.wait.clone().unwrap_or_default(),
        transaction.map(|age| format!("transaction open for {}", clock(age))).unwrap_or_default(),
        match backend.has_written {
            Some(true) => "has written".to_owned(),
            _ => String::new(),
        },
        if behind.is_empty() { String::new() } else { format!("behind {}", behind.join(", ")) },
        cut(&backend.query, QUERY),
    ])
}

/// Returns the commands that report their progress.
#[must_use]
pub fn progress(snapshot: &Snapshot) -> Vec<String> {
    let line = |one: &crate::domain::progress::Progress| {
        let on = one.relation.as_ref().map(Untrusted::one_line).unwrap_or_default();
        let part = one.fraction().map(|part| format!("{:.0} %", part * 100.0));
        joined([
            format!("pid {}", one.pid),
            one.command.clone(),
            on,
            one.phase.clone(),
            part.unwrap_or_default(),
            one.eta_s.map(|s| format!("{} to the end of this phase", clock(s))).unwrap_or_default(),
            one.waiting_for.map(|pid| format!("waits for pid {pid}")).unwrap_or_default(),
        ])
    };
    snapshot.progress.iter().map(line).collect()
}

/// Returns what moves slowly and is in trouble: slots, archiving, invalid indexes.
#[must_use]
pub fn surroundings(slow: &Surroundings) -> Vec<String> {
    let mut lines: Vec<String> = slow
        .invalid_indexes
        .iter()
        .map(|index| {
            format!("invalid index {} on {}", index.name.one_line(), index.table.one_line())
        })
        .collect();
    let inactive = slow.slots.iter().filter(|slot| !slot.active);
    lines.extend(inactive.map(|slot| format!("nobody uses slot {}", slot.name.one_line())));
    let failing = slow.archiver.as_ref().filter(|archiver| archiver.failing);
    lines.extend(failing.map(|archiver| format!("archiving fails ({} times)", archiver.failures)));
    lines
}
