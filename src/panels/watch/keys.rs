//! What can be done from here, and why not.

use super::super::signal::allowed;
use super::super::{Command, Scene, may, migrating, way_back};
use super::block::{Block, Piece, Row};
use crate::domain::activity::Backend;
use crate::domain::locks;
use crate::domain::signal::Kind;
use crate::domain::verdict::Level;
use crate::session::facts::Facts;
use crate::ui::bindings::{Binding, Key, Reason};
use crate::ui::theme::Tone;

/// Returns the keys, those that resolve what is wrong first.
pub(super) fn bindings(scene: &Scene<'_>) -> Vec<Binding<Command>> {
    let mut keys = vec![
        Binding::new(Key::char('l'), "look", "look at the lock tree", Command::Follow)
            .when(anything_waits(scene.facts)),
        Binding::new(
            Key::char('c'),
            "cancel ours",
            "cancel our own running attempt",
            Command::CancelAct,
        )
        .when(cancellable(scene)),
        Binding::new(
            Key::char('t'),
            "end culprit",
            "end the session that the verdict names (asks first)",
            Command::TerminateBackend,
        )
        .when(culprit(scene).map(|_| ())),
        Binding::new(Key::char('u'), "up", "the next migration (asks first)", Command::Up)
            .when(migratable(scene)),
        migrating::binding(scene),
        super::super::making::binding(scene),
    ];
    keys.extend(Some(way_back::aside(scene)).filter(|aside| aside.enabled.is_ok()));
    keys
}

fn anything_waits(facts: &Facts) -> Result<(), Reason> {
    let snapshot = facts.snapshot.value().ok_or(Reason::new("nothing was read yet"))?;
    let waits = !snapshot.forest.nodes.is_empty();
    waits.then_some(()).ok_or(Reason::new("nobody waits for a lock"))
}

fn cancellable(scene: &Scene<'_>) -> Result<(), Reason> {
    let job = scene.session.job().ok_or(Reason::new("nothing of ours is running"))?;
    match job.stop {
        None => Ok(()),
        Some(_) => Err(Reason::new("it was asked to stop already")),
    }
}

/// Returns the session whose end would resolve what the verdict says.
///
/// # Errors
/// Why there is none that could be ended from here.
pub(super) fn culprit<'a>(scene: &Scene<'a>) -> Result<&'a Backend, Reason> {
    let nobody =
        || Reason::new("nobody stands in anybody's way; 2 lists all, and t there ends one");
    let verdict = scene.facts.verdict.as_ref().ok_or_else(nobody)?;
    let snapshot = scene.facts.snapshot.value().ok_or_else(nobody)?;
    let Some(first) = verdict.culprits.first() else {
        let backend = until_next_attempt(scene).ok_or_else(nobody)?;
        return allowed(backend, Kind::Terminate, scene.facts).map(|()| backend);
    };
    let pid = match first {
        locks::Id::Session(pid) => *pid,
        locks::Id::Prepared(_) => {
            return Err(Reason::new(
                "a prepared transaction has no session: only COMMIT PREPARED or ROLLBACK PREPARED \
                 ends it",
            ));
        }
        locks::Id::Cycle(_) => {
            return Err(Reason::new("they wait for each other: choose one in Locks (l)"));
        }
    };
    let backend = snapshot.backend(pid).ok_or(Reason::new("the session has ended"))?;
    if backend.ours {
        return Err(Reason::new("it is our own: c cancels it"));
    }
    allowed(backend, Kind::Terminate, scene.facts).map(|()| backend)
}

/// Returns who stood in the way of our last attempt, while the next is waited for.
pub(super) fn until_next_attempt<'a>(scene: &Scene<'a>) -> Option<&'a Backend> {
    scene.session.job()?.retry_due()?;
    let key = scene.facts.named?;
    let snapshot = scene.facts.snapshot.value()?;
    snapshot.backends.iter().find(|backend| backend.key() == key)
}

fn migratable(scene: &Scene<'_>) -> Result<(), Reason> {
    may::begin(scene)?;
    let project = &scene.facts.project;
    let Some(migrations) = project.value() else {
        let why = if project.error().is_some() { "cannot be read" } else { "are not read yet" };
        return Err(Reason::new(format!("the migrations {why}")));
    };
    match migrations.status.pending.as_deref() {
        None => Err(Reason::new("what the database has is not known")),
        Some([]) => Err(Reason::new("nothing is pending")),
        Some(_) => Ok(()),
    }
}

/// Returns the ways out of what is wrong, right below it; where a trigger fires also the way
/// back, with the reason for it.
pub(super) fn block(scene: &Scene<'_>) -> Option<Block> {
    let verdict = scene.facts.verdict.as_ref()?;
    if verdict.level == Level::Ok {
        return None;
    }
    let ways: Vec<(Key, String)> = bindings(scene)
        .into_iter()
        .filter(|binding| binding.enabled.is_ok())
        .filter_map(|binding| Some((binding.key, way(&binding.command, scene)?)))
        .collect();
    let mut lines: Vec<Row> = (!ways.is_empty()).then(|| line(&ways)).into_iter().collect();
    lines.extend(back(scene));
    (!lines.is_empty()).then(|| Block::new("", lines, 2).close())
}

/// Returns the way back that the triggers offer.
fn back(scene: &Scene<'_>) -> Option<Row> {
    let (_, why) = scene.facts.offer()?;
    let binding = way_back::binding(scene.session);
    let (tone, told) = match &binding.enabled {
        Ok(()) => (Tone::Accent, format!(" open the rollback tree: {why}")),
        Err(off) => (Tone::Dim, format!(" is offered: {why} (off: {off})")),
    };
    let aside = way_back::aside(scene).key.to_string();
    Some(Row::Cut(vec![
        (aside, Tone::Accent),
        (" puts it aside   ".to_owned(), Tone::Plain),
        (binding.key.to_string(), tone),
        (told, Tone::Plain),
    ]))
}

/// Returns a line of keys with what each does.
pub(super) fn line(ways: &[(Key, String)]) -> Row {
    let mut pieces: Vec<Piece> = Vec::new();
    for (key, way) in ways {
        let gap = if pieces.is_empty() { "" } else { "   " };
        pieces.push((gap.to_owned(), Tone::Plain));
        pieces.push((key.to_string(), Tone::Accent));
        pieces.push((format!(" {way}"), Tone::Plain));
    }
    Row::Cut(pieces)
}

fn way(command: &Command, scene: &Scene<'_>) -> Option<String> {
    match command {
        Command::Follow => Some("look at the tree".to_owned()),
        Command::CancelAct => Some("cancel ours".to_owned()),
        Command::TerminateBackend => {
            culprit(scene).ok().map(|backend| format!("end pid {} (asks first)", backend.pid))
        }
        _ => None,
    }
}
