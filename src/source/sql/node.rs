//! Reading the syntax tree: children, words and names.

use squawk_syntax::ast::normalize_name_node;
use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

use crate::domain::change::Name;

/// Returns the first child of a kind.
pub(super) fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

/// Returns the first node of a kind anywhere below.
pub(super) fn below(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.descendants().find(|inner| inner.kind() == kind)
}

/// Returns true if a child or a word of this kind stands directly in the node.
pub(super) fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|element| element.kind() == kind)
}

/// Returns true if a word of this kind stands anywhere in the node.
pub(super) fn has_below(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.descendants_with_tokens().any(|element| element.kind() == kind)
}

/// Returns the node's text without surrounding white space.
pub(super) fn text(node: &SyntaxNode) -> String {
    node.text().to_string().trim().to_owned()
}

/// Returns the parts of the first dotted name in the node, folded.
pub(super) fn parts(node: &SyntaxNode) -> Vec<String> {
    let path = node
        .descendants()
        .find(|inner| matches!(inner.kind(), SyntaxKind::PATH | SyntaxKind::PATH_REF));
    let is_part = |kind| matches!(kind, SyntaxKind::PATH_SEGMENT | SyntaxKind::PATH_SEGMENT_REF);
    path.iter()
        .flat_map(SyntaxNode::descendants)
        .filter(|inner| is_part(inner.kind()))
        .map(|inner| normalize_name_node(&inner))
        .collect()
}

/// Returns the first relation named in the node.
pub(super) fn name(node: &SyntaxNode) -> Option<Name> {
    named(&parts(node))
}

/// Returns the name that these parts make; a database before the schema is dropped.
pub(super) fn named(parts: &[String]) -> Option<Name> {
    match parts {
        [] => None,
        [name] => Some(Name::new(name)),
        [.., schema, name] => Some(Name::within(schema, name)),
    }
}

/// Returns the name of the first child of this kind.
pub(super) fn name_in(node: &SyntaxNode, kind: SyntaxKind) -> Option<Name> {
    child(node, kind).as_ref().and_then(name)
}

/// Returns the names of all children of this kind.
pub(super) fn names_in(node: &SyntaxNode, kind: SyntaxKind) -> Vec<Name> {
    let of_kind = node.children().filter(|child| child.kind() == kind);
    of_kind.filter_map(|child| name(&child)).collect()
}

/// Returns the folded identifiers of all nodes of a kind below.
pub(super) fn idents(node: &SyntaxNode, kind: SyntaxKind) -> Vec<String> {
    let of_kind = node.descendants().filter(|inner| inner.kind() == kind);
    of_kind.map(|inner| ident(&inner)).collect()
}

/// Returns the identifier that a node is, folded; also where a path holds it.
pub(super) fn ident(node: &SyntaxNode) -> String {
    match parts(node).pop() {
        Some(last) => last,
        None => normalize_name_node(node),
    }
}

/// Returns the identifier of the first child of this kind.
pub(super) fn ident_in(node: &SyntaxNode, kind: SyntaxKind) -> Option<String> {
    child(node, kind).map(|child| ident(&child))
}

/// Returns the keywords with which a node begins, in upper case: `ALTER TABLE`. A name ends
/// them, also one that is a keyword elsewhere, e.g. a column `type`.
pub(super) fn leading_words(node: &SyntaxNode) -> String {
    let is_name = |token: &SyntaxToken| {
        let above = token.parent_ancestors().take_while(|above| above != node);
        above.into_iter().any(|above| names(above.kind()))
    };
    let words = node
        .descendants_with_tokens()
        .filter_map(squawk_syntax::SyntaxElement::into_token)
        .filter(|token| !token.kind().is_trivia())
        .take_while(|token| is_keyword(token.kind()) && !is_name(token))
        .map(|token| token.text().to_uppercase());
    words.collect::<Vec<_>>().join(" ")
}

/// Returns true for what holds a name; `ONLY` stands with a relation's.
fn names(kind: SyntaxKind) -> bool {
    let kind = format!("{kind:?}");
    let is_name = kind.ends_with("_NAME") || kind.ends_with("_REF") || kind.starts_with("PATH");
    // Names without a schema stand bare where they are made.
    let is_made = matches!(
        kind.as_str(),
        "SCHEMA"
            | "DATABASE"
            | "ROLE"
            | "EXTENSION"
            | "TABLESPACE"
            | "SERVER"
            | "POLICY"
            | "RULE"
            | "TRIGGER"
            | "EVENT_TRIGGER"
            | "PUBLICATION"
            | "SUBSCRIPTION"
            | "LANGUAGE"
            | "SAVEPOINT"
            | "CURSOR"
            | "FOREIGN_DATA_WRAPPER"
            | "PREPARED_STATEMENT"
            | "INDEX"
    );
    (is_name && !kind.ends_with("RELATION_NAME")) || is_made
}

fn is_keyword(kind: SyntaxKind) -> bool {
    format!("{kind:?}").ends_with("_KW")
}
