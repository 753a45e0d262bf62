//! The panel Migrations: what the database has, what would run, what each way costs.

mod detail;
mod keys;
mod list;
mod rehearsal;
mod salvage;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Ask, Command, Panel, Scene, Step};
use crate::domain::mend::Mend;
use crate::domain::plan::{Direction, Risk};
use crate::session::effect::{Goal, How, Request};
use crate::session::facts;
use crate::ui::bindings::Binding;
use crate::ui::theme::Theme;
use crate::ui::widgets::pager;
use crate::ui::widgets::table;

/// From this width on the detail stands beside the list.
const WIDE: u16 = 150;
/// Below this height the detail is only seen when it is opened.
const HIGH: u16 = 14;

/// The panel's own state.
#[derive(Debug)]
pub struct Migrations {
    table: table::State<String>,
    sql: pager::State,
    direction: Direction,
    open: bool,
}

impl Default for Migrations {
    fn default() -> Self {
        Self {
            table: table::State::default(),
            sql: pager::State::default(),
            direction: Direction::Up,
            open: false,
        }
    }
}

impl Panel for Migrations {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        let mut all = keys::bindings(scene, self.direction);
        let salvage = |shown: Option<&str>| salvage::binding(scene, shown, self.direction);
        all.push(self.of_shown(scene, salvage));
        all
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match command {
            Command::Go(step) if self.open => self.sql.go(*step),
            Command::Go(step) => self.go(*step, scene),
            Command::Open => self.open = !self.open,
            Command::Direction => self.turn(),
            Command::Up => return ask(Direction::Up),
            Command::Down => return ask(Direction::Down),
            Command::Mend => return list::mend(scene).map_or(Ask::Nothing, mending),
            Command::Backup => return super::making::ask(),
            Command::Begin(name) => return Ask::Begin(name.clone()),
            Command::Rehearse => return rehearsal::ask(),
            Command::Salvage => {
                return self.of_shown(scene, |shown| salvage::ask(scene, shown, self.direction));
            }
            Command::CancelAct => return Ask::Stop(How::Cancel),
            Command::Count => return self.count(scene),
            _ => {}
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let below = list::head(scene, theme, area, buf);
        let Some(known) = scene.facts.project.value() else { return };
        let ids = list::ids(known, scene.filter);
        let (left, right) = self.split(below, ids.len());
        if !left.is_empty() {
            list::rows(scene, known, &ids, &self.table, theme, left, buf);
        }
        if let Some(id) = self.shown(known, &ids) {
            let page = detail::Page {
                known,
                id,
                direction: self.direction,
                now: scene.facts.now,
                live: super::rehearsing::live(scene),
                restore: scene.facts.restore.value().map(super::restoring::way),
            };
            page.view(&self.sql, theme, right, buf);
        }
    }
}

fn mending((what, _): (Mend, String)) -> Ask {
    Ask::Plan(Request::Mend(what))
}

/// Asks for the next migration that way; what is computed of it can only make it graver.
fn ask(direction: Direction) -> Ask {
    Ask::Plan(Request::Migrate { direction, goal: Goal::One, risk: Risk::Safe })
}

impl Migrations {
    fn turn(&mut self) {
        self.direction = match self.direction {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        };
        self.sql = pager::State::default();
    }

    fn go(&mut self, step: Step, scene: &Scene<'_>) {
        let Some(known) = scene.facts.project.value() else { return };
        let ids = list::ids(known, scene.filter);
        if self.table.selected(&ids).is_none()
            && let Some(id) = self.shown(known, &ids)
        {
            self.table.select(id.to_owned());
        }
        self.table.go(step, &ids);
        self.sql = pager::State::default();
    }

    /// Returns what `act` makes of the migration whose detail is shown.
    fn of_shown<T>(&self, scene: &Scene<'_>, act: impl FnOnce(Option<&str>) -> T) -> T {
        let Some(known) = scene.facts.project.value() else { return act(None) };
        let ids = list::ids(known, scene.filter);
        act(self.shown(known, &ids))
    }

    /// Asks for the rows of what is shown to be counted.
    fn count(&self, scene: &Scene<'_>) -> Ask {
        let Some(known) = scene.facts.project.value() else { return Ask::Nothing };
        let ids = list::ids(known, scene.filter);
        match self.shown(known, &ids) {
            Some(id) => Ask::Count(id.to_owned(), self.direction),
            None => Ask::Nothing,
        }
    }

    /// Returns the migration whose detail is shown: the selected one, else the next, else
    /// the last.
    fn shown<'a>(&self, known: &'a facts::Migrations, ids: &'a [String]) -> Option<&'a str> {
        let next = || known.project.graph.pending().next().map(|node| node.id.as_str());
        let selected = self.table.selected(ids).map(String::as_str);
        selected.or_else(next).or_else(|| ids.last().map(String::as_str))
    }

    /// Returns where the list and the detail are painted.
    fn split(&self, area: Rect, rows: usize) -> (Rect, Rect) {
        let nothing = Rect { width: 0, height: 0, ..area };
        if self.open {
            return (nothing, area);
        }
        if area.width >= WIDE {
            let width = area.width * 2 / 3;
            let right = Rect { x: area.x + width + 2, width: area.width - width - 2, ..area };
            return (Rect { width, ..area }, right);
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
