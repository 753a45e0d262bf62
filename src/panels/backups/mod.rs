//! The panel Backups: what there is to restore, how old it is, where it leads back to, and
//! how far it is proven.

mod detail;
mod keys;
mod list;
mod picture;
mod standing;
mod verdict;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Ask, Command, Panel, Scene, Step};
use crate::domain::backup::{Backup, Tending};
use crate::session::effect::Request;
use crate::ui::bindings::Binding;
use crate::ui::theme::Theme;
use crate::ui::widgets::table;

/// Below this height the detail is only seen when it is opened.
const HIGH: u16 = 14;

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Backups {
    table: table::State<String>,
    /// First row of the opened detail.
    offset: usize,
    open: bool,
}

impl Panel for Backups {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        let keys = list::keys(scene);
        keys::bindings(scene, self.shown(scene, &keys))
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        let keys = list::keys(scene);
        match command {
            Command::Go(step) if self.open => self.scroll(*step),
            Command::Go(step) => self.go(*step, &keys),
            Command::Open => {
                self.open = !self.open;
                self.offset = 0;
            }
            Command::Backup => return super::making::ask(),
            Command::Tend(tending) => {
                let shown = self.shown(scene, &keys).map(|backup| backup.location.clone());
                let backup = shown.filter(|_| *tending != Tending::Prune);
                return Ask::Plan(Request::Tend { tending: *tending, backup });
            }
            Command::Verify => {
                if let Some(backup) = self.shown(scene, &keys) {
                    return Ask::Prove(backup.location.clone(), keys::levels(backup));
                }
            }
            command => {
                let shown = self.shown(scene, &keys);
                return super::restoring::ask(command, scene, shown).unwrap_or(Ask::Nothing);
            }
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let below = verdict::head(scene, theme, area, buf);
        let keys = list::keys(scene);
        if scene.facts.backups.value().is_none() {
            return;
        }
        let (above, rest) = self.split(below, keys.len());
        if !above.is_empty() {
            list::rows(scene, &keys, &self.table, theme, above, buf);
        }
        let shown = self.shown(scene, &keys);
        let rest = paint(scene, shown, theme, rest, buf);
        if let Some(backup) = shown {
            detail::view(backup, scene, self.offset, theme, rest, buf);
        }
    }
}

/// Paints the picture beside the detail, or above it where that leaves enough; returns what
/// is left.
fn paint(
    scene: &Scene<'_>,
    shown: Option<&Backup>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Rect {
    let (width, height) = (picture::WIDTH, picture::HEIGHT);
    if area.width >= 2 * width && area.height >= height {
        let x = area.right() - width;
        picture::view(scene, shown, theme, Rect { x, width, ..area }, buf);
        return Rect { width: area.width - width - 2, ..area };
    }
    if area.height >= 2 * height && area.width >= width {
        picture::view(scene, shown, theme, Rect { height, ..area }, buf);
        return Rect { y: area.y + height, height: area.height - height, ..area };
    }
    area
}

impl Backups {
    fn go(&mut self, step: Step, keys: &[String]) {
        if self.table.chosen().is_none()
            && let Some(first) = keys.first()
        {
            self.table.select(first.clone());
        }
        self.table.go(step, keys);
    }

    fn scroll(&mut self, step: Step) {
        self.offset = match step {
            Step::Up => self.offset.saturating_sub(1),
            Step::Down => self.offset.saturating_add(1),
            Step::PageUp => self.offset.saturating_sub(10),
            Step::PageDown => self.offset.saturating_add(10),
            Step::First => 0,
            Step::Last | Step::Left | Step::Right => self.offset,
        };
    }

    /// Returns the backup whose detail is shown: the selected one, or the best if none was
    /// ever selected. One that vanished is not replaced by another.
    fn shown<'a>(&self, scene: &Scene<'a>, keys: &[String]) -> Option<&'a Backup> {
        let inventory = scene.facts.backups.value()?;
        let location = match self.table.chosen() {
            Some(_) => self.table.selected(keys)?,
            None => keys.first()?,
        };
        inventory.at(location)
    }

    /// Returns where the list and the detail are painted.
    fn split(&self, area: Rect, rows: usize) -> (Rect, Rect) {
        let nothing = Rect { width: 0, height: 0, ..area };
        if self.open {
            return (nothing, area);
        }
        if area.height < HIGH {
            return (area, nothing);
        }
        let wanted = u16::try_from(rows + 1).unwrap_or(u16::MAX);
        let height = wanted.min(area.height / 2);
        let y = area.y + height + 1;
        (Rect { height, ..area }, Rect { y, height: area.bottom() - y, ..area })
    }
}
