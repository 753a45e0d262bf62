//! The panel's keys, and why one is off.

use crossterm::event::KeyCode;

use crate::domain::backup::{Backup, Kind, Retention, Tending};
use crate::domain::verify::{Level, rough};
use crate::panels::{Command, Scene, may};
use crate::session::facts::Proof;
use crate::session::pick::{Choice, Choices};
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns the keys, the most important first; `shown` is the backup that is meant.
pub(super) fn bindings(scene: &Scene<'_>, shown: Option<&Backup>) -> Vec<Binding<Command>> {
    let mut all = vec![
        Binding::new(
            Key::char('v'),
            "verify",
            "prove the selected backup, to the level that is picked: decoded in full (L3), or loaded into a scratch server (L4), counted (L5), checked page by page (L6); changes nothing but its manifest's evidence",
            Command::Verify,
        )
        .when(can_verify(scene, shown)),
        super::super::making::binding(scene),
        Binding::new(
            Key::char('x'),
            "prune",
            "plan to remove what the rules of retention no longer keep (asks first)",
            Command::Tend(Tending::Prune),
        )
        .when(possible(scene).and_then(|()| can_prune(scene))),
        pin(scene, shown),
        Binding::new(
            Key::char('a'),
            "adopt",
            "write a manifest for a backup that was found: from then on a change of it is noticed (asks first)",
            Command::Tend(Tending::Adopt),
        )
        .when(possible(scene).and_then(|()| can_adopt(shown))),
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

fn pin(scene: &Scene<'_>, shown: Option<&Backup>) -> Binding<Command> {
    let is_pinned = shown.is_some_and(|backup| backup.retention == Retention::Pinned);
    let (label, tending) =
        if is_pinned { ("unpin", Tending::Unpin) } else { ("pin", Tending::Pin) };
    let help =
        "keep the selected backup whatever the rules say, or let them hold again (asks first)";
    let can = possible(scene).and_then(|()| can_pin(shown));
    Binding::new(Key::char('p'), label, help, Command::Tend(tending)).when(can)
}

/// Returns why nothing can be done to backups now.
fn possible(scene: &Scene<'_>) -> Result<(), Reason> {
    may::plan(scene)?;
    let known = scene.facts.identity.value().map(|_| ());
    known.ok_or_else(|| Reason::new("the server has not answered yet: whose they are is not known"))
}

fn can_prune(scene: &Scene<'_>) -> Result<(), Reason> {
    let known = scene.facts.backups.value();
    let may_go = known.is_some_and(|known| {
        known.backups.iter().any(|backup| backup.retention == Retention::Prunable)
    });
    match may_go {
        true => Ok(()),
        false => Err(Reason::new("the rules of retention keep every backup")),
    }
}

fn can_pin(shown: Option<&Backup>) -> Result<(), Reason> {
    let backup = shown.ok_or_else(|| Reason::new("there is no backup to pin"))?;
    match (backup.kind.is_physical(), backup.registered) {
        (true, _) => Err(Reason::new("its own program keeps it")),
        (_, false) => Err(Reason::new("without a manifest it is never pruned: adopt it first")),
        _ => Ok(()),
    }
}

fn can_adopt(shown: Option<&Backup>) -> Result<(), Reason> {
    let backup = shown.ok_or_else(|| Reason::new("there is no backup to adopt"))?;
    match (backup.kind.is_physical(), backup.registered, backup.complete) {
        (true, ..) => Err(Reason::new("its own program keeps it")),
        (_, true, _) => Err(Reason::new("it has its manifest")),
        (_, _, Some(true)) => Ok(()),
        _ => Err(Reason::new("it is not known to be complete")),
    }
}

fn can_verify(scene: &Scene<'_>, shown: Option<&Backup>) -> Result<(), Reason> {
    let backup = shown.ok_or_else(|| Reason::new("there is no backup to verify"))?;
    if matches!(backup.kind, Kind::Walg | Kind::Managed) {
        return Err(Reason::new("no program proves it: a restore would"));
    }
    match scene.facts.proofs.get(&backup.location) {
        Some(Proof::Running(_)) => Err(Reason::new("it is being verified")),
        _ => Ok(()),
    }
}

/// Returns what the program does that proves a copy of a cluster's files.
fn own(kind: Kind) -> Option<String> {
    let how = match kind {
        Kind::Base => "pg_verifybackup: every file against its sum, and the WAL that it needs",
        Kind::Pgbackrest => "pgbackrest verify: every file of the repository against its sum",
        Kind::Barman => "barman verify-backup: every file against its sum (pg_verifybackup)",
        _ => return None,
    };
    Some(format!("{how}; reads all of it, so it takes as long as it is large"))
}

/// Returns how far a backup can be proven, with what each level proves and takes.
pub(super) fn levels(backup: &Backup) -> Choices {
    let choice = |level: Level| {
        // The time first: a narrow screen cuts the end off.
        let takes = rough(level, backup.size);
        let label = format!("{level}  {takes:<13}  {}", level.proves());
        Choice { value: level.to_string(), label }
    };
    if let Some(label) = own(backup.kind) {
        let value = Level::L3.to_string();
        return Choices { all: vec![Choice { value, label }], missing: None, typed: false };
    }
    let levels = [Level::L3, Level::L4, Level::L5, Level::L6];
    // A scratch server loads a file, and a copy of a cluster's files has no levels.
    let most = if backup.is_here() { levels.len() } else { 1 };
    let all = levels[..most].iter().copied().map(choice).collect();
    Choices { all, missing: None, typed: false }
}
