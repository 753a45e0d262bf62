//! The panel Activity: every backend, who waits, and the two signals.

mod columns;
mod list;
mod page;
mod row;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::signal::{self, ask};
use super::{Ask, Command, Id, Panel, Scene, Step, who};
use crate::domain::activity::sort::{Column, Direction};
use crate::domain::activity::{Backend, BackendKey};
use crate::domain::signal::Kind;
use crate::ui::bindings::{Binding, Key, Reason};
use crate::ui::text;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::table::{self, State, Table};

pub use page::pairs;

use list::List;

/// The panel's own state.
#[derive(Debug)]
pub struct Activity {
    table: State<BackendKey>,
    column: Column,
    direction: Direction,
    idle: bool,
    /// Whom somebody came here for: shown even if it is idle.
    came_for: Option<BackendKey>,
}

impl Default for Activity {
    /// The oldest transaction comes first: it holds what others want.
    fn default() -> Self {
        let column = Column::TransactionAge;
        Self {
            table: State::default(),
            column,
            direction: column.natural(),
            idle: false,
            came_for: None,
        }
    }
}

impl Panel for Activity {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        let selected = self.selected(scene);
        let enabled = selected.as_ref().map(|_| ()).map_err(Reason::clone);
        let waits = selected.clone().and_then(|backend| in_forest(backend, scene));
        let idle = if self.idle { "hide idle" } else { "show idle" };
        let [cancel, terminate] = signal::bindings(&selected, scene.facts);
        let open = |key| {
            let help = "everything about the session: query, locks, what a signal would do";
            Binding::new(key, "detail", help, Command::Open).when(enabled.clone())
        };
        let follow = "to the session's place among the locks";
        vec![
            open(Key::code(KeyCode::Enter)),
            cancel,
            terminate,
            Binding::new(Key::char('L'), "locks", follow, Command::Follow).when(waits),
            Binding::new(Key::char('s'), "sort", "sort by the next column", Command::Sort),
            Binding::new(Key::char('r'), "reverse", "turn the order round", Command::Reverse),
            Binding::new(Key::char('i'), idle, "show or hide who is idle", Command::Idle),
            open(Key::char('e')),
        ]
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        match command {
            Command::Go(step) => self.go(*step, scene),
            Command::Sort => self.sort(),
            Command::Reverse => self.reverse(),
            Command::Idle => {
                self.idle = !self.idle;
                self.came_for = None;
            }
            Command::Open => return self.with(scene, |backend| Ask::Backend(backend.key())),
            Command::Follow => {
                return self.with(scene, |backend| Ask::Show(Id::Locks, Some(backend.key())));
            }
            Command::CancelBackend => return ask(self.selected(scene).ok(), Kind::Cancel),
            Command::TerminateBackend => return ask(self.selected(scene).ok(), Kind::Terminate),
            _ => {}
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let [counts, rows, query] = parts(area.intersection(buf.area));
        let Some(list) = List::of(scene, self) else {
            let said = who::nothing_yet(scene.facts);
            line::render(
                vec![Part::new(format!(" {said}"), theme.style(Tone::Dim), 0)],
                vec![],
                counts,
                buf,
            );
            return;
        };
        line::render(self.counts(&list, theme), stale(scene, theme), counts, buf);
        let columns = columns::of(self.column, self.direction);
        let row = |at: usize| row::cells(list.backends[at], list.snapshot);
        let table = Table { columns: &columns, keys: &list.keys, row: &row, empty: list.empty() };
        table::render(&table, &self.table, theme, rows, buf);
        if let Some(at) = self.table.index(&list.keys) {
            preview(list.backends[at], theme, query, buf);
        }
    }

    fn select(&mut self, backend: BackendKey) {
        self.table.select(backend);
        self.came_for = Some(backend);
    }
}

impl Activity {
    /// Returns the selected session, or why there is none that a key could mean: what is
    /// not on the screen is never acted on.
    fn selected<'a>(&self, scene: &Scene<'a>) -> Result<&'a Backend, Reason> {
        let chosen = self.table.chosen();
        let chosen = chosen.ok_or(Reason::new("choose a session first (j and k move)"))?;
        let gone = || Reason::new("the session that was chosen has ended, or is not shown");
        let list = List::of(scene, self).ok_or_else(gone)?;
        let at = list.keys.iter().position(|key| key == chosen).ok_or_else(gone)?;
        Ok(list.backends[at])
    }

    fn with(&self, scene: &Scene<'_>, ask: impl FnOnce(&Backend) -> Ask) -> Ask {
        self.selected(scene).map_or(Ask::Nothing, ask)
    }

    fn go(&mut self, step: Step, scene: &Scene<'_>) {
        let Some(list) = List::of(scene, self) else { return };
        self.table.go(step, &list.keys);
    }

    /// Sorts by the next column, in the direction in which one wants to see it.
    fn sort(&mut self) {
        let all = Column::ALL;
        let at = all.iter().position(|column| *column == self.column).unwrap_or(0);
        self.column = all[(at + 1) % all.len()];
        self.direction = self.column.natural();
    }

    fn reverse(&mut self) {
        self.direction = match self.direction {
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        };
    }

    /// Returns the line above the list: how many there are, and what is not shown.
    fn counts(&self, list: &List<'_>, theme: Theme) -> Vec<Part> {
        let plain = theme.style(Tone::Plain);
        let waiting = if list.waiting > 0 { Tone::Warn } else { Tone::Plain };
        let symbol = waiting.symbol();
        let mut parts = vec![
            Part::new(format!(" {} sessions", list.total), theme.style(Tone::Strong), 0),
            Part::new(" · ", plain, 0),
            Part::new(
                format!("{symbol}{}{} waiting", gap(symbol), list.waiting),
                theme.style(waiting),
                0,
            ),
        ];
        if list.hidden > 0 {
            parts.push(Part::new(format!(" · {} idle hidden", list.hidden), plain, 1));
        }
        if list.filtered > 0 {
            parts.push(Part::new(format!(" · {} filtered out", list.filtered), plain, 1));
        }
        let order = format!(" · by {} {}", self.column.title(), columns::arrow(self.direction));
        parts.push(Part::new(order, theme.style(Tone::Dim), 2));
        parts
    }
}

fn gap(symbol: &str) -> &'static str {
    if symbol.is_empty() { "" } else { " " }
}

fn stale(scene: &Scene<'_>, theme: Theme) -> Vec<Part> {
    let said = who::staleness(scene.facts);
    let part =
        |said| Part::new(format!("{} {said} ", Tone::Warn.symbol()), theme.style(Tone::Warn), 0);
    said.map(part).into_iter().collect()
}

/// Splits the panel: counts, list, and where there is room the selected query.
fn parts(area: Rect) -> [Rect; 3] {
    let query = if area.height >= 14 { 3 } else { 0 };
    let counts = area.height.min(1);
    let row = |y: u16, height: u16| Rect { y: area.y + y, height, ..area };
    let list = area.height - counts - query;
    [row(0, counts), row(counts, list), row(counts + list, query)]
}

/// Paints the beginning of the selected session's query, a line of space above it.
fn preview(backend: &Backend, theme: Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width.saturating_sub(2));
    let said = format!("pid {}  {}", backend.pid, backend.query.one_line());
    for (y, line) in (area.y..area.bottom()).skip(1).zip(text::wrap(&said, width)) {
        buf.set_stringn(area.x + 1, y, line, width, theme.style(Tone::Plain));
    }
}

fn in_forest(backend: &Backend, scene: &Scene<'_>) -> Result<(), Reason> {
    let snapshot = scene.facts.snapshot.value();
    let leader = backend.leader_pid.unwrap_or(backend.pid);
    let node = snapshot.and_then(|snapshot| {
        snapshot.forest.node_of(backend.pid).or_else(|| snapshot.forest.node_of(leader))
    });
    node.map(|_| ()).ok_or(Reason::new("it neither waits for a lock nor blocks anybody"))
}
