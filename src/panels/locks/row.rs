//! One row of the forest.

use crate::domain::activity::Backend;
use crate::domain::age;
use crate::domain::locks::{Edge, EdgeKind, Id, Node};
use crate::domain::untrusted::Untrusted;
use crate::panels::{fold, who};
use crate::ui::theme::{Tone, symbol};
use crate::ui::widgets::table::{Cell, Column};
use crate::ui::widgets::tree;

use super::lines::{Line, Lines, What};

/// The columns; who, what and for how long stay when it gets narrow.
pub(super) const COLUMNS: [Column; 8] = [
    Column::text("  who", 21, 0).growing(2),
    Column::text("state", 20, 2).growing(1),
    Column::text("holds · wants", 17, 1).growing(1),
    Column::text("on", 15, 3).growing(1),
    Column::number("waits", 7, 0),
    Column::number("behind", 6, 0),
    Column::number("frees", 5, 4),
    Column::text("query", 16, 5).growing(2),
];

const NONE: &str = "–";

/// Returns the cells of a line.
pub(super) fn cells(line: &Line<'_>, lines: &Lines<'_>) -> Vec<Cell> {
    let node = line.node;
    let (name, tone) = name(line, lines);
    let name = format!("{}{name}", tree::branch(line.depth, line.mark));
    let (state, state_tone) = state(line, lines);
    let held = held(line, lines);
    let (behind, frees) = match line.what {
        What::Node => (node.victims, node.frees),
        What::Group(_) | What::Member(_) => (0, 0),
    };
    vec![
        Cell::new(name, tone),
        Cell::new(state, state_tone),
        modes(held, node),
        object(held, node),
        waits(line, lines),
        count(behind),
        count(frees),
        query(line, lines),
    ]
}

/// Returns the query; a group's is in its name.
fn query(line: &Line<'_>, lines: &Lines<'_>) -> Cell {
    let pid = match line.what {
        What::Node => line.node.pid(),
        What::Member(pid) => Some(pid),
        What::Group(_) => None,
    };
    let backend = pid.and_then(|pid| lines.sessions.get(pid));
    Cell::from(backend.map(|backend| backend.query.one_line()).unwrap_or_default())
}

/// Returns what a line is called.
fn name(line: &Line<'_>, lines: &Lines<'_>) -> (String, Tone) {
    let node = line.node;
    match (&line.what, &node.id) {
        (What::Group(members), id) => (group(members.len(), id, lines), Tone::Plain),
        (What::Member(pid), _) | (What::Node, Id::Session(pid)) => session(*pid, lines),
        (What::Node, Id::Prepared(gid)) => (format!("gid {}", gid.one_line()), Tone::Strong),
        (What::Node, Id::Cycle(_)) => (cycle(node), Tone::Alarm),
    }
}

fn group(count: usize, first: &Id, lines: &Lines<'_>) -> String {
    let backend = match first {
        Id::Session(pid) => lines.sessions.get(*pid),
        _ => None,
    };
    let words = backend.map(|b| {
        let head = Untrusted::from(fold::head(b.query.raw())).one_line();
        format!(" {} {head}", who::name(b))
    });
    format!("×{count}{}", words.unwrap_or_default())
}

fn session(pid: i32, lines: &Lines<'_>) -> (String, Tone) {
    let Some(backend) = lines.sessions.get(pid) else { return (pid.to_string(), Tone::Plain) };
    let tone = if backend.ours { Tone::Accent } else { Tone::Plain };
    (format!("{pid} {}", who::name(backend)), tone)
}

/// A cycle is only called one once the server confirmed it.
fn cycle(node: &Node) -> String {
    let pids = node.members.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ⇄ ");
    let word = if node.confirmed { "cycle" } else { "possible cycle" };
    format!("{} {word} of {}: {pids}", symbol::CYCLE, node.members.len())
}

fn state(line: &Line<'_>, lines: &Lines<'_>) -> (String, Tone) {
    let node = line.node;
    match (&line.what, &node.id) {
        (What::Member(_), _) => ("waits".to_owned(), Tone::Warn),
        (_, Id::Cycle(_)) => ("wait for each other".to_owned(), Tone::Alarm),
        (_, Id::Prepared(gid)) => (prepared(gid, lines), Tone::Warn),
        (_, Id::Session(_)) if node.wants.is_some() => waiting(node),
        (_, Id::Session(pid)) => {
            lines.sessions.get(*pid).map_or_else(unknown, |b| holder(b, lines))
        }
    }
}

fn unknown() -> (String, Tone) {
    ("not in the list of sessions".to_owned(), Tone::Warn)
}

/// Hard or soft, in words.
fn waiting(node: &Node) -> (String, Tone) {
    let said = match node.edge.as_ref().map(|edge| edge.kind) {
        Some(EdgeKind::Soft) => "queues (soft)",
        Some(EdgeKind::Hard) => "waits (hard)",
        None => "waits",
    };
    (said.to_owned(), Tone::Plain)
}

fn holder(backend: &Backend, lines: &Lines<'_>) -> (String, Tone) {
    let tone = match who::tone(backend) {
        // Idle, and yet somebody waits for it: that is what one is looking for.
        Tone::Dim => Tone::Warn,
        tone => tone,
    };
    (who::state(backend, lines.snapshot.taken_at), tone)
}

fn prepared(gid: &Untrusted, lines: &Lines<'_>) -> String {
    let listed = lines.snapshot.prepared.iter().find(|prepared| prepared.gid == *gid);
    let since = listed.and_then(|prepared| prepared.prepared);
    let age = since.map(|since| format!(" {}", age::rough(lines.snapshot.taken_at - since)));
    format!("prepared{}", age.unwrap_or_default())
}

/// Returns what a node holds that its first child wants.
fn held<'a>(line: &Line<'a>, lines: &Lines<'a>) -> Option<&'a Edge> {
    let nodes = &lines.snapshot.forest.nodes;
    let child = nodes.get(line.at + 1).filter(|next| next.depth > line.node.depth)?;
    child.edge.as_ref().filter(|edge| edge.kind == EdgeKind::Hard)
}

fn modes(held: Option<&Edge>, node: &Node) -> Cell {
    let held = held.map(|edge| edge.held.short());
    let wants = node.wants.as_ref().map(|wants| wants.mode.short());
    Cell::from(match (held, wants) {
        (Some(held), Some(wants)) if held != wants => format!("{held} · {wants}"),
        (_, Some(wants)) => format!("· {wants}"),
        (Some(held), None) => held.to_owned(),
        (None, None) => NONE.to_owned(),
    })
}

fn object(held: Option<&Edge>, node: &Node) -> Cell {
    let wanted = node.wants.as_ref().map(|wants| wants.object.as_ref());
    match wanted.or_else(|| held.map(|edge| edge.object.as_ref())) {
        Some(Some(object)) => Cell::from(object.one_line()),
        Some(None) => Cell::new("in another database", Tone::Dim),
        None => Cell::new(NONE, Tone::Dim),
    }
}

/// Returns the wait; of a group the longest.
fn waits(line: &Line<'_>, lines: &Lines<'_>) -> Cell {
    let nodes = &lines.snapshot.forest.nodes;
    let since = match &line.what {
        What::Group(members) => members.iter().filter_map(|at| nodes[*at].waiting_since).min(),
        _ => line.node.waiting_since,
    };
    match since {
        Some(since) => Cell::from(age::clock(lines.snapshot.taken_at - since)),
        None if line.node.wants.is_some() => Cell::new("?", Tone::Dim),
        None => Cell::new(NONE, Tone::Dim),
    }
}

fn count(count: usize) -> Cell {
    let tone = if count == 0 { Tone::Dim } else { Tone::Strong };
    Cell::new(count.to_string(), tone)
}
