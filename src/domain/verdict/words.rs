//! Who somebody is and how long it has lasted, in words that are safe to show.

use chrono::TimeDelta;

use crate::domain::activity::{Age, Backend, State};
use crate::domain::age;
use crate::domain::locks::{Id, Node};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;

/// How much of a query or name is told.
const HEAD: usize = 40;

/// Returns `has waited 0:42`, or that it waits where the server gives no start (13).
pub(super) fn waiting(snapshot: &Snapshot, node: &Node) -> String {
    let age = node.wait_age(snapshot.taken_at);
    age.map_or_else(|| "waits".to_owned(), |age| format!("has waited {}", clock(age)))
}

/// Returns who a node is, with its state and age.
pub(super) fn describe(snapshot: &Snapshot, node: &Node) -> String {
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
pub(super) fn backend_words(snapshot: &Snapshot, backend: &Backend) -> String {
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

pub(super) fn prepared_words(snapshot: &Snapshot, gid: &Untrusted) -> String {
    let listed = snapshot.prepared.iter().find(|prepared| prepared.gid == *gid);
    let since = listed.and_then(|prepared| prepared.prepared);
    let age = since
        .map(|since| format!(", prepared {} ago", rough(age::seconds(since, snapshot.taken_at))));
    format!("prepared transaction {}{}", short(gid), age.unwrap_or_default())
}

/// Returns the beginning of a query: what it does, to what.
pub(super) fn head(query: &Untrusted) -> String {
    if query.is_empty() { "A session".to_owned() } else { short(query) }
}

fn short(text: &Untrusted) -> String {
    let line = text.one_line();
    match line.char_indices().nth(HEAD) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

pub(super) fn sessions(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 session {one}"),
        count => format!("{count} sessions {many}"),
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "ages are far below 2^63 ms")]
fn delta(seconds: f64) -> TimeDelta {
    TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

pub(super) fn clock(seconds: f64) -> String {
    age::clock(delta(seconds))
}

fn rough(seconds: f64) -> String {
    age::rough(delta(seconds))
}
