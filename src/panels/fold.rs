//! Identical waiters told as one: the same parent, the same want, the same beginning of
//! the same application's query.

use std::collections::HashMap;

use super::who::Sessions;
use crate::domain::locks::{EdgeKind, Forest, Mode, Node};
use crate::domain::untrusted::Untrusted;

/// What makes waiters identical.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Likeness<'a> {
    /// The place of their parent in the forest.
    pub parent: usize,
    /// The mode that they want.
    pub mode: Mode,
    /// On what.
    pub object: Option<&'a Untrusted>,
    /// How their parent blocks them.
    pub edge: Option<EdgeKind>,
    /// Their `application_name`.
    pub application: &'a str,
    /// What their query begins with.
    pub head: &'a str,
}

/// Returns the groups of two or more identical waiters, by the place of each group's first
/// member in the forest; a group's members stand in display order.
pub(super) fn groups<'a>(
    forest: &'a Forest,
    sessions: &Sessions<'a>,
) -> HashMap<usize, (Likeness<'a>, Vec<usize>)> {
    let mut alike: HashMap<Likeness<'a>, Vec<usize>> = HashMap::new();
    let mut above: Vec<usize> = Vec::new();
    for (at, node) in forest.nodes.iter().enumerate() {
        above.truncate(node.depth);
        if let Some(likeness) = likeness(node, above.last().copied(), sessions) {
            alike.entry(likeness).or_default().push(at);
        }
        above.push(at);
    }
    let several = alike.into_iter().filter(|(_, members)| members.len() > 1);
    several.map(|(likeness, members)| (members[0], (likeness, members))).collect()
}

/// Only who waits, blocks nobody and is not ours can be told together with others.
fn likeness<'a>(
    node: &'a Node,
    parent: Option<usize>,
    sessions: &Sessions<'a>,
) -> Option<Likeness<'a>> {
    let (wants, parent) = (node.wants.as_ref()?, parent?);
    let backend = sessions.get(node.pid()?)?;
    let alone = backend.ours || node.below > 0 || node.victims > 0;
    (!alone).then(|| Likeness {
        parent,
        mode: wants.mode,
        object: wants.object.as_ref(),
        edge: node.edge.as_ref().map(|edge| edge.kind),
        application: backend.application.raw(),
        head: head(backend.query.raw()),
    })
}

/// Words behind which a statement goes on about values.
const VALUES: [&str; 5] = ["WHERE", "SET", "VALUES", "LIMIT", "FOR"];
/// A statement is named by no more words than this.
const WORDS: usize = 8;

/// Returns what a statement does to what, without its values: `UPDATE incomes`.
pub(super) fn head(query: &str) -> &str {
    let query = query.trim_start();
    let mut end = 0;
    for word in query.split_whitespace().take(WORDS) {
        if VALUES.iter().any(|value| word.eq_ignore_ascii_case(value)) {
            break;
        }
        // `split_whitespace` gives slices of `query`, so their distance is their place.
        end = word.as_ptr() as usize - query.as_ptr() as usize + word.len();
    }
    &query[..end]
}
