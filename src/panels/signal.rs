//! The two keys that end what another session does, and why they are off.

use super::{Ask, Command};
use crate::domain::activity::Backend;
use crate::domain::signal::{self, Kind};
use crate::session::effect::Request;
use crate::session::facts::Facts;
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns `c` and `t` for `backend`, or for nobody, and why.
pub(super) fn bindings(backend: &Result<&Backend, Reason>, facts: &Facts) -> [Binding<Command>; 2] {
    let enabled = |kind| {
        let backend = backend.as_ref().map_err(Reason::clone)?;
        allowed(backend, kind, facts)
    };
    [
        Binding::new(
            Key::char('c'),
            "cancel",
            "cancel the session's statement (asks first)",
            Command::CancelBackend,
        )
        .when(enabled(Kind::Cancel)),
        Binding::new(
            Key::char('t'),
            "terminate",
            "end the session; its transaction is rolled back (asks first)",
            Command::TerminateBackend,
        )
        .when(enabled(Kind::Terminate)),
    ]
}

/// Returns why a signal is not offered.
///
/// # Errors
/// The reason, from what the domain knows of signals.
pub(super) fn allowed(backend: &Backend, kind: Kind, facts: &Facts) -> Result<(), Reason> {
    if facts.mismatch.is_some() {
        return Err(Reason::new("this is not the pinned target: nothing may run"));
    }
    let possible = signal::advice(backend, kind).possible;
    possible.map_err(|refused| Reason::new(format!("pid {}: {}", backend.pid, refused.text())))
}

/// Returns the request for a signal; nothing without somebody to send it to.
pub(super) fn ask(backend: Option<&Backend>, kind: Kind) -> Ask {
    backend.map_or(Ask::Nothing, |backend| {
        Ask::Plan(Request::Signal { backend: backend.key(), signal: kind })
    })
}
