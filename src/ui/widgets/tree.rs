//! The beginning of a tree's row: its depth and whether it is open.

/// What a row of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Has children, which are shown.
    Open,
    /// Has children, which are folded away.
    Closed,
    /// Has no children.
    Leaf,
}

/// Deeper rows than this are drawn at this depth, with the depth as a number:
/// a queue of hundreds, each behind the other, must stay readable.
const DEEPEST: usize = 12;

/// Returns the beginning of a row at `depth` (0 for a root).
#[must_use]
pub fn branch(depth: usize, node: Node) -> String {
    let mark = match node {
        Node::Open => "▾ ",
        Node::Closed => "▸ ",
        Node::Leaf => "  ",
    };
    if depth > DEEPEST {
        return format!("{}…{depth} {mark}", "  ".repeat(DEEPEST - 2));
    }
    format!("{}{mark}", "  ".repeat(depth))
}
