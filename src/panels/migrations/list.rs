//! What is wrong on top, then the migrations in their order.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::rehearsal;
use crate::domain::age;
use crate::domain::graph::{Problem, State};
use crate::domain::hazard::{Hazard, Severity};
use crate::domain::loss::Loss;
use crate::domain::mend::Mend;
use crate::domain::plan::Direction;
use crate::domain::reversal::Kind;
use crate::domain::untrusted::Untrusted;
use crate::panels::{Scene, rehearsing};
use crate::session::facts::Migrations;
use crate::session::mending;
use crate::ui::text;
use crate::ui::theme::{Theme, Tone, symbol};
use crate::ui::widgets::message::{self, Message};
use crate::ui::widgets::table::{self, Cell, Column, Table};

/// More problems than this are counted, not listed: the detail of each names its own.
const PROBLEMS: usize = 3;

/// Returns text of a file on one line, escaped.
pub(super) fn shown(text: &str) -> String {
    Untrusted::from(text).one_line()
}

/// Paints the verdict and what is wrong; returns what is left of `area`.
pub(super) fn head(scene: &Scene<'_>, theme: Theme, area: Rect, buf: &mut Buffer) -> Rect {
    let mut y = area.y;
    for said in said(scene) {
        for line in text::wrap(&said.text, usize::from(area.width).saturating_sub(4)) {
            let row = Rect { y, height: 1, ..area }.intersection(area);
            message::render(&Message::new(said.tone, line), theme, row, buf);
            y = (y + 1).min(area.bottom());
        }
    }
    let y = (y + 1).min(area.bottom());
    Rect { y, height: area.bottom() - y, ..area }
}

fn said(scene: &Scene<'_>) -> Vec<Message> {
    let feed = &scene.facts.project;
    let Some(known) = feed.value() else {
        return vec![match feed.error() {
            Some(error) => {
                let error = Untrusted::from(error).visible();
                let text =
                    format!("the migrations cannot be read: {error}. Ctrl-R reads them anew");
                Message::new(Tone::Alarm, text)
            }
            None => Message::new(Tone::Dim, "reading the migrations"),
        }];
    };
    let mut said = vec![verdict(known)];
    if let Some(error) = feed.error() {
        let old = feed.age(scene.facts.now).map(age::rough).unwrap_or_default();
        let error = shown(error);
        said.push(Message::new(
            Tone::Warn,
            format!("as of {old} ago; reading anew failed: {error}"),
        ));
    }
    said.extend(rehearsal::said(scene, known));
    said.extend(problems(&known.project.problems));
    said.extend(mend(scene).map(|(_, text)| Message::new(Tone::Warn, text)));
    said
}

/// Returns what is to be mended first, with what to say of it.
pub(super) fn mend(scene: &Scene<'_>) -> Option<(Mend, String)> {
    let left = mending::left(scene.facts);
    let (first, is) = left.first()?;
    let more = match left.len() - 1 {
        0 => String::new(),
        more => format!("; {more} more"),
    };
    let text = format!("{is}: x {} (asks first){more}", mending::deed(first));
    Some((first.clone(), text))
}

fn verdict(known: &Migrations) -> Message {
    let project = &known.project;
    let tool = format!("{} in {}", project.tool, shown(&project.directory));
    if !project.connected {
        let text = format!("{tool}: what the database has cannot be read, so nothing can be run");
        return Message::new(Tone::Warn, text);
    }
    let pending = project.graph.pending().count();
    let all = project.graph.nodes.len();
    // What began and did not end is neither.
    let dirty = project.graph.nodes.iter().filter(|node| node.state == State::Dirty).count();
    let more = if dirty > 0 { format!(", {dirty} dirty") } else { String::new() };
    let applied = all - pending - dirty;
    let count = format!("{tool}: {applied} of {all} applied, {pending} pending{more}");
    match project.graph.pending().next() {
        None if project.problems.is_empty() => {
            Message::new(Tone::Ok, format!("{count}; up to date"))
        }
        None => Message::new(Tone::Plain, count),
        Some(next) => {
            let text = format!("{count}; next {} {}", shown(&next.id), shown(&next.name));
            Message::new(Tone::Plain, text)
        }
    }
}

fn problems(problems: &[Problem]) -> Vec<Message> {
    let line = |problem: &Problem| {
        let tone = if problem.stops_the_tool() { Tone::Alarm } else { Tone::Warn };
        let text = format!("{}: {}", shown(&problem.id), shown(&problem.detail));
        Message::new(tone, text)
    };
    let mut lines: Vec<Message> = problems.iter().take(PROBLEMS).map(line).collect();
    if problems.len() > PROBLEMS {
        let more = problems.len() - PROBLEMS;
        let text = format!("{more} more: lockkeeper status lists them");
        lines.push(Message::new(Tone::Alarm, text));
    }
    lines
}

/// Returns the ids that the filter leaves.
pub(super) fn ids(known: &Migrations, filter: &str) -> Vec<String> {
    let filter = filter.to_lowercase();
    let fits = |text: &str| text.to_lowercase().contains(&filter);
    let nodes = known.project.graph.nodes.iter();
    nodes.filter(|node| fits(&node.id) || fits(&node.name)).map(|node| node.id.clone()).collect()
}

/// Where the column of the rehearsal stands, if there is one.
const REHEARSED: usize = 4;

/// Paints the rows that are seen.
pub(super) fn rows(
    scene: &Scene<'_>,
    known: &Migrations,
    ids: &[String],
    state: &table::State<String>,
    theme: Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let width = ids.iter().map(|id| text::width(id)).max().unwrap_or(0).clamp(2, 20);
    let mut columns = vec![
        Column::text("", 1, 0),
        Column::text("id", width, 0),
        Column::text("name", 12, 1).growing(2),
        Column::text("state", 8, 2),
        Column::text("up", 28, 3).growing(6),
        Column::text("down", 11, 2).growing(2),
        Column::text("loses", 12, 4).growing(3),
    ];
    let with = rehearsal::is_known(scene, known);
    if with {
        columns.insert(REHEARSED, Column::text("rehearsed", 15, 2));
    }
    let live = rehearsing::live(scene);
    let row = |at: usize| {
        let mut cells = row(known, &ids[at]);
        if with {
            cells.insert(REHEARSED, rehearsal::cell(live, known, &ids[at]));
        }
        cells
    };
    let empty = "no migration fits";
    let table = Table { columns: &columns, keys: ids, row: &row, empty };
    table::render(&table, state, theme, area, buf);
}

fn row(known: &Migrations, id: &str) -> Vec<Cell> {
    let state = known.project.connected.then(|| known.project.graph.find(id)).flatten();
    let state = state.map(|node| node.state);
    let is_next = known.project.graph.pending().next().is_some_and(|node| node.id == id);
    let (mark, word, tone) = standing(state, is_next && known.project.connected);
    let up = known.hazards(id, Direction::Up);
    let losses: Vec<&Loss> = known.losses(id, Direction::Up).collect();
    let name = known.name(id);
    vec![
        Cell::new(mark, tone),
        shown(id).into(),
        Cell::new(shown(name), if is_next { Tone::Strong } else { Tone::Plain }),
        Cell::new(word, tone),
        summary(known, id, up, state),
        down(known, id),
        loses(&losses),
    ]
}

/// Returns symbol, word and tone of a state.
fn standing(state: Option<State>, is_next: bool) -> (&'static str, &'static str, Tone) {
    match state {
        None => ("?", "unknown", Tone::Warn),
        Some(State::Applied) => (symbol::OK, "applied", Tone::Ok),
        Some(State::Pending) if is_next => (symbol::HERE, "next", Tone::Accent),
        Some(State::Pending) => (symbol::AHEAD, "pending", Tone::Plain),
        Some(State::Orphan) => (symbol::WARN, "orphan", Tone::Warn),
        Some(State::Dirty) => (symbol::BAD, "dirty", Tone::Alarm),
    }
}

/// Returns the gravest statement of the way up: what it is, its lock, its cost.
fn summary(known: &Migrations, id: &str, hazards: &[Hazard], state: Option<State>) -> Cell {
    let Some(at) = gravest(hazards) else { return Cell::from("") };
    let hazard = &hazards[at];
    let statements = known.project.migration(id).map(|m| m.up.statements.as_slice());
    let kind = statements.and_then(|all| all.get(at)).map_or("", |statement| &statement.kind);
    // What is done to the table says more than that a table is altered.
    let kind = kind.strip_prefix("ALTER TABLE … ").unwrap_or(kind);
    let lock = hazard.lock.map_or("no lock", |lock| lock.words());
    let more = match hazards.len() - 1 {
        0 => String::new(),
        more => format!(" · +{more}"),
    };
    let cost = hazard.cost();
    let (mark, tone) = match hazard.severity {
        _ if state == Some(State::Applied) => ("", Tone::Dim),
        Severity::High => ("▲ ", Tone::Warn),
        Severity::Medium | Severity::Low => ("", Tone::Plain),
    };
    Cell::new(format!("{mark}{} · {lock} · {cost}{more}", shown(kind)), tone)
}

fn gravest(hazards: &[Hazard]) -> Option<usize> {
    let rank = |at: &usize| (hazards[*at].severity, std::cmp::Reverse(*at));
    (0..hazards.len()).max_by_key(rank)
}

fn down(known: &Migrations, id: &str) -> Cell {
    let Some(entry) = known.entry(id) else { return Cell::from("") };
    let (tone, mark) = judged(entry.reversal.kind);
    Cell::new(format!("{mark}{}", entry.reversal.kind.words()), tone)
}

/// Returns how grave a way down is, and its symbol.
pub(super) fn judged(kind: Kind) -> (Tone, &'static str) {
    match kind {
        Kind::Reversible => (Tone::Plain, ""),
        Kind::Lossy | Kind::Conditional | Kind::Unknown => (Tone::Warn, "▲ "),
        Kind::FalseDown | Kind::NoOp | Kind::Raises | Kind::Missing => (Tone::Alarm, "✖ "),
    }
}

fn loses(losses: &[&Loss]) -> Cell {
    if losses.is_empty() {
        return Cell::from("");
    }
    let all: Vec<String> = losses.iter().map(|loss| lost(loss)).collect();
    Cell::new(format!("✖ {}", all.join(", ")), Tone::Alarm)
}

/// Returns what is lost, with the rows if they were counted.
pub(super) fn lost(loss: &Loss) -> String {
    match loss.counted() {
        Some(counted) => format!("{} ({})", shown(&loss.what), shown(&counted)),
        None => shown(&loss.what),
    }
}
