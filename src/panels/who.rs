//! What a session is called and what it is at, in the few words that fit into a list.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::activity::{Age, Backend, State};
use crate::domain::age;
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::session::facts::Facts;
use crate::ui::theme::{Tone, symbol};

/// The backends of one snapshot by pid: forests name hundreds of them.
pub(super) struct Sessions<'a>(HashMap<i32, &'a Backend>);

impl<'a> Sessions<'a> {
    /// Returns the backends of `snapshot`.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self(snapshot.backends.iter().map(|backend| (backend.pid, backend)).collect())
    }

    /// Returns the backend with this pid, if the snapshot has it.
    pub fn get(&self, pid: i32) -> Option<&'a Backend> {
        self.0.get(&pid).copied()
    }
}

/// Returns `application@user`, as much of it as is known, `◆` before our own; for a
/// process without either its kind.
pub(super) fn name(backend: &Backend) -> String {
    let user = backend.user.as_ref().map(Untrusted::one_line).filter(|user| !user.is_empty());
    let application = Some(backend.application.one_line()).filter(|name| !name.is_empty());
    let name = match (application, user) {
        (Some(application), _) if backend.ours => {
            application.strip_prefix("lockkeeper/").unwrap_or(&application).to_owned()
        }
        (Some(application), Some(user)) if application != user => format!("{application}@{user}"),
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) => Untrusted::from(backend.backend_type.as_str()).one_line(),
    };
    if backend.ours { format!("{} {name}", symbol::OURS) } else { name }
}

/// Returns what it does and for how long: `idle in transaction 4 min`.
pub(super) fn state(backend: &Backend, now: DateTime<Utc>) -> String {
    let Some(state) = backend.state else { return "state not visible".to_owned() };
    let age = if state == State::Active { Age::Query } else { Age::State };
    match backend.since(age) {
        Some(since) => format!("{} {}", state.word(), age::rough(now - since)),
        None => state.word().to_owned(),
    }
}

/// Returns what its state means to others: idle in a transaction holds them up.
pub(super) fn tone(backend: &Backend) -> Tone {
    match backend.state {
        _ if backend.waits_for_lock() => Tone::Warn,
        Some(state) if state.is_idle_in_transaction() => Tone::Warn,
        Some(State::Idle) => Tone::Dim,
        _ => Tone::Plain,
    }
}

/// Returns how old the shown refresh is, once it should have been replaced.
pub(super) fn staleness(facts: &Facts) -> Option<String> {
    facts.stale().map(|age| format!("as it was {} ago", age::clock(age)))
}

/// Returns why there is nothing to see yet.
pub(super) fn nothing_yet(facts: &Facts) -> String {
    let error = facts.snapshot.error().or(facts.identity.error());
    match error {
        Some(error) => {
            let error = Untrusted::from(error).one_line();
            format!("no data yet: {error}; it is tried again by itself")
        }
        None => "connecting…".to_owned(),
    }
}
