//! The panel's keys, and why one is off.

use crossterm::event::KeyCode;

use crate::domain::backup::Backup;
use crate::panels::{Command, Scene};
use crate::session::facts::Proof;
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns the keys, the most important first; `shown` is the backup that is meant.
pub(super) fn bindings(scene: &Scene<'_>, shown: Option<&Backup>) -> Vec<Binding<Command>> {
    let mut all = vec![
        Binding::new(
            Key::char('v'),
            "verify",
            "decode all of the selected backup and count its rows (L0 to L3): some seconds per 100 MB; changes nothing but its manifest's evidence",
            Command::Verify,
        )
        .when(can_verify(scene, shown)),
        super::super::making::binding(scene),
        Binding::new(
            Key::code(KeyCode::Enter),
            "detail",
            "show everything about the backup, or the list again",
            Command::Open,
        )
        .when(shown.map(|_| ()).ok_or_else(|| Reason::new("there is no backup to show"))),
        Binding::new(
            Key::char('r'),
            "read anew",
            "look for backups again; what has not changed is not read again",
            Command::Refresh,
        ),
    ];
    let at = 2;
    all.splice(at..at, super::super::restoring::bindings(scene, shown));
    all
}

fn can_verify(scene: &Scene<'_>, shown: Option<&Backup>) -> Result<(), Reason> {
    let backup = shown.ok_or_else(|| Reason::new("there is no backup to verify"))?;
    match scene.facts.proofs.get(&backup.location) {
        Some(Proof::Running(_)) => Err(Reason::new("it is being verified")),
        _ => Ok(()),
    }
}
