//! The page about one backend: everything that a refresh tells of it, and what ending it
//! would do, before anybody asks for that.

use crate::domain::activity::{Age, Backend};
use crate::domain::age;
use crate::domain::signal::{self, Kind, Nature};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::panels::who;
use crate::session::facts::Facts;
use crate::ui::text;
use crate::ui::theme::Tone;
use crate::ui::widgets::pairs::Pair;

/// Returns everything that a refresh tells of a backend, for its page.
#[must_use]
pub fn pairs(backend: &Backend, facts: &Facts) -> Vec<Pair> {
    let mut pairs = identity(backend);
    if let Some(snapshot) = facts.snapshot.value() {
        pairs.extend(doing(backend, snapshot));
        pairs.extend(standing(backend, snapshot));
    }
    pairs.push(advice("cancel", backend, Kind::Cancel));
    pairs.push(advice("terminate", backend, Kind::Terminate));
    pairs
}

fn identity(backend: &Backend) -> Vec<Pair> {
    let shown = |text: Option<&Untrusted>| text.map(Untrusted::one_line);
    let mut who = vec![who::name(backend)];
    who.extend(backend.ours.then(|| "ours".to_owned()));
    who.extend(shown(backend.database.as_ref()).map(|name| format!("database {name}")));
    who.extend(shown(backend.client.as_ref()).map(|client| format!("from {client}")));
    vec![Pair::new("who", who.join(" · ")).tone(Tone::Strong), Pair::new("kind", kind(backend))]
}

fn kind(backend: &Backend) -> String {
    let name = match backend.backend_type.as_str() {
        "" => "not visible to our role".to_owned(),
        name => Untrusted::from(name).one_line(),
    };
    match signal::nature(backend) {
        Nature::Autovacuum { wraparound: true } => format!("{name}, against wraparound"),
        Nature::ParallelWorker { leader: Some(leader) } => format!("{name} of pid {leader}"),
        _ => name,
    }
}

/// Returns what it does, since when, and what it waits for.
fn doing(backend: &Backend, snapshot: &Snapshot) -> Vec<Pair> {
    let now = snapshot.taken_at;
    let mut pairs = vec![Pair::new("state", who::state(backend, now)).tone(who::tone(backend))];
    let wait = backend.wait.as_deref().map(|wait| Untrusted::from(wait).one_line());
    pairs.extend(wait.map(|wait| Pair::new("wait", wait)));
    let ages = [
        ("connected", backend.backend_start),
        ("transaction", backend.since(Age::Transaction)),
        ("query for", backend.since(Age::Query)),
        ("lock wait", backend.since(Age::Wait)),
    ];
    let known = ages.into_iter().filter_map(|(label, since)| Some((label, since?)));
    pairs.extend(known.map(|(label, since)| Pair::new(label, age::clock(now - since))));
    pairs
}

/// Returns what it has written and whom it holds up.
fn standing(backend: &Backend, snapshot: &Snapshot) -> Vec<Pair> {
    let written = match backend.has_written {
        Some(true) => ("yes: ending it rolls that back", Tone::Warn),
        Some(false) => ("no", Tone::Plain),
        None => ("cannot tell", Tone::Warn),
    };
    let mut pairs = vec![Pair::new("has written", written.0).tone(written.1)];
    if let Some(age) = backend.xmin_age {
        let age = text::count(age.unsigned_abs());
        pairs.push(Pair::new("holds xmin", format!("{age} transactions back")));
    }
    let behind = behind(backend, snapshot);
    pairs.extend((!behind.is_empty()).then(|| Pair::new("waits for", behind.join(", "))));
    if let Some(node) = snapshot.forest.node_of(backend.pid).filter(|node| node.victims > 0) {
        let held =
            format!("{} wait behind it; ending it releases {} at once", node.victims, node.frees);
        pairs.push(Pair::new("blocks", held).tone(Tone::Warn));
    }
    pairs
}

/// More than these are only counted.
const NAMED: usize = 12;

fn behind(backend: &Backend, snapshot: &Snapshot) -> Vec<String> {
    let gids = snapshot.blocking_gids(backend.pid).into_iter();
    let gids = gids.map(|gid| format!("prepared transaction {}", gid.one_line()));
    let pids = snapshot.blocking_pids(backend.pid).into_iter().map(|pid| format!("pid {pid}"));
    let mut all: Vec<String> = gids.chain(pids).collect();
    if all.len() > NAMED {
        let more = all.split_off(NAMED).len();
        all.push(format!("{more} more"));
    }
    all
}

fn advice(label: &str, backend: &Backend, kind: Kind) -> Pair {
    let advice = signal::advice(backend, kind);
    if let Err(refused) = advice.possible {
        return Pair::new(label, format!("off: {}", refused.text())).tone(Tone::Dim);
    }
    let notes: Vec<&str> = advice.notes.iter().map(|note| note.text()).collect();
    let said = if notes.is_empty() {
        "possible; it has written nothing".to_owned()
    } else {
        notes.join("\n")
    };
    Pair::new(label, said)
}
