//! The backups, the one that one would restore first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::backup::Backup;
use crate::domain::untrusted::Untrusted;
use crate::panels::{Scene, size};
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::table::{self, Cell, Column, Table};

use super::standing;

/// Returns the locations that the filter leaves, in their order.
pub(super) fn keys(scene: &Scene<'_>) -> Vec<String> {
    let Some(inventory) = scene.facts.backups.value() else { return Vec::new() };
    let filter = scene.filter.to_lowercase();
    let fits = |backup: &&Backup| {
        let database = backup.database.as_ref().map_or("", Untrusted::raw);
        let texts = [backup.location.as_str(), database, backup.kind.word()];
        texts.iter().any(|text| text.to_lowercase().contains(&filter))
    };
    inventory.backups.iter().filter(fits).map(|backup| backup.location.clone()).collect()
}

const COLUMNS: [Column; 11] = [
    Column::text("", 1, 0),
    Column::text("worth", 10, 0),
    Column::number("age", 8, 0),
    Column::text("levels", 11, 3),
    Column::text("at", 7, 1).growing(1),
    Column::text("leads back", 20, 2).growing(2),
    Column::number("size", 9, 4),
    Column::text("kind", 10, 5),
    Column::text("stays", 6, 6),
    Column::text("database", 8, 7).growing(1),
    Column::text("file", 14, 0).growing(3),
];

/// Paints the rows that are seen.
pub(super) fn rows(
    scene: &Scene<'_>,
    keys: &[String],
    state: &table::State<String>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let row = |at: usize| {
        let inventory = scene.facts.backups.value();
        let backup = inventory.and_then(|inventory| inventory.at(&keys[at]));
        backup.map(|backup| row(backup, scene)).unwrap_or_default()
    };
    let empty = if scene.filter.is_empty() { "no backup was found" } else { "no backup fits" };
    table::render(&Table { columns: &COLUMNS, keys, row: &row, empty }, state, theme, area, buf);
}

fn row(backup: &Backup, scene: &Scene<'_>) -> Vec<Cell> {
    let facts = scene.facts;
    let (mark, word, tone) = standing::worth(backup, facts);
    let (back, back_tone) = standing::back(backup, facts.project.value());
    let is_other = facts.identity.value().is_some_and(|id| backup.is_of(id) == Some(false));
    let none = if backup.kind.is_physical() { "cluster" } else { "?" };
    let database = backup.database.as_ref().map_or_else(|| none.to_owned(), Untrusted::one_line);
    let age = standing::age(backup, facts.now);
    vec![
        Cell::new(mark, tone),
        Cell::new(word, tone),
        Cell::new(age, if backup.snapshot_started_at.is_none() { Tone::Warn } else { Tone::Plain }),
        standing::levels(backup).into(),
        standing::revision(backup).into(),
        Cell::new(back, back_tone),
        bytes(backup).into(),
        backup.kind.word().into(),
        standing::stays(backup),
        Cell::new(database, if is_other { Tone::Warn } else { Tone::Plain }),
        standing::shown(name(backup)).into(),
    ]
}

/// Returns the last part of where it lies.
fn name(backup: &Backup) -> &str {
    backup.location.rsplit('/').next().unwrap_or(&backup.location)
}

/// Returns how large it is.
pub(super) fn bytes(backup: &Backup) -> String {
    let size = backup.size.map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    size.map_or_else(|| "?".to_owned(), size::bytes)
}
