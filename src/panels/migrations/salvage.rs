//! What the shown migration destroys, saved before it does.

use crate::domain::change::quote;
use crate::domain::plan::Direction;
use crate::panels::{Ask, Command, Scene};
use crate::session::effect::Request;
use crate::session::salvaging::Job;
use crate::ui::bindings::{Binding, Key, Reason};

/// Returns `S`; `shown` is the migration that is meant, on the way that is shown.
pub(super) fn binding(
    scene: &Scene<'_>,
    shown: Option<&str>,
    direction: Direction,
) -> Binding<Command> {
    let help = "save a column or table that the shown migration destroys, with the SQL that brings it back (asks first)";
    let possible = if let Some(why) = scene.session.unrecorded() {
        Err(Reason::new(format!("nothing can be recorded: {why}")))
    } else if let Some(job) = scene.session.job() {
        Err(Reason::new(format!("{} is running", job.plan.preview.title)))
    } else if offers(scene, shown, direction).is_empty() {
        Err(Reason::new("no column and no table is lost that way"))
    } else {
        Ok(())
    };
    Binding::new(Key::char('S'), "salvage", help, Command::Salvage).when(possible)
}

/// Asks which of it is saved; of one thing there is nothing to ask.
pub(super) fn ask(scene: &Scene<'_>, shown: Option<&str>, direction: Direction) -> Ask {
    let mut offers = offers(scene, shown, direction);
    match offers.len() {
        0 => Ask::Nothing,
        1 => Ask::Plan(offers.remove(0).1),
        _ => Ask::Which("What is saved first?".to_owned(), offers),
    }
}

fn offers(scene: &Scene<'_>, shown: Option<&str>, direction: Direction) -> Vec<(String, Request)> {
    let facts = scene.facts;
    let found = (facts.project.value(), facts.identity.value(), &facts.backup_directory);
    let (Some(known), Some(identity), Some(directory)) = found else { return Vec::new() };
    let entry = known.status.migrations.iter().find(|entry| Some(entry.id.as_str()) == shown);
    let losses = entry.into_iter().flat_map(|entry| &entry.losses);
    let offer = |what: &str| {
        let (table, column) = doomed(what)?;
        let job = Job {
            table,
            column,
            directory: directory.clone(),
            system: identity.system_identifier.clone(),
            oid: identity.database_oid,
        };
        Some((what.to_owned(), job.request()))
    };
    losses.filter(|loss| loss.direction == direction).filter_map(|loss| offer(&loss.what)).collect()
}

/// Returns the table as SQL names it, and the column, of what a loss calls `column users.name` or
/// `table users`.
fn doomed(what: &str) -> Option<(String, Option<String>)> {
    let quoted = |name: &str| name.split('.').map(quote).collect::<Vec<_>>().join(".");
    if let Some(table) = what.strip_prefix("table ") {
        return Some((quoted(table), None));
    }
    let (table, column) = what.strip_prefix("column ")?.rsplit_once('.')?;
    Some((quoted(table), Some(column.to_owned())))
}
