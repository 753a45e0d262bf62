//! The detail of the line that a key means: whom it waits for, why, and what its end
//! would release.

use crate::domain::locks::{EdgeKind, Id, Node};
use crate::panels::who;
use crate::ui::theme::Tone;
use crate::ui::widgets::pairs::Pair;

use super::lines::{Line, Lines, What};

/// More blockers than these are only counted.
const NAMED: usize = 8;

/// Returns the detail of `line`, the most pressing first.
pub(super) fn pairs(line: &Line<'_>, lines: &Lines<'_>) -> Vec<Pair> {
    let mut pairs = Vec::new();
    pairs.push(consequence(line, lines));
    if let Some(why) = why(line.node, lines) {
        pairs.push(Pair::new("waits for", why));
    }
    if let Some(also) = also(line.node, lines) {
        pairs.push(Pair::new("also behind", also));
    }
    if let Ok(backend) = lines.session(line) {
        pairs.push(Pair::new("query", backend.query.one_line()));
    }
    pairs
}

/// Returns what ending it would do.
fn consequence(line: &Line<'_>, lines: &Lines<'_>) -> Pair {
    let node = line.node;
    match (&line.what, &node.id) {
        (What::Group(members), _) => {
            let said = format!("{} alike, told as one; nobody waits for them", members.len());
            Pair::new("sessions", said)
        }
        (What::Node, Id::Cycle(_)) => cycle(node),
        (What::Node, Id::Prepared(gid)) => {
            let said = format!(
                "no session holds it: only COMMIT PREPARED or ROLLBACK PREPARED of {} ends it{}",
                gid.one_line(),
                frees(node)
            );
            Pair::new("gid", said).tone(Tone::Warn)
        }
        (What::Member(pid), _) | (What::Node, Id::Session(pid)) => ending(*pid, node, line, lines),
    }
}

fn cycle(node: &Node) -> Pair {
    let (said, tone) = if node.confirmed {
        let said = "confirmed by the server, which ends one of them after deadlock_timeout";
        (said, Tone::Alarm)
    } else {
        ("possible only: the server was not asked yet, or sees it no more", Tone::Warn)
    };
    Pair::new("cycle", format!("{said}{}", frees(node))).tone(tone)
}

fn ending(pid: i32, node: &Node, line: &Line<'_>, lines: &Lines<'_>) -> Pair {
    let Some(backend) = lines.sessions.get(pid) else {
        return Pair::new(format!("pid {pid}"), "not in the list of sessions").tone(Tone::Warn);
    };
    let written = match backend.has_written {
        Some(true) => "has written",
        Some(false) => "has written nothing",
        None => "cannot tell whether it has written",
    };
    let state = who::state(backend, lines.snapshot.taken_at);
    let frees = if line.what == What::Node { frees(node) } else { String::new() };
    Pair::new(format!("pid {pid}"), format!("{state} · {written}{frees}"))
}

/// Returns how many wait, and how many of them its end would release.
fn frees(node: &Node) -> String {
    match (node.victims, node.frees) {
        (0, _) => String::new(),
        (victims, frees) => format!(" · {victims} behind it, ending it releases {frees} at once"),
    }
}

/// Returns the edge to the parent as a sentence.
fn why(node: &Node, lines: &Lines<'_>) -> Option<String> {
    let (wants, edge) = (node.wants.as_ref()?, node.edge.as_ref()?);
    let parent = node.parent.as_ref().map(|id| called(id, lines))?;
    let on = match &wants.object {
        Some(object) => object.one_line(),
        None => "an object of another database".to_owned(),
    };
    let does = match edge.kind {
        EdgeKind::Hard => "holds",
        EdgeKind::Soft => "asked earlier for",
    };
    let kind = if edge.kind == EdgeKind::Hard { "hard" } else { "soft: the queue" };
    let place = node.queue_position.map(|at| format!(", place {at} in the queue"));
    let (wanted, held) = (wants.mode.words(), edge.held.words());
    let place = place.unwrap_or_default();
    Some(format!("{wanted} on {on}, which {parent} {does} as {held} ({kind}){place}"))
}

fn also(node: &Node, lines: &Lines<'_>) -> Option<String> {
    let others = lines.snapshot.forest.also_behind(node);
    let mut named: Vec<String> = others.iter().take(NAMED).map(|id| called(id, lines)).collect();
    if others.len() > NAMED {
        named.push(format!("{} more", others.len() - NAMED));
    }
    (!named.is_empty()).then(|| named.join(", "))
}

fn called(id: &Id, lines: &Lines<'_>) -> String {
    match id {
        Id::Session(pid) => match lines.sessions.get(*pid) {
            Some(backend) => format!("pid {pid} {}", who::name(backend)),
            None => format!("pid {pid}"),
        },
        Id::Prepared(gid) => format!("prepared {}", gid.one_line()),
        Id::Cycle(pid) => format!("the cycle of pid {pid}"),
    }
}
