//! One row of the list.

use chrono::{DateTime, Utc};

use crate::domain::activity::{Age, Backend, State};
use crate::domain::age;
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::panels::who;
use crate::ui::text;
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::table::Cell;

/// Stands where there is nothing to tell.
const NONE: &str = "–";
/// Stands where the role may not see.
const UNKNOWN: &str = "?";

/// Returns the cells of a backend, in the order of the columns.
pub(super) fn cells(backend: &Backend, snapshot: &Snapshot) -> Vec<Cell> {
    let now = snapshot.taken_at;
    let ours = if backend.ours { symbol::OURS } else { "" };
    vec![
        Cell::new(ours, Tone::Accent),
        Cell::new(backend.pid.to_string(), Tone::Strong),
        number(backend.leader_pid.map(|pid| pid.to_string())),
        kind(backend),
        optional(backend.user.as_ref()),
        optional(Some(&backend.application)),
        optional(backend.client.as_ref()),
        optional(backend.database.as_ref()),
        Cell::new(state(backend), who::tone(backend)),
        wait(backend),
        clock(backend, Age::Transaction, now),
        clock(backend, Age::Query, now),
        waits(backend, now),
        written(backend),
        number(backend.xmin_age.map(|age| text::count(age.unsigned_abs()))),
        blocked_by(backend, snapshot),
        Cell::new(backend.query.one_line(), Tone::Plain),
    ]
}

fn number(value: Option<String>) -> Cell {
    value.map_or_else(|| Cell::new(NONE, Tone::Dim), Cell::from)
}

fn optional(value: Option<&Untrusted>) -> Cell {
    let text = value.filter(|text| !text.is_empty());
    text.map_or_else(|| Cell::new(NONE, Tone::Dim), |text| Cell::from(text.one_line()))
}

/// `client backend` is what nearly all are: one word is enough.
fn kind(backend: &Backend) -> Cell {
    match backend.backend_type.as_str() {
        "" => Cell::new(UNKNOWN, Tone::Dim),
        "client backend" => Cell::new("client", Tone::Dim),
        kind => Cell::from(Untrusted::from(kind).one_line()),
    }
}

fn state(backend: &Backend) -> &'static str {
    match backend.state {
        _ if backend.waits_for_lock() => "lock wait",
        Some(State::Active) => "active",
        Some(State::Idle) => "idle",
        Some(State::IdleInTransaction) => "idle in tx",
        Some(State::IdleInTransactionAborted) => "aborted tx",
        Some(State::Fastpath) => "fastpath",
        Some(State::Disabled) => "disabled",
        None if backend.backend_type == "client backend" => UNKNOWN,
        None => NONE,
    }
}

/// A client that is thought about is no wait that anybody could shorten.
fn wait(backend: &Backend) -> Cell {
    let wait = backend.wait.as_deref().map(|wait| Untrusted::from(wait).one_line());
    let tone = match backend.wait.as_deref() {
        Some("Client:ClientRead") => Tone::Dim,
        _ if backend.waits_for_lock() => Tone::Warn,
        _ => Tone::Plain,
    };
    wait.map_or_else(|| Cell::new(NONE, Tone::Dim), |wait| Cell::new(wait, tone))
}

fn clock(backend: &Backend, what: Age, now: DateTime<Utc>) -> Cell {
    let tone = match backend.state {
        Some(State::Idle) => Tone::Dim,
        _ => Tone::Plain,
    };
    let since = backend.since(what).map(|since| age::clock(now - since));
    since.map_or_else(|| Cell::new(NONE, Tone::Dim), |age| Cell::new(age, tone))
}

fn waits(backend: &Backend, now: DateTime<Utc>) -> Cell {
    let since = backend.since(Age::Wait).map(|since| age::clock(now - since));
    match since {
        Some(age) => Cell::new(age, Tone::Warn),
        None if backend.waits_for_lock() => Cell::new(UNKNOWN, Tone::Warn),
        None => Cell::new(NONE, Tone::Dim),
    }
}

fn written(backend: &Backend) -> Cell {
    match backend.has_written {
        Some(true) => Cell::new("yes", Tone::Strong),
        Some(false) => Cell::new("no", Tone::Dim),
        None if backend.backend_type == "client backend" => Cell::new(UNKNOWN, Tone::Dim),
        None => Cell::new(NONE, Tone::Dim),
    }
}

/// Returns the first two whom it waits for, and how many more there are.
fn blocked_by(backend: &Backend, snapshot: &Snapshot) -> Cell {
    let pids = snapshot.blocking_pids(backend.pid).into_iter().map(|pid| pid.to_string());
    let gids = snapshot.blocking_gids(backend.pid).into_iter().map(Untrusted::one_line);
    let all: Vec<String> = gids.chain(pids).collect();
    match &all[..] {
        [] => Cell::new(NONE, Tone::Dim),
        [one] => Cell::new(one.clone(), Tone::Warn),
        [one, more @ ..] => Cell::new(format!("{one} +{}", more.len()), Tone::Warn),
    }
}
