//! What to do about one migration, in the order in which it is done.

use std::collections::BTreeSet;

use super::{Doing, Ground};
use crate::domain::backup::{Backup, Kind as Form};
use crate::domain::config::Config;
use crate::domain::graph::State;
use crate::domain::loss::Place;
use crate::domain::plan::Direction;
use crate::domain::untrusted::Untrusted;
use crate::tools::status::Entry;

pub(super) fn doing(text: impl Into<String>, command: Option<String>) -> Doing {
    Doing { text: text.into(), command }
}

pub(super) fn steps(entry: &Entry, found: Option<&Backup>, ground: &Ground<'_>) -> Vec<Doing> {
    if entry.state == Some(State::Pending) {
        let mut steps = vec![doing(
            "Before it runs: back up, and let the backup be proven",
            Some("lockkeeper backup".to_owned()),
        )];
        steps.extend(salvage(entry, Direction::Up));
        steps.push(doing(
            "Rehearse it on a copy; then run it alone, with its yes",
            Some("lockkeeper up".to_owned()),
        ));
        steps.push(doing("Write this document anew: it then names that backup", None));
        return steps;
    }
    let mut steps = vec![
        doing("Stop every application instance: what is written from now on is lost", None),
        doing("Run no other migration, and do not run this one's way down again", None),
        doing(call(ground.config), None),
        doing("Keep what is there now, damaged or not", Some("lockkeeper backup".to_owned())),
    ];
    steps.extend(salvage(entry, Direction::Down));
    let Some(backup) = found else {
        steps.push(doing(
            "Go forward: write a migration that mends what can be mended; nothing here brings \
             the lost rows back",
            None,
        ));
        return steps;
    };
    let location = quoted(&backup.location);
    steps.push(doing("Prove the backup", Some(format!("lockkeeper verify {location}"))));
    steps.push(doing(
        "Decide with the evidence on the screen: forward, one table, or all of it",
        Some("lockkeeper rollback".to_owned()),
    ));
    steps.extend(tables(entry, backup, &location));
    steps.extend(restore(backup, &location, ground));
    steps
}

/// Returns the tables that are still there, and of which the way up destroys something, as SQL
/// names them: rows are staged beside a live table only.
fn touched(entry: &Entry) -> BTreeSet<String> {
    let losses = entry.losses.iter().filter(|loss| loss.direction == Direction::Up);
    let places: Vec<&Place> = losses.filter_map(|loss| loss.place.as_ref()).collect();
    let is_gone = |place: &&&Place| places.iter().any(|o| o.gone && o.table == place.table);
    places.iter().filter(|place| !is_gone(place)).map(|place| place.table.quoted()).collect()
}

/// Returns how single tables come back, where that is enough.
fn tables(entry: &Entry, backup: &Backup, location: &str) -> Vec<Doing> {
    if !matches!(backup.kind, Form::Custom | Form::Directory | Form::Plain) {
        return Vec::new();
    }
    let stage = |table: String| {
        let table = quoted(&table);
        [
            doing(
                format!("If the rows of {table} are enough: stage them out of the backup"),
                Some(format!("lockkeeper restore-table stage {table} {location}")),
            ),
            doing(
                "Compare them with the live ones; merge or replace then take the kinds of \
                 difference that you name",
                Some(format!("lockkeeper restore-table diff {table}")),
            ),
        ]
    };
    touched(entry).into_iter().flat_map(stage).collect()
}

/// Returns how what a way is about to destroy is saved right before it.
fn salvage(entry: &Entry, direction: Direction) -> Vec<Doing> {
    let losses = entry.losses.iter().filter(|loss| loss.direction == direction);
    let places = losses.filter_map(|loss| Some((&loss.what, loss.place.as_ref()?)));
    let save = places.map(|(what, place)| {
        let table = quoted(&place.table.quoted());
        let column = place.column.as_ref().map(|column| format!(" --column {}", quoted(column)));
        let command = format!("lockkeeper salvage {table}{}", column.unwrap_or_default());
        doing(
            format!("Save what it destroys ({what}), with the SQL that brings it back"),
            Some(command),
        )
    });
    save.collect()
}

/// Returns how a backup takes the database's place: by our own restore where it can, never over
/// what is there.
fn restore(backup: &Backup, location: &str, ground: &Ground<'_>) -> Vec<Doing> {
    let text = match backup.kind {
        Form::Custom | Form::Directory | Form::Plain => {
            return vec![
                doing(
                    "If all of it has to come back: load it into a new database beside the live \
                     one, count it, and swap the names; each act has its plan and its yes",
                    Some(format!("lockkeeper restore {location}")),
                ),
                doing(
                    "If the swap was wrong: swap the names back; what was written since stays \
                     behind",
                    Some("lockkeeper restore --undo".to_owned()),
                ),
            ];
        }
        Form::Tar => return by_hand(location, ground),
        Form::Managed => {
            "It is its provider's: restore it to another instance, by the provider's own means, \
             and take the database from there"
        }
        Form::Base | Form::Pgbackrest | Form::Barman | Form::Walg => {
            "It is of the whole cluster: restore it to another directory or host, by its own \
             tool, and take the database from there"
        }
    };
    vec![doing(text, None)]
}

/// Returns how a tar archive is restored, which `lockkeeper restore` refuses: of one that was
/// cut, `pg_restore` never comes to an end.
fn by_hand(location: &str, ground: &Ground<'_>) -> Vec<Doing> {
    let name = ground.identity.map_or("DATABASE", |found| found.database.as_str());
    let beside = quoted(&format!("{name}_restored"));
    vec![
        doing(
            "It is a tar archive, which is restored by hand: into a new database, never into \
             this one",
            Some(format!("createdb --template template0 {beside}")),
        ),
        doing(
            "Load it; the first error ends it",
            Some(format!("pg_restore --exit-on-error --dbname {beside} {location}")),
        ),
        doing("Gather statistics", Some(format!("vacuumdb --analyze-only --dbname {beside}"))),
        doing(
            "Check it as below; then swap the names while no application is connected, and keep \
             the old database",
            None,
        ),
    ]
}

fn call(config: &Config) -> String {
    match config.people().first() {
        Some(first) => format!("Call {first}"),
        None => "Call whoever answers for this database: the configuration names nobody".to_owned(),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,%".contains(c);
    let shown = Untrusted::from(word).one_line();
    if !shown.is_empty() && !shown.starts_with('-') && shown.chars().all(plain) {
        shown
    } else {
        format!("'{}'", shown.replace('\'', "'\\''"))
    }
}
