//! What the maintenance windows of policy say of a way up.

use super::Ground;
use crate::domain::age;
use crate::domain::identity::Class;
use crate::domain::window;
use crate::session::facts::Migrations;

/// Returns until when a migration may run, where policy has windows and the target has users.
/// Nothing is refused by it: what speaks against a beginning is told, and asked about once more.
///
/// # Errors
/// Why it should not begin now: no window is open, or it may last longer than the one that is.
pub(super) fn until(
    id: &str,
    known: &Migrations,
    ground: &Ground<'_>,
) -> Result<Option<String>, String> {
    let windows = &ground.policy.windows;
    if windows.is_empty() || ground.class != Class::Production {
        return Ok(None);
    }
    let now = ground.now().ok_or("cannot tell whether a maintenance window is open")?;
    let Some(end) = window::open_until(windows, now) else {
        let next = window::opens(windows, now).map(|at| window::moment(at, now));
        let next = next.map_or("none is to come".to_owned(), |at| format!("the next opens {at}"));
        return Err(format!("no maintenance window is open: {next}"));
    };
    let closes = window::moment(end, now);
    match known.rehearsed.as_ref().and_then(|standing| standing.at_most(id)) {
        Some(most) if most > end.to_utc() - now => Err(format!(
            "it may take up to {}, as rehearsed, and the maintenance window closes {closes}",
            age::clock(most)
        )),
        Some(_) => Ok(Some(format!("the maintenance window is open until {closes}"))),
        None => Ok(Some(format!(
            "the maintenance window is open until {closes}; whether it ends before that is not \
             known"
        ))),
    }
}
