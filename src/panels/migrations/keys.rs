//! The panel's keys, and why one is off.

use crossterm::event::KeyCode;

use crate::domain::graph::State;
use crate::domain::plan::Direction;
use crate::panels::{Command, Scene, may};
use crate::session::facts::Migrations;
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns the keys, the most important first; `direction` is the way that is shown.
pub(super) fn bindings(scene: &Scene<'_>, direction: Direction) -> Vec<Binding<Command>> {
    let other = match direction {
        Direction::Up => "way down",
        Direction::Down => "way up",
    };
    vec![
        Binding::new(
            Key::char('u'),
            "up one",
            "plan the next migration, and ask before it runs",
            Command::Up,
        )
        .when(can(scene, Direction::Up)),
        Binding::new(
            Key::char('D'),
            "down one",
            "plan to take the last migration back, and ask before it runs",
            Command::Down,
        )
        .when(can(scene, Direction::Down)),
        Binding::new(
            Key::char('x'),
            "mend",
            "drop the invalid index, or clear the tool's mark, that is named on top (asks first)",
            Command::Mend,
        )
        .when(mendable(scene)),
        super::rehearsal::binding(scene),
        super::super::migrating::binding(scene),
        super::super::making::binding(scene),
        Binding::new(
            Key::char('d'),
            other,
            "show the SQL of the other direction",
            Command::Direction,
        ),
        Binding::new(
            Key::char('n'),
            "count",
            "count the rows that this way would lose, or that would refuse it: read-only, never behind a lock",
            Command::Count,
        )
        .when(read(scene)),
        Binding::new(
            Key::code(KeyCode::Enter),
            "detail",
            "show everything about the migration, or the list again",
            Command::Open,
        ),
        Binding::new(
            Key::char('c'),
            "cancel",
            "cancel the statement of the act that runs",
            Command::CancelAct,
        )
        .when(runs(scene)),
    ]
}

fn mendable(scene: &Scene<'_>) -> Result<(), Reason> {
    may::change(scene)?;
    let left = super::list::mend(scene);
    left.map(|_| ()).ok_or_else(|| Reason::new("no invalid index and no mark of a tool is left"))
}

fn read(scene: &Scene<'_>) -> Result<(), Reason> {
    match scene.facts.project.value() {
        Some(known) if known.project.connected => Ok(()),
        Some(_) => Err(Reason::new("the database cannot be asked")),
        None => Err(Reason::new("the migrations are not read")),
    }
}

fn runs(scene: &Scene<'_>) -> Result<(), Reason> {
    scene.session.job().map(|_| ()).ok_or_else(|| Reason::new("nothing of ours is running"))
}

/// Returns why no migration can be asked for that way now.
fn can(scene: &Scene<'_>, direction: Direction) -> Result<(), Reason> {
    may::change(scene)?;
    let known = connected(scene)?;
    match direction {
        Direction::Up => pending(known),
        Direction::Down => applied(known),
    }
}

/// Returns the migrations, with what the database has of them.
pub(super) fn connected<'a>(scene: &Scene<'a>) -> Result<&'a Migrations, Reason> {
    let known = scene.facts.project.value();
    let known = known.ok_or_else(|| Reason::new("the migrations are not read"))?;
    match known.project.connected {
        true => Ok(known),
        false => Err(Reason::new("what the database has cannot be read")),
    }
}

pub(super) fn pending(known: &Migrations) -> Result<(), Reason> {
    let next = known.project.graph.pending().next();
    next.map(|_| ()).ok_or_else(|| Reason::new("nothing is pending"))
}

fn applied(known: &Migrations) -> Result<(), Reason> {
    let last = known.project.graph.applied().next_back();
    let last = last.ok_or_else(|| Reason::new("nothing is applied"))?;
    let migration = known.project.migration(&last.id);
    match migration {
        _ if last.state != State::Applied => {
            Err(Reason::new(format!("{} has to be mended first", last.id)))
        }
        Some(migration) if migration.down.is_none() => Err(Reason::new(format!(
            "{} has no way down: restore, or go forward with a new migration",
            last.id
        ))),
        _ => Ok(()),
    }
}
