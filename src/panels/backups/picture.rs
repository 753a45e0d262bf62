//! The picture: how old the backups are against how far they are proven.

use chrono::TimeDelta;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::domain::age;
use crate::domain::backup::{Backup, Inventory};
use crate::domain::evidence::Level;
use crate::panels::Scene;
use crate::ui::theme::{Theme, Tone, symbol};

/// Rows that it takes.
pub(super) const HEIGHT: u16 = 8;
/// Cells that it takes.
pub(super) const WIDTH: u16 = 66;

/// Cells before the first column.
const LABEL: u16 = 14;
/// Cells of a column.
const COLUMN: u16 = 7;
/// The columns' ends, as parts of the age up to which a backup is recent: what lies in the
/// third one is still recent.
const ENDS: [(i32, i32); 5] = [(1, 24), (1, 4), (1, 1), (3, 1), (7, 1)];
/// The last column that is recent.
const RECENT: usize = 2;
/// The column of what is older than all ends, and the one of what nobody knows.
const OLDER: usize = ENDS.len();
const UNKNOWN: usize = OLDER + 1;

/// How far a backup is proven, the furthest first.
const ROWS: [(&str, Option<Level>); 5] = [
    ("restored  L4+", Some(Level::L4)),
    ("decoded   L3", Some(Level::L3)),
    ("complete  L2", Some(Level::L2)),
    ("less", None),
    ("bad", None),
];

/// Paints it; `shown` is the backup whose place is marked.
pub(super) fn view(
    scene: &Scene<'_>,
    shown: Option<&Backup>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let area = area.intersection(buf.area);
    if area.width < WIDTH || area.height < HEIGHT {
        return;
    }
    let Some(inventory) = scene.facts.backups.value() else { return };
    heads(inventory, theme, area, buf);
    let placed: Vec<(&Backup, (usize, usize))> =
        inventory.backups.iter().map(|one| (one, place(one, scene, inventory))).collect();
    let shown = shown.map(|shown| place(shown, scene, inventory));
    for (row, (label, level)) in ROWS.iter().enumerate() {
        let y = area.y + 1 + u16::try_from(row).unwrap_or(0);
        let asked = if *level == Some(inventory.required) { "▸" } else { " " };
        buf.set_stringn(area.x, y, format!("{asked}{label}"), 14, theme.style(Tone::Dim));
        for column in 0..=UNKNOWN {
            let place = (column, row);
            let there: Vec<&Backup> =
                placed.iter().filter(|(_, at)| *at == place).map(|(one, _)| *one).collect();
            cell(&there, place, shown == Some(place), theme, (left(area, column), y), buf);
        }
    }
    let y = area.y + 1 + u16::try_from(ROWS.len()).unwrap_or(0);
    let legend = format!(
        " ▸ asked for: {}, younger than {}; a number counts several",
        inventory.required, inventory.max_age
    );
    buf.set_stringn(area.x, y, legend, usize::from(area.width), theme.style(Tone::Dim));
}

fn left(area: Rect, column: usize) -> u16 {
    area.x + LABEL + COLUMN * u16::try_from(column).unwrap_or(0)
}

fn heads(inventory: &Inventory, theme: Theme, area: Rect, buf: &mut Buffer) {
    let dim = theme.style(Tone::Dim);
    buf.set_stringn(area.x, area.y, " younger than", usize::from(LABEL), dim);
    for column in 0..=UNKNOWN {
        let text = match ENDS.get(column) {
            Some(part) => age::rough(end(inventory, *part)),
            None if column == OLDER => "older".to_owned(),
            None => "age ?".to_owned(),
        };
        let text = format!("{text:>6}");
        buf.set_stringn(left(area, column), area.y, text, usize::from(COLUMN), dim);
    }
}

/// Paints how many backups are there: their mark, their number if they are several.
fn cell(
    there: &[&Backup],
    (column, row): (usize, usize),
    is_shown: bool,
    theme: Theme,
    (x, y): (u16, u16),
    buf: &mut Buffer,
) {
    let tone = match there {
        [] => Tone::Dim,
        _ if row + 1 == ROWS.len() => Tone::Alarm,
        _ if row < 2 && column <= RECENT => Tone::Ok,
        _ => Tone::Warn,
    };
    let mark = match there {
        [] => "·".to_owned(),
        [_] if tone == Tone::Alarm => symbol::BAD.to_owned(),
        [_] => symbol::ON.to_owned(),
        several => several.len().to_string(),
    };
    let style =
        if is_shown { theme.style(tone).patch(theme.selected()) } else { theme.style(tone) };
    let wide = format!("{mark:>3}");
    let at = x + COLUMN - 1 - u16::try_from(wide.chars().count()).unwrap_or(3);
    buf.set_stringn(at, y, wide, usize::from(COLUMN), style);
    if column == RECENT + 1 {
        buf.set_stringn(x, y, "│", 1, theme.style(Tone::Dim));
    }
}

/// Returns column and row of a backup.
fn place(backup: &Backup, scene: &Scene<'_>, inventory: &Inventory) -> (usize, usize) {
    let column = match backup.age(scene.facts.now) {
        None => UNKNOWN,
        Some(old) => ENDS.iter().position(|part| old <= end(inventory, *part)).unwrap_or(OLDER),
    };
    let level = backup.level();
    let row = match () {
        () if backup.is_bad() => 4,
        () if level >= Some(Level::L4) => 0,
        () if backup.is_proven() => 1,
        () if level >= Some(Level::L2) => 2,
        () if backup.kind.is_physical() && backup.complete == Some(true) => 2,
        () => 3,
    };
    (column, row)
}

fn end(inventory: &Inventory, (times, of): (i32, i32)) -> TimeDelta {
    let recent = TimeDelta::from_std(inventory.max_age.duration()).unwrap_or(TimeDelta::MAX);
    recent.checked_mul(times).map_or(TimeDelta::MAX, |all| all / of)
}
