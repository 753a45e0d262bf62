//! The panel Locks: the forest, root cause first, and what ending a node would release.

mod detail;
mod lines;
mod row;

use std::collections::HashSet;

use crossterm::event::KeyCode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::signal::{self, ask};
use super::{Ask, Command, Id, Panel, Scene, Step, who};
use crate::domain::activity::BackendKey;
use crate::domain::signal::Kind;
use crate::domain::snapshot::Snapshot;
use crate::ui::bindings::{Binding, Key as Press, Reason};
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::line::{self, Part};
use crate::ui::widgets::table::{self, State, Table};
use crate::ui::widgets::{pairs, tree};

use lines::{Key, Line, Lines, What};

/// The panel's own state.
#[derive(Debug, Default)]
pub struct Locks {
    table: State<Key>,
    /// The lines that are folded where they would be open, and open where folded.
    toggled: HashSet<Key>,
    /// Whom somebody came here for, until the first movement.
    came_for: Option<BackendKey>,
}

impl Panel for Locks {
    fn bindings(&self, scene: &Scene<'_>) -> Vec<Binding<Command>> {
        let lines = self.lines(scene);
        let meant = lines.as_ref().ok_or(Reason::new("nothing was read yet"));
        let meant = meant.and_then(|lines| Ok((lines, self.meant(lines)?)));
        let backend = meant.clone().and_then(|(lines, line)| lines.backend(line));
        let session = meant.clone().and_then(|(lines, line)| lines.session(line)).map(|_| ());
        let folds = meant.and_then(|(_, line)| foldable(line));
        let [cancel, terminate] = signal::bindings(&backend, scene.facts);
        let enter = Press::code(KeyCode::Enter);
        let show = "to the session in the list of all sessions";
        let fold = "unfold or fold what stands for several sessions, or a whole tree";
        let enter = match &folds {
            Ok(Fold::Several) => Binding::new(enter, "unfold", fold, Command::Open),
            _ => Binding::new(enter, "session", show, Command::Follow).when(session.clone()),
        };
        vec![
            enter,
            cancel,
            terminate,
            Binding::new(Press::char('e'), "fold", fold, Command::Open).when(folds.map(|_| ())),
            Binding::new(Press::char('a'), "activity", show, Command::Follow).when(session),
        ]
    }

    fn on(&mut self, command: &Command, scene: &Scene<'_>) -> Ask {
        let Some(lines) = self.lines(scene) else { return Ask::Nothing };
        if let Command::Go(step) = command {
            self.go(*step, &lines);
            return Ask::Nothing;
        }
        let Ok(line) = self.meant(&lines) else { return Ask::Nothing };
        match command {
            Command::Open => self.toggle(line),
            Command::Follow => {
                let session = lines.session(line).ok();
                return session.map_or(Ask::Nothing, |b| Ask::Show(Id::Activity, Some(b.key())));
            }
            Command::CancelBackend => return ask(lines.backend(line).ok(), Kind::Cancel),
            Command::TerminateBackend => return ask(lines.backend(line).ok(), Kind::Terminate),
            _ => {}
        }
        Ask::Nothing
    }

    fn view(&self, scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let (Some(snapshot), Some(lines)) = (scene.facts.snapshot.value(), self.lines(scene))
        else {
            let said = format!(" {}", who::nothing_yet(scene.facts));
            line::render(
                vec![Part::new(said, theme.style(Tone::Dim), 0)],
                vec![],
                first(area),
                buf,
            );
            return;
        };
        line::render(summary(snapshot, theme), stale(scene, theme), first(area), buf);
        let meant = self.meant(&lines).ok();
        let said = meant.map(|line| detail::pairs(line, &lines)).unwrap_or_default();
        let [list, below] = parts(area, pairs::height(&said, area.width.saturating_sub(2)));
        let row = |at: usize| row::cells(&lines.rows[at], &lines);
        let table =
            Table { columns: &row::COLUMNS, keys: &lines.keys, row: &row, empty: empty(scene) };
        table::render(&table, &self.settled(&lines), theme, list, buf);
        pairs::render(&said, 0, theme, below, buf);
    }

    fn select(&mut self, backend: BackendKey) {
        self.came_for = Some(backend);
    }
}

const EMPTY: &str = "nobody waits for a lock";

impl Locks {
    fn lines<'a>(&self, scene: &Scene<'a>) -> Option<Lines<'a>> {
        let snapshot = scene.facts.snapshot.value()?;
        Some(Lines::of(snapshot, scene.filter, &self.toggled, self.came_for))
    }

    /// Returns the table with the line selected that somebody came here for.
    fn settled(&self, lines: &Lines<'_>) -> std::borrow::Cow<'_, State<Key>> {
        use std::borrow::Cow;
        let Some(at) = self.came_for.and_then(|backend| lines.of_backend(backend)) else {
            return Cow::Borrowed(&self.table);
        };
        let mut table = self.table.clone();
        table.select(lines.keys[at].clone());
        Cow::Owned(table)
    }

    /// Returns the line that a key means: the selected one, or, before anything was
    /// selected, the first root. Never a neighbour of what has vanished.
    fn meant<'l, 'a>(&self, lines: &'l Lines<'a>) -> Result<&'l Line<'a>, Reason> {
        let table = self.settled(lines);
        let gone = "what was selected has ended or waits no more; choose again (j and k move)";
        match table.chosen() {
            Some(_) => {
                let at = table.index(&lines.keys).ok_or(Reason::new(gone))?;
                Ok(&lines.rows[at])
            }
            None if self.came_for.is_some() => Err(Reason::new(gone)),
            None => lines.rows.first().ok_or(Reason::new(EMPTY)),
        }
    }

    fn go(&mut self, step: Step, lines: &Lines<'_>) {
        if let Some(at) = self.came_for.and_then(|backend| lines.of_backend(backend)) {
            self.toggled.extend(lines.opened_for(at));
            self.table.select(lines.keys[at].clone());
        }
        self.came_for = None;
        self.table.go(step, &lines.keys);
    }

    fn toggle(&mut self, line: &Line<'_>) {
        if foldable(line).is_ok() && !self.toggled.remove(&line.key) {
            self.toggled.insert(line.key.clone());
        }
    }
}

/// What unfolding shows.
enum Fold {
    /// Waiters that are told as one, or the members of a cycle.
    Several,
    /// The tree under a node.
    Tree,
}

fn foldable(line: &Line<'_>) -> Result<Fold, Reason> {
    match line.what {
        What::Group(_) => Ok(Fold::Several),
        What::Node if !line.node.members.is_empty() => Ok(Fold::Several),
        _ if line.mark != tree::Node::Leaf => Ok(Fold::Tree),
        _ => Err(Reason::new("it stands for one session only")),
    }
}

/// Returns the line above the forest: how many wait, and loudly what cannot be told.
fn summary(snapshot: &Snapshot, theme: Theme) -> Vec<Part> {
    let forest = &snapshot.forest;
    let waiting = match forest.blocked {
        0 => (Tone::Ok, "nobody waits for a lock".to_owned()),
        1 => (Tone::Warn, "1 session waits".to_owned()),
        count => (Tone::Warn, format!("{count} sessions wait")),
    };
    let part = |(tone, text): (Tone, String), rank| {
        Part::new(format!(" {} {text}", tone.symbol()), theme.style(tone), rank)
    };
    let mut parts = vec![part(waiting, 0)];
    let roots = forest.roots().count();
    if roots > 0 {
        let roots = if roots == 1 { "1 root".to_owned() } else { format!("{roots} roots") };
        parts.push(Part::new(format!(" · {roots}, the worst first"), theme.style(Tone::Plain), 2));
    }
    if forest.partial {
        let text = "PARTIAL: the server was asked about some waits only; edges may be wrong";
        parts.push(part((Tone::Alarm, format!(" {text}")), 0));
    }
    parts
}

fn stale(scene: &Scene<'_>, theme: Theme) -> Vec<Part> {
    let said = who::staleness(scene.facts);
    let style = theme.style(Tone::Warn);
    said.map(|said| Part::new(format!("{} {said} ", Tone::Warn.symbol()), style, 1))
        .into_iter()
        .collect()
}

/// Returns what is said where no line is shown.
fn empty(scene: &Scene<'_>) -> &'static str {
    if scene.filter.trim().is_empty() {
        "who waits, and for whom, appears here at once"
    } else {
        "no tree has a session that matches the filter; Esc shows everything"
    }
}

fn first(area: Rect) -> Rect {
    Rect { height: area.height.min(1), ..area }
}

/// Splits what is below the summary: the forest, and the detail of the line that is meant.
fn parts(area: Rect, wanted: usize) -> [Rect; 2] {
    let height = area.height.saturating_sub(1);
    let detail = u16::try_from(wanted).unwrap_or(u16::MAX).min(height / 3);
    let gap = u16::from(detail > 0 && height > 14);
    let list = height - detail - gap;
    let row = |y: u16, height: u16| Rect { y: area.y + (area.height - y), height, ..area };
    let below = row(detail, detail);
    let inset = area.width.min(1);
    [
        Rect { y: area.y + area.height.min(1), height: list, ..area },
        Rect { x: below.x + inset, width: below.width - inset, ..below },
    ]
}
