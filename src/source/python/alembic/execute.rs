//! SQL that a revision sends as text.

use crate::source::syntax::Node;

use crate::source::python::{Args, line};
use crate::source::sql;

use super::body::Body;

/// Adds what `execute(…)` sends, if that is a text.
pub(super) fn compile<'t>(body: &mut Body<'t>, call: Node<'t>) {
    let mut args = Args::of(call, body.module.text());
    let argument = ["sqltext", "statement"].into_iter().find_map(|name| args.take(name));
    let Some(argument) = argument else {
        body.unknown(call, "it sends nothing that could be read".to_owned());
        return;
    };
    let Some(text) = body.scope.string(argument) else {
        body.unknown(call, "its SQL is put together when it runs".to_owned());
        return;
    };
    let at = body.scope.resolve(argument).unwrap_or(argument);
    for mut statement in sql::compile(&bound(&text)).statements {
        statement.line += line(text_of(at)) - 1;
        body.add(statement);
    }
}

/// Returns the node in which the text itself begins: inside of `text("…")`.
fn text_of(node: Node<'_>) -> Node<'_> {
    let mut node = node;
    while node.kind() == "call" {
        let arguments = node.child_by_field_name("arguments");
        let Some(inner) = arguments.and_then(|list| list.named_child(0)) else { break };
        node = inner;
    }
    node
}

/// Writes `:name` as a parameter of PostgreSQL, as the driver does; not in quotes, and not
/// the `::` of a cast.
fn bound(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        let starts =
            |next: Option<&char>| next.is_some_and(|n| n.is_ascii_alphabetic() || *n == '_');
        match (quote, c) {
            (Some(open), _) => {
                quote = (c != open).then_some(open);
                out.push(c);
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                out.push(c);
            }
            (None, ':') if before != ':' && starts(rest.peek()) => {
                while rest.next_if(|n| n.is_ascii_alphanumeric() || *n == '_').is_some() {}
                out.push_str("$1");
            }
            (None, '\\') if rest.peek() == Some(&':') => {}
            (None, _) => out.push(c),
        }
        before = c;
    }
    out
}
