//! Literals of Python: what can be known without running it.

use crate::source::syntax::Node;

use super::children;

/// A value that stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A string, decoded.
    Str(String),
    /// A whole number.
    Int(i64),
    /// `True` or `False`.
    Bool(bool),
    /// `None`.
    None,
    /// A list, tuple or set.
    List(Vec<Literal>),
}

impl Literal {
    /// Returns the strings of a string, a list of strings, or `None`; `None` for anything else.
    #[must_use]
    pub fn strings(&self) -> Option<Vec<String>> {
        match self {
            Self::None => Some(Vec::new()),
            Self::Str(text) => Some(vec![text.clone()]),
            Self::List(items) => items
                .iter()
                .map(|item| match item {
                    Self::Str(text) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            Self::Int(_) | Self::Bool(_) => None,
        }
    }
}

/// So deep literals are followed; Python itself opens 200 brackets at most.
const DEPTH: u32 = 200;

/// Returns the value of a node that is a literal all through.
pub(crate) fn literal(node: Node<'_>, text: &str) -> Option<Literal> {
    within(node, text, DEPTH)
}

fn within(node: Node<'_>, text: &str, depth: u32) -> Option<Literal> {
    let inside = |node: Node<'_>| within(node, text, depth.checked_sub(1)?);
    let of = || &text[node.byte_range()];
    Some(match node.kind() {
        "string" => Literal::Str(string(node, text)?),
        "concatenated_string" => {
            let parts: Option<Vec<String>> =
                children(node).filter(|c| c.kind() == "string").map(|c| string(c, text)).collect();
            Literal::Str(parts?.concat())
        }
        "integer" => Literal::Int(of().replace('_', "").parse().ok()?),
        "unary_operator" => match inside(node.child_by_field_name("argument")?)? {
            Literal::Int(number) if of().starts_with('-') => Literal::Int(-number),
            _ => return None,
        },
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        "none" => Literal::None,
        "parenthesized_expression" => inside(node.named_child(0)?)?,
        "list" | "tuple" | "set" => {
            let items = children(node).filter(|child| child.kind() != "comment");
            Literal::List(items.map(inside).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// Decodes a string; `None` if values are put into it when it runs.
fn string(node: Node<'_>, text: &str) -> Option<String> {
    let mut decoded = String::new();
    let start = children(node).next()?;
    let prefix = text[start.byte_range()].to_lowercase();
    for part in children(node) {
        match part.kind() {
            "string_start" | "string_end" => {}
            "string_content" if prefix.contains('r') => decoded.push_str(&text[part.byte_range()]),
            "string_content" => unescape(&text[part.byte_range()], &mut decoded),
            _ => return None,
        }
    }
    if prefix.starts_with('f') || prefix.starts_with("rf") {
        decoded = decoded.replace("{{", "{").replace("}}", "}");
    }
    Some(decoded)
}

/// <https://docs.python.org/3/reference/lexical_analysis.html#escape-sequences>, but for
/// the rare ones by number, which stay as they are written.
fn unescape(raw: &str, into: &mut String) {
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            into.push(c);
            continue;
        }
        match rest.next() {
            Some('\n') | None => {}
            Some('n') => into.push('\n'),
            Some('t') => into.push('\t'),
            Some('r') => into.push('\r'),
            Some(quote @ ('\\' | '\'' | '"')) => into.push(quote),
            Some(other) => into.extend(['\\', other]),
        }
    }
}
