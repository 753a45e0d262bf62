//! What the maintenance windows of policy say of a way up.

use chrono::{DateTime, Utc};

use super::Ground;
use crate::domain::age;
use crate::domain::window;
use crate::session::facts::Migrations;

/// Returns until when a migration may run, where policy has windows.
///
/// # Errors
/// Why it should not begin now: no window is open, or it may last longer than the one that is.
pub(super) fn until(
    id: &str,
    known: &Migrations,
    ground: &Ground<'_>,
) -> Result<Option<String>, String> {
    let windows = &ground.policy.windows;
    if windows.is_empty() {
        return Ok(None);
    }
    let now = clock(ground).ok_or("cannot tell whether a maintenance window is open")?;
    let Some(end) = window::open_until(windows, now) else {
        let next = window::opens(windows, now).map(|at| window::moment(at, now));
        let next = next.map_or("none is to come".to_owned(), |at| format!("the next opens {at}"));
        return Err(format!("no maintenance window is open: {next}"));
    };
    let closes = window::moment(end, now);
    match known.rehearsed.as_ref().and_then(|standing| standing.at_most(id)) {
        Some(most) if now + most > end.to_utc() => Err(format!(
            "it may take up to {}, as rehearsed, and the maintenance window closes {closes}",
            age::clock(most)
        )),
        _ => Ok(Some(format!("the maintenance window is open until {closes}"))),
    }
}

/// The server's clock: ours may be that of a laptop.
fn clock(ground: &Ground<'_>) -> Option<DateTime<Utc>> {
    ground.snapshot.map(|snapshot| snapshot.taken_at)
}
