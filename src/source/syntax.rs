//! What the languages that tree-sitter parses have in common.

use tree_sitter::{Language, Node, Parser, Tree};

/// A place that the parser could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub near: String,
}

/// Returns a parser of a language.
pub(super) fn parser(language: &Language) -> Parser {
    let mut parser = Parser::new();
    parser.set_language(language).expect("the grammar and the parser are of one version");
    parser
}

/// Parses a text; what cannot be read is an error in the tree.
pub(super) fn parse(parser: &mut Parser, text: &str) -> Tree {
    parser.parse(text, None).expect("no timeout and no cancellation is set")
}

/// Returns the first place that could not be parsed, if there is one.
pub(super) fn fault(tree: &Tree, text: &str) -> Option<Fault> {
    let root = tree.root_node();
    let at = root.has_error().then(|| first_error(root)).flatten()?;
    let near = text[at.byte_range()].lines().next().unwrap_or_default().trim().chars().take(60);
    Some(Fault { line: line(at), near: near.collect() })
}

/// Returns the line on which a node begins, from 1.
pub(super) fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

/// Returns the parts of a node that have names in the grammar.
pub(super) fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    // By a cursor: each access by index counts from the first child on.
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child();
    let all = std::iter::from_fn(move || {
        let child = more.then(|| cursor.node())?;
        more = cursor.goto_next_sibling();
        Some(child)
    });
    all.filter(Node::is_named)
}

/// Returns the first line of a piece of code, without what it opens.
pub(super) fn head(code: &str) -> String {
    let head = code.lines().next().unwrap_or_default().trim();
    head.trim_end_matches(['(', '{', ' ']).chars().take(80).collect()
}

fn first_error(node: Node<'_>) -> Option<Node<'_>> {
    if node.is_error() || node.is_missing() {
        return Some(node);
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).filter(Node::has_error).find_map(first_error)
}
