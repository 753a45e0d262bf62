//! The panel's keys, and why one is off.

use crossterm::event::KeyCode;

use crate::domain::backup::Backup;
use crate::domain::verify::{Level, estimated};
use crate::panels::{Command, Scene};
use crate::session::facts::Proof;
use crate::session::pick::{Choice, Choices};
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns the keys, the most important first; `shown` is the backup that is meant.
pub(super) fn bindings(scene: &Scene<'_>, shown: Option<&Backup>) -> Vec<Binding<Command>> {
    vec![
        Binding::new(
            Key::char('v'),
            "verify",
            "prove the selected backup, to the level that is picked: decoded in full (L3), or loaded into a scratch server (L4), counted (L5), checked page by page (L6); changes nothing but its manifest's evidence",
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
    ]
}

fn can_verify(scene: &Scene<'_>, shown: Option<&Backup>) -> Result<(), Reason> {
    let backup = shown.ok_or_else(|| Reason::new("there is no backup to verify"))?;
    match scene.facts.proofs.get(&backup.location) {
        Some(Proof::Running(_)) => Err(Reason::new("it is being verified")),
        _ => Ok(()),
    }
}

/// Returns how far a backup can be proven, with what each level proves and takes.
pub(super) fn levels(backup: &Backup) -> Choices {
    let choice = |level: Level| {
        let takes = estimated(level, backup.size);
        let label = format!("{level}  {}: {takes}", level.proves());
        Choice { value: level.to_string(), label }
    };
    let all = [Level::L3, Level::L4, Level::L5, Level::L6].map(choice).into();
    Choices { all, missing: None, typed: false }
}
