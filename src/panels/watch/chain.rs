//! The worst tree on one line: root cause, who waits for it, who waits for them.

use super::super::Scene;
use super::super::fold;
use super::super::who::{self, Sessions};
use super::block::{Block, Piece, Row};
use crate::domain::locks::{Forest, Id, Node};
use crate::domain::snapshot::Snapshot;
use crate::domain::untrusted::Untrusted;
use crate::ui::text;
use crate::ui::theme::{Tone, symbol};

/// Longer chains end in a number.
const LINKS: usize = 5;
/// Names get a quarter of the width, within these bounds.
const NAME: (usize, usize) = (12, 40);

/// Returns the tree of what the verdict is about, if somebody waits in it.
pub(super) fn block(scene: &Scene<'_>, width: usize) -> Option<Block> {
    let name = (width / 4).clamp(NAME.0, NAME.1);
    let snapshot = scene.facts.snapshot.value()?;
    let forest = &snapshot.forest;
    let meant = scene.facts.verdict.as_ref().and_then(|verdict| verdict.culprits.first());
    let meant = meant.and_then(|id| forest.nodes.iter().position(|node| node.id == *id));
    let root = meant.or_else(|| (!forest.nodes.is_empty()).then_some(0))?;
    let mut lines = vec![Row::Cut(links(snapshot, root, name))];
    let others = forest.roots().count().saturating_sub(1);
    if others > 0 {
        let trees =
            if others == 1 { "1 more tree".to_owned() } else { format!("{others} more trees") };
        let said = format!("{trees} · {} wait for a lock in all", forest.blocked);
        lines.push(Row::Cut(vec![(said, Tone::Dim)]));
    }
    Some(Block::new("TREE", lines, 2))
}

/// Follows from `root` always the child under which most sessions stand.
fn links(snapshot: &Snapshot, root: usize, cells: usize) -> Vec<Piece> {
    let forest = &snapshot.forest;
    let sessions = Sessions::of(snapshot);
    let groups = fold::groups(forest, &sessions);
    let mut pieces = vec![name(&forest.nodes[root], &sessions, cells)];
    let mut at = root;
    for _ in 0..LINKS {
        let children = children(forest, at);
        let weight = |at: &usize| {
            let alike = groups.get(at).map_or(1, |(_, members)| members.len());
            forest.nodes[*at].below.max(alike)
        };
        let Some(next) = children.iter().copied().max_by_key(|at| (weight(at), usize::MAX - at))
        else {
            return pieces;
        };
        pieces.push((" ─ ".to_owned(), Tone::Dim));
        let alike = groups.get(&next).map_or(1, |(_, members)| members.len());
        pieces.push(if alike > 1 {
            group(alike, &forest.nodes[next], &sessions, cells)
        } else {
            name(&forest.nodes[next], &sessions, cells)
        });
        let beside = children.len() - alike.min(children.len());
        if beside > 0 {
            pieces.push((format!(" (+{beside} beside)"), Tone::Dim));
        }
        at = next;
    }
    let deeper = forest.nodes[at].below;
    if deeper > 0 {
        pieces.push((format!(" ─ …{deeper} more"), Tone::Dim));
    }
    pieces
}

fn children(forest: &Forest, parent: usize) -> Vec<usize> {
    let depth = forest.nodes[parent].depth;
    let below = forest.nodes[parent + 1..].iter().take_while(|node| node.depth > depth);
    let direct = below.enumerate().filter(|(_, node)| node.depth == depth + 1);
    direct.map(|(at, _)| parent + 1 + at).collect()
}

fn name(node: &Node, sessions: &Sessions<'_>, cells: usize) -> Piece {
    match &node.id {
        Id::Session(pid) => match sessions.get(*pid) {
            Some(backend) => {
                let tone = if backend.ours { Tone::Accent } else { Tone::Strong };
                (text::cut(&format!("{pid} {}", who::name(backend)), cells), tone)
            }
            None => (pid.to_string(), Tone::Strong),
        },
        Id::Prepared(gid) => {
            (text::cut(&format!("gid {} (prepared)", gid.one_line()), cells), Tone::Strong)
        }
        Id::Cycle(_) => {
            let pids: Vec<String> = node.members.iter().map(ToString::to_string).collect();
            (text::cut(&format!("{} {}", symbol::CYCLE, pids.join(" ⇄ ")), cells), Tone::Alarm)
        }
    }
}

fn group(count: usize, first: &Node, sessions: &Sessions<'_>, cells: usize) -> Piece {
    let backend = first.pid().and_then(|pid| sessions.get(pid));
    let words = backend.map(|backend| {
        let head = Untrusted::from(fold::head(backend.query.raw())).one_line();
        format!(" {} {}", who::name(backend), text::cut(&head, cells))
    });
    (format!("×{count}{}", words.unwrap_or_default()), Tone::Plain)
}
